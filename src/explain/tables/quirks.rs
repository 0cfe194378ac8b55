//! Deviations from the protocol: what they mean, by the words in which they are told.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{Keyed, Table, table};
use crate::explain::{Actor, Advice};

/// A kind of deviation: a row of `quirks.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuirkRow {
    /// Words of [`crate::wire::Quirk`] for it, in lower case.
    pub words: Vec<&'static str>,
    /// What it means, as a clause.
    pub meaning: &'static str,
    /// Why it happens, most probable first.
    pub causes: Vec<Advice>,
    /// What to do; `text => command` where a command can be typed.
    pub fixes: Vec<Advice>,
    /// Who has to act.
    pub actor: Actor,
    /// The clause that it breaks.
    pub source: &'static str,
}

const QUIRKS_TABLE: Table = table!("quirks");
static QUIRKS: LazyLock<Keyed<QuirkRow>> = LazyLock::new(|| QUIRKS_TABLE.rows());

/// The name of the row for [`crate::wire::Quirk::UnexpectedCode`], and of the reason for replies with such a code.
pub const UNEXPECTED_CODE: &str = "unexpected-code";

/// The row of the deviation that is told in these words; of several, that with the longest words in common.
pub fn quirk(told: &str) -> Option<(&'static str, &'static QuirkRow)> {
    let told = told.to_ascii_lowercase();
    let length = |row: &QuirkRow| row.words.iter().filter(|w| told.contains(**w)).map(|w| w.len()).max();
    let rows = quirks().filter_map(|(slug, row)| Some((length(row)?, slug, row)));
    rows.max_by_key(|(length, ..)| *length).map(|(_, slug, row)| (slug, row))
}

/// All deviations, by name.
pub fn quirks() -> impl Iterator<Item = (&'static str, &'static QuirkRow)> {
    QUIRKS.iter().map(|(slug, row)| (*slug, row))
}

#[cfg(test)]
pub(super) fn check() -> Result<(), super::TableError> {
    QUIRKS_TABLE.check::<Keyed<QuirkRow>>()
}

#[cfg(test)]
mod tests {
    use super::{UNEXPECTED_CODE, quirk};
    use crate::wire::Quirk;

    #[test]
    fn each_deviation_has_its_row() {
        let found = |told: Quirk| quirk(&told.to_string()).map(|(slug, row)| (slug, row.source));
        for (told, slug) in [
            (Quirk::BareLf, "bare-lf"),
            (Quirk::BareCr, "bare-cr"),
            (Quirk::Unterminated, "unterminated"),
            (Quirk::LineTooLong { length: 600, limit: 512 }, "line-too-long"),
            (Quirk::Nul, "nul"),
            (Quirk::Control, "control"),
            (Quirk::Utf8, "utf-8-reply"),
            (Quirk::EightBit, "eight-bit"),
            (Quirk::CodesDisagree { first: 250, other: 550 }, "codes-disagree"),
            (Quirk::EnhancedDisagree, "enhanced-disagree"),
            (Quirk::ClassMismatch, "class-mismatch"),
            (Quirk::CodeOnly, "code-only"),
            (Quirk::NoText, "code-only"),
            (Quirk::OddCode, "odd-code"),
            (Quirk::OddSeparator(b'+'), "odd-separator"),
            (Quirk::NotAReply, "not-a-reply"),
            (Quirk::Unsolicited, "unsolicited"),
            (Quirk::UnexpectedCode { code: 250, expected: &[220] }, UNEXPECTED_CODE),
            (Quirk::PlaintextAfterStartTls { bytes: 9 }, "plaintext-after-starttls"),
            (Quirk::OddKeyword, "odd-keyword"),
            (Quirk::OddParameter("NUL".into()), "odd-parameter"),
            (Quirk::NoName, "no-name"),
            (Quirk::DuplicateKeyword("SIZE".into()), "duplicate-keyword"),
            (Quirk::ObsoleteCapability("AUTH=LOGIN".into()), "obsolete-capability"),
            (Quirk::LooseEndOfContent { form: "LF . CRLF" }, "loose-end-of-content"),
        ] {
            let clause = told.source();
            let (found, source) = found(told).unwrap_or_else(|| panic!("{slug} has no row"));
            assert_eq!(found, slug);
            assert!(clause.starts_with(source) || source == clause, "{slug}: {source} is not {clause}");
        }
        assert!(quirk("something new").is_none());
    }
}
