//! Exchange: protocol logs, message tracking, and reports.

use super::anywhere::reply_at_start;
use super::{Read, Told, before, between};
use crate::explain::extract::Found;

/// Places of fields in a line of message tracking, from 0.
const EVENT: usize = 8;
const RECIPIENTS: usize = 12;
const STATUSES: usize = 13;
const SENDER: usize = 19;
/// More fields, and more recipients of one line, are not looked at.
const MOST: usize = 100;

/// What a line that [`find`] can read has at least one of; lines of logs begin with a time.
pub(super) const SIGNS: &[&str] = &[",<,", ",>,", "{LED=", "eturned '", "Z,"];

pub(super) fn find(line: &str, number: usize) -> Read {
    // A connector that sends logs what it heard behind `<`, one that receives what it said behind `>`.
    if let Some((_, said)) = line.split_once(",<,").or_else(|| line.split_once(",>,")) {
        let (said, mark) = said.strip_prefix('"').map_or((said, ','), |quoted| (quoted, '"'));
        return Some(vec![reply_at_start(said.rsplit_once(mark).map_or(said, |(said, _)| said), number)?]);
    }
    if let Some(tracked) = tracked(line, number) {
        return Some(tracked);
    }
    if let Some(found) = status(line, number) {
        return Some(vec![found]);
    }
    let quoted =
        line.split_once("eturned '").and_then(|(_, rest)| rest.rsplit_once('\'')).map(|(said, _)| said)?;
    let said = quoted.rsplit_once("smtp; ").map_or(quoted, |(_, said)| said);
    Some(vec![reply_at_start(said.trim_end_matches('>').trim_start_matches('<'), number)?])
}

/// A line of message tracking: a status for each recipient.
fn tracked(line: &str, number: usize) -> Read {
    // Each begins with a time: `2026-11-23T10:00:00.123Z`.
    let fields = line.get(..11)?.ends_with('T').then(|| fields(line))?;
    let event = fields.get(EVENT)?;
    let is_event = event.len() > 2 && event.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_event || fields.len() <= STATUSES {
        return None;
    }
    let statuses = fields.get(STATUSES)?;
    let sender = fields.get(SENDER).map(String::as_str);
    // Statuses have semicolons of their own, so that they are cut where the next begins.
    let cut = statuses.match_indices(';').map(|(at, _)| at + 1);
    let starts: Vec<usize> =
        std::iter::once(0).chain(cut.filter(|at| begins(statuses.get(*at..).unwrap_or_default()))).collect();
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([statuses.len()]);
    let statuses = starts.iter().zip(ends).filter_map(|(start, end)| statuses.get(*start..end));
    let recipients = fields.get(RECIPIENTS)?.split(';').take(MOST);
    let found = recipients.zip(statuses).filter_map(|(recipient, said)| {
        let found = status(said, number).or_else(|| reply_at_start(said, number))?;
        Some(found.of(Some(recipient)).from(sender))
    });
    Some(found.collect())
}

/// Whether a recipient's status begins here.
fn begins(text: &str) -> bool {
    text.starts_with("[{")
        || text.starts_with("{[")
        || reply_at_start(text.get(..4).unwrap_or(text), 0).is_some()
}

/// What a server said, in Exchange's form: `[{LRT=…};{LED=550 5.1.1 …};{FQDN=mx.example.net};{IP=192.0.2.1}]`.
fn status(text: &str, number: usize) -> Option<Found> {
    let (_, said) = text.split_once("{LED=")?;
    Some(reply_at_start(before(said, &["}"]), number)?.at(between(text, "{FQDN=", "}")))
}

/// The fields of a line of comma-separated values, quotes undone (RFC 4180).
fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted && fields.len() < MOST => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}
