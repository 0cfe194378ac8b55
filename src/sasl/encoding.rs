//! base64 between a message and its line on the wire (RFC 4954 §4, RFC 4648 §4).

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, Engine};
use base64::{DecodeError, engine::general_purpose::STANDARD};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The initial response of an AUTH command in base64. An empty one is `=`, which says that it is there and
/// empty (RFC 4954 §4).
pub fn encode_initial(response: &Secret) -> Secret {
    if response.is_empty() { Secret::new(b"=".as_slice()) } else { encode_response(response) }
}

/// The answer to a challenge in base64. An empty one is an empty line; `=` would not be base64 there.
pub fn encode_response(response: &Secret) -> Secret {
    let length = base64::encoded_len(response.len(), true).unwrap_or(0);
    let mut encoded = Zeroizing::new(vec![0; length]);
    match STANDARD.encode_slice(response.expose(), &mut encoded) {
        Ok(written) => encoded.truncate(written),
        // The buffer has the exact length, so this arm is out of reach.
        Err(_) => encoded.clear(),
    }
    Secret::new(std::mem::take(&mut *encoded))
}

/// A challenge that is not base64 as RFC 4648 §4 writes it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("not base64: {why}, at byte {at}")]
pub struct BadBase64 {
    /// Offset of the first byte that is wrong, from 0.
    pub at: usize,
    /// What is wrong there, escaped.
    pub why: String,
}

/// A deviation under which a challenge could still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leniency {
    /// White space stood before, in or after it.
    Spaces,
    /// The `=` at the end were missing or of a wrong number.
    Padding,
    /// `-` and `_` stood for `+` and `/` (RFC 4648 §5).
    UrlAlphabet,
    /// The unused bits of the last character were not zero.
    TrailingBits,
}

impl Leniency {
    /// A clause for people.
    pub fn words(self) -> &'static str {
        match self {
            Leniency::Spaces => "with white space in it",
            Leniency::Padding => "with wrong padding",
            Leniency::UrlAlphabet => "in the URL alphabet",
            Leniency::TrailingBits => "with stray bits at its end",
        }
    }
}

/// A challenge read leniently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Each deviation that had to be overlooked; none if it was base64 by the book.
    pub lenient: Vec<Leniency>,
}

/// The bytes of the text of a 334 reply. Empty text is an empty challenge, and so is a lone `=`, which
/// some servers send by mistake.
///
/// # Errors
/// [`BadBase64`] tells what is wrong and where; [`decode_leniently`] may still read it.
pub fn decode_challenge(text: &[u8]) -> Result<Vec<u8>, BadBase64> {
    if text == b"=" {
        return Ok(Vec::new());
    }
    STANDARD.decode(text).map_err(|error| explain(text, error))
}

/// Takes what servers send in place of base64 by the book, and names each deviation.
///
/// # Errors
/// [`BadBase64`] when no known deviation explains the text; the offset counts in `text` as given.
pub fn decode_leniently(text: &[u8]) -> Result<Decoded, BadBase64> {
    let strict = match decode_challenge(text) {
        Ok(bytes) => return Ok(Decoded { bytes, lenient: Vec::new() }),
        Err(error) => error,
    };
    let mut lenient = Vec::new();
    let mut cleaned = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b' ' | b'\t' => note(&mut lenient, Leniency::Spaces),
            b'-' | b'_' => {
                note(&mut lenient, Leniency::UrlAlphabet);
                cleaned.push(if byte == b'-' { b'+' } else { b'/' });
            }
            _ => cleaned.push(byte),
        }
    }
    if let Ok(bytes) = STANDARD.decode(&cleaned) {
        return Ok(Decoded { bytes, lenient });
    }
    while cleaned.last() == Some(&b'=') {
        cleaned.pop();
    }
    for (bits, engine) in [(false, engine(false)), (true, engine(true))] {
        if let Ok(bytes) = engine.decode(&cleaned) {
            note(&mut lenient, if bits { Leniency::TrailingBits } else { Leniency::Padding });
            return Ok(Decoded { bytes, lenient });
        }
    }
    Err(strict)
}

fn note(lenient: &mut Vec<Leniency>, kind: Leniency) {
    if !lenient.contains(&kind) {
        lenient.push(kind);
    }
}

fn engine(trailing_bits: bool) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(trailing_bits);
    GeneralPurpose::new(&alphabet::STANDARD, config)
}

fn explain(text: &[u8], error: DecodeError) -> BadBase64 {
    let (at, why) = match error {
        DecodeError::InvalidByte(at, b'=') => (at, "padding in the wrong place".to_owned()),
        DecodeError::InvalidByte(at, byte) => {
            (at, format!("the byte '{}' is not in its alphabet", byte.escape_ascii()))
        }
        DecodeError::InvalidLength(_) => (text.len(), "a character is missing at its end".to_owned()),
        DecodeError::InvalidLastSymbol { offset, .. } => {
            (offset, "the last character carries stray bits, as if the text were cut".to_owned())
        }
        DecodeError::InvalidPadding => (text.len(), "the padding at its end is missing or wrong".to_owned()),
    };
    BadBase64 { at, why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_initial_response_is_an_equals_sign() {
        assert_eq!(encode_initial(&Secret::new("")).expose(), b"=");
        assert_eq!(encode_response(&Secret::new("")).expose(), b"");
        assert_eq!(encode_initial(&Secret::new("a")).expose(), b"YQ==");
        assert_eq!(
            encode_response(&Secret::new("\0tim\0tanstaaftanstaaf")).expose(),
            b"AHRpbQB0YW5zdGFhZnRhbnN0YWFm"
        );
    }

    #[test]
    fn challenges_by_the_book() {
        assert_eq!(decode_challenge(b"VXNlcm5hbWU6"), Ok(b"Username:".to_vec()));
        assert_eq!(decode_challenge(b""), Ok(Vec::new()));
        assert_eq!(decode_challenge(b"="), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let told = |text: &[u8]| decode_challenge(text).unwrap_err();
        assert_eq!(told(b"VXN\x1bcm5h").at, 3);
        assert_eq!(
            told(b"VXN\x1bcm5h").to_string(),
            r"not base64: the byte '\x1b' is not in its alphabet, at byte 3"
        );
        assert_eq!(told(b"VXNlcg").at, 6);
        assert!(told(b"VXNlc").to_string().contains("missing at its end"));
        assert!(told(b"VXNlch==").to_string().contains("stray bits"));
    }

    #[test]
    fn each_leniency_is_named() {
        let read = |text: &[u8]| decode_leniently(text).unwrap();
        assert_eq!(read(b"VXNlcm5hbWU6 ").lenient, [Leniency::Spaces]);
        assert_eq!(read(b"VXNlcg").lenient, [Leniency::Padding]);
        assert_eq!(read(b"VXNlcg=").bytes, b"User");
        assert_eq!(read(b"_-8=").lenient, [Leniency::UrlAlphabet]);
        assert_eq!(read(b"VXNlch==").lenient, [Leniency::TrailingBits]);
        assert_eq!(read(b"VXNlcg==").lenient, []);
        assert_eq!(decode_leniently(b"Username:").unwrap_err().at, 8);
    }

    proptest! {
        #[test]
        fn any_response_comes_back(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
            let encoded = encode_response(&Secret::new(bytes.clone()));
            prop_assert_eq!(decode_challenge(encoded.expose()), Ok(bytes));
        }

        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Err(error) = decode_leniently(&text) {
                prop_assert!(error.at <= text.len());
                prop_assert!(error.to_string().is_ascii());
            }
        }
    }
}
