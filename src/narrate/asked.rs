//! What a reply answers: the command, and what of it explanations depend on.

use crate::explain;
use crate::session::{Answer, Command, Input, State};
use crate::wire::{Class, Verb};

/// Addresses that were tried last, unless they were refused for good: to propose them again would be no help.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub sender: Option<String>,
    pub recipient: Option<String>,
}

impl Tried {
    pub fn note(&mut self, command: &Command) {
        match command.input {
            Input::Mail => self.sender = address_of(command).filter(|a| !a.is_empty()).or(self.sender.take()),
            Input::Rcpt => self.recipient = address_of(command).or(self.recipient.take()),
            _ => {}
        }
    }

    /// Takes note of a reply. One that asks for another order, a login or TLS finds no fault with the address.
    pub fn answered(&mut self, answer: &Answer) {
        let (Some(command), Some(code)) = (&answer.command, answer.reply.code()) else { return };
        if code.class() != Some(Class::Permanent) || matches!(code.0, 503 | 530 | 538) {
            return;
        }
        let tried = match command.input {
            Input::Mail => &mut self.sender,
            Input::Rcpt => &mut self.recipient,
            _ => return,
        };
        *tried = tried.take().filter(|tried| address_of(command).as_ref() != Some(tried));
    }
}

/// The phase a command was given in. The end of the content counts as DATA, AUTH and BDAT as phases of their own.
pub(super) fn asked_in(command: Option<&Command>, before: &State) -> explain::Phase {
    match command.map(|c| c.input) {
        Some(Input::EndOfContent) => explain::Phase::Data,
        Some(Input::Bdat | Input::BdatLast) => explain::Phase::Bdat,
        Some(Input::Auth | Input::AuthResponse) => explain::Phase::Auth,
        Some(Input::Connect) => explain::Phase::Greeting,
        _ => before.phase,
    }
}

/// The verb that a reply is about, also where no command line was the last thing sent.
pub(super) fn verb_of(command: Option<&Command>) -> Option<Verb> {
    let command = command?;
    command.verb.clone().or(match command.input {
        Input::AuthResponse => Some(Verb::Auth),
        Input::EndOfContent => Some(Verb::Data),
        _ => None,
    })
}

/// The address between the angle brackets of MAIL or RCPT.
pub(super) fn address_of(command: &Command) -> Option<String> {
    path_in(&command.line)
}

/// What stands between angle brackets; one inside a quoted local part (RFC 5321 §4.1.2) closes nothing, unless the
/// quotes do not close either.
pub(super) fn path_in(line: &[u8]) -> Option<String> {
    let start = line.iter().position(|byte| *byte == b'<')?;
    let path = line.get(start + 1..)?;
    let (mut quoted, mut escaped) = (false, false);
    let closes = |byte: &u8| {
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && !escaped && *byte == b'\\';
        *byte == b'>' && !quoted
    };
    let end = path.iter().position(closes).or_else(|| path.iter().position(|byte| *byte == b'>'))?;
    path.get(..end).map(|address| String::from_utf8_lossy(address).into_owned())
}

pub(super) fn declared_size(command: &Command) -> Option<u64> {
    size_in(&String::from_utf8_lossy(&command.line))
}

/// The size that a parameter declares (RFC 1870 §3).
pub(super) fn size_in(line: &str) -> Option<u64> {
    let text = line.to_ascii_uppercase();
    text.split_ascii_whitespace().find_map(|word| word.strip_prefix("SIZE=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::path_in;

    #[test]
    fn a_path_ends_at_the_bracket_that_no_quotes_hold() {
        for (line, path) in [
            ("MAIL FROM:<alice@example.org> SIZE=3", Some("alice@example.org")),
            ("MAIL FROM:<>", Some("")),
            (r#"RCPT TO:<"a>b"@example.org>"#, Some(r#""a>b"@example.org"#)),
            (r#"RCPT TO:<"a\">b\\"@example.org> NOTIFY=NEVER"#, Some(r#""a\">b\\"@example.org"#)),
            (r#"RCPT TO:<a"b@example.org>"#, Some(r#"a"b@example.org"#)),
            ("RCPT TO:alice@example.org", None),
            ("RCPT TO:<alice@example.org", None),
        ] {
            assert_eq!(path_in(line.as_bytes()).as_deref(), path, "{line}");
        }
    }
}
