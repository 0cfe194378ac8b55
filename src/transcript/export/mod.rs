//! Other forms of a transcript.
//!
//! One walk over the entries ([`run`]), and for each form an [`Export`] with a hook for the beginning, for
//! each entry, and for the end. Nothing of the transcript is held in memory.

use std::io::{self, BufRead, Write};

use super::{Entry, EntryKind, Header, Reader, Unreadable};

pub mod cast;
pub mod html;
pub mod json;
pub mod markdown;
pub mod script;
pub mod swaks;
pub mod text;
pub mod transcript;

/// An explanation to stand beside a reply, made by the caller: a headline, then lines with a label each
/// (`why`, `try`, `ref`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotation {
    /// What stands on the line of the reply itself: the meaning of an EHLO keyword.
    pub beside: Option<String>,
    /// One line: class, meaning. Empty where only `beside` is said.
    pub headline: String,
    /// Label and text.
    pub lines: Vec<(String, String)>,
}

/// A form to export to.
pub trait Export {
    /// What stands before the entries.
    fn begin(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()>;
    /// One entry, with what there is to say about it.
    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, note: Option<&Annotation>) -> io::Result<()>;
    /// What stands after the entries.
    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// What an export met on its way.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many entries were exported.
    pub entries: u64,
    /// Lines that could not be read.
    pub unreadable: Unreadable,
    /// That the file ends in mid-line, and where.
    pub warning: Option<String>,
}

/// Exports a whole transcript. `annotate` sees every entry in order, and may have something to say about it.
/// A line that cannot be read becomes a `***` entry, and the rest is exported all the same.
pub fn run<R: BufRead>(
    reader: &mut Reader<R>,
    out: &mut dyn Write,
    format: &mut dyn Export,
    mut annotate: impl FnMut(&Entry) -> Option<Annotation>,
) -> io::Result<Summary> {
    let mut summary = Summary::default();
    format.begin(out, reader.header())?;
    let mut entry = Entry::default();
    loop {
        match reader.read_into(&mut entry) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                entry = Entry { at: None, kind: EntryKind::Problem(format!("unreadable: {error}")) };
                summary.unreadable.note(error);
            }
        }
        let note = annotate(&entry);
        format.entry(out, &entry, note.as_ref())?;
        summary.entries += 1;
    }
    format.end(out)?;
    summary.warning = reader.warning().map(str::to_owned);
    Ok(summary)
}

/// Arrow and text of an entry, as every readable form shows it: safe on a terminal, not yet for HTML or
/// Markdown. Nothing for lines that are no entries proper.
pub fn shown(entry: &Entry) -> Option<(&str, String)> {
    let text = match &entry.kind {
        EntryKind::Sent { line, .. } | EntryKind::Received { line, .. } => line.to_visible(),
        EntryKind::Info(info) => info.to_visible(),
        EntryKind::Problem(words) | EntryKind::Note(words) => super::text::visible(words.as_bytes()),
        EntryKind::Comment(words) => {
            return Some(("#  ", super::text::visible(words.trim_start().as_bytes())));
        }
        EntryKind::Other { rest, .. } => super::text::visible(rest.as_bytes()),
        EntryKind::Session(_) | EntryKind::Header(..) => return None,
    };
    Some((entry.arrow(), text))
}

/// Column of the payload at which what stands beside it begins.
const BESIDE: usize = 30;

/// The blanks between the text of a line and what stands beside it.
fn gap(text: &str) -> String {
    " ".repeat(BESIDE.saturating_sub(text.chars().count()).max(2))
}

/// The text of a line with what stands beside it.
fn with_beside(text: String, note: Option<&Annotation>) -> String {
    match note.and_then(|note| note.beside.as_deref()) {
        Some(beside) => format!("{text}{}{}", gap(&text), super::text::visible(beside.as_bytes())),
        None => text,
    }
}

/// The headers as names and values, for forms that list them.
pub fn header_lines(header: &Header) -> Vec<(String, String)> {
    let started = header.started.map(|t| t.format("%Y-%m-%d %H:%M:%S %:z").to_string());
    let known = [("target", header.target.clone()), ("started", started), ("client", header.client.clone())];
    let known = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let safe = |(name, value): (String, String)| (name, super::text::visible(value.as_bytes()));
    known.chain(header.other.iter().cloned()).map(safe).collect()
}

/// What is said of such a link.
const UNVERIFIED: &str =
    "the certificate of this server was not verified; all that follows may be read by others";

/// Whether an entry tells of a link without a verified certificate, which every view has to say.
pub fn is_unverified(entry: &Entry) -> bool {
    matches!(&entry.kind, EntryKind::Info(super::Info::Tls(tls)) if tls.unverified())
}

#[cfg(test)]
mod tests;
