//! Sources whose every line says by its first characters who spoke.

use super::super::ClosedBy;
use super::builder::Builder;

/// `line` without `mark`; a mark may have lost its last blanks to an editor.
pub(super) fn after<'a>(line: &'a [u8], mark: &str) -> Option<&'a [u8]> {
    let mark = mark.as_bytes();
    line.strip_prefix(mark).or_else(|| (line == mark.trim_ascii_end()).then_some(b"".as_slice()))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn swaks(builder: &mut Builder, line: &[u8]) {
    for (mark, tls) in [(" -> ", false), (" ~> ", true)] {
        if let Some(sent) = after(line, mark) {
            return builder.sent(Some(tls), sent);
        }
    }
    for (mark, tls) in [("<-  ", false), ("<** ", false), ("<~  ", true), ("<~* ", true)] {
        if let Some(received) = after(line, mark) {
            // It stands where replies do, but the server said nothing.
            if let Some(seconds) = timeout(received) {
                return builder.timed_out(seconds);
            }
            return builder.received(Some(tls), received);
        }
    }
    if let Some(words) = after(line, "=== ") {
        return swaks_hint(builder, words);
    }
    match after(line, "*** ").or_else(|| after(line, "** ")) {
        Some(words) if words.starts_with(b"Remote host closed") => builder.closed(ClosedBy::Server, line),
        Some(words) => builder.problem(words),
        None => builder.comment(line),
    }
}

/// `Timeout (30 secs) waiting for server response`
fn timeout(words: &[u8]) -> Option<f64> {
    let words = std::str::from_utf8(words).ok()?.trim_end();
    words.strip_prefix("Timeout (")?.strip_suffix(" secs) waiting for server response")?.parse().ok()
}

/// What swaks says of the link, without its mark.
pub(super) fn swaks_hint(builder: &mut Builder, words: &[u8]) {
    let hint = text(words);
    if let Some(peer) = hint.strip_prefix("Trying ").map(|peer| peer.trim_end_matches('.')) {
        builder.trying(peer);
        if let Some((host, port)) = peer.rsplit_once(':') {
            builder.target(host, port);
            builder.half = Some(port.to_owned());
        }
        return;
    }
    if let Some(name) = hint.strip_prefix("Connected to ")
        && let Some(port) = builder.half.take()
    {
        builder.up();
        return builder.target(name.trim_end_matches('.'), &port);
    }
    if let Some(seconds) =
        hint.strip_prefix("response in ").and_then(|rest| rest.strip_suffix('s')?.parse().ok())
    {
        return builder.lapse(seconds);
    }
    if let Some(cipher) = hint.strip_prefix("TLS started with cipher ") {
        let mut parts = cipher.split(':').map(str::to_owned);
        let tls = builder.tls();
        (tls.version, tls.cipher) = (parts.next(), parts.next());
        return;
    }
    if let Some(subject) =
        hint.strip_prefix("TLS peer DN=").or_else(|| hint.strip_prefix("TLS peer subject DN="))
    {
        builder.tls().subject = Some(subject.trim_matches('"').to_owned());
        return;
    }
    if let Some(subject) = hint.strip_prefix("TLS peer[0]   subject=") {
        builder.tls().subject = Some(subject.trim_matches(['[', ']']).to_owned());
        return;
    }
    match words {
        b"Connection closed with remote host." => builder.closed(ClosedBy::Client, words),
        _ => builder.comment(words),
    }
}

pub(super) fn msmtp(builder: &mut Builder, line: &[u8]) {
    if let Some(received) = after(line, "<-- ") {
        return builder.received(None, received);
    }
    if let Some(sent) = after(line, "--> ") {
        return builder.sent(None, sent);
    }
    // `(TLS1.3-X.509)-(ECDHE-X25519)-…`, below "TLS session parameters:".
    let words = text(line.trim_ascii());
    if let Some((name, value)) = words.split_once(" = ") {
        return msmtp_setting(builder, name, value);
    }
    if let Some(cipher) = words.strip_prefix("(TLS") {
        let number: String = cipher.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let tls = builder.tls();
        tls.version = Some(format!("TLSv{number}"));
        tls.cipher = Some(words.clone());
        return;
    }
    match line.strip_prefix(b"msmtp: ") {
        Some(words) => builder.problem(words),
        None => builder.comment(line),
    }
}

/// A line of what msmtp says of its own settings.
fn msmtp_setting(builder: &mut Builder, name: &str, value: &str) {
    match name {
        "host" => builder.half = Some(value.to_owned()),
        "port" => {
            if let Some(host) = builder.half.take() {
                builder.target(&host, value);
            }
        }
        // The command may hold what it prints.
        "passwordeval" if value != "(not set)" => {
            return builder.comment_secret(&format!("{name} = "));
        }
        _ => {}
    }
    builder.comment(format!("{name} = {value}").as_bytes());
}

/// Postfix tells the session as the server saw it: what went out is what the client heard.
pub(super) fn postfix(builder: &mut Builder, line: &[u8]) {
    let words = line.trim_ascii_start();
    if let Some(received) = after(words, "Out: ") {
        return builder.received(None, received);
    }
    if let Some(sent) = after(words, "In:  ").or_else(|| after(words, "In: ")) {
        return builder.sent(None, sent);
    }
    match words.strip_prefix(b"Session aborted, reason: ") {
        Some(reason) => builder.problem(reason),
        None => builder.comment(line),
    }
}
