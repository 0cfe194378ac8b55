//! Ghost hints: how the command being typed goes on.

use crate::explain::tables::{self, CommandInfo};

use super::commands::{self, COMMANDS};
use super::typing::Knowledge;

/// The order in which half-typed verbs are guessed.
const LIKELY: [&str; 6] = ["EHLO", "MAIL", "RCPT", "DATA", "STARTTLS", "QUIT"];

/// What may follow the line, if that is known.
pub(super) fn ghost(line: &str, known: &Knowledge) -> Option<String> {
    match line.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => None,
        Some(_) => helper_command(line),
        None => wire_command(line, known),
    }
    .filter(|ghost| !ghost.is_empty())
}

fn helper_command(line: &str) -> Option<String> {
    let row = commands::find(line.trim_end())?;
    let argument = row.syntax.get(row.name.len()..).unwrap_or_default();
    let rest = row.name.get(line.trim_end().len()..).unwrap_or_default();
    match line.ends_with(' ') {
        // Behind a shortened name nothing can be put in any more.
        true => Some(argument.trim_start().to_owned()),
        false => Some(format!("{rest}{argument}")),
    }
}

fn wire_command(line: &str, known: &Knowledge) -> Option<String> {
    let (word, rest) = line.split_at(line.find(' ').unwrap_or(line.len()));
    if rest.is_empty() {
        let row = guess(word, known)?;
        return Some(format!("{}{}", row.verb.get(word.len()..)?, row.hint));
    }
    let hint = tables::command(word)?.hint;
    let begun = hint.get(..rest.len())?;
    if begun.eq_ignore_ascii_case(rest) { hint.get(rest.len()..).map(str::to_owned) } else { None }
}

/// The verb that two letters or more most probably begin.
fn guess(word: &str, known: &Knowledge) -> Option<&'static CommandInfo> {
    if word.len() < 2 {
        return None;
    }
    if let Some(whole) = tables::command(word) {
        return Some(whole);
    }
    let upper = word.to_ascii_uppercase();
    let likely = LIKELY.iter().filter_map(|verb| tables::command(verb));
    let all = tables::commands().filter(|row| offered(row, known));
    likely.chain(all).find(|row| row.verb.starts_with(&upper))
}

/// Whether the server takes the command as far as EHLO told.
pub(super) fn offered(row: &CommandInfo, known: &Knowledge) -> bool {
    row.needs.is_none_or(|keyword| known.capabilities.as_ref().is_none_or(|c| c.has(keyword)))
}

/// The part of a hint that can be typed as it stands, up to its first placeholder.
pub(super) fn literal(ghost: &str) -> &str {
    let upper = |c: char| c.is_ascii_uppercase() || matches!(c, ' ' | ':' | '/');
    // The name of a helper command is in lower case, and a placeholder of one in upper case.
    if let Some(row) = COMMANDS.iter().find(|row| row.syntax.ends_with(ghost)) {
        let argument = row.syntax.len() - row.name.len();
        let name = ghost.len().saturating_sub(argument);
        return ghost.get(..name).unwrap_or_default();
    }
    let end = ghost.find(|c| !upper(c)).unwrap_or(ghost.len());
    let end = if ghost.get(end..).is_some_and(|rest| rest.starts_with('<')) { end + 1 } else { end };
    ghost.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<String> {
        ghost(line, &Knowledge::default())
    }

    #[test]
    fn verbs_go_on_with_their_syntax() {
        assert_eq!(of("rc").as_deref(), Some("PT TO:<them@example.net>"));
        assert_eq!(of("RCPT").as_deref(), Some(" TO:<them@example.net>"));
        assert_eq!(of("RCPT to:").as_deref(), Some("<them@example.net>"));
        assert_eq!(of("RCPT TO:<bob"), None);
        for silent in ["", "R", "XYZZY", "QUIT", "//he"] {
            assert_eq!(of(silent), None, "{silent}");
        }
    }

    #[test]
    fn helper_commands_do_too() {
        assert_eq!(of("/sta").as_deref(), Some("rttls"));
        assert_eq!(of("/send").as_deref(), Some(" FILE"));
        assert_eq!(of("/send ").as_deref(), Some("FILE"));
        assert_eq!(of("/send x"), None);
        assert_eq!(of("/re"), None);
    }

    #[test]
    fn only_what_is_no_placeholder_can_be_taken() {
        assert_eq!(literal("PT TO:<them@example.net>"), "PT TO:<");
        assert_eq!(literal(" name.of.this.host"), " ");
        assert_eq!(literal("rttls"), "rttls");
        assert_eq!(literal("end FILE"), "end");
        assert_eq!(literal(" FILE"), "");
        assert_eq!(literal("FILE"), "");
    }
}
