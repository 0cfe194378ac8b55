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

/// A line as it came, without its end, where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineRef<'a> {
    /// The bytes before the line end. May hold anything, bare CRs included.
    pub bytes: &'a [u8],
    /// How it ended.
    pub ending: Ending,
}

impl<'a> LineRef<'a> {
    /// A line out of its bytes with their end, which may be missing.
    #[inline]
    pub fn of_wire(wire: &'a [u8]) -> LineRef<'a> {
        match wire {
            [bytes @ .., b'\r', b'\n'] => LineRef { bytes, ending: Ending::CrLf },
            [bytes @ .., b'\n'] => LineRef { bytes, ending: Ending::Lf },
            bytes => LineRef { bytes, ending: Ending::None },
        }
    }

    /// Octets on the wire, line end included.
    #[inline]
    pub fn wire_len(&self) -> usize {
        self.bytes.len() + self.ending.as_bytes().len()
    }

    /// Writes the line with its end.
    #[inline]
    pub fn append_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes);
        match self.ending {
            Ending::CrLf => out.extend_from_slice(b"\r\n"),
            Ending::Lf => out.push(b'\n'),
            Ending::None => {}
        }
    }

    /// The same as a value of its own.
    pub fn to_line(self) -> Line {
        Line { bytes: self.bytes.to_vec(), ending: self.ending }
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

    /// The same, borrowed.
    pub fn as_ref(&self) -> LineRef<'_> {
        LineRef { bytes: &self.bytes, ending: self.ending }
    }

    /// Octets on the wire, line end included.
    pub fn wire_len(&self) -> usize {
        self.as_ref().wire_len()
    }
}

/// The line under way grew past [`Framer::limit`] without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line of more than {limit} octets without an end")]
pub struct Overlong {
    /// The cap that was hit, in octets.
    pub limit: usize,
}

/// Where a line stands in the buffer of the [`Framer`] that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineSpan {
    start: usize,
    /// Behind the line end.
    end: usize,
}

/// Cuts a stream of bytes into lines. Feeding it whole or byte by byte gives the same lines.
///
/// Lines are not copied: they stand in its buffer until [`Framer::compact`].
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
        self.buffer.extend_from_slice(bytes);
    }

    /// Forgets the lines that have been handed out, so that the buffer does not grow for ever.
    pub fn compact(&mut self) {
        self.buffer.drain(..self.start);
        self.scanned -= self.start;
        self.start = 0;
    }

    /// The next complete line, if there is one. After an error the framer must be thrown away.
    #[inline]
    pub fn next_line(&mut self) -> Result<Option<LineRef<'_>>, Overlong> {
        Ok(self.next_span()?.map(|span| self.line(span)))
    }

    /// As [`Framer::next_line`], but borrows nothing: [`Framer::line`] gives the line itself.
    #[inline]
    pub fn next_span(&mut self) -> Result<Option<LineSpan>, Overlong> {
        let unseen = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(offset) = memchr(b'\n', unseen) else {
            self.scanned = self.buffer.len();
            let overlong = self.buffered() > self.limit;
            return if overlong { Err(Overlong { limit: self.limit }) } else { Ok(None) };
        };
        let span = LineSpan { start: self.start, end: self.scanned + offset + 1 };
        if span.end - span.start > self.limit {
            return Err(Overlong { limit: self.limit });
        }
        (self.start, self.scanned) = (span.end, span.end);
        Ok(Some(span))
    }

    /// What is left as a line without an end, if anything is. For the end of the stream.
    pub fn last_span(&mut self) -> Option<LineSpan> {
        let span = LineSpan { start: self.start, end: self.buffer.len() };
        (self.start, self.scanned) = (span.end, span.end);
        (span.start < span.end).then_some(span)
    }

    /// The line that was found there, if it has not been forgotten.
    #[inline]
    pub fn line(&self, span: LineSpan) -> LineRef<'_> {
        LineRef::of_wire(self.buffer.get(span.start..span.end).unwrap_or_default())
    }

    /// How many bytes wait that do not form a complete line yet, or have not been asked for.
    #[inline]
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Takes everything that waits, complete lines or not: what is glued behind a reply, or what was left
    /// when the connection ended.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.split_off(self.start);
        self.scanned = self.start;
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(framer: &mut Framer) -> Vec<Line> {
        std::iter::from_fn(|| framer.next_line().ok().flatten().map(LineRef::to_line)).collect()
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
            single.compact();
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
