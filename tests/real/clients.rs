//! Other programs' clients against a transcript that is served: what a test suite would do with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SESSION: &str = "%heloise 1\n%title a submission\n\n<- 220 mock.example.org ESMTP\n -> EHLO client.example\n\
    <- 250-mock.example.org\n<- 250-STARTTLS\n<- 250 SIZE 10240000\n -> STARTTLS\n<- 220 2.0.0 go\n\
    === tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified=yes\n ~> EHLO client.example\n<~ 250-mock.example.org\n\
    <~ 250-AUTH PLAIN\n<~ 250 SIZE 10240000\n ~> AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}\n<~ 235 2.7.0 ok\n \
    ~> MAIL FROM:<alice@example.net>\n<~ 250 2.1.0 ok\n ~> RCPT TO:<bob@example.org>\n<~ 250 2.1.5 ok\n \
    ~> RCPT TO:<nobody@example.org>\n<~* 550 5.1.1 no such user\n ~> DATA\n<~ 354 go\n ~> Subject: x\n ~>\n ~> hi\n \
    ~> .\n<~ 250 2.0.0 queued\n ~> QUIT\n<~ 221 2.0.0 bye\n";

const PYTHON: &str = r#"
import smtplib, ssl, sys
s = smtplib.SMTP("127.0.0.1", int(sys.argv[1]), local_hostname="client.example", timeout=30)
s.starttls(context=ssl.create_default_context(cafile=sys.argv[2]))
s.login("alice", "hunter222")
refused = s.sendmail("alice@example.net", ["bob@example.org", "nobody@example.org"], "Subject: x\r\n\r\nhi\r\n")
assert refused == {"nobody@example.org": (550, b"5.1.1 no such user")}, refused
s.quit()
"#;

/// Whether a program is there. A build machine must have it.
pub fn has(program: &str) -> bool {
    let found =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let required = std::env::var_os("HELOISE_TEST_SERVERS_REQUIRED").is_some();
    assert!(found || !required, "{program} is missing");
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// The transcript, served; stopped when dropped.
struct Mock {
    child: Child,
    port: String,
    dir: tempfile::TempDir,
}

impl Mock {
    fn start() -> Mock {
        Mock::serving(SESSION, &[])
    }

    fn serving(session: &str, options: &[&str]) -> Mock {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("session.heloise"), session).unwrap();
        std::fs::write(dir.path().join("message"), "Subject: x\r\n\r\nhi\r\n").unwrap();
        std::fs::write(dir.path().join("client.py"), PYTHON).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_heloise"))
            .args(["serve", "--record-dir", "got", "--write-ca", "ca.pem", "session.heloise"])
            .args(options)
            .env("HELOISE_PASSWORD", "hunter222")
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().strip_prefix("listening on 127.0.0.1:").unwrap().to_owned();
        Mock { child, port, dir }
    }

    /// Runs a client in the folder of the server. It must be content.
    fn welcomes(&self, mut client: Command) {
        let ran = client.current_dir(self.dir.path()).output().unwrap();
        let said = [ran.stdout, ran.stderr].concat();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&said));
    }

    /// The same, and its session must have been kept.
    fn serves(&self, client: Command) {
        self.welcomes(client);
        let kept = kept(&self.dir.path().join("got"));
        assert!(kept.contains("AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}"), "{kept}");
        assert!(
            kept.contains("~> RCPT TO:<bob@example.org>") || kept.contains("rcpt TO:<bob@example.org>"),
            "{kept}"
        );
        assert!(!kept.contains("hunter222"), "{kept}");
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kept(dir: &Path) -> String {
    let files = std::fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn swaks_is_served() {
    if !has("swaks") {
        return;
    }
    let mock = Mock::start();
    let mut swaks = Command::new("swaks");
    swaks.args(["--server", "127.0.0.1", "--port", &mock.port, "--ehlo", "client.example", "--tls"]);
    swaks.args(["--from", "alice@example.net", "--to", "bob@example.org", "--body", "hi"]);
    swaks.args(["--auth", "PLAIN", "--auth-user", "alice", "--auth-password", "hunter222"]);
    mock.serves(swaks);
}

#[test]
fn curl_is_served() {
    if !has("curl") {
        return;
    }
    let mock = Mock::start();
    let mut curl = Command::new("curl");
    curl.arg(format!("smtp://127.0.0.1:{}/client.example", mock.port));
    curl.args(["-sS", "--ssl-reqd", "--cacert", "ca.pem", "--sasl-ir", "--user", "alice:hunter222"]);
    curl.args(["--mail-from", "alice@example.net", "--mail-rcpt", "bob@example.org", "-T", "message"]);
    mock.serves(curl);
}

#[test]
fn smtplib_of_python_is_served() {
    if !has("python3") {
        return;
    }
    let mock = Mock::start();
    let mut python = Command::new("python3");
    python.args(["client.py", &mock.port, "ca.pem"]);
    mock.serves(python);
}

#[test]
fn msmtp_is_served() {
    if !has("msmtp") {
        return;
    }
    let mock = Mock::start();
    let mut msmtp = Command::new("msmtp");
    msmtp.args(["--file=", "--host=127.0.0.1", "--tls=on", "--tls-starttls=on", "--tls-trust-file=ca.pem"]);
    msmtp.arg(format!("--port={}", mock.port)).args([
        "--domain=client.example",
        "--auth=plain",
        "--user=alice",
    ]);
    msmtp.args(["--passwordeval=echo hunter222", "--from=alice@example.net", "--", "bob@example.org"]);
    msmtp.stdin(std::fs::File::open(mock.dir.path().join("message")).unwrap());
    mock.serves(msmtp);
}

/// Clients that compute their proofs and check the server's: each is let in, because the server knows the password.
#[test]
fn proofs_are_computed_and_checked() {
    let session = |mechanism: &str, initial: &str, steps: &str| {
        format!(
            "%heloise 1\n<- 220 mock.example.org ESMTP\n -> EHLO client.example\n<- 250-mock.example.org\n<- 250 AUTH {mechanism}\n \
             -> AUTH {mechanism}{initial}\n<- 334 cj1h\n{steps}<- 235 2.7.0 ok\n -> MAIL FROM:<alice@example.net>\n<- 250 2.1.0 ok\n \
             -> RCPT TO:<bob@example.org>\n<- 250 2.1.5 ok\n -> DATA\n<- 354 go\n -> x\n -> .\n<- 250 2.0.0 ok\n -> QUIT\n<- 221 bye\n"
        )
    };
    let scram = session(
        "SCRAM-SHA-256",
        " {secret sasl=SCRAM-SHA-256}",
        " -> {secret sasl=SCRAM-SHA-256}\n<- 334 dj1h\n ->\n",
    );
    let digest = session("DIGEST-MD5", "", " -> {secret sasl=DIGEST-MD5}\n<- 334 dj1h\n ->\n");
    let cram = session("CRAM-MD5", "", " -> {secret sasl=CRAM-MD5}\n");
    let options = ["--user", "alice", "--match", "strict"];
    let swaks = |mock: &Mock, mechanism: &str| {
        let mut swaks = Command::new("swaks");
        swaks.args(["--server", "127.0.0.1", "--port", &mock.port, "--ehlo", "client.example"]);
        swaks.args(["--from", "alice@example.net", "--to", "bob@example.org", "--body", "hi"]);
        swaks.args(["--auth", mechanism, "--auth-user", "alice", "--auth-password", "hunter222"]);
        swaks
    };
    let msmtp = |mock: &Mock, password: &str| {
        let mut msmtp = Command::new("msmtp");
        msmtp.args(["--file=", "--host=127.0.0.1", "--tls=off", "--auth=scram-sha-256", "--user=alice"]);
        msmtp.arg(format!("--port={}", mock.port)).arg(format!("--passwordeval=echo {password}"));
        msmtp.args(["--domain=client.example", "--from=alice@example.net", "--", "bob@example.org"]);
        msmtp.stdin(std::fs::File::open(mock.dir.path().join("message")).unwrap());
        msmtp
    };
    if has("msmtp") {
        let mock = Mock::serving(&scram, &options);
        mock.welcomes(msmtp(&mock, "hunter222"));
        let refused = msmtp(&mock, "hunter333").current_dir(mock.dir.path()).output().unwrap();
        assert!(!refused.status.success());
    }
    if has("swaks") {
        for (session, mechanism) in [(&digest, "DIGEST-MD5"), (&cram, "CRAM-MD5")] {
            let mock = Mock::serving(session, &options);
            mock.welcomes(swaks(&mock, mechanism));
        }
    }
}
