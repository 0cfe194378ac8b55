//! Entries from what a source tells, secrets taken out on the way.

use std::time::Duration;

use crate::wire::{ReplyLine, Verb};

use super::super::track::{Role, Tracker, Waiting, reply_line};
use super::super::{ClosedBy, Entry, EntryKind, Header, Info, Payload, Piece, TlsSummary, redact, scan};
use super::{Imported, Source};

/// Gathers the entries of an import.
#[derive(Debug, Default)]
pub(super) struct Builder {
    entries: Vec<Entry>,
    tracker: Tracker,
    redacted: usize,
    comments: usize,
    tls: bool,
    /// A summary under way; it is written before the next line of the wire.
    summary: Option<TlsSummary>,
    /// The server took STARTTLS.
    upgrading: bool,
    /// The time of what comes next, where the source has times.
    pub at: Option<Duration>,
    first_clock: Option<Duration>,
    pub header: Header,
}

impl Builder {
    fn push(&mut self, kind: EntryKind) {
        let timed = !matches!(kind, EntryKind::Comment(_));
        self.entries.push(Entry { at: self.at.filter(|_| timed), kind });
    }

    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// Whether the link is encrypted and lines went over it: what is said of TLS from now on is repetition.
    pub fn over_tls(&self) -> bool {
        self.tls
    }

    /// The link is encrypted; what is known of how is filled in bit by bit.
    pub fn tls(&mut self) -> &mut TlsSummary {
        self.summary.get_or_insert_default()
    }

    /// The link is encrypted where the source spoke of TLS, or where the session goes on after the server took
    /// STARTTLS.
    fn settle(&mut self) {
        let upgrading = std::mem::take(&mut self.upgrading);
        if self.summary.is_some() || (upgrading && !self.tls) {
            self.tls = true;
            let summary = self.summary.take().unwrap_or_default();
            self.push(EntryKind::Info(Info::Tls(summary)));
        }
    }

    /// The client sent a line. `tls` where the source says so itself.
    pub fn sent(&mut self, tls: Option<bool>, bytes: &[u8]) {
        if tls != Some(false) {
            self.settle();
        }
        let role = self.tracker.sent(&Payload::from_bytes(bytes));
        let line = redact::sent(bytes, role.sent_kind());
        let line = match role {
            // Secrets turn up in messages too, in forwarded debug output for one.
            Role::Content => redact::guess(bytes),
            _ => line,
        };
        self.redacted += line.secrets().count();
        self.tls = tls.unwrap_or(self.tls);
        self.push(EntryKind::Sent { tls: self.tls, line });
    }

    /// The server sent a line.
    pub fn received(&mut self, tls: Option<bool>, bytes: &[u8]) {
        if self.tracker.in_content() {
            // The source does not show messages: neither their lines nor the dot.
            self.sent_placeholder("content not shown");
            self.sent(tls, b".");
        } else if self.tracker.in_auth() {
            self.sent_placeholder("answer not shown");
        }
        if tls != Some(false) {
            self.settle();
        }
        let exact = redact::received(bytes, self.tracker.mechanism());
        let line = if exact.bytes().is_some() { redact::guess(bytes) } else { exact };
        self.redacted += line.secrets().count();
        self.tls = tls.unwrap_or(self.tls);
        let plain = Payload::from_bytes(bytes);
        let completed = self.tracker.received(&plain);
        self.upgrading = completed.is_some_and(|c| {
            c.answers == Some(Waiting::Command(Verb::StartTls))
                && c.code.is_some_and(|code| code.0 / 100 == 2)
        });
        let error = ReplyLine::parse(reply_line(&plain)).code.is_none_or(|code| code.is_error());
        self.push(EntryKind::Received { tls: self.tls, error, line });
    }

    fn sent_placeholder(&mut self, words: &str) {
        let line = Payload::from_piece(Piece::Other(words.to_owned()));
        self.tracker.sent(&line);
        self.push(EntryKind::Sent { tls: self.tls, line });
    }

    /// The source has times of the day: they count from the first one seen.
    pub fn clock(&mut self, time: Duration) {
        let first = *self.first_clock.get_or_insert(time);
        // Past midnight the clock begins anew.
        let day = Duration::from_secs(86_400);
        self.at = Some(time.checked_sub(first).unwrap_or_else(|| (time + day).saturating_sub(first)));
    }

    pub fn connected(&mut self, peer: &str, local: Option<&str>) {
        let (peer, local) = (peer.to_owned(), local.map(str::to_owned));
        self.tracker = Tracker::new();
        self.tls = false;
        self.push(EntryKind::Info(Info::Connected { peer, local }));
    }

    pub fn closed(&mut self, by: ClosedBy) {
        // A link that closes right after the reply to STARTTLS was never encrypted.
        self.upgrading = false;
        self.settle();
        self.push(EntryKind::Info(Info::Closed { by }));
    }

    pub fn problem(&mut self, text: &[u8]) {
        let words = self.clean(text);
        self.push(EntryKind::Problem(words));
    }

    /// What could not be placed.
    pub fn comment(&mut self, text: &[u8]) {
        if !text.trim_ascii().is_empty() {
            let words = self.clean(text);
            self.comments += 1;
            self.push(EntryKind::Comment(format!(" {words}")));
        }
    }

    /// Free text without what looks like a secret.
    fn clean(&mut self, text: &[u8]) -> String {
        let (clean, count) = scan::redact_text(&String::from_utf8_lossy(text));
        self.redacted += count;
        clean
    }

    pub fn finish(mut self, source: Source) -> Imported {
        self.upgrading = false;
        self.settle();
        let mut header = self.header;
        header.client = Some(concat!("heloise ", env!("CARGO_PKG_VERSION")).to_owned());
        header.set("origin", &format!("imported from {}", source.name()));
        let (redacted, comments) = (self.redacted, self.comments);
        Imported { source, header, entries: self.entries, redacted, comments }
    }
}
