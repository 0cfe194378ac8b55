//! Authentication (RFC 4954 §4 and §8, RFC 4422 §3.1).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while_m_n};
use nom::combinator::{opt, recognize};
use nom::multi::{many0, many1_count};
use nom::sequence::{pair, preceded};

use super::Parsed;
use super::core::{one, sp};

/// `auth-command = "AUTH" SP sasl-mech [ SP initial-response ]`
///
/// Returns the mechanism and the initial response.
pub fn auth_command(input: &[u8]) -> Parsed<'_, (&[u8], Option<&[u8]>)> {
    let verb = pair(tag_no_case(&b"AUTH"[..]), sp);
    preceded(verb, pair(sasl_mech, opt(preceded(sp, initial_response)))).parse(input)
}

/// `auth-keyword = "AUTH" *( SP sasl-mech )`: the capability
pub fn auth_keyword(input: &[u8]) -> Parsed<'_, Vec<&[u8]>> {
    preceded(tag_no_case(&b"AUTH"[..]), many0(preceded(sp, sasl_mech))).parse(input)
}

/// `sasl-mech = 1*20( ALPHA / DIGIT / "-" / "_" )`: names are in upper case by RFC 4422, but every server
/// takes them in either
pub fn sasl_mech(input: &[u8]) -> Parsed<'_> {
    take_while_m_n(1, 20, |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_').parse(input)
}

/// `initial-response = base64 / "="`
pub fn initial_response(input: &[u8]) -> Parsed<'_> {
    alt((base64, tag(&b"="[..]))).parse(input)
}

/// `response = cancel-response / [ base64 ]`: the client's line in the exchange
pub fn response(input: &[u8]) -> Parsed<'_> {
    alt((cancel_response, recognize(opt(base64)))).parse(input)
}

/// `cancel-response = "*"`
pub fn cancel_response(input: &[u8]) -> Parsed<'_> {
    tag(&b"*"[..])(input)
}

/// `continue-req = "334" SP [ base64 ]`: the server's line in the exchange
pub fn continue_req(input: &[u8]) -> Parsed<'_> {
    preceded(pair(tag(&b"334"[..]), sp), recognize(opt(base64))).parse(input)
}

/// `base64 = base64-terminal / ( 1*( 4base64-char ) [ base64-terminal ] )`
pub fn base64(input: &[u8]) -> Parsed<'_> {
    let groups = many1_count(take_while_m_n(4, 4, is_base64_char));
    alt((recognize(pair(groups, opt(base64_terminal))), base64_terminal)).parse(input)
}

/// `base64-terminal = ( 2base64-char "==" ) / ( 3base64-char "=" )`
pub fn base64_terminal(input: &[u8]) -> Parsed<'_> {
    let chars = |n| take_while_m_n(n, n, is_base64_char);
    alt((recognize(pair(chars(2), tag(&b"=="[..]))), recognize(pair(chars(3), tag(&b"="[..]))))).parse(input)
}

/// `base64-char = ALPHA / DIGIT / "+" / "/"`
pub fn base64_char(input: &[u8]) -> Parsed<'_> {
    one(input, is_base64_char)
}

fn is_base64_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}
