//! Reports as a monitoring plugin gives them: one status line with performance data, and lines of detail.
//!
//! The convention is that of the Monitoring Plugins project, which Nagios, Icinga, Naemon and Checkmk share: the
//! exit status is 0 for OK, 1 for WARNING, 2 for CRITICAL and 3 for UNKNOWN.

use std::fmt::Write as _;
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
    /// The check could not be made.
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

    /// The worst of all reports.
    pub fn of(reports: &[Report]) -> State {
        match reports.iter().filter_map(Report::worst).max() {
            Some(Severity::Problem) => State::Critical,
            Some(Severity::Warning) => State::Warning,
            Some(Severity::Note) | None => State::Ok,
        }
    }
}

/// The line for a check that could not be made.
pub fn unknown(why: &str) -> String {
    format!("SMTP {} - {}\n", State::Unknown.word(), clean(why))
}

/// The output of the plugin. `now` is the time from which the days of a certificate count.
pub fn render(reports: &[Report], thresholds: &Thresholds, now: DateTime<Utc>) -> String {
    let state = State::of(reports);
    let subjects: Vec<&str> = reports.iter().map(|report| report.subject.as_str()).collect();
    let mut out = format!("SMTP {} - {}: {}", state.word(), clean(&subjects.join(", ")), sum(reports));
    let data = performance(reports, thresholds, now);
    if !data.is_empty() {
        out.push_str(" | ");
        out.push_str(&data.join(" "));
    }
    out.push('\n');
    for finding in reports.iter().flat_map(|report| &report.findings) {
        if finding.severity > Severity::Note {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{}", detail(finding));
        }
    }
    out
}

/// What is wrong, the gravest first, in so few words that they fit a text message.
fn sum(reports: &[Report]) -> String {
    let all = || reports.iter().flat_map(|report| &report.findings);
    let gravest = all().filter(|finding| finding.severity > Severity::Note).max_by_key(|f| f.severity);
    let Some(gravest) = gravest else { return "nothing wrong".to_owned() };
    // Of equal ones the first: that is the one to act on.
    let first = all().find(|finding| finding.severity == gravest.severity).unwrap_or(gravest);
    let more = all().filter(|finding| finding.severity > Severity::Note).count() - 1;
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    format!("{}{more}", clean(&first.line))
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

fn performance(reports: &[Report], thresholds: &Thresholds, now: DateTime<Utc>) -> Vec<String> {
    let count = |severity| reports.iter().map(|report| report.count(severity)).sum::<usize>();
    let took = reports.iter().map(|report| report.took).max().unwrap_or_default();
    let mut data = vec![
        format!("time={}s;;;0", seconds(took)),
        format!("problems={};;0;0", count(Severity::Problem)),
        format!("warnings={};0;;0", count(Severity::Warning)),
        format!("notes={};;;0", count(Severity::Note)),
    ];
    let sessions: Vec<&Leg> = reports.iter().flat_map(Report::last_tries).collect();
    let alone = sessions.len() == 1;
    for leg in sessions {
        let label =
            |what: &str| if alone { what.to_owned() } else { quoted(&format!("{} {what}", name(leg))) };
        for stage in [StageName::Tcp, StageName::Banner, StageName::Ehlo, StageName::Tls, StageName::Login] {
            let stage = leg.stage(stage).filter(|stage| !matches!(stage.verdict, Verdict::Skipped(_)));
            data.extend(stage.map(|s| format!("{}={}s;;;0", label(s.name.as_str()), seconds(s.took))));
        }
        let days = leg.facts.not_after.map(|end| (end - now).num_days());
        // A range of N: warns below N, as there are fewer days left than that.
        data.extend(days.map(|days| format!("{}={days};{}:;0:", label("cert_days"), thresholds.cert_days)));
    }
    data
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

    #[test]
    fn the_status_line_and_its_data() {
        let ailing = render(&[sample::ailing()], &Thresholds::default(), sample::now());
        insta::assert_snapshot!("nagios_ailing", ailing);
        insta::assert_snapshot!(
            "nagios_healthy",
            render(&[sample::healthy()], &Thresholds::default(), sample::now())
        );
        let both = render(&[sample::healthy(), sample::ailing()], &Thresholds::default(), sample::now());
        assert!(both.starts_with("SMTP CRITICAL - mx.example.org:25, mail.example.org: "), "{both}");
    }

    #[test]
    fn states_follow_the_convention() {
        assert_eq!(State::of(&[sample::healthy()]), State::Ok);
        assert_eq!(State::of(&[sample::healthy(), sample::ailing()]), State::Critical);
        let mut warned = sample::ailing();
        warned.findings.retain(|finding| finding.severity == Severity::Warning);
        assert_eq!(State::of(&[warned.clone()]), State::Warning);
        warned.findings.clear();
        assert_eq!(State::of(&[warned]), State::Ok);
        assert_eq!(State::of(&[]).code(), 0);
        assert_eq!(unknown("no\nsense | here"), "SMTP UNKNOWN - no\\x0asense / here\n");
    }

    #[test]
    fn only_our_own_bar_and_nothing_that_acts_on_a_terminal() {
        let mut hostile = sample::ailing();
        hostile.subject = "a|b'=c\u{1b}[2J\nd".to_owned();
        for leg in &mut hostile.legs {
            leg.place = "it's=a|place".to_owned();
        }
        let text = render(&[hostile], &Thresholds::default(), sample::now());
        assert!(!text.contains('\u{1b}'));
        let (line, _) = text.split_once('\n').unwrap();
        assert_eq!(line.matches('|').count(), 1, "{line}");
        let (_, data) = line.split_once('|').unwrap();
        assert_eq!(data.matches('\'').count() % 2, 0);
        assert!(data.contains("'it_s_a/place 2001:db8::1 tcp'=0.005000s;;;0"), "{data}");
    }
}
