//! Commands understood: read strictly, built strictly.

use std::fmt::Write;

use crate::secret::Secret;
use crate::wire::address::{ForwardPath, Host, ReversePath};
use crate::wire::parameter::Parameter;
use crate::wire::rules::{commands, whole};

use super::Verb;

/// A command that follows the grammar.
///
/// It has no `Display`: an AUTH command may hold a password, and only [`Command::to_line`] writes that out.
#[derive(Clone, Debug)]
pub enum Command {
    /// EHLO with the client's name.
    Ehlo(Host),
    /// HELO with the client's name.
    Helo(Host),
    /// LHLO with the client's name.
    Lhlo(Host),
    /// MAIL FROM.
    Mail {
        /// The sender.
        from: ReversePath,
        /// What follows it.
        parameters: Vec<Parameter>,
    },
    /// RCPT TO.
    Rcpt {
        /// The recipient.
        to: ForwardPath,
        /// What follows it.
        parameters: Vec<Parameter>,
    },
    /// DATA.
    Data,
    /// BDAT: a chunk of content follows.
    Bdat {
        /// Octets of the chunk.
        size: u64,
        /// Whether it is the last.
        last: bool,
    },
    /// RSET.
    Rset,
    /// VRFY.
    Vrfy {
        /// The user or mailbox as it was written.
        target: String,
        /// Whether the reply may hold UTF-8.
        smtputf8: bool,
    },
    /// EXPN.
    Expn {
        /// The list as it was written.
        target: String,
        /// Whether the reply may hold UTF-8.
        smtputf8: bool,
    },
    /// HELP, with a topic if there is one.
    Help(Option<String>),
    /// NOOP, with a word that means nothing if there is one.
    Noop(Option<String>),
    /// QUIT.
    Quit,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth {
        /// The mechanism as it was written.
        mechanism: String,
        /// The initial response, in base64, or `=` for an empty one.
        initial: Option<Secret>,
    },
    /// ETRN with its node, and the `@` or `#` before that.
    Etrn(String),
    /// BURL: content to be fetched.
    Burl {
        /// Where from.
        url: String,
        /// Whether it is the last piece.
        last: bool,
    },
}

/// A command was put together from parts that do not fit the grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this {verb} command would break the grammar of SMTP; check its address and parameters")]
pub struct Unfit {
    /// The verb.
    pub verb: &'static str,
}

impl Command {
    /// Reads a line without its CRLF; nothing if it breaks the grammar. [`super::check`] says where.
    pub fn parse(line: &[u8]) -> Option<Command> {
        whole(commands::command, line)
    }

    /// The verb.
    pub fn verb(&self) -> Verb {
        match self {
            Command::Ehlo(_) => Verb::Ehlo,
            Command::Helo(_) => Verb::Helo,
            Command::Lhlo(_) => Verb::Lhlo,
            Command::Mail { .. } => Verb::Mail,
            Command::Rcpt { .. } => Verb::Rcpt,
            Command::Data => Verb::Data,
            Command::Bdat { .. } => Verb::Bdat,
            Command::Rset => Verb::Rset,
            Command::Vrfy { .. } => Verb::Vrfy,
            Command::Expn { .. } => Verb::Expn,
            Command::Help(_) => Verb::Help,
            Command::Noop(_) => Verb::Noop,
            Command::Quit => Verb::Quit,
            Command::StartTls => Verb::StartTls,
            Command::Auth { .. } => Verb::Auth,
            Command::Etrn(_) => Verb::Etrn,
            Command::Burl { .. } => Verb::Burl,
        }
    }

    /// The line to send, without CRLF. It is refused where a part does not fit the grammar, so that no
    /// address or parameter can smuggle in a second command.
    pub fn to_line(&self) -> Result<Vec<u8>, Unfit> {
        let line = self.written();
        let verb = match self.verb() {
            Verb::Mail => "MAIL",
            Verb::Rcpt => "RCPT",
            Verb::Auth => "AUTH",
            Verb::Ehlo => "EHLO",
            _ => "SMTP",
        };
        if Command::parse(&line).as_ref() == Some(self) { Ok(line) } else { Err(Unfit { verb }) }
    }

    fn written(&self) -> Vec<u8> {
        let verb = self.verb();
        let mut line = verb.as_str().to_owned();
        // Writing to a String cannot fail.
        let _ = match self {
            Command::Ehlo(host) | Command::Helo(host) | Command::Lhlo(host) => write!(line, " {host}"),
            Command::Mail { from, parameters } => write!(line, " FROM:{from}{}", joined(parameters)),
            Command::Rcpt { to, parameters } => write!(line, " TO:{to}{}", joined(parameters)),
            Command::Bdat { size, last } => write!(line, " {size}{}", flag(*last, " LAST")),
            Command::Vrfy { target, smtputf8 } | Command::Expn { target, smtputf8 } => {
                write!(line, " {target}{}", flag(*smtputf8, " SMTPUTF8"))
            }
            Command::Help(Some(word)) | Command::Noop(Some(word)) | Command::Etrn(word) => {
                write!(line, " {word}")
            }
            Command::Burl { url, last } => write!(line, " {url}{}", flag(*last, " LAST")),
            Command::Auth { mechanism, .. } => write!(line, " {mechanism}"),
            _ => Ok(()),
        };
        let mut line = line.into_bytes();
        if let Command::Auth { initial: Some(initial), .. } = self {
            line.push(b' ');
            line.extend_from_slice(initial.expose());
        }
        line
    }
}

/// Commands are equal where they say the same. The parts of an envelope are compared one by one: a parameter
/// hidden in an address is no parameter.
impl PartialEq for Command {
    fn eq(&self, other: &Command) -> bool {
        match (self, other) {
            (Command::Mail { from: a, parameters: p }, Command::Mail { from: b, parameters: q }) => {
                a == b && p == q
            }
            (Command::Rcpt { to: a, parameters: p }, Command::Rcpt { to: b, parameters: q }) => {
                a == b && p == q
            }
            _ => self.verb() == other.verb() && self.written() == other.written(),
        }
    }
}

fn joined(parameters: &[Parameter]) -> String {
    parameters.iter().map(|parameter| format!(" {parameter}")).collect()
}

fn flag(set: bool, text: &'static str) -> &'static str {
    if set { text } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::address::{Mailbox, Path};

    #[test]
    fn what_was_read_is_written_again() {
        for line in [
            "EHLO mx.example.org",
            "EHLO [IPv6:2001:db8::1]",
            "HELO x",
            "LHLO [192.0.2.1]",
            "MAIL FROM:<>",
            "MAIL FROM:<a.b+c@example.org> SIZE=10 BODY=8BITMIME SMTPUTF8 AUTH=<> RET=HDRS ENVID=a+2Bb",
            "MAIL FROM:<a@b> REQUIRETLS HOLDFOR=60 BY=-5;RT MT-PRIORITY=-3 CONPERM X-FOO=bar X",
            "MAIL FROM:<a@b> HOLDUNTIL=2030-01-31T08:00:00.5+01:00 AUTH=a+2Bb@c",
            "MAIL FROM:<@a.b,@c:\"x y\\\"\"@[tag:content]>",
            "RCPT TO:<Postmaster>",
            "RCPT TO:<jörg@exämple.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@c",
            "RCPT TO:<a@b> NOTIFY=NEVER",
            "DATA",
            "BDAT 0 LAST",
            "BDAT 10",
            "RSET",
            "VRFY \"a b\" SMTPUTF8",
            "VRFY <a@b>",
            "EXPN list",
            "HELP",
            "HELP MAIL",
            "NOOP",
            "QUIT",
            "STARTTLS",
            "AUTH PLAIN",
            "AUTH PLAIN =",
            "AUTH SCRAM-SHA-256 AGEAYg==",
            "ETRN @example.org",
            "ETRN #queue_1",
            "BURL imap://a@b/x LAST",
        ] {
            let command = Command::parse(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(String::from_utf8(command.to_line().unwrap()).unwrap(), line);
        }
    }

    #[test]
    fn nothing_can_be_smuggled_in() {
        let mailbox = |local: &str, host: &str| Path {
            route: vec![],
            mailbox: Mailbox { local: local.into(), host: Host::Domain(host.into()) },
        };
        for (local, host) in
            [("a", "b>\r\nRCPT TO:<c"), ("a\r\nb", "c"), ("a", "b> SIZE=1"), ("a>b", "c"), ("", "")]
        {
            let to = ForwardPath::Path(mailbox(local, host));
            assert_eq!(Command::Rcpt { to, parameters: vec![] }.to_line(), Err(Unfit { verb: "RCPT" }));
        }
        let extra = Parameter::Other { keyword: "X Y".into(), value: None };
        assert!(Command::Mail { from: ReversePath::Null, parameters: vec![extra] }.to_line().is_err());
        let initial = Some(Secret::new("x\r\nQUIT"));
        assert!(Command::Auth { mechanism: "PLAIN".into(), initial }.to_line().is_err());
        assert!(Command::Ehlo(Host::Literal("x".into())).to_line().is_err());
    }

    #[test]
    fn a_password_does_not_print() {
        let command = Command::parse(b"AUTH PLAIN AGEAaHVudGVyMg==").unwrap();
        assert!(!format!("{command:?}").contains("AGEA"));
    }
}
