//! Replies: what a server says (RFC 5321 §4.2), lossless.

use std::fmt;

use super::{Ending, Line, Quirk};

/// A three-digit reply code. Any number can be held; [`ReplyCode::class`] judges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyCode(pub u16);

/// What the first digit of a reply code says (RFC 5321 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// 2yz: done.
    Completion,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now; the same may succeed later.
    Transient,
    /// 5yz: not like this.
    Permanent,
}

impl ReplyCode {
    /// 220: the service is ready; also the go-ahead after STARTTLS.
    pub const READY: ReplyCode = ReplyCode(220);
    /// 221: closing the link after QUIT.
    pub const CLOSING: ReplyCode = ReplyCode(221);
    /// 235: authentication succeeded (RFC 4954).
    pub const AUTHENTICATED: ReplyCode = ReplyCode(235);
    /// 250: done.
    pub const OK: ReplyCode = ReplyCode(250);
    /// 334: a SASL challenge (RFC 4954).
    pub const CHALLENGE: ReplyCode = ReplyCode(334);
    /// 354: send the content.
    pub const START_INPUT: ReplyCode = ReplyCode(354);
    /// 421: the service is closing the link.
    pub const UNAVAILABLE: ReplyCode = ReplyCode(421);

    /// The class, or nothing where the first digit is none the standard defines.
    pub fn class(self) -> Option<Class> {
        match self.0 / 100 {
            2 => Some(Class::Completion),
            3 => Some(Class::Intermediate),
            4 => Some(Class::Transient),
            5 => Some(Class::Permanent),
            _ => None,
        }
    }

    /// Whether this is 4yz or 5yz.
    pub fn is_error(self) -> bool {
        matches!(self.class(), Some(Class::Transient | Class::Permanent))
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

/// An enhanced status code, class.subject.detail (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    /// 2, 4 or 5.
    pub class: u8,
    /// 0 to 999.
    pub subject: u16,
    /// 0 to 999.
    pub detail: u16,
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// One line of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyLine {
    /// The line as it came.
    pub line: Line,
    /// The code, where the line begins with three digits.
    pub code: Option<ReplyCode>,
    /// Whether this line ends its reply.
    pub last: bool,
    /// Where the text begins in the line's bytes, after code and separator.
    text_at: usize,
    /// Deviations seen in this line alone.
    pub quirks: Vec<Quirk>,
}

impl ReplyLine {
    /// Reads one line. Never fails: what is no reply line has no code and a [`Quirk::NotAReply`].
    pub fn parse(line: Line) -> ReplyLine {
        let mut quirks = Vec::new();
        if line.ending == Ending::Lf {
            quirks.push(Quirk::BareLf);
        }
        let digits = line.bytes.get(..3).filter(|d| d.iter().all(u8::is_ascii_digit));
        let code = digits.map(|d| ReplyCode(d.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'))));
        let separator = line.bytes.get(3).copied();
        let last = code.is_none() || separator != Some(b'-');
        let text_at = if code.is_some() { line.bytes.len().min(4) } else { 0 };
        ReplyLine { line, code, last, text_at, quirks }
    }

    /// The text after code and separator, as it came.
    pub fn text(&self) -> &[u8] {
        self.line.bytes.get(self.text_at..).unwrap_or_default()
    }
}

/// A whole reply, lossless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its lines, one at least.
    pub lines: Vec<ReplyLine>,
    /// Deviations that show only in the whole.
    pub quirks: Vec<Quirk>,
}

impl Reply {
    /// The code of the last line, which is the one that ends the reply and that clients act on.
    pub fn code(&self) -> Option<ReplyCode> {
        self.lines.last().and_then(|line| line.code)
    }

    /// The class of [`Reply::code`].
    pub fn class(&self) -> Option<Class> {
        self.code().and_then(ReplyCode::class)
    }

    /// The enhanced code, taken from the first line whose text begins with one (RFC 2034 §4).
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        None
    }

    /// All texts joined by LF, without codes; enhanced codes stay. Bytes that are not UTF-8 are replaced:
    /// for matching and searching, not for showing.
    pub fn text(&self) -> String {
        let texts: Vec<_> = self.lines.iter().map(|line| String::from_utf8_lossy(line.text())).collect();
        texts.join("\n")
    }

    /// All quirks, those of the lines first.
    pub fn all_quirks(&self) -> impl Iterator<Item = &Quirk> {
        self.lines.iter().flat_map(|line| &line.quirks).chain(&self.quirks)
    }
}

/// Collects reply lines until a reply is complete.
#[derive(Debug, Default)]
pub struct ReplyAssembler {
    lines: Vec<ReplyLine>,
}

impl ReplyAssembler {
    /// Adds a line; returns the reply that it completes.
    pub fn push(&mut self, line: ReplyLine) -> Option<Reply> {
        let last = line.last;
        self.lines.push(line);
        last.then(|| Reply { lines: std::mem::take(&mut self.lines), quirks: Vec::new() })
    }

    /// How many lines of an unfinished reply are held.
    pub fn pending_lines(&self) -> usize {
        self.lines.len()
    }
}
