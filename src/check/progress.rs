//! What is heard of a check while it runs.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::stage::{Stage, StageName};

/// Tells the legs of a check apart, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(pub usize);

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A leg begins; what it is called.
    Begin(LegId, String),
    /// A stage begins.
    Running(LegId, StageName),
    /// A stage is over.
    Done(LegId, Stage),
    /// A leg is over.
    End(LegId),
}

/// Whoever watches a check, and may end it before its time.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// Is told what happens.
    pub to: Option<UnboundedSender<Progress>>,
    /// Becomes true when the sessions under way are to be ended in order.
    pub stop: Option<watch::Receiver<bool>>,
}

/// Passes on what happens to whoever watches, and keeps the time.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    begun: Instant,
    watch: Watch,
}

impl Watcher {
    /// The clock starts now.
    pub fn new(watch: Watch) -> Watcher {
        Watcher { begun: Instant::now(), watch }
    }

    /// Ready when the check is to be ended.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let stop = self.watch.stop.clone();
        async move {
            let told = match stop {
                Some(mut stop) => stop.wait_for(|stop| *stop).await.is_ok(),
                None => false,
            };
            if !told {
                // A sender that is gone, or never was, will not say anything any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// When the check began.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Passes something on.
    pub fn tell(&self, progress: Progress) {
        if let Some(to) = &self.watch.to {
            // Whoever watched may have gone; the check goes on.
            let _ = to.send(progress);
        }
    }
}
