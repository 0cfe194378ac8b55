//! Learns `grammar/likeness.tsv` from the labelled replies of the tuning sets: `cargo run --release --example learn`.
//!
//! Logistic regression over the words and codes of a reply, each there or not. Always in the same order and in the same
//! number of steps, so that the same replies give the same table. The held-out sets are not read.

#![allow(clippy::disallowed_methods, reason = "a program of its own: it reads and writes files")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;

use heloise::explain::likeness::{FINENESS, features};
use heloise::wire::{Reply, ReplyLine};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/");
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/likeness.tsv");
/// Files to learn from. The table names them with their lengths, so that a test sees when they have changed.
const FILES: [&str; 9] = [
    "replies-dev.jsonl",
    "replies-extra.jsonl",
    "replies-tuning.jsonl",
    "replies-second-tuning.jsonl",
    "replies-third-tuning.jsonl",
    "replies-fourth-tuning.jsonl",
    "replies-sixth-tuning.jsonl",
    "replies-seventh-tuning.jsonl",
    "replies-eighth-tuning.jsonl",
];
const MEMORY: &str = "written-from-memory.tsv";
/// Replies that nobody met, in as many words as servers might find: each counts that much of one that was met.
const INVENTED: &str = "invented.tsv";
const INVENTED_COUNT: f64 = 0.3;
/// A feature stands in so many replies at least.
const SEEN: usize = 2;
/// How much large weights cost.
const PENALTY: f64 = 0.5;
/// Weights below this, in the table's unit, are left out.
const LEAST: f64 = 2.5;
/// Steps, and how long the first of them is.
const STEPS: usize = 400;
const PACE: f64 = 0.3;

/// The features of replies, each with what is known of them.
type Labelled = BTreeMap<Vec<String>, Known>;

#[derive(Default)]
struct Known {
    /// The reasons that they can have.
    reasons: BTreeSet<String>,
    /// How much they count.
    count: f64,
}

impl Known {
    fn add(&mut self, reasons: impl IntoIterator<Item = String>, count: f64) {
        self.reasons.extend(reasons);
        self.count = self.count.max(count);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let slugs = Slugs::read(&fs::read_to_string(format!("{CORPUS}reasons.tsv"))?);
    let mut labelled = Labelled::new();
    let mut from = String::new();
    for file in FILES {
        let text = fs::read_to_string(format!("{CORPUS}{file}"))?;
        writeln!(from, "# from {file} {}", text.len())?;
        for line in text.lines() {
            take(&mut labelled, &slugs, &serde_json::from_str(line)?);
        }
    }
    for (file, count) in [(MEMORY, 1.0), (INVENTED, INVENTED_COUNT)] {
        let text = fs::read_to_string(format!("{CORPUS}{file}"))?;
        writeln!(from, "# from {file} {}", text.len())?;
        for (reasons, reply) in text.lines().filter_map(|line| line.split_once('\t')) {
            let reason = reasons.split(',').next().and_then(|label| slugs.of(label));
            let features = of_text(&reply.replace("\\n", "\n"), None);
            labelled.entry(features).or_default().add(reason, count);
        }
    }
    labelled.retain(|_, known| !known.reasons.is_empty());
    let table = learn(&labelled, &from);
    fs::write(TABLE, &table)?;
    println!("learnt {} features from {} replies", table.lines().count(), labelled.len());
    Ok(())
}

/// Takes a row: by itself, and with the command, as often nobody knows what was replied to. A reply that is open between
/// reasons counts for each of them.
fn take(labelled: &mut Labelled, slugs: &Slugs, row: &serde_json::Value) {
    let some = match row["inferable"].as_str() {
        Some("yes") => 1,
        Some("ambiguous") => usize::MAX,
        _ => return,
    };
    let text = row["reply"].as_str().unwrap_or_default();
    let command = row["replied_to"].as_str().or(row["command"].as_str()).and_then(verb);
    let labels = row["accept"].as_array().into_iter().flatten().take(some).filter_map(|label| label.as_str());
    let reasons: Vec<String> = labels.filter_map(|label| slugs.of(label)).collect();
    for command in [None, command.as_deref()] {
        labelled.entry(of_text(text, command)).or_default().add(reasons.iter().cloned(), 1.0);
    }
}

fn of_text(text: &str, command: Option<&str>) -> Vec<String> {
    features(&text.split('\n').map(ReplyLine::crlf).collect::<Reply>(), command)
}

/// The verb of a command as the corpora name it.
fn verb(command: &str) -> Option<String> {
    match command.split_ascii_whitespace().next()? {
        "CONN" => Some("CONNECT".to_owned()),
        verb => Some(verb.to_ascii_uppercase()),
    }
}

/// Our slugs, and the labels of the corpora that each stands for.
struct Slugs(Vec<(String, Vec<String>)>);

impl Slugs {
    fn read(text: &str) -> Slugs {
        let rows = text.lines().skip(1).filter_map(|line| {
            let mut columns = line.split('\t');
            let slug = columns.next()?.to_owned();
            Some((slug, columns.next()?.split(',').map(str::to_owned).collect()))
        });
        Slugs(rows.collect())
    }

    /// The slug that a label is, or the first that stands for it.
    fn of(&self, label: &str) -> Option<String> {
        let own = self.0.iter().find(|(slug, _)| slug == label);
        let stands_for = || self.0.iter().find(|(_, labels)| labels.iter().any(|l| l == label));
        own.or_else(stands_for).map(|(slug, _)| slug.clone())
    }
}

/// A reply to learn from: how much it counts, the numbers of its features, and those of its reasons.
struct Row {
    count: f64,
    features: Vec<usize>,
    reasons: Vec<usize>,
}

/// The table, as text; `from` are the lines that name the files.
fn learn(labelled: &Labelled, from: &str) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::from([("=", SEEN)]);
    for feature in labelled.keys().flatten() {
        *counts.entry(feature).or_default() += 1;
    }
    counts.retain(|_, count| *count >= SEEN);
    let names: Vec<&str> = counts.into_keys().collect();
    let all: BTreeSet<&str> =
        labelled.values().flat_map(|known| &known.reasons).map(String::as_str).collect();
    let slugs: Vec<&str> = all.into_iter().collect();
    let rows: Vec<Row> = labelled
        .iter()
        .map(|(features, Known { reasons, count })| Row {
            count: *count,
            features: ["="]
                .into_iter()
                .chain(features.iter().map(String::as_str))
                .filter_map(|name| names.binary_search(&name).ok())
                .collect(),
            reasons: reasons.iter().filter_map(|slug| slugs.binary_search(&slug.as_str()).ok()).collect(),
        })
        .collect();
    let weights = descend(&rows, names.len(), slugs.len());
    let mut out = format!(
        "# How much words and codes speak for a reason, or against it; = stands for every reply. Learnt from the labelled\n\
         # replies in tests/corpus by examples/learn.rs, and not to be written by hand.\n\
         {from}"
    );
    for (name, weights) in names.iter().zip(weights.chunks(slugs.len())) {
        let weights = slugs.iter().zip(weights.iter().map(|weight| weight * f64::from(FINENESS)));
        let list: String = weights.filter(|(_, weight)| weight.abs() >= LEAST).fold(
            String::new(),
            |mut list, (slug, weight)| {
                let space = if list.is_empty() { "" } else { " " };
                // Writing to a String cannot fail.
                let _ = write!(list, "{space}{slug}:{:.0}", weight.clamp(-127.0, 127.0));
                list
            },
        );
        if !list.is_empty() {
            let _ = writeln!(out, "{name}\t{list}");
        }
    }
    out
}

/// The weights, a row of reasons for each feature: steps against the slope, each weight at a pace of its own (AdaGrad).
fn descend(rows: &[Row], features: usize, reasons: usize) -> Vec<f64> {
    let mut weights = vec![0.0; features * reasons];
    let mut steepness = vec![1e-6; features * reasons];
    for _ in 0..STEPS {
        let mut slope: Vec<f64> = weights.iter().map(|weight| weight * PENALTY).collect();
        for row in rows {
            let mut wrong = likely(row, &weights, reasons);
            for reason in &row.reasons {
                wrong[*reason] -= 1.0 / row.reasons.len() as f64;
            }
            for feature in &row.features {
                for (slope, wrong) in slope[feature * reasons..].iter_mut().zip(&wrong) {
                    *slope += wrong * row.count;
                }
            }
        }
        for ((weight, steepness), slope) in weights.iter_mut().zip(&mut steepness).zip(&slope) {
            *steepness += slope * slope;
            *weight -= PACE * slope / steepness.sqrt();
        }
    }
    weights
}

/// How likely each reason is for a reply, by the weights so far.
fn likely(row: &Row, weights: &[f64], reasons: usize) -> Vec<f64> {
    let mut likely = vec![0.0; reasons];
    for feature in &row.features {
        for (sum, weight) in likely.iter_mut().zip(&weights[feature * reasons..]) {
            *sum += weight;
        }
    }
    let most = likely.iter().copied().fold(f64::MIN, f64::max);
    likely.iter_mut().for_each(|likely| *likely = (*likely - most).exp());
    let all: f64 = likely.iter().sum();
    likely.iter_mut().for_each(|likely| *likely /= all);
    likely
}
