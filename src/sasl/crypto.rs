//! Hashes, random bytes and comparison, for the mechanisms that are ours.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::{Credentials, SaslError};
use crate::secret::Secret;

/// Bytes that are wiped when they go.
pub(super) type Wiped = Zeroizing<Vec<u8>>;

/// A hash with its HMAC and PBKDF2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    /// The hash of the parts, one after the other.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Wiped {
        match self {
            Hash::Md5 => digest::<Md5>(parts),
            Hash::Sha1 => digest::<Sha1>(parts),
            Hash::Sha256 => digest::<Sha256>(parts),
            Hash::Sha512 => digest::<Sha512>(parts),
        }
    }

    /// HMAC (RFC 2104). `None` is out of reach: a key of any length will do.
    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Option<Wiped> {
        match self {
            Hash::Md5 => mac::<Hmac<Md5>>(key, message),
            Hash::Sha1 => mac::<Hmac<Sha1>>(key, message),
            Hash::Sha256 => mac::<Hmac<Sha256>>(key, message),
            Hash::Sha512 => mac::<Hmac<Sha512>>(key, message),
        }
    }

    /// PBKDF2 (RFC 8018 §5.2), as long as the hash. `None` is out of reach, as for [`Hash::hmac`].
    pub(super) fn pbkdf2(self, password: &[u8], salt: &[u8], rounds: u32) -> Option<Wiped> {
        let mut key = Zeroizing::new(vec![0; self.digest(&[]).len()]);
        match self {
            Hash::Md5 => pbkdf2::pbkdf2::<Hmac<Md5>>(password, salt, rounds, &mut key),
            Hash::Sha1 => pbkdf2::pbkdf2::<Hmac<Sha1>>(password, salt, rounds, &mut key),
            Hash::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, rounds, &mut key),
            Hash::Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, rounds, &mut key),
        }
        .ok()?;
        Some(key)
    }
}

pub(super) fn digest<D: Digest>(parts: &[&[u8]]) -> Wiped {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    Zeroizing::new(hash.finalize().to_vec())
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Option<Wiped> {
    let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(Zeroizing::new(mac.finalize().into_bytes().to_vec()))
}

/// Lowercase hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> Secret {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) };
    let mut text = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    Secret::new(text)
}

/// base64 for use inside a message.
pub(super) fn base64(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(bytes))
}

/// The bytes of base64 inside a message; `None` if it is not by the book.
pub(super) fn unbase64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// The client's nonce in printable form: the given one, else 18 random bytes in base64.
pub(super) fn nonce(mechanism: &'static str, credentials: &Credentials) -> Result<Vec<u8>, SaslError> {
    match &credentials.nonce {
        Some(nonce) => Ok(nonce.clone()),
        None => Ok(STANDARD.encode(random::<18>(mechanism)?).into_bytes()),
    }
}

/// Random bytes of the operating system.
pub(super) fn random<const N: usize>(mechanism: &'static str) -> Result<[u8; N], SaslError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| SaslError::Random { mechanism })?;
    Ok(bytes)
}

/// Text prepared by SASLprep (RFC 4013), so that one spelling of a character is as good as another. What
/// cannot be prepared (newer characters, bytes that are not UTF-8) is taken as it stands.
pub(super) fn prepared(bytes: &[u8]) -> Wiped {
    let prepared = std::str::from_utf8(bytes).ok().and_then(|text| stringprep::saslprep(text).ok());
    Zeroizing::new(match prepared {
        Some(text) if !text.is_empty() => text.into_owned().into_bytes(),
        _ => bytes.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pbkdf2_as_in_rfc_6070() {
        let key = Hash::Sha1.pbkdf2(b"password", b"salt", 2).unwrap();
        assert_eq!(hex(&key).expose(), b"ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
    }

    #[test]
    fn preparation_as_in_rfc_4013() {
        assert_eq!(prepared("I\u{ad}X".as_bytes()).as_slice(), b"IX");
        assert_eq!(prepared("\u{aa}".as_bytes()).as_slice(), b"a");
        assert_eq!(prepared("\u{1f511}".as_bytes()).as_slice(), "\u{1f511}".as_bytes());
        assert_eq!(prepared(b"\xff").as_slice(), b"\xff");
    }

    #[test]
    fn nonces_differ() {
        let fresh = || nonce("X", &Credentials::new("", Secret::new(""))).unwrap();
        assert_ne!(fresh(), fresh());
    }

    #[test]
    fn comparison() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab"));
    }
}
