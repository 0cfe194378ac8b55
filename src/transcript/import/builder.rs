//! Entries from what a source tells, secrets taken out on the way.

use std::time::Duration;

use crate::wire::Verb;

use super::super::track::{Completed, Role, Tracker, Waiting, reply_line};
use super::super::{
    ClosedBy, Entry, EntryKind, Header, Info, Payload, Piece, SecretMark, TlsSummary, redact, scan,
};
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
    /// An AUTH exchange went well: what follows is no answer that came too late.
    authenticated: bool,
    /// The line of the client that was told last was one of a message.
    in_message: bool,
    /// Lines of a hex dump that were left out since the last entry.
    dumped: usize,
    /// The time of what comes next, where the source has times.
    pub at: Option<Duration>,
    first_clock: Option<Duration>,
    /// The server's name or its port, where the other is told on a later line.
    pub half: Option<String>,
    connections: usize,
    pub header: Header,
}

impl Builder {
    fn push(&mut self, kind: EntryKind) {
        self.settle_dump();
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
        self.in_message = role == Role::Content;
        let line = match &role {
            // Secrets turn up in messages too, in forwarded debug output for one.
            Role::Content => redact::guess(bytes),
            Role::Command(Verb::Other(_)) if self.is_stray_answer(bytes) => {
                let mark =
                    SecretMark { sasl: self.tracker.mechanism().map(str::to_owned), ..SecretMark::default() };
                Payload::from_piece(Piece::Secret(mark))
            }
            role => redact::sent(bytes, role.sent_kind()),
        };
        self.redacted += line.secrets().count();
        self.tls = tls.unwrap_or(self.tls);
        self.push(EntryKind::Sent { tls: self.tls, line });
    }

    /// Whether a line that is no known command was meant as an answer in an AUTH exchange which was over, or had not
    /// begun: who types faster than the server answers sends the password as a command.
    fn is_stray_answer(&self, bytes: &[u8]) -> bool {
        let word = bytes.trim_ascii();
        let base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        let encoded = word.len() >= 8 && word.len().is_multiple_of(4) && word.iter().all(base64);
        self.tracker.mechanism().is_some() && (encoded || !self.authenticated)
    }

    /// The server sent a line.
    pub fn received(&mut self, tls: Option<bool>, bytes: &[u8]) {
        if self.tracker.in_content() {
            self.end_message(tls);
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
        let exchange = |waiting: &Waiting| matches!(waiting, Waiting::Command(Verb::Auth) | Waiting::Answer);
        if let Some(Completed { code: Some(code), answers: Some(waiting) }) = &completed
            && exchange(waiting)
        {
            self.authenticated = code.0 / 100 == 2;
        }
        self.upgrading = completed.is_some_and(|c| {
            c.answers == Some(Waiting::Command(Verb::StartTls))
                && c.code.is_some_and(|code| code.0 / 100 == 2)
        });
        let error = reply_line(&plain).code.is_none_or(|code| code.is_error());
        self.push(EntryKind::Received { tls: self.tls, error, line });
    }

    /// The server answers a message whose end the source does not show, and perhaps nothing of it.
    fn end_message(&mut self, tls: Option<bool>) {
        if !std::mem::take(&mut self.in_message) {
            self.sent_placeholder("content not shown");
        }
        // A chunk has no dot at its end, but its length told before (RFC 3030 §2).
        if self.tracker.in_chunk() {
            self.tracker.end_chunk();
        } else {
            self.sent(tls, b".");
        }
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

    /// So many seconds went by before what comes next.
    pub fn lapse(&mut self, seconds: f64) {
        let lapse = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.at = Some(self.at.unwrap_or_default().saturating_add(lapse));
    }

    pub fn connected(&mut self, peer: &str, local: Option<&str>) {
        let (peer, local) = (peer.to_owned(), local.map(str::to_owned));
        self.tracker = Tracker::new();
        (self.tls, self.authenticated) = (false, false);
        self.connections += 1;
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

    /// The name of the server, where the source has one: explanations depend on it.
    pub fn target(&mut self, host: &str, port: &str) {
        let scheme = match port {
            "465" => "smtps",
            "587" => "submission",
            _ => "smtp",
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        let names = !host.is_empty() && host.bytes().all(plain) && port.parse::<u16>().is_ok();
        // A file has one header, whatever else it goes on to.
        if self.connections <= 1 && names {
            self.header.target = Some(format!("{scheme}://{host}:{port}"));
        }
    }

    /// Says how many lines were left out because they dump the bytes of the lines around them, secrets and all.
    fn settle_dump(&mut self) {
        let words = match std::mem::take(&mut self.dumped) {
            0 => return,
            1 => " a line of a hex dump was left out".to_owned(),
            many => format!(" {many} lines of a hex dump were left out"),
        };
        self.comments += 1;
        self.entries.push(Entry { at: None, kind: EntryKind::Comment(words) });
    }

    /// What could not be placed.
    pub fn comment(&mut self, text: &[u8]) {
        if is_dump(text) {
            self.dumped += 1;
        } else if self.is_piece_of_answer(text) {
            self.comment_secret("");
        } else if !text.trim_ascii().is_empty() {
            let words = self.clean(text);
            self.comments += 1;
            self.push(EntryKind::Comment(format!(" {words}")));
        }
    }

    /// Whether a line that could not be placed is the rest of a credential, broken by the width of a screen or a page:
    /// one word of base64 while the server has yet to answer to AUTH.
    fn is_piece_of_answer(&self, text: &[u8]) -> bool {
        let base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_');
        let word = text.trim_ascii();
        self.tracker.awaits_auth() && !word.is_empty() && word.iter().all(base64)
    }

    /// Words behind which a secret stood.
    pub fn comment_secret(&mut self, words: &str) {
        self.redacted += 1;
        self.comments += 1;
        self.push(EntryKind::Comment(format!(" {words}{{secret}}")));
    }

    /// Free text without what looks like a secret.
    fn clean(&mut self, text: &[u8]) -> String {
        let (clean, count) = scan::redact_text(&String::from_utf8_lossy(text));
        // What the server said may be told a second time, in words.
        let exact = redact::received(clean.as_bytes(), self.tracker.mechanism());
        self.redacted += count + exact.secrets().count();
        if exact.bytes().is_some() { clean } else { exact.to_visible() }
    }

    pub fn finish(mut self, source: Source) -> Imported {
        self.upgrading = false;
        self.settle();
        self.settle_dump();
        let mut header = self.header;
        header.client = Some(concat!("heloise ", env!("CARGO_PKG_VERSION")).to_owned());
        header.set("origin", &format!("imported from {}", source.name()));
        let (redacted, comments) = (self.redacted, self.comments);
        Imported { source, header, entries: self.entries, redacted, comments }
    }
}

/// Whether a line is one of a hex dump: an offset, then bytes. swaks has `<` or `>` before it, openssl a `-` behind it.
fn is_dump(line: &[u8]) -> bool {
    let hex = |word: &[u8], least: usize, most: usize| {
        (least..=most).contains(&word.len()) && word.iter().all(u8::is_ascii_hexdigit)
    };
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"<").or_else(|| line.strip_prefix(b">")).unwrap_or(line);
    let mut words = line.split(|b| matches!(b, b' ' | b'\t' | b'-')).filter(|word| !word.is_empty());
    let (Some(offset), Some(first)) = (words.next(), words.next()) else { return false };
    let colon = offset.strip_suffix(b":");
    let dashed = colon.is_none() && line.windows(3).any(|w| w == b" - ");
    (colon.is_some() || dashed) && hex(colon.unwrap_or(offset), 4, 8) && hex(first, 2, 2)
}
