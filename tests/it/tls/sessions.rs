//! The binary and TLS: what it shows, saves and asks, and how it ends when TLS does not come about.

use std::net::SocketAddr;

use heloise::transport::cert::CertInfo;
use heloise::transport::pin::Pin;
use openssl::ssl::{SslVerifyMode, SslVersion};
use openssl::x509::X509;

use super::pki::{self, Leaf, NAME, Pki};
use crate::at_terminal::AtTerminal;
use crate::binary::{Heloise, Run};
use crate::peer::{Act, connections, peer, peers};
use crate::program::Serving;

/// A server, and options that let a session trust it under the name that its certificate has.
struct Bench {
    heloise: Heloise,
    ca: tempfile::NamedTempFile,
    server: SocketAddr,
    implicit: bool,
}

impl Bench {
    fn new(
        pki: &Pki,
        leaf: &Leaf,
        chain: &[Vec<u8>],
        versions: (SslVersion, SslVersion),
        starttls: bool,
    ) -> Bench {
        let acceptor = pki::acceptor(chain, &leaf.key, versions.0, versions.1);
        let server = pki::smtp_server(Some(acceptor), starttls);
        Bench { heloise: Heloise::new(), ca: pki.ca_file(), server, implicit: !starttls }
    }

    fn args<'a>(&'a self, target: &'a str, args: &[&'a str]) -> Vec<&'a str> {
        let ca = self.ca.path().to_str().unwrap();
        let own =
            [target, "--ca", ca, "--no-system-ca", "--verify-name", NAME, "--sni", NAME, "--timeout", "10"];
        [&own[..], if self.implicit { &[] } else { &["--starttls"] }, args].concat()
    }

    fn target(&self) -> String {
        format!("{}://{}", if self.implicit { "smtps" } else { "smtp" }, self.server)
    }

    fn run(&self, args: &[&str]) -> Run {
        self.heloise.run(&self.args(&self.target(), args), b"")
    }

    fn ends(&self, code: i32, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(code), "{args:?}: {}", run.all());
        run
    }
}

const BOTH: (SslVersion, SslVersion) = (SslVersion::TLS1_2, SslVersion::TLS1_3);
const NEW: (SslVersion, SslVersion) = (SslVersion::TLS1_3, SslVersion::TLS1_3);

fn good(versions: (SslVersion, SslVersion), starttls: bool) -> (Pki, Leaf, Bench) {
    let pki = Pki::new();
    let leaf = pki.leaf(&[NAME, "*.example.org"], |_| {});
    let bench = Bench::new(&pki, &leaf, &pki.chain(&leaf), versions, starttls);
    (pki, leaf, bench)
}

fn assert_says(run: &Run, words: &[&str]) {
    for word in words {
        assert!(run.all().contains(word), "no {word:?} in\n{}", run.all());
    }
}

#[test]
fn everything_that_was_negotiated_is_shown() {
    for starttls in [false, true] {
        let (_, leaf, bench) = good(BOTH, starttls);
        let run = bench.ends(0, &["-c", "/tls", "-c", "QUIT"]);
        let info = CertInfo::from_der(&leaf.der).unwrap();
        let (fingerprint, pin) = (info.fingerprint(), Pin::of_key(&info).to_string());
        let rows = [
            "protocol    TLSv1.3",
            "cipher      TLS_",
            "key exch.   x25519",
            "ALPN        none",
            "SNI         mx.example.org",
            "verified    yes, for mx.example.org (it names mx.example.org)",
            "resumed     no",
            "subject     CN=mx.example.org",
            "names       mx.example.org, *.example.org",
            "issuer      CN=Test Intermediate",
            "serial      ",
            "key         EC P-256",
            "signature   ecdsa-with-SHA256",
            "days left",
            &fingerprint,
            &pin,
            "seen over a second connection (TLSv1.2",
            "chain       0  CN=mx.example.org (issued by CN=Test Intermediate)",
            "1  CN=Test Intermediate (issued by CN=Test Root)",
            "root        CN=Test Root",
            "DANE        not-asked",
            "MTA-STS     not-asked",
        ];
        assert_says(&run, &rows);
        let here = bench.ends(0, &["-c", "/tls here", "-c", "QUIT"]);
        assert_says(&here, &["chain       hidden by TLS 1.3", "protocol    TLSv1.3"]);
        assert!(!here.stdout.contains("second connection ("), "{}", here.stdout);
    }
}

#[test]
fn transcripts_and_json_keep_it() {
    let (_, leaf, bench) = good(BOTH, true);
    let file = bench.heloise.path("session.heloise");
    bench.ends(0, &["--record", &file, "-c", "/tls", "-c", "QUIT"]);
    let kept = std::fs::read_to_string(file).unwrap();
    let fingerprint = CertInfo::from_der(&leaf.der).unwrap().fingerprint();
    for words in
        ["group=x25519", "name=mx.example.org", &format!("sha256={fingerprint}"), "=== chain place=1 "]
    {
        assert!(kept.contains(words), "no {words:?} in\n{kept}");
    }
    let json = bench.ends(0, &["--json", "-c", "QUIT"]);
    let tls = json.stdout.lines().find(|line| line.contains(r#""kind":"tls""#)).unwrap();
    let tls: serde_json::Value = serde_json::from_str(tls).unwrap();
    assert_eq!((&tls["verified"], &tls["subject"]), (&true.into(), &"CN=mx.example.org".into()));
    assert!(tls["other"].to_string().contains(r#"["key","EC P-256"]"#), "{tls}");
}

#[test]
fn certificates_are_saved_and_no_file_is_overwritten() {
    for (versions, starttls, count) in [(BOTH, true, 2), (BOTH, false, 2), (NEW, false, 1)] {
        let (_, leaf, bench) = good(versions, starttls);
        let file = bench.heloise.path("certs.pem");
        let run = bench.ends(0, &["--save-certs", &file, "-c", "QUIT"]);
        let saved = X509::stack_from_pem(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(saved.len(), count, "{}", run.all());
        assert_eq!(saved[0].to_der().unwrap(), leaf.der);
        let again = bench.ends(10, &["--save-certs", &file, "-c", "QUIT"]);
        assert_says(&again, &["exists and is not overwritten"]);
        assert!(!again.stdout.contains("connected"), "{}", again.stdout);
        let by_hand = bench.ends(0, &["-c", &format!("/tls save {file}2"), "-c", "QUIT"]);
        assert_says(&by_hand, &["saved in"]);
    }
}

#[test]
fn versions_are_listed() {
    let (_, _, bench) = good(NEW, true);
    let run = bench.ends(0, &["--tls-versions"]);
    assert_says(
        &run,
        &["TLSv1       no · alert protocol_version (70)", "TLSv1.2     no", "TLSv1.3     yes · TLS_AES"],
    );
    assert!(!run.stdout.contains("EHLO"), "{}", run.stdout);
    let plain = pki::smtp_server(None, true).to_string();
    let refused = bench.heloise.run(&[&plain, "--tls-versions", "--json"], b"");
    assert_eq!(refused.code, Some(3), "{}", refused.all());
    assert_says(&refused, &[r#"["taken","no"]"#, "454 4.7.0"]);
    let send = bench.heloise.run(&["send", "--to", "bob@example.net", "--tls-versions", &plain], b"");
    assert_eq!(send.code, Some(1), "{}", send.all());
}

#[test]
fn pins_decide() {
    let (_, leaf, bench) = good(BOTH, true);
    let info = CertInfo::from_der(&leaf.der).unwrap();
    let key = Pin::of_key(&info).to_string();
    let bare = info.fingerprint().replace(':', "").to_lowercase();
    for pin in [&key, &info.fingerprint(), &bare, &format!("{};{key}", "00".repeat(32))] {
        assert_says(&bench.ends(0, &["--pin", pin, "-c", "/tls here", "-c", "QUIT"]), &["fits"]);
    }
    let wrong = "00".repeat(32);
    for more in [&["-c", "QUIT"][..], &["--insecure", "-c", "QUIT"]] {
        let run = bench.ends(3, &[&["--pin", &wrong], more].concat());
        assert_says(&run, &["fits no pin", &key]);
        assert!(!run.stdout.contains("~> "), "{}", run.stdout);
    }
}

#[test]
fn what_tls_1_3_hides_of_a_bad_certificate_is_looked_up_and_said() {
    let pki = Pki::new();
    let expired = pki.leaf(&[NAME], |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let lonely = pki.leaf(&[NAME], |params| params.custom_extensions = vec![pki::published_issuer()]);
    for (leaf, chain, words) in [
        (&expired, pki.chain(&expired), "it expired on 2020-01-01 00:00 UTC; this machine's clock says"),
        (
            &lonely,
            vec![lonely.der.clone()],
            "does not send the certificate of its issuer (CN=Test Intermediate)",
        ),
    ] {
        for starttls in [false, true] {
            let bench = Bench::new(&pki, leaf, &chain, BOTH, starttls);
            let run = bench.ends(3, &["-c", "AUTH PLAIN", "-c", "QUIT"]);
            assert_says(&run, &[words, "seen over a second connection"]);
            assert!(!run.stdout.contains("AUTH"), "{}", run.stdout);
        }
    }
}

#[test]
fn a_refused_certificate_may_be_looked_at_from_the_prompt() {
    let (pki, stranger) = (Pki::new(), Pki::named("Strange"));
    let leaf = stranger.leaf(&[NAME], |_| {});
    let bench = Bench::new(&pki, &leaf, &stranger.chain(&leaf), BOTH, false);
    let target = bench.target();
    let mut terminal = AtTerminal::start(&bench.args(&target, &[]));
    terminal.wait_for("does not verify");
    terminal.wait_for("(no session)");
    terminal.press("/explain\r");
    terminal.wait_for("the certificate");
    terminal.wait_for("who");
    // Each option that is proposed is one that /open takes.
    terminal.press("/fix\r");
    terminal.wait_for("--ca FILE smtps://");
    terminal.press("\x15/tls\r");
    terminal.wait_for("CN=Strange Intermediate");
    terminal.wait_for("DANE");
    terminal.press("/quit\r");
    assert_eq!(terminal.child.wait().unwrap().exit_code(), 3);
}

#[test]
fn open_takes_the_options_of_a_session_for_its_target() {
    let (_, _, bench) = good(BOTH, false);
    let (ca, target) = (bench.ca.path().to_str().unwrap(), bench.target());
    let trusted =
        format!("/open --ca '{ca}' --verify-name {NAME} --sni={NAME} --tls-max 1.2 --timeout 10 {target}");
    let other = stripped().to_string();
    let run = |lines: &[&str]| {
        let lines: Vec<&str> = lines.iter().flat_map(|line| ["-c", line]).collect();
        bench.heloise.run(&[&[other.as_str()], &lines[..]].concat(), b"")
    };
    let told = run(&[&trusted, "/tls here", "QUIT"]);
    assert_eq!(told.code, Some(0), "{}", told.all());
    assert_says(&told, &["TLSv1.2"]);
    // What was given for one target does not hold for the next.
    assert_eq!(run(&[&trusted, &format!("/open {target}")]).code, Some(3));
    assert_says(&run(&["/open --tls-max 9 mx.example.org"]), &["--tls-max takes 1.0|1.1"]);
}

#[test]
fn a_late_alert_is_a_failure_of_tls() {
    let pki = Pki::new();
    let leaf = pki.leaf(&[NAME], |_| {});
    for starttls in [false, true] {
        let mut acceptor = pki::acceptor(&pki.chain(&leaf), &leaf.key, NEW.0, NEW.1);
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        let server = pki::smtp_server(Some(acceptor), starttls);
        let bench = Bench { heloise: Heloise::new(), ca: pki.ca_file(), server, implicit: !starttls };
        let run = bench.ends(3, &["-c", "NOOP", "-c", "QUIT"]);
        assert_says(
            &run,
            &["certificate required", "the server admits only clients with a certificate", "--cert FILE"],
        );
    }
}

#[test]
fn a_refused_starttls_never_goes_on_in_clear() {
    for answer in ["454 4.7.0 TLS not available\r\n", "502 5.5.1 what?\r\n"] {
        let script = ["220 mx\r\n", "250-mx\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", answer];
        let sends = |text: &str| Act::Send(text.as_bytes().to_vec());
        let server = peer(vec![
            sends(script[0]),
            Act::Await("EHLO"),
            sends(script[1]),
            Act::Await("STARTTLS"),
            sends(script[2]),
            Act::Hold,
        ]);
        let args = [
            &server.to_string(),
            "--starttls",
            "--auth",
            "PLAIN",
            "--user",
            "alice",
            "-c",
            "NOOP",
            "--keep-going",
        ];
        let run = Heloise::new().var("HELOISE_PASSWORD", "s3cret").run(&args, b"");
        assert_eq!(run.code, Some(3), "{}", run.all());
        assert_says(&run, &["the server refused STARTTLS"]);
        assert!(!run.stdout.contains("-> AUTH") && !run.stdout.contains("-> NOOP"), "{}", run.stdout);
    }
}

/// A server that offers STARTTLS to its first client and not to the others.
fn stripped() -> SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (count, tcp) in listener.incoming().enumerate() {
            let mut tcp = tcp.unwrap();
            let offer = if count == 0 { "250-STARTTLS\r\n" } else { "" };
            let mut lines = BufReader::new(tcp.try_clone().unwrap());
            let mut answer = "220 mx\r\n".to_owned();
            while tcp.write_all(answer.as_bytes()).is_ok() {
                let mut line = String::new();
                if lines.read_line(&mut line).unwrap_or(0) == 0 || answer.starts_with("221") {
                    break;
                }
                answer = match line.to_ascii_uppercase().get(..4) {
                    Some("EHLO") => format!("250-mx\r\n{offer}250 AUTH PLAIN\r\n"),
                    Some("QUIT") => "221 bye\r\n".to_owned(),
                    _ => "502 what?\r\n".to_owned(),
                };
            }
        }
    });
    address
}

#[test]
fn a_starttls_that_vanished_is_noticed() {
    let server = stripped().to_string();
    let args = ["-c", "EHLO me", "-c", "/reconnect", "-c", "EHLO me", "-c", "EHLO me", "-c", "QUIT"];
    let run = Heloise::new().run(&[&[server.as_str()], &args[..]].concat(), b"");
    let warning = "offered STARTTLS before and does not now";
    assert_eq!(run.stdout.matches(warning).count(), 1, "{}", run.all());
    assert_says(&run, &["     why   ", "     try   "]);
    assert!(!run.stdout.contains("  why: "), "{}", run.stdout);
}

/// A server that offers STARTTLS to its first client, knows no EHLO from then on, and wants STARTTLS all the same.
fn without_ehlo() -> SocketAddr {
    let say = |text: &str| Act::Send(format!("{text}\r\n").into_bytes());
    let first = [say("220 mx"), Act::Await("EHLO"), say("250-mx\r\n250 STARTTLS")];
    let second = [
        say("220 mx"),
        Act::Await("EHLO"),
        say("502 5.5.1 what?"),
        Act::Await("HELO"),
        say("250 mx"),
        Act::Await("MAIL"),
        say("530 5.7.0 Must issue a STARTTLS command first"),
        Act::Await("QUIT"),
        say("221 bye"),
    ];
    connections(vec![first.to_vec(), second.to_vec()])
}

#[test]
fn a_starttls_that_vanished_with_ehlo_is_noticed_and_counts_for_what_is_said_later() {
    let server = without_ehlo().to_string();
    let lines =
        ["EHLO me", "/reconnect", "EHLO me", "HELO me", "MAIL FROM:<a@example.org>", "/explain", "QUIT"];
    let lines: Vec<&str> = lines.iter().flat_map(|line| ["-c", line]).collect();
    let run = Heloise::new().run(&[&[server.as_str(), "--keep-going"], &lines[..]].concat(), b"");
    assert_eq!(run.stdout.matches("offered STARTTLS before and does not now").count(), 1, "{}", run.all());
    assert_says(&run, &["STARTTLS was offered before"]);
}

#[test]
fn a_starttls_that_a_transcript_remembers_is_missed() {
    let (server, heloise) = (stripped().to_string(), Heloise::new());
    let file = heloise.path("log.heloise");
    let args = ["--record", &file, "--append", "-c", "EHLO me", "-c", "QUIT"];
    let first = heloise.run(&[&[server.as_str()], &args[..]].concat(), b"");
    assert!(!first.all().contains("does not now"), "{}", first.all());
    let second = heloise.run(&[&[server.as_str()], &args[..]].concat(), b"");
    assert_says(&second, &["offered STARTTLS before and does not now"]);
    assert!(std::fs::read_to_string(&file).unwrap().contains("=== starttls-vanished"));
    let rerun = heloise.run(&["rerun", &file, "--target", &server], b"");
    assert_says(&rerun, &["offered STARTTLS before and does not now"]);
    assert_eq!(rerun.code, Some(7));
}

/// A record that begins in mid-session is as plain about the link as one of the whole session.
#[test]
fn a_record_that_begins_later_tells_that_the_certificate_was_not_verified() {
    let heloise = Heloise::new();
    let (recorded, file) = (heloise.path("mock.heloise"), heloise.path("later.heloise"));
    let session =
        "%heloise 1\n=== tls TLSv1.3 X verified=yes\n<~ 220 x\n ~> NOOP\n<~ 250 ok\n ~> QUIT\n<~ 221 bye\n";
    std::fs::write(&recorded, session).unwrap();
    let server = Serving::start(&[&recorded]);
    let target = format!("smtps://{}", server.addr);
    let record = format!("/record {file}");
    let run = heloise.run(&[&target, "--insecure", "-c", "NOOP", "-c", &record, "-c", "QUIT"], b"");
    assert_eq!(run.code, Some(0), "{}", run.all());
    let text = std::fs::read_to_string(&file).unwrap();
    let first = ["=== connected ", "=== tls ", " ~> QUIT"];
    let mut entries = text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    assert!(first.iter().all(|word| entries.next().is_some_and(|line| line.contains(word))), "{text}");
    assert!(text.contains("insecure=yes"), "{text}");
    assert_says(&heloise.run(&["play", &file], b""), &["(--insecure)"]);
    for form in ["text", "markdown", "html", "swaks"] {
        assert_says(&heloise.run(&["export", "--to", form, &file], b""), &["not verified"]);
    }
}

/// Where no version can be asked for, that is found out once and said once.
#[test]
fn versions_that_cannot_be_asked_for() {
    let send = |text: &str| Act::Send(text.as_bytes().to_vec());
    let without = vec![
        send("220 hi\r\n"),
        Act::Await("EHLO"),
        send("250 hi\r\n"),
        Act::Await("STARTTLS"),
        send("502 5.5.1 what\r\n"),
    ];
    for (acts, words) in [
        (without, "the server did not accept STARTTLS: 502 5.5.1 what"),
        (vec![Act::Hold], "no greeting came within 0.5 seconds"),
    ] {
        // The first connection finds the address, the second one asks.
        let addr = peers(2, acts).to_string();
        let run = Heloise::new().run(&[&addr, "--tls-versions", "--timeout", "0.5"], b"");
        assert_eq!(run.code, Some(3), "{}", run.all());
        assert_eq!(run.all().matches(words).count(), 1, "{}", run.all());
        assert_says(&run, &["the versions of TLS could not be asked for", "smtps://"]);
    }
}
