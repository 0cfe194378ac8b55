//! Bytes from outside made safe to show: on a terminal, in an export, in an error.

use std::borrow::Cow;
use std::fmt::Write;

/// The bytes as text in which nothing can move the cursor, hide, or turn its reading direction.
///
/// Printable UTF-8 stays as it is; a backslash is doubled; all else becomes `\xHH` or `\u{HEX}`.
pub fn visible(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    visible_into(bytes, &mut out);
    out
}

/// Appends what [`visible`] makes.
pub fn visible_into(bytes: &[u8], out: &mut String) {
    if is_plain_ascii(bytes) && !bytes.contains(&b'\\') {
        out.extend(std::str::from_utf8(bytes));
        return;
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_visible(out, character);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

fn push_visible(out: &mut String, character: char) {
    match character {
        '\\' => out.push_str("\\\\"),
        ' '..='~' => out.push(character),
        _ if character.is_ascii() => {
            let _ = write!(out, "\\x{:02x}", u32::from(character));
        }
        _ if is_harmless(character) => out.push(character),
        _ => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        }
    }
}

/// Whether a character outside ASCII shows itself and nothing else: no controls, no separators of lines, no
/// bidirectional or invisible formatting, no tags, no private use, no variation selectors.
pub fn is_harmless(character: char) -> bool {
    let code = u32::from(character);
    let hidden = character.is_control()
        || matches!(code,
            0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFEFF
            | 0xFFA0 | 0xFFF0..=0xFFFF | 0xE0000..=0x10FFFF);
    !hidden
}

/// Whether there is nothing but printable ASCII in it, found out many bytes at a time.
pub fn is_plain_ascii(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

/// The text with every character escaped that does more than show itself; backslashes stay single. For text of
/// our own into which something from outside may have slipped.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if is_plain_ascii(text.as_bytes()) || text.chars().all(|c| matches!(c, ' '..='~') || is_harmless(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if character == '\\' { out.push(character) } else { push_visible(&mut out, character) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_gets_through() {
        let hostile = b"\x1b]0;title\x07 \0 \xff \xe2\x80\xae abc\r\n\xc2\x9b31m \\";
        let shown = visible(hostile);
        assert!(shown.chars().all(is_harmless), "{shown:?}");
        assert_eq!(shown, r"\x1b]0;title\x07 \x00 \xff \u{202e} abc\x0d\x0a\u{9b}31m \\");
    }

    #[test]
    fn what_slipped_in_is_caught() {
        assert!(matches!(harmless(r"/raw \r\n – ok"), Cow::Borrowed(_)));
        assert_eq!(harmless("a\u{1b}[2J\u{202e}\\"), r"a\x1b[2J\u{202e}\");
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(visible("Grüße, 世界 250 ok".as_bytes()), "Grüße, 世界 250 ok");
    }
}
