//! Handshakes that succeed, and what is known afterwards.

use std::time::Duration;

use heloise::transport::link::{Connection, read_within};
use heloise::transport::tap::ProtocolVersion;
use heloise::transport::tls::{Sni, TlsFailure, Verified, VerifyReason, Version};
use heloise::transport::{AnyLink, TlsOptions};
use openssl::ssl::{SslVerifyMode, SslVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::pki::{self, Leaf, NAME, Pki};
use super::{connect, trusting};

#[tokio::test]
async fn tls_1_2_shows_chain_root_and_everything_else() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME, "*.example.net"], |_| {}));
    let server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_2);
    let mut link = connect(&trusting(&ca), pki::serve(server), NAME).await.unwrap();

    let info = link.info();
    assert_eq!(info.version, Some(ProtocolVersion::TLS_1_2));
    assert!(info.cipher.as_deref().unwrap().starts_with("TLS_ECDHE_ECDSA_WITH_"));
    assert!(info.group.is_some());
    assert_eq!((info.sni.as_deref(), info.checked_name.as_str()), (Some(NAME), NAME));
    assert_eq!((&info.verified, info.matched_name.as_deref()), (&Verified::Yes, Some(NAME)));
    assert_eq!(info.leaf.as_ref().unwrap().der(), leaf.der);
    let chain: Vec<&str> = info.chain.iter().map(|cert| cert.subject.as_str()).collect();
    assert_eq!(chain, ["CN=mx.example.org", "CN=Test Intermediate"]);
    assert!(info.chain[0].names_as_issuer(&info.chain[1]));
    assert_eq!(info.binding.as_ref().unwrap().data.len(), 32);

    let mut greeting = [0; 11];
    link.read_exact(&mut greeting).await.unwrap();
    link.write_all(b"EHLO me\r\n").await.unwrap();
    let mut echo = [0; 9];
    link.read_exact(&mut echo).await.unwrap();
    assert_eq!((&greeting, &echo), (b"220 ready\r\n", b"EHLO me\r\n"));
}

#[tokio::test]
async fn tls_1_3_shows_the_certificate_but_no_chain() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&["*.example.org"], |_| {}));
    let server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_3, SslVersion::TLS1_3);
    let link = connect(&trusting(&ca), pki::serve(server), NAME).await.unwrap();
    let info = link.info();
    assert_eq!(info.version, Some(ProtocolVersion::TLS_1_3));
    assert_eq!((&info.verified, info.matched_name.as_deref()), (&Verified::Yes, Some("*.example.org")));
    assert_eq!(info.leaf.as_ref().unwrap().der(), leaf.der);
    assert!(!info.chain_visible());
}

#[tokio::test]
async fn an_address_is_checked_as_an_address_and_sends_no_name() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&["127.0.0.1"], |_| {}));
    let server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
    let link = connect(&trusting(&ca), pki::serve(server), "127.0.0.1").await.unwrap();
    assert_eq!(link.info().sni, None);
    assert_eq!(link.info().verified, Verified::Yes);
}

#[tokio::test]
async fn sent_name_and_checked_name_may_differ() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    for (sni, sent) in [
        (Sni::Default, Some("other.example")),
        (Sni::Name("third.example".to_owned()), Some("third.example")),
        (Sni::None, None),
    ] {
        let leaf = pki.leaf(&[NAME], |_| {});
        let server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
        let options = TlsOptions { sni, verify_name: Some(NAME.to_owned()), ..trusting(&ca) };
        let link = connect(&options, pki::serve(server), "other.example").await.unwrap();
        assert_eq!((link.info().sni.as_deref(), link.info().checked_name.as_str()), (sent, NAME));
    }
}

#[tokio::test]
async fn insecure_goes_on_and_still_tells_the_truth() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    let expired = pki.leaf(&[NAME], |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let wrong = pki.leaf(&["other.example"], |_| {});
    let good = pki.leaf(&[NAME], |_| {});
    let own = Leaf::self_signed(&[NAME]);
    for (leaf, chain, expected) in [
        (&expired, pki.chain(&expired), Some(VerifyReason::Expired)),
        (&wrong, pki.chain(&wrong), Some(VerifyReason::NameMismatch)),
        (&own, vec![own.der.clone()], Some(VerifyReason::SelfSigned)),
        (&good, pki.chain(&good), None),
    ] {
        let server = pki::acceptor(&chain, &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_2);
        let options = TlsOptions { insecure: true, ..trusting(&ca) };
        let link = connect(&options, pki::serve(server), NAME).await.unwrap();
        assert!(link.info().insecure);
        match (&link.info().verified, expected) {
            (Verified::No(problem), Some(reason)) => assert_eq!(problem.reason, reason),
            (Verified::Yes, None) => assert_eq!(link.info().root.as_deref(), Some("CN=Test Root")),
            (other, expected) => panic!("{other:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn insecure_under_tls_1_3_says_when_it_cannot_know() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    let (good, own) = (pki.leaf(&[NAME], |_| {}), Leaf::self_signed(&[NAME]));
    let options = TlsOptions { insecure: true, ..trusting(&ca) };
    let tls_1_3 = |chain: &[Vec<u8>], leaf: &Leaf| {
        pki::serve(pki::acceptor(chain, &leaf.key, SslVersion::TLS1_3, SslVersion::TLS1_3))
    };
    let link = connect(&options, tls_1_3(&pki.chain(&good), &good), NAME).await.unwrap();
    assert!(matches!(link.info().verified, Verified::Unknown(why) if why.contains("hides the chain")));
    let link = connect(&options, tls_1_3(std::slice::from_ref(&own.der), &own), NAME).await.unwrap();
    assert!(
        matches!(&link.info().verified, Verified::No(problem) if problem.reason == VerifyReason::SelfSigned)
    );
}

#[tokio::test]
async fn a_client_certificate_is_shown_when_asked_for() {
    let pki = Pki::new();
    let (ca, leaf, client) =
        (pki.ca_file(), pki.leaf(&[NAME], |_| {}), pki.leaf(&["client.example"], |_| {}));
    let dir = tempfile::tempdir().unwrap();
    let mut server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_2);
    server
        .set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, move |_, context| {
            context.current_cert().is_none_or(|cert| cert.to_der().unwrap() == client.der)
        });
    let client = pki.leaf(&["client.example"], |_| {});
    let options = TlsOptions {
        cert: Some(pki::put(&dir, "client.pem", client.pem())),
        key: Some(pki::put(&dir, "client.key", client.key.serialize_pem())),
        ..trusting(&ca)
    };
    // Another one than the server knows: it refuses, so the certificate did arrive.
    let error = connect(&options, pki::serve(server), NAME).await.unwrap_err();
    assert!(matches!(error.failure, TlsFailure::ClientCertificate(_)), "{error:?}");

    let mut server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_2);
    server
        .set_verify_callback(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT, move |_, context| {
            context.current_cert().is_none_or(|cert| cert.to_der().unwrap() == client.der)
        });
    let link = connect(&options, pki::serve(server), NAME).await.unwrap();
    assert!(link.info().seen.certificate_asked);
}

#[tokio::test]
async fn what_is_there_is_read_without_waiting() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME], |_| {}));
    let server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
    let link = connect(&trusting(&ca), pki::serve(server), NAME).await.unwrap();
    let mut link = AnyLink::from(link);
    assert!(link.tls().is_some());
    let mut buf = [0; 4];
    let count = read_within(&mut link, &mut buf, Duration::from_secs(30)).await.unwrap();
    assert_eq!((count, &buf), (Some(4), b"220 "));
    assert_eq!(link.try_read(&mut buf).unwrap(), Some(4), "the rest is decrypted already");
    assert_eq!(link.try_read(&mut buf).unwrap(), Some(3));
    assert_eq!(link.try_read(&mut buf).unwrap(), None);
    assert_eq!(read_within(&mut link, &mut buf, Duration::from_millis(1)).await.unwrap(), None);
    assert_eq!(link.local().unwrap().ip(), link.peer().unwrap().ip());
}

#[tokio::test]
async fn versions_are_kept_to() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    for (min, max, expected) in [
        (Version::V1_2, Some(Version::V1_2), ProtocolVersion::TLS_1_2),
        (Version::V1_3, None, ProtocolVersion::TLS_1_3),
    ] {
        let leaf = pki.leaf(&[NAME], |_| {});
        let server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
        let link =
            connect(&TlsOptions { min, max, ..trusting(&ca) }, pki::serve(server), NAME).await.unwrap();
        assert_eq!(link.info().version, Some(expected));
    }
}

#[tokio::test]
async fn a_refusal_after_the_handshake_names_its_alert() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME], |_| {}));
    let mut server = pki::acceptor(&pki.chain(&leaf), &leaf.key, SslVersion::TLS1_3, SslVersion::TLS1_3);
    server.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    // Under TLS 1.3 the client is done before the server has seen that there is no certificate.
    let mut link = connect(&trusting(&ca), pki::serve(server), NAME).await.unwrap();
    let error = link.read(&mut [0; 10]).await.unwrap_err();
    assert_eq!(error.to_string(), "the server broke off TLS with the alert certificate required");
}
