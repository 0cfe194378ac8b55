//! What [`check`] says of lines as people type them.

use proptest::prelude::*;

use super::*;
use crate::wire::{Capabilities, Reply};

fn caps() -> Capabilities {
    let reply = b"250-mx.example.org\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-AUTH PLAIN LOGIN\r\n250 DSN\r\n";
    Capabilities::from_reply(&Reply::read_all(reply).remove(0))
}

/// Asserts that a line has one fault, at this text, with a sentence that holds these words, and that
/// mending gives this line.
fn one_fault(line: &str, at: &str, words: &str, mended: Option<&str>) {
    one_fault_with(line, None, at, words, mended);
}

fn one_fault_with(line: &str, caps: Option<&Capabilities>, at: &str, words: &str, mended: Option<&str>) {
    let faults = check(line.as_bytes(), caps);
    let [fault] = faults.as_slice() else { panic!("{line}: {faults:#?}") };
    assert_eq!(line.get(fault.at.clone()), Some(at), "{line}: {fault:?}");
    assert!(fault.what.contains(words), "{line}: {fault:?}");
    let got = fault.mended.as_deref().map(|m| String::from_utf8_lossy(m).into_owned());
    assert_eq!(got.as_deref(), mended, "{line}");
    if let Some(mended) = mended {
        assert_eq!(check(mended.as_bytes(), caps), [], "{mended}");
    }
}

#[test]
fn what_is_right_has_no_faults() {
    for line in [
        "EHLO client.example.org",
        "ehlo [IPv6:2001:db8::1]",
        "HELO x",
        "MAIL FROM:<>",
        "mail from:<a@example.org> size=10 body=8bitmime",
        "MAIL FROM:<jörg@exämple.org> SMTPUTF8",
        "MAIL FROM:<\"a > b\"@[192.0.2.1]>",
        "RCPT TO:<postmaster>",
        "RCPT TO:<@a.example,@b.example:c@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c@d.example",
        "DATA",
        "BDAT 100 last",
        "RSET",
        "VRFY alice",
        "VRFY alice@example.org",
        "EXPN staff",
        "HELP MAIL",
        "NOOP",
        "QUIT",
        "STARTTLS",
        "AUTH PLAIN AGEAYg==",
        "AUTH EXTERNAL =",
        "ETRN example.org",
        "BURL imap://a@b/x LAST",
        "XCLIENT ADDR=192.0.2.1",
    ] {
        assert_eq!(check(line.as_bytes(), None), [], "{line}");
    }
}

#[test]
fn envelopes_that_people_get_wrong() {
    one_fault("MAIL FROM: <a@b>", " ", "no space", Some("MAIL FROM:<a@b>"));
    one_fault(
        "MAIL FROM:a@b",
        "a@b",
        "'<' expected before the address; RFC 5321 wants MAIL",
        Some("MAIL FROM:<a@b>"),
    );
    one_fault("MAIL FROM:a@b SIZE=1", "a@b", "'<' expected", Some("MAIL FROM:<a@b> SIZE=1"));
    one_fault("MAIL FROM:a@b>", "a@b", "'<' expected", Some("MAIL FROM:<a@b>"));
    one_fault("MAIL FROM:<a@b", "", "'>' expected", Some("MAIL FROM:<a@b>"));
    one_fault("MAIL FROM:<a@b SIZE=1", "", "'>' expected", Some("MAIL FROM:<a@b> SIZE=1"));
    one_fault("MAIL FROM :<a@b>", " ", "before the colon", Some("MAIL FROM:<a@b>"));
    one_fault("MAIL FROM <a@b>", "", "':' expected", Some("MAIL FROM:<a@b>"));
    one_fault("MAIL <a@b>", "", "FROM: is expected", Some("MAIL FROM:<a@b>"));
    one_fault("RCPT <a@b>", "", "TO: is expected", Some("RCPT TO:<a@b>"));
    one_fault("RCPT FROM:<a@b>", "FROM", "RCPT wants TO:", Some("RCPT TO:<a@b>"));
    one_fault("RCPT TO:<a b@c.test>", " ", "a blank cannot stand in an address", None);
    one_fault("RCPT TO:< a@c.test >", " ", "a blank cannot stand in an address", Some("RCPT TO:<a@c.test>"));
    for named in ["<Alice <a@b.test>>", "<Alice<a@b.test>>", "<Alice B <a@b.test> >"] {
        let line = format!("RCPT TO:{named} NOTIFY=NEVER");
        let name = named.split_at(named.rfind('<').unwrap()).0;
        one_fault(&line, &name[1..], "without a name", Some("RCPT TO:<a@b.test> NOTIFY=NEVER"));
    }
    one_fault("RCPT TO:<a@b>,<c@d>", ",<c@d>", "one address", Some("RCPT TO:<a@b>"));
    one_fault("MAIL FROM:<a@b> <c@d>", " <c@d>", "MAIL takes one address", Some("MAIL FROM:<a@b>"));
    one_fault("RCPT TO:<mailto:a@b.test>", "mailto:", "without mailto:", Some("RCPT TO:<a@b.test>"));
    one_fault("RCPT TO:<>", "", "needs an address", None);
    one_fault("MAIL FROM:Al <a@b>", "Al ", "without a name", Some("MAIL FROM:<a@b>"));
    one_fault("MAIL  FROM:<a@b>", "  ", "not several", Some("MAIL FROM:<a@b>"));
    one_fault("MAIL\tFROM:<a@b>", "\t", "not a tab", Some("MAIL FROM:<a@b>"));
    one_fault(" MAIL FROM:<a@b>", " ", "start of the line", Some("MAIL FROM:<a@b>"));
    one_fault("MAIL FROM:<a@b>SIZE=1", "", "space is expected", Some("MAIL FROM:<a@b> SIZE=1"));
    one_fault("MAIL FROM:<jörg@b>", "ö", "parameter SMTPUTF8", Some("MAIL FROM:<jörg@b> SMTPUTF8"));
    one_fault("MAIL FROM:<postmaster>", "", "'@' and a domain", None);
}

#[test]
fn addresses_that_people_get_wrong() {
    one_fault("RCPT TO:<a>", "", "'@' and a domain are missing behind 'a'", None);
    one_fault("RCPT TO:<a@>", "", "a domain is expected", None);
    one_fault("RCPT TO:<@b>", "", "before '@' is missing", None);
    one_fault("RCPT TO:<a..b@c>", ".", "two dots", Some("RCPT TO:<\"a..b\"@c>"));
    one_fault("RCPT TO:<.a@c>", ".", "begin with a dot", Some("RCPT TO:<\".a\"@c>"));
    one_fault("RCPT TO:<a.@c>", ".", "no dot may stand", Some("RCPT TO:<\"a.\"@c>"));
    one_fault("RCPT TO:<a(b@c>", "(", "without quotes", Some("RCPT TO:<\"a(b\"@c>"));
    one_fault("RCPT TO:<a@b@c>", "@", "a second '@'", None);
    one_fault("RCPT TO:<\"a@c>", "\"a", "quotes are not closed", None);
    one_fault("RCPT TO:<a@b_c>", "_", "cannot stand in a domain", None);
    one_fault("RCPT TO:<a@b..c>", ".", "two dots", Some("RCPT TO:<a@b.c>"));
    one_fault("RCPT TO:<a@b.>", ".", "without a dot", Some("RCPT TO:<a@b>"));
    one_fault("RCPT TO:<a@-b>", "-", "hyphen", None);
    one_fault("RCPT TO:<a@[1.2.3]>", "1.2.3", "no IPv4", None);
    one_fault("RCPT TO:<a@[::1]>", "::1", "begins with IPv6:", Some("RCPT TO:<a@[IPv6:::1]>"));
    one_fault("RCPT TO:<a@[IPv6:1::2::3]>", "IPv6:1::2::3", "no IPv6", None);
    one_fault("RCPT TO:<a@[1.2.3.4>", "", "']' expected", Some("RCPT TO:<a@[1.2.3.4]>"));
    let long = "x".repeat(65);
    one_fault(&format!("RCPT TO:<{long}@b>"), &long, "the limit is 64", None);
}

#[test]
fn arguments_that_people_get_wrong() {
    one_fault("EHLO", "", "wants the name", None);
    one_fault("EHLO a_b", "_", "cannot stand", None);
    one_fault("EHLO 192.0.2.1", "192.0.2.1", "in brackets", Some("EHLO [192.0.2.1]"));
    one_fault("EHLO 2001:db8::1", "2001:db8::1", "in brackets", Some("EHLO [IPv6:2001:db8::1]"));
    one_fault("EHLO me@x.test", "me@x.test", "not a mail address", Some("EHLO x.test"));
    one_fault("EHLO a b", "b", "one name", Some("EHLO a"));
    one_fault("EHLO a.", ".", "without a dot", Some("EHLO a"));
    one_fault("EHLO jörg", "ö", "only ASCII", None);
    one_fault("HELO [192.0.2.1]", "[192.0.2.1]", "is for EHLO", None);
    one_fault("DATA now", "now", "takes no argument", Some("DATA"));
    one_fault("STARTTLS please", "please", "takes no argument", Some("STARTTLS"));
    one_fault("QUIT ", " ", "blank at the end", Some("QUIT"));
    one_fault("BDAT x", "x", "no number", None);
    one_fault("BDAT 1 LATS", "LATS", "only LAST", None);
    one_fault("AUTH PLAIN secret!", "secret!", "not base64", None);
    one_fault("AUTH", "", "such as AUTH PLAIN", None);
    one_fault("NOOP a b", "a b", "one word", None);
    one_fault("ETRN a/b", "a/b", "no domain", None);
    one_fault("BURL x", "x", "no absolute URL", None);
    one_fault("", "", "an empty line", None);
    one_fault("NOOP a\u{7}", "\u{7}", r"\x07", Some("NOOP a"));
}

#[test]
fn verbs_that_were_meant() {
    one_fault("ELHO a", "ELHO", "did you mean EHLO", Some("EHLO a"));
    one_fault("MAILFROM:<a@b>", "MAILFROM:<a@b>", "did you mean MAIL FROM:", Some("MAIL FROM:<a@b>"));
    one_fault("START TLS", "START", "did you mean STARTTLS", Some("STARTTLS"));
    one_fault("rcp TO:<a@b>", "rcp", "did you mean RCPT", Some("RCPT TO:<a@b>"));
    one_fault("exit", "exit", "did you mean QUIT", Some("QUIT"));
    one_fault("GET / HTTP/1.1", "GET", "no SMTP command begins with 'GET'", None);
}

#[test]
fn parameters_that_people_get_wrong() {
    one_fault("MAIL FROM:<a@b> SIZE=x", "SIZE=x", "write SIZE=OCTETS", None);
    one_fault("MAIL FROM:<a@b> SIZE", "SIZE", "write SIZE=OCTETS", None);
    one_fault("MAIL FROM:<a@b> SMTPUTF8=1", "SMTPUTF8=1", "takes no value", Some("MAIL FROM:<a@b> SMTPUTF8"));
    one_fault("MAIL FROM:<a@b> NOTIFY=NEVER", "NOTIFY=NEVER", "belongs to RCPT", None);
    one_fault("RCPT TO:<a@b> SIZE=1", "SIZE=1", "belongs to MAIL", None);
    one_fault("RCPT TO:<a@b> NOTIFY=NEVER,DELAY", "NOTIFY=NEVER,DELAY", "write NOTIFY", None);
    one_fault("MAIL FROM:<a@b> SIZE=1 size=2", "size=2", "given twice", None);
    one_fault("MAIL FROM:<a@b> X=a=b", "=", "cannot stand in a parameter", None);
    one_fault("MAIL FROM:<a@b>  SIZE=1", "  ", "not several", Some("MAIL FROM:<a@b> SIZE=1"));
    one_fault(
        "MAIL FROM:<a@b> HOLDFOR=1 HOLDUNTIL=2030-01-01T00:00:00Z",
        " HOLDFOR=1 HOLDUNTIL=2030-01-01T00:00:00Z",
        "exclude each other",
        None,
    );
}

#[test]
fn what_is_not_offered() {
    let caps = caps();
    let with = |line: &str, at: &str, words: &str| one_fault_with(line, Some(&caps), at, words, None);
    with("STARTTLS", "STARTTLS", "did not offer STARTTLS");
    with("BDAT 1", "BDAT", "CHUNKING");
    with("XCLIENT NAME=x", "XCLIENT", "did not offer XCLIENT");
    with("MAIL FROM:<a@b> SMTPUTF8", "SMTPUTF8", "not offered");
    with("MAIL FROM:<a@b> SIZE=2000", "SIZE", "more than the 1000");
    with("MAIL FROM:<a@b> BODY=BINARYMIME", "BODY", "belongs to BINARYMIME");
    with("MAIL FROM:<a@b> X-FOO=1", "X-FOO", "not offered");
    with("RCPT TO:<a@ö>", "ö", "needs SMTPUTF8");
    with("AUTH CRAM-MD5", "CRAM-MD5", "but PLAIN, LOGIN");
    with("AUTH", "", "offered: PLAIN, LOGIN");
    for line in
        ["AUTH login", "MAIL FROM:<a@b> SIZE=1000 BODY=8BITMIME RET=FULL", "RCPT TO:<a@b> NOTIFY=DELAY"]
    {
        assert_eq!(check(line.as_bytes(), Some(&caps)), [], "{line}");
    }
}

#[test]
fn lines_that_are_too_long() {
    let noop = format!("NOOP {}", "x".repeat(506));
    one_fault(&noop, "x", "513 octets with its CRLF; the limit is 512", None);
    let mail = format!("MAIL FROM:<a@b> X={}", "x".repeat(600));
    assert_eq!(check(mail.as_bytes(), None), []);
    assert_eq!(check(mail.as_bytes(), Some(&caps())).len(), 1, "X is not offered");
    let auth = format!("AUTH PLAIN {}", "AAAA".repeat(3000));
    assert_eq!(check(auth.as_bytes(), None), []);
    let endless = vec![b'<'; 1 << 20];
    assert_eq!(check(&endless, None).len(), 1);
}

#[test]
fn typing_on_may_still_put_it_right() {
    let whole = "MAIL FROM:<alice@example.org> SIZE=10";
    for end in 1..whole.len() {
        let part = whole.get(..end).unwrap();
        let stuck: Vec<Fault> = check(part.as_bytes(), None).into_iter().filter(|f| !f.unfinished).collect();
        assert_eq!(stuck, [], "{part}");
    }
    for part in
        ["EH", "EHLO", "EHLO ", "RCPT", "RCPT T", "BDAT 1 LA", "AUTH", "STARTT", "MAIL FROM:<a@b> BODY="]
    {
        assert!(check(part.as_bytes(), None).iter().all(|f| f.unfinished), "{part}");
    }
    assert!(check(b"MAIL FROM: <", None).iter().any(|f| !f.unfinished));
}

#[test]
fn secrets_and_escapes_stay_out_of_the_words() {
    for fault in check(b"AUTH PLAIN hunter2! hunter2", None) {
        assert!(!fault.what.contains("hunter2"), "{fault:?}");
    }
    for fault in check("MAIL FROM:<\u{1b}[2J\u{202e}@b> \u{1b}=".as_bytes(), None) {
        assert!(fault.what.chars().all(|c| c == ' ' || crate::wire::escape::is_harmless(c)), "{fault:?}");
    }
}

/// Lines near to what is valid.
fn near_lines() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "MAIL", "RCPT", "EHLO", "AUTH", "BDAT", "VRFY", "DATA", "NOOP", "ETRN", "BURL", " ", " ", " ",
        "FROM:", "TO:", "<", ">", "a", "@", "b.c", "\"", "\\", "[", "]", "IPv6:", "::1", ":", "1.2.3.4",
        "SIZE=", "SIZE=1", "ö", ",", "=", "\t", ".", "-", "LAST", "NOTIFY=", "NEVER", "BODY=", "\u{7}",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..12).prop_map(|w| w.concat().into_bytes())
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_borne(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let caps = caps();
        for fault in check(&line, None).into_iter().chain(check(&line, Some(&caps))) {
            prop_assert!(fault.at.start <= fault.at.end && fault.at.end <= line.len());
            prop_assert!(fault.mended.is_none_or(|mended| mended != line));
        }
        let _ = Command::parse(&line);
    }

    #[test]
    fn what_breaks_the_grammar_has_a_fault(line in near_lines()) {
        let faults = check(&line, None);
        for fault in &faults {
            prop_assert!(fault.at.end <= line.len() && fault.mended.as_ref() != Some(&line), "{:?}", fault);
        }
        match Command::parse(&line) {
            None => prop_assert!(!faults.is_empty()),
            Some(command) => {
                let written = command.to_line().map_err(|e| TestCaseError::fail(e.to_string()))?;
                let again = Command::parse(&written).map(|c| c.to_line());
                prop_assert_eq!(again, Some(Ok(written)));
            }
        }
    }
}
