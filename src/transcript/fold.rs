//! Message content past a limit becomes one mark.

use sha2::{Digest, Sha256};

use super::{LineEnd, Payload, Piece};

/// Content of a message on its way into a transcript: lines pass up to a limit, what follows is counted and
/// hashed, and becomes one `{data …}` mark.
///
/// Feed it the bytes as they go on the wire, in chunks of any size (large ones are fastest). Memory stays
/// below the limit.
#[derive(Debug)]
pub struct ContentFold {
    /// How many bytes may still pass.
    left: u64,
    /// The line under way, while lines pass.
    line: Vec<u8>,
    folded: Option<Folded>,
}

#[derive(Debug)]
struct Folded {
    bytes: u64,
    hash: Sha256,
    /// Up to two bytes that may turn out to be the last line end.
    tail: Vec<u8>,
}

impl ContentFold {
    /// 64 KiB, unless the person asks for another limit.
    pub const DEFAULT_LIMIT: u64 = 64 << 10;

    /// Lets lines pass until `limit` bytes of content have passed.
    pub fn new(limit: u64) -> Self {
        ContentFold { left: limit, line: Vec::new(), folded: None }
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
        let mut folded = Folded { bytes: 0, hash: Sha256::new(), tail: Vec::with_capacity(4) };
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
        self.hash.update(body);
        self.tail.extend_from_slice(last);
    }

    /// Hashes so many bytes of the tail.
    fn count(&mut self, ripe: usize) {
        self.hash.update(self.tail.get(..ripe).unwrap_or_default());
        self.tail.drain(..ripe);
        self.bytes += ripe as u64;
    }

    fn finish(mut self) -> Payload {
        let (body, ending) = LineEnd::split(&self.tail);
        // A CR alone is content here, not the end of a line.
        let (ripe, ending) =
            if ending == LineEnd::Cr { (self.tail.len(), LineEnd::None) } else { (body.len(), ending) };
        self.count(ripe);
        let piece = Piece::Data { bytes: self.bytes, sha256: self.hash.finalize().into() };
        Payload::from_piece(piece).with_ending(ending)
    }
}
