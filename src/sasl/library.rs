//! The mechanisms whose messages the crate `rsasl` makes.
//!
//! Only what the client says is taken from it. What the server says is judged here: `rsasl` would drop the
//! text of an OAuth error, refuse one that is not the JSON it expects, and answer it with nothing where
//! RFC 7628 §3.2.3 wants a byte of 1.

use std::io;

use rsasl::callback::{CallbackError, Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::anonymous::{ANONYMOUS, AnonymousToken};
use rsasl::mechanisms::{
    external::EXTERNAL, login::LOGIN, oauthbearer::OAUTHBEARER, plain::PLAIN, xoauth2::XOAUTH2,
};
use rsasl::prelude::{Mechname, Registry, SASLClient, SASLConfig, Session, SessionError};
use rsasl::property::{AuthId, AuthzId, OAuthBearerKV, OAuthBearerToken, Password};
use zeroize::Zeroizing;

use super::{Credentials, Mechanism, Outcome, SaslError};
use crate::secret::Secret;

static REGISTRY: &[rsasl::prelude::Mechanism] = &[PLAIN, LOGIN, XOAUTH2, OAUTHBEARER, EXTERNAL, ANONYMOUS];

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
        "OAUTHBEARER" => Shape::Token(b"\x01"),
        _ => Shape::OneMessage,
    };
    let unusable = |why| SaslError::Library { mechanism: name, why };
    let config = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(REGISTRY))
        .with_callback(Answers(credentials.clone()))
        .map_err(|_| unusable("rsasl refused its configuration"))?;
    let wanted = Mechname::parse(name.as_bytes()).map_err(|_| unusable("rsasl does not take the name"))?;
    let session = SASLClient::new(config)
        .start_suggested(&[wanted])
        .map_err(|_| unusable("rsasl has no such mechanism"))?;
    let names = [Some(&credentials.user), credentials.authzid.as_ref(), credentials.host.as_ref()];
    let room =
        credentials.secret.len() + names.into_iter().flatten().map(|name| name.len() * 3).sum::<usize>() + 64;
    Ok(Box::new(Library { name, shape, session, room, messages: 0, refused: false }))
}

/// Says what is wrong with the credentials in words of ours; `rsasl` would only refuse.
fn check(mechanism: &'static str, credentials: &Credentials) -> Result<(), SaslError> {
    let wrong = |why| Err(SaslError::Credentials { mechanism, why });
    let Credentials { user, secret, .. } = credentials;
    let authzid = credentials.authzid.as_deref().unwrap_or("");
    let nameless = matches!(mechanism, "EXTERNAL" | "ANONYMOUS");
    if !nameless && user.is_empty() {
        return wrong("the user name is empty");
    }
    if !nameless && secret.is_empty() {
        return wrong("the password or token is empty");
    }
    if mechanism == "ANONYMOUS" && user.chars().count() > 255 {
        return wrong("the trace it carries in place of a user name has a limit of 255 characters");
    }
    let nul = user.contains('\0') || authzid.contains('\0') || secret.expose().contains(&0);
    if matches!(mechanism, "PLAIN" | "EXTERNAL") && nul {
        return wrong("a NUL byte separates its fields, so none may stand in a name or password");
    }
    let printable = secret.expose().iter().all(|byte| (0x20..0x7f).contains(byte));
    let separator = user.contains('\x01') || authzid.contains('\x01');
    if matches!(mechanism, "XOAUTH2" | "OAUTHBEARER") && (separator || !printable) {
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
            Shape::OneMessage if self.name == "EXTERNAL" => "the server knows you by the TLS link",
            Shape::OneMessage if self.name == "ANONYMOUS" => "the server let you in as nobody",
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
        about: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let Answers(credentials) = self;
        request
            .satisfy::<AuthId>(&credentials.user)?
            .satisfy::<Password>(credentials.secret.expose())?
            .satisfy::<AnonymousToken>(&credentials.user)?;
        if about.mechanism().mechanism.as_str() == "OAUTHBEARER" {
            return oauthbearer(credentials, request);
        }
        if let Some(authzid) = &credentials.authzid {
            request.satisfy::<AuthzId>(authzid)?;
        }
        request.satisfy::<OAuthBearerToken>(token(credentials)?)?;
        Ok(())
    }
}

/// OAUTHBEARER names the user where others name the identity to act as, and says which server it wants
/// (RFC 7628 §3.1). `rsasl` leaves it to us to escape the name.
fn oauthbearer(credentials: &Credentials, request: &mut Request<'_>) -> Result<(), SessionError> {
    let name = credentials.authzid.as_ref().unwrap_or(&credentials.user);
    let escaped = name.replace('=', "=3D").replace(',', "=2C");
    let port = credentials.port.map(|port| port.to_string());
    let mut pairs = Vec::new();
    pairs.extend(credentials.host.as_deref().map(|host| ("host", host)));
    pairs.extend(port.as_deref().map(|port| ("port", port)));
    request
        .satisfy::<AuthzId>(&escaped)?
        .satisfy::<OAuthBearerKV>(&pairs)?
        .satisfy::<OAuthBearerToken>(token(credentials)?)?;
    Ok(())
}

fn token(credentials: &Credentials) -> Result<&str, CallbackError> {
    std::str::from_utf8(credentials.secret.expose()).map_err(|_| CallbackError::NoValue)
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
    fn oauthbearer_as_in_rfc_7628() {
        let mut credentials =
            Credentials::new("user@example.com", Secret::new("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="));
        credentials.host = Some("server.example.com".to_owned());
        credentials.port = Some(143);
        let mut mechanism = client("OAUTHBEARER", &credentials).unwrap();
        let documented = "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01\
                          auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01";
        assert_eq!(mechanism.initial().unwrap().unwrap().expose(), documented.as_bytes());
        // RFC 7628 §4.3: the client ends a refusal with a byte of 1.
        let refusal = br#"{"status":"invalid_token","scope":"example_scope"}"#;
        assert_eq!(super::super::encode_response(&mechanism.step(refusal).unwrap()).expose(), b"AQ==");
    }

    #[test]
    fn oauthbearer_escapes_the_user() {
        let first = with("OAUTHBEARER", "a,b=c", "t").initial().unwrap().unwrap();
        assert_eq!(first.expose(), b"n,a=a=2Cb=3Dc,\x01auth=Bearer t\x01\x01");
    }

    #[test]
    fn external_and_anonymous_may_say_nothing() {
        let mut nobody = Credentials::new("", Secret::new(""));
        assert!(client("EXTERNAL", &nobody).unwrap().initial().unwrap().unwrap().is_empty());
        assert!(client("ANONYMOUS", &nobody).unwrap().initial().unwrap().unwrap().is_empty());
        nobody.authzid = Some("fred@example.com".to_owned());
        nobody.user = "sirhc".to_owned();
        assert_eq!(
            client("EXTERNAL", &nobody).unwrap().initial().unwrap().unwrap().expose(),
            b"fred@example.com"
        );
        assert_eq!(client("ANONYMOUS", &nobody).unwrap().initial().unwrap().unwrap().expose(), b"sirhc");
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
