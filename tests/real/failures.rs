//! What real servers refuse, and real faults of TLS: each with its exit status and words that name it.

use crate::run::heloise;
use crate::server::{Server, server};

const ENVELOPE: &str = "EHLO a.example.test\nMAIL FROM:<bob@example.test>\n";

fn recipient(postfix: &Server, service: &str, recipient: &str, status: i32, words: &[&str]) {
    let script = format!("{ENVELOPE}RCPT TO:<{recipient}>\nNOOP never-sent\nQUIT\n");
    let outcome = heloise(&postfix.at(service)).input(&script).ends_with(status).says(words);
    assert!(!outcome.stdout.contains("never-sent"), "the script went on: {}", outcome.all());
}

#[test]
fn refused_recipients_end_a_script() {
    let Some(postfix) = server("postfix") else { return };
    recipient(&postfix, "SMTP", "nobody@example.test", 5, &["<** 550 5.1.1", "no such mailbox"]);
    recipient(&postfix, "SMTP", "bob@elsewhere.test", 5, &["<** 554 5.7.1", "relay"]);
    recipient(&postfix, "SMTP", "full@example.test", 4, &["<** 452 4.2.2"]);
    recipient(&postfix, "GREYLIST", "alice@example.test", 4, &["<** 450 4.7.1", "greylist"]);
}

#[test]
fn keep_going_goes_on_and_remembers() {
    let Some(postfix) = server("postfix") else { return };
    let script = format!("{ENVELOPE}RCPT TO:<nobody@example.test>\nRCPT TO:<alice@example.test>\nQUIT\n");
    heloise(&format!("{} --keep-going", postfix.at("SMTP")))
        .input(&script)
        .ends_with(5)
        .says(&["550 5.1.1", "221 2.0.0"]);
}

#[test]
fn submission_asks_for_tls_first() {
    let Some(postfix) = server("postfix") else { return };
    heloise(&postfix.at("SUBMISSION")).input(ENVELOPE).ends_with(5).says(&["530 5.7.0", "STARTTLS"]);
}

#[test]
fn certificates_at_fault_are_told_apart() {
    let Some(postfix) = server("postfix") else { return };
    for (service, words) in [
        ("EXPIRED", &["expired"][..]),
        ("FUTURE", &["not yet valid"]),
        ("WRONGNAME", &["other.example.test"]),
        ("SELFSIGNED", &["self-signed"]),
        ("NOCHAIN", &["issuer"]),
    ] {
        let arguments = format!("{} --starttls --quit --ca {}", postfix.at(service), postfix.get("CA_FILE"));
        heloise(&arguments).ends_with(3).says(words);
        heloise(&format!("{arguments} --insecure")).ends_with(0).says(&["TLSv1.3", "221 2.0.0"]);
    }
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let Some(postfix) = server("postfix") else { return };
    for target in [format!("{} --starttls", postfix.at("SMTP")), format!("smtps://{}", postfix.at("SMTPS"))] {
        heloise(&format!("{target} --quit")).ends_with(3).says(&["--ca"]);
    }
}

#[test]
fn tls_versions_are_shown_and_limited() {
    let Some(postfix) = server("postfix") else { return };
    let arguments =
        |service: &str| format!("{} --starttls --quit --ca {}", postfix.at(service), postfix.get("CA_FILE"));
    heloise(&arguments("TLS12")).ends_with(0).says(&["TLSv1.2"]);
    heloise(&format!("{} --tls-min 1.3", arguments("TLS12"))).ends_with(3);
    heloise(&format!("{} --tls-max 1.2", arguments("SMTP"))).ends_with(0).says(&["TLSv1.2"]);
}

#[test]
fn a_server_without_starttls_is_not_spoken_to_in_clear() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!("{} --starttls --auth --user {}", postfix.at("NOTLS"), postfix.get("USER"));
    let outcome = heloise(&arguments).password(postfix.get("PASSWORD")).go().says(&["STARTTLS"]);
    assert_ne!(outcome.status, Some(0), "{}", outcome.all());
    assert!(!outcome.stdout.contains("-> AUTH"), "{}", outcome.all());
}

#[test]
fn the_wrong_mode_of_tls_is_recognised() {
    let Some(postfix) = server("postfix") else { return };
    heloise(&format!("smtps://{} --quit", postfix.at("SMTP"))).ends_with(3).says(&["STARTTLS"]);
    let wrapped = format!("smtp://{} --quit --timeout 3", postfix.at("SMTPS"));
    let outcome = heloise(&wrapped).go();
    assert_eq!(outcome.status, Some(8), "{}", outcome.all());
}

#[test]
fn a_client_certificate_is_given_when_asked_for() {
    let Some(postfix) = server("postfix") else { return };
    let certs = postfix.get("CERTS");
    let arguments = format!("{} --starttls --ca {}", postfix.at("CLIENTCERT"), postfix.get("CA_FILE"));
    let script = "MAIL FROM:<bob@example.test>\nQUIT\n";
    let with = format!("{arguments} --cert {certs}/client.pem --key {certs}/client.key");
    heloise(&with).input(script).ends_with(0).says(&["250 2.1.0"]);
    let without = heloise(&arguments).input(script).ends_with(4);
    without.says(&["No client certificate presented"]);
}

#[test]
fn nobody_listening_is_no_connection() {
    let Some(_) = server("postfix") else { return };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    heloise(&format!("127.0.0.1:{port}")).input("QUIT\n").ends_with(2).says(&["refused"]);
}

#[test]
fn a_slow_banner_is_waited_for_and_a_limit_kept() {
    let Some(postfix) = server("postfix") else { return };
    heloise(&format!("{} --quit", postfix.at("TARPIT"))).ends_with(0).says(&["220 ", "221 "]);
    heloise(&format!("{} --quit --timeout 1", postfix.at("TARPIT"))).ends_with(8);
}
