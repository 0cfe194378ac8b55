//! A report as lines for people: the stages with a waterfall of times, then what to do first.

use std::time::Duration;

use crate::check::{Depth, Finding, Leg, Report, Severity, Stage, StageName, Verdict};
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

/// Columns of the waterfall.
const FALL: usize = 16;

/// Columns before a stage's summary.
const BEFORE: usize = 2 + 9 + 13 + 9 + FALL + 3;

/// How many entries are shown as evidence of a finding.
const EVIDENCE: usize = 3;

/// The line above the stages of a leg.
pub fn title(place: &str) -> Line {
    vec![piece(Style::Label, place.to_owned())]
}

/// A stage: verdict, name, time, its place in the waterfall up to `total`, and what came of it.
pub fn stage(stage: &Stage, total: Duration, width: usize) -> Line {
    let (style, summary) = match &stage.verdict {
        Verdict::Ok => (Style::Good, stage.summary.as_str()),
        Verdict::Skipped(why) => (Style::Dim, why.as_str()),
        Verdict::Found(severity) => (style_of(*severity), stage.summary.as_str()),
    };
    let skipped = matches!(stage.verdict, Verdict::Skipped(_));
    let time = if skipped { String::new() } else { brief(stage.took) };
    let bar = if skipped { String::new() } else { waterfall(stage, total) };
    row(style, &stage.verdict, stage.name.as_str(), [&time, &bar], summary, width)
}

/// The columns of a stage: its verdict, its name, time and waterfall, and what came of it.
fn row(style: Style, verdict: &Verdict, name: &str, times: [&str; 2], summary: &str, width: usize) -> Line {
    let summary_style = if matches!(verdict, Verdict::Skipped(_)) { Style::Dim } else { Style::Plain };
    let [time, bar] = times;
    vec![
        piece(style, format!("  {:<9}", verdict.word())),
        piece(Style::Plain, format!("{name:<13}")),
        piece(Style::Dim, format!("{time:>8} ")),
        piece(Style::Label, format!("{bar:<FALL$}   ")),
        piece(summary_style, cut(summary, width.saturating_sub(BEFORE).max(20))),
    ]
}

/// A stage under way.
pub fn running(name: &str) -> Line {
    vec![piece(Style::Dim, format!("  {:<9}", "…")), piece(Style::Plain, name.to_owned())]
}

/// A leg in one line, while it is walked.
pub fn in_short(place: &str, stages: &[Stage], running: Option<StageName>, width: usize) -> Line {
    let worst = stages.iter().filter_map(|stage| match stage.verdict {
        Verdict::Found(severity) => Some(severity),
        _ => None,
    });
    let style = worst.max().map_or(Style::Good, style_of);
    let done: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let now = running.map_or_else(String::new, |name| format!(" {name} …"));
    let text = cut(&format!("{}{now}", done.join(" ")), width.saturating_sub(34).max(20));
    vec![piece(style, format!("  {place:<30}  ")), piece(Style::Dim, text)]
}

/// All stages of a leg under its title; a leg that went no further than the greeting in one line.
pub fn leg(leg: &Leg, total: Duration, width: usize) -> Vec<Line> {
    if leg.depth == Depth::Greeting {
        return vec![aside(leg, width)];
    }
    let again = if leg.attempt > 1 { format!(" · try {}", leg.attempt) } else { String::new() };
    let mut lines = vec![title(&format!("{}{again}", leg.place))];
    lines.extend(stages(&leg.stages, total, width));
    lines
}

/// Stages, a line each; those passed over for one reason share one.
pub fn stages(stages: &[Stage], total: Duration, width: usize) -> Vec<Line> {
    let passed = |stage: &Stage| match &stage.verdict {
        Verdict::Skipped(why) => Some(why.clone()),
        _ => None,
    };
    let runs = stages.chunk_by(|one, next| passed(one).is_some() && passed(one) == passed(next));
    runs.flat_map(|run| match run {
        [first, _, _, ..] => {
            let names: Vec<&str> = run.iter().map(|stage| stage.name.as_str()).collect();
            let why = format!("{}: {}", passed(first).unwrap_or_default(), names.join(" "));
            vec![row(Style::Dim, &first.verdict, &format!("{} stages", run.len()), ["", ""], &why, width)]
        }
        few => few.iter().map(|one| stage(one, total, width)).collect(),
    })
    .collect()
}

/// A leg to a further address of a host in one line: how it went, where, and the greeting or what kept it away.
fn aside(leg: &Leg, width: usize) -> Line {
    let worst = leg.stages.iter().filter_map(|stage| match &stage.verdict {
        Verdict::Found(severity) => Some((*severity, stage)),
        _ => None,
    });
    let worst = worst.max_by_key(|(severity, stage)| (*severity, std::cmp::Reverse(stage.at)));
    let greeted = leg.stage(StageName::Banner).or(leg.stages.first());
    let (severity, told) = (worst.map(|(severity, _)| severity), worst.map(|(_, stage)| stage).or(greeted));
    let (style, word) =
        severity.map_or((Style::Good, "ok"), |severity| (style_of(severity), severity.word()));
    let summary = told.map_or("", |stage| &stage.summary);
    let took = leg.stages.iter().map(|stage| stage.took).sum();
    let start = format!("{} {:>8}   ", leg.place, brief(took));
    let room = width.saturating_sub(11 + columns(&start)).max(20);
    vec![
        piece(style, format!("  {word:<9}")),
        piece(Style::Label, format!("{} ", leg.place)),
        piece(Style::Dim, format!("{:>8}   ", brief(took))),
        piece(Style::Plain, cut(summary, room)),
    ]
}

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
    if found.iter().all(|found| found.style == Style::Dim) {
        line.push(piece(Style::Good, "nothing wrong".to_owned()));
        line.extend((!found.is_empty()).then(|| piece(Style::Plain, ", ".to_owned())));
    }
    for (number, found) in found.into_iter().enumerate() {
        line.extend((number > 0).then(|| piece(Style::Plain, ", ".to_owned())));
        line.push(found);
    }
    line.push(piece(Style::Dim, format!(" · {}", brief(report.took))));
    line
}

/// Where in the whole a stage lies.
fn waterfall(stage: &Stage, total: Duration) -> String {
    let total = total.as_secs_f64().max(1e-6);
    let column = |at: Duration| ((at.as_secs_f64() / total * FALL as f64) as usize).min(FALL);
    let from = column(stage.at).min(FALL - 1);
    let to = column(stage.at + stage.took).max(from + 1);
    format!("{}{}{}", "·".repeat(from), "█".repeat(to - from), "·".repeat(FALL - to))
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

fn piece(style: Style, text: String) -> Piece {
    Piece { style, text }
}

/// How wide a text is.
fn columns(text: &str) -> usize {
    use unicode_width::UnicodeWidthStr;
    text.width()
}

/// The text cut to so many columns.
fn cut(text: &str, columns: usize) -> String {
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
