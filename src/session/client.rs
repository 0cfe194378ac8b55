//! The client role: lines of a person go out, replies come in and are paired with what they answer.

use std::collections::VecDeque;
use std::time::Duration;

use crate::wire::{Ending, Framer, Line, Reply, ReplyAssembler, ReplyLine, Verb};

use super::limits::{Caps, Exceeded, Timeouts};
use super::state::{Command, State};
use super::table::{Input, Phase};

/// What a line that was sent turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A command; a reply will answer it.
    Command(Command),
    /// A line of a SASL exchange, by this mechanism. It is a secret.
    AuthResponse {
        /// The mechanism, in upper case.
        mechanism: String,
    },
    /// A line that may have been meant as the answer to an AUTH which the server has refused: sent as a
    /// command, but to be treated as a secret.
    StrayResponse(Command),
    /// A line of message content.
    Content,
    /// The lone dot that ends the content.
    EndOfContent,
}

/// What happens in a session, seen from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A line came in. Whole replies follow as [`Event::Reply`].
    Line(ReplyLine),
    /// A reply is complete.
    Reply(Answer),
    /// The server has accepted STARTTLS: the handshake must come next.
    Upgrade {
        /// Bytes that came in cleartext behind the 220. They were thrown away unread, as somebody may
        /// have injected them (CVE-2011-0411).
        discarded: Vec<u8>,
    },
    /// The wait for a reply is over.
    TimedOut {
        /// What was waited for.
        command: Command,
        /// How long.
        limit: Duration,
    },
    /// The server exceeded a cap; nothing more will be read.
    Exceeded(Exceeded),
    /// The server has closed the link.
    Closed {
        /// The command that was waiting for a reply.
        unanswered: Option<Command>,
        /// Whether the close was announced, by 221 or 421.
        announced: bool,
    },
}

/// A reply and what it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The reply.
    pub reply: Reply,
    /// The command that it answers; nothing if no command was waiting.
    pub command: Option<Command>,
    /// The time from sending the command to the last line of the reply.
    pub waited: Duration,
}

#[derive(Debug)]
struct Pending {
    command: Command,
    /// When it was sent, or when it became the oldest one waiting.
    since: Duration,
    timed_out: bool,
}

/// A session in the client role. It has no socket and no clock: bytes are handed in and taken out, and
/// times are durations since the start of the session, given by the caller.
#[derive(Debug)]
pub struct Client {
    state: State,
    lmtp: bool,
    timeouts: Timeouts,
    caps: Caps,
    framer: Framer,
    assembler: ReplyAssembler,
    reply_octets: usize,
    stray_lines: usize,
    pending: VecDeque<Pending>,
    events: VecDeque<Event>,
    outbox: Vec<u8>,
    /// Octets of BDAT content that are still to be sent.
    chunk_left: u64,
    broken: bool,
}

impl Client {
    /// A session whose link has just been opened, at the time `now`. With `lmtp`, each accepted recipient
    /// gets a reply of its own at the end of the content (RFC 2033 §4.2).
    pub fn new(lmtp: bool, timeouts: Timeouts, caps: Caps, now: Duration) -> Client {
        let opening = Pending { command: Command::of_input(Input::Connect), since: now, timed_out: false };
        Client {
            state: State::default(),
            lmtp,
            timeouts,
            caps,
            framer: Framer::new(caps.line),
            assembler: ReplyAssembler::default(),
            reply_octets: 0,
            stray_lines: 0,
            pending: VecDeque::from([opening]),
            events: VecDeque::new(),
            outbox: Vec::new(),
            chunk_left: 0,
            broken: false,
        }
    }

    /// What is known.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How long it waits.
    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// The oldest command that waits for its reply.
    pub fn awaiting(&self) -> Option<&Command> {
        self.pending.front().map(|p| &p.command)
    }

    /// Whether the next line will be content rather than a command.
    pub fn in_content(&self) -> bool {
        self.state.phase == Phase::Data || self.chunk_left > 0
    }

    /// Says what a line would be if it were sent now, and changes nothing.
    pub fn classify(&self, line: &[u8]) -> Sent {
        match self.state.phase {
            Phase::Data if line == b"." => Sent::EndOfContent,
            Phase::Data => Sent::Content,
            _ if self.chunk_left > 0 => Sent::Content,
            Phase::Auth => Sent::AuthResponse { mechanism: self.state.mechanism.clone().unwrap_or_default() },
            _ => {
                let command = Command::of_line(line);
                let known = !matches!(command.verb, Some(Verb::Other(_)));
                if self.state.auth_refused && !known {
                    Sent::StrayResponse(Command::of_input(Input::Other))
                } else {
                    Sent::Command(command)
                }
            }
        }
    }

    /// Sends a line as it is, plus CRLF.
    pub fn submit(&mut self, line: &[u8], now: Duration) -> Sent {
        let sent = self.classify(line);
        self.outbox.extend_from_slice(line);
        self.outbox.extend_from_slice(b"\r\n");
        self.account(&sent, line.len() as u64 + 2, now);
        sent
    }

    /// Sends bytes as they are, without adding anything. They are taken as one line for the pairing of
    /// replies, where they end in LF; else they only go out.
    pub fn submit_raw(&mut self, bytes: &[u8], now: Duration) {
        self.outbox.extend_from_slice(bytes);
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            if let Some(text) = line.strip_suffix(b"\n") {
                let sent = self.classify(text.strip_suffix(b"\r").unwrap_or(text));
                self.account(&sent, line.len() as u64, now);
            }
        }
    }

    /// Takes note that the whole content, already stuffed and with its lone dot, has gone out by another
    /// way than [`Client::submit`].
    pub fn content_sent(&mut self, now: Duration) {
        self.account(&Sent::EndOfContent, 0, now);
    }

    fn account(&mut self, sent: &Sent, octets: u64, now: Duration) {
        match sent {
            Sent::Command(command) | Sent::StrayResponse(command) => {
                self.state.sent(command);
                self.chunk_left = chunk_size(command);
                self.wait_for(command.clone(), now);
            }
            Sent::AuthResponse { .. } => self.wait_for(Command::of_input(Input::AuthResponse), now),
            Sent::Content => self.chunk_left = self.chunk_left.saturating_sub(octets),
            Sent::EndOfContent => {
                let recipients = self.state.envelope.recipients.len().max(1);
                for _ in 0..if self.lmtp { recipients } else { 1 } {
                    self.wait_for(Command::of_input(Input::EndOfContent), now);
                }
                self.state.phase = Phase::Rcpt;
            }
        }
    }

    /// Names the user of the AUTH exchange under way, for the prompt and for explanations.
    pub fn claim_user(&mut self, user: &str) {
        self.state.claimed_user = Some(user.to_owned());
    }

    fn wait_for(&mut self, command: Command, now: Duration) {
        self.pending.push_back(Pending { command, since: now, timed_out: false });
    }

    /// The bytes that wait to be written to the link.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.outbox.is_empty()).then(|| std::mem::take(&mut self.outbox))
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Client::handle_timeout`] must be called, if nothing comes in before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let oldest = self.pending.front().filter(|p| !p.timed_out)?;
        Some(oldest.since + self.timeouts.for_input(oldest.command.input))
    }

    /// Says that the time is `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        if let Some(oldest) = self.pending.front_mut() {
            oldest.timed_out = true;
            let limit = self.timeouts.for_input(oldest.command.input);
            self.events.push_back(Event::TimedOut { command: oldest.command.clone(), limit });
        }
    }

    /// Takes in bytes from the link.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Duration) {
        if self.broken {
            return;
        }
        self.framer.push(bytes);
        while self.state.phase != Phase::Upgrading {
            match self.framer.next_line() {
                Ok(Some(line)) => self.handle_line(line, now),
                Ok(None) => break,
                Err(overlong) => self.give_up(Exceeded::Line(overlong.limit)),
            }
            if self.broken {
                return;
            }
        }
        if self.state.phase == Phase::Upgrading {
            let rest = self.framer.take_rest();
            self.events.push_back(Event::Upgrade { discarded: rest });
        }
    }

    /// Says that the link ended.
    pub fn handle_end(&mut self, now: Duration) {
        let rest = self.framer.take_rest();
        if !rest.is_empty() && !self.broken {
            self.handle_line(Line { bytes: rest, ending: Ending::None }, now);
        }
        let announced = self.state.phase == Phase::Closed;
        self.state.phase = Phase::Closed;
        let unanswered = self.pending.drain(..).next().map(|p| p.command);
        self.events.push_back(Event::Closed { unanswered, announced });
    }

    /// Says that the handshake succeeded: the link is encrypted from here on.
    pub fn handle_secured(&mut self, verified: bool) {
        self.state.secured(verified);
    }

    fn handle_line(&mut self, line: Line, now: Duration) {
        self.reply_octets += line.wire_len();
        let parsed = ReplyLine::parse(line);
        self.events.push_back(Event::Line(parsed.clone()));
        if parsed.code.is_none() && self.assembler.pending_lines() == 0 {
            self.stray_lines += 1;
            self.reply_octets = 0;
            if self.stray_lines > self.caps.stray_lines {
                self.give_up(Exceeded::StrayLines(self.caps.stray_lines));
            }
            return;
        }
        self.stray_lines = 0;
        if let Some(reply) = self.assembler.push(parsed) {
            self.reply_octets = 0;
            self.handle_reply(reply, now);
        } else if self.assembler.pending_lines() > self.caps.reply_lines {
            self.give_up(Exceeded::ReplyLines(self.caps.reply_lines));
        } else if self.reply_octets > self.caps.reply_octets {
            self.give_up(Exceeded::ReplyOctets(self.caps.reply_octets));
        }
    }

    fn handle_reply(&mut self, reply: Reply, now: Duration) {
        let oldest = self.pending.pop_front();
        let waited = oldest.as_ref().map_or(Duration::ZERO, |p| now.saturating_sub(p.since));
        match &oldest {
            Some(pending) => self.state.replied(&pending.command, &reply),
            None => self.state.unsolicited(&reply),
        }
        if let Some(next) = self.pending.front_mut() {
            next.since = now;
        }
        let command = oldest.map(|p| p.command);
        if reply.code().is_some_and(|code| code.is_error()) && is_bdat(command.as_ref()) {
            self.chunk_left = 0;
        }
        self.events.push_back(Event::Reply(Answer { reply, command, waited }));
    }

    fn give_up(&mut self, exceeded: Exceeded) {
        self.broken = true;
        self.state.phase = Phase::Closed;
        self.events.push_back(Event::Exceeded(exceeded));
    }
}

fn is_bdat(command: Option<&Command>) -> bool {
    command.is_some_and(|c| matches!(c.input, Input::Bdat | Input::BdatLast))
}

/// The octets that follow a BDAT command (RFC 3030 §2); none for any other.
fn chunk_size(command: &Command) -> u64 {
    if !is_bdat(Some(command)) {
        return 0;
    }
    let line = String::from_utf8_lossy(&command.line);
    line.split_ascii_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}
