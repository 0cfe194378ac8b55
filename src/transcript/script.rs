//! A transcript as a script: the steps of its client, for `rerun`, and the replies of its server, for `serve`.

use std::time::Duration;

use crate::wire::{ReplyCode, Verb};

use self::alike::{nearness, same_kind, same_line};
use super::turns::{Heard, Said, Turn};
use super::{Entry, EntryKind, Info, Payload, Piece, SecretMark};

/// A step of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this line, a command.
    Send(Payload),
    /// Send this line as the answer to a challenge; it holds no secret that was taken out, as `*` does not.
    Answer(Payload),
    /// Authenticate: the command or the answer held a secret, which has to be asked for.
    Authenticate {
        /// The mechanism.
        mechanism: String,
        /// The user name, where the transcript has it.
        user: Option<String>,
    },
    /// Upgrade the link to TLS (the STARTTLS command included).
    StartTls(Payload),
    /// Send a message after DATA's 354; the lone dot follows.
    Content(Vec<Payload>),
    /// Send a chunk: the BDAT command and what follows it.
    Chunk(Payload, Vec<Payload>),
}

/// A step, and what the server said to it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What to do.
    pub step: Step,
    /// How long the client waited before it, where the transcript has times.
    pub pause: Option<Duration>,
    /// The number of the turn it comes from, and, for [`Step::Authenticate`], of the last turn of the
    /// exchange.
    pub turns: (usize, usize),
    /// What the server answered in the end.
    pub heard: Vec<Heard>,
}

/// Why a transcript cannot be run again as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRunnable {
    /// Something was left out of a line, and it is no secret that can be asked for.
    #[error("turn {turn}: \"{shown}\" has parts that the transcript does not hold")]
    LeftOut {
        /// Number of the turn, from 1.
        turn: usize,
        /// The line.
        shown: String,
    },
}

fn is_secret(line: &Payload) -> Option<&SecretMark> {
    line.secrets().find(|mark| !mark.echo)
}

fn whole(line: &Payload, turn: usize) -> Result<Payload, NotRunnable> {
    match line.pieces.iter().all(|piece| matches!(piece, Piece::Bytes(_))) {
        true => Ok(line.clone()),
        false => Err(NotRunnable::LeftOut { turn: turn + 1, shown: line.to_visible() }),
    }
}

/// The steps of the client. Folded content is given as it stands, with its [`Piece::Data`] mark: the one who
/// runs it decides what to send in its place.
pub fn tasks(turns: &[Turn]) -> Result<Vec<Task>, NotRunnable> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut heard_at: Option<Duration> = None;
    for (index, turn) in turns.iter().enumerate() {
        let pause = turn.at.zip(heard_at).map(|(at, before)| at.saturating_sub(before));
        let before = heard_at;
        heard_at = turn.heard.last().and_then(|heard| heard.at).or(turn.at);
        let step = match &turn.said {
            Said::Nothing => {
                heard_at = heard_at.or(before);
                continue;
            }
            Said::Command { verb: Verb::Auth, line, .. } => auth_step(line, turns.get(index + 1)),
            Said::Answer { .. } => {
                // Part of the exchange that the AUTH command began, unless each of its lines is known.
                if join_exchange(&mut tasks, index, turn) {
                    continue;
                }
                Step::Answer(whole(answer_line(turn), index)?)
            }
            Said::Command { verb: Verb::StartTls, line, .. } if turn.upgraded => Step::StartTls(line.clone()),
            Said::Command { line, chunk, .. } if !chunk.is_empty() => {
                Step::Chunk(whole(line, index)?, chunk.clone())
            }
            Said::Command { line, .. } => Step::Send(whole(line, index)?),
            Said::Content(lines) => Step::Content(lines.clone()),
        };
        tasks.push(Task { step, pause, turns: (index, index), heard: turn.heard.clone() });
    }
    Ok(tasks)
}

fn answer_line(turn: &Turn) -> &Payload {
    static EMPTY: Payload = Payload { pieces: Vec::new(), ending: super::LineEnd::CrLf };
    match &turn.said {
        Said::Answer { line, .. } | Said::Command { line, .. } => line,
        _ => &EMPTY,
    }
}

fn auth_step(line: &Payload, next: Option<&Turn>) -> Step {
    let next = next.filter(|turn| matches!(turn.said, Said::Answer { .. })).map(answer_line);
    let Some(mark) = is_secret(line).or_else(|| next.and_then(is_secret)) else {
        return Step::Send(line.clone());
    };
    let mut words = line.head().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
    let word = words.next().map(|word| String::from_utf8_lossy(word).into_owned());
    let mechanism = word.or_else(|| mark.sasl.clone()).unwrap_or_default();
    Step::Authenticate { mechanism, user: mark.user.clone() }
}

/// Lets the last task, when it authenticates, take this answer in.
fn join_exchange(tasks: &mut [Task], index: usize, turn: &Turn) -> bool {
    let Some(Task { step: Step::Authenticate { user, .. }, turns, heard, .. }) = tasks.last_mut() else {
        return false;
    };
    if user.is_none() {
        *user = is_secret(answer_line(turn)).and_then(|mark| mark.user.clone());
    }
    turns.1 = index;
    *heard = turn.heard.clone();
    true
}

/// How a mock server finds the reply to a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Match {
    /// By verb; where the transcript has several of it, by the nearest argument, then in order.
    #[default]
    Lenient,
    /// Only the very next command of the transcript, byte for byte (secrets and volatile parts aside).
    Strict,
}

/// What the mock server does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The turn whose replies to send.
    pub turn: &'a Turn,
    /// Its number, from 0.
    pub index: usize,
}

/// A transcript as the memory of a mock server: what to say to which command. Each connection has its own
/// [`Place`] in it.
#[derive(Clone, Debug)]
pub struct Mock {
    turns: Vec<Turn>,
    implicit_tls: bool,
}

/// Where in the transcript a connection is: the turn after the one answered last, and which were used.
#[derive(Clone, Debug, Default)]
pub struct Place {
    next: usize,
    used: Vec<bool>,
    tls: bool,
}

impl Place {
    /// The connection is encrypted: it is answered as it was over TLS.
    pub fn secured(&mut self) {
        self.tls = true;
    }
}

impl Mock {
    /// From the entries of a session; only the first session of a file counts.
    pub fn new<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let first = entries.into_iter().take_while(|entry| !matches!(entry.kind, EntryKind::Session(_)));
        let entries: Vec<&Entry> = first.collect();
        let before_wire = entries.iter().take_while(|entry| entry.line().is_none());
        let implicit_tls = before_wire.clone().any(|e| matches!(e.kind, EntryKind::Info(Info::Tls(_))))
            || entries.iter().find_map(|entry| entry.tls()).unwrap_or(false);
        Mock { turns: super::turns::turns(entries.iter().copied()), implicit_tls }
    }

    /// Whether the link was encrypted before the greeting.
    pub fn implicit_tls(&self) -> bool {
        self.implicit_tls
    }

    /// Whether the server took STARTTLS.
    pub fn starttls(&self) -> bool {
        self.turns.iter().any(|turn| turn.upgraded && turn.verb() == Some(&Verb::StartTls))
    }

    /// All turns.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// What to greet with; nothing for a transcript without a greeting.
    pub fn greeting(&self) -> Option<Found<'_>> {
        let turn = self.turns.first().filter(|turn| turn.said == Said::Nothing)?;
        Some(Found { turn, index: 0 })
    }

    /// The turn that answers what the client said. Nothing means that the transcript has no answer (503).
    pub fn find(&self, place: &mut Place, said: &Said, how: Match) -> Option<Found<'_>> {
        place.used.resize(self.turns.len(), false);
        let index = match how {
            Match::Strict => self.next_turn(place).filter(|index| self.equal(*index, said)),
            Match::Lenient => self.nearest(place, said),
        }?;
        place.next = index + 1;
        if let Some(used) = place.used.get_mut(index) {
            *used = true;
        }
        Some(Found { turn: self.turns.get(index)?, index })
    }

    /// The end of the exchange that an AUTH command begins: the turn that answered its last response. The place
    /// moves behind it. It is the command's own turn where that was not answered by a challenge.
    pub fn exchange(&self, place: &mut Place, said: &Said, how: Match) -> Option<Found<'_>> {
        let first = self.find(place, said, how)?;
        let answers = self
            .turns
            .iter()
            .skip(first.index + 1)
            .take_while(|turn| matches!(turn.said, Said::Answer { .. }));
        let answers = if first.turn.code() == Some(ReplyCode::CHALLENGE) { answers.count() } else { 0 };
        let index = first.index + answers;
        place.next = index + 1;
        for used in place.used.iter_mut().take(index + 1).skip(first.index) {
            *used = true;
        }
        Some(Found { turn: self.turns.get(index)?, index })
    }

    /// What the server said unasked right after the turn answered last, such as a 421.
    pub fn unasked(&self, place: &mut Place) -> Option<Found<'_>> {
        let index = place.next.max(1);
        let turn = self.turns.get(index).filter(|turn| turn.said == Said::Nothing)?;
        place.next = index + 1;
        Some(Found { turn, index })
    }

    /// What a strict client should say next.
    pub fn expected(&self, place: &Place) -> Option<&Turn> {
        self.next_turn(place).and_then(|index| self.turns.get(index))
    }

    fn next_turn(&self, place: &Place) -> Option<usize> {
        let from = self.turns.iter().enumerate().skip(place.next);
        from.filter(|(_, turn)| turn.said != Said::Nothing).map(|(index, _)| index).next()
    }

    fn equal(&self, index: usize, said: &Said) -> bool {
        match (self.turns.get(index).map(|turn| &turn.said), said) {
            (Some(Said::Command { line: a, .. }), Said::Command { line: b, .. }) => same_line(a, b),
            (Some(Said::Answer { .. }), Said::Answer { .. }) => true,
            (Some(Said::Content(_)), Said::Content(_)) => true,
            _ => false,
        }
    }

    /// The best turn of the same kind: the nearest argument first, then one over a link of the same sort, then one not used
    /// yet, then the next one in order, and last one from before. A link is not encrypted twice.
    fn nearest(&self, place: &Place, said: &Said) -> Option<usize> {
        let fits = |turn: &Turn| same_kind(&turn.said, said) && !(place.tls && turn.upgraded);
        let candidates = self.turns.iter().enumerate().filter(|(_, turn)| fits(turn));
        let rank = |(index, turn): &(usize, &Turn)| {
            let used = place.used.get(*index).copied().unwrap_or(false);
            let behind = *index < place.next;
            let distance = if behind { self.turns.len() + place.next - index } else { index - place.next };
            let other_link = turn.tls != place.tls;
            (std::cmp::Reverse(nearness(&turn.said, said)), other_link, used, behind, distance)
        };
        candidates.min_by_key(rank).map(|(index, _)| index)
    }
}

mod alike;
#[cfg(test)]
mod tests;
