//! Reading transcripts, as a stream.

use std::io::{BufRead, ErrorKind};

use super::{Entry, EntryKind, Header, VERSION, grammar, plain, text};

/// The longest line that is read, in bytes. A wire line of 10 MB may need four times as much when escaped.
pub const LINE_LIMIT: usize = 64 << 20;

/// What is wrong with a line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}; expected {expected}, found \"{shown}\"")]
pub struct ReadError {
    /// Line number, from 1.
    pub line: u64,
    /// Column in bytes, from 1.
    pub column: usize,
    /// What is wrong, in a few words.
    pub what: String,
    /// What should stand there.
    pub expected: &'static str,
    /// The offending text, made visible and cut short.
    pub shown: String,
    /// Whether nothing more can be read; else the next call goes on with the next line.
    pub fatal: bool,
}

/// Reads a transcript entry by entry. Memory does not grow with the length of the file.
///
/// As an iterator it gives entries and the errors of lines that cannot be read; after an error that is not
/// [`ReadError::fatal`] it goes on with the next line.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: Vec<u8>,
    number: u64,
    header: Header,
    warning: Option<String>,
    /// The line in `line` was looked at but not used.
    waiting: bool,
    /// The line in `line` had no line feed: the file ends in it.
    torn: bool,
    done: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header. Fails when this is no transcript, or one of a higher version.
    pub fn new(input: R) -> Result<Self, ReadError> {
        let (line, header) = (Vec::with_capacity(512), Header::default());
        let (number, warning) = (0, None);
        let mut reader =
            Reader { input, line, number, header, warning, waiting: false, torn: false, done: false };
        while reader.next_line()? && reader.body().trim_ascii().is_empty() {}
        reader.header = reader.read_header()?;
        Ok(reader)
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the reader of the file should know after the last entry: that it ends in mid-line.
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The line without its end.
    fn body(&self) -> &[u8] {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line }
    }

    fn error(&self, column: usize, what: &str, expected: &'static str, fatal: bool) -> ReadError {
        let at = self.body().get(column.saturating_sub(1)..).unwrap_or_default();
        let mut shown = text::visible(at.get(..48).unwrap_or(at));
        if at.len() > 48 {
            shown.push('…');
        }
        ReadError { line: self.number, column, what: what.to_owned(), expected, shown, fatal }
    }

    fn fatal(&mut self, column: usize, what: &str, expected: &'static str) -> ReadError {
        self.done = true;
        self.error(column, what, expected, true)
    }

    /// Fetches the next line, or the one that waits; `false` at the end of the file.
    fn next_line(&mut self) -> Result<bool, ReadError> {
        if std::mem::take(&mut self.waiting) {
            return Ok(true);
        }
        self.line.clear();
        self.number += 1;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(self.fatal(1, &format!("cannot be read: {e}"), "more of the file")),
            };
            let end = memchr::memchr(b'\n', chunk).map(|at| at + 1);
            let used = end.unwrap_or(chunk.len());
            self.line.extend_from_slice(chunk.get(..used).unwrap_or_default());
            self.input.consume(used);
            if used == 0 || end.is_some() {
                self.torn = end.is_none() && !self.line.is_empty();
                return Ok(!self.line.is_empty());
            }
            if self.line.len() > LINE_LIMIT {
                self.line.truncate(256);
                return Err(self.fatal(1, "the line is too long", "a line of at most 64 MiB"));
            }
        }
    }

    /// Reads `%heloise N` in the current line and the headers after it.
    fn read_header(&mut self) -> Result<Header, ReadError> {
        let Ok((_, version)) = grammar::signature(self.body()) else {
            return Err(self.fatal(1, "this is no Heloise transcript", "%heloise 1 as the first line"));
        };
        if version > VERSION || version == 0 {
            let what =
                format!("the transcript has format version {version}, this program reads up to {VERSION}");
            return Err(self.fatal(10, &what, "version 1; a newer heloise may read it"));
        }
        let mut header = Header { version, ..Header::default() };
        while self.next_line()? {
            match self.body() {
                [b'%', ..] if grammar::signature(self.body()).is_err() => {
                    match self.parsed(grammar::header) {
                        Ok((name, value)) => header.set(&name, &value),
                        Err(_) if self.torn => self.warn("what stands there is left out"),
                        Err(error) => return Err(ReadError { fatal: true, ..error }),
                    }
                }
                _ => {
                    self.waiting = true;
                    break;
                }
            }
        }
        Ok(header)
    }

    /// Runs a rule on the whole line.
    fn parsed<'a, T>(
        &'a self,
        rule: impl FnOnce(&'a [u8]) -> grammar::Parsed<'a, T>,
    ) -> Result<T, ReadError> {
        let body = self.body();
        if let Err(e) = std::str::from_utf8(body) {
            return Err(self.error(
                e.valid_up_to() + 1,
                "not UTF-8",
                "UTF-8; other bytes are written \\xHH",
                false,
            ));
        }
        let miss = match rule(body) {
            Ok((_, value)) => return Ok(value),
            Err(nom::Err::Error(miss) | nom::Err::Failure(miss)) => miss,
            Err(nom::Err::Incomplete(_)) => grammar::Miss { at: b"", expected: "more" },
        };
        let column = body.len().saturating_sub(miss.at.len()) + 1;
        let what = if miss.at.is_empty() { "the line ends too early" } else { "this cannot be read" };
        Err(self.error(column, what, miss.expected, false))
    }

    /// The next entry; nothing at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        let mut entry = Entry::default();
        Ok(self.read_into(&mut entry)?.then_some(entry))
    }

    /// Reads the next entry into `entry`, whose memory is used again; `false` at the end. It does what
    /// [`Reader::next_entry`] does, and is faster where one entry is looked at after the other.
    pub fn read_into(&mut self, entry: &mut Entry) -> Result<bool, ReadError> {
        if self.read_plain(entry) {
            return Ok(true);
        }
        let read = self.read_line()?;
        Ok(read.map(|read| *entry = read).is_some())
    }

    /// Reads the next line if all of it is in the buffer, and of the common kind.
    fn read_plain(&mut self, entry: &mut Entry) -> bool {
        if self.waiting || self.done {
            return false;
        }
        // What fails here fails again in `next_line`, which says so.
        let Ok(chunk) = self.input.fill_buf() else { return false };
        // The end is not asked for twice: at a terminal somebody would have to type it twice.
        self.done = chunk.is_empty();
        let line = memchr::memchr(b'\n', chunk).and_then(|end| chunk.split_at_checked(end));
        let Some((line, _)) = line.filter(|(line, _)| plain::read(line, entry)) else { return false };
        let used = line.len() + 1;
        self.input.consume(used);
        self.number += 1;
        true
    }

    /// The entry in the next line that has one.
    fn read_line(&mut self) -> Result<Option<Entry>, ReadError> {
        while !self.done && self.next_line()? {
            let body = self.body();
            if body.trim_ascii().is_empty() {
                continue;
            }
            if body.starts_with(b"%") {
                return self.header_entry().map(Some);
            }
            let read = self.parsed(grammar::entry);
            return match (read, self.torn) {
                (Ok((at, kind)), false) => Ok(Some(Entry { at, kind })),
                (Ok((at, kind)), true) => {
                    self.warn("its last entry may be incomplete");
                    Ok(Some(Entry { at, kind }))
                }
                (Err(_), true) => {
                    self.warn("what stands there is left out");
                    Ok(None)
                }
                (Err(error), false) => Err(error),
            };
        }
        self.done = true;
        Ok(None)
    }

    fn warn(&mut self, what: &str) {
        self.warning = Some(format!("the file ends in the middle of line {}; {what}", self.number));
    }

    fn header_entry(&mut self) -> Result<Entry, ReadError> {
        let kind = if grammar::signature(self.body()).is_ok() {
            EntryKind::Session(Box::new(self.read_header()?))
        } else {
            let (name, value) = self.parsed(grammar::header)?;
            EntryKind::Header(name, value)
        };
        Ok(Entry { at: None, kind })
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().transpose()
    }
}
