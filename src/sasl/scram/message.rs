//! The messages of SCRAM (RFC 5802 §5, §7).

use super::super::crypto::unbase64;
use super::super::text::quoted;

/// The comma-separated `letter=value` attributes of a message. An item of another form has no letter.
pub(in super::super) fn attributes(message: &[u8]) -> impl Iterator<Item = (Option<u8>, &[u8])> {
    message.split(|byte| *byte == b',').map(|item| match item {
        [letter, b'=', value @ ..] if letter.is_ascii_alphabetic() => (Some(*letter), value),
        _ => (None, item),
    })
}

/// Takes the value of the attribute `letter`, which must come next.
pub(super) fn expect<'m>(
    items: &mut impl Iterator<Item = (Option<u8>, &'m [u8])>,
    letter: u8,
) -> Result<&'m [u8], String> {
    match items.next() {
        Some((Some(found), value)) if found == letter => Ok(value),
        Some((Some(b'm'), value)) => Err(format!("it demands the unknown extension {}", quoted(value))),
        Some((_, value)) => Err(format!("{} stands where {}= must be", quoted(value), letter.escape_ascii())),
        None => Err(format!("{}= is missing", letter.escape_ascii())),
    }
}

/// `r=NONCE,s=SALT,i=ROUNDS`, with extensions behind that are left unread.
pub(in super::super) struct ServerFirst {
    /// Our nonce and the server's behind it.
    pub(in super::super) nonce: Vec<u8>,
    pub(in super::super) salt: Vec<u8>,
    pub(in super::super) rounds: u64,
}

impl ServerFirst {
    /// # Errors
    /// What is wrong with the message, escaped.
    pub(in super::super) fn parse(message: &[u8]) -> Result<ServerFirst, String> {
        let mut items = attributes(message);
        let nonce = expect(&mut items, b'r')?;
        if !is_nonce(nonce) {
            return Err("its nonce is empty or holds bytes that are not printable".to_owned());
        }
        let salt = expect(&mut items, b's')?;
        let Some(salt) = unbase64(salt) else {
            return Err(format!("its salt {} is not base64", quoted(salt)));
        };
        let count = expect(&mut items, b'i')?;
        let digits = !count.is_empty() && count.iter().all(u8::is_ascii_digit);
        let rounds = std::str::from_utf8(count).ok().filter(|_| digits);
        // A number too long for 64 bits is as good as the largest one: both are refused.
        let rounds = rounds.map(|text| text.parse().unwrap_or(u64::MAX));
        match rounds {
            Some(rounds) if rounds > 0 => Ok(ServerFirst { nonce: nonce.to_vec(), salt, rounds }),
            _ => Err(format!("its iteration count {} is not a positive number", quoted(count))),
        }
    }
}

/// Printable ASCII without a comma, at least one.
pub(super) fn is_nonce(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b',')
}

/// A name with `,` and `=` written as `=2C` and `=3D`.
pub(in super::super) fn escape_name(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for &byte in name {
        match byte {
            b',' => out.extend_from_slice(b"=2C"),
            b'=' => out.extend_from_slice(b"=3D"),
            _ => out.push(byte),
        }
    }
    out
}

/// The name again; `None` when an `=` stands for nothing, or it is not UTF-8.
pub(in super::super) fn unescape_name(mut text: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    while let [byte, rest @ ..] = text {
        let (byte, rest) = match (byte, rest) {
            (b'=', [b'2', b'C', rest @ ..]) => (b',', rest),
            (b'=', [b'3', b'D', rest @ ..]) => (b'=', rest),
            (b'=', _) => return None,
            (byte, rest) => (*byte, rest),
        };
        out.push(byte);
        text = rest;
    }
    String::from_utf8(out).ok()
}

/// What an `e=` in the server's message means.
pub(in super::super) fn error_words(error: &[u8]) -> &'static str {
    let known = SERVER_ERRORS.iter().find(|(name, _)| name.as_bytes() == error);
    known.map_or("not an error of the standard", |(_, meaning)| meaning)
}

/// The values of `e=` in the server's last message, and what they mean (RFC 5802 §7).
const SERVER_ERRORS: &[(&str, &str)] = &[
    ("invalid-encoding", "it could not read our message"),
    ("extensions-not-supported", "it does not know an extension that we demanded"),
    ("invalid-proof", "the password is wrong"),
    ("channel-bindings-dont-match", "its end of the TLS link is not ours: somebody may stand in between"),
    (
        "server-does-support-channel-binding",
        "we said that it offers no channel binding, but it does: somebody may have changed its offer; use -PLUS",
    ),
    ("channel-binding-not-supported", "it has no channel binding; use the form without -PLUS"),
    (
        "unsupported-channel-binding-type",
        "it does not know this kind of channel binding; --channel-binding names another",
    ),
    ("unknown-user", "it does not know the user"),
    ("invalid-username-encoding", "it could not read the user name"),
    ("no-resources", "it has too much to do; try later"),
    ("other-error", "it does not say why"),
];
