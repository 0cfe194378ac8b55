//! Leaving early, and the ways to a session.

use super::*;

#[test]
fn quit_follows_the_stage_that_was_named() {
    let cases: [(&str, &[&str]); 9] = [
        ("connect", &["QUIT"]),
        ("banner", &["QUIT"]),
        ("first-helo", &["EHLO", "QUIT"]),
        ("EHLO", &["EHLO", "QUIT"]),
        ("mail", &["EHLO", "MAIL", "QUIT"]),
        ("from", &["EHLO", "MAIL", "QUIT"]),
        ("rcpt", &["EHLO", "MAIL", "RCPT", "RCPT", "QUIT"]),
        ("data", &["EHLO", "MAIL", "RCPT", "RCPT", "DATA"]),
        ("dot", &["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT"]),
    ];
    for (stage, verbs) in cases {
        for more in [&[][..], &["--no-pipelining"]] {
            let args = [&["--to", "a@x.example,b@x.example", "--quit-after", stage], more].concat();
            let (ran, taken) = send(Manner::offering(&ALL), &args);
            assert_eq!((ran.code, taken.verbs()), (Some(0), verbs.to_vec()), "{stage}: {}", ran.all());
            assert_eq!(taken.content.is_empty(), stage != "dot", "{stage}");
        }
    }
    let (ran, _) = send(Manner::offering(&ALL), &["--to", "a@x.example", "--quit-after", "rcpt"]);
    assert!(ran.stdout.contains("a@x.example  accepted  250"), "{}", ran.stdout);
    let (ran, taken) = send(Manner::offering(&ALL), &["--quit-after", "helo"]);
    assert_eq!(
        (ran.code, taken.verbs()),
        (Some(0), vec!["EHLO", "QUIT"]),
        "no recipient is needed: {}",
        ran.all()
    );
}

/// A practice server, and the file with its CA.
fn practice(dir: &tempfile::TempDir) -> (Serving, PathBuf) {
    let ca = dir.path().join("ca.pem");
    let server = Serving::start(&["--practice", "--write-ca", arg(&ca)]);
    (server, ca)
}

#[test]
fn the_stages_of_an_encrypted_session() {
    let dir = tempfile::tempdir().unwrap();
    let (server, ca) = practice(&dir);
    let heloise = Heloise::new().var("HELOISE_PASSWORD", "wonderland");
    let base = [
        "send",
        "--explain",
        "none",
        "--starttls",
        "--ca",
        arg(&ca),
        "--auth",
        "--user",
        "alice@example.org",
    ];
    for (stage, last) in [
        ("first-helo", " -> EHLO"),
        ("tls", " -> STARTTLS"),
        ("helo", " ~> EHLO"),
        ("auth", " ~>"),
        ("mail", " ~> MAIL FROM:<alice@example.org>"),
        ("dot", " ~> ."),
    ] {
        let args = [&base[..], &["--to", "bob@example.net", "--quit-after", stage, &server.addr]].concat();
        let ran = heloise.run(&args, b"");
        assert_eq!(ran.code, Some(0), "{stage}: {}", ran.all());
        let sent: Vec<&str> = ran
            .stdout
            .lines()
            .filter(|line| line.get(..3).is_some_and(|a| matches!(a, " ->" | " ~>")))
            .collect();
        let (quit, before) = sent.split_last().unwrap();
        assert!(quit.ends_with("QUIT"), "{stage}: {sent:?}");
        assert!(before.last().unwrap().contains(last), "{stage}: {sent:?}");
        assert!(!ran.all().contains("wonderland"));
    }
    let wrong = Heloise::new().var("HELOISE_PASSWORD", "wrong");
    let ran = wrong.run(&[&base[..], &["--to", "bob@example.net", &server.addr]].concat(), b"");
    assert_eq!(ran.code, Some(6), "{}", ran.all());
    assert!(ran.stdout.contains(" ~> QUIT"), "it leaves politely: {}", ran.stdout);
}

#[test]
fn tls_on_the_whole_way_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (server, ca) = practice(&dir);
    let envelope = ["--from", "a@example.com", "--to", "bob@example.org", "--require-tls"];
    let ran = run(&[&["send", "--starttls", "--ca", arg(&ca)], &envelope[..], &[&server.addr]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let mail = ran.stdout.lines().find(|line| line.contains(" ~> MAIL FROM:<a@example.com> ")).unwrap();
    assert!(mail.split_whitespace().any(|word| word == "REQUIRETLS"), "{mail}");
    let ran = run(&[&["send"], &envelope[..], &[&server.addr]].concat());
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    assert!(!ran.stdout.contains("MAIL FROM"), "{}", ran.stdout);
}

#[test]
fn encryption_is_offered_and_not_taken_unasked() {
    let server = Serving::start(&["--practice"]);
    let ran = run(&["send", "--from", "a@example.com", "--to", "bob@example.org", &server.addr]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.contains("=== the server offers STARTTLS; --starttls"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("-> STARTTLS"));
}

#[test]
fn a_profile_serves_for_it_as_well() {
    let server = Serving::start(&["--practice"]);
    let heloise = Heloise::new();
    let config = heloise.path("config.toml");
    let text = format!(
        "[profiles.work]\ntarget = '{}'\nuser = 'alice@example.org'\nexplain = 'none'\n",
        server.addr
    );
    std::fs::write(&config, text).unwrap();
    let heloise = heloise.var("HELOISE_CONFIG", &config);
    let ran = heloise.run(&["send", "@work", "--to", "bob@example.org"], b"");
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.contains("MAIL FROM:<alice@example.org>"), "the user is the sender: {}", ran.stdout);
}
