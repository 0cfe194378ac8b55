//! The secrets of a session, hunted for wherever they turn up.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use memchr::memmem;
use zeroize::Zeroizing;

use super::super::info::Info;
use super::super::{Entry, EntryKind, Payload, Piece, SecretMark};
use super::runs::Runs;
use super::spelled;
use crate::secret::Secret;

/// Shorter secrets are not hunted for: they would be found everywhere.
pub const SHORTEST: usize = 4;

/// What stands in the place of a secret, in words.
const MARK: &[u8] = b"{secret echo}";

/// So many spellings of learnt secrets, some thirty logins, are hunted for beside those of the next line. Each is looked for
/// in all that passes.
const SPELLINGS: usize = 600;

/// The same for their length together, in octets: the longest response (RFC 4954 §4) has some 220,000 octets of spellings.
const OCTETS: usize = 512 * 1024;

/// The longest response, in octets with its line end (RFC 4954 §4). What is longer is known by its beginning.
pub const LONGEST: usize = 12_288;

/// Secrets in use, in each spelling they may turn up in. All of it is wiped when it is dropped.
///
/// What was named is kept; of what was learnt from the lines of a client the oldest goes where it becomes too much, so that
/// nobody who sends credentials without end slows the session down or fills the memory.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// In the order in which they were added.
    spellings: Vec<Spelling>,
}

#[derive(Clone, Debug)]
struct Spelling {
    text: Secret,
    /// Where its pieces are found, if it is long.
    runs: Runs,
    place: Place,
    /// It may be forgotten.
    learnt: bool,
}

/// Where a spelling counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Anywhere, however it is escaped.
    Spelled,
    /// Anywhere, as these bytes.
    Anywhere,
    /// As a word of its own, and not as a part of a name or an address: others have the same word in them.
    Alone,
    /// It is what the base64 of something longer must contain: the word around it is the secret.
    WithinBase64,
}

/// A secret that is shorter, and of letters or of digits alone, is a part of many names.
const UNLIKE_NAMES: usize = 6;

/// So many digits of base64 are no chance.
const ENOUGH_BASE64: usize = 8;

impl Place {
    fn of(secret: &[u8]) -> Place {
        let plain = secret.iter().all(u8::is_ascii_alphabetic) || secret.iter().all(u8::is_ascii_digit);
        if plain && secret.len() < UNLIKE_NAMES { Place::Alone } else { Place::Spelled }
    }
}

impl Known {
    /// Nothing known yet.
    pub fn new() -> Self {
        Known::default()
    }

    /// Whether nothing is hunted for.
    pub fn is_empty(&self) -> bool {
        self.spellings.is_empty()
    }

    /// Whether something is forgotten when the next line is learnt.
    pub fn is_full(&self) -> bool {
        let lengths = self.spellings.iter().filter(|s| s.learnt).map(|s| s.text.len());
        lengths.clone().count() > SPELLINGS || lengths.sum::<usize>() > OCTETS
    }

    /// Forgets what was learnt first, until there is room for the next line.
    pub(super) fn make_room(&mut self) {
        while self.is_full()
            && let Some(oldest) = self.spellings.iter().position(|s| s.learnt)
        {
            self.spellings.remove(oldest);
        }
    }

    /// Names a secret: as it is and escaped as programs do it (`spelled.rs`), in base64 (whole, and inside
    /// something longer) and in hexadecimal. Secrets of less than `SHORTEST` bytes are left out.
    pub fn add(&mut self, secret: &Secret) {
        self.spell_out(secret.expose(), false);
    }

    /// The same for one that somebody sent or typed. It may be forgotten (see [`Known::is_full`]).
    pub fn learn_secret(&mut self, secret: &[u8]) {
        self.make_room();
        self.spell_out_learnt(secret);
    }

    /// The same without a look at how much there is.
    pub(super) fn spell_out_learnt(&mut self, secret: &[u8]) {
        self.spell_out(secret.get(..LONGEST).unwrap_or(secret), true);
    }

    fn spell_out(&mut self, bytes: &[u8], learnt: bool) {
        if bytes.len() < SHORTEST {
            return;
        }
        let mut push = |spelling, place| self.push(spelling, place, learnt);
        push(Zeroizing::new(bytes.to_vec()), Place::of(bytes));
        for engine in [STANDARD, URL_SAFE] {
            for shift in 0..3 {
                push(inner_base64(&engine, bytes, shift), Place::WithinBase64);
            }
        }
        push(spell(bytes, |out, b| write!(out, "{b:02x}")), Place::Anywhere);
        push(spell(bytes, |out, b| write!(out, "{b:02X}")), Place::Anywhere);
    }

    fn push(&mut self, mut spelling: Zeroizing<Vec<u8>>, place: Place, learnt: bool) {
        if spelling.len() < SHORTEST {
            return;
        }
        match self.spellings.iter().position(|s| s.text.expose() == spelling.as_slice()) {
            // Told anew, it is the newest.
            Some(at) => {
                let mut known = self.spellings.remove(at);
                known.learnt &= learnt;
                self.spellings.push(known);
            }
            None => {
                let text = Secret::new(std::mem::take(&mut *spelling));
                let runs = Runs::of(text.expose());
                self.spellings.push(Spelling { text, runs, place, learnt });
            }
        }
    }

    /// The first place where a secret stands: where, and how long. The whole of something goes before its part.
    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let found = self.spellings.iter().filter_map(|spelling| spelling.find(bytes));
        found.min_by_key(|(at, len)| (*at, std::cmp::Reverse(*len)))
    }

    /// Whether a known secret stands in these bytes.
    pub fn occurs_in(&self, bytes: &[u8]) -> bool {
        self.find(bytes).is_some()
    }

    /// Puts `{secret echo}` in the place of each known secret. Returns how many there were.
    pub fn mask(&self, payload: &mut Payload) -> usize {
        let dirty = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => self.occurs_in(bytes),
            Piece::Secret(mark) => words_of(mark).any(|word| self.occurs_in(word.as_bytes())),
            _ => false,
        };
        if !payload.pieces.iter().any(dirty) {
            return 0;
        }
        let mut count = 0;
        for piece in std::mem::take(&mut payload.pieces) {
            let bytes = match piece {
                Piece::Bytes(bytes) => bytes,
                Piece::Secret(mark) => {
                    payload.push(Piece::Secret(self.without_secrets(mark)));
                    continue;
                }
                piece => {
                    payload.push(piece);
                    continue;
                }
            };
            let bytes = Zeroizing::new(bytes);
            let mut rest = bytes.as_slice();
            while let Some((at, len)) = self.find(rest) {
                payload.push_bytes(rest.get(..at).unwrap_or_default());
                payload.push(Piece::Secret(SecretMark::echo()));
                rest = rest.get(at + len..).unwrap_or_default();
                count += 1;
            }
            payload.push_bytes(rest);
        }
        count
    }

    /// The mark without what would tell the secret: somebody typed it where a name was due.
    fn without_secrets(&self, mark: SecretMark) -> SecretMark {
        let clean = |word: Option<String>| word.filter(|word| !self.occurs_in(word.as_bytes()));
        let other = mark.other.into_iter().filter(|(key, value)| {
            !self.occurs_in(key.as_bytes())
                && !value.as_ref().is_some_and(|value| self.occurs_in(value.as_bytes()))
        });
        SecretMark {
            sasl: clean(mark.sasl),
            what: clean(mark.what),
            user: clean(mark.user),
            other: other.collect(),
            ..mark
        }
    }

    /// The bytes with the mark in the place of each known secret, and how many there were.
    pub fn masked(&self, bytes: &[u8]) -> (Vec<u8>, usize) {
        let (mut out, mut count, mut rest) = (Vec::with_capacity(bytes.len()), 0, bytes);
        while let Some((at, len)) = self.find(rest) {
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            out.extend_from_slice(MARK);
            rest = rest.get(at + len..).unwrap_or_default();
            count += 1;
        }
        out.extend_from_slice(rest);
        (out, count)
    }

    /// The same for text, which is replaced.
    pub fn mask_text(&self, text: &mut String) -> usize {
        let (masked, count) = self.masked(text.as_bytes());
        if count > 0 {
            let clean = String::from_utf8_lossy(&masked).into_owned();
            drop(Zeroizing::new(std::mem::replace(text, clean)));
        }
        count
    }

    /// Masks whatever an entry holds. Returns how many secrets there were.
    pub fn mask_entry(&self, entry: &mut Entry) -> usize {
        if self.is_empty() {
            return 0;
        }
        match &mut entry.kind {
            EntryKind::Sent { line, .. } | EntryKind::Received { line, .. } => self.mask(line),
            EntryKind::Problem(text) | EntryKind::Note(text) | EntryKind::Comment(text) => {
                self.mask_text(text)
            }
            EntryKind::Info(Info::Quirk(text) | Info::Other(text)) => self.mask_text(text),
            EntryKind::Info(Info::Tls(tls)) => [&mut tls.subject, &mut tls.issuer, &mut tls.why]
                .into_iter()
                .flatten()
                .map(|t| self.mask_text(t))
                .sum(),
            _ => 0,
        }
    }
}

/// The words that a mark tells.
fn words_of(mark: &SecretMark) -> impl Iterator<Item = &String> {
    let other = mark.other.iter().flat_map(|(key, value)| std::iter::once(key).chain(value));
    [&mark.sasl, &mark.what, &mark.user].into_iter().flatten().chain(other)
}

impl Spelling {
    /// Where it stands first, and how long it is: of base64, the whole word.
    fn find(&self, bytes: &[u8]) -> Option<(usize, usize)> {
        let length = self.text.len();
        let joins = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._@".contains(byte) || !byte.is_ascii();
        let is_alone = |at: &usize| {
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            let goes_on = match bytes.get(at + length..) {
                // The dot at the end of a sentence belongs to nothing.
                Some([b'.', rest @ ..]) => rest.first().is_some_and(u8::is_ascii_alphanumeric),
                Some([next, ..]) => joins(next),
                _ => false,
            };
            !goes_on && !before.is_some_and(joins)
        };
        match self.place {
            Place::Spelled => {
                let whole =
                    spelled::find_where(bytes, self.text.expose(), |at, length| !is_label(bytes, at, length));
                whole.or_else(|| self.runs.find(bytes, self.text.expose()))
            }
            Place::Anywhere => Some((memmem::find(bytes, self.text.expose())?, length)),
            Place::Alone => Some((memmem::find_iter(bytes, self.text.expose()).find(is_alone)?, length)),
            Place::WithinBase64 => {
                let whole = || Some((memmem::find(bytes, self.text.expose())?, length));
                let (at, _) = self.runs.find(bytes, self.text.expose()).or_else(whole)?;
                let digit = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
                let (before, from) = bytes.split_at_checked(at)?;
                // The hyphen behind the code of a reply is no digit.
                let room = at - code_length(bytes).min(at);
                let more = before.iter().rev().take(room).take_while(digit).count();
                let digits = from.iter().take_while(digit).count();
                let padding = from.iter().skip(digits).take(2).take_while(|b| **b == b'=').count();
                Some((at - more, more + digits + padding))
            }
        }
    }
}

/// How much of a line is a reply code with its separator.
fn code_length(line: &[u8]) -> usize {
    match line {
        [a, b, c, b'-' | b' ', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => 4,
        _ => 0,
    }
}

/// Whether what stands there is one label of a host's name, made of letters or of digits alone: many names have such words
/// in them, and are of no use without.
fn is_label(bytes: &[u8], at: usize, length: usize) -> bool {
    let word = bytes.get(at..at + length).unwrap_or_default();
    let plain = word.iter().all(u8::is_ascii_alphabetic) || word.iter().all(u8::is_ascii_digit);
    let begins = match at.checked_sub(1).and_then(|before| bytes.get(before)) {
        None => true,
        Some(before) => matches!(before, b'@' | b'.' | b' ' | b'<' | b'['),
    };
    let goes_on = matches!(bytes.get(at + length..), Some([b'.', next, ..]) if next.is_ascii_alphanumeric());
    plain && begins && goes_on
}

/// What base64 of anything that holds `bytes` must contain when `shift` bytes (modulo 3) stand before
/// them: the digits that depend on these bytes alone.
fn inner_base64(engine: &impl Engine, bytes: &[u8], shift: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0; shift]);
    padded.extend_from_slice(bytes);
    let whole = Zeroizing::new(engine.encode(&*padded));
    let from = (shift * 8).div_ceil(6);
    let to = padded.len() * 8 / 6;
    let digits = whole.as_bytes().get(from..to).unwrap_or_default();
    // Two thirds of it are enough: it may be cut off. What is long is known by pieces.
    if !Runs::of(digits).is_empty() {
        return Zeroizing::new(digits.to_vec());
    }
    let enough = (digits.len() * 2 / 3).max(ENOUGH_BASE64).min(digits.len());
    Zeroizing::new(digits.get(..enough).unwrap_or_default().to_vec())
}

fn spell(bytes: &[u8], one: impl Fn(&mut String, u8) -> std::fmt::Result) -> Zeroizing<Vec<u8>> {
    // Room enough from the start: a string that grows leaves copies behind.
    let mut out = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        let _ = one(&mut out, *byte);
    }
    Zeroizing::new(out.into_bytes())
}
