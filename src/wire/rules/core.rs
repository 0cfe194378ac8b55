//! Characters and small words that the other rules are made of (RFC 5234 appendix B.1, RFC 5321 §4.1.2).

use nom::Parser;
use nom::bytes::complete::{tag, take_while1};
use nom::combinator::{recognize, verify};
use nom::number::complete::u8 as any_byte;

use super::Parsed;

/// One byte for which `class` holds.
pub(crate) fn one<'a>(input: &'a [u8], class: fn(u8) -> bool) -> Parsed<'a> {
    recognize(verify(any_byte, |byte| class(*byte))).parse(input)
}

/// `ALPHA = %x41-5A / %x61-7A`
pub fn alpha(input: &[u8]) -> Parsed<'_> {
    one(input, |b| b.is_ascii_alphabetic())
}

/// `DIGIT = %x30-39`
pub fn digit(input: &[u8]) -> Parsed<'_> {
    one(input, |b| b.is_ascii_digit())
}

/// `HEXDIG = DIGIT / "A" / "B" / "C" / "D" / "E" / "F"`
pub fn hexdig(input: &[u8]) -> Parsed<'_> {
    one(input, |b| b.is_ascii_hexdigit())
}

/// `SP = %x20`
pub fn sp(input: &[u8]) -> Parsed<'_> {
    tag(&b" "[..])(input)
}

/// `DQUOTE = %x22`
pub fn dquote(input: &[u8]) -> Parsed<'_> {
    tag(&b"\""[..])(input)
}

/// `CRLF = %x0D.0A`
pub fn crlf(input: &[u8]) -> Parsed<'_> {
    tag(&b"\r\n"[..])(input)
}

/// `Let-dig = ALPHA / DIGIT`
pub fn let_dig(input: &[u8]) -> Parsed<'_> {
    one(input, |b| b.is_ascii_alphanumeric())
}

/// `Ldh-str = *( ALPHA / DIGIT / "-" ) Let-dig`
pub fn ldh_str(input: &[u8]) -> Parsed<'_> {
    let (_, run) = take_while1(|b: u8| b.is_ascii_alphanumeric() || b == b'-').parse(input)?;
    let hyphens = run.iter().rev().take_while(|b| **b == b'-').count();
    let length = run.len() - hyphens;
    verify(nom::bytes::complete::take(length), |taken: &[u8]| !taken.is_empty()).parse(input)
}

/// `textstring = 1*( %x09 / %x20-7E )`
pub fn textstring(input: &[u8]) -> Parsed<'_> {
    take_while1(is_text).parse(input)
}

/// Whether a byte may stand in the text of a reply.
pub fn is_text(byte: u8) -> bool {
    byte == b'\t' || (b' '..=b'~').contains(&byte)
}

/// Whether all bytes may stand in the text of a reply.
pub fn is_all_text(bytes: &[u8]) -> bool {
    // Folds without an early exit over pieces of one size become vector instructions. The last piece
    // overlaps the one before it, so that no byte is looked at alone.
    let clean = |piece: &[u8; 16]| piece.iter().fold(true, |clean, b| clean & is_text(*b));
    let (pieces, rest) = bytes.as_chunks::<16>();
    match bytes.last_chunk::<16>() {
        Some(last) => pieces.iter().fold(true, |all, piece| all & clean(piece)) & clean(last),
        None => rest.iter().all(|b| is_text(*b)),
    }
}
