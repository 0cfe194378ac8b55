//! Bytes of the server made safe to show.

pub(super) use crate::wire::escape::visible;

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
    fn long_texts_are_cut_and_say_so() {
        let shown = quoted(&vec![b'x'; 100_000]);
        assert!(shown.ends_with("…\" (100000 bytes in all)"), "{shown}");
        assert!(shown.len() < 300);
    }
}
