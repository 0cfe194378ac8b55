//! Values of the parameters that extensions add to MAIL and RCPT.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while_m_n};
use nom::combinator::{fail, opt, recognize};
use nom::multi::{many0_count, many1_count, separated_list1};
use nom::sequence::{pair, preceded};

use super::Parsed;
use super::core::one;
use super::paths::{atom, utf8_non_ascii};

/// One of these words, in whatever case.
fn word<'a>(input: &'a [u8], words: &[&str]) -> Parsed<'a> {
    let mut tries = words.iter().map(|word| -> Parsed<'a> { tag_no_case(word.as_bytes()).parse(input) });
    tries.find(Result::is_ok).unwrap_or_else(|| fail().parse(input))
}

fn digits<'a>(input: &'a [u8], least: usize, most: usize) -> Parsed<'a> {
    take_while_m_n(least, most, |b: u8| b.is_ascii_digit()).parse(input)
}

/// `size-value = 1*20DIGIT` (RFC 1870 §6)
pub fn size_value(input: &[u8]) -> Parsed<'_> {
    digits(input, 1, 20)
}

/// `body-value = "7BIT" / "8BITMIME" / "BINARYMIME"` (RFC 6152 §3, RFC 3030 §3)
pub fn body_value(input: &[u8]) -> Parsed<'_> {
    word(input, &["7BIT", "8BITMIME", "BINARYMIME"])
}

/// `auth-value = "<>" / 1*( xchar / hexchar )` (RFC 4954 §5)
pub fn auth_value(input: &[u8]) -> Parsed<'_> {
    // The empty address is made of characters that xtext has too.
    recognize(many1_count(alt((xchar, hexchar)))).parse(input)
}

/// `xtext = *( xchar / hexchar )` (RFC 3461 §4)
pub fn xtext(input: &[u8]) -> Parsed<'_> {
    recognize(many0_count(alt((xchar, hexchar)))).parse(input)
}

/// `xchar = %x21-2A / %x2C-3C / %x3E-7E` (RFC 3461 §4)
pub fn xchar(input: &[u8]) -> Parsed<'_> {
    one(input, |b| b.is_ascii_graphic() && b != b'+' && b != b'=')
}

/// `hexchar = "+" 2( DIGIT / %x41-46 )` (RFC 3461 §4)
pub fn hexchar(input: &[u8]) -> Parsed<'_> {
    let digit = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
    recognize(pair(tag(&b"+"[..]), take_while_m_n(2, 2, digit))).parse(input)
}

/// `ret-value = "FULL" / "HDRS"` (RFC 3461 §4.3)
pub fn ret_value(input: &[u8]) -> Parsed<'_> {
    word(input, &["FULL", "HDRS"])
}

/// `envid-value = 1*( xchar / hexchar )` (RFC 3461 §4.4)
pub fn envid_value(input: &[u8]) -> Parsed<'_> {
    recognize(many1_count(alt((xchar, hexchar)))).parse(input)
}

/// `notify-value = "NEVER" / ( notify-element *( "," notify-element ) )` (RFC 3461 §4.1)
pub fn notify_value(input: &[u8]) -> Parsed<'_, Vec<&[u8]>> {
    let never = nom::combinator::map(tag_no_case(&b"NEVER"[..]), |word| vec![word]);
    alt((never, separated_list1(tag(&b","[..]), notify_element))).parse(input)
}

/// `notify-element = "SUCCESS" / "FAILURE" / "DELAY"` (RFC 3461 §4.1)
pub fn notify_element(input: &[u8]) -> Parsed<'_> {
    word(input, &["SUCCESS", "FAILURE", "DELAY"])
}

/// `orcpt-value = addr-type ";" *( xchar / hexchar / UTF8-non-ascii )` (RFC 3461 §4.2, RFC 6533 §3)
pub fn orcpt_value(input: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    let address = recognize(many0_count(alt((xchar, hexchar, utf8_non_ascii))));
    pair(addr_type, preceded(tag(&b";"[..]), address)).parse(input)
}

/// `addr-type = Atom` (RFC 3461 §4.2)
pub fn addr_type(input: &[u8]) -> Parsed<'_> {
    atom(input)
}

/// `holdfor-value = %x31-39 *8DIGIT`: seconds (RFC 4865 §4)
pub fn holdfor_value(input: &[u8]) -> Parsed<'_> {
    recognize(pair(|i| one(i, |b| (b'1'..=b'9').contains(&b)), |i| digits(i, 0, 8))).parse(input)
}

/// `holduntil-value = full-date "T" full-time` (RFC 4865 §4 with its erratum, RFC 3339 §5.6)
pub fn holduntil_value(input: &[u8]) -> Parsed<'_> {
    recognize((full_date, tag_no_case(&b"T"[..]), full_time)).parse(input)
}

/// `full-date = 4DIGIT "-" 2DIGIT "-" 2DIGIT` (RFC 3339 §5.6)
pub fn full_date(input: &[u8]) -> Parsed<'_> {
    let hyphen = || tag(&b"-"[..]);
    recognize((|i| digits(i, 4, 4), hyphen(), |i| digits(i, 2, 2), hyphen(), |i| digits(i, 2, 2)))
        .parse(input)
}

/// `full-time = 2DIGIT ":" 2DIGIT ":" 2DIGIT [ "." 1*DIGIT ] time-offset` (RFC 3339 §5.6)
pub fn full_time(input: &[u8]) -> Parsed<'_> {
    let two = |i| digits(i, 2, 2);
    let colon = || tag(&b":"[..]);
    let fraction = opt(preceded(tag(&b"."[..]), |i| digits(i, 1, usize::MAX)));
    recognize((two, colon(), two, colon(), two, fraction, time_offset)).parse(input)
}

/// `time-offset = "Z" / ( ( "+" / "-" ) 2DIGIT ":" 2DIGIT )` (RFC 3339 §5.6)
pub fn time_offset(input: &[u8]) -> Parsed<'_> {
    let two = |i| digits(i, 2, 2);
    let sign = alt((tag(&b"+"[..]), tag(&b"-"[..])));
    alt((tag_no_case(&b"Z"[..]), recognize((sign, two, tag(&b":"[..]), two)))).parse(input)
}

/// `by-value = [ "-" / "+" ] 1*9DIGIT ";" ( "N" / "R" ) [ "T" ]` (RFC 2852 §4)
pub fn by_value(input: &[u8]) -> Parsed<'_> {
    let sign = opt(alt((tag(&b"-"[..]), tag(&b"+"[..]))));
    let mode = |i| word(i, &["N", "R"]);
    recognize((sign, |i| digits(i, 1, 9), tag(&b";"[..]), mode, opt(tag_no_case(&b"T"[..])))).parse(input)
}

/// `priority-value = "0" / ( [ "-" ] %x31-39 )` (RFC 6710 §3)
pub fn priority_value(input: &[u8]) -> Parsed<'_> {
    let other = pair(opt(tag(&b"-"[..])), |i| one(i, |b| (b'1'..=b'9').contains(&b)));
    alt((tag(&b"0"[..]), recognize(other))).parse(input)
}
