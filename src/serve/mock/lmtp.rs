//! LMTP, where each recipient that was accepted gets a reply of its own to the content (RFC 2033 §4.2).

use crate::transcript::turns::{Heard, Said, Turn};
use crate::wire::{Class, CommandLine, ReplyCode, Verb};

/// The replies that these recipients get to the content which was answered in the turn `index`: that of the same recipient
/// in the transcript, else that of the one in the same place, else the last. Those of the transcript, whatever their number,
/// where the recipients are its own. `recipients` are the arguments of RCPT.
pub(super) fn replies(turns: &[Turn], index: usize, recipients: &[String]) -> Vec<Heard> {
    let Some(turn) = turns.get(index) else { return Vec::new() };
    let recorded = recorded(turns.get(..index).unwrap_or_default());
    let wanted: Vec<String> = recipients.iter().map(|argument| address(argument.as_bytes())).collect();
    if wanted == recorded || wanted.is_empty() {
        return turn.heard.clone();
    }
    let reply = |(place, name): (usize, &String)| {
        let own = recorded.iter().position(|known| known == name);
        own.and_then(|own| turn.heard.get(own)).or_else(|| turn.heard.get(place)).or(turn.heard.last())
    };
    wanted.iter().enumerate().filter_map(reply).cloned().collect()
}

/// The recipients that were accepted in the transaction at the end of these turns.
fn recorded(turns: &[Turn]) -> Vec<String> {
    let within = turns.iter().rev().take_while(|turn| turn.verb() != Some(&Verb::Mail));
    let accepted = |turn: &&Turn| turn.code().and_then(ReplyCode::class) == Some(Class::Completion);
    let recipient = |turn: &Turn| match &turn.said {
        Said::Command { verb: Verb::Rcpt, line, .. } => Some(address(CommandLine::parse(line.head()).rest())),
        _ => None,
    };
    let mut found: Vec<String> = within.filter(accepted).filter_map(recipient).collect();
    found.reverse();
    found
}

/// What stands between the angle brackets of an argument, in lower case; all of it where there are none.
fn address(argument: &[u8]) -> String {
    let text = String::from_utf8_lossy(argument).to_ascii_lowercase();
    let inside =
        text.split_once('<').and_then(|(_, after)| after.split_once('>')).map(|(path, _)| path.to_owned());
    inside.unwrap_or(text)
}
