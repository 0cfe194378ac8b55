//! What has changed since the last time, for `--every`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::check::output::text::style_of;
use crate::check::{Report, Severity};
use crate::explain::render::{Line, Piece, Style};

/// A finding as it is told from others: its id and place. Its words may change, as the days that are left do.
type Key = (String, String);

/// What is remembered of each subject.
#[derive(Debug, Default)]
pub struct Changes(BTreeMap<String, Seen>);

#[derive(Debug, Default)]
struct Seen {
    findings: BTreeMap<Key, (Severity, String)>,
    times: u64,
}

/// What has changed of one subject.
#[derive(Debug)]
pub struct Change {
    at: String,
    subject: String,
    new: Vec<(Key, Severity, String)>,
    gone: Vec<(Key, Severity, String)>,
}

impl Changes {
    /// Takes a report, and says what has changed; nothing the first time, or where all is as it was.
    pub fn take(&mut self, report: &Report) -> Option<Change> {
        let mut now: BTreeMap<Key, (Severity, String)> = BTreeMap::new();
        for finding in &report.findings {
            for place in &finding.places {
                let key = (finding.id.to_owned(), place.clone());
                now.insert(key, (finding.severity, finding.line.to_string()));
            }
        }
        let seen = self.0.entry(report.subject.clone()).or_default();
        seen.times += 1;
        let before = std::mem::replace(&mut seen.findings, now);
        let only_in = |one: &BTreeMap<Key, (Severity, String)>, other: &BTreeMap<Key, (Severity, String)>| {
            let lone = one.iter().filter(|(key, _)| !other.contains_key(*key));
            lone.map(|(key, (severity, line))| (key.clone(), *severity, line.clone())).collect::<Vec<_>>()
        };
        let change = Change {
            at: report.started.format("%Y-%m-%d %H:%M:%S").to_string(),
            subject: report.subject.clone(),
            new: only_in(&seen.findings, &before),
            gone: only_in(&before, &seen.findings),
        };
        let changed = seen.times > 1 && !(change.new.is_empty() && change.gone.is_empty());
        changed.then_some(change)
    }

    /// Whether the report just taken was the first of its subject.
    pub fn is_first(&self, report: &Report) -> bool {
        self.0.get(&report.subject).is_some_and(|seen| seen.times == 1)
    }
}

impl Change {
    /// A line for each finding that is new or gone.
    pub fn lines(&self) -> Vec<Line> {
        let told = |list: &[(Key, Severity, String)], word: &str, good: bool| {
            list.iter()
                .map(|((id, place), severity, line)| {
                    let style = if good { Style::Good } else { style_of(*severity) };
                    vec![
                        Piece { style: Style::Dim, text: format!("{}  ", self.at) },
                        Piece { style, text: format!("{word:<5}{:<9}", severity.word()) },
                        Piece { style: Style::Plain, text: format!("{place}  {line}") },
                        Piece { style: Style::Dim, text: format!("  ({id})") },
                    ]
                })
                .collect::<Vec<Line>>()
        };
        [told(&self.new, "new", false), told(&self.gone, "gone", true)].concat()
    }

    /// The same as an object.
    pub fn json(&self) -> Value {
        let told = |list: &[(Key, Severity, String)]| -> Vec<Value> {
            let one = |((id, place), severity, line): &(Key, Severity, String)| json!({"id": id, "severity": severity.word(), "place": place, "line": line});
            list.iter().map(one).collect()
        };
        json!({
            "heloise": 1, "kind": "check-change", "at": self.at, "subject": self.subject,
            "new": told(&self.new), "gone": told(&self.gone),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::table;

    fn report(found: &[(&'static str, &str)]) -> Report {
        let finding = |(id, place): &(&'static str, &str)| crate::check::Finding {
            id,
            severity: table::row(id).unwrap().1.severity,
            stage: crate::check::StageName::Tls,
            places: vec![(*place).to_owned()],
            line: format!("{id} it is").into(),
            meaning: "".into(),
            actor: crate::explain::Actor::Server,
            causes: Vec::new(),
            fixes: Vec::new(),
            sources: Vec::new(),
            evidence: Vec::new(),
        };
        Report {
            subject: "mx".to_owned(),
            started: "2026-11-25T12:00:00+01:00".parse().unwrap(),
            took: std::time::Duration::ZERO,
            legs: Vec::new(),
            findings: found.iter().map(finding).collect(),
            complete: true,
        }
    }

    #[test]
    fn only_what_is_new_or_gone_is_told() {
        let mut changes = Changes::default();
        let first = report(&[("certificate-expired", "mx:25"), ("no-starttls", "mx:587")]);
        assert!(changes.take(&first).is_none() && changes.is_first(&first));
        assert!(changes.take(&first).is_none() && !changes.is_first(&first));
        let change = changes.take(&report(&[("no-starttls", "mx:587"), ("open-relay", "mx:25")])).unwrap();
        let told: Vec<String> = change.lines().iter().map(crate::explain::render::plain).collect();
        assert_eq!(
            told,
            [
                "2026-11-25 12:00:00  new  problem  mx:25  open-relay it is  (open-relay)",
                "2026-11-25 12:00:00  gone problem  mx:25  certificate-expired it is  (certificate-expired)"
            ]
        );
        assert_eq!(change.json()["new"][0]["id"], "open-relay");
    }
}
