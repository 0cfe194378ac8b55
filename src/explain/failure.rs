//! Failures that are no replies: sockets, names, TLS, time, and broken protocol.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::context::Context;
use super::explanation::{Confidence, Evidence, EvidenceKind, Explanation, Inference, Reason};
use super::tables;
use super::template;
use super::{Actor, Asked, Situation};
use crate::wire::{Quirk, Reply, escape};

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Nobody listens at this port.
    ConnectionRefused,
    /// No answer to the attempt to connect.
    ConnectTimedOut,
    /// No way to the host or network.
    Unreachable,
    /// The peer, or something between, cut the connection.
    Reset,
    /// The peer closed the connection where a reply was due.
    ClosedEarly,
    /// The name does not exist.
    NoSuchName,
    /// The name servers failed.
    NameServerFailed,
    /// The name exists, but has no address (of the wanted family).
    NoAddress,
    /// The domain has no MX record; its own address counts as its mail host.
    NoMx,
    /// The domain says that it takes no mail (RFC 7505).
    NullMx,
    /// TLS failed; the library's or the server's words.
    Tls(String),
    /// The server spoke plaintext where TLS was to begin.
    PlaintextNotTls,
    /// The server waits for TLS where plaintext was spoken.
    TlsNotPlaintext,
    /// STARTTLS was offered on an earlier connection and is not now.
    StartTlsVanished,
    /// No reply in time: what was waited for, and how many seconds.
    TimedOut {
        /// The limit that was hit: `greeting`, `reply`, `data`, …
        limit: String,
        /// Its length in seconds.
        seconds: u64,
    },
    /// The peer broke the protocol.
    Quirk(Quirk),
}

impl Failure {
    /// The row of `failures.toml` for this failure; nothing for those that other tables hold.
    fn slug(&self) -> Option<&'static str> {
        Some(match self {
            Failure::ConnectionRefused => "connection-refused",
            Failure::ConnectTimedOut => "connect-timed-out",
            Failure::Unreachable => "unreachable",
            Failure::Reset => "reset",
            Failure::ClosedEarly => "closed-early",
            Failure::NoSuchName => "no-such-name",
            Failure::NameServerFailed => "name-server-failed",
            Failure::NoAddress => "no-address",
            Failure::NoMx => "no-mx",
            Failure::NullMx => "null-mx",
            Failure::StartTlsVanished => "starttls-vanished",
            Failure::TimedOut { .. } => "timed-out",
            Failure::Quirk(_) => "quirk",
            Failure::Tls(_) | Failure::PlaintextNotTls | Failure::TlsNotPlaintext => return None,
        })
    }

    /// The words by which `tls.toml` knows this failure.
    fn tls_words(&self) -> Option<&str> {
        match self {
            Failure::Tls(said) => Some(said),
            Failure::PlaintextNotTls => Some("wrong version number"),
            Failure::TlsNotPlaintext => Some("server expects tls"),
            _ => None,
        }
    }

    /// What was seen, in words.
    fn said(&self) -> String {
        match self {
            Failure::Tls(said) => escape::visible(said.as_bytes()),
            Failure::TimedOut { limit, seconds } => {
                format!("no {} within {seconds} s", escape::visible(limit.as_bytes()))
            }
            Failure::Quirk(quirk) => escape::visible(quirk.to_string().as_bytes()),
            _ => String::new(),
        }
    }
}

/// Explains a failure of a session with the server that was asked for.
pub fn explain_failure(failure: &Failure, asked: Asked<'_>) -> Explanation {
    let mut explanation = with_context(asked, |context| match failure.tls_words() {
        Some(words) => tls(words, context),
        None => plain(failure, context),
    });
    explanation.said = failure.said();
    if let Failure::Quirk(quirk) = failure {
        explanation.sources.insert(0, Cow::Borrowed(quirk.source()));
    }
    explanation
}

/// Explains by the row of this name alone, be it of `failures.toml`, `tls.toml` or `reasons.toml`.
pub fn explain_row(slug: &str, asked: Asked<'_>) -> Option<Explanation> {
    if let Some((slug, row)) = tables::failure(slug) {
        return Some(with_context(asked, |context| build(Reason(slug), row, context)));
    }
    if let Some((slug, row)) = tables::tls_rows().find(|(name, _)| *name == slug) {
        return Some(with_context(asked, |context| build_tls(slug, row, context)));
    }
    let (reason, row) = tables::reason(slug)?;
    Some(with_context(asked, |context| build(reason, row, context)))
}

fn with_context(asked: Asked<'_>, work: impl FnOnce(&Context<'_>) -> Explanation) -> Explanation {
    let nothing = Reply::default();
    let situation = Situation { host: asked.target, asked, ..Situation::of(&nothing) };
    work(&Context {
        situation: &situation,
        code: 0,
        class: 0,
        said: "",
        named: OnceCell::new(),
        named_is_sender: false,
        provider: None,
        mended: None,
        place: None,
    })
}

fn plain(failure: &Failure, context: &Context<'_>) -> Explanation {
    let row = failure.slug().and_then(tables::failure);
    match row {
        Some((slug, row)) => build(Reason(slug), row, context),
        None => unknown(),
    }
}

fn tls(words: &str, context: &Context<'_>) -> Explanation {
    match tables::tls(words) {
        Some((slug, row)) => build_tls(slug, row, context),
        None => match tables::failure("tls-failed") {
            Some((slug, row)) => build(Reason(slug), row, context),
            None => unknown(),
        },
    }
}

fn build_tls(slug: &'static str, row: &'static tables::TlsRow, context: &Context<'_>) -> Explanation {
    Explanation {
        reason: Reason(slug),
        standard: Some(Cow::Borrowed(row.meaning)),
        inferred: Some(Inference {
            text: Cow::Borrowed(row.meaning),
            because: Cow::Borrowed("what the TLS library or the peer said"),
        }),
        causes: template::texts(&row.causes, context),
        fixes: template::fixes(&row.fixes, context),
        actor: row.actor,
        sources: vec![Cow::Borrowed(row.source)],
        confidence: Confidence::new(90),
        evidence: vec![Evidence { kind: EvidenceKind::Session, text: Cow::Borrowed(slug), weight: 90 }],
        ..unknown()
    }
}

fn build(reason: Reason, row: &'static tables::ReasonRow, context: &Context<'_>) -> Explanation {
    Explanation {
        reason,
        standard: Some(Cow::Borrowed(row.meaning)),
        inferred: Some(Inference {
            text: context.fill(row.short).unwrap_or(Cow::Borrowed(row.meaning)),
            because: Cow::Borrowed("what the network said"),
        }),
        causes: template::texts(&row.causes, context),
        fixes: template::fixes(&row.fixes, context),
        actor: row.actor,
        sources: template::texts(&row.sources, context),
        confidence: Confidence::new(90),
        evidence: vec![Evidence {
            kind: EvidenceKind::Session,
            text: Cow::Borrowed(reason.slug()),
            weight: 90,
        }],
        ..unknown()
    }
}

fn unknown() -> Explanation {
    Explanation {
        reason: Reason::UNKNOWN,
        enhanced: None,
        said: String::new(),
        standard: None,
        inferred: None,
        causes: Vec::new(),
        fixes: Vec::new(),
        place: None,
        actor: Actor::Nobody,
        sources: Vec::new(),
        urls: Vec::new(),
        provider: None,
        confidence: Confidence::new(0),
        evidence: Vec::new(),
    }
}
