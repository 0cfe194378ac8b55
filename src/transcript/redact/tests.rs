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
    assert_eq!(command_shown("AUTH PLAIN hunter2 hunter3"), "AUTH PLAIN {secret sasl=PLAIN no-base64}");
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

fn raw_shown(bytes: &str) -> Vec<String> {
    raw_lines(bytes.as_bytes()).map(|(line, _, kind)| sent(line, kind).to_visible()).collect()
}

#[test]
fn raw_bytes_are_looked_at_line_by_line() {
    let raw = format!("EHLO x\r\nAUTH PLAIN {}\r\nNOOP\n", b64("\0alice\0hunter2"));
    assert_eq!(raw_shown(&raw), ["EHLO x", "AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}", "NOOP"]);
    let ends: Vec<&[u8]> = raw_lines(raw.as_bytes()).map(|(_, end, _)| end).collect();
    assert_eq!(ends, [&b"\r\n"[..], b"\r\n", b"\n"]);
    assert_eq!(
        raw_lines(b"NO\rOP\r").map(|(line, end, _)| (line, end)).next(),
        Some((&b"NO\rOP"[..], &b"\r"[..]))
    );
}

#[test]
fn what_follows_auth_in_one_write_answers_its_challenges() {
    let raw = format!("AUTH LOGIN\r\n{}\r\n{}\r\nNOOP\r\nFOO bar\r\n", b64("alice"), b64("hunter2"));
    let user = "{secret sasl=LOGIN what=user user=\"alice\"}";
    assert_eq!(raw_shown(&raw), ["AUTH LOGIN", user, "{secret sasl=LOGIN what=password}", "NOOP", "FOO bar"]);
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
fn base64_that_is_cut_off_is_found() {
    let mut known = Known::new();
    known.add(&Secret::new("Hunter2Pass"));
    for echo in [
        "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAEh1bnRlcjJQ...",
        "AUTH PLAIN AEFMSUNFAEh1bnRlcjJQYX",
        "SHVudGVyMlBh…",
    ] {
        let mut payload = Payload::from_bytes(format!("535 no: {echo}"));
        assert_eq!(known.mask(&mut payload), 1, "{echo}");
    }
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

/// What is shown of an echo after these lines were sent.
fn echoed(sent: &[(&str, SentKind<'_>)], echo: &str) -> String {
    let mut known = Known::new();
    sent.iter().for_each(|(line, kind)| known.learn(line.as_bytes(), *kind));
    let mut payload = Payload::from_bytes(echo);
    known.mask(&mut payload);
    payload.to_visible()
}

fn answer<'a>(mechanism: &'a str, step: u32) -> SentKind<'a> {
    SentKind::AuthResponse { mechanism: Some(mechanism), step, challenge: None }
}

#[test]
fn what_was_sent_for_auth_is_known_where_it_is_echoed() {
    let plain = b64("\0alice\0hunter2");
    let auth = format!("AUTH PLAIN {plain}");
    let by_command = [(auth.as_str(), SentKind::Command)];
    for echo in ["hunter2", &b64("hunter2"), &plain, &b64("bob\0alice\0hunter2"), plain.trim_end_matches('=')]
    {
        assert_eq!(echoed(&by_command, &format!("535 <{echo}> no")), "535 <{secret echo}> no", "{echo}");
    }
    assert_eq!(echoed(&by_command, "535 alice, no"), "535 alice, no");

    let (user, password) = (b64("alice"), b64("pw7!"));
    let login =
        [("AUTH LOGIN", SentKind::Command), (&user, answer("LOGIN", 0)), (&password, answer("login", 1))];
    assert_eq!(
        echoed(&login, &format!("{user} {password} pw7!")),
        format!("{user} {{secret echo}} {{secret echo}}")
    );

    let bearer = b64("user=bob\x01auth=Bearer ya29.token\x01\x01");
    assert_eq!(echoed(&[(&bearer, answer("XOAUTH2", 0))], "bob ya29.token"), "bob {secret echo}");
    let cram = b64("tim b913a602c7eda7a495b4e6e7334d3890");
    let told =
        echoed(&[(&cram, answer("CRAM-MD5", 0))], &format!("tim b913a602c7eda7a495b4e6e7334d3890 {cram}"));
    assert_eq!(told, "tim {secret echo} {secret echo}");
}

#[test]
fn what_cannot_be_decoded_is_known_as_it_was_sent() {
    for (line, kind) in [
        ("AUTH PLAIN hunter2!", SentKind::Command),
        ("hunter2!", answer("LOGIN", 1)),
        ("hunter2!", SentKind::AuthResponse { mechanism: None, step: 0, challenge: None }),
    ] {
        assert_eq!(echoed(&[(line, kind)], "535 hunter2!"), "535 {secret echo}", "{line}");
    }
    let slip = format!("ATUH PLAIN {}", b64("\0alice\0hunter2"));
    assert_eq!(echoed(&[(&slip, SentKind::Command)], "500 hunter2"), "500 {secret echo}");
}

#[test]
fn what_names_a_user_alone_is_no_secret() {
    let name = b64("carol@example.org");
    let echo = format!("535 {name} carol@example.org");
    for mechanism in ["EXTERNAL", "anonymous", "LOGIN"] {
        assert_eq!(echoed(&[(&format!("AUTH {mechanism} {name}"), SentKind::Command)], &echo), echo);
    }
    assert_eq!(
        echoed(&[("EHLO mx.example.org", SentKind::Command)], "250 mx.example.org"),
        "250 mx.example.org"
    );
    let stray = SentKind::AuthResponse { mechanism: None, step: 0, challenge: None };
    assert_eq!(echoed(&[("EHLOO mx.example.org", stray)], "500 mx.example.org"), "500 mx.example.org");
}

#[test]
fn base64_that_holds_a_secret_is_masked_as_a_whole() {
    let mut known = Known::new();
    known.add(&Secret::new("hunter2"));
    for whole in ["\0alice\0hunter2", "a\0ali\0hunter2", "hunter2", "hunter2 and more", "xx\0hunter2x"] {
        let mut payload = Payload::from_bytes(format!("535 token={} failed", b64(whole)));
        known.mask(&mut payload);
        assert_eq!(payload.to_visible(), "535 token={secret echo} failed", "{whole}");
    }
}

#[test]
fn a_short_word_is_a_secret_where_it_stands_alone() {
    let plain = b64("\0test\0test");
    let auth = format!("AUTH PLAIN {plain}");
    let told = |echo: &str| echoed(&[(&auth, SentKind::Command)], echo);
    for name in
        ["250-mail.test.example", "MAIL FROM:<test@example.test>", "the latest", "test-1 test_2 ütest"]
    {
        assert_eq!(told(name), Payload::from_bytes(name).to_visible());
    }
    for echo in ["535 test", "test: no", "password <test> refused", "it was test.", "\"test\""] {
        assert_eq!(told(echo), echo.replace("test", "{secret echo}"));
    }
    assert_eq!(told(&plain), "{secret echo}");
    assert_eq!(
        echoed(&[(&format!("AUTH PLAIN {}", b64("\0a\0t3st")), SentKind::Command)], "xt3st"),
        "x{secret echo}"
    );
}

#[test]
fn words_of_the_protocol_are_no_secrets() {
    let asked = answer("PLAIN", 0);
    let stray = SentKind::AuthResponse { mechanism: None, step: 0, challenge: None };
    for (line, kind, echo) in [
        ("QUIT", asked, "QUIT"),
        ("AUTH PLAIN MAIL", SentKind::Command, "MAIL FROM:<a@b.example>"),
        ("AUTH PLAIN LOGIN", SentKind::Command, "250-AUTH PLAIN LOGIN CRAM-MD5"),
        ("STAT", stray, "500 unknown command STAT"),
    ] {
        assert_eq!(echoed(&[(line, kind)], echo), echo, "{line}");
    }
}

#[test]
fn what_was_learnt_first_is_forgotten_where_it_becomes_too_much() {
    let mut known = Known::new();
    known.add(&Secret::new("named-once"));
    let login = |number: u32| format!("AUTH PLAIN {}", b64(&format!("\0alice\0hunter-{number:04}")));
    for number in 0..1000 {
        known.learn(login(number).as_bytes(), SentKind::Command);
        known.learn(login(7).as_bytes(), SentKind::Command);
        assert!(known.occurs_in(format!("hunter-{number:04}").as_bytes()));
    }
    assert!(
        known.occurs_in(b"named-once") && known.occurs_in(b"hunter-0999") && known.occurs_in(b"hunter-0980")
    );
    assert!(known.occurs_in(b"hunter-0007"), "told again and again");
    assert!(!known.occurs_in(b"hunter-0001"));
}

#[test]
fn one_line_fills_no_memory() {
    let words = (0..5000).map(|number| format!("word{number:04}")).collect::<Vec<_>>().join(" ");
    for answer in ["x".repeat(1_000_000), words, b64(&"x".repeat(1_000_000))] {
        let mut known = Known::new();
        known.learn(
            answer.as_bytes(),
            SentKind::AuthResponse { mechanism: Some("PLAIN"), step: 0, challenge: None },
        );
        assert!(!known.is_full());
        assert!(known.occurs_in(answer.as_bytes()));
    }
}

#[test]
fn slips_in_auth_hide_what_stands_behind_them() {
    let plain = b64("\0alice\0hunter2hunter2");
    for (line, shown) in [
        (format!("AUTH PLAIN={plain}"), "AUTH PLAIN={secret sasl=PLAIN user=\"alice\"}"),
        (format!("AUTH PLAIN{plain}"), "AUTH PLAIN{secret sasl=PLAIN user=\"alice\"}"),
        (format!("AUTH LOGIN:{}", b64("alice")), "AUTH LOGIN:{secret sasl=LOGIN what=user user=\"alice\"}"),
        (format!("AUTH {plain}"), "AUTH {secret user=\"alice\"}"),
        (format!("AUTH {}", b64("Hunter2-Pass")), "AUTH {secret}"),
        (format!("AUHT PLAIN {plain}"), "AUHT PLAIN {secret sasl=PLAIN user=\"alice\"}"),
        (format!("AUTHENTICATE PLAIN {plain}"), "AUTHENTICATE PLAIN {secret sasl=PLAIN user=\"alice\"}"),
        (format!("AUTHPLAIN {plain}"), "AUTHPLAIN {secret sasl=PLAIN user=\"alice\"}"),
        ("PASS hunter2".to_owned(), "PASS {secret}"),
        ("login alice hunter2".to_owned(), "login {secret}"),
        ("AUTH PLAIN".to_owned(), "AUTH PLAIN"),
        ("AUTH xoauth2".to_owned(), "AUTH xoauth2"),
        ("AUTH X-PRIVATE_1".to_owned(), "AUTH X-PRIVATE_1"),
        ("HELP PLAIN".to_owned(), "HELP PLAIN"),
        ("PASS".to_owned(), "PASS"),
    ] {
        let seen = command_shown(&line);
        let alike = seen == shown
            || shown == "AUTH {secret user=\"alice\"}"
                && seen.starts_with("AUTH {secret")
                && !seen.contains(&plain);
        assert!(alike, "{line}: {seen}");
    }
}

#[test]
fn what_is_learnt_from_slips_is_known_again() {
    let command = SentKind::Command;
    for (line, echo) in [
        ("AUTH LOGIN alice Hunter2-Pass".to_owned(), "501 syntax: \"AUTH LOGIN alice Hunter2-Pass\""),
        ("PASS Hunter2-Pass".to_owned(), "500 PASS Hunter2-Pass?"),
        (format!("AUTH PLAIN{}", b64("\0a\0Hunter2-Pass")), "535 Hunter2-Pass is wrong"),
    ] {
        let shown = echoed(&[(&line, command)], echo);
        assert!(shown.contains("{secret echo}") && !shown.contains("Hunter2"), "{line}: {shown}");
    }
    let shown =
        echoed(&[("AUTH PLAIN alice@example.org Hunter2-Pass", command)], "250 <alice@example.org> ok");
    assert_eq!(shown, "250 <alice@example.org> ok");
}

#[test]
fn codes_and_names_of_hosts_stay_readable() {
    let mut known = Known::new();
    known.add(&Secret::new("example"));
    let mask = |text: &str| {
        let mut payload = Payload::from_bytes(text);
        known.mask(&mut payload);
        payload.to_visible()
    };
    assert_eq!(mask("MAIL FROM:<alice@example.org>"), "MAIL FROM:<alice@example.org>");
    assert_eq!(mask("EHLO mx.example.org"), "EHLO mx.example.org");
    assert_eq!(mask("535 example is wrong."), "535 {secret echo} is wrong.");
    assert_eq!(mask(&format!("535-{}", b64("an example"))), "535-{secret echo}");
    let mark = SecretMark { user: Some("example".to_owned()), ..SecretMark::default() };
    let mut payload = Payload::from_piece(Piece::Secret(mark));
    known.mask(&mut payload);
    assert_eq!(payload.to_visible(), "{secret}");
}

#[test]
fn of_scram_the_proof_is_a_secret_and_the_nonce_is_not() {
    let answer = |step| SentKind::AuthResponse { mechanism: Some("SCRAM-SHA-256"), step, challenge: None };
    let (nonce, proof) = ("fyko+d2lbbFgONRv9qkxdawL", "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    let (first, last) =
        (b64(&format!("n,,n=alice,r={nonce}")), b64(&format!("c=biws,r={nonce}3r,p={proof}")));
    let sent = [(first.as_str(), answer(0)), (last.as_str(), answer(1))];
    let challenge = format!("334 {}", b64(&format!("r={nonce}3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096")));
    assert_eq!(echoed(&sent, &challenge), challenge);
    assert_eq!(echoed(&sent, &format!("535 {proof}")), "535 {secret echo}");
    // A password that was typed where the first message was due.
    assert_eq!(echoed(&[("hunter2hunter2", answer(0))], "501 hunter2hunter2?"), "501 {secret echo}?");
}
