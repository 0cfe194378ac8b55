//! AUTH exchanges that are not played as recorded: those in which the server has to prove something, held for real with a
//! known password, and those that take other steps than in the transcript.
//!
//! In SCRAM and DIGEST-MD5 the client refuses a server that cannot show that it knows the password, over a nonce
//! that the client makes anew each time: no recording can do that. CRAM-MD5 proves nothing of the server, but with the
//! password at hand the client's digest can be judged.

use crate::sasl::server::{Seed, ServerStep, Verifier};
use crate::sasl::{BindingKind, ChannelBinding, decode_challenge};
use crate::secret::Secret;
use crate::transcript::turns::Turn;
use crate::wire::ReplyCode;

/// A user whose password the mock server knows.
#[derive(Debug)]
pub struct Account {
    /// The user name, as clients give it.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Whether a server by this mechanism proves that it knows the password (RFC 5802 §3, RFC 2831 §2.1.3).
pub(super) fn server_proves(mechanism: &str) -> bool {
    mechanism.starts_with("SCRAM-") || mechanism == "DIGEST-MD5"
}

/// Whether an exchange by this mechanism is held for real where the password is known.
pub(super) fn is_judged(mechanism: &str) -> bool {
    server_proves(mechanism) || mechanism == "CRAM-MD5"
}

/// Whether a server can hold an exchange by this mechanism without knowing a password, and let anybody in.
pub(super) fn is_taken(mechanism: &str) -> bool {
    challenges(mechanism).is_some()
}

/// What comes after a message of the client.
pub(super) enum Next {
    /// A challenge, before base64.
    Challenge(Vec<u8>),
    /// The exchange is over and the client's part in it was good: the recorded outcome.
    Outcome(Turn),
    /// The client's message was no good. Says why; holds no secret.
    Refused(String),
}

/// One exchange, and how it ended in the transcript.
pub(super) struct Proof {
    way: Way,
    outcome: Turn,
}

/// What is made of the client's messages.
enum Way {
    /// They are judged with the password.
    Judged(Box<Verifier>),
    /// They are taken whatever they are; the challenges that are still to be given.
    Taken(&'static [&'static [u8]]),
}

/// What a server says before each message of the client, where it proves nothing by it; none where it has to, or where the
/// mechanism is not known.
fn challenges(mechanism: &str) -> Option<&'static [&'static [u8]]> {
    match mechanism {
        "PLAIN" | "XOAUTH2" | "OAUTHBEARER" | "EXTERNAL" | "ANONYMOUS" => Some(&[b""]),
        "LOGIN" => Some(&[b"Username:", b"Password:"]),
        "CRAM-MD5" => Some(&[b"<1896.697170952@localhost>"]),
        _ => None,
    }
}

impl Proof {
    /// An exchange that is to end as `outcome` did.
    pub(super) fn new(account: &Account, seed: Seed, binding: Option<&[u8]>, outcome: Turn) -> Proof {
        let (known, password) = (account.user.clone(), Secret::new(account.password.expose().to_vec()));
        let lookup = move |user: &str| (user == known).then(|| Secret::new(password.expose().to_vec()));
        let mut verifier = Verifier::new(lookup, seed);
        if let Some(data) = binding {
            let kind = BindingKind::TlsServerEndPoint;
            verifier = verifier.with_binding(ChannelBinding { kind, data: data.to_vec() });
        }
        Proof { way: Way::Judged(Box::new(verifier)), outcome }
    }

    /// An exchange that is to end as `outcome` did, whatever the client says in it. Nothing where it takes a password.
    pub(super) fn taken(mechanism: &str, outcome: Turn) -> Option<Proof> {
        Some(Proof { way: Way::Taken(challenges(mechanism)?), outcome })
    }

    /// Takes the AUTH command's initial response, still in base64.
    pub(super) fn start(&mut self, mechanism: &str, initial: Option<&[u8]>) -> Next {
        match &mut self.way {
            Way::Judged(verifier) => match initial.map(decode_challenge).transpose() {
                Ok(initial) => {
                    let step = verifier.start(mechanism, initial.as_deref());
                    self.judged(step)
                }
                Err(_) => Next::Refused("the initial response is not base64".to_owned()),
            },
            Way::Taken(left) => {
                // The message that the first challenge asks for has come.
                *left = left.get(usize::from(initial.is_some())..).unwrap_or_default();
                self.next_challenge()
            }
        }
    }

    /// Takes a response, still in base64.
    pub(super) fn step(&mut self, response: &[u8]) -> Next {
        match &mut self.way {
            Way::Judged(verifier) => match decode_challenge(response) {
                Ok(response) => {
                    let step = verifier.step(&response);
                    self.judged(step)
                }
                Err(_) => Next::Refused("the response is not base64".to_owned()),
            },
            Way::Taken(_) => self.next_challenge(),
        }
    }

    fn next_challenge(&mut self) -> Next {
        match &mut self.way {
            Way::Taken([next, left @ ..]) => {
                let challenge = next.to_vec();
                self.way = Way::Taken(left);
                Next::Challenge(challenge)
            }
            _ => Next::Outcome(self.outcome.clone()),
        }
    }

    fn judged(&self, step: ServerStep) -> Next {
        let refused = self.outcome.code().is_some_and(ReplyCode::is_error);
        let proved = matches!(&self.way, Way::Judged(verifier) if verifier.client_proved());
        match step {
            // A server that refuses does so in place of its own proof.
            ServerStep::Challenge(_) if refused && proved => Next::Outcome(self.outcome.clone()),
            ServerStep::Challenge(bytes) => Next::Challenge(bytes),
            ServerStep::Accept { .. } => Next::Outcome(self.outcome.clone()),
            ServerStep::Reject { why } => Next::Refused(why),
        }
    }
}
