//! The bytes of one line of a session, with marks where bytes were left out.

use std::fmt;

use crate::wire::{Ending, LineRef};

use super::text;

/// How a line ended on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// CR LF; not written down, as nearly every line ends so.
    #[default]
    CrLf,
    /// LF alone; written `\n`.
    Lf,
    /// CR alone; written `\r`.
    Cr,
    /// No line end; written `\-`.
    None,
}

impl LineEnd {
    /// The bytes on the wire.
    pub fn as_bytes(self) -> &'static [u8] {
        match self {
            LineEnd::CrLf => b"\r\n",
            LineEnd::Lf => b"\n",
            LineEnd::Cr => b"\r",
            LineEnd::None => b"",
        }
    }

    /// Whether a server takes what stood before it for a line: it reads on up to the LF.
    pub fn ends_line(self) -> bool {
        matches!(self, LineEnd::CrLf | LineEnd::Lf)
    }

    /// The mark at the end of a payload in a transcript.
    pub fn mark(self) -> &'static str {
        match self {
            LineEnd::CrLf => "",
            LineEnd::Lf => "\\n",
            LineEnd::Cr => "\\r",
            LineEnd::None => "\\-",
        }
    }

    /// Cuts the line end off `bytes`.
    pub fn split(bytes: &[u8]) -> (&[u8], LineEnd) {
        for end in [LineEnd::CrLf, LineEnd::Lf, LineEnd::Cr] {
            if let Some(rest) = bytes.strip_suffix(end.as_bytes()) {
                return (rest, end);
            }
        }
        (bytes, LineEnd::None)
    }
}

impl From<Ending> for LineEnd {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::CrLf => LineEnd::CrLf,
            Ending::Lf => LineEnd::Lf,
            Ending::None => LineEnd::None,
        }
    }
}

/// Stands for bytes that were a secret: what kind they were and, where that is no secret, whose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretMark {
    /// The SASL mechanism, as it was written in the AUTH command.
    pub sasl: Option<String>,
    /// What part of an exchange it was, where not plain from the mechanism: `user`, `password`, `proof`, …
    pub what: Option<String>,
    /// The user name, decoded.
    pub user: Option<String>,
    /// Base64 was due, and it was none (RFC 4954 §4).
    pub no_base64: bool,
    /// A known secret turned up in a place where none belongs, such as a server's reply.
    pub echo: bool,
    /// Attributes of later versions, in order; those without a value are bare words.
    pub other: Vec<(String, Option<String>)>,
}

impl SecretMark {
    /// The mark for a known secret that turned up elsewhere: `{secret echo}`.
    pub fn echo() -> Self {
        SecretMark { echo: true, ..SecretMark::default() }
    }
}

/// A part of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes as they were on the wire.
    Bytes(Vec<u8>),
    /// A redacted secret.
    Secret(SecretMark),
    /// Message content past the limit, line ends counted and hashed as they were sent.
    Data {
        /// How many bytes it stands for.
        bytes: u64,
        /// SHA-256 of those bytes, where it was taken.
        sha256: Option<[u8; 32]>,
    },
    /// A placeholder of a later version: what stood between its braces, as it stood there.
    Other(String),
}

/// One line of a session without its end, as pieces.
///
/// Two bytes pieces never stand side by side when it was made by the functions here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// The parts, in order.
    pub pieces: Vec<Piece>,
    /// How the line ended.
    pub ending: LineEnd,
}

impl Payload {
    /// A line of these bytes that ends in CRLF.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let mut payload = Payload::default();
        payload.push_bytes(bytes);
        payload
    }

    /// The same line as on the wire.
    pub fn from_line(line: LineRef<'_>) -> Self {
        Payload { ending: line.ending.into(), ..Payload::from_bytes(line.bytes) }
    }

    /// Bytes with whatever line end they carry; without one, [`LineEnd::None`].
    pub fn from_raw(bytes: &[u8]) -> Self {
        let (bytes, ending) = LineEnd::split(bytes);
        Payload { ending, ..Payload::from_bytes(bytes) }
    }

    /// A payload that is one mark.
    pub fn from_piece(piece: Piece) -> Self {
        Payload { pieces: vec![piece], ending: LineEnd::CrLf }
    }

    /// Makes it a line of these bytes that ends in CRLF, as [`Payload::from_bytes`] does, in the memory that it has.
    pub(super) fn refill(&mut self, bytes: &[u8]) {
        self.ending = LineEnd::CrLf;
        match self.pieces.as_mut_slice() {
            [Piece::Bytes(old)] if !bytes.is_empty() => {
                old.clear();
                old.extend_from_slice(bytes);
            }
            _ => {
                self.pieces.clear();
                self.push_bytes(bytes);
            }
        }
    }

    /// Sets the line end.
    pub fn with_ending(self, ending: LineEnd) -> Self {
        Payload { ending, ..self }
    }

    /// Adds bytes at the end.
    pub fn push_bytes(&mut self, bytes: impl Into<Vec<u8>>) {
        let mut bytes = bytes.into();
        match self.pieces.last_mut() {
            _ if bytes.is_empty() => {}
            Some(Piece::Bytes(last)) => last.append(&mut bytes),
            _ => self.pieces.push(Piece::Bytes(bytes)),
        }
    }

    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Piece) {
        match piece {
            Piece::Bytes(bytes) => self.push_bytes(bytes),
            mark => self.pieces.push(mark),
        }
    }

    /// The bytes of the line without its end, where nothing was left out of it.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [] => Some(b""),
            [Piece::Bytes(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// The bytes before the first mark: enough to know a command or a reply code by.
    pub fn head(&self) -> &[u8] {
        match self.pieces.first() {
            Some(Piece::Bytes(bytes)) => bytes,
            _ => b"",
        }
    }

    /// The line as on the wire with its end; marks are left out.
    pub fn wire_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            if let Piece::Bytes(bytes) = piece {
                out.extend_from_slice(bytes);
            }
        }
        out.extend_from_slice(self.ending.as_bytes());
        out
    }

    /// How many bytes the line was on the wire, its end and folded content included; a secret counts for nothing.
    pub fn wire_len(&self) -> u64 {
        let pieces = self.pieces.iter().map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Data { bytes, .. } => *bytes,
            Piece::Secret(_) | Piece::Other(_) => 0,
        });
        // What a file says of folded content may be any number.
        pieces.fold(self.ending.as_bytes().len() as u64, u64::saturating_add)
    }

    /// The marks of redacted secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretMark> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Secret(mark) => Some(mark),
            _ => None,
        })
    }

    /// The payload as a transcript spells it: printable, and safe on any terminal.
    pub fn to_visible(&self) -> String {
        let mut out = String::with_capacity(self.head().len());
        self.push_visible(&mut out);
        out
    }

    /// Appends what [`Payload::to_visible`] gives.
    pub fn push_visible(&self, out: &mut String) {
        match self.bytes().filter(|_| self.ending == LineEnd::CrLf).and_then(text::as_it_stands) {
            Some(plain) => out.push_str(plain),
            None => {
                let mut escaped = Vec::new();
                text::write_payload(&mut escaped, self);
                out.push_str(&String::from_utf8(escaped).unwrap_or_default());
            }
        }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_visible())
    }
}

impl From<LineRef<'_>> for Payload {
    fn from(line: LineRef<'_>) -> Self {
        Payload::from_line(line)
    }
}
