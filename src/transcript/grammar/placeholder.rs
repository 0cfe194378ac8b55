//! What stands in braces for bytes that are left out, and the attributes in it.

use nom::Err;
use nom::bytes::complete::{tag, take_while, take_while1};

use super::{
    Miss, Parsed, escape, fail, is_key_byte, is_plain, is_token_byte, lossy, no, raw_text, skip_spaces,
};
use crate::transcript::info::Attributes;
use crate::transcript::{Piece, SecretMark, text};

/// `placeholder = "{" ( data / secret / other ) "}"`
pub fn placeholder(input: &[u8]) -> Parsed<'_, Piece> {
    let (body, _) = tag("{")(input)?;
    let (word_end, word) = take_while1(is_key_byte)(body)?;
    if !word.first().is_some_and(u8::is_ascii_lowercase) {
        return no(body, "a lower-case letter");
    }
    let (left, found) = attributes(word_end)?;
    let Some(after) = left.strip_prefix(b"}") else {
        return fail(left, "} after the placeholder (a literal { is written \\{)");
    };
    let inner = body.get(..body.len() - left.len()).unwrap_or_default();
    let piece = match word {
        b"secret" => Piece::Secret(secret(found)),
        b"data" => data(&found).unwrap_or_else(|| Piece::Other(raw_text(inner))),
        _ => Piece::Other(raw_text(inner)),
    };
    Ok((after, piece))
}

/// Whether this text, set between braces, is a placeholder this version does not know.
pub(in crate::transcript) fn is_placeholder(inner: &str) -> bool {
    let braced = format!("{{{inner}}}");
    let known = matches!(placeholder(braced.as_bytes()), Ok((b"", Piece::Other(_))));
    known && inner.starts_with(|c: char| c.is_ascii_lowercase()) && inner.chars().all(text::is_plain)
}

/// `secret = "secret" *attribute`
fn secret(attributes: Attributes) -> SecretMark {
    let mut mark = SecretMark::default();
    for (key, value) in attributes {
        let field = match key.as_str() {
            "sasl" => &mut mark.sasl,
            "what" => &mut mark.what,
            "user" => &mut mark.user,
            "echo" if value.is_none() => {
                mark.echo = true;
                continue;
            }
            "no-base64" if value.is_none() => {
                mark.no_base64 = true;
                continue;
            }
            _ => {
                mark.other.push((key, value));
                continue;
            }
        };
        match field {
            None if value.is_some() => *field = value,
            _ => mark.other.push((key, value)),
        }
    }
    mark
}

/// `data = "data" SP 1*DIGIT [SP "sha256=" 64HEXDIG]`
fn data(attributes: &[(String, Option<String>)]) -> Option<Piece> {
    let ((count, None), digest) = attributes.split_first()? else { return None };
    let bytes = count.parse().ok().filter(|n: &u64| n.to_string() == *count)?;
    let (key, digest) = match digest {
        [] => return Some(Piece::Data { bytes, sha256: None }),
        [(key, Some(digest))] => (key, digest),
        _ => return None,
    };
    let mut sha256 = [0; 32];
    if key != "sha256" || digest.len() != 64 || digest.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    for (byte, pair) in sha256.iter_mut().zip(digest.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(Piece::Data { bytes, sha256: Some(sha256) })
}

/// `attributes = *( SP attribute )`
pub fn attributes(mut input: &[u8]) -> Parsed<'_, Attributes> {
    let mut found = Vec::new();
    while let Some(left) = input.strip_prefix(b" ") {
        let left = skip_spaces(left);
        if left.is_empty() || left.first() == Some(&b'}') {
            return Ok((left, found));
        }
        let one;
        (input, one) = attribute(left)?;
        found.push(one);
    }
    Ok((input, found))
}

/// `attribute = key "=" ( token / quoted ) / word / quoted`
pub fn attribute(input: &[u8]) -> Parsed<'_, (String, Option<String>)> {
    if input.first() == Some(&b'"') {
        let (left, word) = quoted(input)?;
        return Ok((left, (word, None)));
    }
    let (left, name) = take_while(is_key_byte)(input)?;
    if let Some(value) = left.strip_prefix(b"=").filter(|_| !name.is_empty()) {
        let (left, value) = if value.first() == Some(&b'"') { quoted(value)? } else { token(value)? };
        return Ok((left, (raw_text(name), Some(value))));
    }
    let (left, word) = token(input)?;
    Ok((left, (word, None)))
}

/// `token = 1*token-char`: printable ASCII without blanks, quotes, braces and `\`.
pub fn token(input: &[u8]) -> Parsed<'_, String> {
    let (left, word) = take_while1(is_token_byte)(input)
        .or_else(|_: Err<Miss>| fail(input, "a value: a plain word, or text in double quotes"))?;
    Ok((left, raw_text(word)))
}

/// `quoted = DQUOTE *( quoted-plain / quoted-escape ) DQUOTE`
pub fn quoted(input: &[u8]) -> Parsed<'_, String> {
    let (mut left, _) = tag("\"")(input)?;
    let mut bytes = Vec::new();
    loop {
        match left {
            [b'"', after @ ..] => return Ok((after, lossy(bytes))),
            [b'\\', b'"', after @ ..] => {
                bytes.push(b'"');
                left = after;
            }
            [b'\\', ..] => {
                let byte;
                (left, byte) = escape(left)?;
                bytes.push(byte);
            }
            [b'{', after @ ..] => {
                bytes.push(b'{');
                left = after;
            }
            [] => return fail(input, "a closing double quote"),
            _ => {
                let run;
                (left, run) = take_while1(|b| is_plain(b) && b != b'"')(left)
                    .or_else(|_: Err<Miss>| fail(left, "printable text in the quotes"))?;
                bytes.extend_from_slice(run);
            }
        }
    }
}
