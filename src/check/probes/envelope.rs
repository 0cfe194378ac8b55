//! MAIL and RCPT, tried with the addresses given and taken back. No message is sent.

use super::super::finding::{Found, Severity};
use super::super::walk::{Walk, last_line};
use super::broke;
use crate::session::Answer;
use crate::transport::Broken;
use crate::wire::Class;

pub(super) async fn run(walk: &mut Walk) -> String {
    match attempt(walk).await {
        Ok(summary) => summary,
        Err(broken) => broke(walk, &broken),
    }
}

async fn attempt(walk: &mut Walk) -> Result<String, Broken> {
    let Some(envelope) = walk.plan.envelope.clone() else { return Ok(String::new()) };
    let offered = walk.facts.capabilities.as_ref().is_some_and(|list| list.has("SMTPUTF8"));
    // Addresses beyond ASCII must not be sent to a server without the extension (RFC 6531 §3.3).
    let fits = |address: &str| offered || address.is_ascii();
    for address in std::iter::once(envelope.from()).chain(envelope.to().iter().map(String::as_str)) {
        if !fits(address) {
            walk.find(Found::new("no-smtputf8").with("address", address));
        }
    }
    let count = envelope.to().len();
    let tried: Vec<&String> = envelope.to().iter().filter(|to| fits(to)).collect();
    if !fits(envelope.from()) || tried.is_empty() {
        return Ok("not tried: the server has no SMTPUTF8".to_owned());
    }
    let parameter = if offered && !envelope.is_ascii() { " SMTPUTF8" } else { "" };
    let line = format!("MAIL FROM:<{}>{parameter}", envelope.from());
    let answer = walk.connection()?.command(line.as_bytes()).await?;
    if answer.reply.class() != Some(Class::Completion) {
        let from = if envelope.from().is_empty() { "<>" } else { envelope.from() };
        refused(walk, &answer, ["sender-refused", "sender-deferred"], from);
        return Ok(last_line(&answer));
    }
    let mut taken = 0;
    for to in tried {
        let answer = walk.connection()?.command(format!("RCPT TO:<{to}>").as_bytes()).await?;
        match answer.reply.class() {
            Some(Class::Completion) => taken += 1,
            _ => refused(walk, &answer, ["recipient-refused", "recipient-deferred"], to),
        }
    }
    walk.connection()?.command(b"RSET").await?;
    Ok(format!("{taken} of {count} recipients would be taken; nothing was sent"))
}

/// A refusal, for good or for now.
fn refused(walk: &mut Walk, answer: &Answer, ids: [&'static str; 2], address: &str) {
    let explanation = walk.explain_last();
    let [permanent, transient] = ids;
    let greylisted = explanation.as_ref().is_some_and(|known| known.reason.slug() == "greylisted");
    let id = match answer.reply.class() {
        Some(Class::Transient) if greylisted => "greylisted",
        Some(Class::Transient) => transient,
        _ => permanent,
    };
    walk.transient |= answer.reply.class() == Some(Class::Transient);
    let found = Found::new(id).with("address", address).with("reply", last_line(answer));
    let severity = if id == permanent { Severity::Problem } else { Severity::Warning };
    walk.find(found.severity(severity).explained(explanation));
}
