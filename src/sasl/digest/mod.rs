//! DIGEST-MD5 (RFC 2831), made obsolete by RFC 6331 and still met. Ours, without its security layers.

mod client;
mod server;

pub(super) use client::Client;
pub(super) use server::Server;

use super::crypto::{Hash, hex};
use super::text::quoted;
use crate::secret::Secret;

const NAME: &str = "DIGEST-MD5";

/// The `key=value` directives of a message, the keys in lowercase, the values without quotes.
pub(super) struct Directives(Vec<(String, Vec<u8>)>);

impl Directives {
    /// Reads `key=value` and `key="value"`, separated by commas and white space (RFC 2831 §7.1).
    ///
    /// # Errors
    /// What is wrong, escaped.
    pub(super) fn parse(mut text: &[u8]) -> Result<Directives, String> {
        let mut found = Vec::new();
        loop {
            while let Some((b',' | b' ' | b'\t' | b'\r' | b'\n', rest)) = text.split_first() {
                text = rest;
            }
            if text.is_empty() {
                return Ok(Directives(found));
            }
            let at = text.iter().position(|byte| *byte == b'=');
            let (key, rest) = at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, b""));
            let key = key.trim_ascii();
            if key.is_empty() || !key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
            {
                return Err(format!("{} is not a directive", quoted(key)));
            }
            let (value, rest) = value(rest.get(1..).unwrap_or_default().trim_ascii_start())?;
            found.push((String::from_utf8_lossy(key).to_ascii_lowercase(), value));
            text = rest;
        }
    }

    /// All directives in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// Every value of a directive that may be repeated.
    pub(super) fn all<'d>(&'d self, key: &'d str) -> impl Iterator<Item = &'d [u8]> {
        self.0.iter().filter(move |(found, _)| found == key).map(|(_, value)| value.as_slice())
    }

    /// The value of a directive that may stand once.
    ///
    /// # Errors
    /// When it stands there twice.
    pub(super) fn one<'d>(&'d self, key: &'d str) -> Result<Option<&'d [u8]>, String> {
        let mut values = self.all(key);
        let first = values.next();
        if values.next().is_some() {
            return Err(format!("{key} stands there twice"));
        }
        Ok(first)
    }

    /// The value of a directive that must stand once.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn must<'d>(&'d self, key: &'d str) -> Result<&'d [u8], String> {
        self.one(key)?.ok_or_else(|| format!("{key} is missing"))
    }
}

/// One value, and the text behind it.
fn value(text: &[u8]) -> Result<(Vec<u8>, &[u8]), String> {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| *byte == b',').unwrap_or(text.len());
        let (token, rest) = text.split_at(end);
        return Ok((token.trim_ascii().to_vec(), rest));
    };
    let mut out = Vec::new();
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return Ok((out, rest)),
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                out.push(*byte);
                rest
            }
            [] => return Err("a quotation mark is missing".to_owned()),
        };
    }
}

/// A value in quotes, with `"` and `\` escaped.
fn quote(value: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

/// Text in ISO 8859-1, if it fits. Such text is hashed in that form whatever the charset (RFC 2831 §2.1.2.1).
fn latin1(text: &[u8]) -> Option<Secret> {
    let text = std::str::from_utf8(text).ok()?;
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        bytes.push(u8::try_from(u32::from(character)).ok()?);
    }
    Some(Secret::new(bytes))
}

/// The user that the client's message names.
pub(super) fn user_named(message: &[u8]) -> Option<String> {
    let told = Directives::parse(message).ok()?;
    let user = told.one("username").ok()??;
    match told.one("charset").ok()? {
        Some(_) => String::from_utf8(user.to_vec()).ok(),
        // ISO 8859-1, whose numbers are those of Unicode.
        None => Some(user.iter().copied().map(char::from).collect()),
    }
}

/// What both ends put into the hashes.
struct Inputs<'i> {
    /// User name, realm and password in UTF-8.
    user: &'i [u8],
    realm: &'i [u8],
    password: &'i [u8],
    nonce: &'i [u8],
    cnonce: &'i [u8],
    uri: &'i [u8],
    authzid: Option<&'i [u8]>,
}

impl Inputs<'_> {
    /// The `response` of the client (`AUTHENTICATE`), or with an empty `method` the server's `rspauth`.
    fn response(&self, method: &[u8]) -> Secret {
        let hash = |parts: &[&[u8]]| Hash::Md5.digest(parts);
        let narrow = |text: &[u8]| latin1(text).unwrap_or_else(|| Secret::new(text));
        let (user, realm, password) = (narrow(self.user), narrow(self.realm), narrow(self.password));
        let account = hash(&[user.expose(), b":", realm.expose(), b":", password.expose()]);
        let mut first: Vec<&[u8]> = vec![&account, b":", self.nonce, b":", self.cnonce];
        if let Some(authzid) = self.authzid {
            first.extend([b":".as_slice(), authzid]);
        }
        let first = hex(&hash(&first));
        let second = hex(&hash(&[method, b":", self.uri]));
        let middle: &[&[u8]] = &[b":", self.nonce, b":00000001:", self.cnonce, b":auth:"];
        let all = [&[first.expose()], middle, &[second.expose()]].concat();
        hex(&hash(&all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_in_all_their_forms() {
        let text = b" realm=\"a\\\"b,c\" ,, realm=\"d\",QOP=\"auth\" , nonce=x ,charset = utf-8";
        let read = Directives::parse(text).unwrap();
        assert_eq!(read.all("realm").collect::<Vec<_>>(), [b"a\"b,c".as_slice(), b"d"]);
        assert_eq!(read.one("nonce").unwrap(), Some(b"x".as_slice()));
        assert_eq!(read.one("charset").unwrap(), Some(b"utf-8".as_slice()));
        assert!(read.one("realm").is_err() && read.must("maxbuf").is_err());
        assert!(Directives::parse(b"realm=\"open").is_err());
        assert!(Directives::parse(b"hello world").is_err());
    }
}
