//! What DANE and MTA-STS come to, with a name server and a policy host of our own.

use std::net::SocketAddr;

use heloise::target::{Host, Scheme, Target};
use heloise::transport::cert::CertInfo;
use heloise::transport::policy::{self, Word};
use heloise::transport::tls::Verified;
use heloise::transport::{DialOptions, TlsSetup};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::{A, MX, TLSA, TXT};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use openssl::ssl::SslVersion;
use sha2::{Digest, Sha256};

use super::pki::{self, Leaf, Pki};
use super::trusting;
use crate::binary::Heloise;
use crate::dns;

const DOMAIN: &str = "secure.test";
const HOST: &str = "mx.secure.test";

/// A zone whose names all lead to this machine, with these TLSA records for any port.
fn zone(tlsa: Vec<RData>) -> DialOptions {
    dns::serve(move |name, kind| {
        let name = name.trim_end_matches('.');
        let data = match (name, kind) {
            (_, RecordType::TLSA) if name.ends_with(HOST) => tlsa.clone(),
            (_, RecordType::MX) if !name.starts_with("mx.") => {
                vec![RData::MX(MX::new(10, Name::from_ascii(format!("mx.{name}.")).unwrap()))]
            }
            (_, RecordType::A) => vec![RData::A(A::new(127, 0, 0, 1))],
            ("_mta-sts.secure.test", RecordType::TXT) => {
                vec![RData::TXT(TXT::new(vec!["v=STSv1; id=7;".to_owned()]))]
            }
            _ => vec![],
        };
        (ResponseCode::NoError, data)
    })
}

fn tlsa(usage: u8, content: &[u8]) -> RData {
    RData::TLSA(TLSA::new(usage.into(), 1.into(), 1.into(), Sha256::digest(content).to_vec()))
}

fn target(domain: &str, port: u16, mx: bool) -> Target {
    Target { scheme: Scheme::Smtp, host: Host::parse(domain).unwrap(), port, mx }
}

async fn dane(records: Vec<RData>, domain: &str, chain: &[CertInfo], complete: bool) -> Word {
    let host = Host::parse(&format!("mx.{domain}")).unwrap();
    let found = policy::tlsa(&target(domain, 25, true), &host, &zone(records)).await;
    policy::dane(found.as_ref(), &host, 25, chain, complete)
}

#[tokio::test]
async fn dane_in_each_of_its_outcomes() {
    let pki = Pki::new();
    let leaf = pki.leaf(&[HOST], |_| {});
    let info = |der: &[u8]| CertInfo::from_der(der).unwrap();
    let chain = [info(&leaf.der), info(&pki.intermediate)];
    let (own, authority) = (tlsa(3, chain[0].spki()), tlsa(2, chain[1].spki()));

    let kept = dane(vec![own.clone()], DOMAIN, &chain, true).await;
    assert_eq!((kept.policy, kept.outcome), ("dane", "kept"));
    assert!(
        kept.details[0].starts_with("3 1 1 ") && kept.details[0].ends_with("fits the server's certificate")
    );
    assert!(kept.details[1].starts_with("DNSSEC: yes, says the resolver 127.0.0.1:"), "{kept:?}");
    assert_eq!(dane(vec![authority.clone()], DOMAIN, &chain, true).await.outcome, "kept");
    assert_eq!(dane(vec![tlsa(3, b"other")], DOMAIN, &chain, true).await.outcome, "broken");
    assert_eq!(dane(vec![tlsa(1, b"other")], DOMAIN, &chain, true).await.outcome, "unusable");
    let none = dane(vec![], DOMAIN, &chain, true).await;
    assert_eq!((none.outcome, none.details.len()), ("none", 0));
    // Only a part of the chain was seen, so that an authority may be there that was not seen.
    assert_eq!(dane(vec![authority], DOMAIN, &chain[..1], false).await.outcome, "unknown");
}

#[tokio::test]
async fn without_dnssec_tlsa_records_mean_nothing() {
    let pki = Pki::new();
    let leaf = pki.leaf(&["mx.plain.test"], |_| {});
    let chain = [CertInfo::from_der(&leaf.der).unwrap()];
    let own = tlsa(3, chain[0].spki());
    let host = Host::parse("mx.plain.test").unwrap();
    let zone = dns::serve(move |_, kind| {
        let data = if kind == RecordType::TLSA { vec![own.clone()] } else { vec![] };
        (ResponseCode::NoError, data)
    });
    let found = policy::tlsa(&target("plain.test", 25, false), &host, &zone).await;
    let word = policy::dane(found.as_ref(), &host, 25, &chain, true);
    assert_eq!(word.outcome, "not-secure", "{word:?}");
    assert!(word.words.contains("DNSSEC") && word.details[1].contains("no AD bit"), "{word:?}");
}

#[tokio::test]
async fn a_secure_host_behind_an_insecure_domain_is_not_secure() {
    let leaf = Leaf::self_signed(&[HOST]);
    let chain = [CertInfo::from_der(&leaf.der).unwrap()];
    let host = Host::parse(HOST).unwrap();
    let zone = zone(vec![tlsa(3, chain[0].spki())]);
    let found = policy::tlsa(&target("plain.test", 25, true), &host, &zone).await;
    let word = policy::dane(found.as_ref(), &host, 25, &chain, true);
    assert_eq!(word.outcome, "not-secure");
    assert!(word.words.starts_with("the domain's MX records are not vouched for"), "{word:?}");
}

#[tokio::test]
async fn what_is_not_in_dns_is_not_asked_for() {
    for name in ["localhost", "127.0.0.1", "mail.localhost"] {
        let host = Host::parse(name).unwrap();
        let nobody = DialOptions { resolver: Some("127.0.0.1:1".parse().unwrap()), ..DialOptions::default() };
        let found = policy::tlsa(&target(name, 25, false), &host, &nobody).await;
        assert_eq!(policy::dane(found.as_ref(), &host, 25, &[], false).outcome, "not-asked", "{name}");
    }
}

/// A policy host for one request.
fn policy_host(pki: &Pki, body: &'static str) -> SocketAddr {
    use std::io::{Read, Write};
    let leaf = pki.leaf(&["mta-sts.secure.test"], |_| {});
    let acceptor =
        pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3).build();
    pki::peer(move |tcp| {
        let Ok(mut link) = acceptor.accept(tcp) else { return };
        let _ = link.read(&mut [0; 1000]);
        let _ = write!(link, "HTTP/1.1 200 OK\r\n\r\n{body}");
        let _ = link.shutdown();
    })
}

#[tokio::test]
async fn mta_sts_in_each_of_its_outcomes() {
    let pki = Pki::new();
    let (ca, zone, host) = (pki.ca_file(), zone(vec![]), Host::parse(HOST).unwrap());
    let tls = TlsSetup::load(&trusting(&ca)).unwrap();
    let unknown = Verified::Unknown("nobody looked");
    for (body, verified, outcome, words) in [
        (
            "version: STSv1\nmode: enforce\nmx: mx.secure.test\nmax_age: 86400\n",
            &Verified::Yes,
            "kept",
            "verifies",
        ),
        (
            "version: STSv1\nmode: enforce\nmx: *.other.test\nmax_age: 86400\n",
            &Verified::Yes,
            "broken",
            "not be sent",
        ),
        (
            "version: STSv1\nmode: testing\nmx: *.other.test\nmax_age: 86400\n",
            &Verified::Yes,
            "broken",
            "reported",
        ),
        (
            "version: STSv1\nmode: testing\nmx: *.secure.test\nmax_age: 1\n",
            &unknown,
            "unknown",
            "nobody looked",
        ),
        ("version: STSv1\nmode: none\nmax_age: 1\n", &Verified::Yes, "none", "given its policy up"),
        ("<html>", &Verified::Yes, "broken", "malformed"),
    ] {
        let server = policy_host(&pki, body);
        let target = target(DOMAIN, 25, true);
        let word = policy::mta_sts(&target, &host, verified, &zone, &tls, server.port()).await;
        assert_eq!((word.policy, word.outcome), ("mta-sts", outcome), "{word:?}");
        assert!(word.words.contains(words), "{word:?}");
    }
}

#[tokio::test]
async fn mta_sts_needs_a_domain_and_a_policy_host_that_verifies() {
    let (pki, stranger) = (Pki::new(), Pki::named("Strange"));
    let (ca, zone, host) = (pki.ca_file(), zone(vec![]), Host::parse(HOST).unwrap());
    let tls = TlsSetup::load(&trusting(&ca)).unwrap();
    let ask = async |domain: &str, mx: bool, port: u16| {
        policy::mta_sts(&target(domain, 25, mx), &host, &Verified::Yes, &zone, &tls, port).await
    };
    assert_eq!(ask(HOST, false, 1).await.outcome, "not-asked");
    assert_eq!(ask("plain.test", true, 1).await.outcome, "none");
    let unverified = policy_host(&stranger, "version: STSv1\nmode: none\nmax_age: 1\n");
    let word = ask(DOMAIN, true, unverified.port()).await;
    assert_eq!(word.outcome, "unknown");
    assert!(word.words.contains("cannot be fetched") && word.words.contains("does not verify"), "{word:?}");
}

#[test]
fn a_session_shows_both() {
    let pki = Pki::new();
    let leaf = pki.leaf(&[HOST], |_| {});
    let own = tlsa(3, CertInfo::from_der(&leaf.der).unwrap().spki());
    let resolver = zone(vec![own]).resolver.unwrap().to_string();
    let acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
    let server = pki::smtp_server(Some(acceptor), true);
    let (heloise, ca) = (Heloise::new(), pki.ca_file());
    let target = format!("{DOMAIN}:{}", server.port());
    let args = ["--mx", &target, "--resolver", &resolver, "--starttls", "--timeout", "10", "--no-system-ca"];
    let args = [&args[..], &["--ca", ca.path().to_str().unwrap(), "-c", "/tls", "-c", "QUIT"]].concat();
    let run = heloise.run(&args, b"");
    assert_eq!(run.code, Some(0), "{}", run.all());
    for words in ["DANE        kept · a TLSA record fits", "DNSSEC: yes", "MTA-STS     unknown"] {
        assert!(run.stdout.contains(words), "no {words:?} in\n{}", run.stdout);
    }
    let json = heloise.run(&[&args[..], &["--json"]].concat(), b"");
    let events: Vec<serde_json::Value> =
        json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let dane = events.iter().find(|event| event["word"] == "dane").unwrap();
    assert_eq!(dane["other"][0], serde_json::json!(["outcome", "kept"]));
    assert!(events.iter().any(|event| event["word"] == "mta-sts"), "{}", json.stdout);
    assert_eq!(events.iter().filter(|event| event["word"] == "chain").count(), 2, "{}", json.stdout);
}
