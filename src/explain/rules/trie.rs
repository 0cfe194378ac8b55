//! Phrases of letters in a text: parts of URLs, and of scripts that have no blanks between words.
//!
//! They are one trie, a byte for a step, which `build.rs` has laid out by `pack/trie.rs`, for the program to use where it
//! lies. From each place of a text it is followed as far as it goes, which is mostly not a step.

use std::ops::Range;

/// A trie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trie<'a> {
    nodes: &'a [[u8; 4]],
    ends: &'a [[u8; 2]],
    tails: &'a [u8],
    /// The bytes that phrases begin with.
    firsts: [bool; 256],
}

impl<'a> Trie<'a> {
    /// What `pack/trie.rs` has laid out.
    pub const fn new(nodes: &'a [u8], ends: &'a [u8], tails: &'a [u8]) -> Trie<'a> {
        let nodes: &[[u8; 4]] = nodes.as_chunks().0;
        let mut firsts = [false; 256];
        let mut byte = 0;
        while byte < firsts.len() && !nodes.is_empty() {
            let place = Node::of(nodes[0]).base() ^ byte;
            firsts[byte] = place < nodes.len() && Node::of(nodes[place]).label() as usize == byte;
            byte += 1;
        }
        Trie { nodes, ends: ends.as_chunks().0, tails, firsts }
    }

    /// Calls `found` for each occurrence of each phrase: with the place of its groups, where it begins and where it ends.
    pub fn find(&self, text: &str, mut found: impl FnMut(u16, usize, usize)) {
        let bytes = text.as_bytes();
        let places = if bytes.is_ascii() { urls(bytes) } else { 0..bytes.len() };
        let run = bytes.get(places.clone()).unwrap_or_default();
        for (start, first) in places.zip(run) {
            if self.firsts.get(usize::from(*first)) == Some(&true) {
                self.follow(bytes, start, &mut found);
            }
        }
    }

    /// Finds the phrases that begin at a place.
    fn follow(&self, bytes: &[u8], start: usize, found: &mut impl FnMut(u16, usize, usize)) {
        let Some(mut node) = self.node(0) else { return };
        let mut ahead = bytes.get(start..).unwrap_or_default().iter();
        while let Some(byte) = ahead.next() {
            let place = node.place_of(*byte);
            match self.node(place) {
                Some(next) if next.label() == *byte => node = next,
                _ => return,
            }
            let end = bytes.len() - ahead.len();
            if node.ends() {
                found(self.groups_of(place), start, end);
            }
            if node.has_tail() {
                let tail = self.tail(node).filter(|(_, tail)| ahead.as_slice().starts_with(tail));
                if let Some((groups, tail)) = tail {
                    found(groups, start, end + tail.len());
                }
                return;
            }
        }
    }

    #[inline]
    fn node(&self, place: usize) -> Option<Node> {
        self.nodes.get(place).copied().map(Node::of)
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

/// From where to where the URLs of a text stand. Words in ASCII are not looked into but for those: `build.rs` sees to that.
fn urls(text: &[u8]) -> Range<usize> {
    let Some((first, last)) = memchr::memchr(b'/', text).zip(memchr::memrchr(b'/', text)) else {
        return 0..0;
    };
    let blank = memchr::memrchr(b' ', text.get(..first).unwrap_or_default());
    blank.map_or(0, |blank| blank + 1)..last + 1
}

/// A node, as `pack/trie.rs` puts it into four bytes.
#[derive(Clone, Copy, Debug)]
struct Node(u32);

impl Node {
    const fn of(bytes: [u8; 4]) -> Node {
        Node(u32::from_le_bytes(bytes))
    }

    /// Where what follows it stands, before the byte is added, or where its tail is.
    #[inline]
    const fn base(self) -> usize {
        (self.0 & 0x3f_ffff) as usize
    }

    /// Where the node that a byte leads to would stand.
    #[inline]
    fn place_of(self, byte: u8) -> usize {
        self.base() ^ usize::from(byte)
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
    const fn label(self) -> u8 {
        (self.0 >> 24) as u8
    }
}
