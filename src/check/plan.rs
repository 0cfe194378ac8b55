//! What a check is to do: whom to ask, what to try, and what counts as slow or late.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use crate::sasl::{self, Needs};
use crate::secret::Secret;
use crate::session::{Caps, Timeouts};
use crate::target::{Host, Scheme, Target};
use crate::transport::dane::TlsaRecords;
use crate::transport::{DialOptions, Setup, TlsSetup};
use crate::wire::command::Command;
use crate::wire::escape::visible;

/// The ports that are tried side by side when none is named.
pub const USUAL_PORTS: [u16; 4] = [25, 465, 587, 2525];

/// Whom to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One port of a host.
    Port(Target),
    /// A host, at the usual ports.
    Host(Host),
    /// The hosts that take a domain's mail, at this port.
    Domain(String, u16),
    /// A provider's submission host, at its ports.
    Provider {
        /// Its name for people.
        name: String,
        /// The servers.
        targets: Vec<Target>,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Port(target) => target.fmt(f),
            Subject::Host(host) => host.fmt(f),
            Subject::Domain(domain, _) => f.write_str(domain),
            Subject::Provider { name, .. } => f.write_str(name),
        }
    }
}

/// What a port is there for; it decides what may be demanded of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes mail for its domains from other servers. Their TLS is opportunistic: a certificate that does not verify
    /// keeps no mail away by itself (RFC 7435).
    Relay,
    /// Takes mail from its own people, who give their passwords (RFC 6409, RFC 8314).
    Submission,
    /// Nobody said.
    Unknown,
}

/// One address and port of a host, to be walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The host, whose name the certificate must have.
    pub host: Host,
    /// Its address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// How the session begins.
    pub scheme: Scheme,
    /// What the port is there for.
    pub role: Role,
    /// Whether the port was named, and not only tried because it is a usual one.
    pub named: bool,
    /// Whether the host has addresses of both families that are checked.
    pub both_families: bool,
    /// The domain demands a certificate that verifies (RFC 8461).
    pub demands_tls: bool,
    /// What DNS vouches for.
    pub tlsa: Option<TlsaRecords>,
}

impl Endpoint {
    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }

    /// The target that a person would type.
    pub fn target(&self) -> Target {
        Target { scheme: self.scheme, host: self.host.clone(), port: self.port, mx: false }
    }

    /// Host and port.
    pub fn server(&self) -> String {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).to_string(),
            Host::Name(name) => format!("{name}:{}", self.port),
        }
    }

    /// Host and port, with the address where the host has several.
    pub fn place(&self) -> String {
        match self.both_families {
            true => format!("{} ({})", self.server(), self.ip),
            false => self.server(),
        }
    }
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The identity to act as, where it is not the user's own.
    pub authzid: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The OAuth token.
    pub token: Option<Secret>,
    /// The mechanism, in capitals; empty for the strongest of those offered.
    pub mechanism: String,
    /// Whether the first response goes behind AUTH.
    pub initial_response: bool,
    /// Whether the secret may go over a link that is not encrypted.
    pub allow_plaintext: bool,
}

impl Login {
    /// A login of which nothing is known yet.
    pub fn of_nobody() -> Login {
        Login {
            user: String::new(),
            authzid: None,
            password: None,
            token: None,
            mechanism: String::new(),
            initial_response: true,
            allow_plaintext: false,
        }
    }

    /// Whether the mechanism, as far as it is known, cannot do without a password or token.
    pub fn needs_secret(&self) -> bool {
        let needs = sasl::info(&self.mechanism).map_or(Needs::Password, |known| known.needs);
        matches!(needs, Needs::Password | Needs::Token)
    }
}

/// The envelope to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    from: String,
    to: Vec<String>,
}

/// An address that would break the grammar of SMTP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no mail address that SMTP can carry")]
pub struct BadAddress(String);

impl Envelope {
    /// Checks the addresses, which stand without brackets. An empty sender is the null sender.
    ///
    /// # Errors
    /// When one of them breaks the grammar, so that none can smuggle in a command of its own.
    pub fn new(from: &str, to: &[String]) -> Result<Envelope, BadAddress> {
        let fits = |verb: &str, address: &str| {
            Command::parse(format!("{verb}:<{address}>").as_bytes())
                .map(drop)
                .ok_or_else(|| BadAddress(visible(address.as_bytes())))
        };
        fits("MAIL FROM", from)?;
        to.iter().try_for_each(|address| fits("RCPT TO", address))?;
        Ok(Envelope { from: from.to_owned(), to: to.to_vec() })
    }

    /// The sender.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The recipients.
    pub fn to(&self) -> &[String] {
        &self.to
    }

    /// Whether all addresses are of ASCII.
    pub fn is_ascii(&self) -> bool {
        self.from.is_ascii() && self.to.iter().all(|address| address.is_ascii())
    }
}

/// From when on something counts as slow, or as late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// An answer about a name.
    pub dns: Duration,
    /// The greeting.
    pub banner: Duration,
    /// A silent server may be waiting for TLS: after this long it is asked.
    pub wrong_mode: Duration,
    /// Days that a certificate must still be good for.
    pub cert_days: i64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            dns: Duration::from_secs(2),
            banner: Duration::from_secs(2),
            wrong_mode: Duration::from_secs(3),
            cert_days: 21,
        }
    }
}

/// Repetition of what failed for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often at most.
    pub times: u32,
    /// The first pause; each further one is twice as long.
    pub first: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry { times: 0, first: Duration::from_secs(1) }
    }
}

/// Everything about a check but whom it is of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Names and addresses.
    pub dial: DialOptions,
    /// Encryption and trust.
    pub tls: TlsSetup,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How much to take in.
    pub caps: Caps,
    /// The name for EHLO, if it is not this machine's own.
    pub ehlo: Option<String>,
    /// Authentication to try.
    pub login: Option<Login>,
    /// An envelope to try.
    pub envelope: Option<Envelope>,
    /// Whether to ask for a relay to strangers.
    pub relay_test: bool,
    /// What counts as slow or late.
    pub thresholds: Thresholds,
    /// Repetition.
    pub retry: Retry,
    /// The ports that are tried where none is named, that between mail servers first.
    pub ports: Vec<u16>,
    /// The port of policy hosts (RFC 8461 §3.3); others than 443 are for tests.
    pub https_port: u16,
    insecure: OnceLock<TlsSetup>,
}

impl Plan {
    /// A plan with the defaults.
    pub fn new(dial: DialOptions, tls: TlsSetup) -> Plan {
        Plan {
            dial,
            tls,
            timeouts: Timeouts::default(),
            caps: Caps::default(),
            ehlo: None,
            login: None,
            envelope: None,
            relay_test: false,
            thresholds: Thresholds::default(),
            retry: Retry::default(),
            ports: USUAL_PORTS.to_vec(),
            https_port: 443,
            insecure: OnceLock::new(),
        }
    }

    /// Encryption without demanding that a certificate verifies. Made once, as what is loaded for it serves again.
    pub(super) fn insecure(&self) -> &TlsSetup {
        self.insecure.get_or_init(|| self.tls.with(|options| options.insecure = true))
    }

    /// The port on which mail servers talk among themselves.
    pub(super) fn relay_port(&self) -> u16 {
        self.ports.first().copied().unwrap_or(25)
    }

    /// Whether questions about this address make sense: nobody publishes names for private ones, unless a name
    /// server was named that may.
    pub(super) fn asks_about(&self, ip: IpAddr) -> bool {
        self.dial.resolver.is_some() || is_public(ip)
    }

    /// How to reach an endpoint.
    pub(super) fn setup(&self, endpoint: &Endpoint, tls: &TlsSetup) -> Setup {
        Setup {
            target: endpoint.target(),
            dial: self.dial.clone(),
            tls: tls.clone(),
            timeouts: self.timeouts,
            caps: self.caps,
            title: None,
        }
    }
}

/// Whether an address can be one of the public Internet.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = matches!(ip.octets(), [100, 64..=127, ..]);
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared)
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public(IpAddr::V4(ip)),
            None => {
                !(ip.is_loopback()
                    || ip.is_unspecified()
                    || ip.is_unique_local()
                    || ip.is_unicast_link_local())
            }
        },
    }
}
