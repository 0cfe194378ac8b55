//! Lines of a transcript that cannot be read, for those who go on with the next.

use super::ReadError;

/// What was wrong with lines that were passed over.
#[derive(Debug, Default)]
pub struct Unreadable {
    /// The first of them, [`Unreadable::FIRST`] at most: a file of something else has as many mistakes as lines.
    pub first: Vec<ReadError>,
    /// How many there are in all.
    pub count: u64,
}

impl Unreadable {
    /// How many are kept word by word.
    pub const FIRST: usize = 20;

    /// Takes note of one.
    pub fn note(&mut self, error: ReadError) {
        self.count += 1;
        if self.first.len() < Self::FIRST {
            self.first.push(error);
        }
    }
}
