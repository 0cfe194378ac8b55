//! What is wrong with a command that was refused.

use std::borrow::Cow;

use super::explanation::Place;
use super::situation::Situation;
use crate::session::{Command, Input};
use crate::wire::command;

/// Where the command that was refused breaks the grammar, and the command mended.
pub(super) struct Fault {
    pub place: Place,
    /// The command without its faults, where each can be mended.
    pub mended: Option<String>,
}

impl Fault {
    /// The first fault of the command that was refused, where the code finds fault with it.
    pub fn of(situation: &Situation<'_>, code: u16) -> Option<Fault> {
        let line = situation.command.filter(|_| matches!(code, 500..=504 | 553 | 555))?;
        // A line that was kept secret altogether comes empty.
        if line.is_empty() {
            return None;
        }
        let line = &*without_secret(line);
        let first = command::check(line, situation.capabilities).into_iter().next()?;
        let place = Place { command: line.to_vec(), at: first.at, what: first.what };
        let mut mended: Option<Vec<u8>> = None;
        // Each round mends one fault.
        for _ in 0..8 {
            let now = mended.as_deref().unwrap_or(line);
            let next = command::check(now, situation.capabilities).into_iter().find_map(|fault| fault.mended);
            match next {
                Some(next) => mended = Some(next),
                None => break,
            }
        }
        // What is still wrong is no proposal.
        let right = mended.filter(|line| command::check(line, situation.capabilities).is_empty());
        Some(Fault { place, mended: right.and_then(|line| String::from_utf8(line).ok()) })
    }
}

/// The line with no more of AUTH than its mechanism, also where blanks stand before the verb. What stands behind may be a
/// password, the more so where a server does not take it.
fn without_secret(line: &[u8]) -> Cow<'_, [u8]> {
    let start = line.len() - line.trim_ascii_start().len();
    let Some((blanks, rest)) = line.split_at_checked(start) else { return Cow::Borrowed(line) };
    let command = Command::of_line(rest);
    match command.input {
        Input::Auth => Cow::Owned([blanks, command.line.trim_ascii_end()].concat()),
        _ => Cow::Borrowed(line),
    }
}
