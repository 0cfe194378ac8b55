//! What can go wrong in an exchange, worded for people and free of secrets.

use thiserror::Error;

/// Why an exchange cannot begin or go on. Texts from outside are already escaped.
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
    /// The challenge breaks the rules of the mechanism.
    #[error("the server's {mechanism} challenge is wrong: {why}; cancel with *")]
    Challenge {
        /// The mechanism.
        mechanism: &'static str,
        /// What is wrong with it, escaped.
        why: String,
    },
    /// A challenge came when the mechanism has nothing more to say.
    #[error("the server sent another challenge after {mechanism} was over; cancel with *")]
    Over {
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
