//! `heloise rerun` against servers that go another way than the recorded one did.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use crate::binary::{Heloise, Run};
use crate::program::{Serving, arg, run, transcript};

/// What a server says to lines that begin so. It greets by itself, and says nothing to other lines.
type Answers = &'static [(&'static str, &'static str)];

/// A server for one client. Gives its address and, at the end, the lines that it got.
fn server(answers: Answers) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let work = std::thread::spawn(move || {
        let (mut link, _) = listener.accept().unwrap();
        link.write_all(b"220 x\r\n").unwrap();
        let mut got = Vec::new();
        for line in BufReader::new(link.try_clone().unwrap()).lines().map_while(Result::ok) {
            if let Some((_, answer)) = answers.iter().find(|(start, _)| line.starts_with(start)) {
                // The client may be gone by now.
                let _ = write!(link, "{answer}\r\n");
            }
            got.push(line);
        }
        got
    });
    (addr, work)
}

/// Runs the entries again with such a server: the run, and the lines that the server got.
fn rerun(entries: &str, answers: Answers, options: &[&str]) -> (Run, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", entries);
    let (addr, got) = server(answers);
    let args = [&["rerun", arg(&file), "--target", &addr, "--timeout", "5"], options].concat();
    let ran = Heloise::new().var("HELOISE_PASSWORD", "hunter222").run(&args, b"");
    (ran, got.join().unwrap())
}

#[test]
fn commands_are_never_sent_as_content() {
    let entries = "<- 220 x\n -> DATA\n<** 451 later\n -> MAIL FROM:<a@x>\n<- 250 ok\n -> QUIT\n<- 221 bye\n";
    let (ran, got) = rerun(entries, &[("DATA", "354 go"), (".", "250 queued")], &[]);
    assert_eq!(ran.code, Some(7), "{}", ran.all());
    assert_eq!(got, ["DATA"]);
    assert!(ran.stderr.contains("waits for content, of which the transcript has none"), "{}", ran.stderr);
}

#[test]
fn half_a_message_is_not_delivered() {
    let entries = "<- 220 x\n -> DATA\n<- 354 go\n -> half a\n";
    let (ran, got) = rerun(entries, &[("DATA", "354 go"), (".", "250 queued")], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(got, ["DATA", "half a"]);
}

#[test]
fn commands_are_never_sent_as_answers() {
    let entries = "<- 220 x\n -> AUTH CRAM-MD5\n<** 504 no\n -> AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}\n<- 235 ok\n\
        -> MAIL FROM:<a@x>\n<- 250 ok\n -> QUIT\n<- 221 bye\n";
    let answers = &[
        ("AUTH CRAM-MD5", "334 PDFAeD4="),
        ("*", "501 cancelled"),
        ("AUTH PLAIN", "235 ok"),
        ("MAIL", "250 ok"),
        ("QUIT", "221 bye"),
    ];
    let (ran, got) = rerun(entries, answers, &["--allow-plaintext-auth"]);
    assert_eq!(ran.code, Some(7), "{}", ran.all());
    let sent = ["AUTH CRAM-MD5", "*", "AUTH PLAIN AGFsaWNlAGh1bnRlcjIyMg==", "MAIL FROM:<a@x>", "QUIT"];
    assert_eq!(got, sent);
    assert!(ran.stdout.contains("+ -> *\n+<** 501 cancelled"), "{}", ran.stdout);
}

#[test]
fn answers_are_never_sent_as_commands() {
    let entries = "<- 220 x\n -> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n -> *\n<** 501 no\n -> QUIT\n<- 221 bye\n";
    let (ran, got) = rerun(entries, &[("AUTH", "504 unknown"), ("QUIT", "221 bye")], &[]);
    assert_eq!(
        (ran.code, got.as_slice()),
        (Some(7), ["AUTH LOGIN".to_owned(), "QUIT".to_owned()].as_slice())
    );
}

#[test]
fn what_went_over_tls_is_not_sent_in_clear_where_starttls_is_refused() {
    let entries = "<- 220 x\n -> EHLO a\n<- 250-x\n<- 250 STARTTLS\n -> STARTTLS\n<- 220 go\n\
        === tls TLSv1.3 X verified=yes\n ~> EHLO a\n<~ 250 x\n ~> DATA\n<~ 354 go\n ~> secret words\n ~> .\n<~ 250 ok\n";
    let answers = &[("EHLO", "250-x\r\n250 STARTTLS"), ("STARTTLS", "454 not now"), ("DATA", "354 go")];
    let (ran, got) = rerun(entries, answers, &[]);
    assert_eq!(ran.code, Some(7), "{}", ran.all());
    assert_eq!(got, ["EHLO a", "STARTTLS"]);
    assert!(ran.stderr.contains("is not sent in cleartext"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("3 replies compared, 1 differs, 3 recorded ones did not come"),
        "{}",
        ran.stderr
    );
}

#[test]
fn lines_of_a_link_that_began_in_tls_go_out_in_clear_with_a_word() {
    let entries = "<~ 220 x\n ~> NOOP\n<~ 250 ok\n ~> QUIT\n<~ 221 bye\n";
    let (ran, _) = rerun(entries, &[("NOOP", "250 ok"), ("QUIT", "221 bye")], &[]);
    assert_eq!(ran.code, Some(0), "the replies are the same: {}", ran.all());
    assert!(ran.stderr.contains("in cleartext\n  try: a target with TLS"), "{}", ran.stderr);
    let (ran, _) = rerun("<- 220 x\n -> QUIT\n<- 221 bye\n", &[("QUIT", "221 bye")], &[]);
    assert!(!ran.stderr.contains("cleartext"), "{}", ran.stderr);
}

#[test]
fn a_certificate_that_was_not_verified_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let entries = "=== tls TLSv1.3 X verified=yes\n<~ 220 x\n ~> QUIT\n<~ 221 bye\n";
    let file = transcript(dir.path(), "a", entries);
    let server = Serving::start(&[arg(&file)]);
    let target = format!("smtps://{}", server.addr);
    let ran = run(&["rerun", arg(&file), "--target", &target, "--insecure"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let warning = format!("{target}: the server's certificate was not verified");
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
}

#[test]
fn a_starttls_that_another_server_offered_has_not_vanished() {
    let entries = "<- 220 x\n -> EHLO a\n<- 250-x\n<- 250 STARTTLS\n -> QUIT\n<- 221 bye\n";
    let (ran, _) = rerun(entries, &[("EHLO", "250 x"), ("QUIT", "221 bye")], &["--compare", "code"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stderr.contains("STARTTLS is offered in ") && !ran.stderr.contains("why: "),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("offered STARTTLS before"), "{}", ran.stderr);
}

#[test]
fn replies_are_counted_as_they_came() {
    let entries = "<- 220 x\n -> NOOP\n<- 250 ok\n -> QUIT\n<- 221 bye\n";
    let answers = &[("NOOP", "250 other"), ("QUIT", "221 bye\r\n421 and more")];
    let (ran, _) = rerun(entries, answers, &[]);
    assert_eq!(ran.code, Some(7), "{}", ran.all());
    let counted = "3 replies compared, 1 differs, 1 came that was not recorded";
    assert!(ran.stderr.contains(counted), "{}", ran.stderr);
}

#[test]
fn the_first_of_several_sessions_is_run_and_that_is_said() {
    let session = "<- 220 x\n -> QUIT\n<- 221 bye\n";
    let several = format!("{session}%heloise 1\n{session}%heloise 1\n{session}");
    let (ran, got) = rerun(&several, &[("QUIT", "221 bye")], &[]);
    assert_eq!((ran.code, got.len()), (Some(0), 1), "{}", ran.all());
    assert!(ran.stderr.contains("holds 3 sessions: the first of them is run"), "{}", ran.stderr);
}

#[test]
fn options_that_the_transcript_decides_on_are_not_listed() {
    let help = run(&["rerun", "--help"]).stdout;
    for option in ["--starttls", "--auth ", "--tls-versions", "--save-certs"] {
        assert!(!help.contains(&format!(" {option}")), "{option}");
    }
    assert!(help.contains("--user"), "{help}");
}

#[test]
fn credentials_that_were_never_taken_out_need_consent_as_well() {
    let initial = "<- 220 x\n -> AUTH PLAIN AGFsaWNlAGh1bnRlcjIyMg==\n<- 235 ok\n -> QUIT\n<- 221 bye\n";
    let answer = "<- 220 x\n -> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n -> YWxpY2U=\n<** 535 no\n";
    let answers =
        &[("AUTH PLAIN", "235 ok"), ("AUTH", "334 VXNlcm5hbWU6"), ("YWx", "535 no"), ("QUIT", "221 bye")];
    for entries in [initial, answer] {
        let (ran, got) = rerun(entries, answers, &[]);
        assert_eq!(ran.code, Some(6), "{}", ran.all());
        assert!(!got.iter().any(|line| line.contains("AGFs") || line.contains("YWx")), "{got:?}");
        assert!(ran.stderr.contains("--allow-plaintext-auth"), "{}", ran.stderr);
        // rerun refuses --starttls.
        assert!(!ran.stderr.contains("--starttls"), "{}", ran.stderr);
        let (ran, _) = rerun(entries, answers, &["--allow-plaintext-auth"]);
        assert_eq!(ran.code, Some(0), "{}", ran.all());
    }
}
