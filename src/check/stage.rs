//! Stages: the steps on the way of a mail, each with its time, its verdict and its evidence.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::finding::Severity;
use crate::transcript::Entry;

/// A step on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// Names to addresses, and domains to their mail hosts.
    Dns,
    /// What the domain says of its mail: SPF, DMARC, MTA-STS, TLS-RPT.
    Policies,
    /// The names of the addresses.
    Ptr,
    /// The certificates that DNS vouches for (DANE).
    Tlsa,
    /// The connection.
    Tcp,
    /// The greeting.
    Banner,
    /// What is offered.
    Ehlo,
    /// The encrypted link.
    Tls,
    /// What is offered over TLS.
    EhloTls,
    /// The mechanisms offered.
    Auth,
    /// Whether mail for strangers is taken from strangers.
    Relay,
    /// Authentication, tried.
    Login,
    /// MAIL and RCPT, tried and taken back.
    Envelope,
    /// Size and other limits.
    Limits,
    /// The good-bye.
    Quit,
    /// The certificates that are sent, looked at on a connection of their own.
    Certificate,
    /// The versions of TLS that are taken, asked on connections of their own.
    Versions,
}

impl StageName {
    /// Its name in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            StageName::Dns => "dns",
            StageName::Policies => "policies",
            StageName::Ptr => "ptr",
            StageName::Tlsa => "tlsa",
            StageName::Tcp => "tcp",
            StageName::Banner => "banner",
            StageName::Ehlo => "ehlo",
            StageName::Tls => "tls",
            StageName::EhloTls => "ehlo-tls",
            StageName::Auth => "auth",
            StageName::Relay => "relay",
            StageName::Login => "login",
            StageName::Envelope => "envelope",
            StageName::Limits => "limits",
            StageName::Quit => "quit",
            StageName::Certificate => "certificate",
            StageName::Versions => "versions",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a stage went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should.
    Ok,
    /// It was not gone through, for this reason.
    Skipped(String),
    /// The check was ended in it, and nothing had been found.
    Ended,
    /// With the worst of its findings.
    Found(Severity),
}

impl Verdict {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Skipped(_) => "skipped",
            Verdict::Ended => "ended",
            Verdict::Found(severity) => severity.word(),
        }
    }
}

/// A stage that was gone through, or skipped.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Which one.
    pub name: StageName,
    /// When it began, from the beginning of the check.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// How it went.
    pub verdict: Verdict,
    /// What came of it, in one line that is safe to show; empty if it was skipped.
    pub summary: String,
    /// What happened meanwhile, as entries of the transcript.
    pub evidence: Vec<Entry>,
}
