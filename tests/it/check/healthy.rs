//! Servers with nothing wrong: every stage is gone through, and no alarm is raised.

use heloise::check::{End, Outcome, Severity, StageName, Verdict};
use heloise::target::Scheme;
use heloise::transcript::EntryKind;

use super::fake::Fake;
use super::{check, ids, plan};
use crate::peer::heloise;
use crate::tls::pki::{NAME, Pki};

#[tokio::test]
async fn a_healthy_server_is_gone_through_without_a_finding() {
    let pki = Pki::new();
    let addr = Fake::with_tls(&pki).serve();
    let report = check(plan(&pki), Scheme::Submission, addr).await;
    assert_eq!(ids(&report, Severity::Note), Vec::<&str>::new());
    assert_eq!(report.outcome(Severity::Warning), Outcome::Fine);
    let leg = report.sessions().next().unwrap();
    assert_eq!(leg.end, End::Done);
    let names: Vec<&str> = leg.stages.iter().map(|stage| stage.name.as_str()).collect();
    let all = "tcp banner ehlo tls ehlo-tls auth limits quit certificate versions";
    assert_eq!(names.join(" "), all);
    assert!(leg.stages.iter().all(|stage| stage.verdict == Verdict::Ok), "{:?}", leg.stages);
    let said: Vec<String> = leg
        .entries()
        .filter_map(|entry| match &entry.kind {
            EntryKind::Sent { line, .. } => Some(line.to_visible()),
            _ => None,
        })
        .collect();
    assert_eq!(said, ["EHLO client.example.net", "STARTTLS", "EHLO client.example.net", "QUIT"]);
    assert_eq!(leg.facts.verified, Some(true));
    assert_eq!(leg.stage(StageName::Quit).unwrap().summary, "221 2.0.0 bye");
}

#[tokio::test]
async fn tls_comes_first_where_it_is_asked_for() {
    let pki = Pki::new();
    let addr = Fake::with_tls(&pki).but(|fake| fake.implicit = true).serve();
    let report = check(plan(&pki), Scheme::Smtps, addr).await;
    assert_eq!(ids(&report, Severity::Note), Vec::<&str>::new());
    let leg = report.sessions().next().unwrap();
    let names: Vec<&str> = leg.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names.join(" "), "tcp tls banner ehlo auth limits quit certificate versions");
}

#[test]
fn the_program_tells_it_and_ends_with_the_right_status() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    let addr = Fake::with_tls(&pki).serve();
    let words = |more: &[&str]| -> Vec<String> {
        let mut all = vec!["check", "--no-system-ca", "--verify-name", NAME];
        all.extend(more);
        all.into_iter().map(str::to_owned).chain([format!("127.0.0.1:{}", addr.port())]).collect()
    };
    let good = heloise(&words(&["--ca", ca.path().to_str().unwrap()]));
    assert_eq!((good.status, good.err.as_str()), (Some(0), ""), "{}", good.out);
    assert!(good.out.contains("nothing wrong"), "{}", good.out);
    let offered = "AUTH PLAIN LOGIN     the client can authenticate (over TLS only) · RFC 4954";
    assert!(good.out.contains(offered), "what is offered is explained: {}", good.out);
    let bad = heloise(&words(&["--json"]));
    assert_eq!(bad.status, Some(9), "{}", bad.err);
    let json: serde_json::Value = serde_json::from_str(&bad.out).unwrap();
    assert_eq!(json["findings"][0]["id"], "certificate-unknown-issuer", "{json:#}");
    assert_eq!(json["legs"][1]["stages"][0]["name"], "tcp");
    let offers = json["legs"][1]["offers"].as_array().unwrap();
    let auth = offers.iter().find(|offer| offer["keyword"] == "AUTH").unwrap();
    assert_eq!((&auth["meaning"], &auth["link"]), (&"the client can authenticate".into(), &"tls".into()));
    let nobody = heloise(&["check".to_owned(), format!("127.0.0.1:{}", closed_port())]);
    assert_eq!(nobody.status, Some(2), "{}", nobody.out);
    assert!(nobody.out.contains("connection refused"), "{}", nobody.out);
}

fn closed_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
