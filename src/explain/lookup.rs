//! Looking a word up in all tables: `5.7.26`, `550`, `STARTTLS`, `AUTH`, `relay-denied`, `SCRAM-SHA-256`.

use std::borrow::Cow;

use serde::Serialize;

use super::render::{self, INDENT, Line, Style};
use super::tables;
use crate::wire::ReplyCode;

/// What a table says of a word. In JSON, details are pairs of a label and a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// What kind of thing it is: `reply code`, `command`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What it means.
    pub meaning: String,
    /// More, a line each: `(label, text)`.
    pub details: Vec<(&'static str, String)>,
    /// The document that defines it.
    pub source: String,
}

impl Entry {
    /// The entry as lines for a screen of `width` columns.
    pub fn lines(&self, width: usize) -> Vec<Line> {
        let mut head = vec![
            (Cow::Borrowed(self.name.as_str()), Style::Label),
            (Cow::Owned(format!(" {} ", self.kind)), Style::Dim),
        ];
        head.extend(render::words(&self.meaning, Style::Plain));
        let mut lines = render::wrap(head, 0, INDENT, width);
        let rows = self.details.iter().map(|(label, text)| (*label, text.as_str()));
        for (label, text) in rows.chain([("ref", self.source.as_str())]) {
            let words = render::words(text, Style::Plain);
            render::hanging(&mut lines, (&format!("{label:<11}"), Style::Dim), words, width);
        }
        lines
    }
}

/// All that the tables know of a word, or of a few that are the name of something; nothing where they know nothing.
pub fn lookup(word: &str) -> Vec<Entry> {
    let word = word.trim();
    let mut found = Vec::new();
    // `x.7.26` stands for codes of each class.
    let any_class = word.strip_prefix(['x', 'X']).filter(|rest| rest.starts_with('.'));
    if let Some(rest) = any_class {
        return lookup(&format!("5{rest}"));
    }
    if let Ok(code) = word.parse::<u16>() {
        found.extend(reply_code(code));
    }
    if let Some((code, length)) = super::text::enhanced_at(word.as_bytes())
        && length == word.len()
        && let Some(meaning) = tables::enhanced_meaning(code)
    {
        let entry = entry("enhanced status code", word, meaning.text, meaning.source);
        found.push(match tables::enhanced_reason(code) {
            Some((_, (_, row))) => of_family(entry, row),
            None => entry,
        });
    }
    found.extend(tables::command(word).map(command));
    found.extend(parameters(word));
    found.extend(tables::capability(word).map(|row| {
        let mut entry = entry("EHLO keyword", &word.to_ascii_uppercase(), row.meaning, row.rfc);
        if !row.params.is_empty() {
            entry.details.push(("parameters", row.params.to_owned()));
        }
        entry.details.push(("status", row.status.to_owned()));
        entry
    }));
    found.extend(tables::mechanism(word).map(|row| {
        let mut entry = entry("SASL mechanism", &word.to_ascii_uppercase(), row.meaning, row.rfc);
        entry.details.push(("needs", row.needs.to_owned()));
        if row.needs_tls {
            entry.details.push(("note", "use it over TLS only".to_owned()));
        }
        entry
    }));
    let lower = word.to_ascii_lowercase().split_ascii_whitespace().collect::<Vec<_>>().join("-");
    found.extend(tables::reason(&lower).map(|(reason, row)| family("reason", reason.slug(), row)));
    let named = |row: &tables::ReasonRow| row.names.iter().any(|name| name.eq_ignore_ascii_case(word));
    let failures = tables::failures().filter(|(slug, row)| *slug == lower || named(row));
    found.extend(failures.map(|(slug, row)| family("failure", slug, row)));
    if let Some((slug, row)) = tables::tls_rows().find(|(slug, _)| *slug == lower).or_else(|| alert(word)) {
        found.push(advised(entry("TLS failure", slug, row.meaning, row.source), &row.causes, &row.fixes));
    }
    if let Some((slug, row)) = tables::quirks().find(|(slug, _)| *slug == lower) {
        found.push(advised(entry("deviation", slug, row.meaning, row.source), &row.causes, &row.fixes));
    }
    found
}

/// The row of a TLS alert: `alert 48`, `unknown_ca`, `tls alert unknown ca`.
fn alert(words: &str) -> Option<(&'static str, &'static tables::TlsRow)> {
    let lower = words.to_ascii_lowercase().replace('_', " ");
    let bare = lower.strip_prefix("tls ").unwrap_or(&lower);
    let bare = bare.strip_prefix("alert ").unwrap_or(bare).trim();
    // A number alone is a reply code.
    let number = bare.parse::<u8>().ok().filter(|_| bare != words);
    let says = |row: &tables::TlsRow| match number {
        Some(number) => row.alerts.contains(&number),
        None => row.words.iter().any(|words| words.replace('_', " ") == bare),
    };
    tables::tls_rows().find(|(_, row)| row.kind == "alert" && says(row))
}

/// What a parameter of MAIL, RCPT or another command says.
fn parameters(word: &str) -> impl Iterator<Item = Entry> {
    let all = tables::commands().flat_map(|row| row.params.iter().map(move |param| (row, param)));
    let named = all.filter(move |(_, param)| {
        let keyword = param.syntax.split('=').next().unwrap_or_default();
        keyword.eq_ignore_ascii_case(word)
    });
    named.map(|(row, param)| {
        let mut entry = entry("parameter", param.syntax, param.summary, row.rfc);
        entry.details.push(("of", row.verb.to_owned()));
        entry.details.push(("needs", param.needs.to_owned()));
        entry
    })
}

fn entry(kind: &'static str, name: &str, meaning: &str, source: &str) -> Entry {
    Entry {
        kind,
        name: name.to_owned(),
        meaning: meaning.to_owned(),
        details: Vec::new(),
        source: source.to_owned(),
    }
}

fn reply_code(code: u16) -> Option<Entry> {
    let general = tables::best_row(ReplyCode(code), None)?.row;
    let mut entry = entry("reply code", &code.to_string(), general.meaning, general.source);
    let exact =
        tables::reply_rows().iter().filter(|row| row.code.parse() == Ok(code) && !row.after.is_empty());
    entry.details.extend(
        exact.map(|row| ("after", format!("{}: {} ({})", row.after.join(", "), row.meaning, row.source))),
    );
    Some(entry)
}

fn command(row: &'static tables::CommandInfo) -> Entry {
    let mut entry = entry("command", row.verb, row.summary, row.rfc);
    entry.details.push(("syntax", row.syntax.to_owned()));
    if let Some(keyword) = row.needs {
        entry.details.push(("needs", format!("{keyword} in the EHLO reply")));
    }
    entry.details.push(("legal in", row.phases.join(", ")));
    let params =
        row.params.iter().map(|p| ("parameter", format!("{} ({}): {}", p.syntax, p.needs, p.summary)));
    entry.details.extend(params);
    entry
}

fn family(kind: &'static str, slug: &str, row: &'static tables::ReasonRow) -> Entry {
    let sources = row.sources.iter().map(|row| row.text.text);
    of_family(entry(kind, slug, row.meaning, &sources.collect::<Vec<_>>().join(" · ")), row)
}

/// With what is common to all replies of a family.
fn of_family(mut entry: Entry, row: &'static tables::ReasonRow) -> Entry {
    entry.details.push(("who acts", row.actor.describe().to_owned()));
    advised(entry, &row.causes, &row.fixes)
}

/// With the causes and fixes that hold everywhere.
fn advised(mut entry: Entry, causes: &[super::Advice], fixes: &[super::Advice]) -> Entry {
    let mut add = |label, rows: &[super::Advice]| {
        let rows = rows.iter().filter(|row| row.conditions.is_none() && !row.text.open);
        entry.details.extend(rows.map(|row| (label, row.text.text.to_owned())));
    };
    add("cause", causes);
    add("fix", fixes);
    entry
}
