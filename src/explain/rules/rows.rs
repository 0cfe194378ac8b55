//! Rows of `grammar/patterns` and `grammar/providers`.

use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};

use super::Group;
use super::codes::{CodePattern, EnhancedPattern};
#[cfg(test)]
use crate::explain::tables::TableError;
use crate::explain::tables::{Table, table};
use crate::explain::{Actor, Advice};
use crate::wire::EnhancedCode;

/// A rule as it stands in a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleRow {
    /// Its name, unique among all rules.
    pub id: &'static str,
    /// The reason that it points to.
    pub reason: &'static str,
    /// How much it counts, 0 to 100.
    #[serde(default)]
    pub weight: Option<u8>,
    /// Groups of phrases, all of which must occur: `a | b | @group`.
    #[serde(default)]
    pub says: Vec<Group>,
    /// Phrases none of which may occur.
    #[serde(default)]
    pub never: Vec<Group>,
    /// How far apart the groups may stand, in letters; 0 for no limit.
    #[serde(default = "near")]
    pub within: usize,
    /// Codes: `550`, `55x`; none means any error.
    #[serde(default)]
    pub code: Vec<CodePattern>,
    /// Enhanced codes: `5.7.1`, `x.7.x`, `x.7.606-649`.
    #[serde(default)]
    pub enhanced: Vec<EnhancedPattern>,
    /// Verbs after which alone it holds.
    #[serde(default)]
    pub after: Vec<&'static str>,
    /// In a provider's table: the words are the provider's own, so that the rule holds where the provider is not
    /// known.
    #[serde(default)]
    pub alone: bool,
    /// What is wrong, for the headline; else that of the reason.
    #[serde(default)]
    pub short: Option<&'static str>,
    /// Causes; else those of the reason.
    #[serde(default)]
    pub causes: Vec<Advice>,
    /// Fixes; else those of the reason.
    #[serde(default)]
    pub fixes: Vec<Advice>,
    /// Who has to act; else as the reason says.
    #[serde(default)]
    pub actor: Option<Actor>,
    /// Where to read on, before the reason's sources.
    #[serde(default)]
    pub sources: Vec<&'static str>,
    /// A reply that selects this row, for the tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by tests"))]
    pub sample: &'static str,
}

fn near() -> usize {
    60
}

impl RuleRow {
    /// The least and the greatest code that fit.
    pub(super) fn codes(&self) -> (u16, u16) {
        let least = self.code.iter().map(CodePattern::least).min();
        let greatest = self.code.iter().map(CodePattern::greatest).max();
        (least.unwrap_or(0), greatest.unwrap_or(u16::MAX))
    }

    /// Whether it asks for more than a code between the two of [`RuleRow::codes`].
    pub(super) fn is_particular(&self) -> bool {
        self.code.len() > 1 || !self.enhanced.is_empty() || !self.after.is_empty()
    }

    /// Whether codes and command fit.
    pub(crate) fn fits(&self, code: u16, enhanced: Option<EnhancedCode>, verb: Option<&str>) -> bool {
        (self.code.is_empty() || self.code.iter().any(|pattern| pattern.fits(code)))
            && (self.enhanced.is_empty()
                || enhanced.is_some_and(|e| self.enhanced.iter().any(|pattern| pattern.fits(e))))
            && (self.after.is_empty() || verb.is_some_and(|v| self.after.contains(&v)))
    }
}

/// A mail provider with replies of its own: a file of `grammar/providers`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The short name, equal to the file's.
    pub id: &'static str,
    /// The name for people.
    pub name: &'static str,
    /// Names of its hosts: a whole name or what it ends in, from a dot on.
    pub hosts: Vec<&'static str>,
    /// Phrases that give it away in a reply or a greeting: all one group.
    #[serde(default)]
    pub marks: Vec<Group>,
    /// Other providers whose tables hold here too.
    #[serde(default)]
    pub like: Vec<&'static str>,
    /// Where its people hand mail in, as targets.
    #[serde(default)]
    pub(crate) submission: Vec<&'static str>,
    /// Its rules.
    #[serde(default)]
    pub rule: Vec<RuleRow>,
}

impl Provider {
    /// Whether this is `other`, or like it.
    pub(crate) fn is(&self, other: &Provider) -> bool {
        self.id == other.id || self.like.contains(&other.id)
    }
}

/// As `build.rs` numbers them; a table as people write it has the phrases there, and is only checked.
impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Group, D::Error> {
        struct Numbered;
        impl Visitor<'_> for Numbered {
            type Value = Group;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a group of phrases")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Group, E> {
                u16::try_from(number).map(Group).map_err(E::custom)
            }

            #[cfg(test)]
            fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Group, E> {
                Ok(Group(u16::MAX))
            }
        }
        deserializer.deserialize_any(Numbered)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "'de: 'static"))]
struct PatternFile {
    #[serde(default)]
    rule: Vec<RuleRow>,
}

macro_rules! tables {
    ($folder:literal: $($name:literal),+ $(,)?) => { &[$(table!($folder, "/", $name)),+] };
}

/// Wording that is not one provider's own; general files before those of one software.
pub(crate) const PATTERNS: &[Table] = tables!("patterns": "general", "refusals", "system", "families", "sentences", "narrower", "refined", "machinery", "permissions", "postfix", "exim", "exchange", "others", "gist");

/// Providers.
pub(crate) const PROVIDERS: &[Table] = tables!("providers": "gmail", "microsoft365", "outlook", "ses", "sendgrid", "yahoo", "att", "barracuda", "brevo", "cloudmark", "comcast", "fastmail", "french", "gmx", "icloud", "mailgun", "mailru", "mimecast", "netease", "ovh", "postmark", "proofpoint", "spectrum", "tencent", "tonline", "zoho");

/// The rules of all pattern files.
pub(crate) fn patterns() -> impl Iterator<Item = RuleRow> {
    PATTERNS.iter().flat_map(|table| table.rows::<PatternFile>().rule)
}

/// Each provider with its rules.
pub(crate) fn providers() -> impl Iterator<Item = Provider> {
    PROVIDERS.iter().filter_map(|table| table.rows::<Option<Provider>>())
}

/// Whether all tables are as their rows want them.
#[cfg(test)]
pub(crate) fn check() -> Result<(), TableError> {
    PATTERNS.iter().try_for_each(Table::check::<PatternFile>)?;
    PROVIDERS.iter().try_for_each(Table::check::<Provider>)
}

#[cfg(test)]
mod tests {
    use super::super::rows;

    #[test]
    fn what_is_not_particular_asks_for_a_code_between_two_and_no_more() {
        let (particular, plain): (Vec<_>, Vec<_>) = rows().partition(|row| row.is_particular());
        assert!(!particular.is_empty() && plain.len() > 100);
        for code in 0..1000 {
            for row in &plain {
                let (least, greatest) = row.codes();
                assert_eq!(
                    (least..=greatest).contains(&code),
                    row.fits(code, None, None),
                    "{} {code}",
                    row.id
                );
            }
            // A rule is not even tried with a code outside.
            for row in particular.iter().filter(|row| row.code.iter().any(|pattern| pattern.fits(code))) {
                let (least, greatest) = row.codes();
                assert!((least..=greatest).contains(&code), "{} {code}", row.id);
            }
        }
    }
}
