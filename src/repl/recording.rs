//! The transcript's file: made for its owner alone, never overwritten unasked.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::report::{Problem, Status};
use crate::transcript::{Entry, EntryKind, Header, Recorder};
use crate::transport::{Sink, io_words};
use crate::wire::escape;

struct Recording {
    path: PathBuf,
    /// Until the header is known, the file alone.
    file: Option<File>,
    append: bool,
    recorder: Option<Recorder<File>>,
}

/// Creates the file, or opens an existing one with `append`. The header is written when the session begins.
pub fn create(path: &Path, append: bool) -> Result<Box<dyn Sink>, Problem> {
    let exists = path.exists();
    let mut options = OpenOptions::new();
    if append && exists {
        options.append(true);
    } else {
        options.write(true).create_new(true);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let shown = escape::visible(path.as_os_str().as_encoded_bytes());
            Problem::new(Status::LocalFile, format!("{shown} exists and is not overwritten"))
                .advise("another name, or --append to add the session to it")
        }
        _ => Problem::file("write the transcript", path, &error),
    })?;
    let append = append && exists;
    Ok(Box::new(Recording { path: path.to_owned(), file: Some(file), append, recorder: None }))
}

impl Recording {
    fn words(&self, error: &std::io::Error) -> String {
        let shown = escape::visible(self.path.as_os_str().as_encoded_bytes());
        format!(
            "the transcript {shown} cannot be written ({}); the session goes on unrecorded",
            io_words(error)
        )
    }
}

impl Sink for Recording {
    fn begin(&mut self, header: &Header) -> Result<(), String> {
        if let Some(recorder) = &mut self.recorder {
            let kind = EntryKind::Session(Box::new(header.clone()));
            return recorder.record(&Entry { at: None, kind }).map_err(|error| self.words(&error.0));
        }
        let Some(file) = self.file.take() else { return Ok(()) };
        let begun = if self.append { Recorder::append(file, header) } else { Recorder::new(file, header) };
        self.recorder = Some(begun.map_err(|error| self.words(&error.0))?);
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, _typed: bool) -> Result<(), String> {
        let Some(recorder) = &mut self.recorder else { return Ok(()) };
        recorder.record(entry).map_err(|error| self.words(&error.0))
    }
}
