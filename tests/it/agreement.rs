//! How often the explanation of real replies agrees with labels that others gave them, and whether a confident
//! answer deserves its confidence. `docs/explanations.md` says which replies the tables were made from and which not.

mod calibration;
mod providers;
mod score;

use score::{Set, demand};

/// Replies that the tables were made from: these figures measure the fit, no more.
#[test]
fn replies_that_the_tables_know() {
    demand("development set", &[Set::Dev], &["yes"], false, 98.0);
    demand("older corpora", &[Set::Extra], &["yes"], false, 98.0);
    demand("both, with context", &[Set::Dev, Set::Extra], &["yes"], true, 97.0);
    demand("both, ambiguous", &[Set::Dev, Set::Extra], &["ambiguous", "label-wrong"], false, 90.0);
    demand("both, with the command", &[Set::Dev, Set::Extra], &["context"], true, 80.0);
    demand("both, with the provider's table", &[Set::Dev], &["table"], true, 60.0);
    demand("tuning set", &[Set::Tuning], &["yes"], false, 95.0);
    demand("tuning set, ambiguous", &[Set::Tuning], &["ambiguous"], false, 85.0);
    demand("tuning set, with the provider's table", &[Set::Tuning], &["table"], true, 90.0);
    demand("second tuning set", &[Set::SecondTuning], &["yes"], false, 95.0);
    demand("second tuning set, ambiguous", &[Set::SecondTuning], &["ambiguous"], false, 90.0);
    demand("third tuning set", &[Set::ThirdTuning], &["yes"], false, 94.0);
    demand("third tuning set, ambiguous", &[Set::ThirdTuning], &["ambiguous"], false, 85.0);
    demand("fourth tuning set", &[Set::FourthTuning], &["yes"], false, 90.0);
    demand("sixth tuning set", &[Set::SixthTuning], &["yes"], false, 94.0);
    demand("sixth tuning set, ambiguous", &[Set::SixthTuning], &["ambiguous"], false, 75.0);
    demand("written from memory", &[Set::Memory], &["yes"], false, 95.0);
}

/// What is learnt from replies has to be learnt anew when they change.
#[test]
fn the_table_of_likeness_is_of_these_replies() {
    let table = include_str!("../../grammar/likeness.tsv");
    let learnt = table.lines().find_map(|line| line.strip_prefix("# octets "));
    let files = [
        include_str!("../corpus/replies-dev.jsonl"),
        include_str!("../corpus/replies-extra.jsonl"),
        include_str!("../corpus/replies-tuning.jsonl"),
        include_str!("../corpus/replies-second-tuning.jsonl"),
        include_str!("../corpus/replies-third-tuning.jsonl"),
        include_str!("../corpus/replies-fourth-tuning.jsonl"),
        include_str!("../corpus/replies-sixth-tuning.jsonl"),
        include_str!("../corpus/written-from-memory.tsv"),
    ];
    let octets: usize = files.iter().map(|file| file.len()).sum();
    assert_eq!(learnt, Some(octets.to_string().as_str()), "run cargo run --release --example learn");
}

/// Replies that nobody looked at while the tables were changed: what a new reply can expect.
#[test]
fn replies_held_out() {
    demand("held out", &[Set::HeldOut], &["yes"], false, 94.0);
    demand("held out, with context", &[Set::HeldOut], &["yes"], true, 94.0);
    demand("held out, ambiguous", &[Set::HeldOut], &["ambiguous"], false, 80.0);
    demand("second held out", &[Set::SecondHeldOut], &["yes"], false, 93.0);
    demand("second held out, ambiguous", &[Set::SecondHeldOut], &["ambiguous"], false, 90.0);
    demand("third held out", &[Set::ThirdHeldOut], &["yes"], false, 89.0);
    demand("third held out, ambiguous", &[Set::ThirdHeldOut], &["ambiguous"], false, 70.0);
    demand("fourth held out", &[Set::FourthHeldOut], &["yes"], false, 96.0);
    demand("fifth held out", &[Set::FifthHeldOut], &["yes"], false, 89.0);
    demand("sixth held out", &[Set::SixthHeldOut], &["yes"], false, 84.0);
    demand("sixth held out, with context", &[Set::SixthHeldOut], &["yes"], true, 82.0);
    demand("sixth held out, ambiguous", &[Set::SixthHeldOut], &["ambiguous"], false, 68.0);
    demand("held out, with the provider's table", &[Set::HeldOut], &["table"], true, 60.0);
}
