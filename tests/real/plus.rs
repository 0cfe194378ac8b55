//! Channel binding with servers that are not ours: Cyrus SASL and GNU SASL, in `tests/servers/plus.c`.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::run::{Run, heloise};
use crate::server::{Server, server};

/// Builds the server; nothing where this machine has no compiler or libraries for it and need not.
fn build(folder: &Path) -> Option<PathBuf> {
    let (source, program) =
        (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/plus.c"), folder.join("plus"));
    let built = Command::new("cc")
        .args(["-Wall", "-Wextra", "-Wno-cast-function-type", "-o"])
        .arg(&program)
        .args([source, "-lssl", "-lcrypto", "-lsasl2", "-lgsasl"])
        .output();
    if built.as_ref().is_ok_and(|output| output.status.success()) {
        return Some(program);
    }
    let required = std::env::var_os("HELOISE_TEST_SERVERS_REQUIRED").is_some();
    assert!(!required, "are libssl-dev, libsasl2-dev and libgsasl-dev installed? {built:?}");
    eprintln!("skipped: this machine cannot build tests/servers/plus.c");
    None
}

/// A running server; it has the certificate and the user of Postfix.
struct Plus {
    child: Child,
    port: String,
}

impl Plus {
    fn start(program: &Path, library: &str, binding: &str, postfix: &Server) -> Plus {
        let certs = postfix.get("CERTS");
        let database = Path::new(certs).with_file_name("etc").join("sasldb2");
        let secret = if library == "cyrus" {
            database.display().to_string()
        } else {
            postfix.get("PASSWORD").to_owned()
        };
        let mut child = Command::new(program)
            .args([library, binding, &format!("{certs}/server.pem"), &format!("{certs}/server.key")])
            .args([postfix.get("USER"), &secret])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        let port = line.trim().strip_prefix("listening ").expect("it listens").to_owned();
        Plus { child, port }
    }

    fn session(&self, postfix: &Server, args: &str) -> Run {
        let (ca, user) = (postfix.get("CA_FILE"), postfix.get("USER"));
        heloise(&format!("smtps://localhost:{} --ca {ca} --user {user} --quit {args}", self.port))
    }
}

impl Drop for Plus {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PROVED: &str = "at the other end of this very TLS link";

#[test]
fn scram_plus_with_cyrus_sasl_and_gnu_sasl() {
    let Some(postfix) = server("postfix") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let Some(program) = build(folder.path()) else { return };
    for (library, binding) in
        [("cyrus", "tls-server-end-point"), ("cyrus", "tls-exporter"), ("gsasl", "tls-exporter")]
    {
        let plus = Plus::start(&program, library, binding, &postfix);
        let bound = format!("--channel-binding {binding}");
        for mechanism in ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", ""] {
            let run = plus.session(&postfix, &format!("{bound} --auth {mechanism}"));
            run.password(postfix.get("PASSWORD")).ends_with(0).says(&["-PLUS", "235 2.7.0", PROVED]);
        }
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-1"] {
            let run = plus.session(&postfix, &format!("--auth {mechanism}"));
            run.password(postfix.get("PASSWORD")).ends_with(0).says(&["235 2.7.0"]);
        }
        let wrong = plus.session(&postfix, &format!("{bound} --auth SCRAM-SHA-256-PLUS"));
        wrong.password("quite wrong 3?").ends_with(6).says(&["535 5.7.8"]);
    }
}

#[test]
fn another_kind_of_channel_binding_is_refused_and_what_to_do_is_said() {
    let Some(postfix) = server("postfix") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let Some(program) = build(folder.path()) else { return };
    for (library, binding, other) in [
        ("cyrus", "tls-server-end-point", "tls-exporter"),
        ("cyrus", "tls-exporter", "tls-server-end-point"),
        ("gsasl", "tls-exporter", "tls-server-end-point"),
    ] {
        let plus = Plus::start(&program, library, binding, &postfix);
        let run = plus.session(&postfix, &format!("--channel-binding {other} --auth SCRAM-SHA-256-PLUS"));
        let refused = run.password(postfix.get("PASSWORD")).ends_with(6);
        refused.says(&["535 5.7.8", "another kind of channel binding"]);
    }
    let plus = Plus::start(&program, "gsasl", "tls-exporter", &postfix);
    let old =
        plus.session(&postfix, "--channel-binding tls-exporter --tls-max 1.2 --auth SCRAM-SHA-256-PLUS");
    old.password(postfix.get("PASSWORD")).ends_with(1).says(&["there is no channel binding"]);
}
