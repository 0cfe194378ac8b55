//! Reports in Prometheus' text exposition format (version 0.0.4), for a textfile collector.
//!
//! Nothing here counts from run to run: all are gauges of the last check.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::check::{Leg, Report, Severity, Stage, Verdict};
use crate::wire::escape::harmless;

type Labels = Vec<(&'static str, String)>;

/// One metric with its samples.
struct Family {
    name: &'static str,
    help: &'static str,
    samples: Vec<(Labels, f64)>,
    seen: HashSet<Labels>,
}

impl Family {
    fn new(name: &'static str, help: &'static str) -> Family {
        Family { name, help, samples: Vec::new(), seen: HashSet::new() }
    }

    fn add(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels: Labels = labels.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        // The same series twice would make the whole file invalid.
        if self.seen.insert(labels.clone()) {
            self.samples.push((labels, value));
        }
    }

    fn write(&self, out: &mut String) {
        if self.samples.is_empty() {
            return;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {} {}\n# TYPE {} gauge", self.name, self.help, self.name);
        for (labels, value) in &self.samples {
            let labels: Vec<String> =
                labels.iter().map(|(name, text)| format!("{name}=\"{}\"", escaped(text))).collect();
            let _ = writeln!(out, "{}{{{}}} {value}", self.name, labels.join(","));
        }
    }
}

/// The metrics of any number of reports. Those of one kind must stand together, so they are gathered first; the
/// reports themselves are not kept.
pub struct Metrics {
    up: Family,
    complete: Family,
    start: Family,
    took: Family,
    counts: Family,
    findings: Family,
    stages: Family,
    verdicts: Family,
    tls: Family,
    verified: Family,
    end: Family,
    offers: Family,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            up: Family::new("heloise_check_up", "Whether any server of the target was reached."),
            complete: Family::new(
                "heloise_check_complete",
                "Whether the check went on to its end; what it did not reach has no samples.",
            ),
            start: Family::new(
                "heloise_check_start_time_seconds",
                "When the check began, in seconds since 1970-01-01T00:00:00Z.",
            ),
            took: Family::new("heloise_check_duration_seconds", "How long the check took."),
            counts: Family::new("heloise_check_findings", "How many findings there are of a severity."),
            findings: Family::new(
                "heloise_check_finding",
                "A finding that is there, by its id: at how many places. Absent where it is not.",
            ),
            stages: Family::new("heloise_check_stage_duration_seconds", "How long a stage took."),
            verdicts: Family::new(
                "heloise_check_stage_verdict",
                "How a stage went: 0 ok, 1 note, 2 warning, 3 problem. Absent where it was skipped, or the check was ended in it.",
            ),
            tls: Family::new("heloise_check_tls_info", "What was negotiated; always 1."),
            verified: Family::new("heloise_check_tls_verified", "Whether the server's certificate verified."),
            end: Family::new(
                "heloise_check_certificate_not_after_seconds",
                "The last moment of the certificate, in seconds since 1970-01-01T00:00:00Z.",
            ),
            offers: Family::new("heloise_check_capability", "An EHLO keyword that is offered; always 1."),
        }
    }
}

impl Metrics {
    /// Adds those of a report.
    pub fn add(&mut self, report: &Report) {
        let target = report.subject.as_str();
        let reached = report.last_tries().any(Leg::was_reached);
        // Whether a server can be reached that was not asked, nobody knows.
        if reached || report.complete {
            self.up.add(&[("target", target)], f64::from(u8::from(reached)));
        }
        self.complete.add(&[("target", target)], f64::from(u8::from(report.complete)));
        if report.legs.is_empty() && !report.complete {
            return;
        }
        self.start.add(&[("target", target)], report.started.timestamp_millis() as f64 / 1e3);
        self.took.add(&[("target", target)], report.took.as_secs_f64());
        for severity in [Severity::Problem, Severity::Warning, Severity::Note] {
            let labels = [("target", target), ("severity", severity.word())];
            self.counts.add(&labels, report.count(severity) as f64);
        }
        for finding in &report.findings {
            let same =
                report.findings.iter().filter(|f| f.id == finding.id && f.severity == finding.severity);
            let places: usize = same.map(|finding| finding.places.len()).sum();
            let labels = [("target", target), ("id", finding.id), ("severity", finding.severity.word())];
            self.findings.add(&labels, places as f64);
        }
        report.last_tries().for_each(|leg| self.add_session(target, leg));
    }

    fn add_session(&mut self, target: &str, leg: &Leg) {
        let address = address(leg);
        let of_leg = [("target", target), ("place", leg.place.as_str()), ("address", &address)];
        for stage in &leg.stages {
            let Some(value) = verdict(stage) else { continue };
            let labels = [&of_leg[..], &[("stage", stage.name.as_str())]].concat();
            self.stages.add(&labels, stage.took.as_secs_f64());
            self.verdicts.add(&labels, value);
        }
        let facts = &leg.facts;
        if let Some(version) = &facts.tls_version {
            let cipher = facts.cipher.as_deref().unwrap_or_default();
            self.tls.add(&[&of_leg[..], &[("version", version), ("cipher", cipher)]].concat(), 1.0);
        }
        if let Some(yes) = facts.verified {
            self.verified.add(&of_leg, f64::from(u8::from(yes)));
        }
        if let Some(moment) = facts.not_after {
            self.end.add(&of_leg, moment.timestamp() as f64);
        }
        for capability in facts.capabilities.iter().flat_map(|offered| &offered.list) {
            let keyword = capability.keyword.to_ascii_uppercase();
            self.offers.add(&[&of_leg[..], &[("keyword", &keyword)]].concat(), 1.0);
        }
    }

    /// The text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        let of_checks = [&self.up, &self.complete, &self.start, &self.took, &self.counts, &self.findings];
        let of_sessions = [&self.stages, &self.verdicts, &self.tls, &self.verified, &self.end, &self.offers];
        for family in of_checks.into_iter().chain(of_sessions) {
            family.write(&mut out);
        }
        out
    }
}

fn address(leg: &Leg) -> String {
    leg.addr.map(|addr| addr.to_string()).unwrap_or_default()
}

fn verdict(stage: &Stage) -> Option<f64> {
    match stage.verdict {
        Verdict::Skipped(_) | Verdict::Ended => None,
        Verdict::Ok => Some(0.0),
        Verdict::Found(Severity::Note) => Some(1.0),
        Verdict::Found(Severity::Warning) => Some(2.0),
        Verdict::Found(Severity::Problem) => Some(3.0),
    }
}

/// A label's value: backslash, quote and line feed are escaped, and nothing acts on a terminal.
fn escaped(text: &str) -> String {
    harmless(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// Reads a label list up to its closing brace; gives what follows.
    fn labels(mut rest: &str) -> Option<&str> {
        loop {
            let (name, value) = rest.split_once("=\"")?;
            let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
            assert!(!name.is_empty() && name.chars().all(good), "{name}");
            let mut characters = value.char_indices();
            let end = loop {
                match characters.next()? {
                    (_, '\\') => assert!(matches!(characters.next()?.1, '\\' | '"' | 'n')),
                    (at, '"') => break at,
                    (_, c) => assert!(!c.is_control()),
                }
            };
            rest = value.get(end + 1..)?;
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => return rest.strip_prefix("} "),
            }
        }
    }

    /// Judges text by the grammar of the format, its rules about order included.
    fn judge(text: &str) {
        let (mut family, mut families, mut series) = ("", HashSet::new(), HashSet::new());
        assert!(text.is_empty() || text.ends_with('\n'));
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                family = help.split(' ').next().unwrap();
                assert!(families.insert(family), "{family} stands at two places");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                assert_eq!(kind, format!("{family} gauge"));
            } else {
                let (name, rest) = line.split_once('{').unwrap();
                assert_eq!(name, family);
                let value = labels(rest).unwrap_or_else(|| panic!("{line}"));
                assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
                assert!(series.insert(line.strip_suffix(value).unwrap()), "twice: {line}");
            }
        }
    }

    fn render(reports: &[Report]) -> String {
        let mut metrics = Metrics::default();
        reports.iter().for_each(|report| metrics.add(report));
        metrics.render()
    }

    #[test]
    fn every_series_once_and_by_the_grammar() {
        let text = render(&[sample::healthy(), sample::ailing()]);
        judge(&text);
        insta::assert_snapshot!("prometheus", text);
        judge(&render(&[]));
        judge(&render(&[sample::ailing(), sample::ailing()]));
    }

    #[test]
    fn a_check_that_was_ended_counts_for_nothing_it_did_not_see() {
        let mut cut = sample::healthy();
        cut.complete = false;
        let none = Report { subject: "later".to_owned(), legs: Vec::new(), ..cut.clone() };
        let text = render(&[cut, none]);
        judge(&text);
        assert!(text.contains("heloise_check_complete{target=\"mx.example.org:25\"} 0\n"), "{text}");
        assert!(text.contains("heloise_check_up{target=\"mx.example.org:25\"} 1\n"), "{text}");
        let of_none: Vec<&str> = text.lines().filter(|line| line.contains("later")).collect();
        assert_eq!(of_none, ["heloise_check_complete{target=\"later\"} 0"]);
    }

    #[test]
    fn what_servers_say_stays_in_its_quotes() {
        let mut hostile = sample::ailing();
        hostile.subject = "a\"} 1\nb\\ \u{1b}".to_owned();
        for leg in &mut hostile.legs {
            leg.place = "\\\"\n".to_owned();
        }
        let text = render(&[hostile]);
        assert!(!text.contains('\u{1b}'));
        judge(&text);
    }
}
