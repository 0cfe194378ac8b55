//! SASL mechanisms (RFC 4422) as pure functions from the server's challenge to the client's response.
//!
//! Nothing here touches a socket, a clock or a file. Responses and challenges are those *before* base64;
//! [`encode_response`] and [`decode_challenge`] stand between them and the lines on the wire.
//!
//! The crate `rsasl` makes the messages of PLAIN, LOGIN, XOAUTH2, OAUTHBEARER, EXTERNAL and ANONYMOUS.
//! CRAM-MD5, DIGEST-MD5 and NTLM are ours, as `rsasl` has none of them, and so is SCRAM, for the reasons
//! given in its module. The server's side ([`server`]) is ours, since the practice server wants the wording
//! of real servers and a reason for each refusal.
//!
//! A client's nonce is the one thing taken from the operating system, and only where the caller gave none.
//!
//! Every message that carries a password, a token or something computed from one is a [`Secret`], and no
//! error holds bytes of one.

pub mod by_hand;
mod cram;
mod crypto;
mod describe;
mod digest;
mod encoding;
mod error;
mod library;
mod named;
mod ntlm;
mod scram;
pub mod server;
mod table;
mod text;

#[cfg(test)]
mod leaks;

use std::fmt;

pub use by_hand::{Ask, AskKind, ByHand, Next};
pub use describe::describe_challenge;
pub use encoding::{
    BadBase64, Decoded, Leniency, decode_challenge, decode_leniently, encode_initial, encode_response,
};
pub use error::SaslError;
pub use named::user_named;
pub use server::{ServerStep, Verifier};
pub use table::{
    Choice, Have, MECHANISMS, MechanismInfo, Needs, Origin, candidates, info, is_known, strongest,
};

use crate::secret::Secret;
use text::visible;

/// What a person authenticates with.
///
/// Neither the user name nor the rest is secret; only [`Credentials::secret`] is, and it never prints.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The name to log in as (SASL calls it the authentication identity).
    pub user: String,
    /// The password, or the OAuth token for XOAUTH2 and OAUTHBEARER.
    pub secret: Secret,
    /// The identity to act as, where it differs from `user` (RFC 4422 §2).
    pub authzid: Option<String>,
    /// The server's name, for the mechanisms that carry it (DIGEST-MD5, OAUTHBEARER).
    pub host: Option<String>,
    /// The server's port, for OAUTHBEARER.
    pub port: Option<u16>,
    /// What ties the exchange to its TLS link, for the `-PLUS` mechanisms.
    pub channel_binding: Option<ChannelBinding>,
    /// Whether the server offered no `-PLUS` mechanism at all although a binding is at hand. SCRAM then says
    /// so to the server, which notices if somebody struck them from its offer (RFC 5802 §6).
    pub no_plus_offered: bool,
    /// The time in seconds since 1970, for NTLM.
    pub seconds: u64,
    /// The client's nonce. `None` takes a fresh one from the operating system; tests put a known one here.
    pub nonce: Option<Vec<u8>>,
}

impl Credentials {
    /// A user and a secret, all else left out.
    pub fn new(user: impl Into<String>, secret: Secret) -> Self {
        Credentials {
            user: user.into(),
            secret,
            authzid: None,
            host: None,
            port: None,
            channel_binding: None,
            no_plus_offered: false,
            seconds: 0,
            nonce: None,
        }
    }
}

/// Bytes that both ends of one TLS link know, and nobody between them (RFC 5056).
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    /// How the bytes were obtained.
    pub kind: BindingKind,
    /// The bytes.
    pub data: Vec<u8>,
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelBinding({}, {} bytes)", self.kind.name(), self.data.len())
    }
}

/// The registered kinds of channel binding that can be had here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// The hash of the server's certificate (RFC 5929 §4).
    TlsServerEndPoint,
    /// Keying material exported from the TLS session (RFC 9266).
    TlsExporter,
}

impl BindingKind {
    /// The name under which IANA registers it and SCRAM sends it.
    pub fn name(self) -> &'static str {
        match self {
            BindingKind::TlsServerEndPoint => "tls-server-end-point",
            BindingKind::TlsExporter => "tls-exporter",
        }
    }
}

/// What the client knows after the server said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the server proved that it knows the password too (SCRAM, DIGEST-MD5).
    pub server_verified: bool,
    /// One sentence for people.
    pub words: String,
}

/// The client's side of one exchange.
///
/// Call [`initial`](Mechanism::initial) once, then [`step`](Mechanism::step) for each challenge, then
/// [`finish`](Mechanism::finish) when the server has answered 235. All bytes are those before base64.
pub trait Mechanism: Send {
    /// The name as IANA registers it, in capitals.
    fn name(&self) -> &'static str;

    /// The message the client opens with, or `None` where the server speaks first.
    ///
    /// A caller that sends `AUTH` without an initial response keeps the message and sends it as the answer
    /// to the server's first, empty challenge (RFC 4954 §4).
    ///
    /// # Errors
    /// When the credentials do not fit the mechanism.
    fn initial(&mut self) -> Result<Option<Secret>, SaslError>;

    /// The answer to one challenge.
    ///
    /// # Errors
    /// When the challenge breaks the mechanism's rules or comes after the exchange is over. The caller
    /// should cancel with `*`.
    fn step(&mut self, challenge: &[u8]) -> Result<Secret, SaslError>;

    /// What is known once the server accepted.
    ///
    /// # Errors
    /// When the server accepted without the proof that the mechanism demands of it.
    fn finish(&mut self) -> Result<Outcome, SaslError>;
}

/// The client's side of the mechanism `name`, in any letter case.
///
/// # Errors
/// [`SaslError::Unknown`] when there is no such mechanism here.
pub fn client(name: &str, credentials: &Credentials) -> Result<Box<dyn Mechanism>, SaslError> {
    let known = info(name).ok_or_else(|| SaslError::Unknown { name: visible(name.as_bytes()) })?;
    match known.name {
        "CRAM-MD5" => Ok(Box::new(cram::CramMd5::new(credentials)?)),
        "DIGEST-MD5" => Ok(Box::new(digest::Client::new(credentials)?)),
        "NTLM" => Ok(Box::new(ntlm::Client::new(credentials)?)),
        name => match scram::Variant::named(name) {
            Some(variant) => Ok(Box::new(scram::Client::new(variant, credentials)?)),
            None => library::client(name, credentials),
        },
    }
}

/// One secret out of several parts. The capacity is exact, so that no copy is left behind by growing.
fn concat(parts: &[&[u8]]) -> Secret {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        bytes.extend_from_slice(part);
    }
    Secret::new(bytes)
}
