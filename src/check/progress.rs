//! What is heard of a check while it runs.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::stage::{Stage, StageName};
use crate::transport::Sink;

/// Tells the legs of a check apart, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegId(usize);

/// How many legs one endpoint may come to: tries, and the other mode of TLS.
const LEGS_EACH: usize = 1000;

impl LegId {
    /// The leg of names.
    pub const NAMES: LegId = LegId(0);

    /// The first leg of an endpoint, which are counted from 0.
    pub(super) fn of_endpoint(number: usize) -> LegId {
        LegId(1 + number * LEGS_EACH)
    }

    /// The next leg of the same endpoint.
    pub(super) fn next(self) -> LegId {
        LegId(self.0 + 1)
    }

    /// Whether it is a leg of the endpoint whose first leg is this.
    pub(super) fn is_of(self, first: LegId) -> bool {
        (first.0..first.0 + LEGS_EACH).contains(&self.0)
    }
}

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
    /// Makes what the transcript of each leg is written into.
    pub record: Option<Recording>,
    /// Becomes true when the sessions under way are to be ended in order.
    pub stop: Option<watch::Receiver<bool>>,
}

/// Makes what transcripts are written into, each event before it counts. What it made is dropped when the leg is over.
#[derive(Clone)]
pub struct Recording(Arc<dyn Fn() -> Box<dyn Sink> + Send + Sync>);

impl Recording {
    /// With each call of `make` comes what one leg is written into.
    pub fn new(make: impl Fn() -> Box<dyn Sink> + Send + Sync + 'static) -> Recording {
        Recording(Arc::new(make))
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recording")
    }
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

    /// What a leg is written into.
    pub fn recorder(&self) -> Option<Box<dyn Sink>> {
        self.watch.record.as_ref().map(|record| record.0())
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
