//! The grammar of transcripts, `grammar/abnf/transcript.abnf`: a function for each rule, of the same name.
//!
//! Each function works on one line without its end. Where the text can only be a mistake, the parser stops
//! with [`nom::Err::Failure`] and a [`Miss`] that says what was expected there.

mod placeholder;

use std::time::Duration;

use nom::bytes::complete::{tag, take_while, take_while1};
use nom::combinator::opt;
use nom::{Err, IResult, Parser};

use super::info::Info;
use super::{EntryKind, LineEnd, Payload};

pub(in crate::transcript) use placeholder::is_placeholder;
pub use placeholder::{attribute, attributes, placeholder, quoted, token};

/// What a line did not hold, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miss<'a> {
    /// The text from the place of the mistake on.
    pub at: &'a [u8],
    /// What should have stood there.
    pub expected: &'static str,
}

impl<'a> nom::error::ParseError<&'a [u8]> for Miss<'a> {
    fn from_error_kind(at: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Miss { at, expected: "" }
    }

    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

/// What the rules return.
pub type Parsed<'a, T> = IResult<&'a [u8], T, Miss<'a>>;

fn fail<'a, T>(at: &'a [u8], expected: &'static str) -> Parsed<'a, T> {
    Err(Err::Failure(Miss { at, expected }))
}

fn no<'a, T>(at: &'a [u8], expected: &'static str) -> Parsed<'a, T> {
    Err(Err::Error(Miss { at, expected }))
}

/// Bytes of a key.
pub fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Bytes of a value without quotes: printable ASCII without the blank and `"`, `\`, `{`, `}`.
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'{' | b'}')
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn raw_text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

fn skip_spaces(input: &[u8]) -> &[u8] {
    let blanks = input.iter().take_while(|b| **b == b' ').count();
    input.get(blanks..).unwrap_or_default()
}

/// `any-text = *( HTAB / %x20-7E / %x80-FF )`
pub fn any_text(input: &[u8]) -> Parsed<'_, &[u8]> {
    let (left, words) = take_while(|b: u8| (b >= b' ' || b == b'\t') && b != 0x7f)(input)?;
    match left {
        [] => Ok((left, words)),
        _ => fail(left, "printable text"),
    }
}

/// `signature = %s"%heloise" SP 1*9DIGIT *SP`
pub fn signature(input: &[u8]) -> Parsed<'_, u32> {
    let (input, _) = tag("%heloise ")(input)?;
    let (left, digits) = take_while1(|b: u8| b.is_ascii_digit())(input)?;
    match digits.iter().try_fold(0u32, |n, d| n.checked_mul(10)?.checked_add(u32::from(d - b'0'))) {
        Some(version) if digits.len() <= 9 && skip_spaces(left).is_empty() => Ok((b"", version)),
        _ => fail(input, "a version number"),
    }
}

/// `header = "%" key [SP text]`
pub fn header(input: &[u8]) -> Parsed<'_, (String, String)> {
    let (input, _) = tag("%")(input)?;
    let (input, name) =
        take_while1(is_key_byte)(input).or_else(|_: Err<Miss>| fail(input, "a header name"))?;
    let (input, blank) = opt(tag(" ")).parse(input)?;
    if blank.is_none() && !input.is_empty() {
        return fail(input, "a space after the header's name");
    }
    let (input, value) = text(input)?;
    Ok((input, (raw_text(name), value)))
}

/// `comment = "#" any-text`
pub fn comment(input: &[u8]) -> Parsed<'_, EntryKind> {
    let (input, _) = tag("#")(input)?;
    let (input, words) = any_text(input)?;
    Ok((input, EntryKind::Comment(raw_text(words))))
}

/// `time = 1*12DIGIT ["." 1*DIGIT]`, in seconds. What is finer than a microsecond is dropped.
pub fn time(input: &[u8]) -> Parsed<'_, Duration> {
    let (left, whole) = take_while1(|b: u8| b.is_ascii_digit())(input)?;
    if whole.len() > 12 {
        return fail(input, "a time in seconds");
    }
    let seconds = whole.iter().fold(0u64, |n, d| n * 10 + u64::from(d - b'0'));
    let Some(after_dot) = left.strip_prefix(b".") else {
        return Ok((left, Duration::from_secs(seconds)));
    };
    let (left, fraction) = take_while1(|b: u8| b.is_ascii_digit())(after_dot)
        .or_else(|_: Err<Miss>| fail(after_dot, "digits after the point"))?;
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    let micros = digits.fold(0u32, |n, d| n * 10 + u32::from(d - b'0'));
    Ok((left, Duration::new(seconds, micros * 1000)))
}

/// `entry = *SP comment / *SP "###" SP note / *SP time SP marked / marked`
pub fn entry(input: &[u8]) -> Parsed<'_, (Option<Duration>, EntryKind)> {
    let trimmed = skip_spaces(input);
    if let Some(Ok((left, words))) = trimmed.strip_prefix(b"### ").map(note) {
        return Ok((left, (None, words)));
    }
    if trimmed.first() == Some(&b'#') {
        let (input, kind) = comment(trimmed)?;
        return Ok((input, (None, kind)));
    }
    let (input, at) = match trimmed.first() {
        Some(b'0'..=b'9') => {
            let (left, at) = time(trimmed)?;
            let (left, _) =
                tag(" ")(left).or_else(|_: Err<Miss>| fail(left, "a space after the time, then an arrow"))?;
            (left, Some(at))
        }
        _ => (input, None),
    };
    let (input, kind) = marked(input)?;
    Ok((input, (at, kind)))
}

/// `note = %s"note" [SP text]`
pub fn note(input: &[u8]) -> Parsed<'_, EntryKind> {
    let (input, _) = tag("note")(input)?;
    if input.first().is_some_and(|b| *b != b' ') {
        return no(input, "a note");
    }
    let (input, words) = text(input.strip_prefix(b" ").unwrap_or(input))?;
    Ok((input, EntryKind::Note(words)))
}

/// `marked = *SP arrow-and-rest`: what each known arrow may have behind it, or `unknown`.
pub fn marked(input: &[u8]) -> Parsed<'_, EntryKind> {
    match skip_spaces(input) {
        [b'-', b'>', left @ ..] if ends_arrow(left) => sent(left, false),
        [b'~', b'>', left @ ..] if ends_arrow(left) => sent(left, true),
        [b'<', b'-', left @ ..] if ends_arrow(left) => received(after_blanks(left, 2), false, false),
        [b'<', b'~', left @ ..] if ends_arrow(left) => received(after_blanks(left, 2), true, false),
        [b'<', b'*', b'*', left @ ..] if ends_arrow(left) => received(after_blanks(left, 1), false, true),
        [b'<', b'~', b'*', left @ ..] if ends_arrow(left) => received(after_blanks(left, 1), true, true),
        [b'=', b'=', b'=', left @ ..] if ends_arrow(left) => info(after_blanks(left, 1)),
        [b'*', b'*', b'*', left @ ..] if ends_arrow(left) => {
            let (left, words) = text(after_blanks(left, 1))?;
            Ok((left, EntryKind::Problem(words)))
        }
        [b'#', b'#', b'#', left @ ..] if ends_arrow(left) => {
            note(after_blanks(left, 1)).or_else(|_| unknown(input))
        }
        _ => unknown(input),
    }
}

fn ends_arrow(left: &[u8]) -> bool {
    left.first().is_none_or(|b| *b == b' ')
}

/// Takes away so many spaces, if they are there.
fn after_blanks(mut input: &[u8], most: usize) -> &[u8] {
    for _ in 0..most {
        input = input.strip_prefix(b" ").unwrap_or(input);
    }
    input
}

fn sent(input: &[u8], tls: bool) -> Parsed<'_, EntryKind> {
    let (input, line) = payload(after_blanks(input, 1))?;
    Ok((input, EntryKind::Sent { tls, line }))
}

fn received(input: &[u8], tls: bool, error: bool) -> Parsed<'_, EntryKind> {
    let (input, line) = payload(input)?;
    Ok((input, EntryKind::Received { tls, error, line }))
}

/// `unknown`: an entry of a later version. Three characters of punctuation or blanks, then a blank, then
/// anything.
pub fn unknown(input: &[u8]) -> Parsed<'_, EntryKind> {
    let blanks = input.len() - skip_spaces(input).len();
    let odd = |b: &u8| *b == b' ' || b.is_ascii_punctuation();
    let found = (0..=blanks).find_map(|skip| {
        let (arrow, left) = input.get(skip..)?.split_at_checked(3)?;
        (arrow.iter().all(odd) && arrow != b"   " && ends_arrow(left)).then_some((arrow, left))
    });
    let Some((arrow, left)) = found else {
        return fail(input, "an arrow ( ->, <-, <**, ~>, <~, <~*, ===, ***, ###)");
    };
    let (left, rest) = any_text(after_blanks(left, 1))?;
    Ok((left, EntryKind::Other { arrow: raw_text(arrow), rest: raw_text(rest.trim_ascii_end()) }))
}

/// `payload`: text, escapes, placeholders, and a mark for an odd line end.
pub fn payload(input: &[u8]) -> Parsed<'_, Payload> {
    let mut left = input;
    let mut bytes: Vec<u8> = Vec::new();
    let mut line = Payload::default();
    while let Some(first) = left.first() {
        match (first, left.get(1)) {
            (b'\\', Some(b'n' | b'r' | b'-')) => {
                (left, line.ending) = line_end(left)?;
            }
            (b'\\', _) => {
                let byte;
                (left, byte) = escape(left)?;
                bytes.push(byte);
            }
            (b'{', Some(b'a'..=b'z')) => {
                let piece;
                (left, piece) = placeholder(left)?;
                line.push_bytes(std::mem::take(&mut bytes));
                line.push(piece);
            }
            (b'{', _) => {
                bytes.push(b'{');
                left = left.get(1..).unwrap_or_default();
            }
            _ => {
                let run;
                (left, run) = plain(left)?;
                bytes.extend_from_slice(run);
            }
        }
    }
    line.push_bytes(bytes);
    Ok((left, line))
}

/// What stands for itself: everything but control characters, `\` and `{`.
fn is_plain(byte: u8) -> bool {
    (byte >= b' ' || byte == b'\t') && !matches!(byte, b'\\' | b'{' | 0x7f)
}

/// `plain = 1*( HTAB / %x20-5B / %x5D-7A / %x7C-7E / UTF8-non-ascii )`
pub fn plain(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(is_plain)(input)
        .or_else(|_: Err<Miss>| fail(input, "printable text; a control character is written \\xHH"))
}

/// `escape = "\" ( "\" / "{" / "x" 2HEXDIG )`
pub fn escape(input: &[u8]) -> Parsed<'_, u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    match input {
        [b'\\', byte @ (b'\\' | b'{'), left @ ..] => Ok((left, *byte)),
        [b'\\', b'x', high, low, left @ ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => Ok((left, high << 4 | low)),
            _ => fail(input, "two hexadecimal digits after \\x"),
        },
        _ => fail(input, "\\\\, \\{, \\xHH, or at the end of the line \\n, \\r or \\-"),
    }
}

/// `line-end = "\" ( "n" / "r" / "-" )`, at the end of the line only.
pub fn line_end(input: &[u8]) -> Parsed<'_, LineEnd> {
    match input {
        [b'\\', b'n'] => Ok((b"", LineEnd::Lf)),
        [b'\\', b'r'] => Ok((b"", LineEnd::Cr)),
        [b'\\', b'-'] => Ok((b"", LineEnd::None)),
        _ => fail(input, "nothing after the mark of the line end; inside a line use \\x0a, \\x0d or \\\\"),
    }
}

/// `text = *( plain / "{" / escape )`
pub fn text(input: &[u8]) -> Parsed<'_, String> {
    let mut left = input;
    let mut bytes = Vec::new();
    while let Some(first) = left.first() {
        let run;
        match first {
            b'\\' => {
                let byte;
                (left, byte) = escape(left)?;
                bytes.push(byte);
            }
            b'{' => {
                bytes.push(b'{');
                left = left.get(1..).unwrap_or_default();
            }
            _ => {
                (left, run) = plain(left)?;
                bytes.extend_from_slice(run);
            }
        }
    }
    Ok((left, lossy(bytes)))
}

/// `info = %s"quirk" SP text / word attributes / any-text`: what follows a word that is not known is kept as
/// it stands.
pub fn info(input: &[u8]) -> Parsed<'_, EntryKind> {
    let (left, raw) = any_text(input)?;
    let raw = raw.trim_ascii_end();
    if let Some(Ok((_, words))) = raw.strip_prefix(b"quirk ").map(text) {
        return Ok((left, EntryKind::Info(Info::Quirk(words))));
    }
    let word_end = raw.iter().position(|b| *b == b' ').unwrap_or(raw.len());
    let (word, after) = raw.split_at_checked(word_end).unwrap_or((raw, b""));
    let typed = match attributes(after) {
        Ok((b"", found)) => Info::from_words(&raw_text(word), found, &raw_text(raw)),
        _ => Info::Other(raw_text(raw)),
    };
    Ok((left, EntryKind::Info(typed)))
}
