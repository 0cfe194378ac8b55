//! Phrases in a text: which occur, and where.
//!
//! `build.rs` has laid all of them out by `pack.rs`, for the program to use where they lie: nothing has to be read or built
//! before the first reply. Nearly all are phrases of words, and go from word to word; the rest are left to a [`Trie`].

use std::ops::Range;
use std::slice::Iter;

use smallvec::SmallVec;

use super::Group;
#[cfg(test)]
use super::pack;
use super::parts::{BY_BEGINNINGS, BY_WORDS, FOLLOWS, KEY, NUMBER, OPENING_KEY, OPENS, step};
use super::trie::Trie;
use crate::explain::slots::{Key, Slots};
use crate::explain::words::{Word, Words};

/// All phrases; the parts are those of `pack.rs`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phrases<'a> {
    pub words: Slots<'a>,
    pub beginnings: Slots<'a>,
    pub rests: &'a [u8],
    pub steps: Slots<'a>,
    pub nodes: &'a [[u8; 4]],
    pub letters: Trie<'a>,
    pub groups: &'a [[u8; 2]],
}

/// The phrases that stand in a text.
pub(super) type Hits = SmallVec<[Hit; 32]>;

/// A phrase that stands in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    /// Where its groups are.
    groups: u16,
    /// The bytes that it takes, to the end of words of which it is a beginning, with the blanks around.
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

/// The number of a word, or of a beginning of words, with bits for what it does.
#[derive(Clone, Copy, Debug)]
struct Part(u16);

impl Part {
    /// The node where the phrases begin that begin with it.
    fn node(self) -> u16 {
        self.number()
    }

    fn number(self) -> u16 {
        self.0 & NUMBER
    }

    /// Whether phrases begin with it.
    fn opens(self) -> bool {
        self.0 & OPENS != 0
    }

    /// Whether it stands in phrases behind others.
    fn follows(self) -> bool {
        self.0 & FOLLOWS != 0
    }
}

/// Where phrases have come to.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// The place of the groups of the phrase that ends here, or 0.
    groups: u16,
    /// What leads on from here.
    onward: u8,
}

impl Node {
    /// Whether words lead on from here.
    fn goes_on_by_words(self) -> bool {
        self.onward & BY_WORDS != 0
    }

    /// The same for beginnings of words.
    fn goes_on_by_beginnings(self) -> bool {
        self.onward & BY_BEGINNINGS != 0
    }
}

/// By how many bytes of a word its beginnings are looked up.
type Keys = Range<usize>;
/// Where a phrase goes on.
const KEYS: Keys = 1..KEY + 1;
/// Where one begins: `build.rs` refuses shorter ones there.
const OPENING_KEYS: Keys = OPENING_KEY..KEY + 1;

impl<'a> Phrases<'a> {
    /// Those that were laid out just now.
    #[cfg(test)]
    pub fn packed(packed: &'a pack::Packed) -> Phrases<'a> {
        let (words, letters) = (&packed.words, &packed.letters);
        Phrases {
            words: Slots::new(&words.words),
            beginnings: Slots::new(&words.beginnings),
            rests: &words.rests,
            steps: Slots::new(&words.steps),
            nodes: words.nodes.as_chunks().0,
            letters: Trie::new(&letters.nodes, &letters.ends, &letters.tails),
            groups: packed.groups.as_chunks().0,
        }
    }

    /// Adds each occurrence of each phrase.
    pub fn find(&self, text: &Words<'_>, hits: &mut Hits) {
        let mut ahead = text.all().iter();
        while let Some(word) = ahead.next() {
            match self.part(text, word) {
                Some(part) if part.opens() => self.follow(text, word, part, ahead.clone(), hits),
                Some(_) => {}
                None => self.beginnings(text.bytes(word), word.head, OPENING_KEYS, |part| {
                    if let Some(node) = self.node(part.node()).filter(|_| part.opens()) {
                        hits.push(Hit::new(node.groups, before(word)..behind(word)));
                    }
                }),
            }
        }
        self.letters.find(text.text(), |groups, start, end| hits.push(Hit::new(groups, start..end)));
    }

    /// Adds the phrases that begin with a word.
    fn follow(&self, text: &Words<'_>, first: &Word, part: Part, ahead: Iter<'_, Word>, hits: &mut Hits) {
        let start = before(first);
        let (mut end, mut at, mut ahead) = (behind(first), part.node(), ahead);
        while let Some(node) = self.node(at) {
            if node.groups != 0 {
                hits.push(Hit::new(node.groups, start..end));
            }
            if node.onward == 0 {
                return;
            }
            let Some(word) = ahead.next() else { return };
            end = behind(word);
            if node.goes_on_by_beginnings() {
                self.beginnings(text.bytes(word), word.head, KEYS, |part| {
                    if let Some(last) = self.step(at, part).and_then(|next| self.node(next)) {
                        hits.push(Hit::new(last.groups, start..end));
                    }
                });
            }
            if !node.goes_on_by_words() {
                return;
            }
            let part = self.part(text, word).filter(|part| part.follows());
            match part.and_then(|part| self.step(at, part)) {
                Some(next) => at = next,
                None => return,
            }
        }
    }

    /// The part of phrases that a word is.
    #[inline]
    fn part(&self, text: &Words<'_>, word: &Word) -> Option<Part> {
        self.words.get(Key::of_hash(text.hash(word))).map(Part)
    }

    /// Calls `found` with the beginnings that a word has.
    fn beginnings(&self, bytes: &[u8], head: u64, keys: Keys, mut found: impl FnMut(Part)) {
        for key in keys.filter(|key| *key <= bytes.len()) {
            let first = (head & (!0 >> (64 - 8 * key))) as u32;
            let Some(place) = self.beginnings.get(Key::of_number(first)) else { continue };
            let rests = self.rests.get(usize::from(place)..).and_then(<[u8]>::split_first);
            let (Some((count, mut rests)), Some(behind)) = (rests, bytes.get(key..)) else { return };
            for _ in 0..*count {
                let Some(([length, low, high], after)) = rests.split_first_chunk() else { return };
                let Some((rest, after)) = after.split_at_checked(usize::from(*length)) else { return };
                if behind.starts_with(rest) {
                    found(Part(u16::from_le_bytes([*low, *high])));
                }
                rests = after;
            }
        }
    }

    /// The groups of a phrase that was found.
    pub fn groups(&self, hit: &Hit) -> impl Iterator<Item = Group> + use<'a> {
        let set = self.groups.get(usize::from(hit.groups)..).and_then(|rest| rest.split_first());
        let groups = set.and_then(|(count, rest)| rest.get(..usize::from(u16::from_le_bytes(*count))));
        groups.unwrap_or_default().iter().map(|number| Group(u16::from_le_bytes(*number)))
    }

    fn node(&self, number: u16) -> Option<Node> {
        let [low, high, onward, _] = *self.nodes.get(usize::from(number))?;
        Some(Node { groups: u16::from_le_bytes([low, high]), onward })
    }

    /// Where a part leads to from a node.
    fn step(&self, node: u16, part: Part) -> Option<u16> {
        self.steps.get(Key::of_number(step(node, part.number())))
    }
}

/// The blank before a word.
fn before(word: &Word) -> usize {
    word.start.saturating_sub(1)
}

/// What follows the blank behind a word.
fn behind(word: &Word) -> usize {
    word.end + 1
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
        let phrases = Phrases::packed(&packed);
        let mut hits = Hits::new();
        phrases.find(&Words::of(text), &mut hits);
        let place = |hit: &Hit| hit.start as usize..hit.end as usize;
        let groups = |hit| phrases.groups(hit).map(move |group| (group.0, place(hit)));
        let mut found: Vec<_> = hits.iter().flat_map(groups).collect();
        found.sort_by_key(|(group, place)| (*group, place.start));
        found
    }

    #[test]
    fn phrases_are_found_where_they_stand() {
        let phrases = ["user", "user unknown", "unkn*", "known", "*不*", "url:example.org", "user u*"];
        let text = " no user unknown 我不知 /mx/example/org/ ahost ";
        let place = |words: &str| text.find(words).map(|at| at..at + words.len()).unwrap();
        assert_eq!(
            occurrences(&phrases, text),
            [
                (0, place(" user ")),
                (1, place(" user unknown ")),
                (2, place(" unknown ")),
                (4, place("不")),
                (5, place("/example/org/")),
                (6, place(" user unknown ")),
            ]
        );
        assert_eq!(occurrences(&phrases, ""), []);
        assert_eq!(occurrences(&[], text), []);
        assert_eq!(occurrences(&phrases, "\0 users\0unkn\0"), []);
    }

    #[test]
    fn a_search_from_every_place_finds_the_same() {
        let phrases = [
            "a",
            "a b",
            "a b c",
            "a bc",
            "ab",
            "abc*",
            "a a*",
            "b ab*",
            "b b abc*",
            "b c",
            "c",
            "abcabc*",
            "*不*",
            "*不a*",
            "不*",
            "bab*",
            "url:a",
            "url:a.b*",
            "url:*b",
            "url:*ca",
            "cabcabcabc",
            "cabcabcab*",
        ];
        let needles: Vec<String> = phrases.iter().map(|phrase| needle(phrase)).collect();
        let parts = [
            " a ",
            " b ",
            " c ",
            "ab",
            "c",
            "不a",
            "不",
            " ",
            " /a/",
            " /a/b/",
            " /ab/ca/ ",
            " bab",
            "bc",
            "abcab",
            "cabcabcabc",
        ];
        let mut seed = 1u32;
        let mut most = vec![0; phrases.len()];
        for _ in 0..2000 {
            let mut text = String::from(" ");
            for _ in 0..60 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(parts[seed as usize / 65_536 % parts.len()]);
            }
            text.push(' ');
            while text.contains("  ") {
                text = text.replace("  ", " ");
            }
            let mut expected = Vec::new();
            for ((needle, group), most) in needles.iter().zip(0..).zip(&mut most) {
                let places =
                    (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(needle.as_bytes()));
                let before = expected.len();
                let end = |at: usize| match needle.starts_with(' ') && !needle.ends_with(' ') {
                    true => at + needle.len() + text[at + needle.len()..].find(' ').unwrap() + 1,
                    false => at + needle.len(),
                };
                expected.extend(places.map(|at| (group, at..end(at))));
                *most += expected.len() - before;
            }
            assert_eq!(occurrences(&phrases, &text), expected, "{text}");
        }
        assert!(most.iter().all(|times| *times > 0), "{most:?}");
    }
}
