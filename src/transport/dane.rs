//! DANE for SMTP (RFC 7672): certificates vouched for by the domain itself, in TLSA records (RFC 6698).

use std::fmt;
use std::net::SocketAddr;

use hickory_resolver::proto::rr::{RData, RecordType};
use sha2::{Digest, Sha256, Sha512};

use super::cert::CertInfo;
use super::dial::DialOptions;
use super::dns;
use super::resolve::{NameError, NameProblem};
use super::tls::vouched_by;
use crate::target::Host;

/// A TLSA record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlsa {
    /// 2 an authority, 3 the server's own certificate; 0 and 1 mean nothing to mail (RFC 7672 §3.1.3).
    pub usage: u8,
    /// 0 the whole certificate, 1 its public key.
    pub selector: u8,
    /// 0 as it is, 1 its SHA-256, 2 its SHA-512.
    pub matching: u8,
    /// What must be found.
    pub data: Vec<u8>,
}

/// As in a zone file: `3 1 1 8CB0…`.
impl fmt::Display for Tlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.usage, self.selector, self.matching)?;
        self.data.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// The TLSA records of a host, and how far they are to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsaRecords {
    /// The records; none if there are none.
    pub records: Vec<Tlsa>,
    /// The resolver vouches for them by DNSSEC. Without that they mean nothing (RFC 7672 §2.2).
    pub authentic: bool,
    /// The resolver. One that is not on this machine could be spoken for by anybody on the way.
    pub resolver: SocketAddr,
}

impl TlsaRecords {
    /// Who vouches for the records, in words. It is the resolver's word: nothing is validated here.
    pub fn dnssec(&self) -> String {
        let resolver = self.resolver;
        match (self.authentic, resolver.ip().is_loopback()) {
            (false, _) => format!("DNSSEC: no, says the resolver {resolver} (no AD bit)"),
            (true, true) => format!("DNSSEC: yes, says the resolver {resolver} on this machine (AD bit)"),
            (true, false) => format!(
                "DNSSEC: yes, says the resolver {resolver} (AD bit); it is not on this machine, so anybody on the way can say so"
            ),
        }
    }
}

/// Looks up the TLSA records of a host's TCP port.
///
/// # Errors
/// When nobody could tell. A name without TLSA records is no error.
pub async fn lookup(host: &str, port: u16, options: &DialOptions) -> Result<Option<TlsaRecords>, NameError> {
    let name = format!("_{port}._tcp.{}.", host.trim_end_matches('.'));
    let reply = match dns::ask(&name, RecordType::TLSA, options).await {
        Ok(reply) => reply,
        Err(NameProblem::NoSuchName) => return Ok(None),
        Err(problem) => return Err(NameError::new(&name, problem)),
    };
    let records = reply.message.answers.iter().filter_map(|record| match &record.data {
        RData::TLSA(tlsa) => Some(Tlsa {
            usage: tlsa.cert_usage.into(),
            selector: tlsa.selector.into(),
            matching: tlsa.matching.into(),
            data: tlsa.cert_data.clone(),
        }),
        _ => None,
    });
    let found = TlsaRecords { records: records.collect(), authentic: reply.authentic, resolver: reply.by };
    Ok(Some(found).filter(|found| !found.records.is_empty()))
}

/// Whether the records of a name are vouched for by DNSSEC: all that there are of these kinds. Nothing if there are none,
/// as for a name out of the hosts file.
pub async fn is_secure(name: &str, kinds: &[RecordType], options: &DialOptions) -> Option<bool> {
    let name = format!("{}.", name.trim_end_matches('.'));
    let mut secure = None;
    for kind in kinds {
        if let Ok(reply) = dns::ask(&name, *kind, options).await
            && !reply.message.answers.is_empty()
        {
            secure = Some(secure.unwrap_or(true) && reply.authentic);
        }
    }
    secure
}

/// What a record says of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The server's own certificate fits. Its names and dates do not matter then (RFC 7672 §3.1.1).
    Server,
    /// An authority in the chain fits, and the server's certificate is vouched for by it, in its time and for this
    /// host.
    Authority,
    /// Nothing fits.
    Nothing,
    /// An authority fits, but the server's certificate is not for this host.
    WrongName,
    /// An authority fits, but does not vouch for the server's certificate.
    NotVouched,
    /// Mail does not use such records, their numbers are unknown, or their data have the wrong length.
    Unusable,
}

/// What all records together say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A record fits: the server is the one that the domain names.
    Authenticated,
    /// No record fits: mail must not be sent here (RFC 7672 §2.2).
    Failed,
    /// No record is of use: encryption is demanded, and nobody is checked.
    Unusable,
    /// The records are not vouched for by DNSSEC, so they mean nothing.
    NotSecure,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Authenticated => "a TLSA record fits the certificate",
            Verdict::Failed => "no TLSA record fits the certificate: mail would not be sent here",
            Verdict::Unusable => "the TLSA records are of no use to mail: encryption only",
            Verdict::NotSecure => "the TLSA records are not vouched for by DNSSEC and mean nothing",
        })
    }
}

/// Compares records with the chain that a server sent, its own certificate first.
pub fn check(found: &TlsaRecords, chain: &[CertInfo], host: &Host) -> (Verdict, Vec<Fit>) {
    let fits: Vec<Fit> = found.records.iter().map(|record| fit(record, chain, host)).collect();
    let verdict = if !found.authentic {
        Verdict::NotSecure
    } else if fits.iter().any(|fit| matches!(fit, Fit::Server | Fit::Authority)) {
        Verdict::Authenticated
    } else if fits.iter().all(|fit| *fit == Fit::Unusable) {
        Verdict::Unusable
    } else {
        Verdict::Failed
    };
    (verdict, fits)
}

fn fit(record: &Tlsa, chain: &[CertInfo], host: &Host) -> Fit {
    let Some(leaf) = chain.first() else { return Fit::Nothing };
    if record.selector > 1 || !is_whole(record) {
        return Fit::Unusable;
    }
    match record.usage {
        3 if holds(record, leaf) => Fit::Server,
        3 => Fit::Nothing,
        2 => match chain.iter().find(|cert| holds(record, cert)) {
            None => Fit::Nothing,
            Some(_) if leaf.matches(host).is_none() => Fit::WrongName,
            Some(authority) if vouched_by(leaf, chain, authority) => Fit::Authority,
            Some(_) => Fit::NotVouched,
        },
        _ => Fit::Unusable,
    }
}

/// Whether the data are as long as what they should match: a digest cut short fits nothing, and whoever checks drops
/// such a record as malformed (RFC 7671 §4, RFC 6698 §4.1).
fn is_whole(record: &Tlsa) -> bool {
    match record.matching {
        0 => !record.data.is_empty(),
        1 => record.data.len() == Sha256::output_size(),
        2 => record.data.len() == Sha512::output_size(),
        _ => false,
    }
}

fn holds(record: &Tlsa, cert: &CertInfo) -> bool {
    let content = if record.selector == 0 { cert.der() } else { cert.spki() };
    match record.matching {
        0 => record.data == content,
        1 => record.data == Sha256::digest(content).as_slice(),
        _ => record.data == Sha512::digest(content).as_slice(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_vouches_is_told_and_how_far_away_they_are() {
        let said = |authentic, resolver: &str| {
            let resolver = resolver.parse().unwrap();
            TlsaRecords { records: Vec::new(), authentic, resolver }.dnssec()
        };
        assert_eq!(said(false, "192.0.2.53:53"), "DNSSEC: no, says the resolver 192.0.2.53:53 (no AD bit)");
        for here in ["127.0.0.53:53", "[::1]:53"] {
            assert!(said(true, here).ends_with("on this machine (AD bit)"), "{here}");
        }
        for elsewhere in ["192.0.2.53:53", "[2001:db8::53]:53"] {
            assert!(said(true, elsewhere).ends_with("so anybody on the way can say so"), "{elsewhere}");
        }
    }
}
