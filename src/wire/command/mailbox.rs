//! Faults within a mailbox: local part, domain, address literal.

use std::ops::Range;

use crate::wire::rules::{paths, whole};

use super::check::Scan;

const SYNTAX: &str = "RFC 5321 §4.1.2";

/// Skips a source route; says where the mailbox begins.
pub(super) fn route(scan: &mut Scan<'_>, at: Range<usize>) -> usize {
    let text = scan.slice(at.clone());
    if !text.starts_with(b"@") {
        return at.start;
    }
    match paths::a_d_l(text) {
        Ok((rest, _)) if rest.first() == Some(&b':') => at.end - rest.len() + 1,
        Ok((rest, _)) if !rest.is_empty() => {
            let place = at.end - rest.len();
            scan.fault(place..place + 1, "':' expected between the source route and the address", SYNTAX);
            at.end
        }
        _ => {
            let what = "the part before '@' is missing";
            scan.fault(at.start..at.start, what, SYNTAX);
            at.end
        }
    }
}

/// Checks a mailbox.
pub(super) fn check(scan: &mut Scan<'_>, at: Range<usize>) {
    if at.is_empty() || scan.has_odd_bytes() {
        return;
    }
    let text = scan.slice(at.clone());
    let (local, domain) = match paths::local_part(text) {
        Ok((rest, _)) if rest.first() == Some(&b'@') => split(&at, at.end - rest.len()),
        _ => match memchr::memrchr(b'@', text) {
            Some(sign) => split(&at, at.start + sign),
            None => (at.clone(), None),
        },
    };
    local_part(scan, local.clone());
    match domain {
        Some(domain) if domain.is_empty() => {
            scan.fault(domain.clone(), "a domain is expected behind '@'", SYNTAX);
        }
        Some(domain) => host(scan, domain),
        None => {
            let what = format!("'@' and a domain are missing behind '{}'", scan.shown(local));
            scan.fault(at.end..at.end, what, SYNTAX);
        }
    }
}

fn split(at: &Range<usize>, sign: usize) -> (Range<usize>, Option<Range<usize>>) {
    (at.start..sign, Some(sign + 1..at.end))
}

fn local_part(scan: &mut Scan<'_>, at: Range<usize>) {
    let text = scan.slice(at.clone());
    if at.len() > 64 {
        let what = format!("{} octets before '@'; the limit is 64", at.len());
        scan.fault(at.clone(), what, "RFC 5321 §4.5.3.1.1");
    }
    if text.is_empty() {
        scan.fault(at, "the part before '@' is missing", SYNTAX);
        return;
    }
    if whole(paths::local_part, text).is_some() {
        return;
    }
    if text.starts_with(b"\"") {
        let (place, what) = match text.len() > 1 && text.ends_with(b"\"") {
            true => (at.clone(), "a quote or backslash within quotes needs a backslash before it"),
            false => (at.clone(), "the quotes are not closed before '@'"),
        };
        scan.fault(place, what, SYNTAX);
        return;
    }
    let (place, what) = first_odd(scan, at.clone());
    let mut quoted = vec![b'"'];
    for byte in text {
        if *byte == b'"' || *byte == b'\\' {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    scan.mend(place, what, (at, &quoted), SYNTAX);
}

/// What is wrong first in a local part without quotes.
fn first_odd(scan: &Scan<'_>, at: Range<usize>) -> (Range<usize>, String) {
    let text = scan.slice(at.clone());
    let taken = paths::dot_string(text).map_or(0, |(rest, _)| text.len() - rest.len());
    let place = at.start + taken;
    let dot = scan.byte(place) == Some(b'.');
    let what = if dot && taken == 0 {
        "an address cannot begin with a dot, unless it is quoted".to_owned()
    } else if dot {
        let last = place + 1 == at.end;
        let odd = if last { "no dot may stand before '@'" } else { "two dots in a row" };
        format!("{odd}, unless what stands before '@' is quoted")
    } else {
        format!("'{}' cannot stand before '@' without quotes", scan.shown(place..place + 1))
    };
    (place..place + 1, what)
}

/// Checks a domain or an address literal.
pub(super) fn host(scan: &mut Scan<'_>, at: Range<usize>) {
    let text = scan.slice(at.clone());
    if text.starts_with(b"[") {
        return literal(scan, at);
    }
    if at.len() > 255 {
        let what = format!("a domain of {} octets; the limit is 255", at.len());
        scan.fault(at.clone(), what, "RFC 5321 §4.5.3.1.2");
    }
    if whole(paths::domain, text).is_none() {
        domain(scan, at);
    } else if let Some(label) = text.split(|b| *b == b'.').find(|label| label.len() > 63) {
        let what = format!("a label of {} octets; the limit is 63", label.len());
        scan.fault(at, what, "RFC 1035 §2.3.4");
    }
}

fn domain(scan: &mut Scan<'_>, at: Range<usize>) {
    let text = scan.slice(at.clone());
    let taken = paths::domain(text).map_or(0, |(rest, _)| text.len() - rest.len());
    let place = at.start + taken;
    let here = place..(place + 1).min(at.end);
    match scan.byte(place) {
        Some(b'.') if place + 1 == at.end && taken > 0 => {
            scan.mend(here.clone(), "a domain ends without a dot here", (here, b""), SYNTAX);
        }
        Some(b'.') => {
            let what = if taken == 0 { "a domain cannot begin with a dot" } else { "two dots in a row" };
            scan.mend(here.clone(), what, (here, b""), SYNTAX);
        }
        Some(b'-') => scan.fault(here, "a part of a domain cannot begin or end with a hyphen", SYNTAX),
        Some(b'@') if at.start.checked_sub(1).and_then(|before| scan.byte(before)) == Some(b'@') => {
            scan.fault(here, "a second '@'", SYNTAX);
        }
        _ => {
            let what = format!("'{}' cannot stand in a domain", scan.shown(here.clone()));
            scan.fault(here, what, SYNTAX);
        }
    }
}

fn literal(scan: &mut Scan<'_>, at: Range<usize>) {
    let source = "RFC 5321 §4.1.3";
    let text = scan.slice(at.clone());
    let Some(inside) = text.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")) else {
        let what = "']' expected at the end of the address literal";
        scan.mend(at.end..at.end, what, (at.end..at.end, b"]"), source);
        return;
    };
    let range = at.start + 1..at.end - 1;
    let is_v6 = inside.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"IPv6:"));
    let fits = if is_v6 { paths::ipv6_address_literal } else { paths::ipv4_address_literal };
    if whole(fits, inside).is_some() {
        return;
    }
    let bare = String::from_utf8_lossy(inside).parse::<std::net::Ipv6Addr>();
    if bare.is_ok() {
        let what = "an IPv6 address literal begins with IPv6:";
        scan.mend(range.clone(), what, (range.start..range.start, b"IPv6:"), source);
    } else if is_v6 || !inside.contains(&b':') {
        let kind = if is_v6 { "IPv6" } else { "IPv4" };
        let what = format!("'{}' is no {kind} address", scan.shown(range.clone()));
        scan.fault(range, what, source);
    } else {
        let what = format!(
            "no kind of address literal but IPv4 and IPv6: is known; '{}' is neither",
            scan.shown(range.clone())
        );
        scan.fault(range, what, source);
    }
}
