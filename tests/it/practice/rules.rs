//! Each rule of the practice server, by its reply.

use super::*;

#[test]
fn out_of_order_names_what_is_missing() {
    let server = start();
    server.client().talk(&[
        ("MAIL FROM:<a@example.com>", "503 5.5.1 Error: send HELO/EHLO first"),
        ("AUTH PLAIN", "503 5.5.1 Error: send HELO/EHLO first"),
        ("EHLO", "501 5.5.4 Syntax: EHLO hostname"),
        ("EHLO me", "250-"),
        ("RCPT TO:<bob@example.org>", "503 5.5.1 Error: need MAIL command"),
        ("DATA", "503 5.5.1 Error: need MAIL command"),
        ("MAIL FROM:<a@example.com>", "250 2.1.0 Ok"),
        ("MAIL FROM:<a@example.com>", "503 5.5.1 Error: nested MAIL command"),
        ("DATA", "503 5.5.1 Error: need RCPT command"),
        ("STARTTLS", "503 5.5.1 Error: MAIL transaction in progress"),
    ]);
    server.greeted().talk(&[
        ("MAIL FROM:<a@example.com>", "250"),
        ("RCPT TO:<nobody@example.org>", "550 5.1.1"),
        ("DATA", "554 5.5.1 Error: no valid recipients"),
        ("RSET", "250 2.0.0 Ok"),
        ("MAIL FROM:<a@example.com>", "250"),
    ]);
}

#[test]
fn syntax_errors() {
    let server = start();
    server.greeted().talk(&[
        ("MAIL FROM: a@example.com", "501 5.5.4 Syntax: MAIL FROM:<address>"),
        ("MAIL FROM:<a@@example.com>", "501 5.1.7"),
        ("MAIL FROM:<a@example.com> COLOUR=blue", "555 5.5.4 Unsupported option: COLOUR"),
        ("MAIL FROM:<a@example.com> SIZE=many", "501 5.5.4"),
        ("MAIL FROM:<a@example.com> BODY=8BITMIME RET=HDRS ENVID=x SIZE=100", "250 2.1.0"),
        ("RCPT TO:bob@example.org", "501 5.5.4 Syntax: RCPT TO:<address>"),
        ("RCPT TO:<bob@example.org> NOTIFY=SOMETIMES", "501 5.5.4"),
        ("RCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@example.org", "250 2.1.5"),
        ("DATA now", "501 5.5.4 Syntax: DATA"),
        ("RSET", "250"),
        ("STARTTLS now", "501 5.5.4 Syntax: STARTTLS"),
    ]);
    server.greeted().talk(&[
        ("MAIL FROM:<a@example.com> SIZE=99999999999999999999", "552 5.3.4"),
        ("MAIL FROM:<a@example.com> NOTIFY=NEVER", "555 5.5.4"),
        ("MAIL FROM:<a@example.com> BODY=BINARYMIME", "501 5.5.4"),
    ]);
    server.greeted().talk(&[
        ("FOO", "500 5.5.2 Error: command not recognized"),
        ("\u{1b}[2J", "500 5.5.2 Error: bad syntax"),
        ("TURN", "502 5.5.1"),
        ("BURL", "502 5.5.1"),
        ("QUIT now", "501 5.5.4"),
        ("VRFY", "501 5.5.4 Syntax: VRFY address"),
        ("BDAT x", "501 5.5.4 Syntax: BDAT"),
    ]);
}

#[test]
fn small_commands() {
    let server = start();
    server.greeted().talk(&[
        ("NOOP whatever", "250 2.0.0"),
        ("VRFY alice", "252 2.0.0 alice"),
        ("VRFY <bob@example.org>", "252 2.0.0 bob@example.org"),
        ("VRFY nobody", "550 5.1.1"),
        ("EXPN team", "250-2.1.5 Alice <alice@example.org>\n250 2.1.5 Bob"),
        ("ETRN example.org", "250 2.0.0"),
        ("ETRN example.net", "459 4.7.1"),
        ("HELO me", "250 mx.example.org"),
        ("QUIT", "221 2.0.0 Bye"),
    ]);
    let help = server.client().ask("HELP");
    assert!(help.starts_with("214-2.0.0 ") && help.contains("alice@example.org / wonderland"), "{help}");
}

#[test]
fn senders_and_recipients_by_the_rules() {
    let server = start();
    for (sender, expected) in [
        ("secure@example.org", "530 5.7.0 Must issue a STARTTLS command first"),
        ("spammer@example.com", "554 5.7.1 Service unavailable; Client host [127.0.0.1] blocked"),
        ("spf@example.com", "550 5.7.23 <spf@example.com>: Sender address rejected"),
        ("ratelimit@example.com", "450 4.7.1"),
        ("lookup@example.com", "451 4.3.0"),
        ("nodns@example.com", "450 4.1.8"),
        ("jürgen@example.com", "553 5.6.7"),
        ("", "250 2.1.0"),
    ] {
        server.greeted().talk(&[(&format!("MAIL FROM:<{sender}>"), expected)]);
    }
    for (recipient, expected) in [
        ("Alice@EXAMPLE.org", "250 2.1.5"),
        ("postmaster", "250 2.1.5"),
        ("", "501 5.1.3"),
        ("nobody@example.org", "550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown"),
        ("full@example.org", "452 4.2.2"),
        ("quota@example.org", "552 5.2.2"),
        ("disabled@example.org", "550 5.2.1"),
        ("moved@example.org", "551 5.1.6"),
        ("staff@example.org", "530 5.7.0 Authentication required"),
        ("jürgen@example.org", "553 5.6.7"),
        ("bob@nullmx.example", "556 5.1.10"),
        ("bob@nowhere.invalid", "550 5.1.2"),
        ("bob@example.net", "554 5.7.1 <bob@example.net>: Relay access denied"),
        ("shutdown@example.org", "421 4.3.2"),
    ] {
        let line = format!("RCPT TO:<{recipient}>");
        server.greeted().talk(&[("MAIL FROM:<a@example.com>", "250"), (&line, expected)]);
    }
    server.greeted().talk(&[
        ("MAIL FROM:<jürgen@example.com> SMTPUTF8", "250"),
        ("RCPT TO:<jürgen@example.org>", "250 2.1.5"),
    ]);
    server.encrypted().talk(&[("MAIL FROM:<secure@example.org>", "250 2.1.0")]);
}

#[test]
fn greylisting_lets_the_second_try_in() {
    let server = start();
    let script = |expected| [("MAIL FROM:<a@example.com>", "250"), ("RCPT TO:<grey@example.org>", expected)];
    server.greeted().talk(&script("450 4.7.1"));
    server.greeted().talk(&script("250 2.1.5"));
    server
        .greeted()
        .talk(&[("MAIL FROM:<b@example.com>", "250"), ("RCPT TO:<grey@example.org>", "450 4.7.1")]);
}

#[test]
fn too_many_errors_end_the_session() {
    let server = Running::start(PracticeOptions { error_limit: 3, ..PracticeOptions::default() });
    let mut raw = server.greeted();
    raw.talk(&[("FOO", "500"), ("FOO", "500"), ("NOOP", "250"), ("FOO", "500"), ("NOOP", "421 4.7.0")]);
    assert!(raw.ended());
    let mut raw = server.greeted();
    raw.talk(&[
        ("FOO", "500"),
        ("FOO", "500"),
        ("MAIL FROM:<a@b>", "250"),
        ("RCPT TO:<bob@example.org>", "250"),
    ]);
    raw.talk(&[("DATA", "354"), ("x\r\n.", "250"), ("FOO", "500"), ("NOOP", "250")]);
}

#[test]
fn too_many_recipients() {
    let server = Running::start(PracticeOptions { max_recipients: 1, ..PracticeOptions::default() });
    server.greeted().talk(&[
        ("MAIL FROM:<a@b>", "250"),
        ("RCPT TO:<bob@example.org>", "250"),
        ("RCPT TO:<alice@example.org>", "452 4.5.3"),
    ]);
}

#[test]
fn content_is_judged_at_its_end() {
    let server = Running::start(PracticeOptions { message_limit: 2000, ..PracticeOptions::default() });
    let long = format!("{}\r\n.", "x".repeat(900));
    let too_long = format!("{0}\r\n{0}\r\n{0}\r\n.", "x".repeat(900));
    let spam = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n.";
    for (content, expected) in [
        (long.as_str(), "250 2.0.0 Ok: queued as "),
        (&too_long, "552 5.3.4"),
        (spam, "550 5.7.1"),
        ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\r\n.", "554 5.7.0"),
        ("Subject: dmarc\r\n\r\nx\r\n.", "550 5.7.26"),
        ("one\ntwo\r\n.", "550 5.5.2"),
        ("one\r\n.\nMAIL FROM:<smuggled@b>\r\n.", "550 5.5.2"),
        ("..\r\n.", "250 2.0.0"),
    ] {
        let mut raw = server.greeted();
        raw.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<bob@example.org>", "250"), ("DATA", "354")]);
        raw.talk(&[(content, expected), ("MAIL FROM:<a@b> SIZE=2000", "250 2.1.0")]);
    }
    server.greeted().talk(&[("MAIL FROM:<a@b> SIZE=2001", "552 5.3.4")]);
}

#[test]
fn chunks() {
    let server = Running::start(PracticeOptions { message_limit: 2000, ..PracticeOptions::default() });
    let mut raw = server.greeted();
    raw.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<bob@example.org>", "250")]);
    raw.send("BDAT 5\r\nhe\r\nlBDAT 2 LAST\r\no\nNOOP\r\n");
    assert_eq!(raw.reply(), "250 2.0.0 Ok: 5 bytes");
    assert!(raw.reply().starts_with("250 2.0.0 Ok: queued as"));
    assert_eq!(raw.reply(), "250 2.0.0 Ok");
    raw.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<bob@example.org>", "250"), ("BDAT 0", "250")]);
    raw.talk(&[("DATA", "503 5.5.1 Error: command out of sequence"), ("RSET", "250")]);
    raw.send("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
    assert!(raw.reply().starts_with("503 5.5.1 Error: need MAIL"), "refused behind its octets");
    assert_eq!(raw.reply(), "250 2.0.0 Ok");
    raw.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<bob@example.org>", "250")]);
    raw.send(format!("BDAT 3000 LAST\r\n{}", "x".repeat(3000)));
    assert!(raw.reply().starts_with("552 5.3.4"));
}
