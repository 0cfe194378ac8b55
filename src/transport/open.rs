//! Opening a session: what was configured, and the steps up to the first byte of the greeting.

use std::time::Instant;

use chrono::Local;

use crate::session::{Caps, Client, Timeouts};
use crate::target::{Scheme, Target};
use crate::transcript::{Header, Info};

use super::connection::Connection;
use super::dial::{DialError, DialOptions, Dialed, dial};
use super::link::Link;
use super::log::Log;
use super::tls::{TlsError, TlsSetup};

/// How to reach a server and how to talk with it.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The server.
    pub target: Target,
    /// Names and addresses.
    pub dial: DialOptions,
    /// Encryption. Loaded and checked already; the connector is made when it is first needed.
    pub tls: TlsSetup,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How much to take in.
    pub caps: Caps,
    /// The title for the transcript.
    pub title: Option<String>,
    /// The options to give again to reach this server, each as it would be typed, with its argument.
    pub options: Vec<String>,
}

/// Why no session could be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// No encrypted link, where TLS begins with the first byte.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Setup {
    /// Begins the stream of entries of a session with this server.
    pub fn begin(&self, log: &mut Log) {
        let mut header = Header::new(self.target.to_string(), Local::now().fixed_offset());
        header.title = self.title.clone();
        log.begin(header, Instant::now());
    }

    /// Connects, and encrypts where TLS begins with the first byte. The greeting is left to be read.
    ///
    /// # Errors
    /// The stream of entries comes back with the error, as it may go on with another target.
    pub async fn open(&self, mut log: Log) -> Result<Connection, (Log, OpenError)> {
        self.begin(&mut log);
        let dialed = match dial(&self.target, &self.dial).await {
            Ok(dialed) => dialed,
            Err(error) => {
                log.problem(&error.to_string());
                return Err((log, error.into()));
            }
        };
        if self.target.mx {
            tell_mail_host(&mut log, &dialed);
        }
        log.info(Info::Connected { peer: dialed.peer.to_string(), local: Some(dialed.local.to_string()) });
        let lmtp = self.target.scheme == Scheme::Lmtp;
        let client = Client::new(lmtp, self.timeouts, self.caps, log.started().elapsed());
        let mut connection = Connection::new(Link::new(dialed.tcp), dialed.local.ip(), client, log);
        connection.reached(dialed.host.clone());
        if self.target.implicit_tls()
            && let Err(error) = connection.upgrade(self, &dialed.host).await
        {
            return Err((connection.into_log(), error.into()));
        }
        Ok(connection)
    }
}

/// Says which of a domain's mail hosts was reached, and which were passed over for it, and why: DNS has named them, and
/// not the person.
fn tell_mail_host(log: &mut Log, dialed: &Dialed) {
    let why = |words: String| ("why".to_owned(), Some(words));
    for error in &dialed.nowhere {
        log.info(Info::of("passed-over", vec![(error.name.clone(), None), why(error.to_string())]));
    }
    for attempt in &dialed.tried {
        let name = attempt.name.clone().map(|name| (name, None));
        let place = name.into_iter().chain([(attempt.addr.to_string(), None)]);
        log.info(Info::of("passed-over", place.chain([why(attempt.error.to_string())]).collect()));
    }
    log.info(Info::of("mail-host", vec![(dialed.host.to_string(), None)]));
}
