//! What an SPF record comes to (RFC 7208), as far as it can be told without looking anything else up.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::wire::escape::visible;

/// Whether a text is an SPF record, of whatever quality (RFC 7208 §4.5).
pub(super) fn is_record(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text == "v=spf1" || text.starts_with("v=spf1 ")
}

/// Whether a record lets everybody send.
///
/// # Errors
/// What is wrong with it, in words. A receiver gives up on the whole record then (permerror, RFC 7208 §4.6).
pub(super) fn lets_everybody_send(record: &str) -> Result<bool, String> {
    let (mut verdict, mut redirects, mut explanations) = (None, 0, 0);
    for term in record.split(' ').skip(1).filter(|term| !term.is_empty()) {
        match Term::parse(term).ok_or_else(|| format!("{} is no term of SPF", visible(term.as_bytes())))? {
            // What stands behind the first that fits never counts (RFC 7208 §5.1).
            Term::Everybody { pass } => verdict = verdict.or(Some(pass)),
            Term::Redirect => redirects += 1,
            Term::Explanation => explanations += 1,
            Term::Other => {}
        }
    }
    match redirects > 1 || explanations > 1 {
        true => Err("redirect= or exp= is there twice".to_owned()),
        false => Ok(verdict == Some(true)),
    }
}

enum Term {
    /// It fits every sender, and lets them pass or not.
    Everybody {
        pass: bool,
    },
    Redirect,
    Explanation,
    Other,
}

impl Term {
    /// Reads a term (RFC 7208 §4.6.1); its names are the same in any case.
    fn parse(term: &str) -> Option<Term> {
        let lower = term.to_ascii_lowercase();
        let (pass, mechanism) = match lower.strip_prefix(['+', '-', '?', '~']) {
            Some(rest) => (lower.starts_with('+'), rest),
            None => (true, lower.as_str()),
        };
        let name_ends = mechanism.find([':', '/', '=']).unwrap_or(mechanism.len());
        let (name, rest) = mechanism.split_at(name_ends);
        if let Some(value) = rest.strip_prefix('=') {
            let named = name.starts_with(|c: char| c.is_ascii_alphabetic()) && mechanism.len() == lower.len();
            return match (name, value) {
                ("redirect" | "exp", "") => None,
                ("redirect", _) => Some(Term::Redirect),
                ("exp", _) => Some(Term::Explanation),
                _ => named.then_some(Term::Other),
            };
        }
        match name {
            "all" => rest.is_empty().then_some(Term::Everybody { pass }),
            "include" | "exists" => {
                rest.strip_prefix(':').filter(|domain| !domain.is_empty()).map(|_| Term::Other)
            }
            "ptr" => (rest.is_empty() || rest.len() > 1 && rest.starts_with(':')).then_some(Term::Other),
            "a" | "mx" => is_of_hosts(rest).then_some(Term::Other),
            "ip4" => network::<Ipv4Addr>(rest, 32, pass),
            "ip6" => network::<Ipv6Addr>(rest, 128, pass),
            _ => None,
        }
    }
}

/// What may stand behind `a` and `mx`: a domain, and lengths of networks (RFC 7208 §5.3).
fn is_of_hosts(rest: &str) -> bool {
    // A macro may have a slash in it; what it becomes nobody knows here.
    if rest.contains('%') {
        return rest.starts_with(':');
    }
    let (domain, lengths) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let good_domain = domain.is_empty() || domain.len() > 1 && domain.starts_with(':');
    let (four, six) = match lengths.split_once("//") {
        Some((four, six)) => (four, Some(six)),
        None => (lengths, None),
    };
    let good_four = four.is_empty() || four.strip_prefix('/').is_some_and(|text| length(text, 32).is_some());
    good_domain && good_four && six.is_none_or(|text| length(text, 128).is_some())
}

/// A network of addresses; one without length at its end is a single address.
fn network<A: std::str::FromStr>(rest: &str, most: u8, pass: bool) -> Option<Term> {
    let text = rest.strip_prefix(':')?;
    let (address, length) = match text.split_once('/') {
        Some((address, text)) => (address, length(text, most)?),
        None => (text, most),
    };
    address.parse::<A>().ok()?;
    Some(if length == 0 { Term::Everybody { pass } } else { Term::Other })
}

fn length(text: &str, most: u8) -> Option<u8> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|length| digits && *length <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_receivers_read_them() {
        for (record, expected) in [
            ("v=spf1", Ok(false)),
            ("v=spf1 mx -all", Ok(false)),
            ("v=spf1 +ALL", Ok(true)),
            ("v=spf1 a mx all", Ok(true)),
            ("v=spf1 ip4:0.0.0.0/0 -all", Ok(true)),
            ("v=spf1 -ip4:0.0.0.0/0 +all", Ok(false)),
            ("v=spf1 -all +all", Ok(false)),
            ("v=spf1 a:x.test/24//64 mx/24 a//64 ip6:2001:db8::/32 ptr exists:%{i}.x.test ~all", Ok(false)),
            ("v=spf1  include:x.test redirect=x.test exp=y.test x-own=1", Ok(false)),
        ] {
            assert_eq!(lets_everybody_send(record), expected, "{record}");
        }
        for (record, term) in [
            ("v=spf1 mx ipv4:1.2.3.4 -all", "ipv4:1.2.3.4"),
            ("v=spf1 include: -all", "include:"),
            ("v=spf1 ip4:1.2.3 -all", "ip4:1.2.3"),
            ("v=spf1 ip4:1.2.3.4/33 -all", "ip4:1.2.3.4/33"),
            ("v=spf1 a/x -all", "a/x"),
            ("v=spf1 all:x", "all:x"),
            ("v=spf1 -all \u{1b}", "\\x1b"),
        ] {
            assert_eq!(lets_everybody_send(record), Err(format!("{term} is no term of SPF")), "{record}");
        }
        assert!(lets_everybody_send("v=spf1 redirect=a.test redirect=b.test").is_err());
        assert!(is_record("V=SPF1 -all") && !is_record("v=spf10") && !is_record("v=spf2.0/pra"));
    }
}
