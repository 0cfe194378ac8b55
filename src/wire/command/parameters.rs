//! Faults in the parameters of MAIL and RCPT.

use std::ops::Range;

use crate::wire::parameter::{Known, On};
use crate::wire::rules::{commands, whole};

use super::Verb;
use super::check::Scan;

const SYNTAX: &str = "RFC 5321 §4.1.2";

/// Checks what follows the address.
pub(super) fn check(scan: &mut Scan<'_>, verb: &Verb, from: usize) {
    let mut keywords: Vec<Vec<u8>> = Vec::new();
    let mut at = from;
    if at < scan.end() && !scan.byte(at).is_some_and(super::check::is_blank) {
        scan.mend(at..at, "a space is expected behind the address", (at..at, b" "), SYNTAX);
    }
    while at < scan.end() {
        let start = scan.one_space(at);
        let end = scan.word_end(start);
        if start >= scan.end() {
            break;
        }
        one(scan, verb, start..end, &mut keywords);
        at = end;
    }
    whole_set(scan, verb, from, &keywords);
}

/// Checks one parameter, and adds its keyword in upper case to the list.
fn one(scan: &mut Scan<'_>, verb: &Verb, at: Range<usize>, keywords: &mut Vec<Vec<u8>>) {
    let text = scan.slice(at.clone());
    let sign = memchr::memchr(b'=', text);
    let keyword = text.get(..sign.unwrap_or(text.len())).unwrap_or_default();
    let value = sign.and_then(|sign| text.get(sign + 1..));
    let word = at.start..at.start + keyword.len();
    let upper = keyword.to_ascii_uppercase();
    if keywords.contains(&upper) {
        let what = format!("{} is given twice", scan.shown(word.clone()));
        scan.fault(at.clone(), what, "RFC 5321 §4.1.1.11");
    }
    keywords.push(upper);
    match Known::find(keyword) {
        _ if scan.has_odd_bytes() => {}
        Some(known) => {
            place(scan, verb, known, at.clone());
            form(scan, known, at.clone(), value);
            offer(scan, known, word, value);
        }
        None if whole(commands::esmtp_param, text).is_none() => odd(scan, at),
        None if scan.lacks(&String::from_utf8_lossy(keyword)) => {
            let what = format!("{} is not offered by the server", scan.shown(word.clone()));
            scan.fault(word.clone(), what, "RFC 5321 §4.1.1.11");
            if at.end == scan.line.len() && value.is_none() {
                scan.may_still_come_right();
            }
        }
        None => {}
    }
}

/// Whether the parameter stands in the right command.
fn place(scan: &mut Scan<'_>, verb: &Verb, known: &Known, at: Range<usize>) {
    let (belongs, to) = match known.on {
        On::Mail => (*verb == Verb::Mail, "MAIL"),
        On::Rcpt => (*verb == Verb::Rcpt, "RCPT"),
    };
    if !belongs {
        scan.fault(at, format!("{} belongs to {to}, not to {verb}", known.keyword), known.source);
    }
}

/// Whether the value has its form.
fn form(scan: &mut Scan<'_>, known: &Known, at: Range<usize>, value: Option<&[u8]>) {
    let grammar = whole(commands::esmtp_param, scan.slice(at.clone())).is_some();
    if grammar && known.fits(value) {
        return;
    }
    match known.form {
        Some(form) => {
            scan.fault(at.clone(), format!("write {form}"), known.source);
            if at.end == scan.line.len() {
                scan.may_still_come_right();
            }
        }
        None => {
            let bare = at.start..at.start + known.keyword.len();
            let what = format!("{} takes no value", known.keyword);
            scan.mend(at.clone(), what, (bare.end..at.end, b""), known.source);
        }
    }
}

/// Whether EHLO has listed what the parameter needs.
fn offer(scan: &mut Scan<'_>, known: &Known, at: Range<usize>, value: Option<&[u8]>) {
    let binary = value.is_some_and(|v| known.keyword == "BODY" && v.eq_ignore_ascii_case(b"BINARYMIME"));
    let capability = if binary { "BINARYMIME" } else { known.capability };
    let Some(caps) = scan.caps else { return };
    if known.keyword == "AUTH" && !caps.mechanisms().is_empty() {
        return;
    }
    if !caps.has(capability) {
        let belongs = if capability == known.keyword {
            String::new()
        } else {
            format!(" (it belongs to {capability})")
        };
        let what = format!("{} is not offered by the server{belongs}", known.keyword);
        scan.fault(at, what, "RFC 5321 §2.2.1");
        return;
    }
    let declared: Option<u64> = value.and_then(|v| std::str::from_utf8(v).ok()?.parse().ok());
    let limit = caps.size_limit().filter(|limit| *limit > 0);
    if known.keyword == "SIZE"
        && let (Some(declared), Some(limit)) = (declared, limit)
        && declared > limit
    {
        let what = format!("{declared} octets are more than the {limit} that the server takes");
        scan.fault(at, what, "RFC 1870 §6.1");
    }
}

/// Names what keeps a word from being a parameter at all.
fn odd(scan: &mut Scan<'_>, at: Range<usize>) {
    let text = scan.slice(at.clone());
    let taken = commands::esmtp_param(text).map_or(0, |(rest, _)| text.len() - rest.len());
    let place = at.start + taken;
    let what = match scan.byte(place) {
        Some(b'=') if place + 1 == at.end => "a value is expected behind '='".to_owned(),
        _ => format!("'{}' cannot stand in a parameter here", scan.shown(place..place + 1)),
    };
    scan.fault(place..place + 1, what, SYNTAX);
    if place + 1 == scan.line.len() {
        scan.may_still_come_right();
    }
}

/// What the parameters lack or contradict as a whole.
fn whole_set(scan: &mut Scan<'_>, verb: &Verb, address_end: usize, keywords: &[Vec<u8>]) {
    let has = |keyword: &[u8]| keywords.iter().any(|k| k == keyword);
    let end = scan.end();
    if has(b"HOLDFOR") && has(b"HOLDUNTIL") {
        scan.fault(address_end..end, "HOLDFOR and HOLDUNTIL exclude each other", "RFC 4865 §4");
    }
    let address = scan.slice(0..address_end);
    let foreign = address.iter().position(|b| !b.is_ascii());
    // Where it is not offered, that is what is wrong.
    let spoken_for = has(b"SMTPUTF8") || scan.lacks("SMTPUTF8");
    if let (Verb::Mail, Some(at), false, false) = (verb, foreign, spoken_for, scan.has_odd_bytes()) {
        let stop = scan.skip(at, |b| !b.is_ascii());
        let what = format!("'{}' needs the parameter SMTPUTF8", scan.shown(at..stop));
        scan.mend(at..stop, what, (end..end, b" SMTPUTF8"), "RFC 6531 §3.4");
    }
}
