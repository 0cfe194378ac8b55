//! Letters and words made alike, of texts and of the phrases that are looked for in them: lower case, no accents,
//! words apart by one separator.
//!
//! `build.rs` folds the phrases with this file, so that it uses nothing of the library.

/// Capitals.
pub const CAPITAL: u8 = 1;
/// Neither letters nor digits of ASCII.
pub const OTHER: u8 = 2;
/// Those of them that addresses, host names and URLs have.
pub const NAME: u8 = 4;
/// The blank, which parts words.
pub const BLANK: u8 = 8;

/// What a byte of a word means for folding it; 0 for one that stays as it is.
pub fn byte_class(byte: u8) -> u8 {
    const CLASSES: [u8; 256] = {
        let mut classes = [OTHER; 256];
        let mut byte = 0;
        while byte < 128 {
            classes[byte as usize] = match byte {
                b'a'..=b'z' | b'0'..=b'9' => 0,
                b'A'..=b'Z' => CAPITAL,
                b'@' | b'.' | b':' => OTHER | NAME,
                b' ' => OTHER | BLANK,
                _ => OTHER,
            };
            byte += 1;
        }
        classes
    };
    CLASSES.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

/// Ends a word with one separator.
pub fn end_word(separator: u8, out: &mut String) {
    if out.as_bytes().last() != Some(&separator) {
        out.push(char::from(separator));
    }
}

/// Appends the letters and digits of `text`; anything else becomes one separator.
pub fn push_folded(text: &str, separator: u8, out: &mut String) {
    let mut rest = text;
    loop {
        // Most of a text stays as it is.
        let plain = rest.bytes().take_while(|byte| byte_class(*byte) == 0).count();
        let (run, after) = rest.split_at_checked(plain).unwrap_or((rest, ""));
        out.push_str(run);
        let mut chars = after.chars();
        match chars.next() {
            None => return,
            Some(letter @ 'A'..='Z') => out.push(letter.to_ascii_lowercase()),
            Some('\'' | '’') if elided(out, separator) => out.push(char::from(separator)),
            Some('\'' | '’' | '´' | '`') => {
                if let Some(behind) = without_possessive(chars.as_str()) {
                    rest = behind;
                    continue;
                }
            }
            Some(other) if other.is_ascii() => end_word(separator, out),
            Some(foreign) => push_foreign(foreign, separator, out),
        }
        rest = chars.as_str();
    }
}

/// Whether the last word is one that French and Italian shorten before a vowel (`l'adresse`, `dell'utente`): what
/// follows is a word of its own then, unlike in `doesn't`.
fn elided(out: &str, separator: u8) -> bool {
    let word = out.rsplit(char::from(separator)).next().unwrap_or_default();
    matches!(
        word,
        "l" | "d" | "n" | "s" | "c" | "j" | "qu" | "un" | "all" | "dall" | "dell" | "nell" | "sull"
    )
}

/// What follows the `s` of a possessive: `recipient's` is one recipient's and must not be read as several recipients.
fn without_possessive(behind: &str) -> Option<&str> {
    behind.strip_prefix(['s', 'S']).filter(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn push_foreign(c: char, separator: u8, out: &mut String) {
    let plain = match c {
        'à'..='å' | 'À'..='Å' | 'ą' | 'Ą' | 'ă' | 'ā' => "a",
        'æ' | 'Æ' => "ae",
        'ç' | 'Ç' | 'ć' | 'Ć' | 'č' | 'Č' => "c",
        'ď' | 'Ď' => "d",
        'è'..='ë' | 'È'..='Ë' | 'ę' | 'Ę' | 'ě' | 'Ě' => "e",
        'ğ' | 'Ğ' => "g",
        'ì'..='ï' | 'Ì'..='Ï' | 'ı' | 'İ' => "i",
        'ł' | 'Ł' => "l",
        'ñ' | 'Ñ' | 'ń' | 'Ń' | 'ň' | 'Ň' => "n",
        'ò'..='ö' | 'ø' | 'Ò'..='Ö' | 'Ø' | 'ő' => "o",
        'ř' | 'Ř' => "r",
        'ś' | 'Ś' | 'š' | 'Š' | 'ş' | 'Ş' => "s",
        'ß' => "ss",
        'ť' | 'Ť' => "t",
        'ù'..='ü' | 'Ù'..='Ü' | 'ů' | 'Ů' | 'ű' => "u",
        'ý' | 'ÿ' | 'Ý' => "y",
        'ź' | 'Ź' | 'ż' | 'Ż' | 'ž' | 'Ž' => "z",
        _ if c.is_alphanumeric() => {
            out.extend(c.to_lowercase());
            return;
        }
        _ => return end_word(separator, out),
    };
    out.push_str(plain);
}

/// A phrase of a table as it is looked for: folded, with the separators that make it whole words. `spam*` is the
/// beginning of a word; `url:example.org` stands for the words of a URL.
#[cfg_attr(not(test), allow(dead_code, reason = "for build.rs and tests"))]
pub fn needle(written: &str) -> String {
    let (separator, phrase) = match written.strip_prefix("url:") {
        Some(rest) => (b'/', rest),
        None => (b' ', written),
    };
    let (open_start, phrase) = phrase.strip_prefix('*').map_or((false, phrase), |rest| (true, rest));
    let (open_end, phrase) = phrase.strip_suffix('*').map_or((false, phrase), |rest| (true, rest));
    let mut out = String::new();
    if !open_start {
        out.push(char::from(separator));
    }
    push_folded(phrase, separator, &mut out);
    if !open_end {
        end_word(separator, &mut out);
    }
    out
}
