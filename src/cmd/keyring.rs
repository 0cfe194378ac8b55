//! The system's keyring: Secret Service, macOS Keychain or Windows Credential Manager.
//!
//! An entry is found by the service `heloise:HOST` and the user name.

use keyring::v1::{Entry, Error};
use zeroize::Zeroizing;

use crate::repl::Keeper;
use crate::report::{Problem, Status};
use crate::secret::Secret;

/// The secret that is kept for a user of a host; nothing if there is none.
pub fn secret(host: &str, user: &str) -> Result<Option<Secret>, Problem> {
    let found = on_its_own_thread(host, user, |entry| entry.get_secret());
    match found {
        Ok(bytes) => Ok(Some(Secret::new(bytes))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(Problem::new(Status::Usage, words("read", &error))
            .advise("--password-command or --password-file, where there is no keyring")),
    }
}

/// What keeps a secret for later.
pub fn keeper(host: &str) -> Keeper {
    let host = host.to_owned();
    Keeper::new(move |user, secret| {
        let bytes = Zeroizing::new(secret.expose().to_vec());
        on_its_own_thread(&host, user, move |entry| entry.set_secret(&bytes))
            .map_err(|error| words("written", &error))
    })
}

fn words(done: &str, error: &Error) -> String {
    let said = match error {
        Error::NoDefaultStore => "this machine runs none that can be reached".to_owned(),
        other => crate::wire::escape::visible(other.to_string().as_bytes()),
    };
    format!("the keyring cannot be {done}: {said}")
}

/// The keyring's calls block, and some run an event loop of their own, which must not be within ours.
fn on_its_own_thread<T: Send>(
    host: &str,
    user: &str,
    work: impl FnOnce(&Entry) -> keyring::v1::Result<T> + Send,
) -> keyring::v1::Result<T> {
    let service = format!("heloise:{host}");
    let ask = || work(&Entry::new(&service, user)?);
    std::thread::scope(|scope| scope.spawn(ask).join()).unwrap_or(Err(Error::NoDefaultStore))
}
