//! Records of DNS beside addresses and MX: texts, aliases, and the names of addresses.

use std::net::IpAddr;

use hickory_resolver::proto::rr::{RData, RecordType};

use super::dial::DialOptions;
use super::dns;
use super::resolve::{NameError, NameProblem};
use crate::wire::escape::visible;

/// How many aliases are followed.
const MOST_ALIASES: usize = 8;

/// The texts of a name (TXT), each put together from its parts; none if the name does not exist.
///
/// # Errors
/// When nobody could tell.
pub async fn texts(name: &str, options: &DialOptions) -> Result<Vec<String>, NameError> {
    let found = ask(&full(name), RecordType::TXT, options).await?;
    Ok(found
        .into_iter()
        .filter_map(|data| match data {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        })
        .collect())
}

/// The names of an address (PTR, RFC 1035 §3.5, RFC 3596 §2.5), safe to show; none if it has none.
///
/// # Errors
/// When nobody could tell.
pub async fn names_of(ip: IpAddr, options: &DialOptions) -> Result<Vec<String>, NameError> {
    let found = ask(&reverse(ip), RecordType::PTR, options).await?;
    Ok(found
        .into_iter()
        .filter_map(|data| match data {
            RData::PTR(name) => Some(dns::shown(&name.0)),
            _ => None,
        })
        .collect())
}

/// Where the aliases of a name lead (CNAME, RFC 1034 §3.6.2), one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases {
    /// The names in order, without the one that was asked for; safe to show.
    pub names: Vec<String>,
    /// They lead back to one of themselves, or never end.
    pub looping: bool,
}

/// Follows the aliases of a name.
///
/// # Errors
/// When nobody could tell.
pub async fn aliases(name: &str, options: &DialOptions) -> Result<Aliases, NameError> {
    let mut found = Aliases::default();
    let mut current = shown(name);
    while found.names.len() < MOST_ALIASES {
        let answers = ask(&full(&current), RecordType::CNAME, options).await?;
        let next = answers.into_iter().find_map(|data| match data {
            RData::CNAME(name) => Some(dns::shown(&name.0)),
            _ => None,
        });
        let Some(next) = next else { return Ok(found) };
        found.looping = next == shown(name) || found.names.contains(&next);
        if found.looping {
            return Ok(found);
        }
        found.names.push(next.clone());
        current = next;
    }
    found.looping = true;
    Ok(found)
}

async fn ask(name: &str, kind: RecordType, options: &DialOptions) -> Result<Vec<RData>, NameError> {
    match dns::ask(name, kind, options).await {
        Ok(reply) => Ok(reply.message.answers.into_iter().map(|record| record.data).collect()),
        Err(NameProblem::NoSuchName) => Ok(Vec::new()),
        Err(problem) => Err(NameError::new(name.trim_end_matches('.'), problem)),
    }
}

fn full(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

/// In lower case, without its final dot, safe to show.
fn shown(name: &str) -> String {
    visible(name.trim_end_matches('.').to_ascii_lowercase().as_bytes())
}

/// The name under which the names of an address are kept.
fn reverse(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(ip) => {
            let nibbles = ip.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            let digits: String = nibbles.map(|nibble| format!("{nibble:x}.")).collect();
            format!("{digits}ip6.arpa.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_turned_around() {
        assert_eq!(reverse("192.0.2.1".parse().unwrap()), "1.2.0.192.in-addr.arpa.");
        let v6 = reverse("2001:db8::1".parse().unwrap());
        assert_eq!(v6, format!("1.{}8.b.d.0.1.0.0.2.ip6.arpa.", "0.".repeat(23)));
    }
}
