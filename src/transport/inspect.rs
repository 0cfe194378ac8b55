//! Looks at the certificates of a server that the session itself cannot show: under TLS 1.3 the chain is
//! encrypted, and of a certificate that does not verify the TLS library shows nothing.
//!
//! A side connection is made for it, capped at TLS 1.2, where the chain goes in clear.

use std::net::SocketAddr;

use super::cert::CertInfo;
use super::open::Setup;
use super::side::{self, SideError};
use super::tap::{ProtocolVersion, Seen};
use super::tls::{TlsError, TlsInfo, Verified};
use crate::target::Host;

/// What an inspection found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The version of the side connection, which is not that of the session.
    pub version: Option<ProtocolVersion>,
    /// The certificates as the server sent them, its own first; the server's alone if [`Inspection::complete`] is
    /// false.
    pub chain: Vec<CertInfo>,
    /// Whether the chain is all that the server sent. It is not for a server that has TLS 1.3 only.
    pub complete: bool,
    /// Whether the certificate verifies with this chain.
    pub verified: Verified,
    /// The root that vouches for it, where it could be told.
    pub root: Option<String>,
    /// Everything else that was seen of the handshake.
    pub seen: Seen,
}

/// Why an inspection found nothing.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// It did not come to TLS.
    #[error(transparent)]
    Side(#[from] SideError),
    /// The handshake failed before a certificate was seen.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Makes a side connection to `peer` and looks at its certificates. `host` is the name that the session checks, and
/// `own_name` that for EHLO. The client's own certificate is not shown, and no pin is demanded.
///
/// # Errors
/// When no certificate could be seen. The waits are those of the setup.
pub async fn inspect(
    setup: &Setup,
    peer: SocketAddr,
    host: &Host,
    own_name: &str,
) -> Result<Inspection, InspectError> {
    let looking = setup.tls.for_inspection();
    let link = side::to_tls(setup, peer, own_name).await?;
    let error = match link.upgrade(&looking, host).await {
        Ok(link) => return Ok(of_link(link.info())),
        Err(error) => error,
    };
    if let Some(inspection) = of_failure(&error) {
        return Ok(inspection);
    }
    // A server of TLS 1.3 only shows at least its own certificate.
    let link = side::to_tls(setup, peer, own_name).await?;
    let looking = looking.with(|options| options.max = None);
    Ok(of_link(link.upgrade(&looking, host).await?.info()))
}

fn of_link(info: &TlsInfo) -> Inspection {
    let complete = info.chain_visible();
    let chain = if complete { info.chain.clone() } else { info.leaf.iter().cloned().collect() };
    Inspection {
        version: info.version,
        chain,
        complete,
        verified: info.verified.clone(),
        root: info.root.clone(),
        seen: info.seen.clone(),
    }
}

/// A handshake that failed later, for example for want of a client certificate, has shown the chain before.
fn of_failure(error: &TlsError) -> Option<Inspection> {
    let chain: Vec<CertInfo> =
        error.seen.chain.iter().filter_map(|der| CertInfo::from_der(der).ok()).collect();
    let seen = (*error.seen).clone();
    let verified = Verified::Unknown("the handshake failed after the certificates were shown");
    let found = Inspection { version: seen.version, chain, complete: true, verified, root: None, seen };
    (!found.chain.is_empty()).then_some(found)
}
