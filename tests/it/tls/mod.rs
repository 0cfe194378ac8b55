//! Links over real sockets: what is told of good ones, and why bad ones fail.

mod bad_input;
mod beyond;
mod failures;
mod links;
mod looking;
mod options;
pub mod pki;
mod policies;
mod revocation;
mod sessions;

use std::net::SocketAddr;

use heloise::target::Host;
use heloise::transport::{Link, Tls, TlsError, TlsOptions, TlsSetup};

/// An encrypted link to a server that is known as `name`.
async fn connect(options: &TlsOptions, server: SocketAddr, name: &str) -> Result<Link<Tls>, TlsError> {
    let setup = TlsSetup::load(options).unwrap();
    let tcp = tokio::net::TcpStream::connect(server).await.unwrap();
    Link::new(tcp).upgrade(&setup, &Host::parse(name).unwrap()).await
}

/// Options that trust this file alone.
fn trusting(ca: &tempfile::NamedTempFile) -> TlsOptions {
    TlsOptions { ca: Some(ca.path().to_owned()), no_system_ca: true, ..TlsOptions::default() }
}
