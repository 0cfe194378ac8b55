//! Secrets that are still in a transcript: where one was written by hand, imported, or recorded by something
//! that knows less.

use std::sync::LazyLock;

use aho_corasick::packed::Searcher;

use super::track::{Completed, Role, Tracker, Waiting};
use super::{Entry, EntryKind, Info, Payload, Piece, SecretMark, redact, text};
use crate::wire::Verb;

/// Something that looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspicion {
    /// Number of the entry, from 0.
    pub entry: usize,
    /// What it looks like.
    pub what: &'static str,
    /// Its first few characters: enough to find it by, not enough to use it.
    pub hint: String,
}

/// A word that looks like a secret: what it looks like, and its length.
struct Look {
    what: &'static str,
    /// Text before it that gives it away; empty for keys known by their own form.
    before: &'static str,
    /// How the secret itself begins.
    starts: &'static str,
    /// It has this many characters at least.
    least: usize,
}

/// Forms of secrets. Words after `before` are compared without regard to case.
const LOOKS: &[Look] = &[
    Look { what: "bearer token", before: "bearer ", starts: "", least: 16 },
    Look { what: "basic credentials", before: "authorization: basic ", starts: "", least: 8 },
    Look { what: "API key in a header", before: "api-key: ", starts: "", least: 12 },
    Look { what: "token in a header", before: "token: ", starts: "", least: 16 },
    Look { what: "password", before: "password=", starts: "", least: 4 },
    Look { what: "password", before: "password: ", starts: "", least: 4 },
    Look { what: "password", before: "passwd=", starts: "", least: 4 },
    Look { what: "TLS session key", before: "master-key: ", starts: "", least: 32 },
    Look { what: "TLS session key", before: "resumption psk: ", starts: "", least: 32 },
    Look { what: "SendGrid key", before: "", starts: "SG.", least: 40 },
    Look { what: "AWS access key", before: "", starts: "AKIA", least: 20 },
    Look { what: "Google access token", before: "", starts: "ya29.", least: 20 },
    Look { what: "Google key", before: "", starts: "AIza", least: 35 },
    Look { what: "Brevo key", before: "", starts: "xsmtpsib-", least: 20 },
    Look { what: "Brevo key", before: "", starts: "xkeysib-", least: 20 },
    Look { what: "GitHub token", before: "", starts: "ghp_", least: 30 },
    Look { what: "Slack token", before: "", starts: "xoxb-", least: 20 },
    Look { what: "JSON web token", before: "", starts: "eyJ", least: 40 },
];

fn is_secret_byte(b: u8) -> bool {
    b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b',' | b';' | b'{' | b'}' | b'(' | b')')
}

/// What gives any of them away, in lower case and in one search: nearly every line holds none of it. Nothing on
/// processors that cannot search so, where each line gets the closer look.
static TELLTALE: LazyLock<Option<Searcher>> = LazyLock::new(|| {
    let needle = |look: &Look| if look.before.is_empty() { look.starts } else { look.before };
    Searcher::new(LOOKS.iter().map(|look| needle(look).to_ascii_lowercase()))
});

/// The shortest text that is searched many bytes at a time.
const SEARCHED: usize = 64;

/// Where secrets stand in a text: begin, end, what they look like. They do not overlap. `lower` is memory to work in.
fn find(line: &[u8], lower: &mut Vec<u8>) -> Vec<(usize, usize, &'static str)> {
    lower.clear();
    lower.extend_from_slice(line);
    lower.make_ascii_lowercase();
    lower.resize(line.len().max(SEARCHED), 0);
    let told = TELLTALE.as_ref().is_none_or(|all| all.find(lower.as_slice()).is_some());
    let mut found: Vec<(usize, usize, &'static str)> = Vec::new();
    let mut add = |begin: usize, what: &'static str, least: usize| {
        let word = line.get(begin..).unwrap_or_default();
        let length = word.iter().position(|b| !is_secret_byte(*b)).unwrap_or(word.len());
        // A row of stars or a word in capitals was redacted by the tool that printed it.
        let hidden = word.iter().take(length).all(|b| *b == b'*' || *b == b'x' || *b == b'X');
        // Much else is JSON in base64; a token has three parts.
        let whole = what != "JSON web token" || word.iter().take(length).filter(|b| **b == b'.').count() == 2;
        let overlaps = found.iter().any(|(b, e, _)| begin < *e && begin + length > *b);
        if length >= least && whole && !hidden && !overlaps {
            found.push((begin, begin + length, what));
        }
    };
    for look in LOOKS.iter().filter(|_| told) {
        let needle = if look.before.is_empty() { look.starts } else { look.before };
        let haystack = if look.before.is_empty() { line } else { lower.as_slice() };
        for at in memchr::memmem::find_iter(haystack, needle.as_bytes()) {
            let fresh = at == 0 || line.get(at - 1).is_none_or(|b| !b.is_ascii_alphanumeric());
            if fresh {
                add(at + look.before.len(), look.what, look.least);
            }
        }
    }
    for (begin, end) in redact::words(line) {
        if redact::clue(line.get(begin..end).unwrap_or_default()).is_some() {
            add(begin, "SASL credentials in base64", 8);
        }
    }
    found.sort_unstable();
    found
}

fn hint(secret: &[u8]) -> String {
    let shown = text::visible(secret.get(..4).unwrap_or_default());
    format!("{shown}… ({} characters)", secret.len())
}

/// Looks for secrets in one entry after the other.
#[derive(Debug, Default)]
pub struct Scanner {
    /// The text under way in lower case.
    lower: Vec<u8>,
    tracker: Tracker,
    /// The last AUTH of the session was refused: what was meant to answer its challenges may follow.
    refused: bool,
}

impl Scanner {
    /// What looks like a secret in an entry, whose number is counted from 0.
    pub fn entry(&mut self, number: usize, entry: &Entry) -> Vec<Suspicion> {
        let place = self.by_place(entry).map(|what| Suspicion { entry: number, what, hint: String::new() });
        let mut found = self.by_look(number, entry);
        // Of one line it is said once.
        found.extend(place.filter(|_| found.is_empty()));
        found
    }

    /// What looks like a secret by where it stands: credentials in AUTH and the answers to its challenges.
    fn by_place(&mut self, entry: &Entry) -> Option<&'static str> {
        match &entry.kind {
            EntryKind::Sent { line, .. } => {
                let waits = self.tracker.awaits_auth();
                let role = self.tracker.sent(line);
                let hidden = |kind| redact::sent(line.head(), kind).secrets().next().is_some();
                match &role {
                    Role::Command(Verb::Auth) => {
                        self.refused = false;
                        hidden(role.sent_kind()).then_some("initial response of AUTH")
                    }
                    Role::Answer { .. } => {
                        hidden(role.sent_kind()).then_some("answer to a challenge of AUTH")
                    }
                    Role::Command(Verb::Other(_)) if waits || self.refused => {
                        let alone = line.bytes().is_some_and(|word| word.len() >= 4 && !word.contains(&b' '));
                        alone.then_some("word where an answer of AUTH may have been meant")
                    }
                    _ => None,
                }
            }
            EntryKind::Received { line, .. } => {
                if let Some(Completed { code, answers }) = self.tracker.received(line) {
                    let exchange = matches!(answers, Some(Waiting::Command(Verb::Auth) | Waiting::Answer));
                    self.refused |= exchange && code.is_none_or(|code| code.is_error());
                }
                None
            }
            _ => {
                // What was refused in one session is not answered in the next.
                self.refused &= !self.tracker.other(entry);
                None
            }
        }
    }

    /// What looks like a secret wherever it stands.
    fn by_look(&mut self, number: usize, entry: &Entry) -> Vec<Suspicion> {
        let texts: Vec<&[u8]> = match &entry.kind {
            // Nearly all lines are of one piece, and hold nothing.
            EntryKind::Sent { line, .. } | EntryKind::Received { line, .. }
                if line.bytes().is_some_and(|bytes| find(bytes, &mut self.lower).is_empty()) =>
            {
                return Vec::new();
            }
            EntryKind::Sent { line, .. } | EntryKind::Received { line, .. } => bytes_of(line).collect(),
            EntryKind::Problem(words) | EntryKind::Note(words) | EntryKind::Comment(words) => {
                vec![words.as_bytes()]
            }
            EntryKind::Info(Info::Quirk(words) | Info::Other(words)) => vec![words.as_bytes()],
            EntryKind::Header(_, value) => vec![value.as_bytes()],
            EntryKind::Other { rest, .. } => vec![rest.as_bytes()],
            EntryKind::Info(_) | EntryKind::Session(_) => Vec::new(),
        };
        let suspect = |bytes: &&[u8]| {
            let found = find(bytes, &mut self.lower).into_iter();
            let found =
                found.map(|(begin, end, what)| (what, hint(bytes.get(begin..end).unwrap_or_default())));
            found.collect::<Vec<_>>()
        };
        let found = texts.iter().flat_map(suspect);
        found.map(|(what, hint)| Suspicion { entry: number, what, hint }).collect()
    }
}

fn bytes_of(line: &Payload) -> impl Iterator<Item = &[u8]> {
    line.pieces.iter().filter_map(|piece| match piece {
        Piece::Bytes(bytes) => Some(bytes.as_slice()),
        _ => None,
    })
}

/// Takes what looks like a secret out of free text. Returns the text and how many there were.
pub fn redact_text(text: &str) -> (String, usize) {
    let found = find(text.as_bytes(), &mut Vec::new());
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (begin, end, what) in &found {
        out.push_str(text.get(from..*begin).unwrap_or_default());
        out.push_str(&format!("{{secret what=\"{what}\"}}"));
        from = *end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    (out, found.len())
}

/// Takes what looks like a secret out of a line of a session.
pub fn redact_line(line: Payload) -> Payload {
    let mut out = Payload::default().with_ending(line.ending);
    for piece in line.pieces {
        let Piece::Bytes(bytes) = piece else {
            out.push(piece);
            continue;
        };
        let mut from = 0;
        for (begin, end, what) in find(&bytes, &mut Vec::new()) {
            out.push_bytes(bytes.get(from..begin).unwrap_or_default());
            out.push(Piece::Secret(SecretMark { what: Some(what.to_owned()), ..SecretMark::default() }));
            from = end;
        }
        out.push_bytes(bytes.get(from..).unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{LineEnd, Reader};

    fn scan(line: &str) -> Vec<&'static str> {
        let file = format!("%heloise 1\n{line}\n");
        let read = Reader::new(file.as_bytes()).unwrap().next().unwrap().unwrap();
        let found = Scanner::default().entry(3, &read);
        assert!(found.iter().all(|s| s.entry == 3 && s.hint.chars().count() < 30));
        found.into_iter().map(|s| s.what).collect()
    }

    #[test]
    fn secrets_of_many_kinds_are_seen() {
        for (line, what) in [
            (" -> Authorization: Bearer abcdefghijklmnopqrstuvwx", "bearer token"),
            (" -> X-Api-Key: 0123456789abcdef", "API key in a header"),
            ("### note his password: hunter2", "password"),
            ("<- 535 AGFsaWNlAGh1bnRlcjI= is wrong", "SASL credentials in base64"),
            (" -> AUTH LOGIN YWxpY2U=", "initial response of AUTH"),
            ("# key SG.abcdefghijklmnopqrstuv.0123456789abcdefghijklmnopqrstuvwxyz", "SendGrid key"),
            ("# AKIAIOSFODNN7EXAMPLE", "AWS access key"),
            (" -> X-Link: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl", "JSON web token"),
        ] {
            assert_eq!(scan(line), [what], "{line}");
        }
    }

    fn scan_all(entries: &str) -> Vec<(usize, &'static str)> {
        let file = format!("%heloise 1\n{entries}");
        let mut scanner = Scanner::default();
        let read = Reader::new(file.as_bytes()).unwrap().map(Result::unwrap).enumerate();
        read.flat_map(|(number, entry)| scanner.entry(number, &entry)).map(|s| (s.entry, s.what)).collect()
    }

    #[test]
    fn answers_of_auth_are_seen_by_where_they_stand() {
        let answer = "answer to a challenge of AUTH";
        let login = "<- 220 x\n -> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n -> YWxpY2U=\n<- 334 UGFzc3dvcmQ6\n -> aHVudGVyMg==\n<- 235 ok\n";
        assert_eq!(scan_all(login), [(3, answer), (5, answer)]);
        let cancelled = "<- 220 x\n -> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n -> *\n<** 501 no\n -> QUIT\n";
        assert!(scan_all(cancelled).is_empty());
        let hidden = "<- 220 x\n -> AUTH LOGIN\n<- 334 VXNlcm5hbWU6\n -> {secret sasl=LOGIN what=user user=\"alice\"}\n";
        assert!(scan_all(hidden).is_empty());
        let refused = "<- 220 x\n -> AUTH LOGIN\n<** 504 no\n -> aHVudGVyMg==\n<** 500 what\n -> QUIT\n";
        assert_eq!(scan_all(refused), [(3, "word where an answer of AUTH may have been meant")]);
    }

    #[test]
    fn only_a_refused_auth_of_the_same_session_makes_words_suspect() {
        let refused = "<- 220 x\n -> AUTH LOGIN\n<** 504 no\n";
        let later =
            format!("{refused}%heloise 1\n=== connected 192.0.2.1:25\n<- 220 x\n -> NOPE\n<** 500 what\n");
        assert!(scan_all(&later).is_empty());
        // The error is that of EHLO.
        let pipelined =
            "<- 220 x\n -> EHLO y\n -> AUTH LOGIN\n<** 500 no\n<- 235 ok\n -> NOPE\n<** 500 what\n";
        assert!(scan_all(pipelined).is_empty());
    }

    #[test]
    fn what_is_redacted_or_harmless_is_not() {
        for line in [
            " -> AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}",
            " -> AUTH LOGIN",
            "<- 250 2.0.0 Ok: queued as 4XyZ12abcDz1234",
            "<- 334 UGFzc3dvcmQ6",
            "<- 334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==",
            "### note password: ********",
            " -> Subject: how to reset your password",
            " -> DKIM-Signature: v=1; b=abcdefghijklmnopqrstuvwxyz0123456789",
        ] {
            assert!(scan(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn lines_lose_them() {
        let line =
            Payload::from_bytes("X-Api-Key: 0123456789abcdef; password=hunter2").with_ending(LineEnd::Lf);
        let shown = "X-Api-Key: {secret what=\"API key in a header\"}; password={secret what=password}\\n";
        assert_eq!(redact_line(line).to_visible(), shown);
    }

    #[test]
    fn free_text_loses_them() {
        let (text, count) = redact_text("user=a Bearer abcdefghijklmnopqrst end é password=hunter2");
        assert_eq!(count, 2);
        assert_eq!(
            text,
            "user=a Bearer {secret what=\"bearer token\"} end é password={secret what=\"password\"}"
        );
    }
}
