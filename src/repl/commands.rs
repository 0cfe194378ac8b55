//! The helper commands: one table that feeds the parser, `/help`, completion and hints.
//!
//! A line that begins with `/` is for Heloise; `//x` is the line `/x` for the wire.

use std::fmt;
use std::path::PathBuf;

use crate::explain::tables;
use crate::wire::escape::visible;

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
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Free text.
    Text,
    /// A server, as on the command line.
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
        syntax: "/explain [none|brief|full]",
        summary: "explain the last reply in full, or set how much is explained",
        help: "\
Alone it explains the last reply: what the server said, what the standard says, what is inferred and why,
causes, fixes, sources. With a word it sets how much is said beside each reply from here on.
  /explain     /explain full     /explain none",
        argument: Argument::Choice(&["none", "brief", "full"]),
        offline: true,
        private: false,
    },
    HelperCommand {
        id: CommandId::Fix,
        name: "/fix",
        syntax: "/fix [N]",
        summary: "type the Nth proposal that was made for the last reply, for you to confirm",
        help: "\
Proposals stand behind the word try, numbered by /explain. The command is put at the prompt as if you had
typed it: change it, send it with Enter, or drop it with Ctrl-C. Alone it takes the first that is a command.
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
        syntax: "/record FILE|off",
        summary: "write the session to a transcript from here on",
        help: "\
The file must not exist yet. Passwords and tokens are taken out before anything is written. Watch it again
with heloise play FILE.
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
        syntax: "/open TARGET",
        summary: "leave this server politely and open a session with another",
        help: "\
TARGET is written as on the command line. The session under way gets its QUIT first.
  /open mx2.example.org     /open smtps://mail.example.org     /open [2001:db8::25]:2525",
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

/// A helper command as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Which one.
    pub id: CommandId,
    /// What follows its name, without blanks around it.
    pub argument: String,
}

/// A name after the slash that no helper command, or more than one, goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCommand {
    /// The name as typed, with its slash.
    pub name: String,
    /// What may have been meant: the commands that begin so, or that are spelt nearly so.
    pub did_you_mean: Vec<&'static str>,
}

impl fmt::Display for UnknownCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = visible(self.name.as_bytes());
        match self.did_you_mean.as_slice() {
            [] => write!(
                f,
                "there is no helper command {name}; /help lists them, // sends a line with its slash"
            )?,
            names => write!(f, "there is no helper command {name}; did you mean {}?", names.join(" or "))?,
        }
        Ok(())
    }
}

impl std::error::Error for UnknownCommand {}

/// Reads a typed line. `None` when it is meant for the wire, which `//` at its beginning is, too.
pub fn parse(line: &str) -> Option<Result<Invocation, UnknownCommand>> {
    let rest = line.strip_prefix('/').filter(|rest| !rest.starts_with('/'))?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, argument) = rest.split_at(end);
    let name = format!("/{}", word.to_lowercase());
    Some(match find(&name) {
        Some(row) => Ok(Invocation { id: row.id, argument: argument.trim().to_owned() }),
        None => Err(UnknownCommand { did_you_mean: suggestions(&name), name: format!("/{word}") }),
    })
}

/// The row of this name, or of the one name that begins so.
pub fn find(name: &str) -> Option<&'static HelperCommand> {
    let mut matching = COMMANDS.iter().filter(|row| row.name.starts_with(name) && name.len() > 1);
    let first = matching.next()?;
    if first.name == name {
        return Some(first);
    }
    match COMMANDS.iter().find(|row| row.name == name) {
        Some(exact) => Some(exact),
        None if matching.next().is_none() => Some(first),
        None => None,
    }
}

fn suggestions(name: &str) -> Vec<&'static str> {
    let names = || COMMANDS.iter().map(|row| row.name);
    let begun: Vec<_> = names().filter(|known| name.len() > 1 && known.starts_with(name)).collect();
    if !begun.is_empty() {
        return begun;
    }
    let near = names().map(|known| (distance(name, known), known)).filter(|(d, _)| *d <= 2);
    near.min_by_key(|(d, _)| *d).map(|(_, known)| known).into_iter().collect()
}

/// How many letters must be put in, taken out or changed to come from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let change = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = change.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The text of `/help TOPIC`: the list for an empty topic, else the help of a helper command. `None` when the
/// topic is a word of SMTP, or unknown here.
pub fn help(topic: &str) -> Option<String> {
    let topic = topic.trim().to_lowercase();
    if topic.is_empty() {
        return Some(overview());
    }
    let row = match topic.starts_with('/') {
        true => find(&topic),
        // STARTTLS, AUTH and QUIT are words of SMTP first.
        false if tables::command(&topic).is_some() || tables::capability(&topic).is_some() => None,
        false => COMMANDS.iter().find(|row| row.name.get(1..) == Some(&topic)),
    }?;
    Some(format!("{}\n  {}\n\n{}\n", row.syntax, row.summary, row.help))
}

fn overview() -> String {
    let mut text = "\
A line that begins with / is for Heloise; all else goes on the wire as you type it (//x sends /x).
In DATA every line is content until the lone dot. Names may be shortened: /q is /quit.\n\n"
        .to_owned();
    let name_of = |row: &HelperCommand| match row.syntax.len() {
        0..=30 => row.syntax,
        _ => row.name,
    };
    for row in COMMANDS {
        text.push_str(&format!("  {:<30}  {}\n", name_of(row), row.summary));
    }
    text.push_str(
        "\nTab completes, the right arrow takes the grey hint, Ctrl-R searches the history.\n\
         Ctrl-C drops the line, Ctrl-D leaves after asking. More of a word: /help /send, /help RCPT, /help 550.\n",
    );
    text
}

/// The file that an argument names: quotes around it are taken off, and `~/` is the home folder.
pub fn path(argument: &str) -> PathBuf {
    let argument = argument.trim();
    let bare =
        argument.strip_prefix('"').map(|rest| rest.strip_suffix('"').unwrap_or(rest)).unwrap_or(argument);
    match (bare.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => PathBuf::from(bare),
    }
}

/// Why the argument of `/raw` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RawError {
    /// There is nothing to send.
    #[error("/raw needs bytes in quotes: /raw \"NOOP\\r\\n\"")]
    Empty,
    /// The quotes are not closed.
    #[error("the quotes are not closed: /raw \"NOOP\\r\\n\"")]
    Unclosed,
    /// Something stands behind the closing quote.
    #[error("nothing may follow the closing quote; write a quote inside as \\\"")]
    Trailing,
    /// An escape that does not exist.
    #[error("\\{0} is no escape; there are \\r \\n \\t \\0 \\\\ \\\" and \\xHH")]
    Escape(String),
}

/// The bytes that `/raw` is to send: what stands in the quotes, with `\r \n \t \0 \\ \" \xHH` resolved. Without
/// quotes the whole argument is meant.
///
/// # Errors
/// When quotes or escapes are not finished, or nothing is there.
pub fn parse_raw(argument: &str) -> Result<Vec<u8>, RawError> {
    let argument = argument.trim();
    let quoted = argument.strip_prefix('"');
    let mut bytes = Vec::new();
    let mut rest = quoted.unwrap_or(argument).chars();
    let mut closed = false;
    while let Some(character) = rest.next() {
        match character {
            '"' if quoted.is_some() => {
                closed = true;
                break;
            }
            '\\' => bytes.push(escape(&mut rest)?),
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    match () {
        () if quoted.is_some() && !closed => Err(RawError::Unclosed),
        () if !rest.as_str().trim().is_empty() => Err(RawError::Trailing),
        () if bytes.is_empty() => Err(RawError::Empty),
        () => Ok(bytes),
    }
}

fn escape(rest: &mut std::str::Chars<'_>) -> Result<u8, RawError> {
    match rest.next() {
        Some('r') => Ok(b'\r'),
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('"') => Ok(b'"'),
        Some('x') => {
            let digits: String = rest.by_ref().take(2).collect();
            let valid = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| valid);
            byte.ok_or_else(|| RawError::Escape(visible(format!("x{digits}").as_bytes())))
        }
        other => Err(RawError::Escape(other.map(|c| visible(c.to_string().as_bytes())).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn id(line: &str) -> Option<CommandId> {
        parse(line).and_then(Result::ok).map(|invocation| invocation.id)
    }

    #[test]
    fn every_row_is_complete_and_unique() {
        let ids: HashSet<_> = COMMANDS.iter().map(|row| row.id).collect();
        let names: HashSet<_> = COMMANDS.iter().map(|row| row.name).collect();
        assert_eq!((ids.len(), names.len()), (COMMANDS.len(), COMMANDS.len()));
        for row in COMMANDS {
            assert!(row.name.starts_with('/') && row.syntax.starts_with(row.name), "{}", row.name);
            assert!(!row.summary.is_empty(), "{}", row.name);
            assert!(row.help.contains(&format!("  {}", row.name)), "{} has no example", row.name);
            assert!(help(row.name).unwrap().contains(row.help), "{}", row.name);
            assert_eq!(id(row.name), Some(row.id));
            assert!(overview().contains(row.summary), "{}", row.name);
            let widest = row.help.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(112), "{} has a line of {widest:?}", row.name);
        }
    }

    #[test]
    fn lines_for_the_wire_are_left_alone() {
        for line in ["", "NOOP", " /help", "//etc", "//"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn names_may_be_shortened_while_they_are_clear() {
        assert_eq!(id("/q"), Some(CommandId::Quit));
        assert_eq!(id("/ST"), Some(CommandId::StartTls));
        let invocation = parse("/recor\t  my file.heloise ").unwrap().unwrap();
        assert_eq!(invocation, Invocation { id: CommandId::Record, argument: "my file.heloise".to_owned() });
        let unclear = parse("/re x").unwrap().unwrap_err();
        assert_eq!(unclear.did_you_mean, ["/record", "/reconnect"]);
    }

    #[test]
    fn a_slip_is_understood() {
        let slip = parse("/satrttls").unwrap().unwrap_err();
        assert_eq!(slip.did_you_mean, ["/starttls"]);
        assert!(slip.to_string().contains("did you mean /starttls?"));
        assert_eq!(parse("/").unwrap().unwrap_err().did_you_mean, [""; 0]);
        let hostile = parse("/\u{1b}[2Jzzzzzz").unwrap().unwrap_err();
        assert!(!hostile.to_string().contains('\u{1b}'));
    }

    #[test]
    fn words_of_smtp_are_not_taken_by_help() {
        assert_eq!(help("STARTTLS"), None);
        assert_eq!(help("550"), None);
        assert!(help("record").unwrap().starts_with("/record FILE|off"));
        assert!(help("/auth").unwrap().starts_with("/auth"));
        assert!(help(" ").unwrap().contains("/starttls"));
    }

    #[test]
    fn paths_may_be_quoted() {
        assert_eq!(path(" \"a b.eml\" "), PathBuf::from("a b.eml"));
        assert_eq!(path("a b.eml"), PathBuf::from("a b.eml"));
        assert!(path("~/x").ends_with("x") && path("~/x").is_absolute());
    }

    #[test]
    fn raw_bytes_are_exact() {
        assert_eq!(parse_raw(r#""NOOP\r\n""#).unwrap(), b"NOOP\r\n");
        assert_eq!(parse_raw(r#""a\t\0\\\"\xFf""#).unwrap(), b"a\t\0\\\"\xff");
        assert_eq!(parse_raw("é \\n").unwrap(), "é \n".as_bytes());
    }

    #[test]
    fn raw_mistakes_are_named() {
        assert_eq!(parse_raw(""), Err(RawError::Empty));
        assert_eq!(parse_raw("\"\""), Err(RawError::Empty));
        assert_eq!(parse_raw("\"NOOP"), Err(RawError::Unclosed));
        assert_eq!(parse_raw("\"NOOP\" x"), Err(RawError::Trailing));
        assert_eq!(parse_raw("\"\\q\""), Err(RawError::Escape("q".to_owned())));
        assert_eq!(parse_raw("\"\\x+1\""), Err(RawError::Escape("x+1".to_owned())));
        assert_eq!(parse_raw("\\"), Err(RawError::Escape(String::new())));
    }
}
