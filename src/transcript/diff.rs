//! Two sessions side by side: aligned by command, volatile parts masked.

use std::io::{self, Write};

use similar::{Algorithm, ChangeTag, DiffOp, TextDiff, capture_diff_slices};

use crate::wire::{Reply, ReplyCode, Verb};

use super::mask::{mask, mask_command};
use super::turns::{Heard, Said, Turn};
use super::{Payload, text};

/// How closely replies are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    /// The reply codes alone.
    Code,
    /// The enhanced codes too, where both have one.
    Enhanced,
    /// Everything but the volatile parts.
    #[default]
    Text,
}

/// A pair of turns that belong together, or one that has no counterpart.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Of the first session.
    pub left: Option<&'a Turn>,
    /// Of the second.
    pub right: Option<&'a Turn>,
    /// Whether the client said the same.
    pub same_command: bool,
    /// Whether the server answered the same.
    pub same_reply: bool,
    /// Whether no difference in how the link is protected begins here: TLS, and a certificate that verified.
    pub same_link: bool,
}

impl Row<'_> {
    /// How the links of both turns were protected, where they differ in that. A certificate of which nobody says whether
    /// it verified is no difference.
    fn links_apart(&self) -> Option<(&'static str, &'static str)> {
        let (left, right) = self.left.zip(self.right)?;
        let verified = left.verified.zip(right.verified).is_some_and(|(left, right)| left != right);
        (left.tls != right.tls || verified).then(|| (left.link(), right.link()))
    }

    /// Whether nothing differs.
    pub fn same(&self) -> bool {
        self.same_command && self.same_reply && self.same_link
    }
}

/// How two sessions differ.
#[derive(Clone, Debug)]
pub struct Diff<'a> {
    /// The turns of both, in order.
    pub rows: Vec<Row<'a>>,
}

impl Diff<'_> {
    /// Whether nothing differs.
    pub fn same(&self) -> bool {
        self.rows.iter().all(Row::same)
    }
}

/// Compares two sessions.
pub fn diff<'a>(left: &'a [Turn], right: &'a [Turn], compare: Compare) -> Diff<'a> {
    let whole = |turns: &[Turn]| turns.iter().map(|turn| mask_command(&said(turn))).collect::<Vec<_>>();
    let mut rows = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, &whole(left), &whole(right)) {
        let (a, b) = sides(&op, left, right);
        match op {
            DiffOp::Equal { .. } => rows.extend(a.iter().zip(b).map(|(a, b)| pair(a, b, true, compare))),
            _ => by_verb(&mut rows, a, b, compare),
        }
    }
    mind_links(&mut rows);
    Diff { rows }
}

/// Marks the rows from which on the links of the two sessions are protected in different ways. Those that follow say no
/// more of it.
fn mind_links(rows: &mut [Row<'_>]) {
    let mut before = None;
    for row in rows.iter_mut().filter(|row| row.left.is_some() && row.right.is_some()) {
        let apart = row.links_apart();
        row.same_link = apart.is_none() || apart == before;
        before = apart;
    }
}

/// Whether the first session was offered STARTTLS and the second, which greeted in clear as well, was not: somebody in
/// between may have taken it out (RFC 3207 §6).
pub fn starttls_lost(left: &[Turn], right: &[Turn]) -> bool {
    let greeted = |turns: &[Turn], test: fn(&Turn) -> bool| {
        turns.iter().any(|turn| turn.verb() == Some(&Verb::Ehlo) && !turn.tls && test(turn))
    };
    let accepted = |turn: &Turn| turn.code() == Some(ReplyCode::OK);
    greeted(left, offers_starttls) && greeted(right, accepted) && !greeted(right, offers_starttls)
}

fn offers_starttls(turn: &Turn) -> bool {
    let lines = turn.heard.iter().flat_map(|heard| &heard.lines);
    lines
        .filter_map(|line| line.head().get(4..))
        .any(|text| text.trim_ascii().eq_ignore_ascii_case(b"STARTTLS"))
}

fn sides<'a>(op: &DiffOp, left: &'a [Turn], right: &'a [Turn]) -> (&'a [Turn], &'a [Turn]) {
    let a = left.get(op.old_range()).unwrap_or_default();
    (a, right.get(op.new_range()).unwrap_or_default())
}

/// Commands that differ in their arguments still belong together when their verbs are the same.
fn by_verb<'a>(rows: &mut Vec<Row<'a>>, left: &'a [Turn], right: &'a [Turn], compare: Compare) {
    fn verbs(turns: &[Turn]) -> Vec<&str> {
        turns.iter().map(kind).collect()
    }
    for op in capture_diff_slices(Algorithm::Myers, &verbs(left), &verbs(right)) {
        let (a, b) = sides(&op, left, right);
        if let DiffOp::Equal { .. } = op {
            rows.extend(a.iter().zip(b).map(|(a, b)| pair(a, b, false, compare)));
            continue;
        }
        let alone =
            |left, right| Row { left, right, same_command: false, same_reply: false, same_link: true };
        rows.extend(a.iter().map(|turn| alone(Some(turn), None)));
        rows.extend(b.iter().map(|turn| alone(None, Some(turn))));
    }
}

fn pair<'a>(left: &'a Turn, right: &'a Turn, same_command: bool, compare: Compare) -> Row<'a> {
    let same_reply = left.heard.len() == right.heard.len()
        && left.heard.iter().zip(&right.heard).all(|(a, b)| same_heard(a, b, compare))
        && left.upgraded == right.upgraded;
    Row { left: Some(left), right: Some(right), same_command, same_reply, same_link: true }
}

/// What the client said, as text to compare.
fn said(turn: &Turn) -> String {
    let join = |lines: &[Payload]| lines.iter().map(Payload::to_visible).collect::<Vec<_>>().join("\n");
    match &turn.said {
        Said::Nothing => "(greeting)".to_owned(),
        Said::Command { line, chunk, .. } if chunk.is_empty() => line.to_visible(),
        Said::Command { line, chunk, .. } => format!("{line}\n{}", join(chunk)),
        Said::Answer { line, .. } => line.to_visible(),
        Said::Content(lines) => format!("(content)\n{}", join(lines)),
    }
}

fn kind(turn: &Turn) -> &str {
    match &turn.said {
        Said::Nothing => "(greeting)",
        Said::Command { verb, .. } => verb.as_str(),
        Said::Answer { .. } => "(answer)",
        Said::Content(_) => "(content)",
    }
}

fn same_heard(a: &Heard, b: &Heard, compare: Compare) -> bool {
    let enhanced = || match (a.reply().enhanced(), b.reply().enhanced()) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let lines = |heard: &Heard| heard.lines.iter().map(|l| mask(&l.to_visible())).collect::<Vec<_>>();
    match compare {
        Compare::Code => a.code == b.code,
        Compare::Enhanced => a.code == b.code && enhanced(),
        Compare::Text => a.code == b.code && lines(a) == lines(b),
    }
}

/// Whether a fresh reply is the recorded one, as closely as asked. For `rerun`, which compares as it goes.
pub fn same_reply(recorded: &Heard, fresh: &Reply, compare: Compare) -> bool {
    let lines = fresh.lines().map(|line| Payload::from_line(line.line)).collect();
    let fresh = Heard { asked: None, at: None, lines, code: fresh.code() };
    same_heard(recorded, &fresh, compare)
}

/// One line of a printed difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Where it comes from.
    pub tag: Tag,
    /// Arrow and text, safe on any terminal.
    pub text: String,
}

/// Where a printed line comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Both sessions.
    Both,
    /// The first only.
    Left,
    /// The second only.
    Right,
}

impl Row<'_> {
    /// The row as lines: what is the same once, what differs from both. Volatile parts do not count, and are
    /// shown as they were in the first session.
    pub fn lines(&self) -> Vec<Printed> {
        let (left, right) =
            (self.left.map(printed).unwrap_or_default(), self.right.map(printed).unwrap_or_default());
        let masked = |lines: &[String]| lines.iter().map(|line| mask_line(line) + "\n").collect::<String>();
        let (a, b) = (masked(&left), masked(&right));
        let changes = TextDiff::from_lines(&a, &b);
        let mut out = Vec::new();
        if let Some((left, right)) = self.links_apart().filter(|_| !self.same_link) {
            out.push(Printed { tag: Tag::Left, text: format!("=== {left}") });
            out.push(Printed { tag: Tag::Right, text: format!("=== {right}") });
        }
        for change in changes.iter_all_changes() {
            let (tag, source, index) = match change.tag() {
                ChangeTag::Equal => (Tag::Both, &left, change.old_index()),
                ChangeTag::Delete => (Tag::Left, &left, change.old_index()),
                ChangeTag::Insert => (Tag::Right, &right, change.new_index()),
            };
            if let Some(text) = index.and_then(|index| source.get(index)) {
                out.push(Printed { tag, text: text.clone() });
            }
        }
        out
    }
}

/// A line with its arrow, masked.
fn mask_line(line: &str) -> String {
    match line.split_at_checked(4).filter(|(arrow, _)| matches!(*arrow, " -> " | " ~> ")) {
        Some((arrow, command)) => format!("{arrow}{}", mask_command(command)),
        None => mask(line),
    }
}

/// A turn as lines with arrows.
fn printed(turn: &Turn) -> Vec<String> {
    let sent = if turn.tls { " ~>" } else { " ->" };
    let mut out = Vec::new();
    let mut push = |arrow: &str, line: &Payload| out.push(format!("{arrow} {line}"));
    match &turn.said {
        Said::Nothing => {}
        Said::Command { line, chunk, .. } => {
            push(sent, line);
            chunk.iter().for_each(|line| push(sent, line));
        }
        Said::Answer { line, .. } => push(sent, line),
        Said::Content(lines) => lines.iter().for_each(|line| push(sent, line)),
    }
    for heard in &turn.heard {
        let error = heard.code.is_none_or(|code| code.is_error());
        let arrow = match (turn.tls, error) {
            (false, false) => "<- ",
            (true, false) => "<~ ",
            (false, true) => "<**",
            (true, true) => "<~*",
        };
        heard.lines.iter().for_each(|line| push(arrow, line));
    }
    if turn.upgraded {
        out.push("=== tls".to_owned());
    }
    out
}

/// Writes the difference as unified text: rows that are the same as context, `-` and `+` before the rest.
/// Nothing is written when nothing differs.
pub fn write_unified(
    out: &mut impl Write,
    diff: &Diff<'_>,
    names: (&str, &str),
    color: bool,
) -> io::Result<()> {
    if diff.same() {
        return Ok(());
    }
    writeln!(out, "--- {}\n+++ {}", text::visible(names.0.as_bytes()), text::visible(names.1.as_bytes()))?;
    let near = |index: usize| {
        let from = index.saturating_sub(1);
        diff.rows.iter().skip(from).take(index + 2 - from).any(|row| !row.same())
    };
    let mut skipped = false;
    for (index, row) in diff.rows.iter().enumerate() {
        if !near(index) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            writeln!(out, "@@ turn {} @@", index + 1)?;
        }
        for line in row.lines() {
            // What counts as the same by the closeness asked for is context, whatever its text.
            let (sign, paint) = match line.tag {
                Tag::Both => (' ', ""),
                Tag::Left if row.same() => (' ', ""),
                Tag::Right if row.same() => continue,
                Tag::Left => ('-', "\x1b[31m"),
                Tag::Right => ('+', "\x1b[32m"),
            };
            match color && !paint.is_empty() {
                true => writeln!(out, "{paint}{sign}{}\x1b[0m", line.text)?,
                false => writeln!(out, "{sign}{}", line.text)?,
            }
        }
    }
    Ok(())
}

/// Writes the difference as JSON lines: one object for each row that differs.
pub fn write_json(out: &mut impl Write, diff: &Diff<'_>) -> io::Result<()> {
    let side = |turn: Option<&Turn>| {
        turn.map(|turn| {
            let code = turn.code().map(|code| code.0);
            serde_json::json!({
                "entry": turn.entry,
                "link": turn.link(),
                "said": turn.label(),
                "code": code,
                "lines": printed(turn),
            })
        })
    };
    for (index, row) in diff.rows.iter().enumerate().filter(|(_, row)| !row.same()) {
        let value = serde_json::json!({
            "turn": index + 1,
            "same_command": row.same_command,
            "same_reply": row.same_reply,
            "same_link": row.same_link,
            "left": side(row.left),
            "right": side(row.right),
        });
        writeln!(out, "{value}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
