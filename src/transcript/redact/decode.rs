//! What credentials look like, and whose they are.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use zeroize::Zeroizing;

use super::super::SecretMark;
use crate::sasl::user_named;

const LOOSE: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LOOSE);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LOOSE);

/// Decodes base64 of either alphabet, with or without padding. Most of what is asked about holds a secret, so that the memory
/// is wiped, also where only the beginning could be decoded.
pub fn base64_loose(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_ascii();
    let mut plain = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
    let length = STANDARD.decode_slice(text, &mut plain).or_else(|_| URL_SAFE.decode_slice(text, &mut plain));
    plain.truncate(length.ok()?);
    Some(plain)
}

/// What a word gives away of itself without its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clue {
    /// The mechanism that uses this shape.
    pub sasl: &'static str,
    /// The user name in it.
    pub user: Option<String>,
}

impl Clue {
    /// The mark to put in its place.
    pub fn mark(self) -> SecretMark {
        SecretMark { sasl: Some(self.sasl.to_owned()), user: self.user, ..SecretMark::default() }
    }
}

/// Recognises base64 that cannot be much else than credentials.
pub fn clue(word: &[u8]) -> Option<Clue> {
    let plain = base64_loose(word)?;
    if let Some(user) = plain_user(&plain) {
        return Some(Clue { sasl: "PLAIN", user });
    }
    if let Some(user) = xoauth2_user(&plain) {
        return Some(Clue { sasl: "XOAUTH2", user: Some(user) });
    }
    if plain.starts_with(b"n,") && contains(&plain, b"auth=") {
        return Some(Clue { sasl: "OAUTHBEARER", user: gs2_user(&plain) });
    }
    if plain.starts_with(b"c=") && contains(&plain, b",p=") {
        return Some(Clue { sasl: "SCRAM", user: None });
    }
    cram_user(&plain).map(|user| Clue { sasl: "CRAM-MD5", user: Some(user) })
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

fn name(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty() && text.len() <= 320).then(|| text.to_owned())
}

/// RFC 4616: `[authzid] NUL authcid NUL passwd`. The outer option says whether it has this shape.
fn plain_user(plain: &[u8]) -> Option<Option<String>> {
    let mut parts = plain.split(|b| *b == 0);
    let (authzid, authcid, password) = (parts.next()?, parts.next()?, parts.next()?);
    let text = |part: &[u8]| std::str::from_utf8(part).is_ok_and(|t| !t.chars().any(char::is_control));
    let shaped = parts.next().is_none() && text(authzid) && text(authcid) && !authcid.is_empty();
    (shaped && !password.is_empty()).then(|| name(authcid))
}

/// `user=NAME ^A auth=Bearer TOKEN ^A ^A`
fn xoauth2_user(plain: &[u8]) -> Option<String> {
    let after = plain.strip_prefix(b"user=")?;
    let end = after.iter().position(|b| *b == 1)?;
    contains(plain, b"auth=").then(|| name(after.get(..end)?)).flatten()
}

/// RFC 5801: `n,a=NAME,…`
fn gs2_user(plain: &[u8]) -> Option<String> {
    let end = plain.iter().position(|b| *b == 1).unwrap_or(plain.len());
    let header = plain.get(..end)?;
    header.split(|b| *b == b',').find_map(|part| saslname(part.strip_prefix(b"a=")?))
}

/// RFC 5802: `n,,n=NAME,r=NONCE`
fn scram_user(plain: &[u8]) -> Option<String> {
    plain.split(|b| *b == b',').skip(2).find_map(|part| saslname(part.strip_prefix(b"n=")?))
}

fn saslname(bytes: &[u8]) -> Option<String> {
    name(bytes).map(|text| text.replace("=2C", ",").replace("=3D", "="))
}

/// RFC 2195: `NAME SP 32 hexadecimal digits`
pub(super) fn cram_user(plain: &[u8]) -> Option<String> {
    let (user, digest) = plain.split_at_checked(plain.len().checked_sub(33)?)?;
    let digest = digest.strip_prefix(b" ")?;
    let hex = digest.iter().all(u8::is_ascii_hexdigit);
    (hex && user.iter().all(|b| !b.is_ascii_control())).then(|| name(user)).flatten()
}

/// The mark for an answer (or initial response) in an exchange.
pub(super) fn mark(
    answer: &[u8],
    mechanism: Option<&str>,
    step: u32,
    challenge: Option<&[u8]>,
) -> SecretMark {
    let plain = base64_loose(answer);
    let no_base64 = plain.is_none();
    let upper = mechanism.unwrap_or_default().to_ascii_uppercase();
    let mut mark = SecretMark { sasl: mechanism.map(str::to_owned), no_base64, ..SecretMark::default() };
    if upper == "LOGIN" {
        let is_user = asks_for_user(challenge, step);
        mark.what = Some(if is_user { "user" } else { "password" }.to_owned());
        mark.user = plain.filter(|_| is_user).and_then(|p| printable(&p));
        return mark;
    }
    let Some(plain) = plain else { return mark };
    mark.user = match upper.as_str() {
        "PLAIN" => plain_user(&plain).flatten(),
        "CRAM-MD5" => cram_user(&plain),
        "XOAUTH2" => xoauth2_user(&plain),
        "OAUTHBEARER" => gs2_user(&plain),
        "DIGEST-MD5" | "NTLM" => user_named(&upper, &plain).filter(|user| name(user.as_bytes()).is_some()),
        // The identity to act as (RFC 4422 appendix A), and nothing else.
        "EXTERNAL" => printable(&plain),
        scram if scram.starts_with("SCRAM-") => scram_user(&plain),
        _ => clue(answer).and_then(|found| found.user),
    };
    mark
}

fn printable(bytes: &[u8]) -> Option<String> {
    name(bytes).filter(|text| !text.chars().any(char::is_control))
}

/// Whether LOGIN asks for the name here. What the server asks counts more than the number of the answer:
/// a password must not be taken for a name.
pub(super) fn asks_for_user(challenge: Option<&[u8]>, step: u32) -> bool {
    let question = challenge.and_then(base64_loose).unwrap_or_default().to_ascii_lowercase();
    let pass = contains(&question, b"pass");
    !pass && (step == 0 || question.starts_with(b"user"))
}
