//! The chain that a server sent: what is missing, superfluous or out of order (RFC 5246 §7.4.2, RFC 8446
//! §4.4.2), and the file that keeps it.

use std::fmt;

use chrono::{DateTime, Utc};

use super::cert::CertInfo;
use crate::transcript::Info;

/// What is to be said about a certificate in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// It is not where it belongs: it does not certify the one before it, but another one.
    OutOfOrder,
    /// Nothing in the chain needs it.
    Superfluous,
    /// It is there twice.
    Duplicate,
    /// It is a root: clients have it already, or do not trust it from here.
    RootSent,
    /// Its issuer was not sent, and it is no root. Clients must have it, or the chain is broken here.
    IssuerNotSent,
    /// It is an issuer and is not allowed to be (no CA flag).
    NotAnAuthority,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Remark::OutOfOrder => "out of order: it does not certify the one before it",
            Remark::Superfluous => "superfluous: nothing here needs it",
            Remark::Duplicate => "superfluous: sent twice",
            Remark::RootSent => "superfluous: a root, which clients have or do not trust",
            Remark::IssuerNotSent => "its issuer was not sent",
            Remark::NotAnAuthority => "it may not issue certificates",
            Remark::Expired => "expired",
            Remark::NotYetValid => "not yet valid",
        })
    }
}

/// Goes through a chain as it was sent, the server's own certificate first: for each its remarks.
///
/// Only names are compared, not signatures. That the last one's issuer is not sent is as it should be where that is
/// a root; so it is remarked only where the certificate says that its issuer is to be fetched, or it stands alone.
pub fn review(chain: &[CertInfo], now: DateTime<Utc>) -> Vec<Vec<Remark>> {
    let path = path_of(chain);
    chain.iter().enumerate().map(|(at, cert)| remarks(chain, &path, at, cert, now)).collect()
}

fn remarks(
    chain: &[CertInfo],
    path: &[usize],
    at: usize,
    cert: &CertInfo,
    now: DateTime<Utc>,
) -> Vec<Remark> {
    let mut found = Vec::new();
    let step = path.iter().position(|place| *place == at);
    let is_root = at > 0 && cert.self_signed;
    match step {
        _ if is_root => found.push(Remark::RootSent),
        None if chain.iter().take(at).any(|other| other.der() == cert.der()) => found.push(Remark::Duplicate),
        None => found.push(Remark::Superfluous),
        Some(_) if !follows(chain, at, cert) => found.push(Remark::OutOfOrder),
        Some(_) => {}
    }
    if at > 0 && step.is_some() && !cert.is_ca {
        found.push(Remark::NotAnAuthority);
    }
    let ends_here = path.last() == Some(&at) && !cert.self_signed;
    if ends_here && (chain.len() == 1 || !cert.is_ca) {
        found.push(Remark::IssuerNotSent);
    }
    if now > cert.not_after {
        found.push(Remark::Expired);
    } else if now < cert.not_before {
        found.push(Remark::NotYetValid);
    }
    found
}

/// Where the path ends that leads from the first certificate upwards.
pub(super) fn path_end(chain: &[CertInfo]) -> Option<&CertInfo> {
    path_of(chain).last().and_then(|last| chain.get(*last))
}

/// Whether a certificate certifies the one before it.
fn follows(chain: &[CertInfo], at: usize, cert: &CertInfo) -> bool {
    at.checked_sub(1).and_then(|before| chain.get(before)).is_none_or(|before| before.names_as_issuer(cert))
}

/// The places of the certificates that lead from the first one upwards.
fn path_of(chain: &[CertInfo]) -> Vec<usize> {
    let mut path = Vec::new();
    let mut current = chain.first().map(|cert| (0, cert));
    while let Some((at, cert)) = current {
        path.push(at);
        let mut others = chain.iter().enumerate().filter(|(place, _)| !path.contains(place));
        current = match cert.self_signed {
            true => None,
            false => others.find(|(_, other)| cert.names_as_issuer(other)),
        };
    }
    path
}

/// The chain with its remarks, a line for each certificate, safe to show.
pub fn describe(chain: &[CertInfo], now: DateTime<Utc>) -> Vec<String> {
    let rows = chain.iter().zip(review(chain, now)).enumerate();
    let mut lines: Vec<String> = rows
        .map(|(index, (cert, remarks))| {
            let remarks: String = remarks.iter().map(|remark| format!(" · {remark}")).collect();
            format!("{:<12}{index}  {} (issued by {}){remarks}", "", cert.subject, cert.issuer)
        })
        .collect();
    if let Some(first) = lines.first_mut() {
        first.replace_range(..5, "chain");
    }
    let missing = path_end(chain).filter(|last| !last.self_signed);
    if let Some(url) = missing.and_then(|last| last.issuer_urls.first()) {
        lines.push(format!("{:<12}the issuer of the last one is published at {url}", ""));
    }
    lines
}

/// The same for the transcript.
pub fn entries(chain: &[CertInfo], now: DateTime<Utc>) -> Vec<Info> {
    let pair = |key: &str, value: String| (key.to_owned(), Some(value));
    let rows = chain.iter().zip(review(chain, now)).enumerate();
    rows.map(|(index, (cert, remarks))| {
        let mut attributes = vec![
            pair("place", index.to_string()),
            pair("subject", cert.subject.clone()),
            pair("issuer", cert.issuer.clone()),
            pair("sha256", cert.fingerprint()),
        ];
        attributes.extend(remarks.iter().map(|remark| pair("remark", remark.to_string())));
        Info::of("chain", attributes)
    })
    .collect()
}

/// The chain as a PEM file, each certificate under a line that names it.
pub fn to_pem(chain: &[CertInfo]) -> String {
    chain.iter().map(CertInfo::pem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    /// leaf, intermediate, root, and a stranger.
    fn certificates() -> [CertInfo; 4] {
        let params = |name: &str, ca: bool| {
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.not_after = rcgen::date_time_ymd(2030, 1, 1);
            if ca {
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            }
            params
        };
        let info = |cert: rcgen::Certificate| CertInfo::from_der(cert.der()).unwrap();
        let keys: Vec<KeyPair> = (0..4).map(|_| KeyPair::generate().unwrap()).collect();
        let root = params("root", true).self_signed(&keys[0]).unwrap();
        let root_issuer = Issuer::new(params("root", true), &keys[0]);
        let middle = params("middle", true).signed_by(&keys[1], &root_issuer).unwrap();
        let middle_issuer = Issuer::new(params("middle", true), &keys[1]);
        let leaf = params("leaf", false).signed_by(&keys[2], &middle_issuer).unwrap();
        let stranger = params("stranger", true).signed_by(&keys[3], &root_issuer).unwrap();
        [info(leaf), info(middle), info(root), info(stranger)]
    }

    #[test]
    fn each_fault_is_remarked_where_it_is() {
        use Remark::*;
        let [leaf, middle, root, stranger] = certificates();
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        let judged =
            |chain: &[&CertInfo]| review(&chain.iter().map(|cert| (*cert).clone()).collect::<Vec<_>>(), now);
        assert_eq!(judged(&[&leaf, &middle]), [vec![], vec![]]);
        assert_eq!(judged(&[&leaf]), [vec![IssuerNotSent]]);
        assert_eq!(judged(&[&leaf, &stranger]), [vec![IssuerNotSent], vec![Superfluous]]);
        assert_eq!(judged(&[&leaf, &middle, &root]), [vec![], vec![], vec![RootSent]]);
        assert_eq!(judged(&[&leaf, &middle, &middle]), [vec![], vec![], vec![Duplicate]]);
        assert_eq!(judged(&[&leaf, &leaf, &middle]), [vec![], vec![Duplicate], vec![]]);
        assert_eq!(judged(&[&leaf, &stranger, &middle]), [vec![], vec![Superfluous], vec![OutOfOrder]]);
        assert_eq!(judged(&[&root]), [vec![]], "a self-signed certificate of its own");
        assert!(judged(&[]).is_empty());
        let late = "2031-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(review(&[leaf.clone(), middle.clone()], late), [vec![Expired], vec![Expired]]);
    }

    #[test]
    fn the_file_reads_back() {
        let [leaf, middle, ..] = certificates();
        let pem = to_pem(&[leaf.clone(), middle.clone()]);
        let read = native_tls::Certificate::stack_from_pem(pem.as_bytes()).unwrap();
        let read: Vec<Vec<u8>> = read.iter().map(|cert| cert.to_der().unwrap()).collect();
        assert_eq!(read, [leaf.der(), middle.der()]);
    }
}
