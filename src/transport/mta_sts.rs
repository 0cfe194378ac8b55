//! MTA-STS (RFC 8461): a domain's word, given over HTTPS, that its mail hosts have TLS with certificates that
//! verify.

use std::fmt;

use thiserror::Error;

use super::dial::{DialError, DialOptions, dial};
use super::http::{self, Question};
use super::link::Link;
use super::records;
use super::resolve::NameError;
use super::tls::{TlsError, TlsSetup};
use crate::target::{Host, Scheme, Target};
use crate::wire::escape::visible;

/// The largest policy that is read (RFC 8461 §3.3 suggests 64 KiB).
const LARGEST_POLICY: u64 = 64 * 1024;

/// How serious the domain is about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Mail must not go to a host that fails.
    Enforce,
    /// Failures are only reported.
    Testing,
    /// There is no policy any more.
    None,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Enforce => "enforce",
            Mode::Testing => "testing",
            Mode::None => "none",
        })
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How serious it is.
    pub mode: Mode,
    /// How long it holds, in seconds.
    pub max_age: u64,
    /// The mail hosts, perhaps with `*.` before them; safe to show.
    pub mx: Vec<String>,
}

impl Policy {
    /// Whether a mail host is one of the policy's. `*.` stands for exactly one label (RFC 8461 §4.1).
    pub fn covers(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.mx.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
            None => pattern.eq_ignore_ascii_case(host),
        })
    }
}

/// What is wrong with a record or a policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Malformed(String);

/// Why there is no policy to be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StsError {
    /// The record could not be looked up.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The record is wrong.
    #[error("the MTA-STS record is malformed: {0}")]
    Record(Malformed),
    /// The policy host could not be reached.
    #[error("the MTA-STS policy cannot be fetched: {0}")]
    Dial(#[from] DialError),
    /// It has no certificate that verifies.
    #[error("the MTA-STS policy cannot be fetched: {0}")]
    Tls(#[from] TlsError),
    /// It gave no policy.
    #[error("the MTA-STS policy cannot be fetched: {0}")]
    Http(String),
    /// The policy is wrong.
    #[error("the MTA-STS policy is malformed: {0}")]
    Policy(Malformed),
}

/// Looks for a domain's record: its id, or nothing when the domain has none.
///
/// # Errors
/// When nobody could tell, or the record is malformed or there is more than one (RFC 8461 §3.1).
pub async fn lookup(domain: &str, options: &DialOptions) -> Result<Option<String>, StsError> {
    id_of(&records(domain, options).await?)
}

/// A domain's records, as they came: there should be one. Other texts are left out.
///
/// # Errors
/// When nobody could tell.
pub async fn records(domain: &str, options: &DialOptions) -> Result<Vec<String>, NameError> {
    let mut found = records::texts(&format!("_mta-sts.{}", domain.trim_end_matches('.')), options).await?;
    found.retain(|text| text.starts_with("v=STSv1"));
    Ok(found)
}

/// The id in a domain's records, or nothing when there are none.
///
/// # Errors
/// When the record is malformed, or there is more than one (RFC 8461 §3.1).
pub fn id_of(records: &[String]) -> Result<Option<String>, StsError> {
    match records {
        [] => Ok(None),
        [one] => parse_record(one).map(Some).map_err(StsError::Record),
        several => Err(StsError::Record(Malformed(format!("there are {} of them", several.len())))),
    }
}

/// The id in a record, `v=STSv1; id=20260101T000000;` (RFC 8461 §3.1).
///
/// # Errors
/// When it is not of that form.
pub fn parse_record(text: &str) -> Result<String, Malformed> {
    let mut fields = text.split(';').map(str::trim).filter(|field| !field.is_empty());
    if fields.next() != Some("v=STSv1") {
        return Err(Malformed("it does not begin with v=STSv1".to_owned()));
    }
    let id = fields.find_map(|field| field.strip_prefix("id=")).unwrap_or_default();
    match (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        true => Ok(id.to_owned()),
        false => Err(Malformed("its id is not 1 to 32 letters and digits".to_owned())),
    }
}

/// Reads a policy (RFC 8461 §3.2). Unknown keys are passed over.
///
/// # Errors
/// When a key that must be there is missing or wrong.
pub fn parse_policy(text: &str) -> Result<Policy, Malformed> {
    let wrong = |what: &str| Malformed(what.to_owned());
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let pairs: Vec<(&str, &str)> = pairs.map(|(key, value)| (key.trim(), value.trim())).collect();
    let first = |key: &str| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    if first("version") != Some("STSv1") {
        return Err(wrong("there is no version: STSv1"));
    }
    let mode = match first("mode") {
        Some("enforce") => Mode::Enforce,
        Some("testing") => Mode::Testing,
        Some("none") => Mode::None,
        _ => return Err(wrong("its mode is not enforce, testing or none")),
    };
    let max_age = first("max_age").and_then(|value| value.parse().ok()).filter(|age| *age <= 31_557_600);
    let max_age = max_age.ok_or_else(|| wrong("its max_age is not a number up to 31557600"))?;
    let hosts = pairs.iter().filter(|(key, _)| *key == "mx").map(|(_, value)| visible(value.as_bytes()));
    let mx: Vec<String> = hosts.collect();
    match mx.is_empty() && mode != Mode::None {
        true => Err(wrong("it names no mx")),
        false => Ok(Policy { mode, max_age, mx }),
    }
}

/// Fetches a domain's policy from its policy host (RFC 8461 §3.3). `tls` says whom to trust; its certificate must
/// verify in any case. `port` is 443 but in tests.
///
/// # Errors
/// When it cannot be had, or is malformed.
pub async fn fetch(
    domain: &str,
    port: u16,
    options: &DialOptions,
    tls: &TlsSetup,
) -> Result<Policy, StsError> {
    let name = format!("mta-sts.{}", domain.trim_end_matches('.'));
    let target = Target { scheme: Scheme::Smtps, host: Host::Name(name), port, mx: false };
    let host = target.host.clone();
    let dialed = dial(&target, options).await?;
    fetch_from(Link::new(dialed.tcp), &host, &tls.for_https()).await
}

/// Fetches a policy over an open connection.
///
/// # Errors
/// As [`fetch`].
pub async fn fetch_from(
    link: Link<super::link::Plain>,
    host: &Host,
    tls: &TlsSetup,
) -> Result<Policy, StsError> {
    let mut link = link.upgrade(tls, host).await?;
    let question = Question { host: &host.to_string(), path: "/.well-known/mta-sts.txt", body: None };
    let answer = http::ask(&mut link, &question, LARGEST_POLICY, tls.options().timeout).await;
    let answer = answer.map_err(|error| StsError::Http(error.to_string()))?;
    parse_policy(&String::from_utf8_lossy(&answer)).map_err(StsError::Policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        assert_eq!(parse_record("v=STSv1; id=20160831085700Z;").as_deref(), Ok("20160831085700Z"));
        assert_eq!(parse_record("v=STSv1;id=1").as_deref(), Ok("1"));
        for bad in ["", "v=STSv2; id=1", "v=STSv1", "v=STSv1; id=", "v=STSv1; id=a-b", "id=1; v=STSv1"] {
            assert!(parse_record(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn policies() {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n";
        let policy = parse_policy(text).unwrap();
        assert_eq!((policy.mode, policy.max_age), (Mode::Enforce, 604_800));
        for host in ["mail.example.com", "MAIL.example.com.", "a.example.net"] {
            assert!(policy.covers(host), "{host}");
        }
        for host in ["example.net", "a.b.example.net", "example.com", "xmail.example.com"] {
            assert!(!policy.covers(host), "{host}");
        }
        let none = parse_policy("version: STSv1\nmode: none\nmax_age: 1\n").unwrap();
        assert!(none.mx.is_empty());
        for (bad, why) in [
            ("mode: enforce\nmax_age: 1\nmx: a", "version"),
            ("version: STSv1\nmode: maybe\nmax_age: 1\nmx: a", "mode"),
            ("version: STSv1\nmode: enforce\nmax_age: x\nmx: a", "max_age"),
            ("version: STSv1\nmode: enforce\nmax_age: 1", "no mx"),
            ("<html>", "version"),
        ] {
            assert!(parse_policy(bad).unwrap_err().to_string().contains(why), "{bad}");
        }
    }
}
