//! The mechanisms offered, before and after TLS.

use super::super::finding::{Found, Severity};
use super::super::subject::Role;
use super::super::walk::Walk;
use crate::sasl::{self, Needs};
use crate::wire::Capabilities;
use crate::wire::escape::visible;

pub(super) async fn run(walk: &mut Walk) -> String {
    let state = walk.connection.as_ref().map(|connection| connection.state().clone());
    let Some(state) = state else { return String::new() };
    let list =
        |capabilities: Option<&Capabilities>| capabilities.map(Capabilities::mechanisms).unwrap_or_default();
    let now = list(state.capabilities.as_deref());
    let in_clear = if state.tls() { list(state.before_tls.as_deref()) } else { now.clone() };
    weigh_in_clear(walk, &in_clear);
    weigh(walk, &now, state.tls());
    if now.is_empty() { "none".to_owned() } else { visible(now.join(" ").as_bytes()) }
}

/// What is offered before TLS lets clients send passwords in clear.
fn weigh_in_clear(walk: &mut Walk, offered: &[String]) {
    let shows = |name: &&String| sasl::info(name).is_some_and(|m| m.clear_text && m.needs == Needs::Password);
    let showing: Vec<String> = offered.iter().filter(shows).map(|name| visible(name.as_bytes())).collect();
    if !showing.is_empty() {
        walk.find(Found::new("auth-in-clear").with("mechanisms", showing.join(" ")));
    }
}

fn weigh(walk: &mut Walk, offered: &[String], tls: bool) {
    if offered.is_empty() {
        match walk.endpoint.role {
            Role::Submission if tls => walk.find(Found::new("auth-not-offered")),
            Role::Submission => walk.find(Found::new("auth-not-offered").severity(Severity::Warning)),
            Role::Relay | Role::Unknown => {}
        }
        return;
    }
    let known = offered.iter().filter_map(|name| sasl::info(name));
    let usable: Vec<_> = known.filter(|m| !m.obsolete || m.clear_text).collect();
    if usable.is_empty() {
        let names = visible(offered.join(" ").as_bytes());
        walk.find(Found::new("auth-outdated-only").with("mechanisms", names));
    } else if usable.iter().all(|m| m.needs == Needs::Token) {
        walk.find(Found::new("auth-tokens-only"));
    }
    if walk.endpoint.role == Role::Relay {
        walk.find(Found::new("auth-on-relay"));
    }
}
