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
    malformed(walk);
    weigh_in_clear(walk, &in_clear);
    weigh(walk, &now, state.tls());
    if now.is_empty() { "none".to_owned() } else { visible(now.join(" ").as_bytes()) }
}

/// AUTH has the names of its mechanisms behind it, with blanks between (RFC 4954 §3). Clients see nothing in other forms.
fn malformed(walk: &mut Walk) {
    let Some(list) = walk.facts.capabilities.clone() else { return };
    let auth = list.get("AUTH");
    let old = list.list.iter().find(|one| one.keyword.to_ascii_uppercase().starts_with("AUTH="));
    let bad = match (auth, old) {
        (Some(auth), _) if auth.params.is_empty() || !auth.params.iter().all(|name| is_mechanism(name)) => {
            auth
        }
        (None, Some(old)) => old,
        _ => return,
    };
    let line = std::iter::once(&bad.keyword).chain(&bad.params).cloned().collect::<Vec<_>>().join(" ");
    walk.find(Found::new("auth-malformed").with("line", visible(line.as_bytes())));
}

/// Whether this can be the name of a mechanism (RFC 4422 §3.1); its case does not matter here.
fn is_mechanism(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=20).contains(&name.len()) && name.bytes().all(fits)
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
    // What is not known here, as GSSAPI, is neither withdrawn nor wants a token; it may be as good as any.
    let known: Option<Vec<_>> = offered.iter().map(|name| sasl::info(name)).collect();
    if let Some(known) = known {
        let mut usable = known.iter().filter(|m| !m.obsolete || m.clear_text).peekable();
        if usable.peek().is_none() {
            let names = visible(offered.join(" ").as_bytes());
            walk.find(Found::new("auth-outdated-only").with("mechanisms", names));
        } else if usable.all(|m| m.needs == Needs::Token) {
            walk.find(Found::new("auth-tokens-only"));
        }
    }
    if walk.endpoint.role == Role::Relay {
        walk.find(Found::new("auth-on-relay"));
    }
}
