//! Keys, from the bytes that a terminal sends for them.

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// Enter.
    Enter,
    /// Escape alone.
    Escape,
    /// Backspace, or delete.
    Backspace,
    /// Ctrl-C or Ctrl-D.
    Interrupt,
}

/// The keys in bytes that came in one read. Sequences of other keys are passed over.
pub fn keys(bytes: &[u8]) -> Vec<Key> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut chars = text.chars().peekable();
    let mut out = Vec::new();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\x1b' if matches!(chars.peek(), Some('[' | 'O')) => {
                chars.next();
                match chars.find(|c| matches!(c, '@'..='~')) {
                    Some('C') => Key::Right,
                    Some('D') => Key::Left,
                    _ => continue,
                }
            }
            '\x1b' => Key::Escape,
            '\r' | '\n' => Key::Enter,
            '\x08' | '\x7f' => Key::Backspace,
            '\x03' | '\x04' => Key::Interrupt,
            c if c.is_control() => continue,
            c => Key::Char(c),
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_are_told_from_escape() {
        let found = keys(b"a\x1b[C\x1bOD\x1b[3~\x1b[1;5Cq\x1b\r\x7f\x03");
        let expected = [Key::Char('a'), Key::Right, Key::Left, Key::Right, Key::Char('q'), Key::Escape];
        assert_eq!(found.get(..6), Some(&expected[..]));
        assert_eq!(found.get(6..), Some(&[Key::Enter, Key::Backspace, Key::Interrupt][..]));
        assert_eq!(keys("é".as_bytes()), [Key::Char('é')]);
    }
}
