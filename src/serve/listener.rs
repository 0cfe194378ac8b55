//! Takes connections and gives each a session.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::driver::{Driver, Timing};
use super::tls::Acceptor;
use super::{Farewell, Wit};

/// How long sessions get to say farewell when the server is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// The pause after a connection could not be taken, for example for want of file descriptors.
const BREATHER: Duration = Duration::from_millis(50);

/// The server's side of TLS.
#[derive(Clone)]
pub struct Tls {
    /// Does the handshakes.
    pub acceptor: Acceptor,
    /// Also listens here, with TLS from the first byte.
    pub implicit: Option<SocketAddr>,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The port that begins in plaintext.
    pub plain: SocketAddr,
    /// The port that begins with TLS.
    pub tls: Option<SocketAddr>,
}

/// Sockets that listen, and the limits that hold for all sessions.
pub struct Listener {
    plain: TcpListener,
    implicit: Option<TcpListener>,
    acceptor: Option<Acceptor>,
    /// Whether TLS comes first at the plain address, too.
    pub tls_first: bool,
    /// How many sessions are held at a time; more are turned away.
    pub max_clients: usize,
    /// Octets of one line; a longer one ends the session.
    pub line_limit: usize,
    /// The waits.
    pub timing: Timing,
}

impl Listener {
    /// Listens on `plain`, and on the implicit TLS address if there is one. Port 0 takes any free port.
    ///
    /// # Errors
    /// When an address cannot be had.
    pub fn bind(plain: SocketAddr, tls: Option<Tls>) -> io::Result<Listener> {
        let open = |address: SocketAddr| {
            let socket = TcpListener::bind(address)?;
            socket.set_nonblocking(true)?;
            Ok::<_, io::Error>(socket)
        };
        let implicit = tls.as_ref().and_then(|tls| tls.implicit).map(open).transpose()?;
        let acceptor = tls.map(|tls| tls.acceptor);
        Ok(Listener {
            plain: open(plain)?,
            implicit,
            acceptor,
            tls_first: false,
            max_clients: 100,
            line_limit: 64 * 1024,
            timing: Timing::default(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn bound(&self) -> io::Result<Bound> {
        let tls = self.implicit.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok(Bound { plain: self.plain.local_addr()?, tls })
    }

    /// Serves until `shutdown` is ready. `wit` makes what answers the client at an address.
    ///
    /// # Errors
    /// When the sockets cannot be used at all. A session that fails ends alone.
    pub async fn run<W: Wit + 'static>(
        self,
        mut wit: impl FnMut(SocketAddr) -> W,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let plain = tokio::net::TcpListener::from_std(self.plain)?;
        let implicit = self.implicit.map(tokio::net::TcpListener::from_std).transpose()?;
        let (stopper, stop) = watch::channel(false);
        let mut sessions = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            let (taken, is_tls) = tokio::select! {
                () = &mut shutdown => break,
                taken = plain.accept() => (taken, self.tls_first),
                taken = accept_some(implicit.as_ref()) => (taken, true),
                Some(_) = sessions.join_next() => continue,
            };
            let Ok((link, peer)) = taken else {
                tokio::time::sleep(BREATHER).await;
                continue;
            };
            let driver = Driver::new(wit(peer), self.line_limit, self.timing, stop.clone());
            let full = sessions.len() >= self.max_clients;
            if sessions.len() < self.max_clients * 2 {
                sessions.spawn(hold(driver, link, self.acceptor.clone(), is_tls, full));
            } else {
                driver.drop_link(Farewell::TooManyClients);
            }
        }
        let _ = stopper.send(true);
        let all = async { while sessions.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, all).await;
        Ok(())
    }
}

async fn hold<W: Wit>(
    driver: Driver<W>,
    link: TcpStream,
    acceptor: Option<Acceptor>,
    implicit: bool,
    full: bool,
) {
    let _ = link.set_nodelay(true);
    // What goes wrong on one link concerns its client alone, who sees it.
    let _ = match (full, implicit) {
        (true, true) => {
            driver.drop_link(Farewell::TooManyClients);
            Ok(())
        }
        (true, false) => driver.turn_away(link, Farewell::TooManyClients).await,
        (false, _) => driver.run(link, acceptor, implicit).await,
    };
}

async fn accept_some(listener: Option<&tokio::net::TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}
