//! `heloise rerun` against servers that go another way than the recorded one did.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use crate::binary::{Heloise, Run};
use crate::program::{arg, transcript};

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
