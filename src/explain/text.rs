//! A reply's text made ready: for showing, and for matching.

use super::fold::{BLANK, NAME, OTHER, byte_class, end_word, push_folded};
use crate::wire::{EnhancedCode, Reply, escape};

/// What was heard, in the forms that the engine needs.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The reply code.
    pub code: Option<u16>,
    /// The enhanced code, wherever in the text it stands.
    pub enhanced: Option<EnhancedCode>,
    /// Whether it stands where RFC 2034 wants it: at the start.
    pub enhanced_in_place: bool,
    /// All texts as one line, escaped, without the enhanced codes that begin lines.
    pub said: String,
    /// The text for matching; see [`fold`].
    pub folded: String,
    /// URLs that stand in the text.
    pub urls: Vec<String>,
}

/// More text than this in one reply is not looked at.
const ENOUGH: usize = 16 * 1024;

impl Heard {
    /// The first digit of the code, or where there is none, of the enhanced code; or 0.
    pub fn class(&self) -> u16 {
        let enhanced = || self.enhanced.map(|enhanced| u16::from(enhanced.class));
        self.code.map(|code| code / 100).or_else(enhanced).unwrap_or(0)
    }

    /// Reads a reply.
    pub fn of(reply: &Reply) -> Heard {
        let mut heard = Heard { code: reply.code().map(|c| c.0), ..Heard::default() };
        heard.said.reserve(reply.bytes().len().min(ENOUGH));
        for line in reply.lines() {
            let mut text = line.text().trim_ascii();
            if let Some((code, length)) = leading_enhanced(text) {
                if heard.enhanced.is_none() {
                    (heard.enhanced, heard.enhanced_in_place) = (Some(code), true);
                }
                text = text.get(length..).unwrap_or_default().trim_ascii_start();
            }
            if !heard.said.is_empty() && !text.is_empty() {
                heard.said.push(' ');
            }
            push_visible(&mut heard.said, text);
            if heard.said.len() > ENOUGH {
                break;
            }
        }
        if heard.enhanced.is_none() {
            heard.enhanced = inner_enhanced(heard.said.as_bytes());
        }
        heard.folded = fold(&heard.said, &mut heard.urls);
        heard
    }
}

/// The first mail address in angle brackets, if it is a plain one.
pub(crate) fn address_in(said: &str) -> Option<&str> {
    in_brackets(said).next().filter(|address| is_plain(address))
}

/// All plain mail addresses in angle brackets.
pub(crate) fn addresses_in(said: &str) -> impl Iterator<Item = &str> {
    in_brackets(said).filter(|address| is_plain(address))
}

fn in_brackets(said: &str) -> impl Iterator<Item = &str> {
    let mut rest = said;
    std::iter::from_fn(move || {
        let from = rest.get(memchr::memchr(b'<', rest.as_bytes())? + 1..)?;
        let (inside, behind) = from.split_at_checked(memchr::memchr(b'>', from.as_bytes())?)?;
        rest = behind;
        Some(inside)
    })
}

/// Whether an address may become part of a command that somebody copies to a shell, so that nothing but letters, digits
/// and a few marks will do.
fn is_plain(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let plain = address.bytes().all(|b| b.is_ascii_alphanumeric() || b"@._+-=".contains(&b));
    let named = domain.contains('.') && !domain.starts_with(['-', '.']) && !local.contains('@');
    plain && named && !local.is_empty() && !local.starts_with('-')
}

/// The domain that mail is said to come from: `mail from example.com`, `email from example.com`.
pub(crate) fn domain_in(said: &str) -> Option<&str> {
    let (mut before, mut last) = ("", "");
    let named = said.split_ascii_whitespace().find(|word| {
        let found = last.eq_ignore_ascii_case("from") && before.to_ascii_lowercase().ends_with("mail");
        (before, last) = (last, word);
        found
    });
    named.map(|word| word.trim_end_matches(['.', ',', ';', ':', ')'])).filter(|word| is_host_name(word))
}

/// Whether a word is the full name of a host or domain.
pub(crate) fn is_host_name(word: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let top = word.rsplit_once('.').map(|(_, top)| top);
    top.is_some_and(|top| top.len() > 1 && top.bytes().all(|b| b.is_ascii_alphabetic()))
        && word.split('.').all(part)
}

fn push_visible(out: &mut String, text: &[u8]) {
    // Without a way out in between, compilers look at many bytes at once.
    let plain = text.iter().fold(true, |plain, b| plain & matches!(b, b' '..=b'~') & (*b != b'\\'));
    match std::str::from_utf8(text) {
        Ok(text) if plain => out.push_str(text),
        _ => out.push_str(&escape::visible(text).replace("\\x09", " ")),
    }
}

/// An enhanced code at the start of a text, and how many bytes it takes. A `#` before it is common.
fn leading_enhanced(text: &[u8]) -> Option<(EnhancedCode, usize)> {
    let hash = usize::from(text.first() == Some(&b'#'));
    let (code, length) = enhanced_at(text.get(hash..)?)?;
    let next = text.get(hash + length);
    matches!(next, None | Some(b' ' | b'-' | b':' | b';' | b',')).then_some((code, hash + length))
}

/// Reads `5.7.1` at the start of `text`.
pub(crate) fn enhanced_at(text: &[u8]) -> Option<(EnhancedCode, usize)> {
    let class = match text.first()? {
        digit @ (b'2' | b'4' | b'5') => digit - b'0',
        _ => return None,
    };
    let mut at = 1;
    let mut numbers = [0u16; 2];
    for number in &mut numbers {
        if text.get(at) != Some(&b'.') {
            return None;
        }
        at += 1;
        let digits = text.get(at..)?.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || digits > 3 {
            return None;
        }
        *number = text.get(at..at + digits)?.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
        at += digits;
    }
    let [subject, detail] = numbers;
    let glued = text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_digit);
    (!glued && !text.get(at).is_some_and(u8::is_ascii_alphanumeric))
        .then_some((EnhancedCode { class, subject, detail }, at))
}

/// An enhanced code inside the text: `(#5.7.1)`, `[5.7.1]` or a word of its own. Version numbers look alike, so
/// only those that begin a word count, and details of more than one digit only when marked.
fn inner_enhanced(text: &[u8]) -> Option<EnhancedCode> {
    for at in memchr::memchr2_iter(b'4', b'5', text) {
        let previous = at.checked_sub(1).and_then(|before| text.get(before)).copied().unwrap_or(b' ');
        let marked = matches!(previous, b'#' | b'(' | b'[');
        if (marked || previous == b' ')
            && let Some((code, _)) = enhanced_at(text.get(at..).unwrap_or_default())
            && (marked || (code.subject < 8 && code.detail < 100))
        {
            return Some(code);
        }
    }
    None
}

/// Folds a text for matching: lower case, accents dropped, words apart by one blank, a blank at either end.
///
/// What is the server's data and not its wording is put out of the way of phrases: an address becomes
/// `anaddress`, an IP address `anip`, a host name `ahost`. The words of host names and URLs are apart by slashes,
/// so that they match only phrases that ask for them. URLs found are added to `urls`.
pub(crate) fn fold(text: &str, urls: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    out.push(' ');
    let mut rest = text;
    loop {
        let (plain, after) = rest.split_at_checked(plain_words(rest.as_bytes())).unwrap_or(("", rest));
        push_lower(plain, &mut out);
        let (mut holds, mut length) = (0, 0);
        for byte in after.bytes().take_while(|byte| *byte != b' ') {
            holds |= byte_class(byte);
            length += 1;
        }
        let (word, after) = after.split_at_checked(length).unwrap_or((after, ""));
        fold_word(word, holds, &mut out, urls);
        end_word(b' ', &mut out);
        match after.get(1..) {
            Some(next) => rest = next,
            None => return out,
        }
    }
}

/// How many bytes the words at the start of a text take, with the blank behind each, that need no more than to be put in
/// lower case. Most words of a reply are such.
fn plain_words(text: &[u8]) -> usize {
    let mut length = 0;
    for (place, byte) in text.iter().enumerate() {
        let class = byte_class(*byte);
        if class & OTHER != 0 {
            // The second of two blanks ends nothing.
            if class & BLANK == 0 || place == length {
                break;
            }
            length = place + 1;
        }
    }
    length
}

fn push_lower(words: &str, out: &mut String) {
    let start = out.len();
    out.push_str(words);
    out.get_mut(start..).into_iter().for_each(str::make_ascii_lowercase);
}

/// `holds` is what the classes of its bytes come to.
fn fold_word(word: &str, holds: u8, out: &mut String, urls: &mut Vec<String>) {
    let bytes = word.as_bytes();
    if holds & OTHER == 0 {
        return push_lower(word, out);
    }
    if holds & NAME == 0 {
        return push_folded(word, b' ', out);
    }
    if let Some(at) = url_start(word) {
        let url = word.get(at..).unwrap_or_default();
        let url = url.trim_end_matches(['>', ')', ']', '.', ',', ';', '"', '\'', '!']);
        if urls.len() < 8 && !urls.iter().any(|u| u == url) {
            urls.push(url.to_owned());
        }
        push_folded(word.get(..at).unwrap_or_default(), b' ', out);
        push_apart(url, out);
    } else if bytes.contains(&b'@') {
        out.push_str("anaddress ");
        // What is glued behind it (`<a@b>:`, `a@b...User`) is kept.
        let after = word.rfind("...").map(|at| at + 3).or_else(|| word.rfind(['>', ':']));
        push_folded(after.and_then(|at| word.get(at..)).unwrap_or_default(), b' ', out);
    } else {
        match data_kind(word.trim_matches(|c: char| !c.is_ascii_alphanumeric())) {
            Some("ahost") => {
                push_apart(word, out);
                out.push_str(" ahost ");
            }
            Some(kind) => {
                out.push_str(kind);
                out.push(' ');
            }
            None => push_folded(word, b' ', out),
        }
    }
}

/// The words of a host name or URL, apart by slashes.
fn push_apart(text: &str, out: &mut String) {
    out.push('/');
    push_folded(text, b'/', out);
    end_word(b'/', out);
}

/// Whether a word is an IP address or a host name.
fn data_kind(word: &str) -> Option<&'static str> {
    let bytes = word.as_bytes();
    let first = word.split(['[', '(', ':', '/']).next().unwrap_or_default();
    if first.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return (first.bytes().filter(|b| *b == b'.').count() == 3).then_some("anip");
    }
    if bytes.iter().filter(|b| **b == b':').count() > 2
        && bytes.iter().all(|b| b.is_ascii_hexdigit() || *b == b':')
    {
        return Some("anip");
    }
    let top = first.rsplit_once('.').filter(|(before, _)| !before.is_empty() && !before.ends_with('.'))?.1;
    let named = first.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    (named && (2..=6).contains(&top.len()) && top.bytes().all(|b| b.is_ascii_alphabetic())).then_some("ahost")
}

fn url_start(word: &str) -> Option<usize> {
    let colon = |at: &usize| word.get(*at..).is_some_and(|rest| rest.starts_with("://"));
    let head = word.get(..memchr::memchr_iter(b':', word.as_bytes()).find(colon)?)?;
    [head.len().checked_sub(5), head.len().checked_sub(4)].into_iter().flatten().find(|start| {
        head.get(*start..).is_some_and(|s| s.eq_ignore_ascii_case("https") || s.eq_ignore_ascii_case("http"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        fold(text, &mut Vec::new())
    }

    #[test]
    fn folding_keeps_words_and_drops_addresses() {
        assert_eq!(folded("User_Unknown: doesn't EXIST"), " user unknown doesnt exist ");
        assert_eq!(folded("<spam@example.org>... No such user"), " anaddress no such user ");
        assert_eq!(folded("<bob@example.net>: Relay access denied"), " anaddress relay access denied ");
        assert_eq!(folded("<mx.spam.org[192.0.2.1]>: no"), " /mx/spam/org/192/0/2/1/ ahost no ");
        assert_eq!(
            folded("[192.0.2.1] RESOLVER.ADR.RecipientNotFound;"),
            " anip resolver adr recipientnotfound "
        );
        assert_eq!(folded("Usuário Inválido"), " usuario invalido ");
        assert_eq!(
            folded("the recipient's inbox, users' mail; isn't"),
            " the recipient inbox users mail isnt "
        );
        assert_eq!(folded("L'adresse n’existe pas; dell'utente"), " l adresse n existe pas dell utente ");
    }

    #[test]
    fn words_are_apart_by_one_blank() {
        assert_eq!(folded("Mailbox  IS full"), " mailbox is full ");
        assert_eq!(folded("  No   such USER  (here) at  all "), " no such user here at all ");
        assert_eq!(folded("To bob@example.net  it IS"), " to anaddress it is ");
        assert_eq!((folded(""), folded("  ")), (" ".to_owned(), " ".to_owned()));
    }

    #[test]
    fn only_plain_addresses_are_taken_from_a_reply() {
        assert_eq!(address_in("<bob@example.net>: no"), Some("bob@example.net"));
        for bad in ["<a@b.c;rm>", "<a@$(id).org>", "<a@-x.org>", "<@b.org>", "<a@b>", "<a b@c.org>"] {
            assert_eq!(address_in(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_domain_that_mail_comes_from_is_found() {
        for (said, domain) in [
            ("Unauthenticated email from example.com is not accepted", Some("example.com")),
            ("we take no mail from example.org.", Some("example.org")),
            ("mail from 192.0.2.1 refused", None),
            ("MAIL FROM:<a@b.example> first", None),
            ("a message from example.com", None),
        ] {
            assert_eq!(domain_in(said), domain, "{said}");
        }
    }

    #[test]
    fn urls_are_kept_apart() {
        let mut urls = Vec::new();
        let text = fold("Blocked - see http://www.spamcop.net/bl.shtml?1.2.3.4.", &mut urls);
        assert_eq!(urls, ["http://www.spamcop.net/bl.shtml?1.2.3.4"]);
        assert!(text.contains("/spamcop/net/") && !text.contains(" spamcop"), "{text}");
    }

    #[test]
    fn enhanced_codes_are_found_but_addresses_are_none() {
        assert_eq!(inner_enhanced(b"sorry (#5.7.1)").map(|c| c.to_string()).as_deref(), Some("5.7.1"));
        assert_eq!(inner_enhanced(b"host 5.7.1.9 refused"), None);
        assert_eq!(inner_enhanced(b"[5.9.22.7]"), None);
    }
}
