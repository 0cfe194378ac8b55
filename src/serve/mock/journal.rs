//! What one client sent, redacted as every transcript is, and kept as one where that is asked for.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, Local};

use crate::secret::Secret;
use crate::session::State;
use crate::transcript::redact::{self, SentKind};
use crate::transcript::{
    ClosedBy, ContentFold, Entry, EntryKind, Header, Info, Known, Payload, Recorder, TlsSummary,
};
use crate::transport::io_words;
use crate::wire::{CommandLine, Line, ReplyLine, Verb, escape};

/// Follows one session.
pub(super) struct Journal {
    /// When the link was opened, for the header.
    pub(super) began: DateTime<Local>,
    /// The same moment, that times count from.
    started: Instant,
    /// What is masked wherever it turns up: the password that the server was told, and what clients sent in AUTH.
    known: Known,
    /// The mechanism of the AUTH exchange under way, or of the last one.
    mechanism: Option<String>,
    fold: ContentFold,
    tls: bool,
    keeping: Keeping,
    /// Why the file is not whole.
    pub(super) lost: Option<String>,
}

/// What becomes of entries.
enum Keeping {
    /// They wait: a port that is only tried leaves no file.
    Waiting(Vec<Entry>),
    /// They go to a file, if the session is kept.
    Begun(Option<Recorder<File>>),
}

/// The highest number that a session in this folder has; 0 where there is none, or where the folder cannot be read, which
/// shows when a file is made in it.
pub(super) fn last_number(dir: &Path) -> usize {
    let number = |name: &OsStr| {
        let digits = name.to_str()?.strip_prefix("session-")?.strip_suffix(".heloise")?;
        digits.parse::<u32>().ok()
    };
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| number(&file.file_name())).max().unwrap_or(0) as usize
}

/// Makes the file of a session, for its owner alone: the first number from `number` on that is free in the folder. Says
/// which it is.
pub(super) fn create(
    dir: &Path,
    number: usize,
    began: DateTime<Local>,
) -> Result<(Recorder<File>, usize), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = number;
    loop {
        let path = dir.join(format!("session-{number:04}.heloise"));
        let shown = escape::visible(path.as_os_str().as_encoded_bytes());
        let fail = |words: String| format!("cannot write {shown}: {words}");
        let file = match options.open(&path) {
            // Of another run at the same time.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                number += 1;
                continue;
            }
            opened => opened.map_err(|error| fail(io_words(&error)))?,
        };
        let mut header = Header::new("", began.fixed_offset());
        header.target = None;
        let recorder = Recorder::new(file, &header).map_err(|error| fail(error.to_string()))?;
        return Ok((recorder, number));
    }
}

impl Journal {
    /// `secret` is the password that the server was told.
    pub(super) fn new(secret: Option<&Secret>) -> Journal {
        let mut known = Known::new();
        if let Some(secret) = secret {
            known.add(secret);
        }
        Journal {
            began: Local::now(),
            started: Instant::now(),
            known,
            mechanism: None,
            fold: ContentFold::new(ContentFold::DEFAULT_LIMIT, true),
            tls: false,
            keeping: Keeping::Waiting(Vec::new()),
            lost: None,
        }
    }

    /// It is a session. It is kept from its beginning, if there is a recorder.
    pub(super) fn keep(&mut self, recorder: Option<Recorder<File>>) {
        if let Keeping::Waiting(early) = std::mem::replace(&mut self.keeping, Keeping::Begun(recorder)) {
            early.into_iter().for_each(|entry| self.store(entry));
        }
    }

    fn put(&mut self, kind: EntryKind) {
        let mut entry = Entry::new(self.started.elapsed(), kind);
        self.known.mask_entry(&mut entry);
        self.store(entry);
    }

    fn store(&mut self, entry: Entry) {
        match &mut self.keeping {
            Keeping::Waiting(early) => early.push(entry),
            Keeping::Begun(Some(recorder)) => {
                // The first failure is told in the end; the session goes on.
                if let Err(error) = recorder.record(&entry) {
                    self.lost = Some(error.to_string());
                }
            }
            Keeping::Begun(None) => {}
        }
    }

    /// The link is encrypted.
    pub(super) fn secured(&mut self) {
        self.tls = true;
        self.put(EntryKind::Info(Info::Tls(TlsSummary::default())));
    }

    /// The client sent a command. Gives it back as it may be shown.
    pub(super) fn command(&mut self, line: &Line, state: &State) -> Payload {
        let kind = match is_stray_answer(&line.bytes, state) {
            true => SentKind::AuthResponse { mechanism: None, step: 0, challenge: None },
            false => SentKind::Command,
        };
        self.mechanism.clone_from(&state.mechanism);
        self.sent(line, kind)
    }

    /// The client answered a challenge. Gives the answer back as it may be shown.
    pub(super) fn answer(&mut self, line: &Line, state: &State) -> Payload {
        let (mechanism, challenge) = (state.mechanism.as_deref(), state.challenge.as_deref());
        // The answer at hand is counted already.
        let step = state.auth_steps.saturating_sub(1);
        self.sent(line, SentKind::AuthResponse { mechanism, step, challenge })
    }

    fn sent(&mut self, line: &Line, kind: SentKind<'_>) -> Payload {
        let mut payload = redact::sent(&line.bytes, kind).with_ending(line.ending.into());
        if payload.secrets().next().is_some() {
            self.known.learn(&line.bytes, kind);
        }
        self.known.mask(&mut payload);
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
            self.put(EntryKind::Sent { tls: self.tls, line: Payload::from_bytes(".") });
        }
    }

    fn put_content(&mut self, lines: Vec<Payload>) {
        for line in lines {
            self.put(EntryKind::Sent { tls: self.tls, line });
        }
    }

    /// We answer with these bytes.
    pub(super) fn said(&mut self, bytes: &[u8]) {
        for raw in bytes.split_inclusive(|b| *b == b'\n') {
            let ending = Payload::from_raw(raw).ending;
            let text = raw.strip_suffix(ending.as_bytes()).unwrap_or(raw);
            let line = redact::received(text, self.mechanism.as_deref()).with_ending(ending);
            let error = ReplyLine::crlf(text).code.is_none_or(|code| code.is_error());
            self.put(EntryKind::Received { tls: self.tls, error, line });
        }
    }

    /// The same words without the secrets of this session.
    pub(super) fn clean(&self, mut words: String) -> String {
        self.known.mask_text(&mut words);
        words
    }

    /// The session is over, perhaps in the midst of content.
    pub(super) fn over(&mut self, by: ClosedBy) {
        self.end_of_content(false);
        self.put(EntryKind::Info(Info::Closed { by }));
    }
}

/// Whether a line that is no known command may have been meant as an answer in an AUTH exchange that the server had refused,
/// or that was over: as a client sends it which does not wait for the challenge, or does not read the reply.
fn is_stray_answer(line: &[u8], state: &State) -> bool {
    let meant = state.auth_refused || redact::is_whole_base64(line) && state.mechanism.is_some();
    meant && matches!(CommandLine::parse(line).verb, Verb::Other(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_session_of_a_folder_is_known_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last_number(dir.path()), 0);
        for name in
            ["session-0002.heloise", "session-12345.heloise", "session-99999999999999999999.heloise", "x"]
        {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(last_number(dir.path()), 12_345);
        assert_eq!(last_number(&dir.path().join("x")), 0);
    }
}
