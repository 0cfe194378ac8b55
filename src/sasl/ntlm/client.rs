//! The client's side of NTLM.

use md4::Md4;
use zeroize::Zeroizing;

use super::super::crypto::{self, Hash, Wiped};
use super::super::{Credentials, Mechanism, Outcome, SaslError};
use super::NAME;
use super::message::{Challenge, OFFERED, UNICODE, authenticate, encode, negotiate, to_utf16};
use crate::secret::Secret;

/// The name given for this machine. The protocol wants one; the real one is nobody's business.
const MACHINE: &str = "WORKSTATION";

/// Seconds between 1601, where Windows begins to count, and 1970.
const EPOCH_DISTANCE: u64 = 11_644_473_600;

/// One exchange. The user may be given as `DOMAIN\user`, `user@domain` or alone.
pub(in super::super) struct Client {
    credentials: Credentials,
    state: State,
}

enum State {
    Fresh,
    Negotiated,
    Over,
}

impl Client {
    /// # Errors
    /// When user or password is missing, or the nonce is not of 8 bytes.
    pub(in super::super) fn new(credentials: &Credentials) -> Result<Self, SaslError> {
        let wrong = |why| Err(SaslError::Credentials { mechanism: NAME, why });
        if credentials.user.is_empty() || credentials.secret.is_empty() {
            return wrong("the user name or the password is empty");
        }
        if std::str::from_utf8(credentials.secret.expose()).is_err() {
            return wrong("the password is not UTF-8, but is sent as UTF-16");
        }
        if credentials.nonce.as_ref().is_some_and(|nonce| nonce.len() != 8) {
            return wrong("the nonce must have 8 bytes");
        }
        Ok(Client { credentials: credentials.clone(), state: State::Fresh })
    }

    fn respond(&self, challenge: &Challenge) -> Result<Secret, SaslError> {
        let wrong = |why: &str| SaslError::challenge(NAME, why);
        let failed = SaslError::Library { mechanism: NAME, why: "HMAC" };
        let (domain, user) = self.names();
        let nonce = match self.credentials.nonce.as_deref().and_then(|nonce| nonce.try_into().ok()) {
            Some(nonce) => nonce,
            None => crypto::random::<8>(NAME)?,
        };
        let answers = Answers {
            key: response_key(&self.credentials.secret, user, domain).ok_or(failed.clone())?,
            nonce,
            time: challenge.time().unwrap_or_else(|| windows_time(self.credentials.seconds)),
        };
        let long = answers.long(challenge).ok_or(failed.clone())?;
        let short = answers.short(challenge).ok_or(failed)?;
        let flags = challenge.flags & OFFERED;
        if flags & UNICODE == 0 && !(user.is_ascii() && domain.is_ascii()) {
            return Err(wrong("it takes no Unicode, which the user name needs"));
        }
        let [domain, user, machine] = [domain, user, MACHINE].map(|text| encode(text, flags));
        // The order of the fields in the header; their bytes follow in the same order.
        let message = authenticate(flags, [&short, &long, &domain, &user, &machine]);
        message.map(Secret::new).ok_or_else(|| wrong("its target info is too long"))
    }

    /// Domain and user. `user@domain` stays whole, as Windows wants it.
    fn names(&self) -> (&str, &str) {
        self.credentials.user.split_once('\\').unwrap_or(("", &self.credentials.user))
    }
}

/// NTOWFv2 (MS-NLMP §3.3.2): the key that stands for the password.
fn response_key(password: &Secret, user: &str, domain: &str) -> Option<Wiped> {
    let password = Zeroizing::new(to_utf16(std::str::from_utf8(password.expose()).ok()?));
    let hash = crypto::digest::<Md4>(&[&password]);
    Hash::Md5.hmac(&hash, &to_utf16(&[&user.to_uppercase(), domain].concat()))
}

/// What goes into both responses.
struct Answers {
    key: Wiped,
    nonce: [u8; 8],
    time: [u8; 8],
}

impl Answers {
    /// The response over time, nonce and target info (MS-NLMP §2.2.2.8).
    fn long(&self, challenge: &Challenge) -> Option<Vec<u8>> {
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        blob.extend(self.time);
        blob.extend(self.nonce);
        blob.extend([0; 4]);
        blob.extend(&challenge.info);
        blob.extend([0; 4]);
        let proof = Hash::Md5.hmac(&self.key, &[challenge.nonce.as_slice(), &blob].concat())?;
        Some([proof.as_slice(), &blob].concat())
    }

    /// The response for servers without the long one: zeros where the server tells its time (MS-NLMP
    /// §3.1.5.1.2).
    fn short(&self, challenge: &Challenge) -> Option<Vec<u8>> {
        if challenge.time().is_some() {
            return Some(vec![0; 24]);
        }
        let proof = Hash::Md5.hmac(&self.key, &[challenge.nonce, self.nonce].concat())?;
        Some([proof.as_slice(), &self.nonce].concat())
    }
}

/// Units of 100 ns since 1601.
fn windows_time(seconds: u64) -> [u8; 8] {
    seconds.saturating_add(EPOCH_DISTANCE).saturating_mul(10_000_000).to_le_bytes()
}

impl Mechanism for Client {
    fn name(&self) -> &'static str {
        NAME
    }

    fn initial(&mut self) -> Result<Option<Secret>, SaslError> {
        if !matches!(self.state, State::Fresh) {
            return Err(SaslError::Over { mechanism: NAME });
        }
        self.state = State::Negotiated;
        Ok(Some(Secret::new(negotiate())))
    }

    fn step(&mut self, challenge: &[u8]) -> Result<Secret, SaslError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Negotiated => {
                let challenge = Challenge::parse(challenge).map_err(|why| SaslError::challenge(NAME, why))?;
                self.respond(&challenge)
            }
            State::Fresh => Err(SaslError::challenge(NAME, "it came before our first message")),
            State::Over => Err(SaslError::Over { mechanism: NAME }),
        }
    }

    fn finish(&mut self) -> Result<Outcome, SaslError> {
        let words = "the password itself was not sent; the server has not shown that it knows it".to_owned();
        Ok(Outcome { server_verified: false, words })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(name: &str) -> Client {
        let mut credentials = Credentials::new(name, Secret::new("Password"));
        credentials.nonce = Some(vec![0xaa; 8]);
        Client::new(&credentials).unwrap()
    }

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// The challenge of MS-NLMP §4.2.4.3.
    fn documented() -> Vec<u8> {
        unhex(
            "4e544c4d53535000 02000000 0c000c0038000000 33828ae2 0123456789abcdef 0000000000000000
             2400240044000000 06007017 0000000f 530065007200760065007200
             02000c0044006f006d00610069006e00 01000c005300650072007600650072 00 00000000",
        )
    }

    fn contains(message: &Secret, part: &[u8]) -> bool {
        message.expose().windows(part.len()).any(|found| found == part)
    }

    #[test]
    fn the_numbers_of_ms_nlmp() {
        let key = response_key(&Secret::new("Password"), "User", "Domain").unwrap();
        assert_eq!(key.as_slice(), unhex("0c868a403bfd7a93a3001ef22ef02e3f"));
        let challenge = Challenge::parse(&documented()).unwrap();
        assert_eq!(challenge.target, "Server");
        assert_eq!(
            (challenge.text(2).as_deref(), challenge.text(1).as_deref()),
            (Some("Domain"), Some("Server"))
        );
        let answers = Answers { key, nonce: [0xaa; 8], time: [0; 8] };
        let short = answers.short(&challenge).unwrap();
        assert_eq!(short, unhex("86c35097ac9cec102554764a57cccc19 aaaaaaaaaaaaaaaa"));
        let long = answers.long(&challenge).unwrap();
        assert_eq!(long[..16], unhex("68cd0ab851e51c96aabc927bebef6a1c"));
    }

    #[test]
    fn the_last_message_holds_all_its_parts() {
        let mut client = user(r"Domain\User");
        assert_eq!(client.initial().unwrap().unwrap().len(), 32);
        let message = client.step(&documented()).unwrap();
        assert!(message.expose().starts_with(b"NTLMSSP\0\x03\0\0\0"));
        for part in ["86c35097ac9cec102554764a57cccc19", "44006f006d00610069006e00", "5500730065007200"] {
            assert!(contains(&message, &unhex(part)), "{part}");
        }
        assert_eq!(client.step(&documented()).unwrap_err(), SaslError::Over { mechanism: NAME });
    }

    #[test]
    fn the_time_of_the_server_is_taken() {
        assert_eq!(u64::from_le_bytes(windows_time(0)), 116_444_736_000_000_000);
        let mut challenge = Challenge::parse(&documented()).unwrap();
        challenge.info = unhex("07000800 0102030405060708 00000000");
        let message = user("User").respond(&challenge).unwrap();
        assert!(contains(&message, &unhex("0101000000000000 0102030405060708 aaaaaaaaaaaaaaaa")));
    }

    #[test]
    fn a_server_that_tells_nothing_of_itself_is_answered() {
        let mut short = documented();
        short.truncate(40);
        short[12..20].fill(0);
        let mut client = user("User");
        client.initial().unwrap();
        assert!(contains(&client.step(&short).unwrap(), &unhex("aaaaaaaaaaaaaaaa 00000000 00000000")));
    }

    #[test]
    fn broken_challenges_are_told() {
        let told = |message: &[u8]| {
            let mut client = user("User");
            client.initial().unwrap();
            client.step(message).unwrap_err().to_string()
        };
        assert!(told(b"hello").contains("NTLMSSP"));
        assert!(told(&documented()[..30]).contains("cut short"));
        let mut outside = documented();
        outside[44..48].fill(0xff);
        assert!(told(&outside).contains("points outside"));
    }

    proptest! {
        #[test]
        fn no_challenge_panics(at in 0usize..80, byte in any::<u8>(), cut in 0usize..120) {
            let mut message = documented();
            if let Some(place) = message.get_mut(at) {
                *place = byte;
            }
            message.truncate(cut);
            let mut client = user("User");
            client.initial().unwrap();
            let _ = client.step(&message);
        }
    }
}
