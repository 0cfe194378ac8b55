//! Reasons: the cause families, with what is common to all replies of one family.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{Keyed, Table, table};
use crate::explain::{Actor, Advice, Reason};

/// A cause family: a row of `reasons.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonRow {
    /// What it means, as a clause.
    pub meaning: &'static str,
    /// The headline's clause; a template.
    pub short: &'static str,
    /// Who has to act.
    pub actor: Actor,
    /// Why, most probable first; templates with conditions.
    pub causes: Vec<Advice>,
    /// What to do, best first; templates with conditions.
    pub fixes: Vec<Advice>,
    /// Where to read on; with conditions.
    pub sources: Vec<Advice>,
    /// What others call it: `ECONNREFUSED`, `NXDOMAIN`.
    #[serde(default)]
    pub names: Vec<&'static str>,
}

const REASONS_TABLE: Table = table!("reasons");
static REASONS: LazyLock<Keyed<ReasonRow>> = LazyLock::new(|| REASONS_TABLE.rows());

/// The row of a reason.
pub fn reason(slug: &str) -> Option<(Reason, &'static ReasonRow)> {
    REASONS.get_key_value(slug).map(|(slug, row)| (Reason(slug), row))
}

/// All reasons, by slug.
pub fn reasons() -> impl Iterator<Item = (Reason, &'static ReasonRow)> {
    REASONS.iter().map(|(slug, row)| (Reason(slug), row))
}

const FAILURES_TABLE: Table = table!("failures");
static FAILURES: LazyLock<Keyed<ReasonRow>> = LazyLock::new(|| FAILURES_TABLE.rows());

/// The row of a failure that is no reply.
pub fn failure(slug: &str) -> Option<(&'static str, &'static ReasonRow)> {
    FAILURES.get_key_value(slug).map(|(slug, row)| (*slug, row))
}

/// All failures that are no replies, by slug.
pub fn failures() -> impl Iterator<Item = (&'static str, &'static ReasonRow)> {
    FAILURES.iter().map(|(slug, row)| (*slug, row))
}

#[cfg(test)]
pub(crate) fn check() -> Result<(), super::TableError> {
    REASONS_TABLE.check::<Keyed<ReasonRow>>()?;
    FAILURES_TABLE.check::<Keyed<ReasonRow>>()
}
