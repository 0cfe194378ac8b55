//! Entries from what a source tells, secrets taken out on the way.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::wire::{CommandLine, ReplyCode, Verb};

use super::super::redact::SentKind;
use super::super::track::{Completed, Role, Tracker, Waiting, reply_line};
use super::super::{
    ClosedBy, Entry, EntryKind, Header, Info, Known, LineEnd, Payload, Piece, SecretMark, TlsSummary, redact,
    scan,
};
use super::{Imported, Source, words};

mod remarks;

/// Gathers the entries of an import.
#[derive(Debug, Default)]
pub(super) struct Builder {
    entries: Vec<Entry>,
    tracker: Tracker,
    redacted: usize,
    /// What was secret so far. It may stand anywhere, and before the login, too: in the command that made the session.
    known: Known,
    /// How many entries were masked already, with all that was known until then.
    masked: usize,
    /// What the client said last, and what it was.
    said: Option<(Role, Zeroizing<Vec<u8>>)>,
    /// Pieces were added to it that stood on lines of their own. They are learnt when the session goes on.
    pieced: bool,
    /// A challenge that was told in words, and for how many more of them its answer is looked for.
    asked: Option<(Vec<u8>, usize)>,
    /// The last remark was a command that turns a secret into base64, and the next line may be what it made.
    encodes: bool,
    comments: usize,
    tls: bool,
    /// A summary under way; it is written before the next line of the wire.
    summary: Option<TlsSummary>,
    /// The server took STARTTLS.
    upgrading: bool,
    /// Where the lines begin that were sent since then, while nothing tells whether they were encrypted.
    unsure: Option<usize>,
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
    /// The server that a connection was tried to, when, and how many entries there were then.
    trying: Option<(usize, Option<Duration>, String)>,
    /// There is a link, as far as was told.
    is_up: bool,
    /// How many waits ran out since the last reply.
    timeouts: usize,
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
        self.up();
        self.summary.get_or_insert_default()
    }

    /// The link is encrypted where the source spoke of TLS, or where its marks do.
    fn settle(&mut self) {
        let upgrading = std::mem::take(&mut self.upgrading);
        if self.summary.is_some() || (upgrading && !self.tls) {
            self.tls = true;
            let summary = self.summary.take().unwrap_or_default();
            self.push(EntryKind::Info(Info::Tls(summary)));
        }
    }

    /// The same before a line of the client where neither tells: what is typed on behind STARTTLS in a program that knows no
    /// TLS goes out in clear.
    fn settle_sent(&mut self, tls: Option<bool>) {
        match (tls, &self.summary) {
            (Some(false), _) => {}
            (None, None) if self.upgrading && !self.tls => {
                self.unsure.get_or_insert(self.entries.len());
            }
            _ => self.settle(),
        }
    }

    /// The same before a line of the server: where it goes on after STARTTLS, it has understood what was sent since then.
    fn settle_received(&mut self, tls: Option<bool>) {
        if let Some(from) = self.unsure.take()
            && self.summary.is_none()
        {
            (self.upgrading, self.tls) = (false, true);
            let lines = self.entries.get_mut(from..).unwrap_or_default();
            let at = lines.first().and_then(|entry| entry.at);
            for entry in lines {
                if let EntryKind::Sent { tls, .. } = &mut entry.kind {
                    *tls = true;
                }
            }
            let kind = EntryKind::Info(Info::Tls(TlsSummary::default()));
            self.entries.insert(from.min(self.entries.len()), Entry { at, kind });
        }
        if tls != Some(false) {
            self.settle();
        }
    }

    /// The client sent a line. `tls` where the source says so itself.
    pub fn sent(&mut self, tls: Option<bool>, bytes: &[u8]) {
        self.sent_line(tls, bytes, LineEnd::CrLf);
    }

    /// The same, where the source tells how the line ended.
    pub fn sent_line(&mut self, tls: Option<bool>, bytes: &[u8], ending: LineEnd) {
        self.up();
        self.settle_sent(tls);
        self.settle_pieces();
        self.asked = None;
        let role = self.role(bytes, ending);
        self.in_message = role == Role::Content;
        let line = match &role {
            // Secrets turn up in messages too, in forwarded debug output for one.
            Role::Content => redact::guess(bytes),
            Role::Command(Verb::Other(_)) if self.is_stray_answer(bytes) => {
                self.learn_stray(bytes);
                let mark =
                    SecretMark { sasl: self.tracker.mechanism().map(str::to_owned), ..SecretMark::default() };
                Payload::from_piece(Piece::Secret(mark))
            }
            role => {
                self.learn(bytes, role.sent_kind());
                redact::sent(bytes, role.sent_kind())
            }
        };
        self.said = Some((role, Zeroizing::new(bytes.to_vec())));
        let line = scan::redact_line(line.with_ending(ending));
        self.redacted += line.secrets().count();
        self.tls = tls.unwrap_or(self.tls);
        self.push(EntryKind::Sent { tls: self.tls, line });
    }

    /// Learns what is secret in a line of the client, told as one or in words.
    fn learn(&mut self, line: &[u8], kind: SentKind<'_>) {
        self.make_room();
        self.known.learn(line, kind);
    }

    /// Makes room for what is learnt next: what is known is masked in all that came until now, and forgotten. A log of a
    /// thousand logins would take hours if each was hunted for in all entries.
    fn make_room(&mut self) {
        if self.known.is_full() {
            self.mask_known();
            self.known = Known::new();
        }
    }

    /// Learns from an answer that came when none was asked for. Which it is of name and password is not known, but an
    /// address is a name.
    fn learn_stray(&mut self, answer: &[u8]) {
        let named = redact::base64_loose(answer).is_some_and(|plain| words::is_address(&plain));
        if !named {
            self.learn(answer, SentKind::AuthResponse { mechanism: None, step: 0, challenge: None });
        }
    }

    /// What a line of the client is to the session.
    fn role(&mut self, bytes: &[u8], ending: LineEnd) -> Role {
        if self.answers_ahead(bytes) {
            return self.tracker.answered_ahead();
        }
        // No client says more in the same breath as DATA, but for a message.
        if self.tracker.awaits_data() && matches!(CommandLine::parse(bytes).verb, Verb::Other(_)) {
            self.tracker.begin_content();
        }
        self.tracker.sent(&Payload::from_bytes(bytes).with_ending(ending))
    }

    /// Whether a line of the client is an answer in an AUTH exchange that was sent before its challenge came.
    pub fn answers_ahead(&self, bytes: &[u8]) -> bool {
        let word = bytes.trim_ascii();
        let command = !matches!(CommandLine::parse(word).verb, Verb::Other(_));
        self.tracker.may_answer_ahead() && !command && words::is_lone_base64(word)
    }

    /// Whether a line that is no known command was meant as an answer in an AUTH exchange which was over, or had not
    /// begun: who types faster than the server answers sends the password as a command.
    fn is_stray_answer(&self, bytes: &[u8]) -> bool {
        self.tracker.mechanism().is_some() && (redact::is_whole_base64(bytes) || !self.authenticated)
    }

    /// The server sent a line.
    pub fn received(&mut self, tls: Option<bool>, bytes: &[u8]) {
        self.received_line(tls, bytes, LineEnd::CrLf);
    }

    /// The same, where the source tells how the line ended.
    pub fn received_line(&mut self, tls: Option<bool>, bytes: &[u8], ending: LineEnd) {
        self.up();
        self.timeouts = 0;
        if self.tracker.in_content() && !self.tracker.awaits_reply_to_data() {
            self.end_message(tls);
        } else if self.tracker.in_auth() {
            self.sent_placeholder("answer not shown");
        }
        self.settle_received(tls);
        self.settle_pieces();
        self.asked = None;
        let exact = redact::received(bytes, self.tracker.mechanism());
        let line = scan::redact_line(if exact.bytes().is_some() { redact::guess(bytes) } else { exact });
        self.redacted += line.secrets().count();
        self.tls = tls.unwrap_or(self.tls);
        let line = line.with_ending(ending);
        let plain = Payload::from_bytes(bytes).with_ending(ending);
        let completed = self.tracker.received(&plain);
        let exchange = |waiting: &Waiting| matches!(waiting, Waiting::Command(Verb::Auth) | Waiting::Answer);
        if let Some(Completed { code: Some(code), answers: Some(waiting) }) = &completed
            && exchange(waiting)
        {
            self.authenticated = code.0 / 100 == 2;
        }
        if let Some(Completed { code: Some(code), answers }) = &completed
            && !answers.as_ref().is_some_and(exchange)
        {
            self.exchange_cut_off(*code, &plain);
        }
        self.upgrading = completed.is_some_and(|c| {
            c.answers == Some(Waiting::Command(Verb::StartTls))
                && c.code.is_some_and(|code| code.0 / 100 == 2)
        });
        let error = reply_line(&plain).code.is_none_or(|code| code.is_error());
        self.push(EntryKind::Received { tls: self.tls, error, line });
    }

    /// A reply that belongs to an AUTH exchange whose beginning is not in the text.
    fn exchange_cut_off(&mut self, code: ReplyCode, reply: &Payload) {
        if code == ReplyCode::CHALLENGE {
            let challenge = reply_line(reply).text().to_vec();
            self.tracker.challenged(words::mechanism_of(&challenge), &challenge);
        }
        if matches!(code.0, 235 | 334 | 535) {
            self.hide_answer_before();
        }
    }

    /// What was told last was the answer to a challenge, as the reply to it shows.
    fn hide_answer_before(&mut self) {
        let answer = match self.entries.last().map(|entry| &entry.kind) {
            Some(EntryKind::Sent { line, .. }) => line.bytes().unwrap_or_default().to_vec(),
            Some(EntryKind::Comment(text)) => text.clone().into_bytes(),
            _ => return,
        };
        if !words::is_lone_base64(&answer) || !matches!(CommandLine::parse(&answer).verb, Verb::Other(_)) {
            return;
        }
        self.learn_stray(answer.trim_ascii());
        self.redacted += 1;
        match self.entries.last_mut().map(|entry| &mut entry.kind) {
            Some(EntryKind::Sent { line, .. }) => {
                *line = Payload::from_piece(Piece::Secret(SecretMark::default())).with_ending(line.ending);
            }
            Some(EntryKind::Comment(text)) => " {secret}".clone_into(text),
            _ => {}
        }
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

    /// The client tries to connect; nobody knows yet whether the link comes up.
    pub fn trying(&mut self, peer: &str) {
        self.not_connected();
        self.connections += 1;
        self.trying = Some((self.entries.len(), self.at, peer.to_owned()));
        self.is_up = false;
    }

    /// The link is up: with what was tried last, if anything was.
    pub fn up(&mut self) {
        if let Some((_, at, peer)) = self.trying.take() {
            self.connections -= 1;
            let now = std::mem::replace(&mut self.at, at);
            self.connected(&peer, None);
            self.at = now;
        }
        self.is_up = true;
    }

    /// Nothing came of what was tried.
    fn not_connected(&mut self) {
        if let Some((at, _, peer)) = self.trying.take() {
            self.comments += 1;
            let words = EntryKind::Comment(format!(" Trying {peer}"));
            self.entries.insert(at.min(self.entries.len()), Entry { at: None, kind: words });
        }
    }

    pub fn connected(&mut self, peer: &str, local: Option<&str>) {
        self.trying = None;
        (self.is_up, self.timeouts) = (true, 0);
        (self.upgrading, self.unsure) = (false, None);
        let (peer, local) = (peer.to_owned(), local.map(str::to_owned));
        self.tracker = Tracker::new();
        (self.tls, self.authenticated) = (false, false);
        self.connections += 1;
        self.push(EntryKind::Info(Info::Connected { peer, local }));
    }

    /// The link was closed, as `line` says.
    pub fn closed(&mut self, by: ClosedBy, line: &[u8]) {
        if !std::mem::take(&mut self.is_up) {
            return self.comment(line);
        }
        // A link that closes right after the reply to STARTTLS was never encrypted.
        (self.upgrading, self.unsure) = (false, None);
        self.settle();
        self.push(EntryKind::Info(Info::Closed { by }));
    }

    /// The client gave up waiting for a reply after so many seconds.
    pub fn timed_out(&mut self, seconds: f64) {
        self.settle();
        let what = match self.tracker.due_at(self.timeouts) {
            Some(Waiting::Greeting) => "the greeting",
            Some(Waiting::Command(verb)) => verb.as_str(),
            Some(Waiting::Answer) => "the AUTH response",
            Some(Waiting::Content) => "the end of the content",
            None => "reply",
        };
        let info = Info::Timeout { what: what.to_owned(), after: Duration::try_from_secs_f64(seconds).ok() };
        // What was given up stays due: its reply may yet come.
        self.timeouts += 1;
        self.push(EntryKind::Info(info));
    }

    /// The name of the server, where the source has one: explanations depend on it. The port is empty where it is not told.
    pub fn target(&mut self, host: &str, port: &str) {
        let scheme = match port {
            "465" => "smtps",
            "587" => "submission",
            _ => "smtp",
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        let port = if port.is_empty() { String::new() } else { format!(":{port}") };
        let number = port.strip_prefix(':').is_none_or(|port| port.parse::<u16>().is_ok());
        let names = !host.is_empty() && host.bytes().all(plain) && number;
        // A file has one header, whatever else it goes on to.
        if self.connections <= 1 && names {
            self.header.target = Some(format!("{scheme}://{host}{port}"));
        }
    }

    /// Masks what is known wherever it stands. What came before the login, such as the command that made the session, may
    /// hold its secrets, too.
    fn mask_known(&mut self) {
        let fresh = self.entries.get_mut(self.masked..).unwrap_or_default();
        self.redacted += fresh.iter_mut().map(|entry| self.known.mask_entry(entry)).sum::<usize>();
        self.masked = self.entries.len();
        let title = self.header.title.as_mut();
        self.redacted += title.map_or(0, |title| self.known.mask_text(title));
    }

    pub fn finish(mut self, source: Source) -> Imported {
        self.not_connected();
        self.upgrading = false;
        self.settle();
        self.settle_dump();
        self.settle_pieces();
        self.mask_known();
        let mut header = self.header;
        header.client = Some(concat!("heloise ", env!("CARGO_PKG_VERSION")).to_owned());
        header.set("origin", &format!("imported from {}", source.name()));
        let (redacted, comments) = (self.redacted, self.comments);
        Imported { source, header, entries: self.entries, redacted, comments }
    }
}
