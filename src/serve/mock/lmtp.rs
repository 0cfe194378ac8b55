//! LMTP, where each recipient that was accepted gets a reply of its own to the content (RFC 2033 §4.2).

use crate::session::Envelope;
use crate::transcript::turns::{Heard, Said, Turn};
use crate::wire::{Class, CommandLine, ReplyCode, Verb, path_in};

/// The replies that the recipients of a transaction get to the content which was answered in the turn `index`: that of the
/// same recipient in the transcript, else that of the one in the same place, else the last. Those of the transcript, whatever
/// their number, where the recipients are its own. A recipient whose name was not kept has no other's reply for its name.
pub(super) fn replies<'a>(turns: &'a [Turn], index: usize, envelope: &Envelope) -> Vec<&'a Heard> {
    let Some(turn) = turns.get(index) else { return Vec::new() };
    let recorded = recorded(turns.get(..index).unwrap_or_default());
    let wanted: Vec<String> = envelope.first_recipients.iter().map(|one| address(one.as_bytes())).collect();
    if envelope.recipients == recorded.len() && recorded.starts_with(&wanted) {
        return turn.heard.iter().collect();
    }
    let reply = |place: usize| {
        let name = wanted.get(place);
        let own = name.and_then(|name| recorded.iter().position(|known| known == name));
        own.and_then(|own| turn.heard.get(own)).or_else(|| turn.heard.get(place)).or(turn.heard.last())
    };
    (0..envelope.recipients).filter_map(reply).collect()
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
    let path = path_in(argument).unwrap_or_else(|| String::from_utf8_lossy(argument).into_owned());
    path.to_ascii_lowercase()
}
