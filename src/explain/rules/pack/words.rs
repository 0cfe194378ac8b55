//! Phrases of words, laid out as steps from word to word.
//!
//! Each word has a number, and so has each beginning of words (`unkn*`), which ends a phrase. The nodes of these numbers are
//! where phrases begin; a step leads from a node with the number of a word to the next one. Words, beginnings and steps are
//! looked up by hashes.

use std::collections::{BTreeMap, BTreeSet};

use super::Sets;
use super::parts::{BY_BEGINNINGS, BY_WORDS, FOLLOWS, KEY, NUMBER, OPENS, step};
use super::slots::{Key, hash, lay_out, number};

/// The files of phrases of words.
#[derive(Debug)]
pub struct Packed {
    /// Slots: of words, by their hashes, their numbers with the bits of what they do.
    pub words: Vec<u8>,
    /// Slots: of the first four bytes of beginnings, where those that have them are in `rests`.
    pub beginnings: Vec<u8>,
    /// For each such place how many there are, and for each of them: how many bytes follow the first four, its number as
    /// those of words, these bytes.
    pub rests: Vec<u8>,
    /// Slots: of a node and a number, the node that this leads to.
    pub steps: Vec<u8>,
    /// Four bytes a node: the place of its groups in two, or 0; what leads on; one that is not used.
    pub nodes: Vec<u8>,
}

#[derive(Default)]
struct Node {
    groups: BTreeSet<u16>,
    onward: u8,
}

/// Lays out phrases, each without its first blank, with their groups; nothing where they are too many.
pub fn pack(phrases: &[(&str, &BTreeSet<u16>)], sets: &mut Sets) -> Option<Packed> {
    let mut numbers = Numbers::of(phrases)?;
    let mut nodes = Vec::new();
    nodes.resize_with(numbers.count() + 1, Node::default);
    let mut steps: BTreeMap<(u16, u16), u16> = BTreeMap::new();
    for (phrase, groups) in phrases {
        let mut node = None;
        for part in phrase.split_inclusive(' ') {
            let number = numbers.mark(part, if node.is_some() { FOLLOWS } else { OPENS })?;
            let before = node.replace(number);
            if let Some(before) = before {
                let onward = if part.ends_with(' ') { BY_WORDS } else { BY_BEGINNINGS };
                nodes.get_mut(usize::from(before))?.onward |= onward;
                let new = u16::try_from(nodes.len()).ok()?;
                let next = *steps.entry((before, number)).or_insert(new);
                if next == new {
                    nodes.push(Node::default());
                }
                node = Some(next);
            }
        }
        let node = node?;
        nodes.get_mut(usize::from(node))?.groups.extend(*groups);
        // A word that is known has the groups of its beginnings, so that it need not be looked up by them.
        for word in numbers.words_of(phrase) {
            let number = numbers.mark(word, OPENS)?;
            nodes.get_mut(usize::from(number))?.groups.extend(*groups);
        }
    }
    let steps: Vec<_> =
        steps.iter().map(|((node, number), next)| (Key::of_number(step(*node, *number)), *next)).collect();
    let mut laid_out = Vec::with_capacity(nodes.len() * 4);
    for node in &nodes {
        let place = if node.groups.is_empty() { 0 } else { sets.place(&node.groups)? };
        laid_out.extend(place.to_le_bytes());
        laid_out.extend([node.onward, 0]);
    }
    let (beginnings, rests) = numbers.beginnings()?;
    Some(Packed { words: numbers.words()?, beginnings, rests, steps: lay_out(&steps)?, nodes: laid_out })
}

/// The numbers of words, with a blank behind each, and of beginnings, from 1 on; with the bits of what they do.
struct Numbers<'p>(BTreeMap<&'p str, u16>);

impl<'p> Numbers<'p> {
    fn of(phrases: &[(&'p str, &BTreeSet<u16>)]) -> Option<Numbers<'p>> {
        let parts: BTreeSet<&str> =
            phrases.iter().flat_map(|(phrase, _)| phrase.split_inclusive(' ')).collect();
        let fit = parts.len() <= usize::from(NUMBER);
        fit.then(|| Numbers(parts.into_iter().zip(1..).collect()))
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    /// The number of a part alone, which is noted to do something.
    fn mark(&mut self, part: &str, does: u16) -> Option<u16> {
        let number = self.0.get_mut(part)?;
        *number |= does;
        Some(*number & NUMBER)
    }

    /// The words that have this phrase as their beginning, if it is a beginning alone.
    fn words_of(&self, phrase: &str) -> Vec<&'p str> {
        let fit = |word: &&&str| !phrase.contains(' ') && word.ends_with(' ') && word.starts_with(phrase);
        self.0.keys().filter(fit).copied().collect()
    }

    fn words(&self) -> Option<Vec<u8>> {
        let words = self.0.iter().filter_map(|(part, number)| Some((part.strip_suffix(' ')?, *number)));
        let words = words.map(|(word, number)| (Key::of_hash(hash(word.as_bytes())), number));
        lay_out(&words.collect::<Vec<_>>())
    }

    fn beginnings(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut by_key: BTreeMap<&[u8], Vec<(&[u8], u16)>> = BTreeMap::new();
        for (part, number) in self.0.iter().filter(|(part, _)| !part.ends_with(' ')) {
            let (key, rest) = part.as_bytes().split_at(part.len().min(KEY));
            by_key.entry(key).or_default().push((rest, *number));
        }
        let (mut entries, mut rests) = (Vec::new(), Vec::new());
        for (key, all) in by_key {
            let first = u32::try_from(number(key)).ok()?;
            entries.push((Key::of_number(first), u16::try_from(rests.len()).ok()?));
            rests.push(u8::try_from(all.len()).ok()?);
            for (rest, number) in all {
                rests.push(u8::try_from(rest.len()).ok()?);
                rests.extend(number.to_le_bytes());
                rests.extend(rest);
            }
        }
        Some((lay_out(&entries)?, rests))
    }
}
