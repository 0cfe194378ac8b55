//! `C:` and `S:` as in RFCs, indented or not. What is too long for a page goes on below, further in.

use super::arrows::after;
use super::builder::Builder;
use super::is_reply;

/// Reads a dialogue. The last line is held until it is clear that it does not go on.
#[derive(Debug, Default)]
pub(super) struct Letters {
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    server: bool,
    /// Blanks before its letter.
    indent: usize,
    words: Vec<u8>,
}

impl Letters {
    pub fn line(&mut self, builder: &mut Builder, line: &[u8]) {
        let words = line.trim_ascii_start();
        let indent = line.len() - words.len();
        let said = |mark: &str| after(words, mark).map(|w| w.strip_prefix(b" ").unwrap_or(w));
        let server = said("S:").filter(|w| is_reply(w));
        let client = said("C:").filter(|w| !is_aside(w));
        if let Some(words) = server.or(client) {
            self.settle(builder);
            self.held = Some(Held { server: server.is_some(), indent, words: words.to_vec() });
            return;
        }
        if !builder.tracker().in_content()
            && let Some(held) = self.held.as_mut().filter(|held| held.goes_on(indent, words))
        {
            return held.add(words.trim_ascii_end());
        }
        self.settle(builder);
        builder.comment(line);
    }

    /// Nothing more belongs to the line that was said last.
    pub fn settle(&mut self, builder: &mut Builder) {
        match self.held.take() {
            Some(Held { server: true, words, .. }) => builder.received(None, &words),
            Some(Held { server: false, words, .. }) => builder.sent(None, &words),
            None => {}
        }
    }
}

impl Held {
    /// Whether a line without a letter belongs to this one: it stands further in, and is no remark. Commands are only
    /// broken before a parameter, or after a backslash.
    fn goes_on(&self, indent: usize, words: &[u8]) -> bool {
        let parameter = |word: &[u8]| word.contains(&b'=') || word == b"\\";
        let parameters = words.split(|b| *b == b' ').filter(|word| !word.is_empty()).all(parameter);
        let remark =
            words.starts_with(b"...") || matches!(words.first(), None | Some(b'(' | b'<' | b'[' | b'-'));
        let broken = self.server || parameters || self.words.ends_with(b"\\");
        indent > self.indent && !remark && broken
    }

    fn add(&mut self, words: &[u8]) {
        let kept = self.words.strip_suffix(b"\\").unwrap_or(&self.words).trim_ascii_end().len();
        self.words.truncate(kept);
        self.words.push(b' ');
        self.words.extend_from_slice(words);
    }
}

/// `C: <starts TLS negotiation>` and the like.
fn is_aside(words: &[u8]) -> bool {
    words.starts_with(b"<") && words.ends_with(b">") && words.contains(&b' ')
}
