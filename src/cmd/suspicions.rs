//! The warning that a transcript which leaves the house still holds what looks like a secret.

use crate::report::{Problem, Status};
use crate::transcript::Entry;
use crate::transcript::scan::{Scanner, Suspicion};

/// How many secrets are named before the rest is counted.
const NAMED: usize = 5;

/// What looks like a secret in a transcript: the first few, and how many in all.
#[derive(Default)]
pub struct Suspicions {
    scanner: Scanner,
    entries: usize,
    first: Vec<Suspicion>,
    count: usize,
}

impl Suspicions {
    /// Looks at the next entry.
    pub fn look(&mut self, entry: &Entry) {
        let found = self.scanner.entry(self.entries, entry);
        self.entries += 1;
        self.count += found.len();
        self.first.extend(found.into_iter().take(NAMED.saturating_sub(self.first.len())));
    }

    /// Says on standard error what was found.
    pub fn warn(&self) {
        let Some(first) = self.first.first() else { return };
        let name = |found: &Suspicion| {
            let words = format!("entry {}: {} {}", found.entry + 1, found.what, found.hint);
            words.trim_end().to_owned()
        };
        let what = match self.count {
            1 => format!("what looks like a secret is still in it: {}", first.what),
            many => format!("{many} places look like secrets that are still in it"),
        };
        let mut warning = Problem::new(Status::Ok, what);
        warning.causes = self.first.iter().map(name).collect();
        if self.count > NAMED {
            warning.causes.push(format!("and {} more", self.count - NAMED));
        }
        super::complain(&warning.advise("look at these places before you pass it on"));
    }
}
