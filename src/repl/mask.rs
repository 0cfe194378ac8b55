//! Bullets in place of secrets, and text without its colours.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar as _;

use crate::sasl;
use crate::wire::escape::visible;
use crate::wire::{CommandLine, Verb};

use super::commands::{self, CommandId};
use super::slips;

/// A shorter word may be the beginning of a verb.
const LIKE_AN_ANSWER: usize = 8;

/// As many bullets as the text is wide, line by line, so that the editor's reckoning of rows and columns stays true.
pub fn bullets(text: &str) -> String {
    let width = |line: &str| line.chars().filter_map(|character| character.width()).sum();
    text.split('\n').map(|line| "•".repeat(width(line))).collect::<Vec<_>>().join("\n")
}

/// Where the secret begins in what is typed: behind `AUTH` and its mechanism, as a command, in the quotes of `/raw`, in
/// the group of `/pipeline`, or shown to `/explain`; in a word for a helper command that can only be a slip; and, of
/// several lines that were pasted, in those that answer the challenges of an `AUTH`.
pub fn secret_start(text: &str) -> Option<usize> {
    let mut begun = 0;
    let mut behind_auth = false;
    for part in text.split_inclusive('\n') {
        let line = part.strip_suffix('\n').unwrap_or(part);
        if behind_auth && !is_command(line) {
            return Some(begun);
        }
        if let Some(at) = secret_of_line(line) {
            return Some(begun + at);
        }
        behind_auth = begins_exchange(line);
        begun += part.len();
    }
    None
}

/// The same in a single line.
fn secret_of_line(line: &str) -> Option<usize> {
    let (name, argument) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
    let argument = argument.trim_start();
    let open = line.len() - argument.len();
    let (command, mark) = match commands::parse(name) {
        Some(Ok(helper)) => match helper.id {
            CommandId::Raw => (argument.trim_start_matches('"'), "\\n"),
            CommandId::Pipeline => (argument, "|"),
            CommandId::Explain | CommandId::Help => (argument, "\n"),
            CommandId::Auth => return slips::of_auth(argument).map(|at| open + at),
            CommandId::Open => return slips::of_open(argument).map(|at| open + at),
            CommandId::Set => return slips::of_set(argument).map(|at| open + at),
            _ => return None,
        },
        // What is no helper command takes no argument that somebody would miss.
        Some(Err(_)) if slips::logs_in(name) => return (!argument.is_empty()).then_some(open),
        _ => return initial_response(line.trim_start_matches('/')).map(|secret| line.len() - secret.len()),
    };
    let mut rest = Some(command);
    while let Some(text) = rest {
        let (part, more) = text.split_once(mark).map_or((text, None), |(part, more)| (part, Some(more)));
        // What stands behind AUTH answers its challenges.
        let secret = match initial_response(part) {
            Some(initial) => Some(initial.len() + more.map_or(0, |more| more.len() + mark.len())),
            None if slips::is_base64_of_text(part) => Some(text.len()),
            None => more.filter(|more| is_auth(part) && *more != "\"").map(str::len),
        };
        if let Some(length) = secret {
            return Some(line.len() - length);
        }
        rest = more;
    }
    None
}

/// Whether the lines behind this one answer the challenges of an AUTH.
fn begins_exchange(line: &str) -> bool {
    match commands::parse(line) {
        Some(Ok(helper)) => match helper.id {
            CommandId::Auth => true,
            CommandId::Explain | CommandId::Help => is_auth(&helper.argument),
            _ => false,
        },
        _ => is_auth(line.trim_start_matches('/')),
    }
}

/// Whether a line is a command that is known.
fn is_command(line: &str) -> bool {
    let is_verb = || !matches!(CommandLine::parse(line.trim().as_bytes()).verb, Verb::Other(_));
    matches!(commands::parse(line), Some(Ok(_))) || (!line.trim().is_empty() && is_verb())
}

fn is_auth(command: &str) -> bool {
    let mut words = command.split_ascii_whitespace();
    let Some(verb) = words.next() else { return false };
    // A verb that nobody knows, with a mechanism behind it, was meant to be AUTH.
    let mut misspelt = || {
        let unknown = matches!(CommandLine::parse(verb.as_bytes()).verb, Verb::Other(_));
        unknown && words.next().is_some_and(|name| sasl::info(name).is_some())
    };
    verb.eq_ignore_ascii_case("AUTH") || misspelt()
}

/// Whether a line that is being typed is like the answer to a challenge: one word that is no verb, nor the beginning of one. So
/// it has something else than letters in it, or is long. What is stored is judged more strictly, as it is whole.
pub fn is_like_an_answer(line: &str) -> bool {
    let word = line.trim();
    let is_word = !word.contains([' ', '\t']);
    let no_verb_begins_so = || word.bytes().any(|b| !b.is_ascii_alphabetic());
    let is_verb = || !matches!(CommandLine::parse(word.as_bytes()).verb, Verb::Other(_));
    // What begins with a slash is a helper command.
    let is_helper = word.starts_with('/');
    !is_helper && is_word && (no_verb_begins_so() || word.len() >= LIKE_AN_ANSWER) && !is_verb()
}

/// What stands behind `AUTH` and its mechanism.
fn initial_response(command: &str) -> Option<&str> {
    let (_, rest) = command.trim_start().split_once([' ', '\t']).filter(|_| is_auth(command))?;
    rest.trim_start().split_once([' ', '\t']).map(|(_, initial)| initial)
}

/// A command line as it may be shown: its secret masked, its control bytes visible.
pub fn shown(line: &str) -> String {
    let (open, secret) = line.split_at(secret_start(line).unwrap_or(line.len()));
    visible(open.as_bytes()) + &bullets(secret)
}

/// The text without escape sequences.
pub fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        let body = after.strip_prefix('[').unwrap_or(after);
        let end = body.find(|c: char| c.is_ascii_alphabetic()).map_or(body.len(), |at| at + 1);
        rest = body.get(end..).unwrap_or_default();
    }
    plain.push_str(rest);
    plain
}

/// The line with what is secret in it as bullets.
pub fn masked(line: &str, whole: bool) -> Cow<'_, str> {
    match if whole { Some(0) } else { secret_start(line) } {
        Some(at) => {
            let (open, secret) = line.split_at(at);
            Cow::Owned(format!("{open}{}", bullets(secret)))
        }
        None => Cow::Borrowed(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_mechanism_is_a_secret() {
        let secret = |line: &str| secret_start(line).map(|at| line[at..].to_owned());
        assert_eq!(secret("AUTH PLAIN abc=").as_deref(), Some("abc="));
        assert_eq!(secret("  auth\tlogin  abc").as_deref(), Some(" abc"));
        assert_eq!(secret("/raw \"AUTH PLAIN abc\\r\\n\"").as_deref(), Some("abc\\r\\n\""));
        assert_eq!(secret("AUTH PLAIN ").as_deref(), Some(""));
        assert_eq!(secret("/pipeline NOOP | AUTH PLAIN abc= | RSET").as_deref(), Some("abc= | RSET"));
        let login = r#"/raw "NOOP\r\nAUTH LOGIN\r\nYWxp\r\nc2Vj\r\n""#;
        assert_eq!(secret(login).as_deref(), Some(r#"YWxp\r\nc2Vj\r\n""#));
        assert_eq!(secret("/explain AUTH PLAIN abc=").as_deref(), Some("abc="));
        assert_eq!(secret("/e AUTH PLAIN abc=").as_deref(), Some("abc="));
        assert_eq!(secret("/pip NOOP | AUTH PLAIN abc=").as_deref(), Some("abc="));
        assert_eq!(secret("/ra \"AUTH PLAIN abc\\r\\n\"").as_deref(), Some("abc\\r\\n\""));
        assert_eq!(secret("AUHT PLAIN abc=").as_deref(), Some("abc="));
        assert_eq!(secret("/auth PLAIN hunter2").as_deref(), Some("hunter2"));
        for open in ["/pipeline NOOP | AUTH PLAIN", r#"/raw "AUTH LOGIN\r\n""#, "/pipeline", "/raw"] {
            assert_eq!(secret(open), None, "{open}");
        }
        for open in ["AUTH PLAIN", "AUTH", "EHLO AUTH me", "/auth PLAIN", "RCPT TO:<auth plain x>", ""] {
            assert_eq!(secret(open), None, "{open}");
        }
    }

    #[test]
    fn slips_of_helper_commands_are_secrets() {
        let secret = |line: &str| secret_start(line).map(|at| line[at..].to_owned());
        assert_eq!(secret("/auth Hunter2-Pass").as_deref(), Some("Hunter2-Pass"));
        assert_eq!(secret("/open smtp://alice:Hunter2").as_deref(), Some("Hunter2"));
        assert_eq!(
            secret("/open alice:Hunter2-Pass@mail.example").as_deref(),
            Some("Hunter2-Pass@mail.example")
        );
        assert_eq!(secret("/open mx --user alice --password Hunter2").as_deref(), Some("Hunter2"));
        assert_eq!(secret("/open mx --password=Hunter2").as_deref(), Some("Hunter2"));
        assert_eq!(secret("/login alice Hunter2-Pass").as_deref(), Some("alice Hunter2-Pass"));
        assert_eq!(secret("/authplain Hunter2-Pass").as_deref(), Some("Hunter2-Pass"));
        assert_eq!(secret("/set password Hunter2-Pass").as_deref(), Some("Hunter2-Pass"));
        assert_eq!(secret("/raw SHVudGVyMi1QYXNz").as_deref(), Some("SHVudGVyMi1QYXNz"));
        assert_eq!(secret(r#"/raw "SHVudGVyMi1QYXNz\r\n""#).as_deref(), Some(r#"SHVudGVyMi1QYXNz\r\n""#));
        assert_eq!(secret("/explain SHVudGVyMi1QYXNz").as_deref(), Some("SHVudGVyMi1QYXNz"));
        for open in [
            "/auth",
            "/auth scram-sha",
            "/auth --all",
            "/open smtp://mail.example:587",
            "/open [2001:db8::1]:25",
            "/open 2001:db8::1",
            "/open --ciphers ECDHE:AES --starttls mail.example:587",
            "/set user alice",
            "/set",
            "/help CHUNKING",
            "/help SMTPUTF8",
            "/explain 550 5.1.1 No such user",
            r#"/raw "STARTTLS\r\n""#,
        ] {
            assert_eq!(secret(open), None, "{open}");
        }
    }

    #[test]
    fn pasted_lines_behind_auth_are_secrets() {
        let secret = |line: &str| secret_start(line).map(|at| line[at..].to_owned());
        assert_eq!(
            secret("EHLO x\nAUTH LOGIN\nalice\nHunter2\nNOOP").as_deref(),
            Some("alice\nHunter2\nNOOP")
        );
        assert_eq!(secret("EHLO x\nAUTH PLAIN abc=\nNOOP").as_deref(), Some("abc=\nNOOP"));
        assert_eq!(secret("NOOP\n/raw \"AUTH PLAIN abc").as_deref(), Some("abc"));
        assert_eq!(secret("EHLO x\nAUTH LOGIN\nQUIT"), None);
        assert_eq!(secret("EHLO x\nMAIL FROM:<a@example.org>\n\nfree words"), None);
        assert_eq!(masked("AUTH LOGIN\nal\npw", false), "AUTH LOGIN\n••\n••");
    }

    #[test]
    fn answers_are_told_from_verbs() {
        for answer in ["YWxpY2U=", "aHVudGVyMg==", "hunter2hunter2", "YWI=", "s3cret", "pass-word", "ü"] {
            assert!(is_like_an_answer(answer), "{answer}");
        }
        for other in ["STARTTLS", "starttls", "NOOP", "RSET", "MAIL FROM:<a@b>", "MAI", "", "/starttls"] {
            assert!(!is_like_an_answer(other), "{other}");
        }
    }

    #[test]
    fn bullets_are_as_wide_as_the_text() {
        assert_eq!(masked("é世x", true), "••••");
        assert_eq!(masked("AUTH PLAIN ab", false), "AUTH PLAIN ••");
        assert_eq!(masked("NOOP", false), "NOOP");
        assert_eq!(shown("AUTH X y\u{1b}"), "AUTH X •");
    }

    #[test]
    fn colours_are_taken_off() {
        assert_eq!(without_colour("\x1b[1;32mhost\x1b[0m ▸ "), "host ▸ ");
        assert_eq!(without_colour("\x1b["), "");
    }
}
