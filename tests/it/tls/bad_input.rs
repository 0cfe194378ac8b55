//! Keys, passphrases, pins and files of secrets that cannot be used: one clear line and exit status 1, before any
//! connection is opened.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use openssl::pkey::PKey;
use openssl::symm::Cipher;
use openssl::x509::X509;

use super::pki::{Leaf, NAME, Pki};
use crate::at_terminal::AtTerminal;
use crate::binary::{Heloise, Run};

/// Files in the home of a run, and a server that nobody must come to.
struct Bench {
    heloise: Heloise,
    nobody: TcpListener,
}

impl Bench {
    fn new() -> Bench {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
        nobody.set_nonblocking(true).unwrap();
        Bench { heloise: Heloise::new(), nobody }
    }

    fn var(mut self, name: &str, value: &str) -> Bench {
        self.heloise = self.heloise.var(name, value);
        self
    }

    /// A file that only its owner may read, or all.
    fn put(&self, name: &str, mode: u32, content: impl AsRef<[u8]>) -> String {
        let path = self.heloise.path(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn run(&self, args: &[&str]) -> Run {
        let target = self.nobody.local_addr().unwrap().to_string();
        let timeout = if args.contains(&"--timeout") { &[][..] } else { &["--timeout", "5"] };
        self.heloise.run(&[timeout, &["-c", "QUIT", &target], args].concat(), b"")
    }

    /// Runs it and demands that it is refused in one line that holds these words; lines of advice may follow.
    fn refused(&self, args: &[&str], words: &str) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(1), "{args:?}: {}", run.all());
        let mut lines = run.stderr.lines();
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with("heloise: ") && first.contains(words), "{args:?}: {}", run.stderr);
        assert!(lines.all(|line| line.starts_with("  try: ")), "{args:?}: {}", run.stderr);
        assert!(self.nobody.accept().is_err(), "{args:?}: a connection was opened");
        run
    }
}

/// A certificate in `cert.pem`, with keys that fit and that do not.
fn with_keys(bench: &Bench) -> Leaf {
    let (leaf, other) = (Leaf::self_signed(&[NAME]), Leaf::self_signed(&[NAME]));
    bench.put("cert.pem", 0o600, leaf.pem());
    bench.put("other.key", 0o600, other.key.serialize_pem());
    let key = PKey::private_key_from_der(leaf.key.serialized_der()).unwrap();
    let locked = key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"open sesame").unwrap();
    bench.put("locked.key", 0o600, locked);
    let mut builder = openssl::pkcs12::Pkcs12::builder();
    builder.cert(&X509::from_der(&leaf.der).unwrap()).pkey(&key);
    bench.put("both.p12", 0o600, builder.build2("open sesame").unwrap().to_der().unwrap());
    leaf
}

#[test]
fn client_certificates_and_keys() {
    let bench = Bench::new().var("HELOISE_PASSPHRASE", "open barley");
    with_keys(&bench);
    let path = |name: &str| bench.heloise.path(name);
    let cert = path("cert.pem");
    let with = |key: &str, words: &str| bench.refused(&["--cert", &cert, "--key", &path(key)], words);
    with("missing.key", "missing.key: no such file");
    with("other.key", "does not belong to the certificate");
    with("cert.pem", "there is no private key in");
    let wrong = with("locked.key", "the passphrase does not open");
    assert!(!wrong.all().contains("barley"));
    bench.refused(&["--cert", &path("both.p12")], "the passphrase does not open");
    bench.refused(&["--cert", &path("missing.pem")], "missing.pem: no such file");
    bench.put("junk.p12", 0o600, "junk");
    bench.refused(&["--cert", &path("junk.p12")], "neither PEM nor PKCS#12");
}

#[test]
fn a_passphrase_that_nobody_can_give() {
    let bench = Bench::new();
    with_keys(&bench);
    // A session of its own has no terminal to ask at.
    let target = bench.nobody.local_addr().unwrap().to_string();
    let program = env!("CARGO_BIN_EXE_heloise");
    let mut command = std::process::Command::new("setsid");
    command.args(["-w", program, &target, "-c", "QUIT", "--cert", &bench.heloise.path("both.p12")]);
    command.env("HOME", bench.heloise.home.path()).env_remove("HELOISE_PASSPHRASE");
    let Ok(output) = command.stdin(std::process::Stdio::null()).output() else {
        eprintln!("skipped: there is no setsid on this machine");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is protected by a passphrase, and nobody is there to type it"), "{said}");
    assert!(said.contains("HELOISE_PASSPHRASE"), "{said}");
}

#[test]
fn a_passphrase_is_asked_for_and_not_shown() {
    let bench = Bench::new();
    with_keys(&bench);
    let target = bench.nobody.local_addr().unwrap().to_string();
    let (key, cert) = (bench.heloise.path("locked.key"), bench.heloise.path("cert.pem"));
    let mut terminal = AtTerminal::start(&[&target, "--cert", &cert, "--key", &key]);
    let before = terminal.wait_for("locked.key:");
    assert!(before.contains("passphrase of "), "{before}");
    terminal.press("open barley\r");
    let shown = terminal.wait_for("does not open");
    assert!(shown.contains("***") && !shown.contains("barley"), "{shown}");
    assert_eq!(terminal.child.wait().unwrap().exit_code(), 1);
    assert!(bench.nobody.accept().is_err(), "a connection was opened");
}

#[test]
fn pins_that_are_no_hash() {
    let bench = Bench::new();
    for pin in ["", "abcd", "sha256//AAAA", "sha1//AAAA", "not a pin"] {
        bench.refused(&["--pin", pin], "is no pin: a SHA-256 is wanted");
    }
    let (good, bad) = ("00".repeat(32), "00".repeat(31));
    bench.refused(&["--pin", &format!("{good};{bad}")], "is no pin");
    bench.refused(&["--pin", "\u{1b}[2J"], r"\x1b[2J");
}

#[test]
fn files_of_secrets() {
    let bench = Bench::new();
    let (open, empty) = (bench.put("open", 0o644, "s3cret-word\n"), bench.put("empty", 0o600, "\nx\n"));
    let missing = bench.heloise.path("missing");
    for (option, what) in [("--password-file", "password file"), ("--token-file", "token file")] {
        let run = bench.refused(&[option, &open], &format!("others on this machine may read the {what}"));
        assert!(run.stderr.contains("chmod 600") && !run.all().contains("s3cret"), "{}", run.stderr);
        bench.refused(&[option, &empty], "is empty");
        bench.refused(&[option, &missing], "no such file");
    }
    bench.refused(&["--password-command", "exit 3"], "the password command failed");
    bench.refused(&["--token-command", "true"], "the token command printed nothing");
}

#[test]
fn netrc_files() {
    let bench = Bench::new();
    let line = "machine 127.0.0.1 login alice password s3cret-word\n";
    let open = bench.put("open", 0o640, line);
    let run = bench.refused(&["--netrc-file", &open], "others on this machine may read the netrc file");
    assert!(!run.all().contains("s3cret"));
    bench.refused(&["--netrc"], ".netrc: no such file");
    let elsewhere =
        bench.put("elsewhere", 0o600, "machine mx.example.org login alice password s3cret-word\n");
    bench.refused(&["--netrc-file", &elsewhere], "has no password for 127.0.0.1");
    let own = bench.put("own", 0o600, line);
    bench.refused(&["--netrc-file", &own, "--user", "bob"], "has no password for 127.0.0.1 and bob");
}

#[test]
fn authorities_and_versions() {
    let bench = Bench::new();
    bench.refused(&["--ca", &bench.heloise.path("missing.pem")], "cannot read the CA file");
    bench.refused(&["--ca", &bench.put("empty.pem", 0o644, "")], "there is no certificate in");
    bench.refused(&["--tls-min", "1.3", "--tls-max", "1.2"], "is above the highest");
    bench.refused(&["--verify-name", "a b"], "a b");
}

#[test]
fn mechanisms_that_are_not_spoken_here() {
    Bench::new().refused(&["--auth", "PLAN"], "PLAN is no mechanism that is known here");
}

#[test]
fn what_is_good_gets_through_to_the_server() {
    let bench = Bench::new().var("HELOISE_PASSPHRASE", "open sesame");
    with_keys(&bench);
    bench.put("root.pem", 0o644, Pki::new().root_pem);
    let private = bench.put("private", 0o600, "s3cret-word\n");
    let path = |name: &str| bench.heloise.path(name);
    let pin = vec!["AB"; 32].join(":");
    let netrc = bench.put("netrc", 0o600, "machine 127.0.0.1 login alice password s3cret-word\n");
    for args in [
        &["--cert", &path("cert.pem"), "--key", &path("locked.key")][..],
        &["--cert", &path("both.p12"), "--pin", &pin],
        &["--password-file", &private, "--ca", &path("root.pem")],
        &["--netrc-file", &netrc, "--token-command", "echo t0ken"],
    ] {
        let target = bench.nobody.local_addr().unwrap().to_string();
        let run = bench.heloise.run(&[&["--timeout", "0.3", "-c", "QUIT", &target], args].concat(), b"");
        // Nobody answers, so the wait for the greeting runs out.
        assert_eq!(run.code, Some(8), "{args:?}: {}", run.all());
        assert!(bench.nobody.accept().is_ok(), "{args:?}: no connection was opened");
    }
}

#[test]
fn a_place_for_certificates_where_no_file_can_be_made() {
    let bench = Bench::new();
    let there = bench.put("there.pem", 0o600, "");
    let missing = bench.heloise.path("missing/certs.pem");
    for (path, words) in [
        (&there, "there.pem exists and is not overwritten"),
        (&missing, "missing/certs.pem: no such file or directory"),
    ] {
        let run = bench.run(&["--save-certs", path]);
        assert_eq!(run.code, Some(10), "{}", run.all());
        assert!(run.stderr.contains(words), "{}", run.stderr);
        assert!(bench.nobody.accept().is_err(), "{path}: a connection was opened");
    }
    let good = bench.heloise.path("certs.pem");
    bench.run(&["--save-certs", &good, "--timeout", "0.3"]);
    assert!(bench.nobody.accept().is_ok(), "no connection was opened");
    assert!(!std::path::Path::new(&good).exists(), "a file without certificates was left");
}

#[test]
fn options_of_a_session_that_a_check_would_pass_over() {
    let bench = Bench::new();
    let (target, file) = (bench.nobody.local_addr().unwrap().to_string(), bench.heloise.path("certs.pem"));
    for option in [&["--save-certs", &file][..], &["--tls-versions"]] {
        let run = bench.heloise.run(&[&["check", &target], option].concat(), b"");
        assert_eq!(run.code, Some(1), "{}", run.all());
        assert!(run.stderr.contains(&format!("{} belongs to a session", option[0])), "{}", run.stderr);
        assert!(bench.nobody.accept().is_err(), "a connection was opened");
    }
}
