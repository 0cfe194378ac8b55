//! Enhanced status codes (RFC 3463 §2, RFC 2034 §4).

use nom::Parser;
use nom::bytes::complete::{tag, take_while_m_n};
use nom::combinator::{map, opt, verify};
use nom::multi::many1_count;
use nom::sequence::terminated;

use crate::wire::EnhancedCode;

use super::Parsed;
use super::core::{sp, textstring};

/// `status-code = class "." subject "." detail`
pub fn status_code(input: &[u8]) -> Parsed<'_, EnhancedCode> {
    let dot = || tag(&b"."[..]);
    map((class, dot(), subject, dot(), detail), |(class, _, subject, _, detail)| EnhancedCode {
        class,
        subject,
        detail,
    })
    .parse(input)
}

/// `class = "2" / "4" / "5"`
pub fn class(input: &[u8]) -> Parsed<'_, u8> {
    let digit = verify(nom::number::complete::u8, |b| matches!(b, b'2' | b'4' | b'5'));
    map(digit, |b| b - b'0').parse(input)
}

/// `subject = code-number`
pub fn subject(input: &[u8]) -> Parsed<'_, u16> {
    code_number(input)
}

/// `detail = code-number`
pub fn detail(input: &[u8]) -> Parsed<'_, u16> {
    code_number(input)
}

/// `code-number = "0" / %x31-39 *2DIGIT`: up to three digits, without leading zeros (RFC 3463 §2)
pub fn code_number(input: &[u8]) -> Parsed<'_, u16> {
    let digits = take_while_m_n(1, 3, |b: u8| b.is_ascii_digit());
    let plain = verify(digits, |d: &[u8]| d.len() == 1 || d.first() != Some(&b'0'));
    map(plain, |d: &[u8]| d.iter().fold(0, |sum, b| sum * 10 + u16::from(b - b'0'))).parse(input)
}

/// `enhanced-text = status-code [ 1*SP [ textstring ] ]`: the text of a reply line under
/// ENHANCEDSTATUSCODES
pub fn enhanced_text(input: &[u8]) -> Parsed<'_, EnhancedCode> {
    terminated(status_code, opt((many1_count(sp), opt(textstring)))).parse(input)
}

/// The enhanced code that `text` begins with, and the length of it with the blanks behind it.
///
/// A code counts only where a blank or the end of the text follows, so that `5.7.1.2` is none.
pub fn leading_code(text: &[u8]) -> Option<(EnhancedCode, usize)> {
    // Most lines have none; their second byte says so at once.
    if text.get(1) != Some(&b'.') {
        return None;
    }
    let (rest, code) = status_code(text).ok()?;
    let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    (blanks > 0 || rest.is_empty()).then_some((code, text.len() - rest.len() + blanks))
}
