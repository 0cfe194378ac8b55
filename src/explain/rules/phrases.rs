//! Phrases in a text: which occur, and where.
//!
//! All phrases are one trie, a byte for a step, which `build.rs` has laid out by `pack.rs`, for the program to use where
//! it lies: nothing has to be read or built before the first reply. From each place of a text it is followed as far as
//! it goes, which is mostly not a step, as phrases begin where words do.

use std::ops::Range;

use super::Group;
#[cfg(test)]
use super::pack;

/// All phrases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phrases<'a> {
    nodes: &'a [[u8; 4]],
    ends: &'a [[u8; 2]],
    groups: &'a [[u8; 2]],
    /// The bytes that phrases begin with: blanks and slashes, and few others.
    firsts: [bool; 256],
}

/// The groups of one phrase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups<'a>(&'a [[u8; 2]]);

impl Groups<'_> {
    pub fn iter(&self) -> impl Iterator<Item = Group> {
        self.0.iter().map(|number| Group(u16::from_le_bytes(*number)))
    }

    pub fn contains(&self, group: Group) -> bool {
        self.0.contains(&group.0.to_le_bytes())
    }
}

impl<'a> Phrases<'a> {
    /// The phrases in the three files that `pack.rs` makes.
    pub fn new(nodes: &'a [u8], ends: &'a [u8], groups: &'a [u8]) -> Phrases<'a> {
        let (nodes, ends, groups) = (nodes.as_chunks().0, ends.as_chunks().0, groups.as_chunks().0);
        let mut phrases = Phrases { nodes, ends, groups, firsts: [false; 256] };
        if let Some(root) = phrases.node(0) {
            phrases.firsts = std::array::from_fn(|byte| phrases.child(root, byte as u8).is_some());
        }
        phrases
    }

    /// Calls `found` for each occurrence of each phrase, with the groups of the phrase and the bytes that it takes.
    pub fn each(&self, text: &str, mut found: impl FnMut(Groups<'a>, Range<usize>)) {
        let Some(root) = self.node(0) else { return };
        let begins = |byte: &u8| self.firsts.get(usize::from(*byte)).copied().unwrap_or(false);
        let bytes = text.as_bytes();
        for (start, _) in bytes.iter().enumerate().filter(|(_, byte)| begins(byte)) {
            let mut node = root;
            for (passed, byte) in bytes.get(start..).unwrap_or_default().iter().enumerate() {
                let place = node.base() ^ usize::from(*byte);
                match self.node(place).filter(|child| child.label() == *byte) {
                    Some(child) => node = child,
                    None => break,
                }
                if node.ends() {
                    found(self.groups_of(place), start..start + passed + 1);
                }
            }
        }
    }

    #[inline]
    fn child(&self, node: Node, byte: u8) -> Option<Node> {
        self.node(node.base() ^ usize::from(byte)).filter(|child| child.label() == byte)
    }

    #[inline]
    fn node(&self, place: usize) -> Option<Node> {
        self.nodes.get(place).map(|bytes| Node(u32::from_le_bytes(*bytes)))
    }

    /// The groups of the phrase that ends at a node.
    #[inline]
    fn groups_of(&self, node: usize) -> Groups<'a> {
        let place = self.ends.get(node).map_or(0, |place| usize::from(u16::from_le_bytes(*place)));
        let set = self.groups.get(place..).and_then(|rest| rest.split_first());
        let groups = set.and_then(|(count, rest)| rest.get(..usize::from(u16::from_le_bytes(*count))));
        Groups(groups.unwrap_or_default())
    }
}

/// A node, as `pack.rs` puts it into four bytes.
#[derive(Clone, Copy)]
struct Node(u32);

impl Node {
    /// Where what follows it stands, before the byte is added.
    #[inline]
    fn base(self) -> usize {
        (self.0 & 0x7f_ffff) as usize
    }

    /// Whether a phrase ends here.
    #[inline]
    fn ends(self) -> bool {
        self.0 & 0x80_0000 != 0
    }

    /// The byte that leads to it.
    #[inline]
    fn label(self) -> u8 {
        (self.0 >> 24) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::fold::needle;

    fn occurrences(phrases: &[&str], text: &str) -> Vec<(u16, Range<usize>)> {
        let mut builder = pack::Builder::default();
        for (phrase, group) in phrases.iter().zip(0..) {
            builder.add(&needle(phrase), group);
        }
        let packed = builder.pack().unwrap();
        let mut all = Vec::new();
        Phrases::new(&packed.nodes, &packed.ends, &packed.groups)
            .each(text, |groups, place| all.extend(groups.iter().map(|g| (g.0, place.clone()))));
        all
    }

    #[test]
    fn phrases_are_found_where_they_stand() {
        let phrases = ["user", "user unknown", "unkn*", "known", "*不*", "url:example.org"];
        let text = " no user unknown 我不知 /mx/example/org/ ahost ";
        let place = |words: &str| text.find(words).map(|at| at..at + words.len()).unwrap();
        assert_eq!(
            occurrences(&phrases, text),
            [
                (0, place(" user ")),
                (1, place(" user unknown ")),
                (2, place(" unkn")),
                (4, place("不")),
                (5, place("/example/org/")),
            ]
        );
        assert_eq!(occurrences(&phrases, ""), []);
        assert_eq!(occurrences(&[], text), []);
        assert_eq!(occurrences(&phrases, "\0 user\0unkn\0"), []);
    }

    #[test]
    fn a_search_from_every_place_finds_the_same() {
        let phrases = ["a", "a b", "a b c", "a bc", "ab", "a*", "b c", "c", "*é*", "*éa*", "b*", "url:a"];
        let needles: Vec<String> = phrases.iter().map(|phrase| needle(phrase)).collect();
        let parts = [" a", " b", " c", " ab", "c", " éa", "é", " ", "/a/", " bc"];
        let mut seed = 1u32;
        for _ in 0..500 {
            let mut text = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(parts[seed as usize / 65_536 % parts.len()]);
            }
            let mut expected = Vec::new();
            for (needle, group) in needles.iter().zip(0..) {
                let places =
                    (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(needle.as_bytes()));
                expected.extend(places.map(|at| (group, at..at + needle.len())));
            }
            let mut found = occurrences(&phrases, &text);
            found.sort_by_key(|(group, place)| (*group, place.start));
            assert_eq!(found, expected, "{text}");
        }
    }
}
