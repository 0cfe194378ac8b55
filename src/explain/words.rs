//! The words of a folded text: where they stand, and what they are looked up by.

use smallvec::SmallVec;

use super::slots;

/// A text, and its words.
#[derive(Debug)]
pub(super) struct Words<'t> {
    text: &'t str,
    words: SmallVec<[Word; 24]>,
}

/// A word of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Where it begins.
    pub start: usize,
    /// Where it ends: the blank behind it.
    pub end: usize,
    /// Its first eight bytes as a number, the first of them lowest.
    pub head: u64,
}

impl<'t> Words<'t> {
    /// Of a text whose words are apart by blanks.
    pub fn of(text: &'t str) -> Words<'t> {
        let bytes = text.as_bytes();
        let mut words = SmallVec::new();
        let mut start = 0;
        each_blank(bytes, |end| {
            if start < end {
                words.push(Word::new(bytes, start, end));
            }
            start = end + 1;
        });
        if start < bytes.len() {
            words.push(Word::new(bytes, start, bytes.len()));
        }
        Words { text, words }
    }

    /// The text.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// All of them.
    pub fn all(&self) -> &[Word] {
        &self.words
    }

    /// The bytes of a word.
    #[inline]
    pub fn bytes(&self, word: &Word) -> &'t [u8] {
        self.text.as_bytes().get(word.start..word.end).unwrap_or_default()
    }

    /// [`slots::hash`] of a word.
    #[inline]
    pub fn hash(&self, word: &Word) -> u64 {
        match word.end - word.start {
            0..=8 => slots::spread(0, word.head),
            _ => slots::hash(self.bytes(word)),
        }
    }
}

impl Word {
    fn new(text: &[u8], start: usize, end: usize) -> Word {
        let rest = text.get(start..).unwrap_or_default();
        let head = match (rest.first_chunk(), end - start) {
            // Eight bytes are there, though the word may have fewer; but not near the end of a text.
            (Some(eight), 8..) => u64::from_le_bytes(*eight),
            (Some(eight), length) => u64::from_le_bytes(*eight) & !(!0 << (length * 8)),
            (None, length) => slots::number(rest.get(..length).unwrap_or_default()),
        };
        Word { start, end, head }
    }
}

/// Calls `found` with the place of each blank. Eight bytes are looked at together: blanks are too close to each other for
/// a search that is started for each.
fn each_blank(text: &[u8], mut found: impl FnMut(usize)) {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const BLANKS: u64 = 0x2020_2020_2020_2020;
    let mut look = |eight: u64, before: usize| {
        // The high bit of each byte that is a blank.
        let differs = eight ^ BLANKS;
        let mut blanks = !(((differs & LOW) + LOW) | differs | LOW);
        while blanks != 0 {
            found(before + blanks.trailing_zeros() as usize / 8);
            blanks &= blanks - 1;
        }
    };
    let (eights, rest) = text.as_chunks();
    for (eight, before) in eights.iter().zip((0..).step_by(8)) {
        look(u64::from_le_bytes(*eight), before);
    }
    look(slots::number(rest), text.len() - rest.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_stands_between_blanks() {
        let odd = " no  such /mx/example/org/ recipients 不 \u{fb00} here";
        for text in ["no", "a b", " one two three four ", odd] {
            let words = Words::of(text);
            let found: Vec<&[u8]> = words.all().iter().map(|word| words.bytes(word)).collect();
            let expected: Vec<&[u8]> = text.split_ascii_whitespace().map(str::as_bytes).collect();
            assert_eq!(found, expected);
            for word in words.all() {
                let bytes = words.bytes(word);
                assert_eq!(words.hash(word), slots::hash(bytes));
                assert_eq!(word.head, slots::number(&bytes[..bytes.len().min(8)]));
            }
        }
        assert_eq!((Words::of("").all(), Words::of("   ").all()), (&[][..], &[][..]));
    }
}
