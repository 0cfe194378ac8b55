//! Who speaks of what: follows the entries of a session just far enough to know commands from content and
//! answers, and which reply belongs to which command.

use std::collections::VecDeque;

use crate::wire::{CommandLine, Ending, LineRef, ReplyCode, ReplyLine, Verb};

use super::redact::SentKind;
use super::{Entry, EntryKind};
use super::{Info, LineEnd, Payload};

/// What a line of the client was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A command.
    Command(Verb),
    /// An answer to a 334 challenge.
    Answer {
        /// The mechanism of the AUTH command.
        mechanism: String,
        /// Which answer, from 0; an initial response counts.
        step: u32,
        /// The text of the challenge, in base64.
        challenge: Vec<u8>,
    },
    /// A line of a message after DATA or BDAT.
    Content,
    /// The lone dot.
    EndOfContent,
}

impl Role {
    /// The same, as redaction asks for it.
    pub fn sent_kind(&self) -> SentKind<'_> {
        match self {
            Role::Command(_) => SentKind::Command,
            Role::Answer { mechanism, step, challenge } => SentKind::AuthResponse {
                mechanism: Some(mechanism.as_str()).filter(|m| !m.is_empty()),
                step: *step,
                challenge: Some(challenge),
            },
            Role::Content => SentKind::Content,
            Role::EndOfContent => SentKind::EndOfContent,
        }
    }
}

/// What waits for a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// The client, for the greeting.
    Greeting,
    /// A command.
    Command(Verb),
    /// An answer to a challenge.
    Answer,
    /// A message.
    Content,
}

/// A line of the server that ended a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The code, where it has one.
    pub code: Option<ReplyCode>,
    /// What it answers; nothing where nobody asked.
    pub answers: Option<Waiting>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    Command,
    Content,
    Chunk(u64),
    Answer { challenge: Vec<u8> },
}

/// Follows one session after the other.
#[derive(Clone, Debug)]
pub struct Tracker {
    waiting: VecDeque<Waiting>,
    mode: Mode,
    mechanism: String,
    step: u32,
    lmtp: bool,
    recipients: usize,
    /// In the content under way there was a lone dot that ended in LF alone.
    loose_dot: bool,
}

impl Default for Tracker {
    fn default() -> Self {
        Tracker {
            waiting: VecDeque::from([Waiting::Greeting]),
            mode: Mode::Command,
            mechanism: String::new(),
            step: 0,
            lmtp: false,
            recipients: 0,
            loose_dot: false,
        }
    }
}

impl Tracker {
    /// Before the greeting.
    pub fn new() -> Self {
        Tracker::default()
    }

    /// Takes an entry that is not on the wire: where it begins a session, everything begins anew. Says whether it does.
    pub fn other(&mut self, entry: &Entry) -> bool {
        let begins = matches!(entry.kind, EntryKind::Session(_) | EntryKind::Info(Info::Connected { .. }));
        if begins {
            *self = Tracker::new();
        }
        begins
    }

    /// Whether the next line of the client is message content.
    pub fn in_content(&self) -> bool {
        matches!(self.mode, Mode::Content | Mode::Chunk(_))
    }

    /// Whether the next line of the client belongs to a chunk, whose bytes are counted (RFC 3030 §2).
    pub fn in_chunk(&self) -> bool {
        matches!(self.mode, Mode::Chunk(_))
    }

    /// A chunk is over, whether or not all of it was told.
    pub fn end_chunk(&mut self) {
        if self.in_chunk() {
            self.mode = Mode::Command;
        }
    }

    /// Whether the server has yet to answer to an AUTH command or to an answer in its exchange, whatever else it has to
    /// answer before.
    pub fn awaits_auth(&self) -> bool {
        self.waiting.iter().any(|due| matches!(due, Waiting::Command(Verb::Auth) | Waiting::Answer))
    }

    /// Whether an answer may be sent now to a challenge that has yet to come: the mechanism needs no challenge for it, and
    /// nothing was heard yet of the AUTH command.
    pub fn may_answer_ahead(&self) -> bool {
        let answers = match self.mechanism.to_ascii_uppercase().as_str() {
            "LOGIN" => 2,
            "PLAIN" | "XOAUTH2" | "OAUTHBEARER" => 1,
            _ => 0,
        };
        !self.in_auth() && self.step < answers && self.waiting.contains(&Waiting::Command(Verb::Auth))
    }

    /// Takes a line of the client that answers a challenge before it came.
    pub fn answered_ahead(&mut self) -> Role {
        self.waiting.push_back(Waiting::Answer);
        let step = self.step;
        self.step += 1;
        Role::Answer { mechanism: self.mechanism.clone(), step, challenge: Vec::new() }
    }

    /// The server sent a challenge in an exchange whose beginning is not known. `mechanism` is what the challenge tells of
    /// it, if anything.
    pub fn challenged(&mut self, mechanism: &str, challenge: &[u8]) {
        if !mechanism.is_empty() {
            mechanism.clone_into(&mut self.mechanism);
        }
        self.mode = Mode::Answer { challenge: challenge.to_vec() };
    }

    /// The text of the challenge that is to be answered next, in base64.
    pub fn challenge(&self) -> Option<&[u8]> {
        match &self.mode {
            Mode::Answer { challenge } => Some(challenge),
            _ => None,
        }
    }

    /// Whether DATA was sent last and nothing was heard of it.
    pub fn awaits_data(&self) -> bool {
        self.mode == Mode::Command && self.waiting.back() == Some(&Waiting::Command(Verb::Data))
    }

    /// Whether the reply to DATA is due next.
    pub fn awaits_reply_to_data(&self) -> bool {
        self.waiting.front() == Some(&Waiting::Command(Verb::Data))
    }

    /// What waits for a reply behind so many others.
    pub fn due_at(&self, behind: usize) -> Option<&Waiting> {
        self.waiting.get(behind)
    }

    /// The message begins, though the reply to DATA was not told.
    pub fn begin_content(&mut self) {
        self.mode = Mode::Content;
    }

    /// Whether the next line of the client answers a challenge.
    pub fn in_auth(&self) -> bool {
        matches!(self.mode, Mode::Answer { .. })
    }

    /// The mechanism of the exchange that goes on, or went on last.
    pub fn mechanism(&self) -> Option<&str> {
        Some(self.mechanism.as_str()).filter(|m| !m.is_empty())
    }

    /// How many replies are due.
    pub fn due(&self) -> usize {
        self.waiting.len()
    }

    /// Takes a line of the client.
    pub fn sent(&mut self, line: &Payload) -> Role {
        if !line.ending.ends_line() && !self.in_content() {
            return self.unfinished(line);
        }
        match std::mem::replace(&mut self.mode, Mode::Command) {
            Mode::Command => self.command(line),
            Mode::Answer { challenge } => {
                self.waiting.push_back(Waiting::Answer);
                let step = self.step;
                self.step += 1;
                Role::Answer { mechanism: self.mechanism.clone(), step, challenge }
            }
            Mode::Content if line.bytes() == Some(b".") && line.ending != LineEnd::Lf => {
                self.loose_dot = false;
                let replies = if self.lmtp { self.recipients.max(1) } else { 1 };
                self.waiting.extend(std::iter::repeat_n(Waiting::Content, replies));
                Role::EndOfContent
            }
            Mode::Content => {
                self.mode = Mode::Content;
                self.loose_dot |= line.bytes() == Some(b".");
                Role::Content
            }
            Mode::Chunk(left) => {
                let left = left.saturating_sub(line.wire_len());
                self.mode = if left > 0 { Mode::Chunk(left) } else { Mode::Command };
                Role::Content
            }
        }
    }

    /// Bytes without a line end: no server answers them, as what is sent next goes on the same line.
    fn unfinished(&self, line: &Payload) -> Role {
        match &self.mode {
            Mode::Answer { challenge } => Role::Answer {
                mechanism: self.mechanism.clone(),
                step: self.step,
                challenge: challenge.clone(),
            },
            _ => Role::Command(CommandLine::parse(line.head()).verb),
        }
    }

    fn command(&mut self, line: &Payload) -> Role {
        let command = CommandLine::parse(line.head());
        let mut words = command.rest().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        match command.verb {
            Verb::Auth => {
                self.mechanism =
                    words.next().map(|m| String::from_utf8_lossy(m).into_owned()).unwrap_or_default();
                self.step = u32::from(words.next().is_some() || line.pieces.len() > 1);
            }
            Verb::Bdat => {
                let size = words.next().and_then(|n| std::str::from_utf8(n).ok()?.parse().ok()).unwrap_or(0);
                if size > 0 {
                    self.mode = Mode::Chunk(size);
                }
                // Over LMTP each recipient answers to the last chunk.
                let last = words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"LAST"));
                let more = if last && self.lmtp { self.recipients.saturating_sub(1) } else { 0 };
                self.waiting.extend(std::iter::repeat_n(Waiting::Command(Verb::Bdat), more));
            }
            Verb::Lhlo => self.lmtp = true,
            Verb::Data => self.loose_dot = false,
            Verb::Mail | Verb::Rset => self.recipients = 0,
            _ => {}
        }
        self.waiting.push_back(Waiting::Command(command.verb.clone()));
        Role::Command(command.verb)
    }

    /// Takes a line of the server; says so when it ends a reply.
    pub fn received(&mut self, line: &Payload) -> Option<Completed> {
        let read = reply_line(line);
        if !read.is_last() {
            return None;
        }
        let code = read.code;
        let greets = matches!(code, Some(ReplyCode(220 | 421 | 521 | 554)) | None);
        if !greets && self.waiting.len() > 1 && self.waiting.front() == Some(&Waiting::Greeting) {
            // A session written by hand, without its greeting.
            self.waiting.pop_front();
        }
        let answers = self.waiting.pop_front().or_else(|| self.loose_end());
        match (&answers, code) {
            // The message was sent without waiting for this.
            (Some(Waiting::Command(Verb::Data)), _) if self.waiting.contains(&Waiting::Content) => {}
            (Some(Waiting::Command(Verb::Data)), Some(ReplyCode::START_INPUT)) => self.mode = Mode::Content,
            // The answer was sent ahead.
            (_, Some(ReplyCode::CHALLENGE)) if self.waiting.front() == Some(&Waiting::Answer) => {}
            (Some(Waiting::Command(Verb::Auth) | Waiting::Answer), Some(ReplyCode::CHALLENGE)) => {
                self.mode = Mode::Answer { challenge: read.text().to_vec() };
            }
            (Some(Waiting::Command(Verb::Rcpt)), Some(ReplyCode(200..=299))) => self.recipients += 1,
            _ => {}
        }
        Some(Completed { code, answers })
    }

    /// The end of content that a server saw where the standard sees none: at a lone dot before LF alone (RFC 5321 §4.1.1.4
    /// wants it to be text). That it answers tells.
    fn loose_end(&mut self) -> Option<Waiting> {
        let ended = self.mode == Mode::Content && std::mem::take(&mut self.loose_dot);
        ended.then(|| {
            self.mode = Mode::Command;
            Waiting::Content
        })
    }
}

/// The line as one of a reply; marks at its end are left out.
pub(super) fn reply_line(line: &Payload) -> ReplyLine<'_> {
    let ending = match line.ending {
        LineEnd::CrLf => Ending::CrLf,
        LineEnd::Lf => Ending::Lf,
        LineEnd::Cr | LineEnd::None => Ending::None,
    };
    ReplyLine::parse(LineRef { bytes: line.bytes().unwrap_or(line.head()), ending })
}
