//! Packs the tables of `grammar/` for the program to hold.
//!
//! The tables are TOML because people write them. Parsing that takes several times as long as all else that explaining
//! one reply does, so it is done once, here: each table becomes MessagePack with the same keys and values, in which
//! strings can be used where they lie. What the rows must hold is not known here; the types that read them say, and
//! the tests hold every table against them.
//!
//! The phrases that rules look for are laid out by `pack.rs`. In the packed rows, the number of a group stands where its
//! phrases are written. The table of likeness becomes one that is looked up by hashes.

#![allow(clippy::disallowed_methods, reason = "a program of its own: it reads and writes files")]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml::{Table, Value};

#[allow(dead_code, reason = "what folds texts uses more of it")]
#[path = "src/explain/fold.rs"]
mod fold;
#[path = "src/explain/likeness/pack.rs"]
mod likeness;
#[path = "src/explain/rules/pack.rs"]
mod pack;
#[path = "src/explain/rules/parts.rs"]
mod parts;
#[allow(dead_code, reason = "what looks things up uses the rest")]
#[path = "src/explain/slots.rs"]
mod slots;
#[path = "src/explain/likeness/table.rs"]
mod table;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The folders with tables, below `grammar/`.
const FOLDERS: [&str; 3] = ["", "patterns", "providers"];
/// The groups of phrases that rules name with `@`.
const WORDS: &str = "patterns/words.toml";
/// What words and codes speak for.
const LIKENESS: &str = "likeness.tsv";

fn main() -> Result<()> {
    let grammar = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("grammar");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=grammar");
    let words = toml::from_str(&fs::read_to_string(grammar.join(WORDS))?);
    let words = words.map_err(|e| format!("grammar/{WORDS}: {e}"))?;
    let mut groups = Groups { words, ..Groups::default() };
    for file in tables(&grammar)? {
        let packed = pack_table(&grammar.join(&file), &mut groups);
        match packed.map_err(|e| format!("grammar/{}: {e}", file.display())) {
            Ok(packed) => write(&out.join(file.with_extension("pack")), &packed)?,
            // With file, line and reason.
            Err(wrong) => wrong.lines().for_each(|line| println!("cargo::error={line}")),
        }
    }
    let phrases = groups.phrases.pack().ok_or("too many phrases")?;
    let common: Vec<u8> = groups.common.iter().flat_map(|common| common.to_le_bytes()).collect();
    for (part, bytes) in [
        ("words", &phrases.words.words),
        ("beginnings", &phrases.words.beginnings),
        ("rests", &phrases.words.rests),
        ("steps", &phrases.words.steps),
        ("nodes", &phrases.words.nodes),
        ("letters", &phrases.letters.nodes),
        ("ends", &phrases.letters.ends),
        ("tails", &phrases.letters.tails),
        ("groups", &phrases.groups),
        ("common", &common),
    ] {
        write(&out.join(format!("phrases.{part}")), bytes)?;
    }
    let likeness = fs::read_to_string(grammar.join(LIKENESS))?;
    match likeness::pack(&likeness) {
        Ok(packed) => {
            write(&out.join("likeness.slots"), &packed.slots)?;
            write(&out.join("likeness.weights"), &packed.weights)?;
            write(&out.join("likeness.reasons"), packed.reasons.as_bytes())?;
        }
        Err(wrong) => println!("cargo::error=grammar/{LIKENESS}: {wrong}"),
    }
    Ok(())
}

/// The tables, below `grammar/`, in an order that is always the same.
fn tables(grammar: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        for entry in fs::read_dir(grammar.join(folder))? {
            files.push(Path::new(folder).join(entry?.file_name()));
        }
    }
    files.retain(|file| file.extension().is_some_and(|end| end == "toml") && file != Path::new(WORDS));
    files.sort();
    Ok(files)
}

fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    fs::create_dir_all(file.parent().ok_or("no folder")?)?;
    Ok(fs::write(file, bytes)?)
}

fn pack_table(file: &Path, groups: &mut Groups) -> Result<Vec<u8>> {
    let text = fs::read_to_string(file)?;
    let mut table: Table = text.parse()?;
    table.iter().try_for_each(|(key, value)| check_text(key, value, &text))?;
    if let Some(marks) = table.get_mut("marks").and_then(Value::as_array_mut) {
        let all: Vec<&str> = marks.iter().filter_map(Value::as_str).collect();
        *marks = vec![groups.number(&all.join("|"))?];
    }
    for rule in table.get_mut("rule").and_then(Value::as_array_mut).into_iter().flatten() {
        let id = format!("\"{}\"", rule.get("id").and_then(Value::as_str).unwrap_or_default());
        let line = text.lines().position(|line| line.contains(&id)).map_or(0, |above| above + 1);
        let wrong = |what: String| format!("line {line}: rule {id}: {what}");
        for key in ["says", "never"] {
            for group in rule.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                let written = group.as_str().ok_or_else(|| wrong(format!("{key} must be strings")))?;
                *group = groups.number(written).map_err(|error| wrong(error.to_string()))?;
            }
        }
    }
    Ok(rmp_serde::to_vec_named(&table)?)
}

/// Refuses texts that JSON would want escaped: they are written there as they are. Two blanks are left for where something
/// filled in is empty. Phrases that are looked for and samples are not shown.
fn check_text(key: &str, value: &Value, file: &str) -> Result<()> {
    match value {
        Value::Table(table) => table.iter().try_for_each(|(key, value)| check_text(key, value, file)),
        Value::Array(values) => values.iter().try_for_each(|value| check_text(key, value, file)),
        Value::String(text) if !matches!(key, "says" | "never" | "marks" | "sample") => {
            if text.contains("  ") {
                let line = file.lines().position(|line| line.contains(text)).map_or(0, |above| above + 1);
                return Err(format!("line {line}: {key}: texts cannot have two blanks: \"{text}\"").into());
            }
            let special = |c: char| matches!(c, '"' | '\\') || c.is_ascii_control();
            let Some((before, _)) = text.split_once(special) else { return Ok(()) };
            let goes_on = |rest: &str| rest.starts_with(['"', '\\']);
            let is_here = |line: &str| {
                line.match_indices(before).any(|(at, _)| line.get(at + before.len()..).is_some_and(goes_on))
            };
            let line = file.lines().position(is_here).map_or(0, |above| above + 1);
            let what = "a quotation mark, a backslash or a control character";
            Err(format!("line {line}: {key}: texts cannot have {what}, as there is behind \"{before}\"")
                .into())
        }
        _ => Ok(()),
    }
}

/// Numbers groups of phrases and gathers their phrases.
#[derive(Default)]
struct Groups {
    /// Those of `words.toml`.
    words: BTreeMap<String, Vec<String>>,
    /// The number of each group, by how it is written.
    numbers: HashMap<String, u16>,
    phrases: pack::Builder,
    /// How common each group is.
    common: Vec<u32>,
}

impl Groups {
    /// The number of a group written `a | b | @name`; equal ones share it.
    fn number(&mut self, written: &str) -> Result<Value> {
        if let Some(number) = self.numbers.get(written) {
            return Ok(Value::from(i64::from(*number)));
        }
        let number = u16::try_from(self.common.len())?;
        let mut common = 0;
        for phrase in written.split('|').map(str::trim) {
            let own = [phrase.to_owned()];
            let phrases = match phrase.strip_prefix('@') {
                Some(name) => {
                    self.words.get(name).ok_or_else(|| format!("words.toml has no group \"{name}\""))?
                }
                None => &own[..],
            };
            for phrase in phrases {
                check(phrase)?;
                let needle = fold::needle(phrase);
                self.phrases.add(&needle, number);
                common += commonness(&needle);
            }
        }
        self.numbers.insert(written.to_owned(), number);
        self.common.push(common);
        Ok(Value::from(i64::from(number)))
    }
}

/// How often a phrase may occur, beside others: the longer and the more words, the more seldom.
fn commonness(needle: &str) -> u32 {
    let words = needle.split([' ', '/']).filter(|word| !word.is_empty()).count();
    let letters = u32::try_from(needle.len()).unwrap_or(u32::MAX);
    ((1 << 20) / letters) >> (2 * words.min(8))
}

/// Whether a phrase can be looked for.
fn check(phrase: &str) -> Result<()> {
    let inner = phrase.strip_prefix("url:").unwrap_or(phrase).trim_matches('*');
    let needle = fold::needle(phrase);
    if inner.trim().is_empty() || needle.len() < 2 {
        return Err(format!("\"{phrase}\" is too short a phrase").into());
    }
    if inner.contains('*') {
        return Err(format!("a star stands only at an end: \"{phrase}\"").into());
    }
    if !needle.starts_with(' ') && !needle.contains('/') && needle.is_ascii() {
        let what = "only words of URLs, to their end, and scripts without blanks are looked into";
        return Err(format!("\"{phrase}\": {what}").into());
    }
    if phrase.ends_with('*') && needle.starts_with(' ') && needle.len() <= parts::OPENING_KEY {
        return Err(format!("\"{phrase}\" is too short a beginning").into());
    }
    Ok(())
}
