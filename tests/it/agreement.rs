//! How often the explanation of real replies agrees with labels that others gave them.

use std::collections::HashMap;

use heloise::explain::{Explanation, Level, Situation, explain};
use heloise::wire::{CommandLine, Line, Reply, ReplyLine, Verb};
use serde_json::Value;

const DEV: &str = include_str!("../corpus/replies-dev.jsonl");
const EXTRA: &str = include_str!("../corpus/replies-extra.jsonl");
const HELD_OUT: &str = include_str!("../corpus/replies-held-out.jsonl");
const TUNING: &str = include_str!("../corpus/replies-tuning.jsonl");
const PROVIDERS: &str = include_str!("../corpus/provider-replies.jsonl");
const REASONS: &str = include_str!("../corpus/reasons.tsv");

fn reply(text: &str) -> Reply {
    let lines = text.split('\n').map(|line| ReplyLine::parse(Line::crlf(line))).collect();
    Reply { lines, quirks: Vec::new() }
}

fn rows(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

/// Our slugs with the labels that each stands for.
fn labels() -> HashMap<&'static str, Vec<&'static str>> {
    let rows = REASONS.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|columns| (columns[0], columns[1].split(',').filter(|l| !l.is_empty()).collect())).collect()
}

fn read(row: &Value, with_context: bool) -> Explanation {
    let reply = reply(text(row, "reply"));
    let command = row["replied_to"].as_str().or(row["command"].as_str()).filter(|c| *c != "CONN");
    let verb: Option<Verb> = command.filter(|_| with_context).map(|c| CommandLine::parse(c.as_bytes()).verb);
    let mut situation = Situation::of(&reply);
    situation.verb = verb.as_ref();
    if with_context {
        situation.host = row["rhost"].as_str();
        if row["command"] == "CONN" {
            situation.phase = heloise::explain::Phase::Greeting;
        }
    }
    explain(&situation).remove(0)
}

/// Right answers and rows of one kind, and what was read wrongly.
fn score(files: &[&str], kinds: &[&str], with_context: bool) -> (usize, usize, Vec<String>) {
    let labels = labels();
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    for row in files.iter().flat_map(|file| rows(file)) {
        if !kinds.contains(&text(&row, "inferable")) {
            continue;
        }
        all += 1;
        let explanation = read(&row, with_context);
        let ours = &labels[explanation.reason.slug()];
        let slug = explanation.reason.slug();
        let accepts = |label: &str| label == slug || ours.contains(&label);
        let accepted = row["accept"].as_array().unwrap().iter().any(|a| accepts(a.as_str().unwrap()));
        if accepted {
            right += 1;
        } else {
            let because: Vec<String> =
                explanation.evidence.iter().map(|e| format!("{} {}", e.text, e.weight)).collect();
            wrong.push(format!(
                "{} {:?} read as {} ({}) by {because:?}: {}",
                text(&row, "id"),
                row["accept"],
                explanation.reason,
                explanation.confidence.percent(),
                text(&row, "reply")
            ));
        }
    }
    (right, all, wrong)
}

fn demand(what: &str, (right, all, wrong): (usize, usize, Vec<String>), floor: f64) {
    let share = 100.0 * right as f64 / all as f64;
    println!("{what}: {right} of {all} ({share:.1} %)");
    for line in wrong.iter().filter(|line| !line.starts_with("held")) {
        println!("  {line}");
    }
    assert!(share >= floor, "{what}: {share:.1} % agree, {floor} % are asked for:\n{}", wrong.join("\n"));
}

#[test]
fn replies_that_can_be_told_from_their_text() {
    demand("inferable, development set", score(&[DEV], &["yes"], false), 98.0);
    demand("inferable, other corpora", score(&[EXTRA], &["yes"], false), 98.0);
    demand("inferable, with context", score(&[DEV, EXTRA], &["yes"], true), 97.0);
}

#[test]
fn held_out() {
    for context in [false, true] {
        demand("held out, inferable", score(&[HELD_OUT], &["yes"], context), 0.0);
        demand("held out, ambiguous", score(&[HELD_OUT], &["ambiguous"], context), 0.0);
    }
    demand("held out, table", score(&[HELD_OUT], &["table"], true), 0.0);
}

#[test]
fn tuning() {
    demand("tuning, inferable", score(&[TUNING], &["yes"], false), 0.0);
    demand("tuning, inferable, context", score(&[TUNING], &["yes"], true), 0.0);
    demand("tuning, ambiguous", score(&[TUNING], &["ambiguous"], false), 0.0);
    demand("tuning, table", score(&[TUNING], &["table"], true), 0.0);
}

#[test]
fn ambiguous_replies() {
    demand("ambiguous", score(&[DEV, EXTRA], &["ambiguous", "label-wrong"], false), 90.0);
}

#[test]
fn replies_that_need_context() {
    demand("with the command", score(&[DEV, EXTRA], &["context"], true), 80.0);
    demand("with the provider's table", score(&[DEV], &["table"], true), 60.0);
}

/// A host of each provider of the corpus.
fn host(provider: &str) -> &'static str {
    match provider {
        "Gmail" => "smtp.gmail.com",
        "Office 365" => "smtp.office365.com",
        "Amazon SES" => "email-smtp.eu-west-1.amazonaws.com",
        "SendGrid" => "smtp.sendgrid.net",
        "Yahoo" => "smtp.mail.yahoo.com",
        "Outlook.com" => "outlook-com.olc.protection.outlook.com",
        other => panic!("no host for {other}"),
    }
}

#[test]
fn providers_answer_with_their_own_table() {
    let mut faults = Vec::new();
    for row in rows(PROVIDERS) {
        let reply = reply(text(&row, "reply"));
        let phase = text(&row, "phase").split('/').next().unwrap_or_default();
        let verb = (phase != "CONN" && phase != "any").then(|| CommandLine::parse(phase.as_bytes()).verb);
        let mut situation = Situation::of(&reply);
        situation.host = Some(host(text(&row, "provider")));
        situation.verb = verb.as_ref();
        let explanation = explain(&situation).remove(0);
        if explanation.provider.is_none() {
            faults.push(format!(
                "{} | {} ({}) | {}\n     M: {}\n     F: {}",
                text(&row, "provider"),
                explanation.reason,
                explanation.confidence.percent(),
                text(&row, "reply").replace('\n', " / "),
                text(&row, "meaning"),
                text(&row, "fix")
            ));
        }
    }
    println!("{} rows without an answer of the provider's own", faults.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nonsense_gets_no_confident_answer() {
    let mut faults = Vec::new();
    for line in include_str!("../corpus/nonsense.txt").lines().filter(|l| !l.starts_with('#')) {
        let reply = reply(&line.replace("\\n", "\n").replace("\\x1b", "\x1b"));
        let explanation = explain(&Situation::of(&reply)).remove(0);
        let harmless = matches!(explanation.reason.slug(), "ok" | "continue" | "unknown");
        if !harmless && explanation.confidence.level() >= Level::Likely {
            faults.push(format!("{} ({}): {line}", explanation.reason, explanation.confidence.percent()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Not measured by others, so no proof; it keeps what was once read rightly.
#[test]
fn replies_written_from_memory() {
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    for line in include_str!("../corpus/written-from-memory.tsv").lines().filter(|l| !l.starts_with('#')) {
        let (reasons, text) = line.split_once('\t').unwrap();
        let reply = reply(&text.replace("\\n", "\n"));
        let explanation = explain(&Situation::of(&reply)).remove(0);
        all += 1;
        if reasons.split(',').any(|r| r == explanation.reason.slug()) {
            right += 1;
        } else {
            let because: Vec<String> =
                explanation.evidence.iter().map(|e| format!("{} {}", e.text, e.weight)).collect();
            wrong.push(format!(
                "{reasons} read as {} ({}) by {because:?}: {text}",
                explanation.reason,
                explanation.confidence.percent()
            ));
        }
    }
    demand("written from memory", (right, all, wrong), 95.0);
}
