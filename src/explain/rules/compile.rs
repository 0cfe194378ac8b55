//! Rows to rules: which are tried when which phrases occur.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::phrases::Phrases;
use super::{Group, Provider, Rule, RuleRow, Rules, rows};
use crate::explain::tables;

static PATTERN_ROWS: LazyLock<Vec<RuleRow>> = LazyLock::new(|| rows::patterns().collect());

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| rows::providers().collect());

/// All providers.
pub(crate) fn providers() -> &'static [Provider] {
    &PROVIDERS
}

/// The providers by the names of their hosts, in lower case; of two that have one name, the later one.
static HOSTS: LazyLock<HashMap<String, &'static Provider>> = LazyLock::new(|| {
    let of = |provider: &'static Provider| {
        provider.hosts.iter().map(move |name| (name.to_ascii_lowercase(), provider))
    };
    PROVIDERS.iter().flat_map(of).collect()
});

/// The provider that has this host: by the longest ending of its name, from a dot on, that a provider lists.
pub(crate) fn provider_of_host(host: &str) -> Option<&'static Provider> {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    let mut endings = std::iter::successors(Some(name.as_str()), |rest| Some(rest.split_once('.')?.1));
    endings.find_map(|ending| HOSTS.get(ending).copied())
}

/// All phrases that rules look for.
fn phrases() -> Phrases<'static> {
    Phrases::new(
        include_bytes!(concat!(env!("OUT_DIR"), "/phrases.nodes")),
        include_bytes!(concat!(env!("OUT_DIR"), "/phrases.ends")),
        include_bytes!(concat!(env!("OUT_DIR"), "/phrases.groups")),
    )
}

/// How many phrases each group has, two bytes each.
static SIZES: &[[u8; 2]] = include_bytes!(concat!(env!("OUT_DIR"), "/phrases.sizes")).as_chunks().0;

fn size(group: Group) -> Option<u16> {
    SIZES.get(usize::from(group.0)).map(|size| u16::from_le_bytes(*size))
}

/// Takes all rows together, each to be tried when the rarest of its groups occurs.
pub(crate) fn all() -> Rules {
    let plain = PATTERN_ROWS.iter().map(|row| (row, None));
    let own =
        PROVIDERS.iter().flat_map(|provider| provider.rule.iter().map(move |row| (row, Some(provider))));
    let mut triggered = vec![None; SIZES.len()];
    let (mut wordless, mut providers_wordless) = (Vec::new(), Vec::new());
    let rule = |(index, (row, provider)): (u16, (&'static RuleRow, Option<&'static Provider>))| {
        // The group with the fewest phrases is the rarest.
        let rarest = row.says.iter().min_by_key(|group| size(**group));
        let second = row.says.iter().filter(|group| Some(*group) != rarest).min_by_key(|group| size(**group));
        let slot = rarest.and_then(|group| triggered.get_mut(usize::from(group.0)));
        let next = slot.and_then(|first: &mut Option<u16>| first.replace(index));
        match rarest {
            Some(_) => {}
            None if provider.is_some() && !row.alone => providers_wordless.push(index),
            None => wordless.push(index),
        }
        Rule { row, family: tables::reason(row.reason), provider, next, second: second.copied() }
    };
    let rules = (0..u16::MAX).zip(plain.chain(own)).map(rule).collect();
    let marks = PROVIDERS.iter().filter_map(|provider| Some((*provider.marks.first()?, provider)));
    Rules { phrases: phrases(), rules, triggered, wordless, providers_wordless, marks: marks.collect() }
}
