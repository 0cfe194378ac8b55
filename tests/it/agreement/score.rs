//! Labelled replies, and whether they are read as their label says.

use std::collections::HashMap;

use heloise::explain::{Explanation, Phase, Situation, explain};
use heloise::wire::{CommandLine, Reply, ReplyLine, Verb};
use serde_json::Value;

const REASONS: &str = include_str!("../../corpus/reasons.tsv");

/// A file of labelled replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    Dev,
    Extra,
    Tuning,
    Memory,
    HeldOut,
    /// A second pair of files, gathered when the tables had been tuned with the first.
    SecondTuning,
    SecondHeldOut,
    /// A third pair, gathered likewise later.
    ThirdTuning,
    ThirdHeldOut,
    /// A fourth, smaller pair.
    FourthTuning,
    FourthHeldOut,
    /// A fifth file, of which no row was used to change anything.
    FifthHeldOut,
    /// A sixth, much larger pair; its tuning set holds known wording, too.
    SixthTuning,
    SixthHeldOut,
    /// A seventh pair, gathered without sight of the tables; in new wording alone.
    SeventhTuning,
    SeventhHeldOut,
    /// An eighth, smaller pair, gathered likewise where people ask for help.
    EighthTuning,
    EighthHeldOut,
}

impl Set {
    pub const ALL: [Set; 18] = [
        Set::Dev,
        Set::Extra,
        Set::Tuning,
        Set::Memory,
        Set::HeldOut,
        Set::SecondTuning,
        Set::SecondHeldOut,
        Set::ThirdTuning,
        Set::ThirdHeldOut,
        Set::FourthTuning,
        Set::FourthHeldOut,
        Set::FifthHeldOut,
        Set::SixthTuning,
        Set::SixthHeldOut,
        Set::SeventhTuning,
        Set::SeventhHeldOut,
        Set::EighthTuning,
        Set::EighthHeldOut,
    ];
    /// Those whose rows nobody looks at while the tables are changed.
    pub const UNSEEN: [Set; 8] = [
        Set::HeldOut,
        Set::SecondHeldOut,
        Set::ThirdHeldOut,
        Set::FourthHeldOut,
        Set::FifthHeldOut,
        Set::SixthHeldOut,
        Set::SeventhHeldOut,
        Set::EighthHeldOut,
    ];

    pub fn rows(self) -> Vec<Value> {
        let json = |text: &str| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        match self {
            Set::Dev => json(include_str!("../../corpus/replies-dev.jsonl")),
            Set::Extra => json(include_str!("../../corpus/replies-extra.jsonl")),
            Set::Tuning => json(include_str!("../../corpus/replies-tuning.jsonl")),
            Set::HeldOut => json(include_str!("../../corpus/replies-held-out.jsonl")),
            Set::SecondTuning => json(include_str!("../../corpus/replies-second-tuning.jsonl")),
            Set::SecondHeldOut => json(include_str!("../../corpus/replies-second-held-out.jsonl")),
            Set::ThirdTuning => json(include_str!("../../corpus/replies-third-tuning.jsonl")),
            Set::ThirdHeldOut => json(include_str!("../../corpus/replies-third-held-out.jsonl")),
            Set::FourthTuning => json(include_str!("../../corpus/replies-fourth-tuning.jsonl")),
            Set::FourthHeldOut => json(include_str!("../../corpus/replies-fourth-held-out.jsonl")),
            Set::FifthHeldOut => json(include_str!("../../corpus/replies-fifth-held-out.jsonl")),
            Set::SixthTuning => json(include_str!("../../corpus/replies-sixth-tuning.jsonl")),
            Set::SeventhTuning => json(include_str!("../../corpus/replies-seventh-tuning.jsonl")),
            Set::SixthHeldOut => json(include_str!("../../corpus/replies-sixth-held-out.jsonl")),
            Set::SeventhHeldOut => json(include_str!("../../corpus/replies-seventh-held-out.jsonl")),
            Set::EighthTuning => json(include_str!("../../corpus/replies-eighth-tuning.jsonl")),
            Set::EighthHeldOut => json(include_str!("../../corpus/replies-eighth-held-out.jsonl")),
            Set::Memory => memory(),
        }
    }
}

/// The rows of `written-from-memory.tsv` in the form of the others.
fn memory() -> Vec<Value> {
    let lines = include_str!("../../corpus/written-from-memory.tsv").lines().filter(|l| !l.starts_with('#'));
    let row = |(number, line): (usize, &str)| {
        let (reasons, text) = line.split_once('\t').unwrap();
        let accept: Vec<&str> = reasons.split(',').collect();
        let reply = text.replace("\\n", "\n");
        serde_json::json!({ "id": format!("memory-{number:03}"), "inferable": "yes", "accept": accept, "reply": reply })
    };
    lines.enumerate().map(row).collect()
}

/// A reply out of its lines.
pub fn reply(text: &str) -> Reply {
    text.split('\n').map(ReplyLine::crlf).collect()
}

pub fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

/// Our slugs with the corpus labels that each stands for.
fn labels() -> HashMap<&'static str, Vec<&'static str>> {
    let rows = REASONS.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|columns| (columns[0], columns[1].split(',').filter(|l| !l.is_empty()).collect())).collect()
}

/// How a row is read; with its command and host, or by its text alone.
pub fn read(row: &Value, with_context: bool) -> Explanation {
    let reply = reply(text(row, "reply"));
    let command = row["replied_to"].as_str().or(row["command"].as_str()).filter(|c| *c != "CONN");
    let verb: Option<Verb> = command.filter(|_| with_context).map(|c| CommandLine::parse(c.as_bytes()).verb);
    let mut situation = Situation::of(&reply);
    situation.verb = verb.as_ref();
    if with_context {
        situation.host = row["rhost"].as_str();
        if row["command"] == "CONN" {
            situation.phase = Phase::Greeting;
        }
    }
    explain(&situation).remove(0)
}

/// A row with what was made of it.
pub struct Judged {
    pub row: Value,
    pub explanation: Explanation,
    pub right: bool,
}

/// Reads all rows of some kinds.
pub fn judge(sets: &[Set], kinds: &[&str], with_context: bool) -> Vec<Judged> {
    let labels = labels();
    let rows = sets.iter().flat_map(|set| set.rows()).filter(|row| kinds.contains(&text(row, "inferable")));
    rows.map(|row| {
        let explanation = read(&row, with_context);
        let slug = explanation.reason.slug();
        let accepts = |label: &str| label == slug || labels[slug].contains(&label);
        let right = row["accept"].as_array().unwrap().iter().any(|a| accepts(a.as_str().unwrap()));
        Judged { row, explanation, right }
    })
    .collect()
}

/// Prints how many rows are read rightly, and fails where they are fewer than `floor` percent. Rows that were read
/// wrongly are listed, but not those held out: who sees them is tempted to mend them.
pub fn demand(what: &str, sets: &[Set], kinds: &[&str], with_context: bool, floor: f64) {
    let judged = judge(sets, kinds, with_context);
    let (right, wrong): (Vec<Judged>, Vec<Judged>) = judged.into_iter().partition(|j| j.right);
    let all = right.len() + wrong.len();
    let share = 100.0 * right.len() as f64 / all as f64;
    println!("{what}: {} of {all} ({share:.1} %)", right.len());
    if !sets.iter().any(|set| Set::UNSEEN.contains(set)) {
        wrong.iter().for_each(|wrong| println!("  {}", line(wrong)));
    }
    assert!(all > 0 && share >= floor, "{what}: {share:.1} % agree, {floor} % are asked for");
}

fn line(judged: &Judged) -> String {
    let Judged { row, explanation, .. } = judged;
    let because: Vec<String> =
        explanation.evidence.iter().map(|e| format!("{} {}", e.text, e.weight)).collect();
    format!(
        "{} {} read as {} ({}) by {because:?}: {}",
        text(row, "id"),
        row["accept"],
        explanation.reason,
        explanation.confidence.percent(),
        text(row, "reply")
    )
}
