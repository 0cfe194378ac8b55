//! Whether confidence means something.

use heloise::explain::{Level, Situation, explain};

use proptest::prelude::*;

use super::score::{Judged, Set, judge, reply, text};

/// The share of right answers among those of a range of confidence, in percent, and how many there are.
fn share(judged: &[Judged], from: u8, to: u8) -> (f64, usize) {
    let within = judged.iter().filter(|j| (from..=to).contains(&j.explanation.confidence.percent()));
    let (right, all) = within.fold((0, 0), |(right, all), j| (right + usize::from(j.right), all + 1));
    (100.0 * right as f64 / f64::max(1.0, all as f64), all)
}

fn table(what: &str, judged: &[Judged]) {
    println!("{what}: {} replies", judged.len());
    for (from, to) in [(0, 24), (25, 39), (40, 59), (60, 69), (70, 79), (80, 89), (90, 100)] {
        let (share, all) = share(judged, from, to);
        println!("  confidence {from:>2} to {to:>3}: {all:>4} replies, {share:>5.1} % right");
    }
}

#[test]
fn confidence_means_something() {
    let kinds = ["yes", "ambiguous", "label-wrong"];
    let all = judge(&Set::ALL, &kinds, false);
    let held_out = judge(&Set::UNSEEN, &kinds, false);
    table("all sets", &all);
    table("held out", &held_out);
    for judged in [&all, &held_out] {
        let (certain, likely, guess) = (share(judged, 90, 100), share(judged, 60, 89), share(judged, 25, 59));
        assert!(certain.0 >= 97.0, "certain answers are right in {:.1} %", certain.0);
        assert!(likely.0 >= 90.0, "likely answers are right in {:.1} %", likely.0);
        assert!(certain.0 >= likely.0 && likely.0 >= guess.0, "a surer answer must be righter");
    }
}

/// Replies that say nothing, or nothing bad: see the file.
#[test]
fn nonsense_gets_no_confident_answer() {
    let mut faults = Vec::new();
    for line in include_str!("../../corpus/nonsense.txt").lines().filter(|l| !l.starts_with('#')) {
        let reply = reply(&line.replace("\\n", "\n").replace("\\x1b", "\x1b"));
        let explanation = explain(&Situation::of(&reply)).remove(0);
        let harmless = matches!(explanation.reason.slug(), "ok" | "continue" | "unknown");
        if !harmless && explanation.confidence.level() >= Level::Likely {
            faults.push(format!("{} ({}): {line}", explanation.reason, explanation.confidence.percent()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whatever a reply that is no error says, nothing is wrong.
#[test]
fn success_is_never_taken_for_trouble() {
    for row in Set::ALL.iter().flat_map(|set| set.rows()) {
        let words = text(&row, "reply").lines().next().unwrap_or_default().get(4..).unwrap_or_default();
        for (code, slug) in
            [("250", "ok"), ("220", "ok"), ("235", "ok"), ("354", "continue"), ("334", "continue")]
        {
            let reply = reply(&format!("{code} {words}"));
            let read = explain(&Situation::of(&reply)).remove(0);
            assert_eq!(read.reason.slug(), slug, "{code} {words}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Words that mean nothing to mail get no confident reading after a code that is used for everything. Letters at
    /// random would spell `RBL` or `SPF` some day, so they are such as no abbreviation has.
    #[test]
    fn idle_words_get_no_confident_answer(
        code in prop::sample::select(vec![421u16, 450, 451, 452, 499, 550, 551, 552, 553, 554, 571, 599]),
        words in prop::collection::vec("(lorem|ipsum|dolor|banana|teapot|green|tuesday|seven|quux|x[0-9a-f]{8}|[0-9]{1,6}|ok|hello|[QXZ][A-Z][QXZ])", 0..8),
    ) {
        let reply = reply(&format!("{code} {}", words.join(" ")));
        let read = explain(&Situation::of(&reply)).remove(0);
        let harmless = matches!(read.reason.slug(), "ok" | "continue" | "unknown");
        prop_assert!(harmless || read.confidence.level() < Level::Likely, "{code} {words:?}: {}", read.reason);
    }

    /// Any bytes at all are read without a panic, and never with certainty.
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let reply = [heloise::wire::ReplyLine::crlf(&bytes)].into_iter().collect();
        let read = explain(&Situation::of(&reply)).remove(0);
        let harmless = matches!(read.reason.slug(), "ok" | "continue" | "unknown");
        prop_assert!(harmless || read.confidence.level() < Level::Certain, "{}", read.reason);
    }
}
