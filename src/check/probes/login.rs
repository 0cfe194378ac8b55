//! Authentication, tried with the credentials given. They go over a verified TLS link, or over no link at all unless
//! the person has said otherwise.

use std::time::{SystemTime, UNIX_EPOCH};

use super::super::finding::Found;
use super::super::report::End;
use super::super::tried::Login;
use super::super::walk::{Walk, last_line};
use super::{broke, end_as};
use crate::sasl::{self, ChannelBinding, Credentials, Have, Needs};
use crate::secret::Secret;
use crate::transport::AuthError;
use crate::transport::tls::Verified;
use crate::wire::Class;
use crate::wire::escape::visible;

pub(super) async fn run(walk: &mut Walk) -> String {
    let Some(login) = walk.plan.login.clone() else { return String::new() };
    if let Some(why) = unsafe_link(walk, &login) {
        walk.find(Found::new("login-withheld").with("why", why));
        end_as(walk, End::TlsFailed);
        walk.stop("the login was not tried");
        return format!("not tried: {why}");
    }
    let Some(name) = choose(walk, &login) else {
        let offered = visible(offered(walk).join(" ").as_bytes());
        let offered = if offered.is_empty() { "none at all".to_owned() } else { offered };
        walk.find(Found::new("login-no-mechanism").with("offered", &offered));
        end_as(walk, End::AuthRefused);
        walk.stop("there is no way to log in");
        return format!("no mechanism fits; offered: {offered}");
    };
    match exchange(walk, &login, &name).await {
        Ok(summary) => summary,
        Err(error) => refused(walk, &login, &name, error),
    }
}

/// Why the secret must not go over this link.
fn unsafe_link(walk: &Walk, login: &Login) -> Option<&'static str> {
    match &walk.tls {
        None if login.allow_plaintext => None,
        None => Some("the link is not encrypted"),
        Some(info) if info.verified == Verified::Yes || walk.plan.tls.options().insecure => None,
        Some(_) => Some("the server's certificate does not verify"),
    }
}

fn offered(walk: &Walk) -> Vec<String> {
    walk.facts.capabilities.as_ref().map(|list| list.mechanisms()).unwrap_or_default()
}

/// The mechanism that was named, else the strongest of those offered.
fn choose(walk: &Walk, login: &Login) -> Option<String> {
    if !login.mechanism.is_empty() {
        return Some(login.mechanism.to_ascii_uppercase());
    }
    let have = Have {
        password: login.password.is_some(),
        token: login.token.is_some(),
        certificate: walk.plan.tls.options().cert.is_some(),
        binding: binding(walk).is_some(),
    };
    sasl::strongest(&offered(walk), have, walk.tls.is_some()).map(|choice| choice.name.to_owned())
}

fn binding(walk: &Walk) -> Option<ChannelBinding> {
    walk.tls.as_ref()?.binding.clone()
}

async fn exchange(walk: &mut Walk, login: &Login, name: &str) -> Result<String, AuthError> {
    let secret = secret_for(login, name).unwrap_or_else(|| Secret::new(Vec::new()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let credentials = Credentials {
        channel_binding: binding(walk),
        seconds: now.map_or(0, |time| time.as_secs()),
        host: Some(walk.endpoint.host.to_string()),
        port: Some(walk.endpoint.port),
        authzid: login.authzid.clone(),
        ..Credentials::new(login.user.clone(), secret)
    };
    let mechanism = sasl::client(name, &credentials).map_err(AuthError::Unusable)?;
    let connection = walk.connection()?;
    if !credentials.secret.is_empty() {
        connection.log().keep_secret(&credentials.secret);
    }
    let (answer, outcome) = connection.authenticate(mechanism, login.initial_response).await?;
    let proved = if outcome.server_verified { "; the server proved that it knows the secret" } else { "" };
    Ok(format!("{name} · {}{proved}", last_line(&answer)))
}

/// What the mechanism wants. A token given as a password is meant, as nobody has a password for those mechanisms.
fn secret_for(login: &Login, name: &str) -> Option<Secret> {
    match sasl::info(name).map(|known| known.needs) {
        Some(Needs::Nothing | Needs::Certificate) => None,
        Some(Needs::Token) => login.token.clone().or_else(|| login.password.clone()),
        Some(Needs::Password) | None => login.password.clone(),
    }
}

fn refused(walk: &mut Walk, login: &Login, name: &str, error: AuthError) -> String {
    let words = error.to_string();
    let (found, end) = match &error {
        AuthError::Broken(broken) => return broke(walk, broken),
        AuthError::Unusable(_) => (Found::new("login-unusable"), End::AuthRefused),
        // Nobody has judged the credentials.
        AuthError::Challenge { .. } => (Found::new("login-challenge"), End::Broken),
        AuthError::Refused(answer) if answer.reply.class() == Some(Class::Transient) => {
            walk.transient = true;
            // What is known of this server says more than the row; a bare "not now" does not.
            let known = walk.explain_last().filter(|known| known.reason.slug() != "temporarily-unavailable");
            let found = Found::new("login-deferred").with("reply", last_line(answer));
            (found.explained(known), End::Broken)
        }
        AuthError::Refused(answer) => {
            let found = Found::new("login-refused").with("reply", last_line(answer));
            (found.explained(walk.explain_last()), End::AuthRefused)
        }
    };
    let user = visible(login.user.as_bytes());
    walk.find(found.with("mechanism", name).with("user", user).with("what", &words));
    end_as(walk, end);
    walk.stop("the login failed");
    words
}
