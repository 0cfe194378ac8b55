//! The practice server: a small mail domain on loopback that answers as real servers do, and shows on
//! request what else they may say.
//!
//! [`rules::RULES`] and [`users::USERS`] are all there is to run into; the lists for people are made of them.

mod auth;
mod content;
mod envelope;
mod host;
pub mod rules;
mod syntax;
pub mod users;
mod wit;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::{Bound, Listener, Timing, Tls};
use host::Host;
use wit::PracticeWit;

/// The mechanisms in the order in which EHLO lists them.
pub const MECHANISMS: &[&str] = &[
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "XOAUTH2",
    "OAUTHBEARER",
];

/// How a practice server is set up.
#[derive(Clone, Debug)]
pub struct PracticeOptions {
    /// Where it listens; loopback and any free port unless told otherwise.
    pub listen: SocketAddr,
    /// Whether TLS is offered at all.
    pub tls: bool,
    /// Where it listens with TLS from the first byte.
    pub listen_tls: Option<SocketAddr>,
    /// Whether AUTH is offered on a plaintext link, too.
    pub auth_in_clear: bool,
    /// The mail domain it is responsible for; its own name is `mx.` before it.
    pub domain: String,
    /// Octets of a message.
    pub message_limit: u64,
    /// Recipients of a message.
    pub max_recipients: usize,
    /// Refusals after which the next command is answered by 421.
    pub error_limit: usize,
    /// Sessions held at a time.
    pub max_clients: usize,
    /// Octets of a line.
    pub line_limit: usize,
    /// How long a client may be silent.
    pub idle: Duration,
    /// How long a second lasts in the rules that delay something. Tests make it short.
    pub second: Duration,
    /// The waits for the link.
    pub timing: Timing,
}

impl Default for PracticeOptions {
    fn default() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        PracticeOptions {
            listen: anywhere,
            tls: true,
            listen_tls: Some(anywhere),
            auth_in_clear: false,
            domain: "example.org".to_owned(),
            message_limit: 10 * 1024 * 1024,
            max_recipients: 100,
            error_limit: 10,
            max_clients: 50,
            line_limit: 16 * 1024,
            idle: Duration::from_secs(300),
            second: Duration::from_secs(1),
            timing: Timing::default(),
        }
    }
}

/// One thing to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// What it shows, in a few words.
    pub what: String,
    /// What to type.
    pub line: String,
}

/// A practice server that listens and does not serve yet.
pub struct Practice {
    listener: Listener,
    bound: Bound,
    host: Arc<Host>,
    ca_pem: String,
    things: Vec<Try>,
}

impl Practice {
    /// Takes the ports and makes a certificate. Clients may connect from now on; they are served by
    /// [`Practice::run`].
    ///
    /// # Errors
    /// When an address cannot be had, or no certificate can be made.
    pub fn bind(options: PracticeOptions) -> io::Result<Practice> {
        let names = vec![format!("mx.{}", options.domain), options.domain.clone()];
        let (tls, ca_pem) = match options.tls {
            true => {
                let (acceptor, ca_pem) = super::cert::acceptor(names, options.listen.ip())?;
                (Some(Tls { acceptor, implicit: options.listen_tls }), ca_pem)
            }
            false => (None, String::new()),
        };
        let host = Host::new(options, tls.is_some());
        let mut listener = Listener::bind(host.options.listen, tls)?;
        listener.max_clients = host.options.max_clients;
        listener.line_limit = host.options.line_limit;
        listener.timing = host.options.timing;
        let (bound, things) = (listener.bound()?, host.things(false));
        Ok(Practice { listener, bound, host: Arc::new(host), ca_pem, things })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.bound.plain
    }

    /// Where it listens with TLS from the first byte.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.bound.tls
    }

    /// The certificate to trust, in PEM: with it the server's own certificate verifies. Empty without TLS.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A dozen things that a newcomer may try. HELP lists all there are.
    pub fn things_to_try(&self) -> &[Try] {
        &self.things
    }

    /// The names, passwords (or tokens) and peculiarities of the users.
    pub fn users(&self) -> Vec<(String, &'static str, &'static str)> {
        let domain = &self.host.options.domain;
        users::USERS.iter().map(|u| (format!("{}@{domain}", u.local), u.password, u.what)).collect()
    }

    /// Serves until `shutdown` is ready; then each session gets a 421.
    ///
    /// # Errors
    /// When the sockets cannot be used at all.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let host = self.host;
        let wit = move |peer: SocketAddr| PracticeWit::new(Arc::clone(&host), peer.ip());
        self.listener.run(wit, shutdown).await
    }
}
