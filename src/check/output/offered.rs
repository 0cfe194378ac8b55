//! What servers offer, as an aligned table for people.

use unicode_width::UnicodeWidthStr;

use crate::check::Report;
use crate::check::offers::{self, Offer};
use crate::explain::render::{Line, Piece, Style, words, wrap};

/// The column of the meanings is here at most; a longer keyword with its parameters has a line to itself.
const COLUMN: usize = 28;

/// Columns before the keywords.
const INDENT: usize = 2;

/// More keywords of one server than this are counted only.
const MOST: usize = 60;

/// A table for each list; servers that offer the same share one. Nothing where nobody was asked.
pub fn tables(report: &Report, width: usize) -> Vec<Line> {
    let mut lists: Vec<(Vec<&str>, Vec<Offer>)> = Vec::new();
    for leg in report.last_tries() {
        let offered = offers::of(&leg.facts);
        match lists.iter_mut().find(|(_, known)| *known == offered) {
            _ if offered.is_empty() => {}
            Some((places, _)) => places.push(&leg.place),
            None => lists.push((vec![&leg.place], offered)),
        }
    }
    let alone = lists.len() == 1;
    let mut lines = Vec::new();
    for (number, (places, offered)) in lists.iter().enumerate() {
        if number == 0 {
            lines.extend([Line::new(), vec![piece(Style::Label, "What is offered")]]);
        }
        if !alone {
            let places = places.join(", ");
            lines.extend(wrap(words(&places, Style::Dim), INDENT, INDENT, width));
        }
        lines.extend(table(offered, width));
    }
    lines
}

fn table(offered: &[Offer], width: usize) -> Vec<Line> {
    let shown = || offered.iter().take(MOST);
    let fitting = shown().map(|offer| INDENT + offer.line().width() + 2).filter(|column| *column <= COLUMN);
    let column = fitting.max().unwrap_or(COLUMN);
    let mut lines: Vec<Line> = shown().flat_map(|offer| row(offer, column, width)).collect();
    if offered.len() > MOST {
        lines.push(vec![piece(Style::Dim, &format!("  and {} more", offered.len() - MOST))]);
    }
    lines
}

/// Keyword and parameters, and beside them what they mean.
fn row(offer: &Offer, column: usize, width: usize) -> Vec<Line> {
    let explained = offer.explained();
    let source = offer.source.map(|source| format!("· {source}"));
    let source = source.iter().flat_map(|source| words(source, Style::Dim));
    let meaning = words(&explained, Style::Plain).chain(source);
    let mut lines = wrap(meaning, column, column, width);
    let line = format!("{}{}", " ".repeat(INDENT), offer.line());
    match lines.first_mut().and_then(|line| line.first_mut()).filter(|_| line.width() + 2 <= column) {
        Some(indent) => *indent = piece(Style::Good, &format!("{line}{}", " ".repeat(column - line.width()))),
        None => {
            let offered = offer.line();
            lines.splice(0..0, wrap(words(&offered, Style::Good), INDENT, INDENT + 2, width));
        }
    }
    lines
}

fn piece(style: Style, text: &str) -> Piece {
    Piece { style, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::explain::render::plain;
    use crate::wire::{Capabilities, Capability};

    fn told(lists: &[&[&str]], width: usize) -> String {
        let mut report = sample::healthy();
        let leg = report.legs[0].clone();
        report.legs = lists
            .iter()
            .enumerate()
            .map(|(number, list)| {
                let mut leg = leg.clone();
                leg.place = format!("mx{number}.example.org:25");
                let capability = |line: &&str| {
                    let mut words = line.split(' ').map(str::to_owned);
                    Capability { keyword: words.next().unwrap(), params: words.collect() }
                };
                let list = list.iter().map(capability).collect();
                leg.facts.capabilities = Some(Capabilities { domain: None, list });
                leg
            })
            .collect();
        tables(&report, width).iter().map(|line| plain(line) + "\n").collect()
    }

    #[test]
    fn meanings_stand_in_a_column_and_go_on_below_themselves() {
        let list = ["PIPELINING", "SIZE 10240000", "AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256"];
        let expected = "
What is offered
  PIPELINING     commands may be sent without waiting for
                 each reply · RFC 2920
  SIZE 10240000  the size of a message can be declared; a
                 larger one is refused · RFC 1870
  AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
                 the client can authenticate · RFC 4954
";
        assert_eq!(told(&[&list], 60), expected);
    }

    #[test]
    fn servers_that_offer_the_same_share_a_table() {
        let told = told(&[&["DSN"], &["DSN"], &["HELP"], &[]], 100);
        let expected = "
What is offered
  mx0.example.org:25, mx1.example.org:25
  DSN  notices of delivery can be asked for (RET, ENVID, NOTIFY, ORCPT) · RFC 3461
  mx2.example.org:25
  HELP  HELP gives help · RFC 5321 §4.1.1.8
";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_list_without_end_is_counted() {
        let told = told(&[&["X-A"; 100]], 80);
        assert_eq!(told.lines().count(), 2 + MOST + 1);
        assert!(told.ends_with("  and 40 more\n"), "{told}");
    }
}
