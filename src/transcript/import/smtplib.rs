//! Python's smtplib with `set_debuglevel(1)`, or 2, which adds the time of day.

use std::time::Duration;

use super::super::LineEnd;
use super::builder::Builder;

/// Splits `12:34:56.789012 ` off the start of a line.
pub(super) fn untimed(line: &[u8]) -> (Option<Duration>, &[u8]) {
    let Some((stamp, rest)) = line.iter().position(|b| *b == b' ').and_then(|at| line.split_at_checked(at))
    else {
        return (None, line);
    };
    let parts: Option<Vec<f64>> =
        std::str::from_utf8(stamp).ok().and_then(|s| s.split(':').map(|part| part.parse().ok()).collect());
    match parts.as_deref() {
        Some([h, m, s]) if *h >= 0.0 && *h < 24.0 && *m < 60.0 && *s < 61.0 && *m >= 0.0 && *s >= 0.0 => {
            let micros = ((h * 3600.0 + m * 60.0 + s) * 1e6).round();
            (Some(Duration::from_micros(micros as u64)), rest.strip_prefix(b" ").unwrap_or(rest))
        }
        _ => (None, line),
    }
}

pub(super) fn line(builder: &mut Builder, line: &[u8]) {
    let (time, words) = untimed(line);
    if let Some(time) = time {
        builder.clock(time);
    }
    let said = |mark: &str| words.strip_prefix(mark.as_bytes()).and_then(unquote);
    if let Some(bytes) = said("send: ") {
        for one in bytes.split_inclusive(|b| *b == b'\n') {
            let (words, ending) = LineEnd::split(one);
            builder.sent_line(None, words, ending);
        }
        return;
    }
    if let Some(bytes) = said("reply: ") {
        for one in bytes.split_inclusive(|b| *b == b'\n') {
            let (words, ending) = LineEnd::split(one);
            builder.received_line(None, words, ending);
        }
        return;
    }
    let text = String::from_utf8_lossy(words).into_owned();
    // `connect: ('localhost', 8025)`, or with `to`; it is printed twice.
    if let Some((host, port)) = text.strip_prefix("connect: to ('").and_then(|rest| rest.split_once("', ")) {
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        builder.trying(&format!("{host}:{port}"));
        builder.target(host, &port);
        return;
    }
    builder.comment(line);
}

/// The bytes of a Python literal, `'…'` or `b"…"`.
fn unquote(literal: &[u8]) -> Option<Vec<u8>> {
    let body = literal.strip_prefix(b"b").unwrap_or(literal).trim_ascii_end();
    let (quote, body) = body.split_first()?;
    let body = body.strip_suffix(&[*quote]).filter(|_| matches!(quote, b'\'' | b'"'))?;
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let Some((kind, after)) = rest.split_first() else { break };
        rest = after;
        match kind {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'x' => {
                let hex = rest.get(..2).and_then(|h| std::str::from_utf8(h).ok());
                out.push(hex.and_then(|h| u8::from_str_radix(h, 16).ok())?);
                rest = rest.get(2..).unwrap_or_default();
            }
            other => out.push(*other),
        }
    }
    Some(out)
}
