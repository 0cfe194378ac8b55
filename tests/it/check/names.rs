//! What is found in DNS, and around the connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use heloise::check::{Outcome, Plan, Report, Severity, StageName, Subject, Verdict, Watch};
use heloise::target::{Host, Scheme, Target};
use heloise::transcript::{EntryKind, Info};
use heloise::transport::dial::Family;
use hickory_resolver::proto::op::ResponseCode;
use openssl::ssl::SslVersion;

use super::fake::Fake;
use super::registry::{Case, cases, provoke};
use super::zone::Zone;
use super::{check, ids, plan};
use crate::tls::pki::{Leaf, NAME, Pki, acceptor, peer};

pub const CASES: &[Case] = cases! {
    "no-such-name" => host("gone.test", Zone::default(), |_| {}).await;
    "provider-name-unknown" => {
        let targets = vec!["submission://smtp.provider.test".parse().unwrap()];
        let provider = Subject::Provider { name: "Provider".to_owned(), targets };
        subject(provider, Zone::default(), &Pki::new(), |_| {}).await
    };
    "name-server-failed" => host("bad.test", Zone::default().fails("bad.test", ResponseCode::ServFail), |_| {}).await;
    "dns-failed" => host("bad.test", Zone::default().fails("bad.test", ResponseCode::NotImp), |_| {}).await;
    "dns-timed-out" => host("mute.test", Zone::default().silent("mute.test"), |plan| {
        plan.dial.timeout = Duration::from_millis(200);
    }).await;
    "no-address" => host("text.test", Zone::default().text("text.test", "hello"), |_| {}).await;
    "alias-loop" => host("a.test", Zone::default().alias("a.test", "b.test").alias("b.test", "a.test"), |_| {}).await;
    "dns-slow" => domain("good.test", Zone::healthy().slow(Duration::from_millis(30)), |plan| {
        plan.thresholds.dns = Duration::from_millis(20);
    }).await;
    "null-mx" => domain("null.test", Zone::default().mx("null.test", 0, "."), |_| {}).await;
    "no-mx" => domain("plain.test", Zone::default().address("plain.test", "127.0.0.1"), |_| {}).await;
    "no-mail-host" => domain("text.test", Zone::default().text("text.test", "hello"), |_| {}).await;
    "mx-leads-nowhere" => domain("gone.test", Zone::default().mx("gone.test", 10, "mx.gone.test"), |_| {}).await;
    "mx-is-address" => domain("ip.test", Zone::default().mx("ip.test", 1, "127.0.0.1"), |_| {}).await;
    "mx-is-no-name" => domain("url.test", Zone::default().mx("url.test", 1, "http://mx.url.test"), |_| {}).await;
    "null-mx-beside-others" => {
        let zone = Zone::default().mx("both.test", 0, ".").mx("both.test", 10, "mx.both.test");
        domain("both.test", zone.address("mx.both.test", "127.0.0.1"), |_| {}).await
    };
    "mx-is-alias" => {
        let zone = Zone::healthy().mx("alias.test", 1, "mail.alias.test").alias("mail.alias.test", "mx.good.test");
        domain("alias.test", zone, |_| {}).await
    };
    "dns-unanswered" => {
        let zone = Zone::healthy().fails("_dmarc.good.test", ResponseCode::ServFail);
        domain("good.test", zone, |_| {}).await
    };
    "spf-missing" => bare("bare.test", |zone| zone).await;
    "spf-several" => bare("bare.test", |z| z.text("bare.test", "v=spf1 -all").text("bare.test", "v=spf1 mx -all")).await;
    "spf-open" => bare("bare.test", |zone| zone.text("bare.test", "v=spf1 +all")).await;
    "spf-broken" => bare("bare.test", |zone| zone.text("bare.test", "v=spf1 mx ipv4:192.0.2.1 -all")).await;
    "dmarc-without-policy" => bare("bare.test", |zone| {
        zone.text("_dmarc.bare.test", "v=DMARC1; rua=mailto:x@bare.test")
    }).await;
    "dmarc-missing" => bare("bare.test", |zone| zone).await;
    "dmarc-none" => bare("bare.test", |zone| zone.text("_dmarc.bare.test", "v=DMARC1; p=none")).await;
    "dmarc-broken" => bare("bare.test", |zone| zone.text("_dmarc.bare.test", "v=DMARC1; p=rejct")).await;
    "sts-missing" => bare("bare.test", |zone| zone).await;
    "sts-broken" => domain("good.test", with_policy(Zone::healthy()), |plan| plan.https_port = closed_port()).await;
    "sts-testing" => policy("testing", "mx.good.test").await;
    "sts-host-not-covered" => policy("enforce", "old.good.test").await;
    "tls-reports-missing" => bare("bare.test", |zone| zone).await;
    "tls-reports-broken" => bare("bare.test", |zone| zone.text("_smtp._tls.bare.test", "v=TLSRPTv1;")).await;
    "ptr-missing" => bare("bare.test", |zone| zone).await;
    "ptr-mismatch" => {
        let zone = |zone: Zone| zone.reverse("else.test").address("else.test", "127.0.0.9");
        bare("bare.test", zone).await
    };
    "dane-not-secure" => tlsa(|zone| zone, 3, vec![1; 32]).await;
    "dane-unusable" => tlsa(Zone::secure, 1, vec![1; 32]).await;
    "dane-authority-fails" => {
        let pki = Pki::new();
        let authority = key_of(&pki.intermediate);
        let leaf = pki.leaf(&[NAME], |_| {});
        dane(&pki, &pki.chain(&leaf), &leaf, 2, authority).await
    };
    "certificate-by-dane-alone" => self_signed_with_dane().await;
    "dane-mismatch" => tlsa(Zone::secure, 3, vec![1; 32]).await;
    "connection-refused" => port(closed_port(), |_| {}).await;
    "connect-timed-out" => port(silent_port(), |plan| plan.dial.timeout = Duration::from_millis(300)).await;
    "family-excluded" => port(closed_port(), |plan| plan.dial.family = Family::V6).await;
    "source-unusable" => port(closed_port(), |plan| plan.dial.source = Some("192.0.2.77".parse().unwrap())).await;
    "address-dead" => {
        let order = ["127.0.0.1", "127.0.0.2"];
        super::addresses::several(&order[..1], &order[1..], &order, |_| {}).await
    };
    "no-port-open" => ports(vec![closed_port(), closed_port()]).await;
    "port-25-blocked" => ports(vec![silent_port(), Fake::without_tls().serve().port()]).await;
    "tries" => port(closed_port(), |plan| {
        plan.retry.times = 1;
        plan.retry.first = Duration::from_millis(10);
    }).await;
};

#[test]
fn each_fault_of_names_and_connections_is_found() {
    provoke(CASES);
}

/// With a TLSA record of the server's own key neither issuer nor name nor date counts (RFC 7672 §3.1.1).
#[tokio::test]
async fn dane_that_holds_is_believed() {
    let report = self_signed_with_dane().await;
    assert_eq!(report.worst(), Some(Severity::Note), "{:?}", ids(&report, Severity::Warning));
    let told =
        report.sessions().flat_map(|leg| &leg.stages).find(|stage| stage.name == StageName::Certificate);
    assert!(told.unwrap().summary.ends_with(" · DANE holds"), "{}", told.unwrap().summary);
}

async fn self_signed_with_dane() -> Report {
    let leaf = Leaf::self_signed(&["elsewhere.example"]);
    dane(&Pki::new(), std::slice::from_ref(&leaf.der), &leaf, 3, key_of(&leaf.der)).await
}

/// A domain whose mail host sends this chain, beside a TLSA record of this usage and key.
async fn dane(pki: &Pki, chain: &[Vec<u8>], leaf: &Leaf, usage: u8, key: Vec<u8>) -> Report {
    let fake = Fake::with_chain(chain, leaf, |_| {}).but(|fake| fake.after = vec!["SIZE 50000000"]);
    let port = fake.serve().port();
    let zone = Zone::healthy().secure().tlsa(&format!("_{port}._tcp.mx.good.test"), usage, key);
    subject(Subject::Domain("good.test".to_owned(), port), zone, pki, |_| {}).await
}

/// The SHA-256 of a certificate's key.
fn key_of(der: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(heloise::transport::cert::CertInfo::from_der(der).unwrap().spki()).to_vec()
}

/// What is taken down of DNS is what was answered.
fn taken_down(report: &Report, start: &str) -> Vec<String> {
    let infos = report.legs.iter().flat_map(|leg| leg.entries()).filter_map(|entry| match &entry.kind {
        EntryKind::Info(Info::Other(words)) => Some(words.clone()),
        _ => None,
    });
    infos.filter(|words| words.starts_with(start)).collect()
}

/// What is said of subdomains holds for them, and the organisation's record however deep they are.
#[tokio::test]
async fn a_subdomain_has_the_policy_that_its_organisation_has_for_it() {
    for (name, records, expected) in [
        ("a.top.test", &[("top.test", "v=DMARC1; p=reject; sp=none")][..], "DMARC p=none"),
        ("a.b.c.d.e.top.test", &[("top.test", "v = DMARC1 ; p = reject")], "DMARC p=reject"),
        (
            "a.b.top.test",
            &[("top.test", "v=DMARC1; p=reject"), ("b.top.test", "v=DMARC1; p=none")],
            "DMARC p=reject",
        ),
        (
            "a.top.test",
            &[("a.top.test", "v=DMARC1; p=quarantine"), ("top.test", "v=DMARC1; p=none")],
            "DMARC p=quarantine",
        ),
    ] {
        let add = |zone: Zone| {
            records.iter().fold(zone, |zone, (at, text)| zone.text(&format!("_dmarc.{at}"), text))
        };
        let report = bare(name, add).await;
        let policies = report.legs[0].stage(StageName::Policies).unwrap();
        assert!(policies.summary.contains(expected), "{name}: {}", policies.summary);
    }
}

/// A domain that is not there, or takes no mail, needs no advice on how to publish policies.
#[tokio::test]
async fn a_domain_without_mail_is_told_once_and_gets_no_other_advice() {
    for (zone, id) in [
        (Zone::default(), "no-such-name"),
        (Zone::default().mx("bare.test", 0, "."), "null-mx"),
        (Zone::default().fails("bare.test", ResponseCode::ServFail), "name-server-failed"),
    ] {
        let report = domain("bare.test", zone, |_| {}).await;
        assert_eq!(ids(&report, Severity::Note), [id]);
        let policies = report.legs[0].stage(StageName::Policies).unwrap();
        assert!(matches!(policies.verdict, Verdict::Skipped(_)));
    }
    let report = domain("text.test", Zone::default().text("text.test", "v=spf1 -all"), |_| {}).await;
    let found = ids(&report, Severity::Note);
    assert!(found.contains(&"no-mail-host") && !found.contains(&"no-mx"), "{found:?}");
    assert!(!format!("{:?}", report.findings).contains("heloise --mx"));
}

/// What failed is told as that, and as nothing else.
#[tokio::test]
async fn lookups_that_fail_are_told_for_what_they_are() {
    let report = host("mute.test", Zone::default().silent("mute.test"), |plan| {
        plan.dial.timeout = Duration::from_millis(200);
        plan.thresholds.dns = Duration::from_millis(100);
    })
    .await;
    assert_eq!(ids(&report, Severity::Note), ["dns-timed-out"], "no answer is not a slow one");
    let zone = Zone::default().mx("gone.test", 10, "mx.gone.test");
    let report = domain("gone.test", zone, |plan| plan.dial.family = Family::V4).await;
    assert_eq!(ids(&report, Severity::Problem), ["mx-leads-nowhere"]);
    let zone = Zone::healthy().fails("_25._tcp.mx.good.test", ResponseCode::ServFail);
    let mut plan = plan(&Pki::new());
    plan.dial.resolver = Some(zone.serve());
    let target = Subject::Domain("good.test".to_owned(), 25);
    let report = heloise::check::run(Arc::new(plan), &target, Watch::default()).await;
    let tlsa = report.legs[0].stage(StageName::Tlsa).unwrap();
    assert_eq!(tlsa.summary, "no answer for mx.good.test");
    let report = bare("bare.test", |zone| zone.text("_smtp._tls.bare.test", "v=TLSRPTv1; rua=ftp://x")).await;
    assert!(ids(&report, Severity::Warning).contains(&"tls-reports-broken"));
}

/// DNS lets names hold more than those of hosts do, and such mail hosts are found (RFC 2181 §11).
#[tokio::test]
async fn mail_hosts_with_an_underscore_are_walked() {
    let zone = Zone::default().mx("und_1.test", 10, "mx_1.test").address("mx_1.test", "127.0.0.1");
    let report = domain("und_1.test", zone, |_| {}).await;
    assert_eq!(report.sessions().count(), 1, "{:?}", ids(&report, Severity::Note));
    assert!(!ids(&report, Severity::Note).iter().any(|id| id.starts_with("dns-")));
    assert_eq!(taken_down(&report, "dns MX "), [r#"dns MX und_1.test "10 mx_1.test""#]);
}

#[tokio::test]
async fn what_dns_did_not_answer_is_not_taken_down() {
    let zone = Zone::default().address("plain.test", "127.0.0.1").text("plain.test", "a \"b\" \u{1b}[31m\\");
    let report = domain("plain.test", zone, |_| {}).await;
    assert_eq!(taken_down(&report, "dns MX "), ["dns MX plain.test -"]);
    assert_eq!(taken_down(&report, "dns TXT plain"), [r#"dns TXT plain.test "a \"b\" \x1b[31m\\""#]);
    let report = domain("null.test", Zone::default().mx("null.test", 0, "."), |_| {}).await;
    assert_eq!(taken_down(&report, "dns MX "), [r#"dns MX null.test "0 .""#]);
    let zone = Zone::healthy().text("_mta-sts.good.test", "v=STSv1; id=a-b");
    let report = domain("good.test", zone, |_| {}).await;
    assert_eq!(taken_down(&report, "dns TXT _mta-sts"), [r#"dns TXT _mta-sts.good.test "v=STSv1; id=a-b""#]);
}

/// DNSSEC is the resolver's word; whose it is, and where, is told.
#[tokio::test]
async fn who_vouches_for_tlsa_records_is_told() {
    for (report, id, said) in [
        (
            tlsa(|zone| zone, 3, vec![1; 32]).await,
            "dane-not-secure",
            "DNSSEC: no, says the resolver 127.0.0.1:",
        ),
        (
            tlsa(Zone::secure, 1, vec![1; 32]).await,
            "dane-unusable",
            "DNSSEC: yes, says the resolver 127.0.0.1:",
        ),
        (tlsa(Zone::secure, 3, vec![1; 32]).await, "dane-mismatch", "on this machine (AD bit)"),
    ] {
        let finding = report.findings.iter().find(|finding| finding.id == id).unwrap();
        assert!(finding.meaning.contains(said), "{}", finding.meaning);
        let mut stages = report.legs.iter().flat_map(|leg| &leg.stages);
        let stage = stages.find(|stage| stage.name == StageName::Tlsa).unwrap();
        assert!(stage.summary.contains("says the resolver"), "{}", stage.summary);
    }
}

async fn subject(subject: Subject, zone: Zone, pki: &Pki, change: impl FnOnce(&mut Plan)) -> Report {
    let mut plan = plan(pki);
    plan.dial.resolver = Some(zone.serve());
    change(&mut plan);
    heloise::check::run(Arc::new(plan), &subject, Watch::default()).await
}

async fn host(name: &str, zone: Zone, change: impl FnOnce(&mut Plan)) -> Report {
    subject(Subject::Host(Host::parse(name).unwrap()), zone, &Pki::new(), change).await
}

/// A domain whose mail host is healthy.
async fn domain(name: &str, zone: Zone, change: impl FnOnce(&mut Plan)) -> Report {
    let pki = Pki::new();
    let port =
        Fake::with_tls(&pki).but(|fake| fake.after.retain(|word| !word.starts_with("AUTH"))).serve().port();
    subject(Subject::Domain(name.to_owned(), port), zone, &pki, change).await
}

/// A domain that has nothing but a mail host and what is added.
async fn bare(name: &str, add: impl FnOnce(Zone) -> Zone) -> Report {
    let host = format!("mx.{name}");
    let zone = Zone::default()
        .mx(name, 10, &host)
        .address(&host, "127.0.0.1")
        .address("mx.example.org", "127.0.0.1");
    domain(name, add(zone), |_| {}).await
}

fn with_policy(zone: Zone) -> Zone {
    zone.text("_mta-sts.good.test", "v=STSv1; id=42;").address("mta-sts.good.test", "127.0.0.1")
}

/// A domain with this MTA-STS policy.
async fn policy(mode: &str, mx: &str) -> Report {
    let pki = Pki::new();
    let port = Fake::with_tls(&pki).serve().port();
    let https =
        policy_host(&pki, format!("version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 86400\r\n"));
    let zone = with_policy(Zone::healthy());
    subject(Subject::Domain("good.test".to_owned(), port), zone, &pki, |plan| plan.https_port = https).await
}

fn policy_host(pki: &Pki, text: String) -> u16 {
    let leaf = pki.leaf(&["mta-sts.good.test"], |_| {});
    let tls = acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3).build();
    let host = peer(move |tcp| {
        let mut link = tls.accept(tcp).unwrap();
        let _ = link.read(&mut [0; 2000]);
        link.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{text}").as_bytes()).unwrap();
        let _ = link.shutdown();
    });
    host.port()
}

async fn tlsa(change: impl FnOnce(Zone) -> Zone, usage: u8, data: Vec<u8>) -> Report {
    let pki = Pki::new();
    let port = Fake::with_tls(&pki).serve().port();
    let zone = change(Zone::healthy()).tlsa(&format!("_{port}._tcp.mx.good.test"), usage, data);
    subject(Subject::Domain("good.test".to_owned(), port), zone, &pki, |_| {}).await
}

async fn port(port: u16, change: impl FnOnce(&mut Plan)) -> Report {
    let mut plan = plan(&Pki::new());
    change(&mut plan);
    check(plan, Scheme::Submission, SocketAddr::from(([127, 0, 0, 1], port))).await
}

/// A host at these ports, of which none was named.
async fn ports(ports: Vec<u16>) -> Report {
    let mut plan = plan(&Pki::new());
    plan.dial.timeout = Duration::from_millis(300);
    plan.ports = ports;
    heloise::check::run(Arc::new(plan), &Subject::Host(Host::parse("127.0.0.1").unwrap()), Watch::default())
        .await
}

pub fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A port whose queue of connections is full, so that it answers no more of them.
pub fn silent_port() -> u16 {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let addr = socket.local_addr().unwrap();
    let waiting: Vec<Socket> = (0..3)
        .map(|_| {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&addr);
            client
        })
        .collect();
    std::thread::sleep(Duration::from_millis(50));
    // They have to stay for as long as the test runs.
    std::mem::forget((socket, waiting));
    addr.as_socket().unwrap().port()
}

#[tokio::test]
async fn a_healthy_domain_raises_no_alarm() {
    let report = domain("good.test", Zone::healthy(), |_| {}).await;
    assert_eq!(ids(&report, Severity::Note), ["sts-missing"]);
    assert_eq!(report.outcome(Severity::Warning), Outcome::Fine);
    let names: Vec<&str> = report.legs[0].stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["dns", "policies", "ptr", "tlsa"]);
    let all: Vec<&String> = report.legs[0].stages.iter().map(|stage| &stage.summary).collect();
    assert_eq!(
        format!("{all:?}"),
        r#"["mx.good.test → 127.0.0.1", "SPF yes · DMARC p=reject · MTA-STS none · TLS-RPT yes", "127.0.0.1 → mx.good.test → 127.0.0.1", "none for mx.good.test"]"#
    );
}

#[tokio::test]
async fn a_family_that_does_not_answer_is_a_warning_while_the_other_does() {
    let pki = Pki::new();
    let port = Fake::with_tls(&pki).serve().port();
    let zone = Zone::default().address("two.test", "127.0.0.1").address("two.test", "::1");
    let target =
        Target { scheme: Scheme::Submission, host: Host::parse("two.test").unwrap(), port, mx: false };
    let report = subject(Subject::Port(target.clone()), zone.clone(), &pki, |_| {}).await;
    let refused: Vec<Severity> = report
        .findings
        .iter()
        .filter(|finding| finding.stage.as_str() == "tcp")
        .map(|f| f.severity)
        .collect();
    assert_eq!(refused, [Severity::Warning], "nobody listens at ::1");
    assert_eq!(report.outcome(Severity::Problem), Outcome::Fine);
    let target = Target { port: closed_port(), ..target };
    let report = subject(Subject::Port(target), zone, &pki, |_| {}).await;
    assert_eq!(report.outcome(Severity::Problem), Outcome::Unreached, "neither family answers");
}

#[tokio::test]
async fn a_policy_that_is_enforced_makes_a_bad_certificate_a_problem() {
    let (pki, stranger) = (Pki::new(), Pki::named("Strange"));
    let port = Fake::with_tls(&stranger).serve().port();
    let subject_of = || Subject::Domain("good.test".to_owned(), port);
    let report = subject(subject_of(), Zone::healthy(), &pki, |_| {}).await;
    assert_eq!(ids(&report, Severity::Warning), ["certificate-unknown-issuer"]);
    assert_eq!(report.worst(), Some(Severity::Warning), "mail servers go on without");
    let https =
        policy_host(&pki, "version: STSv1\nmode: enforce\nmx: *.good.test\nmax_age: 86400\n".to_owned());
    let report =
        subject(subject_of(), with_policy(Zone::healthy()), &pki, |plan| plan.https_port = https).await;
    assert_eq!(report.worst(), Some(Severity::Problem), "{:?}", ids(&report, Severity::Note));
}
