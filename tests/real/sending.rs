//! `heloise send` on the real servers, the message as it lies in the mailbox.

use mail_parser::{MessageParser, MimeHeaders};

use crate::run::heloise;
use crate::server::{Server, server, unique};

/// A message with everything in it, from a file beside the run's home.
fn everything(arguments: &str, subject: &str) -> crate::run::Run {
    let run = heloise(&format!("send --explain none --from bob@example.test {arguments}"));
    let picture = run.file("bild ü.bin", &(0..=255).collect::<Vec<u8>>());
    run.arg("--subject").arg(subject).arg("--text").arg("Grüße\n.\n..Ende\n").arg("--attach").arg(picture)
}

/// Demands that the message arrived as it was meant.
fn assert_arrived(server: &Server, mailbox: &str, subject: &str) -> String {
    let raw = server.message(mailbox, subject);
    let message = MessageParser::new().parse(&raw).expect("a message");
    assert_eq!(message.subject(), Some(subject));
    assert_eq!(message.body_text(0).unwrap(), "Grüße\n.\n..Ende\n");
    let attachment = message.attachment(0).unwrap();
    assert_eq!(attachment.attachment_name(), Some("bild ü.bin"));
    assert_eq!(attachment.contents(), (0..=255).collect::<Vec<u8>>());
    String::from_utf8_lossy(&raw).into_owned()
}

#[test]
fn postfix_takes_it_in_a_group_and_in_chunks() {
    let Some(postfix) = server("postfix") else { return };
    for more in ["", "--bdat", "--no-pipelining"] {
        let subject = unique("sent by heloise");
        let to = "--to alice@example.test,nobody@example.test";
        let outcome = everything(&format!("{to} {more} {}", postfix.at("SMTP")), &subject).ends_with(5);
        outcome
            .says(&["alice@example.test   taken     250 2.0.0", "nobody@example.test  refused   550 5.1.1"]);
        assert_arrived(&postfix, "MAILBOX", &subject);
    }
}

#[test]
fn submission_encrypts_and_authenticates_first() {
    let Some(postfix) = server("postfix") else { return };
    let subject = unique("submitted by heloise");
    let arguments = format!(
        "--to alice@example.test --starttls --auth --user {} --ca {} {}",
        postfix.get("USER"),
        postfix.get("CA_FILE"),
        postfix.at("SUBMISSION")
    );
    everything(&arguments, &subject)
        .password(postfix.get("PASSWORD"))
        .ends_with(0)
        .says(&[" ~> DATA", "taken"]);
    assert!(assert_arrived(&postfix, "MAILBOX", &subject).contains("with ESMTPSA"));
}

#[test]
fn dovecot_answers_for_each_recipient_over_lmtp() {
    let Some(dovecot) = server("dovecot") else { return };
    for more in ["", "--bdat", "--no-pipelining"] {
        let subject = unique("kept by LMTP");
        let to = "--to alice@example.test,nobody@example.test --cc bob@example.test";
        let outcome =
            everything(&format!("{to} {more} lmtp://{}", dovecot.at("LMTP")), &subject).ends_with(5);
        outcome.says(&[
            "alice@example.test   taken",
            "nobody@example.test  refused",
            "bob@example.test     taken",
        ]);
        assert_arrived(&dovecot, "MAILBOX", &subject);
        assert_arrived(&dovecot, "MAILBOX_BOB", &subject);
    }
}

#[test]
fn exim_takes_it_too() {
    let Some(exim) = server("exim") else { return };
    for more in ["", "--bdat"] {
        let subject = unique("taken by Exim");
        let run = everything(&format!("--to alice@example.test {more} {}", exim.at("SMTP")), &subject);
        run.ends_with(0).says(&["alice@example.test  taken     250"]);
        assert_arrived(&exim, "MAILBOX", &subject);
    }
}

#[test]
fn eight_bit_and_reports_as_the_servers_offer_them() {
    let Some(postfix) = server("postfix") else { return };
    let subject = unique("as it is");
    let run = heloise("send --explain none --from bob@example.test --to alice@example.test --notify never");
    let eml = run.file("a.eml", format!("Subject: {subject}\n\nKäse\n..\n").as_bytes());
    let outcome = run.arg("--eml").arg(eml).arg(postfix.at("SMTP")).ends_with(0);
    outcome.says(&[" BODY=8BITMIME", " NOTIFY=NEVER", "taken"]);
    let raw = postfix.message("MAILBOX", &subject);
    assert!(raw.ends_with("\n\nKäse\n..\n".as_bytes()), "{}", String::from_utf8_lossy(&raw));
}
