//! The transcript itself again, for what is done to it on the way: pseudonyms in the place of names.

use std::io::{self, Write};

use super::{Annotation, Export};
use crate::transcript::write::{write_entry, write_header};
use crate::transcript::{Entry, Header};

/// The form that can be played, rerun and served.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// The line under way.
    line: Vec<u8>,
}

impl Transcript {
    fn put(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let done = out.write_all(&self.line);
        self.line.clear();
        done
    }
}

impl Export for Transcript {
    fn begin(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        write_header(&mut self.line, header);
        self.line.push(b'\n');
        self.put(out)
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, _: Option<&Annotation>) -> io::Result<()> {
        write_entry(&mut self.line, entry);
        self.put(out)
    }
}
