//! The greeting: when it comes, what it says, and whether the server waits for TLS instead.

use std::net::IpAddr;
use std::time::Duration;

use super::super::finding::{Found, Severity};
use super::super::walk::{Walk, last_line};
use super::{broke, end_as};
use crate::check::report::End;
use crate::session::Answer;
use crate::target::{Host, Scheme};
use crate::transport::tls::Version;
use crate::transport::{Broken, DialOptions, resolve, versions};
use crate::wire::escape::visible;
use crate::wire::{Class, Quirk};

/// Whoever begins with TLS has answered a first message after this long.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Greetings are delayed by some seconds on purpose, by half a minute at the most that is known.
const LONG_SILENCE: Duration = Duration::from_secs(45);

pub(super) async fn run(walk: &mut Walk) -> String {
    let answer = match greeting(walk).await {
        Ok(answer) => answer,
        Err(broken) if walk.other_mode.is_some() => {
            walk.hang_up();
            let words = "the server waits for TLS here".to_owned();
            walk.stop(&words);
            return if matches!(broken, Broken::NotSmtp(_)) { broken.to_string() } else { words };
        }
        Err(broken) => return broke(walk, &broken),
    };
    let waited = answer.waited;
    walk.pace(waited);
    walk.facts.banner = Some(visible(answer.reply.lines().next().map(|l| l.text()).unwrap_or_default()));
    if waited >= walk.plan.thresholds.banner {
        walk.find(Found::new("banner-slow").with("seconds", format!("{:.1}", waited.as_secs_f32())));
    }
    match answer.reply.class() {
        Some(Class::Completion) => {
            quirks(walk, &answer);
            compare_name(walk, &answer).await;
        }
        class => refused(walk, class, &answer),
    }
    last_line(&answer)
}

/// The greeting. A server from which nothing at all comes is asked whether it wants TLS.
///
/// Whoever speaks before the greeting is a spammer to many servers, and the slow ones delay it to learn just that. So
/// the question waits until nothing has come for longer than they do, the limit for the greeting has run out, or the
/// server has hung up; only ports that begin with TLS by custom are asked soon. The greeting is listened for meanwhile.
async fn greeting(walk: &mut Walk) -> Result<Answer, Broken> {
    if walk.tls.is_some() {
        return walk.connection()?.reply().await;
    }
    let patience = match begins_with_tls_by_custom(walk.endpoint.port) {
        true => walk.plan.thresholds.wrong_mode,
        false => LONG_SILENCE,
    };
    let question = wants_tls(walk);
    let tape = walk.ledger.tape.clone();
    let later = async {
        tokio::time::sleep(patience).await;
        // The beginning of a greeting is no silence.
        if tape.heard_anything() { std::future::pending().await } else { question.await }
    };
    let (early, result) = tokio::select! {
        biased;
        result = walk.connection()?.reply() => (None, result),
        yes = later => (Some(yes), Err(Broken::Closed { unanswered: None })),
    };
    let result = if early == Some(false) { walk.connection()?.reply().await } else { result };
    let silent = matches!(result, Err(Broken::Closed { .. } | Broken::TimedOut { .. }));
    let waits_for_tls = match early {
        Some(yes) => yes,
        None => silent && !walk.ledger.tape.heard_anything() && wants_tls(walk).await,
    };
    if silent && waits_for_tls {
        walk.note("tls-from-the-first-byte answered=yes");
        walk.other_mode = Some(Scheme::Smtps);
        let severity = if walk.endpoint.named { Severity::Problem } else { Severity::Note };
        walk.find(Found::new("tls-expected").with("port", walk.endpoint.port).severity(severity));
    }
    result
}

/// Port 465 (RFC 8314 §7.3), and those that providers have made in its likeness: 1465, 2465, 8465.
fn begins_with_tls_by_custom(port: u16) -> bool {
    port % 1000 == 465
}

/// Asks on a connection of its own whether the server speaks TLS from the first byte.
fn wants_tls(walk: &Walk) -> impl Future<Output = bool> + Send + use<> {
    let mut setup = walk.plan.setup(&walk.endpoint, &walk.plan.tls);
    setup.target.scheme = Scheme::Smtps;
    let (addr, host, own_name) = (walk.endpoint.addr(), walk.endpoint.host.clone(), walk.own_name.clone());
    async move {
        let asked = versions::one(&setup, addr, &host, &own_name, Version::V1_2);
        let answer = tokio::time::timeout(HANDSHAKE, asked).await;
        matches!(
            answer,
            Ok(versions::Answer::Taken(_) | versions::Answer::Refused(_) | versions::Answer::Instead(_))
        )
    }
}

fn refused(walk: &mut Walk, class: Option<Class>, answer: &Answer) {
    let explanation = walk.explain_last();
    let id = if class == Some(Class::Transient) { "greeting-deferred" } else { "greeting-refused" };
    walk.transient |= class == Some(Class::Transient);
    walk.find(Found::new(id).with("reply", last_line(answer)).explained(explanation));
    end_as(walk, End::Broken);
    walk.stop("the server takes no session from here");
}

fn quirks(walk: &mut Walk, answer: &Answer) {
    let text = answer.reply.lines().next().map(|line| line.text().to_vec()).unwrap_or_default();
    if text.iter().filter(|b| **b == b'*').count() >= 8 {
        walk.find(Found::new("greeting-masked"));
        return;
    }
    for quirk in answer.reply.quirks().into_iter().chain(answer.quirk_of_code()) {
        walk.find(super::ehlo::of_quirk(&quirk, "the greeting"));
    }
    if answer.reply.quirk_of_greeting() == Some(Quirk::NoName) {
        walk.find(Found::new("greeting-without-name"));
    }
}

/// The name in the greeting should be a full one that leads to this address (RFC 5321 §4.3.1).
async fn compare_name(walk: &mut Walk, answer: &Answer) {
    let text = answer.reply.lines().next().map(|line| line.text().to_vec()).unwrap_or_default();
    let word = text.split(|b| *b == b' ').next().unwrap_or_default();
    let Ok(Host::Name(name)) = Host::parse(&String::from_utf8_lossy(word)) else { return };
    if walk.endpoint.host.name() == Some(name.as_str()) {
        return;
    }
    if matches!(name.as_str(), "esmtp" | "smtp" | "lmtp") {
        walk.find(Found::new("greeting-without-name"));
        return;
    }
    if !name.contains('.') {
        walk.find(Found::new("greeting-name-short").with("name", visible(word)));
        return;
    }
    let (plan, ip) = (walk.plan.clone(), walk.endpoint.ip);
    if plan.asks_about(ip) && !leads_to(&plan.dial, &name, ip).await {
        walk.find(Found::new("greeting-name-elsewhere").with("name", &name).with("ip", ip));
    }
}

/// Whether a name has this address; a name about which nobody can tell counts as if it had.
async fn leads_to(options: &DialOptions, name: &str, ip: IpAddr) -> bool {
    match resolve::addresses(name, options).await {
        Ok(found) => found.contains(&ip),
        Err(error) => {
            matches!(error.problem, resolve::NameProblem::ServerFailed | resolve::NameProblem::TimedOut(_))
        }
    }
}
