//! A secret in the spellings that programs give to text: as it is, in other case, escaped for a string, a URL or HTML, or
//! cut off.

/// How much of a secret that is cut off still counts: three quarters, and at least so many bytes.
const LEAST_OF_CUT: usize = 6;

/// More ways to read the escapes of one text than this, for each byte of the secret, are not followed.
const WAYS: usize = 8;

/// Backslashes before one character: text that was escaped four times has so many.
const DEPTH: usize = 15;

/// Where the secret stands first in a text, of the places that count, and how long it is there.
pub(super) fn find_where(
    text: &[u8],
    secret: &[u8],
    counts: impl Fn(usize, usize) -> bool,
) -> Option<(usize, usize)> {
    let first = secret.first()?;
    let begins =
        |byte: u8| byte.eq_ignore_ascii_case(first) || matches!(byte, b'\\' | b'%' | b'&' | b'=' | b'+');
    let starts = text.iter().enumerate().filter(|(_, byte)| begins(**byte)).map(|(at, _)| at);
    let found = starts.filter_map(|at| Some((at, length(text.get(at..)?, secret)?)));
    found.into_iter().find(|(at, length)| counts(*at, *length))
}

/// The length of the secret as the text that begins with it has it; nothing where it does not begin so.
fn length(text: &[u8], secret: &[u8]) -> Option<usize> {
    let (mut open, mut furthest) = (vec![(0, 0)], (0, 0));
    for _ in 0..secret.len().saturating_add(1).saturating_mul(WAYS) {
        let Some((done, at)) = open.pop() else { break };
        if done == secret.len() {
            return Some(at);
        }
        furthest = furthest.max((done, at));
        let (text, rest) = (text.get(at..)?, secret.get(done..)?);
        open.extend(units(text, rest).map(|(bytes, length)| (done + bytes, at + length)));
    }
    let (done, at) = furthest;
    let enough = done >= LEAST_OF_CUT && done * 4 >= secret.len() * 3;
    (enough && is_cut(text.get(at..)?)).then_some(at)
}

/// Whether a text ends here, or says that it was cut off.
fn is_cut(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii_end();
    // Mostly what is cut off is quoted.
    let ends = rest.first().is_none_or(|byte| b"\"'`)]>}*".contains(byte));
    ends || [b"..".as_slice(), b"[...]", "…".as_bytes()].iter().any(|mark| rest.starts_with(mark))
}

/// The ways in which a text can begin with the next bytes of the secret: how many bytes, and how long they are in it. The
/// likeliest is last.
fn units(text: &[u8], secret: &[u8]) -> impl Iterator<Item = (usize, usize)> + use<> {
    let (wanted, byte) = (secret.first().copied(), text.first().copied());
    let escaped = match byte {
        Some(b'\\') => backslash(text, secret),
        Some(b'%' | b'=' | b'+') => hex_byte(text.get(1..3), wanted).map(|()| (1, 3)),
        Some(b'&') => reference(text, secret),
        _ => None,
    };
    let as_it_is = match (byte, wanted) {
        (Some(b'+'), Some(b' ')) => Some((1, 1)),
        (Some(byte), Some(wanted)) if byte.eq_ignore_ascii_case(&wanted) => Some((1, 1)),
        _ => None,
    };
    let twice = (wanted == Some(b'\\') && text.starts_with(br"\\\\")).then_some((1, 4));
    twice.into_iter().chain(escaped).chain(as_it_is)
}

/// `\"`, `\x22`, `\042`, `\u0022`, `\U00000022`, `\u{22}`; and backslashes before backslashes, where text was escaped twice.
fn backslash(text: &[u8], secret: &[u8]) -> Option<(usize, usize)> {
    let slashes = text.iter().take(DEPTH).take_while(|byte| **byte == b'\\').count();
    let (wanted, behind) = (secret.first().copied()?, text.get(slashes..)?);
    let character = |digits: usize, from: usize| {
        let digits = behind.get(from..from + digits)?;
        Some((starts_with(secret, number(digits, 16)?)?, slashes + from + digits.len()))
    };
    match behind.first() {
        Some(b'x') if character(2, 1).is_some() => return character(2, 1),
        Some(b'u') if behind.get(1) == Some(&b'{') => {
            let digits = behind.get(2..)?.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let closed = behind.get(2 + digits) == Some(&b'}');
            if let Some((bytes, length)) = character(digits, 2).filter(|_| closed) {
                return Some((bytes, length + 1));
            }
        }
        Some(b'u') => {
            if let Some(found) = character(4, 1).or_else(|| surrogates(behind, secret, slashes)) {
                return Some(found);
            }
        }
        Some(b'U') if character(8, 1).is_some() => return character(8, 1),
        Some(b'0'..=b'3') => {
            let octal = behind.get(..3).and_then(|digits| number(digits, 8));
            if octal == Some(u32::from(wanted)) {
                return Some((1, slashes + 3));
            }
        }
        _ => {}
    }
    match behind.first() {
        _ if wanted == b'\\' => Some((1, slashes.min(2))),
        Some(byte) if *byte == wanted && !byte.is_ascii_alphanumeric() => Some((1, slashes + 1)),
        _ => None,
    }
}

/// `\ud83d\ude00`: two halves of UTF-16.
fn surrogates(behind: &[u8], secret: &[u8], slashes: usize) -> Option<(usize, usize)> {
    let high = number(behind.get(1..5)?, 16).filter(|half| (0xd800..0xdc00).contains(half))?;
    let rest = behind.get(5..)?;
    let again = rest.iter().take_while(|byte| **byte == b'\\').count();
    let rest = rest.get(again..)?.strip_prefix(b"u")?;
    let low = number(rest.get(..4)?, 16).filter(|half| (0xdc00..0xe000).contains(half))?;
    let bytes = starts_with(secret, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?;
    Some((bytes, slashes + 5 + again + 5))
}

/// `&amp;`, `&#34;`, `&#x22;`
fn reference(text: &[u8], secret: &[u8]) -> Option<(usize, usize)> {
    let name = text.get(1..)?.iter().take(10).position(|byte| *byte == b';')?;
    let code = match text.get(1..=name)? {
        b"amp" => u32::from(b'&'),
        b"lt" => u32::from(b'<'),
        b"gt" => u32::from(b'>'),
        b"quot" => u32::from(b'"'),
        b"apos" => u32::from(b'\''),
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        _ => return None,
    };
    Some((starts_with(secret, code)?, name + 2))
}

fn hex_byte(digits: Option<&[u8]>, wanted: Option<u8>) -> Option<()> {
    (number(digits?, 16)? == u32::from(wanted?)).then_some(())
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u32::from_str_radix(digits, radix).ok()
}

/// How many bytes of the secret this character is, if it begins with it: in UTF-8, or the byte of that number.
fn starts_with(secret: &[u8], code: u32) -> Option<usize> {
    let mut room = [0; 4];
    let utf8 = char::from_u32(code)?.encode_utf8(&mut room);
    if secret.starts_with(utf8.as_bytes()) {
        return Some(utf8.len());
    }
    secret.first().is_some_and(|byte| u32::from(*byte) == code).then_some(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::find_where;

    fn find(text: &[u8], secret: &[u8]) -> Option<(usize, usize)> {
        find_where(text, secret, |_, _| true)
    }

    const SECRET: &str = "P@ss \"w'rd&<x>é/+\\Z😀";

    #[test]
    fn escapes_of_strings_urls_and_html_are_undone() {
        for spelt in [
            SECRET,
            "p@SS \"W'RD&<x>é/+\\z😀",
            r#"P@ss \"w'rd&<x>é/+\\Z😀"#,
            r#"P@ss \"w'rd&<x>\u00e9/+\\Z\ud83d\ude00"#,
            r#"P@ss \"w'rd\u0026\u003cx\u003e\u00E9\/+\\Z\uD83D\uDE00"#,
            r#"P@ss \"w\'rd&<x>\xe9/+\\Z\U0001f600"#,
            r#"P@ss \"w\'rd&<x>\xc3\xa9/+\\Z\xf0\x9f\x98\x80"#,
            r#"P@ss \\\"w'rd&<x>\\u00e9/+\\\\Z\\ud83d\\ude00"#,
            r#"P@ss \042w'rd&<x>\303\251/+\134Z\360\237\230\200"#,
            r#"P@ss "w'rd&<x>\u{e9}/+\\Z\u{1f600}"#,
            "P@ss &quot;w&#x27;rd&amp;&lt;x&gt;é/+\\Z😀",
            "P@ss &#34;w&#39;rd&amp;&lt;x&gt;&#233;/+&#92;Z&#128512;",
            "P%40ss%20%22w%27rd%26%3Cx%3E%C3%A9/%2B%5CZ%F0%9F%98%80",
            "P%40ss+%22w%27rd%26%3cx%3e%c3%a9%2f%2b%5cZ%f0%9f%98%80",
            "%50%40%73%73%20%22%77%27%72%64%26%3C%78%3E%C3%A9%2F%2B%5C%5A%F0%9F%98%80",
            "P@ss+20\"w'rd&<x>+C3+A9/+2B\\Z+F0+9F+98+80",
            "P@ss \"w'rd&<x>=C3=A9/+\\Z=F0=9F=98=80",
        ] {
            let text = format!("535 <{spelt}> no");
            assert_eq!(find(text.as_bytes(), SECRET.as_bytes()), Some((5, spelt.len())), "{spelt}");
        }
    }

    #[test]
    fn a_backslash_before_a_letter_is_not_always_an_escape() {
        let secret = r"p\x41ss\n\u12\0";
        for spelt in [secret.to_owned(), secret.replace('\\', r"\\")] {
            assert_eq!(find(spelt.as_bytes(), secret.as_bytes()), Some((0, spelt.len())), "{spelt}");
        }
    }

    #[test]
    fn what_is_cut_off_counts_where_most_of_it_is_there() {
        let found = |text: &str| find(text.as_bytes(), b"Hunter2Pass");
        assert_eq!(found("no: Hunter2Pas"), Some((4, 10)));
        assert_eq!(found("no: Hunter2Pa... try again"), Some((4, 9)));
        assert_eq!(found("no: Hunter2Pa…\r\n"), Some((4, 9)));
        assert_eq!(found("no: \"Hunter2Pa\""), Some((5, 9)));
        assert_eq!(found("no (Hunter2Pas)"), Some((4, 10)));
        assert_eq!(found("Hunter2Pa is not it"), None);
        assert_eq!(found("no: Hunter"), None);
    }

    #[test]
    fn escapes_without_end_are_given_up() {
        let (text, secret) = ("\\".repeat(20_000), "\\".repeat(30));
        assert_eq!(find(format!("{text} ").as_bytes(), format!("{secret}xxxxxxxxxxxx").as_bytes()), None);
    }

    proptest! {
        #[test]
        fn nothing_is_found_beyond_the_text(text in r#"[\\ux0-9%&#;=+a"]{0,40}"#, secret in r#"[\\"a&0+]{4,8}"#) {
            if let Some((at, length)) = find(text.as_bytes(), secret.as_bytes()) {
                prop_assert!(length > 0 && at + length <= text.len());
            }
        }

        #[test]
        fn a_secret_as_it_is_is_always_found(before in ".{0,9}", secret in ".{4,12}", after in ".{0,9}") {
            let text = format!("{before}{secret}{after}");
            prop_assert!(find(text.as_bytes(), secret.as_bytes()).is_some());
        }
    }
}
