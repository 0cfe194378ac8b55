//! The tables under `grammar/`, each read when it is first asked for.
//!
//! They are TOML; `build.rs` packs them for the program to hold. A table whose rows are not what its types want is
//! empty at run time; tests read the TOML itself and refuse it with file, line and reason, so this never leaves the
//! workshop.

mod quirks;
mod reasons;
mod registry;
mod replies;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use quirks::{QuirkRow, UNEXPECTED_CODE, quirk, quirks};
pub use reasons::{ReasonRow, failure, failures, reason, reasons};
pub(crate) use registry::enhanced_reason;
#[cfg(test)]
pub(crate) use registry::enhanced_rows;
pub use registry::{
    Capability, CommandInfo, EnhancedRow, Mechanism, Param, TlsRow, capabilities, capability, command,
    commands, enhanced, enhanced_meaning, mechanism, mechanisms, tls, tls_rows,
};
pub(crate) use replies::{Coded, best_row};
pub use replies::{ReplyRow, is_expected, reply_meaning, reply_rows};

/// What a code or keyword means, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The meaning, as a clause.
    pub text: &'static str,
    /// The document and section that define it.
    pub source: &'static str,
}

/// A table that cannot be used.
#[cfg(test)]
#[derive(Clone, Debug, thiserror::Error)]
#[error("grammar/{file}: {message}")]
pub(crate) struct TableError {
    /// The file, below `grammar/`.
    pub file: &'static str,
    /// The line and what is wrong there.
    pub message: String,
}

/// A file of `grammar/`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    /// Its name, below `grammar/`.
    #[cfg(test)]
    pub file: &'static str,
    /// As people write it.
    #[cfg(test)]
    pub text: &'static str,
    /// The same, packed by `build.rs`.
    pub packed: &'static [u8],
}

/// The table of this name, below `grammar/` and without its ending.
macro_rules! table {
    ($($name:literal),+) => {
        $crate::explain::tables::Table {
            #[cfg(test)]
            file: concat!($($name,)+ ".toml"),
            #[cfg(test)]
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/", $($name,)+ ".toml")),
            packed: include_bytes!(concat!(env!("OUT_DIR"), "/", $($name,)+ ".pack")),
        }
    };
}
pub(crate) use table;

impl Table {
    /// The rows; none where the table is broken.
    pub fn rows<T: Deserialize<'static> + Default>(&self) -> T {
        rmp_serde::from_slice(self.packed).unwrap_or_default()
    }

    /// Whether the table is as its rows want it, in both forms.
    #[cfg(test)]
    pub fn check<T: Deserialize<'static>>(&self) -> Result<(), TableError> {
        let wrong = |message| TableError { file: self.file, message };
        toml::from_str::<T>(self.text).map_err(|error| wrong(error.to_string()))?;
        rmp_serde::from_slice::<T>(self.packed).map_err(|error| wrong(format!("packed: {error}")))?;
        Ok(())
    }
}

/// A table whose rows are named by their headings.
pub(crate) type Keyed<T> = BTreeMap<&'static str, T>;

/// Whether all tables parse; the first that does not says why.
#[cfg(test)]
pub(crate) fn check() -> Result<(), TableError> {
    registry::check()?;
    quirks::check()?;
    reasons::check()?;
    replies::check()
}
