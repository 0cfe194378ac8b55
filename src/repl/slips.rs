//! Secrets where a helper command takes none, typed by a slip: they are covered, and stay out of the history.

use crate::sasl;

use super::commands::{Argument, COMMANDS, CommandId};
use super::mask;

/// Words in the name of what somebody takes for a helper command that logs in.
const LOG_INS: [&str; 5] = ["auth", "login", "pass", "secret", "token"];

/// Whether a name that is none of a helper command is meant to log in.
pub(super) fn logs_in(name: &str) -> bool {
    let name = name.to_lowercase();
    LOG_INS.iter().any(|word| name.contains(word))
}

/// Where a secret begins in the argument of `/auth`: in what is no name of a mechanism, and behind one.
pub(super) fn of_auth(argument: &str) -> Option<usize> {
    let (word, behind) = first_word(argument);
    let upper = word.to_ascii_uppercase();
    let is_name =
        sasl::MECHANISMS.iter().any(|known| known.name.starts_with(&upper)) || "--all".starts_with(word);
    if is_name { behind } else { Some(0) }
}

/// Where a secret begins in the argument of `/set`: behind the name of no setting.
pub(super) fn of_set(argument: &str) -> Option<usize> {
    let (word, behind) = first_word(argument);
    let is_setting = COMMANDS.iter().any(|row| match row.argument {
        Argument::Choice(names) => row.id == CommandId::Set && names.contains(&word),
        _ => false,
    });
    behind.filter(|_| !is_setting)
}

/// Where a secret begins in the argument of `/open`: behind the user name of a URL, and behind an option for it.
pub(super) fn of_open(argument: &str) -> Option<usize> {
    let mut begun = 0;
    let mut before = "";
    for part in argument.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        if is_option_for_secret(before) && !before.contains('=') && !word.is_empty() {
            return Some(begun);
        }
        let within = match word.starts_with("--") {
            true => word.find('=').filter(|_| is_option_for_secret(word)).map(|at| at + 1),
            // Options have values with colons.
            false => behind_user(word).filter(|_| !before.starts_with("--") || word.contains('@')),
        };
        if let Some(at) = within {
            return Some(begun + at);
        }
        begun += part.len();
        if !word.is_empty() {
            before = word;
        }
    }
    None
}

fn is_option_for_secret(word: &str) -> bool {
    word.starts_with("--") && logs_in(word)
}

/// What stands behind the first colon of a target, if that is neither a port nor a part of an address.
fn behind_user(target: &str) -> Option<usize> {
    let host = target.find("://").map_or(0, |at| at + 3);
    let rest = target.get(host..).filter(|rest| !rest.starts_with('['))?;
    let (user, behind) = rest.split_once(':')?;
    let of_address = |b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'/');
    let is_secret = behind.contains('@') || !(behind.bytes().all(of_address) || behind.contains('%'));
    is_secret.then_some(host + user.len() + 1)
}

/// Whether it is a word as base64 makes it of text, with capitals in its midst: no keyword is spelt so.
pub(super) fn is_base64_of_text(part: &str) -> bool {
    let word = part.trim().trim_end_matches('"');
    let word = word.strip_suffix("\\r").unwrap_or(word);
    let mut pairs = word.bytes().zip(word.bytes().skip(1));
    mask::is_like_an_answer(word) && pairs.any(|(a, b)| a.is_ascii_lowercase() && b.is_ascii_uppercase())
}

/// The first word, and where the text behind it begins.
fn first_word(argument: &str) -> (&str, Option<usize>) {
    let Some((word, rest)) = argument.split_once(char::is_whitespace) else { return (argument, None) };
    let rest = rest.trim_start();
    (word, (!rest.is_empty()).then(|| argument.len() - rest.len()))
}
