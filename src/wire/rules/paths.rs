//! Addresses (RFC 5321 §4.1.2 and §4.1.3, with what RFC 6531 §3.3 adds).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take, take_while_m_n, take_while1};
use nom::combinator::{map, opt, recognize, verify};
use nom::multi::{count, many0, many0_count, many1_count, separated_list1};
use nom::sequence::{delimited, pair, preceded, separated_pair, terminated};

use crate::wire::address::{ForwardPath, Host, Mailbox, Path, ReversePath};

use super::core::{dquote, ldh_str, one};
use super::{Parsed, text};

/// `Reverse-path = Path / "<>"`
pub fn reverse_path(input: &[u8]) -> Parsed<'_, ReversePath> {
    alt((map(path, ReversePath::Path), map(tag(&b"<>"[..]), |_| ReversePath::Null))).parse(input)
}

/// `Forward-path = "<" "Postmaster" ">" / Path`
pub fn forward_path(input: &[u8]) -> Parsed<'_, ForwardPath> {
    let postmaster = delimited(tag(&b"<"[..]), tag_no_case(&b"Postmaster"[..]), tag(&b">"[..]));
    alt((map(postmaster, |name| ForwardPath::Postmaster(text(name))), map(path, ForwardPath::Path)))
        .parse(input)
}

/// `Path = "<" [ A-d-l ":" ] Mailbox ">"`
pub fn path(input: &[u8]) -> Parsed<'_, Path> {
    let route = map(opt(terminated(a_d_l, tag(&b":"[..]))), Option::unwrap_or_default);
    let inside = map(pair(route, mailbox), |(route, mailbox)| Path { route, mailbox });
    delimited(tag(&b"<"[..]), inside, tag(&b">"[..])).parse(input)
}

/// `A-d-l = At-domain *( "," At-domain )`
pub fn a_d_l(input: &[u8]) -> Parsed<'_, Vec<String>> {
    separated_list1(tag(&b","[..]), at_domain).parse(input)
}

/// `At-domain = "@" Domain`
pub fn at_domain(input: &[u8]) -> Parsed<'_, String> {
    map(preceded(tag(&b"@"[..]), domain), text).parse(input)
}

/// `Mailbox = Local-part "@" ( Domain / address-literal )`
pub fn mailbox(input: &[u8]) -> Parsed<'_, Mailbox> {
    map(separated_pair(local_part, tag(&b"@"[..]), host), |(local, host)| Mailbox {
        local: text(local),
        host,
    })
    .parse(input)
}

/// `host = Domain / address-literal`
pub fn host(input: &[u8]) -> Parsed<'_, Host> {
    let literal = map(address_literal, |inside| Host::Literal(text(inside)));
    alt((map(domain, |name| Host::Domain(text(name))), literal)).parse(input)
}

/// `Local-part = Dot-string / Quoted-string`
pub fn local_part(input: &[u8]) -> Parsed<'_> {
    alt((dot_string, quoted_string)).parse(input)
}

/// `Dot-string = Atom *( "." Atom )`
pub fn dot_string(input: &[u8]) -> Parsed<'_> {
    recognize(pair(atom, many0_count(preceded(tag(&b"."[..]), atom)))).parse(input)
}

/// `Atom = 1*( atext / UTF8-non-ascii )`
pub fn atom(input: &[u8]) -> Parsed<'_> {
    recognize(many1_count(alt((take_while1(is_atext), utf8_non_ascii)))).parse(input)
}

/// `atext = ALPHA / DIGIT / "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "/" / "=" / "?" / "^" /
/// "_" / %x60 / "{" / "|" / "}" / "~"` (RFC 5322 §3.2.3)
pub fn atext(input: &[u8]) -> Parsed<'_> {
    one(input, is_atext)
}

/// Whether a byte is `atext`.
pub fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// `Quoted-string = DQUOTE *QcontentSMTP DQUOTE`
pub fn quoted_string(input: &[u8]) -> Parsed<'_> {
    recognize((dquote, many0_count(qcontentsmtp), dquote)).parse(input)
}

/// `QcontentSMTP = qtextSMTP / quoted-pairSMTP`
pub fn qcontentsmtp(input: &[u8]) -> Parsed<'_> {
    alt((qtextsmtp, quoted_pairsmtp)).parse(input)
}

/// `qtextSMTP = %x20-21 / %x23-5B / %x5D-7E / UTF8-non-ascii`
pub fn qtextsmtp(input: &[u8]) -> Parsed<'_> {
    alt((|i| one(i, |b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\'), utf8_non_ascii)).parse(input)
}

/// `quoted-pairSMTP = %x5C %x20-7E`
pub fn quoted_pairsmtp(input: &[u8]) -> Parsed<'_> {
    recognize(pair(tag(&b"\\"[..]), |i| one(i, |b| (b' '..=b'~').contains(&b)))).parse(input)
}

/// `String = Atom / Quoted-string`
pub fn string(input: &[u8]) -> Parsed<'_> {
    alt((atom, quoted_string)).parse(input)
}

/// `Domain = sub-domain *( "." sub-domain )`
pub fn domain(input: &[u8]) -> Parsed<'_> {
    recognize(pair(sub_domain, many0_count(preceded(tag(&b"."[..]), sub_domain)))).parse(input)
}

/// `sub-domain = u-let-dig [ *( u-let-dig / "-" ) u-let-dig ]`: a label, also one of an international name
/// (U-label of RFC 6531)
pub fn sub_domain(input: &[u8]) -> Parsed<'_> {
    let inner = pair(many0_count(tag(&b"-"[..])), u_let_dig_run);
    recognize(pair(u_let_dig_run, many0_count(inner))).parse(input)
}

/// `u-let-dig = Let-dig / UTF8-non-ascii`
pub fn u_let_dig(input: &[u8]) -> Parsed<'_> {
    alt((|i| one(i, |b| b.is_ascii_alphanumeric()), utf8_non_ascii)).parse(input)
}

fn u_let_dig_run(input: &[u8]) -> Parsed<'_> {
    recognize(many1_count(u_let_dig)).parse(input)
}

/// `UTF8-non-ascii = ( %xC2-DF UTF8-tail ) / ( %xE0 %xA0-BF UTF8-tail ) / ( %xE1-EC 2UTF8-tail ) / ( %xED
/// %x80-9F UTF8-tail ) / ( %xEE-EF 2UTF8-tail ) / ( %xF0 %x90-BF 2UTF8-tail ) / ( %xF1-F3 3UTF8-tail ) / (
/// %xF4 %x80-8F 2UTF8-tail )` (RFC 6532 §3.1, RFC 3629 §4)
pub fn utf8_non_ascii(input: &[u8]) -> Parsed<'_> {
    let width = match input.first() {
        Some(0xC2..=0xDF) => 2usize,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..=0xF4) => 4,
        _ => 0,
    };
    verify(take(width), |c: &[u8]| !c.is_empty() && std::str::from_utf8(c).is_ok()).parse(input)
}

/// `UTF8-tail = %x80-BF` (RFC 3629 §4)
pub fn utf8_tail(input: &[u8]) -> Parsed<'_> {
    one(input, |b| (0x80..=0xBF).contains(&b))
}

/// `address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]"`
///
/// Returns what stands in the brackets.
pub fn address_literal(input: &[u8]) -> Parsed<'_> {
    let inside = |form| delimited(tag(&b"["[..]), form, tag(&b"]"[..]));
    alt((
        inside(ipv4_address_literal as fn(_) -> _),
        inside(ipv6_address_literal),
        inside(general_address_literal),
    ))
    .parse(input)
}

/// `IPv4-address-literal = Snum 3( "." Snum )`
pub fn ipv4_address_literal(input: &[u8]) -> Parsed<'_> {
    recognize(pair(snum, count(preceded(tag(&b"."[..]), snum), 3))).parse(input)
}

/// `Snum = %x30-31 2DIGIT / "2" %x30-34 DIGIT / "25" %x30-35 / 1*2DIGIT`: one to three digits, up to 255
pub fn snum(input: &[u8]) -> Parsed<'_> {
    let digits = take_while_m_n(1, 3, |b: u8| b.is_ascii_digit());
    verify(digits, |d: &[u8]| d.iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0')) <= 255).parse(input)
}

/// `IPv6-address-literal = "IPv6:" IPv6-addr`
pub fn ipv6_address_literal(input: &[u8]) -> Parsed<'_> {
    recognize(pair(tag_no_case(&b"IPv6:"[..]), ipv6_addr)).parse(input)
}

/// `General-address-literal = Standardized-tag ":" 1*dcontent`
pub fn general_address_literal(input: &[u8]) -> Parsed<'_> {
    recognize((standardized_tag, tag(&b":"[..]), many1_count(dcontent))).parse(input)
}

/// `Standardized-tag = Ldh-str`
pub fn standardized_tag(input: &[u8]) -> Parsed<'_> {
    ldh_str(input)
}

/// `dcontent = %x21-5A / %x5E-7E`
pub fn dcontent(input: &[u8]) -> Parsed<'_> {
    one(input, |b| b.is_ascii_graphic() && !(b'['..=b']').contains(&b))
}

/// `IPv6-addr = IPv6-full / IPv6-comp / IPv6v4-full / IPv6v4-comp`
pub fn ipv6_addr(input: &[u8]) -> Parsed<'_> {
    // The forms that end in an IPv4 address come first, as the others would stop within it.
    alt((ipv6v4_full, ipv6v4_comp, ipv6_full, ipv6_comp)).parse(input)
}

/// `IPv6-hex = 1*4HEXDIG`
pub fn ipv6_hex(input: &[u8]) -> Parsed<'_> {
    take_while_m_n(1, 4, |b: u8| b.is_ascii_hexdigit()).parse(input)
}

/// `IPv6-full = IPv6-hex 7( ":" IPv6-hex )`
pub fn ipv6_full(input: &[u8]) -> Parsed<'_> {
    recognize(pair(ipv6_hex, count(preceded(tag(&b":"[..]), ipv6_hex), 7))).parse(input)
}

/// `IPv6-comp = ( "::" [ IPv6-hex *5( ":" IPv6-hex ) ] ) / ( IPv6-hex "::" [ IPv6-hex *4( ":" IPv6-hex ) ] )
/// / ( IPv6-hex 1( ":" IPv6-hex ) "::" [ IPv6-hex *3( ":" IPv6-hex ) ] ) / ( IPv6-hex 2( ":" IPv6-hex ) "::"
/// [ IPv6-hex *2( ":" IPv6-hex ) ] ) / ( IPv6-hex 3( ":" IPv6-hex ) "::" [ IPv6-hex *1( ":" IPv6-hex ) ] ) /
/// ( IPv6-hex 4( ":" IPv6-hex ) "::" [ IPv6-hex ] ) / ( IPv6-hex 5( ":" IPv6-hex ) "::" )`: six groups at
/// most in all, as `::` stands for two or more
pub fn ipv6_comp(input: &[u8]) -> Parsed<'_> {
    let both = separated_pair(groups, tag(&b"::"[..]), groups);
    recognize(verify(both, |(left, right)| left + right <= 6)).parse(input)
}

/// `IPv6v4-full = IPv6-hex 5( ":" IPv6-hex ) ":" IPv4-address-literal`
pub fn ipv6v4_full(input: &[u8]) -> Parsed<'_> {
    recognize(pair(count(terminated(ipv6_hex, tag(&b":"[..])), 6), ipv4_address_literal)).parse(input)
}

/// `IPv6v4-comp = ( "::" *4( IPv6-hex ":" ) IPv4-address-literal ) / ( IPv6-hex "::" *3( IPv6-hex ":" )
/// IPv4-address-literal ) / ( IPv6-hex 1( ":" IPv6-hex ) "::" *2( IPv6-hex ":" ) IPv4-address-literal ) / (
/// IPv6-hex 2( ":" IPv6-hex ) "::" *1( IPv6-hex ":" ) IPv4-address-literal ) / ( IPv6-hex 3( ":" IPv6-hex )
/// "::" IPv4-address-literal )`: four groups at most before the IPv4 address
pub fn ipv6v4_comp(input: &[u8]) -> Parsed<'_> {
    let right = map(many0(terminated(ipv6_hex, tag(&b":"[..]))), |groups| groups.len());
    let both = separated_pair(groups, tag(&b"::"[..]), right);
    recognize(pair(verify(both, |(left, right)| left + right <= 4), ipv4_address_literal)).parse(input)
}

/// How many groups stand on one side of `::`.
fn groups(input: &[u8]) -> Parsed<'_, usize> {
    map(opt(pair(ipv6_hex, many0_count(preceded(tag(&b":"[..]), ipv6_hex)))), |found| {
        found.map_or(0, |(_, more)| more + 1)
    })
    .parse(input)
}
