//! The users of the practice server, and one AUTH exchange with them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::sasl::server::{Seed, ServerStep, Verifier};
use crate::sasl::{BindingKind, ChannelBinding};
use crate::secret::Secret;

/// When a user is refused with words of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Never.
    No,
    /// Even with the right password.
    Always(u16, &'static str),
    /// In place of the usual words when the password is wrong or the mechanism not for them.
    WhenWrong(u16, &'static str),
}

/// One row of the table of users.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// The part before the `@` of the user name.
    pub local: &'static str,
    /// The password, or the token for XOAUTH2. No secret: it is printed for everybody to use.
    pub password: &'static str,
    /// The mechanisms that let the user in; none means all.
    pub mechanisms: &'static [&'static str],
    /// How the user is refused.
    pub refusal: Refusal,
    /// What the user shows.
    pub what: &'static str,
}

/// The users. Their names are full addresses in the server's domain.
#[rustfmt::skip]
pub const USERS: &[User] = &[
    User { local: "alice", password: "wonderland", mechanisms: &[], refusal: Refusal::No,
        what: "gets in with every mechanism" },
    User { local: "bob", password: "builder", mechanisms: &[], refusal: Refusal::No,
        what: "gets in, too" },
    User { local: "locked", password: "letmein", mechanisms: &[],
        refusal: Refusal::Always(525, "5.7.13 User Account Disabled"),
        what: "is refused although the password is right: the account is disabled" },
    User { local: "app", password: "abcdefghijklmnop", mechanisms: &[],
        refusal: Refusal::WhenWrong(534, "5.7.9 Application-specific password required. For more information, go to\n\
            5.7.9 https://support.google.com/mail/?p=InvalidSecondFactor"),
        what: "has two-factor sign-in, so only this app password works; any other shows why" },
    User { local: "oauth", password: "ya29.practice", mechanisms: &["XOAUTH2", "OAUTHBEARER"],
        refusal: Refusal::WhenWrong(535, "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for \
            the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information."),
        what: "gets in with this token by XOAUTH2 or OAUTHBEARER, never by a password" },
    User { local: "strict", password: "challenge", mechanisms: &["CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"],
        refusal: Refusal::WhenWrong(534, "5.7.9 Authentication mechanism is too weak"),
        what: "may use only what does not send the password: CRAM-MD5, SCRAM" },
    User { local: "expired", password: "oldpassword", mechanisms: &[],
        refusal: Refusal::Always(432, "4.7.12 A password transition is needed"),
        what: "has to set a new password first" },
    User { local: "backend", password: "whatever", mechanisms: &[],
        refusal: Refusal::Always(454, "4.7.0 Temporary authentication failure: Connection lost to authentication server"),
        what: "meets a server that cannot check passwords just now" },
];

/// How a step of an exchange came out.
pub enum Outcome {
    /// Send a 334 with these bytes in base64.
    Challenge(Vec<u8>),
    /// Let the user in.
    Accept(String),
    /// Refuse with these words, or with the usual ones.
    Refuse(Option<(u16, &'static str)>),
}

/// One AUTH exchange.
pub struct Exchange {
    verifier: Verifier,
    /// The row of whoever was looked up last.
    claimed: Arc<Mutex<Option<&'static User>>>,
}

impl Exchange {
    /// An exchange by `mechanism`, with users of `domain`. `binding` is what ties it to the TLS link.
    pub fn new(mechanism: &str, domain: &str, seed: Seed, binding: Option<&[u8]>) -> Exchange {
        let claimed = Arc::new(Mutex::new(None));
        let (seen, domain, mechanism) = (Arc::clone(&claimed), domain.to_owned(), mechanism.to_owned());
        let lookup = move |name: &str| {
            let user = find(name, &domain);
            *seen.lock().unwrap_or_else(PoisonError::into_inner) = user;
            let user =
                user.filter(|u| u.mechanisms.is_empty() || u.mechanisms.contains(&mechanism.as_str()))?;
            Some(Secret::new(user.password))
        };
        let mut verifier = Verifier::new(lookup, seed);
        if let Some(data) = binding {
            let kind = BindingKind::TlsServerEndPoint;
            verifier = verifier.with_binding(ChannelBinding { kind, data: data.to_vec() });
        }
        Exchange { verifier, claimed }
    }

    /// Takes the AUTH command with its initial response, after base64.
    pub fn start(&mut self, mechanism: &str, initial: Option<&[u8]>) -> Outcome {
        let step = self.verifier.start(mechanism, initial);
        self.judge(step)
    }

    /// Takes a response, after base64.
    pub fn step(&mut self, response: &[u8]) -> Outcome {
        let step = self.verifier.step(response);
        self.judge(step)
    }

    fn judge(&self, step: ServerStep) -> Outcome {
        let claimed = *self.claimed.lock().unwrap_or_else(PoisonError::into_inner);
        let refusal = claimed.map_or(Refusal::No, |user| user.refusal);
        match (step, refusal) {
            (ServerStep::Challenge(bytes), _) => Outcome::Challenge(bytes),
            (_, Refusal::Always(code, text)) => Outcome::Refuse(Some((code, text))),
            (ServerStep::Accept { user }, _) => Outcome::Accept(user),
            (ServerStep::Reject { .. }, Refusal::WhenWrong(code, text)) => {
                Outcome::Refuse(Some((code, text)))
            }
            (ServerStep::Reject { .. }, Refusal::No) => Outcome::Refuse(None),
        }
    }
}

fn find(name: &str, domain: &str) -> Option<&'static User> {
    let (local, of) = name.rsplit_once('@')?;
    let user = USERS.iter().find(|user| user.local.eq_ignore_ascii_case(local));
    user.filter(|_| of.eq_ignore_ascii_case(domain))
}
