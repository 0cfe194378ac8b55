//! What the server offers, in plaintext and over TLS.

use super::super::finding::Found;
use super::super::walk::{Walk, last_line};
use super::broke;
use crate::session::Answer;
use crate::target::Scheme;
use crate::transport::Broken;
use crate::wire::escape::visible;
use crate::wire::{Capabilities, Class, Quirk};

pub(super) async fn run(walk: &mut Walk) -> String {
    match greet(walk).await {
        Ok(Some(summary)) => summary,
        Ok(None) => match fall_back(walk).await {
            Ok(summary) => summary,
            Err(broken) => broke(walk, &broken),
        },
        Err(broken) => broke(walk, &broken),
    }
}

pub(super) fn obstacle_over_tls(walk: &Walk) -> Option<String> {
    (walk.tls.is_none()).then(|| "the link is not encrypted".to_owned())
}

/// EHLO must be said again, and everything said before is forgotten (RFC 3207 §4.2).
pub(super) async fn over_tls(walk: &mut Walk) -> String {
    let before = walk.facts.capabilities.clone();
    match greet(walk).await {
        Ok(Some(summary)) => {
            walk.facts.before_tls = before;
            let state = walk.connection.as_ref().map(|connection| connection.state().clone());
            let difference = state.as_ref().and_then(crate::session::State::tls_difference);
            if walk.facts.capabilities.as_ref().is_some_and(|list| list.has("STARTTLS")) {
                walk.find(Found::new("starttls-offered-twice"));
            }
            difference.map_or(summary, |difference| {
                let signed = |sign: &str, list: &[String]| -> Vec<String> {
                    list.iter().map(|item| format!("{sign}{}", visible(item.as_bytes()))).collect()
                };
                let changes = [signed("+", &difference.gained), signed("−", &difference.lost)].concat();
                if changes.is_empty() { "the same list as before".to_owned() } else { changes.join(" ") }
            })
        }
        Ok(None) => refused_over_tls(walk),
        Err(broken) => broke(walk, &broken),
    }
}

/// Under TLS 1.3 a server that misses a client certificate says so only now.
fn refused_over_tls(walk: &mut Walk) -> String {
    let said = walk.refusal.take().unwrap_or_default();
    let id = match said.to_ascii_lowercase().contains("client certificate") {
        true => "tls-client-certificate",
        false => "ehlo-refused-over-tls",
    };
    walk.find(Found::new(id).with("what", format!("the server refuses: {said}")));
    walk.stop("the server refuses EHLO over TLS");
    said
}

/// EHLO; nothing if it is refused.
async fn greet(walk: &mut Walk) -> Result<Option<String>, Broken> {
    let own_name = walk.own_name.clone();
    let answer = walk.connection()?.greet(&own_name).await?;
    if answer.reply.class() != Some(Class::Completion) {
        walk.refusal = Some(last_line(&answer));
        return Ok(None);
    }
    let capabilities = Capabilities::from_reply(&answer.reply);
    for quirk in Capabilities::quirks_of(&answer.reply) {
        // Many servers list AUTH= for clients that nobody has any more; it harms nobody.
        if !matches!(quirk, Quirk::ObsoleteCapability(_)) {
            walk.find(of_quirk(&quirk, "the list of EHLO"));
        }
    }
    reply_quirks(walk, &answer);
    let words: Vec<String> = capabilities.list.iter().map(|c| visible(c.keyword.as_bytes())).collect();
    walk.facts.capabilities = Some(capabilities);
    Ok(Some(if words.is_empty() { "no extensions at all".to_owned() } else { words.join(" ") }))
}

fn reply_quirks(walk: &mut Walk, answer: &Answer) {
    let mut seen: Vec<Quirk> = Vec::new();
    for quirk in answer.reply.quirks() {
        if !seen.contains(&quirk) {
            walk.find(of_quirk(&quirk, "a reply"));
            seen.push(quirk);
        }
    }
}

/// A deviation from the protocol as a finding.
pub(super) fn of_quirk(quirk: &Quirk, place: &str) -> Found {
    Found::new("protocol-broken").with("quirk", quirk).with("where", place).with("clause", quirk.source())
}

/// HELO, as before 1995.
async fn fall_back(walk: &mut Walk) -> Result<String, Broken> {
    let explanation = walk.explain_last();
    let own_name = walk.own_name.clone();
    let lmtp = walk.endpoint.scheme == Scheme::Lmtp;
    if lmtp || walk.connection()?.ended() {
        walk.find(Found::new("greeting-refused-by-name").with("reply", "").explained(explanation));
        walk.stop("the server refuses to be greeted");
        return Ok("refused".to_owned());
    }
    let answer = walk.connection()?.command(format!("HELO {own_name}").as_bytes()).await?;
    if answer.reply.class() == Some(Class::Completion) {
        walk.find(Found::new("helo-only"));
        walk.facts.capabilities = Some(Capabilities::default());
        return Ok(format!("EHLO refused, HELO taken: {}", last_line(&answer)));
    }
    let explanation = walk.explain_last();
    walk.transient |= answer.reply.class() == Some(Class::Transient);
    walk.find(
        Found::new("greeting-refused-by-name").with("reply", last_line(&answer)).explained(explanation),
    );
    walk.stop("the server refuses to be greeted");
    Ok(last_line(&answer))
}
