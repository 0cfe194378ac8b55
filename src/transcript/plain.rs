//! The common line of a transcript, known at sight.
//!
//! In a long transcript nearly every line is a time with six decimals, an arrow of the wire and text without an
//! escape, spelt as the writer spells it. Here such a line is read where it stands in the buffer, several times as fast
//! as by the rules of [`super::grammar`], which read every other line. They would say the same of this one: a property
//! test below holds both together.

use std::time::Duration;

use super::{Entry, EntryKind, Payload};

/// Reads a line without its end into `entry`, whose buffers are used again. `false`, and nothing done, where it is not
/// of this kind.
pub(super) fn read(line: &[u8], entry: &mut Entry) -> bool {
    let Some((at, rest)) = time(line) else { return false };
    let (arrow, text) = rest.split_at_checked(ARROW).unwrap_or((rest, b""));
    let (is_sent, tls, error) = match arrow {
        b"  -> " => (true, false, false),
        b"  ~> " => (true, true, false),
        b" <-  " => (false, false, false),
        b" <~  " => (false, true, false),
        b" <** " => (false, false, true),
        b" <~* " => (false, true, true),
        _ => return false,
    };
    if !is_plain(text) {
        return false;
    }
    let mut line = match &mut entry.kind {
        EntryKind::Sent { line, .. } | EntryKind::Received { line, .. } => std::mem::take(line),
        _ => Payload::default(),
    };
    line.refill(text);
    entry.at = Some(at);
    entry.kind =
        if is_sent { EntryKind::Sent { tls, line } } else { EntryKind::Received { tls, error, line } };
    true
}

/// A space, the arrow, and a space.
const ARROW: usize = 5;

/// Seconds, a point and six digits.
fn time(line: &[u8]) -> Option<(Duration, &[u8])> {
    let point = line.iter().take(13).position(|byte| *byte == b'.').filter(|at| *at > 0)?;
    let (seconds, rest) = line.split_at_checked(point)?;
    let (micros, rest) = rest.get(1..)?.split_at_checked(6)?;
    let micros = u32::try_from(number(micros)?).ok()?;
    Some((Duration::new(number(seconds)?, micros * 1000), rest))
}

fn number(digits: &[u8]) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(*byte)?))
}

/// Whether every byte stands for itself, found out many bytes at a time.
fn is_plain(text: &[u8]) -> bool {
    text.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~') & !matches!(byte, b'\\' | b'{'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::grammar;
    use super::*;

    /// Says whether the line was known at sight, and that the grammar agrees.
    fn known(line: &[u8], entry: &mut Entry) -> bool {
        let before = entry.clone();
        if !read(line, entry) {
            assert_eq!(*entry, before);
            return false;
        }
        let (left, (at, kind)) = grammar::entry(line).unwrap();
        assert_eq!((left, &*entry), (&b""[..], &Entry { at, kind }), "{}", line.escape_ascii());
        true
    }

    #[test]
    fn what_the_writer_writes_is_known_and_all_else_left_alone() {
        let mut entry = Entry::default();
        for line in [
            "0.000000 <-  220 mx.example.org ESMTP",
            "999999999999.999999  -> NOOP",
            "1.000000  ~>  two blanks and one behind ",
            "1.000000 <~  250 \"quoted\" }",
            "1.000000 <** 554 5.7.1 no",
            "1.000000 <~* ",
            "1.000000  -> ",
        ] {
            assert!(known(line.as_bytes(), &mut entry), "{line}");
        }
        for line in [
            "",
            ".000000  -> a",
            "1000000000000.000000  -> a",
            "1.00000  -> a",
            "1.0000000  -> a",
            "1.00000x  -> a",
            "1  -> a",
            "1.000000 -> a",
            "1.000000 <- a",
            "1.000000 === closed by=server",
            "1.000000  -> a\\n",
            "1.000000  -> {secret sasl=PLAIN}",
            "1.000000  -> gr\u{fc}n",
            "1.000000  -> a\tb",
            "1.000000  -> a\r",
            " -> a",
        ] {
            assert!(!known(line.as_bytes(), &mut entry), "{line}");
        }
    }

    proptest! {
        #[test]
        fn the_grammar_says_the_same(lines in prop::collection::vec(near_lines(), 1..4)) {
            let mut entry = Entry::default();
            for line in lines {
                known(&line, &mut entry);
            }
        }
    }

    /// Lines of this kind with something changed here and there.
    fn near_lines() -> impl Strategy<Value = Vec<u8>> {
        let arrows =
            ["  -> ", "  ~> ", " <-  ", " <~  ", " <** ", " <~* ", " -> ", " <- ", "  ->", " === ", " ### "];
        let line = ("[0-9]{0,13}", "[.,]?[0-9]{5,7}", prop::sample::select(arrows.to_vec()), "[ -~]{0,20}");
        let line =
            line.prop_map(|(whole, rest, arrow, text)| format!("{whole}{rest}{arrow}{text}").into_bytes());
        (line, prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2)).prop_map(
            |(mut line, odd)| {
                for (at, byte) in odd {
                    let at = at.index(line.len());
                    line[at] = byte;
                }
                line
            },
        )
    }
}
