//! qmail: `delivery 3: failure: 192.0.2.1_does_not_like_recipient./Remote_host_said:_550_5.1.1_…/Giving_up_on_192.0.2.1./`.

use super::anywhere::reply_at_start;
use super::{Read, Told, before};
use crate::explain::extract::Found;

/// What a line that [`find`] can read has.
pub(super) const SIGNS: &[&str] = &["delivery "];

pub(super) fn find(line: &str, number: usize) -> Read {
    let (_, rest) = line.split_once("delivery ")?;
    let (count, outcome) = rest.split_once(": ")?;
    let (result, text) = outcome.split_once(": ")?;
    if !count.bytes().all(|byte| byte.is_ascii_digit())
        || !matches!(result, "success" | "failure" | "deferral")
    {
        return None;
    }
    // It writes blanks as underscores, and line ends as slashes.
    let text = text.trim_end().trim_end_matches('/').replace('_', " ");
    let found = told(&text.replace('/', " "), number);
    Some(
        found
            .or_else(|| Some(Found::of_text(&text, number)).filter(|_| result != "success"))
            .into_iter()
            .collect(),
    )
}

/// What a server said, in qmail's words: in its log, and in its bounces.
pub(super) fn told(text: &str, number: usize) -> Option<Found> {
    let (head, said) = text.split_once("Remote host said: ")?;
    let found = reply_at_start(before(said, &[" Giving up on "]), number)?;
    let does = ["does not like recipient", "failed after I sent the message", "does not like"];
    let command = does.iter().zip(["RCPT", "end of DATA", ""]).find(|(does, _)| head.contains(*does));
    let host = head.trim_start().split_once(' ').map(|(host, _)| host);
    Some(found.to(command.map_or("", |(_, command)| command)).at(host))
}
