//! The lines of an input that may be anything, and what it is when it is no text.

use std::io::BufRead;

use crate::report::{Problem, Status};

/// What files that are no text begin with, what they are, and how their text is had.
const NO_TEXT: [(&[u8], &str, &str); 6] = [
    (b"\xff\xfe", "UTF-16, as PowerShell writes it", FROM_UTF16),
    (b"\xfe\xff", "UTF-16", FROM_UTF16),
    (b"\x1f\x8b", "compressed by gzip", "zcat FILE | heloise explain"),
    (b"BZh", "compressed by bzip2", "bzcat FILE | heloise explain"),
    (b"\xfd7zXZ\0", "compressed by xz", "xzcat FILE | heloise explain"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", "zstdcat FILE | heloise explain"),
];
const FROM_UTF16: &str = "iconv -f UTF-16 -t UTF-8 FILE | heloise explain";
/// The mark that some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads lines, the beginning of each that is too long.
pub struct Lines<R> {
    input: R,
    /// The most octets of a line.
    limit: usize,
    line: Vec<u8>,
    number: usize,
    /// The number of the first line that was too long, and how many there were.
    cut: (usize, usize),
}

impl<R: BufRead> Lines<R> {
    /// Looks at how the input begins; fails where it is no text.
    pub fn new(mut input: R, limit: usize) -> Result<Lines<R>, Problem> {
        let start = input.fill_buf().map_err(|error| unreadable(&error))?;
        if let Some((what, text_by)) = not_text(start) {
            let problem =
                Problem::new(Status::LocalFile, format!("the input is {what}, and no text in UTF-8"));
            return Err(problem.advise(text_by));
        }
        if start.starts_with(BYTE_ORDER_MARK) {
            input.consume(BYTE_ORDER_MARK.len());
        }
        Ok(Lines { input, limit, line: Vec::new(), number: 0, cut: (0, 0) })
    }

    /// The next line without its end, and its number from 1.
    pub fn next(&mut self) -> Result<Option<(usize, &[u8])>, Problem> {
        self.line.clear();
        let (mut length, mut ended) = (0, false);
        while !ended {
            let piece = self.input.fill_buf().map_err(|error| unreadable(&error))?;
            let (taken, used) = match memchr::memchr(b'\n', piece) {
                Some(end) => (piece.get(..end).unwrap_or_default(), end + 1),
                None => (piece, piece.len()),
            };
            ended = used > taken.len() || piece.is_empty();
            if piece.is_empty() && length == 0 {
                return Ok(None);
            }
            length += taken.len();
            let room = self.limit.saturating_sub(self.line.len()).min(taken.len());
            self.line.extend_from_slice(taken.get(..room).unwrap_or_default());
            self.input.consume(used);
        }
        self.number += 1;
        if length > self.limit {
            let (first, count) = self.cut;
            self.cut = (if count == 0 { self.number } else { first }, count + 1);
        }
        Ok(Some((self.number, &self.line)))
    }

    /// That of some lines only the beginning was looked at, if so.
    pub fn cut(&self) -> Option<Problem> {
        let limit = self.limit >> 10;
        let what = match self.cut {
            (_, 0) => return None,
            (line, 1) => format!("line {line} is longer than {limit} KiB: only its beginning was looked at"),
            (line, count) => format!(
                "{count} lines, the first of them line {line}, are longer than {limit} KiB: only their beginnings were \
                 looked at"
            ),
        };
        Some(Problem::new(Status::LocalFile, what))
    }
}

/// What an input is that begins so, where it is no text, and how its text is had.
fn not_text(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let marked = NO_TEXT.iter().find(|(mark, _, _)| start.starts_with(mark));
    if let Some((_, what, text_by)) = marked {
        return Some((what, text_by));
    }
    // UTF-16 without its mark: every other octet of a text in ASCII is NUL.
    let pairs = start.as_chunks::<2>().0.iter().take(8);
    let is_wide = |pair: &[u8; 2]| (pair[0] == 0) != (pair[1] == 0);
    (start.len() >= 16 && pairs.into_iter().all(is_wide)).then_some(("UTF-16", FROM_UTF16))
}

fn unreadable(error: &std::io::Error) -> Problem {
    let words = crate::transport::io_words(error);
    Problem::new(Status::LocalFile, format!("cannot read the input: {words}"))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// The lines of an input that comes a few octets at a time.
    fn lines(input: &[u8], limit: usize) -> (Vec<(usize, String)>, Option<String>) {
        let mut lines =
            Lines::new(BufReader::with_capacity(16, input), limit).unwrap_or_else(|_| panic!("text"));
        let mut all = Vec::new();
        while let Ok(Some((number, line))) = lines.next() {
            all.push((number, String::from_utf8_lossy(line).into_owned()));
        }
        (all, lines.cut().map(|problem| problem.what))
    }

    #[test]
    fn lines_are_numbered_and_long_ones_cut() {
        let long = "x".repeat(100);
        let (all, cut) = lines(format!("one\n\n{long}\nfour").as_bytes(), 50);
        let expected = [(1, "one"), (2, ""), (3, &long[..50]), (4, "four")];
        assert_eq!(all, expected.map(|(number, line)| (number, line.to_owned())));
        assert!(cut.is_some_and(|cut| cut.starts_with("line 3 ")));
        let (all, cut) = lines(format!("{long}\n{long}\n").as_bytes(), 99);
        assert_eq!((all.len(), cut.is_some_and(|cut| cut.starts_with("2 lines"))), (2, true));
        assert_eq!(lines(b"", 50), (Vec::new(), None));
        assert_eq!(lines(b"\xef\xbb\xbf550 no\n", 50).0, [(1, "550 no".to_owned())]);
    }

    #[test]
    fn what_is_no_text_is_named() {
        let wide: Vec<u8> = "550 5.1.1 no such user".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [b"\xff\xfe", wide.as_slice()].concat();
        for (input, what) in [(&wide[..], "UTF-16"), (&marked, "PowerShell"), (b"\x1f\x8b\x08\0\0", "gzip")] {
            let problem = Lines::new(input, 50).err().map(|problem| problem.what).unwrap_or_default();
            assert!(problem.contains(what), "{problem}");
        }
        assert!(Lines::new(&b"550 \0 odd but a reply"[..], 50).is_ok());
    }
}
