//! Servers that write names and values: OpenSMTPD, Stalwart, Haraka, and Dovecot's LMTP.

use super::anywhere::reply_at_start;
use super::{Read, Told, before, behind, between};
use crate::explain::extract::Found;

/// What a line that [`find`] can read has at least one of.
pub(super) const SIGNS: &[&str] = &[
    " smtp failed-command ",
    " mta error reason=",
    " stat=\"",
    ", code = ",
    " retval=DENY",
    "> rejected: ",
    ": save failed to ",
];

/// The reply in such a line, if there is one.
pub(super) fn find(line: &str, number: usize) -> Read {
    let readers = [opensmtpd, stalwart, haraka, haraka_outbound, dovecot];
    readers.iter().find_map(|read| read(line, number)).map(|found| vec![found])
}

/// OpenSMTPD: `mta delivery … to=<bob@example.net> … relay="192.0.2.1 (mx.example.net)" … stat="550 …"`,
/// `mta error reason=BANNER rejected: 554 …`, and `smtp failed-command command="RCPT TO:<…>" result="550 …"`.
fn opensmtpd(line: &str, number: usize) -> Option<Found> {
    if let Some((_, tail)) = line.split_once(" smtp failed-command command=\"") {
        let (command, tail) = tail.split_once("\" result=\"")?;
        let found = reply_at_start(tail.trim_end().trim_end_matches('"'), number)?.to(command);
        let address = between(command, "<", ">").filter(|address| address.contains('@'));
        return Some(match command.get(..4).map(str::to_ascii_uppercase).as_deref() {
            Some("RCPT") => found.of(address),
            Some("MAIL") => found.from(address),
            _ => found,
        });
    }
    if let Some((_, reason)) = line.split_once(" mta error reason=") {
        let (at, said) = reason.split_once(" rejected: ")?;
        return Some(reply_at_start(said, number)?.to(if at == "BANNER" { "CONNECT" } else { at }));
    }
    let (head, stat) = line.split_once(" stat=\"")?;
    let stat = stat.trim_end().trim_end_matches('"');
    // What it says itself of a delivery that got no reply.
    let own = || {
        (head.contains(" result=\"") && !head.contains(" result=\"Ok\""))
            .then(|| Found::of_text(stat, number))
    };
    let found = reply_at_start(stat, number).or_else(own)?;
    let relay = between(head, " relay=\"", "\"");
    let found = found.of(between(head, " to=<", ">")).from(between(head, " from=<", ">"));
    Some(found.at(relay.map(|relay| between(relay, "(", ")").unwrap_or(relay))))
}

/// Stalwart: `SMTP RCPT TO rejected (delivery.rcpt-to-rejected) … hostname = "mx.example.net",
/// to = "bob@example.net", code = 550, details = "5.1.1 …"`.
fn stalwart(line: &str, number: usize) -> Option<Found> {
    let (head, tail) = line.split_once(", code = ")?;
    let (code, tail) = tail.split_once(", details = \"")?;
    let details = before(tail, &["\""]);
    let found = reply_at_start(&format!("{} {details}", code.trim()), number)?;
    let command = between(head, "(delivery.", "-rejected)").unwrap_or_default().replace('-', " ");
    let recipient = head.rsplit_once(" to = \"").map(|(_, to)| before(to, &["\""]));
    Some(found.to(&command).at(between(head, "hostname = \"", "\"")).of(recipient))
}

/// Haraka: `hook=rcpt plugin=… params="<bob@example.net>" retval=DENY msg="…"`. It leaves out the code that it said:
/// 550 for a DENY, 450 for a DENYSOFT.
fn haraka(line: &str, number: usize) -> Option<Found> {
    let (head, tail) = line.split_once(" retval=DENY")?;
    let said = between(tail, "msg=\"", "\"")?.trim();
    let code = if tail.starts_with("SOFT") { "450" } else { "550" };
    let found =
        reply_at_start(said, number).unwrap_or_else(|| Found::of_text(&format!("{code} {said}"), number));
    let hook = between(head, "hook=", " ").unwrap_or_default();
    let found = found.to(match hook {
        "connect" | "lookup_rdns" => "CONNECT",
        "data" | "data_post" => "end of DATA",
        hook => hook,
    });
    let address = between(head, "params=\"", "\"").and_then(|params| between(params, "<", ">"));
    Some(match hook {
        "rcpt" => found.of(address),
        "mail" => found.from(address),
        _ => found,
    })
}

/// Haraka where it hands on: `[outbound] recipient <bob@example.net> rejected: 550 5.1.1 …`.
fn haraka_outbound(line: &str, number: usize) -> Option<Found> {
    let (head, said) = line.split_once("> rejected: ")?;
    let (_, recipient) = head.rsplit_once("recipient <")?;
    Some(reply_at_start(said, number)?.to("RCPT").of(Some(recipient)))
}

/// Dovecot: `lmtp(bob@example.org)<…>: … save failed to INBOX: Quota exceeded (mailbox for user is full)`.
fn dovecot(line: &str, number: usize) -> Option<Found> {
    let (head, failed) = line.split_once(": save failed to ")?;
    let (_, words) = failed.split_once(": ")?;
    let user = between(head, "lmtp(", ")").or_else(|| between(head, "lda(", ")"));
    // Newer versions have the process in it: `lmtp(bob@example.org)<123><session>`, older ones `lmtp(123, bob@…)`.
    let user = user.and_then(|user| user.rsplit(", ").next());
    Some(Found::of_text(words, number).of(user.or_else(|| behind(head, "deliver(", &[")"]))))
}
