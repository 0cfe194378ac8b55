//! Failures that are no replies: sockets, names, TLS, time, and broken protocol.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::Duration;

use super::context::Context;
use super::explanation::{Confidence, Evidence, EvidenceKind, Explanation, Inference, Reason};
use super::tables;
use super::template;
use super::{Actor, Advice, Asked, Phase, Situation};
use crate::wire::{Reply, Verb, escape};

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
    /// What was waited for did not come in time.
    TimedOut {
        /// What that was: `greeting`, `reply to RCPT`, …
        awaited: String,
        /// How long it was waited for, where that is known.
        limit: Option<Duration>,
    },
    /// The peer broke the protocol, in the words of the [`crate::wire::Quirk`].
    Quirk(String),
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

    /// The row for this failure: where a session broke off at a moment that has one of its own, that.
    fn row(&self, moment: Option<Moment>) -> Option<(&'static str, &'static tables::ReasonRow)> {
        let begin = match self {
            Failure::TimedOut { .. } => "timed-out",
            _ => "lost",
        };
        let own = moment.and_then(|moment| tables::failure(&format!("{begin}-{}", moment.word()?)));
        own.or_else(|| tables::failure(self.slug()?))
    }

    /// Whether it is the end of a session, or of waiting in one.
    fn breaks_off(&self) -> bool {
        matches!(self, Failure::Reset | Failure::ClosedEarly | Failure::TimedOut { .. })
    }

    /// What happened, in a session that it broke off.
    fn happened(&self, moment: Moment, verb: Option<&Verb>) -> String {
        if let (Failure::TimedOut { .. }, Moment::Dot) = (self, moment) {
            return format!("{}: {IN_DOUBT}", self.said());
        }
        let event = match self {
            Failure::TimedOut { .. } => return self.said(),
            Failure::Reset => "the link was cut",
            _ => "the server closed the link",
        };
        let unanswered = |what: &str| format!("{event} without answering {what}");
        match (moment, verb) {
            (Moment::Greeting, _) => format!("{event} before its greeting"),
            (Moment::Dot, _) => format!("{}: {IN_DOUBT}", unanswered("the end of the content")),
            (Moment::Content, _) => format!("{event} in the midst of the content"),
            (Moment::Idle, _) | (Moment::Command | Moment::Quit, None) => format!("{event} unasked"),
            (Moment::Command | Moment::Quit, Some(verb)) => {
                unanswered(&escape::visible(verb.as_str().as_bytes()))
            }
        }
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
            Failure::TimedOut { awaited, limit } => {
                let awaited = escape::visible(awaited.as_bytes());
                let limit =
                    limit.map_or("in time".to_owned(), |limit| format!("within {} s", limit.as_secs_f64()));
                format!("no {awaited} {limit}")
            }
            Failure::Quirk(quirk) => escape::visible(quirk.as_bytes()),
            _ => String::new(),
        }
    }
}

/// What is to be said of a message whose end was not answered.
const IN_DOUBT: &str = "whether it took the message is not known";

/// When a session broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Greeting,
    Command,
    Content,
    Dot,
    Quit,
    Idle,
}

impl Moment {
    fn of(situation: &Situation<'_>) -> Moment {
        let last_chunk = || {
            let command = situation.command.unwrap_or_default().trim_ascii_end();
            command.to_ascii_uppercase().ends_with(b" LAST")
        };
        match (situation.phase, situation.verb) {
            (Phase::Greeting, _) => Moment::Greeting,
            (Phase::Data, None) => Moment::Content,
            (Phase::Data, _) => Moment::Dot,
            (Phase::Bdat, _) if last_chunk() => Moment::Dot,
            (_, Some(Verb::Quit)) => Moment::Quit,
            (_, Some(_)) => Moment::Command,
            (_, None) => Moment::Idle,
        }
    }

    /// The word for it in the names of rows.
    fn word(self) -> Option<&'static str> {
        Some(match self {
            Moment::Greeting => "at-greeting",
            Moment::Content => "in-content",
            Moment::Dot => "at-dot",
            Moment::Quit => "at-quit",
            Moment::Idle => "while-idle",
            Moment::Command => return None,
        })
    }
}

/// Explains a failure of a session with the server that was asked for.
pub fn explain_failure(failure: &Failure, asked: Asked<'_>) -> Explanation {
    with_context(asked, |context| of(failure, context))
}

/// Explains a failure in the midst of a session. What is known of that is in the situation, whose reply is not looked at.
pub fn explain_failure_in(failure: &Failure, situation: &Situation<'_>) -> Explanation {
    of(failure, &context(situation))
}

fn of(failure: &Failure, context: &Context<'_>) -> Explanation {
    let explanation = match (failure.tls_words(), failure) {
        (Some(words), _) => tls(words, context),
        (None, Failure::Quirk(quirk)) => match tables::quirk(quirk) {
            Some((slug, row)) => build_quirk(slug, row, context),
            None => plain(failure, context),
        },
        (None, _) => plain(failure, context),
    };
    Explanation { said: failure.said(), ..explanation }
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
    work(&context(&Situation { host: asked.target, asked, ..Situation::of(&nothing) }))
}

fn context<'s>(situation: &'s Situation<'s>) -> Context<'s> {
    Context {
        situation,
        code: 0,
        class: 0,
        said: "",
        named: OnceCell::new(),
        named_is_sender: false,
        provider: None,
        mended: None,
        place: None,
    }
}

fn plain(failure: &Failure, context: &Context<'_>) -> Explanation {
    let situation = context.situation;
    let moment = (situation.live && failure.breaks_off()).then(|| Moment::of(situation));
    let Some((slug, row)) = failure.row(moment) else { return unknown() };
    let mut explanation = build(Reason(slug), row, context);
    if let (Some(moment), Some(inferred)) = (moment, &mut explanation.inferred) {
        inferred.text = Cow::Owned(failure.happened(moment, situation.verb));
    }
    explanation
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

/// What the rows of TLS failures and of deviations have alike.
struct Clause {
    meaning: &'static str,
    causes: &'static [Advice],
    fixes: &'static [Advice],
    actor: Actor,
    source: &'static str,
}

fn build_tls(slug: &'static str, row: &'static tables::TlsRow, context: &Context<'_>) -> Explanation {
    let tables::TlsRow { meaning, causes, fixes, actor, source, .. } = row;
    let clause = Clause { meaning, causes, fixes, actor: *actor, source };
    clause.build(slug, "what the TLS library or the peer said", context)
}

fn build_quirk(slug: &'static str, row: &'static tables::QuirkRow, context: &Context<'_>) -> Explanation {
    let tables::QuirkRow { meaning, causes, fixes, actor, source, .. } = row;
    let clause = Clause { meaning, causes, fixes, actor: *actor, source };
    clause.build(slug, "what came over the link", context)
}

impl Clause {
    fn build(&self, slug: &'static str, because: &'static str, context: &Context<'_>) -> Explanation {
        Explanation {
            reason: Reason(slug),
            standard: Some(Cow::Borrowed(self.meaning)),
            inferred: Some(Inference { text: Cow::Borrowed(self.meaning), because: Cow::Borrowed(because) }),
            causes: template::texts(self.causes, context),
            fixes: template::fixes(self.fixes, context),
            actor: self.actor,
            sources: vec![Cow::Borrowed(self.source)],
            confidence: Confidence::new(90),
            evidence: vec![Evidence { kind: EvidenceKind::Session, text: Cow::Borrowed(slug), weight: 90 }],
            ..unknown()
        }
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
