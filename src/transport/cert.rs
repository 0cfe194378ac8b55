//! What a certificate says (RFC 5280), made safe to show, and which names it is for (RFC 6125).

use std::fmt;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use x509_parser::extensions::DistributionPointName;
use x509_parser::prelude::{
    FromDer, GeneralName, ParsedExtension, TbsCertificate, X509Certificate, X509Name,
};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::oids;
use crate::target::Host;
use crate::wire::escape::visible;

/// The facts of a certificate. All text is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertInfo {
    /// The subject, such as `C=DE, O=Example, CN=mx.example.org`.
    pub subject: String,
    /// The last common name of the subject.
    pub common_name: Option<String>,
    /// The issuer, written as the subject is.
    pub issuer: String,
    /// The subject alternative names (RFC 5280 §4.2.1.6).
    pub names: Vec<SubjectName>,
    /// The serial number in hexadecimal.
    pub serial: String,
    /// Kind and size of the public key.
    pub key: KeyInfo,
    /// How the issuer signed it, such as `sha256WithRSAEncryption`.
    pub signature: String,
    /// The first moment of validity.
    pub not_before: DateTime<Utc>,
    /// The last moment of validity.
    pub not_after: DateTime<Utc>,
    /// SHA-256 of the whole certificate.
    pub sha256: [u8; 32],
    /// SHA-256 of the public key with its algorithm (SubjectPublicKeyInfo), which pins and TLSA records use.
    pub spki_sha256: [u8; 32],
    /// It demands a stapled OCSP answer (RFC 7633).
    pub must_staple: bool,
    /// Subject and issuer are the same.
    pub self_signed: bool,
    /// It may issue certificates (basic constraints).
    pub is_ca: bool,
    /// Where the issuer's certificate is published (authority information access).
    pub issuer_urls: Vec<String>,
    /// Where its issuer's revocation list is published (CRL distribution points).
    pub crl_urls: Vec<String>,
    /// Where one can ask whether it has been revoked (OCSP, in authority information access).
    pub ocsp_urls: Vec<String>,
    der: Vec<u8>,
    raw_subject: Vec<u8>,
    raw_issuer: Vec<u8>,
    spki: Vec<u8>,
}

/// A name that a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectName {
    /// A host name, perhaps with a `*` as its first label.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A mail address, URI or other name, with its kind.
    Other(&'static str, String),
}

impl fmt::Display for SubjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SubjectName::Dns(name) => f.write_str(name),
            SubjectName::Ip(ip) => ip.fmt(f),
            SubjectName::Other(kind, name) => write!(f, "{kind}:{name}"),
        }
    }
}

/// Kind and size of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Such as `RSA`, `EC P-256` or `Ed25519`.
    pub kind: String,
    /// Bits, where they are known.
    pub bits: Option<u32>,
}

impl fmt::Display for KeyInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits {
            Some(bits) if !self.kind.starts_with("EC ") => write!(f, "{} {bits} bits", self.kind),
            _ => f.write_str(&self.kind),
        }
    }
}

/// Bytes that are no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate")]
pub struct NotACertificate;

impl CertInfo {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// When the bytes are no certificate. Extensions that cannot be read are passed over.
    pub fn from_der(der: &[u8]) -> Result<CertInfo, NotACertificate> {
        let (_, cert) = X509Certificate::from_der(der).map_err(|_| NotACertificate)?;
        let time = |seconds| DateTime::from_timestamp(seconds, 0).ok_or(NotACertificate);
        let extensions = Extensions::of(&cert.tbs_certificate);
        Ok(CertInfo {
            subject: distinguished_name(cert.subject()),
            common_name: cert.subject().iter_common_name().last().map(|name| visible(name.as_slice())),
            issuer: distinguished_name(cert.issuer()),
            names: extensions.names,
            serial: hex(cert.raw_serial()),
            key: key_info(cert.public_key()),
            signature: oids::signature(&cert.signature_algorithm.algorithm.to_id_string()),
            not_before: time(cert.validity().not_before.timestamp())?,
            not_after: time(cert.validity().not_after.timestamp())?,
            sha256: Sha256::digest(der).into(),
            spki_sha256: Sha256::digest(cert.public_key().raw).into(),
            must_staple: extensions.must_staple,
            self_signed: cert.subject().as_raw() == cert.issuer().as_raw(),
            is_ca: extensions.is_ca,
            issuer_urls: extensions.issuer_urls,
            crl_urls: extensions.crl_urls,
            ocsp_urls: extensions.ocsp_urls,
            der: der.to_vec(),
            raw_subject: cert.subject().as_raw().to_vec(),
            raw_issuer: cert.issuer().as_raw().to_vec(),
            spki: cert.public_key().raw.to_vec(),
        })
    }

    /// The certificate itself.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The public key with its algorithm, in DER (SubjectPublicKeyInfo).
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The certificate in PEM (RFC 7468), with a line that names it above.
    pub fn pem(&self) -> String {
        use base64::Engine;
        let body = base64::engine::general_purpose::STANDARD.encode(&self.der);
        let mut pem = format!("# {}\n-----BEGIN CERTIFICATE-----\n", self.subject);
        for line in body.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }

    /// Whole days until it expires, rounded down; negative when it has.
    pub fn days_left(&self, now: DateTime<Utc>) -> i64 {
        (self.not_after - now).num_seconds().div_euclid(86_400)
    }

    /// The subject in DER, as issuers and revocation lists are matched.
    pub(super) fn raw_subject(&self) -> &[u8] {
        &self.raw_subject
    }

    /// Whether it names `other` as its issuer. The signature is not checked.
    pub fn names_as_issuer(&self, other: &CertInfo) -> bool {
        self.raw_issuer == other.raw_subject
    }

    /// The SHA-256 fingerprint as people compare it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        self.sha256.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// The names for hosts: host names and addresses, or the common name where there are none.
    pub fn host_names(&self) -> Vec<String> {
        let hosts = self.names.iter().filter(|name| !matches!(name, SubjectName::Other(..)));
        let mut hosts: Vec<String> = hosts.map(SubjectName::to_string).collect();
        if hosts.is_empty() {
            hosts.extend(self.common_name.clone());
        }
        hosts
    }

    /// The name in the certificate by which it is for this host (RFC 6125 §6.4); nothing when it is not.
    ///
    /// A `*` stands for exactly one whole first label and needs two labels behind it. The common name counts only
    /// where there is no alternative host name (§6.4.4). An address must be there as an address.
    pub fn matches(&self, host: &Host) -> Option<&str> {
        match host {
            Host::Ip(ip) => {
                let found = self.names.iter().any(|name| matches!(name, SubjectName::Ip(it) if it == ip));
                found.then_some("IP address")
            }
            Host::Name(wanted) => {
                let has_host_names = self.names.iter().any(|name| matches!(name, SubjectName::Dns(_)));
                let listed = self.names.iter().filter_map(|name| match name {
                    SubjectName::Dns(name) => Some(name.as_str()),
                    _ => None,
                });
                let common = self.common_name.as_deref().filter(|_| !has_host_names);
                listed.chain(common).find(|name| covers(name, wanted))
            }
        }
    }
}

/// Whether a name in a certificate covers a host name. Both are in ASCII; case does not matter.
fn covers(pattern: &str, wanted: &str) -> bool {
    let pattern = pattern.strip_suffix('.').unwrap_or(pattern);
    let wanted = wanted.strip_suffix('.').unwrap_or(wanted);
    let Some(parent) = pattern.strip_prefix("*.") else {
        return !pattern.is_empty() && pattern.eq_ignore_ascii_case(wanted);
    };
    let Some((first, rest)) = wanted.split_once('.') else { return false };
    // `*` is not to stand for part of an IDNA label, nor for a whole top-level domain.
    !first.is_empty() && parent.contains('.') && !parent.contains('*') && parent.eq_ignore_ascii_case(rest)
}

#[derive(Default)]
struct Extensions {
    names: Vec<SubjectName>,
    must_staple: bool,
    is_ca: bool,
    issuer_urls: Vec<String>,
    crl_urls: Vec<String>,
    ocsp_urls: Vec<String>,
}

impl Extensions {
    fn of(tbs: &TbsCertificate<'_>) -> Self {
        let mut found = Extensions::default();
        for extension in tbs.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(list) => {
                    found.names.extend(list.general_names.iter().map(subject_name));
                }
                ParsedExtension::BasicConstraints(constraints) => found.is_ca = constraints.ca,
                ParsedExtension::AuthorityInfoAccess(access) => {
                    for it in access.iter() {
                        let Some(url) = url(&it.access_location) else { continue };
                        match it.access_method.to_id_string().as_str() {
                            oids::CA_ISSUERS => found.issuer_urls.push(url),
                            oids::OCSP => found.ocsp_urls.push(url),
                            _ => {}
                        }
                    }
                }
                ParsedExtension::CRLDistributionPoints(points) => {
                    let names = points.iter().filter_map(|point| point.distribution_point.as_ref());
                    found.crl_urls.extend(names.flat_map(urls_of));
                }
                _ if extension.oid.to_id_string() == oids::TLS_FEATURE => {
                    found.must_staple = extension.value.windows(3).any(|part| part == STATUS_REQUEST);
                }
                _ => {}
            }
        }
        found
    }
}

/// The integer 5, status_request, in the DER of the TLS feature extension (RFC 7633 §6).
const STATUS_REQUEST: [u8; 3] = [2, 1, 5];

fn url(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::URI(url) => Some(visible(url.as_bytes())),
        _ => None,
    }
}

/// The URLs by which a distribution point goes.
pub(super) fn urls_of(point: &DistributionPointName<'_>) -> Vec<String> {
    match point {
        DistributionPointName::FullName(names) => names.iter().filter_map(url).collect(),
        DistributionPointName::NameRelativeToCRLIssuer(_) => Vec::new(),
    }
}

fn subject_name(name: &GeneralName<'_>) -> SubjectName {
    let other = |kind, text: &[u8]| SubjectName::Other(kind, visible(text));
    match name {
        GeneralName::DNSName(name) => SubjectName::Dns(visible(name.as_bytes())),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            ip.map_or_else(|_| other("IP", hex(bytes).as_bytes()), SubjectName::Ip)
        }
        GeneralName::RFC822Name(name) => other("email", name.as_bytes()),
        GeneralName::URI(name) => other("URI", name.as_bytes()),
        GeneralName::DirectoryName(name) => other("directory", distinguished_name(name).as_bytes()),
        GeneralName::OtherName(oid, _) => other("other", oid.to_id_string().as_bytes()),
        GeneralName::RegisteredID(oid) => other("OID", oid.to_id_string().as_bytes()),
        GeneralName::Invalid(_, bytes) => other("invalid", bytes),
        GeneralName::X400Address(_) | GeneralName::EDIPartyName(_) => other("other", b"?"),
    }
}

pub(super) fn distinguished_name(name: &X509Name<'_>) -> String {
    let attributes = name.iter_attributes().map(|attribute| {
        let kind = oids::attribute(&attribute.attr_type().to_id_string());
        let value = match attribute.as_str() {
            Ok(text) => visible(text.as_bytes()),
            Err(_) => visible(attribute.as_slice()),
        };
        // A comma or equals sign inside a value would read as the next attribute.
        format!("{kind}={}", value.replace(',', "\\,"))
    });
    attributes.collect::<Vec<_>>().join(", ")
}

fn key_info(spki: &SubjectPublicKeyInfo<'_>) -> KeyInfo {
    let algorithm = spki.algorithm.algorithm.to_id_string();
    match spki.parsed() {
        Ok(PublicKey::RSA(rsa)) => KeyInfo { kind: "RSA".to_owned(), bits: Some(bits(rsa.modulus)) },
        Ok(PublicKey::DSA(_)) => KeyInfo { kind: "DSA".to_owned(), bits: None },
        Ok(PublicKey::EC(point)) => {
            let curve = spki.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            let curve = curve.map_or("with its own curve".to_owned(), |oid| oids::curve(&oid.to_id_string()));
            KeyInfo { kind: format!("EC {curve}"), bits: u32::try_from(point.key_size()).ok() }
        }
        _ => KeyInfo { kind: oids::key(&algorithm), bits: None },
    }
}

fn bits(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros());
    u32::try_from((number.len() - zeros) * 8).unwrap_or(u32::MAX).saturating_sub(first)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn made(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertInfo {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "mx.example.org");
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        CertInfo::from_der(params.self_signed(&key).unwrap().der()).unwrap()
    }

    fn host(name: &str) -> Host {
        Host::parse(name).unwrap()
    }

    #[test]
    fn names_match_as_the_standard_has_it() {
        let cert = made(&["mx.example.org", "*.Example.net", "192.0.2.1", "2001:db8::1"], |_| {});
        for name in ["mx.example.org", "MX.example.org", "a.example.net", "192.0.2.1", "2001:db8::1"] {
            assert!(cert.matches(&host(name)).is_some(), "{name}");
        }
        for name in ["example.org", "example.net", "a.b.example.net", "xmx.example.org", "192.0.2.2", "::1"] {
            assert_eq!(cert.matches(&host(name)), None, "{name}");
        }
        assert_eq!(cert.host_names(), ["mx.example.org", "*.Example.net", "192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn odd_patterns_cover_nothing() {
        for pattern in ["*", "*.org", "*.*.org", "m*.example.org", "*.", "", ".", "*.example.*"] {
            for name in ["mx.example.org", "org", "example.org", ""] {
                assert!(!covers(pattern, name), "{pattern} {name}");
            }
        }
        assert!(covers("mx.example.org.", "mx.example.org"));
    }

    #[test]
    fn the_common_name_counts_only_without_alternative_names() {
        assert_eq!(made(&[], |_| {}).matches(&host("mx.example.org")), Some("mx.example.org"));
        assert_eq!(made(&["other.example"], |_| {}).matches(&host("mx.example.org")), None);
        let with_mail = made(&[], |params| {
            params.subject_alt_names = vec![SanType::Rfc822Name("a@example.org".try_into().unwrap())];
        });
        assert_eq!(with_mail.matches(&host("mx.example.org")), Some("mx.example.org"));
    }

    #[test]
    fn the_facts_are_read() {
        let cert = made(&["mx.example.org"], |params| {
            params.not_before = rcgen::date_time_ymd(2026, 1, 1);
            params.not_after = rcgen::date_time_ymd(2026, 3, 1);
            let feature = rcgen::CustomExtension::from_oid_content(
                &[1, 3, 6, 1, 5, 5, 7, 1, 24],
                vec![0x30, 3, 2, 1, 5],
            );
            params.custom_extensions = vec![feature];
        });
        assert_eq!((cert.subject.as_str(), cert.issuer.as_str()), ("CN=mx.example.org", "CN=mx.example.org"));
        assert!(cert.self_signed && cert.must_staple && !cert.is_ca);
        assert_eq!((cert.key.to_string().as_str(), cert.key.bits), ("EC P-256", Some(256)));
        assert_eq!(cert.signature, "ecdsa-with-SHA256");
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(cert.days_left(at("2026-02-27T12:00:00Z")), 1);
        assert_eq!(cert.days_left(at("2026-03-01T00:00:01Z")), -1);
        assert_eq!(cert.fingerprint().len(), 32 * 3 - 1);
        let pem = cert.pem();
        assert!(pem.lines().all(|line| line.len() <= 64 || line.starts_with('#')));
        assert_eq!(native_tls::Certificate::from_pem(pem.as_bytes()).unwrap().to_der().unwrap(), cert.der());
    }

    #[test]
    fn hostile_text_cannot_reach_the_terminal() {
        let cert = made(&[], |params| {
            params.distinguished_name.push(DnType::OrganizationName, "\u{1b}]0;x\u{7}, CN=bank\u{202e}");
        });
        assert_eq!(cert.subject, r"CN=mx.example.org, O=\x1b]0;x\x07\, CN=bank\u{202e}");
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let _ = CertInfo::from_der(&bytes);
        }

        #[test]
        fn a_damaged_certificate_does_no_harm(at in 0usize..400, with in proptest::num::u8::ANY) {
            let mut der = made(&["mx.example.org", "192.0.2.1"], |_| {}).der().to_vec();
            if let Some(byte) = der.get_mut(at) { *byte = with; }
            if let Ok(cert) = CertInfo::from_der(&der) {
                let _ = (cert.matches(&host("mx.example.org")), cert.days_left(Utc::now()), cert.pem());
            }
        }
    }
}
