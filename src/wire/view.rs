//! Replies read where they stand in a buffer, without copying a byte: for reading them in bulk.
//!
//! A session reads line by line and keeps what it reads, as [`super::Reply`]. A view says the same of the same
//! bytes, as long as the buffer lives.

use memchr::memchr;

use super::reply::LINE_LIMIT;
use super::rules::core::is_all_text;
use super::rules::{enhanced, replies};
use super::{Ending, EnhancedCode, Line, Reply, ReplyAssembler, ReplyCode, ReplyLine};

/// A line of a reply, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineView<'a> {
    /// The line without its end.
    pub bytes: &'a [u8],
    /// How it ended.
    pub ending: Ending,
    /// The code, where the line begins with three digits.
    pub code: Option<ReplyCode>,
}

impl<'a> LineView<'a> {
    /// Takes the first line off `input`; says what is left. Nothing if no line ends in it.
    pub fn take(input: &'a [u8]) -> Option<(LineView<'a>, &'a [u8])> {
        let end = memchr(b'\n', input)?;
        let (raw, rest) = (input.get(..end)?, input.get(end + 1..)?);
        let (bytes, ending) = match raw.strip_suffix(b"\r") {
            Some(bytes) => (bytes, Ending::CrLf),
            None => (raw, Ending::Lf),
        };
        let code = replies::any_code(bytes).ok().map(|(_, code)| code);
        Some((LineView { bytes, ending, code }, rest))
    }

    /// Whether this line ends its reply.
    pub fn is_last(&self) -> bool {
        self.code.is_none() || self.bytes.get(3) != Some(&b'-')
    }

    /// The text after code and separator.
    pub fn text(&self) -> &'a [u8] {
        let start = if self.code.is_some() { self.bytes.len().min(4) } else { 0 };
        self.bytes.get(start..).unwrap_or_default()
    }

    /// The enhanced code that the text begins with.
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        enhanced::leading_code(self.text()).map(|(code, _)| code)
    }

    /// Whether the line keeps all rules, so that [`ReplyLine::parse`] would find no quirk in it.
    pub fn is_clean(&self) -> bool {
        let form = match self.bytes.get(3) {
            Some(b' ') => self.bytes.len() > 4 || self.code == Some(ReplyCode::CHALLENGE),
            separator => separator == Some(&b'-'),
        };
        form && self.ending == Ending::CrLf
            && self.bytes.len() + 2 <= LINE_LIMIT
            && self.code.is_some_and(replies::is_reply_code)
            && is_all_text(self.bytes)
    }

    fn to_line(self) -> ReplyLine {
        ReplyLine::parse(Line { bytes: self.bytes.to_vec(), ending: self.ending })
    }
}

/// A whole reply, in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyView<'a> {
    bytes: &'a [u8],
    /// The code of its last line.
    pub code: Option<ReplyCode>,
    /// How many lines it has.
    pub lines: usize,
    /// Whether every line keeps all rules and carries the same code.
    pub is_clean: bool,
}

impl<'a> ReplyView<'a> {
    /// Takes the first reply off `input`; says what is left. Nothing if no reply ends in it.
    pub fn take(input: &'a [u8]) -> Option<(ReplyView<'a>, &'a [u8])> {
        let (mut rest, mut lines, mut is_clean) = (input, 0, true);
        let mut first = None;
        loop {
            let (line, after) = LineView::take(rest)?;
            rest = after;
            lines += 1;
            is_clean &= line.is_clean() && *first.get_or_insert(line.code) == line.code;
            if line.is_last() {
                let bytes = input.get(..input.len() - rest.len())?;
                return Some((ReplyView { bytes, code: line.code, lines, is_clean }, rest));
            }
        }
    }

    /// The bytes of the reply with all line ends, as they came.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its lines.
    pub fn lines(&self) -> impl Iterator<Item = LineView<'a>> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (line, after) = LineView::take(rest)?;
            rest = after;
            Some(line)
        })
    }

    /// The enhanced code, taken from the first line whose text begins with one (RFC 2034 §4).
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        self.lines().find_map(|line| line.enhanced())
    }

    /// The same as a value of its own, with all quirks named.
    pub fn to_reply(&self) -> Option<Reply> {
        let mut assembler = ReplyAssembler::default();
        self.lines().find_map(|line| assembler.push(line.to_line()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Quirk;

    /// Bytes near to replies.
    fn near_replies() -> impl Strategy<Value = Vec<u8>> {
        let words = [
            "250",
            "550",
            "334",
            "199",
            "-",
            " ",
            "5.7.1",
            "2.0.0",
            "x",
            "\r\n",
            "\r\n",
            "\n",
            "\r",
            "\0",
            "ö",
            "25",
            "some sixteen letters",
            "\t",
            "=",
        ];
        prop::collection::vec(prop::sample::select(words.to_vec()), 0..24)
            .prop_map(|w| w.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn a_view_says_what_the_reply_says(bytes in near_replies()) {
            let mut rest = bytes.as_slice();
            for reply in Reply::read_all(&bytes) {
                let Some((view, after)) = ReplyView::take(rest) else {
                    let unended = reply.lines.last().is_none_or(|l| !l.last || l.line.ending == Ending::None);
                    prop_assert!(unended, "{:?}", reply);
                    break;
                };
                rest = after;
                let of_whole = |q: &&Quirk| matches!(q, Quirk::EnhancedDisagree | Quirk::ClassMismatch);
                prop_assert_eq!(view.is_clean, reply.all_quirks().all(|q| of_whole(&q)));
                prop_assert_eq!((view.code, view.lines), (reply.code(), reply.lines.len()));
                prop_assert_eq!(view.enhanced(), reply.enhanced());
                prop_assert_eq!(view.bytes(), reply.to_bytes());
                prop_assert_eq!(view.to_reply(), Some(reply));
            }
        }

        #[test]
        fn replies_keep_every_byte(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let again: Vec<u8> = Reply::read_all(&bytes).iter().flat_map(Reply::to_bytes).collect();
            prop_assert_eq!(again, bytes);
        }
    }
}
