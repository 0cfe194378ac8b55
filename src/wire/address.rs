//! Addresses in the envelope: hosts, mailboxes and paths (RFC 5321 §4.1.2, §4.1.3; RFC 6531 §3.3).
//!
//! Each holds its text as it was written, so that what was read is printed again byte for byte.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host as a command names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name.
    Domain(String),
    /// An address literal, without its brackets: `192.0.2.1`, `IPv6:2001:db8::1`, or `tag:content`.
    Literal(String),
}

impl Host {
    /// The host with this internet address.
    pub fn of_ip(ip: IpAddr) -> Host {
        match ip {
            IpAddr::V4(v4) => Host::Literal(v4.to_string()),
            IpAddr::V6(v6) => Host::Literal(format!("IPv6:{v6}")),
        }
    }

    /// The internet address in a literal; nothing for names and for other literals.
    pub fn ip(&self) -> Option<IpAddr> {
        let Host::Literal(text) = self else { return None };
        match text.split_at_checked(5) {
            Some((tag, v6)) if tag.eq_ignore_ascii_case("IPv6:") => {
                v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
            }
            _ => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        }
    }

    /// Whether the name holds characters outside ASCII, which only SMTPUTF8 allows.
    pub fn is_international(&self) -> bool {
        let (Host::Domain(text) | Host::Literal(text)) = self;
        !text.is_ascii()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Domain(name) => f.write_str(name),
            Host::Literal(text) => write!(f, "[{text}]"),
        }
    }
}

/// A mailbox: `local-part@host`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mailbox {
    /// The local part as it was written, with its quotes if it had some.
    pub local: String,
    /// What follows the `@`.
    pub host: Host,
}

impl Mailbox {
    /// The local part without quotes and backslashes: what the name means.
    pub fn local_text(&self) -> String {
        let Some(quoted) = self.local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return self.local.clone();
        };
        let mut text = String::with_capacity(quoted.len());
        let mut characters = quoted.chars();
        while let Some(character) = characters.next() {
            text.extend(if character == '\\' { characters.next() } else { Some(character) });
        }
        text
    }

    /// Whether the mailbox can only be used with SMTPUTF8.
    pub fn is_international(&self) -> bool {
        !self.local.is_ascii() || self.host.is_international()
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.host)
    }
}

/// A mailbox in angle brackets, with the source route that it may carry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// The domains of an obsolete source route (RFC 5321 appendix C), without their `@`.
    pub route: Vec<String>,
    /// The mailbox.
    pub mailbox: Mailbox,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<")?;
        for (index, domain) in self.route.iter().enumerate() {
            write!(f, "{}@{domain}", if index == 0 { "" } else { "," })?;
        }
        let colon = if self.route.is_empty() { "" } else { ":" };
        write!(f, "{colon}{}>", self.mailbox)
    }
}

/// What stands behind `MAIL FROM:`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: nobody is to be told of failures (RFC 5321 §4.5.5).
    Null,
    /// A sender.
    Path(Path),
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReversePath::Null => f.write_str("<>"),
            ReversePath::Path(path) => path.fmt(f),
        }
    }
}

/// What stands behind `RCPT TO:`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain, in whatever case it was written (RFC 5321 §4.1.1.3).
    Postmaster(String),
    /// A recipient.
    Path(Path),
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ForwardPath::Postmaster(name) => write!(f, "<{name}>"),
            ForwardPath::Path(path) => path.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_know_their_address() {
        for ip in ["192.0.2.1", "2001:db8::1"] {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(Host::of_ip(ip).ip(), Some(ip));
        }
        assert_eq!(Host::Literal("tag:x".into()).ip(), None);
        assert_eq!(Host::Literal("ipv6:::1".into()).ip(), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(Host::Domain("192.0.2.1".into()).ip(), None);
    }

    #[test]
    fn quotes_are_no_part_of_the_name() {
        let mailbox = Mailbox { local: r#""a \"b\\""#.into(), host: Host::Domain("x".into()) };
        assert_eq!(mailbox.local_text(), r#"a "b\"#);
        assert_eq!(mailbox.to_string(), r#""a \"b\\"@x"#);
    }
}
