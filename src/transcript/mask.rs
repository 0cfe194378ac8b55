//! The volatile parts of a session: what differs from one run to the next without meaning anything.

/// A kind of volatile text.
pub struct Mask {
    /// What takes its place, between `‹` and `›`.
    pub name: &'static str,
    /// One that it finds.
    pub sample: &'static str,
    /// How long the volatile part is that begins here, in bytes; 0 where there is none.
    find: fn(&str) -> usize,
}

/// The kinds, in the order in which they are tried at each word.
pub const MASKS: &[Mask] = &[
    Mask { name: "date", sample: "Mon, 23 Nov 2026 19:02:11 +0100 (CET)", find: mail_date },
    Mask { name: "date", sample: "Mon Nov 23 19:02:11 2026", find: c_date },
    Mask { name: "date", sample: "2026-11-23T19:02:11.412Z", find: iso_date },
    Mask { name: "time", sample: "19:02:11", find: clock },
    Mask { name: "message-id", sample: "<20261123190211.4XyZ12@laptop.example.net>", find: message_id },
    Mask { name: "address", sample: "[192.0.2.10]:587", find: ip_address },
    Mask { name: "size", sample: "12345 bytes", find: size },
    Mask { name: "host", sample: "mx1.example.org", find: host },
    Mask { name: "id", sample: "4XyZ12abcDz1234", find: id },
    Mask { name: "number", sample: "1763924531", find: number },
];

/// The longest volatile part, in bytes: what goes on for longer is content. Nothing past it is looked at, so that a long
/// line takes no longer than many short ones.
const LONGEST: usize = 512;

/// The text with every volatile part replaced by its name, such as `‹date›`.
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // The code and its hyphen are not part of the first word; an arrow may stand before them.
    let arrow = text.bytes().take_while(|b| matches!(b, b' ' | b'<' | b'-' | b'~' | b'*')).count();
    if shape(tail(text, arrow), "999-").is_some() {
        let (head, after) = text.split_at_checked(arrow + 4).unwrap_or((text, ""));
        out.push_str(head);
        rest = after;
    }
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        // The cut must not go through a character.
        let near = (LONGEST - 3..=LONGEST).rev().find_map(|end| rest.get(..end)).unwrap_or(rest);
        let kept = if before == '\\' { 0 } else { placeholder(near) };
        if kept > 0 {
            let (mark, after) = rest.split_at_checked(kept).unwrap_or((rest, ""));
            out.push_str(mark);
            (before, rest) = ('}', after);
            continue;
        }
        // `TO:<…>` is a path, and whose mailbox it is means something.
        let path = before == ':' && first == '<';
        let fresh = !is_word(before) && before != '@' && !path;
        let after_size = out.ends_with("SIZE ") || out.ends_with("SIZE=");
        let hit = queue_id(&out, near).or_else(|| {
            MASKS.iter().filter(|_| fresh && !after_size).find_map(|mask| match (mask.find)(near) {
                0 => None,
                length => Some((mask.name, length)),
            })
        });
        let hit = hit.filter(|(_, length)| *length < near.len() || near.len() == rest.len());
        let length = match hit {
            Some((name, length)) => {
                out.push('‹');
                out.push_str(name);
                out.push('›');
                length
            }
            None => {
                out.push(first);
                first.len_utf8()
            }
        };
        let (seen, left) = rest.split_at_checked(length).unwrap_or((rest, ""));
        before = seen.chars().next_back().unwrap_or(' ');
        rest = left;
    }
    out
}

/// How long the mark is that begins here and stands for what was taken out; 0 where there is none. Nothing in it is
/// volatile: the digest tells one message from another.
fn placeholder(text: &str) -> usize {
    let begins = text.starts_with("{data ") || text.starts_with("{secret ");
    if begins { text.find('}').map_or(0, |end| end + 1) } else { 0 }
}

/// What stands behind "queued as" is an id, whatever it looks like: one of digits alone would pass for a number.
fn queue_id(before: &str, text: &str) -> Option<(&'static str, usize)> {
    let length = if before.ends_with(" queued as ") { word(text).len() } else { 0 };
    (length > 0).then_some(("id", length))
}

/// The same for a command. What a client calls itself in EHLO depends on where it runs, be it a name or an address.
pub fn mask_command(text: &str) -> String {
    match text.split_once(' ') {
        Some((verb, name)) if is_greeting(verb) && !name.trim().is_empty() => {
            format!("{} ‹host›", verb.to_ascii_uppercase())
        }
        _ => mask(text),
    }
}

fn is_greeting(verb: &str) -> bool {
    ["EHLO", "HELO", "LHLO"].iter().any(|known| verb.eq_ignore_ascii_case(known))
}

pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Follows a pattern: `9` is a digit, `a` a letter; all else stands for itself.
fn shape(text: &str, pattern: &str) -> Option<usize> {
    let mut found = text.bytes();
    for expected in pattern.bytes() {
        let byte = found.next()?;
        let fits = match expected {
            b'9' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_alphabetic(),
            literal => byte == literal,
        };
        if !fits {
            return None;
        }
    }
    Some(pattern.len())
}

fn first_shape(text: &str, patterns: &[&str]) -> usize {
    patterns.iter().find_map(|pattern| shape(text, pattern)).unwrap_or(0)
}

fn tail(text: &str, from: usize) -> &str {
    text.get(from..).unwrap_or("")
}

fn mail_date(text: &str) -> usize {
    let weekday = first_shape(text, &["aaa, "]);
    let date = tail(text, weekday);
    let length = first_shape(
        date,
        &["99 aaa 9999 99:99:99", "9 aaa 9999 99:99:99", "99 aaa 9999 99:99", "9 aaa 9999 99:99"],
    );
    if length == 0 {
        return 0;
    }
    let so_far = weekday + length;
    let zone = first_shape(tail(text, so_far), &[" +9999", " -9999", " GMT", " UTC"]);
    let comment = first_shape(tail(text, so_far + zone), &[" (aaaa)", " (aaa)", " (+99)", " (-99)"]);
    so_far + zone + comment
}

fn c_date(text: &str) -> usize {
    first_shape(text, &["aaa aaa 99 99:99:99 9999", "aaa aaa  9 99:99:99 9999"])
}

fn iso_date(text: &str) -> usize {
    let length = first_shape(text, &["9999-99-99T99:99:99", "9999-99-99 99:99:99", "9999-99-99"]);
    if length == 0 {
        return 0;
    }
    let rest = tail(text, length);
    let fraction = if rest.starts_with('.') {
        1 + tail(rest, 1).bytes().take_while(u8::is_ascii_digit).count()
    } else {
        0
    };
    length + fraction + first_shape(tail(rest, fraction), &["Z", "+99:99", "-99:99"])
}

fn clock(text: &str) -> usize {
    first_shape(text, &["99:99:99"])
}

/// `<left@right>` whose left part looks made by a machine; addresses of people stay.
fn message_id(text: &str) -> usize {
    let Some(inner) = text.strip_prefix('<') else { return 0 };
    let Some((left, right)) = inner.split_once('>').and_then(|(id, _)| id.split_once('@')) else { return 0 };
    let digits = left.bytes().filter(u8::is_ascii_digit).count();
    let made = left.len() >= 10 && digits >= 5 && !left.contains(' ') && !right.contains(' ');
    if made { left.len() + right.len() + 3 } else { 0 }
}

pub(super) fn ip_address(text: &str) -> usize {
    let bracket = usize::from(text.starts_with('['));
    let body = tail(text, bracket);
    let tagged = if body.starts_with("IPv6:") { 5 } else { 0 };
    let literal = tail(body, tagged);
    let end =
        literal.find(|c: char| !c.is_ascii_hexdigit() && !matches!(c, '.' | ':')).unwrap_or(literal.len());
    let literal = literal.get(..end).unwrap_or("").trim_end_matches(['.', ':']);
    let is_v4 =
        literal.parse::<std::net::Ipv4Addr>().is_ok() || literal.parse::<std::net::SocketAddrV4>().is_ok();
    if !is_v4 && literal.parse::<std::net::Ipv6Addr>().is_err() {
        return 0;
    }
    let length = bracket + tagged + literal.len();
    let closed = bracket == 1 && tail(text, length).starts_with(']');
    let length = length + usize::from(closed);
    let port = tail(text, length).strip_prefix(':').map(digits).filter(|n| closed && *n > 0);
    length + port.map_or(0, |n| n + 1)
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn size(text: &str) -> usize {
    let number = digits(text);
    if number == 0 {
        return 0;
    }
    let fraction = tail(text, number).strip_prefix('.').map_or(0, |rest| digits(rest) + 1);
    let rest = tail(text, number + fraction);
    let blank = usize::from(rest.starts_with(' '));
    let unit = rest.trim_start_matches(' ').split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
    let known =
        ["bytes", "octets", "byte", "KB", "MB", "kB", "ms", "s", "sec", "seconds", "secs"].contains(&unit);
    if known { number + fraction + blank + unit.len() } else { 0 }
}

/// Where a word ends that begins here.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !is_word(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or("").trim_end_matches(['.', '-'])
}

/// A name with two dots at least, or one dot and a known look; enhanced codes and version numbers are none.
pub(super) fn host(text: &str) -> usize {
    let name = word(text);
    let labels: Vec<&str> = name.split('.').collect();
    let fine = |label: &&str| !label.is_empty() && label.len() <= 63;
    // `RESOLVER.ADR.RecipNotFound` is no host: the last label of one is in one case.
    let letters = |top: &str| {
        top.bytes().all(|b| b.is_ascii_lowercase()) || top.bytes().all(|b| b.is_ascii_uppercase())
    };
    let top = labels.last().is_some_and(|top| top.len() >= 2 && letters(top));
    // An at sign behind it: the left part of somebody's address.
    let address = tail(text, name.len()).starts_with('@');
    if labels.len() >= 2 && top && !address && labels.iter().all(fine) { name.len() } else { 0 }
}

/// A queue id or the like: long, with letters and digits in it.
fn id(text: &str) -> usize {
    let name = text.split(|c: char| !is_word(c) && !matches!(c, '+' | '/' | '=')).next().unwrap_or("");
    let name = name.trim_end_matches(['.', '-', '=']);
    // `id=4XyZ…`: the key stays.
    if name.split_once('=').is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_alphabetic())) {
        return 0;
    }
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let letters = name.bytes().filter(u8::is_ascii_alphabetic).count();
    let address = tail(text, name.len()).starts_with('@');
    let mechanism = name.split('-').any(|part| matches!(part, "SHA" | "MD5" | "CRAM" | "DIGEST" | "SCRAM"));
    if name.len() >= 9 && digits >= 2 && letters >= 1 && !address && !mechanism { name.len() } else { 0 }
}

fn number(text: &str) -> usize {
    let length = digits(text);
    if length >= 5 && word(text).len() == length { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mask_takes_its_sample_whole() {
        for one in MASKS {
            assert_eq!(mask(one.sample), format!("‹{}›", one.name), "{}", one.sample);
        }
    }

    #[test]
    fn replies_lose_what_is_volatile() {
        let cases = [
            ("220 mx.example.org ESMTP Postfix", "220 ‹host› ESMTP Postfix"),
            ("250 2.0.0 Ok: queued as 4XyZ12abcDz1234", "250 2.0.0 Ok: queued as ‹id›"),
            ("250 2.0.0 Ok: queued as 2237193243", "250 2.0.0 Ok: queued as ‹id›"),
            ("250 2.0.0 Ok: queued as ABCDEFABCD", "250 2.0.0 Ok: queued as ‹id›"),
            ("250 OK id=1tABCD-0000abc-1X", "250 OK id=‹id›"),
            (
                "250 2.0.0 OK  1763924531 5b1f17b1804b1-4776f3a1b2asi123 - gsmtp",
                "250 2.0.0 OK  ‹number› ‹id› - gsmtp",
            ),
            ("250-mx.example.org at your service, [192.0.2.10]", "250-‹host› at your service, ‹address›"),
            ("250 Hello [IPv6:2001:db8::1]", "250 Hello ‹address›"),
            ("220 x ready at Mon, 23 Nov 2026 19:02:11 +0000", "220 x ready at ‹date›"),
            ("421 4.4.2 idle for 300 seconds", "421 4.4.2 idle for ‹size›"),
        ];
        for (text, masked) in cases {
            assert_eq!(mask(text), masked);
        }
    }

    /// At no character more than the next [`LONGEST`] bytes are looked at, so what is volatile ends within them.
    #[test]
    fn what_is_longer_than_the_longest_is_content() {
        for (part, end, name) in [("a1", "b", "id"), ("12", "3", "number"), ("a.", "bc", "host")] {
            let text = |octets: usize| format!("{}{end}", part.repeat(octets / part.len()));
            assert_eq!(mask(&text(LONGEST - 12)), format!("‹{name}›"));
            for octets in [LONGEST, 60_000] {
                assert_eq!(mask(&text(octets)), text(octets), "{name} {octets}");
            }
        }
        let id = format!("<{}@example.org>", "1".repeat(LONGEST));
        assert!(!mask(&id).contains("message-id"));
    }

    #[test]
    fn what_means_something_stays() {
        for text in [
            "554 5.7.1 <bob@example.net>: Relay access denied",
            "550 5.1.10 RESOLVER.ADR.RecipNotFound; not found",
            "250-SIZE 35882577",
            "250 AUTH PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5",
            "250-8BITMIME",
            "RCPT TO:<a.b.c1234567890@example.net>",
            "Grüße ‹schon› 12",
            "{data 1000 sha256=0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9}",
            "AUTH PLAIN {secret sasl=PLAIN user=\"4XyZ12abcDz1234\"}",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
