//! The server's side of the mechanisms, for the practice server. Ours: its challenges have the wording of
//! real servers, and each refusal says why.

use std::fmt;

use super::cram;
use super::text::{quoted, visible};
use crate::secret::Secret;

/// What the server does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerStep {
    /// Send a 334 with these bytes in base64.
    Challenge(Vec<u8>),
    /// Let the user in.
    Accept {
        /// Who authenticated, as the client spelled it; not escaped.
        user: String,
    },
    /// Refuse.
    Reject {
        /// For the log of the practice server, escaped; holds no secret.
        why: String,
    },
}

/// Finds a user's password (or token); `None` for somebody unknown.
pub type Lookup = Box<dyn Fn(&str) -> Option<Secret> + Send>;

/// What makes a challenge unlike all others. The practice server passes in randomness and time.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Fresh random text of letters and digits.
    pub nonce: String,
    /// Seconds since 1970.
    pub seconds: u64,
    /// The server's name.
    pub host: String,
}

/// The mechanisms that a [`Verifier`] speaks.
pub const SERVER_MECHANISMS: &[&str] = &["CRAM-MD5", "PLAIN", "LOGIN", "XOAUTH2"];

/// The server's side of one exchange.
pub struct Verifier {
    lookup: Lookup,
    seed: Seed,
    state: State,
}

enum State {
    Fresh,
    /// The client's only message is awaited.
    Plain,
    Xoauth2,
    LoginUser,
    LoginPassword {
        user: String,
    },
    CramMd5 {
        challenge: Vec<u8>,
    },
    /// The refusal was told in a challenge; whatever comes, it stands.
    Refused {
        why: String,
    },
    Over,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier for one AUTH command.
    pub fn new(lookup: impl Fn(&str) -> Option<Secret> + Send + 'static, seed: Seed) -> Self {
        Verifier { lookup: Box::new(lookup), seed, state: State::Fresh }
    }

    /// Takes the AUTH command. `initial` is its initial response after base64 (empty for `=`).
    pub fn start(&mut self, name: &str, initial: Option<&[u8]>) -> ServerStep {
        self.state = match name.to_ascii_uppercase().as_str() {
            "PLAIN" => State::Plain,
            "XOAUTH2" => State::Xoauth2,
            "LOGIN" => State::LoginUser,
            "CRAM-MD5" => {
                let Seed { nonce, seconds, host } = &self.seed;
                State::CramMd5 { challenge: format!("<{nonce}.{seconds}@{host}>").into_bytes() }
            }
            _ => return reject(format!("no mechanism {} here", visible(name.as_bytes()))),
        };
        match (initial, &self.state) {
            (Some(_), State::CramMd5 { .. }) => {
                self.state = State::Over;
                reject("CRAM-MD5 takes no initial response")
            }
            (Some(message), _) => self.step(message),
            (None, State::CramMd5 { challenge }) => ServerStep::Challenge(challenge.clone()),
            (None, State::LoginUser) => ServerStep::Challenge(b"Username:".to_vec()),
            (None, _) => ServerStep::Challenge(Vec::new()),
        }
    }

    /// Takes a response, after base64.
    pub fn step(&mut self, response: &[u8]) -> ServerStep {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Plain => self.plain(response),
            State::LoginUser => match std::str::from_utf8(response) {
                Ok(user) => {
                    self.state = State::LoginPassword { user: user.to_owned() };
                    ServerStep::Challenge(b"Password:".to_vec())
                }
                Err(_) => reject("the user name is not UTF-8"),
            },
            State::LoginPassword { user } => self.check(&user, response),
            State::CramMd5 { challenge } => self.cram_md5(&challenge, response),
            State::Xoauth2 => self.xoauth2(response),
            State::Refused { why } => reject(why),
            State::Fresh | State::Over => reject("no exchange is under way"),
        }
    }

    /// RFC 4616 §2: authorization identity, NUL, user, NUL, password.
    fn plain(&self, message: &[u8]) -> ServerStep {
        let mut fields = message.split(|byte| *byte == 0);
        let (Some(authzid), Some(user), Some(password), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return reject("a PLAIN message has two NUL bytes between its three fields");
        };
        let Ok(user) = std::str::from_utf8(user) else {
            return reject("the user name is not UTF-8");
        };
        if !authzid.is_empty() && authzid != user.as_bytes() {
            return reject(format!("{} may not act as {}", quoted(user.as_bytes()), quoted(authzid)));
        }
        self.check(user, password)
    }

    fn cram_md5(&self, challenge: &[u8], response: &[u8]) -> ServerStep {
        // The user name may hold spaces; the digest does not.
        let Some(space) = response.iter().rposition(|byte| *byte == b' ') else {
            return reject("a CRAM-MD5 response is the user name, a space and a digest");
        };
        let (user, digest) = response.split_at(space);
        let Ok(user) = std::str::from_utf8(user) else {
            return reject("the user name is not UTF-8");
        };
        let Some(password) = (self.lookup)(user) else {
            return unknown(user);
        };
        let expected = cram::digest(&password, challenge);
        let given = digest.get(1..).unwrap_or_default().to_ascii_lowercase();
        match expected {
            Some(expected) if same(expected.expose(), &given) => accept(user),
            _ => wrong(user, "digest"),
        }
    }

    /// `user=` USER ^A `auth=Bearer ` TOKEN ^A ^A. A refusal is told in a challenge first.
    fn xoauth2(&mut self, message: &[u8]) -> ServerStep {
        let text = std::str::from_utf8(message).ok().and_then(|text| text.strip_prefix("user="));
        let parts = text.and_then(|text| text.split_once('\x01')).and_then(|(user, rest)| {
            let token = rest.strip_prefix("auth=Bearer ")?.strip_suffix("\x01\x01")?;
            Some((user, token))
        });
        let Some((user, token)) = parts else {
            return self.refuse_token("400", "malformed XOAUTH2 message".to_owned());
        };
        match self.check(user, token.as_bytes()) {
            ServerStep::Reject { why } => self.refuse_token("401", why),
            accepted => accepted,
        }
    }

    fn refuse_token(&mut self, status: &str, why: String) -> ServerStep {
        self.state = State::Refused { why };
        let error = format!(r#"{{"status":"{status}","schemes":"bearer","scope":"mail"}}"#);
        ServerStep::Challenge(error.into_bytes())
    }

    fn check(&self, user: &str, given: &[u8]) -> ServerStep {
        match (self.lookup)(user) {
            None => unknown(user),
            Some(expected) if same(expected.expose(), given) => accept(user),
            Some(_) => wrong(user, "password"),
        }
    }
}

fn accept(user: &str) -> ServerStep {
    ServerStep::Accept { user: user.to_owned() }
}

fn reject(why: impl Into<String>) -> ServerStep {
    ServerStep::Reject { why: why.into() }
}

fn unknown(user: &str) -> ServerStep {
    reject(format!("no user {}", quoted(user.as_bytes())))
}

fn wrong(user: &str, what: &str) -> ServerStep {
    reject(format!("wrong {what} for {}", quoted(user.as_bytes())))
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sasl::{Credentials, client};

    fn verifier() -> Verifier {
        let seed = Seed { nonce: "n0nce".to_owned(), seconds: 1_700_000_000, host: "mx.test".to_owned() };
        Verifier::new(|user| (user == "al ice").then(|| Secret::new("wonder,land=")), seed)
    }

    /// Lets the client of `name` talk to the verifier, with or without an initial response.
    fn meet(name: &str, user: &str, secret: &str, initial: bool) -> ServerStep {
        let mut client = client(name, &Credentials::new(user, Secret::new(secret))).unwrap();
        let mut server = verifier();
        let first = client.initial().unwrap();
        let (sent, mut held) = if initial { (first, None) } else { (None, first) };
        let mut step = server.start(name, sent.as_ref().map(Secret::expose));
        for _ in 0..10 {
            let ServerStep::Challenge(challenge) = &step else { return step };
            let response = held.take().map_or_else(|| client.step(challenge), Ok).unwrap();
            step = server.step(response.expose());
        }
        panic!("{name} does not end");
    }

    #[test]
    fn each_client_gets_in_with_the_right_secret_only() {
        for name in SERVER_MECHANISMS {
            for initial in [true, false] {
                let accepted = ServerStep::Accept { user: "al ice".to_owned() };
                assert_eq!(meet(name, "al ice", "wonder,land=", initial), accepted, "{name}");
                let refused = meet(name, "al ice", "wonder", initial);
                assert!(
                    matches!(&refused, ServerStep::Reject { why } if why.contains("wrong")),
                    "{name}: {refused:?}"
                );
                let refused = meet(name, "bob", "wonder,land=", initial);
                assert!(
                    matches!(&refused, ServerStep::Reject { why } if why.contains("no user")),
                    "{name}: {refused:?}"
                );
            }
        }
    }

    #[test]
    fn real_wording() {
        let mut server = verifier();
        assert_eq!(server.start("login", None), ServerStep::Challenge(b"Username:".to_vec()));
        assert_eq!(server.step(b"al ice"), ServerStep::Challenge(b"Password:".to_vec()));
        assert_eq!(verifier().start("LOGIN", Some(b"al ice")), ServerStep::Challenge(b"Password:".to_vec()));
        let challenge = ServerStep::Challenge(b"<n0nce.1700000000@mx.test>".to_vec());
        assert_eq!(verifier().start("CRAM-MD5", None), challenge);
    }

    #[test]
    fn nobody_acts_as_somebody_else() {
        let step = verifier().start("PLAIN", Some(b"root\0al ice\0wonder,land="));
        assert!(matches!(step, ServerStep::Reject { why } if why.contains("may not act as")));
    }

    #[test]
    fn after_the_end_nothing_is_accepted() {
        let mut server = verifier();
        assert!(matches!(server.step(b"\0al ice\0wonder,land="), ServerStep::Reject { .. }));
        server.start("PLAIN", Some(b"nonsense"));
        assert!(matches!(server.step(b"\0al ice\0wonder,land="), ServerStep::Reject { .. }));
    }

    proptest! {
        #[test]
        fn no_message_panics_or_gets_in(
            name in "LOGIN|CRAM-MD5|XOAUTH2|PLAIN",
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..5),
        ) {
            let mut server = verifier();
            server.start(&name, None);
            for message in messages {
                let accepted = matches!(server.step(&message), ServerStep::Accept { .. });
                prop_assert!(!accepted);
            }
        }
    }
}
