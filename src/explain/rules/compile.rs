//! Rows to automaton.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

use super::{Provider, Rule, RuleRow, Rules, rows};
use crate::explain::text::push_folded;

static PATTERN_ROWS: LazyLock<Vec<RuleRow>> =
    LazyLock::new(|| rows::patterns().flat_map(Result::unwrap_or_default).collect());

static PROVIDERS: LazyLock<Vec<Provider>> = LazyLock::new(|| rows::providers().flatten().collect());

/// All providers.
pub(crate) fn providers() -> &'static [Provider] {
    &PROVIDERS
}

/// Compiles all tables.
pub(crate) fn all() -> Rules {
    let words = rows::words().unwrap_or_default();
    let mut builder = Builder::new(&words);
    let plain = PATTERN_ROWS.iter().map(|row| (row, None));
    let own =
        PROVIDERS.iter().flat_map(|provider| provider.rule.iter().map(move |row| (row, Some(provider))));
    let rules: Vec<Rule> = plain
        .chain(own)
        .map(|(row, provider)| Rule {
            row,
            provider,
            all: row.says.iter().map(|group| builder.group(group)).collect(),
            never: row.never.iter().map(|group| builder.group(group)).collect(),
        })
        .collect();
    let marks = PROVIDERS
        .iter()
        .filter(|provider| !provider.marks.is_empty())
        .map(|provider| (builder.group_of(provider.marks.iter().copied()), provider))
        .collect();
    builder.finish(rules, marks)
}

/// Collects phrases and groups.
struct Builder<'a> {
    words: &'a BTreeMap<&'static str, Vec<&'static str>>,
    /// The number of each group, by how it is written.
    named: HashMap<&'static str, u16>,
    /// The number of each phrase, by the form in which the automaton looks for it.
    numbers: HashMap<String, usize>,
    /// The groups of each phrase.
    groups: Vec<Vec<u16>>,
    /// The phrases of each group of `words.toml` that was asked for: most are named by many rules.
    known: HashMap<&'static str, Vec<usize>>,
    /// How many phrases each group has.
    sizes: Vec<usize>,
}

impl<'a> Builder<'a> {
    fn new(words: &'a BTreeMap<&'static str, Vec<&'static str>>) -> Self {
        Builder {
            words,
            named: HashMap::new(),
            numbers: HashMap::with_capacity(8192),
            groups: Vec::with_capacity(8192),
            known: HashMap::new(),
            sizes: Vec::new(),
        }
    }

    /// The number of a group written `a | b | @name`; equal ones share it.
    fn group(&mut self, written: &'static str) -> u16 {
        if let Some(number) = self.named.get(written) {
            return *number;
        }
        let number = self.group_of(written.split('|').map(str::trim));
        self.named.insert(written, number);
        number
    }

    fn group_of(&mut self, phrases: impl Iterator<Item = &'static str>) -> u16 {
        let number = u16::try_from(self.sizes.len()).unwrap_or(u16::MAX);
        self.sizes.push(0);
        for phrase in phrases {
            match phrase.strip_prefix('@') {
                Some(name) => {
                    self.learn(name);
                    let Self { known, groups, sizes, .. } = self;
                    for phrase in known.get(name).into_iter().flatten() {
                        join(groups, sizes, *phrase, number);
                    }
                }
                None => {
                    let phrase = self.phrase(phrase);
                    join(&mut self.groups, &mut self.sizes, phrase, number);
                }
            }
        }
        number
    }

    /// Gives the phrases of a group of `words.toml` their numbers.
    fn learn(&mut self, name: &'static str) {
        if !self.known.contains_key(name) {
            let words = self.words.get(name).cloned().unwrap_or_default();
            let phrases = words.into_iter().map(|word| self.phrase(word)).collect();
            self.known.insert(name, phrases);
        }
    }

    /// The number of a phrase.
    fn phrase(&mut self, written: &str) -> usize {
        let next = self.groups.len();
        let number = *self.numbers.entry(needle(written)).or_insert(next);
        if number == next {
            self.groups.push(Vec::new());
        }
        number
    }

    fn finish(self, rules: Vec<Rule>, marks: Vec<(u16, &'static Provider)>) -> Rules {
        let mut triggered = vec![Vec::new(); self.sizes.len()];
        let mut wordless = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { break };
            // The group with the fewest phrases is the rarest.
            let rarest = rule.all.iter().min_by_key(|group| self.sizes.get(usize::from(**group)));
            match rarest.and_then(|group| triggered.get_mut(usize::from(*group))) {
                Some(list) => list.push(index),
                None => wordless.push(index),
            }
        }
        let mut needles = vec![""; self.groups.len()];
        for (phrase, number) in &self.numbers {
            if let Some(needle) = needles.get_mut(*number) {
                *needle = phrase;
            }
        }
        let groups = self.groups;
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&needles).ok();
        Rules { automaton, groups, rules, triggered, wordless, marks }
    }
}

/// Makes a phrase one of a group.
fn join(groups: &mut [Vec<u16>], sizes: &mut [usize], phrase: usize, group: u16) {
    if let Some(own) = groups.get_mut(phrase).filter(|own| !own.contains(&group)) {
        own.push(group);
        if let Some(size) = sizes.get_mut(usize::from(group)) {
            *size += 1;
        }
    }
}

/// A phrase as the automaton looks for it: folded, with the separators that make it whole words.
fn needle(written: &str) -> String {
    let (separator, phrase) = match written.strip_prefix("url:") {
        Some(rest) => (b'/', rest),
        None => (b' ', written),
    };
    let (open_start, phrase) = phrase.strip_prefix('*').map_or((false, phrase), |rest| (true, rest));
    let (open_end, phrase) = phrase.strip_suffix('*').map_or((false, phrase), |rest| (true, rest));
    let mut out = String::new();
    if !open_start {
        out.push(char::from(separator));
    }
    push_folded(phrase, separator, &mut out);
    if !open_end && !out.ends_with(char::from(separator)) {
        out.push(char::from(separator));
    }
    out
}
