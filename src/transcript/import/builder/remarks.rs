//! What stands beside the session: remarks of the tool, and lines that could not be placed. All of it may hold secrets.

use super::super::{arguments, words};
use super::Builder;
use crate::transcript::redact::SentKind;
use crate::transcript::{Entry, EntryKind, redact, scan};

/// So many remarks may stand between a challenge that was told in words and its answer.
const WORDS_BEFORE_AN_ANSWER: usize = 4;

impl Builder {
    pub fn problem(&mut self, text: &[u8]) {
        let words = self.clean(text);
        self.push(EntryKind::Problem(words));
    }

    /// Says how many lines were left out because they dump the bytes of the lines around them, secrets and all.
    pub(super) fn settle_dump(&mut self) {
        let words = match std::mem::take(&mut self.dumped) {
            0 => return,
            1 => " a line of a hex dump was left out".to_owned(),
            many => format!(" {many} lines of a hex dump were left out"),
        };
        self.comments += 1;
        self.entries.push(Entry { at: None, kind: EntryKind::Comment(words) });
    }

    /// What could not be placed.
    pub fn comment(&mut self, text: &[u8]) {
        if std::mem::take(&mut self.encodes) && words::is_lone_base64(text) {
            self.comment_secret("");
        } else if is_dump(text) {
            self.dumped += 1;
        } else if self.is_piece_of_answer(text) {
            self.add_piece(text.trim_ascii());
            self.comment_secret("");
        } else if !text.trim_ascii().is_empty() {
            let words = self.clean(text);
            self.comments += 1;
            self.push(EntryKind::Comment(format!(" {words}")));
        }
    }

    /// Adds to what was said last, as far as a response can go (RFC 4954 §4).
    fn add_piece(&mut self, piece: &[u8]) {
        if let Some((_, line)) = &mut self.said {
            let room = redact::LONGEST.saturating_sub(line.len());
            line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            self.pieced = true;
        }
    }

    /// What was said last is whole, with the pieces that followed it: learns from it.
    pub(super) fn settle_pieces(&mut self) {
        if std::mem::take(&mut self.pieced)
            && let Some((role, line)) = self.said.take()
        {
            self.learn(&line, role.sent_kind());
        }
    }

    /// Whether a line that could not be placed is the rest of a credential, broken by the width of a screen or a page:
    /// one word of base64 while the server has yet to answer to AUTH.
    fn is_piece_of_answer(&self, text: &[u8]) -> bool {
        self.tracker.awaits_auth() && words::is_lone_base64(text)
    }

    /// Words behind which a secret stood.
    pub fn comment_secret(&mut self, words: &str) {
        self.redacted += 1;
        self.comments += 1;
        self.push(EntryKind::Comment(format!(" {words}{{secret}}")));
    }

    /// Free text without what looks like a secret.
    fn clean(&mut self, text: &[u8]) -> String {
        self.known.learn_clues(text);
        let text = self.without_answer(String::from_utf8_lossy(text).into_owned());
        let text = self.without_arguments(text);
        let (clean, count) = scan::redact_text(&text);
        // What the server said may be told a second time, in words.
        let exact = redact::received(clean.as_bytes(), self.tracker.mechanism());
        self.redacted += count + exact.secrets().count();
        if exact.bytes().is_some() { clean } else { exact.to_visible() }
    }

    /// A text without the end that is part of an AUTH exchange told in words, as by a tool whose marks are not known.
    fn without_answer(&mut self, text: String) -> String {
        if let Some(at) = words::auth_command(&text) {
            let command = text.get(at..).unwrap_or_default().trim_end();
            if command.rsplit(' ').next().is_some_and(words::is_credential) {
                self.learn(command.as_bytes(), SentKind::Command);
            }
            let shown = redact::sent(command.as_bytes(), SentKind::Command);
            self.redacted += shown.secrets().count();
            return format!("{}{}", text.get(..at).unwrap_or_default(), shown.to_visible());
        }
        if let Some(challenge) = words::challenge(&text) {
            self.asked = Some((challenge.as_bytes().to_vec(), WORDS_BEFORE_AN_ANSWER));
            return text;
        }
        let told = self.asked.take();
        let asked = told.clone().or_else(|| Some((self.tracker.challenge()?.to_vec(), 0)));
        let Some((challenge, _)) = asked else { return text };
        let Some(range) = words::last_base64(&text) else {
            self.asked = told.and_then(|(challenge, left)| Some((challenge, left.checked_sub(1)?)));
            return text;
        };
        let answer = text.get(range.clone()).unwrap_or_default();
        if words::is_credential(answer) {
            let mechanism = Some(words::mechanism_of(&challenge)).filter(|name| !name.is_empty());
            let kind = SentKind::AuthResponse { mechanism, step: 1, challenge: Some(&challenge) };
            self.learn(answer.as_bytes(), kind);
        }
        self.redacted += 1;
        let (before, behind) =
            (text.get(..range.start).unwrap_or_default(), text.get(range.end..).unwrap_or_default());
        format!("{before}{{secret}}{behind}")
    }

    /// A text without the secrets that stand in it as arguments of a command.
    fn without_arguments(&mut self, text: String) -> String {
        let found = arguments::arguments(&text);
        let (mut out, mut from) = (String::new(), 0);
        for argument in &found {
            if argument.is_sure {
                self.make_room();
                self.known.learn_secret(argument.word.text().as_bytes());
            }
            let range = &argument.word.range;
            if range.start >= from {
                out.push_str(text.get(from..range.start).unwrap_or_default());
                out.push_str("{secret}");
                self.redacted += 1;
            }
            from = from.max(range.end);
        }
        out.push_str(text.get(from..).unwrap_or_default());
        self.encodes = !found.is_empty() && arguments::tells_base64(&text);
        out
    }
}

/// Whether a line is one of a hex dump: an offset, then bytes. swaks has `<` or `>` before it, openssl a `-` behind it.
fn is_dump(line: &[u8]) -> bool {
    let hex = |word: &[u8], least: usize, most: usize| {
        (least..=most).contains(&word.len()) && word.iter().all(u8::is_ascii_hexdigit)
    };
    let line = line.trim_ascii_start();
    let line = line.strip_prefix(b"<").or_else(|| line.strip_prefix(b">")).unwrap_or(line);
    let mut words = line.split(|b| matches!(b, b' ' | b'\t' | b'-')).filter(|word| !word.is_empty());
    let (Some(offset), Some(first)) = (words.next(), words.next()) else { return false };
    let colon = offset.strip_suffix(b":");
    let dashed = colon.is_none() && line.windows(3).any(|w| w == b" - ");
    (colon.is_some() || dashed) && hex(colon.unwrap_or(offset), 4, 8) && hex(first, 2, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_an_answer_are_learnt_once_and_as_far_as_one_goes() {
        let mut builder = Builder::default();
        builder.sent(None, b"AUTH PLAIN x");
        for _ in 0..10_000 {
            builder.comment(b"abcd");
        }
        let said = builder.said.as_ref().map(|(_, line)| line.len());
        assert_eq!(said, Some(redact::LONGEST));
        assert!(!builder.known.occurs_in(b"xabcdabcd"), "it may go on");
        builder.received(None, b"535 no: xabcdabcd");
        assert!(builder.said.is_none() && !builder.known.is_full());
    }

    #[test]
    fn arguments_without_end_are_not_all_hunted_for_at_once() {
        let mut builder = Builder::default();
        for number in 0..1000 {
            builder.comment(format!("curl -u a:secret{number:04} smtp://x").as_bytes());
        }
        assert!(!builder.known.is_full());
        assert_eq!(builder.redacted, 1000);
    }
}
