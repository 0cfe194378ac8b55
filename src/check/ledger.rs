//! What is put down on a leg: its stages and its findings, with what happened meanwhile.

use std::time::{Duration, Instant};

use super::finding::{Finding, Found, Severity};
use super::progress::{LegId, Progress, Watcher};
use super::stage::{Stage, StageName, Verdict};
use super::tape::Tape;

/// The stages and findings of one leg.
pub(super) struct Ledger {
    pub tape: Tape,
    place: String,
    /// What a person would type to get there.
    target: String,
    stages: Vec<Stage>,
    findings: Vec<Finding>,
    current: Option<Current>,
    watcher: Watcher,
    id: LegId,
}

/// The stage under way.
struct Current {
    name: StageName,
    began: Instant,
    worst: Option<Severity>,
}

impl Ledger {
    pub fn new(place: String, target: String, id: LegId, watcher: Watcher) -> Ledger {
        let (stages, findings) = (Vec::new(), Vec::new());
        watcher.tell(Progress::Begin(id, place.clone()));
        Ledger { tape: Tape::new(), place, target, stages, findings, current: None, watcher, id }
    }

    /// Begins a stage.
    pub fn enter(&mut self, name: StageName) {
        self.current = Some(Current { name, began: Instant::now(), worst: None });
        self.watcher.tell(Progress::Running(self.id, name));
    }

    /// Ends the stage with what came of it in one line.
    pub fn leave(&mut self, summary: String) {
        let Some(current) = self.current.take() else { return };
        let took = current.began.elapsed();
        let verdict = current.worst.map_or(Verdict::Ok, Verdict::Found);
        self.put(current.name, current.began, took, verdict, summary);
    }

    /// Ends the stage in its midst, as the check is ended: what it would have come to is not known.
    pub fn break_off(&mut self, why: String) {
        let Some(current) = self.current.take() else { return };
        let took = current.began.elapsed();
        let verdict = current.worst.map_or(Verdict::Ended, Verdict::Found);
        self.put(current.name, current.began, took, verdict, why);
    }

    /// Passes a stage over.
    pub fn skip(&mut self, name: StageName, why: String) {
        self.put(name, Instant::now(), Duration::ZERO, Verdict::Skipped(why), String::new());
    }

    fn put(&mut self, name: StageName, began: Instant, took: Duration, verdict: Verdict, summary: String) {
        let at = began.saturating_duration_since(self.watcher.begun());
        let stage = Stage { name, at, took, verdict, summary, evidence: self.tape.take() };
        self.watcher.tell(Progress::Done(self.id, stage.clone()));
        self.stages.push(stage);
    }

    /// Puts a finding down.
    pub fn find(&mut self, found: Found) {
        let stage = self.current.as_ref().map_or(StageName::Dns, |current| current.name);
        let finding = found.at(stage, &self.place, &self.target, self.tape.so_far());
        if let Some(current) = &mut self.current {
            current.worst = current.worst.max(Some(finding.severity));
        }
        self.findings.push(finding);
    }

    /// The place that the leg is called by.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Ready when the check is to be ended.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        self.watcher.stopped()
    }

    /// Closes the book.
    pub fn close(self) -> (Vec<Stage>, Vec<Finding>) {
        self.watcher.tell(Progress::End(self.id));
        (self.stages, self.findings)
    }
}
