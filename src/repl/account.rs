//! Who logs in, where the secret comes from, and who keeps it.

use std::fmt;
use std::sync::Arc;

use crate::secret::Secret;

/// What was configured for authentication.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user name.
    pub user: Option<String>,
    /// The identity to act as, where it is not the user's own.
    pub authzid: Option<String>,
    /// The password, where it was given and is not to be asked for.
    pub password: Option<Secret>,
    /// The OAuth token, where it was given and is not to be asked for.
    pub token: Option<Secret>,
    /// Whether credentials may go over a link that is not encrypted.
    pub allow_plaintext: bool,
    /// Whether the first response goes behind AUTH (RFC 4954 §4) rather than in answer to the first challenge.
    pub initial_response: bool,
    /// What the system's keyring or `.netrc` holds for the user at this host: a password or a token.
    pub kept: Option<Secret>,
    /// Keeps a secret that was typed and accepted, if the person agrees.
    pub keeper: Option<Keeper>,
}

impl Login {
    /// Another host is opened: what was kept for one must not go to another, nor be overwritten by what is typed there.
    pub(super) fn leave_host(&mut self) {
        (self.kept, self.keeper) = (None, None);
    }
}

impl Default for Login {
    fn default() -> Self {
        Login {
            user: None,
            authzid: None,
            password: None,
            token: None,
            allow_plaintext: false,
            initial_response: true,
            kept: None,
            keeper: None,
        }
    }
}

/// Keeps secrets of users for later sessions.
#[derive(Clone)]
pub struct Keeper(Arc<Keep>);

type Keep = dyn Fn(&str, &Secret) -> Result<(), String> + Send + Sync;

impl Keeper {
    /// What keeps a user's secret, or says in words why it cannot.
    pub fn new(keep: impl Fn(&str, &Secret) -> Result<(), String> + Send + Sync + 'static) -> Keeper {
        Keeper(Arc::new(keep))
    }

    /// Keeps it.
    ///
    /// # Errors
    /// In words for people.
    pub fn keep(&self, user: &str, secret: &Secret) -> Result<(), String> {
        (self.0)(user, secret)
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keeper")
    }
}
