//! What replies with such words were about: the likeness of a reply to replies whose reason is known.
//!
//! `grammar/likeness.tsv` holds, for words and codes, how much each speaks for or against each reason: learnt by
//! logistic regression from the labelled replies of the tuning sets (`examples/learn.rs`). Rules say what somebody
//! thought of; this says what is usual. The two together are right more often than either.

#[cfg(test)]
mod pack;
mod table;

use std::sync::LazyLock;

use smallvec::SmallVec;

use super::explanation::Reason;
use super::slots::{self, Key, Slots};
use super::tables;
use super::text::Heard;
use super::words::{Word, Words};
use crate::wire::Reply;

/// Weights are in this part of a natural logarithm.
pub const FINENESS: f32 = 16.0;
/// How likely something is beside the likeliest, by how far its sum of weights is below: `exp(-below / FINENESS)`, which is
/// nothing worth having past the end.
static SHARES: [f32; 160] = {
    // A step down by one is exp(-1 / 16).
    const STEP: f32 = 0.939_413_1;
    let mut shares = [1.0; 160];
    let mut below = 1;
    while below < shares.len() {
        shares[below] = shares[below - 1] * STEP;
        below += 1;
    }
    shares
};
/// Words of a reply that are looked at.
const WORDS: usize = 128;
/// Bytes of the longest word that is looked at.
const LONGEST: usize = 48;
/// Letters of a word that count: what follows is mostly an ending.
const STEM: usize = 6;

static SLOTS: Slots<'static> = Slots::new(include_bytes!(concat!(env!("OUT_DIR"), "/likeness.slots")));
static WEIGHTS: &[[u8; table::ROW]] =
    include_bytes!(concat!(env!("OUT_DIR"), "/likeness.weights")).as_chunks().0;
/// The reasons by their numbers.
static REASONS: LazyLock<Vec<Option<Reason>>> = LazyLock::new(|| {
    let slugs = include_str!(concat!(env!("OUT_DIR"), "/likeness.reasons")).lines();
    slugs.map(|slug| tables::reason(slug).map(|(reason, _)| reason)).collect()
});

/// A sum of weights for each reason. Words are looked at in such numbers that none overflows.
type Sums = [i16; table::ROW];

/// How likely each reason is by the words and codes of a reply, from 0 to 1; in all 1.
#[derive(Debug)]
pub(super) struct Likeness([f32; table::ROW]);

impl Likeness {
    /// Of a reply, and of the command that it answers, where that is known.
    pub fn of(heard: &Heard, words: &Words<'_>, command: Option<&str>) -> Likeness {
        let mut sums = [0; table::ROW];
        add(slots::hash(b"="), &mut sums);
        each_feature(heard, words, command, |_, hash| add(hash, &mut sums));
        let sums = sums.get(..REASONS.len()).unwrap_or_default();
        let most = sums.iter().max().copied().unwrap_or(0);
        let mut likely = [0.0; table::ROW];
        for (likely, sum) in likely.iter_mut().zip(sums) {
            let below = usize::from(most.abs_diff(*sum));
            *likely = SHARES.get(below).copied().unwrap_or(0.0);
        }
        let all: f32 = likely.iter().sum();
        likely.iter_mut().for_each(|likely| *likely /= all.max(1.0));
        Likeness(likely)
    }

    /// The reasons, each with how likely it is.
    pub fn each(&self) -> impl Iterator<Item = (Reason, f32)> {
        REASONS.iter().zip(self.0).filter_map(|(reason, likely)| Some(((*reason)?, likely)))
    }
}

/// Adds the weights of a feature, which is known by its hash.
fn add(hash: u64, sums: &mut Sums) {
    if let Some(row) = SLOTS.get(Key::of_hash(hash)).and_then(|row| WEIGHTS.get(usize::from(row))) {
        let both = sums.iter_mut().zip(row);
        both.for_each(|(sum, weight)| *sum += i16::from(i8::from_le_bytes([*weight])));
    }
}

/// The features of a reply, for whoever learns from labelled ones: its words, each once, its codes, and the command that
/// it answers, `CONNECT` for the opening of the link.
pub fn features(reply: &Reply, command: Option<&str>) -> Vec<String> {
    let mut all = Vec::new();
    let heard = Heard::of(reply);
    let words = Words::of(&heard.folded);
    each_feature(&heard, &words, command, |feature, _| {
        all.push(String::from_utf8_lossy(feature).into_owned())
    });
    all
}

/// Calls `found` with the stem of each word, once, with the codes and the parts of them that say something (`=550`, `=5`,
/// `=x.7.1`, `=x.7`), and with the command: `=RCPT`; each with its hash.
fn each_feature(heard: &Heard, words: &Words<'_>, command: Option<&str>, mut found: impl FnMut(&[u8], u64)) {
    let mut seen = [0; WORDS];
    // A bit for each that was seen: where it is not set, none of them has to be looked at.
    let mut seen_bits = 0u64;
    let of_language =
        words.all().iter().map(|word| (word, words.bytes(word))).filter(|(_, bytes)| is_word(bytes));
    for (place, (word, bytes)) in of_language.take(WORDS).enumerate() {
        let (stem, hash) = stem(word, bytes);
        let bit = 1 << (hash % 64);
        if seen_bits & bit == 0 || !seen.iter().take(place).any(|other| *other == hash) {
            found(stem, hash);
        }
        seen_bits |= bit;
        if let Some(seen) = seen.get_mut(place) {
            *seen = hash;
        }
    }
    let mut text: SmallVec<[u8; 32]> = SmallVec::from_slice(b"=");
    if let Some(command) = command {
        text.extend_from_slice(normal(command).as_bytes());
        found(&text, slots::hash(&text));
    }
    let mut code = |before: &[u8], numbers: &[u16]| {
        text.clear();
        text.extend_from_slice(before);
        for (place, number) in numbers.iter().enumerate() {
            if place > 0 {
                text.push(b'.');
            }
            push_number(&mut text, *number);
        }
        found(&text, slots::hash(&text));
    };
    if let Some(number) = heard.code {
        code(b"=", &[number]);
        code(b"=", &[number / 100]);
    }
    if let Some(enhanced) = heard.enhanced {
        code(b"=x.", &[enhanced.subject, enhanced.detail]);
        code(b"=x.", &[enhanced.subject]);
    }
}

/// Commands that are one for us.
fn normal(command: &str) -> &str {
    match command {
        "HELO" | "LHLO" => "EHLO",
        other => other,
    }
}

fn push_number(text: &mut SmallVec<[u8; 32]>, number: u16) {
    if number > 9 {
        push_number(text, number / 10);
    }
    // Below ten.
    text.push(b'0' + (number % 10) as u8);
}

/// Whether a word is one of a language: queue ids, numbers and the parts of host names and URLs are not.
fn is_word(word: &[u8]) -> bool {
    (1..=LONGEST).contains(&word.len()) && !word.iter().any(|byte| byte.is_ascii_digit() || *byte == b'/')
}

/// The letters of a word that count, and their hash.
fn stem<'b>(word: &Word, bytes: &'b [u8]) -> (&'b [u8], u64) {
    const FIRST: u64 = !(!0 << (STEM * 8));
    let head = word.head & FIRST;
    if head & 0x8080_8080_8080 == 0 {
        return (bytes.get(..STEM).unwrap_or(bytes), slots::spread(0, head));
    }
    // Bytes that go on with a letter begin with 10.
    let letters = bytes.iter().enumerate().filter(|(_, byte)| **byte & 0xc0 != 0x80);
    let stem = letters.map(|(at, _)| at).nth(STEM).and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    (stem, slots::hash(stem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ReplyLine;

    fn heard(text: &str) -> Heard {
        Heard::of(&text.split('\n').map(ReplyLine::crlf).collect())
    }

    #[test]
    fn features_are_stems_codes_and_the_command() {
        let reply: Reply =
            ["550-5.1.1 Unknown: unknown user <bob@example.org>", "550 5.1.1 at mx1.example.org, id 4XyZ"]
                .into_iter()
                .map(ReplyLine::crlf)
                .collect();
        let found = features(&reply, Some("RCPT"));
        assert_eq!(
            found,
            ["unknow", "user", "anaddr", "at", "ahost", "id", "=RCPT", "=550", "=5", "=x.1.1", "=x.1"]
        );
        assert_eq!(
            features(&["250 ok"].into_iter().map(ReplyLine::crlf).collect(), Some("HELO"))[1],
            "=EHLO"
        );
    }

    #[test]
    fn stems_end_where_letters_do() {
        for (word, start) in [
            ("a", "a"),
            ("unknow", "unknow"),
            ("unknown", "unknow"),
            ("почтовый", "почтов"),
            ("ünknown", "ünknow"),
        ] {
            let words = Words::of(word);
            let start = start.as_bytes();
            assert_eq!(stem(&words.all()[0], word.as_bytes()), (start, slots::hash(start)));
        }
    }

    #[test]
    fn every_reason_of_the_table_is_one() {
        assert!(REASONS.len() > 30 && REASONS.len() <= table::ROW);
        assert!(REASONS.iter().all(Option::is_some));
    }

    #[test]
    fn likeness_adds_up_and_leans_on_words() {
        for (text, reason) in [
            ("550 5.1.1 this person never had a mailbox with us", "user-unknown"),
            ("552 that mailbox has no room, its storage is used up", "mailbox-full"),
            ("450 please come back, you are on our greylist", "greylisted"),
        ] {
            let heard = heard(text);
            let likeness = Likeness::of(&heard, &Words::of(&heard.folded), None);
            let all: f32 = likeness.each().map(|(_, likely)| likely).sum();
            assert!((all - 1.0).abs() < 0.001, "{all}");
            let best = likeness.each().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            assert_eq!(best.0.slug(), reason, "{text}");
        }
    }

    #[test]
    fn no_text_is_too_odd() {
        for text in
            ["", "550", "550 \u{0}\u{1}", "xyz", &"550 a".repeat(5000), &format!("550 {}", "é".repeat(3000))]
        {
            let heard = heard(text);
            let likeness = Likeness::of(&heard, &Words::of(&heard.folded), Some(""));
            let all: f32 = likeness.each().map(|(_, likely)| likely).sum();
            assert!((all - 1.0).abs() < 0.001, "{all}");
        }
    }
}
