//! Rows to rules: which are tried when which phrases occur.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::phrases::Phrases;
use super::said::{NONE, TOLD};
use super::trie::Trie;
use super::{ByGroup, Group, Provider, Rule, RuleRow, Rules, Trial, Trials, rows};
use crate::explain::slots::Slots;
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

/// A file of `build.rs`.
macro_rules! laid_out {
    ($name:literal) => {
        include_bytes!(concat!(env!("OUT_DIR"), "/phrases.", $name))
    };
}

/// All phrases that rules look for.
static PHRASES: Phrases<'static> = Phrases {
    words: Slots::new(laid_out!("words")),
    beginnings: Slots::new(laid_out!("beginnings")),
    rests: laid_out!("rests"),
    steps: Slots::new(laid_out!("steps")),
    nodes: laid_out!("nodes").as_chunks().0,
    letters: Trie::new(laid_out!("letters"), laid_out!("ends"), laid_out!("tails")),
    groups: laid_out!("groups").as_chunks().0,
};

/// How common each group is, four bytes each.
static COMMON: &[[u8; 4]] = laid_out!("common").as_chunks().0;

/// How many groups of phrases there are.
#[cfg(test)]
pub(super) fn group_count() -> usize {
    COMMON.len()
}

fn common(group: Group) -> Option<u32> {
    COMMON.get(usize::from(group.0)).map(|common| u32::from_le_bytes(*common))
}

/// A place among the words or the trials of all rules; what is past the last is nowhere.
fn place(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// Takes all rows together, each to be tried when the rarest of its groups occurs.
pub(crate) fn all() -> Rules {
    let plain = PATTERN_ROWS.iter().map(|row| (row, None));
    let own =
        PROVIDERS.iter().flat_map(|provider| provider.rule.iter().map(move |row| (row, Some(provider))));
    let mut trials: Vec<(Group, Trial)> = Vec::with_capacity(2048);
    let (mut wordless, mut providers_wordless) = (Vec::new(), Vec::new());
    let mut words = Vec::with_capacity(8192);
    let rule = |(index, (row, provider)): (u16, (&'static RuleRow, Option<&'static Provider>))| {
        let rarest = row.says.iter().min_by_key(|group| common(**group));
        let second =
            row.says.iter().filter(|group| Some(*group) != rarest).min_by_key(|group| common(**group));
        match rarest {
            Some(rarest) => {
                let trial = Trial { rule: index, second: *second.unwrap_or(rarest), codes: row.codes() };
                trials.push((*rarest, trial));
            }
            None if provider.is_some() && !row.alone => providers_wordless.push(index),
            None => wordless.push(index),
        }
        let mut add = |groups: &[Group]| {
            let start = place(words.len());
            words.extend(groups);
            start..place(words.len())
        };
        let (says, never) = (add(&row.says), add(&row.never));
        let (family, within) = (tables::reason(row.reason), row.within);
        let particular = row.says.is_empty() || row.is_particular();
        Rule { row, family, provider, says, never, within, particular }
    };
    let rules = (0..u16::MAX).zip(plain.chain(own)).map(rule).collect();
    trials.sort_by_key(|(rarest, _)| rarest.0);
    let mut told = ByGroup::all(NONE);
    let mut places = ByGroup::all([0, 0]);
    for (number, (rarest, _)) in trials.iter().enumerate() {
        let [start, end] = places.get_mut(*rarest);
        *start = if *end == 0 { place(number) } else { *start };
        *end = place(number + 1);
        *told.get_mut(*rarest) = TOLD;
    }
    let trials = Trials { told, places, trials: trials.into_iter().map(|(_, trial)| trial).collect() };
    let marks = PROVIDERS.iter().filter_map(|provider| Some((*provider.marks.first()?, provider)));
    Rules { phrases: &PHRASES, rules, words, trials, wordless, providers_wordless, marks: marks.collect() }
}
