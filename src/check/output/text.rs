//! The findings of a report as lines for people: what to do first.

use std::time::Duration;

use crate::check::{Finding, Report, Severity};
use crate::explain::Fix;
use crate::explain::render::{Line, Piece, Style, labelled};
use crate::transcript::export::shown;
use crate::transcript::{Entry, EntryKind};

/// The findings in groups, in the order in which to act on them, each with its heading.
pub const GROUPS: [(Severity, &str); 3] = [
    (Severity::Problem, "What to do first"),
    (Severity::Warning, "What to do then"),
    (Severity::Note, "Good to know"),
];

/// How many entries are shown as evidence of a finding.
const EVIDENCE: usize = 3;

/// The findings, and the last line that sums up.
pub fn findings(report: &Report, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (severity, heading) in GROUPS {
        let group = report.findings.iter().filter(|finding| finding.severity == severity);
        for (number, finding) in group.enumerate() {
            if number == 0 {
                lines.extend([Line::new(), vec![piece(Style::Label, heading.to_owned())]]);
            }
            lines.extend(self::finding(finding, width));
        }
    }
    lines.push(Line::new());
    lines.push(sum(report));
    lines
}

/// A report among many: the line that sums up, and a line for each finding but notes.
pub fn in_a_list(report: &Report, width: usize) -> Vec<Line> {
    let mut lines = vec![sum(report)];
    for finding in report.findings.iter().filter(|finding| finding.severity > Severity::Note) {
        let text = format!("{} ({}, {})", finding.line, finding.places.join(", "), finding.id);
        lines.push(vec![
            piece(style_of(finding.severity), format!("  {:<9}", finding.severity.word())),
            piece(Style::Plain, cut(&text, width.saturating_sub(11).max(40))),
        ]);
    }
    lines
}

/// One finding. Notes are told in short.
pub fn finding(finding: &Finding, width: usize) -> Vec<Line> {
    let style = style_of(finding.severity);
    let mut lines = Vec::new();
    let mut part = |label: &str, style: Style, text: Option<String>| {
        labelled(&mut lines, label, style, text.as_deref(), width);
    };
    let note = finding.severity == Severity::Note;
    let at = format!("{} · {}", finding.places.join(", "), finding.stage);
    part("", Style::Plain, Some(finding.line.to_string()));
    part("at", Style::Dim, Some(at));
    part("means", Style::Plain, Some(finding.meaning.to_string()).filter(|text| *text != finding.line));
    if !note {
        for (number, cause) in finding.causes.iter().take(3).enumerate() {
            part(if number == 0 { "why" } else { "" }, Style::Plain, Some(cause.to_string()));
        }
    }
    for (number, fix) in finding.fixes.iter().take(if note { 1 } else { 3 }).enumerate() {
        part(if number == 0 { "try" } else { "" }, Style::Good, Some(fix_text(fix)));
    }
    if !note {
        for (number, entry) in evidence(finding).iter().enumerate() {
            part(if number == 0 { "seen" } else { "" }, Style::Dim, Some(entry.clone()));
        }
        let sources: Vec<&str> = finding.sources.iter().take(3).map(|source| source.as_ref()).collect();
        part("ref", Style::Dim, Some(sources.join(" · ")));
    }
    part("id", Style::Dim, Some(finding.id.to_owned()));
    if let Some(label) = lines.first_mut().and_then(|line| line.first_mut()) {
        label.text = "  ".to_owned();
    }
    if let Some(label) = lines.first_mut().and_then(|line| line.get_mut(1)) {
        *label = piece(style, format!("{:<9}", finding.severity.word()));
    }
    lines
}

/// The last entries that show a finding: what was on the wire before anything else.
fn evidence(finding: &Finding) -> Vec<String> {
    let telling = |entry: &&Entry| !matches!(entry.kind, EntryKind::Session(_) | EntryKind::Header(..));
    let mut lines: Vec<String> = finding
        .evidence
        .iter()
        .filter(telling)
        .filter_map(|entry| shown(entry).map(|(arrow, text)| format!("{arrow} {text}")))
        .collect();
    lines.drain(..lines.len().saturating_sub(EVIDENCE));
    lines
}

fn fix_text(fix: &Fix) -> String {
    match &fix.command {
        Some(command) => format!("{}: {command}", fix.text),
        None => fix.text.to_string(),
    }
}

fn sum(report: &Report) -> Line {
    let counted = |severity: Severity| {
        let count = report.count(severity);
        let plural = if count == 1 { "" } else { "s" };
        (count > 0).then(|| piece(style_of(severity), format!("{count} {}{plural}", severity.word())))
    };
    let all = [Severity::Problem, Severity::Warning, Severity::Note];
    let found: Vec<Piece> = all.into_iter().filter_map(counted).collect();
    let mut line = vec![piece(Style::Plain, format!("{}: ", report.subject))];
    let lead = match report.complete {
        true => found.iter().all(|found| found.style == Style::Dim).then_some((Style::Good, "nothing wrong")),
        false => Some((Style::Warn, report.how_it_ended())),
    };
    if let Some((style, words)) = lead {
        line.push(piece(style, words.to_owned()));
        line.extend((!found.is_empty()).then(|| piece(Style::Plain, ", ".to_owned())));
    }
    for (number, found) in found.into_iter().enumerate() {
        line.extend((number > 0).then(|| piece(Style::Plain, ", ".to_owned())));
        line.push(found);
    }
    line.push(piece(Style::Dim, format!(" · {}", brief(report.took))));
    line
}

/// A time as people read it.
pub fn brief(time: Duration) -> String {
    match time.as_millis() {
        0..10_000 => format!("{} ms", time.as_millis()),
        _ => format!("{:.1} s", time.as_secs_f32()),
    }
}

/// The style of a severity.
pub fn style_of(severity: Severity) -> Style {
    match severity {
        Severity::Note => Style::Dim,
        Severity::Warning => Style::Warn,
        Severity::Problem => Style::Bad,
    }
}

pub(super) fn piece(style: Style, text: String) -> Piece {
    Piece { style, text }
}

/// How wide a text is.
pub(super) fn columns(text: &str) -> usize {
    use unicode_width::UnicodeWidthStr;
    text.width()
}

/// The text cut to so many columns.
pub(super) fn cut(text: &str, columns: usize) -> String {
    use unicode_width::UnicodeWidthChar;
    let mut used = 0;
    let fits = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > columns
    });
    match fits {
        None => text.to_owned(),
        Some((at, _)) => {
            let kept: String = text.get(..at).unwrap_or_default().chars().collect();
            let short: String = kept.chars().take(kept.chars().count().saturating_sub(1)).collect();
            format!("{short}…")
        }
    }
}
