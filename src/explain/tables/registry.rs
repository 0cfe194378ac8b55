//! Tables that are looked up by name: commands, enhanced codes, EHLO keywords, mechanisms, TLS.

use std::sync::LazyLock;

use serde::Deserialize;

use super::{Keyed, Meaning, ReasonRow, Table, reason, table};
use crate::explain::{Advice, Reason};
use crate::wire::EnhancedCode;

/// A command: a row of `commands.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandInfo {
    /// The verb in upper case.
    #[serde(skip)]
    pub verb: &'static str,
    /// The whole line: `RCPT TO:<address> [params]`.
    pub syntax: &'static str,
    /// What may follow the verb, for the ghost hint: ` TO:<address>`.
    #[serde(default)]
    pub hint: &'static str,
    /// What it is for, in a few words.
    pub summary: &'static str,
    /// Phases in which it is legal.
    pub phases: Vec<&'static str>,
    /// Codes of replies that surprise nobody.
    #[serde(default)]
    pub expected: Vec<u16>,
    /// Parameters that extensions add.
    #[serde(default)]
    pub params: Vec<Param>,
    /// The EHLO keyword that must be offered, if one must.
    #[serde(default)]
    pub needs: Option<&'static str>,
    /// The document and section that define it.
    pub rfc: &'static str,
}

/// A parameter of MAIL or RCPT.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// As it is written, with what follows `=`: `SIZE=octets`.
    pub syntax: &'static str,
    /// The EHLO keyword that offers it.
    pub needs: &'static str,
    /// What it is for.
    pub summary: &'static str,
}

/// An enhanced status code: a row of `enhanced.toml`, whose heading is `x.subject.detail` for any class or
/// `5.subject.detail` for one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnhancedRow {
    /// The registry's meaning, shortened to a clause.
    pub meaning: &'static str,
    /// The document that registered it.
    pub source: &'static str,
    /// The reason it points to, if to one.
    #[serde(default)]
    pub reason: Option<&'static str>,
    /// How much it counts, 0 to 100.
    #[serde(default)]
    pub weight: u8,
    /// Set for codes that are not in the registry but widely seen.
    #[serde(default)]
    pub private: bool,
}

/// An EHLO keyword: a row of `extensions.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capability {
    /// What it lets a client do.
    pub meaning: &'static str,
    /// What its parameters mean.
    #[serde(default)]
    pub params: &'static str,
    /// The document that defines it; for private ones, the server that has it.
    pub rfc: &'static str,
    /// `standard`, `obsolete` or `private`.
    pub status: &'static str,
}

/// A SASL mechanism: a row of `sasl.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mechanism {
    /// How it proves who one is.
    pub meaning: &'static str,
    /// What it sends and needs.
    pub needs: &'static str,
    /// 0 (sends the password, or nothing) to 5 (mutual, bound to the channel).
    pub strength: u8,
    /// Whether the link must be encrypted for it to be safe.
    pub needs_tls: bool,
    /// The document that defines it.
    pub rfc: &'static str,
}

/// A TLS alert or verify error: a row of `tls.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsRow {
    /// `alert`, `verify` or `handshake`.
    pub kind: &'static str,
    /// Words that libraries use for it, in lower case.
    pub words: Vec<&'static str>,
    /// Of alerts, the numbers of the IANA registry.
    #[serde(default)]
    pub alerts: Vec<u8>,
    /// What it means.
    pub meaning: &'static str,
    /// Why it happens, most probable first.
    pub causes: Vec<Advice>,
    /// What to do; `text => command` where a command can be typed.
    pub fixes: Vec<Advice>,
    /// Who has to act.
    pub actor: crate::explain::Actor,
    /// The document that defines it.
    pub source: &'static str,
}

const COMMANDS_TABLE: Table = table!("commands");
const ENHANCED_TABLE: Table = table!("enhanced");
const EXTENSIONS_TABLE: Table = table!("extensions");
const SASL_TABLE: Table = table!("sasl");
const TLS_TABLE: Table = table!("tls");

static COMMANDS: LazyLock<Keyed<CommandInfo>> = LazyLock::new(|| {
    let mut rows: Keyed<CommandInfo> = COMMANDS_TABLE.rows();
    rows.iter_mut().for_each(|(verb, row)| row.verb = verb);
    rows
});
static ENHANCED: LazyLock<Keyed<EnhancedRow>> = LazyLock::new(|| ENHANCED_TABLE.rows());
static EXTENSIONS: LazyLock<Keyed<Capability>> = LazyLock::new(|| EXTENSIONS_TABLE.rows());
static SASL: LazyLock<Keyed<Mechanism>> = LazyLock::new(|| SASL_TABLE.rows());
static TLS: LazyLock<Keyed<TlsRow>> = LazyLock::new(|| TLS_TABLE.rows());

/// The command of this verb, in whatever case it is written.
pub fn command(verb: &str) -> Option<&'static CommandInfo> {
    lookup(&COMMANDS, verb)
}

/// All commands, by verb.
pub fn commands() -> impl Iterator<Item = &'static CommandInfo> {
    COMMANDS.values()
}

/// What this EHLO keyword means.
pub fn capability(keyword: &str) -> Option<&'static Capability> {
    let keyword = if keyword.to_ascii_uppercase().starts_with("AUTH=") { "AUTH=" } else { keyword };
    lookup(&EXTENSIONS, keyword)
}

/// All EHLO keywords known, by name.
pub fn capabilities() -> impl Iterator<Item = (&'static str, &'static Capability)> {
    EXTENSIONS.iter().map(|(name, row)| (*name, row))
}

/// What this SASL mechanism is.
pub fn mechanism(name: &str) -> Option<&'static Mechanism> {
    lookup(&SASL, name)
}

/// All SASL mechanisms known, by name.
pub fn mechanisms() -> impl Iterator<Item = (&'static str, &'static Mechanism)> {
    SASL.iter().map(|(name, row)| (*name, row))
}

/// The row of an enhanced code: that for its class, else that for any class.
pub fn enhanced(code: EnhancedCode) -> Option<&'static EnhancedRow> {
    enhanced_key(code.class, code.subject, code.detail).map(|found| found.row)
}

/// The same with the reason that the row points to, if it points to one.
pub(crate) fn enhanced_reason(
    code: EnhancedCode,
) -> Option<(&'static EnhancedRow, (Reason, &'static ReasonRow))> {
    let found = enhanced_key(code.class, code.subject, code.detail)?;
    Some((found.row, found.reason?))
}

fn enhanced_key(class: u8, subject: u16, detail: u16) -> Option<&'static Numbered> {
    let index = &*ENHANCED_INDEX;
    let row = |class| {
        let number = enhanced_number(class, subject, detail);
        index.get(index.binary_search_by_key(&number, |row| row.number).ok()?)
    };
    row(class).or_else(|| row(0))
}

/// Class (0 for any), subject and detail as one number.
fn enhanced_number(class: u8, subject: u16, detail: u16) -> u64 {
    u64::from(class) << 32 | u64::from(subject) << 16 | u64::from(detail)
}

/// A row with its number and its reason looked up.
struct Numbered {
    number: u64,
    row: &'static EnhancedRow,
    reason: Option<(Reason, &'static ReasonRow)>,
}

/// The rows by number, sorted.
static ENHANCED_INDEX: LazyLock<Vec<Numbered>> = LazyLock::new(|| {
    let number = |name: &str| {
        let mut parts = name.split('.');
        let class = parts.next().map(|class| class.parse().unwrap_or(0))?;
        Some(enhanced_number(class, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let numbered = |(name, row): (&&str, &'static EnhancedRow)| {
        Some(Numbered { number: number(name)?, row, reason: row.reason.and_then(reason) })
    };
    let mut index: Vec<_> = ENHANCED.iter().filter_map(numbered).collect();
    index.sort_unstable_by_key(|row| row.number);
    index
});

/// What an enhanced code means; for unregistered details, what its subject means.
pub fn enhanced_meaning(code: EnhancedCode) -> Option<Meaning> {
    enhanced(code)
        .or_else(|| enhanced_key(0, code.subject, 0).map(|found| found.row))
        .map(|row| Meaning { text: row.meaning, source: row.source })
}

/// The TLS row whose words occur in what a library or a server said. Libraries go from the general to the
/// particular, so the words that stand last win.
pub fn tls(said: &str) -> Option<(&'static str, &'static TlsRow)> {
    let said = said.to_ascii_lowercase();
    let end = |word: &&str| said.rfind(*word).map(|at| (at + word.len(), word.len()));
    TLS.iter()
        .filter_map(|(name, row)| Some((row.words.iter().filter_map(end).max()?, *name, row)))
        .max_by_key(|(end, ..)| *end)
        .map(|(_, name, row)| (name, row))
}

/// All TLS rows, by name.
pub fn tls_rows() -> impl Iterator<Item = (&'static str, &'static TlsRow)> {
    TLS.iter().map(|(name, row)| (*name, row))
}

fn lookup<T>(table: &'static Keyed<T>, name: &str) -> Option<&'static T> {
    table.get(name).or_else(|| table.get(name.to_ascii_uppercase().as_str()))
}

/// All rows of `enhanced.toml`.
#[cfg(test)]
pub(crate) fn enhanced_rows() -> impl Iterator<Item = (&'static str, &'static EnhancedRow)> {
    ENHANCED.iter().map(|(name, row)| (*name, row))
}

#[cfg(test)]
pub(crate) fn check() -> Result<(), super::TableError> {
    COMMANDS_TABLE.check::<Keyed<CommandInfo>>()?;
    ENHANCED_TABLE.check::<Keyed<EnhancedRow>>()?;
    EXTENSIONS_TABLE.check::<Keyed<Capability>>()?;
    SASL_TABLE.check::<Keyed<Mechanism>>()?;
    TLS_TABLE.check::<Keyed<TlsRow>>()
}
