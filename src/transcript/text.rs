//! The spelling of bytes and text in a transcript: what is printable stands for itself, the rest is escaped.

use std::time::Duration;

use crate::wire::escape::is_harmless;

use super::info::Attributes;
use super::{Payload, Piece, SecretMark, grammar};

/// Whether a character may stand for itself: one that shows, and no blank other than the space, so that
/// what is seen is what was sent.
pub fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') || !c.is_ascii() && is_harmless(c) && !c.is_whitespace()
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn push_hex(out: &mut Vec<u8>, byte: u8) {
    let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
    out.extend_from_slice(&[b'\\', b'x', digit(byte >> 4), digit(byte & 15)]);
}

fn push_hex_all(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        push_hex(out, *byte);
    }
}

/// Bytes that never need a second look.
fn is_simple(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'\\' | b'{' | b'"')
}

/// A payload of which every byte stands for itself, as most do.
pub(super) fn as_it_stands(bytes: &[u8]) -> Option<&str> {
    let simple = bytes.iter().fold(true, |simple, byte| simple & is_simple(*byte)) && !bytes.ends_with(b" ");
    std::str::from_utf8(bytes).ok().filter(|_| simple)
}

/// Appends `bytes`, escaped. `special` decides about the ASCII characters that mean something here.
fn write_escaped(out: &mut Vec<u8>, bytes: &[u8], special: impl Fn(u8, Option<u8>) -> bool) {
    if bytes.iter().fold(true, |simple, byte| simple & is_simple(*byte)) {
        out.extend_from_slice(bytes);
        return;
    }
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        let mut ahead = valid.bytes();
        let mut buffer = [0; 4];
        for c in valid.chars() {
            ahead.nth(c.len_utf8() - 1);
            let encoded = c.encode_utf8(&mut buffer).as_bytes();
            match encoded {
                [byte] if special(*byte, ahead.clone().next()) => out.extend_from_slice(&[b'\\', *byte]),
                encoded if is_plain(c) => out.extend_from_slice(encoded),
                encoded => push_hex_all(out, encoded),
            }
        }
        push_hex_all(out, chunk.invalid());
    }
}

/// A blank at the end of a line would be lost in many a mail or editor, so it is escaped.
fn protect_last_space(out: &mut Vec<u8>, from: usize) {
    if out.len() > from && out.last() == Some(&b' ') {
        out.pop();
        push_hex(out, b' ');
    }
}

/// Appends a payload with its marks and its line end.
pub(super) fn write_payload(out: &mut Vec<u8>, payload: &Payload) {
    let from = out.len();
    for piece in &payload.pieces {
        write_piece(out, piece);
    }
    out.extend_from_slice(payload.ending.mark().as_bytes());
    protect_last_space(out, from);
}

fn write_piece(out: &mut Vec<u8>, piece: &Piece) {
    match piece {
        Piece::Bytes(bytes) => write_bytes(out, bytes),
        Piece::Secret(mark) => {
            out.extend_from_slice(b"{secret");
            write_attributes(out, &secret_attributes(mark));
            out.push(b'}');
        }
        Piece::Data { bytes, sha256 } => {
            let digest = sha256.as_ref().map(|sha256| format!(" sha256={}", hex(sha256))).unwrap_or_default();
            out.extend_from_slice(format!("{{data {bytes}{digest}}}").as_bytes());
        }
        // Only what would be read back as a placeholder may be written as one.
        Piece::Other(inner) if grammar::is_placeholder(inner) => {
            out.push(b'{');
            out.extend_from_slice(inner.as_bytes());
            out.push(b'}');
        }
        Piece::Other(inner) => write_bytes(out, format!("{{{inner}}}").as_bytes()),
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_escaped(out, bytes, |byte, next| match byte {
        b'\\' => true,
        b'{' => next.is_none_or(|b| b.is_ascii_lowercase()),
        _ => false,
    });
}

/// Appends seconds with six decimals.
pub(super) fn write_seconds(out: &mut Vec<u8>, time: Duration) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(time.as_secs()).as_bytes());
    out.push(b'.');
    // One in front keeps the zeros.
    let micros = digits.format(1_000_000 + time.subsec_micros());
    out.extend_from_slice(micros.as_bytes().get(1..).unwrap_or_default());
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn secret_attributes(mark: &SecretMark) -> Attributes {
    let value = |key: &str, value: &Option<String>| value.clone().map(|v| (key.to_owned(), Some(v)));
    let known = [value("sasl", &mark.sasl), value("what", &mark.what), value("user", &mark.user)];
    let echo = mark.echo.then(|| ("echo".to_owned(), None));
    let no_base64 = mark.no_base64.then(|| ("no-base64".to_owned(), None));
    let known = echo.into_iter().chain(known.into_iter().flatten()).chain(no_base64);
    known.chain(mark.other.iter().cloned()).collect()
}

/// Appends ` key=value` and ` word` for each; values that are not plain tokens are quoted.
pub(super) fn write_attributes(out: &mut Vec<u8>, attributes: &[(String, Option<String>)]) {
    for (key, value) in attributes {
        out.push(b' ');
        match value {
            None => write_word(out, key),
            Some(value) => {
                out.extend(key.bytes().filter(|b| grammar::is_key_byte(*b)));
                out.push(b'=');
                // Names and free words are quoted always, so that they look the same in every file.
                let free = matches!(key.as_str(), "user" | "subject" | "issuer" | "why");
                match !free && !value.is_empty() && value.bytes().all(grammar::is_token_byte) {
                    true => out.extend_from_slice(value.as_bytes()),
                    false => write_quoted(out, value),
                }
            }
        }
    }
}

/// Text from outside in quotes, with escapes, as a value stands in a transcript; safe to show.
pub fn quoted(value: &str) -> String {
    let mut out = Vec::new();
    write_quoted(&mut out, value);
    String::from_utf8(out).unwrap_or_default()
}

fn write_quoted(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    write_escaped(out, value.as_bytes(), |byte, _| matches!(byte, b'\\' | b'"'));
    out.push(b'"');
}

fn write_word(out: &mut Vec<u8>, word: &str) {
    match !word.is_empty() && word.bytes().all(|b| grammar::is_token_byte(b) && b != b'=') {
        true => out.extend_from_slice(word.as_bytes()),
        false => write_quoted(out, word),
    }
}

/// Appends words with a space between them.
pub(super) fn write_words(out: &mut Vec<u8>, words: &[&str]) {
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        write_word(out, word);
    }
}

/// Appends free text to the end of the line.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    let from = out.len();
    write_escaped(out, text.as_bytes(), |byte, _| byte == b'\\');
    protect_last_space(out, from);
}

/// Appends text that is escaped already; what could harm a terminal is escaped none the less.
pub(super) fn write_raw(out: &mut Vec<u8>, raw: &str) {
    write_escaped(out, raw.as_bytes(), |_, _| false);
}

/// Text from outside, made safe to show: escapes as in a transcript.
pub fn visible(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    write_escaped(&mut out, bytes, |byte, _| byte == b'\\');
    String::from_utf8(out).unwrap_or_default()
}
