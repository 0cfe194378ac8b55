//! Message content on the wire: dot-stuffing and the lone dot that ends it (RFC 5321 §4.5.2).
//!
//! Both directions take the content in pieces of any size, and give the same bytes however it is cut.

use memchr::{memchr_iter, memchr2};

use super::Quirk;

/// What becomes of a line that ends in LF alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnds {
    /// It goes out as it is.
    Keep,
    /// It goes out with CRLF.
    Mend,
}

/// Turns content into what goes on the wire after DATA.
///
/// A dot at the start of a line is doubled, where lines end in CRLF alone: after a bare LF that is kept, a
/// dot stays single, since for a receiver that follows the standard no line begins there.
#[derive(Debug)]
pub struct Stuffer {
    ends: LineEnds,
    /// The last two bytes that went out were CRLF, or nothing has gone out yet.
    at_line_start: bool,
    after_cr: bool,
}

impl Stuffer {
    /// A stuffer for one message.
    pub fn new(ends: LineEnds) -> Stuffer {
        Stuffer { ends, at_line_start: true, after_cr: false }
    }

    /// Appends the wire form of the next piece of content to `out`.
    pub fn push(&mut self, content: &[u8], out: &mut Vec<u8>) {
        let (Some(first), Some(last)) = (content.first(), content.last()) else { return };
        out.reserve(content.len() + content.len() / 32);
        if self.at_line_start && *first == b'.' {
            out.push(b'.');
        }
        let mut copied = 0;
        for at in memchr_iter(b'\n', content) {
            let after_cr = match at.checked_sub(1) {
                Some(before) => content.get(before) == Some(&b'\r'),
                None => self.after_cr,
            };
            let starts_line = after_cr || self.ends == LineEnds::Mend;
            if !after_cr && starts_line {
                out.extend_from_slice(content.get(copied..at).unwrap_or_default());
                out.push(b'\r');
                copied = at;
            }
            if starts_line && content.get(at + 1) == Some(&b'.') {
                out.extend_from_slice(content.get(copied..=at).unwrap_or_default());
                out.push(b'.');
                copied = at + 1;
            }
            self.at_line_start = starts_line;
        }
        out.extend_from_slice(content.get(copied..).unwrap_or_default());
        self.at_line_start &= *last == b'\n';
        self.after_cr = *last == b'\r';
    }

    /// Appends what ends the content: CRLF where it is missing, and the lone dot. The stuffer is ready for
    /// another message after it.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.at_line_start {
            out.extend_from_slice(if self.after_cr { b"\n" } else { b"\r\n" });
        }
        out.extend_from_slice(b".\r\n");
        *self = Stuffer::new(self.ends);
    }
}

/// Gives every line of a text CRLF, and changes nothing else: for BDAT, which needs no dots (RFC 3030 §2).
#[derive(Debug, Default)]
pub struct LineMender {
    after_cr: bool,
}

impl LineMender {
    /// Appends the next piece of the text to `out`.
    pub fn push(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let mut copied = 0;
        for at in memchr_iter(b'\n', text) {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            if !before.map_or(self.after_cr, |byte| *byte == b'\r') {
                out.extend_from_slice(text.get(copied..at).unwrap_or_default());
                out.push(b'\r');
                copied = at;
            }
        }
        out.extend_from_slice(text.get(copied..).unwrap_or_default());
        self.after_cr = text.last().map_or(self.after_cr, |last| *last == b'\r');
    }
}

/// What a line of content, as a lax reader would see it, holds so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Dot,
    More,
}

/// How a line of content began or ended, in the eyes of a lax reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    CrLf,
    Lf,
    Cr,
}

/// Turns what came on the wire after DATA back into content.
///
/// Only CRLF, dot, CRLF ends the content. What a lax server would take for the end is content here, and
/// named as [`Quirk::LooseEndOfContent`].
#[derive(Debug)]
pub struct Unstuffer {
    opened: Edge,
    seen: Seen,
    /// A CR has come, and it is not known yet what follows.
    held_cr: bool,
    quirks: Vec<Quirk>,
}

impl Default for Unstuffer {
    fn default() -> Self {
        Unstuffer::new()
    }
}

impl Unstuffer {
    /// A decoder that stands at the first byte of content.
    pub fn new() -> Unstuffer {
        Unstuffer { opened: Edge::CrLf, seen: Seen::Nothing, held_cr: false, quirks: Vec::new() }
    }

    /// Appends the content in `wire` to `out`. Returns how many bytes of `wire` were taken if the content
    /// has ended; what follows them is no content and is not looked at.
    pub fn push(&mut self, wire: &[u8], out: &mut Vec<u8>) -> Option<usize> {
        out.reserve(wire.len());
        let mut rest = wire;
        while let Some(first) = rest.first() {
            if self.held_cr {
                self.held_cr = false;
                if *first != b'\n' {
                    self.loose_end(Edge::Cr, out);
                    continue;
                }
                rest = rest.get(1..).unwrap_or_default();
                if self.opened == Edge::CrLf && self.seen == Seen::Dot {
                    *self = Unstuffer { quirks: std::mem::take(&mut self.quirks), ..Unstuffer::new() };
                    return Some(wire.len() - rest.len());
                }
                self.name_loose_dot(Edge::CrLf);
                out.extend_from_slice(b"\r\n");
                (self.opened, self.seen) = (Edge::CrLf, Seen::Nothing);
                continue;
            }
            let run = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            self.text(rest.get(..run).unwrap_or_default(), out);
            match rest.get(run) {
                Some(b'\r') => self.held_cr = true,
                Some(_) => self.loose_end(Edge::Lf, out),
                None => return None,
            }
            rest = rest.get(run + 1..).unwrap_or_default();
        }
        None
    }

    /// Appends what is held back when the link ended in the midst of content. A dot at the start of a line
    /// that never ended is not told apart from a doubled one, and is dropped.
    pub fn abandon(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.held_cr) {
            self.loose_end(Edge::Cr, out);
        }
    }

    /// The deviations seen so far, each named once.
    pub fn quirks(&self) -> &[Quirk] {
        &self.quirks
    }

    /// Takes in bytes without any line end among them.
    fn text(&mut self, run: &[u8], out: &mut Vec<u8>) {
        let Some(first) = run.first() else { return };
        let begins_with_dot = self.seen == Seen::Nothing && *first == b'.';
        let stuffed = begins_with_dot && self.opened == Edge::CrLf;
        out.extend_from_slice(run.get(usize::from(stuffed)..).unwrap_or_default());
        self.seen = if begins_with_dot && run.len() == 1 { Seen::Dot } else { Seen::More };
    }

    /// Takes in a line end that is none by the standard.
    fn loose_end(&mut self, end: Edge, out: &mut Vec<u8>) {
        let (byte, quirk) = match end {
            Edge::Cr => (b'\r', Quirk::BareCr),
            _ => (b'\n', Quirk::BareLf),
        };
        self.name(quirk);
        self.name_loose_dot(end);
        out.push(byte);
        (self.opened, self.seen) = (end, Seen::Nothing);
    }

    fn name_loose_dot(&mut self, end: Edge) {
        if self.seen != Seen::Dot {
            return;
        }
        let form = match (self.opened, end) {
            (Edge::CrLf, Edge::CrLf) => return,
            (Edge::CrLf, Edge::Lf) => "CRLF . LF",
            (Edge::CrLf, Edge::Cr) => "CRLF . CR",
            (Edge::Lf, Edge::CrLf) => "LF . CRLF",
            (Edge::Lf, Edge::Lf) => "LF . LF",
            (Edge::Lf, Edge::Cr) => "LF . CR",
            (Edge::Cr, Edge::CrLf) => "CR . CRLF",
            (Edge::Cr, Edge::Lf) => "CR . LF",
            (Edge::Cr, Edge::Cr) => "CR . CR",
        };
        self.name(Quirk::LooseEndOfContent { form });
    }

    fn name(&mut self, quirk: Quirk) {
        if !self.quirks.contains(&quirk) {
            self.quirks.push(quirk);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stuff(ends: LineEnds, pieces: &[&[u8]]) -> Vec<u8> {
        let mut stuffer = Stuffer::new(ends);
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| stuffer.push(piece, &mut out));
        stuffer.finish(&mut out);
        out
    }

    fn unstuff(pieces: &[&[u8]]) -> (Vec<u8>, Option<usize>, Vec<Quirk>) {
        let mut unstuffer = Unstuffer::new();
        let (mut out, mut taken) = (Vec::new(), 0);
        for piece in pieces {
            if let Some(end) = unstuffer.push(piece, &mut out) {
                return (out, Some(taken + end), unstuffer.quirks().to_vec());
            }
            taken += piece.len();
        }
        unstuffer.abandon(&mut out);
        (out, None, unstuffer.quirks().to_vec())
    }

    #[test]
    fn lines_get_their_ends_however_they_are_cut() {
        let text = b"\na\r\nb\n.\n\r\n\r\rc";
        for size in 1..=text.len() {
            let (mut mender, mut out) = (LineMender::default(), Vec::new());
            text.chunks(size).for_each(|piece| mender.push(piece, &mut out));
            assert_eq!(out, b"\r\na\r\nb\r\n.\r\n\r\n\r\rc", "pieces of {size}");
        }
    }

    #[test]
    fn dots_are_doubled_and_the_end_is_whole() {
        let cases: [(&[u8], &[u8], &[u8]); 8] = [
            (b"", b".\r\n", b".\r\n"),
            (b".", b"..\r\n.\r\n", b"..\r\n.\r\n"),
            (b"a\r\n.b\r\n", b"a\r\n..b\r\n.\r\n", b"a\r\n..b\r\n.\r\n"),
            (b"a\r\n.\r\n.\r\n", b"a\r\n..\r\n..\r\n.\r\n", b"a\r\n..\r\n..\r\n.\r\n"),
            (b"a\n.b\n", b"a\n.b\n\r\n.\r\n", b"a\r\n..b\r\n.\r\n"),
            (b"a\n\n\nb", b"a\n\n\nb\r\n.\r\n", b"a\r\n\r\n\r\nb\r\n.\r\n"),
            (b"a\r", b"a\r\n.\r\n", b"a\r\n.\r\n"),
            (b"a\r.b\r\n", b"a\r.b\r\n.\r\n", b"a\r.b\r\n.\r\n"),
        ];
        for (content, kept, mended) in cases {
            assert_eq!(stuff(LineEnds::Keep, &[content]), kept, "{}", content.escape_ascii());
            assert_eq!(stuff(LineEnds::Mend, &[content]), mended, "{}", content.escape_ascii());
        }
    }

    #[test]
    fn only_the_strict_end_ends_the_content() {
        assert_eq!(unstuff(&[b".\r\nQUIT"]), (b"".to_vec(), Some(3), vec![]));
        assert_eq!(unstuff(&[b"a\r\n..\r\n.b\r\n.\r\nX"]).0, b"a\r\n.\r\nb\r\n");
        let forms = [
            ("a\n.\n", "LF . LF"),
            ("a\n.\r\n", "LF . CRLF"),
            ("a\r\n.\n", "CRLF . LF"),
            ("a\r\n.\rb", "CRLF . CR"),
            ("a\r.\r", "CR . CR"),
            ("a\r.\n", "CR . LF"),
            ("a\n.\rb", "LF . CR"),
            ("a\r.\r\n", "CR . CRLF"),
        ];
        for (sample, form) in forms {
            let (_, end, quirks) = unstuff(&[sample.as_bytes(), b"MAIL"]);
            assert_eq!(end, None, "{sample:?}");
            assert!(quirks.contains(&Quirk::LooseEndOfContent { form }), "{sample:?} {quirks:?}");
        }
    }

    /// Bytes in which line ends and dots are frequent.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(b"\r\n.\r\n.ab".to_vec()), 0..60)
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(content in content(), cut in 0usize..60) {
            let (head, tail) = content.split_at(cut.min(content.len()));
            let bytes: Vec<&[u8]> = content.chunks(1).collect();
            for ends in [LineEnds::Keep, LineEnds::Mend] {
                let whole = stuff(ends, &[&content]);
                prop_assert_eq!(&stuff(ends, &[head, tail]), &whole);
                prop_assert_eq!(&stuff(ends, &bytes), &whole);
            }
            let whole = unstuff(&[&content]);
            prop_assert_eq!(&unstuff(&[head, tail]), &whole);
            prop_assert_eq!(&unstuff(&bytes), &whole);
        }

        #[test]
        fn what_was_stuffed_comes_back(content in content()) {
            let wire = stuff(LineEnds::Keep, &[&content]);
            let (back, end, quirks) = unstuff(&[&wire, b"QUIT\r\n"]);
            prop_assert_eq!(end, Some(wire.len()));
            let mut expected = content.clone();
            if !content.is_empty() && !content.ends_with(b"\r\n") {
                expected.extend_from_slice(if content.ends_with(b"\r") { b"\n" } else { b"\r\n" });
            }
            prop_assert_eq!(back, expected);
            let mended = stuff(LineEnds::Mend, &[&content]);
            let (_, end, mended_quirks) = unstuff(&[&mended]);
            prop_assert_eq!(end, Some(mended.len()));
            prop_assert!(!mended_quirks.contains(&Quirk::BareLf));
            prop_assert!(quirks.len() >= mended_quirks.len());
        }
    }
}
