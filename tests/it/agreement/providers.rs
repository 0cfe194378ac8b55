//! Whether replies of large providers get that provider's own cause and fix.

use heloise::explain::{EvidenceKind, Explanation, Situation, explain};
use heloise::wire::CommandLine;
use serde_json::Value;

use super::score::{reply, text};

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

fn read(row: &Value) -> Explanation {
    let reply = reply(text(row, "reply"));
    let phase = text(row, "phase").split('/').next().unwrap_or_default();
    let verb = (phase != "CONN" && phase != "any").then(|| CommandLine::parse(phase.as_bytes()).verb);
    let mut situation = Situation::of(&reply);
    situation.host = Some(host(text(row, "provider")));
    situation.verb = verb.as_ref();
    explain(&situation).remove(0)
}

/// What is missing in an answer: the provider's row, or words that its causes and fixes must have.
fn faults(explanation: &Explanation, rule: &str, causes: &str, fixes: &str) -> Vec<String> {
    let decided = explanation.evidence.first();
    let by = decided.filter(|e| e.kind == EvidenceKind::Provider).map(|e| e.text.as_ref());
    let said: String = explanation.causes.iter().map(|c| format!("{c}\n")).collect();
    let todo: String = explanation.fixes.iter().map(|f| format!("{}\n", f.text)).collect();
    let lacks = |text: &str, words: &str| {
        let text = text.to_lowercase();
        words
            .split(';')
            .filter(|word| !text.contains(word))
            .map(|w| format!("no \"{w}\""))
            .collect::<Vec<_>>()
    };
    let mut faults = lacks(&said, causes);
    faults.extend(lacks(&todo, fixes));
    if by != Some(rule) {
        faults.push(format!("answered by {by:?} instead of {rule}"));
    }
    if explanation.provider.is_none() || explanation.sources.is_empty() {
        faults.push("no provider or no source".to_owned());
    }
    faults
}

#[test]
fn each_reply_gets_its_providers_own_cause_and_fix() {
    let rows = include_str!("../../corpus/provider-replies.jsonl").lines();
    let words = include_str!("../../corpus/provider-words.tsv").lines().filter(|l| !l.starts_with('#'));
    let words: Vec<&str> = words.collect();
    let rows: Vec<Value> = rows.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), words.len(), "one line of words for each reply");
    let mut wrong = Vec::new();
    for (row, line) in rows.iter().zip(words) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [rule, causes, fixes] = columns[..] else { panic!("three columns are needed: {line}") };
        let faults = faults(&read(row), rule, causes, fixes);
        if !faults.is_empty() {
            wrong.push(format!("{}: {}: {}", text(row, "provider"), text(row, "reply"), faults.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
