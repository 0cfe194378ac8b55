//! Replies are found and explained in what servers log. The `.log` files were written by those servers (Exim 4.96,
//! OpenSMTPD 6.8, Postfix 3.7, Dovecot 2.3) when a server answered them in several ways; names and addresses are such
//! as stand in documentation.

use std::collections::BTreeMap;

use heloise::explain::explain;
use heloise::explain::extract::{Finder, Found};

fn found_in(log: &str) -> Vec<Found> {
    let mut finder = Finder::new();
    let mut found: Vec<Found> = log.lines().flat_map(|line| finder.line(line.as_bytes())).collect();
    found.extend(finder.finish());
    found
}

fn reason(found: &Found) -> &'static str {
    explain(&found.situation()).first().map_or("none", |explanation| explanation.reason.slug())
}

/// Each address with the reasons of the replies about it, in order, without those that follow themselves.
fn by_recipient(log: &str) -> BTreeMap<String, Vec<&'static str>> {
    let mut map: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for found in found_in(log) {
        let reasons = map.entry(found.recipient.clone().unwrap_or_default()).or_default();
        let reason = reason(&found);
        if reasons.last() != Some(&reason) {
            reasons.push(reason);
        }
    }
    map
}

/// What the server of the tests answered all clients alike.
const ANSWERED: [(&str, &[&str]); 5] = [
    ("nouser@example.net", &["user-unknown"]),
    ("full@example.net", &["mailbox-full"]),
    ("grey@example.net", &["greylisted"]),
    ("relay@example.net", &["relay-denied"]),
    ("spam@example.net", &["spam"]),
];

/// Expects of a log the reasons that all have in common, and these.
fn expect(log: &str, expected: &[(&str, &[&str])]) {
    let map = by_recipient(log);
    for (recipient, reasons) in ANSWERED.iter().chain(expected) {
        assert_eq!(map.get(*recipient).map(Vec::as_slice), Some(*reasons), "{recipient:?} in {map:#?}");
    }
}

#[test]
fn exim() {
    expect(
        include_str!("../logs/exim.log"),
        &[
            ("ok@example.net", &["ok", "message-too-big"]),
            ("bob@blocked.example.net", &["bad-reputation"]),
            ("bob@busy.example.net", &["too-many-connections"]),
            ("bob@closed.example.net", &["network-error"]),
            ("bob@elsewhere.example", &["relay-denied"]),
            ("nobody@example.test", &["user-unknown"]),
        ],
    );
}

#[test]
fn opensmtpd() {
    expect(
        include_str!("../logs/opensmtpd.log"),
        &[
            ("ok@example.net", &["ok", "message-too-big"]),
            ("bob@elsewhere.example", &["user-unknown"]),
            ("nobody@example.test", &["user-unknown"]),
        ],
    );
    let refused = found_in(include_str!("../logs/opensmtpd.log"));
    assert!(refused.iter().any(|found| reason(found) == "bad-reputation"), "the banner that was a refusal");
    assert!(refused.iter().any(|found| reason(found) == "bad-sequence"), "RCPT before MAIL");
}

#[test]
fn postfix() {
    expect(
        include_str!("../logs/postfix.log"),
        &[
            ("nouser@lmtp.example.net", &["user-unknown"]),
            ("spam@lmtp.example.net", &["spam"]),
            ("nobody@dovecot.example.net", &["user-unknown"]),
            ("bob@blocked.example.net", &["bad-reputation"]),
            ("bob@busy.example.net", &["too-many-connections"]),
            ("bob@closed.example.net", &["network-error"]),
            ("bob@elsewhere.example", &["relay-denied"]),
        ],
    );
}

#[test]
fn dovecot() {
    let found = found_in(include_str!("../logs/dovecot.log"));
    assert_eq!(found.iter().map(reason).collect::<Vec<_>>(), ["bad-reputation"]);
}

/// One reply a line, in the forms of other servers.
#[test]
fn other_forms() {
    for row in include_str!("../logs/formats.tsv").lines().filter(|row| !row.starts_with('#')) {
        let [expected, recipient, line] = row.splitn(3, '\t').collect::<Vec<_>>().try_into().unwrap();
        let found = found_in(line);
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert_eq!(found.first().map(reason), Some(expected), "{line}");
        let seen = found.first().and_then(|found| found.recipient.as_deref());
        assert_eq!(seen.unwrap_or("-"), recipient, "{line}");
    }
}

#[test]
fn numbers_and_subjects_are_no_replies() {
    for line in include_str!("../logs/no_reply.txt").lines().filter(|line| !line.starts_with('#')) {
        assert_eq!(found_in(line), [], "{line}");
    }
}
