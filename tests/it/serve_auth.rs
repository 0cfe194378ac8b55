//! AUTH at `heloise serve`: exchanges that are not as the transcript has them.

use std::path::Path;

use crate::binary::Heloise;
use crate::program::{Serving, arg, samples};

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
