//! Replies as JSON lines: `{"reply": "550 5.1.1 …", "command": "RCPT", "host": "mx.example.org"}`.

use serde::Deserialize;

use super::Found;
use crate::wire::ReplyLine;

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
struct Row {
    reply: String,
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
    if let Some(command) = &row.command {
        found.answered(command);
    }
    (found.host, found.recipient, found.sender) = (row.host, row.recipient, row.sender);
    Ok(found)
}
