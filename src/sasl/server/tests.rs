//! Clients and server meet, and nothing else gets in.

use proptest::prelude::*;

use super::*;
use crate::sasl::{BindingKind, Credentials, client, info};

fn binding(data: &[u8]) -> ChannelBinding {
    ChannelBinding { kind: BindingKind::TlsServerEndPoint, data: data.to_vec() }
}

fn verifier() -> Verifier {
    let seed = Seed { nonce: "n0nce".to_owned(), seconds: 1_700_000_000, host: "mx.test".to_owned() };
    Verifier::new(|user| (user == "al i=ce").then(|| Secret::new("wonder,land=")), seed)
        .with_binding(binding(b"certificate"))
}

fn credentials(user: &str, secret: &str) -> Credentials {
    let mut credentials = Credentials::new(user, Secret::new(secret));
    credentials.host = Some("mx.test".to_owned());
    credentials.channel_binding = Some(binding(b"certificate"));
    credentials
}

/// Lets the client of `name` talk to the server, with or without an initial response. After an
/// acceptance the client must be content too.
fn meet(name: &str, credentials: &Credentials, server: &mut Verifier, initial: bool) -> ServerStep {
    let mut client = client(name, credentials).unwrap();
    let first = client.initial().unwrap();
    assert_eq!(first.is_none(), info(name).unwrap().server_first, "{name}");
    let (sent, mut held) = if initial { (first, None) } else { (None, first) };
    let mut step = server.start(name, sent.as_ref().map(Secret::expose));
    for _ in 0..10 {
        let ServerStep::Challenge(challenge) = &step else { break };
        let response = held.take().map_or_else(|| client.step(challenge), Ok).unwrap();
        step = server.step(response.expose());
    }
    if matches!(step, ServerStep::Accept { .. }) {
        let outcome = client.finish().unwrap();
        let proves = name.starts_with("SCRAM") || name == "DIGEST-MD5";
        assert_eq!(outcome.server_verified, proves, "{name}");
    }
    step
}

#[track_caller]
fn assert_refused(step: &ServerStep, words: &str) {
    assert!(matches!(step, ServerStep::Reject { why } if why.contains(words)), "{step:?}");
}

#[test]
fn each_client_gets_in_with_the_right_secret_only() {
    for name in SERVER_MECHANISMS.iter().filter(|name| !matches!(**name, "EXTERNAL" | "ANONYMOUS")) {
        for initial in [true, false] {
            let step = meet(name, &credentials("al i=ce", "wonder,land="), &mut verifier(), initial);
            assert_eq!(step, ServerStep::Accept { user: "al i=ce".to_owned() }, "{name}");
            assert_refused(&meet(name, &credentials("al i=ce", "wonder"), &mut verifier(), initial), "wrong");
            assert_refused(
                &meet(name, &credentials("bob", "wonder,land="), &mut verifier(), initial),
                "no user",
            );
        }
    }
}

#[test]
fn external_goes_by_the_certificate() {
    let known = || verifier().with_certificate_user("carol");
    let mut asking = credentials("", "");
    let carol = ServerStep::Accept { user: "carol".to_owned() };
    assert_eq!(meet("EXTERNAL", &asking, &mut known(), true), carol);
    assert_eq!(meet("EXTERNAL", &asking, &mut known(), false), carol);
    assert_refused(&meet("EXTERNAL", &asking, &mut verifier(), true), "no client certificate");
    asking.authzid = Some("root".to_owned());
    assert_refused(&meet("EXTERNAL", &asking, &mut known(), true), "may not act as");
    let anybody = ServerStep::Accept { user: "anonymous".to_owned() };
    assert_eq!(meet("ANONYMOUS", &asking, &mut verifier(), true), anybody);
}

#[test]
fn another_end_of_the_tls_link_is_noticed() {
    let mut asking = credentials("al i=ce", "wonder,land=");
    asking.channel_binding = Some(binding(b"another certificate"));
    assert_refused(&meet("SCRAM-SHA-256-PLUS", &asking, &mut verifier(), true), "channel binding");
    asking.channel_binding =
        Some(ChannelBinding { kind: BindingKind::TlsExporter, data: b"certificate".to_vec() });
    assert_refused(&meet("SCRAM-SHA-256-PLUS", &asking, &mut verifier(), true), "another kind");
    asking.no_plus_offered = true;
    assert_refused(&meet("SCRAM-SHA-256", &asking, &mut verifier(), true), "believes");
}

#[test]
fn real_wording() {
    let mut server = verifier();
    assert_eq!(server.start("login", None), ServerStep::Challenge(b"Username:".to_vec()));
    assert_eq!(server.step(b"al ice"), ServerStep::Challenge(b"Password:".to_vec()));
    assert_eq!(verifier().start("LOGIN", Some(b"al ice")), ServerStep::Challenge(b"Password:".to_vec()));
    let challenge = ServerStep::Challenge(b"<n0nce.1700000000@mx.test>".to_vec());
    assert_eq!(verifier().start("CRAM-MD5", None), challenge);
    assert_refused(&verifier().start("CRAM-MD5", Some(b"x")), "no initial response");
}

#[test]
fn nobody_acts_as_somebody_else() {
    let mut asking = credentials("al i=ce", "wonder,land=");
    asking.authzid = Some("root".to_owned());
    for name in ["PLAIN", "SCRAM-SHA-1", "DIGEST-MD5"] {
        assert_refused(&meet(name, &asking, &mut verifier(), false), "may not act as");
    }
}

#[test]
fn after_the_end_nothing_is_accepted() {
    let mut server = verifier();
    assert_refused(&server.step(b"\0al i=ce\0wonder,land="), "no exchange");
    server.start("PLAIN", Some(b"nonsense"));
    assert_refused(&server.step(b"\0al i=ce\0wonder,land="), "no exchange");
}

proptest! {
    #[test]
    fn no_message_panics_or_gets_in(
        name in proptest::sample::select(SERVER_MECHANISMS),
        begin in "(n,,n=al i=3Dce,r=a|n,a=,|user=|username=|x )?",
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..4),
    ) {
        prop_assume!(name != "ANONYMOUS");
        let mut server = verifier();
        server.start(name, None);
        for message in messages {
            let step = server.step(&[begin.as_bytes(), &message].concat());
            let accepted = matches!(step, ServerStep::Accept { .. });
            prop_assert!(!accepted);
        }
    }
}
