//! Texts in UTF-16, as PowerShell's `>` writes what another tool printed.

/// The text in UTF-8 where its first two bytes say that it is in UTF-16; else as it is. What is no character becomes U+FFFD.
pub(super) fn decoded(text: Vec<u8>) -> Vec<u8> {
    let unit: fn([u8; 2]) -> u16 = match text.as_slice() {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return text,
    };
    let (pairs, _) = text.as_chunks::<2>();
    let units = pairs.iter().skip(1).map(|pair| unit(*pair));
    let decoded = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
    decoded.collect::<String>().into_bytes()
}
