//! The encrypted link: how it begins, whether it comes about, and whether its certificate verifies.

use chrono::{DateTime, Utc};

use super::super::finding::{Found, Severity};
use super::super::report::End;
use super::super::walk::{Unopened, Walk, last_line};
use super::tcp::NO_CONNECTION;
use super::{asked, broke, by_role, certificate, ehlo, end_as};
use crate::explain::{Explanation, explain_failure};
use crate::target::Scheme;
use crate::transport::tls::{Refusal, TlsFailure, Verified, VerifyProblem, VerifyReason};
use crate::transport::{TlsError, TlsInfo};
use crate::wire::{Class, ReplyCode};

pub(super) fn obstacle(walk: &Walk) -> Option<String> {
    if walk.endpoint.scheme == Scheme::Smtps {
        return None;
    }
    let lmtp = walk.endpoint.scheme == Scheme::Lmtp && !offered(walk);
    lmtp.then(|| "LMTP without STARTTLS".to_owned()).or_else(|| ehlo::obstacle_without_extensions(walk))
}

/// What keeps others from looking at TLS on connections of their own.
pub(super) fn obstacle_to_looking(walk: &Walk) -> Option<String> {
    let why = if walk.end == End::Unreached { NO_CONNECTION } else { "there was no encrypted link" };
    walk.tls.is_none().then(|| why.to_owned())
}

/// What keeps others from asking for versions of TLS: not that there is none in common.
pub(super) fn obstacle_to_versions(walk: &Walk) -> Option<String> {
    if walk.no_common_version { None } else { obstacle_to_looking(walk) }
}

fn offered(walk: &Walk) -> bool {
    walk.facts.capabilities.as_ref().is_some_and(|list| list.has("STARTTLS"))
}

pub(super) async fn run(walk: &mut Walk) -> String {
    if walk.endpoint.scheme != Scheme::Smtps {
        if !offered(walk) {
            let found = Found::new("no-starttls").severity(by_role(walk));
            let stray = walk.unasked.iter().filter(|line| line.to_ascii_uppercase().contains("STARTTLS"));
            let found = stray.fold(found, |found, line| found.with("stray", line));
            walk.find(found);
            return "STARTTLS is not offered".to_owned();
        }
        if let Some(summary) = refused(walk).await {
            return summary;
        }
    }
    let setup = walk.plan.tls.clone();
    match walk.upgrade(&setup).await {
        Ok(()) => secured(walk).await,
        Err(error) => failed(walk, error).await,
    }
}

/// Says STARTTLS; what to sum up if that is not accepted.
async fn refused(walk: &mut Walk) -> Option<String> {
    let answer = match walk.connection() {
        Ok(connection) => connection.command(b"STARTTLS").await,
        Err(broken) => Err(broken),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(broken) => return Some(broke(walk, &broken)),
    };
    if walk.connection().is_ok_and(|connection| connection.must_upgrade()) {
        injected(walk).await;
        return None;
    }
    // The order was right: whatever the enhanced code says, another reply than 503 is about STARTTLS itself.
    let in_order = |known: &Explanation| {
        known.reason.slug() != "bad-sequence" || answer.reply.code() == Some(ReplyCode(503))
    };
    let explanation = walk.explain_last().filter(in_order);
    let transient = answer.reply.class() == Some(Class::Transient);
    walk.transient |= transient;
    let found = Found::new("starttls-refused").with("reply", last_line(&answer)).explained(explanation);
    walk.find(found.severity(by_role(walk)));
    Some(last_line(&answer))
}

/// Bytes in cleartext behind the go-ahead (CVE-2011-0411).
async fn injected(walk: &mut Walk) {
    let Some(connection) = &mut walk.connection else { return };
    let mut discarded = 0;
    while connection.is_busy() {
        match connection.next().await {
            Some(crate::session::Event::Upgrade { discarded: bytes }) => {
                discarded = bytes.len();
                break;
            }
            Some(_) => {}
            None => break,
        }
    }
    if discarded > 0 {
        walk.find(Found::new("starttls-injection").with("bytes", discarded));
    }
}

/// What there is to say of a link that was made.
async fn secured(walk: &mut Walk) -> String {
    let Some(info) = walk.tls.clone() else { return String::new() };
    learn(walk, &info);
    let now = Utc::now();
    let mut words = vec![
        info.version.map_or_else(|| "TLS".to_owned(), |version| version.to_string()),
        info.cipher.clone().unwrap_or_default(),
    ];
    words.retain(|word| !word.is_empty());
    words.push(match &info.verified {
        Verified::No(problem) => not_verified(walk, problem).await,
        Verified::Yes => format!("verified for {}", info.checked_name),
        Verified::Unknown(why) => format!("NOT verified: {why}"),
    });
    if let Some(leaf) = &info.leaf {
        let days = leaf.days_left(now);
        words.push(format!("{days} days left"));
        let day = leaf.not_after.format("%Y-%m-%d");
        if (0..=walk.plan.thresholds.cert_days).contains(&days) {
            walk.find(Found::new("certificate-ends-soon").with("days", days).with("day", day));
        }
    }
    words.join(" · ")
}

fn learn(walk: &mut Walk, info: &TlsInfo) {
    walk.facts.tls_version = info.version.map(|version| version.to_string());
    walk.facts.cipher.clone_from(&info.cipher);
    walk.facts.not_after = info.leaf.as_ref().map(|leaf| leaf.not_after);
    walk.facts.verified = match info.verified {
        Verified::Yes => Some(true),
        Verified::No(_) => Some(false),
        Verified::Unknown(_) => None,
    };
}

/// What kept the link from coming about; and how to go on all the same.
async fn failed(walk: &mut Walk, error: TlsError) -> String {
    let mut words = error.to_string();
    walk.hang_up();
    match &error.failure {
        TlsFailure::PlaintextReply(_) if walk.endpoint.scheme == Scheme::Smtps => {
            walk.other_mode = Some(Scheme::Smtp);
            let severity = if walk.endpoint.named { Severity::Problem } else { Severity::Note };
            walk.find(Found::new("plaintext-expected").severity(severity));
            walk.stop("the port does not begin with TLS");
        }
        TlsFailure::Verify(problem) => {
            walk.facts.verified = Some(false);
            words = not_verified(walk, problem).await;
            go_on(walk, true).await;
        }
        failure => {
            let explanation = explain_failure(&error.failure(), asked(walk, &walk.endpoint.typed()));
            let found = Found::new(of_failure(failure)).with("what", &words);
            walk.find(found.explained(Some(explanation)));
            walk.no_common_version = matches!(failure, TlsFailure::NoCommonVersion);
            walk.transient |=
                matches!(failure, TlsFailure::Timeout(_) | TlsFailure::ClosedInHandshake { .. });
            go_on(walk, false).await;
        }
    }
    words
}

/// Puts down that the certificate does not verify, and gives that in words.
async fn not_verified(walk: &mut Walk, problem: &VerifyProblem) -> String {
    let problem = with_certificate(walk, problem).await;
    let what = problem.date().unwrap_or_else(|| problem.to_string());
    // Whoever checks DANE asks for nothing else; a domain that enforces MTA-STS wants more all the same.
    if !walk.endpoint.demands_tls && certificate::vouched_for_by_dns(walk).await {
        walk.find(Found::new("certificate-by-dane-alone").with("what", &what));
        return format!("vouched for by DANE alone: {what}");
    }
    let found = match above_it(walk, &problem).await {
        Some((subject, date)) => {
            let found = Found::new("certificate-above-out-of-date").with("subject", &subject);
            walk.find(found.with("date", &date).severity(by_role(walk)));
            return format!("NOT verified: {subject} {date}");
        }
        None if sent_alone(walk, &problem) => of_certificate(VerifyReason::MissingIntermediate),
        None => of_certificate(problem.reason),
    };
    walk.find(found.with("what", &what).severity(by_role(walk)));
    format!("NOT verified: {what}")
}

/// The certificate of the chain that is out of date where the server's own is not, and its date.
async fn above_it(walk: &mut Walk, problem: &VerifyProblem) -> Option<(String, String)> {
    let (now, leaf) = (Utc::now(), problem.leaf.as_deref()?);
    let of_time = matches!(problem.reason, VerifyReason::Expired | VerifyReason::NotYetValid);
    if !of_time || !(leaf.not_before..=leaf.not_after).contains(&now) {
        return None;
    }
    certificate::look(walk).await;
    let day = |time: DateTime<Utc>| time.format("%Y-%m-%d").to_string();
    let mut above = walk.inspection.as_ref()?.chain.iter().skip(1);
    above.find_map(|cert| match () {
        () if cert.not_after < now => {
            Some((cert.subject.clone(), format!("expired on {}", day(cert.not_after))))
        }
        () if now < cert.not_before => {
            Some((cert.subject.clone(), format!("is valid from {} on", day(cert.not_before))))
        }
        () => None,
    })
}

/// The problem with the certificate that it is about, whose dates and names tell more. Under TLS 1.3 that shows only
/// on a connection of its own.
async fn with_certificate(walk: &mut Walk, problem: &VerifyProblem) -> VerifyProblem {
    let mut problem = problem.clone();
    if problem.leaf.is_none() || problem.reason == VerifyReason::UnknownIssuer {
        certificate::look(walk).await;
    }
    let seen = walk.inspection.as_ref().and_then(|found| found.chain.first());
    problem.leaf = problem.leaf.or_else(|| seen.cloned().map(Box::new));
    problem
}

/// Whether the issuer is unknown because the server sends its own certificate and nothing else.
fn sent_alone(walk: &Walk, problem: &VerifyProblem) -> bool {
    if problem.reason != VerifyReason::UnknownIssuer {
        return false;
    }
    let chain = walk.inspection.as_ref().filter(|found| found.complete).map(|found| found.chain.as_slice());
    matches!(chain, Some([only]) if !only.self_signed)
}

/// Opens the session again: over a link whose certificate is not demanded to verify, or without TLS.
async fn go_on(walk: &mut Walk, tls: bool) {
    let insecure = walk.plan.insecure().clone();
    if !tls && walk.endpoint.scheme == Scheme::Smtps {
        walk.stop("there is no encrypted link");
        end_as(walk, End::TlsFailed);
        return;
    }
    let opened = walk.reopen(tls.then_some(&insecure)).await;
    match opened {
        Ok(()) => {
            if let Some(info) = walk.tls.clone().filter(|_| tls) {
                learn(walk, &info);
            }
        }
        Err(Unopened::Broken(broken)) => drop(broke(walk, &broken)),
        Err(Unopened::Tls(error)) => {
            walk.stop(error.to_string());
            end_as(walk, End::TlsFailed);
        }
        Err(Unopened::Dial(error)) => walk.stop(error.to_string()),
        Err(Unopened::Refused(what, answer)) => {
            walk.stop(format!("the server did not accept {what} again: {}", last_line(&answer)));
        }
    }
}

fn of_certificate(reason: VerifyReason) -> Found {
    Found::new(match reason {
        VerifyReason::Expired => "certificate-expired",
        VerifyReason::NotYetValid => "certificate-not-yet-valid",
        VerifyReason::SelfSigned => "certificate-self-signed",
        VerifyReason::UntrustedRoot => "certificate-untrusted-root",
        VerifyReason::UnknownIssuer => "certificate-unknown-issuer",
        VerifyReason::MissingIntermediate => "certificate-missing-intermediate",
        VerifyReason::NameMismatch => "certificate-name-mismatch",
        VerifyReason::WrongPurpose => "certificate-wrong-purpose",
        VerifyReason::Weak => "certificate-weak",
        VerifyReason::Revoked => "certificate-revoked",
        VerifyReason::Damaged | VerifyReason::Other => "certificate-not-verified",
    })
}

fn of_failure(failure: &TlsFailure) -> &'static str {
    match failure {
        TlsFailure::Refused(Refusal::WeakKey | Refusal::WeakSignature) => "certificate-weak",
        TlsFailure::Pin(_) => "certificate-fits-no-pin",
        TlsFailure::NoCommonVersion => "tls-no-common-version",
        TlsFailure::NoCommonCipher => "tls-no-common-cipher",
        TlsFailure::ClientCertificate(_) => "tls-client-certificate",
        TlsFailure::Timeout(_) => "tls-timed-out",
        TlsFailure::PlaintextReply(_) => "starttls-without-tls",
        TlsFailure::ClosedInHandshake { .. } => "tls-closed",
        _ => "tls-failed",
    }
}
