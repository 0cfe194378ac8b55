//! Replies: what a server says (RFC 5321 §4.2), lossless.

use std::fmt;

use super::rules::core::{is_all_text, is_text};
use super::rules::{enhanced, replies, whole};
use super::{Ending, Line, Quirk};

/// The longest reply line the standard allows, in octets with CRLF (RFC 5321 §4.5.3.1.5).
pub const LINE_LIMIT: usize = 512;

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

impl EnhancedCode {
    /// Reads `5.7.1` and the like; nothing if there is anything else in `text`.
    pub fn parse(text: &str) -> Option<EnhancedCode> {
        whole(enhanced::status_code, text.as_bytes())
    }
}

impl std::str::FromStr for EnhancedCode {
    type Err = NotEnhanced;

    fn from_str(text: &str) -> Result<Self, NotEnhanced> {
        EnhancedCode::parse(text).ok_or(NotEnhanced)
    }
}

/// The text is no enhanced status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code; they look like 5.7.1, and begin with 2, 4 or 5")]
pub struct NotEnhanced;

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
    text_at: u8,
    /// Deviations seen in this line alone.
    pub quirks: Vec<Quirk>,
}

impl ReplyLine {
    /// Reads one line. Never fails: what is no reply line has no code and a [`Quirk::NotAReply`].
    pub fn parse(line: Line) -> ReplyLine {
        let code = replies::any_code(&line.bytes).ok().map(|(_, code)| code);
        let separator = line.bytes.get(3).copied();
        let last = code.is_none() || separator != Some(b'-');
        let text_at = if code.is_some() { line.bytes.len().min(4) as u8 } else { 0 };
        let mut quirks = Vec::new();
        quirks_of_form(&line.bytes, code, separator, &mut quirks);
        quirks_of_bytes(&line.bytes, &mut quirks);
        quirks_of_ending(&line, &mut quirks);
        ReplyLine { line, code, last, text_at, quirks }
    }

    /// The text after code and separator, as it came.
    pub fn text(&self) -> &[u8] {
        self.line.bytes.get(usize::from(self.text_at)..).unwrap_or_default()
    }

    /// The enhanced code that the text begins with (RFC 2034 §4).
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        enhanced::leading_code(self.text()).map(|(code, _)| code)
    }

    /// The text without the enhanced code that it may begin with, and the blanks behind that.
    pub fn plain_text(&self) -> &[u8] {
        let skip = enhanced::leading_code(self.text()).map_or(0, |(_, length)| length);
        self.text().get(skip..).unwrap_or_default()
    }
}

/// Whether code, separator and text have the form that the grammar asks for.
fn quirks_of_form(bytes: &[u8], code: Option<ReplyCode>, separator: Option<u8>, quirks: &mut Vec<Quirk>) {
    let Some(code) = code else {
        quirks.push(Quirk::NotAReply);
        return;
    };
    if !replies::is_reply_code(code) {
        quirks.push(Quirk::OddCode);
    }
    match separator {
        None => quirks.push(Quirk::CodeOnly),
        // An empty challenge is lawful (RFC 4954 §8, continue-req).
        Some(b' ') if bytes.len() == 4 && !bytes.starts_with(b"334") => quirks.push(Quirk::NoText),
        Some(b' ' | b'-') => {}
        Some(byte) => quirks.push(Quirk::OddSeparator(byte)),
    }
}

/// Bytes that have no place in a reply line.
fn quirks_of_bytes(bytes: &[u8], quirks: &mut Vec<Quirk>) {
    if is_all_text(bytes) {
        return;
    }
    let has = |class: fn(u8) -> bool| bytes.iter().any(|b| class(*b));
    let found = [
        (has(|b| b == b'\r'), Quirk::BareCr),
        (has(|b| b == 0), Quirk::Nul),
        (has(|b| b.is_ascii() && !is_text(b) && b != 0 && b != b'\r'), Quirk::Control),
    ];
    quirks.extend(found.into_iter().filter_map(|(seen, quirk)| seen.then_some(quirk)));
    if !bytes.is_ascii() {
        let valid = std::str::from_utf8(bytes).is_ok();
        quirks.push(if valid { Quirk::Utf8 } else { Quirk::EightBit });
    }
}

fn quirks_of_ending(line: &Line, quirks: &mut Vec<Quirk>) {
    match line.ending {
        Ending::CrLf => {}
        Ending::Lf => quirks.push(Quirk::BareLf),
        Ending::None => quirks.push(Quirk::Unterminated),
    }
    let length = line.wire_len();
    if length > LINE_LIMIT {
        quirks.push(Quirk::LineTooLong { length, limit: LINE_LIMIT });
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
        self.lines.iter().find_map(ReplyLine::enhanced)
    }

    /// All texts joined by LF, without codes; enhanced codes stay. Bytes that are not UTF-8 are replaced:
    /// for matching and searching, not for showing.
    pub fn text(&self) -> String {
        let texts: Vec<_> = self.lines.iter().map(|line| String::from_utf8_lossy(line.text())).collect();
        texts.join("\n")
    }

    /// As [`Reply::text`], but without the enhanced codes: what the server has to say in words.
    pub fn plain_text(&self) -> String {
        let texts: Vec<_> =
            self.lines.iter().map(|line| String::from_utf8_lossy(line.plain_text())).collect();
        texts.join("\n")
    }

    /// The deviations of a reply taken as the greeting of a server (RFC 5321 §4.3.1): those of any reply, and
    /// [`Quirk::NoName`]. A firewall that blanks out the greeting shows in it.
    pub fn quirks_as_greeting(&self) -> Vec<Quirk> {
        let named =
            self.lines.first().is_some_and(|line| whole(replies::greeting_text, line.text()).is_some());
        let missing = (!named && self.code() == Some(ReplyCode::READY)).then_some(Quirk::NoName);
        self.all_quirks().cloned().chain(missing).collect()
    }

    /// Reads replies out of text that holds nothing else, whatever its line ends; for samples, tests and
    /// pasted text. Lines that are left over at the end form a reply too, so that no byte is dropped.
    pub fn read_all(bytes: &[u8]) -> Vec<Reply> {
        let mut framer = super::Framer::new(bytes.len() + 1);
        let mut assembler = ReplyAssembler::default();
        framer.push(bytes);
        let mut replies = Vec::new();
        while let Ok(Some(line)) = framer.next_line() {
            replies.extend(assembler.push(ReplyLine::parse(line)));
        }
        let rest = framer.take_rest();
        if !rest.is_empty() {
            let line = Line { bytes: rest, ending: Ending::None };
            replies.extend(assembler.push(ReplyLine::parse(line)));
        }
        replies.extend(assembler.finish());
        replies
    }

    /// The reply as it stood on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.lines.iter().map(|l| l.line.wire_len()).sum());
        for line in &self.lines {
            bytes.extend_from_slice(&line.line.bytes);
            bytes.extend_from_slice(line.line.ending.as_bytes());
        }
        bytes
    }

    fn new(lines: Vec<ReplyLine>) -> Reply {
        let mut reply = Reply { lines, quirks: Vec::new() };
        reply.quirks.extend(reply.disagreement());
        let mut enhanced = reply.lines.iter().filter_map(ReplyLine::enhanced);
        if let Some(first) = enhanced.next() {
            let differs = enhanced.any(|other| other != first);
            let class = reply.code().map(|code| code.0 / 100).filter(|c| matches!(c, 2 | 4 | 5));
            if differs {
                reply.quirks.push(Quirk::EnhancedDisagree);
            }
            if class.is_some_and(|class| class != u16::from(first.class)) {
                reply.quirks.push(Quirk::ClassMismatch);
            }
        }
        reply
    }

    fn disagreement(&self) -> Option<Quirk> {
        let mut codes = self.lines.iter().filter_map(|line| line.code);
        let first = codes.next()?;
        let other = codes.find(|code| *code != first)?;
        Some(Quirk::CodesDisagree { first: first.0, other: other.0 })
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
        if last && self.lines.is_empty() {
            return Some(Reply::new(vec![line]));
        }
        if self.lines.is_empty() {
            // A reply to EHLO has about as many.
            self.lines.reserve(8);
        }
        self.lines.push(line);
        last.then(|| Reply::new(std::mem::take(&mut self.lines)))
    }

    /// Takes the lines of an unfinished reply as a reply of its own, when no more can come.
    pub fn finish(&mut self) -> Option<Reply> {
        (!self.lines.is_empty()).then(|| Reply::new(std::mem::take(&mut self.lines)))
    }

    /// How many lines of an unfinished reply are held.
    pub fn pending_lines(&self) -> usize {
        self.lines.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(bytes: &[u8]) -> Reply {
        let mut all = Reply::read_all(bytes);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn quirks(bytes: &[u8]) -> Vec<Quirk> {
        one(bytes).all_quirks().cloned().collect()
    }

    #[test]
    fn what_follows_the_rules_has_no_quirks() {
        for clean in [
            &b"250 OK\r\n"[..],
            b"220-a\r\n220-\r\n220 b\tc\r\n",
            b"550 5.7.1 no\r\n",
            b"354 2.0.0 go\r\n",
            b"550-5.7.1 no\r\n550 5.7.1 really\r\n",
        ] {
            assert_eq!(quirks(clean), [], "{}", clean.escape_ascii());
        }
    }

    #[test]
    fn each_deviation_is_named() {
        let long = [&b"250 "[..], &[b'x'; 507], b"\r\n"].concat();
        let cases: [(&[u8], Vec<Quirk>); 21] = [
            (b"250 a\n", vec![Quirk::BareLf]),
            (b"250 a", vec![Quirk::Unterminated]),
            (b"250 a\rb\r\n", vec![Quirk::BareCr]),
            (b"250 a\r\r\n", vec![Quirk::BareCr]),
            (&long, vec![Quirk::LineTooLong { length: 513, limit: 512 }]),
            (b"250 a\0b\r\n", vec![Quirk::Nul]),
            (b"250 \x1b[2J\r\n", vec![Quirk::Control]),
            (b"250 \x7f\r\n", vec![Quirk::Control]),
            ("250 Grüße\r\n".as_bytes(), vec![Quirk::Utf8]),
            (b"250 \xff\r\n", vec![Quirk::EightBit]),
            (b"250-a\r\n251 b\r\n", vec![Quirk::CodesDisagree { first: 250, other: 251 }]),
            (b"250-2.1.0 a\r\n250 2.1.5 b\r\n", vec![Quirk::EnhancedDisagree]),
            (b"550 4.7.1 a\r\n", vec![Quirk::ClassMismatch]),
            (b"250\r\n", vec![Quirk::CodeOnly]),
            (b"250 \r\n", vec![Quirk::NoText]),
            (b"334 \r\n", vec![]),
            (b"199 a\r\n", vec![Quirk::OddCode]),
            (b"260 a\r\n", vec![Quirk::OddCode]),
            (b"250=a\r\n", vec![Quirk::OddSeparator(b'=')]),
            (b"2505 a\r\n", vec![Quirk::OddSeparator(b'5')]),
            (b"HTTP/1.1 400\r\n", vec![Quirk::NotAReply]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(quirks(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_greeting_begins_with_a_name() {
        assert_eq!(one(b"220 [192.0.2.1] hello\r\n").quirks_as_greeting(), []);
        assert_eq!(one(b"220 ****\r\n").quirks_as_greeting(), [Quirk::NoName]);
        assert_eq!(one(b"554 5.3.2 not today\r\n").quirks_as_greeting(), []);
    }

    #[test]
    fn nothing_is_lost() {
        let sample = b"250-a\r\n\xff\0\r\r\n250-\n250 x\r\n  \r\n99";
        let bytes: Vec<u8> = Reply::read_all(sample).iter().flat_map(Reply::to_bytes).collect();
        assert_eq!(bytes, sample);
    }

    #[test]
    fn enhanced_codes_stand_at_the_head_of_the_text() {
        let text = |bytes: &[u8]| (one(bytes).enhanced().map(|e| e.to_string()), one(bytes).plain_text());
        assert_eq!(text(b"550 5.7.1  Denied\r\n"), (Some("5.7.1".into()), "Denied".into()));
        assert_eq!(text(b"550 5.7.1\r\n"), (Some("5.7.1".into()), String::new()));
        assert_eq!(text(b"550-hello\r\n550 5.1.10 gone\r\n"), (Some("5.1.10".into()), "hello\ngone".into()));
        for none in [&b"550 5.7.1.2 x\r\n"[..], b"550 5.7.1: x\r\n", b"550 3.0.0 x\r\n", b"550 5.07.1 x\r\n"]
        {
            assert_eq!(one(none).enhanced(), None, "{}", none.escape_ascii());
        }
    }
}
