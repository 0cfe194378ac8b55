//! `heloise export`.

use crate::binary::Heloise;
use crate::program::{Serving, arg, run, run_with, samples, transcript};

const FORMATS: [&str; 8] = ["text", "markdown", "html", "json", "cast", "swaks", "script", "transcript"];

const SESSION: &str = "0.000000 <-  220 mx.example.org ESMTP\n1.000000  -> EHLO laptop.example.net\n\
    1.100000 <-  250 mx.example.org\n2.000000  -> MAIL FROM:<alice@example.net>\n2.100000 <-  250 2.1.0 Ok\n\
    3.000000  -> RCPT TO:<bob@example.com>\n3.100000 <** 554 5.7.1 <bob@example.com>: Relay access denied\n";

#[test]
fn every_form_comes_out_of_every_sample() {
    for path in samples() {
        for format in FORMATS {
            let ran = run(&["export", arg(&path), "--to", format]);
            assert_eq!(ran.code, Some(0), "{path:?} to {format}: {}", ran.stderr);
            let controls = |c: char| c.is_control() && c != '\n';
            assert!(!ran.stdout.is_empty() || format == "script", "{path:?} to {format}");
            assert!(!ran.stdout.contains(controls), "{path:?} to {format}");
        }
    }
}

#[test]
fn explanations_stand_beside_replies() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let text = run(&["export", arg(&file), "--to", "text"]).stdout;
    assert!(text.contains("why") && text.contains("try") && text.contains("permanent"), "{text}");
    let bare = run(&["export", arg(&file), "--to", "text", "--explain", "none"]).stdout;
    assert!(!bare.contains("why"), "{bare}");
    let json = run(&["export", arg(&file), "--to", "json"]).stdout;
    for line in json.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
    assert_eq!(json.lines().count(), 8);
    let cast = run(&["export", arg(&file), "--to", "cast", "--cast-version", "3"]).stdout;
    let head: serde_json::Value = serde_json::from_str(cast.lines().next().unwrap()).unwrap();
    assert_eq!(head["version"], 3);
}

#[test]
fn pseudonyms_hide_names_in_explanations_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    for format in FORMATS {
        let ran =
            run(&["export", arg(&file), "--to", format, "--explain", "full", "--redact", "addresses,hosts"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        for name in ["alice", "bob", "example.com", "laptop"] {
            assert!(!ran.stdout.contains(name), "{name} in {format}: {}", ran.stdout);
        }
    }
    let wrong = run(&["export", arg(&file), "--to", "text", "--redact", "names"]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("\"names\" is none of"), "{}", wrong.stderr);
}

#[test]
fn names_are_hidden_before_the_line_that_shows_them_to_be_names() {
    let dir = tempfile::tempdir().unwrap();
    let session = format!("# laptop of alice\n{}", SESSION.replace("laptop.example.net", "laptop"));
    let file = transcript(dir.path(), "a", &session);
    let text = std::fs::read_to_string(&file).unwrap();
    let args = |file: &'static str| ["export", file, "--to", "transcript", "--redact", "addresses,hosts"];
    let piped = run_with(&args("-"), &text);
    let whole = [&["export", arg(&file)], &args("-")[2..]].concat();
    let ran = run(&whole);
    assert_eq!((ran.code, &ran.stdout), (Some(0), &piped.stdout), "{}{}", ran.stderr, piped.stderr);
    assert!(ran.stdout.contains("# domain2.example of user1\n"), "{}", ran.stdout);
    let shared = dir.path().join("shared.heloise");
    std::fs::write(&shared, &ran.stdout).unwrap();
    let played = run(&["play", arg(&shared)]);
    assert!(
        played.stdout.contains("Relay access denied") && played.stdout.contains("why"),
        "{}",
        played.stdout
    );
}

#[test]
fn secrets_that_are_left_are_warned_of_and_files_are_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let leaky = " -> AUTH PLAIN AGFsaWNlAGh1bnRlcjIyMg==\n<- 235 2.7.0 ok\n";
    let file = transcript(dir.path(), "a", leaky);
    let out = dir.path().join("out.txt");
    let args = ["export", arg(&file), "--to", "text", "--output", arg(&out)];
    let ran = run(&args);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("what looks like a secret is still in it"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("AGFsaWNlAGh1bnRlcjIyMg"), "{}", ran.stderr);
    assert!(std::fs::read_to_string(&out).unwrap().contains("235"));
    let again = run(&args);
    assert_eq!(again.code, Some(10));
    assert!(again.stderr.contains("is not overwritten"), "{}", again.stderr);
}

#[test]
fn the_rest_of_a_damaged_file_is_exported() {
    let ran = run_with(&["export", "-", "--to", "text"], "%heloise 1\n<- 220 one\n?? x\n -> QUIT\n");
    assert_eq!(ran.code, Some(10));
    assert!(ran.stdout.contains("220 one") && ran.stdout.contains("QUIT"), "{}", ran.stdout);
    assert!(ran.stderr.contains("line 3, column 1"), "{}", ran.stderr);
}

#[test]
fn a_script_says_what_it_cannot_hold() {
    let dir = tempfile::tempdir().unwrap();
    let data =
        " -> DATA\n<- 354 go\n -> {data 5 sha256=".to_owned() + &"0".repeat(64) + "}\n -> .\n<- 250 ok\n";
    let ran = run(&["export", arg(&transcript(dir.path(), "a", &data)), "--to", "script"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("what was sent in 1 line,"), "{}", ran.stderr);
    let plain = run(&["export", arg(&transcript(dir.path(), "b", SESSION)), "--to", "script"]);
    assert_eq!((plain.code, plain.stderr.as_str()), (Some(0), ""));
    assert!(plain.stdout.contains("RCPT TO:<bob@example.com>"), "{}", plain.stdout);
}

#[test]
fn a_script_of_several_sessions_holds_them_all() {
    let heloise = Heloise::new();
    let (file, script) = (heloise.path("both.heloise"), heloise.path("script"));
    let server = Serving::start(&["--practice"]);
    for name in ["one.example", "two.example"] {
        let greeting = format!("EHLO {name}");
        let args = [&server.addr, "--record", &file, "--append", "-c", &greeting, "-c", "QUIT"];
        assert_eq!(heloise.run(&args, b"").code, Some(0));
    }
    assert_eq!(heloise.run(&["export", &file, "--to", "script", "--output", &script], b"").code, Some(0));
    let ran = heloise.run(&[&server.addr], &std::fs::read(&script).unwrap());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout.contains("EHLO one.example") && ran.stdout.contains("EHLO two.example"),
        "{}",
        ran.stdout
    );
}
