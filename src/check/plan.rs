//! What a check is to do: whom to ask, what to try, and what counts as slow or late.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use super::subject::{Endpoint, USUAL_PORTS};
use super::tried::{Envelope, Login};
use crate::session::{Caps, Timeouts};
use crate::transport::{DialOptions, Setup, TlsSetup};

/// From when on something counts as slow, or as late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// An answer about a name.
    pub dns: Duration,
    /// The greeting.
    pub banner: Duration,
    /// A silent server at a port that begins with TLS by custom may be waiting for it: after this long it is asked.
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
    /// Whether every address of a host is walked the whole way, and not only one of each family.
    pub all_addresses: bool,
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
            all_addresses: false,
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
            options: Vec::new(),
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
