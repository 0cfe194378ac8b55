//! Where a session goes: what a person types as TARGET, understood.
//!
//! Names are kept in their ASCII form. A name with other letters is converted as IDNA prescribes (UTS 46), and
//! the `xn--` form is what is looked up, compared with certificates and shown: two names that look alike
//! never look alike there.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use crate::wire::escape::visible;

/// How the session begins, and which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// SMTP that begins in plaintext; port 25 unless told.
    Smtp,
    /// SMTP with TLS from the first byte (RFC 8314 §3.3); port 465 unless told.
    Smtps,
    /// Message submission (RFC 6409) that begins in plaintext; port 587 unless told.
    Submission,
    /// LMTP (RFC 2033); port 24 unless told.
    Lmtp,
}

impl Scheme {
    /// The port when none is named.
    pub const fn default_port(self) -> u16 {
        match self {
            Scheme::Smtp => 25,
            Scheme::Smtps => 465,
            Scheme::Submission => 587,
            Scheme::Lmtp => 24,
        }
    }

    /// The word before `://`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Smtp => "smtp",
            Scheme::Smtps => "smtps",
            Scheme::Submission => "submission",
            Scheme::Lmtp => "lmtp",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "smtp" => Scheme::Smtp,
            "smtps" | "submissions" => Scheme::Smtps,
            "submission" => Scheme::Submission,
            "lmtp" => Scheme::Lmtp,
            _ => return None,
        })
    }
}

/// A host by name or by address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name in its ASCII form and lower case, without a final dot.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

impl Host {
    /// Reads a name or an address; an IPv6 address may stand in brackets.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Host, TargetError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Some(inside) = bare {
            let inside = inside.strip_prefix("IPv6:").unwrap_or(inside);
            let ip = inside.parse().map_err(|_| TargetError::BadAddress(visible(inside.as_bytes())))?;
            return Ok(Host::Ip(ip));
        }
        if let Ok(ip) = text.parse() {
            return Ok(Host::Ip(ip));
        }
        host_name(text).map(Host::Name)
    }

    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Host::Name(name) => Some(name),
            Host::Ip(_) => None,
        }
    }
}

/// The bare name or address, without brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::Ip(ip) => ip.fmt(f),
        }
    }
}

/// Where a session goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// How it begins.
    pub scheme: Scheme,
    /// The server, or with [`Target::mx`] the domain whose mail it takes.
    pub host: Host,
    /// The TCP port.
    pub port: u16,
    /// Whether [`Target::host`] is a mail domain, to be reached by its MX records (RFC 5321 §5.1).
    pub mx: bool,
}

/// Why a TARGET cannot be understood. Each says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Nothing was named.
    #[error("no target: name a host, such as mx.example.org or localhost:2525")]
    Empty,
    /// More than host and port.
    #[error("a target is a host and at most a port; \"{0}\" is one word too many")]
    TooManyWords(String),
    /// A scheme that is none of ours.
    #[error("{0}:// is not spoken here; use smtp://, smtps://, submission:// or lmtp://")]
    UnknownScheme(String),
    /// No port number.
    #[error("\"{0}\" is not a port; a number from 1 to 65535 is wanted")]
    BadPort(String),
    /// Named twice, and not the same.
    #[error("the port is named twice, {0} and {1}; name it once")]
    TwoPorts(u16, u16),
    /// Brackets or numbers, but no address.
    #[error("\"{0}\" is not an IP address")]
    BadAddress(String),
    /// An address with a zone, such as `fe80::1%eth0`.
    #[error("\"{0}\" has a zone; link-local addresses with a zone cannot be reached, use another address")]
    Zone(String),
    /// Not a host name.
    #[error("\"{name}\" is not a host name: {why}")]
    BadName {
        /// What was typed, safe to show.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An address of a person where a host is wanted.
    #[error("\"{0}\" is a mail address; for its domain's mail exchangers say --mx {0}")]
    Mailbox(String),
    /// `user@host` in a URL.
    #[error("a target holds no user name; give it with --user {0}")]
    UserInfo(String),
    /// Something behind the host in a URL.
    #[error("\"{0}\" behind the host means nothing in a target; leave it out")]
    Trailing(String),
    /// An IP address where a mail domain is wanted.
    #[error("{0} is an address; --mx wants a domain or user@domain")]
    MxOfAddress(IpAddr),
}

impl Target {
    /// Reads the words of a TARGET: `host`, `host:port`, `host port`, `[v6]:port`, a bare IPv6 address, or a
    /// URL. With `mx`, a domain or a mail address. Port 465 without a scheme means TLS from the start.
    ///
    /// # Errors
    /// A [`TargetError`] that says what to write instead.
    pub fn parse<S: AsRef<str>>(words: &[S], mx: bool) -> Result<Target, TargetError> {
        let mut words = words.iter().map(|word| word.as_ref().trim());
        let first = words.next().filter(|word| !word.is_empty()).ok_or(TargetError::Empty)?;
        let second = words.next();
        if let Some(extra) = words.next() {
            return Err(TargetError::TooManyWords(visible(extra.as_bytes())));
        }
        let (scheme, rest) = split_scheme(first)?;
        let (host, inner_port) = split_port(&without_user(rest, scheme.is_some(), mx)?)?;
        let outer_port = second.map(parse_port).transpose()?;
        let port = match (inner_port, outer_port) {
            (Some(a), Some(b)) if a != b => return Err(TargetError::TwoPorts(a, b)),
            (inner, outer) => inner.or(outer),
        };
        let scheme = scheme.unwrap_or(if port == Some(465) { Scheme::Smtps } else { Scheme::Smtp });
        if let (true, Host::Ip(ip)) = (mx, &host) {
            return Err(TargetError::MxOfAddress(*ip));
        }
        Ok(Target { scheme, host, port: port.unwrap_or(scheme.default_port()), mx })
    }

    /// The shortest words that are read as this target again.
    pub fn typed(&self) -> String {
        let host = match &self.host {
            Host::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
            host => host.to_string(),
        };
        let words = match (self.scheme, self.port) {
            (Scheme::Smtp, 25) => host,
            // Port 465 without a scheme means TLS from the start.
            (Scheme::Smtp, port) if port != 465 => format!("{host}:{port}"),
            (scheme, port) if port == scheme.default_port() => format!("{}://{host}", scheme.as_str()),
            (scheme, port) => format!("{}://{host}:{port}", scheme.as_str()),
        };
        if self.mx { format!("--mx {words}") } else { words }
    }

    /// Whether TLS begins with the first byte.
    pub fn implicit_tls(&self) -> bool {
        self.scheme == Scheme::Smtps
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Target::parse(&text.split_whitespace().collect::<Vec<_>>(), false)
    }
}

/// As a URL with its port, the form of the `%target` line of a transcript.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, port) = (self.scheme.as_str(), self.port);
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "{scheme}://[{ip}]:{port}"),
            host => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

fn split_scheme(text: &str) -> Result<(Option<Scheme>, &str), TargetError> {
    let Some((word, rest)) = text.split_once("://") else { return Ok((None, text)) };
    let scheme =
        Scheme::from_word(word).ok_or_else(|| TargetError::UnknownScheme(visible(word.as_bytes())))?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match rest.find(['/', '?', '#']) {
        Some(at) => Err(TargetError::Trailing(visible(rest.get(at..).unwrap_or_default().as_bytes()))),
        None => Ok((Some(scheme), rest)),
    }
}

/// Takes the user off `user@domain` where that is meant, and refuses it elsewhere.
fn without_user(text: &str, is_url: bool, mx: bool) -> Result<String, TargetError> {
    match text.rsplit_once('@') {
        None => Ok(text.to_owned()),
        Some((_, domain)) if mx => Ok(domain.to_owned()),
        // A password may stand behind the colon; it is not repeated.
        Some((user, _)) if is_url => {
            Err(TargetError::UserInfo(visible(user.split(':').next().unwrap_or_default().as_bytes())))
        }
        Some(_) => Err(TargetError::Mailbox(visible(text.as_bytes()))),
    }
}

fn split_port(text: &str) -> Result<(Host, Option<u16>), TargetError> {
    if text.is_empty() {
        return Err(TargetError::Empty);
    }
    if let Some(at) = text.rfind(']') {
        let (host, rest) = (text.get(..=at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if rest.is_empty() => None,
            None => return Err(TargetError::Trailing(visible(rest.as_bytes()))),
        };
        return Ok((Host::parse(host)?, port));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((Host::parse(text)?, None));
    }
    match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') && text.contains('%') => {
            Err(TargetError::Zone(visible(text.as_bytes())))
        }
        Some((_, rest)) if rest.contains(':') => Err(TargetError::BadAddress(visible(text.as_bytes()))),
        Some(("", _)) => Err(TargetError::Empty),
        Some((host, port)) => Ok((Host::parse(host)?, Some(parse_port(port)?))),
        None => Ok((Host::parse(text)?, None)),
    }
}

/// A number, or the name of one of our services.
fn parse_port(text: &str) -> Result<u16, TargetError> {
    if let Some(scheme) = Scheme::from_word(text) {
        return Ok(scheme.default_port());
    }
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    number.filter(|port| *port > 0).ok_or_else(|| TargetError::BadPort(visible(text.as_bytes())))
}

/// The ASCII form of a host name (RFC 1123 §2.1; underscores pass, as real networks have them).
fn host_name(text: &str) -> Result<String, TargetError> {
    let bad = |why| TargetError::BadName { name: visible(text.as_bytes()), why };
    if text.contains('%') {
        return Err(TargetError::Zone(visible(text.as_bytes())));
    }
    let ascii = match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => idna::domain_to_ascii(text).map_err(|_| bad("it has no ASCII form (IDNA)"))?,
    };
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    if name.is_empty() || name.split('.').any(str::is_empty) {
        return Err(bad("a part between dots is empty"));
    }
    if name.len() > 253 || name.split('.').any(|label| label.len() > 63) {
        return Err(bad("it is too long (63 characters between dots, 253 in all)"));
    }
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err(bad("only letters, digits, hyphens and dots can be in it"));
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(TargetError::BadAddress(visible(text.as_bytes())));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Target>().map_or_else(|error| format!("error: {error}"), |target| target.to_string())
    }

    #[test]
    fn what_is_proposed_is_read_as_the_same() {
        for typed in [
            "mx.example.org",
            "127.0.0.1:2601",
            "[2001:db8::1]",
            "[2001:db8::1]:2525",
            "smtp://mx.example.org:465",
            "smtps://mx.example.org",
            "smtps://mx.example.org:10465",
            "submission://mx.example.org",
        ] {
            assert_eq!(typed.parse::<Target>().unwrap().typed(), typed);
        }
        assert_eq!(Target::parse(&["example.org"], true).unwrap().typed(), "--mx example.org");
    }

    #[test]
    fn every_documented_form() {
        for (typed, url) in [
            ("mx.example.org", "smtp://mx.example.org:25"),
            ("mx.example.org:587", "smtp://mx.example.org:587"),
            ("mx.example.org 587", "smtp://mx.example.org:587"),
            ("mx.example.org submission", "smtp://mx.example.org:587"),
            ("mx.example.org:465", "smtps://mx.example.org:465"),
            ("smtp://mx.example.org:465", "smtp://mx.example.org:465"),
            ("smtps://mx.example.org", "smtps://mx.example.org:465"),
            ("SMTPS://MX.example.org:10465/", "smtps://mx.example.org:10465"),
            ("submission://mx.example.org", "submission://mx.example.org:587"),
            ("lmtp://localhost", "lmtp://localhost:24"),
            ("[2001:db8::1]:2525", "smtp://[2001:db8::1]:2525"),
            ("[2001:db8::1] 2525", "smtp://[2001:db8::1]:2525"),
            ("2001:db8::1", "smtp://[2001:db8::1]:25"),
            ("::1", "smtp://[::1]:25"),
            ("::1 2525", "smtp://[::1]:2525"),
            ("127.0.0.1:2525", "smtp://127.0.0.1:2525"),
            ("smtp://[::1]", "smtp://[::1]:25"),
            ("mx.example.org.", "smtp://mx.example.org:25"),
            ("mail_1.example", "smtp://mail_1.example:25"),
            ("MÜLLER.example", "smtp://xn--mller-kva.example:25"),
        ] {
            assert_eq!(shown(typed), url, "{typed}");
            assert_eq!(shown(url), url, "a URL reads back as itself");
        }
    }

    #[test]
    fn what_cannot_be_meant_says_what_to_write() {
        for (typed, part) in [
            ("", "name a host"),
            (":25", "name a host"),
            ("a b c", "one word too many"),
            ("http://example.org", "http:// is not spoken here"),
            ("example.org:smpt", "\"smpt\" is not a port"),
            ("example.org:0", "not a port"),
            ("example.org:65536", "not a port"),
            ("example.org:+25", "not a port"),
            ("example.org:25 587", "named twice, 25 and 587"),
            ("[::1", "not an IP address"),
            ("[::1]x", "behind the host"),
            ("1.2.3.256", "not an IP address"),
            ("fe80::1%eth0", "has a zone"),
            ("exa mple", "not a port"),
            ("a..b", "part between dots is empty"),
            ("exam\u{1b}ple.org", r"exam\x1bple.org"),
            ("alice@example.org", "--mx alice@example.org"),
            ("smtp://alice:hunter2@example.org", "--user alice"),
            ("smtp://example.org/path", "\"/path\" behind the host"),
        ] {
            let said = shown(typed);
            assert!(said.starts_with("error: ") && said.contains(part), "{typed}: {said}");
            assert!(!said.contains("hunter2"));
        }
        let long = format!("{}.example", "a".repeat(64));
        assert!(shown(&long).contains("too long"));
    }

    #[test]
    fn a_mail_domain_or_address_with_mx() {
        for typed in ["example.org", "alice@example.org", "smtp://example.org", "\"a@b\"@example.org"] {
            let target = Target::parse(&[typed], true).unwrap();
            assert_eq!((target.to_string().as_str(), target.mx), ("smtp://example.org:25", true));
        }
        assert_eq!(
            Target::parse(&["192.0.2.1"], true),
            Err(TargetError::MxOfAddress("192.0.2.1".parse().unwrap()))
        );
    }

    proptest::proptest! {
        #[test]
        fn nothing_typed_panics(text in ".*") {
            let _ = text.parse::<Target>();
            let _ = Target::parse(&[text], true);
        }
    }
}
