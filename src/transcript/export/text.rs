//! Plain text for people, on a terminal or a pipe: what `play` prints when it is not interactive.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::{Annotation, Export, UNVERIFIED, header_lines, is_unverified, shown, with_beside};
use crate::transcript::{Entry, EntryKind, Header};

/// The text form.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// Use colours.
    pub color: bool,
    /// Begin each line with its time.
    pub times: bool,
    /// Break what stands beside replies at so many columns; else whoever shows it does.
    pub width: Option<usize>,
}

/// How a kind of entry is coloured; the same in `text` and `cast`.
pub fn paint(entry: &Entry) -> &'static str {
    match &entry.kind {
        EntryKind::Sent { .. } => "\x1b[36m",
        EntryKind::Received { error: true, .. } | EntryKind::Problem(_) => "\x1b[31m",
        EntryKind::Received { .. } => "\x1b[32m",
        EntryKind::Note(_) => "\x1b[33m",
        _ => "\x1b[2m",
    }
}

const PLAIN: &str = "\x1b[0m";

impl Text {
    fn line(&self, out: &mut dyn Write, paint: &str, text: &str) -> io::Result<()> {
        if self.color { writeln!(out, "{paint}{text}{PLAIN}") } else { writeln!(out, "{text}") }
    }

    fn head(&self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        if let Some(title) = &header.title {
            self.line(out, "\x1b[1m", &crate::transcript::text::visible(title.as_bytes()))?;
        }
        for (name, value) in header_lines(header) {
            self.line(out, "\x1b[2m", &format!("{name:<8} {value}"))?;
        }
        writeln!(out)
    }

    /// The lines of one entry with what stands beside it; `cast` prints the same.
    pub(super) fn body(
        &self,
        out: &mut dyn Write,
        entry: &Entry,
        note: Option<&Annotation>,
    ) -> io::Result<()> {
        if let EntryKind::Session(header) = &entry.kind {
            writeln!(out)?;
            return self.head(out, header);
        }
        let Some((arrow, text)) = shown(entry) else { return Ok(()) };
        let time = match entry.at.filter(|_| self.times) {
            Some(at) => format!("{:>9.3} ", at.as_secs_f64()),
            None if self.times => " ".repeat(10),
            None => String::new(),
        };
        let text = with_beside(text, note);
        self.line(out, paint(entry), format!("{time}{arrow} {text}").trim_end())?;
        if is_unverified(entry) {
            self.line(out, "\x1b[1;31m", &format!("{}!!! {UNVERIFIED}", " ".repeat(time.len())))?;
        }
        Ok(())
    }

    pub(super) fn note(&self, out: &mut dyn Write, note: &Annotation) -> io::Result<()> {
        let indent = if self.times { 15 } else { 5 };
        self.remark(out, &" ".repeat(indent), &note.headline)?;
        let labelled = note.lines.iter().any(|(label, _)| !label.is_empty());
        for (label, text) in &note.lines {
            let label = if labelled { format!("{label:<6}") } else { String::new() };
            self.remark(out, &format!("{}{label}", " ".repeat(indent)), text)?;
        }
        Ok(())
    }

    /// Words behind a margin, which is left blank where they go on.
    fn remark(&self, out: &mut dyn Write, margin: &str, words: &str) -> io::Result<()> {
        let (mut line, mut begun) = (margin.to_owned(), false);
        let words = visible(words);
        for word in words.split(' ').filter(|_| !words.is_empty()) {
            let full = self.width.is_some_and(|width| line.width() + 1 + word.width() > width);
            if begun && full {
                self.line(out, "\x1b[2m", &line)?;
                (line, begun) = (" ".repeat(margin.width()), false);
            }
            line.push_str(if begun { " " } else { "" });
            line.push_str(word);
            begun = true;
        }
        if begun { self.line(out, "\x1b[2m", &line) } else { Ok(()) }
    }
}

fn visible(text: &str) -> String {
    // A backslash in an explanation means itself, or is part of an escape already.
    crate::transcript::text::visible(text.as_bytes()).replace("\\\\", "\\")
}

impl Export for Text {
    fn begin(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        self.head(out, header)
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, note: Option<&Annotation>) -> io::Result<()> {
        self.body(out, entry, note)?;
        note.map_or(Ok(()), |note| self.note(out, note))
    }
}
