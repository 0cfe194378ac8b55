//! Handshakes that fail, each for its own reason.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use heloise::explain::Failure;
use heloise::transport::cert::CertInfo;
use heloise::transport::pin::{Pin, PinMatch};
use heloise::transport::tap::Alert;
use heloise::transport::tls::{TlsFailure, VerifyProblem, VerifyReason, Version};
use heloise::transport::{TlsError, TlsOptions};
use openssl::ssl::SslVersion;

use super::pki::{self, Leaf, NAME, Pki};
use super::{connect, trusting};

async fn verify_problem(options: &TlsOptions, server: SocketAddr) -> VerifyProblem {
    match connect(options, server, NAME).await.unwrap_err().failure {
        TlsFailure::Verify(problem) => *problem,
        other => panic!("{other:?}"),
    }
}

fn server(chain: &[Vec<u8>], leaf: &Leaf, version: SslVersion) -> SocketAddr {
    pki::serve(pki::acceptor(chain, &leaf.key, version, version))
}

/// Leaves that are each wrong in one way, the chain sent, and what is to be found.
fn bad_certificates(pki: &Pki) -> Vec<(Leaf, Vec<Vec<u8>>, VerifyReason)> {
    let with_chain = |leaf: Leaf, reason| {
        let chain = pki.chain(&leaf);
        (leaf, chain, reason)
    };
    let alone = |leaf: Leaf, reason| {
        let chain = vec![leaf.der.clone()];
        (leaf, chain, reason)
    };
    let expired = pki.leaf(&[NAME], |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let stranger = Pki::named("Strange");
    let strange = stranger.leaf(&[NAME], |_| {});
    let strange_chain = stranger.chain(&strange);
    let future = pki.leaf(&[NAME], |params| params.not_before = rcgen::date_time_ymd(2500, 1, 1));
    vec![
        with_chain(expired, VerifyReason::Expired),
        with_chain(future, VerifyReason::NotYetValid),
        with_chain(pki.leaf(&["other.example", "*.example.net"], |_| {}), VerifyReason::NameMismatch),
        (strange, strange_chain, VerifyReason::UnknownIssuer),
        // The intermediate that is sent did not issue it.
        with_chain(Pki::named("Other").leaf(&[NAME], |_| {}), VerifyReason::MissingIntermediate),
        alone(Leaf::self_signed(&[NAME]), VerifyReason::SelfSigned),
        alone(pki.leaf(&[NAME], |_| {}), VerifyReason::MissingIntermediate),
        alone(
            pki.leaf(&[NAME], |params| params.custom_extensions = vec![pki::published_issuer()]),
            VerifyReason::MissingIntermediate,
        ),
    ]
}

#[tokio::test]
async fn each_bad_certificate_has_its_reason_and_is_seen_under_tls_1_2() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    // By native-tls, and by OpenSSL itself, which alone can choose groups.
    for groups in [None, Some("X25519:P-256".to_owned())] {
        let options = TlsOptions { groups, ..trusting(&ca) };
        for (leaf, chain, reason) in bad_certificates(&pki) {
            let server = server(&chain, &leaf, SslVersion::TLS1_2);
            let error = connect(&options, server, NAME).await.unwrap_err();
            let TlsFailure::Verify(problem) = &error.failure else { panic!("{error:?}") };
            assert_eq!(problem.reason, reason, "{}", problem.said);
            assert_eq!(problem.leaf.as_ref().unwrap().der(), leaf.der, "{reason:?}");
            assert_eq!(explained(&error), row_of(reason));
        }
    }
}

/// The row of the explanations' table for a reason.
fn row_of(reason: VerifyReason) -> &'static str {
    match reason {
        VerifyReason::Expired => "certificate-expired",
        VerifyReason::NotYetValid => "certificate-not-yet-valid",
        VerifyReason::NameMismatch => "hostname-mismatch",
        other => other.slug(),
    }
}

/// The row that an error leads to.
fn explained(error: &TlsError) -> &'static str {
    heloise::explain::explain_failure(&error.failure(), heloise::explain::Asked::of(NAME)).reason.slug()
}

#[tokio::test]
async fn under_tls_1_3_the_reason_is_told_as_far_as_it_can_be() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    for (leaf, chain, reason) in bad_certificates(&pki) {
        let problem = verify_problem(&trusting(&ca), server(&chain, &leaf, SslVersion::TLS1_3)).await;
        match reason {
            // The chain is hidden, so the two cannot be told apart.
            VerifyReason::MissingIntermediate => assert_eq!(problem.reason, VerifyReason::UnknownIssuer),
            reason => assert_eq!(problem.reason, reason),
        }
    }
}

#[tokio::test]
async fn a_name_mismatch_lists_the_names_that_would_do() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&["other.example", "*.example.net"], |_| {}));
    let error = connect(&trusting(&ca), server(&pki.chain(&leaf), &leaf, SslVersion::TLS1_3), NAME)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server's certificate does not verify: it is for other.example, *.example.net, not for mx.example.org"
    );
    assert_eq!(error.leaf().unwrap().der(), leaf.der);
}

#[tokio::test]
async fn an_untrusted_root_in_the_chain_is_told_from_an_unknown_issuer() {
    let (pki, other) = (Pki::new(), Pki::named("Strange"));
    let (ca, leaf) = (other.ca_file(), pki.leaf(&[NAME], |_| {}));
    let mut chain = pki.chain(&leaf);
    chain.push(openssl::x509::X509::from_pem(pki.root_pem.as_bytes()).unwrap().to_der().unwrap());
    let problem = verify_problem(&trusting(&ca), server(&chain, &leaf, SslVersion::TLS1_2)).await;
    assert_eq!(problem.reason, VerifyReason::UntrustedRoot);
}

/// A peer that reads the ClientHello and then does something else than TLS.
async fn odd_peer(then: impl FnOnce(&mut std::net::TcpStream) + Send + 'static) -> TlsError {
    let server = pki::peer(move |mut tcp| {
        let _ = tcp.read(&mut [0; 4096]);
        then(&mut tcp);
    });
    let options = TlsOptions { timeout: Duration::from_millis(300), ..TlsOptions::default() };
    connect(&TlsOptions { no_system_ca: true, ..options }, server, NAME).await.unwrap_err()
}

#[tokio::test]
async fn plaintext_where_tls_was_to_begin() {
    let error = odd_peer(|tcp| {
        tcp.write_all(b"220 mx.example.org ESMTP \x1b[2J\r\n").unwrap();
        let _ = tcp.read(&mut [0; 10]);
    })
    .await;
    assert!(
        matches!(&error.failure, TlsFailure::PlaintextReply(said) if said.starts_with(b"220 ")),
        "{error:?}"
    );
    assert_eq!(error.failure(), Failure::PlaintextNotTls);
    assert!(error.to_string().ends_with(r#"it said "220 mx.example.org ESMTP \x1b[2J""#), "{error}");
}

#[tokio::test]
async fn a_banner_that_comes_at_once_is_plaintext_as_well() {
    let server = pki::peer(|mut tcp| {
        tcp.write_all(b"220 mx.example.org ESMTP\r\n").unwrap();
        let _ = tcp.read(&mut [0; 4096]);
    });
    let options = TlsOptions { no_system_ca: true, ..TlsOptions::default() };
    let error = connect(&options, server, NAME).await.unwrap_err();
    assert!(matches!(error.failure, TlsFailure::PlaintextReply(_)), "{error:?}");
}

#[tokio::test]
async fn another_protocol_is_not_taken_for_smtp() {
    let server = pki::peer(|mut tcp| {
        let _ = tcp.read(&mut [0; 4096]);
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let options = TlsOptions { no_system_ca: true, ..TlsOptions::default() };
    let error = connect(&options, server, NAME).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Tls("plaintext of another protocol".to_owned()));
}

#[tokio::test]
async fn silence_ends_at_the_limit() {
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let error = odd_peer(move |_| {
        let _ = held.recv();
    })
    .await;
    drop(hold);
    assert_eq!(error.failure, TlsFailure::Timeout(Duration::from_millis(300)));
    assert_eq!(error.to_string(), "the server was silent for 0.3 s where TLS was to begin");
    assert!(error.seen.hello_sent && !error.seen.heard);
}

#[tokio::test]
async fn a_close_and_a_half_answer_are_told() {
    let error = odd_peer(|_| {}).await;
    assert_eq!(error.failure, TlsFailure::ClosedInHandshake { reset: false });
    assert_eq!(error.to_string(), "the server closed the connection instead of beginning TLS");
    let error = odd_peer(|tcp| tcp.write_all(&[22, 3, 3, 0, 100, 2, 0]).unwrap()).await;
    assert_eq!(error.to_string(), "the server closed the connection during the TLS handshake");
}

#[tokio::test]
async fn a_reset_is_told_from_a_close() {
    // What is unread when a socket is closed makes the close a reset.
    let server = pki::peer(|tcp| {
        tcp.peek(&mut [0; 1]).unwrap();
    });
    let options = TlsOptions { no_system_ca: true, ..TlsOptions::default() };
    let error = connect(&options, server, NAME).await.unwrap_err();
    assert_eq!(error.failure, TlsFailure::ClosedInHandshake { reset: true });
    assert_eq!(explained(&error), "closed-in-handshake");
}

#[tokio::test]
async fn alerts_have_their_names() {
    let alert = |code: u8| odd_peer(move |tcp| tcp.write_all(&[21, 3, 3, 0, 2, 2, code]).unwrap());
    assert_eq!(alert(112).await.failure, TlsFailure::Alert(Alert { fatal: true, code: 112 }));
    assert_eq!(alert(112).await.to_string(), "the server refused TLS with the alert unrecognized_name (112)");
    assert_eq!(alert(40).await.failure, TlsFailure::NoCommonCipher);
    let error = alert(70).await;
    assert_eq!(error.to_string(), "no version of TLS in common: offered were TLSv1.3, TLSv1.2");
}

#[tokio::test]
async fn versions_that_do_not_meet() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME], |_| {}));
    for (min, max, offered) in
        [(Version::V1_2, Some(Version::V1_2), SslVersion::TLS1_3), (Version::V1_3, None, SslVersion::TLS1_2)]
    {
        let options = TlsOptions { min, max, ..trusting(&ca) };
        let error = connect(&options, server(&pki.chain(&leaf), &leaf, offered), NAME).await.unwrap_err();
        assert_eq!(error.failure, TlsFailure::NoCommonVersion, "{error:?}");
    }
}

#[tokio::test]
async fn a_library_that_refuses_old_versions_is_named() {
    let options = TlsOptions {
        min: Version::V1_0,
        max: Some(Version::V1_1),
        no_system_ca: true,
        ..TlsOptions::default()
    };
    let server = pki::peer(|mut tcp| {
        let _ = tcp.read(&mut [0; 4096]);
    });
    let error = connect(&options, server, NAME).await.unwrap_err();
    match error.failure {
        TlsFailure::Refused(_) => {
            assert!(error.to_string().contains("refuses the versions asked for"), "{error}")
        }
        // Where the library still offers them, the peer's close is what is seen.
        TlsFailure::ClosedInHandshake { .. } => assert!(error.seen.hello_sent),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pins_hold_whoever_vouches_for_the_certificate() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME], |_| {}));
    let (right, wrong) = (CertInfo::from_der(&leaf.der).unwrap(), "00".repeat(32).parse().unwrap());
    for insecure in [false, true] {
        let try_pins = |pins| {
            let options = TlsOptions { pins, insecure, ..trusting(&ca) };
            let server = server(&pki.chain(&leaf), &leaf, SslVersion::TLS1_3);
            async move { connect(&options, server, NAME).await }
        };
        let pinned = async |pins| try_pins(pins).await.unwrap().info().pinned;
        let fingerprint = right.fingerprint().parse().unwrap();
        assert_eq!(pinned(vec![wrong, fingerprint]).await, Some(PinMatch::Certificate));
        assert_eq!(pinned(vec![Pin::of_key(&right)]).await, Some(PinMatch::PublicKey));
        let error = try_pins(vec![wrong]).await.unwrap_err();
        assert_eq!(explained(&error), "pin-mismatch");
        assert!(error.to_string().ends_with(&Pin::of_key(&right).to_string()), "{error}");
    }
}
