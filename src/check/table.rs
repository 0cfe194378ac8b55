//! The table of findings, `grammar/checks.toml`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::finding::Severity;
use crate::explain::tables::{Table, table};
use crate::explain::{self, Actor, Fix, Text, fill_with, split_command};

/// What is known of a finding. A row borrows what it lacks from the row of another table that it names with `as`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// How bad it is, unless the situation says otherwise.
    pub severity: Severity,
    /// The finding in one line; a template.
    pub title: &'static str,
    /// The row of `failures.toml`, `tls.toml` or `reasons.toml` that says the rest.
    #[serde(default, rename = "as")]
    pub like: Option<&'static str>,
    /// What it means; a template.
    #[serde(default)]
    pub meaning: Option<&'static str>,
    /// Who has to act.
    #[serde(default)]
    pub actor: Option<Actor>,
    /// Why, most probable first; templates.
    #[serde(default)]
    pub causes: Vec<&'static str>,
    /// What to do, best first; templates, with a command behind ` => `.
    #[serde(default)]
    pub fixes: Vec<&'static str>,
    /// Where to read on.
    #[serde(default)]
    pub sources: Vec<&'static str>,
}

const TABLE: Table = table!("checks");

static ROWS: LazyLock<BTreeMap<&'static str, Row>> = LazyLock::new(|| TABLE.rows());

/// The row of a finding.
pub fn row(id: &str) -> Option<(&'static str, &'static Row)> {
    ROWS.get_key_value(id).map(|(id, row)| (*id, row))
}

/// All rows, by id.
pub fn rows() -> impl Iterator<Item = (&'static str, &'static Row)> {
    ROWS.iter().map(|(id, row)| (*id, row))
}

/// What a row says in a situation.
pub(super) struct Told {
    pub title: Text,
    pub meaning: Text,
    pub actor: Actor,
    pub causes: Vec<Text>,
    pub fixes: Vec<Fix>,
    pub sources: Vec<Text>,
}

/// The values of the names in templates.
pub(super) type Values = Vec<(&'static str, String)>;

impl Row {
    /// The row with its names filled in. A text whose names have no value is left out.
    pub(super) fn tell(&self, id: &'static str, values: &Values) -> Told {
        let value = |name: &str| {
            let found = values.iter().rev().find(|(key, _)| *key == name);
            found.map(|(_, value)| Cow::Borrowed(value.as_str()))
        };
        let fill = |text: &'static str| fill_with(text, value);
        let target = value("target");
        let asked = explain::Asked { target: target.as_deref(), ..explain::Asked::default() };
        let other = self.like.and_then(|slug| explain::explain_row(slug, asked));
        let (mut causes, mut fixes, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        causes.extend(self.causes.iter().filter_map(|text| fill(text)));
        fixes.extend(self.fixes.iter().filter_map(|text| fix(text, fill)));
        sources.extend(self.sources.iter().map(|text| Cow::Borrowed(*text)));
        let mut meaning = self.meaning.and_then(fill);
        let mut actor = self.actor;
        if let Some(other) = other {
            meaning = meaning.or(other.standard);
            actor = actor.or(Some(other.actor));
            causes = if causes.is_empty() { other.causes } else { causes };
            fixes = if fixes.is_empty() { other.fixes } else { fixes };
            sources = if sources.is_empty() { other.sources } else { sources };
        }
        Told {
            title: fill(self.title).unwrap_or(Cow::Borrowed(id)),
            meaning: meaning.unwrap_or_default(),
            actor: actor.unwrap_or_default(),
            causes,
            fixes: outside_a_session(fixes),
            sources,
        }
    }
}

fn fix(row: &'static str, fill: impl Fn(&'static str) -> Option<Text>) -> Option<Fix> {
    let (text, command) = split_command(row);
    Some(Fix { text: fill(text)?, command: command.and_then(fill) })
}

/// Proposals for the prompt of a session mean nothing here: only their words are kept.
pub(super) fn outside_a_session(mut fixes: Vec<Fix>) -> Vec<Fix> {
    for fix in &mut fixes {
        fix.command = fix.command.take().filter(|command| command.starts_with("heloise "));
    }
    fixes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_parses() {
        TABLE.check::<BTreeMap<&str, Row>>().unwrap();
    }

    #[test]
    fn every_row_has_a_meaning_an_actor_a_cause_a_fix_and_a_source() {
        for (id, row) in rows() {
            if let Some(like) = row.like {
                assert!(
                    explain::explain_row(like, explain::Asked::default()).is_some(),
                    "{id}: no row {like} in any table"
                );
            }
            let told = row.tell(id, &all_values(row));
            assert_ne!(told.title, id, "{id}: the title cannot be filled: {}", row.title);
            assert!(!told.meaning.is_empty(), "{id} has no meaning");
            assert_ne!((told.actor, row.severity), (Actor::Nobody, Severity::Problem), "{id} has no actor");
            assert!(!told.causes.is_empty(), "{id} has no cause");
            assert!(!told.fixes.is_empty(), "{id} has no fix");
            assert!(!told.sources.is_empty(), "{id} has no source");
        }
    }

    /// A value for each name that the row's templates have.
    fn all_values(row: &Row) -> Values {
        let texts = row.causes.iter().chain(&row.fixes).chain(row.meaning.iter()).copied();
        let names = texts.chain([row.title]).flat_map(|text| text.split('{').skip(1));
        names.filter_map(|rest| Some((rest.split(['}', '|']).next()?, "value".to_owned()))).collect()
    }
}
