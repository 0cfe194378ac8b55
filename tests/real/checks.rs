//! The diagnosis of real servers: what must be found in those with a fault, and nothing in the good ones.

use serde_json::Value;

use super::run::heloise;
use super::server::{Server, server};

#[path = "../it/check/zone.rs"]
#[allow(dead_code, reason = "a part of it is enough here")]
mod zone;

use zone::Zone;

/// Checks a service and gives the exit status and the ids of what was found from warnings on.
fn check(server: &Server, scheme: &str, service: &str, more: &str) -> (Option<i32>, Vec<String>, Value) {
    let target = format!("{scheme}://{}", server.at(service));
    let run = heloise(&format!("check {target} --ca {} --no-system-ca --json {more}", server.get("CA_FILE")));
    let outcome = run.password(server.get("PASSWORD")).go();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{}", outcome.all()));
    let findings = report["findings"].as_array().expect("findings").clone();
    let counting = findings.iter().filter(|finding| finding["severity"] != "note");
    let ids = counting.map(|finding| finding["id"].as_str().expect("an id").to_owned()).collect();
    (outcome.status, ids, report)
}

/// Demands that a service has these faults and no others, with the exit status that follows.
fn finds(server: &Server, scheme: &str, service: &str, more: &str, expected: &[&str]) -> Value {
    let (status, ids, report) = check(server, scheme, service, more);
    assert_eq!(ids, expected, "{service}: {report:#}");
    let fails = report["problems"] != 0;
    assert_eq!(status, Some(if fails { 9 } else { 0 }), "{service}");
    report
}

#[test]
fn good_servers_raise_no_alarm() {
    let login = "--user alice@example.test --from alice@example.test --to bob@example.test";
    for name in ["postfix", "exim"] {
        let Some(server) = server(name) else { continue };
        finds(&server, "smtp", "SMTP", "--from a@example.net --to bob@example.test --relay-test", &[]);
        finds(&server, "submission", "SUBMISSION", login, &[]);
        finds(&server, "smtps", "SMTPS", login, &[]);
    }
    if let Some(dovecot) = server("dovecot") {
        // Dovecot takes a link from its own address for a safe one, and offers AUTH in clear there.
        finds(&dovecot, "submission", "SUBMISSION", &format!("--source 127.0.0.2 {login}"), &[]);
        finds(&dovecot, "submission", "SUBMISSION", "", &["auth-in-clear"]);
    }
}

#[test]
fn each_fault_of_postfix_is_found_and_nothing_else() {
    let Some(postfix) = server("postfix") else { return };
    for (service, more, expected) in [
        ("PLAINAUTH", "", &["auth-in-clear"][..]),
        ("OPENRELAY", "--relay-test", &["open-relay"]),
        ("EXPIRED", "", &["certificate-expired"]),
        ("FUTURE", "", &["certificate-not-yet-valid"]),
        ("WRONGNAME", "", &["certificate-name-mismatch"]),
        ("NOCHAIN", "", &["certificate-missing-intermediate"]),
        ("SELFSIGNED", "", &["certificate-self-signed"]),
        ("TLS12", "", &[]),
        ("OLDTLS", "", &["tls-outdated"]),
        ("CLIENTCERT", "", &["tls-client-certificate"]),
        ("NOTLS", "", &["no-starttls"]),
        ("TARPIT", "", &["banner-slow"]),
        ("GREYLIST", "--from a@example.net --to alice@example.test", &["greylisted"]),
        ("SMTP", "--from a@example.net --to nobody@example.test", &["recipient-refused"]),
    ] {
        let report = finds(&postfix, "smtp", service, more, expected);
        let told = report["findings"].as_array().expect("findings").iter();
        assert!(told.clone().all(|finding| finding["evidence"].is_array()), "{service}");
        if service == "TLS12" {
            assert!(told.map(|finding| &finding["id"]).any(|id| id == "tls-1-2-only"), "{report:#}");
        }
    }
}

#[test]
fn a_handshake_that_is_broken_off_is_found() {
    let Some(opensmtpd) = server("opensmtpd") else { return };
    let broken = opensmtpd.get("HANDSHAKE") != "yes";
    let expected: &[&str] = if broken { &["tls-failed"] } else { &[] };
    finds(&opensmtpd, "smtp", "SMTP", "", expected);
    let (status, ids, _) = check(&opensmtpd, "smtps", "SMTPS", "");
    assert_eq!(
        (status, ids),
        if broken { (Some(3), vec!["tls-failed".to_owned()]) } else { (Some(0), Vec::new()) }
    );
}

#[test]
fn a_password_that_is_wrong_is_told() {
    let Some(postfix) = server("postfix") else { return };
    let target = format!("submission://{}", postfix.at("SUBMISSION"));
    let arguments = format!("check {target} --ca {} --user alice@example.test", postfix.get("CA_FILE"));
    let outcome = heloise(&arguments).password("nonsense-7-nonsense").ends_with(6);
    let outcome = outcome.says(&["the login was refused", "try", "login-refused"]);
    assert!(!outcome.all().contains("nonsense"), "{}", outcome.all());
}

#[test]
fn names_that_do_not_fit_are_found() {
    let Some(postfix) = server("postfix") else { return };
    let port = postfix.get("SMTP_PORT");
    let zone = || {
        Zone::default()
            .mx("example.test", 10, "mail.example.test")
            .address("mail.example.test", "127.0.0.1")
            .text("example.test", "v=spf1 mx -all")
            .text("_dmarc.example.test", "v=DMARC1; p=reject")
    };
    let run = |zone: Zone| {
        let arguments = format!(
            "check --mx someone@example.test:{port} --ca {} --no-system-ca --resolver {} --json",
            postfix.get("CA_FILE"),
            zone.serve()
        );
        let outcome = heloise(&arguments).ends_with(0);
        let report: Value = serde_json::from_str(&outcome.stdout).expect("a report");
        let findings = report["findings"].as_array().expect("findings").clone();
        let counting = findings.iter().filter(|finding| finding["severity"] != "note");
        counting.map(|finding| finding["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(run(zone().reverse("mail.example.test")), Vec::<String>::new());
    let elsewhere = zone().reverse("host-1.example.net").address("host-1.example.net", "127.0.0.9");
    assert_eq!(run(elsewhere), ["ptr-mismatch"]);
    assert_eq!(run(zone()), ["ptr-missing"]);
}
