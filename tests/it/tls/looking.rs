//! Side connections: the chain that TLS 1.3 hides, and the versions that a server takes.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use heloise::session::{Caps, Timeouts};
use heloise::target::{Host, Scheme, Target};
use heloise::transcript::{Entry, Header};
use heloise::transport::chain::{self, Remark};
use heloise::transport::dial::DialOptions;
use heloise::transport::inspect::{InspectError, inspect};
use heloise::transport::mta_sts::{self, Mode};
use heloise::transport::tap::{Alert, ProtocolVersion};
use heloise::transport::tls::{Verified, VerifyReason, Version};
use heloise::transport::versions::{Answer, versions};
use heloise::transport::{Broken, Link, Log, Setup, Sink, TlsOptions, TlsSetup};
use openssl::ssl::{SslOptions, SslVerifyMode, SslVersion};

use super::pki::{self, NAME, Pki};
use super::trusting;

const EHLO: &str = "me.example";

fn setup(server: SocketAddr, starttls: bool, tls: &TlsOptions) -> Setup {
    let scheme = if starttls { Scheme::Smtp } else { Scheme::Smtps };
    Setup {
        target: Target { scheme, host: host(), port: server.port(), mx: false },
        dial: DialOptions::default(),
        tls: TlsSetup::load(tls).unwrap(),
        timeouts: Timeouts::default(),
        caps: Caps::default(),
        title: None,
        options: Vec::new(),
    }
}

fn host() -> Host {
    Host::parse(NAME).unwrap()
}

#[tokio::test]
async fn the_chain_that_tls_1_3_hides_is_seen_beside() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME], |_| {}));
    for starttls in [false, true] {
        let acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
        let server = pki::mail_server(acceptor, starttls);
        let setup = setup(server, starttls, &trusting(&ca));
        let found = inspect(&setup, server, &host(), EHLO).await.unwrap();
        assert!(found.complete);
        assert_eq!((found.chain.len(), found.version), (2, Some(ProtocolVersion::TLS_1_2)));
        assert_eq!((&found.verified, found.root.as_deref()), (&Verified::Yes, Some("CN=Test Root")));
    }
}

#[tokio::test]
async fn a_missing_intermediate_is_found_behind_tls_1_3() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    let leaf = pki.leaf(&[NAME], |params| params.custom_extensions = vec![pki::published_issuer()]);
    let chain = std::slice::from_ref(&leaf.der);
    let acceptor = pki::acceptor(chain, &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
    let server = pki::mail_server(acceptor, false);
    let found = inspect(&setup(server, false, &trusting(&ca)), server, &host(), EHLO).await.unwrap();
    let Verified::No(problem) = &found.verified else { panic!("{:?}", found.verified) };
    assert_eq!(problem.reason, VerifyReason::MissingIntermediate);
    assert_eq!(chain::review(&found.chain, chrono::Utc::now()), [vec![Remark::IssuerNotSent]]);
}

#[tokio::test]
async fn a_server_of_tls_1_3_only_shows_at_least_its_own() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME], |_| {}));
    let acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_3, SslVersion::TLS1_3);
    let server = pki::mail_server(acceptor, false);
    let found = inspect(&setup(server, false, &trusting(&ca)), server, &host(), EHLO).await.unwrap();
    assert!(!found.complete);
    assert_eq!(found.chain.first().unwrap().der(), leaf.der);
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_has_shown_its_own_before() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME], |_| {}));
    let mut acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_2);
    acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let server = pki::mail_server(acceptor, false);
    let found = inspect(&setup(server, false, &trusting(&ca)), server, &host(), EHLO).await.unwrap();
    assert_eq!(found.chain.len(), 2);
    assert!(found.seen.certificate_asked);
}

/// The alert comes with a reset behind it, so that the next write may fail before the alert has been noticed. It is what
/// is told all the same.
#[tokio::test]
async fn an_alert_is_not_missed_where_a_write_fails_first() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&["127.0.0.1"], |_| {}));
    let mut acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_3, SslVersion::TLS1_3);
    acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    let acceptor = acceptor.build();
    let server = pki::peer(move |tcp| drop(acceptor.accept(Slow(tcp))));
    let mut setup = setup(server, false, &trusting(&ca));
    setup.target.host = Host::parse("127.0.0.1").unwrap();
    let opened = setup.open(Log::new(Box::new(Nobody), 0)).await;
    let mut connection = opened.map_err(|(_, error)| error).unwrap();
    let nothing_yet = tokio::time::timeout(Slow::PAUSE / 4, connection.next()).await;
    assert!(nothing_yet.is_err(), "{nothing_yet:?}");
    // What arrives now is not noticed, as nothing else runs on this thread.
    std::thread::sleep(Slow::PAUSE * 8);
    match connection.greet(EHLO).await {
        Err(Broken::Alert(alert)) => assert_eq!(alert.name, "certificate required"),
        other => panic!("{other:?}"),
    }
}

/// A server's end that takes its time before each read.
#[derive(Debug)]
struct Slow(std::net::TcpStream);

impl Slow {
    const PAUSE: Duration = Duration::from_millis(200);
}

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        std::thread::sleep(Slow::PAUSE);
        self.0.read(into)
    }
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Keeps nothing.
struct Nobody;

impl Sink for Nobody {
    fn begin(&mut self, _: &Header) -> Result<(), String> {
        Ok(())
    }

    fn entry(&mut self, _: &Entry, _: bool) -> Result<(), String> {
        Ok(())
    }

    fn keeps(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_refused_starttls_is_told() {
    let server = pki::peer(|mut tcp| {
        for answer in ["220 hi\r\n", "250 mx\r\n", "454 4.7.0 TLS not available\x1b[2J\r\n"] {
            tcp.write_all(answer.as_bytes()).unwrap();
            let _ = tcp.read(&mut [0; 1000]);
        }
    });
    let error =
        inspect(&setup(server, true, &TlsOptions::default()), server, &host(), EHLO).await.unwrap_err();
    assert!(matches!(error, InspectError::Side(_)));
    assert_eq!(error.to_string(), r"the server did not accept STARTTLS: 454 4.7.0 TLS not available\x1b[2J");
}

#[tokio::test]
async fn each_version_is_asked_for_by_itself() {
    let pki = Pki::new();
    let leaf = pki.leaf(&[NAME], |_| {});
    let no = Answer::Refused(Alert { fatal: true, code: 70 });
    for starttls in [false, true] {
        let acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
        let server = pki::mail_server(acceptor, starttls);
        let setup = setup(server, starttls, &TlsOptions::default());
        let found = versions(&setup, server, &host(), EHLO).await;
        assert_eq!(found[0], (Version::V1_0, no.clone()));
        assert_eq!(found[1], (Version::V1_1, no.clone()));
        assert!(
            matches!(&found[2].1, Answer::Taken(cipher) if cipher.starts_with("TLS_ECDHE_ECDSA_")),
            "{found:?}"
        );
        assert!(matches!(&found[3].1, Answer::Taken(cipher) if cipher.starts_with("TLS_AES_")), "{found:?}");
    }
}

#[tokio::test]
async fn a_server_that_has_only_old_versions_is_seen_as_such() {
    let pki = Pki::new();
    let leaf = pki.leaf(&[NAME], |_| {});
    let mut acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1, SslVersion::TLS1_1);
    acceptor.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    acceptor.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
    let server = pki::mail_server(acceptor, false);
    let found = versions(&setup(server, false, &TlsOptions::default()), server, &host(), EHLO).await;
    let refused_by_library = found.iter().all(|(_, answer)| !matches!(answer, Answer::Taken(_)));
    if refused_by_library {
        eprintln!("skipped: this machine's TLS library cannot serve TLS 1.0 and 1.1");
        return;
    }
    assert!(matches!(found[0].1, Answer::Taken(_)) && matches!(found[1].1, Answer::Taken(_)), "{found:?}");
    assert_eq!(found[2].1, Answer::Instead(ProtocolVersion::TLS_1_1));
    assert!(!matches!(found[3].1, Answer::Taken(_)), "{found:?}");
}

#[tokio::test]
async fn a_policy_is_fetched_over_https() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    let tls = TlsSetup::load(&trusting(&ca)).unwrap();
    let policy = "version: STSv1\nmode: testing\nmx: mx.example.org\nmax_age: 86400\n";
    for (status, body, expected) in [
        ("200 OK", policy, Ok(Mode::Testing)),
        (
            "302 Found",
            policy,
            Err("the MTA-STS policy cannot be fetched: the server said HTTP/1.1 302 Found"),
        ),
        ("200 OK", "<html>", Err("the MTA-STS policy is malformed: there is no version: STSv1")),
    ] {
        let leaf = pki.leaf(&["mta-sts.example.org"], |_| {});
        let acceptor =
            pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3).build();
        let server = pki::peer(move |tcp| {
            let mut link = acceptor.accept(tcp).unwrap();
            let count = link.read(&mut [0; 1000]).unwrap();
            assert!(count > 60);
            write!(link, "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n\r\n{body}").unwrap();
            let _ = link.shutdown();
        });
        let link = Link::new(tokio::net::TcpStream::connect(server).await.unwrap());
        let found = mta_sts::fetch_from(link, &Host::parse("mta-sts.example.org").unwrap(), &tls).await;
        assert_eq!(
            found.map(|policy| policy.mode).map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    }
}
