//! The reply to EHLO (RFC 5321 §4.1.1.1).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while, take_while_m_n, take_while1};
use nom::combinator::{opt, recognize};
use nom::multi::{many0, many0_count};
use nom::sequence::{pair, preceded};

use super::Parsed;
use super::core::{crlf, let_dig, sp};
use super::paths::domain;

/// `ehlo-ok-rsp = ( "250" SP ehlo-first CRLF ) / ( "250-" ehlo-first CRLF *( "250-" ehlo-line CRLF ) "250" SP
/// ehlo-line CRLF )`
pub fn ehlo_ok_rsp(input: &[u8]) -> Parsed<'_> {
    let single = (tag(&b"250 "[..]), ehlo_first, crlf);
    let middle = many0_count((tag(&b"250-"[..]), ehlo_line, crlf));
    let several = ((tag(&b"250-"[..]), ehlo_first, crlf), middle, (tag(&b"250 "[..]), ehlo_line, crlf));
    alt((recognize(single), recognize(several))).parse(input)
}

/// `ehlo-first = Domain [ SP ehlo-greet ]`
pub fn ehlo_first(input: &[u8]) -> Parsed<'_> {
    recognize(pair(domain, opt(preceded(sp, ehlo_greet)))).parse(input)
}

/// `ehlo-line = ehlo-keyword *( SP ehlo-param )`
pub fn ehlo_line(input: &[u8]) -> Parsed<'_, (&[u8], Vec<&[u8]>)> {
    pair(ehlo_keyword, many0(preceded(sp, ehlo_param))).parse(input)
}

/// `ehlo-keyword = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )`
pub fn ehlo_keyword(input: &[u8]) -> Parsed<'_> {
    recognize(pair(let_dig, take_while(|b: u8| b.is_ascii_alphanumeric() || b == b'-'))).parse(input)
}

/// `ehlo-param = 1*( %x21-7E )`
pub fn ehlo_param(input: &[u8]) -> Parsed<'_> {
    take_while1(|b: u8| b.is_ascii_graphic()).parse(input)
}

/// `ehlo-greet = 1*( %x00-09 / %x0B-0C / %x0E-7F )`
pub fn ehlo_greet(input: &[u8]) -> Parsed<'_> {
    take_while1(|b: u8| b.is_ascii() && b != b'\r' && b != b'\n').parse(input)
}

/// `size-param = [ 1*20DIGIT ]`, the parameter of `SIZE` (RFC 1870 §4)
pub fn size_param(input: &[u8]) -> Parsed<'_> {
    recognize(opt(take_while_m_n(1, 20, |b: u8| b.is_ascii_digit()))).parse(input)
}

/// `obsolete-auth = "AUTH=" ehlo-param *( SP ehlo-param )`: the form of before RFC 2554, which some servers
/// still add for old clients
pub fn obsolete_auth(input: &[u8]) -> Parsed<'_> {
    recognize((tag_no_case(&b"AUTH="[..]), ehlo_param, many0(preceded(sp, ehlo_param)))).parse(input)
}
