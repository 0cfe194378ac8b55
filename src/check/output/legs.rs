//! The stages of legs as lines for people, with a waterfall of their times.

use std::time::Duration;

use super::text::{brief, columns, cut, piece, style_of};
use crate::check::{Depth, Leg, Stage, StageName, Verdict};
use crate::explain::render::{Line, Style};

/// Columns of the waterfall.
const FALL: usize = 16;

/// Columns before a stage's summary.
const BEFORE: usize = 2 + 9 + 13 + 9 + FALL + 3;

/// Columns that are kept for the stages of a leg in short.
const SHORT: usize = 30;

/// The line above the stages of a leg.
pub fn title(place: &str) -> Line {
    vec![piece(Style::Label, place.to_owned())]
}

/// A stage: verdict, name, time, its place in the waterfall up to `total`, and what came of it.
pub fn stage(stage: &Stage, total: Duration, width: usize) -> Line {
    let (style, summary) = match &stage.verdict {
        Verdict::Ok => (Style::Good, stage.summary.as_str()),
        Verdict::Ended => (Style::Warn, stage.summary.as_str()),
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

/// A leg in one line, while it is walked. Its stages begin behind `column` columns of its name, and no line is longer
/// than `width`, or the picture could not be drawn anew in its place.
pub fn in_short(
    place: &str,
    column: usize,
    stages: &[Stage],
    running: Option<StageName>,
    width: usize,
) -> Line {
    let worst = stages.iter().filter_map(|stage| match stage.verdict {
        Verdict::Found(severity) => Some(severity),
        _ => None,
    });
    let style = worst.max().map_or(Style::Good, style_of);
    let done: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    let now = running.map_or_else(String::new, |name| format!(" {name} …"));
    let column = column.min(width.saturating_sub(SHORT));
    let place = cut(place, column);
    let gap = " ".repeat(column.saturating_sub(columns(&place)) + 2);
    let text = cut(&format!("{}{now}", done.join(" ")), width.saturating_sub(column + 5));
    vec![piece(style, format!("  {place}{gap}")), piece(Style::Dim, text)]
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
    let fine = match leg.stages.iter().any(|stage| stage.verdict == Verdict::Ended) {
        true => (Style::Warn, Verdict::Ended.word()),
        false => (Style::Good, Verdict::Ok.word()),
    };
    let (style, word) = severity.map_or(fine, |severity| (style_of(severity), severity.word()));
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

/// Where in the whole a stage lies.
fn waterfall(stage: &Stage, total: Duration) -> String {
    let total = total.as_secs_f64().max(1e-6);
    let column = |at: Duration| ((at.as_secs_f64() / total * FALL as f64) as usize).min(FALL);
    let from = column(stage.at).min(FALL - 1);
    let to = column(stage.at + stage.took).max(from + 1);
    format!("{}{}{}", "·".repeat(from), "█".repeat(to - from), "·".repeat(FALL - to))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::explain::render::plain;

    #[test]
    fn a_leg_in_short_fits_its_line() {
        let one = sample::healthy().legs[0].stages.clone();
        let stages: Vec<Stage> = std::iter::repeat_n(one, 9).flatten().collect();
        for (width, place) in [
            (80, "mx.example.org:25"),
            (80, "a-very-long-name.example.org:587 (2001:db8:85a3::8a2e:370:7334)"),
            (40, "mx.example.org:25"),
        ] {
            let line = plain(&in_short(place, columns(place), &stages, Some(StageName::Quit), width));
            assert!(columns(&line) < width && line.ends_with('…') && line.contains("  tcp"), "{line}");
        }
    }
}
