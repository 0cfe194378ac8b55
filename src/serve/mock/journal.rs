//! What one client sent, redacted as every transcript is, and kept as one where that is asked for.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Instant;

use chrono::Local;

use crate::transcript::redact::{self, SentKind};
use crate::transcript::track::{Role, Tracker};
use crate::transcript::{
    ClosedBy, ContentFold, Entry, EntryKind, Header, Info, Payload, Recorder, TlsSummary,
};
use crate::transport::io_words;
use crate::wire::{Line, ReplyLine, escape};

/// Follows one session.
pub(super) struct Journal {
    started: Instant,
    tracker: Tracker,
    fold: ContentFold,
    tls: bool,
    recorder: Option<Recorder<File>>,
}

/// Makes the file of a session, for its owner alone.
pub(super) fn create(dir: &Path, number: usize) -> Result<Recorder<File>, String> {
    let path = dir.join(format!("session-{number:04}.heloise"));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let shown = escape::visible(path.as_os_str().as_encoded_bytes());
    let fail = |words: String| format!("cannot write {shown}: {words}");
    let file = options.open(&path).map_err(|error| fail(io_words(&error)))?;
    let mut header = Header::new("", Local::now().fixed_offset());
    header.target = None;
    Recorder::new(file, &header).map_err(|error| fail(error.to_string()))
}

impl Journal {
    pub(super) fn new(recorder: Option<Recorder<File>>) -> Journal {
        Journal {
            started: Instant::now(),
            tracker: Tracker::new(),
            fold: ContentFold::new(ContentFold::DEFAULT_LIMIT, true),
            tls: false,
            recorder,
        }
    }

    fn put(&mut self, kind: EntryKind) {
        let entry = Entry::new(self.started.elapsed(), kind);
        if let Some(recorder) = &mut self.recorder {
            // The recorder counts what it loses; the session goes on.
            let _ = recorder.record(&entry);
        }
    }

    /// The link is encrypted.
    pub(super) fn secured(&mut self) {
        self.tls = true;
        self.put(EntryKind::Info(Info::Tls(TlsSummary::default())));
    }

    /// The client sent a line that is no content. Gives it back as it may be shown.
    pub(super) fn sent(&mut self, line: &Line) -> Payload {
        let whole = Payload::from_line(line.as_ref());
        let role = self.tracker.sent(&whole);
        let payload = match role.sent_kind() {
            SentKind::Content => whole,
            kind => redact::sent(&line.bytes, kind).with_ending(whole.ending),
        };
        self.put(EntryKind::Sent { tls: self.tls, line: payload.clone() });
        payload
    }

    /// The client sent content, as it is on the wire.
    pub(super) fn content(&mut self, bytes: &[u8]) {
        let mut lines = Vec::new();
        self.fold.push(bytes, |line| lines.push(line));
        self.put_content(lines);
    }

    /// The content or the chunk is complete. After DATA a lone dot has said so.
    pub(super) fn end_of_content(&mut self, dot: bool) {
        let mut lines = Vec::new();
        self.fold.finish(|line| lines.push(line));
        self.put_content(lines);
        self.fold = ContentFold::new(ContentFold::DEFAULT_LIMIT, true);
        if dot {
            self.sent(&Line::crlf("."));
        }
    }

    fn put_content(&mut self, lines: Vec<Payload>) {
        for line in lines {
            debug_assert!(self.tracker.in_content());
            let role = self.tracker.sent(&line);
            debug_assert_eq!(role, Role::Content);
            self.put(EntryKind::Sent { tls: self.tls, line });
        }
    }

    /// We answer with these bytes.
    pub(super) fn said(&mut self, bytes: &[u8]) {
        for raw in bytes.split_inclusive(|b| *b == b'\n') {
            let ending = Payload::from_raw(raw).ending;
            let text = raw.strip_suffix(ending.as_bytes()).unwrap_or(raw);
            let line = redact::received(text, self.tracker.mechanism()).with_ending(ending);
            self.tracker.received(&line);
            let error = ReplyLine::crlf(text).code.is_none_or(|code| code.is_error());
            self.put(EntryKind::Received { tls: self.tls, error, line });
        }
    }

    /// The session is over.
    pub(super) fn over(&mut self, by: ClosedBy) {
        self.put(EntryKind::Info(Info::Closed { by }));
    }
}
