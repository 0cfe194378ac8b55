//! What is known when a reply comes in: the circumstances that an explanation is made from.

use std::time::Duration;

use crate::session::Phase;
use crate::wire::{Capabilities, EnhancedCode, Reply, Verb};

/// A reply and all that is known around it. What is not known stays at its default.
///
/// Build one with [`Situation::of`] and set the fields that are known.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Situation<'a> {
    /// What the server said.
    pub reply: &'a Reply,
    /// The enhanced code that somebody else gave for a reply that has none: the server that wrote a bounce.
    pub status: Option<EnhancedCode>,
    /// The command that it answers.
    pub verb: Option<&'a Verb>,
    /// The line typed, redacted already.
    pub command: Option<&'a [u8]>,
    /// Where in the session the reply came: AUTH, BDAT and content are phases of their own.
    pub phase: Phase,
    /// Where the session stood beneath that, if it is known: whether a transaction is open shows here.
    pub stood: Option<Phase>,
    /// The verb of the greeting that was accepted last on this link.
    pub greeted: Option<&'a Verb>,
    /// The name that this side gives in its greeting.
    pub client: Option<&'a str>,
    /// Whether the session is one of LMTP.
    pub lmtp: bool,
    /// Whether the session is known at all. Off for a reply out of a log, where "not authenticated" or
    /// "no TLS" would be a guess and not a fact.
    pub live: bool,
    /// Whether the link is encrypted.
    pub tls: bool,
    /// What the server offers now.
    pub capabilities: Option<&'a Capabilities>,
    /// What it offered before TLS.
    pub before_tls: Option<&'a Capabilities>,
    /// The user that authenticated, if any did.
    pub authenticated: Option<&'a str>,
    /// The mechanism tried last.
    pub mechanism: Option<&'a str>,
    /// The user name given in the last AUTH exchange, where it was seen.
    pub login: Option<&'a str>,
    /// The envelope sender, without brackets.
    pub sender: Option<&'a str>,
    /// The recipient in question, without brackets.
    pub recipient: Option<&'a str>,
    /// The sender that was tried last, unless it was refused for good.
    pub sender_before: Option<&'a str>,
    /// The same of the recipient.
    pub recipient_before: Option<&'a str>,
    /// The size declared with `MAIL … SIZE=`, or that of the content sent so far, in octets.
    pub declared_size: Option<u64>,
    /// The size that MAIL declared, in octets (RFC 1870 §3).
    pub announced: Option<u64>,
    /// Whether base64 was due in the command, and something else was sent.
    pub no_base64: bool,
    /// Whether the mail has come back, and does not merely wait to be tried again; nothing where that is not known.
    pub returned: Option<bool>,
    /// How long nothing had come or gone when the link was lost.
    pub idle: Option<Duration>,
    /// Whether the link was lost in the midst of a reply.
    pub amid_reply: bool,
    /// The host that was asked for.
    pub host: Option<&'a str>,
    /// How the server was asked for, for proposals to ask alike.
    pub asked: Asked<'a>,
    /// The text of the greeting.
    pub banner: Option<&'a str>,
    /// Other names of the server: MX hosts, canonical names.
    pub server_names: &'a [&'a str],
    /// Slugs of the reasons for which earlier commands of this session failed.
    pub earlier: &'a [&'a str],
}

/// How a server was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The target as it would be typed, with scheme and port where they are not the usual ones.
    pub target: Option<&'a str>,
    /// Whether TLS was begun by STARTTLS, or was about to be.
    pub starttls: bool,
    /// Whether somebody types at a prompt, so that helper commands can be proposed.
    pub prompt: bool,
    /// The options without which the server could not be asked again, each as it would be typed, with its argument.
    pub options: &'a [String],
}

impl<'a> Asked<'a> {
    /// A target of which no more is known.
    pub fn of(target: &'a str) -> Self {
        Asked { target: Some(target), ..Asked::default() }
    }
}

impl<'a> Situation<'a> {
    /// A situation in which nothing but the reply is known.
    pub fn of(reply: &'a Reply) -> Self {
        Situation {
            reply,
            status: None,
            verb: None,
            command: None,
            phase: Phase::Ready,
            stood: None,
            greeted: None,
            client: None,
            lmtp: false,
            live: false,
            tls: false,
            capabilities: None,
            before_tls: None,
            authenticated: None,
            mechanism: None,
            login: None,
            sender: None,
            sender_before: None,
            recipient_before: None,
            recipient: None,
            declared_size: None,
            announced: None,
            no_base64: false,
            returned: None,
            idle: None,
            amid_reply: false,
            host: None,
            asked: Asked::default(),
            banner: None,
            server_names: &[],
            earlier: &[],
        }
    }

    /// The verb as the tables spell it: that of the command, else the one usual in this phase.
    pub(crate) fn verb_name(&self) -> Option<&str> {
        self.verb.map(Verb::as_str).or_else(|| usual_verb(self.phase))
    }
}

/// The verb whose replies are usual in this phase, where the command itself is not known. `CONNECT` stands for
/// the opening of the link.
pub(crate) fn usual_verb(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Greeting => Some("CONNECT"),
        Phase::Data => Some("DATA"),
        Phase::Bdat => Some("BDAT"),
        Phase::Auth => Some("AUTH"),
        Phase::Upgrading => Some("STARTTLS"),
        Phase::Ready | Phase::Mail | Phase::Rcpt | Phase::Closed => None,
    }
}
