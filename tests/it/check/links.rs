//! What is found from the greeting to the encrypted link.

use std::time::Duration;

use heloise::check::{Outcome, Plan, Report, Severity, StageName};
use heloise::target::Scheme;
use heloise::transport::{TlsOptions, TlsSetup};
use openssl::ssl::{SslAcceptorBuilder, SslOptions, SslVerifyMode, SslVersion};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};

use super::fake::{FLOOD, Fake, HOLD};
use super::registry::{Case, cases, provoke};
use super::zone::Zone;
use super::{check, plan};
use crate::tls::pki::{Leaf, NAME, Pki, published_issuer, put};

pub const CASES: &[Case] = cases! {
    "banner-slow" => submission(|fake| fake.delay = Duration::from_millis(60), |plan| {
        plan.thresholds.banner = Duration::from_millis(30);
    }).await;
    "greeting-refused" => greeting("554 5.7.1 go away").await;
    "greeting-deferred" => greeting("421 4.3.2 too busy").await;
    "greeting-masked" => greeting("220 ****************************").await;
    "greeting-without-name" => greeting("220 ** hello").await;
    "greeting-name-short" => greeting("220 mailserver ESMTP").await;
    "greeting-name-elsewhere" => submission(|fake| fake.banner = "220 far.test ESMTP\r\n".to_owned(), |plan| {
        plan.dial.resolver = Some(Zone::default().address("far.test", "127.0.0.9").serve());
    }).await;
    "protocol-broken" => submission(|fake| fake.banner = format!("220 {NAME} ESMTP\n"), |_| {}).await;
    "tls-expected" => submission(|fake| fake.implicit = true, |plan| {
        plan.timeouts.greeting = Duration::from_secs(1);
    }).await;
    "not-smtp" => submission(|fake| fake.banner = "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(), |_| {}).await;
    "no-reply" => submission(|fake| fake.replies.push(("EHLO", HOLD)), short_waits).await;
    "closed-early" => submission(|fake| fake.replies.push(("EHLO", "")), |_| {}).await;
    "cut-off" => cut_off().await;
    "too-much" => submission(|fake| fake.replies.push(("EHLO", FLOOD)), |_| {}).await;
    "helo-only" => submission(|fake| fake.replies.push(("EHLO", "502 what?\r\n")), |_| {}).await;
    "greeting-refused-by-name" => submission(|fake| {
        fake.replies.extend([("EHLO", "550 who?\r\n"), ("HELO", "550 5.7.1 who are you?\r\n")]);
    }, |_| {}).await;
    "no-starttls" => submission(|fake| fake.before = vec!["SIZE 50000000"], |_| {}).await;
    "starttls-refused" => submission(|fake| fake.replies.push(("STARTTLS", "454 4.7.0 no\r\n")), |_| {}).await;
    "starttls-without-tls" => submission(|fake| fake.instead = Some("250 what now?\r\n"), |_| {}).await;
    "starttls-injection" => submission(|fake| fake.injected = "250 injected\r\n", |_| {}).await;
    "starttls-offered-twice" => submission(|fake| fake.after = vec!["STARTTLS", "AUTH PLAIN"], |_| {}).await;
    "ehlo-refused-over-tls" => submission(|fake| fake.refuses_second_ehlo = true, |_| {}).await;
    "plaintext-expected" => {
        let pki = Pki::new();
        check(plan(&pki), Scheme::Smtps, Fake::with_tls(&pki).serve()).await
    };
    "tls-no-common-version" => tls(|tls| {
        take_old_versions(tls);
        tls.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
    }).await;
    "tls-no-common-cipher" => tls(|tls| {
        tls.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        tls.set_cipher_list("ECDHE-RSA-AES128-GCM-SHA256").unwrap();
    }).await;
    "tls-client-certificate" => tls(|tls| {
        tls.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
        tls.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }).await;
    "tls-timed-out" => submission(|fake| fake.instead = Some(HOLD), short_waits).await;
    "tls-closed" => submission(|fake| fake.instead = Some(""), |_| {}).await;
    "tls-failed" => submission(|fake| fake.instead = Some("\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{70}"), |_| {}).await;
    "tls-outdated" => tls(take_old_versions).await;
    "tls-1-2-only" => tls(|tls| tls.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap()).await;
    "certificate-expired" => leaf(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)).await;
    "certificate-above-out-of-date" => {
        let pki = Pki::with_expired_intermediate();
        let leaf = pki.leaf(&[NAME], |_| {});
        let fake = Fake::with_chain(&pki.chain(&leaf), &leaf, |_| {});
        check(plan(&pki), Scheme::Submission, fake.serve()).await
    };
    "certificate-not-yet-valid" => leaf(|params| params.not_before = rcgen::date_time_ymd(2500, 1, 1)).await;
    "certificate-ends-soon" => leaf(|params| {
        let soon = std::time::SystemTime::now() + Duration::from_secs(5 * 86_400);
        params.not_after = soon.into();
    }).await;
    "certificate-name-mismatch" => chain(|pki| {
        let leaf = pki.leaf(&["other.example"], |_| {});
        (pki.chain(&leaf), leaf)
    }).await;
    "certificate-self-signed" => chain(|_| {
        let leaf = Leaf::self_signed(&[NAME]);
        (vec![leaf.der.clone()], leaf)
    }).await;
    "certificate-unknown-issuer" => chain(|_| {
        let stranger = Pki::named("Strange");
        let leaf = stranger.leaf(&[NAME], |_| {});
        (stranger.chain(&leaf), leaf)
    }).await;
    "certificate-untrusted-root" => chain(|_| {
        let stranger = Pki::named("Strange");
        let leaf = stranger.leaf(&[NAME], |_| {});
        let mut chain = stranger.chain(&leaf);
        chain.push(root(&stranger));
        (chain, leaf)
    }).await;
    "certificate-missing-intermediate" => chain(|pki| {
        let leaf = pki.leaf(&[NAME], |params| params.custom_extensions = vec![published_issuer()]);
        (vec![leaf.der.clone()], leaf)
    }).await;
    "certificate-wrong-purpose" => leaf(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    }).await;
    "certificate-revoked" => revoked().await;
    "certificate-weak" => weak_key().await;
    "certificate-not-verified" => chain(|pki| {
        let leaf = pki.leaf(&[NAME], |_| {});
        let mut chain = pki.chain(&leaf);
        let last = chain[0].len() - 1;
        chain[0][last] ^= 1;
        (chain, leaf)
    }).await;
    "certificate-fits-no-pin" => {
        let pki = Pki::new();
        let mut plan = plan(&pki);
        plan.tls = plan.tls.with(|options| options.pins = vec!["00".repeat(32).parse().unwrap()]);
        check(plan, Scheme::Submission, Fake::with_tls(&pki).serve()).await
    };
    "chain-out-of-order" => chain(|pki| {
        let (leaf, stranger) = (pki.leaf(&[NAME], |_| {}), Pki::named("Strange"));
        (vec![leaf.der.clone(), stranger.intermediate.clone(), pki.intermediate.clone()], leaf)
    }).await;
    "chain-superfluous" => chain(|pki| {
        let leaf = pki.leaf(&[NAME], |_| {});
        let mut chain = pki.chain(&leaf);
        chain.push(root(pki));
        (chain, leaf)
    }).await;
};

#[test]
fn each_fault_of_greeting_and_link_is_found() {
    provoke(CASES);
}

/// A healthy submission server but for one thing.
pub async fn submission(change: impl FnOnce(&mut Fake), change_plan: impl FnOnce(&mut Plan)) -> Report {
    let pki = Pki::new();
    let mut plan = plan(&pki);
    change_plan(&mut plan);
    check(plan, Scheme::Submission, Fake::with_tls(&pki).but(change).serve()).await
}

pub async fn greeting(line: &'static str) -> Report {
    submission(|fake| fake.banner = format!("{line}\r\n"), |_| {}).await
}

fn short_waits(plan: &mut Plan) {
    let short = Duration::from_millis(300);
    plan.timeouts = heloise::session::Timeouts::all(short);
    plan.tls = plan.tls.with(|options| options.timeout = short);
}

/// Under TLS 1.3 the alert comes after the handshake, with STARTTLS and with TLS from the first byte.
#[tokio::test]
async fn a_demand_for_a_client_certificate_is_known_under_tls_1_3() {
    for (scheme, implicit) in [(Scheme::Submission, false), (Scheme::Smtps, true)] {
        let pki = Pki::new();
        let leaf = pki.leaf(&[NAME], |_| {});
        let fake = Fake::with_chain(&pki.chain(&leaf), &leaf, |tls| {
            tls.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        });
        let report = check(plan(&pki), scheme, fake.but(|fake| fake.implicit = implicit).serve()).await;
        let found = report.findings.first().unwrap();
        assert_eq!(found.id, "tls-client-certificate", "{}", found.line);
        let fixes: Vec<String> =
            found.fixes.iter().filter_map(|fix| Some(fix.command.clone()?.into_owned())).collect();
        assert!(fixes.iter().any(|fix| fix.contains("--cert FILE --key FILE")), "{fixes:?}");
        assert_eq!(report.outcome(Severity::Problem), Outcome::TlsFailed);
    }
}

/// That nothing is in common is no reason not to find out what the server has.
#[tokio::test]
async fn which_old_versions_a_server_has_is_asked_where_none_is_in_common() {
    let report = tls(|tls| {
        take_old_versions(tls);
        tls.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
    })
    .await;
    let versions = report.sessions().find_map(|leg| leg.stage(StageName::Versions)).unwrap();
    assert!(versions.summary.starts_with("TLS 1.1, which is outdated"), "{:?}", versions);
    assert!(report.findings.iter().any(|finding| finding.id == "tls-outdated"));
}

/// A server that ends the link with a reset where a reply was due.
async fn cut_off() -> Report {
    use crate::peer::{Act, peer};
    let acts = vec![Act::Send(b"220 mx.example.org ESMTP\r\n".to_vec()), Act::AwaitBytes, Act::Reset];
    check(plan(&Pki::new()), Scheme::Submission, peer(acts)).await
}

/// TLS set up in some way.
async fn tls(change: impl FnOnce(&mut SslAcceptorBuilder)) -> Report {
    let pki = Pki::new();
    let leaf = pki.leaf(&[NAME], |_| {});
    let fake = Fake::with_chain(&pki.chain(&leaf), &leaf, change);
    check(plan(&pki), Scheme::Submission, fake.serve()).await
}

fn take_old_versions(tls: &mut SslAcceptorBuilder) {
    tls.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    tls.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
    tls.set_cipher_list("DEFAULT:@SECLEVEL=0").unwrap();
}

/// A certificate that is wrong in one way.
async fn leaf(change: impl FnOnce(&mut CertificateParams)) -> Report {
    let pki = Pki::new();
    let leaf = pki.leaf(&[NAME], change);
    check(plan(&pki), Scheme::Submission, Fake::with_chain(&pki.chain(&leaf), &leaf, |_| {}).serve()).await
}

/// A chain that is wrong in one way.
async fn chain(make: impl FnOnce(&Pki) -> (Vec<Vec<u8>>, Leaf)) -> Report {
    let pki = Pki::new();
    let (chain, leaf) = make(&pki);
    check(plan(&pki), Scheme::Submission, Fake::with_chain(&chain, &leaf, |_| {}).serve()).await
}

fn root(pki: &Pki) -> Vec<u8> {
    openssl::x509::X509::from_pem(pki.root_pem.as_bytes()).unwrap().to_der().unwrap()
}

/// A certificate that a revocation list names.
async fn revoked() -> Report {
    let (pki, dir) = (Pki::new(), tempfile::tempdir().unwrap());
    let leaf = pki.leaf(&[NAME], |params| params.serial_number = Some(vec![7].into()));
    let mut plan = plan(&pki);
    let options = TlsOptions {
        ca: Some(put(&dir, "ca.pem", &pki.root_pem)),
        crls: vec![put(&dir, "list.crl", pki.crl(&[7], |_| {}))],
        ..plan.tls.options().clone()
    };
    plan.tls = TlsSetup::load(&options).unwrap();
    check(plan, Scheme::Submission, Fake::with_chain(&pki.chain(&leaf), &leaf, |_| {}).serve()).await
}

/// A key that is too short.
async fn weak_key() -> Report {
    check(plan(&Pki::new()), Scheme::Submission, Fake::with_weak_key().serve()).await
}

/// Under TLS 1.3 the library does not show the certificate that it refuses; it is looked at apart.
#[tokio::test]
async fn a_certificate_out_of_date_is_told_with_its_date() {
    let report = leaf(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1)).await;
    let told = "the certificate does not verify: it expired on 2020-01-01 00:00 UTC";
    assert_eq!(report.findings[0].line, told);
    let legs: Vec<_> = report.sessions().flat_map(|leg| &leg.stages).collect();
    let tls = legs.iter().find(|stage| stage.name.as_str() == "tls").unwrap();
    assert_eq!(tls.summary, "NOT verified: it expired on 2020-01-01 00:00 UTC");
}
