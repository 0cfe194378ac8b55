//! Reports as a monitoring plugin gives them: one status line with performance data, and lines of detail.
//!
//! The convention is that of the Monitoring Plugins project, which Nagios, Icinga, Naemon and Checkmk share: the
//! exit status is 0 for OK, 1 for WARNING, 2 for CRITICAL and 3 for UNKNOWN.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::check::{Finding, Leg, Report, Severity, StageName, Thresholds, Verdict};
use crate::wire::escape::harmless;

/// What a monitoring system is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing wrong.
    Ok,
    /// Warnings.
    Warning,
    /// Problems, or nobody was reached.
    Critical,
    /// The check could not be made, or not to its end.
    Unknown,
}

impl State {
    /// The exit status of the plugin.
    pub const fn code(self) -> u8 {
        match self {
            State::Ok => 0,
            State::Warning => 1,
            State::Critical => 2,
            State::Unknown => 3,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Warning => "WARNING",
            State::Critical => "CRITICAL",
            State::Unknown => "UNKNOWN",
        }
    }

    const fn of(severity: Severity) -> State {
        match severity {
            Severity::Problem => State::Critical,
            Severity::Warning => State::Warning,
            Severity::Note => State::Ok,
        }
    }
}

/// The line for a check that could not be made.
pub fn unknown(why: &str) -> String {
    format!("SMTP {} - {}\n", State::Unknown.word(), clean(why))
}

/// The output of the plugin, gathered report by report; the reports themselves are not kept.
#[derive(Debug)]
pub struct Plugin {
    cert_days: i64,
    now: DateTime<Utc>,
    subjects: Vec<String>,
    state: State,
    /// What is wrong first of all, in so few words that they fit a text message.
    first: Option<String>,
    details: Vec<String>,
    /// The subjects that were not checked to the end, with how far they got.
    ended: Vec<String>,
    took: Duration,
    problems: usize,
    warnings: usize,
    notes: usize,
    sessions: Vec<Session>,
}

/// The performance data of a session: the name in its labels, its place, and what was measured with the values.
type Session = (String, String, Vec<(&'static str, String)>);

impl Plugin {
    /// Nothing was checked yet. `now` is the time from which the days of a certificate count.
    pub fn new(thresholds: &Thresholds, now: DateTime<Utc>) -> Plugin {
        Plugin {
            cert_days: thresholds.cert_days,
            now,
            subjects: Vec::new(),
            state: State::Ok,
            first: None,
            details: Vec::new(),
            ended: Vec::new(),
            took: Duration::ZERO,
            problems: 0,
            warnings: 0,
            notes: 0,
            sessions: Vec::new(),
        }
    }

    /// Adds a report.
    pub fn add(&mut self, report: &Report) {
        self.subjects.push(clean(&report.subject));
        self.took = self.took.max(report.took);
        self.problems += report.count(Severity::Problem);
        self.warnings += report.count(Severity::Warning);
        self.notes += report.count(Severity::Note);
        if !report.complete {
            self.ended.push(format!("{}: {}", clean(&report.subject), report.how_it_ended()));
        }
        for finding in report.findings.iter().filter(|finding| finding.severity > Severity::Note) {
            // Of equal ones the first: that is the one to act on.
            if State::of(finding.severity) > self.state {
                self.state = State::of(finding.severity);
                self.first = Some(clean(&finding.line));
            }
            self.details.push(detail(finding));
        }
        for leg in report.last_tries() {
            let (name, data) = (name(leg), self.session(leg));
            // Graphers take a label twice for an error: the same server again has a number.
            let same = self.sessions.iter().filter(|(_, place, _)| *place == name).count();
            let label = if same == 0 { name.clone() } else { format!("{name} ({})", same + 1) };
            self.sessions.push((label, name, data));
        }
    }

    /// What the plugin says with its exit status. A problem is one however the check ended; else nobody knows what a
    /// check would have found that was ended before.
    pub fn state(&self) -> State {
        match (self.state, self.ended.is_empty()) {
            (State::Critical, _) | (_, true) => self.state,
            _ => State::Unknown,
        }
    }

    /// What it says in words.
    pub fn render(&self) -> String {
        let (state, subjects) = (self.state(), self.subjects.join(", "));
        let word = state.word();
        let what = match (&self.first, self.details.len()) {
            _ if state == State::Unknown => "the check was ended before it was done".to_owned(),
            (None, _) => "nothing wrong".to_owned(),
            (Some(first), 1) => first.clone(),
            (Some(first), all) => format!("{first} (and {} more)", all - 1),
        };
        let mut out = format!("SMTP {word} - {subjects}: {what} | {}\n", self.performance().join(" "));
        let ended = self.ended.iter().map(|line| format!("[UNKNOWN] {line}"));
        for detail in self.details.iter().cloned().chain(ended) {
            out.push_str(&detail);
            out.push('\n');
        }
        out
    }

    fn session(&self, leg: &Leg) -> Vec<(&'static str, String)> {
        let timed = [StageName::Tcp, StageName::Banner, StageName::Ehlo, StageName::Tls, StageName::Login];
        let timed = timed.into_iter().filter_map(|name| leg.stage(name));
        let timed = timed.filter(|stage| !matches!(stage.verdict, Verdict::Skipped(_) | Verdict::Ended));
        let mut data: Vec<(&'static str, String)> =
            timed.map(|stage| (stage.name.as_str(), format!("{}s;;;0", seconds(stage.took)))).collect();
        let days = leg.facts.not_after.map(|end| (end - self.now).num_days());
        // A range of N: warns below N, as there are fewer days left than that.
        data.extend(days.map(|days| ("cert_days", format!("{days};{}:;0:", self.cert_days))));
        data
    }

    fn performance(&self) -> Vec<String> {
        let mut data = vec![
            format!("time={}s;;;0", seconds(self.took)),
            format!("problems={};;0;0", self.problems),
            format!("warnings={};0;;0", self.warnings),
            format!("notes={};;;0", self.notes),
        ];
        let alone = self.sessions.len() == 1;
        for (name, _, values) in &self.sessions {
            let label = |what: &str| if alone { what.to_owned() } else { quoted(&format!("{name} {what}")) };
            data.extend(values.iter().map(|(what, value)| format!("{}={value}", label(what))));
        }
        data
    }
}

fn detail(finding: &Finding) -> String {
    let word = match finding.severity {
        Severity::Problem => "CRITICAL",
        _ => "WARNING",
    };
    let places = finding.places.join(", ");
    let fix = finding.fixes.first().map(|fix| format!("; try: {}", clean(&fix.text))).unwrap_or_default();
    format!(
        "[{word}] {} · {} · {}{fix} ({})",
        clean(&places),
        finding.stage,
        clean(&finding.line),
        finding.id
    )
}

/// Text without what has a meaning of its own in the output: the bar, and line ends.
fn clean(text: &str) -> String {
    harmless(text).replace('|', "/")
}

/// The place of a leg, with its address where one host has several.
fn name(leg: &Leg) -> String {
    match leg.addr {
        Some(addr) if !leg.place.contains(&addr.ip().to_string()) => format!("{} {}", leg.place, addr.ip()),
        _ => leg.place.clone(),
    }
}

/// A label in quotes; an equals sign or a quote may not be in it.
fn quoted(label: &str) -> String {
    format!("'{}'", clean(label).replace(['\'', '='], "_"))
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn plugin(reports: &[Report]) -> Plugin {
        let mut plugin = Plugin::new(&Thresholds::default(), sample::now());
        reports.iter().for_each(|report| plugin.add(report));
        plugin
    }

    #[test]
    fn the_status_line_and_its_data() {
        insta::assert_snapshot!("nagios_ailing", plugin(&[sample::ailing()]).render());
        insta::assert_snapshot!("nagios_healthy", plugin(&[sample::healthy()]).render());
        let both = plugin(&[sample::healthy(), sample::ailing()]).render();
        assert!(both.starts_with("SMTP CRITICAL - mx.example.org:25, mail.example.org: "), "{both}");
    }

    #[test]
    fn states_follow_the_convention() {
        let state = |reports: &[Report]| plugin(reports).state();
        assert_eq!(state(&[sample::healthy()]), State::Ok);
        assert_eq!(state(&[sample::healthy(), sample::ailing(), sample::healthy()]), State::Critical);
        let mut warned = sample::ailing();
        warned.findings.retain(|finding| finding.severity == Severity::Warning);
        assert_eq!(state(&[warned.clone()]), State::Warning);
        warned.findings.clear();
        assert_eq!(state(&[warned]), State::Ok);
        let mut cut = sample::healthy();
        cut.complete = false;
        assert_eq!(state(&[cut.clone(), sample::healthy()]), State::Unknown, "nothing found is no OK then");
        assert_eq!(state(&[cut, sample::ailing()]), State::Critical, "a problem is one all the same");
        let codes = [State::Ok, State::Warning, State::Critical, State::Unknown].map(State::code);
        assert_eq!(codes, [0, 1, 2, 3]);
        assert_eq!(unknown("no\nsense | here"), "SMTP UNKNOWN - no\\x0asense / here\n");
    }

    #[test]
    fn every_label_stands_once() {
        let text = plugin(&[sample::healthy(), sample::healthy()]).render();
        for label in ["'mx.example.org:25 192.0.2.25 tcp'=", "'mx.example.org:25 192.0.2.25 (2) tcp'="] {
            assert_eq!(text.matches(label).count(), 1, "{text}");
        }
    }

    #[test]
    fn only_our_own_bar_and_nothing_that_acts_on_a_terminal() {
        let mut hostile = sample::ailing();
        hostile.subject = "a|b'=c\u{1b}[2J\nd".to_owned();
        for leg in &mut hostile.legs {
            leg.place = "it's=a|place".to_owned();
        }
        let text = plugin(&[hostile]).render();
        assert!(!text.contains('\u{1b}'));
        let (line, _) = text.split_once('\n').unwrap();
        assert_eq!(line.matches('|').count(), 1, "{line}");
        let (_, data) = line.split_once('|').unwrap();
        assert_eq!(data.matches('\'').count() % 2, 0);
        assert!(data.contains("'it_s_a/place 2001:db8::1 tcp'=0.005000s;;;0"), "{data}");
    }
}
