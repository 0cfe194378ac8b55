//! The common entry as JSON, put together at sight.
//!
//! Nearly every entry of a long transcript is a line of the wire that ended in CRLF, all of printable ASCII without a
//! quote or a backslash. Its JSON is the same words around its text each time, so they are copied; all other entries go
//! through the serializer of [`super`]. Both write the same: a property test below holds them together.

use crate::transcript::{Entry, EntryKind, LineEnd, text};

/// Appends the entry as one line of JSON. `false`, and nothing done, where it is not of this kind.
pub(super) fn write(out: &mut Vec<u8>, entry: &Entry) -> bool {
    let (words, line): (&[u8], _) = match &entry.kind {
        EntryKind::Sent { tls: false, line } => (br#""kind":"sent","tls":false,"text":""#, line),
        EntryKind::Sent { tls: true, line } => (br#""kind":"sent","tls":true,"text":""#, line),
        EntryKind::Received { tls, error, line } => {
            let words: &[u8] = match (tls, error) {
                (false, false) => br#""kind":"received","tls":false,"error":false,"text":""#,
                (false, true) => br#""kind":"received","tls":false,"error":true,"text":""#,
                (true, false) => br#""kind":"received","tls":true,"error":false,"text":""#,
                (true, true) => br#""kind":"received","tls":true,"error":true,"text":""#,
            };
            (words, line)
        }
        _ => return false,
    };
    let plain = line.bytes().filter(|bytes| line.ending == LineEnd::CrLf && is_plain(bytes));
    let Some(bytes) = plain else { return false };
    out.push(b'{');
    if let Some(at) = entry.at {
        out.extend_from_slice(br#""at":"#);
        text::write_seconds(out, at);
        // A JSON number has no zeros behind it, but one behind the point.
        while out.ends_with(b"0") && !out.ends_with(b".0") {
            out.pop();
        }
        out.push(b',');
    }
    out.extend_from_slice(words);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\"}\n");
    true
}

/// Whether every byte stands for itself in a string of JSON, found out many bytes at a time.
fn is_plain(text: &[u8]) -> bool {
    text.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~') & !matches!(byte, b'"' | b'\\'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::{EntryJson, line_of};
    use super::*;
    use crate::transcript::Payload;

    proptest! {
        #[test]
        fn the_serializer_says_the_same(
            micros in prop::option::of(prop_oneof![0..2_000_000u64, 0..1u64 << 50]),
            (sent, tls, error) in any::<(bool, bool, bool)>(),
            bytes in prop_oneof!["[ -~]{0,20}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..9)],
            ending in prop::sample::select(vec![LineEnd::CrLf, LineEnd::CrLf, LineEnd::Lf, LineEnd::None]),
        ) {
            let line = Payload::from_bytes(bytes).with_ending(ending);
            let kind = if sent { EntryKind::Sent { tls, line } } else { EntryKind::Received { tls, error, line } };
            let entry = Entry { at: micros.map(Duration::from_micros), kind };
            let mut out = Vec::new();
            if !write(&mut out, &entry) {
                prop_assert_eq!(out, b"");
                return Ok(());
            }
            let (one, other) = (String::from_utf8(out).unwrap(), line_of(&EntryJson(&entry)));
            let read = |json: &str| serde_json::from_str::<Value>(json).unwrap();
            prop_assert_eq!(read(&one), read(&other));
            // Only a small time may be spelt otherwise, as the serializer turns to exponents.
            prop_assert!(one.trim_end() == other || other.contains("e-"), "{one}{other}");
        }
    }
}
