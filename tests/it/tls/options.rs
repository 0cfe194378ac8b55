//! Options that cannot work are refused before any connection.

use heloise::secret::Secret;
use heloise::transport::tls::{TlsSetupError, Version};
use heloise::transport::{TlsOptions, TlsSetup};
use openssl::pkey::PKey;
use openssl::symm::Cipher;
use openssl::x509::X509;

use super::pki::{self, Leaf, NAME, Pki};

fn refused(options: &TlsOptions) -> TlsSetupError {
    TlsSetup::load(options).unwrap_err()
}

#[test]
fn certificate_authorities_from_a_file_or_a_folder() {
    let (pki, dir) = (Pki::new(), tempfile::tempdir().unwrap());
    let with = |ca| TlsOptions { ca: Some(ca), ..TlsOptions::default() };
    let missing = refused(&with(dir.path().join("no\u{1b}such.pem"))).to_string();
    assert!(
        missing.starts_with("cannot read the CA file ") && missing.ends_with(": no such file or directory")
    );
    assert!(missing.contains(r"no\x1bsuch.pem"), "{missing}");
    let empty = refused(&with(dir.path().to_owned()));
    assert!(matches!(empty, TlsSetupError::NoCertificate(_)), "{empty}");
    let text = refused(&with(pki::put(&dir, "notes.txt", "no certificate here")));
    assert!(matches!(text, TlsSetupError::NoCertificate(_)), "{text}");
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let damaged = refused(&with(pki::put(&dir, "damaged.pem", damaged)));
    assert!(matches!(damaged, TlsSetupError::BadCertificate(..)), "{damaged}");

    let pem = pki::put(&dir, "root.pem", &pki.root_pem);
    assert!(TlsSetup::load(&with(pem)).is_ok());
    let der = X509::from_pem(pki.root_pem.as_bytes()).unwrap().to_der().unwrap();
    assert!(TlsSetup::load(&with(pki::put(&dir, "root.crt", der))).is_ok());
    assert!(TlsSetup::load(&with(dir.path().to_owned())).is_ok(), "other files in the folder do not matter");
}

#[test]
fn client_certificates_in_pem() {
    let (pki, dir) = (Pki::new(), tempfile::tempdir().unwrap());
    let (mine, other) = (pki.leaf(&[NAME], |_| {}), pki.leaf(&[NAME], |_| {}));
    let cert = pki::put(&dir, "mine.pem", mine.pem());
    let with = |key: &str, content: &[u8], passphrase: Option<&str>| TlsOptions {
        cert: Some(cert.clone()),
        key: Some(pki::put(&dir, key, content)),
        passphrase: passphrase.map(Secret::new),
        ..TlsOptions::default()
    };
    let key = PKey::private_key_from_der(mine.key.serialized_der()).unwrap();
    assert!(TlsSetup::load(&with("pkcs8", mine.key.serialize_pem().as_bytes(), None)).is_ok());
    let sec1 = key.ec_key().unwrap().private_key_to_pem().unwrap();
    assert!(TlsSetup::load(&with("sec1", &sec1, None)).is_ok());

    let mismatch = refused(&with("other", other.key.serialize_pem().as_bytes(), None));
    assert!(matches!(mismatch, TlsSetupError::KeyMismatch { .. }), "{mismatch}");
    assert!(matches!(refused(&with("text", b"hello", None)), TlsSetupError::NoKey(_)));
    let broken = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(refused(&with("broken", broken, None)), TlsSetupError::BadKey(_)));

    let locked = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"hunter2").unwrap();
    assert!(TlsSetup::load(&with("locked", &locked, Some("hunter2"))).is_ok());
    assert!(matches!(refused(&with("locked", &locked, None)), TlsSetupError::PassphraseNeeded(_)));
    let wrong = refused(&with("locked", &locked, Some("hunter3")));
    assert!(matches!(wrong, TlsSetupError::WrongPassphrase(_)));
    assert!(!format!("{wrong:?} {wrong}").contains("hunter"));
}

#[test]
fn client_certificate_and_key_in_one_file() {
    let (dir, mine) = (tempfile::tempdir().unwrap(), Leaf::self_signed(&[NAME]));
    let with = |cert| TlsOptions { cert: Some(cert), ..TlsOptions::default() };
    let both = format!("{}{}", mine.pem(), mine.key.serialize_pem());
    assert!(TlsSetup::load(&with(pki::put(&dir, "both.pem", both))).is_ok());
    let alone = refused(&with(pki::put(&dir, "alone.pem", mine.pem())));
    assert!(matches!(alone, TlsSetupError::NoKey(_)), "{alone}");
    assert!(alone.to_string().contains("--key"));
}

#[test]
fn client_certificates_in_pkcs12() {
    let (dir, mine) = (tempfile::tempdir().unwrap(), Leaf::self_signed(&[NAME]));
    let mut builder = openssl::pkcs12::Pkcs12::builder();
    builder.cert(&X509::from_der(&mine.der).unwrap());
    builder.pkey(&PKey::private_key_from_der(mine.key.serialized_der()).unwrap());
    let file = pki::put(&dir, "mine.p12", builder.build2("hunter2").unwrap().to_der().unwrap());
    let with = |passphrase: Option<&str>| TlsOptions {
        cert: Some(file.clone()),
        passphrase: passphrase.map(Secret::new),
        ..TlsOptions::default()
    };
    assert!(TlsSetup::load(&with(Some("hunter2"))).is_ok());
    assert!(matches!(refused(&with(Some("hunter3"))), TlsSetupError::WrongPassphrase(_)));
    assert!(matches!(refused(&with(None)), TlsSetupError::PassphraseNeeded(_)));
    let junk = TlsOptions { cert: Some(pki::put(&dir, "junk", b"junk")), ..TlsOptions::default() };
    assert!(matches!(refused(&junk), TlsSetupError::BadCertificate(..)));
}

#[test]
fn lists_that_name_nothing() {
    for list in ["NONE", "", "a\0b", "\u{1b}[2J"] {
        let list = Some(list.to_owned());
        for (option, options) in [
            ("--ciphers", TlsOptions { ciphers: list.clone(), ..TlsOptions::default() }),
            ("--ciphersuites", TlsOptions { ciphersuites: list.clone(), ..TlsOptions::default() }),
            ("--groups", TlsOptions { groups: list.clone(), ..TlsOptions::default() }),
        ] {
            let said = refused(&options).to_string();
            assert!(said.contains(&format!("there is no such list for {option}")), "{said}");
            assert!(!said.contains(char::is_control), "{said:?}");
        }
    }
}

#[test]
fn versions_and_names_that_make_no_sense() {
    let crossed = TlsOptions { min: Version::V1_3, max: Some(Version::V1_2), ..TlsOptions::default() };
    assert_eq!(refused(&crossed).to_string(), "the lowest version TLSv1.3 is above the highest, TLSv1.2");
    let name = TlsOptions { verify_name: Some("a b".to_owned()), ..TlsOptions::default() };
    assert!(matches!(refused(&name), TlsSetupError::BadName(_)));
}
