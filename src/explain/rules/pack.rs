//! Lays phrases out as `phrases.rs` looks for them. For `build.rs`, and for tests of the two together.
//!
//! A phrase that begins with a whole word is one of words, and nearly all are. The others, parts of URLs and of scripts
//! that have no blanks, are one of letters.

// The same place for `build.rs`, which has this file elsewhere among its modules.
#[path = "pack/trie.rs"]
mod trie;
#[path = "pack/words.rs"]
mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::{parts, slots};

/// Gathers phrases and the groups that they belong to.
#[derive(Debug, Default)]
pub struct Builder {
    phrases: BTreeMap<String, BTreeSet<u16>>,
}

/// All phrases laid out.
#[derive(Debug)]
pub struct Packed {
    /// Those of words.
    pub words: words::Packed,
    /// Those of letters.
    pub letters: trie::Packed,
    /// Numbers of two bytes, little end first: for each set of groups how many there are, then these.
    pub groups: Vec<u8>,
}

impl Builder {
    /// Makes a phrase, as it is looked for, one of a group.
    pub fn add(&mut self, needle: &str, group: u16) {
        self.phrases.entry(needle.to_owned()).or_default().insert(group);
    }

    /// All phrases; nothing where they are too many.
    pub fn pack(&self) -> Option<Packed> {
        let mut sets = Sets { numbers: vec![0], places: BTreeMap::new() };
        let (mut of_words, mut of_letters) = (Vec::new(), Vec::new());
        for (needle, groups) in &self.phrases {
            match needle.strip_prefix(' ') {
                Some(words) => of_words.push((words, groups)),
                None => of_letters.push((needle.as_bytes(), sets.place(groups)?)),
            }
        }
        let words = words::pack(&of_words, &mut sets)?;
        let groups = sets.numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Some(Packed { words, letters: trie::pack(&of_letters)?, groups })
    }
}

/// Sets of groups, each once.
struct Sets {
    /// The first place stands for no groups at all.
    numbers: Vec<u16>,
    places: BTreeMap<BTreeSet<u16>, u16>,
}

impl Sets {
    /// The place of a set.
    fn place(&mut self, groups: &BTreeSet<u16>) -> Option<u16> {
        if let Some(place) = self.places.get(groups) {
            return Some(*place);
        }
        let place = u16::try_from(self.numbers.len()).ok()?;
        self.numbers.push(u16::try_from(groups.len()).ok()?);
        self.numbers.extend(groups);
        self.places.insert(groups.clone(), place);
        Some(place)
    }
}
