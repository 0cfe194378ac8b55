//! Enhanced status codes (RFC 3463 §2, RFC 2034 §4).

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::{fail, opt};
use nom::multi::many1_count;
use nom::sequence::{preceded, terminated};

use crate::wire::EnhancedCode;

use super::Parsed;
use super::core::{sp, textstring};

/// `status-code = class "." subject "." detail`
#[inline]
pub fn status_code(input: &[u8]) -> Parsed<'_, EnhancedCode> {
    let (rest, class) = class(input)?;
    let (rest, subject) = preceded(dot, subject).parse(rest)?;
    let (rest, detail) = preceded(dot, detail).parse(rest)?;
    Ok((rest, EnhancedCode { class, subject, detail }))
}

#[inline]
fn dot(input: &[u8]) -> Parsed<'_> {
    tag(&b"."[..])(input)
}

/// `class = "2" / "4" / "5"`
#[inline]
pub fn class(input: &[u8]) -> Parsed<'_, u8> {
    match input {
        [digit @ (b'2' | b'4' | b'5'), rest @ ..] => Ok((rest, digit - b'0')),
        _ => fail().parse(input),
    }
}

/// `subject = code-number`
#[inline]
pub fn subject(input: &[u8]) -> Parsed<'_, u16> {
    code_number(input)
}

/// `detail = code-number`
#[inline]
pub fn detail(input: &[u8]) -> Parsed<'_, u16> {
    code_number(input)
}

/// `code-number = "0" / %x31-39 *2DIGIT`: up to three digits, without leading zeros (RFC 3463 §2)
#[inline]
pub fn code_number(input: &[u8]) -> Parsed<'_, u16> {
    let value = |digit: u8| u16::from(digit - b'0');
    match input {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            Ok((rest, value(*a) * 100 + value(*b) * 10 + value(*c)))
        }
        [a @ b'1'..=b'9', b @ b'0'..=b'9', rest @ ..] => Ok((rest, value(*a) * 10 + value(*b))),
        [a @ b'0'..=b'9', rest @ ..] => Ok((rest, value(*a))),
        _ => fail().parse(input),
    }
}

/// `enhanced-text = status-code [ 1*SP [ textstring ] ]`: the text of a reply line under
/// ENHANCEDSTATUSCODES
pub fn enhanced_text(input: &[u8]) -> Parsed<'_, EnhancedCode> {
    terminated(status_code, opt((many1_count(sp), opt(textstring)))).parse(input)
}

/// The enhanced code that `text` begins with, and the length of it with the blanks behind it.
///
/// A code counts only where a blank or the end of the text follows, so that `5.7.1.2` is none.
#[inline]
pub fn leading_code(text: &[u8]) -> Option<(EnhancedCode, usize)> {
    // Most lines have none; their second byte says so at once.
    if text.get(1) != Some(&b'.') {
        return None;
    }
    let (rest, code) = status_code(text).ok()?;
    let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    (blanks > 0 || rest.is_empty()).then_some((code, text.len() - rest.len() + blanks))
}
