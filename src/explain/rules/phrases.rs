//! Phrases in a text: which occur, and where.
//!
//! The phrases lie sorted. Of those that a text begins with, the longest is the last that sorts before the text, or
//! the beginning of that one: so one search finds it, and links from each phrase to the longest other that it begins
//! with find the rest. What is sought at each place are only the phrases with its first two bytes, and most
//! places are passed over, as phrases begin where words do. An automaton is no faster for texts as short as replies,
//! and takes twenty times as long to build, which is most of the time that explaining one reply may take.

use std::ops::Range;

use crate::explain::text::push_folded;

/// Gathers phrases and the groups that they belong to.
#[derive(Default)]
pub(super) struct Builder {
    /// All needles, one behind the other.
    text: String,
    needles: Vec<(u64, Range<usize>, u16)>,
    /// Room for one more.
    needle: String,
}

impl Builder {
    /// Makes a phrase, as it is written in a table, one of a group.
    pub fn add(&mut self, written: &str, group: u16) {
        write_needle(written, &mut self.needle);
        // Shorter than two bytes is none that says anything.
        if self.needle.len() >= 2 {
            let start = self.text.len();
            self.text.push_str(&self.needle);
            self.needles.push((head(self.needle.as_bytes()), start..self.text.len(), group));
        }
    }

    /// The index of all phrases.
    pub fn build(mut self) -> Phrases {
        let bytes = self.text.as_bytes();
        let needle = |place: &Range<usize>| bytes.get(place.clone()).unwrap_or_default();
        self.needles.sort_unstable_by(|(head_a, a, group_a), (head_b, b, group_b)| {
            head_a.cmp(head_b).then_with(|| needle(a).cmp(needle(b))).then(group_a.cmp(group_b))
        });
        self.needles.dedup_by(|(_, a, of_a), (_, b, of_b)| of_a == of_b && needle(a) == needle(b));
        let mut phrases = Phrases { text: bytes.into(), ..Phrases::default() };
        for same in self.needles.chunk_by(|(_, a, _), (_, b, _)| needle(a) == needle(b)) {
            if let Some((head, place, _)) = same.first() {
                phrases.push(*head, place.clone(), same.iter().map(|(.., group)| *group));
            }
        }
        phrases
    }
}

/// The first eight bytes as a number that sorts as they do: most comparisons need no more.
fn head(bytes: &[u8]) -> u64 {
    let padded = || {
        let mut eight = [0; 8];
        eight.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        eight
    };
    u64::from_be_bytes(bytes.first_chunk().copied().unwrap_or_else(padded))
}

/// The bits of a head that a needle of this length takes.
fn head_mask(length: usize) -> u64 {
    u64::MAX.checked_shl(8 * 8usize.saturating_sub(length) as u32).unwrap_or(0)
}

/// One phrase.
#[derive(Debug)]
struct Phrase {
    head: u64,
    /// What of the head is the needle's.
    mask: u64,
    /// Its place in the text of all needles.
    needle: Range<usize>,
    /// The place of its groups among those of all phrases.
    groups: Range<usize>,
    /// The longest other phrase that this one begins with.
    shorter: Option<u16>,
}

/// The phrases with the same first two bytes: the first one's place in the list, and how many.
type Run = (u16, u16);

/// All phrases, sorted.
#[derive(Debug)]
pub(super) struct Phrases {
    /// All needles, one behind the other.
    text: Box<[u8]>,
    groups: Vec<u16>,
    list: Vec<Phrase>,
    /// The heads of all phrases, close together for the search.
    heads: Vec<u64>,
    /// For each first byte, the number from 1 of its table in `seconds`; 0 where no phrase begins with it.
    firsts: [u8; 256],
    /// For each second byte after one first byte, the phrases that begin so.
    seconds: Vec<[Run; 256]>,
}

impl Default for Phrases {
    fn default() -> Self {
        Phrases {
            text: Box::default(),
            groups: Vec::with_capacity(8192),
            list: Vec::with_capacity(8192),
            heads: Vec::with_capacity(8192),
            firsts: [0; 256],
            seconds: Vec::new(),
        }
    }
}

impl Phrases {
    fn needle(&self, phrase: &Phrase) -> &[u8] {
        self.text.get(phrase.needle.clone()).unwrap_or_default()
    }

    /// Adds the phrase that sorts next, which stands at this place in the text.
    fn push(&mut self, head: u64, place: Range<usize>, groups: impl Iterator<Item = u16>) {
        let Ok(index) = u16::try_from(self.list.len()) else { return };
        let needle = self.text.get(place.clone()).unwrap_or_default();
        let mut shorter = index.checked_sub(1);
        while let Some(before) = shorter.and_then(|at| self.list.get(usize::from(at))) {
            if needle.starts_with(self.needle(before)) {
                break;
            }
            shorter = before.shorter;
        }
        if let Some([first, second]) = needle.first_chunk().copied()
            && let Some(run) = self.run_mut(first, second)
        {
            *run = (if run.1 == 0 { index } else { run.0 }, run.1 + 1);
        }
        let start = self.groups.len();
        self.groups.extend(groups);
        self.heads.push(head);
        let (mask, groups) = (head_mask(place.len()), start..self.groups.len());
        self.list.push(Phrase { head, mask, needle: place, groups, shorter });
    }

    fn run_mut(&mut self, first: u8, second: u8) -> Option<&mut Run> {
        let table = self.firsts.get_mut(usize::from(first))?;
        if *table == 0 {
            self.seconds.push([(0, 0); 256]);
            *table = u8::try_from(self.seconds.len()).ok()?;
        }
        self.seconds.get_mut(usize::from(*table) - 1)?.get_mut(usize::from(second))
    }

    /// Where the phrases that begin with these two bytes are in the list.
    fn run(&self, first: u8, second: u8) -> Option<Range<usize>> {
        let table = usize::from(*self.firsts.get(usize::from(first))?).checked_sub(1)?;
        let (start, count) = *self.seconds.get(table)?.get(usize::from(second))?;
        (count > 0).then(|| usize::from(start)..usize::from(start) + usize::from(count))
    }

    /// The last phrase of a run that does not sort behind the text.
    fn last_before(&self, run: Range<usize>, text_head: u64, text: &[u8]) -> Option<&Phrase> {
        let heads = self.heads.get(run.clone())?;
        let smaller = heads.partition_point(|head| *head < text_head);
        // Among those with the head of the text the rest of the needle tells. They may be many: ` recipient …`.
        let rest = heads.get(smaller..).filter(|rest| rest.first() == Some(&text_head));
        let same = rest.map_or(0, |rest| {
            let start = run.start + smaller;
            let end = start + rest.partition_point(|head| *head == text_head);
            let phrases = self.list.get(start..end).unwrap_or_default();
            phrases.partition_point(|phrase| self.needle(phrase) <= text)
        });
        self.list.get(run.start + (smaller + same).checked_sub(1)?)
    }

    /// Calls `found` for each occurrence of each phrase, with the groups of the phrase and the bytes that it takes.
    pub fn each(&self, text: &str, mut found: impl FnMut(&[u16], Range<usize>)) {
        let bytes = text.as_bytes();
        for (at, pair) in bytes.windows(2).enumerate() {
            let &[first, second] = pair else { continue };
            let Some(run) = self.run(first, second) else { continue };
            let rest = bytes.get(at..).unwrap_or_default();
            let text_head = head(rest);
            let mut next = self.last_before(run, text_head, rest);
            while let Some(phrase) = next {
                let length = phrase.needle.len();
                let begins = (phrase.head ^ text_head) & phrase.mask == 0 && rest.len() >= length;
                if begins && (length <= 8 || rest.starts_with(self.needle(phrase))) {
                    let groups = self.groups.get(phrase.groups.clone()).unwrap_or_default();
                    found(groups, at..at + length);
                }
                next = phrase.shorter.and_then(|index| self.list.get(usize::from(index)));
            }
        }
    }

    /// How many phrases there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.list.len()
    }
}

/// A phrase as it is looked for: folded, with the separators that make it whole words.
fn write_needle(written: &str, out: &mut String) {
    let (separator, phrase) = match written.strip_prefix("url:") {
        Some(rest) => (b'/', rest),
        None => (b' ', written),
    };
    let (open_start, phrase) = phrase.strip_prefix('*').map_or((false, phrase), |rest| (true, rest));
    let (open_end, phrase) = phrase.strip_suffix('*').map_or((false, phrase), |rest| (true, rest));
    out.clear();
    if !open_start {
        out.push(char::from(separator));
    }
    push_folded(phrase, separator, out);
    if !open_end && !out.ends_with(char::from(separator)) {
        out.push(char::from(separator));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurrences(phrases: &[&str], text: &str) -> Vec<(u16, Range<usize>)> {
        let mut builder = Builder::default();
        for (phrase, group) in phrases.iter().zip(0..) {
            builder.add(phrase, group);
        }
        let mut all = Vec::new();
        builder.build().each(text, |groups, place| all.extend(groups.iter().map(|g| (*g, place.clone()))));
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
                (1, place(" user unknown ")),
                (0, place(" user ")),
                (2, place(" unkn")),
                (4, place("不")),
                (5, place("/example/org/")),
            ]
        );
        assert_eq!(occurrences(&phrases, ""), []);
    }

    #[test]
    fn a_search_from_every_place_finds_the_same() {
        let phrases = ["a", "a b", "a b c", "a bc", "ab", "a*", "b c", "c", "*é*", "*éa*", "b*", "url:a"];
        let needle = |phrase: &&str| {
            let mut out = String::new();
            write_needle(phrase, &mut out);
            out
        };
        let needles: Vec<String> = phrases.iter().map(needle).collect();
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
