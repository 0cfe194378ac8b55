//! Names in running text, and what stands in their place.

use std::collections::HashMap;
use std::net::IpAddr;

use super::What;
use super::hidden::Words;
use crate::transcript::mask::{host, ip_address, is_word};

/// The numbers of names, in the order in which they were met.
#[derive(Debug, Default)]
struct Numbers(HashMap<String, usize>);

impl Numbers {
    /// The number of a name, from 1; case does not count.
    fn number(&mut self, name: &str) -> usize {
        let next = self.0.len() + 1;
        *self.0.entry(name.to_lowercase()).or_insert(next)
    }
}

/// All names that were met, with their pseudonyms.
#[derive(Debug, Default)]
pub(super) struct Names {
    what: What,
    users: Numbers,
    domains: Numbers,
    hosts: Numbers,
    ips: Numbers,
    subjects: Numbers,
    words: Words,
}

impl Names {
    /// None met yet.
    pub(super) fn new(what: What) -> Self {
        Names { what, ..Names::default() }
    }

    /// The pseudonym of an address. From here on its local part, which servers repeat in words of their own, is
    /// replaced where it stands alone as well.
    fn address(&mut self, local: &str, domain: &str) -> String {
        let user = format!("user{}", self.users.number(&format!("{local}@{domain}")));
        self.words.learn_user(local, &user);
        let domain = if domain.starts_with('[') { self.text(domain) } else { self.host_name(domain) };
        format!("{user}@{domain}")
    }

    /// The pseudonym of a login name, which may be an address.
    pub(super) fn user(&mut self, name: &str) -> String {
        if let Some((local, domain)) = name.split_once('@') {
            return self.address(local, domain);
        }
        if let Some((_, user)) = self.words.at(name).filter(|(length, _)| *length == name.len()) {
            return user;
        }
        let user = format!("user{}", self.users.number(name));
        self.words.learn(name, &user);
        user
    }

    /// The pseudonym of a host's name that does not look like one; it is replaced wherever it turns up from here on.
    pub(super) fn single_host(&mut self, name: &str) -> String {
        let new = self.host_name(name);
        self.words.learn(name, &new);
        new
    }

    /// The number of a subject.
    pub(super) fn subject(&mut self, subject: &str) -> usize {
        self.subjects.number(subject)
    }

    fn host_name(&mut self, name: &str) -> String {
        let name = name.trim_end_matches('.');
        let dot = name.rmatch_indices('.').nth(1).map(|(at, _)| at);
        let (left, base) = match dot {
            Some(at) => (name.get(..at), name.get(at + 1..).unwrap_or(name)),
            None => (None, name),
        };
        let base = format!("domain{}.example", self.domains.number(base));
        match left {
            Some(left) => format!("h{}.{base}", self.hosts.number(left)),
            None => base,
        }
    }

    fn ip(&mut self, literal: &str) -> Option<String> {
        let inner = literal.trim_start_matches('[').trim_start_matches("IPv6:");
        let inner = match inner.split_once(']') {
            Some((inner, _)) => inner,
            None if inner.contains('.') => inner.split(':').next().unwrap_or(inner),
            None => inner,
        };
        let ip: IpAddr = inner.parse().ok()?;
        if ip.is_loopback() || ip.is_unspecified() {
            return None;
        }
        let n = self.ips.number(&ip.to_string());
        let new = match ip {
            IpAddr::V4(_) => {
                let nets = ["192.0.2", "198.51.100", "203.0.113"];
                match nets.get((n - 1) / 254) {
                    Some(net) => format!("{net}.{}", (n - 1) % 254 + 1),
                    None => format!("240.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255),
                }
            }
            IpAddr::V6(_) => format!("2001:db8::{n:x}"),
        };
        Some(literal.replacen(inner, &new, 1))
    }

    /// Replaces in text.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut rest, mut before) = (text, ' ');
        while let Some(first) = rest.chars().next() {
            let hit = if is_word(before) || before == '@' { None } else { self.at(rest, before) };
            let length = match hit {
                Some((length, new)) => {
                    out.push_str(&new);
                    length
                }
                None => {
                    out.push(first);
                    first.len_utf8()
                }
            };
            let (seen, left) = rest.split_at_checked(length).unwrap_or((rest, ""));
            before = seen.chars().next_back().unwrap_or(' ');
            rest = left;
        }
        out
    }

    /// What begins here, its length, and what to put in its place.
    fn at(&mut self, rest: &str, before: char) -> Option<(usize, String)> {
        if let Some((local, domain)) = address(rest) {
            let new = if self.what.addresses { Some(self.address(local, domain)) } else { None };
            let length = local.len() + 1 + domain.len();
            // Kept whole, unless hosts go too: then its domain does.
            let kept = |this: &mut Self| match this.what.hosts && !domain.starts_with('[') {
                true => format!("{local}@{}", this.host_name(domain)),
                false => rest.get(..length).unwrap_or_default().to_owned(),
            };
            return Some((length, new.unwrap_or_else(|| kept(self))));
        }
        if let Some(word) = self.words.at(rest) {
            return Some(word);
        }
        // Eight pairs at the end of a fingerprint look like an IPv6 address; what stands before them tells.
        let length = ip_address(rest);
        if length > 0 && before == ':' && rest.get(..length).is_some_and(|text| text.matches(':').count() > 1)
        {
            return Some((length, rest.get(..length)?.to_owned()));
        }
        if length > 0 {
            let literal = rest.get(..length)?;
            let new = if self.what.ips { self.ip(literal) } else { None };
            return Some((length, new.unwrap_or_else(|| literal.to_owned())));
        }
        let length = host(rest);
        let name = rest.get(..length).filter(|name| self.what.hosts && !name.is_empty())?;
        Some((length, self.host_name(name)))
    }
}

/// `local@domain` at the start of a text.
fn address(text: &str) -> Option<(&str, &str)> {
    let atom = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`|~-".contains(c);
    let end = match text.strip_prefix('"') {
        Some(inner) => inner.find('"')? + 2,
        None => text.find(|c| !atom(c))?,
    };
    let (local, after) = text.split_at_checked(end)?;
    let domain = after.strip_prefix('@').filter(|_| !local.is_empty())?;
    let length = match domain.starts_with('[') {
        true => domain.find(']')? + 1,
        false => domain.find(|c: char| !c.is_alphanumeric() && c != '.' && c != '-').unwrap_or(domain.len()),
    };
    let domain = domain.get(..length)?.trim_end_matches(['.', '-']);
    (!domain.is_empty()).then_some((local, domain))
}
