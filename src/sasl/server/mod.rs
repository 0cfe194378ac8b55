//! The server's side of the mechanisms, for the practice server. Ours: its challenges have the wording of
//! real servers, and each refusal says why.

#[cfg(test)]
mod tests;

use std::fmt;

use super::crypto::same;
use super::text::{quoted, visible};
use super::{ChannelBinding, cram, digest, scram};
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
pub const SERVER_MECHANISMS: &[&str] = &[
    "SCRAM-SHA-512-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "DIGEST-MD5",
    "PLAIN",
    "LOGIN",
    "XOAUTH2",
    "OAUTHBEARER",
    "EXTERNAL",
    "ANONYMOUS",
];

/// The server's side of one exchange.
pub struct Verifier {
    lookup: Lookup,
    seed: Seed,
    binding: Option<ChannelBinding>,
    certificate_user: Option<String>,
    state: State,
}

enum State {
    /// The client's only message is awaited.
    Only(Message),
    LoginUser,
    LoginPassword {
        user: String,
    },
    CramMd5 {
        challenge: Vec<u8>,
    },
    Digest(digest::Server),
    ScramFirst(scram::Variant),
    ScramProof(scram::Server),
    /// The server's own proof was sent; the client's empty answer is awaited.
    Proved {
        user: String,
    },
    /// The refusal was told in a challenge; whatever comes, it stands.
    Refused {
        why: String,
    },
    Over,
}

/// The mechanisms in which the client says all at once.
#[derive(Clone, Copy)]
enum Message {
    Plain,
    Xoauth2,
    OauthBearer,
    External,
    Anonymous,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("seed", &self.seed).finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier for one AUTH command.
    pub fn new(lookup: impl Fn(&str) -> Option<Secret> + Send + 'static, seed: Seed) -> Self {
        let lookup = Box::new(lookup);
        Verifier { lookup, seed, binding: None, certificate_user: None, state: State::Over }
    }

    /// Adds what ties the exchange to the TLS link; the `-PLUS` mechanisms are refused without it.
    pub fn with_binding(mut self, binding: ChannelBinding) -> Self {
        self.binding = Some(binding);
        self
    }

    /// Adds the user that the client certificate of the TLS link names; EXTERNAL is refused without it.
    pub fn with_certificate_user(mut self, user: impl Into<String>) -> Self {
        self.certificate_user = Some(user.into());
        self
    }

    /// Takes the AUTH command. `initial` is its initial response after base64 (empty for `=`).
    pub fn start(&mut self, name: &str, initial: Option<&[u8]>) -> ServerStep {
        let name = name.to_ascii_uppercase();
        let (state, challenge) = match name.as_str() {
            "PLAIN" => (State::Only(Message::Plain), Vec::new()),
            "XOAUTH2" => (State::Only(Message::Xoauth2), Vec::new()),
            "OAUTHBEARER" => (State::Only(Message::OauthBearer), Vec::new()),
            "EXTERNAL" => (State::Only(Message::External), Vec::new()),
            "ANONYMOUS" => (State::Only(Message::Anonymous), Vec::new()),
            // Not by the book, but real servers take the user name as the initial response.
            "LOGIN" => (State::LoginUser, b"Username:".to_vec()),
            "CRAM-MD5" | "DIGEST-MD5" if initial.is_some() => {
                return reject(format!("{name} takes no initial response"));
            }
            "CRAM-MD5" => {
                let Seed { nonce, seconds, host } = &self.seed;
                let challenge = format!("<{nonce}.{seconds}@{host}>").into_bytes();
                (State::CramMd5 { challenge: challenge.clone() }, challenge)
            }
            "DIGEST-MD5" => {
                let (server, challenge) = digest::Server::start(&self.seed.host, &self.seed.nonce);
                (State::Digest(server), challenge)
            }
            _ => match scram::Variant::named(&name) {
                Some(variant) => (State::ScramFirst(variant), Vec::new()),
                None => return reject(format!("no mechanism {} here", visible(name.as_bytes()))),
            },
        };
        self.state = state;
        initial.map_or(ServerStep::Challenge(challenge), |message| self.step(message))
    }

    /// Takes a response, after base64.
    pub fn step(&mut self, response: &[u8]) -> ServerStep {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Only(Message::Plain) => self.plain(response),
            State::Only(Message::Xoauth2) => self.xoauth2(response),
            State::Only(Message::OauthBearer) => self.oauthbearer(response),
            State::Only(Message::External) => self.external(response),
            State::Only(Message::Anonymous) => accept("anonymous"),
            State::LoginUser => match std::str::from_utf8(response) {
                Ok(user) => {
                    self.state = State::LoginPassword { user: user.to_owned() };
                    ServerStep::Challenge(b"Password:".to_vec())
                }
                Err(_) => reject("the user name is not UTF-8"),
            },
            State::LoginPassword { user } => self.check(&user, response),
            State::CramMd5 { challenge } => self.cram_md5(&challenge, response),
            State::Digest(server) => self.prove(server.finish(&self.lookup, response)),
            State::ScramFirst(variant) => {
                let binding = self.binding.as_ref();
                match scram::Server::start(variant, &self.lookup, binding, &self.seed.nonce, response) {
                    Ok((server, challenge)) => {
                        self.state = State::ScramProof(server);
                        ServerStep::Challenge(challenge)
                    }
                    Err(why) => reject(why),
                }
            }
            State::ScramProof(server) => self.prove(server.finish(response)),
            State::Proved { user } if response.is_empty() => ServerStep::Accept { user },
            State::Proved { .. } => reject("the last response must be empty"),
            State::Refused { why } => reject(why),
            State::Over => reject("no exchange is under way"),
        }
    }

    /// Whether the client has proved who it is and only the server's own proof is left to be given.
    pub fn client_proved(&self) -> bool {
        matches!(self.state, State::Proved { .. })
    }

    /// Sends the server's own proof, if the client's was good.
    fn prove(&mut self, verdict: Result<(String, Vec<u8>), String>) -> ServerStep {
        match verdict {
            Ok((user, proof)) => {
                self.state = State::Proved { user };
                ServerStep::Challenge(proof)
            }
            Err(why) => reject(why),
        }
    }

    /// RFC 4422, appendix A: the identity to act as, or nothing.
    fn external(&self, message: &[u8]) -> ServerStep {
        match &self.certificate_user {
            None => reject("the TLS link has no client certificate"),
            Some(user) if message.is_empty() || message == user.as_bytes() => accept(user),
            Some(user) => reject(format!("{} may not act as {}", quoted(user.as_bytes()), quoted(message))),
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
        match parts {
            Some((user, token)) => self.check_token(user, token),
            None => self.refuse_token("400", "malformed XOAUTH2 message".to_owned()),
        }
    }

    /// `n,a=` USER `,` ^A, then pairs of which `auth=Bearer ` TOKEN is one, each ended by ^A (RFC 7628 §3.1).
    fn oauthbearer(&mut self, message: &[u8]) -> ServerStep {
        let parts = std::str::from_utf8(message).ok().and_then(|text| {
            let (header, pairs) = text.split_once('\x01')?;
            let user = scram::unescape_name(header.strip_prefix("n,a=")?.strip_suffix(',')?.as_bytes())?;
            let token = pairs
                .strip_suffix('\x01')?
                .split('\x01')
                .find_map(|pair| pair.strip_prefix("auth=Bearer "))?;
            Some((user, token))
        });
        match parts {
            Some((user, token)) => self.check_token(&user, token),
            None => self.refuse_token("invalid_request", "malformed OAUTHBEARER message".to_owned()),
        }
    }

    fn check_token(&mut self, user: &str, token: &str) -> ServerStep {
        match self.check(user, token.as_bytes()) {
            ServerStep::Reject { why } => self.refuse_token("invalid_token", why),
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
