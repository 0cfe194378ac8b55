//! The server's side of DIGEST-MD5, for the practice server.

use super::super::crypto::same;
use super::super::text::quoted;
use super::{Directives, Inputs, quote};
use crate::secret::Secret;

/// One exchange, its challenge sent.
pub(in super::super) struct Server {
    realm: String,
    nonce: String,
}

impl Server {
    /// Makes the challenge. `nonce` must be fresh.
    pub(in super::super) fn start(realm: &str, nonce: &str) -> (Server, Vec<u8>) {
        let challenge = [
            b"realm=".as_slice(),
            &quote(realm.as_bytes()),
            b",nonce=",
            &quote(nonce.as_bytes()),
            b",qop=\"auth\",algorithm=md5-sess,charset=utf-8",
        ];
        (Server { realm: realm.to_owned(), nonce: nonce.to_owned() }, challenge.concat())
    }

    /// Takes the response, and gives the user's name and the server's own proof.
    ///
    /// # Errors
    /// Why the client is refused, escaped.
    pub(in super::super) fn finish(
        self,
        lookup: &dyn Fn(&str) -> Option<Secret>,
        message: &[u8],
    ) -> Result<(String, Vec<u8>), String> {
        let told = Directives::parse(message)?;
        let user = std::str::from_utf8(told.must("username")?).map_err(|_| "the user name is not UTF-8")?;
        let shown = quoted(user.as_bytes());
        if told.must("nonce")? != self.nonce.as_bytes() || told.must("nc")? != b"00000001" {
            return Err("the nonce or its count is another one".to_owned());
        }
        let realm = told.one("realm")?.unwrap_or_default();
        if realm != self.realm.as_bytes() {
            return Err(format!("no realm {}", quoted(realm)));
        }
        let authzid = told.one("authzid")?;
        if authzid.is_some_and(|authzid| authzid != user.as_bytes()) {
            return Err(format!("{shown} may not act as somebody else"));
        }
        let uri = told.must("digest-uri")?;
        if !uri.starts_with(b"smtp/") {
            return Err(format!("digest-uri {} is not for this service", quoted(uri)));
        }
        let password = lookup(user).ok_or_else(|| format!("no user {shown}"))?;
        let inputs = Inputs {
            user: user.as_bytes(),
            realm,
            password: password.expose(),
            nonce: self.nonce.as_bytes(),
            cnonce: told.must("cnonce")?,
            uri,
            authzid,
        };
        if !same(inputs.response(b"AUTHENTICATE").expose(), told.must("response")?) {
            return Err(format!("wrong digest for {shown}"));
        }
        Ok((user.to_owned(), [b"rspauth=", inputs.response(b"").expose()].concat()))
    }
}
