//! Faults between MAIL or RCPT and the end of the address.

use std::ops::Range;

use super::Verb;
use super::check::{Scan, is_blank};
use super::{mailbox, parameters};

/// What MAIL and RCPT differ in.
pub(super) struct Form {
    pub(super) verb: Verb,
    /// The word that must follow the verb.
    word: &'static str,
    /// The word of the other command.
    wrong: &'static str,
    source: &'static str,
}

/// Checks what follows MAIL.
pub(super) fn mail(scan: &mut Scan<'_>, from: usize) {
    let form = Form { verb: Verb::Mail, word: "FROM", wrong: "TO", source: "RFC 5321 §4.1.1.2" };
    envelope(scan, &form, from);
}

/// Checks what follows RCPT.
pub(super) fn rcpt(scan: &mut Scan<'_>, from: usize) {
    let form = Form { verb: Verb::Rcpt, word: "TO", wrong: "FROM", source: "RFC 5321 §4.1.1.3" };
    envelope(scan, &form, from);
}

fn envelope(scan: &mut Scan<'_>, form: &Form, from: usize) {
    let start = scan.one_space(from);
    let Some(colon) = keyword(scan, form, start) else { return };
    let start = scan.skip(colon, is_blank);
    if start > colon && start < scan.end() {
        let what = format!("no space may stand between {}: and the address", form.word);
        scan.mend(colon..start, what, (colon..start, b""), form.source);
    }
    let Some(end) = address(scan, form, start) else { return };
    parameters::check(scan, &form.verb, end);
}

/// Checks `FROM:` or `TO:`; says where it ends.
fn keyword(scan: &mut Scan<'_>, form: &Form, start: usize) -> Option<usize> {
    let Form { verb, word, wrong, source } = form;
    let end = scan.end();
    if start >= end {
        scan.fault(end..end, format!("{word}:<address> is expected: {verb} {word}:<…>"), source);
        return None;
    }
    let letters = start..scan.skip(start, |b| b.is_ascii_alphabetic());
    let typed = scan.slice(letters.clone()).to_ascii_uppercase();
    let blanks = scan.skip(letters.end, is_blank);
    let colon = (scan.byte(blanks) == Some(b':')).then_some(blanks + 1);
    if typed == word.as_bytes() {
        return Some(after_word(scan, form, letters, colon));
    }
    if typed == wrong.as_bytes() && colon.is_some() {
        let what = format!("{verb} wants {word}:, not {wrong}:");
        scan.mend(letters.clone(), what, (letters, word.as_bytes()), source);
        return colon;
    }
    if letters.end == scan.line.len() && word.as_bytes().starts_with(&typed) {
        scan.fault(letters, format!("{word}: is expected here"), source);
        scan.may_still_come_right();
        return None;
    }
    let what = format!("{word}: is expected before the address");
    scan.mend(start..start, what, (start..start, format!("{word}:").as_bytes()), source);
    Some(start)
}

/// Checks the colon behind the right word; says where the address begins.
fn after_word(scan: &mut Scan<'_>, form: &Form, word: Range<usize>, colon: Option<usize>) -> usize {
    match colon {
        Some(end) if end == word.end + 1 => end,
        Some(end) => {
            let what = format!("no space may stand before the colon of {}:", form.word);
            scan.mend(word.end..end - 1, what, (word.end..end - 1, b""), form.source);
            end
        }
        None => {
            let next = scan.skip(word.end, is_blank);
            let what = format!("':' expected after {}", form.word);
            scan.mend(word.end..word.end, what, (word.end..next, b":"), form.source);
            next
        }
    }
}

/// Checks the address with its brackets; says where it ends.
fn address(scan: &mut Scan<'_>, form: &Form, start: usize) -> Option<usize> {
    let end = scan.end();
    if start >= end {
        let null = if form.verb == Verb::Mail { "; <> stands for nobody" } else { "" };
        scan.fault(end..end, format!("an address in angle brackets is expected{null}"), form.source);
        return None;
    }
    if scan.byte(start) != Some(b'<') {
        return Some(without_bracket(scan, form, start));
    }
    let inside = start + 1;
    let close = closing(scan, inside);
    if more_than_an_address(scan, form, start, close) {
        return None;
    }
    if scan.byte(close) == Some(b'>') {
        content(scan, form, inside..close);
        return one_address(scan, form, close + 1).then_some(close + 1);
    }
    let what = "'>' expected behind the address";
    scan.mend(close..close, what, (close..close, b">"), form.source);
    if close < end {
        content(scan, form, inside..close);
    }
    (close < end).then_some(close)
}

/// Names what stands in the brackets beside the address that ends at `close`: a name, or blanks.
fn more_than_an_address(scan: &mut Scan<'_>, form: &Form, start: usize, close: usize) -> bool {
    let inside = start + 1;
    let place = |found: Option<usize>, from: usize| found.map(|at| from + at);
    let last = place(memchr::memrchr(b'>', scan.slice(close..scan.end())), close);
    let Some(last) = last.filter(|_| scan.byte(inside) != Some(b'"')) else { return false };
    let second = place(memchr::memrchr(b'<', scan.slice(inside..last)), inside);
    let is_name = |second: &usize| !scan.slice(inside..*second).contains(&b'>');
    if let Some(second) = second.filter(is_name) {
        let address = [scan.slice(second..closing(scan, second + 1)), b">"].concat();
        let what = "only the address may stand in the brackets, without a name before it";
        scan.mend(inside..second, what, (start..last + 1, &address), form.source);
        return true;
    }
    if scan.byte(close) == Some(b'>') {
        return false;
    }
    let text = scan.slice(inside..last);
    let bare = text.trim_ascii();
    let what = "a blank cannot stand in an address, unless what is before '@' is quoted";
    let blank = close..scan.skip(close, is_blank);
    match bare.iter().any(|byte| is_blank(*byte)) {
        true => scan.fault(blank, what, form.source),
        false => scan.mend(blank, what, (inside..last, bare), form.source),
    }
    true
}

/// Whether nothing that looks like another address follows; names it.
fn one_address(scan: &mut Scan<'_>, form: &Form, from: usize) -> bool {
    let next = scan.skip(from, is_blank);
    if !scan.byte(next).is_some_and(|byte| b",;<".contains(&byte)) {
        return true;
    }
    let what = match form.verb {
        Verb::Mail => "MAIL takes one address".to_owned(),
        _ => format!("{} takes one address; each recipient has a command of its own", form.verb),
    };
    scan.mend(from..scan.end(), what, (from..scan.end(), b""), form.source);
    false
}

/// Names the missing `<`; says where the address ends.
fn without_bracket(scan: &mut Scan<'_>, form: &Form, start: usize) -> usize {
    let rest = scan.slice(start..scan.end());
    if let Some(bracket) = memchr::memchr(b'<', rest) {
        let bracket = start + bracket;
        let what = "only the address may stand here, without a name before it";
        scan.mend(start..bracket, what, (start..bracket, b""), form.source);
        let close = closing(scan, bracket + 1);
        return (close + 1).min(scan.end());
    }
    let close = closing(scan, start);
    let bare = scan.slice(start..close);
    let what =
        format!("'<' expected before the address; RFC 5321 wants {} {}:<address>", form.verb, form.word);
    let mended = [&b"<"[..], bare, b">"].concat();
    let after = if scan.byte(close) == Some(b'>') { close + 1 } else { close };
    scan.mend(start..close, what, (start..after, &mended), form.source);
    content(scan, form, start..close);
    after
}

/// Where the address that begins at `from` ends: at `>`, or else at a blank or the end of the line. Quotes
/// hide both.
fn closing(scan: &Scan<'_>, from: usize) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    let mut at = from;
    while let Some(byte) = scan.byte(at).filter(|_| at < scan.end()) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' | b' ' | b'\t' if !quoted => return at,
            _ => {}
        }
        at += 1;
    }
    // A quote that is never closed hides nothing.
    if quoted { from + scan.slice(from..at).iter().take_while(|b| !b" \t>".contains(b)).count() } else { at }
}

/// Checks what stands in the brackets.
fn content(scan: &mut Scan<'_>, form: &Form, at: Range<usize>) {
    let text = scan.slice(at.clone());
    if text.is_empty() {
        if form.verb == Verb::Rcpt {
            let what = "a recipient needs an address; <> is for MAIL FROM alone";
            scan.fault(at, what, form.source);
        }
        return;
    }
    if form.verb == Verb::Rcpt && text.eq_ignore_ascii_case(b"Postmaster") {
        return;
    }
    if at.len() > 254 {
        let what = format!("a path of {} octets; the limit is 256", at.len() + 2);
        scan.fault(at.clone(), what, "RFC 5321 §4.5.3.1.3");
    }
    let text = scan.slice(at.clone());
    let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"mailto:"));
    if let Some(scheme) = scheme {
        let scheme = at.start..at.start + scheme.len();
        let what = "only the address may stand here, without mailto:";
        scan.mend(scheme.clone(), what, (scheme.clone(), b""), form.source);
        return mailbox::check(scan, scheme.end..at.end);
    }
    let start = mailbox::route(scan, at.clone());
    mailbox::check(scan, start..at.end);
}
