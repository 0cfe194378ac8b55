//! The helper commands: one table that feeds the parser, `/help`, completion and hints.
//!
//! A line that begins with `/` is for Heloise; `//x` is the line `/x` for the wire.

mod arguments;
mod help;
mod typed;

pub use arguments::{RawError, parse_raw, path, words};
pub use help::help;
pub use typed::{Invocation, UnknownCommand, find, parse};

/// Which helper command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandId {
    /// `/help`
    Help,
    /// `/starttls`
    StartTls,
    /// `/auth`
    Auth,
    /// `/caps`
    Caps,
    /// `/tls`
    Tls,
    /// `/explain`
    Explain,
    /// `/fix`
    Fix,
    /// `/b64`
    B64,
    /// `/send`
    Send,
    /// `/bdat`
    Bdat,
    /// `/pipeline`
    Pipeline,
    /// `/raw`
    Raw,
    /// `/hex`
    Hex,
    /// `/record`
    Record,
    /// `/note`
    Note,
    /// `/open`
    Open,
    /// `/reconnect`
    Reconnect,
    /// `/set`
    Set,
    /// `/quit`
    Quit,
}

/// What a helper command takes; completion goes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing.
    None,
    /// A verb, or another helper command.
    Verb,
    /// A SASL mechanism.
    Mechanism,
    /// A file.
    File,
    /// One of these words, a verb or a keyword.
    TopicOr(&'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Free text.
    Text,
    /// A server, as on the command line, and how to reach it.
    Target,
}

/// A row of the table.
#[derive(Debug)]
pub struct HelperCommand {
    /// Which one it is.
    pub id: CommandId,
    /// Its name, with the slash.
    pub name: &'static str,
    /// How it is written, with what it takes.
    pub syntax: &'static str,
    /// What it is for, in a few words.
    pub summary: &'static str,
    /// A paragraph with examples.
    pub help: &'static str,
    /// What it takes.
    pub argument: Argument,
    /// Whether it works without a connection.
    pub offline: bool,
    /// Whether its argument may be a secret. Such lines are not kept in the history.
    pub private: bool,
}

/// All helper commands, in the order in which `/help` lists them.
pub const COMMANDS: &[HelperCommand] = &[
    HelperCommand {
        id: CommandId::Help,
        name: "/help",
        syntax: "/help [VERB|CODE|KEYWORD|/COMMAND]",
        summary: "this list, or what a word means",
        help: "\
Alone it lists the helper commands. With a verb, a reply code, an enhanced code, an EHLO keyword or a
mechanism it says what that is; with a helper command, how that is used.
  /help RCPT     /help 550     /help 5.7.1     /help CHUNKING     /help /send",
        argument: Argument::Verb,
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::StartTls,
        name: "/starttls",
        syntax: "/starttls",
        summary: "encrypt the link: EHLO if needed, STARTTLS, the handshake, EHLO again",
        help: "\
Goes the whole way to an encrypted link and shows what the server offers now that it did not offer before.
Typing STARTTLS does the same without the EHLOs. A certificate that does not verify ends the session,
unless it was started with --insecure.
  /starttls",
        argument: Argument::None,
        offline: false,
        private: false,
    },
    HelperCommand {
        id: CommandId::Auth,
        name: "/auth",
        syntax: "/auth [MECHANISM|--all]",
        summary: "authenticate; asks for user and password, which are never shown or kept",
        help: "\
Without a mechanism the strongest is taken that the server offers. On a link that is not encrypted you are
asked first. Typing AUTH LOGIN works, too: challenges are decoded for you and your answers encoded.
A * as answer cancels. --all tries each mechanism that the server offers with the same credentials, once
and on a connection of its own, and says which it takes: for an account of your own only, after a yes.
  /auth     /auth PLAIN     /auth XOAUTH2     /auth --all",
        argument: Argument::Mechanism,
        offline: false,
        private: false,
    },
    HelperCommand {
        id: CommandId::Caps,
        name: "/caps",
        syntax: "/caps",
        summary: "what the server offers, with meanings, and what TLS changed",
        help: "\
The keywords of the last EHLO reply, what each means and where it is defined. After STARTTLS it tells what
the server offers only now, and what no more.
  /caps",
        argument: Argument::None,
        offline: false,
        private: false,
    },
    HelperCommand {
        id: CommandId::Tls,
        name: "/tls",
        syntax: "/tls [here|versions|save FILE]",
        summary: "protocol, cipher, certificate, chain; what DANE and MTA-STS say",
        help: "\
All that is known of the link's encryption and of the server's certificate, and whether it was verified,
or why not. TLS 1.3 hides the chain, so it is looked at over a second connection, capped at TLS 1.2, that
carries nothing else; DNS is asked for TLSA and MTA-STS records. A refused certificate can be looked at, too.
here keeps to this link; versions tries each version on a connection of its own; save writes the certificates
to a new PEM file.
  /tls     /tls here     /tls versions     /tls save mx.pem",
        argument: Argument::Choice(&["here", "versions", "save"]),
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::Explain,
        name: "/explain",
        syntax: "/explain [-N|all|WORD|REPLY]",
        summary: "explain the last reply or failure in full, an earlier one, or a word",
        help: "\
Alone it explains the last reply or failure: what the server said, what the standard says, what is inferred
and why, causes, fixes, sources; other readings in a line each if they are likely, or with all in full. -1
explains the one before the last, up to -19. It takes a code, a verb, a keyword or a reason, and a whole reply
out of anywhere. none, brief and full set how much is said beside each reply from here on.
  /explain     /explain -1     /explain all     /explain 5.7.26     /explain 550 5.1.1 User unknown",
        argument: Argument::TopicOr(&["all", "brief", "full", "none", "-1"]),
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::Fix,
        name: "/fix",
        syntax: "/fix [N]",
        summary: "type the Nth of the proposals that were shown last, for you to confirm",
        help: "\
Proposals stand behind the word try; those that can be typed have numbers where there are several to choose
from, and those shown last count, be it by /explain -1. The command is put at the prompt as if you had typed
it: change it, send it with Enter, or drop it with Ctrl-C. Alone it takes the first.
  /fix     /fix 2",
        argument: Argument::Text,
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::B64,
        name: "/b64",
        syntax: "/b64 enc|dec TEXT, /b64 auto|off",
        summary: "encode or decode base64; encode AUTH answers for you, or not",
        help: "\
enc and dec print the text encoded or decoded; nothing is sent. auto (as it is at the start) encodes what you
answer to an AUTH challenge; off sends your answers as you type them. Lines of /b64 are not kept in the history.
  /b64 enc alice@example.org     /b64 dec VXNlcm5hbWU6     /b64 off",
        argument: Argument::Choice(&["enc", "dec", "auto", "off"]),
        offline: true,
        private: true,
    },
    HelperCommand {
        id: CommandId::Send,
        name: "/send",
        syntax: "/send FILE",
        summary: "DATA with the content of a file, dot-stuffed, with the final dot",
        help: "\
Gives DATA if it has not been given, then the file's lines with CRLF ends and doubled leading dots, then the
lone dot. MAIL and RCPT come first, by hand.
  /send message.eml     /send \"~/my mail/draft 2.eml\"",
        argument: Argument::File,
        offline: false,
        private: false,
    },
    HelperCommand {
        id: CommandId::Bdat,
        name: "/bdat",
        syntax: "/bdat FILE [CHUNK]",
        summary: "the content of a file by BDAT, in chunks of so many octets",
        help: "\
Sends BDAT with the file in chunks of CHUNK octets (1 MiB unless told), the last one marked LAST; no dots are
doubled. Lines get CRLF ends, unless MAIL said BODY=BINARYMIME: then the file goes as it is. The first chunk
that is refused is the last to be sent. MAIL and RCPT come first, by hand.
  /bdat message.eml     /bdat message.eml 512     /bdat \"~/my mail/draft 2.eml\" 65536",
        argument: Argument::File,
        offline: false,
        private: false,
    },
    HelperCommand {
        id: CommandId::Pipeline,
        name: "/pipeline",
        syntax: "/pipeline [LINE | LINE…|go|cancel]",
        summary: "send several commands in one write, before their replies",
        help: "\
Alone it begins to collect what you type; /pipeline go sends all of it in one write, /pipeline cancel drops it.
With lines, cut by |, these are sent at once. Replies are paired with their commands as they come. What the
server does not offer, and what RFC 2920 wants at the end of a group, is pointed out and sent all the same.
  /pipeline     /pipeline go     /pipeline MAIL FROM:<a@example.org> | RCPT TO:<b@example.net> | DATA",
        argument: Argument::Choice(&["go", "cancel"]),
        offline: false,
        private: false,
    },
    HelperCommand {
        id: CommandId::Raw,
        name: "/raw",
        syntax: "/raw \"bytes\\r\\n\"",
        summary: "send these bytes exactly, with no line end added",
        help: "\
Escapes: \\r \\n \\t \\0 \\\\ \\\" and \\xHH. Nothing is added, so a command without \\r\\n stays unfinished. Good for
bare LF, NUL, broken UTF-8, and several commands in one packet.
  /raw \"NOOP\\n\"     /raw \"NOOP\\r\\nRSET\\r\\n\"     /raw \"MAIL FROM:<\\xff@example.org>\\r\\n\"",
        argument: Argument::Text,
        offline: false,
        private: false,
    },
    HelperCommand {
        id: CommandId::Hex,
        name: "/hex",
        syntax: "/hex on|off",
        summary: "show the bytes of each line, too",
        help: "\
With on, each line sent or received is followed by its bytes in hexadecimal. Secrets stay hidden.
  /hex on     /hex off",
        argument: Argument::Choice(&["on", "off"]),
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::Record,
        name: "/record",
        syntax: "/record [--append] FILE|off",
        summary: "write the session to a transcript from here on",
        help: "\
The file must not exist yet, unless it is to be added to with --append. Passwords and tokens are taken out
before anything is written. Watch it again with heloise play FILE.
  /record greylisting.heloise     /record off",
        argument: Argument::File,
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::Note,
        name: "/note",
        syntax: "/note TEXT",
        summary: "put a note into the transcript",
        help: "\
A marker for whoever reads the transcript later. Nothing is sent.
  /note now with the account's own password",
        argument: Argument::Text,
        offline: false,
        private: false,
    },
    HelperCommand {
        id: CommandId::Open,
        name: "/open",
        syntax: "/open [OPTIONS] TARGET",
        summary: "leave this server politely and open a session with another",
        help: "\
TARGET is written as on the command line. The session under way gets its QUIT first. Options of the command
line that say how to reach a server and how far to trust it hold for this target: --starttls --mx --insecure
--ca FILE --no-system-ca --cert FILE --key FILE --sni NAME --verify-name NAME --tls-min VERSION
--tls-max VERSION --ciphers LIST --ciphersuites LIST --groups LIST --check-revocation --resolver IP:PORT
--source ADDR -4 -6 --timeout SECONDS --ehlo NAME. All others hold on as they were given.
  /open mx2.example.org     /open smtps://mail.example.org     /open --starttls mail.example.org:587",
        argument: Argument::Target,
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::Reconnect,
        name: "/reconnect",
        syntax: "/reconnect",
        summary: "open a new session with the same server",
        help: "\
The link under way is given up. Everything known of the server is forgotten: its greeting, its capabilities,
TLS and who had authenticated.
  /reconnect",
        argument: Argument::None,
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::Set,
        name: "/set",
        syntax: "/set [ehlo|user|timeout|explain|hex|b64 VALUE]",
        summary: "show the settings, or change one",
        help: "\
ehlo is the name that /starttls and /auth give in EHLO; user the name for /auth; timeout the seconds to wait
for a reply; explain none, brief or full; hex on or off; b64 auto or off.
  /set     /set ehlo client.example.org     /set timeout 10     /set explain full",
        argument: Argument::Choice(&["ehlo", "user", "timeout", "explain", "hex", "b64"]),
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::Quit,
        name: "/quit",
        syntax: "/quit",
        summary: "say QUIT to the server and leave",
        help: "\
Ends the session politely and leaves Heloise. Ctrl-D does the same after asking.
  /quit",
        argument: Argument::None,
        offline: true,
        private: false,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_row_is_complete_and_unique() {
        let ids: HashSet<_> = COMMANDS.iter().map(|row| row.id).collect();
        let names: HashSet<_> = COMMANDS.iter().map(|row| row.name).collect();
        assert_eq!((ids.len(), names.len()), (COMMANDS.len(), COMMANDS.len()));
        for row in COMMANDS {
            assert!(row.name.starts_with('/') && row.syntax.starts_with(row.name), "{}", row.name);
            assert!(!row.summary.is_empty(), "{}", row.name);
            assert!(row.help.contains(&format!("  {}", row.name)), "{} has no example", row.name);
            let words = |text: &str| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
            assert!(words(&help(row.name).unwrap()).contains(&words(row.help)), "{}", row.name);
            assert_eq!(parse(row.name).unwrap().map(|typed| typed.id), Ok(row.id));
            assert!(help("").unwrap().contains(row.summary), "{}", row.name);
            let widest = row.help.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(112), "{} has a line of {widest:?}", row.name);
        }
    }
}
