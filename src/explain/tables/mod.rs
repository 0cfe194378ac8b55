//! The tables under `grammar/`, each parsed when it is first asked for.
//!
//! They are TOML, compiled into the program. Strings must be free of backslash escapes, so that they can be
//! used where they lie. A table that does not parse is empty at run time; tests refuse it with file, line
//! and reason, so this never leaves the workshop.

mod reasons;
mod registry;
mod replies;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use reasons::{ReasonRow, failure, failures, reason, reasons};
#[cfg(test)]
pub(crate) use registry::enhanced_rows;
pub use registry::{
    Capability, CommandInfo, EnhancedRow, Mechanism, Param, TlsRow, capabilities, capability, command,
    commands, enhanced, enhanced_meaning, mechanism, mechanisms, tls, tls_rows,
};
pub use replies::{ReplyRow, is_expected, reply_meaning, reply_rows};
pub(crate) use replies::{best_row, code_matches};

/// What a code or keyword means, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The meaning, as a clause.
    pub text: &'static str,
    /// The document and section that define it.
    pub source: &'static str,
}

/// A table that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("grammar/{file}: {message}")]
pub struct TableError {
    /// The file, below `grammar/`.
    pub file: &'static str,
    /// The line and what is wrong there.
    pub message: String,
}

/// Parses one table.
pub(crate) fn parse<T>(file: &'static str, text: &'static str) -> Result<T, TableError>
where
    T: Deserialize<'static>,
{
    toml::from_str(text).map_err(|error| TableError { file, message: error.to_string() })
}

/// Parses one table; a broken one counts as empty.
pub(crate) fn load<T>(file: &'static str, text: &'static str) -> T
where
    T: Deserialize<'static> + Default,
{
    parse(file, text).unwrap_or_default()
}

/// A table whose rows are named by their headings.
pub(crate) type Keyed<T> = BTreeMap<&'static str, T>;

/// Whether all tables parse; the first that does not says why.
#[cfg(test)]
pub(crate) fn check() -> Result<(), TableError> {
    registry::check()?;
    reasons::check()?;
    replies::check()
}
