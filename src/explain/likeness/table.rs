//! The table of `grammar/likeness.tsv` as it lies in the program: `build.rs` lays it out by this, and [`super`] looks
//! features up where they lie.
//!
//! A feature stands for the number of its row, by its hash. A row has a weight for each reason: what the feature says for
//! or against it. Most are 0, but rows of one length are added up many weights at a time.

/// Weights of a row: more than there are reasons, and a number that processors like.
pub const ROW: usize = 48;
