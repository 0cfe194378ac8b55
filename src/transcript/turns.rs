//! A session as turns: what the client said, and what the server answered to just that.

use std::time::Duration;

use crate::wire::{Reply, ReplyAssembler, ReplyCode, ReplyLine, Verb};

use super::track::{Role, Tracker, Waiting, reply_line};
use super::{Entry, EntryKind, Info, Payload};

/// What the client did in a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing: the server greets, or speaks unasked.
    Nothing,
    /// A command.
    Command {
        /// Its verb.
        verb: Verb,
        /// The line.
        line: Payload,
        /// The chunk after BDAT.
        chunk: Vec<Payload>,
    },
    /// An answer to a challenge.
    Answer {
        /// The mechanism.
        mechanism: String,
        /// The line.
        line: Payload,
    },
    /// A message, dots stuffed, without the lone dot.
    Content(Vec<Payload>),
}

/// One reply as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When its last line came.
    pub at: Option<Duration>,
    /// Its lines.
    pub lines: Vec<Payload>,
    /// The code of its last line.
    pub code: Option<ReplyCode>,
}

impl Heard {
    /// The same as a reply of the wire; placeholders in it are left out.
    pub fn reply(&self) -> Reply {
        let mut lines: Vec<_> = self.lines.iter().map(|line| ReplyLine::parse(reply_line(line))).collect();
        let mut assembler = ReplyAssembler::default();
        let last = lines.pop();
        for mut line in lines {
            line.last = false;
            assembler.push(line);
        }
        let whole = last.and_then(|mut line| {
            line.last = true;
            assembler.push(line)
        });
        whole.unwrap_or(Reply { lines: Vec::new(), quirks: Vec::new() })
    }
}

/// What the client said and what it heard in return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What the client did.
    pub said: Said,
    /// When it did (for content: when it began).
    pub at: Option<Duration>,
    /// Whether the link was encrypted.
    pub tls: bool,
    /// The number of its first entry, from 0.
    pub entry: usize,
    /// The replies: none where the link broke, several for a message over LMTP.
    pub heard: Vec<Heard>,
    /// The link was encrypted after this turn.
    pub upgraded: bool,
}

impl Turn {
    /// The code of the last reply.
    pub fn code(&self) -> Option<ReplyCode> {
        self.heard.last().and_then(|heard| heard.code)
    }

    /// The verb of a command.
    pub fn verb(&self) -> Option<&Verb> {
        match &self.said {
            Said::Command { verb, .. } => Some(verb),
            _ => None,
        }
    }

    /// What the client said, in one line for a person.
    pub fn label(&self) -> String {
        match &self.said {
            Said::Nothing => "(greeting)".to_owned(),
            Said::Command { line, .. } | Said::Answer { line, .. } => line.to_visible(),
            Said::Content(lines) => format!("(content, {} lines)", lines.len()),
        }
    }
}

/// Gathers entries into turns. All of the session is held in memory.
#[derive(Debug, Default)]
pub struct Turns {
    tracker: Tracker,
    turns: Vec<Turn>,
    /// Turns that wait for replies: index into `turns`, and for how many.
    open: std::collections::VecDeque<usize>,
    lines: Vec<Payload>,
    seen: usize,
}

/// The turns of a session.
pub fn turns<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Turn> {
    let mut turns = Turns::default();
    for entry in entries {
        turns.push(entry);
    }
    turns.finish()
}

impl Turns {
    /// Takes the next entry.
    pub fn push(&mut self, entry: &Entry) {
        let index = self.seen;
        self.seen += 1;
        match &entry.kind {
            EntryKind::Sent { tls, line } => {
                let role = self.tracker.sent(line);
                self.said(role, line, entry.at, *tls, index);
            }
            EntryKind::Received { tls, line, .. } => self.heard(line, entry.at, *tls, index),
            EntryKind::Info(Info::Tls(_)) => {
                if let Some(turn) = self.turns.last_mut() {
                    turn.upgraded = true;
                }
            }
            _ => {
                self.tracker.other(entry);
                if self.tracker.due() == 1 && matches!(entry.kind, EntryKind::Session(_)) {
                    self.open.clear();
                }
            }
        }
    }

    /// All turns; a reply that was cut off counts as one.
    pub fn finish(mut self) -> Vec<Turn> {
        if !self.lines.is_empty() {
            let code = None;
            let heard = Heard { at: None, lines: std::mem::take(&mut self.lines), code };
            let open = self.open.front().copied().and_then(|at| self.turns.get_mut(at));
            if let Some(turn) = open {
                turn.heard.push(heard);
            }
        }
        self.turns
    }

    fn said(&mut self, role: Role, line: &Payload, at: Option<Duration>, tls: bool, entry: usize) {
        let line = line.clone();
        let said = match role {
            Role::Command(verb) => Said::Command { verb, line, chunk: Vec::new() },
            Role::Answer { mechanism, .. } => Said::Answer { mechanism, line },
            Role::Content | Role::EndOfContent => return self.content(role, line, at, tls, entry),
        };
        self.open.push_back(self.turns.len());
        self.turns.push(Turn { said, at, tls, entry, heard: Vec::new(), upgraded: false });
    }

    fn content(&mut self, role: Role, line: Payload, at: Option<Duration>, tls: bool, entry: usize) {
        let last = self.turns.len().saturating_sub(1);
        let new = match self.turns.last_mut().map(|turn| &mut turn.said) {
            Some(Said::Command { verb: Verb::Bdat, chunk, .. }) => {
                chunk.push(line);
                return;
            }
            Some(Said::Content(lines)) => {
                if role == Role::Content {
                    lines.push(line);
                }
                false
            }
            _ => true,
        };
        if new {
            let lines = if role == Role::Content { vec![line] } else { Vec::new() };
            let said = Said::Content(lines);
            self.turns.push(Turn { said, at, tls, entry, heard: Vec::new(), upgraded: false });
        }
        if role == Role::EndOfContent {
            let index = if new { self.turns.len() - 1 } else { last };
            let replies = self.tracker.due().saturating_sub(self.open.len()).max(1);
            self.open.extend(std::iter::repeat_n(index, replies));
        }
    }

    fn heard(&mut self, line: &Payload, at: Option<Duration>, tls: bool, entry: usize) {
        self.lines.push(line.clone());
        let Some(completed) = self.tracker.received(line) else { return };
        let heard = Heard { at, lines: std::mem::take(&mut self.lines), code: completed.code };
        let asked = match completed.answers {
            None | Some(Waiting::Greeting) => None,
            Some(_) => self.open.pop_front(),
        };
        match asked.and_then(|index| self.turns.get_mut(index)) {
            Some(turn) => turn.heard.push(heard),
            None => self.turns.push(Turn {
                said: Said::Nothing,
                at,
                tls,
                entry,
                heard: vec![heard],
                upgraded: false,
            }),
        }
    }
}
