//! Pins: a certificate or public key that the server must have, whoever vouches for it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::cert::CertInfo;
use crate::wire::escape::visible;

/// The SHA-256 of a certificate or of its public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// A pin that is no hash.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("\"{0}\" is no pin: a SHA-256 is wanted, as 64 hexadecimal digits or as sha256//BASE64")]
pub struct BadPin(String);

/// By which of its parts a certificate fits a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinMatch {
    /// By the whole certificate; it ends with the next renewal.
    Certificate,
    /// By the public key; it lasts as long as the key is kept.
    PublicKey,
}

impl fmt::Display for PinMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PinMatch::Certificate => "the certificate fits",
            PinMatch::PublicKey => "the public key fits",
        })
    }
}

impl Pin {
    /// How a certificate fits, if it does.
    pub fn matches(&self, cert: &CertInfo) -> Option<PinMatch> {
        if self.0 == cert.spki_sha256 {
            Some(PinMatch::PublicKey)
        } else if self.0 == cert.sha256 {
            Some(PinMatch::Certificate)
        } else {
            None
        }
    }

    /// The pin of a certificate's public key.
    pub fn of_key(cert: &CertInfo) -> Pin {
        Pin(cert.spki_sha256)
    }
}

/// Hexadecimal with or without colons, as fingerprints are shown, or `sha256//` and base64, as curl and HPKP (RFC
/// 7469) write it.
impl FromStr for Pin {
    type Err = BadPin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadPin(visible(text.as_bytes()));
        let bytes = match text.strip_prefix("sha256//") {
            Some(base64) => STANDARD.decode(base64).map_err(|_| bad())?,
            None => {
                let digits: Option<Vec<u8>> = text
                    .chars()
                    .filter(|c| *c != ':')
                    .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
                    .collect();
                let pairs = digits.ok_or_else(bad)?;
                if pairs.len() != 64 {
                    return Err(bad());
                }
                pairs
                    .chunks_exact(2)
                    .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
                    .collect()
            }
        };
        bytes.try_into().map(Pin).map_err(|_| bad())
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256//{}", STANDARD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_hash() {
        let pin = Pin([0xab; 32]);
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for text in [plain, colons, pin.to_string()] {
            assert_eq!(text.parse(), Ok(pin), "{text}");
        }
        for text in ["", &"00".repeat(31), "sha256//", "sha256//AAAA", "zz", "sha1//AAAA", "\u{1b}"] {
            assert!(text.parse::<Pin>().unwrap_err().to_string().contains("64 hexadecimal digits"), "{text}");
        }
        assert!("\u{1b}".parse::<Pin>().unwrap_err().to_string().contains(r"\x1b"));
    }
}
