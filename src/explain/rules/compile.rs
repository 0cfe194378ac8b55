//! Rows to rules: their groups numbered, their phrases gathered.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Provider, Rule, RuleRow, Rules, phrases, rows};
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

/// Compiles all tables.
pub(crate) fn all() -> Rules {
    let words = rows::words();
    let mut builder = Builder::new(&words);
    let plain = PATTERN_ROWS.iter().map(|row| (row, None));
    let own =
        PROVIDERS.iter().flat_map(|provider| provider.rule.iter().map(move |row| (row, Some(provider))));
    let rules: Vec<Rule> = plain
        .chain(own)
        .map(|(row, provider)| Rule {
            row,
            family: tables::reason(row.reason),
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

/// Numbers groups and gathers their phrases.
struct Builder<'a> {
    words: &'a rows::Words,
    /// The number of each group, by how it is written.
    named: HashMap<&'static str, u16>,
    phrases: phrases::Builder,
    /// How many phrases each group has.
    sizes: Vec<usize>,
}

impl<'a> Builder<'a> {
    fn new(words: &'a rows::Words) -> Self {
        Builder { words, named: HashMap::new(), phrases: phrases::Builder::default(), sizes: Vec::new() }
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
        let mut size = 0;
        for phrase in phrases {
            let named =
                phrase.strip_prefix('@').map(|name| self.words.get(name).map_or(&[][..], Vec::as_slice));
            for phrase in named.unwrap_or(&[phrase]) {
                self.phrases.add(phrase, number);
                size += 1;
            }
        }
        self.sizes.push(size);
        number
    }

    fn finish(self, rules: Vec<Rule>, marks: Vec<(u16, &'static Provider)>) -> Rules {
        let mut triggered = vec![Vec::new(); self.sizes.len()];
        let (mut wordless, mut providers_wordless) = (Vec::new(), Vec::new());
        for (index, rule) in rules.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { break };
            // The group with the fewest phrases is the rarest.
            let rarest = rule.all.iter().min_by_key(|group| self.sizes.get(usize::from(**group)));
            match rarest.and_then(|group| triggered.get_mut(usize::from(*group))) {
                Some(list) => list.push(index),
                None if rule.provider.is_some() && !rule.row.alone => providers_wordless.push(index),
                None => wordless.push(index),
            }
        }
        Rules { phrases: self.phrases.build(), rules, triggered, wordless, providers_wordless, marks }
    }
}
