//! Many replies counted, by reason and by domain.

use std::collections::BTreeMap;

use super::extract::Found;
use super::{Explanation, Reason};

/// More domains than this are counted together.
const MOST_DOMAINS: usize = 100_000;

/// Counts of a whole log.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Replies read.
    pub replies: u64,
    /// How many of each reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// How many of each reason for each domain.
    pub domains: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// Replies of domains that no longer fitted in.
    pub other_domains: u64,
}

impl Summary {
    /// Counts a reply, unless it is but one try of a delivery that another line sums up.
    pub fn add(&mut self, found: &Found, explanation: &Explanation) {
        if found.interim {
            return;
        }
        let Reason(slug) = explanation.reason;
        self.replies += 1;
        *self.reasons.entry(slug).or_default() += 1;
        let Some(domain) = found.domain() else { return };
        let domain = crate::wire::escape::visible(domain.to_ascii_lowercase().as_bytes());
        if self.domains.len() < MOST_DOMAINS || self.domains.contains_key(&domain) {
            *self.domains.entry(domain).or_default().entry(slug).or_default() += 1;
        } else {
            self.other_domains += 1;
        }
    }

    /// Reasons with their counts, most frequent first.
    pub fn by_reason(&self) -> Vec<(&'static str, u64)> {
        let mut list: Vec<_> = self.reasons.iter().map(|(slug, n)| (*slug, *n)).collect();
        list.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        list
    }

    /// Domains with their count of replies that are no success, most frequent first.
    pub fn by_domain(&self) -> Vec<(&str, u64)> {
        let failures = |reasons: &BTreeMap<&'static str, u64>| -> u64 {
            reasons.iter().filter(|(slug, _)| !matches!(**slug, "ok" | "continue")).map(|(_, n)| n).sum()
        };
        let mut list: Vec<_> =
            self.domains.iter().map(|(domain, reasons)| (domain.as_str(), failures(reasons))).collect();
        list.retain(|(_, n)| *n > 0);
        list.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        list
    }
}
