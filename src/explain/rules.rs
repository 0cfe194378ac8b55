//! Rules: rows that read a reason out of a server's words, all phrases of which are looked for at once.
//!
//! A rule asks for groups of phrases. Each phrase is folded like the replies are, so that case, accents and
//! punctuation do not matter, and matches whole words: `spam*` the beginning of a word, `url:example.org` the
//! words of a URL. `@name` is a group from `words.toml`. All groups must occur, near each other.

mod codes;
mod compile;
#[cfg(test)]
mod pack;
mod parts;
mod phrases;
mod rows;
mod said;
mod trie;

use std::ops::Range;
use std::sync::LazyLock;

use smallvec::SmallVec;

use super::Reason;
#[cfg(test)]
use super::slots;
use super::tables::ReasonRow;
use super::words::Words;
use crate::wire::EnhancedCode;

pub(crate) use compile::{provider_of_host, providers};
use phrases::Phrases;
pub use rows::{Provider, RuleRow};
use said::{ByGroup, Said};

/// The number of a group of phrases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group(u16);

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
    /// The groups that it asks for, and those that rule it out, among the words of all rules.
    says: Range<u16>,
    never: Range<u16>,
    /// How far apart the groups may stand; 0 for no limit.
    within: usize,
    /// Whether it asks for more of codes and command than its trial does.
    particular: bool,
}

/// A rule to try where the rarest of its groups occurs.
#[derive(Clone, Copy, Debug)]
struct Trial {
    rule: u16,
    /// The rarest group but one, where there is another: without it the rest need not be looked at.
    second: Group,
    /// The least and the greatest reply code that it takes.
    codes: (u16, u16),
}

/// The rules to try, by the group that makes them worth it.
struct Trials {
    /// Groups that have some are told when they occur; most have none.
    told: ByGroup<u8>,
    /// For each group, from where to where its trials are.
    places: ByGroup<[u16; 2]>,
    trials: Vec<Trial>,
}

impl Trials {
    /// Those of a group.
    #[inline]
    fn of(&self, group: Group) -> &[Trial] {
        let [start, end] = self.places.get(group);
        self.trials.get(usize::from(start)..usize::from(end)).unwrap_or_default()
    }
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
    phrases: &'static Phrases<'static>,
    rules: Vec<Rule>,
    /// The groups of each rule: those that it asks for, then those that rule it out.
    words: Vec<Group>,
    trials: Trials,
    /// Rules that ask for no words.
    wordless: Vec<u16>,
    /// Rules that ask for no words, but for a provider.
    providers_wordless: Vec<u16>,
    /// For each provider, the group of words by which replies give it away.
    marks: Vec<(Group, &'static Provider)>,
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
    pub rules: SmallVec<[&'static Rule; 16]>,
    /// The provider that the words give away.
    pub provider: Option<&'static Provider>,
}

impl Rules {
    /// The rules that hold for the words of a folded text.
    pub fn matches(&'static self, words: &Words<'_>, facts: Facts<'_>) -> Matches {
        let mut trials: SmallVec<[Trial; 64]> = SmallVec::new();
        let mut said = Said::nothing(self.phrases, &self.trials.told);
        said.look(words, |group| {
            let fits = |trial: &&Trial| trial.codes.0 <= facts.code && facts.code <= trial.codes.1;
            self.trials.of(group).iter().filter(fits).for_each(|trial| trials.push(*trial));
        });
        let marked = self.marks.iter().find(|(group, _)| said.has(*group)).map(|(_, provider)| *provider);
        let provider = facts.provider.or(marked);
        let facts = Facts { provider, ..facts };
        let mut numbers: SmallVec<[u16; 16]> = SmallVec::new();
        let mut test = |number: u16| {
            if self.rules.get(usize::from(number)).is_some_and(|rule| self.holds(rule, &facts, &said)) {
                numbers.push(number);
            }
        };
        trials.iter().filter(|trial| said.has(trial.second)).for_each(|trial| test(trial.rule));
        self.wordless.iter().for_each(|number| test(*number));
        if provider.is_some() {
            self.providers_wordless.iter().for_each(|number| test(*number));
        }
        // The order of the files decides between equals.
        numbers.sort_unstable();
        let rules = numbers.iter().filter_map(|number| self.rules.get(usize::from(*number)));
        Matches { rules: rules.collect(), provider }
    }

    fn holds(&self, rule: &Rule, facts: &Facts<'_>, said: &Said<'_>) -> bool {
        let words = |range: &Range<u16>| {
            self.words.get(usize::from(range.start)..usize::from(range.end)).unwrap_or_default()
        };
        let says = words(&rule.says);
        rule.provider_holds(facts)
            && says.iter().all(|group| said.has(*group))
            && !words(&rule.never).iter().any(|group| said.has(*group))
            && (!rule.particular || rule.row.fits(facts.code, facts.enhanced, facts.verb))
            && said.near(says, rule.within)
    }

    /// All rules, in the order of the files.
    #[cfg(test)]
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }
}

impl Rule {
    fn provider_holds(&self, facts: &Facts<'_>) -> bool {
        match (self.provider, facts.provider) {
            (None, _) => true,
            (Some(own), Some(seen)) => seen.is(own) || self.row.alone,
            (Some(_), None) => self.row.alone,
        }
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
    assert!((1000..=said::GROUPS).contains(&compile::group_count()));
    Ok(())
}

/// The files of all tables, below `grammar/`.
#[cfg(test)]
pub(crate) fn files() -> impl Iterator<Item = &'static str> {
    let tables = rows::PATTERNS.iter().chain(rows::PROVIDERS).map(|table| table.file);
    tables.chain(["patterns/words.toml"])
}
