//! The server's side of SCRAM, for the practice server.

use super::super::crypto::{base64, prepared, same, unbase64};
use super::super::text::quoted;
use super::super::{ChannelBinding, Secret};
use super::message::{attributes, expect, is_nonce, unescape_name};
use super::{Keys, Variant};

/// The rounds asked of the client.
const ROUNDS: u32 = super::FEW_ITERATIONS;

/// One exchange, from the client's first message on.
pub(in super::super) struct Server {
    user: String,
    keys: Keys,
    /// What the client's binding must be, before base64.
    binding: Vec<u8>,
    nonce: Vec<u8>,
    /// The client's first message without its header, and the server's.
    so_far: Vec<u8>,
}

/// The client's first message, taken apart.
struct ClientFirst<'m> {
    header: &'m [u8],
    bare: &'m [u8],
    /// The first part of the header: `n`, `y` or `p=KIND`.
    flag: &'m [u8],
    user: String,
    authzid: Option<String>,
    nonce: &'m [u8],
}

impl<'m> ClientFirst<'m> {
    fn parse(message: &'m [u8]) -> Result<Self, String> {
        let mut commas = message.iter().enumerate().filter(|(_, byte)| **byte == b',').map(|(at, _)| at);
        let (Some(first), Some(second)) = (commas.next(), commas.next()) else {
            return Err("the header of two commas is missing".to_owned());
        };
        let (header, bare) = message.split_at(second + 1);
        let (flag, authzid) = header.split_at(first);
        let authzid = authzid.get(1..authzid.len() - 1).unwrap_or_default();
        let authzid = match authzid {
            b"" => None,
            [b'a', b'=', name @ ..] => {
                Some(unescape_name(name).ok_or("the identity to act as is malformed")?)
            }
            _ => return Err("the header holds something else than a=".to_owned()),
        };
        let mut items = attributes(bare);
        let user = unescape_name(expect(&mut items, b'n')?).ok_or("the user name is malformed")?;
        let nonce = expect(&mut items, b'r')?;
        if !is_nonce(nonce) {
            return Err("the nonce is malformed".to_owned());
        }
        Ok(ClientFirst { header, bare, flag, user, authzid, nonce })
    }
}

impl Server {
    /// Takes the client's first message and makes the challenge. `nonce` and `salt` must be fresh.
    ///
    /// # Errors
    /// Why the client is refused, escaped.
    pub(in super::super) fn start(
        variant: Variant,
        lookup: &dyn Fn(&str) -> Option<Secret>,
        binding: Option<&ChannelBinding>,
        nonce: &str,
        message: &[u8],
    ) -> Result<(Server, Vec<u8>), String> {
        let first = ClientFirst::parse(message)?;
        let data = bound(variant, binding, first.flag)?;
        let shown = quoted(first.user.as_bytes());
        if first.authzid.as_ref().is_some_and(|authzid| *authzid != first.user) {
            return Err(format!("{shown} may not act as somebody else"));
        }
        let password = lookup(&first.user).ok_or_else(|| format!("no user {shown}"))?;
        let salt = variant.hash.digest(&[b"salt", nonce.as_bytes(), first.user.as_bytes()]);
        let keys = Keys::new(variant.hash, &prepared(password.expose()), &salt, ROUNDS).ok_or("no keys")?;
        let nonce = [first.nonce, nonce.as_bytes()].concat();
        let text = [b"r=", nonce.as_slice(), b",s=", base64(&salt).as_bytes(), b",i="].concat();
        let challenge = [text.as_slice(), ROUNDS.to_string().as_bytes()].concat();
        let server = Server {
            user: first.user,
            keys,
            binding: [first.header, data].concat(),
            nonce,
            so_far: [first.bare, b",", &challenge].concat(),
        };
        Ok((server, challenge))
    }

    /// Takes the proof, and gives the user's name and the server's own proof.
    ///
    /// # Errors
    /// Why the client is refused, escaped.
    pub(in super::super) fn finish(self, message: &[u8]) -> Result<(String, Vec<u8>), String> {
        let cut = message.windows(3).rposition(|part| part == b",p=").ok_or("p= is missing")?;
        let (without_proof, proof) = message.split_at(cut);
        let mut items = attributes(without_proof);
        let binding = expect(&mut items, b'c')?;
        if unbase64(binding).is_none_or(|binding| binding != self.binding) {
            return Err("the channel binding is another one".to_owned());
        }
        if expect(&mut items, b'r')? != self.nonce {
            return Err("the nonce is another one".to_owned());
        }
        let proof = unbase64(proof.get(3..).unwrap_or_default()).ok_or("the proof is not base64")?;
        let auth_message = [self.so_far.as_slice(), b",", without_proof].concat();
        let expected = self.keys.client_proof(&auth_message).ok_or("no proof")?;
        if !same(&expected, &proof) {
            return Err(format!("wrong proof for {}", quoted(self.user.as_bytes())));
        }
        let signature = self.keys.server_signature(&auth_message).ok_or("no signature")?;
        Ok((self.user, [b"v=", base64(&signature).as_bytes()].concat()))
    }
}

/// The binding data that the client must have used (RFC 5802 §6).
fn bound<'b>(variant: Variant, binding: Option<&'b ChannelBinding>, flag: &[u8]) -> Result<&'b [u8], String> {
    match (variant.binds, binding, flag) {
        (true, Some(binding), [b'p', b'=', kind @ ..]) if kind == binding.kind.name().as_bytes() => {
            Ok(&binding.data)
        }
        (true, Some(_), _) => Err("-PLUS with another kind of channel binding, or none".to_owned()),
        (true, None, _) => Err("-PLUS without a TLS link".to_owned()),
        (false, Some(_), b"y") => Err("the client believes that no -PLUS was offered".to_owned()),
        (false, _, b"n" | b"y") => Ok(b""),
        (false, ..) => Err("channel binding without -PLUS".to_owned()),
    }
}
