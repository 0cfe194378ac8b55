//! What the mock server answers in one session.

use std::sync::Arc;
use std::time::Duration;

use super::journal::Journal;
use super::lmtp;
use super::proof::Proof;
use super::{Script, Shared};
use crate::serve::{Answer, Farewell, Replay, Wit};
use crate::session::{Command, Envelope, Input, Request, State};
use crate::transcript::redact::{self, SentKind};
use crate::transcript::script::{Found, Match, Place};
use crate::transcript::turns::{Heard, Said, Turn};
use crate::transcript::{ClosedBy, Payload};
use crate::wire::{CommandLine, Line, Reply, ReplyCode, Verb};

/// How long a client may be silent where the transcript does not say (RFC 5321 §4.5.3.2.7).
const PATIENCE: Duration = Duration::from_secs(300);

/// A transcript that the session may be one of, and how far it has come in it.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) script: Arc<Script>,
    pub(super) place: Place,
}

/// One client's session with the mock server.
pub(super) struct MockWit {
    pub(super) shared: Arc<Shared>,
    /// Its number, once the client has said something.
    pub(super) number: Option<usize>,
    /// The likeliest first.
    pub(super) parts: Vec<Part>,
    /// The BDAT command whose chunk is under way.
    chunk: Option<Payload>,
    /// Over LMTP, once the content is complete: the transaction whose recipients each get a reply.
    delivered: Envelope,
    /// The AUTH exchange that is not played as recorded.
    pub(super) proof: Option<(Arc<Script>, usize, Proof)>,
    /// What ties an exchange to the TLS link.
    pub(super) binding: Option<Vec<u8>>,
    pub(super) journal: Journal,
    /// When the turn that was answered last was over, in the transcript's time.
    last_at: Option<Duration>,
    pub(super) differed: bool,
    closing: bool,
    /// There were as many clients as are served.
    turned_away: bool,
}

impl MockWit {
    pub(super) fn new(shared: Arc<Shared>, journal: Journal) -> MockWit {
        let part = |script: &Arc<Script>| Part { script: Arc::clone(script), place: Place::default() };
        let parts = shared.scripts.iter().map(part).collect();
        MockWit {
            shared,
            number: None,
            parts,
            chunk: None,
            delivered: Envelope::default(),
            proof: None,
            binding: None,
            journal,
            last_at: None,
            differed: false,
            closing: false,
            turned_away: false,
        }
    }

    /// The reply to what the client said; `shown` is the same, fit to be shown.
    fn reply(&mut self, said: &Said, shown: &Payload) -> Answer {
        if let Some(answer) = self.cancelled(said) {
            return answer;
        }
        self.narrow(said);
        let how = self.shared.how;
        let mut answer = None;
        for part in &mut self.parts {
            let script = Arc::clone(&part.script);
            if let Some(found) = script.mock.find(&mut part.place, said, how) {
                answer.get_or_insert((script.clone(), found.turn.clone(), found.index));
            }
        }
        match answer {
            Some((script, turn, index)) => self.play(&script, &Found { turn: &turn, index }),
            None => self.unknown(said, shown),
        }
    }

    /// Takes note of the first thing that a strict session did otherwise.
    pub(super) fn mismatch(&mut self, shown: &str) {
        if !std::mem::replace(&mut self.differed, true) {
            let expected = self.expected().unwrap_or_else(|| "nothing more".to_owned());
            let words = format!("session {}: expected {expected}, got {shown}", self.begun());
            self.shared.mismatch(self.journal.clean(words));
        }
    }

    /// The number of the session, which begins with this if it has not yet.
    pub(super) fn begun(&mut self) -> usize {
        match self.number {
            Some(number) => number,
            None => *self.number.insert(self.shared.begin(&mut self.journal)),
        }
    }

    /// Drops the transcripts that what the client said tells apart from this session.
    pub(super) fn narrow(&mut self, said: &Said) {
        if self.parts.len() < 2 {
            return;
        }
        if let Said::Command { verb: Verb::Ehlo | Verb::Helo | Verb::Lhlo, line, .. } = said {
            let name = CommandLine::parse(line.head()).rest().to_vec();
            retain_some(&mut self.parts, |part| part.script.knows(&name));
        }
        let finds = |part: &Part, how| part.script.mock.find(&mut part.place.clone(), said, how).is_some();
        retain_some(&mut self.parts, |part| finds(part, Match::Strict));
        if self.shared.how == Match::Lenient {
            retain_some(&mut self.parts, |part| finds(part, Match::Lenient));
        }
    }

    /// The recorded replies of a turn.
    pub(super) fn play(&mut self, script: &Script, found: &Found<'_>) -> Answer {
        let turn = found.turn;
        let delivered = std::mem::take(&mut self.delivered);
        let mut bytes = Vec::new();
        let end = found.index + 1 == script.mock.turns().len();
        let cut = turn.heard.last().is_none_or(|heard| heard.code.is_none());
        let mut last = end && (script.closes || cut) && !turn.upgraded;
        let reply = turn.heard.last().map(|heard| heard.reply());
        match delivered.recipients {
            0 => append(&mut bytes, &turn.heard),
            _ => append(&mut bytes, lmtp::replies(script.mock.turns(), found.index, &delivered)),
        }
        self.last_at = turn.heard.last().and_then(|heard| heard.at).or(turn.at);
        let Some(reply) = reply else {
            self.closing = true;
            return Answer::HangUp;
        };
        if !self.shared.timing {
            // What came unasked comes at once; nobody waits for an hour to see it.
            last |= self.unasked(&mut bytes);
        }
        self.journal.said(&bytes);
        self.closing |= last || turn.verb() == Some(&Verb::Quit);
        Answer::Replay(Replay { after: self.delay(turn), bytes, reply, last })
    }

    /// Appends what the server says unasked at this place. True when it ends the session.
    fn unasked(&mut self, bytes: &mut Vec<u8>) -> bool {
        let mut last = false;
        let Some(part) = self.parts.first_mut() else { return false };
        while let Some(found) = part.script.mock.unasked(&mut part.place) {
            append(bytes, &found.turn.heard);
            let end = found.index + 1 == part.script.mock.turns().len() && part.script.closes;
            last |= end || found.turn.code() == Some(ReplyCode::UNAVAILABLE);
        }
        last
    }

    /// When the server speaks up unasked, if it does so next, after the client has been silent.
    fn unasked_at(&self) -> Option<Duration> {
        let part = self.parts.first()?;
        let found = part.script.mock.unasked(&mut part.place.clone())?;
        found.turn.heard.first()?.at
    }

    fn delay(&self, turn: &Turn) -> Duration {
        let first = turn.heard.first();
        let (asked, answered) =
            (first.and_then(|heard| heard.asked).or(turn.at), first.and_then(|heard| heard.at));
        match (self.shared.timing, asked, answered) {
            (true, Some(asked), Some(answered)) => answered.saturating_sub(asked),
            _ => Duration::ZERO,
        }
    }

    /// The transcript has no answer.
    fn unknown(&mut self, said: &Said, shown: &Payload) -> Answer {
        let replies = std::mem::take(&mut self.delivered).recipients.max(1);
        if self.shared.how == Match::Strict {
            self.mismatch(&shown.to_visible());
            return self.say(&"503 5.5.1 The transcript goes on in another way\r\n".repeat(replies));
        }
        let verb = match said {
            Said::Command { verb, .. } => Some(verb),
            _ => None,
        };
        self.say(&match verb {
            Some(Verb::Quit) => "221 2.0.0 Bye\r\n".to_owned(),
            Some(Verb::Noop | Verb::Rset) => "250 2.0.0 Ok\r\n".to_owned(),
            _ => "503 5.5.1 The transcript has no answer to this\r\n".repeat(replies),
        })
    }

    pub(super) fn say(&mut self, text: &str) -> Answer {
        let bytes = text.as_bytes().to_vec();
        self.journal.said(&bytes);
        let none = Reply::default();
        let reply = Reply::read_all(&bytes).into_iter().next().unwrap_or(none);
        Answer::Replay(Replay { after: Duration::ZERO, bytes, reply, last: false })
    }

    /// What the client should say next.
    fn expected(&self) -> Option<String> {
        let part = self.parts.first()?;
        part.script.mock.expected(&part.place).map(shown)
    }
}

/// What the client says in a turn, fit to be shown: a transcript that was written by hand may hold secrets.
fn shown(turn: &Turn) -> String {
    let (line, kind) = match &turn.said {
        Said::Command { line, .. } => (line, SentKind::Command),
        Said::Answer { line, mechanism } => {
            (line, SentKind::AuthResponse { mechanism: Some(mechanism), step: 0, challenge: None })
        }
        Said::Nothing | Said::Content(_) => return turn.label(),
    };
    line.bytes().map_or_else(|| turn.label(), |bytes| redact::sent(bytes, kind).to_visible())
}

/// Keeps what fits, if anything does.
fn retain_some(parts: &mut Vec<Part>, fits: impl Fn(&Part) -> bool) {
    if parts.iter().any(&fits) {
        parts.retain(fits);
    }
}

fn append<'a>(bytes: &mut Vec<u8>, heard: impl IntoIterator<Item = &'a Heard>) {
    for line in heard.into_iter().flat_map(|heard| &heard.lines) {
        bytes.extend(line.wire_bytes());
    }
}

/// The octets of the chunk that a BDAT command announces (RFC 3030 §2).
fn chunk_size(line: &Line) -> Option<u64> {
    let text = String::from_utf8_lossy(&line.bytes).into_owned();
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

impl Wit for MockWit {
    fn secured(&mut self, binding: Option<Vec<u8>>) {
        self.binding = binding;
        self.parts.iter_mut().for_each(|part| part.place.secured());
        self.journal.secured();
    }

    fn greet(&mut self, _state: &State) -> Answer {
        let Some(script) = self.parts.first().map(|part| Arc::clone(&part.script)) else {
            return Answer::HangUp;
        };
        match script.mock.greeting() {
            Some(found) => self.play(&script, &found),
            None if script.mock.turns().is_empty() => {
                self.closing = true;
                Answer::HangUp
            }
            None => self.say("220 localhost ESMTP\r\n"),
        }
    }

    fn answer(&mut self, request: &Request, state: &State) -> Answer {
        self.begun();
        match request {
            Request::Content(line) => {
                self.journal.content(&line.bytes);
                self.journal.content(Payload::from_line(line.as_ref()).ending.as_bytes());
                Answer::Go
            }
            Request::Chunk(bytes) => {
                self.journal.content(bytes);
                Answer::Go
            }
            Request::Exceeded(_) => self.say("500 5.5.6 The line is too long\r\n"),
            Request::AuthResponse(line) => {
                let shown = self.journal.answer(line, state);
                match &mut self.proof {
                    Some(_) if line.bytes == b"*" => self.proof = None,
                    Some((_, _, proof)) => {
                        let next = proof.step(&line.bytes);
                        return self.proved(next);
                    }
                    None => {}
                }
                let mechanism = state.mechanism.clone().unwrap_or_default();
                self.reply(&Said::Answer { mechanism, line: Payload::from_line(line.as_ref()) }, &shown)
            }
            Request::Command(command, line) => {
                let shown = self.journal.command(line, state);
                let payload = Payload::from_line(line.as_ref());
                if matches!(command.input, Input::Bdat | Input::BdatLast)
                    && let Some(octets) = chunk_size(line)
                {
                    self.chunk = Some(payload);
                    return Answer::Chunk(octets);
                }
                let verb = command.verb.clone().unwrap_or(Verb::Noop);
                let said = Said::Command { verb, line: payload, chunk: Vec::new() };
                self.exchange(&said, state).unwrap_or_else(|| self.reply(&said, &shown))
            }
            Request::EndOfContent => {
                let chunk = self.chunk.take();
                self.journal.end_of_content(chunk.is_none());
                let complete =
                    chunk.as_ref().is_none_or(|line| Command::of_line(line.head()).input == Input::BdatLast);
                if complete && state.greeted == Some(Verb::Lhlo) {
                    self.delivered.clone_from(&state.envelope);
                }
                let said = match chunk {
                    Some(line) => Said::Command { verb: Verb::Bdat, line, chunk: Vec::new() },
                    None => Said::Content(Vec::new()),
                };
                self.reply(&said, &Payload::from_bytes("a message"))
            }
        }
    }

    fn patience(&self) -> Duration {
        match (self.unasked_at(), self.last_at) {
            (Some(at), Some(last)) if self.shared.timing => at.saturating_sub(last),
            _ => PATIENCE,
        }
    }

    fn farewell(&mut self, why: Farewell) -> Answer {
        self.closing = true;
        if why == Farewell::TooManyClients {
            self.shared.report(|report| report.turned_away += 1);
            self.turned_away = true;
            return self.say("421 4.3.2 Too many clients at a time\r\n");
        }
        let mut bytes = Vec::new();
        if why == Farewell::Idle && self.shared.timing {
            self.unasked(&mut bytes);
        }
        match String::from_utf8(bytes) {
            Ok(text) if !text.is_empty() => self.say(&text),
            _ => self.say("421 4.3.2 The mock server ends this session\r\n"),
        }
    }
}

impl Drop for MockWit {
    fn drop(&mut self) {
        let expected = self.expected().filter(|next| !next.eq_ignore_ascii_case("QUIT"));
        // A port that was only tried is no session, unless nothing was to be said there.
        if self.turned_away || self.number.is_none() && expected.is_some() {
            return;
        }
        let number = self.begun();
        self.journal.over(if self.closing { ClosedBy::Server } else { ClosedBy::Client });
        if let Some(next) = &expected
            && self.shared.how == Match::Strict
            && !self.differed
        {
            let words = format!("session {number}: the client left before {next}");
            self.shared.mismatch(self.journal.clean(words));
        }
        if let Some(words) = self.journal.lost.take() {
            self.shared.report(|report| report.not_recorded(format!("session {number}: {words}")));
        }
        self.shared.ended.notify_one();
    }
}
