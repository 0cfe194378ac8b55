//! Secrets in words that stand beside a session: what a tool that is not known tells of an AUTH exchange.

use std::ops::Range;

use zeroize::Zeroizing;

use super::super::redact::base64_loose;
use crate::sasl;

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Whether a text is one word that may be base64, or a part of some.
pub(super) fn is_lone_base64(text: &[u8]) -> bool {
    let word = text.trim_ascii();
    !word.is_empty() && word.iter().all(|b| is_base64(*b))
}

/// Where the last word of a text stands, if it may be the base64 of something: among other words, one with a digit or a
/// capital. Quotes, escaped line ends and markup behind it do not count.
pub(super) fn last_base64(text: &str) -> Option<Range<usize>> {
    let mut end = text.trim_end().len();
    let behind = ["\\n", "\\r", "<br>", "<br/>", "<br />", "'", "\"", ")", "]", ",", ";"];
    while let Some(shorter) =
        behind.iter().find_map(|mark| text.get(..end)?.strip_suffix(mark)).map(|rest| rest.trim_end().len())
    {
        end = shorter;
    }
    let digits = text.as_bytes().get(..end)?.iter().rev().take_while(|b| is_base64(**b)).count();
    let word = text.get(end - digits..end)?;
    let telling = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'=';
    let encoded = word.len() == text.trim().len() || word.bytes().any(telling);
    // `(0x12)`, say, is a number.
    let number = word.starts_with("0x") || word.bytes().all(|b| b.is_ascii_digit());
    (word.len() >= 4 && encoded && !number).then_some(end - digits..end)
}

/// The base64 of a challenge that is told somewhere in a text: `SERVER -> CLIENT: 334 UGFzc3dvcmQ6`.
pub(super) fn challenge(text: &str) -> Option<&str> {
    let mut words =
        text.split(|c: char| c.is_ascii_whitespace() || matches!(c, '\'' | '"' | '(' | ')' | ';'));
    words.find(|word| *word == "334")?;
    let word = words.find(|word| !word.is_empty()).unwrap_or_default();
    let end = word.bytes().position(|b| !is_base64(b)).unwrap_or(word.len());
    word.get(..end)
}

/// What stands in the place of a secret in headlines, verdicts, and lists of settings.
const NO_SECRETS: [&str; 50] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "nil",
    "undef",
    "undefined",
    "unset",
    "empty",
    "set",
    "missing",
    "required",
    "optional",
    "mandatory",
    "supported",
    "unsupported",
    "enabled",
    "disabled",
    "allowed",
    "offered",
    "advertised",
    "available",
    "unavailable",
    "unknown",
    "authentication",
    "mechanism",
    "method",
    "command",
    "login",
    "works",
    "worked",
    "failed",
    "fails",
    "failure",
    "succeeded",
    "succeeds",
    "success",
    "successful",
    "ok",
    "okay",
    "accepted",
    "rejected",
    "refused",
    "wrong",
    "incorrect",
    "invalid",
];

/// Whether a word is one of those that stand in the place of a secret.
pub(super) fn is_no_secret(word: &str) -> bool {
    NO_SECRETS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether this may be a word of a sentence: of letters, with capitals at its beginning or everywhere.
pub(super) fn is_plain_word(word: &str) -> bool {
    let letters = word.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '_' | '\''));
    let rest = word.chars().skip(1);
    letters && (!rest.clone().any(char::is_uppercase) || !rest.clone().any(char::is_lowercase))
}

/// The shortest base64 of credentials that is hunted for.
const SHORTEST_CREDENTIAL: usize = 8;

/// Whether a word of a remark is, as surely as can be told, base64 of credentials: of text, or of what NTLM sends. Any
/// other may be a word of a sentence, and must not be masked wherever the server says it.
pub(super) fn is_credential(word: &str) -> bool {
    // The end may be missing.
    let whole = word.get(..word.len() - word.len() % 4).unwrap_or_default();
    let plain = base64_loose(whole.as_bytes()).map(Zeroizing::new).unwrap_or_default();
    let fits = plain.starts_with(b"NTLMSSP\0") || std::str::from_utf8(&plain).is_ok();
    word.len() >= SHORTEST_CREDENTIAL && fits && !plain.is_empty() && !is_plain_word(word)
}

/// An AUTH command with an initial response that is told at the end of a text: where it begins.
pub(super) fn auth_command(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("auth ").map(|(at, _)| at).find(|at| {
        let before = text.as_bytes().get(at.wrapping_sub(1));
        let mut words = text.get(*at..).unwrap_or_default().split_ascii_whitespace().skip(1);
        let mechanism = words.next().is_some_and(|name| sasl::info(name).is_some());
        let shown = |word: &str| word.len() >= 4 && word.bytes().all(is_base64) && !is_no_secret(word);
        let initial = words.next().is_some_and(shown);
        mechanism && initial && words.next().is_none() && before.is_none_or(|b| !b.is_ascii_alphanumeric())
    })
}

/// What a challenge of LOGIN asks for is told by its words.
pub(super) fn mechanism_of(challenge: &[u8]) -> &'static str {
    let asked = base64_loose(challenge).unwrap_or_default().to_ascii_lowercase();
    if asked.starts_with(b"user") || asked.starts_with(b"pass") { "LOGIN" } else { "" }
}

/// Whether this is the address of a mailbox, which is somebody's name.
pub(super) fn is_address(text: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    let mut parts = text.split(|b| *b == b'@');
    let (Some(local), Some(domain), None) = (parts.next(), parts.next(), parts.next()) else { return false };
    let dotted = domain.contains(&b'.') && !domain.starts_with(b".") && !domain.ends_with(b".");
    dotted && !local.is_empty() && local.iter().chain(domain).all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_found_in_words() {
        assert_eq!(challenge("15:00 SERVER -> CLIENT: 334 UGFzc3dvcmQ6<br>"), Some("UGFzc3dvcmQ6"));
        assert_eq!(challenge("reply: retcode (334); Msg: b'x'"), Some("Msg"));
        assert_eq!(challenge("it took 334"), Some(""));
        assert_eq!(challenge("1334 UGFzc3dvcmQ6"), None);
        let last = |text: &str| last_base64(text).map(|range| text[range].to_owned());
        assert_eq!(last("CLIENT -> SERVER: czNjcjN0<br>\n").as_deref(), Some("czNjcjN0"));
        assert_eq!(last("send: 'czNjcjN0LVBhNTV3b3J").as_deref(), Some("czNjcjN0LVBhNTV3b3J"));
        for other in ["=> Send header, 18 bytes (0x12)", "} [5 bytes data]", "sent it", "", "== Info: ok."] {
            assert_eq!(last(other), None, "{other}");
        }
        assert_eq!(auth_command("CLIENT -> SERVER: AUTH PLAIN AGE="), Some(18));
        assert_eq!(auth_command("SMTP AUTH LOGIN failed for alice"), None);
        assert_eq!(auth_command("AUTH LOGIN failed"), None);
        for credential in [
            "czNjcjN0LVBhNTV3b3Jk",
            "czNjcjN0LVBhNTV3b3J",
            "AGFsaWNlAGh1bnRlcjI=",
            "TlRMTVNTUAABAAAAB4IIAA==",
        ] {
            assert!(is_credential(credential), "{credential}");
        }
        for word in ["authentication", "Authentication", "SUPPORTED", "YWJj", "OAuth2Bearer", "two-step", ""]
        {
            assert!(!is_credential(word), "{word}");
        }
        assert!(is_address(b"alice@example.org") && !is_address(b"P@ssw0rd") && !is_address(b"a@b@c.org"));
    }
}
