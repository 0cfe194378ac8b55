//! Transcripts and other local files, opened with errors for people.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;

use crate::report::{Problem, Status};
use crate::target::{Host, Target};
use crate::transcript::{Entry, Header, ReadError, Reader, Unreadable};
use crate::wire::escape;

/// Bytes read or written at a time.
const PIECE: usize = 64 * 1024;

/// A reader of any file, on any thread.
pub type Input = Box<dyn BufRead + Send>;

/// The name of a file as it may be shown.
pub fn name(path: &Path) -> String {
    match path.as_os_str().as_encoded_bytes() {
        b"-" => "standard input".to_owned(),
        bytes => escape::visible(bytes),
    }
}

/// Opens a file for reading; `-` is standard input. `doing` is such as "read the transcript".
pub fn open(path: &Path, doing: &str) -> Result<Input, Problem> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::with_capacity(PIECE, std::io::stdin())));
    }
    let file = File::open(path).map_err(|error| Problem::file(doing, path, &error))?;
    Ok(Box::new(BufReader::with_capacity(PIECE, file)))
}

/// Opens a transcript and reads its header.
pub fn reader(path: &Path) -> Result<Reader<Input>, Problem> {
    Reader::new(open(path, "read the transcript")?).map_err(|error| unreadable(path, &error))
}

/// Bytes that are kept of what can be read only once.
const KEPT: u64 = 64 * 1024 * 1024;

/// Two readers of one transcript. What is no file, such as a pipe, is held in memory for that.
pub fn reader_twice(path: &Path) -> Result<[Reader<Input>; 2], Problem> {
    if std::fs::metadata(path).is_ok_and(|meta| meta.is_file()) {
        return Ok([reader(path)?, reader(path)?]);
    }
    let mut kept = Vec::new();
    let mut input = open(path, "read the transcript")?.take(KEPT + 1);
    input.read_to_end(&mut kept).map_err(|error| Problem::file("read the transcript", path, &error))?;
    if kept.len() as u64 > KEPT {
        let what = format!("{}: more than {} MiB, which is too much to be kept", name(path), KEPT >> 20);
        return Err(Problem::new(Status::LocalFile, what).advise("save it to a file, and name that instead"));
    }
    let kept: Arc<[u8]> = kept.into();
    let reader = || {
        Reader::new(Box::new(Cursor::new(kept.clone())) as Input).map_err(|error| unreadable(path, &error))
    };
    Ok([reader()?, reader()?])
}

/// A line of a transcript that cannot be read.
pub fn unreadable(path: &Path, error: &ReadError) -> Problem {
    Problem::new(Status::LocalFile, format!("{}: {error}", name(path)))
}

/// Names the first lines that could not be read, and says how many more there are.
pub fn tell_unreadable(path: &Path, lines: &Unreadable) -> Status {
    for error in &lines.first {
        super::complain(&unreadable(path, error));
    }
    let more = match lines.count.saturating_sub(lines.first.len() as u64) {
        0 => None,
        1 => Some("one more line cannot be read".to_owned()),
        more => Some(format!("{more} more lines cannot be read")),
    };
    let status = if lines.count == 0 { Status::Ok } else { Status::LocalFile };
    if let Some(more) = more {
        super::complain(&Problem::new(status, format!("{}: {more}", name(path))));
    }
    status
}

/// Reads a whole transcript, for work that makes no sense with a part of it.
pub fn whole(path: &Path) -> Result<(Header, Vec<Entry>), Problem> {
    let mut reader = reader(path)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(|error| unreadable(path, &error))? {
        entries.push(entry);
    }
    warn(path, reader.warning());
    Ok((reader.header().clone(), entries))
}

/// The host and port that a transcript names, where it does.
pub fn server(header: &Header) -> Option<(Host, u16)> {
    let target: Target = header.target.as_deref()?.parse().ok()?;
    Some((target.host, target.port))
}

/// Passes on what the reader warns of.
pub fn warn(path: &Path, warning: Option<&str>) {
    if let Some(warning) = warning {
        super::complain(&Problem::new(Status::Ok, format!("{}: {warning}", name(path))));
    }
}

/// Standard output, or a new file for its owner alone.
pub fn output(path: Option<&Path>) -> Result<Box<dyn Write>, Problem> {
    let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
        return Ok(Box::new(BufWriter::with_capacity(PIECE, std::io::stdout().lock())));
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Problem::new(Status::LocalFile, format!("{} exists and is not overwritten", name(path)))
                .advise("another name, or remove the file first")
        }
        _ => Problem::file("write", path, &error),
    })?;
    Ok(Box::new(BufWriter::with_capacity(PIECE, file)))
}
