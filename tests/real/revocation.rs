//! Certificates that OpenSSL's own authority revoked, shown by `s_server`: told by its revocation list, by the OCSP
//! answer that it staples, and by its OCSP responder behind an HTTP server on loopback.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::run::{Run, heloise};
use crate::s_server::SServer;
use crate::server::{Server, server};

/// The authority of the tests in a folder of its own, where it may revoke.
struct Authority {
    folder: tempfile::TempDir,
    responder: TcpListener,
}

impl Authority {
    /// With a certificate `leaf` that names the responder, and `signer`, whom the authority made a responder.
    fn new(postfix: &Server) -> Authority {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in std::fs::read_dir(postfix.get("CERTS")).expect("the certificates") {
            let entry = entry.expect("an entry");
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("a copy");
        }
        let responder = TcpListener::bind("127.0.0.1:0").expect("a port");
        let authority = Authority { folder, responder };
        let url = format!("http://{}/ocsp", authority.responder.local_addr().expect("an address"));
        authority.issue(
            "leaf",
            &format!("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nauthorityInfoAccess=OCSP;URI:{url}\n"),
        );
        authority.issue("signer", "extendedKeyUsage=OCSPSigning\nbasicConstraints=CA:FALSE\n");
        authority
    }

    fn openssl(&self, args: &str) {
        run_openssl(self.folder.path(), args);
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    fn issue(&self, name: &str, extensions: &str) {
        std::fs::write(self.path(&format!("{name}.ext")), extensions).expect("a file");
        self.openssl(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key"));
        self.openssl(&format!("req -new -key {name}.key -subj /CN={name} -config ca.cnf -out {name}.csr"));
        self.openssl(&format!(
            "ca -batch -notext -config ca.cnf -extfile {name}.ext -cert inter.pem -keyfile inter.key \
             -in {name}.csr -out {name}.alone"
        ));
        // What a server shows: its certificate and the intermediate.
        let chain = [format!("{name}.alone"), "inter.pem".to_owned()]
            .map(|file| std::fs::read_to_string(self.path(&file)).expect("a certificate"));
        std::fs::write(self.path(&format!("{name}.pem")), chain.concat()).expect("a file");
    }

    fn revoke(&self, name: &str) {
        self.openssl(&format!(
            "ca -config ca.cnf -cert inter.pem -keyfile inter.key -revoke {name} -crl_reason superseded"
        ));
    }

    fn list(&self) -> String {
        self.openssl("ca -config ca.cnf -cert inter.pem -keyfile inter.key -gencrl -crldays 7 -out list.crl");
        self.path("list.crl")
    }

    /// The answer that a server is to staple, signed by `signer`.
    fn staple(&self, signer: &str) -> String {
        self.openssl(&format!(
            "ocsp -index index.txt -CA inter.pem -rsigner {signer}.pem -rkey {signer}.key -issuer inter.pem \
             -cert leaf.alone -ndays 1 -respout staple.der"
        ));
        self.path("staple.der")
    }

    /// A server for many connections, as a second one is needed to see what is stapled: for each it starts an
    /// `s_server`, which takes one at a time. Its port.
    fn serve(&self, args: &[&str]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (folder, args) = (self.path(""), args.iter().map(ToString::to_string).collect::<Vec<_>>());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let args: Vec<&str> = args.iter().map(String::as_str).collect();
                let server = SServer::start_in(&folder, "leaf", &args);
                pass_on(client.expect("a connection"), server);
            }
        });
        port
    }

    /// A session with that server.
    fn session(&self, port: u16, args: &str) -> Run {
        let ca = self.path("ca.pem");
        heloise(&format!("smtps://localhost:{port} --quit --timeout 20 --no-system-ca --ca {ca} {args}"))
    }

    /// Answers whoever asks, as OpenSSL's responder does.
    fn respond(&self) {
        let (listener, folder) =
            (self.responder.try_clone().expect("a listener"), self.folder.path().to_owned());
        std::thread::spawn(move || {
            for tcp in listener.incoming() {
                answer(tcp.expect("a connection"), &folder);
            }
        });
    }
}

/// Carries bytes between a client and a server until either ends.
fn pass_on(client: TcpStream, server: SServer) {
    std::thread::spawn(move || {
        let upstream = TcpStream::connect(format!("127.0.0.1:{}", server.port)).expect("s_server listens");
        let (mut from_client, mut to_client) = (client.try_clone().expect("a socket"), client);
        let (mut from_server, mut to_server) = (upstream.try_clone().expect("a socket"), upstream);
        let up = std::thread::spawn(move || {
            // Either side may go at any time.
            let _ = std::io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
        up.join().expect("no panic");
        drop(server);
    });
}

fn run_openssl(folder: &Path, args: &str) {
    let done = Command::new("openssl")
        .args(args.split_ascii_whitespace())
        .current_dir(folder)
        .env("SAN", "DNS:unused")
        .output()
        .expect("openssl starts");
    assert!(done.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&done.stderr));
}

fn answer(mut tcp: TcpStream, folder: &Path) {
    let mut question = Vec::new();
    let mut piece = [0; 2000];
    loop {
        let count = tcp.read(&mut piece).expect("a question");
        question.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&question);
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("POST /ocsp HTTP/1.0\r\n"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("a length");
        let start = head.len() + 4;
        if question.len() >= start + length.parse::<usize>().expect("a number") {
            std::fs::write(folder.join("question.der"), &question[start..]).expect("a file");
            break;
        }
    }
    run_openssl(
        folder,
        "ocsp -index index.txt -CA inter.pem -rsigner signer.pem -rkey signer.key -reqin question.der -ndays 1 \
         -respout answer.der",
    );
    let answer = std::fs::read(folder.join("answer.der")).expect("an answer");
    let head = "HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n";
    tcp.write_all(&[head.as_bytes(), &answer].concat()).expect("it is taken");
}

const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];

#[test]
fn the_list_of_openssl_ca_is_understood() {
    let Some(postfix) = server("postfix") else { return };
    let authority = Authority::new(&postfix);
    let before = authority.list();
    for version in VERSIONS {
        let server = SServer::start_in(&authority.path(""), "leaf", &[version]);
        // Under TLS 1.3 alone nobody sees who issued the certificate; it may be named.
        let knowing = format!("--ca {} --crl {before}", authority.path("both.pem"));
        join(&authority, "both.pem", &["ca.pem", "inter.pem"]);
        server.distrusting(&format!("--no-system-ca {knowing}")).ends_with(0).says(&["not revoked"]);
    }
    authority.revoke("leaf.alone");
    let after = authority.list();
    for version in VERSIONS {
        let server = SServer::start_in(&authority.path(""), "leaf", &[version]);
        let args = format!("--no-system-ca --ca {} --crl {after}", authority.path("both.pem"));
        let words = ["it was revoked on ", "superseded: another certificate has taken its place"];
        server.distrusting(&args).ends_with(3).says(&words);
    }
}

fn join(authority: &Authority, name: &str, parts: &[&str]) {
    let text: String =
        parts.iter().map(|part| std::fs::read_to_string(authority.path(part)).expect("a file")).collect();
    std::fs::write(authority.path(name), text).expect("a file");
}

#[test]
fn a_stapled_answer_is_read_and_its_signer_checked() {
    let Some(postfix) = server("postfix") else { return };
    let authority = Authority::new(&postfix);
    let stapling = |signer: &str| {
        let staple = authority.staple(signer);
        authority.serve(&["-status_file", &staple])
    };
    for signer in ["inter", "signer"] {
        let server = stapling(signer);
        let said = ["stapling    not revoked, says the OCSP answer stapled by the server; it holds until "];
        authority.session(server, "-c /tls").ends_with(0).says(&said);
    }
    // The answer is right, but who signed it may not answer for the issuer.
    let strange = stapling("server");
    authority
        .session(strange, "-c /tls")
        .ends_with(0)
        .says(&["stapling    the answer is not signed by the issuer"]);
    authority.revoke("leaf.alone");
    let server = stapling("signer");
    let words = ["it was revoked on ", "superseded", "says the OCSP answer stapled by the server"];
    authority.session(server, "--check-revocation").ends_with(3).says(&words);
}

#[test]
fn the_responder_is_asked_when_that_is_wanted() {
    let Some(postfix) = server("postfix") else { return };
    let authority = Authority::new(&postfix);
    authority.respond();
    for (revoked, status, words) in [(false, 0, "not revoked"), (true, 3, "superseded")] {
        if revoked {
            authority.revoke("leaf.alone");
        }
        let server = authority.serve(&[]);
        authority.session(server, "--check-revocation").ends_with(status).says(&[words]);
        authority.session(server, "").ends_with(0);
    }
}

#[test]
fn a_revoked_certificate_of_ours_is_told_by_the_server() {
    let Some(postfix) = server("postfix") else { return };
    let authority = Authority::new(&postfix);
    authority.issue("ours", "extendedKeyUsage=clientAuth\n");
    authority.revoke("ours.alone");
    let list = authority.list();
    let (ca, cert, key) = (authority.path("ca.pem"), authority.path("ours.pem"), authority.path("ours.key"));
    for version in VERSIONS {
        let demands =
            [version, "-Verify", "2", "-verify_return_error", "-CAfile", &ca, "-crl_check", "-CRL", &list];
        let server = SServer::start_in(&authority.path(""), "server", &demands);
        let run = server.session(&postfix, &format!("--cert {cert} --key {key}"));
        run.ends_with(3).says(&["certificate", "revoked", "get a new client certificate"]);
    }
}
