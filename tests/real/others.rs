//! The other servers: their wording differs, the session must not.

use crate::run::heloise;
use crate::scripts::transaction;
use crate::server::{server, unique};

#[test]
fn exim_takes_a_mail_and_refuses_another() {
    let Some(exim) = server("exim") else { return };
    let subject = &unique("for exim");
    let arguments = format!("{} --starttls --ca {}", exim.at("SMTP"), exim.get("CA_FILE"));
    heloise(&arguments).input(&format!("{}QUIT\n", transaction(subject))).ends_with(0).says(&["250 OK id="]);
    let message = exim.message("MAILBOX", subject);
    assert!(message.ends_with("\n\nA body\n.with a dot\n..and two: é\n".as_bytes()));
    let script = "EHLO a.example.test\nMAIL FROM:<bob@example.test>\nRCPT TO:<nobody@example.test>\n";
    heloise(&exim.at("SMTP")).input(script).ends_with(5).says(&["550 Unknown user"]);
}

#[test]
fn exim_authenticates() {
    let Some(exim) = server("exim") else { return };
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5"] {
        let arguments = format!(
            "{} --starttls --quit --ca {} --user {} --auth {mechanism}",
            exim.at("SUBMISSION"),
            exim.get("CA_FILE"),
            exim.get("USER")
        );
        heloise(&arguments)
            .password(exim.get("PASSWORD"))
            .ends_with(0)
            .says(&["235 Authentication succeeded"]);
        heloise(&arguments).password("wrong").ends_with(6).says(&["535 Incorrect"]);
    }
}

#[test]
fn opensmtpd_takes_a_mail() {
    let Some(opensmtpd) = server("opensmtpd") else { return };
    let subject = &unique("for opensmtpd");
    let script = format!("EHLO a.example.test\n{}QUIT\n", transaction(subject));
    heloise(&opensmtpd.at("SMTP")).input(&script).ends_with(0).says(&["250 2.0.0"]);
    opensmtpd.message("MAILBOX", subject);
}

/// Debian 12's OpenSMTPD offers STARTTLS and fails every handshake with an alert.
#[test]
fn a_handshake_that_the_server_breaks_off_is_told() {
    let Some(opensmtpd) = server("opensmtpd") else { return };
    let arguments = format!("{} --starttls --quit --ca {}", opensmtpd.at("SMTP"), opensmtpd.get("CA_FILE"));
    match opensmtpd.get("HANDSHAKE") {
        "yes" => drop(heloise(&arguments).ends_with(0)),
        _ => drop(heloise(&arguments).ends_with(3).says(&["internal"])),
    }
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let Some(dovecot) = server("dovecot") else { return };
    let subject = &unique("by LMTP");
    let script = format!("LHLO a.example.test\n{}QUIT\n", transaction(subject));
    heloise(&format!("lmtp://{}", dovecot.at("LMTP")))
        .input(&script)
        .ends_with(0)
        .says(&["<alice@example.test>", "Saved"]);
    dovecot.message("MAILBOX", subject);
    let script = "LHLO a.example.test\nMAIL FROM:<bob@example.test>\nRCPT TO:<alice@example.test>\n\
                  RCPT TO:<bob@example.test>\nDATA\nSubject: for two\n\nbody\n.\nNOOP\nQUIT\n";
    let outcome = heloise(&format!("lmtp://{}", dovecot.at("LMTP"))).input(script).ends_with(0);
    assert_eq!(outcome.stdout.matches("Saved").count(), 2, "{}", outcome.all());
}

#[test]
fn the_sink_takes_everything() {
    let Some(sink) = server("sink") else { return };
    let script = format!("EHLO a.example.test\n{}QUIT\n", transaction("for nobody"));
    heloise(&sink.at("SINK")).input(&script).ends_with(0).says(&["221 "]);
}
