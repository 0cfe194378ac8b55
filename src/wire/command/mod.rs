//! Commands: what a client says (RFC 5321 §4.1 and extensions).

mod arguments;
mod check;
mod mailbox;
mod parameters;
mod paths;
/// Whether a word can be the name of a SASL mechanism: up to 20 letters, digits, hyphens and underscores (RFC 4422 §3.1).
/// Names are in upper case, and typed in lower case, too; what goes to and fro between them is base64.
pub fn is_mechanism_name(word: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let lower = word.iter().position(u8::is_ascii_lowercase).unwrap_or(word.len());
    let mixed = word.iter().skip(lower).any(u8::is_ascii_uppercase);
    matches!(word.len(), 1..=20) && word.iter().all(fits) && !mixed
}

#[cfg(test)]
mod tests;
mod typed;
mod verbs;

use std::fmt;

pub use check::{Fault, check};
pub use typed::{Command, Unfit};

/// The verb of a command line, in upper case; unknown ones are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// RFC 5321 §4.1.1.1.
    Ehlo,
    /// RFC 5321 §4.1.1.1.
    Helo,
    /// RFC 2033 §4.1.
    Lhlo,
    /// RFC 5321 §4.1.1.2.
    Mail,
    /// RFC 5321 §4.1.1.3.
    Rcpt,
    /// RFC 5321 §4.1.1.4.
    Data,
    /// RFC 3030 §2.
    Bdat,
    /// RFC 5321 §4.1.1.5.
    Rset,
    /// RFC 5321 §4.1.1.6.
    Vrfy,
    /// RFC 5321 §4.1.1.7.
    Expn,
    /// RFC 5321 §4.1.1.8.
    Help,
    /// RFC 5321 §4.1.1.9.
    Noop,
    /// RFC 5321 §4.1.1.10.
    Quit,
    /// RFC 3207 §4.
    StartTls,
    /// RFC 4954 §4.
    Auth,
    /// RFC 1985 §5.
    Etrn,
    /// RFC 4468 §3.
    Burl,
    /// Anything else, in upper case, as text with bytes that are not UTF-8 replaced.
    Other(String),
}

impl Verb {
    /// The verb as it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Verb::Ehlo => "EHLO",
            Verb::Helo => "HELO",
            Verb::Lhlo => "LHLO",
            Verb::Mail => "MAIL",
            Verb::Rcpt => "RCPT",
            Verb::Data => "DATA",
            Verb::Bdat => "BDAT",
            Verb::Rset => "RSET",
            Verb::Vrfy => "VRFY",
            Verb::Expn => "EXPN",
            Verb::Help => "HELP",
            Verb::Noop => "NOOP",
            Verb::Quit => "QUIT",
            Verb::StartTls => "STARTTLS",
            Verb::Auth => "AUTH",
            Verb::Etrn => "ETRN",
            Verb::Burl => "BURL",
            Verb::Other(text) => text,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A command line as somebody typed or sent it: the verb is recognised, the rest is as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The line without its end.
    pub bytes: Vec<u8>,
    /// Its first word.
    pub verb: Verb,
}

impl CommandLine {
    /// Reads a line; never fails.
    pub fn parse(line: &[u8]) -> CommandLine {
        let word = line.split(|b| *b == b' ' || *b == b'\t').next().unwrap_or_default();
        let upper = String::from_utf8_lossy(word).to_ascii_uppercase();
        let verb = match upper.as_str() {
            "EHLO" => Verb::Ehlo,
            "HELO" => Verb::Helo,
            "LHLO" => Verb::Lhlo,
            "MAIL" => Verb::Mail,
            "RCPT" => Verb::Rcpt,
            "DATA" => Verb::Data,
            "BDAT" => Verb::Bdat,
            "RSET" => Verb::Rset,
            "VRFY" => Verb::Vrfy,
            "EXPN" => Verb::Expn,
            "HELP" => Verb::Help,
            "NOOP" => Verb::Noop,
            "QUIT" => Verb::Quit,
            "STARTTLS" => Verb::StartTls,
            "AUTH" => Verb::Auth,
            "ETRN" => Verb::Etrn,
            "BURL" => Verb::Burl,
            _ => Verb::Other(upper),
        };
        CommandLine { bytes: line.to_vec(), verb }
    }

    /// What follows the verb, without the blanks before it.
    pub fn rest(&self) -> &[u8] {
        let at = self.bytes.iter().position(|b| *b == b' ' || *b == b'\t').unwrap_or(self.bytes.len());
        self.bytes.get(at..).unwrap_or_default().trim_ascii_start()
    }
}
