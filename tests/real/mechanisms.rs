//! Every mechanism that Postfix with Cyrus SASL and Dovecot offer, with the right secret and a wrong one, and no
//! secret left behind anywhere.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::run::{Outcome, Run, heloise};
use crate::server::{Server, server};
use crate::terminal::Terminal;

const POSTFIX: &[&str] =
    &["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"];
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

/// A mechanism that a server offers and no test here tries would go unnoticed.
#[test]
fn all_that_the_servers_offer_is_tried() {
    for (name, tried, more) in
        [("postfix", POSTFIX, &[][..]), ("dovecot", DOVECOT, &["XOAUTH2", "OAUTHBEARER", "EXTERNAL"])]
    {
        let Some(server) = server(name) else { return };
        let arguments =
            format!("{} --starttls --quit --ca {}", server.at("SUBMISSION"), server.get("CA_FILE"));
        let outcome = heloise(&arguments).ends_with(0);
        let offer =
            outcome.stdout.lines().find_map(|line| line.strip_prefix("<~  250-AUTH ")).expect("an offer");
        for mechanism in offer.split("  ").next().unwrap_or_default().split_whitespace() {
            assert!(tried.contains(&mechanism) || more.contains(&mechanism), "{name} offers {mechanism}");
        }
    }
}

#[test]
fn without_an_initial_response() {
    for (name, mechanisms) in [("postfix", POSTFIX), ("dovecot", DOVECOT)] {
        let Some(server) = server(name) else { return };
        for mechanism in mechanisms {
            let run = authenticating(&server, mechanism).arg("--no-initial-response");
            let outcome = run.password(server.get("PASSWORD")).ends_with(0).says(&["334", "235 2.7.0"]);
            without_secrets(&outcome, server.get("PASSWORD"));
        }
    }
}

#[test]
fn a_client_certificate_is_enough_for_external() {
    let Some(dovecot) = server("dovecot") else { return };
    let certs = dovecot.get("CERTS");
    let arguments = format!("{} --starttls --quit --ca {}", dovecot.at("SUBMISSION"), dovecot.get("CA_FILE"));
    let given = format!("--cert {certs}/client.pem --key {certs}/client.key");
    for auth in ["--auth EXTERNAL", "--auth"] {
        let run = heloise(&format!("{arguments} {given} {auth}"));
        run.ends_with(0).says(&["AUTH EXTERNAL =", "235 2.7.0"]);
    }
    heloise(&format!("{arguments} --auth EXTERNAL")).ends_with(6).says(&["535 5.7.8"]);
}

#[test]
fn nobody_in_particular() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!("{} --starttls --quit --ca {}", postfix.at("ANONYMOUS"), postfix.get("CA_FILE"));
    for more in ["", "--user guest@example.test", "--no-initial-response"] {
        heloise(&format!("{arguments} --auth ANONYMOUS {more}")).ends_with(0).says(&["235 2.7.0"]);
    }
}

/// aiosmtpd, which refuses a token as Google does: with a JSON object, before the 535.
#[test]
fn xoauth2_with_a_refusal_in_json() {
    let Some(postfix) = server("postfix") else { return };
    let (certs, user, token) = (postfix.get("CERTS"), postfix.get("USER"), "ya29.a-token-that-is-odd");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/xoauth2.py");
    let mut child = std::process::Command::new("/usr/bin/python3")
        .args([script, &format!("{certs}/server.pem"), &format!("{certs}/server.key"), user, token])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("python3 starts");
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
    let Some(port) = line.trim().strip_prefix("listening ").map(str::to_owned) else {
        let required = std::env::var_os("HELOISE_TEST_SERVERS_REQUIRED").is_some();
        assert!(!required, "the server did not start: is the Debian package python3-aiosmtpd installed?");
        eprintln!("skipped: there is no aiosmtpd on this machine");
        child.wait().expect("a child");
        return;
    };
    let ca = postfix.get("CA_FILE");
    let arguments = format!("localhost:{port} --starttls --quit --ca {ca} --user {user} --auth XOAUTH2");
    for more in ["", "--no-initial-response"] {
        let right = heloise(&format!("{arguments} {more}")).env("HELOISE_TOKEN", token).ends_with(0);
        without_secrets(&right.says(&["235 2.7.0"]), token);
        let wrong =
            heloise(&format!("{arguments} {more}")).env("HELOISE_TOKEN", "ya29.another-odd-one").ends_with(6);
        let words =
            [r#"{"status":"400""#, "the token was refused", "https://mail.example.test/", "535 5.7.8"];
        without_secrets(&wrong.says(&words), "ya29.another-odd-one");
    }
    child.kill().expect("a child");
    child.wait().expect("a child");
}

/// AUTH by hand: the program asks for user and password, and the prompt names who came in.
#[test]
fn typed_by_hand_with_every_mechanism() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!("{} --starttls --ca {}", postfix.at("SUBMISSION"), postfix.get("CA_FILE"));
    for mechanism in POSTFIX {
        let mut terminal = Terminal::start(&arguments);
        terminal.sees("250-AUTH").types(&format!("AUTH {mechanism}"));
        terminal
            .sees("user name")
            .types(postfix.get("USER"))
            .sees("password:")
            .types(postfix.get("PASSWORD"));
        terminal.sees("235 2.7.0").sees(&format!("tls {} ▸", postfix.get("USER")));
        assert!(!terminal.screen().contains(postfix.get("PASSWORD")), "the password is on the screen");
        terminal.types("QUIT").ends_with(0);
    }
}

/// `/auth --all` at a terminal, after its question.
#[test]
fn all_mechanisms_are_tried_for_ones_own_account() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!("{} --starttls --ca {}", postfix.at("SUBMISSION"), postfix.get("CA_FILE"));
    let mut terminal = Terminal::start(&arguments);
    terminal.sees("250-AUTH").types("/auth --all").sees("Is it your own account").types("yes");
    terminal.sees("user name").types(postfix.get("USER")).sees("password for").types(postfix.get("PASSWORD"));
    for mechanism in POSTFIX {
        terminal.waits_for(mechanism, |screen| {
            screen
                .lines()
                .any(|line| line.contains(&format!("     {mechanism} ")) && line.contains("accepted"))
        });
    }
    assert!(!terminal.screen().contains(postfix.get("PASSWORD")), "the password is on the screen");
    terminal.types("QUIT").ends_with(0);
}

#[test]
fn a_wrong_password_is_tried_once_by_auth_all() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!("{} --starttls --ca {}", postfix.at("SUBMISSION"), postfix.get("CA_FILE"));
    let mut terminal = Terminal::start(&arguments);
    terminal.sees("250-AUTH").types("/auth --all").sees("Is it your own account").types("yes");
    terminal.sees("user name").types(postfix.get("USER")).sees("password for").types("quite wrong 3?");
    terminal.sees("SCRAM-SHA-512       not tried").sees("the secret seems to be wrong");
    assert_eq!(terminal.screen().matches("refused    535").count(), 1, "{}", terminal.screen());
    terminal.types("QUIT").sees("221 2.0.0");
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
    for (name, mechanisms) in [("postfix", POSTFIX), ("dovecot", DOVECOT)] {
        let Some(server) = server(name) else { return };
        let password = server.get("PASSWORD");
        for mechanism in mechanisms {
            let run = authenticating(&server, mechanism).password(password);
            let outcome = run.arg("--json").recorded("session.heloise").ends_with(0);
            without_secrets(&outcome, password);
            let recorded = std::fs::read_to_string(outcome.home.path().join("session.heloise")).unwrap();
            assert_responses_redacted(mechanism, &recorded);
            for path in files_below(outcome.home.path()) {
                let bytes = std::fs::read(&path).unwrap();
                assert_no_secret(&path.display().to_string(), &String::from_utf8_lossy(&bytes), password);
            }
        }
    }
}

/// What a mechanism computes from the password lets others guess it: all that the client sent between AUTH and the
/// verdict is a placeholder.
fn assert_responses_redacted(mechanism: &str, recorded: &str) {
    let start = recorded.find(" ~> AUTH ").expect("an AUTH command");
    let exchange = recorded[start..].split("<~  235").next().expect("a verdict");
    let mut seen = 0;
    for line in exchange.lines().filter_map(|line| line.split_once(" ~>").map(|(_, sent)| sent.trim())) {
        let response =
            line.strip_prefix("AUTH ").map_or(line, |rest| rest.split_once(' ').map_or("", |(_, r)| r));
        assert!(response.is_empty() || response.starts_with("{secret "), "{mechanism}: {line}");
        seen += usize::from(!response.is_empty());
    }
    assert!(seen > 0, "{mechanism}: nothing was sent in\n{recorded}");
}
