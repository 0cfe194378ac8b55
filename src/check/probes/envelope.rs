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
    let utf8 =
        !envelope.is_ascii() && walk.facts.capabilities.as_ref().is_some_and(|list| list.has("SMTPUTF8"));
    let parameter = if utf8 { " SMTPUTF8" } else { "" };
    let line = format!("MAIL FROM:<{}>{parameter}", envelope.from());
    let answer = walk.connection()?.command(line.as_bytes()).await?;
    let from = if envelope.from().is_empty() { "the null sender" } else { envelope.from() };
    if answer.reply.class() != Some(Class::Completion) {
        refused(walk, &answer, ["sender-refused", "sender-deferred"], from);
        return Ok(last_line(&answer));
    }
    let mut taken = 0;
    for to in envelope.to() {
        let answer = walk.connection()?.command(format!("RCPT TO:<{to}>").as_bytes()).await?;
        match answer.reply.class() {
            Some(Class::Completion) => taken += 1,
            _ => refused(walk, &answer, ["recipient-refused", "recipient-deferred"], to),
        }
    }
    walk.connection()?.command(b"RSET").await?;
    Ok(format!("{taken} of {} recipients would be taken; nothing was sent", envelope.to().len()))
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
