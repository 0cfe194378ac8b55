//! Why there is no encrypted link, told from the evidence of the tap rather than from the library's words.

use std::fmt;
use std::time::Duration;

use super::verify::{self, VerifyProblem};
use crate::explain::Failure;
use crate::target::Host;
use crate::transport::cert::CertInfo;
use crate::transport::pin::Pin;
use crate::transport::tap::{Alert, Seen};
use crate::wire::ReplyLine;
use crate::wire::escape::visible;

/// A handshake that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// What went wrong.
    pub failure: TlsFailure,
    /// What was seen of the handshake until then.
    pub seen: Box<Seen>,
    /// The library's own words, safe to show; nothing where it was not the library that gave up.
    pub library: Option<String>,
}

/// What went wrong in a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The server's certificate does not verify.
    Verify(Box<VerifyProblem>),
    /// The server's certificate, if it showed one, fits no pin.
    Pin(Option<Box<CertInfo>>),
    /// The server refused with an alert.
    Alert(Alert),
    /// The server asked for a client certificate and then refused: for want of one, or because of the one shown.
    ClientCertificate(Alert),
    /// The server does not speak TLS here: its first bytes.
    PlaintextReply(Vec<u8>),
    /// The server closed or cut the connection.
    ClosedInHandshake {
        /// Cut (TCP reset) rather than closed.
        reset: bool,
    },
    /// No answer, or not all of it, in time.
    Timeout(Duration),
    /// No version of TLS that both sides take.
    NoCommonVersion,
    /// No cipher suite, group or signature that both sides take.
    NoCommonCipher,
    /// What the server offers is refused by this machine's TLS library, or it cannot offer what was asked for.
    Refused(Refusal),
    /// Anything else, in the library's words.
    Other(String),
}

/// An alert that broke off an established link. Under TLS 1.3 a server's verdict on a client certificate comes only
/// then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server broke off TLS with the alert {name}")]
pub struct LateAlert {
    /// The alert's name in the TLS library's words, such as `certificate required`.
    pub name: String,
}

/// The alerts by which one side refuses the certificate of the other (RFC 8446 §6.2).
const ABOUT_CERTIFICATE: &[&str] = &[
    "unknown_ca",
    "bad_certificate",
    "unsupported_certificate",
    "certificate_unknown",
    "certificate_expired",
    "certificate_revoked",
];

impl LateAlert {
    /// Whether the server refuses this client's certificate: there is no other that it judges. Some say no more of it than
    /// that access is denied.
    pub fn refuses_certificate(&self) -> bool {
        let name = self.name.replace(' ', "_");
        name == "access_denied" || ABOUT_CERTIFICATE.contains(&name.as_str())
    }

    /// Whether the server demands a certificate and got none.
    pub fn misses_certificate(&self) -> bool {
        self.name == "certificate required"
    }

    /// The failure that [`crate::explain`] knows it as.
    pub fn failure(&self) -> Failure {
        Failure::Tls(match self.name.as_str() {
            // The table's rows of these names are about the server's certificate, which the server does not judge.
            name @ ("certificate expired" | "certificate revoked") => format!("client {name}"),
            name => format!("alert {name}"),
        })
    }
}

/// What this machine's TLS library refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// To use the versions asked for.
    Versions,
    /// A key that is too short.
    WeakKey,
    /// A signature that is too weak.
    WeakSignature,
    /// The old, unsafe kind of renegotiation (RFC 5746 is missing).
    UnsafeRenegotiation,
}

impl TlsError {
    /// Words for the failure `said` by the library, from what was seen.
    pub(super) fn from_library(said: &str, seen: Seen, host: &Host) -> Self {
        let failure = judge(said, &seen, host);
        TlsError { failure, seen: Box::new(seen), library: Some(visible(said.as_bytes())) }
    }

    pub(super) fn new(failure: TlsFailure, seen: Seen) -> Self {
        TlsError { failure, seen: Box::new(seen), library: None }
    }

    /// The failure that [`crate::explain`] knows it as. The words are those by which its table knows them.
    pub fn failure(&self) -> Failure {
        Failure::Tls(match &self.failure {
            // What begins with no code is of another protocol.
            TlsFailure::PlaintextReply(said) if ReplyLine::crlf(said).code.is_none() => {
                "plaintext of another protocol".to_owned()
            }
            TlsFailure::PlaintextReply(_) => return Failure::PlaintextNotTls,
            TlsFailure::Timeout(limit) => {
                return Failure::TimedOut { awaited: "TLS handshake".to_owned(), limit: Some(*limit) };
            }
            TlsFailure::Verify(problem) => problem.known_as(),
            TlsFailure::ClosedInHandshake { reset: true } => {
                "connection reset by peer during handshake".to_owned()
            }
            TlsFailure::ClosedInHandshake { reset: false } => "closed during the handshake".to_owned(),
            TlsFailure::Pin(_) => "certificate fits no pin".to_owned(),
            TlsFailure::Alert(alert) if ABOUT_CERTIFICATE.contains(&alert.name()) => {
                "certificate alert unasked".to_owned()
            }
            TlsFailure::Alert(alert) => format!("alert {}", alert.name()),
            TlsFailure::ClientCertificate(alert) => match alert.name() {
                name @ ("unknown_ca"
                | "bad_certificate"
                | "unsupported_certificate"
                | "certificate_unknown") => {
                    format!("alert {name}")
                }
                // The table's rows of these names are about the server's certificate.
                "certificate_expired" => "client certificate expired".to_owned(),
                "certificate_revoked" => "client certificate revoked".to_owned(),
                // Before TLS 1.3 the want of one has no alert of its own.
                _ => "alert certificate_required".to_owned(),
            },
            TlsFailure::NoCommonVersion => "alert protocol_version".to_owned(),
            TlsFailure::NoCommonCipher => "alert handshake_failure".to_owned(),
            TlsFailure::Refused(refusal) => format!("this machine's TLS library refuses {refusal}"),
            TlsFailure::Other(said) => self.library.clone().unwrap_or_else(|| said.clone()),
        })
    }

    /// The certificate that was seen, if any.
    pub fn leaf(&self) -> Option<CertInfo> {
        match &self.failure {
            TlsFailure::Verify(problem) => problem.leaf.as_deref().cloned(),
            TlsFailure::Pin(leaf) => leaf.as_deref().cloned(),
            _ => self.seen.chain.first().and_then(|der| CertInfo::from_der(der).ok()),
        }
    }
}

/// One line: what happened.
impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.failure {
            TlsFailure::Verify(problem) => write!(f, "the server's certificate does not verify: {problem}"),
            TlsFailure::Pin(None) => f.write_str("the server showed no certificate, so none fits the pin"),
            TlsFailure::Pin(Some(leaf)) => {
                write!(f, "the server's certificate fits no pin; its key is {}", Pin::of_key(leaf))
            }
            TlsFailure::Alert(alert) => write!(f, "the server refused TLS with the alert {alert}"),
            TlsFailure::ClientCertificate(alert) => {
                write!(f, "the server asked for a client certificate and refused with the alert {alert}")
            }
            TlsFailure::PlaintextReply(said) => {
                // What stands behind the first line answers our own hello, which it took for commands.
                let line = said.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let line = visible(line.trim_ascii_end());
                write!(f, "the server does not speak TLS here; it said \"{line}\"")
            }
            TlsFailure::ClosedInHandshake { reset: false } if !self.seen.heard => {
                f.write_str("the server closed the connection instead of beginning TLS")
            }
            TlsFailure::ClosedInHandshake { reset: false } => {
                f.write_str("the server closed the connection during the TLS handshake")
            }
            TlsFailure::ClosedInHandshake { reset: true } => {
                f.write_str("the connection was cut off during the TLS handshake")
            }
            TlsFailure::Timeout(limit) if !self.seen.heard => {
                write!(f, "the server was silent for {} s where TLS was to begin", limit.as_secs_f32())
            }
            TlsFailure::Timeout(limit) => {
                write!(f, "the TLS handshake was not done within {} s", limit.as_secs_f32())
            }
            TlsFailure::NoCommonVersion => {
                write!(f, "no version of TLS in common: offered were {}", offered(&self.seen))?;
                match self.seen.version {
                    Some(picked) => write!(f, "; the server picked {picked}"),
                    None => Ok(()),
                }
            }
            TlsFailure::NoCommonCipher => {
                let (ciphers, versions) = (self.seen.offered_ciphers, offered(&self.seen));
                f.write_str("the server found nothing in common with us (alert handshake_failure, 40)")?;
                write!(f, ": offered were {ciphers} cipher suites, {versions}")
            }
            TlsFailure::Refused(refusal) => write!(f, "this machine's TLS library refuses {refusal}"),
            TlsFailure::Other(said) => write!(f, "TLS failed: {said}"),
        }
    }
}

impl std::error::Error for TlsError {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Versions => "the versions asked for (its security level or configuration forbids them)",
            Refusal::WeakKey => "the server's key or key exchange: too short",
            Refusal::WeakSignature => "the signature or digest that the server uses: too weak",
            Refusal::UnsafeRenegotiation => "this server: it lacks secure renegotiation (RFC 5746)",
        })
    }
}

fn offered(seen: &Seen) -> String {
    let versions: Vec<String> = seen.offered_versions.iter().map(ToString::to_string).collect();
    versions.join(", ")
}

fn judge(said: &str, seen: &Seen, host: &Host) -> TlsFailure {
    if let Some(plain) = &seen.not_tls {
        return TlsFailure::PlaintextReply(plain.clone());
    }
    let has = |list: &[&str]| list.iter().any(|part| said.contains(part));
    if has(&["certificate verify failed"]) {
        return TlsFailure::Verify(Box::new(verify_problem(said, seen, host)));
    }
    let cannot_offer = has(&["no protocols available", "no ciphers available", "no suitable key share"]);
    // Before TLS 1.2 signatures are made over MD5 and SHA-1, which a security level may forbid.
    if cannot_offer && !seen.heard || has(&["legacy sigalg disallowed"]) {
        return TlsFailure::Refused(Refusal::Versions);
    }
    if has(&["unsupported protocol", "version too low", "wrong ssl version"]) {
        return TlsFailure::NoCommonVersion;
    }
    if has(&["unsafe legacy renegotiation"]) {
        return TlsFailure::Refused(Refusal::UnsafeRenegotiation);
    }
    if has(&["key too small", "bad dh value", "modulus too small"]) {
        return TlsFailure::Refused(Refusal::WeakKey);
    }
    if has(&["md too weak", "wrong signature type", "no shared signature"]) {
        return TlsFailure::Refused(Refusal::WeakSignature);
    }
    match seen.alert_received {
        Some(alert) if alert.name() == "protocol_version" => TlsFailure::NoCommonVersion,
        Some(alert) if alert.name() == "handshake_failure" && seen.version.is_none() => {
            TlsFailure::NoCommonCipher
        }
        Some(alert) if alert.fatal && seen.certificate_asked => TlsFailure::ClientCertificate(alert),
        Some(alert) if alert.fatal => TlsFailure::Alert(alert),
        _ if seen.reset => TlsFailure::ClosedInHandshake { reset: true },
        _ if seen.closed => TlsFailure::ClosedInHandshake { reset: false },
        _ => TlsFailure::Other(brief(said)),
    }
}

fn verify_problem(said: &str, seen: &Seen, host: &Host) -> VerifyProblem {
    let chain: Vec<CertInfo> = seen.chain.iter().filter_map(|der| CertInfo::from_der(der).ok()).collect();
    let said = in_brackets(said).unwrap_or("certificate verify failed");
    VerifyProblem {
        reason: verify::reason(said, &chain),
        said: visible(said.as_bytes()),
        wanted: host.to_string(),
        leaf: chain.into_iter().next().map(Box::new),
    }
}

/// OpenSSL's verify error, which the library puts in brackets behind its own.
fn in_brackets(said: &str) -> Option<&str> {
    said.strip_suffix(')')?.rsplit_once(" (").map(|(_, inside)| inside)
}

/// The reason out of `error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE:`.
fn brief(said: &str) -> String {
    let reason = said.strip_prefix("error:").and_then(|rest| rest.split(':').nth(3));
    visible(reason.filter(|reason| !reason.is_empty()).unwrap_or(said).as_bytes())
}

/// The name of the alert that a read from an established link failed with. Under TLS 1.3 a server's verdict
/// on a client certificate comes only then.
pub(in crate::transport) fn alert_in(said: &str) -> Option<&str> {
    let at = said.find(" alert ")?;
    let words = said.get(at + " alert ".len()..)?;
    words.split(':').next().map(str::trim).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFY: &str = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify \
                          failed:../ssl/statem/statem_clnt.c:1889: (self-signed certificate in certificate chain)";

    fn host() -> Host {
        Host::Name("mx.example.org".to_owned())
    }

    #[test]
    fn the_verify_reason_is_taken_from_the_brackets() {
        let error = TlsError::from_library(VERIFY, Seen::default(), &host());
        let TlsFailure::Verify(problem) = &error.failure else { panic!("{error:?}") };
        assert_eq!(problem.said, "self-signed certificate in certificate chain");
        assert_eq!(
            error.to_string(),
            "the server's certificate does not verify: its root authority is not trusted here"
        );
    }

    #[test]
    fn plaintext_outweighs_what_the_library_says() {
        let seen = Seen { not_tls: Some(b"220 mx \x1b[2J\r\n500 what?\r\n".to_vec()), ..Seen::default() };
        let error =
            TlsError::from_library("error:0A00010B:SSL routines::wrong version number:x:1:", seen, &host());
        assert_eq!(error.to_string(), r#"the server does not speak TLS here; it said "220 mx \x1b[2J""#);
        assert_eq!(error.failure(), Failure::PlaintextNotTls);
    }

    #[test]
    fn what_the_server_thinks_of_a_client_certificate() {
        for (name, refuses, misses) in [
            ("certificate required", false, true),
            ("unknown ca", true, false),
            ("bad certificate", true, false),
            ("certificate expired", true, false),
            ("access denied", true, false),
            ("handshake failure", false, false),
        ] {
            let alert = LateAlert { name: name.to_owned() };
            assert_eq!(
                (alert.refuses_certificate(), alert.misses_certificate()),
                (refuses, misses),
                "{name}"
            );
        }
    }

    #[test]
    fn library_words_are_shortened() {
        assert_eq!(
            brief("error:0A000126:SSL routines:f:unexpected eof while reading:x.c:1:"),
            "unexpected eof while reading"
        );
        assert_eq!(brief("strange"), "strange");
        let late =
            "error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:rec.c:1:SSL alert";
        assert_eq!(alert_in(late), Some("certificate required"));
        assert_eq!(alert_in("unexpected EOF"), None);
    }
}
