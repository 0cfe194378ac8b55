//! Phrases in a text: which occur, and where.
//!
//! All phrases are one trie, a byte for a step, which `build.rs` has laid out by `pack.rs`, for the program to use where
//! it lies: nothing has to be read or built before the first reply. From each place of a text it is followed as far as
//! it goes, which is mostly not a step, as phrases begin where words do.

use std::ops::Range;

use smallvec::SmallVec;

use super::Group;
#[cfg(test)]
use super::pack;

/// All phrases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phrases<'a> {
    nodes: &'a [[u8; 4]],
    ends: &'a [[u8; 2]],
    tails: &'a [u8],
    groups: &'a [[u8; 2]],
    root: Node,
    /// What each byte leads to from the root: blanks and slashes to phrases, and few others.
    firsts: [Node; 256],
}

/// Bytes that are looked at together, a bit for each.
const RUN: usize = 64;

/// The phrases that stand in a text.
pub(super) type Hits = SmallVec<[Hit; 32]>;

/// A phrase that stands in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    /// Where its groups are.
    groups: u16,
    /// The bytes that it takes.
    start: u32,
    end: u32,
}

impl Hit {
    fn new(groups: u16, place: Range<usize>) -> Hit {
        // Texts are not that long.
        let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Hit { groups, start: at(place.start), end: at(place.end) }
    }

    /// How many bytes stand between two.
    pub fn gap(&self, other: &Hit) -> usize {
        let (first, second) = if self.start < other.start { (self, other) } else { (other, self) };
        second.start.saturating_sub(first.end) as usize
    }
}

impl<'a> Phrases<'a> {
    /// The phrases that `pack.rs` has laid out.
    pub fn new(nodes: &'a [u8], ends: &'a [u8], tails: &'a [u8], groups: &'a [u8]) -> Phrases<'a> {
        let (nodes, ends, groups) = (nodes.as_chunks().0, ends.as_chunks().0, groups.as_chunks().0);
        let mut phrases = Phrases { nodes, ends, tails, groups, root: Node::NONE, firsts: [Node::NONE; 256] };
        phrases.root = phrases.node(0).unwrap_or(Node::NONE);
        let first = |byte: u8| phrases.node(phrases.root.place_of(byte)).filter(|node| node.label() == byte);
        phrases.firsts = std::array::from_fn(|byte| first(byte as u8).unwrap_or(Node::NONE));
        phrases
    }

    /// Adds each occurrence of each phrase, by where it starts.
    pub fn find(&self, text: &str, hits: &mut Hits) {
        let bytes = text.as_bytes();
        for (run, before) in bytes.chunks(RUN).zip((0..).step_by(RUN)) {
            // Where words begin cannot be guessed, which would cost more than to look at all bytes first.
            let begins = |byte: &u8| self.firsts.get(usize::from(*byte)).is_some_and(Node::is_one);
            let mut places =
                run.iter().zip(0..).fold(0, |places, (byte, at)| places | u64::from(begins(byte)) << at);
            while places != 0 {
                let start = before + places.trailing_zeros() as usize;
                self.follow(bytes, start, hits);
                places &= places - 1;
            }
        }
    }

    /// Adds the phrases that begin at a place.
    fn follow(&self, bytes: &[u8], start: usize, hits: &mut Hits) {
        let Some((first, ahead)) = bytes.get(start..).and_then(<[u8]>::split_first) else { return };
        let mut place = self.root.place_of(*first);
        let Some(mut node) = self.firsts.get(usize::from(*first)).copied() else { return };
        let mut ahead = ahead.iter();
        loop {
            if node.is_end_of_something() {
                let end = bytes.len() - ahead.len();
                if node.ends() {
                    hits.push(Hit::new(self.groups_of(place), start..end));
                }
                if node.has_tail() {
                    let tail = self.tail(node).filter(|(_, tail)| ahead.as_slice().starts_with(tail));
                    if let Some((groups, tail)) = tail {
                        hits.push(Hit::new(groups, start..end + tail.len()));
                    }
                    return;
                }
            }
            let Some(byte) = ahead.next() else { return };
            place = node.place_of(*byte);
            match self.node(place) {
                Some(next) if next.label() == *byte => node = next,
                _ => return,
            }
        }
    }

    /// The groups of a phrase that was found.
    pub fn groups(&self, hit: &Hit) -> impl Iterator<Item = Group> + use<'a> {
        let set = self.groups.get(usize::from(hit.groups)..).and_then(|rest| rest.split_first());
        let groups = set.and_then(|(count, rest)| rest.get(..usize::from(u16::from_le_bytes(*count))));
        groups.unwrap_or_default().iter().map(|number| Group(u16::from_le_bytes(*number)))
    }

    #[inline]
    fn node(&self, place: usize) -> Option<Node> {
        self.nodes.get(place).map(|bytes| Node(u32::from_le_bytes(*bytes)))
    }

    /// What alone goes on from a node, and where its groups are.
    fn tail(&self, node: Node) -> Option<(u16, &'a [u8])> {
        let ([length, low, high], rest) = self.tails.get(node.base()..)?.split_first_chunk()?;
        Some((u16::from_le_bytes([*low, *high]), rest.get(..usize::from(*length))?))
    }

    /// Where the groups of the phrase are that ends at a node.
    fn groups_of(&self, place: usize) -> u16 {
        self.ends.get(place).map_or(0, |place| u16::from_le_bytes(*place))
    }
}

/// A node, as `pack.rs` puts it into four bytes.
#[derive(Clone, Copy, Debug)]
struct Node(u32);

impl Node {
    const NONE: Node = Node(0);

    /// Nodes that a byte leads to have it as their label.
    #[inline]
    fn is_one(&self) -> bool {
        self.0 != 0
    }

    /// Where what follows it stands, before the byte is added, or where its tail is.
    #[inline]
    fn base(self) -> usize {
        (self.0 & 0x3f_ffff) as usize
    }

    /// Where the node that a byte leads to would stand.
    #[inline]
    fn place_of(self, byte: u8) -> usize {
        self.base() ^ usize::from(byte)
    }

    /// Whether a phrase ends here, or but one goes on.
    #[inline]
    fn is_end_of_something(self) -> bool {
        self.0 & 0xc0_0000 != 0
    }

    /// Whether but one phrase goes on.
    #[inline]
    fn has_tail(self) -> bool {
        self.0 & 0x40_0000 != 0
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
        let phrases = Phrases::new(&packed.nodes, &packed.ends, &packed.tails, &packed.groups);
        let mut hits = Hits::new();
        phrases.find(text, &mut hits);
        let place = |hit: &Hit| hit.start as usize..hit.end as usize;
        let groups = |hit| phrases.groups(hit).map(move |group| (group.0, place(hit)));
        hits.iter().flat_map(groups).collect()
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
            for _ in 0..60 {
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
