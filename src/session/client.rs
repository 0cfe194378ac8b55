//! The client role: lines of a person go out, replies come in and are paired with what they answer.

use std::collections::VecDeque;
use std::time::Duration;

use crate::wire::{Framer, LineSpan, ReplyAssembler, ReplyLine};

use super::dialogue::{Answer, Dialogue, Sent};
use super::limits::{Caps, Exceeded, Timeouts};
use super::state::{Command, State};
use super::table::Phase;

/// What a client has to tell: the lines as they come, and what they amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// A line came in. It stands in the client's buffer still.
    Line(ReplyLine<'a>),
    /// Something happened.
    Event(Event),
}

/// What happens in a session, seen from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A reply is complete.
    Reply(Answer),
    /// A line is no reply and belongs to none.
    Stray(Vec<u8>),
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

/// An [`Output`] that has not been asked for.
#[derive(Debug)]
enum Queued {
    Line(LineSpan),
    Event(Event),
}

/// A session in the client role. It has no socket and no clock: bytes are handed in and taken out, and
/// times are durations since the start of the session, given by the caller.
#[derive(Debug)]
pub struct Client {
    dialogue: Dialogue,
    timeouts: Timeouts,
    caps: Caps,
    framer: Framer,
    assembler: ReplyAssembler,
    stray_lines: usize,
    queue: VecDeque<Queued>,
    outbox: Vec<u8>,
    broken: bool,
}

impl Client {
    /// A session whose link has just been opened, at the time `now`.
    pub fn new(lmtp: bool, timeouts: Timeouts, caps: Caps, now: Duration) -> Client {
        Client {
            dialogue: Dialogue::new(lmtp, now),
            timeouts,
            caps,
            framer: Framer::new(caps.line),
            assembler: ReplyAssembler::default(),
            stray_lines: 0,
            queue: VecDeque::new(),
            outbox: Vec::new(),
            broken: false,
        }
    }

    /// Which command waits for which reply, and what is known.
    pub fn dialogue(&self) -> &Dialogue {
        &self.dialogue
    }

    /// What is known.
    pub fn state(&self) -> &State {
        self.dialogue.state()
    }

    /// How long it waits.
    pub fn timeouts(&self) -> &Timeouts {
        &self.timeouts
    }

    /// Changes how long it waits, from the next reply on.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// Sends a line as it is, plus CRLF.
    pub fn submit(&mut self, line: &[u8], now: Duration) -> Sent {
        self.outbox.extend_from_slice(line);
        self.outbox.extend_from_slice(b"\r\n");
        self.dialogue.sent(line, line.len() as u64 + 2, now)
    }

    /// Sends bytes as they are, without adding anything. For the pairing of replies each part of them that
    /// ends in LF counts as a line; returns what those lines turned out to be.
    pub fn submit_raw(&mut self, bytes: &[u8], now: Duration) -> Vec<Sent> {
        self.outbox.extend_from_slice(bytes);
        let mut sent = Vec::new();
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) => {
                    let text = text.strip_suffix(b"\r").unwrap_or(text);
                    sent.push(self.dialogue.sent(text, line.len() as u64, now));
                }
                None => self.dialogue.sent_part(line, line.len() as u64),
            }
        }
        sent
    }

    /// Takes note that the whole content, already stuffed and with its lone dot, has gone out by another
    /// way than [`Client::submit`].
    pub fn content_sent(&mut self, now: Duration) {
        self.dialogue.content_sent(now);
    }

    /// Takes note that octets of the BDAT chunk under way have gone out by another way than [`Client::submit`].
    pub fn chunk_sent(&mut self, octets: u64) {
        self.dialogue.chunk_sent(octets);
    }

    /// Names the user of the AUTH exchange under way, for the prompt and for explanations.
    pub fn claim_user(&mut self, user: &str) {
        self.dialogue.claim_user(user);
    }

    /// The bytes that wait to be written to the link.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        (!self.outbox.is_empty()).then(|| std::mem::take(&mut self.outbox))
    }

    /// The next line that came, or the next thing that happened.
    pub fn poll_output(&mut self) -> Option<Output<'_>> {
        Some(match self.queue.pop_front()? {
            Queued::Line(span) => Output::Line(ReplyLine::parse(self.framer.line(span))),
            Queued::Event(event) => Output::Event(event),
        })
    }

    /// The next thing that happened; passes over the lines before it.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            if let Queued::Event(event) = self.queue.pop_front()? {
                return Some(event);
            }
        }
    }

    /// When [`Client::handle_timeout`] must be called, if nothing comes in before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let oldest = self.dialogue.pending.front().filter(|p| !p.timed_out)?;
        Some(oldest.since + self.timeouts.for_input(oldest.command.input))
    }

    /// Says that the time is `now`.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        if let Some(oldest) = self.dialogue.pending.front_mut() {
            oldest.timed_out = true;
            let limit = self.timeouts.for_input(oldest.command.input);
            let event = Event::TimedOut { command: oldest.command.clone(), limit };
            self.happened(event);
        }
    }

    /// Takes in bytes from the link.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Duration) {
        if self.broken {
            return;
        }
        if self.queue.is_empty() {
            self.framer.compact();
        }
        self.framer.push(bytes);
        while self.state().phase != Phase::Upgrading {
            match self.framer.next_span() {
                Ok(Some(span)) => self.handle_line(span, now),
                Ok(None) => break,
                Err(overlong) => self.give_up(Exceeded::Line(overlong.limit)),
            }
            if self.broken {
                return;
            }
        }
        if self.state().phase == Phase::Upgrading {
            let discarded = self.framer.take_rest();
            self.happened(Event::Upgrade { discarded });
        }
    }

    /// Says that the link ended.
    pub fn handle_end(&mut self, now: Duration) {
        if let Some(span) = self.framer.last_span().filter(|_| !self.broken) {
            self.handle_line(span, now);
        }
        let announced = self.state().phase == Phase::Closed;
        let unanswered = self.dialogue.closed();
        self.happened(Event::Closed { unanswered, announced });
    }

    /// Says that the handshake succeeded: the link is encrypted from here on.
    pub fn handle_secured(&mut self, verified: bool) {
        self.dialogue.secured(verified);
    }

    fn handle_line(&mut self, span: LineSpan, now: Duration) {
        self.queue.push_back(Queued::Line(span));
        let line = ReplyLine::parse(self.framer.line(span));
        if line.code.is_none() && self.assembler.pending_lines() == 0 {
            self.dialogue.stray();
            let stray = Event::Stray(line.line.bytes.to_vec());
            self.happened(stray);
            self.stray_lines += 1;
            if self.stray_lines > self.caps.stray_lines {
                self.give_up(Exceeded::StrayLines(self.caps.stray_lines));
            }
            return;
        }
        self.stray_lines = 0;
        if let Some(reply) = self.assembler.push(line) {
            let answer = self.dialogue.replied(reply, now);
            self.happened(Event::Reply(answer));
        } else if self.assembler.pending_lines() > self.caps.reply_lines {
            self.give_up(Exceeded::ReplyLines(self.caps.reply_lines));
        } else if self.assembler.pending_octets() > self.caps.reply_octets {
            self.give_up(Exceeded::ReplyOctets(self.caps.reply_octets));
        }
    }

    fn give_up(&mut self, exceeded: Exceeded) {
        self.broken = true;
        self.dialogue.closed();
        self.happened(Event::Exceeded(exceeded));
    }

    fn happened(&mut self, event: Event) {
        self.queue.push_back(Queued::Event(event));
    }
}
