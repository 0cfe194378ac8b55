//! SCRAM (RFC 5802, RFC 7677 for SHA-256, draft-melnikov-scram-sha-512), with and without channel binding.
//! Ours.
//!
//! `rsasl` has SCRAM too, but its client panics on a short challenge, does the work of any iteration count,
//! takes no nonce from outside (so that the examples of the RFCs cannot be tried), does not prepare
//! passwords with SASLprep and leaves its keys unwiped. The tests let it talk to ours from both sides.

mod client;
mod message;
mod server;

#[cfg(test)]
mod oracle;

pub(super) use client::Client;
pub(super) use message::{ServerFirst, attributes, error_words, unescape_name};
pub(super) use server::Server;

use super::crypto::{Hash, Wiped};

/// Fewer rounds than this are worth a warning (RFC 5802 §5.1).
pub(super) const FEW_ITERATIONS: u32 = 4096;

/// More rounds than this are refused. Strong settings of today ask for about a million.
pub(super) const MANY_ITERATIONS: u32 = 2_000_000;

/// One member of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) hash: Hash,
    /// Whether it is a `-PLUS` form.
    pub(super) binds: bool,
}

const fn variant(name: &'static str, hash: Hash, binds: bool) -> Variant {
    Variant { name, hash, binds }
}

const VARIANTS: &[Variant] = &[
    variant("SCRAM-SHA-1", Hash::Sha1, false),
    variant("SCRAM-SHA-1-PLUS", Hash::Sha1, true),
    variant("SCRAM-SHA-256", Hash::Sha256, false),
    variant("SCRAM-SHA-256-PLUS", Hash::Sha256, true),
    variant("SCRAM-SHA-512", Hash::Sha512, false),
    variant("SCRAM-SHA-512-PLUS", Hash::Sha512, true),
];

impl Variant {
    pub(super) fn named(name: &str) -> Option<Variant> {
        VARIANTS.iter().find(|variant| variant.name.eq_ignore_ascii_case(name)).copied()
    }
}

/// What both ends compute from the password (RFC 5802 §3). Wiped when dropped.
struct Keys {
    hash: Hash,
    client: Wiped,
    server: Wiped,
}

impl Keys {
    fn new(hash: Hash, password: &[u8], salt: &[u8], rounds: u32) -> Option<Keys> {
        let salted = hash.pbkdf2(password, salt, rounds)?;
        let client = hash.hmac(&salted, b"Client Key")?;
        Some(Keys { hash, client, server: hash.hmac(&salted, b"Server Key")? })
    }

    /// ClientKey XOR ClientSignature. As XOR undoes itself, the server gets the ClientKey back with it.
    fn client_proof(&self, auth_message: &[u8]) -> Option<Wiped> {
        let signature = self.hash.hmac(&self.hash.digest(&[&self.client]), auth_message)?;
        let mut proof = self.client.clone();
        proof.iter_mut().zip(signature.iter()).for_each(|(byte, mask)| *byte ^= mask);
        Some(proof)
    }

    fn server_signature(&self, auth_message: &[u8]) -> Option<Wiped> {
        self.hash.hmac(&self.server, auth_message)
    }
}
