//! The DMARC policy that holds for a domain: its own record (RFC 7489), or that of its organisation.
//!
//! Which domain the organisation's is, RFC 7489 (§3.2) has receivers learn from a list of public suffixes. Here it is found by
//! the tree walk of its successor (draft-ietf-dmarc-dmarcbis), which needs no list. The two differ only where a public suffix
//! has a record, or the organisation itself has none and a name between it and the domain has one.

use super::tags::tag;
use crate::transport::resolve::NameError;
use crate::transport::{DialOptions, records};

/// A domain with more labels than this is cut to one less before its parents are asked (draft-ietf-dmarc-dmarcbis, DNS tree walk).
const MOST_LABELS: usize = 8;

/// The records at one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Records {
    /// Where they stand: `_dmarc.example.org`.
    pub name: String,
    /// All DMARC records there, as they came; there should be one.
    pub records: Vec<String>,
    /// They are those of a parent, so that what they say of subdomains holds.
    pub inherited: bool,
}

/// What holds for a domain; no records where nothing does.
///
/// Whose a domain is, is told by the highest of its parents that has a record, short of those that say that they are
/// suffixes under which anybody registers (`psd=y`).
///
/// # Errors
/// When nobody could tell.
pub(super) async fn of(domain: &str, options: &DialOptions) -> Result<Records, NameError> {
    let mut highest = None;
    for parent in names(domain) {
        let name = format!("_dmarc.{parent}");
        let mut records = records::texts(&name, options).await?;
        records.retain(|text| is_record(text));
        let inherited = parent != domain;
        if records.is_empty() {
            continue;
        }
        let suffix = records.iter().any(|record| tag(record, "psd").as_deref() == Some("y"));
        let found = Records { name, records, inherited };
        if !inherited {
            return Ok(found);
        }
        if !suffix || highest.is_none() {
            highest = Some(found);
        }
    }
    let nothing = Records { name: format!("_dmarc.{domain}"), records: Vec::new(), inherited: false };
    Ok(highest.unwrap_or(nothing))
}

/// The names to ask: the domain, and its parents of two labels and more.
fn names(domain: &str) -> Vec<&str> {
    let starts = std::iter::once(0).chain(domain.match_indices('.').map(|(at, _)| at + 1));
    let all: Vec<&str> = starts.filter_map(|at| domain.get(at..)).collect();
    let skipped = if all.len() > MOST_LABELS { all.len() - MOST_LABELS + 1 } else { 1 };
    let parents = all.iter().skip(skipped).filter(|parent| parent.contains('.'));
    all.first().into_iter().chain(parents).copied().collect()
}

/// Whether a text is a DMARC record: blanks are allowed around the equals sign, and the version is as it stands
/// (RFC 7489 §6.4).
fn is_record(text: &str) -> bool {
    let version = text.split(';').next().and_then(|first| first.split_once('='));
    version.is_some_and(|(key, value)| key.trim_end().eq_ignore_ascii_case("v") && value.trim() == "DMARC1")
}

/// The policy that a record has for the domain: `sp` where it is inherited and has one, else `p`. What is none comes as
/// an error, as it stands.
pub(super) fn policy(record: &str, inherited: bool) -> Result<&'static str, String> {
    let sp = tag(record, "sp").filter(|_| inherited);
    let (name, value) = match sp {
        Some(value) => ("sp", value),
        None => ("p", tag(record, "p").unwrap_or_default()),
    };
    ["none", "quarantine", "reject"]
        .into_iter()
        .find(|word| *word == value)
        .ok_or_else(|| format!("{name}={value}"))
}

/// Whether reports can be sent where the record says. One without a policy counts as p=none then (RFC 7489 §6.6.3).
pub(super) fn has_reports(record: &str) -> bool {
    tag(record, "rua").is_some_and(|list| list.split(',').any(|uri| uri.trim().starts_with("mailto:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_names_are_asked() {
        assert_eq!(names("good.test"), ["good.test"]);
        assert_eq!(names("a.good.test"), ["a.good.test", "good.test"]);
        assert_eq!(names("test"), ["test"]);
        let deep = "a.b.c.d.e.f.g.h.good.test";
        let asked = names(deep);
        assert_eq!((asked[0], asked[1], asked.len()), (deep, "d.e.f.g.h.good.test", 7));
        assert_eq!(names("a.b.c.d.e.good.test").len(), 6);
    }

    #[test]
    fn what_counts_as_a_record_and_what_it_says() {
        for good in ["v=DMARC1", "v = DMARC1 ; p = reject", "V=DMARC1;p=none"] {
            assert!(is_record(good), "{good}");
        }
        for bad in ["v=DMARC10; p=none", "v=dmarc1", "p=none; v=DMARC1", "v DMARC1"] {
            assert!(!is_record(bad), "{bad}");
        }
        assert_eq!(policy("v=DMARC1; p=reject; sp=none", false), Ok("reject"));
        assert_eq!(policy("v=DMARC1; p=reject; sp=none", true), Ok("none"));
        assert_eq!(policy("v=DMARC1; p=reject", true), Ok("reject"));
        assert_eq!(policy("v=DMARC1; p=rejct", false), Err("p=rejct".to_owned()));
        assert!(has_reports("v=DMARC1; rua=mailto:x@y.test") && !has_reports("v=DMARC1; rua=x"));
    }
}
