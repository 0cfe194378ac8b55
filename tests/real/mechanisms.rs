//! Every mechanism that Postfix with Cyrus SASL and Dovecot offer, with the right secret and a wrong one, and no
//! secret left behind anywhere.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::run::{Outcome, Run, heloise};
use crate::server::{Server, server};

const POSTFIX: &[&str] =
    &["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"];
const DOVECOT: &[&str] = &["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];

fn authenticating(server: &Server, mechanism: &str) -> Run {
    heloise(&format!(
        "{} --starttls --quit --ca {} --user {} --auth {mechanism}",
        server.at("SUBMISSION"),
        server.get("CA_FILE"),
        server.get("USER")
    ))
}

fn every_mechanism(server: &Server, mechanisms: &[&str]) {
    for mechanism in mechanisms {
        let right = authenticating(server, mechanism).password(server.get("PASSWORD"));
        without_secrets(&right.ends_with(0).says(&["235 2.7.0", mechanism]), server.get("PASSWORD"));
        let wrong = authenticating(server, mechanism).password("quite wrong 3?");
        without_secrets(&wrong.ends_with(6).says(&["535 5.7.8", mechanism]), "quite wrong 3?");
    }
}

/// The password in clear and in base64 at each of the three alignments (its inner part, which the neighbours of a
/// longer text do not change).
fn forms(password: &str) -> Vec<String> {
    let mut forms = vec![password.to_owned()];
    for shift in 0..3 {
        let encoded = STANDARD.encode(format!("{}{password}", "x".repeat(shift)));
        forms.push(encoded[4..encoded.len() - 4].to_owned());
    }
    forms
}

fn assert_no_secret(place: &str, text: &str, password: &str) {
    for form in forms(password) {
        assert!(!text.contains(&form), "the password stands in {place} as {form:?}:\n{text}");
    }
}

fn without_secrets(outcome: &Outcome, password: &str) {
    assert_no_secret("what was printed", &outcome.all(), password);
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.flat_map(|e| if e.path().is_dir() { files_below(&e.path()) } else { vec![e.path()] }).collect()
}

#[test]
fn postfix_and_cyrus_sasl() {
    let Some(postfix) = server("postfix") else { return };
    every_mechanism(&postfix, POSTFIX);
}

#[test]
fn dovecot_submission() {
    let Some(dovecot) = server("dovecot") else { return };
    every_mechanism(&dovecot, DOVECOT);
}

#[test]
fn bearer_tokens() {
    let Some(dovecot) = server("dovecot") else { return };
    for mechanism in ["XOAUTH2", "OAUTHBEARER"] {
        let right = authenticating(&dovecot, mechanism).password(dovecot.get("TOKEN"));
        without_secrets(&right.ends_with(0).says(&["235 2.7.0"]), dovecot.get("TOKEN"));
        let old = authenticating(&dovecot, mechanism).password(dovecot.get("EXPIRED_TOKEN"));
        without_secrets(
            &old.ends_with(6).says(&["535 5.7.8", "the token was refused"]),
            dovecot.get("EXPIRED_TOKEN"),
        );
    }
}

#[test]
fn the_strongest_is_chosen_when_none_is_named() {
    let Some(postfix) = server("postfix") else { return };
    authenticating(&postfix, "").password(postfix.get("PASSWORD")).ends_with(0).says(&["AUTH SCRAM-SHA-512"]);
}

#[test]
fn credentials_stay_off_a_plaintext_link() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!("{} --quit --auth PLAIN --user {}", postfix.at("PLAINAUTH"), postfix.get("USER"));
    let outcome =
        heloise(&arguments).password(postfix.get("PASSWORD")).go().says(&["--allow-plaintext-auth"]);
    assert_ne!(outcome.status, Some(0), "{}", outcome.all());
    assert!(!outcome.stdout.contains("-> AUTH"), "{}", outcome.all());
    let allowed = heloise(&format!("{arguments} --allow-plaintext-auth")).password(postfix.get("PASSWORD"));
    without_secrets(&allowed.ends_with(0).says(&["235 2.7.0"]), postfix.get("PASSWORD"));
}

#[test]
fn nothing_that_a_session_leaves_behind_holds_the_secret() {
    let Some(postfix) = server("postfix") else { return };
    let password = postfix.get("PASSWORD");
    for mechanism in POSTFIX {
        let run = authenticating(&postfix, mechanism).password(password);
        let outcome = run.arg("--json").recorded("session.heloise").ends_with(0);
        without_secrets(&outcome, password);
        let recorded = std::fs::read_to_string(outcome.home.path().join("session.heloise")).unwrap();
        assert!(recorded.contains("{secret "), "{mechanism}: nothing was redacted in\n{recorded}");
        for path in files_below(outcome.home.path()) {
            let bytes = std::fs::read(&path).unwrap();
            assert_no_secret(&path.display().to_string(), &String::from_utf8_lossy(&bytes), password);
        }
    }
}
