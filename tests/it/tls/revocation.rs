//! Revoked certificates: lists from files and from where the certificate says, and what the session makes of them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use heloise::transport::cert::CertInfo;
use heloise::transport::revocation::crl::{self, NotACrl};
use heloise::transport::revocation::{self, Glance, Reason, Standing};
use openssl::ssl::SslVersion;
use rcgen::{CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope};

use super::pki::{self, Leaf, NAME, Pki};
use crate::binary::{Heloise, Run};

/// The serial number of the certificate that is looked at.
const SERIAL: u8 = 7;

const BOTH: (SslVersion, SslVersion) = (SslVersion::TLS1_2, SslVersion::TLS1_3);

fn leaf(pki: &Pki) -> Leaf {
    pki.leaf(&[NAME], |params| params.serial_number = Some(vec![SERIAL].into()))
}

/// A server with a certificate, and sessions with it.
struct Bench {
    heloise: Heloise,
    ca: tempfile::NamedTempFile,
    server: SocketAddr,
}

impl Bench {
    fn new(pki: &Pki, leaf: &Leaf, versions: (SslVersion, SslVersion)) -> Bench {
        let acceptor = pki::acceptor(&pki.chain(leaf), &leaf.key, versions.0, versions.1);
        Bench { heloise: Heloise::new(), ca: pki.ca_file(), server: pki::smtp_server(Some(acceptor), true) }
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.heloise.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn ends(&self, code: i32, args: &[&str]) -> Run {
        let (target, ca) = (self.server.to_string(), self.ca.path().to_str().unwrap());
        let own =
            [&*target, "--starttls", "--ca", ca, "--no-system-ca", "--verify-name", NAME, "--timeout", "10"];
        let run = self.heloise.run(&[&own, args, &["-c", "QUIT"]].concat(), b"");
        assert_eq!(run.code, Some(code), "{args:?}: {}", run.all());
        run
    }
}

/// Wherever the lines are broken.
fn assert_says(run: &Run, words: &[&str]) {
    let one_line = |text: &str| text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let said = one_line(&run.all());
    for word in words {
        assert!(said.contains(&one_line(word)), "no {word:?} in\n{}", run.all());
    }
}

#[test]
fn a_revoked_certificate_stops_the_session_and_is_explained() {
    let pki = Pki::new();
    let leaf = leaf(&pki);
    for versions in [BOTH, (SslVersion::TLS1_2, SslVersion::TLS1_2)] {
        let bench = Bench::new(&pki, &leaf, versions);
        let file = bench.put("list.crl", pki.crl(&[3, SERIAL], |_| {}));
        let run = bench.ends(3, &["--crl", &file, "-c", "AUTH PLAIN"]);
        let words = [
            "does not verify: it was revoked on 2025-03-01 00:00 UTC",
            "(keyCompromise: somebody else may have its private key)",
            "says the CRL of CN=Test Intermediate in",
            "try: give the server a new certificate",
            "try: until then send it no password",
        ];
        assert_says(&run, &words);
        assert!(!run.stdout.contains("AUTH"), "{}", run.stdout);
        let waived = bench.ends(0, &["--crl", &file, "--insecure", "-c", "/tls here"]);
        assert_says(
            &waived,
            &["certificate NOT verified", "verified    NO: it was revoked", "revocation  it was"],
        );
    }
}

#[test]
fn one_that_is_not_revoked_is_said_and_kept() {
    let pki = Pki::new();
    let leaf = leaf(&pki);
    let bench = Bench::new(&pki, &leaf, BOTH);
    // The list is found among others, in PEM.
    let pem = pki.crl_pem(&[3], |_| {});
    let file = bench.put("lists.pem", format!("{}{pem}", Pki::named("Other").crl_pem(&[SERIAL], |_| {})));
    let record = bench.heloise.path("kept.heloise");
    let run = bench.ends(0, &["--crl", &file, "--record", &record, "-c", "/tls here"]);
    assert_says(
        &run,
        &["certificate verified · not revoked", "not revoked, says the CRL of CN=Test Intermediate"],
    );
    let kept = std::fs::read_to_string(record).unwrap();
    assert!(kept.contains("revocation=good revocation-says="), "{kept}");
}

#[test]
fn a_list_that_cannot_tell_is_a_warning_of_its_own() {
    let pki = Pki::new();
    let leaf = leaf(&pki);
    let bench = Bench::new(&pki, &leaf, BOTH);
    let old = |params: &mut rcgen::CertificateRevocationListParams| {
        params.next_update = rcgen::date_time_ymd(2025, 4, 1);
    };
    for (name, list, words) in [
        (
            "old",
            pki.crl(&[3], old),
            "it expired on 2025-04-01 00:00 UTC, and newer revocations are not in it",
        ),
        ("strange", Pki::named("Other").crl(&[SERIAL], |_| {}), "none of the lists is from its issuer"),
        (
            "forged",
            Pki::new().crl(&[SERIAL], |_| {}),
            "its signature is not that of the certificate's issuer",
        ),
    ] {
        let run = bench.ends(0, &["--crl", &bench.put(name, list)]);
        assert_says(&run, &["certificate verified · revocation unknown", words]);
    }
    // What was revoked stays so.
    assert_says(&bench.ends(3, &["--crl", &bench.put("late", pki.crl(&[SERIAL], old))]), &["it was revoked"]);
}

#[test]
fn a_file_without_a_list_is_refused_before_any_connection() {
    let pki = Pki::new();
    let bench = Bench::new(&pki, &leaf(&pki), BOTH);
    let mut damaged = pki.crl(&[], |_| {});
    damaged.truncate(40);
    for (name, content) in
        [("empty", vec![]), ("cert", pki.root_pem.clone().into_bytes()), ("damaged", damaged)]
    {
        let run = bench.ends(1, &["--crl", &bench.put(name, content)]);
        assert_says(&run, &["there is no certificate revocation list in it"]);
        assert!(!run.stdout.contains("connected"), "{}", run.stdout);
    }
    assert_says(
        &bench.ends(1, &["--crl", "/nowhere/list.crl"]),
        &["cannot read the CRL file /nowhere/list.crl"],
    );
}

/// An HTTP server that gives one answer to everybody.
fn publish(content: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/list.crl", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut tcp = tcp.unwrap();
            let _ = tcp.read(&mut [0; 1000]);
            let _ = tcp.write_all(
                format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", content.len()).as_bytes(),
            );
            let _ = tcp.write_all(&content);
        }
    });
    url
}

#[test]
fn the_published_list_is_fetched_when_asked_for() {
    let pki = Pki::new();
    for (list, code, words) in [
        (pki.crl(&[SERIAL], |_| {}), 3, "it was revoked on 2025-03-01"),
        (pki.crl(&[], |_| {}), 0, "not revoked"),
        (b"<html>".to_vec(), 0, "there is no certificate revocation list in it"),
    ] {
        let url = publish(list);
        let leaf = pki.leaf(&[NAME], |params| {
            params.serial_number = Some(vec![SERIAL].into());
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.clone()] }];
        });
        let bench = Bench::new(&pki, &leaf, BOTH);
        assert_says(&bench.ends(code, &["--check-revocation"]), &[words]);
        let unasked = bench.ends(0, &[]);
        assert!(!unasked.all().contains("revo"), "{}", unasked.all());
    }
}

#[test]
fn a_certificate_that_names_no_source_is_said() {
    let pki = Pki::new();
    let bench = Bench::new(&pki, &leaf(&pki), BOTH);
    let run = bench.ends(0, &["--check-revocation"]);
    assert_says(
        &run,
        &["revocation unknown", "none was sent", "names neither a responder (OCSP) nor a list (CRL)"],
    );
}

fn standing(pki: &Pki, leaf: &Leaf, list: &[u8]) -> Option<Standing> {
    let crls = crl::read(list, "here").unwrap();
    let [leaf, issuer] = [&leaf.der, &pki.intermediate].map(|der| CertInfo::from_der(der).unwrap());
    crls[0].judge(&leaf, &issuer, chrono::Utc::now()).map(|it| it.standing)
}

#[test]
fn a_part_of_a_list_speaks_for_its_certificates_only() {
    let pki = Pki::new();
    let uri = |name: &str| CrlDistributionPoint { uris: vec![format!("http://crl.example.org/{name}")] };
    let mine = pki.leaf(&[NAME], |params| params.crl_distribution_points = vec![uri("7.crl")]);
    let part = |name, scope| {
        pki.crl(&[], |params| {
            let distribution_point = uri(name);
            params.issuing_distribution_point =
                Some(CrlIssuingDistributionPoint { distribution_point, scope });
        })
    };
    assert_eq!(standing(&pki, &mine, &part("7.crl", None)), Some(Standing::Good));
    assert_eq!(standing(&pki, &mine, &part("7.crl", Some(CrlScope::UserCertsOnly))), Some(Standing::Good));
    for (list, words) in [
        (part("8.crl", None), "another distribution point"),
        (part("7.crl", Some(CrlScope::CaCertsOnly)), "authorities' certificates only"),
    ] {
        let Some(Standing::Unknown(why)) = standing(&pki, &mine, &list) else { panic!("{words}") };
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn a_staple_that_is_nonsense_tells_nothing() {
    let pki = Pki::new();
    let leaf = leaf(&pki);
    let chain: Vec<CertInfo> = pki.chain(&leaf).iter().map(|der| CertInfo::from_der(der).unwrap()).collect();
    // Success without an answer; an answer of a kind that nobody knows; no OCSP at all.
    for nonsense in
        [&[0x30, 3, 0x0a, 1, 0][..], &[0x30, 3, 0x0a, 1, 6], &[0x30, 3, 0x0a, 1, 9], &leaf.der, &[]]
    {
        let glance = Glance { chain: chain.clone(), stapled: Some(nonsense.to_vec()) };
        let said = revocation::stapled(&glance, None).standing;
        assert!(matches!(said, Standing::Unknown(_)), "{nonsense:?}: {said:?}");
    }
}

#[test]
fn reasons_have_their_names() {
    assert!(Reason(4).to_string().starts_with("superseded: "));
    assert_eq!(Reason(7).to_string(), "reason code 7, which is not defined");
    assert_eq!(crl::read(b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "x"), Err(NotACrl));
}
