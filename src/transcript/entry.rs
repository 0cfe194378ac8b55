//! Entries: what a transcript is made of.

use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use super::{Info, Payload};

/// What a transcript says of itself before its first entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format version.
    pub version: u32,
    /// The server, as a URL such as `smtp://mx.example.org:587`.
    pub target: Option<String>,
    /// When the session began; the entries' times count from here. Hand-written files may have none.
    pub started: Option<DateTime<FixedOffset>>,
    /// The program that wrote it, with its version.
    pub client: Option<String>,
    /// What it shows, in a few words.
    pub title: Option<String>,
    /// All other headers, in order.
    pub other: Vec<(String, String)>,
}

impl Default for Header {
    fn default() -> Self {
        let version = super::VERSION;
        Header { version, target: None, started: None, client: None, title: None, other: Vec::new() }
    }
}

impl Header {
    /// The header of a session with `target` that begins at `started`, written by this program.
    pub fn new(target: impl Into<String>, started: DateTime<FixedOffset>) -> Self {
        Header {
            target: Some(target.into()),
            started: Some(started),
            client: Some(concat!("heloise ", env!("CARGO_PKG_VERSION")).to_owned()),
            ..Header::default()
        }
    }

    /// The value of a header that has no field of its own here.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.other.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Sets a header by name; typed ones go to their field when their value can be read.
    pub fn set(&mut self, name: &str, value: &str) {
        match (name, DateTime::parse_from_rfc3339(value)) {
            ("target", _) => self.target = Some(value.to_owned()),
            ("client", _) => self.client = Some(value.to_owned()),
            ("title", _) => self.title = Some(value.to_owned()),
            ("started", Ok(time)) => self.started = Some(time),
            _ => self.other.push((name.to_owned(), value.to_owned())),
        }
    }
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Time since `%started`; kept to the microsecond. Hand-written entries may have none.
    pub at: Option<Duration>,
    /// What happened.
    pub kind: EntryKind,
}

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// The client sent a line: ` ->`, or ` ~>` over TLS.
    Sent {
        /// Whether the link was encrypted.
        tls: bool,
        /// What was sent.
        line: Payload,
    },
    /// The server sent a line: `<- `, or `<~ ` over TLS; `<**` and `<~*` where it belongs to an error.
    Received {
        /// Whether the link was encrypted.
        tls: bool,
        /// Whether the reply is 4yz, 5yz or none at all.
        error: bool,
        /// What came.
        line: Payload,
    },
    /// Something that happened to the link: `===`.
    Info(Info),
    /// Something went wrong on this side: `***`.
    Problem(String),
    /// A marker that the person set: `### note`.
    Note(String),
    /// A comment line, without its `#`. It never has a time.
    Comment(String),
    /// A further session in the same file begins (`--append`). It never has a time.
    Session(Box<Header>),
    /// A header line after the first entry. It never has a time.
    Header(String, String),
    /// An entry of a later version, kept as it stood.
    Other {
        /// Three characters.
        arrow: String,
        /// What followed, still escaped.
        rest: String,
    },
}

/// An empty comment: it says nothing.
impl Default for Entry {
    fn default() -> Self {
        Entry { at: None, kind: EntryKind::Comment(String::new()) }
    }
}

impl Entry {
    /// An entry at this time.
    pub fn new(at: Duration, kind: EntryKind) -> Self {
        Entry { at: Some(at), kind }
    }

    /// The line of an entry that was on the wire.
    pub fn line(&self) -> Option<&Payload> {
        match &self.kind {
            EntryKind::Sent { line, .. } | EntryKind::Received { line, .. } => Some(line),
            _ => None,
        }
    }

    /// Whether the link was encrypted, for entries that were on the wire.
    pub fn tls(&self) -> Option<bool> {
        match self.kind {
            EntryKind::Sent { tls, .. } | EntryKind::Received { tls, .. } => Some(tls),
            _ => None,
        }
    }

    /// The three characters that mark this kind of entry; nothing for lines that are no entries proper.
    pub fn arrow(&self) -> &str {
        self.kind.arrow()
    }
}

impl EntryKind {
    /// See [`Entry::arrow`].
    pub fn arrow(&self) -> &str {
        match self {
            EntryKind::Sent { tls: false, .. } => " ->",
            EntryKind::Sent { tls: true, .. } => " ~>",
            EntryKind::Received { tls: false, error: false, .. } => "<- ",
            EntryKind::Received { tls: true, error: false, .. } => "<~ ",
            EntryKind::Received { tls: false, error: true, .. } => "<**",
            EntryKind::Received { tls: true, error: true, .. } => "<~*",
            EntryKind::Info(_) => "===",
            EntryKind::Problem(_) => "***",
            EntryKind::Note(_) => "###",
            EntryKind::Comment(_) | EntryKind::Session(_) | EntryKind::Header(..) => "",
            EntryKind::Other { arrow, .. } => arrow,
        }
    }
}
