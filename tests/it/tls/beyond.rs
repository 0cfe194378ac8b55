//! What native-tls does not do, and OpenSSL itself does: keys logged, ciphers and groups chosen, keying material exported.

use std::os::unix::fs::PermissionsExt;

use heloise::sasl::BindingKind;
use heloise::transport::TlsOptions;
use heloise::transport::link::Connection;
use heloise::transport::tls::Version;
use openssl::pkey::PKey;
use openssl::ssl::{SslVerifyMode, SslVersion};
use openssl::x509::X509;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::pki::{self, NAME, Pki};
use super::{connect, trusting};
use crate::binary::Heloise;

const BOTH: (SslVersion, SslVersion) = (SslVersion::TLS1_2, SslVersion::TLS1_3);

/// A server, and options that trust it.
fn good(pki: &Pki, ca: &tempfile::NamedTempFile) -> (std::net::SocketAddr, TlsOptions) {
    let leaf = pki.leaf(&[NAME], |_| {});
    let server = pki::acceptor(&pki.chain(&leaf), &leaf.key, BOTH.0, BOTH.1);
    (pki::serve(server), trusting(ca))
}

#[tokio::test]
async fn ciphers_and_groups_are_chosen() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    let text = |text: &str| Some(text.to_owned());
    let old = TlsOptions { max: Some(Version::V1_2), ..trusting(&ca) };
    for (options, cipher, group) in [
        (
            TlsOptions { ciphers: text("ECDHE-ECDSA-CHACHA20-POLY1305"), ..old },
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            None,
        ),
        (
            TlsOptions {
                ciphersuites: text("TLS_AES_128_GCM_SHA256"),
                groups: text("P-384"),
                ..trusting(&ca)
            },
            "TLS_AES_128_GCM_SHA256",
            Some("secp384r1"),
        ),
    ] {
        let mut link = connect(&options, good(&pki, &ca).0, NAME).await.unwrap();
        let info = link.info();
        assert_eq!(info.cipher.as_deref(), Some(cipher));
        assert!(group.is_none() || info.group.as_deref() == group, "{:?}", info.group);
        assert_eq!((info.sni.as_deref(), info.matched_name.as_deref()), (Some(NAME), Some(NAME)));
        assert_eq!(info.binding.as_ref().unwrap().data.len(), 32);
        link.write_all(b"EHLO me\r\n").await.unwrap();
        let mut said = [0; 20];
        link.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"220 ready\r\nEHLO me\r\n");
        assert_eq!(link.peer().unwrap().ip().to_string(), "127.0.0.1");
    }
}

#[tokio::test]
async fn both_libraries_hash_the_certificate_alike() {
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&[NAME], |_| {}));
    let mut seen = Vec::new();
    for groups in [None, Some("P-256".to_owned())] {
        let server = pki::serve(pki::acceptor(&pki.chain(&leaf), &leaf.key, BOTH.0, BOTH.1));
        let link = connect(&TlsOptions { groups, ..trusting(&ca) }, server, NAME).await.unwrap();
        seen.push(link.info().binding.clone().unwrap());
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn keying_material_is_exported_under_tls_1_3_alone() {
    let pki = Pki::new();
    let ca = pki.ca_file();
    let mut seen = Vec::new();
    for max in [None, None, Some(Version::V1_2)] {
        let (server, options) = good(&pki, &ca);
        let options = TlsOptions { binding: BindingKind::TlsExporter, max, ..options };
        seen.push(connect(&options, server, NAME).await.unwrap().info().binding.clone());
    }
    let [Some(first), Some(second), None] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((first.kind, first.data.len()), (BindingKind::TlsExporter, 32));
    assert_ne!(first.data, second.data, "it belongs to one session");
}

#[tokio::test]
async fn keys_are_added_to_a_file_of_the_owners() {
    let pki = Pki::new();
    let (ca, dir) = (pki.ca_file(), tempfile::tempdir().unwrap());
    let file = dir.path().join("keys");
    for (max, label) in [(None, "CLIENT_TRAFFIC_SECRET_0 "), (Some(Version::V1_2), "CLIENT_RANDOM ")] {
        let (server, options) = good(&pki, &ca);
        let options = TlsOptions { keylog: Some(file.clone()), max, ..options };
        let link = connect(&options, server, NAME).await.unwrap();
        let logged = link.info().keylog.clone().unwrap();
        assert_eq!((logged.path, logged.failed), (file.display().to_string(), None));
        assert!(std::fs::read_to_string(&file).unwrap().lines().any(|line| line.starts_with(label)));
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.starts_with("SERVER_HANDSHAKE_TRAFFIC_SECRET "), "what was there stays: {kept}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_client_certificate_is_shown_by_either_library() {
    let pki = Pki::new();
    let (ca, dir) = (pki.ca_file(), tempfile::tempdir().unwrap());
    let client = pki.leaf(&["client.example"], |_| {});
    let chain = format!("{}{}", client.pem(), pem_of(&pki.intermediate));
    let (cert, key) = (pki::put(&dir, "c.pem", chain), pki::put(&dir, "c.key", client.key.serialize_pem()));
    let mut both = openssl::pkcs12::Pkcs12::builder();
    both.cert(&X509::from_der(&client.der).unwrap());
    both.pkey(&PKey::private_key_from_der(client.key.serialized_der()).unwrap());
    let p12 = pki::put(&dir, "c.p12", both.build2("").unwrap().to_der().unwrap());
    for (cert, key) in [(cert, Some(key)), (p12, None)] {
        for groups in [None, Some("P-256".to_owned())] {
            let leaf = pki.leaf(&[NAME], |_| {});
            let mut server = pki::acceptor(&pki.chain(&leaf), &leaf.key, BOTH.0, BOTH.1);
            let expected = client.der.clone();
            let demanded = SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT;
            server.set_verify_callback(demanded, move |_, context| {
                context.error_depth() > 0
                    || context.current_cert().is_some_and(|cert| cert.to_der().unwrap() == expected)
            });
            let (cert, key) = (Some(cert.clone()), key.clone());
            let options = TlsOptions { cert, key, groups, ..trusting(&ca) };
            let mut link = connect(&options, pki::serve(server), NAME).await.unwrap();
            let mut greeting = [0; 11];
            link.read_exact(&mut greeting).await.unwrap();
        }
    }
}

fn pem_of(der: &[u8]) -> String {
    String::from_utf8(X509::from_der(der).unwrap().to_pem().unwrap()).unwrap()
}

/// On the screen, in the record, and wherever that is shown later.
#[test]
fn that_keys_are_logged_is_said_everywhere() {
    const WORDS: &str = "the keys of this link are logged";
    let pki = Pki::new();
    let (ca, leaf) = (pki.ca_file(), pki.leaf(&["127.0.0.1"], |_| {}));
    let server = || {
        let acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, BOTH.0, BOTH.1);
        format!("smtps://{}", pki::smtp_server(Some(acceptor), false))
    };
    let heloise = Heloise::new();
    let [by_option, by_variable, record, ca] = [
        heloise.path("option.keys"),
        heloise.path("variable.keys"),
        heloise.path("session.heloise"),
        ca.path().display().to_string(),
    ];
    let trust = ["--ca", &ca, "--no-system-ca", "-c", "QUIT"];
    let run =
        heloise.run(&[&[&server(), "--keylog", &by_option, "--record", &record][..], &trust].concat(), b"");
    assert!(run.code == Some(0) && run.stdout.contains(WORDS), "{}", run.all());
    let kept = std::fs::read_to_string(&record).unwrap();
    assert!(kept.contains(" keylog=yes") && !kept.contains("option.keys"), "{kept}");
    let told = heloise.run(&["play", "--no-timing", &record], b"");
    assert!(told.stdout.contains(WORDS), "{}", told.all());
    let quiet = heloise.run(&[&[server().as_str()][..], &trust].concat(), b"");
    assert!(quiet.code == Some(0) && !quiet.stdout.contains(WORDS), "{}", quiet.all());

    let heloise = heloise.var("SSLKEYLOGFILE", &by_variable);
    let run = heloise.run(&[&[server().as_str()][..], &trust].concat(), b"");
    assert!(run.stdout.contains(WORDS), "{}", run.all());
    for file in [by_option, by_variable] {
        assert!(std::fs::read_to_string(file).unwrap().contains("EXPORTER_SECRET "));
    }
    let nowhere = heloise.run(&[&[&server(), "--keylog", "/missing/keys"][..], &trust].concat(), b"");
    assert_eq!(nowhere.code, Some(10), "{}", nowhere.all());
    assert!(nowhere.stderr.contains("cannot write the key log /missing/keys"), "{}", nowhere.stderr);
    assert!(!nowhere.stdout.contains("connected"), "{}", nowhere.stdout);
}
