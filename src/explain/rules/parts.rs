//! How the numbers of words and of their beginnings are marked in phrases that are laid out: `build.rs` lays them out by
//! this, and `phrases.rs` reads them. It uses nothing of the library.

/// The bit of the number of a word that begins phrases, or is one.
pub const OPENS: u16 = 0x8000;
/// The bit of one that stands in a phrase behind others.
pub const FOLLOWS: u16 = 0x4000;
/// The number itself.
pub const NUMBER: u16 = FOLLOWS - 1;

/// In a node: words lead on.
pub const BY_WORDS: u8 = 1;
/// The same for beginnings of words.
pub const BY_BEGINNINGS: u8 = 2;

/// Bytes by which beginnings are looked up, or all of them where they are fewer.
pub const KEY: usize = 4;
/// The fewest where a phrase begins.
pub const OPENING_KEY: usize = 3;

/// What a step from a node by a part is looked up by.
pub fn step(node: u16, number: u16) -> u32 {
    u32::from(node) << 16 | u32::from(number)
}
