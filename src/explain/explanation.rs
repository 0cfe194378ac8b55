//! What an explanation is made of.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Text out of a table, or made for this situation.
pub type Text = Cow<'static, str>;

/// The slug of a cause family, a row of `grammar/reasons.toml`: `relay-denied`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Reason(pub(crate) &'static str);

impl Reason {
    /// Nothing is known.
    pub const UNKNOWN: Reason = Reason("unknown");
    /// The server did what was asked.
    pub const OK: Reason = Reason("ok");
    /// The server waits for more.
    pub const CONTINUE: Reason = Reason("continue");

    /// The number is no reply code.
    pub const NO_REPLY_CODE: Reason = Reason("no-reply-code");
    /// A positive code that the command does not have.
    pub const UNEXPECTED_CODE: Reason = Reason("unexpected-code");

    /// The slug.
    pub fn slug(self) -> &'static str {
        self.0
    }

    /// Whether it names a cause, beyond what the code itself says.
    pub fn names_cause(self) -> bool {
        const CODES_ALONE: [&str; 9] = [
            "ok",
            "continue",
            "unknown",
            "no-reply-code",
            "unexpected-code",
            "bad-sequence",
            "syntax",
            "temporarily-unavailable",
            "service-closing",
        ];
        !CODES_ALONE.contains(&self.0)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Who has to act so that the same command succeeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Nobody: nothing is wrong, or nobody can.
    #[default]
    Nobody,
    /// Whoever types or configures the client.
    Client,
    /// Who sends the message.
    Sender,
    /// Who runs the sender's domain (its DNS records and signatures).
    SenderDomain,
    /// Who runs the sending host (its address, names and reputation).
    SenderHost,
    /// Who owns the recipient's mailbox.
    Recipient,
    /// Who runs the server that answered.
    Server,
    /// Nobody: time mends it.
    Wait,
}

impl Actor {
    /// The slug of this actor, as in the tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Actor::Nobody => "nobody",
            Actor::Client => "client",
            Actor::Sender => "sender",
            Actor::SenderDomain => "sender-domain",
            Actor::SenderHost => "sender-host",
            Actor::Recipient => "recipient",
            Actor::Server => "server",
            Actor::Wait => "wait",
        }
    }

    /// Who that is, in words.
    pub fn describe(self) -> &'static str {
        match self {
            Actor::Nobody => "nobody has to act",
            Actor::Client => "whoever set up this client",
            Actor::Sender => "the sender of the message",
            Actor::SenderDomain => "the administrator of the sender's domain",
            Actor::SenderHost => "the administrator of the sending host",
            Actor::Recipient => "the owner of the recipient's mailbox",
            Actor::Server => "the administrator of the server that answered",
            Actor::Wait => "nobody; time mends it",
        }
    }
}

/// How sure an explanation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing decides.
    Unknown,
    /// The best of several readings.
    Guess,
    /// Wording or code point this way.
    Likely,
    /// Wording and code agree, or the provider documents it.
    Certain,
}

impl Level {
    /// The word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Unknown => "unknown",
            Level::Guess => "guess",
            Level::Likely => "likely",
            Level::Certain => "certain",
        }
    }
}

/// How sure an explanation is, as a word and as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(u8);

impl Confidence {
    /// From a percentage; more than 100 counts as 100.
    pub fn new(percent: u8) -> Self {
        Confidence(percent.min(100))
    }

    /// 0 to 100.
    pub fn percent(self) -> u8 {
        self.0
    }

    /// The word for it.
    pub fn level(self) -> Level {
        match self.0 {
            0..=24 => Level::Unknown,
            25..=59 => Level::Guess,
            60..=89 => Level::Likely,
            _ => Level::Certain,
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.level().as_str())
    }
}

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fix {
    /// What to do, in words.
    pub text: Text,
    /// The line to type at the prompt, or the shell command that begins with `heloise`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Text>,
}

/// What we conclude beyond the reply's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inference {
    /// What is most probably wrong, as a clause for a headline.
    pub text: Text,
    /// What that is concluded from.
    pub because: Text,
}

/// Where a command that was refused breaks the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The command as it was sent, without its line end.
    pub command: Vec<u8>,
    /// The bytes in question; empty where something is missing.
    pub at: std::ops::Range<usize>,
    /// What is wrong there.
    pub what: String,
}

impl Place {
    /// The place in words: `at column 9: …`.
    pub fn in_words(&self) -> String {
        format!("at column {}: {}", self.at.start + 1, self.what)
    }
}

/// What kind of evidence decided; later ones are the more specific.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// The first digit of the code.
    Class,
    /// The code, in this phase.
    Code,
    /// The enhanced code.
    Enhanced,
    /// The words of the server.
    Wording,
    /// Replies with such words, whose reason is known.
    Likeness,
    /// The state of the session.
    Session,
    /// A row of the provider's own table.
    Provider,
}

impl EvidenceKind {
    /// The word for it, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            EvidenceKind::Class => "class",
            EvidenceKind::Code => "code",
            EvidenceKind::Enhanced => "enhanced",
            EvidenceKind::Wording => "wording",
            EvidenceKind::Likeness => "likeness",
            EvidenceKind::Session => "session",
            EvidenceKind::Provider => "provider",
        }
    }
}

/// A piece of evidence for a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Its kind.
    pub kind: EvidenceKind,
    /// What was found.
    pub text: Text,
    /// How much it counts alone, 0 to 100.
    pub weight: u8,
}

/// One reading of a reply or a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The cause family.
    pub reason: Reason,
    /// The enhanced code that was found in the reply, wherever it stood.
    pub enhanced: Option<crate::wire::EnhancedCode>,
    /// What the server said: one line of plain text, escaped, without codes.
    pub said: String,
    /// What the standard says that the codes mean, if it says anything.
    pub standard: Option<Text>,
    /// What we conclude, and from what.
    pub inferred: Option<Inference>,
    /// Why, most probable first.
    pub causes: Vec<Text>,
    /// What to do, best first.
    pub fixes: Vec<Fix>,
    /// Where the command breaks the grammar, if that is what is wrong with it.
    pub place: Option<Place>,
    /// Who has to act.
    pub actor: Actor,
    /// Where to read on: RFCs and the provider's pages.
    pub sources: Vec<Text>,
    /// URLs that the server named.
    pub urls: Vec<String>,
    /// The provider whose own table answered, if one did.
    pub provider: Option<&'static str>,
    /// How sure this is.
    pub confidence: Confidence,
    /// What decided, strongest first.
    pub evidence: Vec<Evidence>,
}

impl Explanation {
    /// Whether the cause is no more than a guess, and has to be told as one.
    pub fn is_guessed(&self) -> bool {
        self.confidence.level() <= Level::Guess && self.reason.names_cause()
    }
}
