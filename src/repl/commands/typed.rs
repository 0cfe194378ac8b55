//! A typed line that is for Heloise: which helper command it means.

use std::fmt;

use strsim::osa_distance;

use super::{COMMANDS, CommandId, HelperCommand};
use crate::wire::escape::visible;

/// How many slips of the finger a name may hold and still be guessed.
const MOST_SLIPS: usize = 2;

/// A helper command as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Which one.
    pub id: CommandId,
    /// What follows its name, without blanks around it.
    pub argument: String,
}

/// A name after the slash that no helper command, or more than one, goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCommand {
    /// The name as typed, with its slash.
    pub name: String,
    /// What may have been meant: the commands that begin so, or that are spelt nearly so.
    pub did_you_mean: Vec<&'static str>,
}

impl fmt::Display for UnknownCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = visible(self.name.as_bytes());
        match self.did_you_mean.as_slice() {
            [] => write!(
                f,
                "there is no helper command {name}; /help lists them, // sends a line with its slash"
            )?,
            names => write!(f, "there is no helper command {name}; did you mean {}?", names.join(" or "))?,
        }
        Ok(())
    }
}

impl std::error::Error for UnknownCommand {}

/// Reads a typed line. `None` when it is meant for the wire, which `//` at its beginning is, too.
pub fn parse(line: &str) -> Option<Result<Invocation, UnknownCommand>> {
    let rest = line.strip_prefix('/').filter(|rest| !rest.starts_with('/'))?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, argument) = rest.split_at(end);
    let name = format!("/{}", word.to_lowercase());
    Some(match find(&name) {
        Some(row) => Ok(Invocation { id: row.id, argument: argument.trim().to_owned() }),
        None => Err(UnknownCommand { did_you_mean: suggestions(&name), name: format!("/{word}") }),
    })
}

/// The row of this name, or of the one name that begins so.
pub fn find(name: &str) -> Option<&'static HelperCommand> {
    let mut matching = COMMANDS.iter().filter(|row| row.name.starts_with(name) && name.len() > 1);
    let first = matching.next()?;
    if first.name == name {
        return Some(first);
    }
    match COMMANDS.iter().find(|row| row.name == name) {
        Some(exact) => Some(exact),
        None if matching.next().is_none() => Some(first),
        None => None,
    }
}

fn suggestions(name: &str) -> Vec<&'static str> {
    let names = || COMMANDS.iter().map(|row| row.name);
    let begun: Vec<_> = names().filter(|known| name.len() > 1 && known.starts_with(name)).collect();
    if !begun.is_empty() {
        return begun;
    }
    let near = names().filter(|known| name.len().abs_diff(known.len()) <= MOST_SLIPS);
    let slips =
        near.map(|known| (osa_distance(name, known), known)).filter(|(slips, _)| *slips <= MOST_SLIPS);
    slips.min_by_key(|(slips, _)| *slips).map(|(_, known)| known).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(line: &str) -> Option<CommandId> {
        parse(line).and_then(Result::ok).map(|invocation| invocation.id)
    }

    #[test]
    fn lines_for_the_wire_are_left_alone() {
        for line in ["", "NOOP", " /help", "//etc", "//"] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn names_may_be_shortened_while_they_are_clear() {
        assert_eq!(id("/q"), Some(CommandId::Quit));
        assert_eq!(id("/ST"), Some(CommandId::StartTls));
        let invocation = parse("/recor\t  my file.heloise ").unwrap().unwrap();
        assert_eq!(invocation, Invocation { id: CommandId::Record, argument: "my file.heloise".to_owned() });
        let unclear = parse("/re x").unwrap().unwrap_err();
        assert_eq!(unclear.did_you_mean, ["/record", "/reconnect"]);
    }

    #[test]
    fn a_slip_is_understood() {
        let slip = parse("/satrttls").unwrap().unwrap_err();
        assert_eq!(slip.did_you_mean, ["/starttls"]);
        assert!(slip.to_string().contains("did you mean /starttls?"));
        assert_eq!(parse("/").unwrap().unwrap_err().did_you_mean, [""; 0]);
        let hostile = parse("/\u{1b}[2Jzzzzzz").unwrap().unwrap_err();
        assert!(!hostile.to_string().contains('\u{1b}'));
    }
}
