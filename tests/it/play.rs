//! `heloise play` at a terminal and on a pipe.

use heloise::explain::render::plain;
use heloise::narrate::{Layout, Level, Narrator};

use crate::at_terminal::AtTerminal;
use crate::program::{arg, run, run_with, transcript};

const SESSION: &str = "0.0 <- 220 mx\n900.0 -> EHLO a\n900.1 <- 250 mx\n1800.0 -> RCPT TO:<b@x>\n1800.1 <** 550 5.1.1 never\n\
    1900.0 -> QUIT\n1900.1 <- 221 bye\n";

#[test]
fn keys_step_search_and_leave() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    // Pauses of 900 s: what appears does so because of a key.
    let mut screen = AtTerminal::start(&["play", arg(&file), "--idle-limit", "900", "--color", "never"]);
    screen.wait_for("220 mx");
    screen.wait_for("1/7");
    screen.press(".");
    screen.wait_for("-> EHLO a");
    screen.wait_for("paused");
    screen.press("e");
    screen.wait_for("550 5.1.1 never");
    screen.wait_for("why");
    screen.press("\x1b[D\x1b[D");
    screen.wait_for("\x1b[2J");
    screen.wait_for("1/7");
    screen.press("/bye\r");
    screen.wait_for("221 bye");
    screen.wait_for("end");
    screen.press("?");
    screen.wait_for("on to the next marker");
    screen.press("q");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn time_passes_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let args = ["play", arg(&file), "--idle-limit", "0.2", "--speed", "20", "--color", "never"];
    let mut screen = AtTerminal::start(&args);
    let told = screen.wait_for("221 bye");
    assert!(told.contains("550 5.1.1 never"), "{told}");
    screen.wait_for("end");
    screen.press("\x03");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn what_was_accepted_before_is_named_without_its_brackets() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(
        dir.path(),
        "a",
        "0.0 <- 220 mx\n0.1 -> EHLO a\n0.2 <- 250 mx\n0.3 -> MAIL FROM:<alice@example.com> SIZE=9\n0.4 <- 250 ok\n\
         0.5 -> RCPT TO:<b@x>\n0.6 <** 550 5.7.23 SPF check failed\n",
    );
    let told = run(&["play", "--no-timing", arg(&file), "--explain", "full"]).stdout;
    assert!(told.contains("SPF record of example.com\n"), "{told}");
}

#[test]
fn a_line_that_is_no_reply_answers_the_command_before_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let session = "0.0 <- 220 mx\n1.0 -> NOOP\n1.1 <** Ok then\n=== quirk not an SMTP reply line\n4.0 -> HELP\n\
        4.057 <- 214 no\n5.0 -> QUIT\n5.1 <- 221 bye\n=== closed by=server\n";
    let file = transcript(dir.path(), "a", session);
    let told = run(&["play", arg(&file)]).stdout;
    assert!(!told.contains("without answering"), "{told}");
    let told = run(&["export", "--to", "text", arg(&file)]).stdout;
    assert!(!told.contains("without answering"), "{told}");
}

#[test]
fn without_timing_and_on_a_pipe_all_comes_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let mut screen = AtTerminal::start(&["play", "--no-timing", arg(&file)]);
    screen.wait_for("221 bye");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
    let piped = run(&["play", arg(&file), "--explain", "full"]);
    assert_eq!(piped.code, Some(0), "{}", piped.stderr);
    assert!(piped.stdout.contains("221 bye") && !piped.stdout.contains('\x1b'), "{}", piped.stdout);
    let damaged = run_with(&["play", "-"], "%heloise 1\n<- 220 one\n?? x\n -> QUIT\n");
    assert_eq!(damaged.code, Some(10));
    assert!(
        damaged.stdout.contains("QUIT") && damaged.stderr.contains("line 3, column 1"),
        "{}",
        damaged.all()
    );
    assert_eq!(run(&["play", "--speed", "0", arg(&file)]).code, Some(1));
}

/// Explanations are made apart from the rest: they stand where they belong all the same, also past the first batches and
/// in later sessions of a file.
#[test]
fn a_long_transcript_is_told_entry_by_entry() {
    let mut text = String::from("%heloise 1\n%target smtp://mx.example.org:25\n\n");
    for session in 0..3 {
        if session > 0 {
            text.push_str("\n%heloise 1\n%target smtp://other.example.net:587\n\n");
        }
        text.push_str(
            "<-  220 mx ESMTP\n -> EHLO a\n<-  250 mx\n -> MAIL FROM:<alice@example.com>\n<-  250 ok\n",
        );
        for n in 0..400 {
            text.push_str(&format!(
                " -> RCPT TO:<eve{n}@example.net>\n<** 554 5.7.1 <eve{n}@example.net>: Relay access denied\n"
            ));
        }
        text.push_str(
            " -> AUTH PLAIN {redacted}\n<** 535 5.7.8 no\n -> AUTH PLAIN {redacted}\n<** 535 5.7.8 no\n",
        );
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("long.heloise");
    std::fs::write(&file, &text).unwrap();

    let mut reader = heloise::transcript::Reader::new(text.as_bytes()).unwrap();
    let layout = Layout { level: Level::Brief, width: 100, timing: false, prompt: false };
    let mut narrator = Narrator::new(layout);
    narrator.begin(reader.header());
    let mut expected = String::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        for line in narrator.entry(&entry, false) {
            expected.push_str(plain(&line).trim_end());
            expected.push('\n');
        }
    }
    let told = run(&["play", "--no-timing", arg(&file)]).stdout;
    assert!(told == expected, "{}", first_difference(&told, &expected));
    assert!(told.contains("eve399@example.net") && told.contains("a new session with"), "{told}");
}

fn first_difference(told: &str, expected: &str) -> String {
    let (told, expected): (Vec<_>, Vec<_>) = (told.lines().collect(), expected.lines().collect());
    let at = told.iter().zip(&expected).position(|(a, b)| a != b).unwrap_or(told.len().min(expected.len()));
    format!("line {at}: told {:?}, expected {:?}", told.get(at), expected.get(at))
}
