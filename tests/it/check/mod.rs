//! The diagnosis: what must be found, and what must not.

mod addresses;
mod ended;
mod fake;
mod greetings;
mod healthy;
mod links;
mod names;
mod outputs;
mod program;
mod registry;
mod sessions;
mod zone;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use heloise::check::{self, Plan, Report, Severity, Subject, Watch};
use heloise::session::Timeouts;
use heloise::target::{Host, Scheme, Target};
use heloise::transport::{DialOptions, TlsOptions, TlsSetup};

use crate::tls::pki::{NAME, Pki};

/// A plan that trusts an authority and checks certificates for [`NAME`], with waits that suit a test.
pub fn plan(pki: &Pki) -> Plan {
    let ca = pki.ca_file();
    let options = TlsOptions {
        ca: Some(ca.path().to_owned()),
        no_system_ca: true,
        verify_name: Some(NAME.to_owned()),
        timeout: Duration::from_secs(10),
        ..TlsOptions::default()
    };
    let dial = DialOptions { timeout: Duration::from_secs(10), ..DialOptions::default() };
    let mut plan = Plan::new(dial, TlsSetup::load(&options).unwrap());
    plan.timeouts = Timeouts::all(Duration::from_secs(10));
    plan.ehlo = Some("client.example.net".to_owned());
    plan
}

/// Checks one port in this scheme.
pub async fn check(plan: Plan, scheme: Scheme, addr: SocketAddr) -> Report {
    let target = Target { scheme, host: Host::Ip(addr.ip()), port: addr.port(), mx: false };
    check::run(Arc::new(plan), &Subject::Port(target), Watch::default()).await
}

/// The ids of the findings from this severity on.
pub fn ids(report: &Report, from: Severity) -> Vec<&'static str> {
    report.findings.iter().filter(|finding| finding.severity >= from).map(|finding| finding.id).collect()
}
