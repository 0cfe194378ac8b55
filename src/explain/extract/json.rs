//! Replies as JSON lines: `{"reply": "550 5.1.1 …", "command": "RCPT", "host": "mx.example.org"}`. The command may be
//! its verb or the whole line, in which the place of a syntax error is then found.

use std::borrow::Cow;

use serde::Deserialize;

use super::Found;
use crate::wire::{CommandLine, ReplyLine, Verb, path_in};

/// A line that is no reply in JSON.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {reason}; expected an object such as {{\"reply\": \"550 …\", \"command\": \"RCPT\"}}")]
pub struct InputError {
    /// Number of the line.
    pub line: usize,
    /// What is wrong with it.
    pub reason: serde_json::Error,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    reply: Cow<'a, str>,
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    recipient: Option<String>,
    #[serde(default)]
    sender: Option<String>,
}

/// Reads one line of JSON; unknown keys are passed over. `line` is its number.
pub fn from_json(text: &[u8], line: usize) -> Result<Found, InputError> {
    let row: Row = serde_json::from_slice(text).map_err(|reason| InputError { line, reason })?;
    let lines = row.reply.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l));
    let mut found = Found::new(lines.map(ReplyLine::crlf).collect(), line);
    if let Some(command) = row.command {
        found.answered(&command);
        found.command = Some(command).filter(|command| is_whole(command));
    }
    let path = found.command.as_deref().and_then(|command| path_in(command.as_bytes()));
    let of = |verb: Verb| path.clone().filter(|_| found.verb == Some(verb));
    let (recipient, sender) =
        (row.recipient.or_else(|| of(Verb::Rcpt)), row.sender.or_else(|| of(Verb::Mail)));
    (found.host, found.recipient, found.sender) = (row.host, recipient, sender);
    Ok(found)
}

/// Whether this is a command line, and not only the name of a command: `RCPT`, `RCPT TO`.
fn is_whole(command: &str) -> bool {
    let line = CommandLine::parse(command.as_bytes());
    let rest = line.rest().trim_ascii();
    let name =
        [&b""[..], b"FROM", b"FROM:", b"TO", b"TO:"].iter().any(|name| rest.eq_ignore_ascii_case(name));
    !name && !matches!(line.verb, Verb::Other(_))
}
