//! What is secret in a line that the client sends, so that it is known again where a server repeats it.

use memchr::memmem;

use super::known::LONGEST;
use super::{Known, SentKind, base64_loose, clue, decode, initial_response, is_blank, log_in, words};
use crate::sasl;
use crate::wire::{CommandLine, Verb};

/// Mechanisms whose messages tell who somebody is, and nothing secret.
const OPEN: [&str; 2] = ["EXTERNAL", "ANONYMOUS"];

/// What stands before a token in XOAUTH2 and OAUTHBEARER (RFC 7628 §3.1).
const BEARER: &[u8] = b"auth=Bearer ";

/// A response is one word. So many are learnt from a line, as far as they stand within the length of the longest response.
const WORDS: usize = 16;

impl Known {
    /// Learns what is secret in a line of the client. Where much was learnt before, the oldest of it is forgotten (see
    /// [`Known::is_full`]).
    pub fn learn(&mut self, line: &[u8], kind: SentKind<'_>) {
        self.make_room();
        match kind {
            SentKind::Command => match initial_response(line) {
                Some((mechanism, initial)) => {
                    self.learn_response(initial, &String::from_utf8_lossy(mechanism), 0, None);
                }
                None => match log_in(line) {
                    Some(secret) => self.learn_response(secret, "", 0, None),
                    None => self.learn_clues(line),
                },
            },
            // Meant as an answer, or a slip of the finger: that a word of several is a secret is not known, nor that what
            // looks like a verb is one.
            SentKind::AuthResponse { mechanism: None, .. } if is_like_a_command(line.trim_ascii()) => {
                self.learn_clues(line);
            }
            SentKind::AuthResponse { mechanism, step, challenge } => {
                self.learn_response(line, mechanism.unwrap_or_default(), step, challenge);
            }
            SentKind::Content | SentKind::EndOfContent => {}
        }
    }

    /// Each word as it stands, and what is secret in it once it is decoded.
    fn learn_response(&mut self, response: &[u8], mechanism: &str, step: u32, challenge: Option<&[u8]>) {
        let named = |name: &&str| name.eq_ignore_ascii_case(mechanism);
        let is_user = mechanism.eq_ignore_ascii_case("LOGIN") && decode::asks_for_user(challenge, step);
        if OPEN.iter().any(named) {
            return;
        }
        // All but the proof goes to and fro in clear (RFC 5802 §5). What has no nonce is no such message, and may be a password.
        let scram =
            mechanism.to_ascii_uppercase().starts_with("SCRAM-").then(|| base64_loose(response)).flatten();
        if let Some(plain) = scram.filter(|plain| memmem::find(plain, b"r=").is_some()) {
            let proof = memmem::rfind(&plain, b",p=").and_then(|at| plain.get(at + b",p=".len()..));
            return proof.into_iter().for_each(|proof| self.spell_out_learnt(proof));
        }
        let words =
            || response.trim_ascii_end().split(|byte| is_blank(*byte)).filter(|word| !word.is_empty());
        // Of several words the first may be the name that stands before a password.
        let several = words().nth(1).is_some();
        let is_name = |word: &&[u8]| several && word.contains(&b'@');
        self.learn_words(words().skip(usize::from(is_user)).filter(|word| !is_name(word)));
    }

    /// Learns the words of a line that can be nothing but credentials.
    pub fn learn_clues(&mut self, line: &[u8]) {
        let found = words(line).map(|(begin, end)| line.get(begin..end).unwrap_or_default());
        self.learn_words(found.filter(|word| clue(word).is_some()));
    }

    fn learn_words<'a>(&mut self, words: impl Iterator<Item = &'a [u8]>) {
        let mut octets = 0;
        for word in words.take(WORDS) {
            // The first one is learnt, however long it is.
            if octets > 0 && octets + word.len() > LONGEST {
                break;
            }
            octets += word.len();
            self.learn_word(word);
        }
    }

    fn learn_word(&mut self, word: &[u8]) {
        if is_of_smtp(word) {
            return;
        }
        self.spell_out_learnt(word);
        if let Some(plain) = base64_loose(word) {
            self.spell_out_learnt(secret_part(&plain));
        }
    }
}

/// Whether a line may be a command that nobody knows: several words, or one of letters.
fn is_like_a_command(line: &[u8]) -> bool {
    line.contains(&b' ') || line.len() <= 8 && line.iter().all(u8::is_ascii_alphabetic)
}

/// Whether a word is one of the protocol, typed where a secret was due. It stands in many lines that must stay readable.
fn is_of_smtp(word: &[u8]) -> bool {
    let is_mechanism = std::str::from_utf8(word).is_ok_and(|name| sasl::info(name).is_some());
    is_mechanism || !matches!(CommandLine::parse(word).verb, Verb::Other(_))
}

/// What is secret in a message: without the user's name where that stands beside it, the whole where the shape is not
/// known.
fn secret_part(plain: &[u8]) -> &[u8] {
    if let Some(at) = memmem::find(plain, BEARER) {
        let token = plain.get(at + BEARER.len()..).unwrap_or_default();
        return token.split(|byte| *byte == 1).next().unwrap_or_default();
    }
    // PLAIN (RFC 4616): `[authzid] NUL authcid NUL passwd`
    if plain.iter().filter(|byte| **byte == 0).count() == 2 {
        return plain.rsplit(|byte| *byte == 0).next().unwrap_or_default();
    }
    match decode::cram_user(plain) {
        Some(user) => plain.get(user.len() + 1..).unwrap_or_default(),
        None => plain,
    }
}
