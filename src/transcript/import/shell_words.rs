//! Words as shells and programs read them: in quotes, with escapes, put together of pieces.

use std::ops::Range;

use zeroize::Zeroizing;

/// No longer word is read to its end: it goes on to the end of the text.
const LONGEST: usize = 8192;

/// What may stand behind a word in quotes that ends there, besides space.
const BEHIND: [char; 9] = [')', ']', '}', ',', ';', '|', '&', '>', '<'];

/// A word.
pub(super) struct Word {
    /// Where it stands; without its quotes, where it is of one piece.
    pub range: Range<usize>,
    /// Where it ends with its quotes.
    pub end: usize,
    /// What it says.
    text: Zeroizing<String>,
    /// It begins with a quote.
    pub is_quoted: bool,
}

impl Word {
    /// A word without quotes and escapes; none if it is empty.
    pub fn plain(text: &str, range: Range<usize>) -> Option<Word> {
        let said = Zeroizing::new(text.get(range.clone())?.to_owned());
        let end = range.end;
        (!said.is_empty()).then_some(Word { range, end, text: said, is_quoted: false })
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The rest of it behind a mark; none if there is no mark, or nothing behind it.
    pub fn behind(self, whole: &str, mark: &str) -> Option<Word> {
        let said = self.text.split_once(mark)?.1;
        let begin = self.range.start + whole.get(self.range.clone())?.find(mark)? + mark.len();
        let text = Zeroizing::new(said.to_owned());
        (!text.is_empty()).then_some(Word { range: begin..self.range.end, text, ..self })
    }
}

/// The word that begins at a place in a text; none if it is empty.
pub(super) fn word_at(text: &str, begin: usize) -> Option<Word> {
    let rest = text.get(begin..)?;
    // `$'…'` of a shell.
    let begin = begin + usize::from(rest.starts_with("$'") || rest.starts_with("$\""));
    let rest = text.get(begin..)?;
    let mut said = Zeroizing::new(String::with_capacity(rest.len().min(LONGEST + 4)));
    let (mut quote, mut quotes, mut closed, mut end) = (None, 0, false, rest.len());
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        let ends = c.is_whitespace() || closed && BEHIND.contains(&c);
        if quote.is_none() && ends {
            end = at;
            break;
        }
        if said.len() >= LONGEST {
            break;
        }
        closed = false;
        match quote {
            None if matches!(c, '\'' | '"') => {
                quote = Some(c);
                quotes += 1;
            }
            None if c == '\\' => said.extend(chars.next().map(|(_, c)| c)),
            Some(open) if c == open => {
                quote = None;
                closed = true;
            }
            Some(open) if c == '\\' && escapes(open, chars.as_str()) => {
                said.extend(chars.next().map(|(_, c)| c));
            }
            _ => said.push(c),
        }
    }
    let is_quoted = rest.starts_with(['\'', '"']);
    let range = match is_quoted && quotes == 1 && (closed || quote.is_some()) {
        true => begin + 1..begin + end - usize::from(closed),
        false => begin..begin + end,
    };
    if !is_quoted {
        // It ends a sentence, or a part of one.
        let length = said.trim_end_matches([',', ';', ')']).len();
        said.truncate(length);
    }
    (!said.is_empty()).then_some(Word { range, end: begin + end, text: said, is_quoted })
}

/// Whether a backslash before `rest` takes the meaning from what follows. Within single quotes it does so in programs but
/// not in shells, where the quote that follows ends the piece.
fn escapes(quote: char, rest: &str) -> bool {
    let mut next = rest.chars();
    match next.next() {
        Some('\\') => quote == '"',
        Some(c) if c == quote => {
            quote == '"' || next.next().is_some_and(|c| !c.is_whitespace() && !BEHIND.contains(&c))
        }
        Some('$' | '`') => quote == '"',
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_shells_and_programs_do() {
        for (text, range, said) in [
            ("one two", "one", "one"),
            ("'one two' three", "one two", "one two"),
            ("'a'\\''b' c", "'a'\\''b'", "a'b"),
            ("'a\\'b', c", "a\\'b", "a'b"),
            ("'a\\', c", "a\\", "a\\"),
            ("\"a\\\"b\\0\");", "a\\\"b\\0", "a\"b\\0"),
            ("a\\ b c", "a\\ b", "a b"),
            ("$'a b'", "a b", "a b"),
            ("'never closed", "never closed", "never closed"),
            ("a\"b c\"d e", "a\"b c\"d", "ab cd"),
            ("secret);", "secret);", "secret"),
        ] {
            let word = word_at(text, 0).unwrap();
            assert_eq!((&text[word.range.clone()], word.text()), (range, said), "{text}");
        }
        assert!(word_at("'' x", 0).is_none() && word_at("", 0).is_none() && word_at("a", 9).is_none());
        let long = format!("'{}' end", "a".repeat(2 * LONGEST));
        assert_eq!(word_at(&long, 0).unwrap().end, long.len());
    }

    #[test]
    fn the_rest_behind_a_mark_is_a_word() {
        let text = "'alice:se:cret'";
        let word = word_at(text, 0).unwrap().behind(text, ":").unwrap();
        assert_eq!((&text[word.range.clone()], word.text()), ("se:cret", "se:cret"));
        assert!(word_at("alice:", 0).unwrap().behind("alice:", ":").is_none());
    }
}
