//! Commands, each without the CRLF that ends it (RFC 5321 §4.1.1 and the extensions that add a verb).

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case, take_while, take_while_m_n, take_while1};
use nom::combinator::{map, map_opt, opt, recognize};
use nom::multi::{many1_count, separated_list1};
use nom::sequence::{pair, preceded, terminated};

use crate::wire::address::Host;
use crate::wire::command::Command;
use crate::wire::parameter::Parameter;

use super::auth::auth_command;
use super::core::{let_dig, sp};
use super::paths::{self, forward_path, host, mailbox, path, reverse_path, utf8_non_ascii};
use super::{Parsed, text};
use crate::secret::Secret;

/// A verb and the space behind it.
fn verb_sp<'a>(input: &'a [u8], verb: &str) -> Parsed<'a> {
    terminated(tag_no_case(verb.as_bytes()), sp).parse(input)
}

/// A command that is its verb and nothing else.
fn bare<'a>(input: &'a [u8], verb: &str, command: Command) -> Parsed<'a, Command> {
    map(tag_no_case(verb.as_bytes()), |_| command.clone()).parse(input)
}

/// `command = ehlo / helo / lhlo / mail / rcpt / data / bdat / rset / vrfy / expn / help / noop / quit /
/// starttls / auth / etrn / burl`
pub fn command(input: &[u8]) -> Parsed<'_, Command> {
    alt((
        alt((ehlo, helo, lhlo, mail, rcpt, data, bdat, rset)),
        alt((vrfy, expn, help, noop, quit, starttls, auth, etrn, burl)),
    ))
    .parse(input)
}

/// `ehlo = "EHLO" SP ( Domain / address-literal )`
pub fn ehlo(input: &[u8]) -> Parsed<'_, Command> {
    map(preceded(|i| verb_sp(i, "EHLO"), host), Command::Ehlo).parse(input)
}

/// `helo = "HELO" SP Domain`
pub fn helo(input: &[u8]) -> Parsed<'_, Command> {
    let name = map(paths::domain, |name| Command::Helo(Host::Domain(text(name))));
    preceded(|i| verb_sp(i, "HELO"), name).parse(input)
}

/// `lhlo = "LHLO" SP ( Domain / address-literal )` (RFC 2033 §4.1)
pub fn lhlo(input: &[u8]) -> Parsed<'_, Command> {
    map(preceded(|i| verb_sp(i, "LHLO"), host), Command::Lhlo).parse(input)
}

/// `mail = "MAIL FROM:" Reverse-path [ SP Mail-parameters ]`
pub fn mail(input: &[u8]) -> Parsed<'_, Command> {
    let parameters = map(opt(preceded(sp, mail_parameters)), Option::unwrap_or_default);
    let both = pair(reverse_path, parameters);
    map(preceded(tag_no_case(&b"MAIL FROM:"[..]), both), |(from, parameters)| Command::Mail {
        from,
        parameters,
    })
    .parse(input)
}

/// `rcpt = "RCPT TO:" Forward-path [ SP Rcpt-parameters ]`
pub fn rcpt(input: &[u8]) -> Parsed<'_, Command> {
    let parameters = map(opt(preceded(sp, rcpt_parameters)), Option::unwrap_or_default);
    let both = pair(forward_path, parameters);
    map(preceded(tag_no_case(&b"RCPT TO:"[..]), both), |(to, parameters)| Command::Rcpt { to, parameters })
        .parse(input)
}

/// `Mail-parameters = esmtp-param *( SP esmtp-param )`
pub fn mail_parameters(input: &[u8]) -> Parsed<'_, Vec<Parameter>> {
    separated_list1(sp, map(esmtp_param, |(keyword, value)| Parameter::read(keyword, value))).parse(input)
}

/// `Rcpt-parameters = esmtp-param *( SP esmtp-param )`
pub fn rcpt_parameters(input: &[u8]) -> Parsed<'_, Vec<Parameter>> {
    mail_parameters(input)
}

/// `esmtp-param = esmtp-keyword [ "=" esmtp-value ]`
pub fn esmtp_param(input: &[u8]) -> Parsed<'_, (&[u8], Option<&[u8]>)> {
    pair(esmtp_keyword, opt(preceded(tag(&b"="[..]), esmtp_value))).parse(input)
}

/// `esmtp-keyword = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )`
pub fn esmtp_keyword(input: &[u8]) -> Parsed<'_> {
    recognize(pair(let_dig, take_while(|b: u8| b.is_ascii_alphanumeric() || b == b'-'))).parse(input)
}

/// `esmtp-value = 1*( %x21-3C / %x3E-7E / UTF8-non-ascii )`
pub fn esmtp_value(input: &[u8]) -> Parsed<'_> {
    let plain = take_while1(|b: u8| b.is_ascii_graphic() && b != b'=');
    recognize(many1_count(alt((plain, utf8_non_ascii)))).parse(input)
}

/// `data = "DATA"`
pub fn data(input: &[u8]) -> Parsed<'_, Command> {
    bare(input, "DATA", Command::Data)
}

/// `bdat = "BDAT" SP chunk-size [ SP "LAST" ]` (RFC 3030 §2)
pub fn bdat(input: &[u8]) -> Parsed<'_, Command> {
    let last = map(opt(preceded(sp, tag_no_case(&b"LAST"[..]))), |last| last.is_some());
    map(preceded(|i| verb_sp(i, "BDAT"), pair(chunk_size, last)), |(size, last)| Command::Bdat { size, last })
        .parse(input)
}

/// `chunk-size = 1*19DIGIT`: RFC 3030 sets no limit; nineteen digits always fit into 64 bits
pub fn chunk_size(input: &[u8]) -> Parsed<'_, u64> {
    let number = |d: &[u8]| std::str::from_utf8(d).ok()?.parse().ok();
    map_opt(take_while_m_n(1, 19, |b: u8| b.is_ascii_digit()), number).parse(input)
}

/// `rset = "RSET"`
pub fn rset(input: &[u8]) -> Parsed<'_, Command> {
    bare(input, "RSET", Command::Rset)
}

/// `vrfy = "VRFY" SP vrfy-target [ SP "SMTPUTF8" ]` (RFC 5321 §4.1.1.6, RFC 6531 §3.7.4.2)
pub fn vrfy(input: &[u8]) -> Parsed<'_, Command> {
    let target = preceded(|i| verb_sp(i, "VRFY"), pair(vrfy_target, smtputf8_flag));
    map(target, |(target, smtputf8)| Command::Vrfy { target: text(target), smtputf8 }).parse(input)
}

/// `expn = "EXPN" SP vrfy-target [ SP "SMTPUTF8" ]` (RFC 5321 §4.1.1.7, RFC 6531 §3.7.4.2)
pub fn expn(input: &[u8]) -> Parsed<'_, Command> {
    let target = preceded(|i| verb_sp(i, "EXPN"), pair(vrfy_target, smtputf8_flag));
    map(target, |(target, smtputf8)| Command::Expn { target: text(target), smtputf8 }).parse(input)
}

fn smtputf8_flag(input: &[u8]) -> Parsed<'_, bool> {
    map(opt(preceded(sp, tag_no_case(&b"SMTPUTF8"[..]))), |flag| flag.is_some()).parse(input)
}

/// `vrfy-target = Path / Mailbox / String`: the grammar of RFC 5321 has String alone, its text speaks of a
/// user name or a mailbox (§3.5.1)
pub fn vrfy_target(input: &[u8]) -> Parsed<'_> {
    alt((recognize(path), recognize(mailbox), paths::string)).parse(input)
}

/// `help = "HELP" [ SP String ]`
pub fn help(input: &[u8]) -> Parsed<'_, Command> {
    let topic = opt(preceded(sp, paths::string));
    map(preceded(tag_no_case(&b"HELP"[..]), topic), |topic| Command::Help(topic.map(text))).parse(input)
}

/// `noop = "NOOP" [ SP String ]`
pub fn noop(input: &[u8]) -> Parsed<'_, Command> {
    let ignored = opt(preceded(sp, paths::string));
    map(preceded(tag_no_case(&b"NOOP"[..]), ignored), |word| Command::Noop(word.map(text))).parse(input)
}

/// `quit = "QUIT"`
pub fn quit(input: &[u8]) -> Parsed<'_, Command> {
    bare(input, "QUIT", Command::Quit)
}

/// `starttls = "STARTTLS"` (RFC 3207 §4)
pub fn starttls(input: &[u8]) -> Parsed<'_, Command> {
    bare(input, "STARTTLS", Command::StartTls)
}

/// `auth = auth-command` (RFC 4954 §4)
pub fn auth(input: &[u8]) -> Parsed<'_, Command> {
    map(auth_command, |(mechanism, initial)| Command::Auth {
        mechanism: text(mechanism),
        initial: initial.map(Secret::new),
    })
    .parse(input)
}

/// `etrn = "ETRN" SP [ "@" / "#" ] etrn-node` (RFC 1985 §5)
pub fn etrn(input: &[u8]) -> Parsed<'_, Command> {
    let option = opt(alt((tag(&b"@"[..]), tag(&b"#"[..]))));
    let node = recognize(pair(option, etrn_node));
    map(preceded(|i| verb_sp(i, "ETRN"), node), |node| Command::Etrn(text(node))).parse(input)
}

/// `etrn-node = 1*( ALPHA / DIGIT / "-" / "." / "_" )`: a domain, or the name of a queue (RFC 1985 §5)
pub fn etrn_node(input: &[u8]) -> Parsed<'_> {
    take_while1(|b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b)).parse(input)
}

/// `burl = "BURL" SP absolute-uri [ SP "LAST" ]` (RFC 4468 §3.5)
pub fn burl(input: &[u8]) -> Parsed<'_, Command> {
    let last = map(opt(preceded(sp, tag_no_case(&b"LAST"[..]))), |last| last.is_some());
    map(preceded(|i| verb_sp(i, "BURL"), pair(absolute_uri, last)), |(url, last)| Command::Burl {
        url: text(url),
        last,
    })
    .parse(input)
}

/// `absolute-uri = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":" 1*( %x21-7E )`: scheme and colon after
/// RFC 3986 §4.3, the rest as it is
pub fn absolute_uri(input: &[u8]) -> Parsed<'_> {
    let scheme = take_while(|b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let rest = take_while1(|b: u8| b.is_ascii_graphic());
    recognize((super::core::alpha, scheme, tag(&b":"[..]), rest)).parse(input)
}
