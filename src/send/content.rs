//! The message as it will go over the wire: line ends made CRLF, and what is in it that servers must be able
//! to take.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter};

/// Octets read at a time.
const PIECE: usize = 64 * 1024;

/// The longest header section that is looked into, in octets.
const HEADER_LIMIT: usize = 1024 * 1024;

/// A reader of content in which every line ends in CRLF, the last one too. Holds one piece in memory.
#[derive(Debug)]
pub struct Crlf<R> {
    inner: R,
    ready: Vec<u8>,
    taken: usize,
    piece: Vec<u8>,
    after_cr: bool,
    at_line_start: bool,
    ended: bool,
}

impl<R: Read> Crlf<R> {
    /// Reads from here.
    pub fn new(inner: R) -> Crlf<R> {
        let (ready, piece) = (Vec::with_capacity(PIECE + PIECE / 8), vec![0; PIECE]);
        Crlf { inner, ready, taken: 0, piece, after_cr: false, at_line_start: true, ended: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        let count = self.inner.read(&mut self.piece)?;
        (self.taken, self.ended) = (0, count == 0);
        self.ready.clear();
        let piece = self.piece.get(..count).unwrap_or_default();
        let mut copied = 0;
        for at in memchr_iter(b'\n', piece) {
            let after_cr = match at.checked_sub(1) {
                Some(before) => piece.get(before) == Some(&b'\r'),
                None => self.after_cr,
            };
            if !after_cr {
                self.ready.extend_from_slice(piece.get(copied..at).unwrap_or_default());
                self.ready.push(b'\r');
                copied = at;
            }
        }
        self.ready.extend_from_slice(piece.get(copied..).unwrap_or_default());
        match piece.last() {
            Some(last) => (self.after_cr, self.at_line_start) = (*last == b'\r', *last == b'\n'),
            None if !self.at_line_start => {
                self.ready.extend_from_slice(if self.after_cr { b"\n" } else { b"\r\n" });
                self.at_line_start = true;
            }
            None => {}
        }
        Ok(())
    }
}

impl<R: Read> Read for Crlf<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.ready.len() && !self.ended {
            self.fill()?;
        }
        let rest = self.ready.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.taken += count;
        Ok(count)
    }
}

/// Whether there are bytes outside ASCII, and of which kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Letters {
    /// None.
    #[default]
    Ascii,
    /// Valid UTF-8.
    Utf8,
    /// Something else.
    Other,
}

/// What is in a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Octets as RFC 1870 §4 counts them: with CRLF at each line end, without dots that are added on the way.
    pub octets: u64,
    /// Whether any byte has its eighth bit set.
    pub eight_bit: bool,
    /// What the header section is written in.
    pub header: Letters,
    /// Octets of the longest line, without its CRLF.
    pub longest_line: u64,
    /// CRs that stand alone; the standard has no place for them.
    pub bare_cr: u64,
    /// Bytes of value 0, which many servers refuse or drop.
    pub nul: u64,
}

/// Follows content piece by piece.
#[derive(Default)]
struct Surveyor {
    found: Survey,
    /// The header section so far, until it ends.
    header: Vec<u8>,
    header_over: bool,
    line: u64,
    after_cr: bool,
}

impl Survey {
    /// Reads the content to its end.
    ///
    /// # Errors
    /// When reading fails.
    pub fn of(mut content: impl Read) -> io::Result<Survey> {
        let mut surveyor = Surveyor::default();
        let mut piece = vec![0; PIECE];
        loop {
            match content.read(&mut piece)? {
                0 => return Ok(surveyor.finish()),
                count => surveyor.push(piece.get(..count).unwrap_or_default()),
            }
        }
    }
}

impl Surveyor {
    fn push(&mut self, piece: &[u8]) {
        self.found.octets += piece.len() as u64;
        self.found.eight_bit |= !piece.is_ascii();
        self.found.nul += memchr_iter(0, piece).count() as u64;
        self.lone_crs(piece);
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            self.part_of_line(line);
        }
    }

    fn lone_crs(&mut self, piece: &[u8]) {
        let first_is_lf = piece.first() == Some(&b'\n');
        self.found.bare_cr += u64::from(self.after_cr && !piece.is_empty() && !first_is_lf);
        let lone =
            memchr_iter(b'\r', piece).filter(|at| piece.get(at + 1).is_some_and(|next| *next != b'\n'));
        self.found.bare_cr += lone.count() as u64;
        self.after_cr = piece.last() == Some(&b'\r');
    }

    fn part_of_line(&mut self, part: &[u8]) {
        self.line += part.len() as u64;
        if !self.header_over {
            self.header.extend_from_slice(part);
            self.header_over = self.header.len() > HEADER_LIMIT;
        }
        if memchr(b'\n', part).is_some() {
            self.header_over |= self.line <= 2;
            self.end_of_line();
        }
    }

    fn end_of_line(&mut self) {
        self.found.longest_line = self.found.longest_line.max(self.line.saturating_sub(2));
        self.line = 0;
    }

    fn finish(mut self) -> Survey {
        self.found.longest_line = self.found.longest_line.max(self.line);
        self.found.header = match std::str::from_utf8(&self.header) {
            Ok(text) if text.is_ascii() => Letters::Ascii,
            Ok(_) => Letters::Utf8,
            // A section that was cut at the limit may be cut within a character.
            Err(error) if self.header.len() > HEADER_LIMIT && error.error_len().is_none() => Letters::Utf8,
            Err(_) => Letters::Other,
        };
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives so many bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buf.len());
            let (now, later) = self.0.split_at(count);
            buf[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn mended(content: &[u8], piece: usize) -> Vec<u8> {
        let mut out = Vec::new();
        Crlf::new(Slow(content, piece)).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn every_line_ends_in_crlf_however_it_is_cut() {
        let cases: [(&[u8], &[u8]); 8] = [
            (b"", b""),
            (b"\n", b"\r\n"),
            (b"a", b"a\r\n"),
            (b"a\nb", b"a\r\nb\r\n"),
            (b"a\r\nb\r\n", b"a\r\nb\r\n"),
            (b"a\r", b"a\r\n"),
            (b"a\rb\n", b"a\rb\r\n"),
            (b"\n\n.\n", b"\r\n\r\n.\r\n"),
        ];
        for (content, expected) in cases {
            for piece in 1..=content.len().max(1) {
                assert_eq!(mended(content, piece), expected, "{} by {piece}", content.escape_ascii());
            }
        }
    }

    #[test]
    fn a_survey_finds_what_servers_must_be_able_to_take() {
        let content = "Subject: é\n\nlong line ä\nx\ry\0\n";
        let expected = Survey {
            octets: content.len() as u64 + 4,
            eight_bit: true,
            header: Letters::Utf8,
            longest_line: "long line ä".len() as u64,
            bare_cr: 1,
            nul: 1,
        };
        for piece in 1..content.len() {
            let found = Survey::of(Slow(&mended(content.as_bytes(), 7), piece)).unwrap();
            assert_eq!(found, expected, "by {piece}");
        }
    }

    #[test]
    fn the_header_ends_at_the_empty_line() {
        let letters = |content: &[u8]| Survey::of(Crlf::new(content)).unwrap().header;
        assert_eq!(letters(b"Subject: x\n\n\xc3\xa4"), Letters::Ascii);
        assert_eq!(letters(b"Subject: \xe4\n\nx"), Letters::Other);
        assert_eq!(letters("Subject: ä".as_bytes()), Letters::Utf8);
        assert_eq!(letters("\nä".as_bytes()), Letters::Ascii);
        assert_eq!(Survey::of(&b""[..]).unwrap(), Survey::default());
    }

    #[test]
    fn an_endless_header_is_not_kept() {
        let content = "a".repeat(HEADER_LIMIT * 3);
        let mut surveyor = Surveyor::default();
        content.as_bytes().chunks(PIECE).for_each(|piece| surveyor.push(piece));
        assert!(surveyor.header.len() <= HEADER_LIMIT + PIECE);
        assert_eq!(surveyor.finish().longest_line, content.len() as u64);
    }
}
