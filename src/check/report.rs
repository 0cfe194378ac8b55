//! What a check came to.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Local, Utc};

use super::finding::{Finding, Severity};
use super::stage::{Stage, StageName, Verdict};
use super::subject::Subject;
use crate::transcript::{Entry, Header};
use crate::wire::Capabilities;

/// One leg of the way: the names of a host or domain, or a session with one address and port.
#[derive(Clone, Debug)]
pub struct Leg {
    /// What it is called: `example.org`, `mx.example.org:25`.
    pub place: String,
    /// Host and port alone, or what was looked up.
    pub server: String,
    /// The address and port, on the legs that have one.
    pub addr: Option<SocketAddr>,
    /// Which try of this leg it is, from 1.
    pub attempt: u32,
    /// How far it was to go.
    pub depth: Depth,
    /// The stages in the order in which they were gone through.
    pub stages: Vec<Stage>,
    /// The header of its transcript; nothing if nothing was done.
    pub header: Option<Header>,
    /// What was learnt.
    pub facts: Facts,
    /// How far it got.
    pub end: End,
    /// Nothing at all came back from the port.
    pub silent: bool,
}

impl Leg {
    /// A stage, if it was reached.
    pub fn stage(&self, name: StageName) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// Whether the server was reached: a connection came about.
    pub fn was_reached(&self) -> bool {
        let connected = self.stage(StageName::Tcp).is_some_and(|stage| stage.verdict == Verdict::Ok);
        self.end != End::Unreached && connected
    }

    /// All entries of its transcript.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.stages.iter().flat_map(|stage| &stage.evidence)
    }
}

/// What was learnt on a leg, for those who measure.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The text of the greeting.
    pub banner: Option<String>,
    /// What the last EHLO listed.
    pub capabilities: Option<Capabilities>,
    /// What EHLO listed before the link was encrypted, where it was said over TLS again.
    pub before_tls: Option<Capabilities>,
    /// The version of TLS.
    pub tls_version: Option<String>,
    /// The cipher suite.
    pub cipher: Option<String>,
    /// Whether the certificate verified.
    pub verified: Option<bool>,
    /// The last moment of the certificate.
    pub not_after: Option<DateTime<Utc>>,
}

/// How far a leg is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Through all stages.
    Whole,
    /// As far as the greeting, as another address of the host goes the whole way.
    Greeting,
}

/// How far a leg got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// To its last stage.
    Done,
    /// The host was not reached.
    Unreached,
    /// The encrypted link could not be made or trusted, and without it there was no going on.
    TlsFailed,
    /// The credentials were refused.
    AuthRefused,
    /// The session broke off, or the server refused it.
    Broken,
    /// The check was ended before it got there; of what was not reached nothing is known.
    CutShort,
}

/// What a whole check came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was checked, as it was named.
    pub subject: String,
    /// When it began.
    pub started: DateTime<FixedOffset>,
    /// How long it took.
    pub took: Duration,
    /// The legs.
    pub legs: Vec<Leg>,
    /// The findings, in the order in which to act on them.
    pub findings: Vec<Finding>,
    /// Whether it went on to its end. Where it was ended before, that nothing was found says nothing.
    pub complete: bool,
}

/// What it all comes to, for the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Nothing wrong.
    Fine,
    /// Findings of the severity that counts, or worse.
    Findings,
    /// The credentials were refused.
    AuthRefused,
    /// No encrypted link, where there was no going on without one.
    TlsFailed,
    /// Nobody was reached.
    Unreached,
}

impl Report {
    /// The report on a subject that was not begun with, as the check was ended before.
    pub fn not_begun(subject: &Subject) -> Report {
        Report {
            subject: subject.to_string(),
            started: Local::now().fixed_offset(),
            took: Duration::ZERO,
            legs: Vec::new(),
            findings: Vec::new(),
            complete: false,
        }
    }

    /// How far it got, in words for a report that is not complete.
    pub fn how_it_ended(&self) -> &'static str {
        match (self.complete, self.legs.is_empty()) {
            (true, _) => "checked to the end",
            (false, true) => "not checked, as the check was ended before",
            (false, false) => "not checked to the end, as the check was ended",
        }
    }

    /// The worst of the findings.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// How many findings there are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// The sessions, without the legs that are names only.
    pub fn sessions(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().filter(|leg| leg.addr.is_some())
    }

    /// What it comes to, when findings from `fail_on` on count.
    pub fn outcome(&self, fail_on: Severity) -> Outcome {
        let failed = self.worst().is_some_and(|worst| worst >= fail_on);
        if !failed {
            return Outcome::Fine;
        }
        let ends: Vec<End> = self.last_tries().map(|leg| leg.end).collect();
        let all = |end: End| ends.iter().all(|one| *one == end);
        let reached: Vec<End> = ends.iter().copied().filter(|end| *end != End::Unreached).collect();
        if all(End::Unreached) {
            Outcome::Unreached
        } else if reached.iter().all(|end| *end == End::TlsFailed) {
            Outcome::TlsFailed
        } else if ends.contains(&End::AuthRefused) {
            Outcome::AuthRefused
        } else {
            Outcome::Findings
        }
    }

    /// The last try of each session.
    pub fn last_tries(&self) -> impl Iterator<Item = &Leg> {
        let later = |leg: &Leg| {
            self.legs.iter().any(|other| {
                other.addr == leg.addr && other.place == leg.place && other.attempt > leg.attempt
            })
        };
        self.sessions().filter(move |leg| !later(leg))
    }
}
