//! The table of `grammar/likeness.tsv` as it lies in the program: `build.rs` lays it out with this file, which uses
//! nothing of the library, and [`super`] looks features up where they lie.
//!
//! A feature has eight bytes in a table of slots: four of its hash to know it by, where its weights begin, how many
//! there are. A weight has two: the number of the reason, and what the feature says for or against it.

/// Bytes of a slot.
pub const SLOT: usize = 8;

/// The hash of a feature, FNV-1a: where it is looked for, and what it is known by.
pub fn hash(feature: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    feature.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// What a feature is known by; never 0, which is an empty slot.
pub fn mark(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(1)
}
