//! How long a session waits, and how much it takes in.

use std::fmt;
use std::time::Duration;

use super::table::Input;

/// The waits of a session. The defaults are the least that RFC 5321 §4.5.3.2 asks of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the greeting.
    pub greeting: Duration,
    /// For the reply to MAIL and RCPT.
    pub envelope: Duration,
    /// For the reply to DATA.
    pub data_start: Duration,
    /// For the link to take a piece of content.
    pub data_block: Duration,
    /// For the reply to the end of the content.
    pub data_end: Duration,
    /// For all other replies.
    pub other: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Timeouts {
            greeting: minutes(5),
            envelope: minutes(5),
            data_start: minutes(2),
            data_block: minutes(3),
            data_end: minutes(10),
            other: minutes(5),
        }
    }
}

impl Timeouts {
    /// The same wait for everything.
    pub fn all(limit: Duration) -> Self {
        Timeouts {
            greeting: limit,
            envelope: limit,
            data_start: limit,
            data_block: limit,
            data_end: limit,
            other: limit,
        }
    }

    /// The wait for the reply to this input.
    pub fn for_input(&self, input: Input) -> Duration {
        match input {
            Input::Connect => self.greeting,
            Input::Mail | Input::Rcpt => self.envelope,
            Input::Data => self.data_start,
            Input::EndOfContent | Input::BdatLast => self.data_end,
            _ => self.other,
        }
    }
}

/// The caps on what a peer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Octets of one line.
    pub line: usize,
    /// Lines of one reply.
    pub reply_lines: usize,
    /// Octets of one reply.
    pub reply_octets: usize,
    /// Lines that are no replies at all, in a row.
    pub stray_lines: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Caps { line: 64 * 1024, reply_lines: 20_000, reply_octets: 4 * 1024 * 1024, stray_lines: 200 }
    }
}

/// A cap that a peer has exceeded. The session cannot go on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// [`Caps::line`].
    Line(usize),
    /// [`Caps::reply_lines`].
    ReplyLines(usize),
    /// [`Caps::reply_octets`].
    ReplyOctets(usize),
    /// [`Caps::stray_lines`].
    StrayLines(usize),
}

/// What the peer did, in one sentence without a full stop.
impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exceeded::Line(n) => write!(f, "a line of more than {n} octets without an end"),
            Exceeded::ReplyLines(n) => write!(f, "one reply of more than {n} lines"),
            Exceeded::ReplyOctets(n) => write!(f, "one reply of more than {n} octets"),
            Exceeded::StrayLines(n) => write!(f, "more than {n} lines in a row that are no replies"),
        }
    }
}
