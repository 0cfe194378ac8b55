//! Help for a person who types AUTH: what to ask for at each challenge, and how the plain answers become
//! a response.

use std::fmt;

use super::describe::login_asks_password;
use super::{Credentials, Mechanism, Needs, Outcome, SaslError, client, info};
use crate::secret::Secret;

/// What kind of answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskKind {
    /// A user name.
    User,
    /// A password.
    Password,
    /// An OAuth token.
    Token,
    /// A response of the mechanism, in plain; it is encoded for the person.
    Response,
    /// Bytes for a mechanism that is not known here; they are encoded as they stand.
    Raw,
}

/// A question to the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The prompt, without a colon at its end.
    pub prompt: String,
    /// Whether what is typed must not show.
    pub secret: bool,
    /// What is asked for.
    pub kind: AskKind,
}

impl Ask {
    fn new(kind: AskKind) -> Self {
        let (prompt, secret) = match kind {
            AskKind::User => ("user name", false),
            AskKind::Password => ("password", true),
            AskKind::Token => ("OAuth token", true),
            AskKind::Response => ("response (empty ends the exchange)", true),
            AskKind::Raw => ("response", true),
        };
        Ask { prompt: prompt.to_owned(), secret, kind }
    }
}

/// What to do next.
#[derive(Debug)]
pub enum Next {
    /// Ask the person, then call [`ByHand::answer`].
    Ask(Ask),
    /// Send this response, after base64.
    Respond(Secret),
}

/// One typed exchange.
///
/// Feed each decoded challenge to [`challenge`](ByHand::challenge) and each typed line to
/// [`answer`](ByHand::answer), until [`Next::Respond`] comes out.
pub struct ByHand {
    credentials: Credentials,
    plan: Plan,
}

enum Plan {
    /// Each challenge asks for one thing (LOGIN); the number of answers given so far.
    OneByOne(usize),
    /// Gather what the mechanism needs, then let it speak.
    Gather { name: &'static str, token: bool, asked: Vec<AskKind>, challenge: Vec<u8> },
    /// The mechanism speaks.
    Speak { mechanism: Box<dyn Mechanism>, held: Option<Secret> },
    /// The person makes each response.
    Typed(AskKind),
}

impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByHand").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl ByHand {
    /// An exchange after `AUTH mechanism` was typed.
    ///
    /// `initial` tells that an initial response stood in the command: what it said is not known here, so all
    /// further responses are the person's own (in LOGIN it was the user name). `base` brings host, port and
    /// channel binding; its user and secret are asked for where they are empty.
    pub fn new(mechanism: &str, initial: bool, base: Credentials) -> Self {
        let plan = match info(mechanism) {
            Some(known) if known.name == "LOGIN" => Plan::OneByOne(usize::from(initial)),
            Some(_) if initial => Plan::Typed(AskKind::Response),
            Some(known) if known.needs == Needs::Password || known.needs == Needs::Token => Plan::Gather {
                name: known.name,
                token: known.needs == Needs::Token,
                asked: Vec::new(),
                challenge: Vec::new(),
            },
            Some(known) => speaker(known.name, &base).unwrap_or(Plan::Typed(AskKind::Response)),
            None => Plan::Typed(AskKind::Raw),
        };
        ByHand { credentials: base, plan }
    }

    /// Takes a decoded challenge.
    ///
    /// # Errors
    /// When a known mechanism cannot answer the challenge.
    pub fn challenge(&mut self, decoded: &[u8]) -> Result<Next, SaslError> {
        match &mut self.plan {
            Plan::OneByOne(answers) => {
                let password = login_asks_password(decoded).unwrap_or(*answers > 0);
                let kind = if password { AskKind::Password } else { AskKind::User };
                Ok(Next::Ask(Ask::new(kind)))
            }
            Plan::Gather { challenge, .. } => {
                *challenge = decoded.to_vec();
                self.gather()
            }
            Plan::Speak { .. } => self.speak(decoded),
            Plan::Typed(kind) => Ok(Next::Ask(Ask::new(*kind))),
        }
    }

    /// Takes the line that the person typed, without its line end and not encoded.
    ///
    /// # Errors
    /// When the credentials, now complete, do not fit the mechanism or its challenge.
    pub fn answer(&mut self, typed: Secret) -> Result<Next, SaslError> {
        match &mut self.plan {
            Plan::OneByOne(answers) => {
                *answers += 1;
                Ok(Next::Respond(typed))
            }
            Plan::Gather { name, asked, .. } => {
                if asked.last() == Some(&AskKind::User) {
                    let user = String::from_utf8(typed.expose().to_vec());
                    let why = "the user name is not UTF-8";
                    self.credentials.user =
                        user.map_err(|_| SaslError::Credentials { mechanism: name, why })?;
                } else {
                    self.credentials.secret = typed;
                }
                self.gather()
            }
            Plan::Speak { .. } | Plan::Typed(_) => Ok(Next::Respond(typed)),
        }
    }

    /// What is known once the server accepted; nothing if the person made the responses.
    ///
    /// # Errors
    /// When the server accepted without the proof that the mechanism demands of it.
    pub fn finish(&mut self) -> Result<Option<Outcome>, SaslError> {
        match &mut self.plan {
            Plan::Speak { mechanism, .. } => mechanism.finish().map(Some),
            Plan::OneByOne(_) | Plan::Gather { .. } | Plan::Typed(_) => Ok(None),
        }
    }

    /// Asks for what is still missing, or goes over to the mechanism.
    fn gather(&mut self) -> Result<Next, SaslError> {
        let Plan::Gather { name, token, asked, challenge } = &mut self.plan else {
            return Ok(Next::Ask(Ask::new(AskKind::Raw)));
        };
        let missing = if self.credentials.user.is_empty() && !asked.contains(&AskKind::User) {
            Some(AskKind::User)
        } else if self.credentials.secret.is_empty() && asked.iter().all(|kind| *kind == AskKind::User) {
            Some(if *token { AskKind::Token } else { AskKind::Password })
        } else {
            None
        };
        if let Some(kind) = missing {
            asked.push(kind);
            return Ok(Next::Ask(Ask::new(kind)));
        }
        let challenge = std::mem::take(challenge);
        self.plan = speaker(name, &self.credentials)?;
        self.speak(&challenge)
    }

    fn speak(&mut self, challenge: &[u8]) -> Result<Next, SaslError> {
        match &mut self.plan {
            Plan::Speak { held, .. } if held.is_some() => {
                Ok(Next::Respond(held.take().unwrap_or_else(|| Secret::new(""))))
            }
            Plan::Speak { mechanism, .. } => mechanism.step(challenge).map(Next::Respond),
            _ => Ok(Next::Ask(Ask::new(AskKind::Raw))),
        }
    }
}

/// The mechanism, with its first message kept for the first challenge.
fn speaker(name: &str, credentials: &Credentials) -> Result<Plan, SaslError> {
    let mut mechanism = client(name, credentials)?;
    let held = mechanism.initial()?;
    Ok(Plan::Speak { mechanism, held })
}

/// What a typed line says if it is base64 of text, such as is typed out of habit: words, or a message of a mechanism
/// whose parts NUL or ^A divide. Nearly no plain word or password reads so by chance.
pub fn encoded(typed: &Secret) -> Option<Secret> {
    let plain = Secret::new(super::decode_challenge(typed.expose()).ok()?);
    let text = std::str::from_utf8(plain.expose()).ok()?;
    let printable = text.chars().all(|c| !c.is_control() || matches!(c, '\0' | '\x01'));
    (printable && text.len() >= SHORTEST_ENCODED).then_some(plain)
}

/// Shorter text is no proof: every fourth word of four letters is base64 of something printable.
const SHORTEST_ENCODED: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn hand(mechanism: &str, initial: bool) -> ByHand {
        ByHand::new(mechanism, initial, Credentials::new("", Secret::new("")))
    }

    fn asked(next: Result<Next, SaslError>) -> AskKind {
        match next.unwrap() {
            Next::Ask(ask) => {
                assert_eq!(ask.secret, ask.kind != AskKind::User);
                ask.kind
            }
            Next::Respond(_) => panic!("a response where a question was due"),
        }
    }

    fn sent(next: Result<Next, SaslError>) -> Vec<u8> {
        match next.unwrap() {
            Next::Respond(secret) => secret.expose().to_vec(),
            Next::Ask(ask) => panic!("a question where a response was due: {ask:?}"),
        }
    }

    #[test]
    fn plain_asks_twice_and_answers_once() {
        let mut plain = hand("plain", false);
        assert_eq!(asked(plain.challenge(b"")), AskKind::User);
        assert_eq!(asked(plain.answer(Secret::new("tim"))), AskKind::Password);
        assert_eq!(sent(plain.answer(Secret::new("pw"))), b"\0tim\0pw");
    }

    #[test]
    fn what_is_known_is_not_asked() {
        let mut plain = ByHand::new("PLAIN", false, Credentials::new("tim", Secret::new("")));
        assert_eq!(asked(plain.challenge(b"")), AskKind::Password);
        assert_eq!(sent(plain.answer(Secret::new("pw"))), b"\0tim\0pw");
    }

    #[test]
    fn login_goes_by_the_wording_then_by_the_count() {
        let mut login = hand("LOGIN", false);
        assert_eq!(asked(login.challenge(b"Username:")), AskKind::User);
        assert_eq!(sent(login.answer(Secret::new("tim"))), b"tim");
        assert_eq!(asked(login.challenge(b"?")), AskKind::Password);
        assert_eq!(sent(login.answer(Secret::new("pw"))), b"pw");
        assert_eq!(asked(hand("LOGIN", true).challenge(b"??")), AskKind::Password);
    }

    #[test]
    fn cram_md5_is_computed() {
        let mut cram = hand("CRAM-MD5", false);
        assert_eq!(asked(cram.challenge(b"<1896.697170952@postoffice.reston.mci.net>")), AskKind::User);
        assert_eq!(asked(cram.answer(Secret::new("tim"))), AskKind::Password);
        let response = sent(cram.answer(Secret::new("tanstaaftanstaaf")));
        assert_eq!(response, b"tim b913a602c7eda7a495b4e6e7334d3890");
    }

    #[test]
    fn xoauth2_asks_for_a_token_and_ends_a_refusal() {
        let mut xoauth2 = hand("XOAUTH2", false);
        assert_eq!(asked(xoauth2.challenge(b"")), AskKind::User);
        assert_eq!(asked(xoauth2.answer(Secret::new("joe"))), AskKind::Token);
        assert_eq!(sent(xoauth2.answer(Secret::new("t0k"))), b"user=joe\x01auth=Bearer t0k\x01\x01");
        assert_eq!(sent(xoauth2.challenge(b"{}")), b"");
        assert_eq!(asked(hand("XOAUTH2", true).challenge(b"{}")), AskKind::Response);
    }

    #[test]
    fn external_and_anonymous_ask_nothing() {
        let mut base = Credentials::new("", Secret::new(""));
        base.authzid = Some("carol".to_owned());
        assert_eq!(sent(ByHand::new("EXTERNAL", false, base).challenge(b"")), b"carol");
        assert_eq!(sent(hand("ANONYMOUS", false).challenge(b"")), b"");
    }

    #[test]
    fn scram_goes_on_by_itself() {
        let mut scram = hand("SCRAM-SHA-1", false);
        assert_eq!(asked(scram.challenge(b"")), AskKind::User);
        assert_eq!(asked(scram.answer(Secret::new("user"))), AskKind::Password);
        let first = sent(scram.answer(Secret::new("pencil")));
        let nonce = String::from_utf8(first).unwrap().split_off("n,,n=user,r=".len());
        assert!(sent(scram.challenge(format!("r={nonce}x,s=QQ==,i=1").as_bytes())).starts_with(b"c=biws,r="));
        assert!(scram.challenge(b"v=QQ==").unwrap_err().to_string().contains("FAILED TO PROVE"));
    }

    #[test]
    fn a_yes_without_the_servers_proof_is_an_error() {
        let mut scram = hand("SCRAM-SHA-1", false);
        assert_eq!(scram.finish(), Ok(None), "nothing was begun");
        asked(scram.challenge(b""));
        asked(scram.answer(Secret::new("user")));
        sent(scram.answer(Secret::new("pencil")));
        assert_eq!(scram.finish(), Err(SaslError::ServerNotVerified { mechanism: "SCRAM-SHA-1" }));
        let mut external = hand("EXTERNAL", false);
        sent(external.challenge(b""));
        assert!(external.finish().unwrap().is_some_and(|outcome| !outcome.server_verified));
    }

    #[test]
    fn an_unknown_mechanism_takes_what_is_typed() {
        let mut unknown = hand("X-NEW", false);
        assert_eq!(asked(unknown.challenge(b"\xff")), AskKind::Raw);
        assert_eq!(sent(unknown.answer(Secret::new("abc"))), b"abc");
    }

    #[test]
    fn an_empty_answer_is_an_error_not_a_loop() {
        let mut plain = hand("PLAIN", false);
        asked(plain.challenge(b""));
        asked(plain.answer(Secret::new("")));
        assert!(plain.answer(Secret::new("")).unwrap_err().to_string().contains("empty"));
    }

    #[test]
    fn encoded_lines_are_recognised() {
        let says = |typed: &str| encoded(&Secret::new(typed)).map(|plain| plain.expose().to_vec());
        assert_eq!(says("YWxpY2VAZXhhbXBsZS5vcmc=").unwrap(), b"alice@example.org");
        assert_eq!(says("AGFsaWNlAHdvbmRlcmxhbmQ=").unwrap(), b"\0alice\0wonderland");
        for plain in ["", "tim", "alice", "hunter2", "wonderland", "Tr0ub4dor", "correcthorsebatt", "dGlt"] {
            assert_eq!(says(plain), None, "{plain}");
        }
    }
}
