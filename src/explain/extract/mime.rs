//! The transfer encodings of mail (RFC 2045 §6), undone line by line, so that bounces can be read as they are stored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::wire::parameter::from_hex;

/// More bytes than this of one decoded line are not kept together.
const ENOUGH: usize = 64 * 1024;

/// Sees the encoding of each part of a mail.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// What was decoded of a line that has not ended yet.
    begun: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    /// A header has named the encoding; its content comes behind the next empty line.
    Named(Encoding),
    Content(Encoding),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Base64,
    QuotedPrintable,
}

impl Decoder {
    /// The lines that an encoded line comes to, which may be none yet; nothing for a line that is not encoded.
    pub fn decode(&mut self, line: &[u8]) -> Option<Vec<Vec<u8>>> {
        match self.state {
            State::Plain | State::Named(_) => {
                self.header(line);
                None
            }
            State::Content(Encoding::Base64) => self.base64(line),
            State::Content(Encoding::QuotedPrintable) => self.quoted_printable(line),
        }
    }

    /// What is left at the end of the input, or of a part.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        self.state = State::Plain;
        Some(std::mem::take(&mut self.begun)).filter(|line| !line.is_empty())
    }

    fn header(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            self.state = match self.state {
                State::Named(encoding) => State::Content(encoding),
                _ => State::Plain,
            };
            return;
        }
        let name = b"content-transfer-encoding:";
        let value = match line.split_at_checked(name.len()) {
            Some((own, value)) if own.eq_ignore_ascii_case(name) => value.trim_ascii(),
            _ => return,
        };
        self.state = match value.to_ascii_lowercase().as_slice() {
            b"base64" => State::Named(Encoding::Base64),
            b"quoted-printable" => State::Named(Encoding::QuotedPrintable),
            _ => State::Plain,
        };
    }

    fn base64(&mut self, line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let Ok(bytes) = STANDARD.decode(line.trim_ascii()) else { return self.ends(line) };
        Some(self.lines(&bytes))
    }

    fn quoted_printable(&mut self, line: &[u8]) -> Option<Vec<Vec<u8>>> {
        // A boundary; a signature begins with two hyphens and a blank.
        if line.starts_with(b"--") && line.get(2).is_some_and(|byte| !byte.is_ascii_whitespace()) {
            return self.ends(line);
        }
        let line = line.trim_ascii_end();
        let (line, goes_on) = line.strip_suffix(b"=").map_or((line, false), |line| (line, true));
        let mut bytes = from_hex(line, b'=');
        if !goes_on {
            bytes.push(b'\n');
        }
        Some(self.lines(&bytes))
    }

    /// The lines that are whole with these bytes.
    fn lines(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.begun.len() > ENOUGH {
                let line = std::mem::take(&mut self.begun);
                lines.push(line.trim_ascii_end().to_vec());
            }
        }
        lines
    }

    /// A line that is no more encoded, behind what was left of the encoded part.
    fn ends(&mut self, line: &[u8]) -> Option<Vec<Vec<u8>>> {
        let left = self.finish()?;
        Some(vec![left, line.to_vec()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut lines = Vec::new();
        for line in text.lines() {
            lines.extend(decoder.decode(line.as_bytes()).unwrap_or_else(|| vec![line.as_bytes().to_vec()]));
        }
        lines.extend(decoder.finish());
        lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn encoded_parts_are_decoded_and_others_left() {
        let text = "Content-Transfer-Encoding: base64\nX: y\n\nNTUwIDUuMS4x\nIG5vCm5leHQ=\n--b\nplain =41\n";
        assert_eq!(decoded(text)[3..], ["550 5.1.1 no", "next", "--b", "plain =41"]);
        let text =
            "content-transfer-encoding: Quoted-Printable\n\n550 rej=\nected =C3=A9 =x\n-- \n--b--\nno=\n";
        assert_eq!(decoded(text)[2..], ["550 rejected é =x", "--", "--b--", "no="]);
        let text = "Content-Transfer-Encoding: 8bit\n\na=\nb";
        assert_eq!(decoded(text)[2..], ["a=", "b"]);
        // Such a line may stand in anything.
        let text = "Content-Transfer-Encoding: base64\n\n2026-11-25 10:00:00 a log line\nNTUw";
        assert_eq!(decoded(text)[2..], ["2026-11-25 10:00:00 a log line", "NTUw"]);
    }
}
