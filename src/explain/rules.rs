//! Rules: rows that read a reason out of a server's words, all phrases of which are looked for at once.
//!
//! A rule asks for groups of phrases. Each phrase is folded like the replies are, so that case, accents and
//! punctuation do not matter, and matches whole words: `spam*` the beginning of a word, `url:example.org` the
//! words of a URL. `@name` is a group from `words.toml`. All groups must occur, near each other.

mod codes;
mod compile;
#[cfg(test)]
mod pack;
mod phrases;
mod rows;

use std::sync::LazyLock;

use super::Reason;
use super::tables::ReasonRow;
use crate::wire::EnhancedCode;

pub(crate) use compile::{provider_of_host, providers};
use phrases::{Groups, Phrases};
pub use rows::{Provider, RuleRow};

/// The number of a group of phrases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group(u16);

/// A phrase that stands in the folded text.
#[derive(Clone, Copy, Debug)]
struct Hit {
    groups: Groups<'static>,
    start: usize,
    end: usize,
}

/// A provider where people hand mail in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The short name.
    pub id: &'static str,
    /// The name for people.
    pub name: &'static str,
    /// The servers, as targets.
    pub targets: &'static [&'static str],
}

impl Submission {
    /// All of them, by short name.
    pub fn all() -> Vec<Submission> {
        let known = providers().iter().filter(|provider| !provider.submission.is_empty());
        let known = known.map(|provider| Submission {
            id: provider.id,
            name: provider.name,
            targets: &provider.submission,
        });
        let mut all: Vec<Submission> = known.collect();
        all.sort_by_key(|one| one.id);
        all
    }

    /// The one of this short name or name, in whatever case.
    pub fn named(name: &str) -> Option<Submission> {
        let fits =
            |one: &Submission| one.id.eq_ignore_ascii_case(name) || one.name.eq_ignore_ascii_case(name);
        Submission::all().into_iter().find(fits)
    }
}

/// A rule made ready for matching.
#[derive(Debug)]
pub(crate) struct Rule {
    /// The row it came from.
    pub row: &'static RuleRow,
    /// The reason that it points to.
    pub family: Option<(Reason, &'static ReasonRow)>,
    /// The provider whose table holds it.
    pub provider: Option<&'static Provider>,
    /// Another rule to try when this one is.
    next: Option<u16>,
    /// The rarest group but one: without it the rest need not be looked at.
    second: Option<Group>,
}

/// What a rule is judged by, besides words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// The reply code, or 0.
    pub code: u16,
    /// The enhanced code.
    pub enhanced: Option<EnhancedCode>,
    /// The command, as the tables spell it.
    pub verb: Option<&'a str>,
    /// The provider, where hosts or banner tell it.
    pub provider: Option<&'static Provider>,
}

/// All rules.
pub(crate) struct Rules {
    phrases: Phrases<'static>,
    rules: Vec<Rule>,
    /// For each group, the first of the rules to try when it occurs.
    triggered: Vec<Option<u16>>,
    /// Rules that ask for no words.
    wordless: Vec<u16>,
    /// Rules that ask for no words, but for a provider.
    providers_wordless: Vec<u16>,
    /// For each provider, the group of words by which replies give it away.
    marks: Vec<(Group, &'static Provider)>,
}

/// Bits, one for each group.
struct GroupSet([u64; GroupSet::WORDS]);

impl GroupSet {
    const WORDS: usize = 40;

    fn insert(&mut self, Group(group): Group) -> bool {
        let bit = 1u64 << (group % 64);
        match self.0.get_mut(usize::from(group / 64)) {
            Some(word) => {
                let new = *word & bit == 0;
                *word |= bit;
                new
            }
            None => false,
        }
    }

    fn has(&self, Group(group): Group) -> bool {
        self.0.get(usize::from(group / 64)).is_some_and(|word| word & (1u64 << (group % 64)) != 0)
    }
}

static RULES: LazyLock<Rules> = LazyLock::new(compile::all);

/// All rules, compiled on first use.
pub(crate) fn rules() -> &'static Rules {
    &RULES
}

/// How the words of a reply were understood.
#[derive(Default)]
pub(crate) struct Matches {
    /// The rules that hold.
    pub rules: Vec<&'static Rule>,
    /// The provider that the words give away.
    pub provider: Option<&'static Provider>,
}

impl Rules {
    /// The rules that hold for a folded text.
    pub fn matches(&'static self, folded: &str, facts: Facts<'_>) -> Matches {
        let mut hits: Vec<Hit> = Vec::with_capacity(32);
        let mut set = GroupSet([0; GroupSet::WORDS]);
        let mut candidates: Vec<u16> = Vec::with_capacity(64);
        self.phrases.each(folded, |groups, place| {
            hits.push(Hit { groups, start: place.start, end: place.end });
            let fresh = groups.iter().filter(|group| set.insert(*group));
            fresh.for_each(|group| self.add_triggered(group, &mut candidates));
        });
        let marked = self.marks.iter().find(|(group, _)| set.has(*group)).map(|(_, provider)| *provider);
        let provider = facts.provider.or(marked);
        let facts = Facts { provider, ..facts };
        candidates.extend(&self.wordless);
        if provider.is_some() {
            candidates.extend(&self.providers_wordless);
        }
        let holds =
            |rule: &Rule| rule.second.is_none_or(|group| set.has(group)) && rule.holds(&facts, &set, &hits);
        candidates.retain(|index| self.rules.get(usize::from(*index)).is_some_and(holds));
        // The order of the files decides between equals.
        candidates.sort_unstable();
        let rules = candidates.into_iter().filter_map(|index| self.rules.get(usize::from(index)));
        Matches { rules: rules.collect(), provider }
    }

    /// Adds the rules to try when a group occurs.
    fn add_triggered(&self, group: Group, candidates: &mut Vec<u16>) {
        let mut next = self.triggered.get(usize::from(group.0)).copied().flatten();
        while let Some(index) = next {
            candidates.push(index);
            next = self.rules.get(usize::from(index)).and_then(|rule| rule.next);
        }
    }

    /// All rules, in the order of the files.
    #[cfg(test)]
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }

    /// How many groups of phrases are in use.
    #[cfg(test)]
    fn group_count(&self) -> usize {
        self.triggered.len()
    }
}

impl Rule {
    fn holds(&self, facts: &Facts<'_>, set: &GroupSet, hits: &[Hit]) -> bool {
        self.provider_holds(facts)
            && self.row.says.iter().all(|group| set.has(*group))
            && !self.row.never.iter().any(|group| set.has(*group))
            && self.row.fits(facts.code, facts.enhanced, facts.verb)
            && self.near(hits)
    }

    fn provider_holds(&self, facts: &Facts<'_>) -> bool {
        match (self.provider, facts.provider) {
            (None, _) => true,
            (Some(own), Some(seen)) => seen.is(own) || self.row.alone,
            (Some(_), None) => self.row.alone,
        }
    }

    /// Whether each group occurs near some place of the first one.
    fn near(&self, hits: &[Hit]) -> bool {
        let Some((first, rest)) = self.row.says.split_first() else { return true };
        if rest.is_empty() || self.row.within == 0 {
            return true;
        }
        let close = |a: &Hit, b: &Hit| {
            let gap =
                if a.start < b.start { b.start.saturating_sub(a.end) } else { a.start.saturating_sub(b.end) };
            gap <= self.row.within
        };
        hits.iter().filter(|anchor| anchor.groups.contains(*first)).any(|anchor| {
            let mut others = rest.iter();
            others.all(|group| hits.iter().any(|hit| hit.groups.contains(*group) && close(anchor, hit)))
        })
    }
}

/// All rows, patterns first.
#[cfg(test)]
pub(crate) fn rows() -> impl Iterator<Item = &'static RuleRow> {
    rules().all().iter().map(|rule| rule.row)
}

/// Whether all tables parse; the first that does not says why.
#[cfg(test)]
pub(crate) fn check() -> Result<(), super::tables::TableError> {
    rows::check()?;
    assert!((1000..=GroupSet::WORDS * 64).contains(&rules().group_count()));
    Ok(())
}

/// The files of all tables, below `grammar/`.
#[cfg(test)]
pub(crate) fn files() -> impl Iterator<Item = &'static str> {
    let tables = rows::PATTERNS.iter().chain(rows::PROVIDERS).map(|table| table.file);
    tables.chain(["patterns/words.toml"])
}
