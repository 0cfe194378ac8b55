//! Opens the TCP connection: every address is tried, and what became of each is kept.
//!
//! Addresses of both families are raced as RFC 8305 ("happy eyeballs") has it: they alternate, and the next
//! one starts when the one before has failed or has been silent for 250 ms.

mod error;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::resolve::{self, NameError, NameProblem};
use crate::target::{Host, Target};
use crate::transport::io_words;

pub use self::error::{Attempt, ConnectProblem, DialError};

/// How long a silent attempt is given before the next address is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

/// How many addresses of one name are tried. A name with more is a mistake or an attack.
const MOST_ADDRESSES: usize = 32;

/// Which addresses may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// IPv6 and IPv4.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    /// Whether an address may be used.
    pub fn holds(self, ip: IpAddr) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        }
    }

    fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Any => "IP",
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        })
    }
}

/// How connections are opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialOptions {
    /// The limit for each name lookup and for each address.
    pub timeout: Duration,
    /// The local address to come from; it also decides the family.
    pub source: Option<IpAddr>,
    /// Which addresses may be used.
    pub family: Family,
    /// The name server to ask instead of the system's resolver.
    pub resolver: Option<SocketAddr>,
}

impl Default for DialOptions {
    fn default() -> Self {
        DialOptions { timeout: Duration::from_secs(30), source: None, family: Family::Any, resolver: None }
    }
}

/// An open connection, and what was tried before it was had.
#[derive(Debug)]
pub struct Dialed {
    /// The connection.
    pub tcp: TcpStream,
    /// The other end.
    pub peer: SocketAddr,
    /// This end.
    pub local: SocketAddr,
    /// The host that was reached: the target's own, or one of its MX hosts. TLS checks this name.
    pub host: Host,
    /// The attempts that failed before.
    pub tried: Vec<Attempt>,
    /// The MX hosts before it for which no address was found.
    pub nowhere: Vec<NameError>,
}

/// Connects to a target: all addresses of its host, or of its MX hosts in order of preference.
///
/// # Errors
/// When no address was found or none answered. The wait is limited: each lookup and each address by
/// [`DialOptions::timeout`].
pub async fn dial(target: &Target, options: &DialOptions) -> Result<Dialed, DialError> {
    let options = &with_family_of_source(options);
    let mut failed = Failed { options, port: target.port, tried: Vec::new(), nowhere: Vec::new() };
    for host in hosts_of(target, options).await? {
        if let Some((tcp, peer, local)) = failed.try_host(&host).await {
            let (tried, nowhere) = (failed.tried, failed.nowhere);
            return Ok(Dialed { tcp, peer, local, host, tried, nowhere });
        }
    }
    Err(failed.into_error(target))
}

fn with_family_of_source(options: &DialOptions) -> DialOptions {
    let family = match (options.family, options.source) {
        (Family::Any, Some(source)) => Family::of(source),
        (family, _) => family,
    };
    DialOptions { family, ..options.clone() }
}

async fn hosts_of(target: &Target, options: &DialOptions) -> Result<Vec<Host>, DialError> {
    let Host::Name(domain) = &target.host else { return Ok(vec![target.host.clone()]) };
    if !target.mx {
        return Ok(vec![target.host.clone()]);
    }
    let hosts = resolve::mx(domain, options).await.map_err(DialError::Name)?;
    Ok(hosts.into_iter().map(|host| Host::Name(host.name)).collect())
}

/// What has failed so far.
struct Failed<'a> {
    options: &'a DialOptions,
    port: u16,
    tried: Vec<Attempt>,
    nowhere: Vec<NameError>,
}

impl Failed<'_> {
    async fn try_host(&mut self, host: &Host) -> Option<(TcpStream, SocketAddr, SocketAddr)> {
        let found = match host {
            Host::Ip(ip) if self.options.family.holds(*ip) => Ok(vec![*ip]),
            Host::Ip(ip) => Err(NameError::new(&ip.to_string(), NameProblem::NoAddress(self.options.family))),
            Host::Name(name) => resolve::addresses(name, self.options).await,
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                self.nowhere.push(error);
                return None;
            }
        };
        let addresses = interleave(&found).into_iter().take(MOST_ADDRESSES);
        let addresses = addresses.map(|ip| SocketAddr::new(ip, self.port)).collect();
        let mut tried = Vec::new();
        let connected = race(addresses, self.options, &mut tried).await;
        tried.iter_mut().for_each(|attempt| attempt.name = host.name().map(str::to_owned));
        self.tried.append(&mut tried);
        connected
    }

    fn into_error(self, target: &Target) -> DialError {
        match self.nowhere.into_iter().next() {
            Some(error) if self.tried.is_empty() => match &target.host {
                Host::Name(domain) if target.mx && !domain.eq_ignore_ascii_case(&error.name) => {
                    DialError::MailHost { domain: domain.clone(), error }
                }
                _ => DialError::Name(error),
            },
            _ => {
                let target = match &target.host {
                    Host::Name(domain) if target.mx => format!("the mail hosts of {domain}"),
                    Host::Ip(ip) => SocketAddr::new(*ip, target.port).to_string(),
                    Host::Name(name) => format!("{name}:{}", target.port),
                };
                DialError::Connect { target, attempts: self.tried }
            }
        }
    }
}

/// Alternates the families, beginning with that of the first address (RFC 8305 §4).
fn interleave(found: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = found.first() else { return Vec::new() };
    let (mut same, mut other): (Vec<IpAddr>, Vec<IpAddr>) = (Vec::new(), Vec::new());
    for ip in found {
        if ip.is_ipv4() == first.is_ipv4() { same.push(*ip) } else { other.push(*ip) }
    }
    let mut mixed = Vec::with_capacity(found.len());
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    while mixed.len() < found.len() {
        mixed.extend(same.next());
        mixed.extend(other.next());
    }
    mixed
}

/// Tries the addresses beside each other; the first that connects wins and the others are given up.
async fn race(
    addresses: Vec<SocketAddr>,
    options: &DialOptions,
    tried: &mut Vec<Attempt>,
) -> Option<(TcpStream, SocketAddr, SocketAddr)> {
    let mut waiting = addresses.into_iter();
    let mut running = JoinSet::new();
    let mut next_start = Instant::now();
    loop {
        // No timer for an attempt that is due: the shortest timer takes a millisecond.
        if next_start <= Instant::now()
            && let Some(addr) = waiting.next()
        {
            running.spawn(attempt(addr, options.source, options.timeout));
            next_start = Instant::now() + STAGGER;
        }
        let more = waiting.len() > 0;
        if !more && running.is_empty() {
            return None;
        }
        tokio::select! {
            () = sleep_until(next_start), if more => {}
            Some(ended) = running.join_next(), if !running.is_empty() => match ended {
                Ok(Ok(connected)) => return Some(connected),
                Ok(Err(failed)) => {
                    tried.push(failed);
                    next_start = Instant::now();
                }
                // Only a panic or an abort ends here, and neither happens.
                Err(_) => {}
            },
        }
    }
}

async fn attempt(
    addr: SocketAddr,
    source: Option<IpAddr>,
    limit: Duration,
) -> Result<(TcpStream, SocketAddr, SocketAddr), Attempt> {
    let start = Instant::now();
    let connected = match timeout(limit, connect(addr, source)).await {
        Ok(connected) => connected,
        Err(_) => Err(ConnectProblem::TimedOut),
    };
    connected.map_err(|error| Attempt { name: None, addr, error, took: start.elapsed() })
}

async fn connect(
    addr: SocketAddr,
    source: Option<IpAddr>,
) -> Result<(TcpStream, SocketAddr, SocketAddr), ConnectProblem> {
    let io = |error: io::Error| ConnectProblem::of(&error);
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(io)?;
    if let Some(source) = source {
        let bound = socket.bind(SocketAddr::new(source, 0));
        bound.map_err(|error| ConnectProblem::Source(format!("{source}: {}", io_words(&error))))?;
    }
    let tcp = socket.connect(addr).await.map_err(io)?;
    // A conversation in short lines: waiting to fill packets would only delay it.
    let _ = tcp.set_nodelay(true);
    let (peer, local) = (tcp.peer_addr().map_err(io)?, tcp.local_addr().map_err(io)?);
    Ok((tcp, peer, local))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Failure;

    fn ips(list: &[&str]) -> Vec<IpAddr> {
        list.iter().map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn families_alternate_from_the_first() {
        let found = ips(&["::1", "::2", "::3", "1.1.1.1", "2.2.2.2"]);
        assert_eq!(interleave(&found), ips(&["::1", "1.1.1.1", "::2", "2.2.2.2", "::3"]));
        let found = ips(&["1.1.1.1", "2.2.2.2", "::1"]);
        assert_eq!(interleave(&found), ips(&["1.1.1.1", "::1", "2.2.2.2"]));
        assert!(interleave(&[]).is_empty());
    }

    #[tokio::test]
    async fn the_address_that_answers_wins_and_the_failed_ones_are_kept() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // 127.0.0.2 is loopback as well on Linux, and nobody listens there; elsewhere it is unreachable.
        let addresses = ["127.0.0.2", "127.0.0.1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), port));
        let mut tried = Vec::new();
        let (_, peer, local) = race(addresses.to_vec(), &DialOptions::default(), &mut tried).await.unwrap();
        assert_eq!(peer, listener.local_addr().unwrap());
        assert_eq!(local.ip(), peer.ip());
        assert_eq!(tried.len(), 1);
        assert_eq!(tried.first().unwrap().addr.ip().to_string(), "127.0.0.2");
    }

    #[tokio::test]
    async fn a_refused_port_says_so() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target: Target = listener.local_addr().unwrap().to_string().parse().unwrap();
        drop(listener);
        let error = dial(&target, &DialOptions::default()).await.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::ConnectionRefused));
        assert_eq!(
            error.to_string(),
            format!("cannot connect to {}: connection refused", attempt_addr(&error)),
            "the address is named once"
        );
    }

    fn attempt_addr(error: &DialError) -> SocketAddr {
        error.attempts().first().unwrap().addr
    }

    #[tokio::test]
    async fn a_family_or_source_that_does_not_fit_is_told() {
        let target: Target = "127.0.0.1:9".parse().unwrap();
        let options = DialOptions { family: Family::V6, ..DialOptions::default() };
        let error = dial(&target, &options).await.unwrap_err();
        assert_eq!(error.to_string(), "127.0.0.1 has no IPv6 address");
        let options = DialOptions { source: Some("192.0.2.77".parse().unwrap()), ..DialOptions::default() };
        let error = dial(&target, &options).await.unwrap_err().to_string();
        assert!(error.contains("cannot come from the source address: 192.0.2.77"), "{error}");
    }
}
