//! The arguments of helper commands that have a form of their own: files, and bytes with escapes.

use std::path::PathBuf;

use crate::wire::escape::visible;

/// The file that an argument names: quotes around it are taken off, and `~/` is the home folder.
pub fn path(argument: &str) -> PathBuf {
    let argument = argument.trim();
    let bare =
        argument.strip_prefix('"').map(|rest| rest.strip_suffix('"').unwrap_or(rest)).unwrap_or(argument);
    match (bare.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => PathBuf::from(bare),
    }
}

/// The words of an argument, quoted as in a shell: `'…'` and `"…"` hold blanks, a backslash outside of `'…'` takes the
/// meaning from what follows it.
///
/// # Errors
/// When quotes are not closed.
pub fn words(argument: &str) -> Result<Vec<String>, UnclosedQuotes> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut rest = argument.chars();
    while let Some(character) = rest.next() {
        match (character, quote) {
            (mark, Some(open)) if mark == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(rest.next()),
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    match quote {
        Some(_) => Err(UnclosedQuotes),
        None => Ok(words),
    }
}

/// Quotes are opened, and not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quotes are not closed")]
pub struct UnclosedQuotes;

/// Why the argument of `/raw` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RawError {
    /// There is nothing to send.
    #[error("/raw needs bytes in quotes: /raw \"NOOP\\r\\n\"")]
    Empty,
    /// The quotes are not closed.
    #[error("the quotes are not closed: /raw \"NOOP\\r\\n\"")]
    Unclosed,
    /// Something stands behind the closing quote.
    #[error("nothing may follow the closing quote; write a quote inside as \\\"")]
    Trailing,
    /// An escape that does not exist.
    #[error("\\{0} is no escape; there are \\r \\n \\t \\0 \\\\ \\\" and \\xHH")]
    Escape(String),
}

/// The bytes that `/raw` is to send: what stands in the quotes, with `\r \n \t \0 \\ \" \xHH` resolved. Without
/// quotes the whole argument is meant.
///
/// # Errors
/// When quotes or escapes are not finished, or nothing is there.
pub fn parse_raw(argument: &str) -> Result<Vec<u8>, RawError> {
    let argument = argument.trim();
    let quoted = argument.strip_prefix('"');
    let mut bytes = Vec::new();
    let mut rest = quoted.unwrap_or(argument).chars();
    let mut closed = false;
    while let Some(character) = rest.next() {
        match character {
            '"' if quoted.is_some() => {
                closed = true;
                break;
            }
            '\\' => bytes.push(escape(&mut rest)?),
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    match () {
        () if quoted.is_some() && !closed => Err(RawError::Unclosed),
        () if !rest.as_str().trim().is_empty() => Err(RawError::Trailing),
        () if bytes.is_empty() => Err(RawError::Empty),
        () => Ok(bytes),
    }
}

fn escape(rest: &mut std::str::Chars<'_>) -> Result<u8, RawError> {
    match rest.next() {
        Some('r') => Ok(b'\r'),
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('"') => Ok(b'"'),
        Some('x') => {
            let digits: String = rest.by_ref().take(2).collect();
            let valid = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let byte = u8::from_str_radix(&digits, 16).ok().filter(|_| valid);
            byte.ok_or_else(|| RawError::Escape(visible(format!("x{digits}").as_bytes())))
        }
        other => Err(RawError::Escape(other.map(|c| visible(c.to_string().as_bytes())).unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_may_be_quoted() {
        assert_eq!(path(" \"a b.eml\" "), PathBuf::from("a b.eml"));
        assert_eq!(path("a b.eml"), PathBuf::from("a b.eml"));
        assert!(path("~/x").ends_with("x") && path("~/x").is_absolute());
    }

    #[test]
    fn words_are_quoted_as_in_a_shell() {
        let words = |argument| words(argument).unwrap();
        assert_eq!(words(r#" a 'b c'  "d \" e"f '' g\ h "#), ["a", "b c", "d \" ef", "", "g h"]);
        assert_eq!(words(r"--ca 'it'\''s mine'"), ["--ca", "it's mine"]);
        assert!(words("  ").is_empty());
    }

    #[test]
    fn quotes_have_to_be_closed() {
        for argument in ["'never closed", "\"", "a 'b' \"c"] {
            assert_eq!(words(argument), Err(UnclosedQuotes));
        }
    }

    #[test]
    fn raw_bytes_are_exact() {
        assert_eq!(parse_raw(r#""NOOP\r\n""#).unwrap(), b"NOOP\r\n");
        assert_eq!(parse_raw(r#""a\t\0\\\"\xFf""#).unwrap(), b"a\t\0\\\"\xff");
        assert_eq!(parse_raw("é \\n").unwrap(), "é \n".as_bytes());
    }

    #[test]
    fn raw_mistakes_are_named() {
        assert_eq!(parse_raw(""), Err(RawError::Empty));
        assert_eq!(parse_raw("\"\""), Err(RawError::Empty));
        assert_eq!(parse_raw("\"NOOP"), Err(RawError::Unclosed));
        assert_eq!(parse_raw("\"NOOP\" x"), Err(RawError::Trailing));
        assert_eq!(parse_raw("\"\\q\""), Err(RawError::Escape("q".to_owned())));
        assert_eq!(parse_raw("\"\\x+1\""), Err(RawError::Escape("x+1".to_owned())));
        assert_eq!(parse_raw("\\"), Err(RawError::Escape(String::new())));
    }
}
