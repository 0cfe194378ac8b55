//! What `heloise serve` keeps and tells of what clients sent: no secrets, and nothing but what there was.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use crate::program::{Serving, arg, run, transcript};
use crate::serve::talk;

const REFUSES: &str =
    "<- 220 x\n -> EHLO a\n<- 250 AUTH LOGIN\n -> AUTH LOGIN\n<** 503 5.5.1 not now\n -> QUIT\n<- 221 bye\n";

/// The transcript that was kept of a session.
fn kept(dir: &Path, number: usize) -> String {
    std::fs::read_to_string(dir.join(format!("session-{number:04}.heloise"))).unwrap()
}

/// What is kept and told where a client goes on after a refused AUTH, and names its password in other places.
#[test]
fn a_password_behind_a_refused_auth_is_kept_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", REFUSES);
    for how in ["lenient", "strict"] {
        let got = dir.path().join(how);
        let server = Serving::start(&["--once", "--match", how, "--record-dir", arg(&got), arg(&file)]);
        let lines = "EHLO a\nAUTH LOGIN\nYWxpY2U=\nVHIwdWI0ZG9yJjN4\nNOOP Tr0ub4dor&3x\nVRFY {VHIwdWI0ZG9yJjN4}\nQUIT\n";
        talk(&server.addr, lines);
        let (told, text) = (server.ended().all(), kept(&got, 1));
        for all in [&told, &text] {
            for secret in ["VHIwdWI0ZG9yJjN4", "Tr0ub4dor", "YWxpY2U="] {
                assert!(!all.contains(secret), "{how} {secret}: {all}");
            }
        }
        assert!(text.contains("-> {secret}\n") && text.contains("-> NOOP {secret echo}\n"), "{text}");
    }
}

/// The reply does not say that a password is due, but the client takes it so.
#[test]
fn a_password_that_nobody_asked_for_is_kept_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", "<- 220 x\n -> AUTH LOGIN\n<- 235 in\n -> QUIT\n<- 221 bye\n");
    let got = dir.path().join("got");
    let server = Serving::start(&["--once", "--record-dir", arg(&got), arg(&file)]);
    talk(&server.addr, "AUTH LOGIN\nYWxpY2VAeA==\nVHIwdWI0ZG9yJjN4\nQUIT\n");
    assert_eq!(server.ended().code, Some(0));
    assert!(!kept(&got, 1).contains("VHIwdWI0"), "{}", kept(&got, 1));
}

#[test]
fn the_password_that_the_server_was_told_is_kept_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(
        dir.path(),
        "a",
        "<- 220 x\n -> DATA\n<- 354 go\n -> x\n -> .\n<- 250 ok\n -> QUIT\n<- 221 bye\n",
    );
    let (secret, got) = (dir.path().join("password"), dir.path().join("got"));
    std::fs::write(&secret, "Tr0ub4dor&3x\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let known = ["--user", "alice", "--password-file", arg(&secret)];
    let server = Serving::start(
        &[&known[..], &["--once", "--match", "strict", "--record-dir", arg(&got), arg(&file)]].concat(),
    );
    talk(&server.addr, "DATA\nTr0ub4dor&3x\nVHIwdWI0ZG9yJjN4\n.\nNOOP Tr0ub4dor&3x\nQUIT\n");
    let told = server.ended();
    assert!(told.stderr.contains("got NOOP {secret echo}"), "{}", told.stderr);
    let text = kept(&got, 1);
    assert!(!text.contains("Tr0ub4dor") && !text.contains("VHIwdWI0"), "{text}");
    assert_eq!(text.matches("{secret echo}").count(), 3, "{text}");
}

/// A transcript that was written by hand may hold the password in the command that the client did not send.
#[test]
fn the_password_is_not_told_in_what_a_client_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let session = "<- 220 x\n -> NOOP\n<- 250 ok\n -> VRFY Tr0ub4dor&3x\n<- 250 ok\n -> QUIT\n<- 221 bye\n";
    let file = transcript(dir.path(), "a", session);
    let secret = dir.path().join("password");
    std::fs::write(&secret, "Tr0ub4dor&3x\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let known = ["--user", "alice", "--password-file", arg(&secret)];
    let server = Serving::start(&[&known[..], &["--once", "--match", "strict", arg(&file)]].concat());
    talk(&server.addr, "NOOP\n");
    let told = server.ended();
    assert!(told.stderr.contains("the client left before VRFY {secret"), "{}", told.stderr);
    assert!(!told.all().contains("Tr0ub4dor"), "{}", told.all());
}

/// A link that breaks in the midst of content takes nothing away that had come before.
#[test]
fn content_without_an_end_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", "<- 220 x\n -> DATA\n<- 354 go\n -> x\n -> .\n<- 250 ok\n");
    let got = dir.path().join("got");
    let server = Serving::start(&["--once", "--record-dir", arg(&got), arg(&file)]);
    talk(&server.addr, &format!("DATA\n{}", "0123456789\n".repeat(7000)));
    server.ended();
    assert!(kept(&got, 1).contains("{data "), "{}", kept(&got, 1));
    assert_eq!(run(&["play", "--no-timing", arg(&got.join("session-0001.heloise"))]).code, Some(0));
}

/// A lone dot before LF alone ends no content, however the transcript is read.
#[test]
fn a_smuggled_end_of_content_is_kept_as_content() {
    let dir = tempfile::tempdir().unwrap();
    let session = "<- 220 x\n -> DATA\n<- 354 go\n -> x\n -> .\n<- 250 queued\n -> QUIT\n<- 221 bye\n";
    let file = transcript(dir.path(), "a", session);
    let got = dir.path().join("got");
    let server = Serving::start(&["--once", "--record-dir", arg(&got), arg(&file)]);
    let mut link = TcpStream::connect(&server.addr).unwrap();
    link.write_all(b"DATA\r\nx\r\n.\nMAIL FROM:<smuggled@b>\r\n.\r\nQUIT\r\n").unwrap();
    let mut heard = String::new();
    link.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "220 x\r\n354 go\r\n250 queued\r\n221 bye\r\n");
    assert_eq!(server.ended().stderr, "");
    let recorded = got.join("session-0001.heloise");
    let ran = run(&["diff", arg(&file), arg(&recorded)]);
    assert!(
        ran.stdout.contains(" 354 go\n  -> x\n+ -> .\\n\n+ -> MAIL FROM:<smuggled@b>\n <-  250 queued\n"),
        "{}",
        ran.all()
    );
    let ran = run(&["play", "--no-timing", "--explain", "full", arg(&recorded)]);
    assert!(
        !ran.stdout.contains("without answering") && !ran.stdout.contains("not the code"),
        "{}",
        ran.all()
    );
}

/// What was kept without its secrets takes the same client again, and not one that leaves the secrets out.
#[test]
fn what_was_kept_can_be_served_strictly() {
    let dir = tempfile::tempdir().unwrap();
    let (file, got) = (transcript(dir.path(), "a", REFUSES), dir.path().join("got"));
    let server = Serving::start(&["--once", "--record-dir", arg(&got), arg(&file)]);
    let lines = "EHLO a\nAUTH LOGIN\nYWxpY2U=\nVHIwdWI0ZG9yJjN4\nNOOP Tr0ub4dor&3x\nQUIT\n";
    talk(&server.addr, lines);
    assert_eq!(server.ended().code, Some(0));
    let again = got.join("session-0001.heloise");
    for (lines, code) in [(lines.to_owned(), 0), (lines.replace(" Tr0ub4dor&3x", ""), 7)] {
        let server = Serving::start(&["--once", "--match", "strict", arg(&again)]);
        talk(&server.addr, &lines);
        let ran = server.ended();
        assert_eq!(ran.code, Some(code), "{}", ran.all());
    }
}

#[test]
fn ports_that_are_only_tried_count_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let (file, got) = (transcript(dir.path(), "a", REFUSES), dir.path().join("got"));
    let server = Serving::start(&["--once", "--match", "strict", "--record-dir", arg(&got), arg(&file)]);
    for _ in 0..3 {
        talk(&server.addr, "");
    }
    talk(&server.addr, "NOOP\nQUIT\n");
    let ran = server.ended();
    assert!(ran.stderr.contains("1 of 1 sessions differed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("session 1: expected EHLO a, got NOOP"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(&got).unwrap().count(), 1);
    assert!(
        kept(&got, 1).contains("<-  220 x\n"),
        "the greeting came before the first command: {}",
        kept(&got, 1)
    );
}

/// A folder that has sessions already gets further ones, and those that are told of are those of the files.
#[test]
fn a_folder_is_added_to() {
    let dir = tempfile::tempdir().unwrap();
    let (file, got) = (transcript(dir.path(), "a", REFUSES), dir.path().join("got"));
    for number in 1..=3 {
        let server = Serving::start(&["--once", "--match", "strict", "--record-dir", arg(&got), arg(&file)]);
        talk(&server.addr, &format!("NOOP {number}\nQUIT\n"));
        let ran = server.ended();
        assert_eq!(ran.code, Some(7), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("session {number}: expected")), "{}", ran.stderr);
    }
    for number in 1..=3 {
        assert!(kept(&got, number).contains(&format!("NOOP {number}")), "{}", kept(&got, number));
    }
}

#[test]
fn clients_beyond_those_served_at_a_time_are_told_of() {
    let dir = tempfile::tempdir().unwrap();
    for (how, code) in [("lenient", 0), ("strict", 7)] {
        let server = Serving::start(&["--match", how, arg(&transcript(dir.path(), "a", REFUSES))]);
        let mut links: Vec<TcpStream> = Vec::new();
        for _ in 0..250 {
            let mut link = TcpStream::connect(&server.addr).unwrap();
            link.read_exact(&mut [0; 7]).unwrap();
            links.push(link);
        }
        assert_eq!(talk(&server.addr, ""), "421 4.3.2 Too many clients at a time\n");
        drop(links);
        let ran = server.interrupted();
        assert!(ran.stderr.contains("a client was turned away: 250 are served at a time"), "{}", ran.stderr);
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("so that nobody knows"), code == 7, "{}", ran.stderr);
    }
}
