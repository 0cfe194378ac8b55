//! What the server offers, in plaintext and over TLS.

use super::super::finding::{Found, Severity};
use super::super::walk::{Walk, last_line, short_target};
use super::{broke, by_role};
use crate::session::Answer;
use crate::target::{Scheme, Target};
use crate::transport::Broken;
use crate::wire::escape::visible;
use crate::wire::{Capabilities, Class, Quirk, ReplyCode};

pub(super) async fn run(walk: &mut Walk) -> String {
    let result = match greet(walk).await {
        Ok(Ok(summary)) => Ok(summary),
        Ok(Err(answer)) => refused(walk, &answer).await,
        Err(broken) => Err(broken),
    };
    result.unwrap_or_else(|broken| broke(walk, &broken))
}

pub(super) fn obstacle_over_tls(walk: &Walk) -> Option<String> {
    (walk.tls.is_none()).then(|| "the link is not encrypted".to_owned())
}

/// EHLO must be said again, and everything said before is forgotten (RFC 3207 §4.2).
pub(super) async fn over_tls(walk: &mut Walk) -> String {
    let before = walk.facts.capabilities.clone();
    match greet(walk).await {
        Ok(Ok(summary)) => {
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
        Ok(Err(answer)) => refused_over_tls(walk, &answer),
        Err(broken) => broke(walk, &broken),
    }
}

fn refused_over_tls(walk: &mut Walk, answer: &Answer) -> String {
    let said = last_line(answer);
    // Some servers that miss a client certificate say so in words only: Postfix with 421, which no waiting mends.
    let wants_certificate = said.to_ascii_lowercase().contains("client certificate");
    if answer.reply.class() == Some(Class::Transient) && !wants_certificate {
        return put_off(walk, answer);
    }
    let id = if wants_certificate { "tls-client-certificate" } else { "ehlo-refused-over-tls" };
    walk.find(Found::new(id).with("what", format!("the server refuses: {said}")));
    walk.stop("the server refuses EHLO over TLS");
    said
}

/// EHLO, which gives what it lists in one line, or the refusal.
async fn greet(walk: &mut Walk) -> Result<Result<String, Box<Answer>>, Broken> {
    let own_name = walk.own_name.clone();
    let answer = walk.connection()?.greet(&own_name).await?;
    if answer.reply.class() != Some(Class::Completion) {
        return Ok(Err(Box::new(answer)));
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
    Ok(Ok(if words.is_empty() { "no extensions at all".to_owned() } else { words.join(" ") }))
}

fn reply_quirks(walk: &mut Walk, answer: &Answer) {
    let mut seen: Vec<Quirk> = Vec::new();
    for quirk in answer.reply.quirks().into_iter().chain(answer.quirk_of_code()) {
        if !seen.contains(&quirk) {
            walk.find(of_quirk(&quirk, "a reply"));
            seen.push(quirk);
        }
    }
}

/// A deviation from the protocol as a finding. Where clients may lose their way by it, it is more than a note.
pub(super) fn of_quirk(quirk: &Quirk, place: &str) -> Found {
    let found = Found::new("protocol-broken").with("quirk", quirk).with("where", place);
    let found = found.with("clause", quirk.source());
    match quirk {
        Quirk::Unsolicited | Quirk::UnexpectedCode { .. } | Quirk::CodesDisagree { .. } => {
            found.severity(Severity::Warning)
        }
        _ => found,
    }
}

/// EHLO was refused: for now, or because the server does not know it, or because of who says it.
async fn refused(walk: &mut Walk, answer: &Answer) -> Result<String, Broken> {
    let not_known = matches!(answer.reply.code(), Some(ReplyCode(500 | 502)));
    let lmtp = walk.endpoint.scheme == Scheme::Lmtp;
    match answer.reply.class() {
        Some(Class::Transient) => Ok(put_off(walk, answer)),
        _ if not_known && !lmtp => fall_back(walk).await,
        _ => Ok(not_greeted(walk, answer, lmtp && not_known)),
    }
}

/// HELO, as before 1995.
async fn fall_back(walk: &mut Walk) -> Result<String, Broken> {
    let own_name = walk.own_name.clone();
    let answer = walk.connection()?.command(format!("HELO {own_name}").as_bytes()).await?;
    match answer.reply.class() {
        Some(Class::Completion) => {
            walk.find(Found::new("helo-only").severity(by_role(walk)));
            walk.helo_only = true;
            walk.facts.capabilities = Some(Capabilities::default());
            Ok(format!("EHLO refused, HELO taken: {}", last_line(&answer)))
        }
        Some(Class::Transient) => Ok(put_off(walk, &answer)),
        _ => Ok(not_greeted(walk, &answer, false)),
    }
}

/// The server does not want to talk now.
fn put_off(walk: &mut Walk, answer: &Answer) -> String {
    let explanation = walk.explain_last();
    walk.transient = true;
    walk.find(Found::new("greeting-deferred").with("reply", last_line(answer)).explained(explanation));
    walk.stop("the server takes no session now");
    last_line(answer)
}

/// The server does not want to talk with us; or, where LMTP was meant, does not speak it.
fn not_greeted(walk: &mut Walk, answer: &Answer, no_lmtp: bool) -> String {
    let found = Found::new("greeting-refused-by-name").with("reply", last_line(answer));
    let explanation = walk.explain_last();
    let found = match no_lmtp {
        true => found.with("smtp", short_target(&Target { scheme: Scheme::Smtp, ..walk.endpoint.target() })),
        false => found.explained(explanation),
    };
    reply_quirks(walk, answer);
    walk.find(found);
    walk.stop("the server refuses to be greeted");
    last_line(answer)
}

/// Without EHLO there are no extensions, which has been said.
pub(super) fn obstacle_without_extensions(walk: &Walk) -> Option<String> {
    walk.helo_only.then(|| "without EHLO there are no extensions".to_owned())
}
