//! The mechanisms whose messages the crate `rsasl` makes.
//!
//! Only what the client says is taken from it. What the server says is judged here, as `rsasl` would drop
//! the text of an OAuth error.

use std::io;
use std::sync::Arc;

use rsasl::callback::{CallbackError, Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::{login::LOGIN, plain::PLAIN, xoauth2::XOAUTH2};
use rsasl::prelude::{Mechname, Registry, SASLClient, SASLConfig, Session, SessionError};
use rsasl::property::{AuthId, AuthzId, OAuthBearerToken, Password};
use zeroize::Zeroizing;

use super::{Credentials, Mechanism, Outcome, SaslError};
use crate::secret::Secret;

static REGISTRY: &[rsasl::prelude::Mechanism] = &[PLAIN, LOGIN, XOAUTH2];

/// How a mechanism goes on after its first message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The client says all in its first message.
    OneMessage,
    /// The server asks, twice, in words of its own choice.
    ServerAsks,
    /// One message; a refused token brings a challenge that has to be answered with these bytes.
    Token(&'static [u8]),
}

/// A client mechanism on top of an `rsasl` session.
struct Library {
    name: &'static str,
    shape: Shape,
    session: Session,
    /// Upper bound of what one message can need, in bytes.
    room: usize,
    messages: usize,
    refused: bool,
}

pub(super) fn client(name: &'static str, credentials: &Credentials) -> Result<Box<dyn Mechanism>, SaslError> {
    check(name, credentials)?;
    let shape = match name {
        "LOGIN" => Shape::ServerAsks,
        "XOAUTH2" => Shape::Token(b""),
        _ => Shape::OneMessage,
    };
    let unusable = |why| SaslError::Library { mechanism: name, why };
    let config = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(REGISTRY))
        .with_callback(Answers(credentials.clone()))
        .map_err(|_| unusable("rsasl refused its configuration"))?;
    let wanted = Mechname::parse(name.as_bytes()).map_err(|_| unusable("rsasl does not take the name"))?;
    let session = SASLClient::new(Arc::clone(&config))
        .start_suggested(&[wanted])
        .map_err(|_| unusable("rsasl has no such mechanism"))?;
    let room = credentials.user.len()
        + credentials.secret.len()
        + credentials.authzid.as_ref().map_or(0, String::len)
        + 64;
    Ok(Box::new(Library { name, shape, session, room, messages: 0, refused: false }))
}

/// Says what is wrong with the credentials in words of ours; `rsasl` would only refuse.
fn check(mechanism: &'static str, credentials: &Credentials) -> Result<(), SaslError> {
    let wrong = |why| Err(SaslError::Credentials { mechanism, why });
    let secret = credentials.secret.expose();
    if credentials.user.is_empty() {
        return wrong("the user name is empty");
    }
    if secret.is_empty() {
        return wrong("the password or token is empty");
    }
    let authzid = credentials.authzid.as_deref().unwrap_or("");
    let nul = credentials.user.contains('\0') || authzid.contains('\0') || secret.contains(&0);
    if mechanism == "PLAIN" && nul {
        return wrong("a NUL byte separates its fields, so none may stand in a name or password");
    }
    let printable = secret.iter().all(|byte| (0x20..0x7f).contains(byte));
    if mechanism == "XOAUTH2" && (credentials.user.contains('\x01') || !printable) {
        return wrong("the token or user name holds bytes that no token has (a line end, perhaps)");
    }
    Ok(())
}

impl Library {
    fn message(&mut self) -> Result<Secret, SaslError> {
        let mut sink = Sink(Zeroizing::new(Vec::with_capacity(self.room)));
        self.session.step(None, &mut sink).map_err(|_| SaslError::Library {
            mechanism: self.name,
            why: "rsasl could not make the message",
        })?;
        self.messages += 1;
        Ok(Secret::new(std::mem::take(&mut *sink.0)))
    }
}

impl Mechanism for Library {
    fn name(&self) -> &'static str {
        self.name
    }

    fn initial(&mut self) -> Result<Option<Secret>, SaslError> {
        match self.shape {
            Shape::ServerAsks => Ok(None),
            _ if self.messages > 0 => Err(SaslError::Over { mechanism: self.name }),
            _ => self.message().map(Some),
        }
    }

    fn step(&mut self, _challenge: &[u8]) -> Result<Secret, SaslError> {
        match self.shape {
            Shape::ServerAsks if self.messages < 2 => self.message(),
            Shape::Token(end) if self.messages == 1 && !self.refused => {
                self.refused = true;
                Ok(Secret::new(end))
            }
            _ => Err(SaslError::Over { mechanism: self.name }),
        }
    }

    fn finish(&mut self) -> Result<Outcome, SaslError> {
        let words = match self.shape {
            _ if self.refused => "the server accepted although it had sent an error for the token",
            Shape::Token(_) => "the server took the token",
            Shape::OneMessage | Shape::ServerAsks => "the server was given the password itself",
        };
        Ok(Outcome { server_verified: false, words: words.to_owned() })
    }
}

/// Answers what `rsasl` asks for while it makes a message.
struct Answers(Credentials);

impl SessionCallback for Answers {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let Answers(credentials) = self;
        request.satisfy::<AuthId>(&credentials.user)?.satisfy::<Password>(credentials.secret.expose())?;
        if let Some(authzid) = &credentials.authzid {
            request.satisfy::<AuthzId>(authzid)?;
        }
        let token = std::str::from_utf8(credentials.secret.expose()).map_err(|_| CallbackError::NoValue)?;
        request.satisfy::<OAuthBearerToken>(token)?;
        Ok(())
    }
}

/// Collects a message and wipes every buffer it outgrows.
struct Sink(Zeroizing<Vec<u8>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.capacity() - self.0.len() < bytes.len() {
            let mut larger = Zeroizing::new(Vec::with_capacity((self.0.len() + bytes.len()) * 2));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, user: &str, secret: &str) -> Box<dyn Mechanism> {
        client(name, &Credentials::new(user, Secret::new(secret))).unwrap()
    }

    #[test]
    fn plain_as_in_rfc_4616() {
        let first = with("PLAIN", "tim", "tanstaaftanstaaf").initial().unwrap().unwrap();
        assert_eq!(first.expose(), b"\0tim\0tanstaaftanstaaf");
        let mut acting = Credentials::new("Kurt", Secret::new("xipj3plmq"));
        acting.authzid = Some("Ursel".to_owned());
        let first = client("PLAIN", &acting).unwrap().initial().unwrap().unwrap();
        assert_eq!(first.expose(), b"Ursel\0Kurt\0xipj3plmq");
    }

    #[test]
    fn login_takes_challenges_of_any_wording() {
        for words in [["Username:", "Password:"], ["User Name\0", "Password\0"], ["", ""], ["\u{7528}", "?"]]
        {
            let mut login = with("LOGIN", "joe", "s3cret!!");
            assert!(login.initial().unwrap().is_none());
            assert_eq!(login.step(words[0].as_bytes()).unwrap().expose(), b"joe");
            assert_eq!(login.step(words[1].as_bytes()).unwrap().expose(), b"s3cret!!");
            assert_eq!(login.step(b"Really?").unwrap_err(), SaslError::Over { mechanism: "LOGIN" });
        }
    }

    #[test]
    fn xoauth2_as_its_makers_document_it() {
        let mut xoauth2 =
            with("XOAUTH2", "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg");
        let first = xoauth2.initial().unwrap().unwrap();
        let documented = "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52\
                          YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==";
        assert_eq!(super::super::encode_response(&first).expose(), documented.as_bytes());
        assert!(xoauth2.step(b"{\"status\":\"401\"}").unwrap().is_empty());
        assert_eq!(xoauth2.step(b"").unwrap_err(), SaslError::Over { mechanism: "XOAUTH2" });
        assert!(xoauth2.finish().unwrap().words.contains("although"));
    }

    #[test]
    fn credentials_that_do_not_fit_are_told() {
        let refused = |name, user: &str, secret: &str| {
            client(name, &Credentials::new(user, Secret::new(secret))).err().unwrap().to_string()
        };
        assert!(refused("PLAIN", "", "x").contains("user name is empty"));
        assert!(refused("LOGIN", "joe", "").contains("is empty"));
        assert!(refused("PLAIN", "joe", "a\0b").contains("NUL"));
        assert!(refused("XOAUTH2", "joe", "token\n").contains("line end"));
    }

    #[test]
    fn a_long_token_survives() {
        let token = "x".repeat(100_000);
        let first = with("XOAUTH2", "joe", &token).initial().unwrap().unwrap();
        assert_eq!(first.len(), b"user=joe\x01auth=Bearer \x01\x01".len() + token.len());
    }
}
