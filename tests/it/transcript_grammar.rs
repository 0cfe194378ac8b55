//! `grammar/abnf/transcript.abnf` against the reader of transcripts.

use heloise::transcript::Reader;
use heloise::transcript::grammar::{self, Parsed};

use crate::grammar::oracle::{Dice, Grammar};

type Takes = fn(&[u8]) -> bool;

fn whole<T>(parsed: Parsed<'_, T>) -> bool {
    matches!(parsed, Ok((b"", _)))
}

macro_rules! table {
    ($($name:ident)*) => { &[$((stringify!($name), |i: &[u8]| whole(grammar::$name(i)))),*] };
}

/// Rules that say all there is to say.
const EXACT: &[(&str, Takes)] = table! {
    signature header comment time note payload plain escape line_end placeholder attributes attribute token quoted
    text any_text info
};

/// Rules in which the ABNF cannot say that an arrow is none of the known ones.
const AMBIGUOUS: &[(&str, Takes)] = table! { entry marked unknown };

fn load() -> Grammar {
    Grammar::load(&["core", "transcript"])
}

#[test]
fn every_sentence_is_read() {
    let grammar = load();
    for (seed, (function, takes)) in (1..).zip(EXACT) {
        let rule = function.replace('_', "-");
        let mut dice = Dice::new(seed);
        for _ in 0..300 {
            let sentence = grammar.sentence(&rule, &mut dice);
            assert!(takes(&sentence), "{rule} must take {}", sentence.escape_ascii());
        }
    }
}

#[test]
fn nothing_else_is_read() {
    let grammar = load();
    for (seed, (function, takes)) in (100..).zip(EXACT.iter().chain(AMBIGUOUS)) {
        let exact = EXACT.iter().any(|(name, _)| name == function);
        let rule = function.replace('_', "-");
        let mut dice = Dice::new(seed);
        for _ in 0..300 {
            let sentence = grammar.sentence(&rule, &mut dice);
            let mutated = dice.mutate(&sentence);
            let (reader, oracle) = (takes(&mutated), grammar.takes(&rule, &mutated));
            let agree = if exact { reader == oracle } else { !reader || oracle };
            assert!(agree, "{rule}: reader {reader}, ABNF {oracle}: {}", mutated.escape_ascii());
        }
    }
}

#[test]
fn every_rule_has_its_function() {
    let functions: Vec<String> =
        EXACT.iter().chain(AMBIGUOUS).map(|(name, _)| name.replace('_', "-")).collect();
    // Parts of a file, classes of characters, and what stands inside a placeholder.
    let parts = [
        "transcript",
        "EOL",
        "arrow-and-rest",
        "arrow-char",
        "mark",
        "brace",
        "not-lower",
        "secret",
        "data",
        "other",
        "key",
        "key-char",
        "word",
        "odd-char",
        "token-char",
        "quoted-char",
    ];
    for (file, rule) in &load().names {
        let known = file == "core" || functions.contains(rule) || parts.contains(&rule.as_str());
        assert!(known, "{rule} has no function");
    }
}

#[test]
fn whole_files_are_read_or_refused_for_a_reason() {
    let grammar = load();
    let mut dice = Dice::new(7);
    let mut read = 0;
    for _ in 0..300 {
        let file = grammar.sentence("transcript", &mut dice);
        // Random octets above ASCII are seldom UTF-8, and the version is seldom 1.
        let Ok(text) = std::str::from_utf8(&file) else { continue };
        let Some((_, rest)) = text.split_once('\n') else { continue };
        let rest = rest.replace("%heloise", "%h");
        let Ok(reader) = Reader::new(format!("%heloise 1\n{rest}").into_bytes().leak() as &[u8]) else {
            panic!("{text}");
        };
        read += reader.filter(Result::is_ok).count();
    }
    assert!(read > 50, "{read}");
}
