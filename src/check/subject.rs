//! Whom to check: what a person names, and the addresses and ports that it comes to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::target::{Host, Scheme, Target};
use crate::transport::dane::TlsaRecords;

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
    /// Whether the host has further addresses.
    pub several: bool,
    /// Whether it has addresses of both families.
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

    /// The target as it is typed, which names what it has to.
    pub fn typed(&self) -> String {
        self.target().typed()
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
        match self.several {
            true => format!("{} ({})", self.server(), self.ip),
            false => self.server(),
        }
    }
}
