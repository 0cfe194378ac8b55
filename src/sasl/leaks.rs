//! Nothing that can be printed holds a secret.

use std::fmt::{Debug, Display};

use super::crypto::{base64, hex};
use super::server::{SERVER_MECHANISMS, Seed};
use super::*;

/// Long enough, and odd enough, to be found wherever it stands. No part of another text here.
const MARK: &str = "Zq7-Xv3-password-Kk9";

/// All that was printed in one run.
struct Printed(String);

impl Printed {
    fn debug(&mut self, value: &dyn Debug) {
        self.0.push_str(&format!("{value:?}\n{value:#?}\n"));
    }

    fn both(&mut self, value: &(impl Debug + Display)) {
        self.debug(value);
        self.0.push_str(&format!("{value}\n"));
    }

    fn result<T: Debug>(&mut self, value: &Result<T, SaslError>) {
        self.debug(value);
        if let Err(error) = value {
            self.both(error);
        }
    }

    /// Fails when the secret or an encoding of it was printed. The alignment of base64 depends on what
    /// stands before, so each of the three is looked for.
    fn assert_clean(&self) {
        let mut forms =
            vec![MARK.to_owned(), String::from_utf8(hex(MARK.as_bytes()).expose().to_vec()).unwrap()];
        for lead in ["", "a", "ab"] {
            let encoded = base64(format!("{lead}{MARK}").as_bytes());
            forms.push(encoded[4..encoded.len() - 4].to_owned());
        }
        forms.push(format!("{:?}", MARK.as_bytes()).trim_matches(['[', ']']).to_owned());
        for form in &forms {
            assert!(!self.0.contains(form.as_str()), "{form} in:\n{}", self.0);
        }
    }
}

fn credentials() -> Credentials {
    let mut credentials = Credentials::new("alice", Secret::new(MARK));
    credentials.host = Some("mx.test".to_owned());
    let data = b"certificate".to_vec();
    credentials.channel_binding = Some(ChannelBinding { kind: BindingKind::TlsServerEndPoint, data });
    credentials
}

/// Challenges that are empty, senseless, or right up to a point.
const CHALLENGES: &[&[u8]] = &[
    b"",
    b"\xff\x00",
    b"r=abcd,s=QQ==,i=1",
    b"r=abc,s=QQ==,i=99999999",
    b"v=QQ==",
    b"e=invalid-proof",
    b"nonce=\"a\",algorithm=md5-sess",
    b"rspauth=00",
    b"NTLMSSP\0\x02\0\0\0",
    b"{\"status\":\"401\"}",
];

#[test]
fn the_mark_would_be_found() {
    let mut printed = Printed(String::new());
    printed.debug(&MARK.as_bytes());
    assert!(std::panic::catch_unwind(|| printed.assert_clean()).is_err());
    let encoded = Printed(base64(format!("\0alice\0{MARK}").as_bytes()).to_string());
    assert!(std::panic::catch_unwind(|| encoded.assert_clean()).is_err());
}

#[test]
fn no_client_prints_its_secret() {
    let mut printed = Printed(String::new());
    printed.debug(&credentials());
    for known in MECHANISMS {
        for challenge in CHALLENGES {
            let mut credentials = credentials();
            credentials.nonce = Some(if known.name == "NTLM" { vec![1; 8] } else { b"abc".to_vec() });
            let mut client = client(known.name, &credentials).unwrap();
            printed.result(&client.initial());
            for challenge in [challenge, b"v=QQ==".as_slice(), challenge] {
                let response = client.step(challenge);
                printed.result(&response);
                let response = response.unwrap_or_else(|_| Secret::new(""));
                printed.debug(&(encode_initial(&response), encode_response(&response)));
            }
            printed.result(&client.finish());
        }
    }
    printed.assert_clean();
}

#[test]
fn no_refusal_to_begin_prints_the_secret() {
    let mut printed = Printed(String::new());
    for known in MECHANISMS {
        for secret in [format!("{MARK}\0"), format!("{MARK}\n")] {
            let mut credentials = Credentials::new("\0", Secret::new(secret));
            credentials.nonce = Some(b"a,b".to_vec());
            if let Err(error) = client(known.name, &credentials) {
                printed.both(&error);
            }
        }
    }
    assert!(printed.0.contains("PLAIN cannot be used"));
    printed.assert_clean();
}

#[test]
fn no_helper_and_no_server_prints_a_secret() {
    let mut printed = Printed(String::new());
    for name in SERVER_MECHANISMS {
        for password in [MARK, "another"] {
            let seed = Seed { nonce: "abc".to_owned(), seconds: 0, host: "mx.test".to_owned() };
            let lookup = move |user: &str| (user == "alice").then(|| Secret::new(password));
            let binding = credentials().channel_binding.unwrap();
            let mut server = Verifier::new(lookup, seed).with_binding(binding);
            let mut hand = ByHand::new(name, false, Credentials { secret: Secret::new(""), ..credentials() });
            let mut step = server.start(name, None);
            for _ in 0..4 {
                printed.debug(&(&step, &server, &hand));
                let ServerStep::Challenge(challenge) = &step else { break };
                let mut next = hand.challenge(challenge);
                while let Ok(Next::Ask(ask)) = &next {
                    printed.debug(ask);
                    let typed = if ask.kind == AskKind::User { "alice" } else { MARK };
                    next = hand.answer(Secret::new(typed));
                }
                printed.result(&next);
                let Ok(Next::Respond(response)) = next else { break };
                step = server.step(response.expose());
            }
        }
    }
    assert!(printed.0.contains("Accept") && printed.0.contains("Reject"));
    printed.assert_clean();
}
