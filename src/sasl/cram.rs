//! CRAM-MD5 (RFC 2195), ours.

use super::crypto::{Hash, hex};
use super::{Credentials, Mechanism, Outcome, SaslError, concat};
use crate::secret::Secret;

const NAME: &str = "CRAM-MD5";

/// The client's side: one challenge, one answer of the user name and the keyed hash of the challenge.
pub(super) struct CramMd5 {
    user: String,
    secret: Secret,
    answered: bool,
}

impl CramMd5 {
    pub(super) fn new(credentials: &Credentials) -> Result<Self, SaslError> {
        let Credentials { user, secret, .. } = credentials.clone();
        if user.is_empty() || secret.is_empty() {
            return Err(SaslError::Credentials {
                mechanism: NAME,
                why: "the user name or the password is empty",
            });
        }
        Ok(CramMd5 { user, secret, answered: false })
    }
}

impl Mechanism for CramMd5 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn initial(&mut self) -> Result<Option<Secret>, SaslError> {
        Ok(None)
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        if self.answered {
            return Err(SaslError::Over { mechanism: NAME });
        }
        if challenge.is_empty() {
            return Err(SaslError::challenge(NAME, "it is empty, so anyone could use the answer again"));
        }
        let digest =
            digest(&self.secret, challenge).ok_or(SaslError::Library { mechanism: NAME, why: "HMAC" })?;
        self.answered = true;
        Ok(concat(&[self.user.as_bytes(), b" ", digest.expose()]))
    }

    fn finish(&mut self) -> Result<Outcome, SaslError> {
        let words = "the password itself was not sent; the server has not shown that it knows it".to_owned();
        Ok(Outcome { server_verified: false, words })
    }
}

/// HMAC-MD5 of the challenge under the password, in lowercase hexadecimal.
pub(super) fn digest(password: &Secret, challenge: &[u8]) -> Option<Secret> {
    Some(hex(&Hash::Md5.hmac(password.expose(), challenge)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2195() {
        let mut client = CramMd5::new(&Credentials::new("tim", Secret::new("tanstaaftanstaaf"))).unwrap();
        assert!(client.initial().unwrap().is_none());
        let response = client.step(b"<1896.697170952@postoffice.reston.mci.net>").unwrap();
        assert_eq!(response.expose(), b"tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(client.step(b"again").unwrap_err(), SaslError::Over { mechanism: NAME });
    }

    #[test]
    fn an_empty_challenge_is_not_answered() {
        let mut client = CramMd5::new(&Credentials::new("tim", Secret::new("x"))).unwrap();
        assert!(matches!(client.step(b""), Err(SaslError::Challenge { .. })));
    }
}
