//! The stream of entries that a session gives off: stamped, redacted, recorded, and then shown.
//!
//! The order is the promise: what a person sees is in the file already.

use std::time::{Duration, Instant};

use crate::secret::Secret;
use crate::session::{Event, Exceeded, Sent};
use crate::transcript::redact::{self, SentKind};
use crate::transcript::{
    ClosedBy, ContentFold, Entry, EntryKind, Header, Info, Known, LineEnd, Payload, Piece, SecretMark,
};
use crate::wire::{LineRef, Quirk, Reply, ReplyCode, ReplyLine};

/// Takes entries as they happen.
pub trait Sink: Send {
    /// A session begins.
    fn begin(&mut self, header: &Header) -> Result<(), String>;
    /// Something happened. `typed` says that the person typed it and sees it already. What goes wrong here is
    /// returned once, in words, and ends nothing.
    fn entry(&mut self, entry: &Entry, typed: bool) -> Result<(), String>;
    /// Whether entries are kept, as data, rather than looked at.
    fn keeps(&self) -> bool {
        true
    }
}

/// Gives each event its time, takes the secrets out, and passes it on: first to the recorder, then to the view.
pub struct Log {
    started: Instant,
    header: Header,
    begun: bool,
    recorder: Option<Box<dyn Sink>>,
    /// Why the record is not whole.
    record_lost: Option<String>,
    view: Box<dyn Sink>,
    known: Known,
    /// The content of the message under way.
    fold: Option<ContentFold>,
    /// Whether the link was encrypted when content went out last.
    content_tls: bool,
    content_limit: u64,
    /// What a record that begins later has to say first: where the link goes, and how it is protected.
    standing: Vec<Entry>,
}

impl Log {
    /// A stream that is shown by `view`. Of each message's content, `content_limit` bytes are kept.
    pub fn new(view: Box<dyn Sink>, content_limit: u64) -> Log {
        Log {
            started: Instant::now(),
            header: Header::default(),
            begun: false,
            recorder: None,
            record_lost: None,
            view,
            known: Known::default(),
            fold: None,
            content_tls: false,
            content_limit,
            standing: Vec::new(),
        }
    }

    /// Begins a session. All times count from here.
    pub fn begin(&mut self, header: Header, started: Instant) {
        self.started = started;
        self.header = header;
        self.fold = None;
        self.begun = true;
        self.standing.clear();
        self.begin_recorder();
        // As with entries: a view that fails has nobody left to tell.
        let _ = self.view.begin(&self.header);
    }

    fn begin_recorder(&mut self) {
        let Some(recorder) = &mut self.recorder else { return };
        let begun = recorder.begin(&self.header);
        let told =
            begun.and_then(|()| self.standing.iter().try_for_each(|entry| recorder.entry(entry, false)));
        if let Err(words) = told {
            self.record_failed(words);
        }
    }

    /// The view shows what the recorder cannot keep.
    fn record_failed(&mut self, words: String) {
        self.show(&Entry::new(self.started.elapsed(), EntryKind::Problem(words.clone())), false);
        self.record_lost.get_or_insert(words);
    }

    /// A view that fails has nobody left to tell, and says by itself that it is gone.
    fn show(&mut self, entry: &Entry, typed: bool) {
        let _ = self.view.entry(entry, typed);
    }

    /// Why the record is not whole, if it could not be written at some time.
    pub fn record_lost(&self) -> Option<&str> {
        self.record_lost.as_deref()
    }

    /// Records from here on, or stops recording. Returns the recorder that was at work.
    pub fn record(&mut self, recorder: Option<Box<dyn Sink>>) -> Option<Box<dyn Sink>> {
        let old = std::mem::replace(&mut self.recorder, recorder);
        if self.begun {
            self.begin_recorder();
        }
        old
    }

    /// Whether somebody records.
    pub fn is_recorded(&self) -> bool {
        self.recorder.is_some()
    }

    /// The moment that times count from.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Names a secret that is in use: wherever it turns up from here on, it is masked.
    pub fn keep_secret(&mut self, secret: &Secret) {
        self.known.add(secret);
    }

    /// Masks the secrets in words that quote the server.
    pub fn mask_text(&self, text: &mut String) {
        self.known.mask_text(text);
    }

    /// Something happened to the link.
    pub fn info(&mut self, info: Info) {
        self.put(self.started.elapsed(), EntryKind::Info(info), false);
    }

    /// Something that the person has been told already: for the record and for JSON.
    pub fn told(&mut self, info: Info) {
        self.put(self.started.elapsed(), EntryKind::Info(info), true);
    }

    /// Something went wrong on this side.
    pub fn problem(&mut self, text: &str) {
        self.put(self.started.elapsed(), EntryKind::Problem(text.to_owned()), false);
    }

    /// The person sets a marker.
    pub fn note(&mut self, text: &str) {
        self.put(self.started.elapsed(), EntryKind::Note(text.to_owned()), true);
    }

    /// A line goes out. Returns the user that an AUTH line names.
    pub(super) fn sent(
        &mut self,
        at: Duration,
        sent: &Sent,
        line: &[u8],
        tls: bool,
        typed: bool,
    ) -> Option<String> {
        let kind = match sent {
            Sent::Command(_) => SentKind::Command,
            Sent::AuthResponse { mechanism, step, challenge } => SentKind::AuthResponse {
                mechanism: Some(mechanism),
                step: *step,
                challenge: challenge.as_deref(),
            },
            Sent::StrayResponse(_) => SentKind::AuthResponse { mechanism: None, step: 0, challenge: None },
            Sent::Content => {
                self.content_line(at, line, tls, typed);
                return None;
            }
            Sent::EndOfContent => {
                self.content_end(at, tls);
                SentKind::EndOfContent
            }
        };
        self.known.learn(line, kind);
        let payload = redact::sent(line, kind);
        let user = payload.secrets().find_map(|mark| mark.user.clone());
        self.put(at, EntryKind::Sent { tls, line: payload }, typed);
        user
    }

    /// Bytes go out that are no line of a person. `content` says that they are part of a message.
    pub(super) fn raw(&mut self, at: Duration, bytes: &[u8], tls: bool, content: bool) {
        for (line, end, kind) in redact::raw_lines(bytes) {
            // A message may speak of AUTH; but that it ends within these bytes is possible, too.
            let kind = if content { SentKind::Command } else { kind };
            if !content {
                self.known.learn(line, kind);
            }
            let mut payload = redact::sent(line, kind);
            let (more, ending) = LineEnd::split(end);
            payload.push_bytes(more);
            self.put(at, EntryKind::Sent { tls, line: payload.with_ending(ending) }, false);
        }
    }

    /// The reply with its secrets masked, so that it may be shown. A challenge stays, as it is to be answered, and so do
    /// the codes of all lines.
    pub(super) fn masked(&self, reply: Reply) -> Reply {
        if reply.code() == Some(ReplyCode::CHALLENGE) || !self.known.occurs_in(reply.bytes()) {
            return reply;
        }
        let masked = |line: ReplyLine<'_>| {
            let (code, text) = line.line.bytes.split_at(line.line.bytes.len().min(4));
            [code, &self.known.masked(text).0, line.line.ending.as_bytes()].concat()
        };
        let lines: Vec<Vec<u8>> = reply.lines().map(masked).collect();
        lines.iter().map(|line| ReplyLine::parse(LineRef::of_wire(line))).collect()
    }

    /// A message is only hashed for somebody who keeps what becomes of it.
    fn fold(&mut self) -> &mut ContentFold {
        let kept = self.recorder.as_ref().is_some_and(|recorder| recorder.keeps()) || self.view.keeps();
        self.fold.get_or_insert_with(|| ContentFold::new(self.content_limit, kept))
    }

    fn content_line(&mut self, at: Duration, line: &[u8], tls: bool, typed: bool) {
        let mut lines = Vec::new();
        let fold = self.fold();
        fold.push(line, |payload| lines.push(payload));
        fold.push(b"\r\n", |payload| lines.push(payload));
        self.put_content(at, lines, tls, typed);
    }

    /// Content goes out in bulk, in the form it has on the wire.
    pub(super) fn content(&mut self, at: Duration, wire: &[u8], tls: bool) {
        let mut lines = Vec::new();
        self.fold().push(wire, |payload| lines.push(payload));
        self.put_content(at, lines, tls, false);
    }

    /// The content is complete: what was folded gets its mark.
    pub(super) fn content_end(&mut self, at: Duration, tls: bool) {
        self.chunk_end(at, tls, true);
    }

    /// A chunk of the content is complete: what was folded of it gets its mark. The limit holds for all chunks
    /// of a message together.
    pub(super) fn chunk_end(&mut self, at: Duration, tls: bool, last: bool) {
        let mut lines = Vec::new();
        self.fold().finish(|payload| lines.push(payload));
        self.put_content(at, lines, tls, false);
        if last {
            self.fold = None;
        }
    }

    fn put_content(&mut self, at: Duration, lines: Vec<Payload>, tls: bool, typed: bool) {
        self.content_tls = tls;
        for line in lines {
            self.put(at, EntryKind::Sent { tls, line }, typed);
        }
    }

    /// An event of the session.
    pub(super) fn event(&mut self, at: Duration, event: &Event, by: &ClosedBy) {
        match event {
            Event::Stray(_) => {}
            Event::Reply(answer) => {
                self.quirks(at, &answer.reply.quirks_of_whole());
                self.quirks(at, &answer.quirks());
            }
            Event::Upgrade { discarded } if !discarded.is_empty() => {
                self.quirks(at, &[Quirk::PlaintextAfterStartTls { bytes: discarded.len() }]);
            }
            Event::Upgrade { .. } => {}
            Event::TimedOut { command, limit } => {
                let info = Info::Timeout { what: command.name().to_owned(), after: Some(*limit) };
                self.put(at, EntryKind::Info(info), false);
            }
            Event::Exceeded(what) => self.exceeded(at, *what),
            Event::Closed { .. } => {
                // Of a message that was cut off, a line without an end may have been sent.
                self.content_end(at, self.content_tls);
                self.put(at, EntryKind::Info(Info::Closed { by: by.clone() }), false);
            }
        }
    }

    /// A line came in. `mechanism` is that of the AUTH exchange under way, or of the last one.
    pub(super) fn received(&mut self, at: Duration, line: ReplyLine<'_>, tls: bool, mechanism: Option<&str>) {
        let error = line.code.is_none_or(|code| code.is_error());
        let mut payload = redact::received(line.line.bytes, mechanism);
        // What is shown of a challenge is what it decodes to.
        if let Some(challenge) = line.line.bytes.strip_prefix(b"334 ")
            && redact::base64_loose(challenge).is_some_and(|plain| self.known.occurs_in(&plain))
        {
            payload = Payload::from_bytes(b"334 ");
            payload.push(Piece::Secret(SecretMark::echo()));
        }
        payload.ending = line.line.ending.into();
        self.put(at, EntryKind::Received { tls, error, line: payload }, false);
        self.quirks(at, &line.quirks());
    }

    fn quirks(&mut self, at: Duration, quirks: &[Quirk]) {
        for quirk in quirks {
            self.put(at, EntryKind::Info(Info::Quirk(quirk.to_string())), false);
        }
    }

    fn exceeded(&mut self, at: Duration, what: Exceeded) {
        let text = format!("the server sent {what}; nothing more is read");
        self.put(at, EntryKind::Problem(text), false);
    }

    fn keep_standing(&mut self, entry: &Entry) {
        match &entry.kind {
            EntryKind::Info(Info::Connected { .. } | Info::Tls(_)) => self.standing.push(entry.clone()),
            EntryKind::Info(Info::Closed { .. }) => self.standing.clear(),
            _ => {}
        }
    }

    fn put(&mut self, at: Duration, kind: EntryKind, typed: bool) {
        let mut entry = Entry::new(at, kind);
        self.known.mask_entry(&mut entry);
        self.keep_standing(&entry);
        if let Some(recorder) = &mut self.recorder
            && let Err(words) = recorder.entry(&entry, typed)
        {
            self.record_failed(words);
        }
        self.show(&entry, typed);
    }
}
