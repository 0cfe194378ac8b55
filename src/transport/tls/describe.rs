//! What is known of an encrypted link, in words: one line for the transcript, several for `/tls`.

use chrono::{DateTime, Utc};

use super::{TlsInfo, Verified};
use crate::transcript::TlsSummary;
use crate::transport::cert::CertInfo;
use crate::transport::chain;

/// Days before its end from which a certificate is warned of.
const EXPIRY_WARNING_DAYS: i64 = 21;

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
            other: Vec::new(),
        }
    }

    /// Everything, a line each, safe to show.
    pub fn describe(&self, now: DateTime<Utc>) -> Vec<String> {
        let mut rows = Rows::default();
        rows.put("protocol", self.version.map(|version| version.to_string()));
        rows.put("cipher", self.cipher.clone());
        rows.put("key share", self.group.clone());
        rows.put("ALPN", self.alpn.clone());
        rows.put("SNI", Some(self.sni.clone().unwrap_or_else(|| "none sent".to_owned())));
        rows.put("verified", Some(self.verdict()));
        rows.put("root", self.root.clone());
        rows.put("pin", self.pinned.map(|pinned| pinned.to_string()));
        rows.put("handshake", Some(format!("{} ms", self.took.as_millis())));
        if let Some(leaf) = &self.leaf {
            rows.certificate(leaf, now);
        }
        rows.chain(&self.chain, now);
        if !self.chain_visible() {
            rows.put("chain", Some("hidden by TLS 1.3 from all but the TLS library".to_owned()));
        }
        rows.0
    }

    fn verdict(&self) -> String {
        let words = match &self.verified {
            Verified::Yes => match &self.matched_name {
                Some(name) => {
                    format!("yes, for {} (it names {name})", self.checked_name)
                }
                None => format!("yes, for {}", self.checked_name),
            },
            Verified::No(problem) => format!("NO: {problem}"),
            Verified::Unknown(why) => format!("unknown: {why}"),
        };
        if self.insecure { format!("{words} (--insecure: not demanded)") } else { words }
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
        if cert.must_staple {
            self.put("stapling", Some("the certificate demands it (must-staple)".to_owned()));
        }
    }
    fn chain(&mut self, chain: &[CertInfo], now: DateTime<Utc>) {
        for (index, (cert, remarks)) in chain.iter().zip(chain::review(chain, now)).enumerate() {
            let remarks: String = remarks.iter().map(|remark| format!(" · {remark}")).collect();
            self.put(
                "chain",
                Some(format!("{index}  {} (issued by {}){remarks}", cert.subject, cert.issuer)),
            );
        }
    }
}
