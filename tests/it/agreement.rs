//! How often the explanation of real replies agrees with labels that others gave them, and whether a confident
//! answer deserves its confidence. `docs/explanations.md` says which replies the tables were made from and which not.

mod calibration;
mod providers;
mod score;

use std::fs;
use std::path::Path;

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
    demand("sixth tuning set", &[Set::SixthTuning], &["yes"], false, 96.0);
    demand("sixth tuning set, ambiguous", &[Set::SixthTuning], &["ambiguous"], false, 83.0);
    demand("seventh tuning set", &[Set::SeventhTuning], &["yes"], false, 95.0);
    demand("seventh tuning set, ambiguous", &[Set::SeventhTuning], &["ambiguous"], false, 83.0);
    demand("eighth tuning set", &[Set::EighthTuning], &["yes"], false, 95.0);
    demand("eighth tuning set, ambiguous", &[Set::EighthTuning], &["ambiguous"], false, 80.0);
    demand("written from memory", &[Set::Memory], &["yes"], false, 95.0);
}

/// What is learnt from replies has to be learnt anew when they change.
#[test]
fn the_table_of_likeness_is_of_these_replies() {
    let table = include_str!("../../grammar/likeness.tsv");
    let learnt: Vec<(&str, &str)> =
        table.lines().filter_map(|line| line.strip_prefix("# from ")?.split_once(' ')).collect();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for (file, octets) in &learnt {
        let now = fs::metadata(corpus.join(file)).unwrap().len();
        assert_eq!(*octets, now.to_string(), "{file} has changed: run cargo run --release --example learn");
    }
    for file in fs::read_dir(&corpus).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let used = learnt.iter().any(|(file, _)| *file == name);
        assert!(used || !name.contains("tuning"), "nothing was learnt from {name}");
        assert!(!used || !name.contains("held-out"), "{name} must not be learnt from");
    }
}

/// Replies that nobody looked at while the tables were changed: what a new reply can expect.
#[test]
fn replies_held_out() {
    demand("all held out", &Set::UNSEEN, &["yes"], false, 88.0);
    demand("all held out, ambiguous", &Set::UNSEEN, &["ambiguous"], false, 75.0);
    demand("held out", &[Set::HeldOut], &["yes"], false, 95.0);
    demand("held out, with context", &[Set::HeldOut], &["yes"], true, 95.0);
    demand("second held out", &[Set::SecondHeldOut], &["yes"], false, 93.0);
    demand("third held out", &[Set::ThirdHeldOut], &["yes"], false, 91.0);
    demand("fourth held out", &[Set::FourthHeldOut], &["yes"], false, 96.0);
    demand("fifth held out", &[Set::FifthHeldOut], &["yes"], false, 91.0);
    demand("first to fifth held out, ambiguous", &Set::UNSEEN[..5], &["ambiguous"], false, 82.0);
    demand("held out, ambiguous", &[Set::HeldOut], &["ambiguous"], false, 80.0);
    demand("second held out, ambiguous", &[Set::SecondHeldOut], &["ambiguous"], false, 90.0);
    demand("third held out, ambiguous", &[Set::ThirdHeldOut], &["ambiguous"], false, 64.0);
    demand("sixth held out", &[Set::SixthHeldOut], &["yes"], false, 85.0);
    demand("sixth held out, with context", &[Set::SixthHeldOut], &["yes"], true, 84.0);
    demand("sixth held out, ambiguous", &[Set::SixthHeldOut], &["ambiguous"], false, 78.0);
    demand("seventh held out", &[Set::SeventhHeldOut], &["yes"], false, 81.0);
    demand("seventh held out, with context", &[Set::SeventhHeldOut], &["yes"], true, 80.0);
    demand("seventh held out, ambiguous", &[Set::SeventhHeldOut], &["ambiguous"], false, 66.0);
    demand("eighth held out", &[Set::EighthHeldOut], &["yes"], false, 89.0);
    demand("eighth held out, with context", &[Set::EighthHeldOut], &["yes"], true, 88.0);
    demand("eighth held out, ambiguous", &[Set::EighthHeldOut], &["ambiguous"], false, 80.0);
    demand("held out, with the provider's table", &[Set::HeldOut], &["table"], true, 60.0);
}
