//! Explanations as lines of styled text; pure, for the screen and the exports to use.

mod place;

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::{EvidenceKind, Explanation};
use crate::wire::{Class, EnhancedCode, ReplyCode, escape};
use place::pointed;

/// How a piece of text is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Ordinary text.
    Plain,
    /// Of less weight.
    Dim,
    /// The word that says what a line is: `why`, `try`, `ref`.
    Label,
    /// Good news, and what can be typed.
    Good,
    /// Temporary failure, caution.
    Warn,
    /// Permanent failure.
    Bad,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How it is meant.
    pub style: Style,
    /// The text; without control characters.
    pub text: String,
}

/// One line for the screen.
pub type Line = Vec<Piece>;

/// What is not broken when a line is wrapped, and how it is meant.
pub(crate) type Word<'t> = (Cow<'t, str>, Style);

/// What stands beside the explanation in a headline.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headline {
    /// The reply code.
    pub code: Option<ReplyCode>,
    /// The enhanced code.
    pub enhanced: Option<EnhancedCode>,
}

pub(crate) const INDENT: usize = 5;
const LABEL: usize = 6;
/// How many proposals the short form has.
pub(crate) const IN_BRIEF: usize = 2;
/// Words that a headline or a proposal seldom has more of.
const WORDS: usize = 48;

/// The short form: a headline, why, try, ref; a line each, wrapped to `width` columns. Proposals have their numbers
/// where there are several to choose from.
pub fn brief(
    explanation: &Explanation,
    headline: Headline,
    width: usize,
    numbers: &[Option<usize>],
) -> Vec<Line> {
    let mut out = head(explanation, headline, width);
    let causes = explanation.causes.first().map(|c| c.as_ref());
    labelled(&mut out, "why", Style::Plain, causes, width);
    out.extend(explanation.place.iter().flat_map(|place| pointed(place, width)));
    let mut fixes = Vec::with_capacity(WORDS);
    let choice = numbers.iter().take(IN_BRIEF).flatten().count() > 1;
    let mut before: Option<&super::Fix> = None;
    for (n, fix) in explanation.fixes.iter().take(IN_BRIEF).enumerate() {
        if let Some(before) = before.replace(fix) {
            // What RSET makes room for comes after it, not in its stead.
            let makes_room = before.command.as_deref() == Some("RSET") && fix.command.is_some();
            let link = if makes_room { "then" } else { "or" };
            fixes.extend(["·", link].map(|word| (Cow::Borrowed(word), Style::Good)));
        }
        let number = numbers.get(n).copied().flatten().filter(|_| choice);
        fixes.extend(number.map(|number| (Cow::Owned(format!("{number}.")), Style::Good)));
        add_fix(&mut fixes, fix, width);
    }
    labelled_words(&mut out, "try", fixes, width);
    let mut refs: Vec<&str> = explanation.sources.iter().take(2).map(|s| s.as_ref()).collect();
    refs.extend(explanation.urls.iter().take(1).map(String::as_str));
    let refs = (!refs.is_empty()).then(|| refs.join(" · "));
    labelled(&mut out, "ref", Style::Dim, refs.as_deref(), width);
    out
}

/// The long form: everything, proposals numbered.
pub fn full(explanation: &Explanation, headline: Headline, width: usize) -> Vec<Line> {
    let numbers: Vec<_> = (1..=explanation.fixes.len()).map(Some).collect();
    full_numbered(explanation, headline, width, &numbers)
}

/// The same with these numbers of the proposals; one that has none gets a dot.
pub fn full_numbered(
    explanation: &Explanation,
    headline: Headline,
    width: usize,
    numbers: &[Option<usize>],
) -> Vec<Line> {
    let mut out = head(explanation, headline, width);
    let said = (!explanation.said.is_empty()).then_some(explanation.said.as_str());
    labelled(&mut out, "said", Style::Plain, said, width);
    labelled(&mut out, "std", Style::Plain, explanation.standard.as_deref(), width);
    if let Some(inferred) = &explanation.inferred {
        let sure = format!(
            "{}: {} ({} {} %, from {})",
            explanation.reason,
            inferred.text,
            explanation.confidence,
            explanation.confidence.percent(),
            inferred.because
        );
        labelled(&mut out, "here", Style::Plain, Some(&sure), width);
    }
    for (n, cause) in explanation.causes.iter().enumerate() {
        labelled(&mut out, if n == 0 { "why" } else { "" }, Style::Plain, Some(cause), width);
        if n == 0 {
            out.extend(explanation.place.iter().flat_map(|place| pointed(place, width)));
        }
    }
    proposals(&mut out, &explanation.fixes, numbers, width);
    labelled(&mut out, "who", Style::Plain, Some(explanation.actor.describe()), width);
    let sources: Vec<&str> = explanation.sources.iter().map(|s| s.as_ref()).collect();
    labelled(&mut out, "ref", Style::Dim, Some(&sources.join(" · ")), width);
    for url in &explanation.urls {
        labelled(&mut out, "url", Style::Dim, Some(url), width);
    }
    out
}

/// A deviation from the protocol beside what else is told: what it was, what it means, why, and what to do.
pub fn aside(explanation: &Explanation, width: usize, numbers: &[Option<usize>]) -> Vec<Line> {
    let mut out = Vec::new();
    labelled(&mut out, "quirk", Style::Warn, Some(&explanation.said), width);
    labelled(&mut out, "", Style::Plain, explanation.standard.as_deref(), width);
    for (n, cause) in explanation.causes.iter().enumerate() {
        labelled(&mut out, if n == 0 { "why" } else { "" }, Style::Plain, Some(cause), width);
    }
    proposals(&mut out, &explanation.fixes, numbers, width);
    let sources: Vec<&str> = explanation.sources.iter().map(|s| s.as_ref()).collect();
    labelled(&mut out, "ref", Style::Dim, Some(&sources.join(" · ")), width);
    out
}

/// A further reading, in short.
pub fn reading(explanation: &Explanation, width: usize) -> Vec<Line> {
    let Some(inferred) = &explanation.inferred else { return Vec::new() };
    let (sure, percent) = (explanation.confidence, explanation.confidence.percent());
    let text = format!("{}: {} ({sure} {percent} %)", explanation.reason, inferred.text);
    let mut out = Vec::new();
    labelled(&mut out, "or", Style::Dim, Some(&text), width);
    out
}

/// One line as plain text.
pub fn plain(line: &Line) -> String {
    line.iter().map(|piece| piece.text.as_str()).collect()
}

/// Proposals by these numbers; one that has none gets a dot.
fn proposals(out: &mut Vec<Line>, fixes: &[super::Fix], numbers: &[Option<usize>], width: usize) {
    for (n, fix) in fixes.iter().enumerate() {
        let number = numbers.get(n).copied().flatten();
        let mark = number.map_or(Cow::Borrowed("·"), |number| Cow::Owned(format!("{number}.")));
        let mut words = vec![(mark, Style::Good)];
        add_fix(&mut words, fix, width);
        labelled_words(out, if n == 0 { "try" } else { "" }, words, width);
    }
}

/// Adds the words of a proposal. Its command is one of them, so that it is not broken, unless it is longer than a line.
fn add_fix<'f>(to: &mut Vec<Word<'f>>, fix: &'f super::Fix, width: usize) {
    to.extend(words(&fix.text, Style::Good));
    let Some(command) = &fix.command else { return };
    if let Some((word, _)) = to.last_mut() {
        word.to_mut().push(':');
    }
    match command.width() <= room(width) {
        true => to.push((Cow::Borrowed(command), Style::Good)),
        false => to.extend(words(command, Style::Good)),
    }
}

/// The words of a text.
pub(crate) fn words(text: &str, style: Style) -> impl Iterator<Item = Word<'_>> {
    text.split_ascii_whitespace().map(move |word| (Cow::Borrowed(word), style))
}

/// The columns that are left for text behind a label.
fn room(width: usize) -> usize {
    width.saturating_sub(INDENT + LABEL).max(20)
}

fn head(explanation: &Explanation, headline: Headline, width: usize) -> Vec<Line> {
    let (word, style) = match headline.code.and_then(ReplyCode::class) {
        Some(Class::Permanent) => ("permanent", Style::Bad),
        Some(Class::Transient) => ("temporary", Style::Warn),
        Some(_) => ("", Style::Good),
        None => ("", Style::Bad),
    };
    // A provider may mean something else by a code than the registry has.
    let own = explanation.evidence.first().is_some_and(|first| first.kind == EvidenceKind::Provider);
    let by_enhanced = headline.enhanced.map(|code| {
        let meaning = super::tables::enhanced_meaning(code).filter(|_| !own).map(|m| m.text);
        format!("{code} {}", meaning.unwrap_or_default())
    });
    let inferred = explanation.inferred.as_ref().map(|inferred| match explanation.is_guessed() {
        true => Cow::Owned(format!("perhaps: {}", inferred.text)),
        false => Cow::Borrowed(&*inferred.text),
    });
    let text = inferred.or(explanation.standard.as_deref().map(Cow::Borrowed));
    let parts =
        [(Some(word), style), (by_enhanced.as_deref(), Style::Plain), (text.as_deref(), Style::Plain)];
    let mut line: Vec<Word<'_>> = Vec::with_capacity(WORDS);
    for (text, style) in parts.into_iter().filter_map(|(text, style)| Some((text?, style))) {
        if !line.is_empty() {
            line.push((Cow::Borrowed("·"), Style::Dim));
        }
        line.extend(words(text, style));
    }
    wrap(line, INDENT, INDENT, width)
}

/// A label and its text, wrapped to `width` columns; nothing where there is no text.
pub(crate) fn labelled(out: &mut Vec<Line>, label: &str, style: Style, text: Option<&str>, width: usize) {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return };
    labelled_words(out, label, words(text, style), width);
}

/// The same of words; one that holds blanks is not broken at them.
fn labelled_words<'w>(
    out: &mut Vec<Line>,
    label: &str,
    words: impl IntoIterator<Item = Word<'w>>,
    width: usize,
) {
    hanging(out, (&format!("{label:<LABEL$}"), Style::Label), words, width);
}

/// Words behind a label, wrapped to `width` columns so that they hang below the first; nothing where there are none.
pub(crate) fn hanging<'w>(
    out: &mut Vec<Line>,
    (label, style): (&str, Style),
    words: impl IntoIterator<Item = Word<'w>>,
    width: usize,
) {
    let mut words = words.into_iter().peekable();
    if words.peek().is_some() {
        let column = INDENT + label.width();
        let begun = vec![indent(INDENT), Piece { style, text: label.to_owned() }];
        wrap_behind(out, (begun, column), words, column, width);
    }
}

/// How many columns a word takes; nearly all are of ASCII.
fn columns(word: &str) -> usize {
    if escape::is_plain_ascii(word.as_bytes()) { word.len() } else { word.width() }
}

/// Breaks words into lines; each begins with its indent as a piece of its own. A word longer than a line stays
/// whole, so that URLs and commands can be copied.
pub(crate) fn wrap<'w>(
    words: impl IntoIterator<Item = Word<'w>>,
    first: usize,
    rest: usize,
    width: usize,
) -> Vec<Line> {
    let mut lines = Vec::new();
    wrap_behind(&mut lines, (vec![indent(first)], first), words, rest, width);
    lines
}

fn indent(columns: usize) -> Piece {
    Piece { style: Style::Plain, text: " ".repeat(columns) }
}

/// Does it behind a line that is begun, `used` columns of it.
fn wrap_behind<'w>(
    out: &mut Vec<Line>,
    (mut line, mut used): (Line, usize),
    words: impl IntoIterator<Item = Word<'w>>,
    rest: usize,
    width: usize,
) {
    // Grown word by word, a piece would be copied, and its memory wiped, over and over.
    let piece = |style, words: [&str; 2]| {
        let mut text = String::with_capacity(width);
        words.into_iter().for_each(|word| text.push_str(word));
        Piece { style, text }
    };
    let mut empty = true;
    for (word, style) in words {
        let columns = columns(&word);
        if !empty && used + 1 + columns > width.max(rest + 20) {
            out.push(std::mem::replace(&mut line, vec![indent(rest)]));
            (used, empty) = (rest, true);
        }
        let goes_on = line.last_mut().filter(|piece| !empty && piece.style == style);
        used += columns + usize::from(!empty);
        match goes_on {
            Some(piece) => {
                piece.text.push(' ');
                piece.text.push_str(&word);
            }
            None => line.push(piece(style, [if empty { "" } else { " " }, &word])),
        }
        empty = false;
    }
    out.push(line);
}
