//! Authentication with the practice server.

use super::*;

#[test]
fn credentials_need_tls() {
    let server = start();
    server.greeted().talk(&[("AUTH PLAIN", "538 5.7.11 Encryption required")]);
    let clear = Running::start(PracticeOptions { auth_in_clear: true, ..PracticeOptions::default() });
    clear.greeted().talk(&[("AUTH PLAIN", "334")]);
    let without = Running::start(PracticeOptions { tls: false, ..PracticeOptions::default() });
    assert_eq!((without.tls, without.ca.as_str()), (None, ""));
    without.greeted().talk(&[("STARTTLS", "502 5.5.1"), ("AUTH LOGIN", "334 VXNlcm5hbWU6")]);
}

#[test]
fn every_mechanism_lets_alice_in_and_then_she_may_relay() {
    let server = start();
    for name in practice::MECHANISMS {
        let mut raw = server.encrypted();
        let data = raw.link.get_ref().tls_server_end_point().unwrap().unwrap();
        let kind = sasl::BindingKind::TlsServerEndPoint;
        let mut credentials = sasl::Credentials::new("alice@example.org", Secret::new("wonderland"));
        credentials.channel_binding = Some(sasl::ChannelBinding { kind, data });
        let mut mechanism = sasl::client(name, &credentials).unwrap();
        let mut held = mechanism.initial().unwrap();
        let mut reply = raw.ask(&format!("AUTH {name}"));
        while let Some(challenge) = reply.strip_prefix("334 ") {
            let challenge = STANDARD.decode(challenge).unwrap();
            let response = held.take().unwrap_or_else(|| mechanism.step(&challenge).unwrap());
            reply = raw.ask(&STANDARD.encode(response.expose()));
        }
        assert_eq!(reply, "235 2.7.0 Authentication successful", "{name}");
        raw.talk(&[
            ("AUTH PLAIN", "503 5.5.1 Error: already authenticated"),
            (
                "MAIL FROM:<bob@example.org>",
                "553 5.7.1 <bob@example.org>: Sender address rejected: not owned",
            ),
            ("MAIL FROM:<alice@example.org>", "250"),
            ("RCPT TO:<bob@example.net>", "250 2.1.5"),
            ("RCPT TO:<staff@example.org>", "250 2.1.5"),
            ("RCPT TO:<bob@nullmx.example>", "556 5.1.10"),
        ]);
    }
}

#[test]
fn users_are_refused_each_in_their_own_way() {
    let server = start();
    for (user, password, expected) in [
        ("alice@example.org", "wrong", "535 5.7.8"),
        ("alice", "wonderland", "535 5.7.8"),
        ("mallory@example.org", "wonderland", "535 5.7.8"),
        ("locked@example.org", "letmein", "525 5.7.13"),
        ("app@example.org", "mine", "534-5.7.9 Application-specific password required"),
        ("app@example.org", "abcdefghijklmnop", "235 2.7.0"),
        ("oauth@example.org", "ya29.practice", "535 5.7.139"),
        ("strict@example.org", "challenge", "534 5.7.9"),
        ("expired@example.org", "oldpassword", "432 4.7.12"),
        ("backend@example.org", "whatever", "454 4.7.0"),
    ] {
        let line = format!("AUTH PLAIN {}", b64(&format!("\0{user}\0{password}")));
        server.encrypted().talk(&[(&line, expected)]);
    }
    let token = b64("user=oauth@example.org\x01auth=Bearer ya29.practice\x01\x01");
    server.encrypted().talk(&[(&format!("AUTH XOAUTH2 {token}"), "235 2.7.0")]);
    let wrong = b64("user=oauth@example.org\x01auth=Bearer stale\x01\x01");
    server.encrypted().talk(&[(&format!("AUTH XOAUTH2 {wrong}"), "334 "), ("", "535 5.7.139")]);
}

#[test]
fn auth_can_go_wrong_in_form() {
    let server = start();
    server.encrypted().talk(&[
        ("AUTH", "501 5.5.4 Syntax: AUTH"),
        ("AUTH DIGEST-MD5", "504 5.5.4"),
        ("AUTH PLAIN not*base64", "501 5.5.2"),
        ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
        ("not*base64", "501 5.5.2"),
        ("AUTH login", "334 VXNlcm5hbWU6"),
        ("*", "501 5.7.0 Authentication aborted"),
        ("NOOP", "250"),
    ]);
}
