use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::secret::Secret;
use crate::transcript::{Entry, EntryKind};

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

fn command_shown(line: &str) -> String {
    sent(line.as_bytes(), SentKind::Command).to_visible()
}

fn answer_shown(line: &str, mechanism: &str, step: u32, challenge: &str) -> String {
    let challenge = b64(challenge);
    let (mechanism, challenge) = (Some(mechanism), Some(challenge.as_bytes()));
    sent(line.as_bytes(), SentKind::AuthResponse { mechanism, step, challenge }).to_visible()
}

#[test]
fn initial_responses_name_the_user_only() {
    let cases = [
        ("PLAIN", "\0alice@example.org\0pass word", "alice@example.org"),
        ("plain", "admin\0alice\0x", "alice"),
        ("XOAUTH2", "user=bob@example.org\x01auth=Bearer abc\x01\x01", "bob@example.org"),
        ("OAUTHBEARER", "n,a=bob@example.org,\x01host=x\x01auth=Bearer abc\x01\x01", "bob@example.org"),
        ("SCRAM-SHA-256", "n,,n=u=2Cser,r=nonce", "u,ser"),
        ("LOGIN", "carol", "carol"),
    ];
    for (mechanism, plain, user) in cases {
        let shown = command_shown(&format!("AUTH {mechanism} {}", b64(plain)));
        let what = if mechanism == "LOGIN" { " what=user" } else { "" };
        assert_eq!(shown, format!("AUTH {mechanism} {{secret sasl={mechanism}{what} user=\"{user}\"}}"));
    }
}

#[test]
fn what_is_no_secret_stays() {
    for line in ["AUTH PLAIN", "AUTH PLAIN =", "auth  LOGIN", "EHLO laptop.example.net", "AUTH", "NOOP"] {
        assert_eq!(command_shown(line), line);
    }
    for line in ["*", "=", ""] {
        assert_eq!(answer_shown(line, "PLAIN", 0, ""), line);
    }
}

#[test]
fn what_cannot_be_decoded_is_hidden_all_the_same() {
    assert_eq!(command_shown("AUTH PLAIN hunter2 hunter3"), "AUTH PLAIN {secret sasl=PLAIN}");
    assert_eq!(command_shown("  AUTH\tNTLM  TlRMTVNTUAAB"), "  AUTH\\x09NTLM  {secret sasl=NTLM}");
    assert_eq!(answer_shown("hunter2", "CRAM-MD5", 0, "<1@x>"), "{secret sasl=CRAM-MD5}");
}

#[test]
fn login_shows_the_name_and_never_the_password() {
    let user = answer_shown(&b64("alice"), "LOGIN", 0, "Username:");
    assert_eq!(user, "{secret sasl=LOGIN what=user user=\"alice\"}");
    let password = "{secret sasl=LOGIN what=password}";
    assert_eq!(answer_shown(&b64("hunter2"), "LOGIN", 1, "Password:"), password);
    assert_eq!(answer_shown(&b64("hunter2"), "LOGIN", 0, "Password:"), password);
    assert_eq!(answer_shown(&b64("hunter2"), "LOGIN", 1, "?"), password);
}

#[test]
fn cram_answers_name_the_user() {
    let line = b64("tim b913a602c7eda7a495b4e6e7334d3890");
    assert_eq!(answer_shown(&line, "CRAM-MD5", 0, "<1@x>"), "{secret sasl=CRAM-MD5 user=\"tim\"}");
}

#[test]
fn digest_and_ntlm_answers_name_the_user() {
    let digest = b64("charset=utf-8,username=\"chris\",realm=\"x\",nonce=\"n\",response=d388dad90d4bbd76");
    let shown = answer_shown(&digest, "DIGEST-MD5", 0, "nonce=\"n\"");
    assert_eq!(shown, "{secret sasl=DIGEST-MD5 user=\"chris\"}");
    let mut ntlm = b"NTLMSSP\0\x03\0\0\0".to_vec();
    // LM and NT response, domain, user, machine, session key: all empty, but for five bytes of user behind the header.
    for length in [0u16, 0, 0, 5, 0, 0] {
        ntlm.extend([length.to_le_bytes(), length.to_le_bytes()].concat());
        ntlm.extend(64u32.to_le_bytes());
    }
    ntlm.extend(b"\x02\0\0\0chris");
    let shown = answer_shown(&STANDARD.encode(ntlm), "NTLM", 1, "");
    assert_eq!(shown, "{secret sasl=NTLM user=\"chris\"}");
    assert_eq!(command_shown("AUTH NTLM TlRMTVNTUAABAAAA"), "AUTH NTLM {secret sasl=NTLM}");
}

#[test]
fn external_names_whom_to_act_as() {
    let shown = command_shown(&format!("AUTH EXTERNAL {}", b64("carol@example.org")));
    assert_eq!(shown, "AUTH EXTERNAL {secret sasl=EXTERNAL user=\"carol@example.org\"}");
    assert_eq!(command_shown("AUTH EXTERNAL ="), "AUTH EXTERNAL =");
}

#[test]
fn credentials_in_a_mistyped_command_are_seen() {
    let line = format!("ATUH PLAIN {}", b64("\0alice\0hunter2"));
    assert_eq!(command_shown(&line), "ATUH PLAIN {secret sasl=PLAIN user=\"alice\"}");
}

#[test]
fn raw_bytes_are_looked_at_line_by_line() {
    let raw = format!("EHLO x\r\nAUTH PLAIN {}\r\nNOOP\n", b64("\0alice\0hunter2"));
    let payload = sent(raw.as_bytes(), SentKind::Raw);
    let shown = payload.to_visible();
    assert_eq!(shown, "EHLO x\\x0d\\x0aAUTH PLAIN {secret sasl=PLAIN user=\"alice\"}\\x0d\\x0aNOOP\\n");
}

#[test]
fn the_scram_verifier_is_hidden() {
    let line = format!("334 {}", b64("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    let shown = received(line.as_bytes(), Some("SCRAM-SHA-256")).to_visible();
    assert_eq!(shown, "334 {secret sasl=SCRAM-SHA-256 what=verifier}");
    let challenge = format!("334 {}", b64("r=abc,s=QSXCR+Q6sek8bf92,i=4096"));
    assert_eq!(received(challenge.as_bytes(), Some("SCRAM-SHA-256")).to_visible(), challenge);
}

#[test]
fn known_secrets_are_found_in_every_spelling() {
    let mut known = Known::new();
    known.add(&Secret::new("pa=ss wörd"));
    let spellings = [
        "pa=ss wörd".to_owned(),
        b64("pa=ss wörd"),
        b64("\0a\0pa=ss wörd"),
        b64("\0al\0pa=ss wörd"),
        b64("\0ali\0pa=ss wörd and more"),
        "70613d73732077c3b67264".to_owned(),
        "pa%3Dss%20w%C3%B6rd".to_owned(),
        "pa+3Dss+20w+C3+B6rd".to_owned(),
    ];
    for spelling in spellings {
        let mut payload = Payload::from_bytes(format!("535 <{spelling}> no"));
        assert_eq!(known.mask(&mut payload), 1, "{spelling}");
        assert!(payload.to_visible().contains("{secret echo}"));
        let left = payload.wire_bytes();
        assert!(!known.occurs_in(&left), "{spelling}");
    }
    assert_eq!(known.mask(&mut Payload::from_bytes("250 pa=ss")), 0);
}

#[test]
fn known_secrets_leave_texts_and_nothing_prints_them() {
    let mut known = Known::new();
    known.add(&Secret::new("hunter2hunter2"));
    known.add(&Secret::new("abc"));
    let mut entry =
        Entry { at: None, kind: EntryKind::Note("it was hunter2hunter2, twice hunter2hunter2".into()) };
    assert_eq!(known.mask_entry(&mut entry), 2);
    assert_eq!(entry.kind, EntryKind::Note("it was {secret echo}, twice {secret echo}".into()));
    assert!(!format!("{known:?}").contains("hunter2"));
    assert!(!known.occurs_in(b"abc"), "too short to be hunted for");
}

#[test]
fn a_secret_called_secret_does_not_loop() {
    let mut known = Known::new();
    known.add(&Secret::new("secret"));
    let mut text = "my secret here".to_owned();
    known.mask_text(&mut text);
    assert_eq!(text, "my {secret echo} here");
}

proptest! {
    #[test]
    fn long_words_are_found_where_they_stand(line in "[a ]{0,40}|[a+/=_. -]{0,60}|.{0,30}") {
        let line = line.as_bytes();
        let inside = |b: &u8| b.is_ascii_alphanumeric() || b"+/=-_".contains(b);
        let mut expected = Vec::new();
        let mut at = 0;
        for run in line.chunk_by(|a, b| inside(a) == inside(b)) {
            if run.len() >= 8 && inside(&run[0]) {
                expected.push((at, at + run.len()));
            }
            at += run.len();
        }
        prop_assert_eq!(words(line).collect::<Vec<_>>(), expected);
    }
}
