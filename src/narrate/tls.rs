//! Tells of the encrypted link: what was negotiated, whether the certificate verified, how long it lasts.

use std::time::Duration;

use chrono::{DateTime, FixedOffset};

use super::lines::{folded, piece};
use crate::explain::render::{self, Line, Style};
use crate::transcript::{Header, TlsSummary};
use crate::wire::escape;

/// Days before its end from which a certificate is warned of.
const EXPIRY_WARNING_DAYS: i64 = 21;

/// The lines for the start of encryption, `at` a time after the beginning that `header` tells.
pub(super) fn lines(summary: &TlsSummary, header: &Header, at: Duration, width: usize) -> Vec<Line> {
    unfolded(summary, header, at).into_iter().flat_map(|line| folded(line, render::INDENT, width)).collect()
}

fn unfolded(summary: &TlsSummary, header: &Header, at: Duration) -> Vec<Line> {
    let words = [summary.version.as_deref(), summary.cipher.as_deref()];
    let words: Vec<String> = words.into_iter().flatten().map(|w| escape::visible(w.as_bytes())).collect();
    let mut line = vec![piece(Style::Dim, "=== ".to_owned()), piece(Style::Plain, words.join(" "))];
    line.push(match summary.verified {
        Some(true) => piece(Style::Good, " · certificate verified".to_owned()),
        Some(false) => piece(Style::Bad, " · certificate NOT verified".to_owned()),
        None => piece(Style::Warn, " · certificate not checked".to_owned()),
    });
    if let Some(why) = &summary.why {
        line.push(piece(Style::Bad, format!(": {}", escape::visible(why.as_bytes()))));
    }
    let said = |key: &str| summary.other.iter().find(|(k, _)| k == key).and_then(|(_, v)| v.as_deref());
    line.extend(match said("revocation") {
        Some("good") => Some(piece(Style::Good, " · not revoked".to_owned())),
        // That it was revoked is why it does not verify.
        Some("revoked") | None => None,
        Some(_) => Some(piece(Style::Warn, " · revocation unknown".to_owned())),
    });
    if summary.insecure {
        line.push(piece(Style::Bad, " (--insecure)".to_owned()));
    }
    let mut lines = vec![line];
    if let Some(certificate) = certificate(summary, header, at) {
        lines.push(certificate);
    }
    lines.extend(said("keylog").map(keys));
    if let Some(says) = said("revocation-says").filter(|_| said("revocation") != Some("good")) {
        let says = escape::visible(says.as_bytes());
        lines.push(vec![piece(Style::Warn, format!("     revocation: {says}"))]);
    }
    lines
}

/// That the keys of the link are in a file, or why they are not.
fn keys(how: &str) -> Line {
    let words = match how.strip_prefix("failed: ") {
        None => "the keys of this link are logged: whoever reads that file can read this session".to_owned(),
        Some(why) => {
            format!("the keys of this link could not all be logged: {}", escape::visible(why.as_bytes()))
        }
    };
    vec![piece(Style::Warn, format!("     {words}"))]
}

fn certificate(summary: &TlsSummary, header: &Header, at: Duration) -> Option<Line> {
    let subject = escape::visible(summary.subject.as_deref()?.as_bytes());
    let mut line = vec![piece(Style::Dim, format!("     {subject}"))];
    if let Some(issuer) = &summary.issuer {
        line.push(piece(Style::Dim, format!(" · issued by {}", escape::visible(issuer.as_bytes()))));
    }
    let seen: Option<DateTime<FixedOffset>> =
        header.started.and_then(|s| s.checked_add_signed(chrono::Duration::from_std(at).ok()?));
    if let (Some(end), Some(seen)) = (summary.not_after, seen) {
        let days = (end - seen.to_utc()).num_days();
        let style = if days <= EXPIRY_WARNING_DAYS { Style::Warn } else { Style::Dim };
        let date = end.format("%Y-%m-%d");
        let words = if days < 0 {
            format!(" · expired on {date}, {} days before", -days)
        } else {
            format!(" · valid until {date}, {days} days left")
        };
        line.push(piece(style, words));
    }
    Some(line)
}
