//! `heloise rerun`, and every sample session through all that is done with transcripts.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;

use heloise::transcript::{Entry, Reader};

use crate::at_terminal::AtTerminal;
use crate::binary::{Heloise, Run};
use crate::program::{Serving, arg, run, samples, transcript};

const SESSION: &str = "<- 220 mx1.example.org ESMTP\n -> EHLO laptop.example.net\n<- 250-mx1.example.org\n<- 250 SIZE 1000\n \
    -> MAIL FROM:<a@example.net>\n<- 250 2.1.0 Ok\n -> RCPT TO:<bob@example.org>\n<- 250 2.1.5 Ok\n -> DATA\n<- 354 go\n \
    -> Subject: x\n ->\n -> ..dot\n -> .\n<- 250 2.0.0 queued as 4XyZ12abcDz1234\n -> QUIT\n<- 221 2.0.0 Bye\n";

#[test]
fn the_same_replies_are_0_and_others_7() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let other = SESSION.replace("mx1", "mx2").replace("4XyZ12abcDz1234", "4XyZ98fghZz9876");
    let other = transcript(dir.path(), "b", &other);
    let server = Serving::start(&["--match", "strict", arg(&other)]);
    let again = dir.path().join("again.heloise");
    let ran = run(&["rerun", arg(&file), "--target", &server.addr, "--record", arg(&again)]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.is_empty() && ran.stderr.contains("7 replies compared, 0 differ"), "{}", ran.all());
    assert_eq!(run(&["diff", arg(&file), arg(&again)]).code, Some(0));
    let refuses = transcript(dir.path(), "c", &SESSION.replace("250 2.1.5 Ok", "550 5.1.1 who?"));
    let server = Serving::start(&[arg(&refuses)]);
    let ran = run(&["rerun", arg(&file), "--target", &server.addr]);
    assert_eq!(ran.code, Some(7), "{}", ran.all());
    assert!(ran.stdout.contains("-<-  250 2.1.5 Ok\n+<** 550 5.1.1 who?"), "{}", ran.stdout);
    let json = run(&["rerun", arg(&file), "--target", &server.addr, "--json"]);
    let row: serde_json::Value = serde_json::from_str(json.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(row["right"]["code"], 550);
}

#[test]
fn the_practice_server_is_a_real_one() {
    let dir = tempfile::tempdir().unwrap();
    let entries = "<- 220 x\n -> EHLO a.example\n<- 250 x\n -> VRFY\n<** 501 x\n -> QUIT\n<- 221 x\n";
    let file = transcript(dir.path(), "a", entries);
    let server = Serving::start(&["--practice"]);
    let ran = run(&["rerun", arg(&file), "--target", &server.addr, "--compare", "code"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

#[test]
fn what_stands_in_the_way_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let bad = transcript(dir.path(), "bad", "<- 220 x\n?? x\n");
    let ran = run(&["rerun", arg(&bad), "--target", "127.0.0.1:1"]);
    assert_eq!(ran.code, Some(10));
    assert!(ran.stderr.contains("line 5, column 1"), "{}", ran.stderr);
    assert_eq!(run(&["rerun", arg(&file), "--target", "127.0.0.1:1"]).code, Some(2));
    assert_eq!(run(&["rerun", arg(&file), "--target", "127.0.0.1:1", "--starttls"]).code, Some(1));
    assert_eq!(run(&["rerun", arg(&file)]).code, Some(1), "a target is needed");
}

#[test]
fn a_secret_is_needed_where_one_was_taken_out() {
    let dir = tempfile::tempdir().unwrap();
    let auth = "<- 220 x\n -> AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}\n<** 535 5.7.8 no\n -> QUIT\n<- 221 bye\n";
    let file = transcript(dir.path(), "a", auth);
    let server = Serving::start(&[arg(&file)]);
    let args = ["rerun", arg(&file), "--target", &server.addr, "--allow-plaintext-auth"];
    let without = run(&args);
    assert_eq!(without.code, Some(1), "{}", without.all());
    assert!(without.stderr.contains("HELOISE_PASSWORD"), "{}", without.stderr);
    let with = Heloise::new().var("HELOISE_PASSWORD", "hunter222").run(&args, b"");
    assert_eq!(with.code, Some(0), "{}", with.all());
    assert!(!with.all().contains("hunter222"));
}

#[test]
fn a_secret_is_asked_for_at_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let auth = "<- 220 x\n -> AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}\n<- 235 2.7.0 ok\n -> QUIT\n<- 221 bye\n";
    let file = transcript(dir.path(), "a", auth);
    let server = Serving::start(&[arg(&file)]);
    let args = ["rerun", arg(&file), "--target", &server.addr, "--allow-plaintext-auth"];
    let mut screen = AtTerminal::start(&args);
    screen.wait_for("password for alice:");
    screen.press("hunter222\r");
    let shown = screen.wait_for("0 differ");
    assert!(!shown.contains("hunter"), "{shown}");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn pauses_are_kept_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let entries = "0.0 <- 220 x\n0.3 -> NOOP\n0.3 <- 250 x\n0.7 -> QUIT\n0.7 <- 221 x\n";
    let (file, again) = (transcript(dir.path(), "a", entries), dir.path().join("again.heloise"));
    let server = Serving::start(&[arg(&file)]);
    let ran = run(&["rerun", arg(&file), "--target", &server.addr, "--keep-time", "--record", arg(&again)]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let recorded = std::fs::read(&again).unwrap();
    let entries: Vec<Entry> = Reader::new(recorded.as_slice()).unwrap().map(Result::unwrap).collect();
    let wire: Vec<&Entry> = entries.iter().filter(|entry| entry.line().is_some()).collect();
    let pauses = wire.windows(2).map(|pair| pair[1].at.unwrap() - pair[0].at.unwrap());
    let pauses: Vec<Duration> = pauses.collect();
    // The clock of the transcript and that of the timer may differ by a little.
    assert!(pauses[0] > Duration::from_millis(290) && pauses[2] > Duration::from_millis(390), "{pauses:?}");
}

#[test]
fn a_password_typed_before_it_is_asked_for_does_not_show() {
    let dir = tempfile::tempdir().unwrap();
    let auth =
        "<- 220 x\n -> AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}\n<- 235 ok\n -> QUIT\n<- 221 bye\n";
    let file = transcript(dir.path(), "a", auth);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let mut rerun = AtTerminal::start(&["rerun", arg(&file), "--target", &target, "--allow-plaintext-auth"]);
    let (mut link, _) = listener.accept().unwrap();
    rerun.press("hunter222\r");
    link.write_all(b"220 x\r\n").unwrap();
    let mut lines = BufReader::new(link.try_clone().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "AUTH PLAIN AGFsaWNlAGh1bnRlcjIyMg==");
    link.write_all(b"235 ok\r\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "QUIT");
    link.write_all(b"221 bye\r\n").unwrap();
    rerun.wait_for("3 replies compared, 0 differ");
    assert!(!rerun.all.contains("hunter222"), "{:?}", rerun.all);
}

#[test]
fn content_that_is_folded_keeps_its_end_apart() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serving::start(&[arg(&transcript(dir.path(), "a", SESSION))]);
    let kept = dir.path().join("kept.heloise");
    let script = format!("EHLO x\nMAIL FROM:<a@x>\nRCPT TO:<b@x>\nDATA\n{}.\nQUIT\n", "a line\n".repeat(20));
    let args = [&server.addr, "--record", arg(&kept), "--record-data", "50"];
    let ran = Heloise::new().run(&args, script.as_bytes());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let text = std::fs::read_to_string(&kept).unwrap();
    let sent: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(" -> ").map(|(_, sent)| sent)).collect();
    assert!(sent.iter().any(|line| line.starts_with("{data ")), "{text}");
    assert_eq!(sent[sent.len() - 2..], [".", "QUIT"], "{text}");
    let again = dir.path().join("again.heloise");
    let ran = run(&["rerun", arg(&kept), "--target", &server.addr, "--record", arg(&again)]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let again = std::fs::read_to_string(&again).unwrap();
    assert!(again.contains("-> {data ") && !again.contains("does not hold"), "{again}");
}

/// Whether the server of a sample does anything, so that it can be served.
fn is_silent(text: &str) -> bool {
    !text.lines().any(|line| {
        let marks = ["<-  ", "<** ", "<~  ", "<~* ", "=== closed by=server"];
        marks.into_iter().any(|mark| line.contains(mark))
    })
}

/// Serves a sample strictly and runs it against that server.
fn back_to_back(path: &std::path::Path, scheme: &str) -> (Run, Run) {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let server = Serving::start(&["--match", "strict", "--once", "--write-ca", arg(&ca), arg(path)]);
    let target = format!("{scheme}://{}", server.addr);
    let mut args = vec!["rerun", arg(path), "--target", &target, "--allow-plaintext-auth", "--user", "alice"];
    let text = std::fs::read_to_string(path).unwrap();
    if text.contains("verified=yes") {
        args.extend(["--ca", arg(&ca)]);
    } else {
        args.push("--insecure");
    }
    let ran = Heloise::new().var("HELOISE_PASSWORD", "hunter222").run(&args, b"");
    let code = ran.code;
    (ran, if matches!(code, Some(0 | 7)) { server.ended() } else { server.killed() })
}

#[test]
fn every_sample_plays_and_serves_itself() {
    for path in samples() {
        let played = run(&["play", arg(&path)]);
        assert_eq!(played.code, Some(0), "{path:?}: {}", played.stderr);
        assert!(!played.stdout.is_empty(), "{path:?}");
        let text = std::fs::read_to_string(&path).unwrap();
        let scheme = |target: &str| target.split("://").next().unwrap().to_owned();
        let scheme =
            scheme(text.lines().find_map(|line| line.strip_prefix("%target ")).unwrap_or("smtp://x"));
        if is_silent(&text) {
            // Nobody answered then, and nobody answers now.
            assert_eq!(run(&["serve", arg(&path)]).code, Some(10), "{path:?}");
            let ran = run(&["rerun", arg(&path), "--target", &format!("{scheme}://127.0.0.1:1")]);
            assert_eq!(ran.code, Some(0), "{path:?}: {}", ran.all());
            continue;
        }
        let (ran, server) = back_to_back(&path, &scheme);
        // A server that does not know the password cannot prove in SCRAM that it does.
        let expected = if path.ends_with("auth-scram.heloise") { 7 } else { 0 };
        assert_eq!(ran.code, Some(expected), "{path:?}: {}\n{}", ran.all(), server.all());
        assert_eq!(server.code, Some(expected), "{path:?}: {}", server.all());
    }
}
