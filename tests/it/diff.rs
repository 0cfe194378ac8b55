//! `heloise diff`.

use crate::at_terminal::AtTerminal;
use crate::program::{arg, run, run_with, transcript};

const LEFT: &str =
    "<- 220 mx1.example.org ESMTP\n -> EHLO a.example\n<- 250 mx1.example.org\n -> QUIT\n<- 221 2.0.0 bye\n";
const RIGHT: &str =
    "<- 220 mx2.example.org ESMTP\n -> EHLO a.example\n<- 250 mx2.example.org\n -> QUIT\n<- 221 2.1.0 Bye\n";

#[test]
fn what_differs_is_shown_and_ends_with_7() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (transcript(dir.path(), "a", LEFT), transcript(dir.path(), "b", RIGHT));
    let same = run(&["diff", arg(&a), arg(&a)]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""));
    let differ = run(&["diff", arg(&a), arg(&b)]);
    assert_eq!(differ.code, Some(7));
    assert!(differ.stdout.contains("\n-<-  221 2.0.0 bye\n+<-  221 2.1.0 Bye\n"), "{}", differ.stdout);
    assert!(!differ.stdout.contains("mx2"), "host names are volatile: {}", differ.stdout);
    assert_eq!(run(&["diff", "--compare", "code", arg(&a), arg(&b)]).code, Some(0));
    assert_eq!(run(&["diff", "--compare", "enhanced", arg(&a), arg(&b)]).code, Some(7));
    let json = run(&["diff", "--json", arg(&a), arg(&b)]);
    assert_eq!(json.code, Some(7));
    let row: serde_json::Value = serde_json::from_str(json.stdout.trim_end()).unwrap();
    assert_eq!(row["left"]["said"], "QUIT");
    let coloured = run(&["diff", "--color", "always", arg(&a), arg(&b)]);
    assert!(coloured.stdout.contains("\x1b[31m-<-"), "{}", coloured.stdout);
}

#[test]
fn a_starttls_that_vanished_is_said_however_closely_replies_are_compared() {
    let dir = tempfile::tempdir().unwrap();
    let session = |offer: &str| format!("<- 220 mx\n -> EHLO a.example\n<- 250-mx\n{offer}<- 250 SIZE\n");
    let with = transcript(dir.path(), "with", &session("<- 250-starttls\n"));
    let without = transcript(dir.path(), "without", &session(""));
    let lost = run(&["diff", "--compare", "code", arg(&with), arg(&without)]);
    assert_eq!((lost.code, lost.stdout.as_str()), (Some(0), ""));
    assert!(
        lost.stderr.contains("STARTTLS is offered in ") && lost.stderr.contains("why: "),
        "{}",
        lost.stderr
    );
    let gained = run(&["diff", "--compare", "code", arg(&without), arg(&with)]);
    assert_eq!(gained.stderr, "");
    // A session that never greeted in clear shows nothing of it.
    let silent = transcript(dir.path(), "silent", "<- 220 mx\n");
    assert_eq!(run(&["diff", arg(&with), arg(&silent)]).stderr, "");
}

#[test]
fn a_link_that_was_not_verified_is_said_and_differs_from_one_that_was() {
    let dir = tempfile::tempdir().unwrap();
    let session = |tls: &str| format!("=== tls TLSv1.3 X {tls}\n<~ 220 mx\n ~> QUIT\n<~ 221 bye\n");
    let verified = transcript(dir.path(), "verified", &session("verified=yes"));
    let insecure = transcript(dir.path(), "insecure", &session("verified=no insecure=yes"));
    let plain = transcript(dir.path(), "plain", "<- 220 mx\n -> QUIT\n<- 221 bye\n");
    let ran = run(&["diff", "--compare", "code", arg(&verified), arg(&insecure)]);
    assert_eq!(ran.code, Some(7), "{}", ran.all());
    assert!(ran.stdout.contains("-=== tls verified=yes\n+=== tls verified=no\n"), "{}", ran.stdout);
    let warning = format!("{}: the server's certificate was not verified", arg(&insecure));
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    let same = run(&["diff", arg(&insecure), arg(&insecure)]);
    assert_eq!((same.code, same.stdout.as_str()), (Some(0), ""));
    assert!(same.stderr.contains(&warning), "{}", same.stderr);
    let ran = run(&["diff", arg(&verified), arg(&plain)]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(7), ""));
    assert!(ran.stdout.contains("-=== tls verified=yes\n+=== cleartext\n"), "{}", ran.stdout);
}

#[test]
fn a_terminal_gets_colours_unless_it_wants_none() {
    let home = tempfile::tempdir().unwrap();
    let (a, b) = (transcript(home.path(), "a", LEFT), transcript(home.path(), "b", RIGHT));
    let mut coloured = AtTerminal::start_in(home.path(), &["diff", arg(&a), arg(&b)]);
    coloured.wait_for("\x1b[31m-<-  221 2.0.0 bye\x1b[0m\r\n\x1b[32m+<-  221 2.1.0 Bye\x1b[0m\r\n");
    assert_eq!(coloured.child.wait().unwrap().exit_code(), 7);
    for (variable, args) in [("1", vec!["diff"]), ("", vec!["diff", "--color", "never"])] {
        let mut plain =
            AtTerminal::start_with(&[("NO_COLOR", variable)], &[&args[..], &[arg(&a), arg(&b)]].concat());
        plain.wait_for("-<-  221 2.0.0 bye\r\n+<-  221 2.1.0 Bye\r\n");
        assert!(!plain.all.contains('\x1b'), "{:?}", plain.all);
    }
    assert!(!run(&["diff", arg(&a), arg(&b)]).stdout.contains('\x1b'), "a pipe gets none");
}

#[test]
fn what_cannot_be_read_is_named_by_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let (a, bad) = (transcript(dir.path(), "a", LEFT), transcript(dir.path(), "bad", "<- 220 x\n?? what\n"));
    let ran = run(&["diff", arg(&a), arg(&bad)]);
    assert_eq!(ran.code, Some(10));
    assert!(ran.stderr.contains("line 5, column 1"), "{}", ran.stderr);
    let missing = run(&["diff", arg(&a), arg(&dir.path().join("none"))]);
    assert_eq!(missing.code, Some(10));
    assert!(missing.stderr.contains("cannot read the transcript"), "{}", missing.stderr);
    let from_stdin = run_with(&["diff", "-", arg(&a)], &format!("%heloise 1\n{LEFT}"));
    assert_eq!(from_stdin.code, Some(0), "{}", from_stdin.stderr);
}
