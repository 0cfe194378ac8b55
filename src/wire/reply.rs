//! Replies: what a server says (RFC 5321 §4.2), lossless.

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memrchr};

use super::rules::{replies, whole};
use super::{Class, EnhancedCode, Framer, LineRef, Quirk, ReplyCode, ReplyLine};

/// A whole reply, lossless: it is its bytes. Lines and deviations are read out of them where they are asked for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reply {
    bytes: Box<[u8]>,
    gist: Gist,
}

/// What is known of a reply from having seen its lines pass by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gist {
    lines: usize,
    /// The code of the line seen last.
    code: Option<ReplyCode>,
    /// The first enhanced code.
    enhanced: Option<EnhancedCode>,
    /// Whether anything deviates, in a line or in the whole.
    odd: bool,
}

impl Gist {
    #[inline]
    fn add(&mut self, line: ReplyLine<'_>) {
        self.odd |= !line.is_clean() || self.lines > 0 && self.code != line.code;
        self.code = line.code;
        self.lines += 1;
        if let Some(enhanced) = line.enhanced() {
            let first = *self.enhanced.get_or_insert(enhanced);
            self.odd |= first != enhanced || self.mismatches(enhanced);
        }
    }

    /// Whether the enhanced code is of another class than the reply code.
    #[inline]
    fn mismatches(&self, enhanced: EnhancedCode) -> bool {
        let class = self.code.map(|code| code.0 / 100).filter(|class| matches!(class, 2 | 4 | 5));
        class.is_some_and(|class| class != u16::from(enhanced.class))
    }
}

impl Reply {
    /// A reply of one line, as most are.
    #[inline]
    fn of_line(line: ReplyLine<'_>) -> Reply {
        let mut bytes = Vec::with_capacity(line.line.wire_len());
        line.line.append_to(&mut bytes);
        let mut gist = Gist::default();
        gist.add(line);
        Reply { bytes: bytes.into(), gist }
    }

    /// The reply as it stood on the wire, with all line ends.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its lines.
    pub fn lines(&self) -> impl Iterator<Item = ReplyLine<'_>> {
        let mut rest = self.bytes();
        std::iter::from_fn(move || {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at_checked(end).filter(|_| end > 0)?;
            rest = after;
            Some(ReplyLine::parse(LineRef::of_wire(line)))
        })
    }

    /// Its last line, whose code counts.
    pub fn last_line(&self) -> Option<ReplyLine<'_>> {
        let before = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let start = memrchr(b'\n', before).map_or(0, |at| at + 1);
        let line = self.bytes.get(start..).filter(|line| !line.is_empty())?;
        Some(ReplyLine::parse(LineRef::of_wire(line)))
    }

    /// The code of the last line, which is the one that ends the reply and that clients act on.
    pub fn code(&self) -> Option<ReplyCode> {
        self.gist.code
    }

    /// The class of [`Reply::code`].
    pub fn class(&self) -> Option<Class> {
        self.code().and_then(ReplyCode::class)
    }

    /// The enhanced code, taken from the first line whose text begins with one (RFC 2034 §4).
    pub fn enhanced(&self) -> Option<EnhancedCode> {
        self.gist.enhanced
    }

    /// All texts joined by LF, without codes; enhanced codes stay. Bytes that are not UTF-8 are replaced:
    /// for matching and searching, not for showing.
    pub fn text(&self) -> String {
        let texts: Vec<Cow<str>> = self.lines().map(|line| String::from_utf8_lossy(line.text())).collect();
        texts.join("\n")
    }

    /// As [`Reply::text`], but without the enhanced codes: what the server has to say in words.
    pub fn plain_text(&self) -> String {
        let texts: Vec<Cow<str>> =
            self.lines().map(|line| String::from_utf8_lossy(line.plain_text())).collect();
        texts.join("\n")
    }

    /// All deviations, those of the lines first.
    pub fn quirks(&self) -> Vec<Quirk> {
        if !self.gist.odd {
            return Vec::new();
        }
        self.lines().flat_map(|line| line.quirks()).chain(self.quirks_of_whole()).collect()
    }

    /// Deviations that show only in the whole.
    #[inline]
    pub fn quirks_of_whole(&self) -> Vec<Quirk> {
        if !self.gist.odd {
            return Vec::new();
        }
        let mut enhanced = self.lines().filter_map(|line| line.enhanced());
        let first = enhanced.next();
        let differs = enhanced.any(|other| Some(other) != first);
        let mismatch = first.is_some_and(|code| self.gist.mismatches(code));
        let found = [
            self.disagreement(),
            differs.then_some(Quirk::EnhancedDisagree),
            mismatch.then_some(Quirk::ClassMismatch),
        ];
        found.into_iter().flatten().collect()
    }

    fn disagreement(&self) -> Option<Quirk> {
        let mut codes = self.lines().filter_map(|line| line.code);
        let first = codes.next()?;
        let other = codes.find(|code| *code != first)?;
        Some(Quirk::CodesDisagree { first: first.0, other: other.0 })
    }

    /// What deviates in a reply that greets, beside what may in any reply (RFC 5321 §4.3.1): a 220 must begin with
    /// the name of the server. A firewall that blanks out the greeting shows in it.
    pub fn quirk_of_greeting(&self) -> Option<Quirk> {
        let named =
            self.lines().next().is_some_and(|line| whole(replies::greeting_text, line.text()).is_some());
        (!named && self.code() == Some(ReplyCode::READY)).then_some(Quirk::NoName)
    }

    /// Reads replies out of text that holds nothing else, whatever its line ends; for samples, tests and
    /// pasted text. Lines that are left over at the end form a reply too, so that no byte is dropped.
    pub fn read_all(bytes: &[u8]) -> Vec<Reply> {
        let mut framer = Framer::new(bytes.len() + 1);
        let mut assembler = ReplyAssembler::default();
        framer.push(bytes);
        let mut replies = Vec::new();
        while let Ok(Some(line)) = framer.next_line() {
            replies.extend(assembler.push(ReplyLine::parse(line)));
        }
        if let Some(span) = framer.last_span() {
            replies.extend(assembler.push(ReplyLine::parse(framer.line(span))));
        }
        replies.extend(assembler.finish());
        replies
    }
}

/// A reply of these lines, whether or not their separators say so.
impl<'a> FromIterator<ReplyLine<'a>> for Reply {
    fn from_iter<T: IntoIterator<Item = ReplyLine<'a>>>(lines: T) -> Reply {
        let mut lines = lines.into_iter();
        let (first, second) = (lines.next(), lines.next());
        if let (Some(line), None) = (first, second) {
            return Reply::of_line(line);
        }
        let mut assembler = ReplyAssembler::default();
        first.into_iter().chain(second).chain(lines).for_each(|line| assembler.add(line));
        assembler.take()
    }
}

/// The bytes, escaped: that is all there is to a reply.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply(\"{}\")", self.bytes.escape_ascii())
    }
}

/// Collects reply lines until a reply is complete.
#[derive(Debug, Default)]
pub struct ReplyAssembler {
    bytes: Vec<u8>,
    gist: Gist,
}

impl ReplyAssembler {
    /// Adds a line; returns the reply that it completes.
    #[inline]
    pub fn push(&mut self, line: ReplyLine<'_>) -> Option<Reply> {
        if self.gist.lines == 0 && line.is_last() {
            return Some(Reply::of_line(line));
        }
        self.add(line);
        line.is_last().then(|| self.take())
    }

    /// Takes the lines of an unfinished reply as a reply of its own, when no more can come.
    pub fn finish(&mut self) -> Option<Reply> {
        (self.gist.lines > 0).then(|| self.take())
    }

    /// How many lines of an unfinished reply are held.
    pub fn pending_lines(&self) -> usize {
        self.gist.lines
    }

    /// How many octets of an unfinished reply are held.
    pub fn pending_octets(&self) -> usize {
        self.bytes.len()
    }

    /// The code of the last line of an unfinished reply.
    pub fn pending_code(&self) -> Option<ReplyCode> {
        self.gist.code
    }

    #[inline]
    fn add(&mut self, line: ReplyLine<'_>) {
        self.gist.add(line);
        line.line.append_to(&mut self.bytes);
    }

    /// The reply gets just the memory that it needs; the buffer stays for the next one.
    fn take(&mut self) -> Reply {
        let reply = Reply { bytes: self.bytes.as_slice().into(), gist: std::mem::take(&mut self.gist) };
        self.bytes.clear();
        reply
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(bytes: &[u8]) -> Reply {
        let mut all = Reply::read_all(bytes);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn quirks(bytes: &[u8]) -> Vec<Quirk> {
        one(bytes).quirks()
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
        assert_eq!(one(b"220 [192.0.2.1] hello\r\n").quirk_of_greeting(), None);
        assert_eq!(one(b"220 ****\r\n").quirk_of_greeting(), Some(Quirk::NoName));
        assert_eq!(one(b"554 5.3.2 not today\r\n").quirk_of_greeting(), None);
    }

    /// Bytes near to replies.
    fn near_replies() -> impl Strategy<Value = Vec<u8>> {
        let words = [
            "250",
            "550",
            "334",
            "199",
            "-",
            " ",
            "5.7.1 ",
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
        fn replies_keep_every_byte(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let again: Vec<u8> = Reply::read_all(&bytes).iter().flat_map(Reply::bytes).copied().collect();
            prop_assert_eq!(again, bytes);
        }

        #[test]
        fn a_reply_says_the_same_as_its_lines(bytes in near_replies()) {
            for reply in Reply::read_all(&bytes) {
                let lines: Vec<ReplyLine> = reply.lines().collect();
                prop_assert_eq!(lines.len(), reply.gist.lines);
                prop_assert_eq!(lines.last().copied(), reply.last_line());
                prop_assert_eq!(reply.code(), reply.last_line().and_then(|line| line.code));
                prop_assert_eq!(reply.enhanced(), lines.iter().find_map(|line| line.enhanced()));
                prop_assert_eq!(&lines.into_iter().collect::<Reply>(), &reply);
                // What was noticed in passing is all that there is.
                let again = Reply { gist: Gist { odd: true, ..reply.gist }, ..reply.clone() };
                prop_assert_eq!(again.quirks(), reply.quirks());
            }
        }

        #[test]
        fn a_clean_line_has_no_quirks(bytes in near_replies()) {
            for reply in Reply::read_all(&bytes) {
                for line in reply.lines() {
                    prop_assert_eq!(line.is_clean(), line.find_quirks().is_empty(), "{:?}", line);
                }
            }
        }
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
