//! One line of a reply, where it stands, and what in it breaks the rules.

use super::rules::core::{is_all_text, is_text};
use super::rules::{enhanced, replies};
use super::{Ending, EnhancedCode, LineRef, Quirk, ReplyCode};

/// The longest reply line the standard allows, in octets with CRLF (RFC 5321 §4.5.3.1.5).
pub const LINE_LIMIT: usize = 512;

/// One line of a reply. It borrows its bytes: from the buffer that they came into, or from a [`super::Reply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLine<'a> {
    /// The line as it came.
    pub line: LineRef<'a>,
    /// The code, where the line begins with three digits.
    pub code: Option<ReplyCode>,
    is_clean: bool,
}

impl<'a> ReplyLine<'a> {
    /// Reads one line. Never fails: what is no reply line has no code and a [`Quirk::NotAReply`].
    #[inline]
    pub fn parse(line: LineRef<'a>) -> ReplyLine<'a> {
        let code = replies::any_code(line.bytes).ok().map(|(_, code)| code);
        ReplyLine { line, code, is_clean: is_clean(line, code) }
    }

    /// Reads a line that ends in CRLF; `bytes` are without it.
    pub fn crlf(bytes: &'a (impl AsRef<[u8]> + ?Sized)) -> ReplyLine<'a> {
        ReplyLine::parse(LineRef { bytes: bytes.as_ref(), ending: Ending::CrLf })
    }

    /// Whether this line ends its reply. A line without a code always does.
    #[inline]
    pub fn is_last(&self) -> bool {
        self.code.is_none() || self.separator() != Some(b'-')
    }

    /// The text after code and separator, as it came.
    #[inline]
    pub fn text(&self) -> &'a [u8] {
        let start = if self.code.is_some() { self.line.bytes.len().min(4) } else { 0 };
        self.line.bytes.get(start..).unwrap_or_default()
    }

    /// The enhanced code that the text begins with (RFC 2034 §4).
    #[inline]
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        enhanced::leading_code(self.text()).map(|(code, _)| code)
    }

    /// The text without the enhanced code that it may begin with, and the blanks behind that.
    pub fn plain_text(&self) -> &'a [u8] {
        let skip = enhanced::leading_code(self.text()).map_or(0, |(_, length)| length);
        self.text().get(skip..).unwrap_or_default()
    }

    /// Whether the line keeps all rules.
    #[inline]
    pub fn is_clean(&self) -> bool {
        self.is_clean
    }

    /// Deviations seen in this line alone.
    #[inline]
    pub fn quirks(&self) -> Vec<Quirk> {
        if self.is_clean() { Vec::new() } else { self.find_quirks() }
    }

    pub(super) fn find_quirks(&self) -> Vec<Quirk> {
        let mut quirks = Vec::new();
        quirks_of_form(self.line.bytes, self.code, self.separator(), &mut quirks);
        quirks_of_bytes(self.line.bytes, &mut quirks);
        quirks_of_ending(self.line, &mut quirks);
        quirks
    }

    #[inline]
    fn separator(&self) -> Option<u8> {
        self.line.bytes.get(3).copied()
    }
}

/// What [`ReplyLine::find_quirks`] finds nothing in. Nearly all lines are such, and this is sooner said.
#[inline]
fn is_clean(line: LineRef<'_>, code: Option<ReplyCode>) -> bool {
    let form = match line.bytes {
        [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9', b'-', ..] => true,
        // An empty challenge is lawful (RFC 4954 §8, continue-req).
        [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9', b' ', text @ ..] => {
            !text.is_empty() || code == Some(ReplyCode::CHALLENGE)
        }
        _ => false,
    };
    form && line.ending == Ending::CrLf && line.bytes.len() + 2 <= LINE_LIMIT && is_all_text(line.bytes)
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

fn quirks_of_ending(line: LineRef<'_>, quirks: &mut Vec<Quirk>) {
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
