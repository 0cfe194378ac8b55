//! What can go wrong in an exchange, worded for people and free of secrets.

use thiserror::Error;

use super::BadBase64;

/// Why an exchange cannot begin or go on. Texts from outside are already escaped. They tell what is wrong and leave it to
/// the caller to say what became of the exchange, which whoever holds it cancels.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SaslError {
    /// No mechanism of this name is known.
    #[error("no mechanism {name} here; type AUTH {name} yourself and answer its challenges by hand")]
    Unknown {
        /// The name that was asked for, escaped.
        name: String,
    },
    /// The credentials do not fit the mechanism.
    #[error("{mechanism} cannot be used: {why}")]
    Credentials {
        /// The mechanism.
        mechanism: &'static str,
        /// What is missing or not allowed.
        why: &'static str,
    },
    /// The challenge is not base64.
    #[error("the server's challenge is {0}")]
    Base64(#[from] BadBase64),
    /// The challenge breaks the rules of the mechanism.
    #[error("the server's {mechanism} challenge is wrong: {why}")]
    Challenge {
        /// The mechanism.
        mechanism: &'static str,
        /// What is wrong with it, escaped.
        why: String,
    },
    /// A challenge came when the mechanism has nothing more to say.
    #[error("the server sent another challenge after {mechanism} was over")]
    Over {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The server demands an absurd amount of work of the client.
    #[error(
        "the server asks for {count} rounds of {mechanism}; more than {limit} are refused here, \
         as they would only keep this machine busy"
    )]
    Iterations {
        /// The mechanism.
        mechanism: &'static str,
        /// The rounds asked for.
        count: u64,
        /// The most that are taken.
        limit: u32,
    },
    /// The server's nonce does not continue ours.
    #[error(
        "the server's {mechanism} nonce does not begin with ours: this is the answer to another exchange, \
         replayed or mixed up; nothing was proved to it"
    )]
    Nonce {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The server's signature is wrong.
    #[error(
        "THE SERVER FAILED TO PROVE ITSELF: its {mechanism} signature is wrong, so it does not know the \
         password and is not the server you have an account with; do not go on"
    )]
    ServerSignature {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The server said yes without its signature.
    #[error(
        "THE SERVER DID NOT PROVE ITSELF: it accepted the login without the {mechanism} signature that \
         would show that it knows the password; do not trust this session"
    )]
    ServerNotVerified {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The server refused inside the exchange.
    #[error("the server refuses {mechanism}: {why}")]
    ServerSays {
        /// The mechanism.
        mechanism: &'static str,
        /// The error it named, explained and escaped.
        why: String,
    },
    /// The operating system gave no random bytes.
    #[error("no random bytes for the {mechanism} nonce: the operating system refused them")]
    Random {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// The crate behind the mechanism failed in a way it should not.
    #[error("{mechanism} failed: {why}")]
    Library {
        /// The mechanism.
        mechanism: &'static str,
        /// Which step failed.
        why: &'static str,
    },
}

impl SaslError {
    /// A challenge that breaks the mechanism's rules.
    pub(super) fn challenge(mechanism: &'static str, why: impl Into<String>) -> Self {
        SaslError::Challenge { mechanism, why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sasl::decode_challenge;

    /// Those who hold the exchange cancel it and say that they did.
    #[test]
    fn an_error_within_an_exchange_does_not_say_what_to_do_about_it() {
        let mechanism = "SCRAM-SHA-256";
        for error in [
            SaslError::from(decode_challenge(b"!").unwrap_err()),
            SaslError::challenge(mechanism, "it is empty"),
            SaslError::Over { mechanism },
            SaslError::Iterations { mechanism, count: 9_000_000, limit: 1_000_000 },
            SaslError::Nonce { mechanism },
            SaslError::ServerSignature { mechanism },
            SaslError::ServerSays { mechanism, why: "invalid-proof".to_owned() },
            SaslError::Library { mechanism, why: "HMAC" },
        ] {
            assert!(!error.to_string().contains("cancel"), "{error}");
        }
    }
}
