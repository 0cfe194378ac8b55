//! The recorder: a session into a transcript, whatever happens to the disk.

use std::io::{self, Write};

use super::{Entry, Header, Writer};

/// An entry could not be stored.
#[derive(Debug, thiserror::Error)]
#[error("the transcript cannot be written ({0}); the session goes on, but is no longer recorded in full")]
pub struct RecordError(#[from] pub io::Error);

/// Writes entries as they happen. The first failure is reported, later ones are counted: the session must
/// not stand still because a disk is full. Each entry is tried, so that recording resumes when there is room.
#[derive(Debug)]
pub struct Recorder<W: Write> {
    writer: Writer<W>,
    told: bool,
    lost: u64,
    /// The last write failed, perhaps in the middle of a line.
    torn: bool,
}

impl<W: Write> Recorder<W> {
    /// Begins a transcript. That its header cannot be written is an error of the person's command.
    pub fn new(out: W, header: &Header) -> Result<Self, RecordError> {
        Ok(Recorder::over(Writer::new(out, header)?))
    }

    /// Goes on behind a transcript that exists.
    pub fn append(out: W, header: &Header) -> Result<Self, RecordError> {
        Ok(Recorder::over(Writer::append(out, header)?))
    }

    fn over(writer: Writer<W>) -> Self {
        Recorder { writer, told: false, lost: 0, torn: false }
    }

    /// Stores an entry before its effect is shown. The first failure comes back; after that, silence.
    pub fn record(&mut self, entry: &Entry) -> Result<(), RecordError> {
        let done = if self.torn { self.writer.write_afresh(entry) } else { self.writer.write(entry) };
        self.torn = done.is_err();
        let Err(error) = done else { return Ok(()) };
        self.lost += 1;
        if std::mem::replace(&mut self.told, true) { Ok(()) } else { Err(error.into()) }
    }

    /// How many entries could not be stored.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.writer.into_inner()
    }
}
