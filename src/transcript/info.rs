//! What happened to the link: the `===` entries.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::text;

/// Words with values after an `===` word: `key=value`, or a bare word.
pub type Attributes = Vec<(String, Option<String>)>;

/// Something that happened to the link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Info {
    /// `connected PEER from LOCAL`.
    Connected {
        /// Address and port of the server.
        peer: String,
        /// Own address and port, where known.
        local: Option<String>,
    },
    /// `tls VERSION CIPHER …`: the link is encrypted from here on.
    Tls(TlsSummary),
    /// `closed by=…`: the link is gone.
    Closed {
        /// Who closed it.
        by: ClosedBy,
    },
    /// `quirk TEXT`: the peer broke a rule in what stands above.
    Quirk(String),
    /// `timeout WHAT after=SECONDS`: a limit ran out.
    Timeout {
        /// What was waited for: `connect`, `banner`, `reply`, …
        what: String,
        /// The limit; kept to the millisecond.
        after: Option<Duration>,
    },
    /// Any other word and what follows it, as it stands in the file (still escaped).
    Other(String),
}

/// Who closed the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// This side.
    Client,
    /// The server.
    Server,
    /// Something else: `reset`, `timeout`, …
    Other(String),
}

impl ClosedBy {
    /// The word in the file.
    pub fn as_str(&self) -> &str {
        match self {
            ClosedBy::Client => "client",
            ClosedBy::Server => "server",
            ClosedBy::Other(word) => word,
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "client" => ClosedBy::Client,
            "server" => ClosedBy::Server,
            other => ClosedBy::Other(other.to_owned()),
        }
    }
}

/// What is to be said of an encrypted link in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSummary {
    /// Such as `TLSv1.3`.
    pub version: Option<String>,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: Option<String>,
    /// Whether the certificate verified.
    pub verified: Option<bool>,
    /// Why it did not verify.
    pub why: Option<String>,
    /// The person asked to go on although it does not verify.
    pub insecure: bool,
    /// Subject of the server's certificate.
    pub subject: Option<String>,
    /// Its issuer.
    pub issuer: Option<String>,
    /// Its first moment; kept to the second.
    pub not_before: Option<DateTime<Utc>>,
    /// Its last moment; kept to the second.
    pub not_after: Option<DateTime<Utc>>,
    /// What later versions add.
    pub other: Attributes,
}

impl TlsSummary {
    /// Whether nobody knows who is at the other end: the certificate did not verify.
    pub fn unverified(&self) -> bool {
        self.insecure || self.verified == Some(false)
    }

    fn from_attributes(version: &str, cipher: &str, attributes: Attributes) -> Self {
        let known = |word: &str| (word != "-").then(|| word.to_owned());
        let mut tls = TlsSummary { version: known(version), cipher: known(cipher), ..TlsSummary::default() };
        for (key, value) in attributes {
            tls.set(key, value);
        }
        tls
    }

    fn set(&mut self, key: String, value: Option<String>) {
        let time = value.as_deref().and_then(|v| DateTime::parse_from_rfc3339(v).ok()).map(|t| t.to_utc());
        match (key.as_str(), value.as_deref()) {
            ("verified", Some("yes")) => self.verified = Some(true),
            ("verified", Some("no")) => self.verified = Some(false),
            ("insecure", Some("yes")) => self.insecure = true,
            ("why", Some(_)) => self.why = value,
            ("subject", Some(_)) => self.subject = value,
            ("issuer", Some(_)) => self.issuer = value,
            ("not-before", _) if time.is_some() => self.not_before = time,
            ("not-after", _) if time.is_some() => self.not_after = time,
            _ => self.other.push((key, value)),
        }
    }

    fn attributes(&self) -> Attributes {
        let yes_no = |yes: bool| if yes { "yes".to_owned() } else { "no".to_owned() };
        let time = |t: DateTime<Utc>| t.to_rfc3339_opts(SecondsFormat::Secs, true);
        let known = [
            ("verified", self.verified.map(yes_no)),
            ("why", self.why.clone()),
            ("insecure", self.insecure.then(|| yes_no(true))),
            ("subject", self.subject.clone()),
            ("issuer", self.issuer.clone()),
            ("not-before", self.not_before.map(time)),
            ("not-after", self.not_after.map(time)),
        ];
        let known = known.into_iter().filter_map(|(k, v)| Some((k.to_owned(), Some(v?))));
        known.chain(self.other.iter().cloned()).collect()
    }
}

impl Info {
    /// A word that has no type of its own, with its attributes.
    pub fn of(word: &str, attributes: Attributes) -> Info {
        let mut raw = word.as_bytes().to_vec();
        text::write_attributes(&mut raw, &attributes);
        Info::Other(String::from_utf8(raw).unwrap_or_default())
    }

    /// From the first word, the bare words and attributes after it, and all of it as it stood.
    ///
    /// Only what can be written back with the same meaning becomes typed.
    pub(super) fn from_words(word: &str, attributes: Attributes, raw: &str) -> Info {
        let bare = attributes.iter().take_while(|(_, value)| value.is_none()).count();
        let words: Vec<&str> = attributes.iter().take(bare).map(|(key, _)| key.as_str()).collect();
        let values: Attributes = attributes.iter().skip(bare).cloned().collect();
        match (word, words.as_slice(), values.as_slice()) {
            ("connected", [peer], []) => Info::Connected { peer: (*peer).to_owned(), local: None },
            ("connected", [peer, "from", local], []) => {
                Info::Connected { peer: (*peer).to_owned(), local: Some((*local).to_owned()) }
            }
            ("tls", [version, cipher], _) => {
                Info::Tls(TlsSummary::from_attributes(version, cipher, values.clone()))
            }
            ("closed", [], [(key, Some(by))]) if key == "by" => Info::Closed { by: ClosedBy::from_word(by) },
            ("timeout", [what], []) => Info::Timeout { what: (*what).to_owned(), after: None },
            ("timeout", [what], [(key, Some(after))]) if key == "after" => match seconds(after) {
                Some(after) => Info::Timeout { what: (*what).to_owned(), after: Some(after) },
                None => Info::Other(raw.to_owned()),
            },
            _ => Info::Other(raw.to_owned()),
        }
    }

    /// Appends the text after `=== `.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Info::Connected { peer, local } => {
                text::write_words(out, &["connected", peer]);
                if let Some(local) = local {
                    out.push(b' ');
                    text::write_words(out, &["from", local]);
                }
            }
            Info::Tls(tls) => {
                let or_dash = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
                text::write_words(out, &["tls", &or_dash(&tls.version), &or_dash(&tls.cipher)]);
                text::write_attributes(out, &tls.attributes());
            }
            Info::Closed { by } => {
                out.extend_from_slice(b"closed");
                text::write_attributes(out, &[("by".to_owned(), Some(by.as_str().to_owned()))]);
            }
            Info::Quirk(quirk) => {
                out.extend_from_slice(b"quirk ");
                text::write_text(out, quirk);
            }
            Info::Timeout { what, after } => {
                text::write_words(out, &["timeout", what]);
                if let Some(after) = after {
                    let after = format!("{}.{:03}", after.as_secs(), after.subsec_millis());
                    text::write_attributes(out, &[("after".to_owned(), Some(after))]);
                }
            }
            Info::Other(raw) => text::write_raw(out, raw),
        }
    }

    /// The text after `=== `, safe on any terminal.
    pub fn to_visible(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let value: f64 = text.parse().ok()?;
    let millis = (value * 1000.0).round();
    (0.0..1e15).contains(&millis).then(|| Duration::from_millis(millis as u64))
}
