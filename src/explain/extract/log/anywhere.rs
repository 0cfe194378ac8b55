//! Replies in lines of which nothing is known: many programs log what a server said.

use crate::explain::extract::Found;
use crate::explain::text::enhanced_at;

/// Marks behind which nothing but a reply stands.
const TELLING: [&str; 5] = ["said: ", "reply: ", "smtp; ", "smtp;", "#< #"];
/// Marks behind which a reply may stand, and much else.
const VAGUE: [&str; 6] = [": ", "'", "\"", "#", "(", "returned "];
/// Words of a line about mail. Where none of them stands before it, a number is no reply.
const OF_MAIL: [&str; 16] = [
    "smtp",
    "lmtp",
    "rcpt",
    "mail from",
    "recipient",
    "relay",
    "remote",
    "server",
    "reject",
    "refus",
    "bounce",
    "deliver",
    "mx",
    "ehlo",
    "login",
    "host",
];
/// What is counted with numbers that look like codes.
const COUNTED: [&str; 14] = [
    "bytes", "octets", "ms", "msec", "seconds", "sec", "kb", "mb", "kib", "mib", "messages", "files",
    "packets", "of",
];

/// The first reply in a line.
pub fn find(line: &str, number: usize) -> Option<Found> {
    let starts = memchr::memchr3_iter(b'2', b'4', b'5', line.as_bytes());
    let parts = starts.filter_map(|at| line.split_at_checked(at));
    let mut codes = parts
        .filter(|(_, rest)| is_reply(rest) || rest.get(3..).is_some_and(|b| b.starts_with(", ")))
        .peekable();
    // Most lines have none.
    codes.peek()?;
    // What somebody wrote to somebody is no reply.
    let own = super::before(line, &["Subject: ", "Subject=", "subject=", " T=\""]);
    let mail = first_word_of_mail(own);
    codes.take_while(|(before, _)| before.len() < own.len()).find_map(|(before, rest)| {
        let rest = rest.get(..own.len() - before.len()).unwrap_or(rest);
        if let Some(tuple) = in_tuple(before, rest, number) {
            return Some(tuple);
        }
        let ends = |marks: &[&str]| marks.iter().any(|mark| before.ends_with(mark));
        let stands = if has_enhanced(rest) {
            before.is_empty() || before.ends_with(' ') || ends(&VAGUE)
        } else {
            ends(&VAGUE) && !before.ends_with('(') && is_refusal_in_words(rest) && mail < before.len()
        };
        (is_reply(rest) && (stands || ends(&TELLING)))
            .then(|| Found::of_text(&until_end(before, rest), number))
    })
}

/// A reply that begins where the text does.
pub fn reply_at_start(text: &str, number: usize) -> Option<Found> {
    let text = text.trim_start();
    is_reply(text).then(|| Found::of_text(text.trim_end(), number))
}

/// The first reply behind a colon and a blank, or at the start.
pub(super) fn reply_behind_colon(text: &str, number: usize) -> Option<Found> {
    let starts = text.match_indices(": ").map(|(at, mark)| at + mark.len());
    std::iter::once(0).chain(starts).find_map(|at| reply_at_start(text.get(at..)?, number))
}

/// The way in which Python shows a code and its words: `(550, b'5.1.1 User unknown')`.
fn in_tuple(before: &str, rest: &str, number: usize) -> Option<Found> {
    let (code, words) = rest.split_at_checked(3)?;
    let quoted = before.ends_with('(').then(|| words.strip_prefix(", "))??;
    let quoted = quoted.strip_prefix('b').unwrap_or(quoted);
    let (quote, words) = ["'", "\""].iter().find_map(|q| Some((*q, quoted.strip_prefix(*q)?)))?;
    let words = super::before(words, &[&format!("{quote})"), &format!("{quote}, ")]);
    reply_at_start(&format!("{code} {}", one_line(words)), number)
}

/// Whether a text begins with a code as replies do, behind it a blank, a hyphen or nothing.
fn is_reply(text: &str) -> bool {
    let [b'2' | b'4' | b'5', b'0'..=b'7', third, behind @ ..] = text.as_bytes() else { return false };
    third.is_ascii_digit() && matches!(behind.first(), None | Some(b' ' | b'-'))
}

/// Whether an enhanced code of the same class follows the code.
fn has_enhanced(reply: &str) -> bool {
    let enhanced = reply.as_bytes().get(4..).and_then(enhanced_at);
    enhanced.is_some_and(|(code, _)| reply.as_bytes().first() == Some(&(code.class + b'0')))
}

/// Whether words follow the code of a refusal, and not what it counts.
fn is_refusal_in_words(reply: &str) -> bool {
    let text = reply.get(4..).unwrap_or_default();
    let first = text.split([' ', ')', ',', '.']).next().unwrap_or_default().to_ascii_lowercase();
    !reply.starts_with('2')
        && text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '<' | '#' | '[' | '"' | '\''))
        && !COUNTED.contains(&first.as_str())
}

/// Where the first word stands that tells a line about mail, or the end.
fn first_word_of_mail(line: &str) -> usize {
    let lower = line.to_ascii_lowercase();
    OF_MAIL.iter().filter_map(|word| lower.find(word)).min().unwrap_or(line.len())
}

/// The reply in a text, up to what closes the mark before it: a quote, or the `> #SMTP#` of Exchange's reports.
fn until_end(before: &str, text: &str) -> String {
    let text = text.trim_end();
    let end = match before.chars().next_back() {
        Some('\'') => closing(text, '\''),
        Some('"') => closing(text, '"'),
        _ => text.strip_suffix("> #SMTP#").or_else(|| text.strip_suffix(">'")).map(str::len),
    };
    one_line(text.get(..end.unwrap_or(text.len())).unwrap_or(text))
}

/// Where a quote ends: at the mark that nothing of the same word follows. An apostrophe does not end it.
fn closing(text: &str, quote: char) -> Option<usize> {
    let ends = |at: &usize| {
        let behind = text.get(at + quote.len_utf8()..).unwrap_or_default();
        let named = || behind.strip_prefix(' ')?.split_once('=').map(|(name, _)| !name.contains(' '));
        behind.is_empty() || behind.starts_with([',', ')', '}', ']', ';']) || named() == Some(true)
    };
    text.match_indices(quote).map(|(at, _)| at).find(ends).or_else(|| text.rfind(quote))
}

/// Line ends that were written as escapes become blanks.
pub(super) fn one_line(text: &str) -> String {
    text.replace("\\r\\n", " ").replace("\\n", " ").trim_end().to_owned()
}
