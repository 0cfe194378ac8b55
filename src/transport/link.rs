//! The connection: plain or encrypted, as a type. After an upgrade no plaintext handle is left to misuse.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tls::connector::TlsStream;
use super::tls::{self, LateAlert, TlsError, TlsInfo, TlsSetup};
use crate::target::Host;

/// A link that is not encrypted.
#[derive(Debug)]
pub struct Plain(TcpStream);

/// A link that is.
#[derive(Debug)]
pub struct Tls {
    stream: TlsStream,
    info: Box<TlsInfo>,
}

/// A connection to a server. Reads and writes go through it as they would through the stream itself.
#[derive(Debug)]
pub struct Link<S>(S);

impl Link<Plain> {
    /// A link on an open connection.
    pub fn new(tcp: TcpStream) -> Self {
        Link(Plain(tcp))
    }

    /// Encrypts the link. What the server sent in plaintext and nobody has read yet is taken for the beginning of
    /// the handshake, and fails it.
    ///
    /// # Errors
    /// When the handshake fails, or the certificate does not verify and that was not waived. The connection is gone
    /// then.
    pub async fn upgrade(self, setup: &TlsSetup, host: &Host) -> Result<Link<Tls>, TlsError> {
        let (stream, info) = setup.handshake(self.0.0, host).await?;
        Ok(Link(Tls { stream, info: Box::new(info) }))
    }
}

impl Link<Tls> {
    /// What was negotiated, and with whom.
    pub fn info(&self) -> &TlsInfo {
        &self.0.info
    }

    pub(super) fn info_mut(&mut self) -> &mut TlsInfo {
        &mut self.0.info
    }
}

/// A link whose state is known only at run time.
#[derive(Debug)]
pub enum AnyLink {
    /// Not encrypted.
    Plain(Link<Plain>),
    /// Encrypted.
    Tls(Link<Tls>),
}

impl AnyLink {
    /// What was negotiated; nothing on a plain link.
    pub fn tls(&self) -> Option<&TlsInfo> {
        match self {
            AnyLink::Plain(_) => None,
            AnyLink::Tls(link) => Some(link.info()),
        }
    }
}

impl From<Link<Plain>> for AnyLink {
    fn from(link: Link<Plain>) -> Self {
        AnyLink::Plain(link)
    }
}

impl From<Link<Tls>> for AnyLink {
    fn from(link: Link<Tls>) -> Self {
        AnyLink::Tls(link)
    }
}

/// A stream on one TCP connection.
pub trait Connection: AsyncRead + AsyncWrite + Unpin {
    /// The TCP connection under it. Only for looking: bytes taken from it are lost to the link.
    fn tcp(&self) -> &TcpStream;

    /// The other end.
    ///
    /// # Errors
    /// When the connection is gone.
    fn peer(&self) -> io::Result<SocketAddr> {
        self.tcp().peer_addr()
    }

    /// This end.
    ///
    /// # Errors
    /// When the connection is gone.
    fn local(&self) -> io::Result<SocketAddr> {
        self.tcp().local_addr()
    }

    /// Reads what is there without waiting: how many bytes, 0 at the end of the link, nothing when there are none.
    ///
    /// What has just arrived may not be noticed yet; [`read_within`] gives it a moment.
    ///
    /// # Errors
    /// As a read does.
    fn try_read(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let mut buf = ReadBuf::new(buf);
        let mut cx = Context::from_waker(Waker::noop());
        match Pin::new(self).poll_read(&mut cx, &mut buf) {
            Poll::Ready(Ok(())) => Ok(Some(buf.filled().len())),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(None),
        }
    }
}

/// Reads what is there or comes within `limit`: how many bytes, 0 at the end of the link, nothing when none came.
///
/// # Errors
/// As a read does.
pub async fn read_within<C>(link: &mut C, buf: &mut [u8], limit: Duration) -> io::Result<Option<usize>>
where
    C: AsyncRead + Unpin,
{
    match timeout(limit, link.read(buf)).await {
        Ok(read) => read.map(Some),
        Err(_) => Ok(None),
    }
}

impl Connection for Link<Plain> {
    fn tcp(&self) -> &TcpStream {
        &self.0.0
    }
}

impl Connection for Link<Tls> {
    fn tcp(&self) -> &TcpStream {
        self.0.stream.tcp()
    }
}

impl Connection for AnyLink {
    fn tcp(&self) -> &TcpStream {
        match self {
            AnyLink::Plain(link) => link.tcp(),
            AnyLink::Tls(link) => link.tcp(),
        }
    }
}

/// What all streams under a link can do.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

impl Link<Plain> {
    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        Pin::new(&mut self.0.0)
    }
}

impl Link<Tls> {
    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        Pin::new(&mut self.0.stream)
    }
}

impl AnyLink {
    fn stream(&mut self) -> Pin<&mut dyn Stream> {
        match self {
            AnyLink::Plain(link) => link.stream(),
            AnyLink::Tls(link) => link.stream(),
        }
    }
}

/// A read's error in words for people, where the server broke off with an alert.
fn in_words(error: io::Error) -> io::Error {
    let said = error.to_string();
    match tls::alert_in(&said) {
        Some(name) => io::Error::new(error.kind(), LateAlert { name: name.to_owned() }),
        None => error,
    }
}

/// Hands reads and writes on to the stream.
macro_rules! through_stream {
    ($($link:ty),*) => {$(
        impl AsyncRead for $link {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.get_mut().stream().poll_read(cx, buf).map_err(in_words)
            }
        }

        impl AsyncWrite for $link {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                self.get_mut().stream().poll_write(cx, buf)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().stream().poll_flush(cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.get_mut().stream().poll_shutdown(cx)
            }
        }
    )*};
}

through_stream!(Link<Plain>, Link<Tls>, AnyLink);
