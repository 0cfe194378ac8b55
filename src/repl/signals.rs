//! Signals that a session minds.

use tokio::signal::unix::{SignalKind, signal};

/// A set of signals to wait for. While it lives they do not end the process by themselves.
#[derive(Debug)]
pub struct Signals {
    kinds: Vec<(u8, tokio::signal::unix::Signal)>,
    last: u8,
}

impl Signals {
    /// SIGINT, the Ctrl-C of a terminal that is not read by a line editor.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn interrupt() -> std::io::Result<Signals> {
        Signals::new(&[2])
    }

    /// SIGTERM and SIGHUP.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn terminate() -> std::io::Result<Signals> {
        Signals::new(&[15, 1])
    }

    /// All three.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn any() -> std::io::Result<Signals> {
        Signals::new(&[2, 15, 1])
    }

    fn new(numbers: &[u8]) -> std::io::Result<Signals> {
        let open = |number: &u8| Ok((*number, signal(SignalKind::from_raw(i32::from(*number)))?));
        let kinds = numbers.iter().map(open).collect::<std::io::Result<Vec<_>>>()?;
        Ok(Signals { kinds, last: 0 })
    }

    /// Waits for one of them. May be dropped and called again.
    pub async fn arrived(&mut self) {
        let (kinds, last) = (&mut self.kinds, &mut self.last);
        std::future::poll_fn(|cx| {
            for (number, signal) in kinds.iter_mut() {
                if signal.poll_recv(cx).is_ready() {
                    *last = *number;
                    return std::task::Poll::Ready(());
                }
            }
            std::task::Poll::Pending
        })
        .await;
    }

    /// The number of the one that arrived last.
    pub fn last(&self) -> u8 {
        self.last
    }
}
