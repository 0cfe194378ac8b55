//! Our SCRAM and that of `rsasl` talk to each other, in both roles.

use std::io::Cursor;

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS};
use rsasl::mechanisms::scram::{SCRAM_SHA512, SCRAM_SHA512_PLUS};
use rsasl::prelude::{
    Mechanism, Mechname, Registry, SASLClient, SASLConfig, SASLServer, SessionError, Validation,
};
use rsasl::property::{AuthId, ChannelBindings, OverrideCBType, Password};
use rsasl::validate::{Validate, ValidationError};

use super::{Keys, VARIANTS, Variant};
use crate::sasl::server::Seed;
use crate::sasl::{BindingKind, ChannelBinding, Credentials, ServerStep, Verifier, client};
use crate::secret::Secret;

const USER: &str = "us=er,1";
const PASSWORD: &str = "pencil, \u{e9}";
const BINDING: &[u8] = b"the hash of a certificate";

static MECHANISMS: &[Mechanism] =
    &[SCRAM_SHA1, SCRAM_SHA1_PLUS, SCRAM_SHA256, SCRAM_SHA256_PLUS, SCRAM_SHA512, SCRAM_SHA512_PLUS];

/// Who is let in.
struct Welcome;

impl Validation for Welcome {
    type Value = String;
}

/// Answers both the client and the server of `rsasl`.
struct Answers(Variant);

impl SessionCallback for Answers {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let keys = Keys::new(self.0.hash, PASSWORD.as_bytes(), b"salt", 5000).unwrap();
        let stored = self.0.hash.digest(&[&keys.client]);
        request
            .satisfy::<AuthId>(USER)?
            .satisfy::<Password>(PASSWORD.as_bytes())?
            .satisfy::<OverrideCBType>("tls-exporter")?
            .satisfy::<ChannelBindings>(BINDING)?
            .satisfy::<ScramStoredPassword<'_>>(&ScramStoredPassword::new(
                5000,
                b"salt",
                &stored,
                &keys.server,
            ))?;
        Ok(())
    }

    fn validate(
        &self,
        _: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        let user = context.get_ref::<AuthId>().unwrap_or("nobody").to_owned();
        validate.with::<Welcome, _>(|| Ok(user))?;
        Ok(())
    }
}

fn config(variant: Variant) -> std::sync::Arc<SASLConfig> {
    let registry = Registry::with_mechanisms(MECHANISMS);
    SASLConfig::builder().with_registry(registry).with_callback(Answers(variant)).unwrap()
}

fn credentials(password: &str) -> Credentials {
    let mut credentials = Credentials::new(USER, Secret::new(password));
    let data = BINDING.to_vec();
    credentials.channel_binding = Some(ChannelBinding { kind: BindingKind::TlsExporter, data });
    credentials
}

#[test]
fn our_client_gets_into_their_server() {
    for variant in VARIANTS {
        let name = Mechname::parse(variant.name.as_bytes()).unwrap();
        let mut server = SASLServer::<Welcome>::new(config(*variant)).start_suggested(name).unwrap();
        let mut client = client(variant.name, &credentials(PASSWORD)).unwrap();
        let mut message = client.initial().unwrap().unwrap();
        for _ in 0..2 {
            let mut challenge = Cursor::new(Vec::new());
            server.step(Some(message.expose()), &mut challenge).unwrap();
            message = client.step(challenge.get_ref()).unwrap();
        }
        assert!(client.finish().unwrap().server_verified, "{}", variant.name);
        // Their server hands out the name as it came, with its escapes.
        assert_eq!(server.validation().as_deref(), Some("us=3Der=2C1"), "{}", variant.name);
    }
}

#[test]
fn their_server_refuses_a_wrong_password() {
    let variant = VARIANTS[2];
    let name = Mechname::parse(variant.name.as_bytes()).unwrap();
    let mut server = SASLServer::<Welcome>::new(config(variant)).start_suggested(name).unwrap();
    let mut client = client(variant.name, &credentials("another")).unwrap();
    let mut challenge = Cursor::new(Vec::new());
    server.step(Some(client.initial().unwrap().unwrap().expose()), &mut challenge).unwrap();
    let proof = client.step(challenge.get_ref()).unwrap();
    let mut last = Cursor::new(Vec::new());
    let refused = server.step(Some(proof.expose()), &mut last).is_err() || last.get_ref().starts_with(b"e=");
    assert!(refused && server.validation().is_none());
}

#[test]
fn their_client_gets_into_our_server() {
    for variant in VARIANTS.iter().filter(|variant| !variant.binds) {
        let name = Mechname::parse(variant.name.as_bytes()).unwrap();
        let mut client = SASLClient::new(config(*variant)).start_suggested(&[name]).unwrap();
        let seed = Seed { nonce: "n0nce".to_owned(), seconds: 0, host: "mx.test".to_owned() };
        let mut server = Verifier::new(|user| (user == USER).then(|| Secret::new(PASSWORD)), seed);
        let mut message = Cursor::new(Vec::new());
        client.step(None, &mut message).unwrap();
        let mut step = server.start(variant.name, Some(message.get_ref()));
        while let ServerStep::Challenge(challenge) = &step {
            let mut message = Cursor::new(Vec::new());
            client.step(Some(challenge), &mut message).unwrap();
            step = server.step(message.get_ref());
        }
        assert_eq!(step, ServerStep::Accept { user: USER.to_owned() }, "{}", variant.name);
    }
}
