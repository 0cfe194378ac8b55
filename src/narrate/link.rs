//! Tells what happened to the link, and what is wrong where a session breaks off.

use std::time::Duration;

use super::lines::{folded, marked};
use super::past::Owner;
use super::question::{Question, Subject};
use super::{Level, Narrator, Part, tls};
use crate::explain::render::{self, Style};
use crate::explain::{self, Failure, tables};
use crate::session::{Command, Input};
use crate::transcript::{ClosedBy, Info};

impl Narrator {
    pub(super) fn info(&mut self, info: &Info, at: Duration) -> Vec<Part> {
        let width = self.layout.width;
        let (style, more) = match info {
            Info::Connected { .. } => {
                self.last_at = at;
                (Style::Dim, Vec::new())
            }
            Info::Tls(summary) => {
                self.last_at = at;
                self.dialogue.secured(summary.verified == Some(true));
                let lines = tls::lines(summary, &self.header, at, width);
                return lines.into_iter().map(Part::Line).collect();
            }
            Info::Closed { by } => (Style::Dim, self.closed(by, at)),
            Info::Quirk(words) => (Style::Warn, self.quirk(words)),
            Info::Timeout { what, after } => (Style::Bad, self.timed_out(what, *after)),
            _ => (Style::Dim, Vec::new()),
        };
        let shown = folded(marked("===", Style::Dim, info.to_visible(), style), 0, width);
        shown.into_iter().map(Part::Line).chain(more).collect()
    }

    /// Takes note of a line that is no reply: it may be a record of TLS, from a server that waits for that.
    pub(super) fn stray(&mut self, bytes: &[u8]) -> Vec<Part> {
        self.past.line(Owner::Nobody);
        self.dialogue.stray();
        if !is_tls_record(bytes) {
            return Vec::new();
        }
        self.parting = true;
        self.failed(Failure::TlsNotPlaintext, None)
    }

    /// The link is gone. That is a failure where the peer ended it without having said why, or with something unanswered.
    fn closed(&mut self, by: &ClosedBy, at: Duration) -> Vec<Part> {
        let unanswered = self.dialogue.awaiting().cloned();
        let said_why = self.parting || self.dialogue.state().phase == explain::Phase::Closed;
        let failure = match by {
            ClosedBy::Server => Some(Failure::ClosedEarly),
            ClosedBy::Other(word) if word == "reset" => Some(Failure::Reset),
            ClosedBy::Client | ClosedBy::Other(_) => None,
        };
        let failure = failure.filter(|_| !self.parting && (unanswered.is_some() || !said_why));
        let idle = at.saturating_sub(self.last_at);
        let told = failure.map(|failure| self.lost(failure, unanswered, idle)).unwrap_or_default();
        self.dialogue.closed();
        told
    }

    fn timed_out(&mut self, what: &str, limit: Option<Duration>) -> Vec<Part> {
        let command = self.dialogue.awaiting().cloned();
        let awaited = match &command {
            Some(command) if command.input == Input::Connect => "greeting".to_owned(),
            Some(command) => format!("reply to {}", command.name()),
            None => what.to_owned(),
        };
        self.failed(Failure::TimedOut { awaited, limit }, command)
    }

    /// The link is lost, and nothing had come or gone for so long.
    fn lost(&mut self, failure: Failure, command: Option<Command>, idle: Duration) -> Vec<Part> {
        let mut question = self.question(Subject::Failure(failure), command);
        question.circumstances.idle = Some(idle);
        question.circumstances.amid_reply = self.assembler.pending_lines() > 0;
        self.ask(question)
    }

    /// Takes note of a failure, and asks for what is to be said of it.
    fn failed(&mut self, failure: Failure, command: Option<Command>) -> Vec<Part> {
        let question = self.question(Subject::Failure(failure), command);
        self.ask(question)
    }

    fn ask(&mut self, question: Question) -> Vec<Part> {
        if self.remembers {
            self.past.add(question.clone());
        }
        let told = self.layout.level != Level::None;
        told.then(|| Part::Question(Box::new(question))).into_iter().collect()
    }

    /// The peer broke the protocol. What that means is said once of each kind, in a clause; the rest when it is asked for.
    fn quirk(&mut self, words: &str) -> Vec<Part> {
        if self.remembers
            && let Some(words) = self.past.quirk(words)
        {
            let question = self.question(Subject::Failure(Failure::Quirk(words)), None);
            self.past.add(question);
        }
        match tables::quirk(words) {
            Some((slug, row)) if self.layout.level != Level::None && self.odd.insert(slug) => {
                let words = render::words(row.meaning, Style::Dim);
                render::wrap(words, render::INDENT, render::INDENT, self.layout.width)
                    .into_iter()
                    .map(Part::Line)
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

/// Whether bytes begin as a record of TLS does: its type, and a version of SSL 3 or TLS.
fn is_tls_record(bytes: &[u8]) -> bool {
    matches!(bytes, [0x14..=0x17, 3, 0..=4, ..])
}
