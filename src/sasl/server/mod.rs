//! The server's side of the mechanisms, for the practice server. Ours: its challenges have the wording of
//! real servers, and each refusal says why.

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sasl::{BindingKind, Credentials, client, info};

    fn binding(data: &[u8]) -> ChannelBinding {
        ChannelBinding { kind: BindingKind::TlsServerEndPoint, data: data.to_vec() }
    }

    fn verifier() -> Verifier {
        let seed = Seed { nonce: "n0nce".to_owned(), seconds: 1_700_000_000, host: "mx.test".to_owned() };
        Verifier::new(|user| (user == "al i=ce").then(|| Secret::new("wonder,land=")), seed)
            .with_binding(binding(b"certificate"))
    }

    fn credentials(user: &str, secret: &str) -> Credentials {
        let mut credentials = Credentials::new(user, Secret::new(secret));
        credentials.host = Some("mx.test".to_owned());
        credentials.channel_binding = Some(binding(b"certificate"));
        credentials
    }

    /// Lets the client of `name` talk to the server, with or without an initial response. After an
    /// acceptance the client must be content too.
    fn meet(name: &str, credentials: &Credentials, server: &mut Verifier, initial: bool) -> ServerStep {
        let mut client = client(name, credentials).unwrap();
        let first = client.initial().unwrap();
        assert_eq!(first.is_none(), info(name).unwrap().server_first, "{name}");
        let (sent, mut held) = if initial { (first, None) } else { (None, first) };
        let mut step = server.start(name, sent.as_ref().map(Secret::expose));
        for _ in 0..10 {
            let ServerStep::Challenge(challenge) = &step else { break };
            let response = held.take().map_or_else(|| client.step(challenge), Ok).unwrap();
            step = server.step(response.expose());
        }
        if matches!(step, ServerStep::Accept { .. }) {
            let outcome = client.finish().unwrap();
            let proves = name.starts_with("SCRAM") || name == "DIGEST-MD5";
            assert_eq!(outcome.server_verified, proves, "{name}");
        }
        step
    }

    #[track_caller]
    fn assert_refused(step: &ServerStep, words: &str) {
        assert!(matches!(step, ServerStep::Reject { why } if why.contains(words)), "{step:?}");
    }

    #[test]
    fn each_client_gets_in_with_the_right_secret_only() {
        for name in SERVER_MECHANISMS.iter().filter(|name| !matches!(**name, "EXTERNAL" | "ANONYMOUS")) {
            for initial in [true, false] {
                let step = meet(name, &credentials("al i=ce", "wonder,land="), &mut verifier(), initial);
                assert_eq!(step, ServerStep::Accept { user: "al i=ce".to_owned() }, "{name}");
                assert_refused(
                    &meet(name, &credentials("al i=ce", "wonder"), &mut verifier(), initial),
                    "wrong",
                );
                assert_refused(
                    &meet(name, &credentials("bob", "wonder,land="), &mut verifier(), initial),
                    "no user",
                );
            }
        }
    }

    #[test]
    fn external_goes_by_the_certificate() {
        let known = || verifier().with_certificate_user("carol");
        let mut asking = credentials("", "");
        let carol = ServerStep::Accept { user: "carol".to_owned() };
        assert_eq!(meet("EXTERNAL", &asking, &mut known(), true), carol);
        assert_eq!(meet("EXTERNAL", &asking, &mut known(), false), carol);
        assert_refused(&meet("EXTERNAL", &asking, &mut verifier(), true), "no client certificate");
        asking.authzid = Some("root".to_owned());
        assert_refused(&meet("EXTERNAL", &asking, &mut known(), true), "may not act as");
        let anybody = ServerStep::Accept { user: "anonymous".to_owned() };
        assert_eq!(meet("ANONYMOUS", &asking, &mut verifier(), true), anybody);
    }

    #[test]
    fn another_end_of_the_tls_link_is_noticed() {
        let mut asking = credentials("al i=ce", "wonder,land=");
        asking.channel_binding = Some(binding(b"another certificate"));
        assert_refused(&meet("SCRAM-SHA-256-PLUS", &asking, &mut verifier(), true), "channel binding");
        asking.channel_binding =
            Some(ChannelBinding { kind: BindingKind::TlsExporter, data: b"certificate".to_vec() });
        assert_refused(&meet("SCRAM-SHA-256-PLUS", &asking, &mut verifier(), true), "another kind");
        asking.no_plus_offered = true;
        assert_refused(&meet("SCRAM-SHA-256", &asking, &mut verifier(), true), "believes");
    }

    #[test]
    fn real_wording() {
        let mut server = verifier();
        assert_eq!(server.start("login", None), ServerStep::Challenge(b"Username:".to_vec()));
        assert_eq!(server.step(b"al ice"), ServerStep::Challenge(b"Password:".to_vec()));
        assert_eq!(verifier().start("LOGIN", Some(b"al ice")), ServerStep::Challenge(b"Password:".to_vec()));
        let challenge = ServerStep::Challenge(b"<n0nce.1700000000@mx.test>".to_vec());
        assert_eq!(verifier().start("CRAM-MD5", None), challenge);
        assert_refused(&verifier().start("CRAM-MD5", Some(b"x")), "no initial response");
    }

    #[test]
    fn nobody_acts_as_somebody_else() {
        let mut asking = credentials("al i=ce", "wonder,land=");
        asking.authzid = Some("root".to_owned());
        for name in ["PLAIN", "SCRAM-SHA-1", "DIGEST-MD5"] {
            assert_refused(&meet(name, &asking, &mut verifier(), false), "may not act as");
        }
    }

    #[test]
    fn after_the_end_nothing_is_accepted() {
        let mut server = verifier();
        assert_refused(&server.step(b"\0al i=ce\0wonder,land="), "no exchange");
        server.start("PLAIN", Some(b"nonsense"));
        assert_refused(&server.step(b"\0al i=ce\0wonder,land="), "no exchange");
    }

    proptest! {
        #[test]
        fn no_message_panics_or_gets_in(
            name in proptest::sample::select(SERVER_MECHANISMS),
            begin in "(n,,n=al i=3Dce,r=a|n,a=,|user=|username=|x )?",
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..4),
        ) {
            prop_assume!(name != "ANONYMOUS");
            let mut server = verifier();
            server.start(name, None);
            for message in messages {
                let step = server.step(&[begin.as_bytes(), &message].concat());
                let accepted = matches!(step, ServerStep::Accept { .. });
                prop_assert!(!accepted);
            }
        }
    }
}
