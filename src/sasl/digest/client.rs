//! The client's side of DIGEST-MD5.

use super::super::crypto::{self, same};
use super::super::text::quoted;
use super::super::{Credentials, Mechanism, Outcome, SaslError, concat};
use super::{Directives, Inputs, NAME, latin1, quote};
use crate::secret::Secret;

/// One exchange.
pub(in super::super) struct Client {
    credentials: Credentials,
    /// What is logged into, the first half of `digest-uri`: `smtp`, except in the examples of the RFC.
    service: &'static str,
    state: State,
}

enum State {
    Fresh,
    /// The response is out; the `rspauth` that the server must show.
    Answered {
        expected: Secret,
    },
    Verified,
    Failed,
}

impl Client {
    /// # Errors
    /// When user, password or the server's name is missing.
    pub(in super::super) fn new(credentials: &Credentials) -> Result<Self, SaslError> {
        let wrong = |why| Err(SaslError::Credentials { mechanism: NAME, why });
        if credentials.user.is_empty() || credentials.secret.is_empty() {
            return wrong("the user name or the password is empty");
        }
        if credentials.host.is_none() {
            return wrong("it needs the server's name");
        }
        Ok(Client { credentials: credentials.clone(), service: "smtp", state: State::Fresh })
    }

    fn respond(&self, challenge: &[u8]) -> Result<(Secret, Secret), SaslError> {
        let wrong = |why: String| SaslError::challenge(NAME, why);
        let asked = Directives::parse(challenge).map_err(wrong)?;
        let nonce = asked.must("nonce").map_err(wrong)?;
        check_offer(&asked).map_err(wrong)?;
        let utf8 = asked.one("charset").map_err(wrong)?.is_some();
        let user = self.credentials.user.as_bytes();
        let sent_user = if utf8 { Some(Secret::new(user)) } else { latin1(user) };
        let fits = utf8 || latin1(self.credentials.secret.expose()).is_some();
        let sent_user = sent_user.filter(|_| fits).ok_or(SaslError::Credentials {
            mechanism: NAME,
            why: "the server does not take UTF-8, and ISO 8859-1 lacks characters of the name or password",
        })?;
        let realm = choose_realm(&asked, user);
        let cnonce = crypto::nonce(NAME, &self.credentials)?;
        let uri = format!("{}/{}", self.service, self.credentials.host.as_deref().unwrap_or(""));
        let authzid = self.credentials.authzid.as_deref().map(str::as_bytes);
        let inputs = Inputs {
            user,
            realm: realm.unwrap_or_default(),
            password: self.credentials.secret.expose(),
            nonce,
            cnonce: &cnonce,
            uri: uri.as_bytes(),
            authzid,
        };
        let response = inputs.response(b"AUTHENTICATE");
        let message = message(utf8, sent_user.expose(), realm, &inputs, response.expose());
        Ok((message, inputs.response(b"")))
    }

    fn check(&mut self, expected: &Secret, challenge: &[u8]) -> Result<Secret, SaslError> {
        let wrong = |why: String| SaslError::challenge(NAME, why);
        let told = Directives::parse(challenge).map_err(wrong)?;
        let shown = told.must("rspauth").map_err(wrong)?.to_ascii_lowercase();
        if !same(expected.expose(), &shown) {
            return Err(SaslError::ServerSignature { mechanism: NAME });
        }
        self.state = State::Verified;
        Ok(Secret::new(""))
    }
}

/// Whether the server offers what we can do.
fn check_offer(asked: &Directives) -> Result<(), String> {
    let algorithm = asked.must("algorithm")?;
    if !algorithm.eq_ignore_ascii_case(b"md5-sess") {
        return Err(format!("the algorithm is {} and not md5-sess", quoted(algorithm)));
    }
    let Some(qop) = asked.one("qop")? else { return Ok(()) };
    let offers = qop.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(b"auth"));
    if offers { Ok(()) } else { Err(format!("it insists on a security layer, qop {}", quoted(qop))) }
}

/// The realm named behind the `@` of the user, if it is offered; else the first one.
fn choose_realm<'d>(asked: &'d Directives, user: &[u8]) -> Option<&'d [u8]> {
    let at = user.iter().rposition(|byte| *byte == b'@');
    let domain = at.and_then(|at| user.get(at + 1..));
    let named = domain.and_then(|domain| asked.all("realm").find(|realm| realm.eq_ignore_ascii_case(domain)));
    named.or_else(|| asked.all("realm").next())
}

fn message(utf8: bool, user: &[u8], realm: Option<&[u8]>, inputs: &Inputs<'_>, response: &[u8]) -> Secret {
    let realm = realm.map(|realm| [b"realm=".as_slice(), &quote(realm), b","].concat()).unwrap_or_default();
    let authzid =
        inputs.authzid.map(|name| [b",authzid=".as_slice(), &quote(name)].concat()).unwrap_or_default();
    concat(&[
        if utf8 { b"charset=utf-8," } else { b"" },
        b"username=",
        &quote(user),
        b",",
        &realm,
        b"nonce=",
        &quote(inputs.nonce),
        b",nc=00000001,cnonce=",
        &quote(inputs.cnonce),
        b",digest-uri=",
        &quote(inputs.uri),
        b",response=",
        response,
        b",qop=auth",
        &authzid,
    ])
}

impl Mechanism for Client {
    fn name(&self) -> &'static str {
        NAME
    }

    fn initial(&mut self) -> Result<Option<Secret>, SaslError> {
        Ok(None)
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Fresh => {
                let (response, expected) = self.respond(challenge)?;
                self.state = State::Answered { expected };
                Ok(response)
            }
            State::Answered { expected } => self.check(&expected, challenge),
            State::Verified | State::Failed => Err(SaslError::Over { mechanism: NAME }),
        }
    }

    fn finish(&mut self) -> Result<Outcome, SaslError> {
        if !matches!(self.state, State::Verified) {
            return Err(SaslError::ServerNotVerified { mechanism: NAME });
        }
        Ok(Outcome {
            server_verified: true,
            words: "the server proved that it knows the password".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chris(service: &'static str, cnonce: &str) -> Client {
        let mut credentials = Credentials::new("chris", Secret::new("secret"));
        credentials.host = Some("elwood.innosoft.com".to_owned());
        credentials.nonce = Some(cnonce.as_bytes().to_vec());
        let mut client = Client::new(&credentials).unwrap();
        client.service = service;
        client
    }

    const IMAP: &[u8] = b"realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",\
                          algorithm=md5-sess,charset=utf-8";

    #[test]
    fn the_imap_example_of_rfc_2831() {
        let mut client = chris("imap", "OA6MHXh6VqTrRk");
        let expected = "charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",\
                        nc=00000001,cnonce=\"OA6MHXh6VqTrRk\",digest-uri=\"imap/elwood.innosoft.com\",\
                        response=d388dad90d4bbd760a152321f2143af7,qop=auth";
        assert_eq!(client.step(IMAP).unwrap().expose(), expected.as_bytes());
        assert!(client.step(b"rspauth=ea40f60335c427b5527b84dbabcdfffd").unwrap().is_empty());
        assert!(client.finish().unwrap().server_verified);
    }

    #[test]
    fn the_acap_example_of_rfc_2831() {
        let mut client = chris("acap", "OA9BSuZWMSpW8m");
        let challenge = b"realm=\"elwood.innosoft.com\",nonce=\"OA9BSXrbuRhWay\",qop=\"auth\",\
                          algorithm=md5-sess,charset=utf-8";
        let response = client.step(challenge).unwrap();
        assert!(
            response.expose().windows(41).any(|part| part == b"response=6084c6db3fede7352c551284490fd0fc")
        );
        client.step(b"rspauth=2f0b3d7c3c2e486600ef710726aa2eae").unwrap();
        assert!(client.finish().is_ok());
    }

    #[test]
    fn a_false_server_is_told_loudly() {
        let mut client = chris("smtp", "abc");
        client.step(IMAP).unwrap();
        assert!(client.finish().unwrap_err().to_string().contains("DID NOT PROVE"));
        let error = client.step(b"rspauth=00000000000000000000000000000000").unwrap_err();
        assert_eq!(error, SaslError::ServerSignature { mechanism: NAME });
        assert!(client.finish().is_err());
    }

    #[test]
    fn the_realm_of_the_user_is_preferred() {
        let offers = Directives::parse(b"realm=\"one\",realm=\"Two\"").unwrap();
        assert_eq!(choose_realm(&offers, b"x@two"), Some(b"Two".as_slice()));
        assert_eq!(choose_realm(&offers, b"x@three"), Some(b"one".as_slice()));
        assert_eq!(choose_realm(&Directives::parse(b"").unwrap(), b"x"), None);
    }

    #[test]
    fn offers_that_cannot_be_met_are_told() {
        let told = |challenge: &[u8]| chris("smtp", "abc").step(challenge).unwrap_err().to_string();
        assert!(told(b"algorithm=md5-sess").contains("nonce is missing"));
        assert!(told(b"nonce=\"a\",nonce=\"b\",algorithm=md5-sess").contains("twice"));
        assert!(told(b"nonce=\"a\",algorithm=sha").contains("\"sha\""));
        assert!(told(b"nonce=\"a\",algorithm=md5-sess,qop=\"auth-conf\"").contains("security layer"));
        let mut client = chris("smtp", "abc");
        client.credentials.user = "\u{43f}".to_owned();
        assert!(client.step(b"nonce=\"a\",algorithm=md5-sess").unwrap_err().to_string().contains("8859-1"));
    }

    proptest! {
        #[test]
        fn no_challenge_panics(challenges in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..4)) {
            let mut client = chris("smtp", "abc");
            for challenge in challenges {
                let _ = client.step(&challenge);
            }
            prop_assert!(client.finish().is_err());
        }

        #[test]
        fn quotes_come_back(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = [b"nonce=".as_slice(), &quote(&value)].concat();
            let read = Directives::parse(&text).unwrap();
            prop_assert_eq!(read.must("nonce"), Ok(value.as_slice()));
        }
    }
}
