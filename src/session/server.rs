//! The server role: commands come in one at a time, replies go out, and the same table as in the client
//! role says where each leads.

use crate::wire::{Ending, Framer, Line, LineRef, Reply};

use super::limits::Exceeded;
use super::state::{Command, State};
use super::table::{Input, Phase};

/// What a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A command line; it must be answered by [`Server::reply`] before the next request is asked for.
    Command(Command, Line),
    /// A line of a SASL exchange; must be answered too.
    AuthResponse(Line),
    /// A line of message content, as it stands on the wire (dot-stuffed).
    Content(Line),
    /// Octets of a BDAT chunk.
    Chunk(Vec<u8>),
    /// The content or the chunk is complete; must be answered.
    EndOfContent,
    /// The client exceeded a cap; nothing more will be read.
    Exceeded(Exceeded),
}

/// A session in the server role, without socket and clock.
#[derive(Debug)]
pub struct Server {
    state: State,
    framer: Framer,
    line_limit: usize,
    answering: Option<Command>,
    chunk: Option<(u64, Command)>,
    raw: Vec<u8>,
    outbox: Vec<u8>,
    broken: bool,
}

impl Server {
    /// A session that has just been opened. The greeting is the first [`Server::reply`]. Lines of more than
    /// `line_limit` octets are refused.
    pub fn new(line_limit: usize) -> Server {
        Server {
            state: State::default(),
            framer: Framer::new(line_limit),
            line_limit,
            answering: Some(Command::of_input(Input::Connect)),
            chunk: None,
            raw: Vec::new(),
            outbox: Vec::new(),
            broken: false,
        }
    }

    /// What is known.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes in bytes from the link.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.framer.compact();
            self.framer.push(bytes);
        }
    }

    /// The next thing the client did, if it is complete and nothing waits to be answered.
    pub fn next_request(&mut self) -> Option<Request> {
        if self.answering.is_some() || self.broken || self.state.phase == Phase::Closed {
            return None;
        }
        if let Some((left, command)) = self.chunk.take() {
            return self.next_chunk(left, command);
        }
        let line = match self.framer.next_line() {
            Ok(line) => line.map(LineRef::to_line)?,
            Err(overlong) => {
                self.broken = true;
                return Some(Request::Exceeded(Exceeded::Line(overlong.limit)));
            }
        };
        Some(match self.state.phase {
            // A dot before LF alone ends nothing: a relay may have passed it on as text (RFC 5321 §4.1.1.4).
            Phase::Data if line.bytes == b"." && line.ending == Ending::CrLf => {
                self.answering = Some(Command::of_input(Input::EndOfContent));
                Request::EndOfContent
            }
            Phase::Data => Request::Content(line),
            Phase::Auth => {
                let command = Command::of_input(Input::AuthResponse);
                self.state.sent(&command);
                self.answering = Some(command);
                Request::AuthResponse(line)
            }
            _ => self.command(line),
        })
    }

    fn command(&mut self, line: Line) -> Request {
        let command = Command::of_line(&line.bytes);
        self.state.sent(&command);
        self.answering = Some(command.clone());
        Request::Command(command, line)
    }

    /// Says that the chunk of the BDAT command just asked for follows: `octets` will come as
    /// [`Request::Chunk`], then [`Request::EndOfContent`], and the reply to that answers the command.
    pub fn expect_chunk(&mut self, octets: u64) {
        if let Some(command) = self.answering.take() {
            self.raw = self.framer.take_rest();
            self.chunk = Some((octets, command));
        }
    }

    fn next_chunk(&mut self, left: u64, command: Command) -> Option<Request> {
        if left == 0 {
            self.answering = Some(command);
            let rest = std::mem::take(&mut self.raw);
            self.framer = Framer::new(self.line_limit);
            self.framer.push(&rest);
            return Some(Request::EndOfContent);
        }
        if self.raw.is_empty() {
            self.raw = self.framer.take_rest();
        }
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(self.raw.len());
        let rest = self.raw.split_off(take);
        let piece = std::mem::replace(&mut self.raw, rest);
        self.chunk = Some((left - piece.len() as u64, command));
        (!piece.is_empty()).then_some(Request::Chunk(piece))
    }

    /// Sends a reply. `text` holds one line each, without code; the session moves on as the table says.
    pub fn reply(&mut self, code: u16, text: &[&str]) {
        let lines = if text.is_empty() { &[""][..] } else { text };
        let mut bytes = Vec::new();
        for (index, words) in lines.iter().enumerate() {
            let separator = if index + 1 == lines.len() { ' ' } else { '-' };
            bytes.extend_from_slice(format!("{code:03}{separator}{words}\r\n").as_bytes());
        }
        if let Some(reply) = Reply::read_all(&bytes).first() {
            self.replay(&bytes, reply);
        }
    }

    /// Sends bytes as they are, which the session takes for `reply`. For replies that were recorded.
    pub fn replay(&mut self, bytes: &[u8], reply: &Reply) {
        self.outbox.extend_from_slice(bytes);
        if let Some(command) = self.answering.take() {
            self.state.replied(&command, reply);
        }
    }

    /// Sends a reply that answers nothing, such as a 421 on shutdown.
    pub fn announce(&mut self, code: u16, text: &str) {
        self.outbox.extend_from_slice(format!("{code:03} {text}\r\n").as_bytes());
        self.state.phase = if code == 421 { Phase::Closed } else { self.state.phase };
    }

    /// The bytes that wait to be written to the link.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.outbox.is_empty()).then(|| std::mem::take(&mut self.outbox))
    }

    /// Says that the handshake succeeded. What came in cleartext behind STARTTLS is thrown away; returns
    /// how many bytes that were.
    pub fn handle_secured(&mut self) -> usize {
        let discarded = self.framer.take_rest().len();
        self.state.secured(false);
        discarded
    }

    /// Names the user of the AUTH exchange under way.
    pub fn claim_user(&mut self, user: &str) {
        self.state.claimed_user = Some(user.to_owned());
    }
}
