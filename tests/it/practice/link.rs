//! The links of the practice server: TLS, limits, ends.

use super::*;

/// Learners should see what servers speak today.
#[test]
fn tls_1_3_is_spoken_and_1_2_as_well() {
    use heloise::transport::tls::{TlsOptions, TlsSetup, Version};
    use heloise::transport::{Link, tap::ProtocolVersion};

    let server = start();
    let dir = tempfile::tempdir().unwrap();
    let ca = Some(crate::tls::pki::put(&dir, "ca.pem", &server.ca));
    let host = heloise::target::Host::parse("mx.example.org").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (max, spoken) in [(None, ProtocolVersion::TLS_1_3), (Some(Version::V1_2), ProtocolVersion::TLS_1_2)] {
        let options = TlsOptions { ca: ca.clone(), no_system_ca: true, max, ..TlsOptions::default() };
        let setup = TlsSetup::load(&options).unwrap();
        runtime.block_on(async {
            let tcp = tokio::net::TcpStream::connect(server.tls.unwrap()).await.unwrap();
            let link = Link::new(tcp).upgrade(&setup, &host).await.unwrap();
            assert_eq!(link.info().version, Some(spoken));
        });
    }
}

#[test]
fn ehlo_offers_starttls_first_and_auth_after_it() {
    let server = start();
    let clear = server.client().ask("EHLO me.example");
    for keyword in [
        "PIPELINING",
        "SIZE 10485760",
        "ETRN",
        "STARTTLS",
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
        "DSN",
        "SMTPUTF8",
        "CHUNKING",
    ] {
        assert!(clear.lines().any(|line| line.get(4..) == Some(keyword)), "{keyword}: {clear}");
    }
    assert!(!clear.contains("AUTH"), "{clear}");
    let encrypted = server.encrypted().ask("EHLO me.example");
    assert!(
        encrypted.contains("AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS XOAUTH2"),
        "{encrypted}"
    );
    assert!(!encrypted.contains("STARTTLS"), "{encrypted}");
}

/// RFC 8689 §2: it is offered over TLS alone.
#[test]
fn requiretls_is_taken_over_tls_alone() {
    let server = start();
    let mut clear = server.client();
    assert!(!clear.ask("EHLO me.example").contains("REQUIRETLS"));
    clear.talk(&[("MAIL FROM:<a@example.com> REQUIRETLS", "555 5.5.4 Unsupported option: REQUIRETLS")]);
    let mut encrypted = server.encrypted();
    assert!(encrypted.ask("EHLO me.example").contains("250-REQUIRETLS\n"));
    encrypted.talk(&[
        ("MAIL FROM:<a@example.com> REQUIRETLS=yes", "501 5.5.4"),
        ("MAIL FROM:<a@example.com> REQUIRETLS", "250 2.1.0"),
        ("RCPT TO:<bob@example.org> REQUIRETLS", "555 5.5.4"),
        ("RCPT TO:<bob@example.org>", "250 2.1.5"),
    ]);
}

#[test]
fn implicit_tls_has_its_own_port() {
    let server = start();
    let link = server.connector().connect("localhost", connect(server.tls.unwrap())).unwrap();
    let mut raw = Raw::new(link);
    assert!(raw.reply().starts_with("220 mx.example.org"));
    raw.talk(&[("EHLO me", "250-"), ("STARTTLS", "554 5.5.1"), ("QUIT", "221 2.0.0")]);
    assert!(raw.ended());
}

#[test]
fn what_is_glued_behind_starttls_is_thrown_away() {
    let server = start();
    let mut raw = server.greeted();
    raw.send("STARTTLS\r\nNOOP\r\n");
    assert!(raw.reply().starts_with("220 "));
    let mut raw = Raw::new(server.connector().connect("mx.example.org", raw.link.into_inner()).unwrap());
    raw.talk(&[("MAIL FROM:<a@example.com>", "503 5.5.1 Error: send HELO/EHLO first")]);
}

#[test]
fn plaintext_where_tls_should_begin_is_never_answered() {
    let server = start();
    let mut raw = server.greeted();
    raw.talk(&[("STARTTLS", "220 ")]);
    raw.send("EHLO me.example\r\n");
    let mut rest = Vec::new();
    let _ = raw.link.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"250"), "{}", rest.escape_ascii());
    server.greeted().talk(&[("NOOP", "250")]);
}

#[test]
fn links_that_end_or_wait() {
    let second = Duration::from_millis(50);
    let server = Running::start(PracticeOptions { second, ..PracticeOptions::default() });
    let mut dropped = server.greeted();
    dropped.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<drop@example.org>", "")]);
    assert!(dropped.ended());
    let mut http = server.client();
    http.talk(&[("GET / HTTP/1.1", "221 2.7.0 Error: I can break rules, too. Goodbye.")]);
    assert!(http.ended());
    let mut hurried = server.greeted();
    hurried.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<hurry@example.org>", "250 2.1.5")]);
    assert_eq!(hurried.reply(), "421 4.4.2 mx.example.org Error: timeout exceeded");
    assert!(hurried.ended());
    let mut slow = server.greeted();
    slow.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<slow@example.org>", "250 2.1.5")]);
    slow.talk(&[("NOOP", "250")]);
}

#[test]
fn silence_is_borne_for_a_while_only() {
    let idle = Duration::from_millis(200);
    let server = Running::start(PracticeOptions { idle, ..PracticeOptions::default() });
    let mut raw = Raw::new(connect(server.addr));
    assert!(raw.reply().starts_with("220 "));
    assert!(raw.reply().starts_with("421 4.4.2"), "nothing was said for a while");
    assert!(raw.ended());
}

#[test]
fn the_silent_recipient_gets_no_reply_and_nothing_behind_it_does() {
    let server = start();
    let mut raw = server.greeted();
    raw.send("MAIL FROM:<a@b>\r\nRCPT TO:<silent@example.org>\r\nNOOP\r\n");
    assert!(raw.reply().starts_with("250 2.1.0"));
    raw.link.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    assert!(raw.ended());
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let server = start();
    let mut raw = server.greeted();
    raw.send("MAIL FROM:<a@b>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n");
    let replies: Vec<String> = (0..4).map(|_| raw.reply()).collect();
    let codes: Vec<_> = replies.iter().map(|reply| reply.get(..3).unwrap()).collect();
    assert_eq!(codes, ["250", "550", "250", "354"]);
}

#[test]
fn clients_over_the_limit_are_turned_away() {
    let server = Running::start(PracticeOptions { max_clients: 1, ..PracticeOptions::default() });
    let mut first = server.client();
    let mut second = Raw::new(connect(server.addr));
    assert!(second.reply().starts_with("421 4.7.0 mx.example.org Error: too many connections"));
    assert!(second.ended());
    first.talk(&[("NOOP", "250")]);
}

#[test]
fn an_endless_line_ends_the_session() {
    let server = start();
    let mut raw = server.greeted();
    raw.send(vec![b'x'; 20_000]);
    assert!(raw.reply().starts_with("500 5.5.6"));
    assert!(raw.ended());
}

#[test]
fn stopping_says_good_bye() {
    let mut server = start();
    let mut raw = server.greeted();
    server.stop();
    assert!(raw.reply().starts_with("421 4.3.2"));
    assert!(raw.ended());
}
