//! What is tried in a session when a person asks for it: a login, an envelope.

use crate::sasl::{self, Needs};
use crate::secret::Secret;
use crate::wire::command::Command;
use crate::wire::escape::visible;

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The identity to act as, where it is not the user's own.
    pub authzid: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The OAuth token.
    pub token: Option<Secret>,
    /// The mechanism, in capitals; empty for the strongest of those offered.
    pub mechanism: String,
    /// Whether the first response goes behind AUTH.
    pub initial_response: bool,
    /// Whether the secret may go over a link that is not encrypted.
    pub allow_plaintext: bool,
}

impl Login {
    /// A login of which nothing is known yet.
    pub fn of_nobody() -> Login {
        Login {
            user: String::new(),
            authzid: None,
            password: None,
            token: None,
            mechanism: String::new(),
            initial_response: true,
            allow_plaintext: false,
        }
    }

    /// Whether the mechanism, as far as it is known, cannot do without a password or token.
    pub fn needs_secret(&self) -> bool {
        let needs = sasl::info(&self.mechanism).map_or(Needs::Password, |known| known.needs);
        matches!(needs, Needs::Password | Needs::Token)
    }
}

/// The envelope to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    from: String,
    to: Vec<String>,
}

/// An address that would break the grammar of SMTP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no mail address that SMTP can carry")]
pub struct BadAddress(String);

impl Envelope {
    /// Checks the addresses, which stand without brackets. An empty sender is the null sender.
    ///
    /// # Errors
    /// When one of them breaks the grammar, so that none can smuggle in a command of its own.
    pub fn new(from: &str, to: &[String]) -> Result<Envelope, BadAddress> {
        let fits = |verb: &str, address: &str| {
            Command::parse(format!("{verb}:<{address}>").as_bytes())
                .map(drop)
                .ok_or_else(|| BadAddress(visible(address.as_bytes())))
        };
        fits("MAIL FROM", from)?;
        to.iter().try_for_each(|address| fits("RCPT TO", address))?;
        Ok(Envelope { from: from.to_owned(), to: to.to_vec() })
    }

    /// The sender.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The recipients.
    pub fn to(&self) -> &[String] {
        &self.to
    }

    /// Whether all addresses are of ASCII.
    pub fn is_ascii(&self) -> bool {
        self.from.is_ascii() && self.to.iter().all(|address| address.is_ascii())
    }
}
