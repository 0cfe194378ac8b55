//! A closer look at a server's TLS: what the session itself cannot show, seen over side connections and in DNS.

use std::net::SocketAddr;

use super::cert::CertInfo;
use super::dial::{DialError, dial};
use super::inspect::{Inspection, inspect};
use super::open::Setup;
use super::own_name::own_name;
use super::policy::{self, Word};
use super::revocation::{self, Testimony};
use super::tls::{TlsError, TlsFailure, TlsInfo, Verified};
use crate::target::Host;

/// The port of policy hosts.
const HTTPS: u16 = 443;

/// Where to look, and as whom.
#[derive(Clone, Debug)]
pub struct Place {
    /// The other end.
    pub peer: SocketAddr,
    /// The host that it is: the target's own, or one of its MX hosts.
    pub host: Host,
    /// The name for EHLO.
    pub own_name: String,
}

impl Place {
    /// Where a session would lead. A connection is opened for it and closed again.
    ///
    /// # Errors
    /// When there is none to be had.
    pub async fn find(setup: &Setup, ehlo: Option<String>) -> Result<Place, DialError> {
        let dialed = dial(&setup.target, &setup.dial).await?;
        let own_name = ehlo.unwrap_or_else(|| own_name(dialed.local.ip()));
        Ok(Place { peer: dialed.peer, host: dialed.host, own_name })
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The server's certificates over a side connection; or why they could not be seen. Nothing where the session
    /// shows them itself.
    pub inspection: Option<Result<Inspection, String>>,
    /// What the OCSP answer says that the server staples, seen over a side connection; nothing where the session has
    /// asked for it already.
    pub stapled: Option<Testimony>,
    /// DANE and MTA-STS.
    pub policies: Vec<Word>,
}

/// Looks at a server. `seen` is what the session's own link shows, if it is encrypted; then only what it hides is
/// looked at over a second connection.
pub async fn look(setup: &Setup, place: &Place, seen: Option<&TlsInfo>) -> Looked {
    let Place { peer, host, own_name } = place;
    let of_chain = async {
        match seen.is_some_and(TlsInfo::chain_visible) {
            true => None,
            false => Some(inspect(setup, *peer, host, own_name).await.map_err(|error| error.to_string())),
        }
    };
    let (inspection, tlsa, stapled) =
        tokio::join!(of_chain, policy::tlsa(&setup.target, host, &setup.dial), of_staple(setup, place));
    let (chain, complete, verified) = evidence(seen, inspection.as_ref());
    let dane = policy::dane(tlsa.as_ref(), host, setup.target.port, &chain, complete);
    let sts = policy::mta_sts(&setup.target, host, &verified, &setup.dial, &setup.tls, HTTPS).await;
    let asked = seen.is_some_and(|info| info.revocation.is_some() && setup.tls.options().check_revocation);
    Looked { inspection, stapled: stapled.filter(|_| !asked), policies: vec![dane, sts] }
}

/// What the server's stapled answer says. That no certificate could be seen is told with the chain.
async fn of_staple(setup: &Setup, place: &Place) -> Option<Testimony> {
    let glance = revocation::glance(setup, place).await.ok()?;
    let leaf = glance.chain.first()?;
    let issuer = setup.tls.issuer_of(leaf, &glance.chain);
    Some(revocation::stapled(&glance, issuer.as_ref()))
}

/// The best that is known: the chain, whether it is all, and whether it verifies.
fn evidence(
    seen: Option<&TlsInfo>,
    inspection: Option<&Result<Inspection, String>>,
) -> (Vec<CertInfo>, bool, Verified) {
    let verified = seen.map(|info| info.verified.clone());
    match (seen, inspection) {
        (_, Some(Ok(found))) => {
            (found.chain.clone(), found.complete, verified.unwrap_or_else(|| found.verified.clone()))
        }
        (Some(info), _) => {
            let chain =
                if info.chain_visible() { info.chain.clone() } else { info.leaf.iter().cloned().collect() };
            (chain, info.chain_visible(), info.verified.clone())
        }
        (None, _) => (Vec::new(), false, Verified::Unknown("no certificate could be seen")),
    }
}

/// A failure that TLS 1.3 told only half of, told again from what a side connection shows of the certificates. What it
/// showed comes back, too, if one was made.
pub async fn closer(setup: &Setup, place: &Place, error: TlsError) -> (TlsError, Option<Inspection>) {
    let blind = matches!(&error.failure, TlsFailure::Verify(problem) if problem.leaf.is_none());
    if !blind {
        return (error, None);
    }
    match inspect(setup, place.peer, &place.host, &place.own_name).await {
        Ok(found) => match &found.verified {
            Verified::No(problem) => {
                let failure = TlsFailure::Verify(Box::new(problem.clone()));
                (TlsError { failure, ..error }, Some(found))
            }
            _ => (with_leaf(error, &found), Some(found)),
        },
        // The first failure says what is wrong; that the second look failed says nothing new.
        Err(_) => (error, None),
    }
}

/// Of a server that has TLS 1.3 only, its own certificate is all that can be seen.
fn with_leaf(mut error: TlsError, found: &Inspection) -> TlsError {
    if let TlsFailure::Verify(problem) = &mut error.failure {
        problem.leaf = found.chain.first().cloned().map(Box::new);
    }
    error
}
