//! Faults in the arguments of every command but MAIL and RCPT.

use std::ops::Range;

use crate::wire::rules::{auth, commands, paths, whole};

use super::Verb;
use super::check::Scan;
use super::mailbox;

/// Checks what stands behind a verb.
pub(super) fn check(scan: &mut Scan<'_>, verb: &Verb, at: Range<usize>) {
    match verb {
        Verb::Ehlo | Verb::Lhlo | Verb::Helo => greeting(scan, verb, at.end),
        Verb::Data | Verb::Rset | Verb::Quit | Verb::StartTls => nothing(scan, verb, at.end),
        Verb::Bdat => bdat(scan, at.end),
        Verb::Vrfy | Verb::Expn => target(scan, verb, at.end),
        Verb::Help | Verb::Noop => optional_word(scan, verb, at.end),
        Verb::Auth => authentication(scan, at.end),
        Verb::Etrn => etrn(scan, at.end),
        Verb::Burl => burl(scan, at.end),
        Verb::Mail | Verb::Rcpt | Verb::Other(_) => {}
    }
    let needed = match verb {
        Verb::StartTls => "STARTTLS",
        Verb::Auth => "AUTH",
        Verb::Bdat => "CHUNKING",
        Verb::Etrn => "ETRN",
        Verb::Burl => "BURL",
        _ => return,
    };
    // The obsolete form AUTH=LOGIN is an offer too.
    let hidden = needed == "AUTH" && scan.caps.is_some_and(|caps| !caps.mechanisms().is_empty());
    if scan.lacks(needed) && !hidden {
        let what = match verb {
            Verb::Bdat => "the server did not offer CHUNKING, which BDAT belongs to".to_owned(),
            _ => format!("the server did not offer {needed} in its reply to EHLO"),
        };
        scan.fault(at, what, "RFC 5321 §2.2.1");
    }
}

/// Takes the next word; reports it missing with `what`.
fn word(scan: &mut Scan<'_>, from: usize, what: &str, source: &'static str) -> Option<Range<usize>> {
    let start = scan.one_space(from);
    if start >= scan.end() {
        let end = scan.end();
        scan.fault(end..end, what, source);
        return None;
    }
    Some(start..scan.word_end(start))
}

/// Reports words behind the last one that has a place.
fn no_more(scan: &mut Scan<'_>, from: usize, what: &str, source: &'static str) {
    let end = scan.end();
    let start = scan.skip(from, super::check::is_blank);
    if start < end {
        scan.mend(start..end, what, (from..end, b""), source);
    }
}

fn nothing(scan: &mut Scan<'_>, verb: &Verb, from: usize) {
    let source = match verb {
        Verb::StartTls => "RFC 3207 §4",
        Verb::Data => "RFC 5321 §4.1.1.4",
        Verb::Rset => "RFC 5321 §4.1.1.5",
        _ => "RFC 5321 §4.1.1.10",
    };
    no_more(scan, from, &format!("{verb} takes no argument"), source);
}

fn greeting(scan: &mut Scan<'_>, verb: &Verb, from: usize) {
    let source = if *verb == Verb::Lhlo { "RFC 2033 §4.1" } else { "RFC 5321 §4.1.1.1" };
    let missing = format!("{verb} wants the name of your host, such as {verb} client.example.org");
    let Some(name) = word(scan, from, &missing, source) else { return };
    no_more(scan, name.end, &format!("{verb} takes one name and nothing behind it"), source);
    let bytes = scan.slice(name.clone());
    if !bytes.is_ascii() || scan.has_odd_bytes() {
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    if let Some((_, host)) = text.rsplit_once('@') {
        let what = format!("{verb} wants the name of your host, not a mail address");
        return scan.mend(name.clone(), what, (name, host.as_bytes()), source);
    }
    if let Ok(ip) = text.parse::<std::net::IpAddr>() {
        let literal = crate::wire::Host::of_ip(ip).to_string();
        let what = format!("an address in place of a name stands in brackets: {literal}");
        scan.mend(name.clone(), what, (name, literal.as_bytes()), "RFC 5321 §4.1.3");
    } else if *verb == Verb::Helo && bytes.starts_with(b"[") {
        scan.fault(name, "HELO takes a name; an address in brackets is for EHLO", source);
    } else {
        mailbox::host(scan, name);
    }
}

fn bdat(scan: &mut Scan<'_>, from: usize) {
    let source = "RFC 3030 §2";
    let Some(size) = word(scan, from, "BDAT wants the number of octets that follow", source) else { return };
    if whole(commands::chunk_size, scan.slice(size.clone())).is_none() {
        let what = format!("'{}' is no number of octets", scan.shown(size.clone()));
        scan.fault(size.clone(), what, source);
    }
    last(scan, size.end, source);
}

/// Expects nothing more, or LAST.
fn last(scan: &mut Scan<'_>, from: usize, source: &'static str) {
    let start = scan.one_space(from);
    if start >= scan.end() {
        return;
    }
    let end = scan.word_end(start);
    let typed = scan.slice(start..end).to_ascii_uppercase();
    if typed != b"LAST" {
        let what = format!("only LAST may stand here, not '{}'", scan.shown(start..end));
        scan.fault(start..end, what, source);
        if end == scan.line.len() && b"LAST".starts_with(&typed) {
            scan.may_still_come_right();
        }
    }
    no_more(scan, end, "nothing may follow LAST", source);
}

fn target(scan: &mut Scan<'_>, verb: &Verb, from: usize) {
    let (source, missing) = match verb {
        Verb::Vrfy => ("RFC 5321 §4.1.1.6", "VRFY wants a user or a mailbox"),
        _ => ("RFC 5321 §4.1.1.7", "EXPN wants the name of a list"),
    };
    let start = scan.one_space(from);
    let end = scan.end();
    if start >= end {
        scan.fault(end..end, missing, source);
        return;
    }
    let whole_text = scan.slice(start..end);
    let flagged = whole_text.len().checked_sub(9).and_then(|at| whole_text.split_at_checked(at));
    let name = match flagged {
        Some((name, flag)) if flag.eq_ignore_ascii_case(b" SMTPUTF8") => name,
        _ => whole_text,
    };
    if whole(commands::vrfy_target, name).is_none() && !scan.has_odd_bytes() {
        let what =
            format!("{verb} takes a word, a quoted string or a mailbox, not '{}'", scan.shown(start..end));
        scan.fault(start..end, what, source);
    }
}

fn optional_word(scan: &mut Scan<'_>, verb: &Verb, from: usize) {
    let (start, end) = (scan.one_space(from), scan.end());
    if start < end && whole(paths::string, scan.slice(start..end)).is_none() && !scan.has_odd_bytes() {
        let what = format!("{verb} takes one word or a quoted string");
        let source = if *verb == Verb::Help { "RFC 5321 §4.1.1.8" } else { "RFC 5321 §4.1.1.9" };
        scan.fault(start..end, what, source);
    }
}

/// Faults in AUTH never repeat the initial response, which may be a password.
fn authentication(scan: &mut Scan<'_>, from: usize) {
    let source = "RFC 4954 §4";
    let missing = match scan.caps.map(|caps| caps.mechanisms()).filter(|m| !m.is_empty()) {
        Some(offered) => format!("AUTH wants a mechanism; offered: {}", shown_list(&offered)),
        None => "AUTH wants a mechanism, such as AUTH PLAIN".to_owned(),
    };
    let Some(mechanism) = word(scan, from, &missing, source) else { return };
    offered_mechanism(scan, mechanism.clone());
    let start = scan.one_space(mechanism.end);
    if start >= scan.end() {
        return;
    }
    let response = start..scan.word_end(start);
    if whole(auth::initial_response, scan.slice(response.clone())).is_none() {
        scan.fault(response.clone(), "this is not base64; an empty response is written '='", source);
        if response.end == scan.line.len() {
            scan.may_still_come_right();
        }
    }
    let end = scan.end();
    if scan.skip(response.end, super::check::is_blank) < end {
        scan.fault(response.end..end, "AUTH takes one initial response and nothing behind it", source);
    }
}

fn offered_mechanism(scan: &mut Scan<'_>, at: Range<usize>) {
    let typed = scan.slice(at.clone());
    if whole(auth::sasl_mech, typed).is_none() {
        let what = format!("'{}' cannot be the name of a mechanism", scan.shown(at.clone()));
        scan.fault(at, what, "RFC 4422 §3.1");
        return;
    }
    let upper = String::from_utf8_lossy(typed).to_ascii_uppercase();
    let offered = scan.caps.map(|caps| caps.mechanisms()).unwrap_or_default();
    if !offered.is_empty() && !offered.contains(&upper) {
        let what = format!("the server does not offer {upper}, but {}", shown_list(&offered));
        let may_come = at.end == scan.line.len() && offered.iter().any(|name| name.starts_with(&upper));
        scan.fault(at, what, "RFC 4954 §4");
        if may_come {
            scan.may_still_come_right();
        }
    }
}

fn shown_list(names: &[String]) -> String {
    crate::wire::escape::visible(names.join(", ").as_bytes())
}

fn etrn(scan: &mut Scan<'_>, from: usize) {
    let source = "RFC 1985 §5";
    let missing = "ETRN wants a domain, @ and a domain, or # and the name of a queue";
    let Some(node) = word(scan, from, missing, source) else { return };
    let name = scan.slice(node.clone());
    let name = name.strip_prefix(b"@").or(name.strip_prefix(b"#")).unwrap_or(name);
    if whole(commands::etrn_node, name).is_none() {
        let what = format!("'{}' is no domain and no name of a queue", scan.shown(node.clone()));
        scan.fault(node.clone(), what, source);
    }
    no_more(scan, node.end, "ETRN takes one name and nothing behind it", source);
}

fn burl(scan: &mut Scan<'_>, from: usize) {
    let source = "RFC 4468 §3.5";
    let Some(url) = word(scan, from, "BURL wants the URL of the content", source) else { return };
    if whole(commands::absolute_uri, scan.slice(url.clone())).is_none() {
        scan.fault(url.clone(), "this is no absolute URL, such as imap://…", source);
    }
    last(scan, url.end, source);
}
