//! The table of `grammar/likeness.tsv` as it lies in the program: `build.rs` lays it out with this file, which uses
//! nothing of the library, and [`super`] looks features up where they lie.
//!
//! A feature has six bytes in a table of slots: four of its hash to know it by, and the number of its row. A row has a
//! weight for each reason: what the feature says for or against it. Most are 0, but rows of one length are added up many
//! weights at a time.

/// Bytes of a slot.
pub const SLOT: usize = 6;
/// Weights of a row: more than there are reasons, and a number that processors like.
pub const ROW: usize = 48;

/// The hash of a feature, eight bytes at a time, as most are no longer: where it is looked for, and what it is known by.
pub fn hash(feature: &[u8]) -> u64 {
    feature.chunks(8).fold(0, |hash, chunk| {
        let number = chunk.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        // The golden ratio, as Fibonacci hashing has it (Knuth, volume 3, 6.4).
        let spread = (hash ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        spread ^ spread >> 32
    })
}

/// What a feature is known by; never 0, which is an empty slot.
pub fn mark(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(1)
}
