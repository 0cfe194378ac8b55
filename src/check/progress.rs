//! What is heard of a check while it runs.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

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

/// Passes on what happens to whoever watches, and keeps the time.
#[derive(Clone, Debug)]
pub struct Watcher {
    begun: Instant,
    to: Option<UnboundedSender<Progress>>,
}

impl Watcher {
    /// The clock starts now.
    pub fn new(to: Option<UnboundedSender<Progress>>) -> Watcher {
        Watcher { begun: Instant::now(), to }
    }

    /// When the check began.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Passes something on.
    pub(super) fn tell(&self, progress: Progress) {
        if let Some(to) = &self.to {
            // Whoever watched may have gone; the check goes on.
            let _ = to.send(progress);
        }
    }
}
