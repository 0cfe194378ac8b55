//! Replies in log lines of servers that write names and values: OpenSMTPD, Stalwart, Haraka.

use crate::explain::text::enhanced_at;

use super::Found;
use super::log::{between, reply_at_start};

/// The reply in such a line, if there is one.
pub(super) fn find(line: &str, number: usize) -> Option<Found> {
    opensmtpd(line, number).or_else(|| stalwart(line, number)).or_else(|| haraka(line, number))
}

/// OpenSMTPD: `mta delivery … to=<bob@example.net> … relay="192.0.2.1 (mx.example.net)" … stat="550 …"`,
/// `mta error reason=BANNER rejected: 554 …`, and `smtp failed-command command="RCPT TO:<…>" result="550 …"`.
fn opensmtpd(line: &str, number: usize) -> Option<Found> {
    if let Some((_, tail)) = line.split_once(" smtp failed-command command=\"") {
        let (command, tail) = tail.split_once("\" result=\"")?;
        let mut found = reply_at_start(tail.trim_end().trim_end_matches('"'), number)?;
        found.answered(command);
        let address = between(command, "<", ">").filter(|address| address.contains('@'));
        match command.get(..4).map(str::to_ascii_uppercase).as_deref() {
            Some("RCPT") => found.recipient = address,
            Some("MAIL") => found.sender = address,
            _ => {}
        }
        return Some(found);
    }
    if let Some((_, reason)) = line.split_once(" mta error reason=") {
        let (at, said) = reason.split_once(" rejected: ")?;
        let mut found = reply_at_start(said, number)?;
        found.answered(if at == "BANNER" { "CONNECT" } else { at });
        return Some(found);
    }
    let (head, stat) = line.split_once(" stat=\"")?;
    let mut found = reply_at_start(stat.trim_end().trim_end_matches('"'), number)?;
    found.recipient = between(head, " to=<", ">");
    found.sender = between(head, " from=<", ">").filter(|sender| !sender.is_empty());
    found.host = between(head, " relay=\"", "\"")
        .map(|relay| between(&relay, "(", ")").unwrap_or_else(|| relay.to_owned()));
    Some(found)
}

/// Stalwart: `SMTP RCPT TO rejected (delivery.rcpt-to-rejected) … hostname = "mx.example.net",
/// to = "bob@example.net", code = 550, details = "5.1.1 …"`.
fn stalwart(line: &str, number: usize) -> Option<Found> {
    let (head, tail) = line.split_once(", code = ")?;
    let (code, tail) = tail.split_once(", details = \"")?;
    let code = code.trim();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let details = tail.split_once('"').map_or(tail, |(details, _)| details);
    let mut found = reply_at_start(&format!("{code} {details}"), number)?;
    let command = between(head, "(delivery.", "-rejected)").unwrap_or_default();
    found.answered(&command.replace('-', " "));
    found.host = between(head, "hostname = \"", "\"");
    found.recipient =
        head.rsplit_once(" to = \"").and_then(|(_, to)| to.split('"').next()).map(str::to_owned);
    Some(found)
}

/// Haraka: `hook=rcpt plugin=… params="<bob@example.net>" retval=DENY msg="…"`. It leaves out the code that it said:
/// 550 for a DENY, 450 for a DENYSOFT.
fn haraka(line: &str, number: usize) -> Option<Found> {
    let (head, tail) = line.split_once(" retval=DENY")?;
    let said = between(tail, "msg=\"", "\"").filter(|said| !said.is_empty())?;
    let said = said.trim();
    let code = if tail.starts_with("SOFT") { "450" } else { "550" };
    let mut found =
        reply_at_start(said, number).unwrap_or_else(|| Found::of_text(&format!("{code} {said}"), number));
    match between(head, "hook=", " ").unwrap_or_default().as_str() {
        "connect" | "lookup_rdns" => found.answered("CONNECT"),
        "data" | "data_post" => found.answered("end of DATA"),
        hook => found.answered(hook),
    }
    let address = between(head, "params=\"", "\"").and_then(|params| between(&params, "<", ">"));
    match found.verb {
        Some(crate::wire::Verb::Rcpt) => found.recipient = address,
        Some(crate::wire::Verb::Mail) => found.sender = address,
        _ => {}
    }
    Some(found)
}

/// Whether a text begins with an enhanced code of a refusal.
pub(super) fn status_at_start(text: &str) -> bool {
    enhanced_at(text.trim_start().as_bytes()).is_some_and(|(code, _)| code.class != 2)
}
