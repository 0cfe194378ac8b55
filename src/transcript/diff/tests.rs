use super::*;
use crate::transcript::{Reader, turns::turns};

fn read(text: &str) -> Vec<Turn> {
    let file = format!("%heloise 1\n{text}");
    let entries: Vec<_> = Reader::new(file.as_bytes()).unwrap().map(Result::unwrap).collect();
    turns(&entries)
}

#[test]
fn a_client_may_call_itself_something_else() {
    let session =
        |name: &str| format!("%heloise 1\n<- 220 x\n -> EHLO {name}\n<- 250 ok\n -> QUIT\n<- 221 bye\n");
    let read = |text: String| -> Vec<Turn> {
        let entries: Vec<_> = Reader::new(text.as_bytes()).unwrap().map(Result::unwrap).collect();
        turns(&entries)
    };
    let (left, right) = (read(session("[127.0.0.1]")), read(session("laptop.example.net")));
    assert!(diff(&left, &right, Compare::Text).same());
    assert!(!diff(&left, &read(session("")), Compare::Text).same());
}

const LEFT: &str = "<- 220 a.example.org ESMTP\n -> EHLO x\n<- 250 a.example.org\n -> MAIL FROM:<a@x>\n<- 250 2.1.0 ok\n\
    -> RCPT TO:<b@y>\n<** 554 5.7.1 denied\n -> QUIT\n<- 221 bye\n";
const RIGHT: &str = "<- 220 b.example.org ESMTP\n -> EHLO x\n<- 250 b.example.org\n -> NOOP\n<- 250 ok\n -> MAIL FROM:<a@x>\n\
    <- 250 2.1.0 ok\n -> RCPT TO:<c@y>\n<** 554 5.7.0 denied\n -> QUIT\n<- 221 bye\n";

fn unified(compare: Compare, color: bool) -> String {
    let (left, right) = (read(LEFT), read(RIGHT));
    let mut out = Vec::new();
    write_unified(&mut out, &diff(&left, &right, compare), ("a", "b"), color).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn commands_are_aligned_and_volatile_parts_ignored() {
    let expected = "--- a\n+++ b\n@@ turn 2 @@\n  -> EHLO x\n <-  250 a.example.org\n+ -> NOOP\n+<-  250 ok\n  -> MAIL FROM:<a@x>\n <-  250 2.1.0 ok\n- -> RCPT TO:<b@y>\n-<** 554 5.7.1 denied\n+ -> RCPT TO:<c@y>\n+<** 554 5.7.0 denied\n  -> QUIT\n <-  221 bye\n";
    assert_eq!(unified(Compare::Text, false), expected);
    assert!(unified(Compare::Text, true).contains("\x1b[32m+ -> NOOP\x1b[0m"));
}

#[test]
fn closeness_decides_what_counts() {
    let (left, right) = (read(LEFT), read(RIGHT));
    let rcpt = |compare| {
        let diff = diff(&left, &right, compare);
        diff.rows.iter().find(|r| r.left.is_some_and(|t| t.label().starts_with("RCPT"))).unwrap().same_reply
    };
    assert_eq!([Compare::Code, Compare::Enhanced, Compare::Text].map(rcpt), [true, false, false]);
    assert!(diff(&left, &left, Compare::Text).same());
    let mut nothing = Vec::new();
    write_unified(&mut nothing, &diff(&left, &left, Compare::Text), ("a", "a"), true).unwrap();
    assert!(nothing.is_empty());
}

#[test]
fn a_fresh_reply_is_compared_as_closely_as_asked() {
    let turns = read(LEFT);
    let heard = &turns[3].heard[0];
    let fresh = |text: &str| Reply::read_all(text.as_bytes()).remove(0);
    assert!(same_reply(heard, &fresh("554 5.7.1 denied\r\n"), Compare::Text));
    assert!(!same_reply(heard, &fresh("554 5.7.1 other\r\n"), Compare::Text));
    assert!(same_reply(heard, &fresh("554 5.7.1 other\r\n"), Compare::Enhanced));
    assert!(!same_reply(heard, &fresh("554 5.7.0 other\r\n"), Compare::Enhanced));
    assert!(!same_reply(heard, &fresh("250 ok\r\n"), Compare::Code));
}

#[test]
fn links_that_are_protected_in_other_ways_differ_once() {
    let session = |tls: &str, got: &str, sent: &str| {
        read(&format!("{tls}{got}  220 x\n {sent} NOOP\n{got}  250 ok\n {sent} QUIT\n{got}  221 bye\n"))
    };
    let plain = session("", "<-", "->");
    let tls = |attributes: &str| session(&format!("=== tls TLSv1.3 X {attributes}\n"), "<~", "~>");
    let (verified, insecure) = (tls("verified=yes"), tls("verified=no insecure=yes"));
    let shown = |left, right| {
        let mut out = Vec::new();
        write_unified(&mut out, &diff(left, right, Compare::Code), ("a", "b"), false).unwrap();
        String::from_utf8(out).unwrap()
    };
    let expected = "--- a\n+++ b\n-=== cleartext\n+=== tls verified=no\n-<-  220 x\n+<~  220 x\n  -> NOOP\n <-  250 ok\n";
    assert_eq!(shown(&plain, &insecure), expected);
    let other = shown(&verified, &insecure);
    assert!(other.contains("-=== tls verified=yes\n+=== tls verified=no\n <~  220 x\n"), "{other}");
    let unknown = tls("sni=\"mx\"");
    assert_eq!(
        [shown(&verified, &unknown), shown(&unknown, &insecure)],
        ["", ""],
        "what nobody says is no difference"
    );
    let mut json = Vec::new();
    write_json(&mut json, &diff(&plain, &verified, Compare::Text)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json["same_link"], &json["right"]["link"]), (&false.into(), &"tls verified=yes".into()));
}

#[test]
fn content_that_was_folded_is_told_by_its_digest() {
    let session = |digit: &str| {
        let data = format!("{{data 1000 sha256={}}}", digit.repeat(32));
        read(&format!("<- 220 x\n -> DATA\n<- 354 go\n -> {data}\n -> .\n<- 250 ok\n"))
    };
    let (a, b) = (session("0a"), session("1b"));
    assert!(diff(&a, &a, Compare::Text).same());
    let found = diff(&a, &b, Compare::Text);
    assert!(!found.same() && found.rows.iter().all(|row| row.same_reply));
}

#[test]
fn rows_that_differ_come_as_json() {
    let (left, right) = (read(LEFT), read(RIGHT));
    let mut out = Vec::new();
    write_json(&mut out, &diff(&left, &right, Compare::Text)).unwrap();
    let rows: Vec<serde_json::Value> =
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0]["left"].is_null(), &rows[0]["right"]["said"]), (true, &"NOOP".into()));
    assert_eq!(rows[1]["left"]["code"], 554);
}
