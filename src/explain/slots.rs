//! Tables of numbers that are looked up by hashes, where they lie in the program.
//!
//! `build.rs` lays them out with this file, which uses nothing of the library.
//!
//! A slot has six bytes: a mark of four, by which it is told from those beside it, and a number. It stands where the hash
//! says or, where that is taken, behind it (open addressing, Knuth, volume 3, 6.4). Half of the slots are empty.

/// Bytes of a slot.
const SLOT: usize = 6;

/// A table of slots.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'a>(&'a [[u8; SLOT]]);

impl<'a> Slots<'a> {
    /// What [`lay_out`] made.
    pub const fn new(laid_out: &'a [u8]) -> Slots<'a> {
        Slots(laid_out.as_chunks().0)
    }

    /// The number that stands for a key.
    #[inline]
    pub fn get(self, Key { hash, mark }: Key) -> Option<u16> {
        // As many as a power of two.
        let mask = self.0.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some([a, b, c, d, low, high]) = self.0.get(at).copied() {
            match u32::from_le_bytes([a, b, c, d]) {
                own if own == mark => return Some(u16::from_le_bytes([low, high])),
                0 => break,
                _ => at = (at + 1) & mask,
            }
        }
        None
    }
}

/// What a number is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it is looked for.
    hash: u64,
    /// What it is known by; never 0, which is an empty slot.
    mark: u32,
}

impl Key {
    /// Of a text, by its hash. One of four thousand million other texts would be taken for it.
    #[inline]
    pub fn of_hash(hash: u64) -> Key {
        // What says least of the place.
        Key { hash, mark: ((hash >> 32) as u32).max(1) }
    }

    /// Of a number, which is not 0: nothing else is taken for it.
    #[inline]
    pub fn of_number(number: u32) -> Key {
        Key { hash: spread(0, u64::from(number)), mark: number }
    }
}

/// A table of keys and numbers; nothing where two keys have one mark, so that they could not be told apart.
#[cfg_attr(not(test), allow(dead_code, reason = "for build.rs and tests"))]
pub fn lay_out(entries: &[(Key, u16)]) -> Option<Vec<u8>> {
    let room = (entries.len() * 2).next_power_of_two().max(2);
    let mut slots = vec![[0; SLOT]; room];
    let mut marks = std::collections::HashSet::from([0]);
    for (Key { hash, mark }, number) in entries {
        if !marks.insert(*mark) {
            return None;
        }
        let mut at = *hash as usize & (room - 1);
        while slots.get(at).is_some_and(|slot| *slot != [0; SLOT]) {
            at = (at + 1) & (room - 1);
        }
        let ([a, b, c, d], [low, high]) = (mark.to_le_bytes(), number.to_le_bytes());
        *slots.get_mut(at)? = [a, b, c, d, low, high];
    }
    Some(slots.concat())
}

/// Up to eight bytes as a number, little end first.
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The hash of a text that has no NUL, eight bytes at a time, as most words are no longer.
pub fn hash(text: &[u8]) -> u64 {
    text.chunks(8).fold(0, |hash, chunk| spread(hash, number(chunk)))
}

/// Takes a number into a hash.
#[inline]
pub fn spread(hash: u64, number: u64) -> u64 {
    // The golden ratio, as Fibonacci hashing has it (Knuth, volume 3, 6.4).
    let spread = (hash ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread ^ spread >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_laid_out_is_found_and_nothing_else() {
        let texts: Vec<String> = (0..1000).map(|n| format!("a word, number {n}")).collect();
        let key = |text: &String| Key::of_hash(hash(text.as_bytes()));
        let entries: Vec<_> = texts.iter().map(key).chain((1..=24).map(Key::of_number)).zip(0..).collect();
        let laid_out = lay_out(&entries).unwrap();
        assert_eq!(laid_out.len(), 2048 * SLOT);
        let slots = Slots::new(&laid_out);
        for (key, number) in &entries {
            assert_eq!(slots.get(*key), Some(*number));
            assert_eq!(slots.get(Key { mark: key.mark ^ 0x4000_0000, ..*key }), None);
        }
        let (one, other) = (Key { hash: 1, mark: 7 }, Key { hash: 2, mark: 7 });
        assert_eq!(lay_out(&[(one, 0), (other, 1)]), None);
        assert_eq!(Slots::new(&[]).get(one), None);
        assert_eq!(Slots::new(&lay_out(&[]).unwrap()).get(one), None);
    }

    #[test]
    fn a_hash_depends_on_every_byte() {
        let text = *b"a text of some length";
        for at in 0..text.len() {
            let mut other = text;
            other[at] ^= 1;
            assert_ne!(hash(&text), hash(&other), "{at}");
        }
        assert_eq!(number(b"ab"), 0x6261);
    }
}
