//! Bytes of the server made safe to show.

use std::fmt::Write;

/// The bytes as text in which nothing can move the cursor, hide, or turn its reading direction.
///
/// Printable UTF-8 stays as it is; a backslash is doubled; all else becomes `\xHH` or `\u{HEX}`.
pub fn visible(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_visible(&mut out, character);
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
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
fn is_harmless(character: char) -> bool {
    let code = u32::from(character);
    let hidden = character.is_control()
        || matches!(code,
            0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
            | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFEFF
            | 0xFFA0 | 0xFFF0..=0xFFFF | 0xE0000..=0x10FFFF);
    !hidden
}

/// The longest text of a server that is quoted inside a sentence, in characters.
const QUOTE_LIMIT: usize = 200;

/// [`visible`], in quotes and cut to a length that fits a sentence.
pub(super) fn quoted(bytes: &[u8]) -> String {
    // Four bytes at most make one character, so this keeps the work small for a challenge of megabytes.
    let head = bytes.get(..QUOTE_LIMIT * 4).unwrap_or(bytes);
    let shown = visible(head);
    match shown.char_indices().nth(QUOTE_LIMIT) {
        Some((end, _)) => format!("\"{}…\" ({} bytes in all)", shown.get(..end).unwrap_or(""), bytes.len()),
        None => format!("\"{shown}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_passes() {
        let hostile = "a\x1b]0;t\x07\u{202e}\u{200b}\u{9b}é\\".as_bytes();
        assert_eq!(visible(hostile), r"a\x1b]0;t\x07\u{202e}\u{200b}\u{9b}é\\");
        assert_eq!(visible(b"\xff\r\n"), r"\xff\x0d\x0a");
    }

    #[test]
    fn long_texts_are_cut_and_say_so() {
        let shown = quoted(&vec![b'x'; 100_000]);
        assert!(shown.ends_with("…\" (100000 bytes in all)"), "{shown}");
        assert!(shown.len() < 300);
    }
}
