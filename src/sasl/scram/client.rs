//! The client's side of SCRAM.

use zeroize::Zeroizing;

use super::super::crypto::{self, base64, prepared, same, unbase64};
use super::super::text::quoted;
use super::super::{Credentials, Mechanism, Outcome, SaslError, concat};
use super::message::{ServerFirst, attributes, error_words, escape_name, expect, is_nonce};
use super::{FEW_ITERATIONS, Keys, MANY_ITERATIONS, Variant};
use crate::secret::Secret;

/// One exchange.
///
/// The step that answers the server's salt runs PBKDF2 and may take a second; call it where that does no
/// harm.
pub(in super::super) struct Client {
    variant: Variant,
    credentials: Credentials,
    state: State,
    rounds: u64,
}

enum State {
    Fresh,
    /// The first message is out.
    Sent(Sent),
    /// The proof is out; the signature that the server must show.
    Proved {
        expected: Zeroizing<Vec<u8>>,
    },
    Verified,
    Failed,
}

/// The first message: its header, what follows that, and the nonce in it (RFC 5802 §5).
struct Sent {
    gs2_header: Vec<u8>,
    bare: Vec<u8>,
    nonce: Vec<u8>,
}

impl Client {
    /// # Errors
    /// When the credentials do not fit: no user, no channel binding for `-PLUS`, a nonce that cannot be sent.
    pub(in super::super) fn new(variant: Variant, credentials: &Credentials) -> Result<Self, SaslError> {
        let wrong = |why| Err(SaslError::Credentials { mechanism: variant.name, why });
        if credentials.user.is_empty() {
            return wrong("the user name is empty");
        }
        if credentials.secret.is_empty() {
            return wrong("the password is empty");
        }
        if variant.binds && credentials.channel_binding.is_none() {
            return wrong("there is no channel binding; -PLUS needs a TLS link");
        }
        if credentials.nonce.as_ref().is_some_and(|nonce| !is_nonce(nonce)) {
            return wrong("the nonce is not printable or holds a comma");
        }
        Ok(Client { variant, credentials: credentials.clone(), state: State::Fresh, rounds: 0 })
    }

    /// `p=KIND`, or `y` where we could bind but the server does not offer it, else `n`; then `,a=AUTHZID,`.
    fn gs2_header(&self) -> Vec<u8> {
        let mut header = match &self.credentials.channel_binding {
            Some(binding) if self.variant.binds => format!("p={}", binding.kind.name()).into_bytes(),
            Some(_) if self.credentials.no_plus_offered => b"y".to_vec(),
            _ => b"n".to_vec(),
        };
        header.push(b',');
        if let Some(authzid) = &self.credentials.authzid {
            header.extend_from_slice(b"a=");
            header.extend_from_slice(&escape_name(authzid.as_bytes()));
        }
        header.push(b',');
        header
    }

    /// `c=BINDING,r=NONCE,p=PROOF`, and the signature to expect in return.
    fn prove(
        &self,
        sent: &Sent,
        challenge: &[u8],
        first: &ServerFirst,
    ) -> Result<(Secret, Zeroizing<Vec<u8>>), SaslError> {
        let rounds = u32::try_from(first.rounds).unwrap_or(u32::MAX);
        let data = match &self.credentials.channel_binding {
            Some(binding) if self.variant.binds => binding.data.as_slice(),
            _ => b"",
        };
        let binding = base64(&[&sent.gs2_header, data].concat());
        let without_proof = [b"c=".as_slice(), binding.as_bytes(), b",r=", &first.nonce].concat();
        let auth_message = [&sent.bare, b",".as_slice(), challenge, b",", &without_proof].concat();
        let password = prepared(self.credentials.secret.expose());
        let keys = Keys::new(self.variant.hash, &password, &first.salt, rounds);
        let signed = keys.and_then(|keys| {
            Some((keys.client_proof(&auth_message)?, keys.server_signature(&auth_message)?))
        });
        let (proof, expected) =
            signed.ok_or(SaslError::Library { mechanism: self.variant.name, why: "HMAC" })?;
        Ok((concat(&[&without_proof, b",p=", base64(&proof).as_bytes()]), expected))
    }

    fn answer_first(&mut self, sent: &Sent, challenge: &[u8]) -> Result<Secret, SaslError> {
        let mechanism = self.variant.name;
        // Servers may put their error in place of the salt.
        refused(mechanism, challenge)?;
        let first = ServerFirst::parse(challenge).map_err(|why| SaslError::challenge(mechanism, why))?;
        if !first.nonce.starts_with(&sent.nonce) || first.nonce.len() == sent.nonce.len() {
            return Err(SaslError::Nonce { mechanism });
        }
        if first.rounds > u64::from(MANY_ITERATIONS) {
            return Err(SaslError::Iterations { mechanism, count: first.rounds, limit: MANY_ITERATIONS });
        }
        let (response, expected) = self.prove(sent, challenge, &first)?;
        self.rounds = first.rounds;
        self.state = State::Proved { expected };
        Ok(response)
    }

    fn check_final(&mut self, expected: &[u8], challenge: &[u8]) -> Result<Secret, SaslError> {
        let mechanism = self.variant.name;
        refused(mechanism, challenge)?;
        let signature =
            expect(&mut attributes(challenge), b'v').map_err(|why| SaslError::challenge(mechanism, why))?;
        let signature = unbase64(signature).ok_or_else(|| {
            SaslError::challenge(mechanism, format!("its signature {} is not base64", quoted(signature)))
        })?;
        if !same(expected, &signature) {
            return Err(SaslError::ServerSignature { mechanism });
        }
        self.state = State::Verified;
        Ok(Secret::new(""))
    }
}

/// The server's `e=`, if the message is one.
fn refused(mechanism: &'static str, challenge: &[u8]) -> Result<(), SaslError> {
    let Some((Some(b'e'), error)) = attributes(challenge).next() else {
        return Ok(());
    };
    Err(SaslError::ServerSays { mechanism, why: format!("{}, {}", quoted(error), error_words(error)) })
}

impl Mechanism for Client {
    fn name(&self) -> &'static str {
        self.variant.name
    }

    fn initial(&mut self) -> Result<Option<Secret>, SaslError> {
        if !matches!(self.state, State::Fresh) {
            return Err(SaslError::Over { mechanism: self.variant.name });
        }
        let nonce = crypto::nonce(self.variant.name, &self.credentials)?;
        let user = escape_name(&prepared(self.credentials.user.as_bytes()));
        let bare = [b"n=".as_slice(), &user, b",r=", &nonce].concat();
        let gs2_header = self.gs2_header();
        let message = concat(&[&gs2_header, &bare]);
        self.state = State::Sent(Sent { gs2_header, bare, nonce });
        Ok(Some(message))
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Sent(sent) => self.answer_first(&sent, challenge),
            State::Proved { expected } => self.check_final(&expected, challenge),
            State::Fresh => Err(SaslError::challenge(self.variant.name, "it came before our first message")),
            State::Verified | State::Failed => Err(SaslError::Over { mechanism: self.variant.name }),
        }
    }

    fn finish(&mut self) -> Result<Outcome, SaslError> {
        if !matches!(self.state, State::Verified) {
            return Err(SaslError::ServerNotVerified { mechanism: self.variant.name });
        }
        let mut words = "the server proved that it knows the password".to_owned();
        if self.variant.binds {
            words.push_str(", at the other end of this very TLS link");
        }
        if self.rounds < u64::from(FEW_ITERATIONS) {
            words.push_str(&format!(
                "; it stores it with {} rounds only, {FEW_ITERATIONS} are the least that is advised",
                self.rounds
            ));
        }
        Ok(Outcome { server_verified: true, words })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sasl::{BindingKind, ChannelBinding, client};

    fn credentials(nonce: &[u8]) -> Credentials {
        let mut credentials = Credentials::new("user", Secret::new("pencil"));
        credentials.nonce = Some(nonce.to_vec());
        credentials
    }

    fn started(name: &str, credentials: &Credentials) -> (Box<dyn Mechanism>, Vec<u8>) {
        let mut client = client(name, credentials).unwrap();
        let first = client.initial().unwrap().unwrap().expose().to_vec();
        (client, first)
    }

    #[test]
    fn the_example_of_rfc_5802() {
        let (mut scram, first) = started("SCRAM-SHA-1", &credentials(b"fyko+d2lbbFgONRv9qkxdawL"));
        assert_eq!(first, b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
        let proof =
            scram.step(b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096").unwrap();
        assert_eq!(
            proof.expose(),
            b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        );
        assert!(scram.step(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap().is_empty());
        let outcome = scram.finish().unwrap();
        assert!(outcome.server_verified && !outcome.words.contains("only"), "{outcome:?}");
    }

    #[test]
    fn the_example_of_rfc_7677() {
        let (mut scram, _) = started("scram-sha-256", &credentials(b"rOprNGfwEbeRWgbNEkqO"));
        let nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let proof = scram.step(format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").as_bytes()).unwrap();
        let expected = format!("c=biws,r={nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        assert_eq!(proof.expose(), expected.as_bytes());
        scram.step(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").unwrap();
        assert!(scram.finish().is_ok());
    }

    #[test]
    fn names_are_escaped_and_the_header_tells_of_binding() {
        let mut them = credentials(b"abc");
        them.user = "a,b=c".to_owned();
        them.authzid = Some("x=,".to_owned());
        assert_eq!(started("SCRAM-SHA-256", &them).1, b"n,a=x=3D=2C,n=a=2Cb=3Dc,r=abc");
        let data = vec![1, 2, 3];
        them.channel_binding = Some(ChannelBinding { kind: BindingKind::TlsServerEndPoint, data });
        them.authzid = None;
        assert_eq!(started("SCRAM-SHA-256-PLUS", &them).1, b"p=tls-server-end-point,,n=a=2Cb=3Dc,r=abc");
        assert_eq!(started("SCRAM-SHA-256", &them).1, b"n,,n=a=2Cb=3Dc,r=abc");
        them.no_plus_offered = true;
        assert_eq!(started("SCRAM-SHA-256", &them).1, b"y,,n=a=2Cb=3Dc,r=abc");
    }

    #[test]
    fn hostile_first_challenges_are_refused() {
        let told = |challenge: &str| {
            let (mut scram, _) = started("SCRAM-SHA-1", &credentials(b"abc"));
            let error = scram.step(challenge.as_bytes()).unwrap_err();
            assert!(matches!(scram.step(b"v="), Err(SaslError::Over { .. })), "goes on after {challenge}");
            error
        };
        assert_eq!(told("r=xyz,s=QQ==,i=4096"), SaslError::Nonce { mechanism: "SCRAM-SHA-1" });
        assert_eq!(told("r=abc,s=QQ==,i=4096"), SaslError::Nonce { mechanism: "SCRAM-SHA-1" });
        for count in ["10000000", "2000001", "99999999999999999999999999"] {
            let error = told(&format!("r=abcd,s=QQ==,i={count}"));
            assert!(matches!(error, SaslError::Iterations { limit: MANY_ITERATIONS, .. }), "{error}");
        }
        for bad in [
            "",
            "r",
            "r=",
            "r=abcd",
            "r=abcd,,",
            "r=abcd,s=Q,i=1",
            "r=abcd,s=QQ==,i=0",
            "m=x,r=abcd",
            "r=abcd,s=QQ==,i=-1",
            "r=abcd,s=QQ==,i=+5",
            "r=a b,s=QQ==,i=1",
        ] {
            let error = told(bad);
            assert!(matches!(error, SaslError::Challenge { .. }), "{bad}: {error}");
        }
        assert!(told("e=unknown-user").to_string().contains("does not know the user"));
    }

    #[test]
    fn a_false_server_is_told_loudly() {
        let proved = || {
            let (mut scram, _) = started("SCRAM-SHA-1", &credentials(b"abc"));
            scram.step(b"r=abcd,s=QQ==,i=1").unwrap();
            scram
        };
        let mut scram = proved();
        let error = scram.step(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=").unwrap_err();
        assert_eq!(error, SaslError::ServerSignature { mechanism: "SCRAM-SHA-1" });
        assert!(error.to_string().contains("FAILED TO PROVE"));
        assert!(scram.finish().is_err());
        assert!(proved().finish().unwrap_err().to_string().contains("DID NOT PROVE"));
        assert!(proved().step(b"e=invalid-proof").unwrap_err().to_string().contains("password is wrong"));
    }

    #[test]
    fn plus_without_a_binding_is_refused_before_anything_is_sent() {
        let error = client("SCRAM-SHA-256-PLUS", &credentials(b"abc")).err().unwrap();
        assert!(error.to_string().contains("TLS link"), "{error}");
    }

    proptest! {
        #[test]
        fn no_challenge_panics(
            challenges in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 1..4),
            forged in "(r=abcd|r=abc|x)?,?(s=QQ==|s=)?,?(i=[0-9]{1,2})?,?[ -~]{0,8}",
        ) {
            let (mut scram, _) = started("SCRAM-SHA-256", &credentials(b"abc"));
            let _ = scram.step(forged.as_bytes());
            for challenge in challenges {
                prop_assert!(scram.step(&challenge).is_err());
            }
            prop_assert!(scram.finish().is_err());
        }
    }
}
