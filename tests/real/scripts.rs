//! Script mode on Postfix's three ports: the way of a mail from EHLO to the mailbox.

use crate::run::heloise;
use crate::server::{Server, server, unique};

/// A transaction to alice, dots in its content, with this subject.
pub fn transaction(subject: &str) -> String {
    format!(
        "MAIL FROM:<bob@example.test>\nRCPT TO:<alice@example.test>\nDATA\n\
         Subject: {subject}\n\nA body\n..with a dot\n...and two: é\n.\n"
    )
}

/// Demands that the transaction's message arrived byte for byte.
pub fn assert_arrived(postfix: &Server, subject: &str) {
    let message = postfix.message("MAILBOX", subject);
    let expected = format!("Subject: {subject}\n\nA body\n.with a dot\n..and two: é\n");
    assert!(message.ends_with(expected.as_bytes()), "{}", String::from_utf8_lossy(&message));
}

#[test]
fn a_whole_mail_over_plaintext() {
    let Some(postfix) = server("postfix") else { return };
    let subject = &unique("whole mail over plaintext");
    let script = format!("EHLO client.example.test\n{}QUIT\n", transaction(subject));
    let outcome = heloise(&postfix.at("SMTP")).input(&script).ends_with(0);
    outcome.says(&["220 mail.example.test", "250-STARTTLS", "354 ", "queued as", "221 2.0.0"]);
    assert_arrived(&postfix, subject);
}

#[test]
fn starttls_typed_in_the_middle() {
    let Some(postfix) = server("postfix") else { return };
    let subject = &unique("upgraded in the middle");
    let script =
        format!("EHLO a.example.test\nSTARTTLS\nEHLO a.example.test\n{}QUIT\n", transaction(subject));
    let arguments = format!("{} --ca {}", postfix.at("SMTP"), postfix.get("CA_FILE"));
    heloise(&arguments).input(&script).ends_with(0).says(&[
        "220 2.0.0 Ready",
        "TLSv1.3",
        " ~> EHLO",
        "<~  221",
    ]);
    assert_arrived(&postfix, subject);
    let message = String::from_utf8(postfix.message("MAILBOX", subject)).unwrap();
    assert!(message.contains("with ESMTPS"), "Postfix does not say that it was encrypted: {message}");
}

#[test]
fn submission_with_the_steps_done_first() {
    let Some(postfix) = server("postfix") else { return };
    let subject = &unique("submitted with the steps done");
    let arguments = format!(
        "{} --starttls --auth --user {} --ca {}",
        postfix.at("SUBMISSION"),
        postfix.get("USER"),
        postfix.get("CA_FILE")
    );
    let run = heloise(&arguments).password(postfix.get("PASSWORD"));
    run.input(&format!("{}QUIT\n", transaction(subject))).ends_with(0).says(&["235 2.7.0", "queued as"]);
    assert_arrived(&postfix, subject);
}

#[test]
fn implicit_tls_and_commands_as_options() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!("smtps://{} --ca {}", postfix.at("SMTPS"), postfix.get("CA_FILE"));
    let run = heloise(&arguments).arg("-c").arg("EHLO a.example.test").arg("-c").arg("QUIT");
    let outcome = run.ends_with(0).says(&["<~  220 mail.example.test", " ~> EHLO a.example.test", "<~  221"]);
    assert!(!outcome.stdout.contains("<-  "), "something went unencrypted: {}", outcome.stdout);
}

#[test]
fn authenticated_members_may_relay() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!(
        "smtps://{} --auth PLAIN --user {} --ca {}",
        postfix.at("SMTPS"),
        postfix.get("USER"),
        postfix.get("CA_FILE")
    );
    let script = "MAIL FROM:<alice@example.test>\nRCPT TO:<someone@elsewhere.test>\nQUIT\n";
    heloise(&arguments).password(postfix.get("PASSWORD")).input(script).ends_with(0).says(&["250 2.1.5"]);
}

#[test]
fn json_lines_tell_the_same_session() {
    let Some(postfix) = server("postfix") else { return };
    let outcome =
        heloise(&format!("{} --json", postfix.at("SMTP"))).input("EHLO a.example.test\nQUIT\n").ends_with(0);
    let entries: Vec<serde_json::Value> =
        outcome.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    assert!(entries.len() > 8, "{}", outcome.all());
    assert!(outcome.stdout.contains("STARTTLS"), "{}", outcome.all());
}

#[test]
fn a_recorded_session_plays_again() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!(
        "{} --starttls --auth LOGIN --user {} --ca {}",
        postfix.at("SUBMISSION"),
        postfix.get("USER"),
        postfix.get("CA_FILE")
    );
    let run = heloise(&arguments).recorded("session.heloise").password(postfix.get("PASSWORD"));
    let outcome = run.input("MAIL FROM:<alice@example.test>\nRCPT TO:<nobody@example.test>\n").ends_with(5);
    let file = outcome.home.path().join("session.heloise");
    let text = std::fs::read_to_string(&file).unwrap();
    for part in ["%heloise 1", "<-  220 2.0.0 Ready", " ~> AUTH LOGIN", "<~  235", "<~* 550 5.1.1"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    heloise("play").arg(&file).ends_with(0).says(&["AUTH LOGIN", "550 5.1.1", "STARTTLS"]);
    let mut again = heloise(&arguments).arg(&file).password(postfix.get("PASSWORD"));
    again = again.input("QUIT\n");
    let refused = again.go();
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        text,
        "a transcript was overwritten: {}",
        refused.all()
    );
}

#[test]
fn message_content_of_many_lines_arrives_whole() {
    let Some(postfix) = server("postfix") else { return };
    let subject = &unique("many lines");
    let lines: String =
        (0..20_000).map(|n| format!("line {n} of a long message, long enough to matter\n")).collect();
    let head = "EHLO a.example.test\nMAIL FROM:<bob@example.test>\nRCPT TO:<alice@example.test>\nDATA\n";
    let script = format!("{head}Subject: {subject}\n\n{lines}.\nQUIT\n");
    heloise(&postfix.at("SMTP"))
        .arg("--explain")
        .arg("none")
        .input(&script)
        .ends_with(0)
        .says(&["queued as"]);
    let message = postfix.message("MAILBOX", &format!("Subject: {subject}\n"));
    let expected = format!("Subject: {subject}\n\n{lines}");
    assert!(
        message.ends_with(expected.as_bytes()),
        "the message is not as it was sent, {} bytes",
        message.len()
    );
}
