//! What Heloise itself shows. Its arrows are those of swaks, but its explanations stand among and beside the server's
//! words: taken for swaks' output, they would be put into the server's mouth.

use super::{ImportError, Source, lines};

/// Words that follow `=== ` on Heloise's screen, and never in swaks' output.
const EVENTS: [&str; 4] = ["connected ", "tls ", "closed by=", "timeout "];

/// Labels of explanations, below a reply.
const LABELS: [&str; 3] = ["why   ", "try   ", "ref   "];

/// Refuses a transcript, and a session as Heloise shows it: of what no source is known, or swaks was taken for one.
pub(super) fn refuse(text: &[u8], source: Option<Source>) -> Result<(), ImportError> {
    let first = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if first.trim_ascii_start().starts_with(b"%heloise ") {
        return Err(ImportError::Transcript);
    }
    let alike = matches!(source, None | Some(Source::Swaks));
    if alike && lines(text).any(is_shown) { Err(ImportError::OwnScreen) } else { Ok(()) }
}

/// Whether Heloise shows such a line, with or without a time before it.
fn is_shown(line: &[u8]) -> bool {
    let begins = |text: &[u8], words: &[&str]| words.iter().any(|word| text.starts_with(word.as_bytes()));
    if line.strip_prefix(b"     ").is_some_and(|below| begins(below.trim_ascii_start(), &LABELS)) {
        return true;
    }
    let time = line.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b' ' | b'.')).count();
    let untimed = line.get(time..).unwrap_or_default();
    untimed.strip_prefix(b"=== ").is_some_and(|event| begins(event, &EVENTS))
}
