//! TLS as a client: options, the handshake, what came of it, and why it failed.

pub(super) mod connector;
mod describe;
mod error;
mod identity;
mod info;
mod keylog;
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
mod openssl;
mod revoked;
pub(super) mod setup;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use native_tls::Protocol;

pub(super) use error::alert_in;
pub use error::{LateAlert, Refusal, TlsError, TlsFailure};
pub use info::{TlsInfo, Verified};
pub use keylog::Logged;
pub use setup::{TlsSetup, TlsSetupError};
pub use verify::{VerifyProblem, VerifyReason, vouched_by};

use super::pin::Pin;
use super::tap::ProtocolVersion;
use crate::sasl::BindingKind;
use crate::secret::Secret;

/// How the encrypted link is to be made.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// Trust these certificates, too: a file in PEM or DER, or a folder of such files.
    pub ca: Option<PathBuf>,
    /// Do not trust the system's certificate authorities.
    pub no_system_ca: bool,
    /// The client's certificate with its chain in PEM, or certificate and key in PKCS#12.
    pub cert: Option<PathBuf>,
    /// The client's private key in PEM; nothing when it is in the file of the certificate.
    pub key: Option<PathBuf>,
    /// What opens the private key or the PKCS#12 file.
    pub passphrase: Option<Secret>,
    /// The server name sent in the handshake.
    pub sni: Sni,
    /// The name that the certificate must be for, if it is not the target's.
    pub verify_name: Option<String>,
    /// The lowest version.
    pub min: Version,
    /// The highest version.
    pub max: Option<Version>,
    /// Go on when the certificate does not verify.
    pub insecure: bool,
    /// The server's certificate must fit one of these, whatever else is said of it; none means any.
    pub pins: Vec<Pin>,
    /// The application protocols to offer (RFC 7301); SMTP has none.
    pub alpn: Vec<String>,
    /// Files of revocation lists, PEM or DER, to judge certificates by.
    pub crls: Vec<PathBuf>,
    /// Ask whether the certificate was revoked: the answer that the server staples, the responder and the lists that
    /// the certificate names.
    pub check_revocation: bool,
    /// Add the keys of each link to this file, for Wireshark. Whoever reads it can read the links.
    pub keylog: Option<PathBuf>,
    /// The ciphers up to TLS 1.2, as OpenSSL lists them.
    pub ciphers: Option<String>,
    /// The cipher suites of TLS 1.3, as OpenSSL lists them.
    pub ciphersuites: Option<String>,
    /// The groups for the key exchange, as OpenSSL lists them.
    pub groups: Option<String>,
    /// What ties SASL to the link.
    pub binding: BindingKind,
    /// The limit for the handshake.
    pub timeout: Duration,
}

impl TlsOptions {
    /// Whether they ask for what native-tls does not do, and OpenSSL does.
    pub(super) fn beyond_native(&self) -> bool {
        let lists = [&self.ciphers, &self.ciphersuites, &self.groups];
        self.keylog.is_some()
            || self.binding != BindingKind::TlsServerEndPoint
            || lists.into_iter().any(Option::is_some)
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        TlsOptions {
            ca: None,
            no_system_ca: false,
            cert: None,
            key: None,
            passphrase: None,
            sni: Sni::Default,
            verify_name: None,
            min: Version::V1_2,
            max: None,
            insecure: false,
            pins: Vec::new(),
            alpn: Vec::new(),
            crls: Vec::new(),
            check_revocation: false,
            keylog: None,
            ciphers: None,
            ciphersuites: None,
            groups: None,
            binding: BindingKind::TlsServerEndPoint,
            timeout: Duration::from_secs(30),
        }
    }
}

/// The server name in the handshake (RFC 6066 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sni {
    /// The target's name; none for an address.
    #[default]
    Default,
    /// This name.
    Name(String),
    /// None.
    None,
}

impl Sni {
    /// As it is asked for: this name, or `none`.
    pub fn named(text: &str) -> Sni {
        match text {
            "none" => Sni::None,
            name => Sni::Name(name.to_owned()),
        }
    }
}

/// A version of TLS that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.0.
    V1_0,
    /// TLS 1.1.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Version; 4] = [Version::V1_0, Version::V1_1, Version::V1_2, Version::V1_3];

    /// The version of this number, such as 1.2.
    pub fn numbered(text: &str) -> Option<Version> {
        let numbers = ["1.0", "1.1", "1.2", "1.3"];
        Version::ALL.into_iter().zip(numbers).find(|(_, number)| *number == text).map(|(version, _)| version)
    }

    /// Its number on the wire.
    pub fn on_the_wire(self) -> ProtocolVersion {
        match self {
            Version::V1_0 => ProtocolVersion::TLS_1_0,
            Version::V1_1 => ProtocolVersion::TLS_1_1,
            Version::V1_2 => ProtocolVersion::TLS_1_2,
            Version::V1_3 => ProtocolVersion::TLS_1_3,
        }
    }

    fn of_library(self) -> Protocol {
        match self {
            Version::V1_0 => Protocol::Tlsv10,
            Version::V1_1 => Protocol::Tlsv11,
            Version::V1_2 => Protocol::Tlsv12,
            Version::V1_3 => Protocol::Tlsv13,
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.on_the_wire().fmt(f)
    }
}
