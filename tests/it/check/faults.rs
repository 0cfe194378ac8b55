//! A test provokes each finding.

use heloise::check::{Plan, Report, Severity};
use heloise::target::Scheme;

use super::fake::Fake;
use super::{check, ids, plan};
use crate::tls::pki::Pki;

/// The report on a server in a plan.
async fn report(pki: &Pki, fake: Fake, scheme: Scheme, change: impl FnOnce(&mut Plan)) -> Report {
    let mut plan = plan(pki);
    change(&mut plan);
    check(plan, scheme, fake.serve()).await
}

/// Demands that a server gives these findings, and no others from warnings on.
async fn finds(pki: &Pki, fake: Fake, expected: &[&str]) {
    let report = report(pki, fake, Scheme::Submission, |_| {}).await;
    assert_eq!(ids(&report, Severity::Warning), expected);
}

#[tokio::test]
async fn without_starttls_passwords_go_in_clear() {
    finds(&Pki::new(), Fake::without_tls(), &["no-starttls", "auth-in-clear"]).await;
}

#[tokio::test]
async fn a_greeting_that_refuses_is_explained() {
    let pki = Pki::new();
    let fake = Fake::with_tls(&pki).greeting("554 5.7.1 Your address 192.0.2.1 is listed at bl.example.net");
    let report = report(&pki, fake, Scheme::Smtp, |_| {}).await;
    assert_eq!(ids(&report, Severity::Warning), ["greeting-refused"]);
    let finding = &report.findings[0];
    assert!(finding.meaning.contains("blocked"), "{finding:?}");
    assert!(!finding.causes.is_empty() && !finding.fixes.is_empty() && !finding.evidence.is_empty());
}

#[tokio::test]
async fn starttls_that_is_refused_is_no_end() {
    let pki = Pki::new();
    let fake = Fake::with_tls(&pki).says("STARTTLS", "454 4.7.0 TLS not available\r\n");
    let report = report(&pki, fake, Scheme::Submission, |_| {}).await;
    assert_eq!(ids(&report, Severity::Problem), ["starttls-refused"]);
    let leg = report.sessions().next().unwrap();
    assert_eq!(leg.stages.iter().find(|s| s.name.as_str() == "quit").unwrap().summary, "221 2.0.0 bye");
}
