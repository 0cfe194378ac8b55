//! What is known of an encrypted link, in words: one line for the transcript, several for `/tls`.

use chrono::{DateTime, Utc};

use super::{Logged, TlsInfo, Verified};
use crate::transcript::TlsSummary;
use crate::transcript::info::Attributes;
use crate::transport::cert::CertInfo;
use crate::transport::chain;
use crate::transport::pin::Pin;
use crate::transport::revocation::Report;

/// Days before its end from which a certificate is warned of.
const EXPIRY_WARNING_DAYS: i64 = 21;

/// How many names of a certificate the transcript keeps. Some have hundreds.
const MOST_NAMES: usize = 20;

impl TlsInfo {
    /// What the transcript keeps.
    pub fn summary(&self) -> TlsSummary {
        let leaf = self.leaf.as_ref();
        TlsSummary {
            version: self.version.map(|version| version.to_string()),
            cipher: self.cipher.clone(),
            verified: match &self.verified {
                Verified::Yes => Some(true),
                Verified::No(_) => Some(false),
                Verified::Unknown(_) => None,
            },
            why: match &self.verified {
                Verified::Yes => None,
                Verified::No(problem) => Some(problem.to_string()),
                Verified::Unknown(why) => Some((*why).to_owned()),
            },
            insecure: self.insecure,
            subject: leaf.map(|cert| cert.subject.clone()),
            issuer: leaf.map(|cert| cert.issuer.clone()),
            not_before: leaf.map(|cert| cert.not_before),
            not_after: leaf.map(|cert| cert.not_after),
            other: self.more(),
        }
    }

    /// The rest of what is known, for the transcript.
    fn more(&self) -> Attributes {
        let leaf = self.leaf.as_ref();
        let of_leaf = |value: fn(&CertInfo) -> String| leaf.map(value);
        let names = |cert: &CertInfo| {
            cert.names.iter().take(MOST_NAMES).map(|name| name.to_string()).collect::<Vec<_>>().join(" ")
        };
        let rows = [
            ("group", self.group.clone()),
            ("alpn", self.alpn.clone()),
            ("sni", self.sni.clone()),
            ("name", Some(self.checked_name.clone())),
            ("matched", self.matched_name.clone()),
            ("root", self.root.clone()),
            ("pinned", self.pinned.map(|pinned| pinned.to_string())),
            ("revocation", self.revocation.as_ref().map(|report| report.outcome().to_owned())),
            ("revocation-says", self.revocation.as_ref().map(|report| report.lines().join(" · "))),
            ("keylog", self.keylog.as_ref().map(Logged::word)),
            ("resumed", self.seen.resumed.then(|| "yes".to_owned())),
            ("names", of_leaf(names).filter(|names| !names.is_empty())),
            ("serial", of_leaf(|cert| cert.serial.clone())),
            ("key", of_leaf(|cert| cert.key.to_string())),
            ("signature", of_leaf(|cert| cert.signature.clone())),
            ("sha256", of_leaf(CertInfo::fingerprint)),
            ("must-staple", leaf.filter(|cert| cert.must_staple).map(|_| "yes".to_owned())),
        ];
        rows.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Some(value?)))).collect()
    }

    /// Everything, a line each, safe to show.
    pub fn describe(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut rows = Rows::default();
        rows.put("protocol", self.version.map(|version| version.to_string()));
        rows.put("cipher", self.cipher.clone());
        rows.put("key exch.", self.group.clone());
        rows.put("ALPN", Some(self.alpn.clone().unwrap_or_else(|| "none, as usual for mail".to_owned())));
        rows.put("SNI", Some(self.sni.clone().unwrap_or_else(|| "none sent".to_owned())));
        rows.put("verified", Some(self.verdict()));
        rows.put("root", self.root.clone());
        for (at, line) in self.revocation.iter().flat_map(Report::lines).enumerate() {
            rows.put(if at == 0 { "revocation" } else { "" }, Some(line));
        }
        rows.put("pin", self.pinned.map(|pinned| pinned.to_string()));
        rows.put("resumed", Some(if self.seen.resumed { "yes" } else { "no, a full handshake" }.to_owned()));
        rows.put("keys", self.keylog.as_ref().map(keys));
        rows.put("client", self.client_certificate());
        rows.put("handshake", Some(format!("{} ms", self.took.as_millis())));
        if let Some(leaf) = &self.leaf {
            rows.certificate(leaf, now);
        }
        rows.0.extend(chain::describe(&self.chain, now));
        rows.0
    }

    /// What of the client's own certificate could be seen. Under TLS 1.3 the server's wish is hidden.
    fn client_certificate(&self) -> Option<String> {
        self.seen.certificate_asked.then(|| "the server asked for a client certificate".to_owned())
    }

    fn verdict(&self) -> String {
        let words = match &self.verified {
            Verified::Yes => match &self.matched_name {
                Some(name) if name == "IP address" => {
                    format!("yes, for {} (it names the address)", self.checked_name)
                }
                Some(name) => format!("yes, for {} (it names {name})", self.checked_name),
                None => format!("yes, for {}", self.checked_name),
            },
            Verified::No(problem) => format!("NO: {problem}"),
            Verified::Unknown(why) => format!("unknown: {why}"),
        };
        if self.insecure { format!("{words} (--insecure: not demanded)") } else { words }
    }
}

/// Where the keys of the link are.
fn keys(log: &Logged) -> String {
    match &log.failed {
        None => format!("logged in {}: whoever reads it can read this link", log.path),
        Some(why) => format!("NOT all logged in {}: {why}", log.path),
    }
}

/// Lines of a label and a value. What comes from certificates and from the tap is safe to show already.
#[derive(Default)]
struct Rows(Vec<String>);

impl Rows {
    fn put(&mut self, label: &str, value: Option<String>) {
        if let Some(value) = value {
            self.0.push(format!("{label:<12}{value}"));
        }
    }

    fn certificate(&mut self, cert: &CertInfo, now: DateTime<Utc>) {
        self.put("subject", Some(cert.subject.clone()));
        let names: Vec<String> = cert.names.iter().map(|name| name.to_string()).collect();
        self.put("names", (!names.is_empty()).then(|| names.join(", ")));
        self.put("issuer", Some(cert.issuer.clone()));
        self.put("serial", Some(cert.serial.clone()));
        self.put("key", Some(cert.key.to_string()));
        self.put("signature", Some(cert.signature.clone()));
        let days = cert.days_left(now);
        let left = match days {
            i64::MIN..=-1 => format!("EXPIRED {} days ago", -days),
            0..=EXPIRY_WARNING_DAYS => format!("only {days} days left"),
            _ => format!("{days} days left"),
        };
        let day = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC").to_string();
        self.put("valid", Some(format!("{} to {} · {left}", day(cert.not_before), day(cert.not_after))));
        self.put("SHA-256", Some(cert.fingerprint()));
        self.put("key pin", Some(Pin::of_key(cert).to_string()));
        if cert.must_staple {
            self.put("stapling", Some("the certificate demands it (must-staple)".to_owned()));
        }
    }
}
