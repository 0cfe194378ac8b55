//! `heloise serve FILE...`.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::binary::{Heloise, Run};
use crate::program::{Serving, arg, run, transcript};

const SESSION: &str = "<- 220 mx.example.org ESMTP\n -> EHLO laptop.example.net\n<- 250-mx.example.org\n<- 250 PIPELINING\n \
    -> MAIL FROM:<a@example.net>\n<- 250 2.1.0 Ok\n -> RCPT TO:<bob@example.org>\n<- 250 2.1.5 Ok\n \
    -> RCPT TO:<nobody@example.org>\n<** 550 5.1.1 no such user\n -> DATA\n<- 354 go\n -> Subject: x\n ->\n -> hello\n -> .\n\
    <- 250 2.0.0 queued\n -> QUIT\n<- 221 2.0.0 Bye\n";

/// Says all lines at once and hears the server out.
pub fn talk(addr: &str, lines: &str) -> String {
    let mut link = TcpStream::connect(addr).unwrap();
    link.write_all(lines.replace('\n', "\r\n").as_bytes()).unwrap();
    link.shutdown(std::net::Shutdown::Write).unwrap();
    let mut heard = Vec::new();
    link.read_to_end(&mut heard).unwrap();
    String::from_utf8(heard).unwrap().replace("\r\n", "\n")
}

#[test]
fn commands_get_the_nearest_recorded_reply() {
    let dir = tempfile::tempdir().unwrap();
    let server = Serving::start(&[arg(&transcript(dir.path(), "a", SESSION))]);
    let heard = talk(
        &server.addr,
        "EHLO other\nNOOP\nMAIL FROM:<z@example.com>\nRCPT TO:<nobody@example.org>\nRCPT TO:<bob@example.org>\nDATA\n\
         any\nwords\n.\nVRFY x\nQUIT\n",
    );
    assert_eq!(
        heard,
        "220 mx.example.org ESMTP\n250-mx.example.org\n250 PIPELINING\n250 2.0.0 Ok\n250 2.1.0 Ok\n550 5.1.1 no such user\n\
         250 2.1.5 Ok\n354 go\n250 2.0.0 queued\n503 5.5.1 The transcript has no answer to this\n221 2.0.0 Bye\n"
    );
}

#[test]
fn strict_wants_the_very_next_command() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let server = Serving::start(&["--match", "strict", "--once", arg(&file)]);
    let heard = talk(&server.addr, "EHLO me.example.com\nRCPT TO:<bob@example.org>\nQUIT\n");
    assert!(heard.contains("\n503 5.5.1 "), "{heard}");
    let ran = server.ended();
    assert_eq!(ran.code, Some(7), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("expected MAIL FROM:<a@example.net>, got RCPT TO:<bob@example.org>"),
        "{}",
        ran.stderr
    );
    let server = Serving::start(&["--match", "strict", "--once", arg(&file)]);
    let all = "ehlo me.example.com\nMAIL FROM:<a@example.net>\nRCPT TO:<bob@example.org>\nRCPT TO:<nobody@example.org>\n\
         DATA\nx\n.\nQUIT\n";
    assert!(talk(&server.addr, all).ends_with("250 2.0.0 queued\n221 2.0.0 Bye\n"));
    let ran = server.ended();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn several_transcripts_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, who: &str, path: &str| {
        let entries = format!(
            "<- 220 x\n -> EHLO {who}\n<- 250 hello {name}\n -> MAIL FROM:<{path}>\n<- 250 mail {name}\n"
        );
        transcript(dir.path(), name, &entries)
    };
    let (one, two) = (file("one", "first.example", "a@x"), file("two", "second.example", "b@x"));
    let server = Serving::start(&[arg(&one), arg(&two)]);
    assert!(
        talk(&server.addr, "EHLO second.example\nMAIL FROM:<a@x>\nQUIT\n")
            .contains("250 hello two\n250 mail two")
    );
    assert!(talk(&server.addr, "EHLO first.example\nQUIT\n").contains("250 hello one"));
    assert!(talk(&server.addr, "EHLO else.example\nMAIL FROM:<b@x>\nQUIT\n").contains("250 mail two"));
}

#[test]
fn what_clients_sent_is_kept_without_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let auth = " -> AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}\n<** 535 5.7.8 no\n";
    let file = transcript(dir.path(), "a", &format!("<- 220 x\n{auth} -> QUIT\n<- 221 bye\n"));
    let got = dir.path().join("got");
    let server = Serving::start(&["--once", "--record-dir", arg(&got), arg(&file)]);
    let heard = talk(&server.addr, "AUTH PLAIN AGFsaWNlAGh1bnRlcjIyMg==\nQUIT\n");
    assert_eq!(heard, "220 x\n535 5.7.8 no\n221 bye\n");
    assert_eq!(server.ended().code, Some(0));
    let kept = got.join("session-0001.heloise");
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(
        text.contains("AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}") && !text.contains("AGFs"),
        "{text}"
    );
    assert_eq!(run(&["diff", arg(&file), arg(&kept)]).code, Some(0), "{text}");
}

/// Over LMTP each recipient that was accepted gets a reply to the content (RFC 2033 §4.2), however many there are.
#[test]
fn lmtp_answers_content_as_often_as_recipients_were_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let opening = "<- 220 x\n -> LHLO a\n<- 250 x\n -> MAIL FROM:<>\n<- 250 ok\n -> RCPT TO:<a@x>\n<- 250 ok\n -> RCPT TO:<b@x>\n\
        <- 250 ok\n -> RCPT TO:<c@x>\n<** 550 no\n";
    let content = [
        (" -> DATA\n<- 354 go\n -> x\n -> .\n", "DATA\nx\n.\n", "354 go\n"),
        (" -> BDAT 3 LAST\n -> x\n", "BDAT 3 LAST\nx\n", ""),
    ];
    for (recorded, sent, first) in content {
        let file = transcript(
            dir.path(),
            "a",
            &format!("{opening}{recorded}<- 250 for a\n<** 450 for b\n -> QUIT\n<- 221 bye\n"),
        );
        let server = Serving::start(&[arg(&file)]);
        let heard = |recipients: &str| {
            let lines: String = recipients.split(' ').map(|name| format!("RCPT TO:<{name}@x>\n")).collect();
            let heard = talk(&server.addr, &format!("LHLO a\nMAIL FROM:<>\n{lines}{sent}QUIT\n"));
            heard.rsplit_once("221 bye\n").unwrap().0.split_once(" ok\n").unwrap().1.replace("250 ok\n", "")
        };
        for (recipients, expected) in [
            ("a b", "250 for a\n450 for b\n"),
            ("a c b", "550 no\n250 for a\n450 for b\n"),
            ("b", "450 for b\n"),
            ("B a", "450 for b\n250 for a\n"),
            ("d e", "250 for a\n450 for b\n"),
            ("a b a", "250 for a\n450 for b\n250 for a\n"),
        ] {
            let (refused, replies) =
                expected.split_once("550 no\n").map_or(("", expected), |(_, rest)| ("550 no\n", rest));
            assert_eq!(heard(recipients), format!("{refused}{first}{replies}"), "{recipients}");
        }
    }
}

/// A client waits for as many replies as it has recipients, also for those whose names a session does not keep.
#[test]
fn over_lmtp_any_number_of_recipients_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let session = "<- 220 x\n -> LHLO a\n<- 250 x\n -> MAIL FROM:<>\n<- 250 ok\n -> RCPT TO:<\"a>b\"@x>\n<- 250 ok\n \
        -> RCPT TO:<\"a>c\"@x>\n<- 250 ok\n -> DATA\n<- 354 go\n -> x\n -> .\n<- 250 for ab\n<** 450 for ac\n -> QUIT\n<- 221 bye\n";
    let server = Serving::start(&[arg(&transcript(dir.path(), "a", session))]);
    let replies = |lines: &str| {
        let heard = talk(&server.addr, &format!("LHLO a\nMAIL FROM:<>\n{lines}DATA\nx\n.\nQUIT\n"));
        let replies = heard.split_once("354 go\n").unwrap().1.strip_suffix("221 bye\n").unwrap().to_owned();
        replies.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(replies("RCPT TO:<\"a>c\"@x>\n"), ["450 for ac"]);
    let many = replies(&"RCPT TO:<\"a>b\"@x>\n".repeat(4100));
    assert_eq!(many.len(), 4100);
    assert_eq!((many[4095].as_str(), many[4096].as_str()), ("250 for ab", "450 for ac"));
}

#[test]
fn replies_are_played_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(
        dir.path(),
        "a",
        "<- 220 caf\\xe9\\n\n -> X\n<- 250-one\n<- 251 two\\x00\n -> QUIT\n<- 221 bye\n",
    );
    let server = Serving::start(&[arg(&file)]);
    let mut link = TcpStream::connect(&server.addr).unwrap();
    link.write_all(b"X\r\nQUIT\r\n").unwrap();
    let mut heard = Vec::new();
    link.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"220 caf\xe9\n250-one\r\n251 two\x00\r\n221 bye\r\n");
}

#[test]
fn what_cannot_be_served_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bad = run(&["serve", arg(&transcript(dir.path(), "a", "<- 220 x\n?? x\n"))]);
    assert_eq!(bad.code, Some(10));
    assert!(bad.stderr.contains("line 5, column 1"), "{}", bad.stderr);
    let silent = run(&["serve", arg(&transcript(dir.path(), "b", "*** no route to host\n"))]);
    assert_eq!(silent.code, Some(10));
    assert!(silent.stderr.contains("does nothing"), "{}", silent.stderr);
    let open = transcript(dir.path(), "c", SESSION);
    let remote = run(&["serve", "--listen", "0.0.0.0:0", arg(&open)]);
    assert_eq!(remote.code, Some(1));
    assert!(remote.stderr.contains("--allow-remote"), "{}", remote.stderr);
    assert_eq!(run(&["serve"]).code, Some(1));
    assert_eq!(run(&["serve", "--practice", arg(&open)]).code, Some(1));
}

#[test]
fn tls_comes_first_where_it_did() {
    let dir = tempfile::tempdir().unwrap();
    let entries = "=== tls TLSv1.3 X verified=yes\n<~ 220 mx.example.org ESMTP\n ~> QUIT\n<~ 221 bye\n";
    let (file, ca) = (transcript(dir.path(), "a", entries), dir.path().join("ca.pem"));
    let server = Serving::start(&["--write-ca", arg(&ca), arg(&file)]);
    let target = format!("smtps://{}", server.addr);
    let ran = run(&["rerun", arg(&file), "--target", &target, "--ca", arg(&ca)]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(run(&["rerun", arg(&file), "--target", &target]).code, Some(3), "nobody vouches for it");
    let plain = transcript(dir.path(), "b", SESSION);
    let mixed = run(&["serve", arg(&file), arg(&plain)]);
    assert_eq!(mixed.code, Some(1));
    assert!(mixed.stderr.contains("one port cannot serve both"), "{}", mixed.stderr);
}

#[test]
fn no_ca_is_written_where_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (file, ca) = (transcript(dir.path(), "a", SESSION), dir.path().join("ca.pem"));
    let server = Serving::start(&["--once", "--write-ca", arg(&ca), arg(&file)]);
    talk(&server.addr, "QUIT\n");
    let ran = server.ended();
    assert!(ran.stderr.contains("these transcripts have no TLS") && !ca.exists(), "{}", ran.stderr);
    let own = ["--cert", arg(&file), "--key", arg(&file)];
    assert_eq!(run(&[&["serve", "--write-ca", arg(&ca), arg(&file)], &own[..]].concat()).code, Some(1));
}

#[test]
fn a_certificate_of_ones_own_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(["mail.example.com".to_owned()]).unwrap();
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, own.cert.pem()).unwrap();
    std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
    let entries = "<- 220 x\n -> STARTTLS\n<- 220 go\n=== tls TLSv1.3 X verified=yes\n ~> QUIT\n<~ 221 bye\n";
    let file = transcript(dir.path(), "a", entries);
    let server = Serving::start(&["--cert", arg(&cert), "--key", arg(&key), arg(&file)]);
    let rerun = [
        "rerun",
        arg(&file),
        "--target",
        &server.addr,
        "--verify-name",
        "mail.example.com",
        "--ca",
        arg(&cert),
    ];
    let ran = run(&rerun);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let wrong = run(&["serve", "--cert", arg(&cert), "--key", arg(&cert), arg(&file)]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("make no identity"), "{}", wrong.stderr);
}

#[test]
fn what_was_said_unasked_is_said_again() {
    let dir = tempfile::tempdir().unwrap();
    let file =
        transcript(dir.path(), "a", "0.0 <- 220 x\n0.2 <** 421 4.4.2 idle\n0.3 === closed by=server\n");
    for timing in [&[][..], &["--timing"]] {
        let server = Serving::start(&[timing, &[arg(&file)]].concat());
        let mut heard = String::new();
        TcpStream::connect(&server.addr).unwrap().read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "220 x\r\n421 4.4.2 idle\r\n", "{timing:?}");
    }
}

/// What the client took to send a message is no delay of the server.
#[test]
fn a_message_is_answered_as_long_after_its_end_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let entries = "0 <- 220 x\n0 -> DATA\n0 <- 354 go\n0 -> x\n60 -> .\n60.1 <- 250 ok\n60.1 -> BDAT 4\n60.1 -> x\n\
        120 -> y\\-\n120.1 <- 250 ok\n120.1 -> QUIT\n120.1 <- 221 bye\n";
    let server = Serving::start(&["--timing", "--once", arg(&transcript(dir.path(), "a", entries))]);
    let began = std::time::Instant::now();
    talk(&server.addr, "DATA\nx\n.\nBDAT 4\nx\nyQUIT\n");
    // The two delays of the server, 0.1 s each; how long a busy machine takes besides says nothing.
    assert!(began.elapsed().as_millis() >= 200, "{:?}", began.elapsed());
    assert!(began.elapsed().as_secs() < 60, "the client's own minute was waited for: {:?}", began.elapsed());
    assert_eq!(server.ended().code, Some(0));
}

#[test]
fn of_several_sessions_in_a_file_the_first_is_served_and_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let two = "<- 220 one\n -> QUIT\n<- 221 bye\n%heloise 1\n\n<- 220 two\n -> QUIT\n<- 221 bye\n";
    let server = Serving::start(&["--once", arg(&transcript(dir.path(), "a", two))]);
    assert_eq!(talk(&server.addr, "QUIT\n"), "220 one\n221 bye\n");
    let ran = server.ended();
    assert!(ran.stderr.contains("holds 2 sessions; the first is served"), "{}", ran.stderr);
}

#[test]
fn machines_get_json() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let server = Serving::start_saying(&["--json", arg(&file)], |line| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(value["listening"].as_str()?.to_owned())
    });
    assert!(talk(&server.addr, "QUIT\n").ends_with("221 2.0.0 Bye\n"));
}

/// A session with one AUTH exchange of these lines.
fn with_auth(dir: &std::path::Path, exchange: &str) -> std::path::PathBuf {
    let greeting = "<- 220 mx.example.org ESMTP\n -> EHLO client.example\n<- 250-mx.example.org\n";
    let offered = "<- 250 AUTH SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5\n";
    transcript(dir, "auth", &format!("{greeting}{offered}{exchange} -> QUIT\n<- 221 2.0.0 Bye\n"))
}

const SCRAM: &str = " -> AUTH SCRAM-SHA-256 {secret sasl=SCRAM-SHA-256 user=\"alice\"}\n<- 334 cj1hYmMscz1hYmMsaT00MDk2\n \
    -> {secret sasl=SCRAM-SHA-256}\n<- 334 {secret sasl=SCRAM-SHA-256 what=verifier}\n ->\n<- 235 2.7.0 recorded\n";
const DIGEST: &str = " -> AUTH DIGEST-MD5\n<- 334 bm9uY2U9ImEi\n -> {secret sasl=DIGEST-MD5 user=\"alice\"}\n\
    <- 334 {secret sasl=DIGEST-MD5 what=verifier}\n ->\n<- 235 2.7.0 recorded\n";
const CRAM: &str = " -> AUTH CRAM-MD5\n<- 334 PDFAeD4=\n -> {secret sasl=CRAM-MD5}\n<- 235 2.7.0 recorded\n";
const REFUSED: &str = " -> AUTH SCRAM-SHA-1 {secret sasl=SCRAM-SHA-1 user=\"alice\"}\n<- 334 cj1hYmMscz1hYmMsaT00MDk2\n \
    -> {secret sasl=SCRAM-SHA-1}\n<** 535 5.7.8 recorded\n";

/// Logs in by this mechanism at a server of this exchange. Returns what the client and the server said.
fn login(exchange: &str, mechanism: &str, password: &str, options: &[&str]) -> (Run, Run) {
    let dir = tempfile::tempdir().unwrap();
    let file = with_auth(dir.path(), exchange);
    let (secret, got) = (dir.path().join("password"), dir.path().join("got"));
    std::fs::write(&secret, "pencil\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let known: &[&str] = if options.contains(&"--user") { &["--password-file", arg(&secret)] } else { &[] };
    let server =
        Serving::start(&[options, known, &["--once", "--record-dir", arg(&got), arg(&file)]].concat());
    let args = [&server.addr, "--user", "alice", "--allow-plaintext-auth", "--auth", mechanism, "-c", "QUIT"];
    let client = Heloise::new().var("HELOISE_PASSWORD", password).run(&args, b"");
    let server = server.ended();
    let kept = std::fs::read_to_string(got.join("session-0001.heloise")).unwrap();
    assert!(!kept.contains("pencil") && !kept.contains("v=") && !server.all().contains("pencil"), "{kept}");
    (client, server)
}

#[test]
fn exchanges_in_which_the_server_proves_itself_are_held_for_real() {
    for (exchange, mechanism) in [(SCRAM, "SCRAM-SHA-256"), (DIGEST, "DIGEST-MD5"), (CRAM, "CRAM-MD5")] {
        for how in ["strict", "lenient"] {
            let options = ["--user", "alice", "--match", how];
            let (client, server) = login(exchange, mechanism, "pencil", &options);
            assert_eq!((client.code, server.code), (Some(0), Some(0)), "{}{}", client.all(), server.all());
            assert!(client.stdout.contains("235 2.7.0 recorded"), "{}", client.all());
            assert_eq!(server.stderr, "");
            let (client, server) = login(exchange, mechanism, "eraser", &options);
            assert_eq!(client.code, Some(6), "{}", client.all());
            assert_eq!(server.code, Some(if how == "strict" { 7 } else { 0 }), "{}", server.all());
            assert!(server.stderr.contains("did not authenticate"), "{}", server.all());
        }
    }
}

/// Some clients wait with the first message of SCRAM until they are asked for it.
#[test]
fn an_exchange_that_is_held_may_begin_with_or_without_a_response() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("password");
    std::fs::write(&secret, "pencil\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let file = with_auth(dir.path(), SCRAM);
    let known =
        ["--match", "strict", "--once", "--user", "alice", "--password-file", arg(&secret), arg(&file)];
    let server = Serving::start(&known);
    let heard = talk(&server.addr, "EHLO a\nAUTH SCRAM-SHA-256\nbiwsbj1hbGljZSxyPWFiY2RlZmc=\n*\nQUIT\n");
    assert!(heard.contains("\n334 \n334 cj1hYmNkZWZn"), "{heard}");
}

#[test]
fn the_outcome_may_be_that_of_another_mechanism() {
    let plain = " -> AUTH PLAIN {secret sasl=PLAIN user=\"alice\"}\n<- 235 2.7.0 recorded\n";
    for (password, code) in [("pencil", 0), ("eraser", 6)] {
        let (client, server) = login(plain, "SCRAM-SHA-256", password, &["--user", "alice"]);
        assert_eq!((client.code, server.code), (Some(code), Some(0)), "{}{}", client.all(), server.all());
    }
}

#[test]
fn a_recorded_refusal_stays_one_though_the_password_is_right() {
    let (client, server) = login(REFUSED, "SCRAM-SHA-1", "pencil", &["--user", "alice", "--match", "strict"]);
    assert_eq!((client.code, server.code), (Some(6), Some(0)), "{}{}", client.all(), server.all());
    assert!(client.stdout.contains("535 5.7.8 recorded"), "{}", client.all());
}

#[test]
fn without_the_password_it_is_said_why_the_client_will_refuse() {
    let (client, server) = login(SCRAM, "SCRAM-SHA-256", "pencil", &[]);
    assert_eq!(client.code, Some(6), "{}", client.all());
    assert!(server.stderr.contains("clients will refuse AUTH SCRAM-SHA-256"), "{}", server.all());
    assert!(server.stderr.contains("was played as recorded"), "{}", server.all());
    let unknown = run(&["serve", "--user", "alice", "/dev/null"]);
    assert_eq!(unknown.code, Some(10), "{}", unknown.all());
    let dir = tempfile::tempdir().unwrap();
    let unknown = run(&["serve", "--user", "alice", arg(&with_auth(dir.path(), SCRAM))]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.all());
    assert!(unknown.stderr.contains("HELOISE_PASSWORD"), "{}", unknown.all());
}
