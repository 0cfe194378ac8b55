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
#[inline]
pub fn is_text(byte: u8) -> bool {
    byte == b'\t' || (b' '..=b'~').contains(&byte)
}

/// Whether all bytes may stand in the text of a reply.
#[inline]
pub fn is_all_text(bytes: &[u8]) -> bool {
    is_printable(bytes) || bytes.iter().all(|b| is_text(*b))
}

/// Whether all bytes are from space to tilde, as in nearly every line. Looks at eight at a time; the last eight overlap
/// those before, so that no byte is looked at alone. A line of fewer than eight is not looked at.
#[inline]
fn is_printable(bytes: &[u8]) -> bool {
    /// The highest bit of a byte is set if it is below space, above tilde, or next to one that is.
    fn odd(eight: [u8; 8]) -> u64 {
        let (number, each) = (u64::from_ne_bytes(eight), u64::from_ne_bytes([1; 8]));
        number | number.wrapping_sub(each * u64::from(b' ')) | number.wrapping_add(each)
    }
    let Some(last) = bytes.last_chunk() else { return false };
    let seen = bytes.as_chunks().0.iter().fold(odd(*last), |seen, eight| seen | odd(*eight));
    seen & u64::from_ne_bytes([0x80; 8]) == 0
}
