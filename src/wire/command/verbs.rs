//! Verbs: those that are known, those that were meant, and how long their lines may be.

use std::ops::Range;
use strsim::osa_distance;

use crate::wire::Capabilities;

use super::Verb;
use super::check::Scan;

/// Verbs with a grammar here.
const KNOWN: &[&str] = &[
    "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "VRFY", "EXPN", "HELP", "NOOP", "QUIT",
    "STARTTLS", "AUTH", "ETRN", "BURL",
];

/// Verbs that exist without a grammar here: obsolete ones, and those of one server's own.
const SELDOM: &[&str] =
    &["TURN", "ATRN", "SEND", "SOML", "SAML", "XCLIENT", "XFORWARD", "XEXCH50", "X-EXPS", "VERB"];

/// What is often typed in place of a command, in upper case, and what was meant.
const MEANT: &[(&str, &str)] = &[
    ("HELLO", "EHLO"),
    ("FROM:", "MAIL FROM:"),
    ("MAILFROM:", "MAIL FROM:"),
    ("TO:", "RCPT TO:"),
    ("RCPTTO:", "RCPT TO:"),
    ("EXIT", "QUIT"),
    ("BYE", "QUIT"),
    ("LOGOUT", "QUIT"),
    ("RESET", "RSET"),
    ("VERIFY", "VRFY"),
    ("EXPAND", "EXPN"),
    ("START-TLS", "STARTTLS"),
    ("STLS", "STARTTLS"),
    ("TLS", "STARTTLS"),
    ("LOGIN", "AUTH LOGIN"),
    ("?", "HELP"),
];

/// Checks a line whose verb has no grammar here.
pub(super) fn unknown(scan: &mut Scan<'_>, verb: Range<usize>) {
    let word = String::from_utf8_lossy(scan.slice(verb.clone())).to_ascii_uppercase();
    if scan.has_odd_bytes() || scan.caps.is_some_and(|caps| caps.has(&word)) {
        return;
    }
    if SELDOM.contains(&word.as_str()) {
        if scan.lacks(&word) {
            let what = format!("the server did not offer {word} in its reply to EHLO");
            scan.fault(verb, what, "RFC 5321 §2.2.1");
        }
        return;
    }
    let source = "RFC 5321 §4.1.1";
    if let Some((replaced, meant)) = meant(scan, &word, verb.clone()) {
        let what =
            format!("no SMTP command begins with '{}'; did you mean {meant}?", scan.shown(verb.clone()));
        scan.mend(verb.clone(), what, (replaced, meant.as_bytes()), source);
    } else {
        let what = format!("no SMTP command begins with '{}'", scan.shown(verb.clone()));
        scan.fault(verb.clone(), what, source);
    }
    if verb.end == scan.line.len() && KNOWN.iter().any(|known| known.starts_with(&word)) {
        scan.may_still_come_right();
    }
}

/// What was meant, and the bytes that it stands in place of.
fn meant(scan: &Scan<'_>, word: &str, verb: Range<usize>) -> Option<(Range<usize>, String)> {
    let next_end = scan.word_end(verb.end + 1);
    if word == "START" && scan.slice(verb.end + 1..next_end).eq_ignore_ascii_case(b"TLS") {
        return Some((verb.start..next_end, "STARTTLS".to_owned()));
    }
    for (typed, meant) in MEANT {
        // A colon belongs to the word that is replaced, the address glued to it does not.
        let glued = typed.ends_with(':') && word.starts_with(typed);
        if glued || word == *typed {
            return Some((verb.start..verb.start + typed.len(), (*meant).to_owned()));
        }
    }
    let near = |known: &&&str| word.len().abs_diff(known.len()) <= 2;
    let slips = |known| (osa_distance(word, known), known);
    let few = |(slips, known): &(usize, &str)| *slips <= if known.len() > 4 { 2 } else { 1 };
    let (_, best) =
        KNOWN.iter().filter(near).map(|known| slips(*known)).filter(few).min_by_key(|(n, _)| *n)?;
    Some((verb, best.to_owned()))
}

/// Octets that an extension adds to the limit of a MAIL line.
const ADDED_TO_MAIL: &[(&str, usize)] = &[
    ("SIZE", 26),
    ("8BITMIME", 17),
    ("AUTH", 500),
    ("DSN", ADDED_BY_DSN),
    ("SMTPUTF8", 10),
    ("DELIVERBY", 17),
    ("FUTURERELEASE", 34),
    ("MT-PRIORITY", 15),
    ("REQUIRETLS", 11),
];

/// Octets that DSN adds to the limit of a line: it asks for 1,036 in all (RFC 3461 §5.4).
const ADDED_BY_DSN: usize = 524;

/// How long a line may be with its CRLF, and who says so. Where EHLO has not been asked, all extensions count.
pub(super) fn line_limit(verb: &Verb, caps: Option<&Capabilities>) -> (usize, &'static str) {
    let offered = |keyword: &str| caps.is_none_or(|caps| caps.has(keyword));
    let basic = 512;
    match verb {
        Verb::Auth => (12_288, "RFC 4954 §4"),
        Verb::Mail => {
            let added =
                ADDED_TO_MAIL.iter().filter(|(keyword, _)| offered(keyword)).map(|(_, octets)| octets);
            (basic + added.sum::<usize>(), "RFC 5321 §4.5.3.1.4 and the extensions offered")
        }
        Verb::Rcpt if offered("DSN") => (basic + ADDED_BY_DSN, "RFC 5321 §4.5.3.1.4, RFC 3461 §5.4"),
        _ => (basic, "RFC 5321 §4.5.3.1.4"),
    }
}
