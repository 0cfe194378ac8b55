//! Reply codes: what each means after which command.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Meaning, ReasonRow, Table, command, reason, table};
use crate::explain::Reason;
use crate::explain::situation::usual_verb;
use crate::session::Phase;
use crate::wire::{ReplyCode, Verb};

/// The meaning of a code: a row of `replies.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyRow {
    /// `550`, or `55x`, or `5xx`.
    pub code: &'static str,
    /// Verbs after which this holds (`CONNECT` for the greeting, `CONTENT` for the reply to the final dot);
    /// none means any.
    #[serde(default)]
    pub after: Vec<&'static str>,
    /// The meaning, as a clause.
    pub meaning: &'static str,
    /// The headline where the reason is the row's own; else that of the reason.
    #[serde(default)]
    pub short: Option<&'static str>,
    /// The document and section that say so.
    pub source: &'static str,
    /// The reason it points to, if to one.
    #[serde(default)]
    pub reason: Option<&'static str>,
    /// How much it counts, 0 to 100.
    #[serde(default)]
    pub weight: u8,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'static"))]
struct File {
    reply: Vec<ReplyRow>,
}

const TABLE: Table = table!("replies");
static REPLIES: LazyLock<Vec<ReplyRow>> = LazyLock::new(|| TABLE.rows::<File>().reply);

/// A row with what it comes to.
#[derive(Debug)]
pub(crate) struct Coded {
    /// The row.
    pub row: &'static ReplyRow,
    /// Whether it is for more codes than one.
    pub general: bool,
    /// The reason that it points to, if to one.
    pub reason: Option<(Reason, &'static ReasonRow)>,
}

impl Coded {
    fn of(row: &'static ReplyRow) -> Coded {
        Coded { row, general: row.code.contains('x'), reason: row.reason.and_then(reason) }
    }
}

/// The rows for each code that has some of its own.
static BY_CODE: LazyLock<BTreeMap<u16, Vec<Coded>>> = LazyLock::new(|| {
    let mut map: BTreeMap<u16, Vec<Coded>> = BTreeMap::new();
    for row in REPLIES.iter() {
        if let Ok(code) = row.code.parse() {
            map.entry(code).or_default().push(Coded::of(row));
        }
    }
    map
});

/// The rows for more codes than one.
static GENERAL: LazyLock<Vec<Coded>> =
    LazyLock::new(|| REPLIES.iter().filter(|row| row.code.contains('x')).map(Coded::of).collect());

/// All rows, in the order of the file.
pub fn reply_rows() -> &'static [ReplyRow] {
    &REPLIES
}

/// What a code means after this command, or in this phase.
pub fn reply_meaning(code: ReplyCode, verb: Option<&Verb>, phase: Phase) -> Option<Meaning> {
    let name = verb_in_phase(verb.map(Verb::as_str), phase);
    best_row(code, name).map(|found| Meaning { text: found.row.meaning, source: found.row.source })
}

/// The name that the table has for a command in a phase.
fn verb_in_phase(verb: Option<&str>, phase: Phase) -> Option<&str> {
    match phase {
        Phase::Data => Some("CONTENT"),
        _ => verb.or_else(|| usual_verb(phase)),
    }
}

/// The most specific row: exact code before pattern, named verb before any.
pub(crate) fn best_row(code: ReplyCode, verb: Option<&str>) -> Option<&'static Coded> {
    let applies =
        |of: &&Coded| of.row.after.is_empty() || verb.is_some_and(|verb| of.row.after.contains(&verb));
    let own = BY_CODE.get(&code.0).into_iter().flatten();
    own.filter(applies)
        .max_by_key(|of| !of.row.after.is_empty())
        .or_else(|| GENERAL.iter().filter(|of| code_matches(of.row.code, code.0)).find(applies))
}

/// Whether a code fits `550`, `55x` or `5xx`.
fn code_matches(pattern: &str, code: u16) -> bool {
    let digits = [code / 100 % 10, code / 10 % 10, code % 10];
    code < 1000
        && pattern.len() == 3
        && pattern.bytes().zip(digits).all(|(p, d)| p == b'x' || u16::from(p.wrapping_sub(b'0')) == d)
}

/// Whether a reply is what everybody expects here, so that a screen can stay quiet.
pub fn is_expected(code: ReplyCode, verb: Option<&Verb>, phase: Phase) -> bool {
    match (verb, phase) {
        (None, Phase::Greeting) => code == ReplyCode::READY,
        (_, Phase::Data) => code.0 == 250,
        (Some(verb), _) => match command(verb.as_str()) {
            Some(row) => row.expected.contains(&code.0),
            None => code.0 / 100 == 2,
        },
        (None, _) => code.0 / 100 == 2,
    }
}

#[cfg(test)]
pub(crate) fn check() -> Result<(), super::TableError> {
    TABLE.check::<File>()
}
