//! Servers to talk to, on the same session as the client, in its server role.
//!
//! [`Listener`] takes connections, the driver moves bytes and keeps time, and a [`Wit`] decides what to
//! answer. The [`practice`] server is one wit: it knows the rules of SMTP and of a small mail domain. The [`mock`]
//! server is another: it plays transcripts.

mod cert;
mod driver;
mod listener;
pub mod mock;
pub mod practice;
mod tls;

use std::time::Duration;

use crate::session::{Request, State};
use crate::wire::Reply;

pub use driver::Timing;
pub use listener::{Bound, Listener, Tls};
pub use tls::{Acceptor, UnusablePair};

/// What a server does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is to be said yet: it was a line of content.
    Go,
    /// A reply.
    Say(Say),
    /// A reply as it was recorded.
    Replay(Replay),
    /// Octets of a BDAT chunk follow; they come as [`Request::Chunk`], and their end is answered.
    Chunk(u64),
    /// No reply at all, ever: the client waits until one of the two gives up.
    Silence,
    /// The link is closed without a word.
    HangUp,
}

/// A reply to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// How long to wait before it.
    pub after: Duration,
    /// The reply code.
    pub code: u16,
    /// Its lines, one at least, without code and line end.
    pub lines: Vec<String>,
    /// Whether the link is closed after it. That of QUIT and any 421 close it anyway.
    pub last: bool,
}

/// A recorded reply to be given, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// How long to wait before it.
    pub after: Duration,
    /// What to send, line ends included; may be more than the reply itself.
    pub bytes: Vec<u8>,
    /// What the session takes it for.
    pub reply: Reply,
    /// Whether the link is closed after it.
    pub last: bool,
}

impl Answer {
    /// A reply at once. Each LF in `text` begins a new line of it.
    pub fn say(code: u16, text: &str) -> Answer {
        Answer::say_after(Duration::ZERO, code, text)
    }

    /// A reply after a while.
    pub fn say_after(after: Duration, code: u16, text: &str) -> Answer {
        // A control byte would break the line in two, or reach a terminal.
        let clean = |line: &str| line.replace(|c: char| c.is_control() && c != '\t', "?");
        Answer::Say(Say { after, code, lines: text.split('\n').map(clean).collect(), last: false })
    }
}

/// Why the server ends a session on its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// The client said nothing for as long as [`Wit::patience`] allows.
    Idle,
    /// There are as many clients as are served at a time.
    TooManyClients,
    /// The server is being stopped.
    Stopping,
}

/// What decides the answers of one session. It sees requests and what is known, and has no socket.
pub trait Wit: Send {
    /// The link is encrypted now. `binding` is the channel binding `tls-server-end-point` (RFC 5929 §4).
    fn secured(&mut self, binding: Option<Vec<u8>>) {
        drop(binding);
    }

    /// The greeting.
    fn greet(&mut self, state: &State) -> Answer;

    /// The answer to a request.
    fn answer(&mut self, request: &Request, state: &State) -> Answer;

    /// How long the client may be silent from now on.
    fn patience(&self) -> Duration;

    /// The last words; after them the link is closed.
    fn farewell(&mut self, why: Farewell) -> Answer;
}
