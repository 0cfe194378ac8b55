//! AUTH at `heloise serve`: exchanges that are not as the transcript has them.

use std::path::Path;

use crate::binary::Heloise;
use crate::program::{Serving, arg, samples, transcript};
use crate::serve::talk;

/// A file with a password that nobody else may read.
fn password(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("password");
    std::fs::write(&path, "pencil\n").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    path
}

/// A client over TLS says that it could have bound the channel, where no -PLUS is offered (RFC 5802 §6).
#[test]
fn scram_over_tls_goes_well_where_no_plus_is_offered() {
    let dir = tempfile::tempdir().unwrap();
    let sample = samples().into_iter().find(|path| path.ends_with("auth-scram.heloise")).unwrap();
    let (secret, ca) = (password(dir.path()), dir.path().join("ca.pem"));
    let known = ["--user", "alice", "--password-file", arg(&secret)];
    let server = Serving::start(&[&known[..], &["--once", "--write-ca", arg(&ca), arg(&sample)]].concat());
    let args = [
        &server.addr,
        "--starttls",
        "--verify-name",
        "localhost",
        "--ca",
        arg(&ca),
        "--user",
        "alice",
        "--auth",
    ];
    let client = Heloise::new()
        .var("HELOISE_PASSWORD", "pencil")
        .run(&[&args[..], &["SCRAM-SHA-256", "-c", "QUIT"]].concat(), b"");
    let server = server.ended();
    assert_eq!((client.code, server.code), (Some(0), Some(0)), "{}{}", client.all(), server.all());
    assert!(client.stdout.contains("235 2.7.0 Authentication successful"), "{}", client.all());
    assert_eq!(server.stderr, "");
}

const PLAIN: &str =
    "<- 220 x\n -> AUTH PLAIN {secret sasl=PLAIN user=\"a\"}\n<- 235 in\n -> QUIT\n<- 221 bye\n";
const LOGIN: &str = "<- 220 x\n -> AUTH LOGIN\n<- 334 VXNlcjo=\n -> {secret sasl=LOGIN what=user}\n<- 334 UGFzczo=\n \
    -> {secret sasl=LOGIN what=password}\n<** 535 no\n -> QUIT\n<- 221 bye\n";

/// The replies to these lines, without the greeting and the one to QUIT.
fn answers(entries: &str, how: &str, lines: &str) -> (Vec<String>, Option<i32>) {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", entries);
    let server = Serving::start(&["--once", "--match", how, arg(&file)]);
    let heard = talk(&server.addr, &format!("{lines}\nQUIT\n"));
    let heard: Vec<String> = heard.lines().map(str::to_owned).collect();
    (heard[1..heard.len() - 1].to_vec(), server.ended().code)
}

#[test]
fn credentials_come_at_once_or_when_asked_for() {
    let cases = [
        (PLAIN, "AUTH PLAIN AGEAYg==", &["235 in"][..]),
        (PLAIN, "AUTH PLAIN\nAGEAYg==", &["334 ", "235 in"]),
        (PLAIN, "AUTH PLAIN\n*", &["334 ", "501 5.7.0 Authentication cancelled"]),
        (PLAIN, "AUTH login\nYQ==\nYg==", &["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 in"]),
        (PLAIN, "AUTH LOGIN YQ==\nYg==", &["334 UGFzc3dvcmQ6", "235 in"]),
        (PLAIN, "AUTH BOGUS", &["504 5.5.4 The transcript has no AUTH by this mechanism"]),
        (PLAIN, "AUTH", &["501 5.5.4 AUTH needs a mechanism"]),
        (LOGIN, "AUTH LOGIN\nYQ==\nYg==", &["334 VXNlcjo=", "334 UGFzczo=", "535 no"]),
        (LOGIN, "AUTH LOGIN YQ==\nYg==", &["334 UGFzc3dvcmQ6", "535 no"]),
        (LOGIN, "AUTH PLAIN AGEAYg==", &["535 no"]),
        (LOGIN, "AUTH CRAM-MD5\nYQ==", &["334 PDE4OTYuNjk3MTcwOTUyQGxvY2FsaG9zdD4=", "535 no"]),
        ("<- 220 x\n -> AUTH X\n<** 503 not now\n", "AUTH PLAIN AGEAYg==", &["503 not now"]),
    ];
    for (entries, lines, expected) in cases {
        assert_eq!(answers(entries, "lenient", lines).0, expected, "{entries} {lines}");
    }
}

#[test]
fn strict_misses_credentials_that_do_not_come_when_they_did() {
    let odd = vec!["503 5.5.1 The transcript goes on in another way".to_owned()];
    assert_eq!(answers(PLAIN, "strict", "AUTH PLAIN"), (odd.clone(), Some(7)));
    assert_eq!(answers(LOGIN, "strict", "AUTH LOGIN YQ=="), (odd, Some(7)));
    assert_eq!(answers(PLAIN, "strict", "AUTH PLAIN AGEAYg=="), (vec!["235 in".to_owned()], Some(0)));
}

/// A transcript that was written by hand may hold what others would have taken out.
#[test]
fn what_is_missed_is_told_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let plain = "<- 220 x\n -> AUTH PLAIN AGFsaWNlAFRydWI0ZG9yJjN4\n<- 235 in\n";
    let login = "<- 220 x\n -> AUTH LOGIN\n<- 334 UGFzczo=\n -> VHJ1YjRkb3ImM3g=\n<- 235 in\n";
    for (entries, lines) in
        [(plain, "NOOP\nQUIT\n"), (login, "AUTH LOGIN\n*\nQUIT\n"), (login, "AUTH LOGIN\n")]
    {
        let file = transcript(dir.path(), "a", entries);
        let server = Serving::start(&["--once", "--match", "strict", arg(&file)]);
        talk(&server.addr, lines);
        let ran = server.ended();
        assert!(ran.stderr.contains("{secret sasl=") && ran.code == Some(7), "{}", ran.stderr);
        assert!(!ran.stderr.contains("RydWI0") && !ran.stderr.contains("VHJ1"), "{}", ran.stderr);
    }
}
