//! Takes down what happens on a leg, for evidence, and follows it, for explanations.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::explain::Explanation;
use crate::narrate::{Layout, Level, Narrator};
use crate::transcript::{Entry, EntryKind, Header, Info};
use crate::transport::Sink;
use crate::wire::Quirk;

/// A stream of entries in memory. A clone is the same tape.
#[derive(Clone)]
pub(super) struct Tape(Arc<Mutex<Heard>>);

struct Heard {
    header: Option<Header>,
    entries: Vec<Entry>,
    narrator: Narrator,
}

impl Tape {
    pub fn new() -> Tape {
        let narrator = Narrator::new(Layout { level: Level::None, width: 80, timing: false, prompt: false });
        Tape(Arc::new(Mutex::new(Heard { header: None, entries: Vec::new(), narrator })))
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        // A panic elsewhere leaves nothing half-done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out what has come since the last call.
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.lock().entries)
    }

    /// What has come since the last [`Tape::take`].
    pub fn so_far(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Whether the server has said anything since the last [`Tape::take`].
    pub fn heard_anything(&self) -> bool {
        self.lock().entries.iter().any(|entry| matches!(entry.kind, EntryKind::Received { .. }))
    }

    /// The last line since the last [`Tape::take`] that no command was waiting for, safe to show.
    pub fn unasked(&self) -> Option<String> {
        let (mut line, mut unasked) = (None, None);
        let quirk = Quirk::Unsolicited.to_string();
        for entry in &self.lock().entries {
            match &entry.kind {
                EntryKind::Received { line: one, .. } => line = Some(one.to_visible()),
                EntryKind::Info(Info::Quirk(words)) if *words == quirk => unasked = line.clone(),
                _ => {}
            }
        }
        unasked
    }

    /// The header of the first session.
    pub fn header(&self) -> Option<Header> {
        self.lock().header.clone()
    }

    /// What the last reply most probably means.
    pub fn explain_last(&self) -> Option<Explanation> {
        self.lock().narrator.explain_last().into_iter().next()
    }
}

impl Sink for Tape {
    fn begin(&mut self, header: &Header) -> Result<(), String> {
        let mut heard = self.lock();
        heard.narrator.begin(header);
        match heard.header {
            None => heard.header = Some(header.clone()),
            // A further session of the same leg, as after a certificate that did not verify.
            Some(_) => {
                let kind = EntryKind::Session(Box::new(header.clone()));
                heard.entries.push(Entry { at: None, kind });
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, typed: bool) -> Result<(), String> {
        let mut heard = self.lock();
        heard.narrator.entry(entry, typed);
        heard.entries.push(entry.clone());
        Ok(())
    }
}
