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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{EntryKind, Reader};

    /// A disk with room for so many bytes, until somebody makes room.
    #[derive(Debug)]
    struct Disk {
        room: usize,
        held: Vec<u8>,
    }

    impl Write for &mut Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.held.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn note(text: &str) -> Entry {
        Entry { at: None, kind: EntryKind::Note(text.into()) }
    }

    #[test]
    fn a_full_disk_is_told_once_and_recording_resumes() {
        let mut disk = Disk { room: 40, held: Vec::new() };
        let mut recorder = Recorder::new(&mut disk, &Header::default()).unwrap();
        assert!(recorder.record(&note("one")).is_ok());
        let told = recorder.record(&note("two and more")).unwrap_err();
        assert!(told.to_string().contains("the session goes on"));
        assert!(recorder.record(&note("three")).is_ok(), "told once only");
        assert_eq!(recorder.lost(), 2);
        recorder.writer.get_mut().room = 100;
        assert!(recorder.record(&note("four")).is_ok());
        let texts: Vec<_> = Reader::new(disk.held.as_slice()).unwrap().map(|e| e.unwrap().kind).collect();
        assert_eq!(texts.first(), Some(&note("one").kind));
        assert_eq!(texts.last(), Some(&note("four").kind));
    }

    #[test]
    fn nothing_waits_in_memory() {
        let mut disk = Disk { room: 1000, held: Vec::new() };
        let mut recorder = Recorder::new(&mut disk, &Header::default()).unwrap();
        recorder.record(&note("seen")).unwrap();
        assert!(recorder.writer.get_mut().held.ends_with(b"### note seen\n"));
    }
}
