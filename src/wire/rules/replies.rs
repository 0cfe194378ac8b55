//! Replies (RFC 5321 §4.2).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{fail, opt, recognize, verify};
use nom::multi::many0_count;
use nom::sequence::{pair, preceded, terminated};

use crate::wire::ReplyCode;

use super::Parsed;
use super::core::{crlf, sp, textstring};
use super::paths::host;

/// `Reply-code = %x32-35 %x30-35 DIGIT`
pub fn reply_code(input: &[u8]) -> Parsed<'_, ReplyCode> {
    verify(any_code, |code| is_reply_code(*code)).parse(input)
}

/// Whether a code is one that `Reply-code` takes.
#[inline]
pub fn is_reply_code(code: ReplyCode) -> bool {
    (200..600).contains(&code.0) && code.0 / 10 % 10 <= 5
}

/// `any-code = 3DIGIT`: what Heloise takes for a code, also where the standard knows no such code.
///
/// This and the rules of enhanced codes are written out rather than combined, as they meet every line.
#[inline]
pub fn any_code(input: &[u8]) -> Parsed<'_, ReplyCode> {
    match input {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', rest @ ..] => {
            let value = |digit: u8| u16::from(digit - b'0');
            Ok((rest, ReplyCode(value(*a) * 100 + value(*b) * 10 + value(*c))))
        }
        _ => fail().parse(input),
    }
}

/// `continued-line = Reply-code "-" [ textstring ]`
pub fn continued_line(input: &[u8]) -> Parsed<'_> {
    recognize((reply_code, tag(&b"-"[..]), opt(textstring))).parse(input)
}

/// `final-line = ( Reply-code [ SP textstring ] ) / "334 "`: an empty challenge is lawful (RFC 4954 §8)
pub fn final_line(input: &[u8]) -> Parsed<'_> {
    let text = recognize((reply_code, sp, textstring));
    alt((text, tag(&b"334 "[..]), recognize(reply_code))).parse(input)
}

/// `line = continued-line / final-line`
pub fn line(input: &[u8]) -> Parsed<'_> {
    alt((continued_line, final_line)).parse(input)
}

/// `Reply-line = *( continued-line CRLF ) final-line CRLF`
pub fn reply_line(input: &[u8]) -> Parsed<'_> {
    let lines = many0_count(terminated(continued_line, crlf));
    recognize(pair(lines, terminated(final_line, crlf))).parse(input)
}

/// `Greeting = ( "220 " greeting-text CRLF ) / ( "220-" greeting-text CRLF *( "220-" [ textstring ] CRLF )
/// "220" [ SP textstring ] CRLF )`
pub fn greeting(input: &[u8]) -> Parsed<'_> {
    let first = |mark: &'static [u8]| (tag(mark), greeting_text, crlf);
    let middle = many0_count((tag(&b"220-"[..]), opt(textstring), crlf));
    let last = (tag(&b"220"[..]), opt(preceded(sp, textstring)), crlf);
    alt((recognize(first(b"220 ")), recognize((first(b"220-"), middle, last)))).parse(input)
}

/// `greeting-text = ( Domain / address-literal ) [ SP textstring ]`
pub fn greeting_text(input: &[u8]) -> Parsed<'_> {
    recognize(pair(host, opt(preceded(sp, textstring)))).parse(input)
}
