//! Message content past a limit becomes one mark.

use sha2::{Digest, Sha256};

use super::{LineEnd, Payload, Piece};

/// Content of a message on its way into a transcript: lines pass up to a limit, what follows is counted and, if
/// somebody keeps it, hashed, and becomes one `{data …}` mark.
///
/// Feed it the bytes as they go on the wire, in chunks of any size (large ones are fastest). Memory stays
/// below the limit.
#[derive(Debug)]
pub struct ContentFold {
    /// How many bytes may still pass.
    left: u64,
    hashed: bool,
    /// The line under way, while lines pass.
    line: Vec<u8>,
    folded: Option<Folded>,
}

#[derive(Debug)]
struct Folded {
    bytes: u64,
    hash: Option<Sha256>,
    /// Up to two bytes that may turn out to be the last line end.
    tail: Vec<u8>,
}

impl ContentFold {
    /// 64 KiB, unless the person asks for another limit.
    pub const DEFAULT_LIMIT: u64 = 64 << 10;

    /// Lets lines pass until `limit` bytes of content have passed. Whether the rest is `hashed` as well is a question
    /// of who will see the mark: of a large message it costs as much as all else.
    pub fn new(limit: u64, hashed: bool) -> Self {
        ContentFold { left: limit, hashed, line: Vec::new(), folded: None }
    }

    /// Takes the next bytes; hands each line that passes to `out`.
    pub fn push(&mut self, bytes: &[u8], mut out: impl FnMut(Payload)) {
        let mut rest = bytes;
        while self.folded.is_none() && !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (part, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
            if (self.line.len() + part.len()) as u64 > self.left {
                self.fold();
                break;
            }
            self.line.extend_from_slice(part);
            rest = after;
            if part.ends_with(b"\n") {
                self.left -= self.line.len() as u64;
                out(Payload::from_raw(&self.line));
                self.line.clear();
            }
        }
        if let Some(folded) = &mut self.folded {
            folded.push(rest);
        }
    }

    fn fold(&mut self) {
        let hash = self.hashed.then(Sha256::new);
        let mut folded = Folded { bytes: 0, hash, tail: Vec::with_capacity(4) };
        folded.push(&self.line);
        self.line = Vec::new();
        self.folded = Some(folded);
    }

    /// The content ends: hands out what is left, the mark or a line without an end. The fold can then be used
    /// again, with what is left of the limit.
    pub fn finish(&mut self, mut out: impl FnMut(Payload)) {
        if !self.line.is_empty() {
            self.left = self.left.saturating_sub(self.line.len() as u64);
            out(Payload::from_raw(&self.line));
            self.line.clear();
        }
        if let Some(folded) = self.folded.take() {
            out(folded.finish());
        }
    }
}

impl Folded {
    fn push(&mut self, bytes: &[u8]) {
        // All but the last two bytes seen so far are hashed.
        let held = bytes.len().min(2);
        let (body, last) = bytes.split_at(bytes.len() - held);
        self.tail.extend_from_slice(if body.is_empty() { last } else { b"" });
        if body.is_empty() {
            let ripe = self.tail.len().saturating_sub(2);
            self.count(ripe);
            return;
        }
        self.count(self.tail.len());
        self.bytes += body.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(body);
        }
        self.tail.extend_from_slice(last);
    }

    /// Hashes so many bytes of the tail.
    fn count(&mut self, ripe: usize) {
        if let Some(hash) = &mut self.hash {
            hash.update(self.tail.get(..ripe).unwrap_or_default());
        }
        self.tail.drain(..ripe);
        self.bytes += ripe as u64;
    }

    fn finish(mut self) -> Payload {
        let (body, ending) = LineEnd::split(&self.tail);
        // A CR alone is content here, not the end of a line.
        let (ripe, ending) =
            if ending == LineEnd::Cr { (self.tail.len(), LineEnd::None) } else { (body.len(), ending) };
        self.count(ripe);
        let piece = Piece::Data { bytes: self.bytes, sha256: self.hash.map(|hash| hash.finalize().into()) };
        Payload::from_piece(piece).with_ending(ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(limit: u64, chunks: &[&[u8]]) -> Vec<Payload> {
        let (mut fold, mut out) = (ContentFold::new(limit, true), Vec::new());
        for chunk in chunks {
            fold.push(chunk, |p| out.push(p));
        }
        fold.finish(|p| out.push(p));
        out
    }

    fn data(bytes: &[u8], ending: LineEnd) -> Payload {
        let sha256 = Some(Sha256::digest(bytes).into());
        Payload::from_piece(Piece::Data { bytes: bytes.len() as u64, sha256 }).with_ending(ending)
    }

    #[test]
    fn short_content_passes_line_by_line() {
        let expected = vec![
            Payload::from_bytes("Subject: x"),
            Payload::from_bytes(""),
            Payload::from_bytes("a").with_ending(LineEnd::Lf),
            Payload::from_bytes("b").with_ending(LineEnd::None),
        ];
        assert_eq!(fold(100, &[b"Subject: x\r\n\r\na\nb"]), expected);
    }

    #[test]
    fn the_rest_is_counted_and_hashed_without_its_last_line_end() {
        let ends = [("\r\n", LineEnd::CrLf), ("\n", LineEnd::Lf), ("", LineEnd::None), ("\r", LineEnd::None)];
        for (end, ending) in ends {
            let body = format!("12345\r\nsix seven\r\neight{end}");
            let inner = format!("six seven\r\neight{}", if end == "\r" { "\r" } else { "" });
            let expected = vec![Payload::from_bytes("12345"), data(inner.as_bytes(), ending)];
            assert_eq!(fold(8, &[body.as_bytes()]), expected);
            for cut in 0..body.len() {
                let (a, b) = body.as_bytes().split_at(cut);
                assert_eq!(fold(8, &[a, b]), expected, "cut at {cut}");
            }
            let single: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
            assert_eq!(fold(8, &single), expected);
        }
    }

    #[test]
    fn nobody_who_keeps_it_no_hash() {
        let mut fold = ContentFold::new(0, false);
        fold.push(b"a\r\nbc\r\n", |_| ());
        let mut out = Vec::new();
        fold.finish(|mark| out.push(mark));
        assert_eq!(out, [Payload::from_piece(Piece::Data { bytes: 5, sha256: None })]);
    }

    #[test]
    fn one_endless_line_is_folded_and_a_limit_of_nothing_folds_all() {
        assert_eq!(fold(4, &[b"abc", b"defgh"]), vec![data(b"abcdefgh", LineEnd::None)]);
        assert_eq!(fold(0, &[b"a\r\n"]), vec![data(b"a", LineEnd::CrLf)]);
        assert_eq!(fold(0, &[]), vec![]);
    }
}
