//! Names to addresses, and mail domains to their hosts.
//!
//! Addresses come from the system's own resolver, so that `/etc/hosts` and whatever else is set up hold, and
//! nothing has to be loaded. A resolver of ours runs only where the system's cannot do it: for `--resolver` and for MX
//! records.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use tokio::time::timeout;

use super::dial::{DialOptions, Family};
use super::dns;
use crate::wire::escape::visible;

/// Why a name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameProblem {
    /// The name does not exist (NXDOMAIN).
    NoSuchName,
    /// The name servers could not tell (SERVFAIL, or none reached).
    ServerFailed,
    /// No answer in time.
    TimedOut(Duration),
    /// The name exists and has no address of the wanted family.
    NoAddress(Family),
    /// The domain takes no mail: a null MX (RFC 7505).
    NullMx,
    /// Anything else, in the resolver's words, safe to show.
    Other(String),
}

/// A name that could not be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// The name, safe to show.
    pub name: String,
    /// What is the matter with it.
    pub problem: NameProblem,
}

impl NameError {
    pub(super) fn new(name: &str, problem: NameProblem) -> Self {
        NameError { name: visible(name.trim_end_matches('.').as_bytes()), problem }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.problem {
            NameProblem::NoSuchName => write!(f, "the name {name} does not exist"),
            NameProblem::ServerFailed => write!(f, "the name servers could not look up {name}"),
            NameProblem::TimedOut(after) => {
                write!(f, "no answer about the name {name} within {} s", after.as_secs_f32())
            }
            NameProblem::NoAddress(Family::Any) => write!(f, "{name} has no IP address"),
            NameProblem::NoAddress(family) => write!(f, "{name} has no {family} address"),
            NameProblem::NullMx => write!(f, "{name} takes no mail: its MX record says so (RFC 7505)"),
            NameProblem::Other(said) => write!(f, "cannot look up {name}: {said}"),
        }
    }
}

impl std::error::Error for NameError {}

/// A host that takes a domain's mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHost {
    /// The lower, the sooner it is tried.
    pub preference: u16,
    /// The host's name in its ASCII form, safe to show.
    pub name: String,
    /// There is no MX record; the domain itself stands in for one (RFC 5321 §5.1).
    pub implicit: bool,
}

/// The addresses of a name, of the wanted family, in the order in which the resolver gave them.
///
/// # Errors
/// When there is none, or nobody could tell in time.
pub async fn addresses(name: &str, options: &DialOptions) -> Result<Vec<IpAddr>, NameError> {
    let lookup = async {
        match options.resolver {
            None => system(name).await,
            Some(_) => own_addresses(name, options).await,
        }
    };
    let problem = NameProblem::TimedOut(options.timeout);
    let found = timeout(options.timeout, lookup).await.unwrap_or(Err(problem));
    let mut unique: Vec<IpAddr> = Vec::new();
    for ip in found.map_err(|problem| NameError::new(name, problem))? {
        if options.family.holds(ip) && !unique.contains(&ip) {
            unique.push(ip);
        }
    }
    match unique.is_empty() {
        true => Err(NameError::new(name, NameProblem::NoAddress(options.family))),
        false => Ok(unique),
    }
}

/// What the MX records of a domain say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxAnswer {
    /// The hosts that take its mail, best first.
    pub hosts: Vec<MxHost>,
    /// A null MX stands beside them, which must be the only one where there is any (RFC 7505 §3).
    pub null_beside: bool,
}

/// The hosts that take a domain's mail, best first; those of equal preference stay in the order of the answer,
/// which name servers turn by themselves.
///
/// # Errors
/// When the domain does not exist, takes no mail, or nobody could tell in time.
pub async fn mx(domain: &str, options: &DialOptions) -> Result<Vec<MxHost>, NameError> {
    mx_answer(domain, options).await.map(|answer| answer.hosts)
}

/// As [`mx`], with what is odd about the records.
///
/// # Errors
/// As [`mx`].
pub async fn mx_answer(domain: &str, options: &DialOptions) -> Result<MxAnswer, NameError> {
    let problem = NameProblem::TimedOut(options.timeout);
    let found = timeout(options.timeout, own_mx(domain, options)).await.unwrap_or(Err(problem));
    found.map_err(|problem| NameError::new(domain, problem))
}

async fn system(name: &str) -> Result<Vec<IpAddr>, NameProblem> {
    // A numeric service would be resolved as well; port 0 stands for none.
    let found = tokio::net::lookup_host((name, 0)).await.map_err(|error| of_system(&error.to_string()))?;
    Ok(found.map(|address| address.ip()).collect())
}

/// What the C library means; its numbers do not reach us, its words differ by system.
fn of_system(words: &str) -> NameProblem {
    let has = |list: &[&str]| list.iter().any(|part| words.contains(part));
    if has(&["not known", "does not resolve", "No such host", "nodename nor servname"]) {
        NameProblem::NoSuchName
    } else if has(&["Temporary failure", "Try again", "Non-recoverable", "Unrecoverable", "try again later"])
    {
        NameProblem::ServerFailed
    } else if has(&["No address associated", "no usable address"]) {
        NameProblem::NoAddress(Family::Any)
    } else {
        NameProblem::Other(visible(words.as_bytes()))
    }
}

async fn own_addresses(name: &str, options: &DialOptions) -> Result<Vec<IpAddr>, NameProblem> {
    let found = resolver(options)?.lookup_ip(dns::name(name)?).await.map_err(|error| of_ours(&error))?;
    Ok(found.iter().collect())
}

async fn own_mx(domain: &str, options: &DialOptions) -> Result<MxAnswer, NameProblem> {
    let implicit = || MxAnswer {
        hosts: vec![MxHost { preference: 0, name: domain.to_owned(), implicit: true }],
        null_beside: false,
    };
    let found = match resolver(options)?.mx_lookup(dns::name(domain)?).await {
        Ok(found) => found,
        Err(error) if error.is_no_records_found() && !error.is_nx_domain() => return Ok(implicit()),
        Err(error) => return Err(of_ours(&error)),
    };
    let records = found.answers().iter().filter_map(|record| match &record.data {
        RData::MX(mx) => Some(mx),
        _ => None,
    });
    let mut hosts = Vec::new();
    let mut null = false;
    for mx in records {
        if mx.exchange.is_root() {
            null = true;
            continue;
        }
        hosts.push(MxHost { preference: mx.preference, name: dns::shown(&mx.exchange), implicit: false });
    }
    hosts.sort_by_key(|host| host.preference);
    match (hosts.is_empty(), null) {
        (true, true) => Err(NameProblem::NullMx),
        (true, false) => Ok(implicit()),
        (false, null_beside) => Ok(MxAnswer { hosts, null_beside }),
    }
}

/// Our own resolver, which asks the named server or else those of the system.
pub(super) fn resolver(options: &DialOptions) -> Result<TokioResolver, NameProblem> {
    let mut builder = match options.resolver {
        Some(server) => {
            let provider = TokioRuntimeProvider::default();
            TokioResolver::builder_with_config(ask_only(server), provider)
        }
        None => TokioResolver::builder_tokio().map_err(|error| of_ours(&error))?,
    };
    let settings = builder.options_mut();
    settings.ip_strategy = match options.family {
        Family::Any => LookupIpStrategy::Ipv6AndIpv4,
        Family::V4 => LookupIpStrategy::Ipv4Only,
        Family::V6 => LookupIpStrategy::Ipv6Only,
    };
    builder.build().map_err(|error| of_ours(&error))
}

fn ask_only(server: SocketAddr) -> ResolverConfig {
    let mut config = NameServerConfig::udp_and_tcp(server.ip());
    for connection in &mut config.connections {
        connection.port = server.port();
    }
    ResolverConfig::from_name_servers(vec![config])
}

pub(super) fn of_ours(error: &NetError) -> NameProblem {
    match error {
        _ if error.is_nx_domain() => NameProblem::NoSuchName,
        _ if error.is_no_records_found() => NameProblem::NoAddress(Family::Any),
        NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail | ResponseCode::Refused)) => {
            NameProblem::ServerFailed
        }
        NetError::NoConnections | NetError::Timeout | NetError::Io(_) => NameProblem::ServerFailed,
        other => NameProblem::Other(visible(other.to_string().as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_three_c_libraries() {
        for (words, problem) in [
            ("failed to lookup address information: Name or service not known", NameProblem::NoSuchName),
            ("failed to lookup address information: Name does not resolve", NameProblem::NoSuchName),
            ("nodename nor servname provided, or not known", NameProblem::NoSuchName),
            ("Temporary failure in name resolution", NameProblem::ServerFailed),
            ("No address associated with hostname", NameProblem::NoAddress(Family::Any)),
            ("su\u{1b}rprise", NameProblem::Other(r"su\x1brprise".to_owned())),
        ] {
            assert_eq!(of_system(words), problem);
        }
    }
}
