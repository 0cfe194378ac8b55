//! The system's keyring: Secret Service, macOS Keychain or Windows Credential Manager.
//!
//! An entry is found by the service `heloise:HOST` and the user name.

use std::sync::mpsc;
use std::time::Duration;

use keyring::v1::{Entry, Error};
use zeroize::Zeroizing;

use crate::repl::Keeper;
use crate::report::{Problem, Status};
use crate::secret::Secret;
use crate::wire::escape::visible;

/// How long the keyring may take. A person may have to unlock it meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why the keyring did not do what was asked of it.
enum Failure {
    Keyring(Error),
    TimedOut,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Keyring(error)
    }
}

/// The secret that is kept for a user of a host; nothing if there is none.
pub fn secret(host: &str, user: &str) -> Result<Option<Secret>, Problem> {
    let found = on_its_own_thread(host, user, |entry| entry.get_secret());
    match found {
        Ok(bytes) => Ok(Some(Secret::new(bytes))),
        Err(Failure::Keyring(Error::NoEntry)) => Ok(None),
        Err(error) => Err(Problem::new(Status::Usage, words("read", &error))
            .advise("unlock it, if it is locked: log in to the desktop, or unlock it with the keyring's own program")
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

fn words(done: &str, failure: &Failure) -> String {
    let said = match failure {
        Failure::Keyring(Error::NoDefaultStore) => "this machine runs none that can be reached".to_owned(),
        Failure::Keyring(Error::NoStorageAccess(error)) => {
            format!("it is locked, or does not let us in ({})", visible(error.to_string().as_bytes()))
        }
        Failure::Keyring(other) => visible(other.to_string().as_bytes()),
        Failure::TimedOut => format!("it has not answered for {} s", PATIENCE.as_secs()),
    };
    format!("the keyring cannot be {done}: {said}")
}

/// The keyring's calls block, and some run an event loop of their own, which must not be within ours. A thread whose
/// keyring never answers is left behind.
fn on_its_own_thread<T: Send + 'static>(
    host: &str,
    user: &str,
    work: impl FnOnce(&Entry) -> keyring::v1::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let (service, user) = (format!("heloise:{host}"), user.to_owned());
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more when it comes too late.
        let _ = done.send(Entry::new(&service, &user).and_then(|entry| work(&entry)));
    });
    match result.recv_timeout(PATIENCE) {
        Ok(result) => Ok(result?),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Failure::TimedOut),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(Error::NoDefaultStore.into()),
    }
}
