//! Line framing: a stream of bytes to lines, whatever the line ends.

use memchr::memchr;

/// How a line ended on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// CR LF, as the standard asks.
    CrLf,
    /// LF alone.
    Lf,
    /// Nothing: the connection ended in mid-line.
    None,
}

impl Ending {
    /// The bytes of this line end.
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            Ending::CrLf => b"\r\n",
            Ending::Lf => b"\n",
            Ending::None => b"",
        }
    }
}

/// A line as it came, without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The bytes before the line end. May hold anything, bare CRs included.
    pub bytes: Vec<u8>,
    /// How it ended.
    pub ending: Ending,
}

impl Line {
    /// A line that ends in CRLF.
    pub fn crlf(bytes: impl Into<Vec<u8>>) -> Self {
        Line { bytes: bytes.into(), ending: Ending::CrLf }
    }

    /// Octets on the wire, line end included.
    pub fn wire_len(&self) -> usize {
        self.bytes.len() + self.ending.as_bytes().len()
    }
}

/// The line under way grew past [`Framer::limit`] without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of more than {limit} octets without an end")]
pub struct Overlong {
    /// The cap that was hit, in octets.
    pub limit: usize,
}

/// Cuts a stream of bytes into lines. Feeding it whole or byte by byte gives the same lines.
#[derive(Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Start of what has not been handed out.
    start: usize,
    /// Up to here no LF was found.
    scanned: usize,
    limit: usize,
}

impl Framer {
    /// A framer that refuses lines of more than `limit` octets.
    pub fn new(limit: usize) -> Self {
        Framer { buffer: Vec::new(), start: 0, scanned: 0, limit }
    }

    /// The cap on one line, in octets.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Appends bytes from the wire.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start == self.buffer.len() {
            self.buffer.clear();
            (self.start, self.scanned) = (0, 0);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete line, if there is one. After an error the framer must be thrown away.
    pub fn next_line(&mut self) -> Result<Option<Line>, Overlong> {
        let unseen = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(offset) = memchr(b'\n', unseen) else {
            self.scanned = self.buffer.len();
            if self.buffered() > self.limit {
                return Err(Overlong { limit: self.limit });
            }
            self.compact();
            return Ok(None);
        };
        let end = self.scanned + offset;
        let raw = self.buffer.get(self.start..end).unwrap_or_default();
        if raw.len() >= self.limit {
            return Err(Overlong { limit: self.limit });
        }
        let line = match raw.strip_suffix(b"\r") {
            Some(bytes) => Line { bytes: bytes.to_vec(), ending: Ending::CrLf },
            None => Line { bytes: raw.to_vec(), ending: Ending::Lf },
        };
        self.start = end + 1;
        self.scanned = self.start;
        Ok(Some(line))
    }

    /// How many bytes wait that do not form a complete line yet, or have not been asked for.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Takes everything that waits, complete lines or not: what is glued behind a reply, or what was left
    /// when the connection ended.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.split_off(self.start);
        self.buffer.clear();
        (self.start, self.scanned) = (0, 0);
        rest
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(framer: &mut Framer) -> Vec<Line> {
        std::iter::from_fn(|| framer.next_line().ok().flatten()).collect()
    }

    #[test]
    fn whole_and_byte_by_byte_agree() {
        let sample = b"220 a\r\n250-b\n250 \rc\r\n\r\n\nrest";
        let mut whole = Framer::new(100);
        whole.push(sample);
        let expected = lines(&mut whole);
        assert_eq!(expected.len(), 5);
        assert_eq!(expected.get(2), Some(&Line::crlf("250 \rc")));
        let mut single = Framer::new(100);
        let mut seen = Vec::new();
        for byte in sample {
            single.push(&[*byte]);
            seen.extend(lines(&mut single));
        }
        assert_eq!(seen, expected);
        assert_eq!(single.take_rest(), b"rest");
    }

    #[test]
    fn a_line_without_end_is_refused_at_the_limit() {
        let mut framer = Framer::new(10);
        framer.push(b"0123456789");
        assert_eq!(framer.next_line(), Ok(None));
        framer.push(b"x");
        assert_eq!(framer.next_line(), Err(Overlong { limit: 10 }));
    }
}
