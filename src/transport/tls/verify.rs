//! Why a certificate does not verify; and whether one would that nobody asked about (`--insecure`).

use std::fmt;

use chrono::{DateTime, Utc};

use crate::target::Host;
use crate::transport::cert::CertInfo;
use crate::transport::chain::path_end;
use crate::wire::escape::visible;

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VerifyReason {
    /// Its time is over.
    Expired,
    /// Its time has not begun; perhaps this machine's clock is wrong.
    NotYetValid,
    /// It vouches for itself, and is not trusted.
    SelfSigned,
    /// The root of its chain is not trusted.
    UntrustedRoot,
    /// Its issuer is neither sent nor trusted; which of both is missing cannot be told.
    UnknownIssuer,
    /// The server does not send the certificate that links it to a root.
    MissingIntermediate,
    /// It is for other names.
    NameMismatch,
    /// Its issuer has withdrawn it.
    Revoked,
    /// Its key or signature is too weak.
    Weak,
    /// It is not meant for servers, or its issuer not for issuing.
    WrongPurpose,
    /// It is damaged: a signature or field is wrong.
    Damaged,
    /// Something else, in OpenSSL's words.
    Other,
}

impl VerifyReason {
    /// A short word for it, stable, for transcripts and JSON.
    pub fn slug(self) -> &'static str {
        match self {
            VerifyReason::Expired => "expired",
            VerifyReason::NotYetValid => "not-yet-valid",
            VerifyReason::SelfSigned => "self-signed",
            VerifyReason::UntrustedRoot => "untrusted-root",
            VerifyReason::UnknownIssuer => "unknown-issuer",
            VerifyReason::MissingIntermediate => "missing-intermediate",
            VerifyReason::NameMismatch => "name-mismatch",
            VerifyReason::Revoked => "revoked",
            VerifyReason::Weak => "weak",
            VerifyReason::WrongPurpose => "wrong-purpose",
            VerifyReason::Damaged => "damaged",
            VerifyReason::Other => "other",
        }
    }
}

/// A certificate that does not verify, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyProblem {
    /// The kind of failure.
    pub reason: VerifyReason,
    /// The TLS library's words; for a name mismatch they are ours.
    pub said: String,
    /// The name or address that the certificate should be for.
    pub wanted: String,
    /// The certificate, where it could be seen.
    pub leaf: Option<Box<CertInfo>>,
}

impl VerifyProblem {
    /// When the certificate expired or begins to be valid, where that is the matter and the certificate was seen.
    pub fn date(&self) -> Option<String> {
        let leaf = self.leaf.as_deref()?;
        match self.reason {
            VerifyReason::Expired if self.said.is_empty() || leaf.not_after < Utc::now() => {
                Some(format!("it expired on {}", day(leaf.not_after)))
            }
            VerifyReason::NotYetValid if self.said.is_empty() || Utc::now() < leaf.not_before => {
                Some(format!("it is valid from {} on", day(leaf.not_before)))
            }
            _ => None,
        }
    }

    /// The names that would have matched.
    pub fn names(&self) -> Vec<String> {
        self.leaf.as_ref().map(|leaf| leaf.host_names()).unwrap_or_default()
    }
}

impl VerifyProblem {
    /// The words by which `tls.toml` knows it: OpenSSL's, unless more is known than they say.
    pub(super) fn known_as(&self) -> String {
        match self.reason {
            VerifyReason::Expired => "certificate has expired".to_owned(),
            VerifyReason::NotYetValid => "certificate is not yet valid".to_owned(),
            VerifyReason::MissingIntermediate => "missing intermediate".to_owned(),
            VerifyReason::UnknownIssuer => "unknown issuer".to_owned(),
            VerifyReason::Revoked => "certificate revoked".to_owned(),
            _ => self.said.clone(),
        }
    }
}

fn day(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

impl fmt::Display for VerifyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = self.leaf.as_deref();
        if let Some(date) = self.date() {
            return write!(f, "{date}; this machine's clock says {}", day(Utc::now()));
        }
        match (self.reason, leaf) {
            (VerifyReason::SelfSigned, _) => f.write_str("it is self-signed and not trusted here"),
            (VerifyReason::UntrustedRoot, _) => f.write_str("its root authority is not trusted here"),
            (VerifyReason::UnknownIssuer, Some(leaf)) => {
                write!(f, "its issuer ({}) is not known here", leaf.issuer)
            }
            (VerifyReason::MissingIntermediate, Some(leaf)) => {
                write!(
                    f,
                    "the server does not send the certificate of its issuer ({}), and it is not known here",
                    leaf.issuer
                )
            }
            (VerifyReason::NameMismatch, Some(leaf)) => {
                let names = leaf.host_names();
                let shown = if names.is_empty() { "no host".to_owned() } else { names.join(", ") };
                write!(f, "it is for {shown}, not for {}", self.wanted)
            }
            _ => f.write_str(&self.said),
        }
    }
}

/// What OpenSSL's words mean (`X509_verify_cert_error_string`). The chain is what the server sent, as far as seen.
pub(super) fn reason(said: &str, chain: &[CertInfo]) -> VerifyReason {
    let said = said.to_ascii_lowercase().replace("self signed", "self-signed");
    let has = |list: &[&str]| list.iter().any(|part| said.contains(part));
    if has(&["has expired"]) {
        VerifyReason::Expired
    } else if has(&["not yet valid"]) {
        VerifyReason::NotYetValid
    } else if has(&["self-signed certificate in certificate chain"]) {
        VerifyReason::UntrustedRoot
    } else if has(&["self-signed"]) {
        VerifyReason::SelfSigned
    } else if has(&["unable to get local issuer", "unable to get issuer", "unable to verify the first"]) {
        issuer_is_missing(chain)
    } else if has(&["mismatch"]) {
        VerifyReason::NameMismatch
    } else if has(&["revoked"]) {
        VerifyReason::Revoked
    } else if has(&["too weak", "too small", "not acceptable"]) {
        VerifyReason::Weak
    } else if has(&["purpose", "invalid ca", "key usage", "path length"]) {
        VerifyReason::WrongPurpose
    } else if has(&["signature", "error in certificate", "format error", "decode"]) {
        VerifyReason::Damaged
    } else {
        VerifyReason::Other
    }
}

/// Tells a server that forgot its intermediate from an authority nobody knows here: by where the chain ends that was
/// sent. A server's own certificate comes from an intermediate nearly always, so one that stands alone lacks it; behind
/// an intermediate a root is left out by right, and it is this machine that does not know it.
fn issuer_is_missing(chain: &[CertInfo]) -> VerifyReason {
    match path_end(chain) {
        Some(end) if chain.len() == 1 || !end.is_ca => VerifyReason::MissingIntermediate,
        // Under TLS 1.3 nothing was seen of the chain.
        _ => VerifyReason::UnknownIssuer,
    }
}

/// Whether a certificate is for a host: by which of its names, or the problem.
pub(super) fn name(leaf: &CertInfo, host: &Host) -> Result<String, VerifyProblem> {
    match leaf.matches(host) {
        Some(name) => Ok(name.to_owned()),
        None => Err(VerifyProblem {
            reason: VerifyReason::NameMismatch,
            said: "hostname mismatch".to_owned(),
            wanted: host.to_string(),
            leaf: Some(Box::new(leaf.clone())),
        }),
    }
}

/// Whether a certificate is in its time at `now`.
pub(super) fn time(leaf: &CertInfo, now: DateTime<Utc>) -> Option<VerifyReason> {
    if now > leaf.not_after {
        Some(VerifyReason::Expired)
    } else if now < leaf.not_before {
        Some(VerifyReason::NotYetValid)
    } else {
        None
    }
}

/// Builds the path from a certificate to a trusted root, without a connection.
///
/// The path comes back, the root last, or OpenSSL's words, or nothing where this machine's TLS library has no such
/// function.
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
pub(super) fn path(leaf: &[u8], rest: &[CertInfo], store: &Store) -> Option<Result<Vec<CertInfo>, String>> {
    use openssl::stack::Stack;
    use openssl::x509::{X509, X509StoreContext};

    let leaf = X509::from_der(leaf).ok()?;
    let mut untrusted = Stack::new().ok()?;
    for cert in rest {
        untrusted.push(X509::from_der(cert.der()).ok()?).ok()?;
    }
    let mut context = X509StoreContext::new().ok()?;
    let verdict = context.init(store, &leaf, &untrusted, |context| {
        if !context.verify_cert()? {
            return Ok(Err(context.error().error_string().to_owned()));
        }
        let built = context.chain().into_iter().flatten().map(|cert| cert.to_der());
        let built = built.collect::<Result<Vec<_>, _>>()?;
        Ok(Ok(built.iter().filter_map(|der| CertInfo::from_der(der).ok()).collect()))
    });
    Some(verdict.ok()?.map_err(|said| visible(said.as_bytes())))
}

/// On other systems the TLS library has no such function.
#[cfg(any(target_os = "windows", target_vendor = "apple"))]
pub(super) fn path(_: &[u8], _: &[CertInfo], _: &Store) -> Option<Result<Vec<CertInfo>, String>> {
    None
}

/// Whether one certificate of a chain vouches for the first, be it a root or not (RFC 7672 §3.1.2).
pub fn vouched_by(leaf: &CertInfo, chain: &[CertInfo], authority: &CertInfo) -> bool {
    let own = [authority.der().to_vec()];
    let trusted = Trusted { system: System::None, own: &own, any: true };
    let rest = chain.get(1..).unwrap_or_default();
    matches!(trusted.store().and_then(|store| path(leaf.der(), rest, &store)), Some(Ok(_)))
}

/// The roots that are trusted, loaded.
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
pub(super) type Store = openssl::x509::store::X509Store;

/// On other systems the TLS library has no such thing.
#[cfg(any(target_os = "windows", target_vendor = "apple"))]
pub(super) type Store = ();

/// Which of the system's roots are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    /// None.
    None,
    /// Those of its folder, where each is found by its name and no other is read.
    Folder,
    /// All, also those of its one large file, which takes some 20 ms.
    All,
}

/// The roots that are trusted.
pub(super) struct Trusted<'a> {
    /// The system's.
    pub system: System,
    /// Further ones, in DER.
    pub own: &'a [Vec<u8>],
    /// A path may end at a trusted certificate that is no root.
    pub any: bool,
}

#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
impl Trusted<'_> {
    /// Loads them, which for those of the system takes some 20 ms.
    pub fn store(&self) -> Option<Store> {
        self.load().ok()
    }

    fn load(&self) -> Result<Store, openssl::error::ErrorStack> {
        use openssl::ssl::SslFiletype;
        use openssl::x509::store::{X509Lookup, X509StoreBuilder};
        use openssl::x509::verify::X509VerifyFlags;
        use openssl::x509::{X509, X509PurposeId};

        let mut store = X509StoreBuilder::new()?;
        store.set_purpose(X509PurposeId::SSL_SERVER)?;
        if self.system != System::None {
            let probed = openssl_probe::probe();
            if let Some(file) = probed.cert_file.filter(|_| self.system == System::All) {
                // A file that cannot be read trusts nobody, as in the handshake itself.
                let _ = store.add_lookup(X509Lookup::file())?.load_cert_file(file, SslFiletype::PEM);
            }
            for dir in probed.cert_dir.iter().filter_map(|dir| dir.to_str()) {
                store.add_lookup(X509Lookup::hash_dir())?.add_dir(dir, SslFiletype::PEM)?;
            }
        }
        if self.any {
            store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        }
        for der in self.own {
            store.add_cert(X509::from_der(der)?)?;
        }
        Ok(store.build())
    }
}

#[cfg(any(target_os = "windows", target_vendor = "apple"))]
impl Trusted<'_> {
    pub fn store(&self) -> Option<Store> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_words_of_several_versions_are_understood() {
        for (said, expected) in [
            ("certificate has expired", VerifyReason::Expired),
            ("certificate is not yet valid", VerifyReason::NotYetValid),
            ("self-signed certificate", VerifyReason::SelfSigned),
            ("self signed certificate", VerifyReason::SelfSigned),
            ("self signed certificate in certificate chain", VerifyReason::UntrustedRoot),
            ("unable to get local issuer certificate", VerifyReason::UnknownIssuer),
            ("Hostname mismatch", VerifyReason::NameMismatch),
            ("EE certificate key too weak", VerifyReason::Weak),
            ("unsuitable certificate purpose", VerifyReason::WrongPurpose),
            ("certificate signature failure", VerifyReason::Damaged),
            ("certificate revoked", VerifyReason::Revoked),
            ("something new", VerifyReason::Other),
        ] {
            assert_eq!(reason(said, &[]), expected, "{said}");
        }
    }
}
