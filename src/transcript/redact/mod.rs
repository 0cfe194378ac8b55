//! Redaction: what is taken out of a session before it is stored or shown.
//!
//! [`sent`] knows where secrets belong, in AUTH commands and the answers to their challenges. [`Known`] finds
//! the secrets of this session wherever else they turn up.

mod decode;
mod known;
mod learn;
mod runs;
mod spelled;

pub use decode::{Clue, base64_loose, clue};
pub use known::{Known, LONGEST};

use super::{Payload, Piece, SecretMark};
use crate::sasl;
use crate::wire::command::is_mechanism_name;
use crate::wire::{CommandLine, Verb};

/// What the client sends, as the session sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentKind<'a> {
    /// A command line.
    Command,
    /// The answer to a 334 challenge.
    AuthResponse {
        /// The mechanism of the AUTH command, where known.
        mechanism: Option<&'a str>,
        /// Which answer this is, from 0. An initial response counts as one.
        step: u32,
        /// The text after `334 `, still in base64.
        challenge: Option<&'a [u8]>,
    },
    /// A line of message content.
    Content,
    /// The lone dot after it.
    EndOfContent,
}

/// What may be stored of a line that the client sends, without its line end.
pub fn sent(line: &[u8], kind: SentKind<'_>) -> Payload {
    match kind {
        SentKind::Command => command(line),
        SentKind::AuthResponse { mechanism, step, challenge } => response(line, mechanism, step, challenge),
        SentKind::Content | SentKind::EndOfContent => Payload::from_bytes(line),
    }
}

/// What may be stored of a line from the server while an exchange with this mechanism goes on.
///
/// Challenges are no secrets, with one exception: the verifier of SCRAM (RFC 5802 §3), which together with
/// the other messages lets a password be guessed without the server.
pub fn received(line: &[u8], mechanism: Option<&str>) -> Payload {
    let head = line.len().min(4);
    let (code, text) = line.split_at(head);
    let scram = mechanism.is_some_and(|m| m.to_ascii_uppercase().starts_with("SCRAM-"));
    let verifier = |word: &[u8]| base64_loose(word).is_some_and(|plain| plain.starts_with(b"v="));
    let shown = |(at, end): &(usize, usize)| text.get(*at..*end).is_some_and(verifier);
    let Some((at, end)) = words(text).find(shown).filter(|_| scram) else {
        return Payload::from_bytes(line);
    };
    let mut payload = Payload::from_bytes(code);
    payload.push_bytes(text.get(..at).unwrap_or_default());
    let what = Some("verifier".to_owned());
    payload.push(Piece::Secret(SecretMark {
        sasl: mechanism.map(str::to_owned),
        what,
        ..Default::default()
    }));
    payload.push_bytes(text.get(end..).unwrap_or_default());
    payload
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Splits after the blanks at the start, then after the word and the blanks behind it.
fn word(input: &[u8]) -> (&[u8], &[u8]) {
    let begin = input.iter().position(|b| !is_blank(*b)).unwrap_or(input.len());
    let after = input.get(begin..).unwrap_or_default();
    let end = begin + after.iter().position(|b| is_blank(*b)).unwrap_or(after.len());
    (input.get(begin..end).unwrap_or_default(), input.get(end..).unwrap_or_default())
}

/// The mechanism of an AUTH command, and what stands behind that. AUTH may be misspelt, the blank before or behind the mechanism
/// forgotten, and the mechanism itself: then it is empty.
fn auth(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (verb, after_verb) = word(line);
    let (name, after) = word(after_verb);
    let spelt = verb.eq_ignore_ascii_case(b"AUTH");
    let unknown = || matches!(CommandLine::parse(line.trim_ascii_start()).verb, Verb::Other(_));
    if !(spelt || sasl::is_known(name) && unknown()) {
        let glued =
            verb.get(4..).filter(|_| verb.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH")))?;
        return sasl::is_known(glued).then_some((glued, behind_blanks(after_verb)));
    }
    if is_mechanism_name(name) || sasl::is_known(name) {
        return Some((name, behind_blanks(after)));
    }
    let whole = behind_blanks(after_verb);
    let glued = (1..name.len()).rev().find(|at| name.get(..*at).is_some_and(sasl::is_known)).unwrap_or(0);
    let (name, initial) = whole.split_at_checked(glued)?;
    Some((name, initial.strip_prefix(b"=").or_else(|| initial.strip_prefix(b":")).unwrap_or(initial)))
}

fn behind_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| is_blank(**b)).count();
    text.get(blanks..).unwrap_or_default()
}

/// Verbs by which other protocols log in, typed out of habit: all behind them is secret.
const LOG_IN: [&[u8]; 4] = [b"PASS", b"LOGIN", b"XLOGIN", b"AUTHINFO"];

/// What stands behind such a verb.
fn log_in(line: &[u8]) -> Option<&[u8]> {
    let (verb, after) = word(line);
    let secret = behind_blanks(after);
    let is = LOG_IN.iter().any(|known| verb.eq_ignore_ascii_case(known));
    (is && !secret.is_empty()).then_some(secret)
}

/// The mechanism and the initial response of an AUTH command that has one.
fn initial_response(line: &[u8]) -> Option<(&[u8], &[u8])> {
    auth(line).filter(|(_, initial)| !matches!(*initial, b"" | b"=" | b"*"))
}

fn command(line: &[u8]) -> Payload {
    let Some((mechanism, initial)) = initial_response(line) else {
        return match (auth(line), log_in(line)) {
            (Some(_), _) => Payload::from_bytes(line),
            (None, Some(secret)) => behind(line, secret, SecretMark::default()),
            (None, None) => guess(line),
        };
    };
    let name = String::from_utf8_lossy(mechanism).into_owned();
    behind(line, initial, decode::mark(initial, Some(&*name).filter(|name| !name.is_empty()), 0, None))
}

/// The line with a mark in the place of the secret at its end.
fn behind(line: &[u8], secret: &[u8], mark: SecretMark) -> Payload {
    let mut payload = Payload::from_bytes(line.get(..line.len() - secret.len()).unwrap_or_default());
    payload.push(Piece::Secret(mark));
    payload
}

fn response(line: &[u8], mechanism: Option<&str>, step: u32, challenge: Option<&[u8]>) -> Payload {
    match line.trim_ascii() {
        b"" | b"=" | b"*" => Payload::from_bytes(line),
        answer => Payload::from_piece(Piece::Secret(decode::mark(answer, mechanism, step, challenge))),
    }
}

/// A line that is no AUTH command, but may hold what belongs into one, say after a slip of the finger.
pub(super) fn guess(line: &[u8]) -> Payload {
    let mut payload = Payload::default();
    let mut plain_from = 0;
    for (begin, end) in words(line) {
        let word = line.get(begin..end).unwrap_or_default();
        if let Some(found) = clue(word) {
            payload.push_bytes(line.get(plain_from..begin).unwrap_or_default());
            payload.push(Piece::Secret(found.mark()));
            plain_from = end;
        }
    }
    payload.push_bytes(line.get(plain_from..).unwrap_or_default());
    payload
}

/// Whether a line that is no known command can be the answer to a challenge by its form alone: one word of base64, and whole.
/// Where AUTH was just refused, more is suspected than this.
pub fn is_whole_base64(line: &[u8]) -> bool {
    let word = line.trim_ascii();
    let digit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    word.len() >= LEAST && word.len().is_multiple_of(4) && word.iter().all(digit)
}

/// The shortest word of base64 that is worth a look: of user, password and the NULs around them.
const LEAST: usize = 8;

/// Where words of base64 stand that are long enough to look at.
///
/// A word of eight has a letter at every eighth place, so that only those need be looked at to find one.
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_');
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let next = line.get(at..)?;
            let (before, after) = next.split_at_checked(LEAST)?;
            let begin = LEAST - before.iter().rev().take_while(|b| inside(b)).count();
            let end = LEAST + after.iter().take_while(|b| inside(b)).count();
            let found = (at + begin, at + end);
            at += if begin == LEAST { LEAST } else { end };
            if begin < LEAST && end - begin >= LEAST {
                return Some(found);
            }
        }
    })
}

/// The lines of bytes that are sent in one go, each with its line end behind it, and what they are to the session.
///
/// What follows an AUTH answers its challenges, unless it is a command.
pub fn raw_lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8], SentKind<'_>)> {
    let mut exchange: Option<(&str, u32)> = None;
    bytes.split_inclusive(|b| *b == b'\n').map(move |whole| {
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let end = whole.get(line.len()..).unwrap_or_default();
        if let Some((mechanism, initial)) = auth(line) {
            exchange = std::str::from_utf8(mechanism).ok().map(|name| (name, u32::from(!initial.is_empty())));
        } else if !matches!(CommandLine::parse(line).verb, Verb::Other(_)) {
            exchange = None;
        } else if let Some((mechanism, step)) = &mut exchange {
            let kind = SentKind::AuthResponse { mechanism: Some(mechanism), step: *step, challenge: None };
            *step += 1;
            return (line, end, kind);
        }
        (line, end, SentKind::Command)
    })
}

#[cfg(test)]
mod tests;
