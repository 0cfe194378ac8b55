//! What is known of an encrypted link.

use std::time::Duration;

use super::keylog::Logged;
use super::verify::VerifyProblem;
use crate::sasl::ChannelBinding;
use crate::transport::cert::CertInfo;
use crate::transport::pin::PinMatch;
use crate::transport::revocation::Report;
use crate::transport::tap::{ProtocolVersion, Seen};

/// What was negotiated, and with whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// The version, such as `TLSv1.3`.
    pub version: Option<ProtocolVersion>,
    /// The cipher suite's name in the IANA registry.
    pub cipher: Option<String>,
    /// The group or size of the key exchange; nothing where the exchange has none.
    pub group: Option<String>,
    /// The application protocol agreed on.
    pub alpn: Option<String>,
    /// The server name that was sent.
    pub sni: Option<String>,
    /// The name or address that the certificate was checked for.
    pub checked_name: String,
    /// By which name in the certificate it is for that host.
    pub matched_name: Option<String>,
    /// Whether the certificate verifies. Under [`TlsInfo::insecure`] this is still told truthfully.
    pub verified: Verified,
    /// The root that vouches for it, where it could be told.
    pub root: Option<String>,
    /// What was found out about its revocation, where that was asked for.
    pub revocation: Option<Report>,
    /// The person asked to go on whatever the certificate is.
    pub insecure: bool,
    /// How the certificate fits a pin, where pins were given.
    pub pinned: Option<PinMatch>,
    /// The server's certificate.
    pub leaf: Option<CertInfo>,
    /// The certificates as the server sent them, its own first; empty under TLS 1.3, where they are hidden.
    pub chain: Vec<CertInfo>,
    /// What ties SASL to this link, of the kind that was asked for.
    pub binding: Option<ChannelBinding>,
    /// The file that has the keys of this link, where they are logged.
    pub keylog: Option<Logged>,
    /// How long the handshake took.
    pub took: Duration,
    /// Everything else that was seen of the handshake.
    pub seen: Seen,
}

impl TlsInfo {
    /// Whether the chain that the server sent was visible.
    pub fn chain_visible(&self) -> bool {
        !self.chain.is_empty()
    }
}

/// Whether the server's certificate verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It does.
    Yes,
    /// It does not. Such a link exists only where the person asked to go on.
    No(VerifyProblem),
    /// Nobody can tell, for this reason.
    Unknown(&'static str),
}
