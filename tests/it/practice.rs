//! The practice server over real sockets, asked by a client that knows nothing but lines.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heloise::sasl;
use heloise::secret::Secret;
use heloise::serve::practice::{self, Practice, PracticeOptions};
use tokio::sync::oneshot;

/// Nothing here takes as long; a test that hangs fails by it.
const LIMIT: Duration = Duration::from_secs(30);

/// A practice server on a thread of its own, stopped when dropped.
struct Running {
    addr: SocketAddr,
    tls: Option<SocketAddr>,
    ca: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(options: PracticeOptions) -> Running {
        let practice = Practice::bind(options).unwrap();
        let (addr, tls, ca) = (practice.addr(), practice.tls_addr(), practice.ca_pem().to_owned());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(practice.run(async { drop(stopped.await) })).unwrap();
        });
        Running { addr, tls, ca, stop: Some(stop), thread: Some(thread) }
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    fn connector(&self) -> native_tls::TlsConnector {
        let ca = native_tls::Certificate::from_pem(self.ca.as_bytes()).unwrap();
        native_tls::TlsConnector::builder()
            .disable_built_in_roots(true)
            .add_root_certificate(ca)
            .build()
            .unwrap()
    }

    /// A client that has read the greeting.
    fn client(&self) -> Raw<TcpStream> {
        let mut raw = Raw::new(connect(self.addr));
        assert!(raw.reply().starts_with("220 mx.example.org ESMTP"));
        raw
    }

    /// A client that has said EHLO.
    fn greeted(&self) -> Raw<TcpStream> {
        let mut raw = self.client();
        assert!(raw.ask("EHLO me.example").starts_with("250-mx.example.org\n"));
        raw
    }

    /// A client that has said EHLO on an encrypted link.
    fn encrypted(&self) -> Raw<native_tls::TlsStream<TcpStream>> {
        let mut raw = self.greeted();
        assert_eq!(raw.ask("STARTTLS"), "220 2.0.0 Ready to start TLS");
        let link = raw.link.into_inner();
        let mut raw = Raw::new(self.connector().connect("mx.example.org", link).unwrap());
        assert!(raw.ask("EHLO me.example").starts_with("250-"));
        raw
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let link = TcpStream::connect(addr).unwrap();
    link.set_read_timeout(Some(LIMIT)).unwrap();
    link.set_write_timeout(Some(LIMIT)).unwrap();
    link
}

struct Raw<S: Read + Write> {
    link: BufReader<S>,
}

impl<S: Read + Write> Raw<S> {
    fn new(link: S) -> Raw<S> {
        Raw { link: BufReader::new(link) }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.link.get_mut().write_all(bytes.as_ref()).unwrap();
        self.link.get_mut().flush().unwrap();
    }

    /// A whole reply; its lines are parted by LF. Empty at the end of the link.
    fn reply(&mut self) -> String {
        let mut whole = String::new();
        loop {
            let mut line = String::new();
            if self.link.read_line(&mut line).unwrap() == 0 {
                return whole;
            }
            assert!(line.ends_with("\r\n"), "{line:?}");
            whole.push_str(line.trim_end_matches("\r\n"));
            if line.as_bytes().get(3) != Some(&b'-') {
                return whole;
            }
            whole.push('\n');
        }
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n"));
        self.reply()
    }

    /// Says each line and demands that the reply begins as told.
    fn talk(&mut self, script: &[(&str, &str)]) {
        for (line, expected) in script {
            let reply = self.ask(line);
            assert!(reply.starts_with(expected), "{line}: {reply}, not {expected}");
        }
    }

    /// Says that the server has closed the link.
    fn ended(&mut self) -> bool {
        self.reply().is_empty()
    }
}

fn start() -> Running {
    Running::start(PracticeOptions::default())
}

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

#[test]
fn ehlo_offers_starttls_first_and_auth_after_it() {
    let server = start();
    let clear = server.client().ask("EHLO me.example");
    for keyword in [
        "PIPELINING",
        "SIZE 10485760",
        "ETRN",
        "STARTTLS",
        "ENHANCEDSTATUSCODES",
        "8BITMIME",
        "DSN",
        "SMTPUTF8",
        "CHUNKING",
    ] {
        assert!(clear.lines().any(|line| line.get(4..) == Some(keyword)), "{keyword}: {clear}");
    }
    assert!(!clear.contains("AUTH"), "{clear}");
    let encrypted = server.encrypted().ask("EHLO me.example");
    assert!(
        encrypted.contains("AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-256-PLUS XOAUTH2"),
        "{encrypted}"
    );
    assert!(!encrypted.contains("STARTTLS"), "{encrypted}");
}

#[test]
fn implicit_tls_has_its_own_port() {
    let server = start();
    let link = server.connector().connect("localhost", connect(server.tls.unwrap())).unwrap();
    let mut raw = Raw::new(link);
    assert!(raw.reply().starts_with("220 mx.example.org"));
    raw.talk(&[("EHLO me", "250-"), ("STARTTLS", "554 5.5.1"), ("QUIT", "221 2.0.0")]);
    assert!(raw.ended());
}

#[test]
fn what_is_glued_behind_starttls_is_thrown_away() {
    let server = start();
    let mut raw = server.greeted();
    raw.send("STARTTLS\r\nNOOP\r\n");
    assert!(raw.reply().starts_with("220 "));
    let mut raw = Raw::new(server.connector().connect("mx.example.org", raw.link.into_inner()).unwrap());
    raw.talk(&[("MAIL FROM:<a@example.com>", "503 5.5.1 Error: send HELO/EHLO first")]);
}

#[test]
fn plaintext_where_tls_should_begin_is_never_answered() {
    let server = start();
    let mut raw = server.greeted();
    raw.talk(&[("STARTTLS", "220 ")]);
    raw.send("EHLO me.example\r\n");
    let mut rest = Vec::new();
    let _ = raw.link.read_to_end(&mut rest);
    assert!(!rest.starts_with(b"250"), "{}", rest.escape_ascii());
    server.greeted().talk(&[("NOOP", "250")]);
}

#[test]
fn out_of_order_names_what_is_missing() {
    let server = start();
    server.client().talk(&[
        ("MAIL FROM:<a@example.com>", "503 5.5.1 Error: send HELO/EHLO first"),
        ("AUTH PLAIN", "503 5.5.1 Error: send HELO/EHLO first"),
        ("EHLO", "501 5.5.4 Syntax: EHLO hostname"),
        ("EHLO me", "250-"),
        ("RCPT TO:<bob@example.org>", "503 5.5.1 Error: need MAIL command"),
        ("DATA", "503 5.5.1 Error: need MAIL command"),
        ("MAIL FROM:<a@example.com>", "250 2.1.0 Ok"),
        ("MAIL FROM:<a@example.com>", "503 5.5.1 Error: nested MAIL command"),
        ("DATA", "503 5.5.1 Error: need RCPT command"),
        ("STARTTLS", "503 5.5.1 Error: MAIL transaction in progress"),
    ]);
    server.greeted().talk(&[
        ("MAIL FROM:<a@example.com>", "250"),
        ("RCPT TO:<nobody@example.org>", "550 5.1.1"),
        ("DATA", "554 5.5.1 Error: no valid recipients"),
        ("RSET", "250 2.0.0 Ok"),
        ("MAIL FROM:<a@example.com>", "250"),
    ]);
}

#[test]
fn syntax_errors() {
    let server = start();
    server.greeted().talk(&[
        ("MAIL FROM: a@example.com", "501 5.5.4 Syntax: MAIL FROM:<address>"),
        ("MAIL FROM:<a@@example.com>", "501 5.1.7"),
        ("MAIL FROM:<a@example.com> COLOUR=blue", "555 5.5.4 Unsupported option: COLOUR"),
        ("MAIL FROM:<a@example.com> SIZE=many", "501 5.5.4"),
        ("MAIL FROM:<a@example.com> BODY=8BITMIME RET=HDRS ENVID=x SIZE=100", "250 2.1.0"),
        ("RCPT TO:bob@example.org", "501 5.5.4 Syntax: RCPT TO:<address>"),
        ("RCPT TO:<bob@example.org> NOTIFY=SOMETIMES", "501 5.5.4"),
        ("RCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@example.org", "250 2.1.5"),
        ("DATA now", "501 5.5.4 Syntax: DATA"),
        ("RSET", "250"),
        ("STARTTLS now", "501 5.5.4 Syntax: STARTTLS"),
    ]);
    server.greeted().talk(&[
        ("FOO", "500 5.5.2 Error: command not recognized"),
        ("\u{1b}[2J", "500 5.5.2 Error: bad syntax"),
        ("TURN", "502 5.5.1"),
        ("BURL", "502 5.5.1"),
        ("QUIT now", "501 5.5.4"),
        ("VRFY", "501 5.5.4 Syntax: VRFY address"),
        ("BDAT x", "501 5.5.4 Syntax: BDAT"),
    ]);
}

#[test]
fn small_commands() {
    let server = start();
    server.greeted().talk(&[
        ("NOOP whatever", "250 2.0.0"),
        ("VRFY alice", "252 2.0.0 alice"),
        ("VRFY <bob@example.org>", "252 2.0.0 bob@example.org"),
        ("VRFY nobody", "550 5.1.1"),
        ("EXPN team", "250-2.1.5 Alice <alice@example.org>\n250 2.1.5 Bob"),
        ("ETRN example.org", "250 2.0.0"),
        ("ETRN example.net", "459 4.7.1"),
        ("HELO me", "250 mx.example.org"),
        ("QUIT", "221 2.0.0 Bye"),
    ]);
    let help = server.client().ask("HELP");
    assert!(help.starts_with("214-2.0.0 ") && help.contains("alice@example.org / wonderland"), "{help}");
}

#[test]
fn senders_and_recipients_by_the_rules() {
    let server = start();
    for (sender, expected) in [
        ("secure@example.org", "530 5.7.0 Must issue a STARTTLS command first"),
        ("spammer@example.com", "554 5.7.1 Service unavailable; Client host [127.0.0.1] blocked"),
        ("spf@example.com", "550 5.7.23 <spf@example.com>: Sender address rejected"),
        ("ratelimit@example.com", "450 4.7.1"),
        ("lookup@example.com", "451 4.3.0"),
        ("nodns@example.com", "450 4.1.8"),
        ("jürgen@example.com", "553 5.6.7"),
        ("", "250 2.1.0"),
    ] {
        server.greeted().talk(&[(&format!("MAIL FROM:<{sender}>"), expected)]);
    }
    for (recipient, expected) in [
        ("Alice@EXAMPLE.org", "250 2.1.5"),
        ("postmaster", "250 2.1.5"),
        ("", "501 5.1.3"),
        ("nobody@example.org", "550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown"),
        ("full@example.org", "452 4.2.2"),
        ("quota@example.org", "552 5.2.2"),
        ("disabled@example.org", "550 5.2.1"),
        ("moved@example.org", "551 5.1.6"),
        ("staff@example.org", "530 5.7.0 Authentication required"),
        ("jürgen@example.org", "553 5.6.7"),
        ("bob@nullmx.example", "556 5.1.10"),
        ("bob@nowhere.invalid", "550 5.1.2"),
        ("bob@example.net", "554 5.7.1 <bob@example.net>: Relay access denied"),
        ("shutdown@example.org", "421 4.3.2"),
    ] {
        let line = format!("RCPT TO:<{recipient}>");
        server.greeted().talk(&[("MAIL FROM:<a@example.com>", "250"), (&line, expected)]);
    }
    server.greeted().talk(&[
        ("MAIL FROM:<jürgen@example.com> SMTPUTF8", "250"),
        ("RCPT TO:<jürgen@example.org>", "250 2.1.5"),
    ]);
    server.encrypted().talk(&[("MAIL FROM:<secure@example.org>", "250 2.1.0")]);
}

#[test]
fn greylisting_lets_the_second_try_in() {
    let server = start();
    let script = |expected| [("MAIL FROM:<a@example.com>", "250"), ("RCPT TO:<grey@example.org>", expected)];
    server.greeted().talk(&script("450 4.7.1"));
    server.greeted().talk(&script("250 2.1.5"));
    server
        .greeted()
        .talk(&[("MAIL FROM:<b@example.com>", "250"), ("RCPT TO:<grey@example.org>", "450 4.7.1")]);
}

#[test]
fn too_many_errors_end_the_session() {
    let server = Running::start(PracticeOptions { error_limit: 3, ..PracticeOptions::default() });
    let mut raw = server.greeted();
    raw.talk(&[("FOO", "500"), ("FOO", "500"), ("NOOP", "250"), ("FOO", "500"), ("NOOP", "421 4.7.0")]);
    assert!(raw.ended());
    let mut raw = server.greeted();
    raw.talk(&[
        ("FOO", "500"),
        ("FOO", "500"),
        ("MAIL FROM:<a@b>", "250"),
        ("RCPT TO:<bob@example.org>", "250"),
    ]);
    raw.talk(&[("DATA", "354"), ("x\r\n.", "250"), ("FOO", "500"), ("NOOP", "250")]);
}

#[test]
fn too_many_recipients() {
    let server = Running::start(PracticeOptions { max_recipients: 1, ..PracticeOptions::default() });
    server.greeted().talk(&[
        ("MAIL FROM:<a@b>", "250"),
        ("RCPT TO:<bob@example.org>", "250"),
        ("RCPT TO:<alice@example.org>", "452 4.5.3"),
    ]);
}

#[test]
fn links_that_end_or_wait() {
    let second = Duration::from_millis(50);
    let server = Running::start(PracticeOptions { second, ..PracticeOptions::default() });
    let mut dropped = server.greeted();
    dropped.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<drop@example.org>", "")]);
    assert!(dropped.ended());
    let mut http = server.client();
    http.talk(&[("GET / HTTP/1.1", "221 2.7.0 Error: I can break rules, too. Goodbye.")]);
    assert!(http.ended());
    let mut hurried = server.greeted();
    hurried.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<hurry@example.org>", "250 2.1.5")]);
    assert_eq!(hurried.reply(), "421 4.4.2 mx.example.org Error: timeout exceeded");
    assert!(hurried.ended());
    let mut slow = server.greeted();
    slow.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<slow@example.org>", "250 2.1.5")]);
    slow.talk(&[("NOOP", "250")]);
}

#[test]
fn silence_is_borne_for_a_while_only() {
    let idle = Duration::from_millis(200);
    let server = Running::start(PracticeOptions { idle, ..PracticeOptions::default() });
    let mut raw = Raw::new(connect(server.addr));
    assert!(raw.reply().starts_with("220 "));
    assert!(raw.reply().starts_with("421 4.4.2"), "nothing was said for a while");
    assert!(raw.ended());
}

#[test]
fn the_silent_recipient_gets_no_reply_and_nothing_behind_it_does() {
    let server = start();
    let mut raw = server.greeted();
    raw.send("MAIL FROM:<a@b>\r\nRCPT TO:<silent@example.org>\r\nNOOP\r\n");
    assert!(raw.reply().starts_with("250 2.1.0"));
    raw.link.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
    assert!(raw.ended());
}

#[test]
fn content_is_judged_at_its_end() {
    let server = Running::start(PracticeOptions { message_limit: 2000, ..PracticeOptions::default() });
    let long = format!("{}\r\n.", "x".repeat(900));
    let too_long = format!("{0}\r\n{0}\r\n{0}\r\n.", "x".repeat(900));
    let spam = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n.";
    for (content, expected) in [
        (long.as_str(), "250 2.0.0 Ok: queued as "),
        (&too_long, "552 5.3.4"),
        (spam, "550 5.7.1"),
        ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\r\n.", "554 5.7.0"),
        ("Subject: dmarc\r\n\r\nx\r\n.", "550 5.7.26"),
        ("one\ntwo\r\n.", "550 5.5.2"),
        ("..\r\n.", "250 2.0.0"),
    ] {
        let mut raw = server.greeted();
        raw.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<bob@example.org>", "250"), ("DATA", "354")]);
        raw.talk(&[(content, expected), ("MAIL FROM:<a@b> SIZE=2000", "250 2.1.0")]);
    }
    server.greeted().talk(&[("MAIL FROM:<a@b> SIZE=2001", "552 5.3.4")]);
}

#[test]
fn chunks() {
    let server = Running::start(PracticeOptions { message_limit: 2000, ..PracticeOptions::default() });
    let mut raw = server.greeted();
    raw.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<bob@example.org>", "250")]);
    raw.send("BDAT 5\r\nhe\r\nlBDAT 2 LAST\r\no\nNOOP\r\n");
    assert_eq!(raw.reply(), "250 2.0.0 Ok: 5 bytes");
    assert!(raw.reply().starts_with("250 2.0.0 Ok: queued as"));
    assert_eq!(raw.reply(), "250 2.0.0 Ok");
    raw.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<bob@example.org>", "250"), ("BDAT 0", "250")]);
    raw.talk(&[("DATA", "503 5.5.1 Error: command out of sequence"), ("RSET", "250")]);
    raw.send("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
    assert!(raw.reply().starts_with("503 5.5.1 Error: need MAIL"), "refused behind its octets");
    assert_eq!(raw.reply(), "250 2.0.0 Ok");
    raw.talk(&[("MAIL FROM:<a@b>", "250"), ("RCPT TO:<bob@example.org>", "250")]);
    raw.send(format!("BDAT 3000 LAST\r\n{}", "x".repeat(3000)));
    assert!(raw.reply().starts_with("552 5.3.4"));
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let server = start();
    let mut raw = server.greeted();
    raw.send("MAIL FROM:<a@b>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n");
    let replies: Vec<String> = (0..4).map(|_| raw.reply()).collect();
    let codes: Vec<_> = replies.iter().map(|reply| reply.get(..3).unwrap()).collect();
    assert_eq!(codes, ["250", "550", "250", "354"]);
}

#[test]
fn credentials_need_tls() {
    let server = start();
    server.greeted().talk(&[("AUTH PLAIN", "538 5.7.11 Encryption required")]);
    let clear = Running::start(PracticeOptions { auth_in_clear: true, ..PracticeOptions::default() });
    clear.greeted().talk(&[("AUTH PLAIN", "334")]);
    let without = Running::start(PracticeOptions { tls: false, ..PracticeOptions::default() });
    assert_eq!((without.tls, without.ca.as_str()), (None, ""));
    without.greeted().talk(&[("STARTTLS", "502 5.5.1"), ("AUTH LOGIN", "334 VXNlcm5hbWU6")]);
}

#[test]
fn every_mechanism_lets_alice_in_and_then_she_may_relay() {
    let server = start();
    for name in practice::MECHANISMS {
        let mut raw = server.encrypted();
        let data = raw.link.get_ref().tls_server_end_point().unwrap().unwrap();
        let kind = sasl::BindingKind::TlsServerEndPoint;
        let mut credentials = sasl::Credentials::new("alice@example.org", Secret::new("wonderland"));
        credentials.channel_binding = Some(sasl::ChannelBinding { kind, data });
        let mut mechanism = sasl::client(name, &credentials).unwrap();
        let mut held = mechanism.initial().unwrap();
        let mut reply = raw.ask(&format!("AUTH {name}"));
        while let Some(challenge) = reply.strip_prefix("334 ") {
            let challenge = STANDARD.decode(challenge).unwrap();
            let response = held.take().unwrap_or_else(|| mechanism.step(&challenge).unwrap());
            reply = raw.ask(&STANDARD.encode(response.expose()));
        }
        assert_eq!(reply, "235 2.7.0 Authentication successful", "{name}");
        raw.talk(&[
            ("AUTH PLAIN", "503 5.5.1 Error: already authenticated"),
            (
                "MAIL FROM:<bob@example.org>",
                "553 5.7.1 <bob@example.org>: Sender address rejected: not owned",
            ),
            ("MAIL FROM:<alice@example.org>", "250"),
            ("RCPT TO:<bob@example.net>", "250 2.1.5"),
            ("RCPT TO:<staff@example.org>", "250 2.1.5"),
            ("RCPT TO:<bob@nullmx.example>", "556 5.1.10"),
        ]);
    }
}

#[test]
fn users_are_refused_each_in_their_own_way() {
    let server = start();
    for (user, password, expected) in [
        ("alice@example.org", "wrong", "535 5.7.8"),
        ("alice", "wonderland", "535 5.7.8"),
        ("mallory@example.org", "wonderland", "535 5.7.8"),
        ("locked@example.org", "letmein", "525 5.7.13"),
        ("app@example.org", "mine", "534-5.7.9 Application-specific password required"),
        ("app@example.org", "abcdefghijklmnop", "235 2.7.0"),
        ("oauth@example.org", "ya29.practice", "535 5.7.139"),
        ("strict@example.org", "challenge", "534 5.7.9"),
        ("expired@example.org", "oldpassword", "432 4.7.12"),
        ("backend@example.org", "whatever", "454 4.7.0"),
    ] {
        let line = format!("AUTH PLAIN {}", b64(&format!("\0{user}\0{password}")));
        server.encrypted().talk(&[(&line, expected)]);
    }
    let token = b64("user=oauth@example.org\x01auth=Bearer ya29.practice\x01\x01");
    server.encrypted().talk(&[(&format!("AUTH XOAUTH2 {token}"), "235 2.7.0")]);
    let wrong = b64("user=oauth@example.org\x01auth=Bearer stale\x01\x01");
    server.encrypted().talk(&[(&format!("AUTH XOAUTH2 {wrong}"), "334 "), ("", "535 5.7.139")]);
}

#[test]
fn auth_can_go_wrong_in_form() {
    let server = start();
    server.encrypted().talk(&[
        ("AUTH", "501 5.5.4 Syntax: AUTH"),
        ("AUTH DIGEST-MD5", "504 5.5.4"),
        ("AUTH PLAIN not*base64", "501 5.5.2"),
        ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
        ("not*base64", "501 5.5.2"),
        ("AUTH login", "334 VXNlcm5hbWU6"),
        ("*", "501 5.7.0 Authentication aborted"),
        ("NOOP", "250"),
    ]);
}

#[test]
fn clients_over_the_limit_are_turned_away() {
    let server = Running::start(PracticeOptions { max_clients: 1, ..PracticeOptions::default() });
    let mut first = server.client();
    let mut second = Raw::new(connect(server.addr));
    assert!(second.reply().starts_with("421 4.7.0 mx.example.org Error: too many connections"));
    assert!(second.ended());
    first.talk(&[("NOOP", "250")]);
}

#[test]
fn an_endless_line_ends_the_session() {
    let server = start();
    let mut raw = server.greeted();
    raw.send(vec![b'x'; 20_000]);
    assert!(raw.reply().starts_with("500 5.5.6"));
    assert!(raw.ended());
}

#[test]
fn stopping_says_good_bye() {
    let mut server = start();
    let mut raw = server.greeted();
    server.stop();
    assert!(raw.reply().starts_with("421 4.3.2"));
    assert!(raw.ended());
}

#[test]
fn the_short_list_is_short_and_names_the_domain() {
    let options = PracticeOptions { domain: "shop.test".to_owned(), ..PracticeOptions::default() };
    let practice = Practice::bind(options).unwrap();
    let things = practice.things_to_try();
    assert!((8..=14).contains(&things.len()), "{things:?}");
    assert!(things.iter().any(|thing| thing.line == "RCPT TO:<full@shop.test>"), "{things:?}");
    assert!(things.iter().all(|thing| !thing.line.contains('{') && !thing.what.contains('{')));
    assert!(practice.addr().ip().is_loopback());
    assert!(practice.users().iter().any(|(name, ..)| name == "alice@shop.test"));
}

/// The page is made from the tables. `HELOISE_BLESS=1 cargo test` writes it anew.
#[test]
fn the_page_about_it_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/practice-server.md");
    let page = page();
    if std::env::var_os("HELOISE_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "run HELOISE_BLESS=1 cargo test");
}

fn page() -> String {
    let values = [
        ("domain", "example.org"),
        ("host", "mx.example.org"),
        ("errors", "10"),
        ("client", "192.0.2.7"),
        ("user", "alice@example.org"),
        ("option", "COLOUR"),
        ("rcpt_domain", "nullmx.example"),
        ("id", "8D2C4F01A7"),
    ];
    let cell = |text: &str| practice::rules::fill(text, &values).replace('\n', " ");
    let mut page = "# The practice server\n\n\
        `heloise demo` opens a session with it, `heloise serve --practice` lets any client in. It listens on\n\
        loopback, delivers nothing, and answers as real servers do. Its domain is `example.org`; mail for\n\
        `alice`, `bob` and `postmaster` is taken. `HELP` lists what stands here.\n\n\
        ## What to run into\n\n| type | what it shows | reply |\n|---|---|---|\n"
        .to_owned();
    for rule in practice::rules::RULES.iter().filter(|rule| !rule.what.is_empty()) {
        let reply = match rule.how {
            practice::rules::How::HangUp | practice::rules::How::Silence => "none".to_owned(),
            _ => {
                let line = cell(rule.line);
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                format!("`{} {}`", rule.code, cell(&rule.text.replace("{address}", address)))
            }
        };
        page.push_str(&format!("| `{}` | {} | {reply} |\n", cell(rule.line), cell(rule.what)));
    }
    page.push_str("\n## Users\n\nAUTH is offered after STARTTLS. The user name is the full address.\n\n");
    page.push_str("| user | password or token | |\n|---|---|---|\n");
    for user in practice::users::USERS {
        page.push_str(&format!("| `{}@example.org` | `{}` | {} |\n", user.local, user.password, user.what));
    }
    page
}
