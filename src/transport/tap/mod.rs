//! A tap between the TCP stream and the TLS library, which tells neither version nor cipher nor chain.

mod ears;
pub mod names;

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub use ears::{Ears, Seen};
pub use names::{Alert, ProtocolVersion};

/// Passes bytes on unchanged, both ways, and listens while a handshake can be understood.
#[derive(Debug)]
pub struct Tap<S> {
    inner: S,
    listener: Option<Listener>,
}

/// What a [`Tap`] hears. It outlives the tap, which the TLS library drops with a failed handshake.
#[derive(Clone, Default)]
pub struct Listener(Arc<Mutex<Ears>>);

impl Listener {
    /// What has been seen so far.
    pub fn seen(&self) -> Seen {
        self.ears().seen().clone()
    }

    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

impl<S> Tap<S> {
    /// A tap on `inner`, and what listens to it.
    pub fn new(inner: S) -> (Tap<S>, Listener) {
        let listener = Listener::default();
        (Tap { inner, listener: Some(listener.clone()) }, listener)
    }

    /// The stream under the tap.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    fn hear(&mut self, tell: impl FnOnce(&mut Ears)) {
        let Some(listener) = &self.listener else { return };
        let mut ears = listener.ears();
        tell(&mut ears);
        let over = ears.over();
        drop(ears);
        if over {
            self.listener = None;
        }
    }
}

impl<S: AsyncRead + Unpin> Tap<S> {
    /// Takes what else is there from a peer that does not speak TLS. The library has read five bytes of it and
    /// will give up; nobody else would see the rest of the line.
    fn hear_out(&mut self, cx: &mut Context<'_>) {
        let speaks_tls = |listener: &Listener| listener.ears().seen().not_tls.is_none();
        if self.listener.as_ref().is_none_or(speaks_tls) {
            return;
        }
        let mut scratch = [0; 512];
        let mut rest = ReadBuf::new(&mut scratch);
        if let Poll::Ready(Ok(())) = Pin::new(&mut self.inner).poll_read(cx, &mut rest) {
            self.hear(|ears| ears.received(rest.filled()));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let room = buf.remaining();
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        match &read {
            Ok(()) if room > 0 => {
                self.hear(|ears| ears.received(buf.filled().get(before..).unwrap_or_default()));
                self.hear_out(cx);
            }
            Ok(()) => {}
            Err(_) => self.hear(Ears::reset),
        }
        Poll::Ready(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buf));
        match &written {
            Ok(count) => self.hear(|ears| ears.sent(buf.get(..*count).unwrap_or_default())),
            Err(_) => self.hear(Ears::reset),
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(all(test, not(any(target_os = "windows", target_vendor = "apple"))))]
mod tests;
