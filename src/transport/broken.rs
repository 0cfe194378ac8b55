//! Why a session cannot go on.

use std::io;
use std::time::Duration;

use crate::session::{Command, Exceeded, Input};

use super::tls::LateAlert;

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The server closed the link.
    #[error("the server closed the link{}", unanswered.as_ref().map(left_unanswered).unwrap_or_default())]
    Closed {
        /// What was left without an answer.
        unanswered: Option<Command>,
    },
    /// The link failed.
    #[error("the link failed: {}", crate::transport::io_words(.0))]
    Io(io::Error),
    /// A wait ran out.
    #[error("no {} within {}", awaited(command), in_seconds(limit))]
    TimedOut {
        /// What was waited for.
        command: Command,
        /// How long.
        limit: Duration,
    },
    /// The link took no more bytes for too long.
    #[error("the server took no more bytes for {}", in_seconds(.0))]
    Stalled(Duration),
    /// The server exceeded a cap.
    #[error("the server sent {0}")]
    Exceeded(Exceeded),
    /// The server broke off TLS after the handshake.
    #[error(transparent)]
    Alert(LateAlert),
    /// What came is no SMTP.
    #[error("the server does not speak SMTP; its first line is: {0}")]
    NotSmtp(String),
}

fn in_seconds(time: &Duration) -> String {
    match time.as_secs_f64() {
        1.0 => "1 second".to_owned(),
        other => format!("{other} seconds"),
    }
}

fn left_unanswered(command: &Command) -> String {
    match command.input {
        Input::Connect => " before its greeting".to_owned(),
        _ => format!(" without answering {}", command.name()),
    }
}

fn awaited(command: &Command) -> String {
    match command.input {
        Input::Connect => "greeting came".to_owned(),
        _ => format!("reply to {}", command.name()),
    }
}
