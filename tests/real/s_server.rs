//! `openssl s_server` with one version of TLS at a time, and with each kind of certificate at fault: every failure has
//! words of its own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::run::{Outcome, Run, heloise};
use crate::server::{Server, server};

/// How long it may take to begin listening.
const START: Duration = Duration::from_secs(20);

/// Takes what the policies of this machine forbid.
const LAX: &[&str] = &["-cipher", "ALL:@SECLEVEL=0"];

/// A running `openssl s_server` that greets, and says good-bye to a QUIT.
pub struct SServer {
    child: Child,
    pub port: String,
}

impl SServer {
    /// One with the certificate of this name, out of those that Postfix has.
    fn start(postfix: &Server, certificate: &str, args: &[&str]) -> SServer {
        SServer::start_in(postfix.get("CERTS"), certificate, args)
    }

    /// One with the certificate of this name in a folder.
    pub fn start_in(certs: &str, certificate: &str, args: &[&str]) -> SServer {
        let (cert, key) = (format!("{certs}/{certificate}.pem"), format!("{certs}/{certificate}.key"));
        let mut child = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-no_dhe", "-naccept", "20"])
            .args(["-cert", &cert, "-cert_chain", &cert, "-key", &key])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let stdout = child.stdout.take().expect("a pipe");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let answer = if let Some(at) = line.strip_prefix("ACCEPT ") {
                    // Whoever waits may have given up.
                    let _ = tell.send(at.rsplit(':').next().unwrap_or_default().to_owned());
                    continue;
                } else if line.contains("BEGIN SSL SESSION") {
                    "220 localhost ESMTP s_server\r\n"
                } else if line == "QUIT" {
                    "221 2.0.0 bye\r\n"
                } else {
                    continue;
                };
                let _ = stdin.write_all(answer.as_bytes());
            }
        });
        let port = told.recv_timeout(START).expect("s_server listens");
        SServer { child, port }
    }

    pub fn session(&self, postfix: &Server, args: &str) -> Run {
        self.distrusting(&format!("--no-system-ca --ca {} {args}", postfix.get("CA_FILE")))
    }

    pub fn distrusting(&self, args: &str) -> Run {
        heloise(&format!("smtps://localhost:{} --quit --timeout 20 {args}", self.port))
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first cause that is told.
fn why(outcome: &Outcome) -> String {
    let cause = outcome.stderr.lines().find_map(|line| line.trim_start().strip_prefix("why: "));
    cause.unwrap_or_else(|| panic!("nothing is explained in\n{}", outcome.all())).to_owned()
}

#[test]
fn each_version_is_spoken_and_shown() {
    let Some(postfix) = server("postfix") else { return };
    for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let server = SServer::start(&postfix, "server", &[option]);
        server.session(&postfix, "").ends_with(0).says(&[version, "certificate verified", "221 2.0.0 bye"]);
    }
}

#[test]
fn old_versions_are_refused_and_the_answer_says_which_were_offered() {
    let Some(postfix) = server("postfix") else { return };
    for option in ["-tls1", "-tls1_1"] {
        let server = SServer::start(&postfix, "server", &[&[option], LAX].concat());
        let words = ["no version of TLS in common", "TLSv1.3, TLSv1.2"];
        server.session(&postfix, "").ends_with(3).says(&words);
    }
    let server = SServer::start(&postfix, "server", &["-tls1_2"]);
    let words = ["no version of TLS in common", "offered were TLSv1.3"];
    server.session(&postfix, "--tls-min 1.3").ends_with(3).says(&words);
}

#[test]
fn old_versions_are_spoken_where_this_machine_is_told_to() {
    let Some(postfix) = server("postfix") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("lax.cnf");
    let text = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n\
                MinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n";
    std::fs::write(&config, text).expect("a file");
    for (option, version, number) in [("-tls1", "=== TLSv1 ", "1.0"), ("-tls1_1", "=== TLSv1.1 ", "1.1")] {
        let server = SServer::start(&postfix, "server", &[&[option], LAX].concat());
        let run = server.session(&postfix, &format!("--tls-min {number}"));
        run.env("OPENSSL_CONF", &config).ends_with(0).says(&[version, "221 2.0.0 bye"]);
        // Told by the option alone, and what is said without it.
        let told = format!("--tls-min {number} --ciphers DEFAULT@SECLEVEL=0");
        server.session(&postfix, &told).ends_with(0).says(&[version, "221 2.0.0 bye"]);
        let not = server.session(&postfix, &format!("--tls-min {number}")).ends_with(3);
        not.says(&["refuses the versions asked for", "--ciphers DEFAULT@SECLEVEL=0"]);
    }
}

#[test]
fn versions_are_asked_for_one_by_one() {
    let Some(postfix) = server("postfix") else { return };
    for (option, taken) in [("-tls1", 0), ("-tls1_1", 1), ("-tls1_2", 2), ("-tls1_3", 3)] {
        let server = SServer::start(&postfix, "server", &[&[option], LAX].concat());
        let outcome = server.session(&postfix, "--tls-versions").ends_with(0);
        let rows: Vec<&str> = outcome.stdout.lines().filter(|line| line.contains("TLSv")).collect();
        assert_eq!(rows.len(), 4, "{}", outcome.all());
        for (place, row) in rows.iter().enumerate() {
            assert_eq!(row.contains(" yes · "), place == taken, "{option}: {}", outcome.all());
        }
    }
}

#[test]
fn each_certificate_at_fault_has_an_explanation_of_its_own() {
    let Some(postfix) = server("postfix") else { return };
    for version in ["-tls1_2", "-tls1_3"] {
        let mut causes = HashMap::new();
        let missing = "does not send the certificate of its issuer (CN=Test Intermediate)";
        let unknown = "its issuer (CN=Test Intermediate) is not known here";
        for (certificate, args, words) in [
            ("expired", &[][..], "it expired on 2020-02-01"),
            ("future", &[], "this machine's clock says"),
            ("selfsigned", &[], "it is self-signed and not trusted here"),
            ("wrongname", &[], "it is for other.example.test, not for localhost"),
            // Where TLS 1.3 alone is spoken nobody sees whether it was sent.
            ("nochain", &[], if version == "-tls1_3" { unknown } else { missing }),
            ("weak", LAX, "key too weak"),
        ] {
            let server = SServer::start(&postfix, certificate, &[&[version], args].concat());
            let outcome = server.session(&postfix, "").ends_with(3).says(&[words]);
            assert!(!outcome.all().contains("certificate verify failed"), "{}", outcome.all());
            if let Some(other) = causes.insert(why(&outcome), certificate) {
                panic!("{certificate} is explained as {other} is: {}", outcome.all());
            }
        }
        let server = SServer::start(&postfix, "server", &[version]);
        server.distrusting("").ends_with(3).says(&["its issuer", "is not known here", "--ca FILE"]);
    }
}

#[test]
fn a_weak_certificate_is_taken_where_this_machine_is_told_to() {
    let Some(postfix) = server("postfix") else { return };
    for version in ["-tls1_2", "-tls1_3"] {
        let server = SServer::start(&postfix, "weak", &[&[version], LAX].concat());
        let refused = server.session(&postfix, "").ends_with(3);
        refused.says(&["key too weak", "--ciphers DEFAULT@SECLEVEL=0"]);
        let told = server.session(&postfix, "--ciphers DEFAULT@SECLEVEL=0").ends_with(0);
        told.says(&["certificate verified", "221 2.0.0 bye"]);
    }
}

#[test]
fn a_client_certificate_is_asked_for() {
    let Some(postfix) = server("postfix") else { return };
    let (certs, ca) = (postfix.get("CERTS"), postfix.get("CA_FILE"));
    for version in ["-tls1_2", "-tls1_3"] {
        let demands = [version, "-Verify", "2", "-verify_return_error", "-CAfile", ca];
        let server = SServer::start(&postfix, "server", &demands);
        let none = server.session(&postfix, "").ends_with(3);
        assert!(why(&none).contains("only clients with a certificate"), "{}", none.all());
        let given = format!("--cert {certs}/client.pem --key {certs}/client.key");
        server.session(&postfix, &given).ends_with(0).says(&["221 2.0.0 bye"]);
        let strange = format!("--cert {certs}/selfsigned.pem --key {certs}/selfsigned.key");
        let refused = server.session(&postfix, &strange).ends_with(3);
        assert_ne!(why(&refused), why(&none), "{}", refused.all());
    }
}
