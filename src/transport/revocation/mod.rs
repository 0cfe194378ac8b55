//! Whether a certificate was revoked: withdrawn by its issuer before its time (RFC 5280 §5, RFC 6960).
//!
//! [`crl`] reads revocation lists and `ocsp` the answers of responders; both are pure. [`check`](check()) puts the
//! question to all sources that the options name. What each of them says is kept as a [`Testimony`], so that a
//! [`Report`] can tell who said what, and who could not tell.

mod check;
pub mod crl;
mod ocsp;

use std::fmt;

use chrono::{DateTime, Utc};

pub use check::{Glance, check, glance, stapled};

use crate::transcript::Info;

/// What one source says of a certificate. All text is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Testimony {
    /// Who says it, such as `the CRL of CN=Example CA in crl.pem`.
    pub by: String,
    /// What it says.
    pub standing: Standing,
    /// Until when it is sure to hold (nextUpdate), where that is known.
    pub until: Option<DateTime<Utc>>,
}

/// How a certificate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was not revoked.
    Good,
    /// It was.
    Revoked(Revoked),
    /// The source cannot tell, for this reason.
    Unknown(String),
}

/// When and why a certificate was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// The certificate, where it is not the server's own but one above it: its subject.
    pub authority: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Why; nothing where the issuer gave no reason.
    pub reason: Option<Reason>,
}

/// A reason code (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(pub u8);

impl Reason {
    /// Its name in the standard, and what that means.
    fn known(self) -> Option<(&'static str, &'static str)> {
        Some(match self.0 {
            0 => ("unspecified", "no reason is told"),
            1 => ("keyCompromise", "somebody else may have its private key"),
            2 => ("cACompromise", "somebody else may have the issuer's private key"),
            3 => ("affiliationChanged", "its owner's name or affiliation changed"),
            4 => ("superseded", "another certificate has taken its place"),
            5 => ("cessationOfOperation", "it is not needed any more"),
            6 => ("certificateHold", "it is suspended, and may come back"),
            9 => ("privilegeWithdrawn", "its owner may not have it any more"),
            10 => ("aACompromise", "the attribute authority is compromised"),
            _ => return None,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((name, meaning)) => write!(f, "{name}: {meaning}"),
            None => write!(f, "reason code {}, which is not defined", self.0),
        }
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.authority {
            None => f.write_str("it was revoked")?,
            Some(subject) => write!(f, "the authority above it, {subject}, was revoked")?,
        }
        write!(f, " on {}", minute(self.at))?;
        match self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => f.write_str(" (no reason given)"),
        }
    }
}

impl fmt::Display for Testimony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.standing {
            Standing::Good => write!(f, "not revoked, says {}", self.by)?,
            Standing::Revoked(revoked) => write!(f, "{revoked}, says {}", self.by)?,
            Standing::Unknown(why) => return write!(f, "{} cannot tell: {why}", self.by),
        }
        match self.until {
            Some(until) => write!(f, "; it holds until {}", minute(until)),
            None => f.write_str("; it does not say until when that holds"),
        }
    }
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// What all sources say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Each source, in the order in which they were asked.
    pub testimonies: Vec<Testimony>,
}

impl Report {
    /// One word: `revoked` if any source says so, `good` if one says that it was not, else `unknown`.
    pub fn outcome(&self) -> &'static str {
        let has = |test: fn(&Standing) -> bool| self.testimonies.iter().any(|it| test(&it.standing));
        if has(|standing| matches!(standing, Standing::Revoked(_))) {
            "revoked"
        } else if has(|standing| *standing == Standing::Good) {
            "good"
        } else {
            "unknown"
        }
    }

    /// Who says that the certificate was revoked.
    pub fn revoked(&self) -> Option<&Testimony> {
        self.testimonies.iter().find(|it| matches!(it.standing, Standing::Revoked(_)))
    }

    /// A line for each source.
    pub fn lines(&self) -> Vec<String> {
        self.testimonies.iter().map(ToString::to_string).collect()
    }

    /// For the transcript.
    pub fn info(&self) -> Info {
        let pair = |key: &str, value: String| (key.to_owned(), Some(value));
        let mut attributes = vec![pair("outcome", self.outcome().to_owned())];
        attributes.extend(self.lines().into_iter().map(|line| pair("detail", line)));
        Info::of("revocation", attributes)
    }
}
