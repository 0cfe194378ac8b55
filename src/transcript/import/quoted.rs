//! What printed a text, and the text as it was printed: without what a mail or a page put before its lines (`> ` of a
//! quotation, the blanks of a block of code), and without what a terminal makes of control characters.

use std::borrow::Cow;

use super::{Source, cast, curl, lines};

/// So many times something may stand before a line: a quotation within a quotation.
const DEEPEST: usize = 4;

/// What printed this text, as far as can be told.
pub(super) fn guess(text: &[u8]) -> Option<Source> {
    if cast::is_cast(text) {
        return Some(Source::Cast);
    }
    let best = Source::ALL.into_iter().map(|source| (count(source, text), source));
    // Where two have as many marks, the one that stands first is the more particular one.
    best.rev().filter(|(count, _)| *count > 0).max_by_key(|(count, _)| *count).map(|(_, source)| source)
}

/// How many lines have the marks of a source.
fn count(source: Source, text: &[u8]) -> usize {
    let marked = lines(text).filter(|line| source.marks(line));
    if source != Source::Curl {
        return marked.count();
    }
    // Without a reply, `> ` is the mark of a quotation.
    let (sent, other): (Vec<_>, Vec<_>) = marked.partition(|line| line.starts_with(b"> "));
    let replies = other.iter().any(|line| curl::without_meter(line).starts_with(b"< "));
    other.len() + if replies { sent.len() } else { 0 }
}

/// The text as it was printed: what stands before its lines is taken off where more of them have the marks of the source
/// then, or of any source where it is not known.
pub(super) fn bare(text: &[u8], source: Option<Source>) -> Cow<'_, [u8]> {
    let marked = |text: &[u8]| match source {
        Some(source) => count(source, text),
        None => Source::ALL.into_iter().map(|source| count(source, text)).max().unwrap_or(0),
    };
    if source == Some(Source::Cast) || cast::is_cast(text) {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    // Colours hide the marks. Without marks, what the person erased was never sent.
    if let Some(seen) = cast::on_screen(&text)
        && (marked(&seen) > marked(&text) || source.or_else(|| guess(&text)) == Some(Source::Paste))
    {
        text = Cow::Owned(seen);
    }
    let mut best = (marked(&text), text.clone());
    let mut quotation = text;
    for _ in 0..DEEPEST {
        let next = without(&quotation, unquoted);
        for shorter in [without(&quotation, outdented), next.clone()].into_iter().flatten() {
            let marks = marked(&shorter);
            if marks > best.0 {
                best = (marks, Cow::Owned(shorter));
            }
        }
        let Some(next) = next else { break };
        quotation = Cow::Owned(next);
    }
    best.1
}

/// The lines, each without what `cut` takes off; nothing where that is nothing.
fn without(text: &[u8], cut: impl Fn(&[u8]) -> Option<&[u8]>) -> Option<Vec<u8>> {
    let split = || text.split_inclusive(|b| *b == b'\n');
    split()
        .any(|line| cut(line).is_some())
        .then(|| split().flat_map(|line| cut(line).unwrap_or(line)).copied().collect())
}

fn unquoted(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b">")?;
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

fn outdented(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"    ").or_else(|| line.strip_prefix(b"\t"))
}
