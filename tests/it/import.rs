//! `heloise import`.

use crate::program::{arg, run, run_with};

const SWAKS: &str = "=== Trying mx.example.org:25...\n=== Connected to mx.example.org.\n<-  220 mx.example.org ESMTP\n \
    -> EHLO laptop\n<-  250 mx.example.org\n -> AUTH PLAIN AGFsaWNlAGh1bnRlcjIyMg==\n<** 535 5.7.8 no\n -> QUIT\n<-  221 bye\n";

#[test]
fn secrets_are_taken_out_and_counted() {
    let ran = run_with(&["import", "-"], SWAKS);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("from swaks; 1 secret redacted"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("%heloise 1\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("AGFsaWNl"), "{}", ran.stdout);
    let played = run_with(&["play", "-"], &ran.stdout);
    assert_eq!(played.code, Some(0), "{}", played.stderr);
    assert!(played.stdout.contains("535 5.7.8 no"), "{}", played.stdout);
}

#[test]
fn the_source_may_be_named_and_the_output_a_new_file() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.heloise");
    let letters = "S: 220 mx.example.org\nC: QUIT\nS: 221 bye\n";
    let args = ["import", "-", "--from", "letters", "--output", arg(&out)];
    let ran = run_with(&args, letters);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{}", ran.stderr);
    assert!(std::fs::read_to_string(&out).unwrap().contains(" -> QUIT"));
    assert_eq!(run_with(&args, letters).code, Some(10), "it exists now");
}

#[test]
fn what_is_no_session_is_refused() {
    let unknown = run_with(&["import", "-"], "dear diary\n");
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("--from") && unknown.stdout.is_empty(), "{}", unknown.stderr);
    assert_eq!(run(&["import", "/nowhere/at/all"]).code, Some(10));
    assert_eq!(run(&["import", "-", "--from", "fax"]).code, Some(1));
}

/// Its arrows are those of swaks, but beside and below the server's words stand Heloise's own.
#[test]
fn what_heloise_itself_shows_is_not_taken_for_swaks() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/transcripts/relay-denied.heloise");
    let timed = run(&["export", sample, "--to", "text"]).stdout;
    let live = run_with(&["demo"], "EHLO x\nMAIL FROM:<a@x.test>\nRCPT TO:<b@nowhere.test>\nQUIT\n").stdout;
    let quoted: String = live.lines().map(|line| format!("> {line}\n")).collect();
    let scrolled: String =
        live.lines().skip(1).filter(|line| !line.contains("===")).map(|l| format!("{l}\n")).collect();
    let cast = run(&["export", sample, "--to", "cast"]).stdout;
    for shown in [timed, live, quoted, scrolled, cast] {
        let ran = run_with(&["import", "-"], &shown);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{shown}");
        assert!(ran.stderr.contains("as Heloise shows it"), "{}", ran.stderr);
    }
    let ran = run(&["import", sample]);
    assert!(ran.code == Some(1) && ran.stderr.contains("this is a transcript already"), "{}", ran.stderr);
    // Its export in the form of swaks is swaks' output in all.
    let swaks = run(&["export", sample, "--to", "swaks"]).stdout;
    assert_eq!(run_with(&["import", "-"], &swaks).code, Some(0), "{swaks}");
}
