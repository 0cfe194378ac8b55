//! The greeting: when it comes, what it says, and whether the server waits for TLS instead.

use std::net::IpAddr;
use std::time::{Duration, Instant};

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

pub(super) async fn run(walk: &mut Walk) -> String {
    let began = Instant::now();
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
    let waited = began.elapsed();
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

/// The greeting. A server that says nothing, or hangs up, is asked whether it wants TLS.
async fn greeting(walk: &mut Walk) -> Result<Answer, Broken> {
    let patience = walk.plan.thresholds.wrong_mode;
    let may_want_tls = walk.tls.is_none();
    if may_want_tls && let Ok(result) = tokio::time::timeout(patience, walk.connection()?.reply()).await {
        return match result {
            Err(broken @ Broken::Closed { .. }) if wants_tls(walk).await => Err(broken),
            result => result,
        };
    }
    if may_want_tls && wants_tls(walk).await {
        return Err(Broken::Closed { unanswered: None });
    }
    walk.connection()?.reply().await
}

/// Asks on a connection of its own whether the server speaks TLS from the first byte.
async fn wants_tls(walk: &mut Walk) -> bool {
    let mut setup = walk.plan.setup(&walk.endpoint, &walk.plan.tls);
    setup.target.scheme = Scheme::Smtps;
    let (addr, host) = (walk.endpoint.addr(), walk.endpoint.host.clone());
    let asked = versions::one(&setup, addr, &host, &walk.own_name, Version::V1_2);
    let answer = tokio::time::timeout(HANDSHAKE, asked).await;
    let speaks = matches!(
        answer,
        Ok(versions::Answer::Taken(_) | versions::Answer::Refused(_) | versions::Answer::Instead(_))
    );
    if speaks {
        walk.note("tls-from-the-first-byte answered=yes");
        walk.other_mode = Some(Scheme::Smtps);
        let severity = if walk.endpoint.named { Severity::Problem } else { Severity::Note };
        walk.find(Found::new("tls-expected").with("port", addr.port()).severity(severity));
    }
    speaks
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
    for quirk in answer.reply.quirks() {
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
    if !name.contains('.') {
        walk.find(Found::new("greeting-name-short").with("name", &name));
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
