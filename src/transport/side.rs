//! Side connections: to the same server, up to where TLS begins, to look and not to talk. They carry no secret and
//! are not recorded.

use std::net::SocketAddr;
use std::time::Duration;

use crate::session::{Client, Timeouts};
use crate::target::{Host, Scheme, Target};
use crate::transcript::{Entry, Header};
use crate::wire::escape::visible;

use super::broken::Broken;
use super::connection::Connection;
use super::dial::{DialError, dial};
use super::link::{Link, Plain};
use super::log::{Log, Sink};
use super::look::Place;
use super::open::Setup;
use super::tls::TlsError;

/// Why a side connection did not come to the point where TLS begins.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    /// No connection.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The server broke off.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The link could not be encrypted.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server did not accept STARTTLS, or what comes before it; its words.
    #[error("the server did not accept {0}: {1}")]
    Refused(&'static str, String),
}

/// The longest wait for a server that has nothing to do but greet, and where a person waits for what is seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Connects to `peer` as the setup has it and goes to where TLS begins: at once, or after EHLO and STARTTLS.
/// `own_name` is the name for EHLO.
pub(super) async fn to_tls(
    setup: &Setup,
    peer: SocketAddr,
    own_name: &str,
) -> Result<Link<Plain>, SideError> {
    let mut connection = begin(setup, peer, Timeouts::all(setup.timeouts.greeting.min(PATIENCE))).await?;
    if !setup.target.implicit_tls() {
        greeted(&mut connection, own_name).await?;
        starttls(&mut connection).await?;
    }
    connection.into_plain().ok_or(SideError::Broken(Broken::Closed { unanswered: None }))
}

/// A session beside the session, up to its EHLO; encrypted if `encrypted`. The caller gives it up.
///
/// # Errors
/// When the server, or its certificate, does not let it come so far.
pub async fn session(setup: &Setup, place: &Place, encrypted: bool) -> Result<Connection, SideError> {
    let mut connection = begin(setup, place.peer, setup.timeouts).await?;
    if setup.target.implicit_tls() {
        connection.upgrade(setup, &place.host).await?;
    }
    greeted(&mut connection, &place.own_name).await?;
    if encrypted && !setup.target.implicit_tls() {
        starttls(&mut connection).await?;
        connection.upgrade(setup, &place.host).await?;
        accepted("EHLO", &connection.greet(&place.own_name).await?)?;
    }
    Ok(connection)
}

async fn begin(setup: &Setup, peer: SocketAddr, timeouts: Timeouts) -> Result<Connection, SideError> {
    let target = Target { host: Host::Ip(peer.ip()), port: peer.port(), mx: false, ..setup.target.clone() };
    let dialed = dial(&target, &setup.dial).await?;
    let log = Log::new(Box::new(Nobody), 0);
    let lmtp = setup.target.scheme == Scheme::Lmtp;
    let client = Client::new(lmtp, timeouts, setup.caps, log.started().elapsed());
    Ok(Connection::new(Link::new(dialed.tcp), dialed.local.ip(), client, log))
}

/// Reads the banner and says EHLO.
async fn greeted(connection: &mut Connection, own_name: &str) -> Result<(), SideError> {
    let greeting = connection.reply().await?;
    accepted("the connection", &greeting)?;
    accepted("EHLO", &connection.greet(own_name).await?)
}

async fn starttls(connection: &mut Connection) -> Result<(), SideError> {
    let answer = connection.command(b"STARTTLS").await?;
    match connection.must_upgrade() {
        true => Ok(()),
        false => Err(SideError::Refused("STARTTLS", said(&answer))),
    }
}

fn accepted(what: &'static str, answer: &crate::session::Answer) -> Result<(), SideError> {
    match answer.reply.class() {
        Some(crate::wire::Class::Completion) => Ok(()),
        _ => Err(SideError::Refused(what, said(answer))),
    }
}

fn said(answer: &crate::session::Answer) -> String {
    answer.reply.last_line().map(|line| visible(line.line.bytes)).unwrap_or_default()
}

/// Nobody watches a side connection.
struct Nobody;

impl Sink for Nobody {
    fn begin(&mut self, _: &Header) -> Result<(), String> {
        Ok(())
    }

    fn entry(&mut self, _: &Entry, _: bool) -> Result<(), String> {
        Ok(())
    }

    fn keeps(&self) -> bool {
        false
    }
}
