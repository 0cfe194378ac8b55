//! Sendmail.

use super::anywhere::{reply_at_start, reply_behind_colon};
use super::{Read, Told, behind, between};
use crate::explain::extract::Found;

/// More recipients than this of one line are not told apart.
const MOST: usize = 100;

/// What a line that [`find`] can read has one of.
pub(super) const SIGNS: &[&str] = &[" reject=", ", stat="];

pub(super) fn find(line: &str, number: usize) -> Read {
    if let Some((head, said)) = line.split_once(" reject=") {
        return Some(vec![refusal(head, said, number)?]);
    }
    let (_, stat) = line.split_once(", stat=")?;
    let found = outcome(line, stat, number)?;
    // `relay=local` is none.
    let found = found.at(behind(line, " relay=", &[" ", ","]).filter(|relay| relay.contains('.')));
    let found = Found { returned: stat.starts_with("Deferred").then_some(false), ..found };
    let recipients = behind(line, " to=", &[", "]).unwrap_or_default().split(',').take(MOST);
    Some(recipients.map(|recipient| found.clone().of(Some(recipient))).collect())
}

/// What it refused: `ruleset=check_rcpt, arg1=<bob@example.net>, …, reject=550 5.7.1 …`, `Milter: to=<…>, reject=451 …`.
fn refusal(head: &str, said: &str, number: usize) -> Option<Found> {
    let found = reply_at_start(said, number)?;
    if let Some((_, milter)) = head.split_once("Milter: ") {
        let (name, address) = milter.split_once('=').unwrap_or((milter, ""));
        let address = between(address, "<", ">");
        return Some(match name {
            "to" => found.to("RCPT").of(address),
            "from" => found.to("MAIL").from(address),
            "connect" => found.to("CONNECT"),
            "data" => found.to("end of DATA"),
            _ => found,
        });
    }
    let argument = between(head, "arg1=<", ">");
    Some(match between(head, "ruleset=check_", ",").unwrap_or_default() {
        "rcpt" => found.to("RCPT").of(argument),
        "mail" => found.to("MAIL").from(argument),
        "relay" => found.to("CONNECT"),
        "eoh" | "data" => found.to("end of DATA"),
        _ => found,
    })
}

/// What became of a delivery: `dsn=5.7.1, reply=554 5.7.1 …, stat=Service unavailable`. What the server said stands in
/// `reply`, in newer versions alone; `stat` has it in parentheses or behind a colon, or Sendmail's own words.
fn outcome(line: &str, stat: &str, number: usize) -> Option<Found> {
    let said = between(line, ", reply=", ", stat=").and_then(|said| reply_at_start(said, number));
    if said.is_some() {
        return said;
    }
    let status = between(line, "dsn=", ",").unwrap_or_default();
    let inside = behind(stat, "(", &[]).and_then(|said| reply_at_start(said.trim_end_matches(')'), number));
    let is_of_status = |found: &Found| {
        let class = found.reply.code().map(|code| code.0 / 100);
        status.is_empty() || status.bytes().next().map(|digit| u16::from(digit.wrapping_sub(b'0'))) == class
    };
    let told = inside.or_else(|| reply_behind_colon(stat, number)).filter(is_of_status);
    told.or_else(|| match status.bytes().next()? {
        // Sendmail often leaves the code out and keeps status and words.
        b'4' | b'5' => Some(Found::of_text(&format!("{status} {stat}"), number)),
        b'2' => Some(Found::of_text(&format!("250 {status} {stat}"), number)),
        _ => None,
    })
}
