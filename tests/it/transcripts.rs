//! Every sample session under `transcripts/`: read, written, exported, compared, run and served.

use std::fs;
use std::path::Path;

use heloise::transcript::export::{self, Export};
use heloise::transcript::pseudonym::{Pseudonyms, What};
use heloise::transcript::script::{Match, Mock, NotRunnable, Place, Step, tasks};
use heloise::transcript::turns::{Said, turns};
use heloise::transcript::{Entry, EntryKind, Header, Reader, Writer, diff, scan};

struct Sample {
    name: String,
    text: String,
    header: Header,
    entries: Vec<Entry>,
}

fn samples() -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut found: Vec<Sample> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "heloise"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let mut reader = Reader::new(text.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
            let entries = reader.by_ref().map(|e| e.unwrap_or_else(|e| panic!("{name}: {e}"))).collect();
            assert_eq!(reader.warning(), None, "{name}");
            Sample { header: reader.header().clone(), name, entries, text }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

#[test]
fn there_are_enough_of_them_and_each_says_what_it_is() {
    let samples = samples();
    assert!(samples.len() >= 20);
    for Sample { name, header, entries, .. } in &samples {
        assert!(header.target.is_some() && header.title.is_some(), "{name}");
        let origin = header.get("origin").unwrap_or_default();
        assert!(
            ["written from public documentation", "written from public reports", "written by hand"]
                .contains(&origin)
                || origin.starts_with("recorded")
                || origin.starts_with("an illustration"),
            "{name}: {origin}"
        );
        // What a provider says is not ours to make up: its words have a source, or are said to have none.
        let sources = header.other.iter().filter(|(key, _)| key == "source").count();
        let providers =
            ["brevo", "fastmail", "gmail", "icloud", "mailgun", "microsoft365", "outlook", "postmark"];
        let others = ["sendgrid", "ses", "yahoo", "zoho"];
        if providers.iter().chain(&others).any(|provider| name.starts_with(&format!("{provider}-"))) {
            assert!(sources > 0, "{name}: no source");
            assert!(!origin.starts_with("an illustration") || header.get("unconfirmed").is_some(), "{name}");
        }
        assert!(!entries.is_empty(), "{name}");
        let times: Vec<_> = entries.iter().filter_map(|entry| entry.at).collect();
        assert!(times.is_sorted(), "{name}: times run backwards");
    }
}

#[test]
fn each_reason_named_is_one_we_know() {
    let tables = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar");
    let known = ["reasons.toml", "failures.toml"].map(|file| fs::read_to_string(tables.join(file)).unwrap());
    for Sample { name, header, .. } in samples() {
        let reason = header.get("reason").unwrap_or_else(|| panic!("{name} names no reason"));
        assert!(known.iter().any(|table| table.contains(&format!("[{reason}]"))), "{name}: {reason}");
    }
}

#[test]
fn each_is_written_as_it_was_read() {
    for Sample { name, text, header, entries } in samples() {
        let mut writer = Writer::new(Vec::new(), &header).unwrap();
        entries.iter().for_each(|entry| writer.write(entry).unwrap());
        let written = String::from_utf8(writer.into_inner()).unwrap();
        assert_eq!(written, text, "{name}");
    }
}

#[test]
fn nobody_real_and_no_secret_is_in_them() {
    for Sample { name, text, entries, .. } in samples() {
        for (number, entry) in entries.iter().enumerate() {
            let found = scan::Scanner::default().entry(number, entry);
            assert!(found.is_empty(), "{name}: {found:?}");
        }
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && !".@-_".contains(c)) {
            if let Some((_, domain)) = word.split_once('@').filter(|(local, _)| !local.is_empty()) {
                let reserved = ["example.org", "example.net", "example.com", ".example"];
                assert!(reserved.iter().any(|end| domain.ends_with(end)), "{name}: {word}");
            }
        }
    }
}

#[test]
fn each_can_be_exported_to_everything() {
    for Sample { name, text, .. } in samples() {
        let mut forms: Vec<(&str, Box<dyn Export>)> = vec![
            ("text", Box::new(export::text::Text { color: true, times: true, width: None })),
            ("markdown", Box::<export::markdown::Markdown>::default()),
            ("html", Box::<export::html::Html>::default()),
            ("json", Box::new(export::json::Json::default())),
            ("cast 2", Box::new(export::cast::Cast::new(2))),
            ("cast 3", Box::new(export::cast::Cast::new(3))),
            ("swaks", Box::<export::swaks::Swaks>::default()),
            ("script", Box::<export::script::Script>::default()),
        ];
        for (form, export) in &mut forms {
            let mut out = Vec::new();
            let mut reader = Reader::new(text.as_bytes()).unwrap();
            let summary = export::run(&mut reader, &mut out, export.as_mut(), |_| None).unwrap();
            assert_eq!(summary.unreadable.count, 0, "{name} to {form}");
            let out = String::from_utf8(out).unwrap();
            let said = turns(&reader_entries(&text)).iter().any(|turn| turn.said != Said::Nothing);
            assert!(!out.is_empty() || (*form == "script" && !said), "{name} to {form}");
        }
    }
}

fn reader_entries(text: &str) -> Vec<Entry> {
    Reader::new(text.as_bytes()).unwrap().map(Result::unwrap).collect()
}

#[test]
fn each_is_the_same_as_itself_and_differs_from_its_neighbour() {
    let samples = samples();
    for pair in samples.windows(2) {
        let (a, b) = (turns(&pair[0].entries), turns(&pair[1].entries));
        assert!(diff::diff(&a, &a, diff::Compare::Text).same(), "{}", pair[0].name);
        let mut out = Vec::new();
        diff::write_unified(&mut out, &diff::diff(&a, &b, diff::Compare::Text), ("a", "b"), false).unwrap();
    }
}

#[test]
fn every_command_has_its_reply() {
    for Sample { name, entries, .. } in samples() {
        let turns = turns(&entries);
        for turn in &turns {
            let starttls_failed = turn.label() == "STARTTLS";
            assert!(!turn.heard.is_empty() || starttls_failed, "{name}: nothing answers {}", turn.label());
        }
        let heard: usize = turns.iter().flat_map(|turn| &turn.heard).map(|heard| heard.lines.len()).sum();
        let received = entries.iter().filter(|e| matches!(e.kind, EntryKind::Received { .. })).count();
        assert_eq!(heard, received, "{name}: a line belongs to no reply");
    }
}

#[test]
fn each_can_be_run_again() {
    for Sample { name, entries, .. } in samples() {
        let turns = turns(&entries);
        match tasks(&turns) {
            Ok(tasks) => {
                let held = |step: &Step| matches!(step, Step::Authenticate { .. });
                let secret = entries
                    .iter()
                    .filter_map(Entry::line)
                    .any(|line| line.secrets().any(|mark| mark.what.as_deref() != Some("verifier")));
                assert_eq!(tasks.iter().any(|task| held(&task.step)), secret, "{name}");
            }
            Err(NotRunnable::LeftOut { shown, .. }) => panic!("{name}: {shown}"),
        }
    }
}

#[test]
fn each_serves_its_own_client_word_for_word() {
    for Sample { name, entries, .. } in samples() {
        let mock = Mock::new(&entries);
        for how in [Match::Strict, Match::Lenient] {
            let mut place = Place::default();
            for (number, turn) in mock.turns().iter().enumerate() {
                if turn.said == Said::Nothing {
                    continue;
                }
                let found = mock
                    .find(&mut place, &turn.said, how)
                    .unwrap_or_else(|| panic!("{name}: {}", turn.label()));
                match how {
                    Match::Strict => assert_eq!(found.index, number, "{name}: {}", turn.label()),
                    Match::Lenient => assert_eq!(found.turn.verb(), turn.verb(), "{name}: {}", turn.label()),
                }
            }
            let strange = Said::Command {
                verb: heloise::wire::Verb::Other("STRANGE".into()),
                line: heloise::transcript::Payload::from_bytes("STRANGE"),
                chunk: Vec::new(),
            };
            assert!(mock.find(&mut place, &strange, how).is_none(), "{name}");
        }
    }
}

#[test]
fn pseudonyms_leave_no_name_and_the_same_codes() {
    for Sample { name, entries, header, .. } in samples() {
        let mut pseudonyms = Pseudonyms::new(What::ALL);
        pseudonyms.header(&mut header.clone());
        let mut changed = entries.clone();
        changed.iter_mut().for_each(|entry| pseudonyms.entry(entry));
        let codes = |entries: &[Entry]| turns(entries).iter().map(|turn| turn.code()).collect::<Vec<_>>();
        assert_eq!(codes(&changed), codes(&entries), "{name}");
        let lines: String =
            changed.iter().filter_map(Entry::line).map(|line| line.to_visible() + "\n").collect();
        for gone in ["alice@", "bob@", "mx.example.org", "198.51.100.7", "laptop"] {
            assert!(!lines.contains(gone), "{name}: {gone} in\n{lines}");
        }
    }
}
