//! Greetings, EHLO and STARTTLS that go another way: late, refused, or with replies that nobody asked for.

use std::time::Duration;

use heloise::check::{Report, Severity};
use heloise::target::Scheme;

use super::fake::Fake;
use super::links::{greeting, submission};
use super::{check, plan};
use crate::tls::pki::Pki;

/// Connections to a server that greets after some time, and whether it was spoken to before.
async fn slow_greeting(first: &'static [u8], rest: &'static [u8], delay: Duration) -> (Report, usize, bool) {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::sync::{Arc, Mutex};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new((0, false)));
    let of_server = seen.clone();
    std::thread::spawn(move || {
        for link in listener.incoming() {
            let (mut link, seen) = (link.unwrap(), of_server.clone());
            std::thread::spawn(move || {
                seen.lock().unwrap().0 += 1;
                link.write_all(first).unwrap();
                link.set_read_timeout(Some(delay)).unwrap();
                let early = matches!(link.read(&mut [0; 1]), Ok(1));
                seen.lock().unwrap().1 |= early;
                link.set_read_timeout(None).unwrap();
                link.write_all(rest).unwrap();
                let mut lines = BufReader::new(link.try_clone().unwrap()).lines();
                while let Some(Ok(line)) = lines.next() {
                    let reply =
                        if line.starts_with("QUIT") { "221 bye\r\n" } else { "250 mx.example.org\r\n" };
                    let _ = link.write_all(reply.as_bytes());
                }
            });
        }
    });
    let mut plan = plan(&Pki::new());
    plan.thresholds.wrong_mode = Duration::from_millis(20);
    let report = check(plan, Scheme::Smtp, addr).await;
    let (connections, early) = *seen.lock().unwrap();
    (report, connections, early)
}

/// Only a server that does not know the command has no EHLO: others have refused this client, now or for good.
#[tokio::test]
async fn a_refusal_of_ehlo_is_taken_for_what_it_says() {
    for (reply, id, transient) in [
        ("451 4.7.1 greylisted by name, try later\r\n", "greeting-deferred", true),
        ("421 4.7.0 go away\r\n", "greeting-deferred", true),
        (
            "550 5.7.1 Helo command rejected: need fully-qualified hostname\r\n",
            "greeting-refused-by-name",
            false,
        ),
        (
            "504 5.5.2 <x>: Helo command rejected: need fully-qualified hostname\r\n",
            "greeting-refused-by-name",
            false,
        ),
        ("250-mx.example.org\r\n250-SIZE\r\n550 huh\r\n", "greeting-refused-by-name", false),
    ] {
        let heard = std::sync::Arc::default();
        let of_fake = std::sync::Arc::clone(&heard);
        let report = submission(
            |fake| {
                fake.replies.push(("EHLO", reply));
                fake.heard = Some(of_fake);
            },
            |plan| {
                plan.retry.times = 1;
                plan.retry.first = Duration::from_millis(10);
            },
        )
        .await;
        let found: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
        assert_eq!(found[0], id, "{reply}: {found:?}");
        let said = reply.lines().last().unwrap();
        assert!(report.findings[0].line.contains(said), "{}", report.findings[0].line);
        for consequence in ["helo-only", "no-starttls", "auth-not-offered", "size-not-told"] {
            assert!(!found.contains(&consequence), "{reply}: {found:?}");
        }
        let heard: Vec<String> =
            heard.lock().map(|lines: std::sync::MutexGuard<Vec<String>>| lines.clone()).unwrap();
        assert!(!heard.iter().any(|line| line.starts_with("HELO")), "{reply}: {heard:?}");
        assert_eq!(found.contains(&"tries"), transient, "{reply}: {found:?}");
    }
}

/// What follows from a lack of EHLO is not told beside it.
#[tokio::test]
async fn a_server_without_ehlo_is_told_as_that_alone() {
    let report = submission(|fake| fake.replies.push(("EHLO", "500 5.5.1 unknown\r\n")), |_| {}).await;
    let found: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
    assert_eq!(found, ["helo-only"]);
    assert_eq!(report.worst(), Some(Severity::Problem), "nobody can log in there");
}

/// What answers LHLO with 500 or 502 is most probably SMTP.
#[tokio::test]
async fn smtp_where_lmtp_was_meant() {
    let fake = Fake::without_tls().but(|fake| fake.replies.push(("LHLO", "502 5.5.1 unknown\r\n")));
    let addr = fake.serve();
    let report = check(plan(&Pki::new()), Scheme::Lmtp, addr).await;
    let found = report.findings.first().unwrap();
    assert_eq!(found.line, "the server refuses to be greeted: 502 5.5.1 unknown");
    assert_eq!(found.causes[0], format!("the port at {addr} speaks SMTP, and not LMTP"));
    assert_eq!(found.fixes[0].command.as_deref(), Some(format!("heloise check {addr}").as_str()));
}

/// Replies that clients may pair wrongly, or take for failures, are warnings.
#[tokio::test]
async fn replies_nobody_asked_for_and_codes_of_other_commands_are_named() {
    for (banner, ehlo, words) in [
        ("220 mx.example.org\r\n220 mx.example.org again\r\n", None, "no command was waiting for this"),
        ("250 mx.example.org hi\r\n", None, "code 250, where the standard has 220"),
        ("220 mx.example.org\r\n", Some("220 mx.example.org\r\n"), "code 220, where the standard has 250"),
        (
            "220 mx.example.org\r\n",
            Some("250 mx.example.org\r\n250 STARTTLS\r\n"),
            "no command was waiting for this",
        ),
    ] {
        let report = submission(
            |fake| {
                fake.banner = banner.to_owned();
                fake.replies.extend(ehlo.map(|reply| ("EHLO", reply)));
            },
            |_| {},
        )
        .await;
        let warned = report.findings.iter().filter(|finding| finding.severity == Severity::Warning);
        let found =
            warned.clone().find(|finding| finding.id == "protocol-broken" && finding.line.contains(words));
        assert!(
            found.is_some(),
            "{words}: {:?}",
            report.findings.iter().map(|f| &f.line).collect::<Vec<_>>()
        );
        if ehlo.is_some_and(|reply| reply.contains("STARTTLS")) {
            let lack = report.findings.iter().find(|finding| finding.id == "no-starttls").unwrap();
            assert!(lack.causes[0].contains("(250 STARTTLS)"), "{}", lack.causes[0]);
        }
    }
}

/// The check keeps to the order of commands, and says nothing else because of an enhanced code.
#[tokio::test]
async fn a_starttls_that_is_not_known_is_no_wrong_order() {
    let report = submission(|fake| fake.replies.push(("STARTTLS", "502 5.5.1 no\r\n")), |_| {}).await;
    let found = report.findings.iter().find(|finding| finding.id == "starttls-refused").unwrap();
    assert!(!found.meaning.contains("order"), "{}", found.meaning);
    assert!(
        found.causes.iter().any(|cause| cause.contains("does not support STARTTLS")),
        "{:?}",
        found.causes
    );
}

#[tokio::test]
async fn the_word_for_the_protocol_is_no_name() {
    for (line, id) in
        [("220 ESMTP Postfix", "greeting-without-name"), ("220 MAIL ESMTP", "greeting-name-short")]
    {
        let report = greeting(line).await;
        let found = report.findings.first().unwrap();
        assert_eq!(found.id, id, "{line}");
        assert!(id != "greeting-name-short" || found.line.contains("greets as MAIL,"), "{}", found.line);
    }
}

/// Servers delay their greeting to catch those who speak before it: nothing is asked meanwhile, and the time is the
/// greeting's own.
#[tokio::test]
async fn a_slow_greeting_is_waited_for_in_silence() {
    let delay = Duration::from_millis(2500);
    for (first, rest) in [
        (&b""[..], &b"220 mx.example.org ESMTP\r\n"[..]),
        (b"220-mx.example.org ESMTP\r\n", b"220 mx.example.org ESMTP\r\n"),
    ] {
        let (report, connections, early) = slow_greeting(first, rest, delay).await;
        assert_eq!((connections, early), (1, false));
        let slow = report.findings.iter().find(|finding| finding.id == "banner-slow").unwrap();
        let seconds: f32 = slow.line.split(' ').rev().nth(1).unwrap().parse().unwrap();
        assert!(seconds >= 2.5, "{}", slow.line);
    }
}
