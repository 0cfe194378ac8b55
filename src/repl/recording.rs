//! The transcript's file: made for its owner alone, never overwritten unasked.

use std::fs::{File, OpenOptions};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::report::{Problem, Status};
use crate::target::Target;
use crate::transcript::{Entry, EntryKind, Header, Reader, Recorder};
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
    let empty = if append && exists { nothing_yet(path)? } else { true };
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
    let append = append && !empty;
    Ok(Box::new(Recording { path: path.to_owned(), file: Some(file), append, recorder: None }))
}

/// Whether there is nothing in a file yet. What is in it must be a transcript, so that what is added can be read again. A pipe or a device cannot be looked into, and takes a transcript of its own.
///
/// # Errors
/// When there is something else in it.
fn nothing_yet(path: &Path) -> Result<bool, Problem> {
    let read = |error: std::io::Error| Problem::file("read the transcript", path, &error);
    let about = path.metadata().map_err(read)?;
    if !about.is_file() || about.len() == 0 {
        return Ok(true);
    }
    let file = File::open(path).map_err(read)?;
    Reader::new(BufReader::new(file)).map(|_| false).map_err(|error| {
        let shown = escape::visible(path.as_os_str().as_encoded_bytes());
        let what =
            format!("no session can be added to {shown}, which is no transcript that can be read: {error}");
        Problem::new(Status::LocalFile, what).advise("another name")
    })
}

/// The servers that, as a transcript tells, offered STARTTLS on a plain link. What cannot be read tells nothing.
pub fn starttls_offered(path: &Path) -> Vec<Target> {
    let Some(reader) = File::open(path).ok().and_then(|file| Reader::new(BufReader::new(file)).ok()) else {
        return Vec::new();
    };
    let mut server = reader.header().target.clone();
    let mut found: Vec<Target> = Vec::new();
    for entry in reader.flatten() {
        match &entry.kind {
            EntryKind::Session(header) => server = header.target.clone(),
            _ if offers_starttls(&entry) => {
                let target = server.as_deref().and_then(|text| text.parse().ok());
                found.extend(target.filter(|target| !found.contains(target)));
            }
            _ => {}
        }
    }
    found
}

/// Whether an entry is a line of a reply to EHLO, on a plain link, that offers STARTTLS.
pub fn offers_starttls(entry: &Entry) -> bool {
    let EntryKind::Received { tls: false, line, .. } = &entry.kind else { return false };
    let keyword = line.head().strip_prefix(b"250-").or_else(|| line.head().strip_prefix(b"250 "));
    keyword.is_some_and(|keyword| keyword.trim_ascii().eq_ignore_ascii_case(b"STARTTLS"))
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
