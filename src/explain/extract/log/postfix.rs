//! Postfix: what its clients were told, and what it was told.

use super::anywhere::{one_line, reply_at_start};
use super::{Read, Told, before, behind, between, status_at_start};
use crate::explain::extract::Found;

/// Where the words of a refusal end and what Postfix knows of the session begins.
const FACTS: [&str; 6] = ["; from=<", "; to=<", "; proto=", "; sasl_method=", "; sasl_username=", "; helo=<"];
/// What stands before the host and its address: `host mx.example.net[192.0.2.1] said: …`.
const HOSTS: [&str; 5] = ["host ", "connect to ", "conversation with ", "lost connection with ", "server "];
/// What stands between host and reply.
const SAID: [&str; 2] = ["] said: ", "] refused to talk to me: "];

/// What a line that [`find`] can read has at least one of.
pub(super) const SIGNS: &[&str] = &[
    "reject: ",
    "reject_warning: ",
    "status=",
    "] said: ",
    "] refused to talk to me: ",
    "(connect to ",
    "(conversation with ",
    "(lost connection with ",
    "/cleanup[",
];

pub(super) fn find(line: &str, number: usize) -> Read {
    if let Some((_, noted)) = line.split_once(" postfix/cleanup[").or_else(|| line.split_once("/cleanup["))
        && [": info: ", ": warning: ", ": hold: ", ": prepend: ", ": replace: "]
            .iter()
            .any(|m| noted.contains(m))
    {
        // It writes down what stands in mails.
        return Some(Vec::new());
    }
    let refused = |mark: &str| line.split_once(mark).map(|(_, rest)| rest);
    if let Some(rest) = refused("reject: ").filter(|rest| is_refusal(rest)) {
        return Some(refusal(rest, number).into_iter().collect());
    }
    if let Some(rest) = refused("reject_warning: ") {
        // Nothing was refused: `warn_if_reject` only tells what would have been.
        return Some(
            refusal(rest, number).map(|found| Found { interim: true, ..found }).into_iter().collect(),
        );
    }
    if let Some((_, outcome)) = line.split_once("status=") {
        return delivery(line, outcome, number).map(|found| vec![found]);
    }
    if let Some(inside) = line.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        // A line of `mailq`, above that of the recipient.
        return told(inside, number).map(|found| vec![found]);
    }
    let (_, inside) = line.split_once(": host ")?;
    let one =
        told(&format!("host {inside}"), number).filter(|_| SAID.iter().any(|said| inside.contains(said)))?;
    Some(vec![Found { interim: true, ..one }])
}

/// Whether this is the rest of `NOQUEUE: reject: RCPT from host[192.0.2.1]: 554 …` or
/// `proxy-reject: END-OF-MESSAGE: 550 …`.
fn is_refusal(rest: &str) -> bool {
    rest.contains(" from ") || rest.starts_with("END-OF-MESSAGE: ")
}

/// `RCPT from host[192.0.2.1]: 554 5.7.1 …; from=<…> to=<…> proto=ESMTP`, behind `reject: `.
fn refusal(rest: &str, number: usize) -> Option<Found> {
    let content = rest.starts_with("header ") || rest.starts_with("body ");
    let (said, facts) = match rest.split_once(">: ") {
        // What cleanup refuses: `header Subject: … from host[…]; from=<…> to=<…> … helo=<…>: 5.7.1 …`.
        Some((facts, said)) if content && FACTS.iter().any(|fact| facts.contains(fact)) => (said, facts),
        _ => {
            let (_, rest) = rest.split_once("]: ").or_else(|| rest.split_once(": "))?;
            let said = before(rest, &FACTS);
            (said, rest.get(said.len()..).unwrap_or_default())
        }
    };
    // For a milter Postfix writes the enhanced code alone.
    let bare = || status_at_start(said).then(|| Found::of_text(said.trim(), number));
    let found = reply_at_start(said, number).or_else(bare)?;
    let command = match before(rest, &[" from ", ": "]) {
        _ if content => "end of DATA",
        "END-OF-MESSAGE" => "end of DATA",
        command => command,
    };
    let closed = format!("{facts}>");
    Some(found.to(command).of(between(&closed, " to=<", ">")).from(between(&closed, " from=<", ">")))
}

/// What became of a delivery: `status=bounced (host mx[192.0.2.1] said: 550 5.1.1 … (in reply to RCPT TO command))`.
fn delivery(line: &str, outcome: &str, number: usize) -> Option<Found> {
    let recipient = behind(line, " to=<", &[">,", "> "]).map(|address| address.trim_end_matches('>'));
    // Without an address behind it, it is no host: `relay=none`, `relay=local`.
    let relay = between(line, " relay=", "[").filter(|relay| !relay.contains(','));
    let Some((_, inside)) = outcome.split_once('(') else {
        let expired = outcome.starts_with("expired, ").then(|| Found::of_text(outcome.trim_end(), number))?;
        let expired = expired.from(behind(line, " from=<", &[">"]));
        return Some(Found { returned: Some(true), ..expired });
    };
    let inside = inside.strip_suffix(')').unwrap_or(inside);
    let found = told_by_code(inside, number).or_else(|| {
        let status = between(line, "dsn=", ",").filter(|status| status.starts_with(['4', '5']))?;
        Some(Found::of_text(&format!("{status} {inside}"), number).at(host_in(inside)))
    })?;
    let host = found.host.clone().or_else(|| crate::explain::extract::host(relay?));
    let returned = match before(outcome, &[" "]) {
        "bounced" | "expired" | "undeliverable" => Some(true),
        "deferred" | "SOFTBOUNCE" => Some(false),
        _ => None,
    };
    Some(Found { host, returned, ..found.of(recipient) })
}

/// What a server said or what went wrong, in Postfix's words: in logs, in `mailq`, and in bounces.
pub(super) fn told(inside: &str, number: usize) -> Option<Found> {
    let host = host_in(inside);
    told_by_code(inside, number).or_else(|| Some(Found::of_text(inside, number).at(Some(host?))))
}

/// The reply in `host mx[192.0.2.1] said: 550 … (in reply to RCPT TO command)`, or of `status=sent (250 …)`.
fn told_by_code(inside: &str, number: usize) -> Option<Found> {
    let (inside, command) = match inside.rsplit_once(" (in reply to ") {
        Some((inside, command)) => (inside, command.trim_end_matches(')').trim_end_matches(" command")),
        None if inside.contains("refused to talk to me: ") => (inside, "CONNECT"),
        None => (inside, ""),
    };
    let said = SAID.iter().find_map(|mark| inside.split_once(mark)).map_or(inside, |(_, said)| said);
    Some(reply_at_start(&one_line(said), number)?.to(command).at(host_in(inside)))
}

/// The host that a text is about.
fn host_in(text: &str) -> Option<&str> {
    let head = before(text, &SAID);
    HOSTS.iter().find_map(|mark| {
        let (_, host) = head.rsplit_once(mark)?;
        let host = before(host, &["["]);
        (!host.contains(' ') && host.len() + mark.len() < head.len()).then_some(host)
    })
}
