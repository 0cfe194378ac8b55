//! Whole sessions of the real program, typed at a terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::CommandBuilder;

use super::Pty;

/// The program at a terminal, with the person's folders in `home`.
pub(super) struct Session(Pty);

impl Session {
    pub(super) fn start(home: &Path, args: &[&str]) -> Session {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_heloise"));
        command.args(args);
        command.env("HOME", home);
        command.env("XDG_STATE_HOME", home.join("state"));
        command.env("XDG_CONFIG_HOME", home.join("config"));
        let mut pty = Pty::start(command);
        pty.resize(50, 110);
        Session(pty)
    }

    /// A session with the embedded practice server, at its first prompt.
    fn demo(home: &Path) -> Session {
        let session = Session::start(home, &["demo"]);
        session.wait_prompt("");
        session
    }

    /// A session with a server that the test plays, at its first prompt.
    pub(super) fn with_server(home: &Path) -> (Session, BufReader<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let session = Session::start(home, &[&listener.local_addr().unwrap().to_string()]);
        let mut link = listener.accept().unwrap().0;
        link.write_all(b"220 mx.example.org ESMTP\r\n").unwrap();
        session.wait_prompt("");
        (session, BufReader::new(link))
    }

    /// Waits for an empty prompt whose words before the mark end so.
    pub(super) fn wait_prompt(&self, words: &str) {
        let ending = format!("{words} ▸");
        self.wait(&format!("there is a prompt {ending:?}"), |rows| {
            rows.last().is_some_and(|row| row.ends_with(&ending))
        });
    }

    /// Types a line and waits for what the screen says to it.
    pub(super) fn enter(&mut self, line: &str, said: &str) {
        self.keys(format!("{line}\r"));
        self.wait_text(said);
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap().try_into().unwrap())
    }
}

impl Deref for Session {
    type Target = Pty;

    fn deref(&self) -> &Pty {
        &self.0
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Pty {
        &mut self.0
    }
}

pub(super) fn line_from(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).unwrap();
    line
}

#[test]
fn a_message_is_sent_by_hand_over_tls_by_an_authenticated_person() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::demo(home.path());
    // The welcome names the password; nothing after it may.
    let welcome = session.received();
    session.enter("EHLO laptop.example", "greeting accepted");
    session.wait_prompt("");
    session.enter("/starttls", "+ AUTH PLAIN");
    session.wait_prompt(" tls");
    session.enter("AUTH LOGIN", "user name");
    session.enter("alice@example.org", "password");
    session.enter("wonderland", "235 2.7.0");
    session.wait_prompt(" tls alice@example.org");
    session.enter("MAIL FROM:<alice@example.org>", "250 2.1.0");
    session.enter("RCPT TO:<bob@example.org>", "250 2.1.5");
    session.enter("DATA", "354 ");
    session.wait_prompt(" content");
    session.keys("\x1b[200~Subject: by hand\n\n/quit is content here\x1b[201~\r.\r");
    session.wait_text("queued as");
    session.wait_prompt(" tls alice@example.org");
    session.keys("\x04");
    session.wait_text("Send QUIT and leave? [Y/n]");
    session.keys("\r");
    assert_eq!(session.end(), 0);
    assert_eq!(session.modes(), session.modes_at_first);

    let received = session.received();
    assert!(received.contains("221 "), "{received}");
    assert_eq!(received.matches("wonderland").count(), welcome.matches("wonderland").count());
    let history = std::fs::read_to_string(home.path().join("state/heloise/history")).unwrap();
    let kept = "#V2\nEHLO laptop.example\n/starttls\nMAIL FROM:<alice@example.org>\nRCPT TO:<bob@example.org>\nDATA\n";
    assert_eq!(history, kept);
}

#[test]
fn the_helper_asks_for_what_it_needs_and_shows_no_password() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::demo(home.path());
    let welcome = session.received();
    session.enter("/starttls", "+ AUTH PLAIN");
    session.wait_prompt(" tls");
    session.enter("/auth", "user name");
    session.enter("alice@example.org", "password for alice@example.org:");
    for count in 1..="wonderland".len() {
        session.keys(&"wonderland"[count - 1..count]);
        session.wait_last(&format!("password for alice@example.org: {}", "•".repeat(count)));
    }
    session.keys("\r");
    session.wait_prompt(" tls alice@example.org");
    session.keys("QUIT\r");
    assert_eq!(session.end(), 0);
    assert_eq!(session.received().matches("wonderland").count(), welcome.matches("wonderland").count());
}

#[test]
fn a_good_bye_that_comes_while_a_line_is_typed_appears_above_it() {
    let home = tempfile::tempdir().unwrap();
    let (mut session, mut server) = Session::with_server(home.path());
    session.keys("EHLO me.example\r");
    assert_eq!(line_from(&mut server), "EHLO me.example\r\n");
    server.get_mut().write_all(b"250 mx.example.org\r\n").unwrap();
    session.wait_text("250 mx.example.org");
    session.keys("MAIL FROM:<me@exa");
    session.wait_text("▸ MAIL FROM:<me@exa");
    server.get_mut().write_all(b"421 4.4.2 mx.example.org timeout exceeded\r\n").unwrap();
    drop(server);
    let rows = session.wait("the reply is above the line", |rows| {
        let at = |text: &str| rows.iter().position(|row| row.contains(text));
        at("421 4.4.2").is_some_and(|reply| at("▸ MAIL FROM:<me@exa").is_some_and(|line| reply < line))
    });
    assert_eq!(rows.iter().filter(|row| row.contains("MAIL FROM:<me@exa")).count(), 1, "{rows:#?}");
    // The line is still there to be typed on; it cannot be sent, which is said.
    session.keys("mple.org>\r");
    session.wait_text("the server closed the link");
    session.wait_last("(no session) ▸");
    session.keys("/quit\r");
    session.end();
    assert_eq!(session.modes(), session.modes_at_first);
}

#[test]
fn leaving_is_asked_for_and_polite() {
    let home = tempfile::tempdir().unwrap();
    let (mut session, mut server) = Session::with_server(home.path());
    session.keys("half");
    session.wait_text("▸ half");
    session.keys("\x03");
    session.wait_prompt("");
    session.keys("\x04");
    session.wait_text("leave? [Y/n]");
    session.keys("n\r");
    session.wait_prompt("");
    session.keys("\x04");
    session.wait_last("Send QUIT and leave? [Y/n]");
    session.keys("y\r");
    assert_eq!(line_from(&mut server), "QUIT\r\n");
    server.get_mut().write_all(b"221 bye\r\n").unwrap();
    assert_eq!(session.end(), 0);
}

#[test]
fn credentials_go_over_a_plain_link_only_after_a_yes() {
    let home = tempfile::tempdir().unwrap();
    let (mut session, mut server) = Session::with_server(home.path());
    session.enter("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "[y/N]");
    session.enter("", "no credentials were sent");
    session.wait_prompt("");
    session.keys("\x04");
    session.wait_text("leave? [Y/n]");
    session.keys("\r");
    let mut sent = String::new();
    let reader = std::thread::spawn(move || {
        server.get_mut().write_all(b"221 bye\r\n").unwrap();
        server.read_to_string(&mut sent).unwrap();
        sent
    });
    session.end();
    assert_eq!(reader.join().unwrap(), "QUIT\r\n");
    let received = session.received();
    assert!(!received.contains("AGF"), "{received}");
}

#[test]
fn the_history_lives_on() {
    let home = tempfile::tempdir().unwrap();
    let mut first = Session::demo(home.path());
    first.enter("NOOP first", "250 ");
    first.keys("/quit\r");
    assert_eq!(first.end(), 0);
    let mut second = Session::demo(home.path());
    second.keys("\x1b[A\x1b[A");
    second
        .wait("the earlier line is back", |rows| rows.last().is_some_and(|row| row.contains("▸ NOOP first")));
    second.keys("\x03");
    second.wait_prompt("");
    second.keys("\x12firs");
    second.wait_text("(reverse-i-search)`firs': NOOP first");
    second.keys("\r");
    second.wait_text("250 ");
}

#[test]
fn a_secret_in_use_stays_out_of_the_history_and_of_answers() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("password");
    std::fs::write(&file, "Hunter2-Pass").unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let file = file.to_str().unwrap();
    let login = ["--allow-plaintext-auth", "--user", "alice", "--password-file", file, "--auth", "PLAIN"];
    let mut session = Session::start(home.path(), &[&login[..], &[&address]].concat());
    let mut link = listener.accept().unwrap().0;
    link.write_all(b"220 mx.example.org ESMTP\r\n").unwrap();
    let mut server = BufReader::new(link);
    answers(&mut server, &["250-mx.example.org\r\n250 AUTH PLAIN", "235 2.7.0 yes"]);
    session.wait_prompt("alice");
    session.enter("/explain 535 bad Hunter2-Pass", "bad {secret echo}");
    session.enter("/help Hunter2-Pass", "nothing is known about {secret echo}");
    session.enter("/send Hunter2-Pass", "cannot read the message {secret echo}");
    session.keys("XFOO Hunter2-Pass\r");
    answers(&mut server, &["500 5.5.2 what?"]);
    session.wait_text("5.5.2 what?");
    session.keys("NOOP\r");
    answers(&mut server, &["250 2.0.0 fine"]);
    session.wait_text("2.0.0 fine");
    session.keys("QUIT\r");
    answers(&mut server, &["221 2.0.0 bye"]);
    drop(server);
    assert_eq!(session.end(), 0);
    let history = std::fs::read_to_string(home.path().join("state/heloise/history")).unwrap();
    assert_eq!(history, "#V2\nNOOP\nQUIT\n");
}

#[test]
fn a_terminated_session_leaves_the_terminal_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    let (mut session, _server) = Session::with_server(home.path());
    session.keys("MAIL FROM:<");
    session.wait_text("▸ MAIL FROM:<");
    kill(session.pid(), Signal::SIGTERM).unwrap();
    session.end();
    assert_eq!(session.modes(), session.modes_at_first);
    assert!(session.received().contains("\x1b[?2004l"));
}

const WORDS: &str = "AGFsaWNlAHdvbmRlcmxhbmQ=";

#[test]
fn a_no_to_credentials_in_clear_drops_the_rest_of_the_paste() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::demo(home.path());
    session.enter("EHLO laptop.example", "greeting accepted");
    session.keys(format!("\x1b[200~RSET\nAUTH PLAIN {WORDS}\n{WORDS}\nNOOP\x1b[201~\r"));
    session.wait_text("Send them all the same? [y/N]");
    // What is neither yes nor no may be a secret, and does not show.
    session.keys(WORDS);
    session.wait_text(&"•".repeat(WORDS.len()));
    session.keys("\r");
    session.wait_text("yes or no, please [y/N]");
    session.keys("n\r");
    session.wait_text("2 more pasted lines dropped");
    session.wait_prompt("");
    // Typed once more, out of habit: it is not sent, and nothing of it stays.
    session.enter(WORDS, "may belong to the AUTH that was not sent");
    session.wait_prompt("");
    session.keys("QUIT\r");
    assert_eq!(session.end(), 0);
    let history = std::fs::read_to_string(home.path().join("state/heloise/history")).unwrap();
    assert_eq!(history, "#V2\nEHLO laptop.example\nRSET\nQUIT\n");
}

#[test]
fn a_yes_ends_with_its_session() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::demo(home.path());
    for answer in ["y", "n"] {
        session.enter(&format!("AUTH PLAIN {WORDS}"), "all the same? [y/N]");
        session.keys(format!("{answer}\r"));
        session.wait_prompt("");
        session.enter("/reconnect", "220 ");
        session.wait_prompt("");
        session.keys("\x0c");
    }
    session.keys("QUIT\r");
    assert_eq!(session.end(), 0);
}

#[test]
fn base64_typed_out_of_habit_is_not_encoded_again() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(home.path(), &["demo", "--starttls"]);
    session.wait_prompt(" tls");
    session.enter("AUTH LOGIN", "user name");
    session.enter("YWxpY2VAZXhhbXBsZS5vcmc=", "That is base64 of alice@example.org.");
    session.keys("\r");
    session.wait_last("password:");
    session.enter("d29uZGVybGFuZA==", "That is base64.");
    session.keys("\r");
    session.wait_text("235 2.7.0");
    session.wait_prompt(" tls alice@example.org");
    session.enter("/reconnect", "220 ");
    session.wait_prompt("");
    session.enter("/starttls", "+ AUTH PLAIN");
    session.enter("AUTH PLAIN", "user name");
    session.enter("AGFsaWNlQGV4YW1wbGUub3JnAHdvbmRlcmxhbmQ=", "That is base64");
    session.keys("\r");
    session.wait_prompt(" tls alice@example.org");
    session.keys("QUIT\r");
    assert_eq!(session.end(), 0);
}

#[test]
fn a_chunk_is_typed_by_hand() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::demo(home.path());
    session.enter("EHLO laptop.example", "greeting accepted");
    session.enter("MAIL FROM:<a@example.com>", "250 2.1.0");
    session.enter("RCPT TO:<bob@example.org>", "250 2.1.5");
    session.enter("BDAT 8 LAST", "content[8] ▸");
    session.enter("abc", "content[3] ▸");
    session.enter("d", "queued as");
    session.wait_prompt("");
    session.keys("QUIT\r");
    assert_eq!(session.end(), 0);
}

#[test]
fn a_failure_is_told_once_and_its_proposal_can_be_typed() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::demo(home.path());
    session.keys("/starttls\r");
    session.wait_prompt(" tls");
    session.enter("/set", "     hex      off");
    session.enter("/open --frobnicate x", "/open does not know --frobnicate");
    // A port that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    session.enter(&format!("/open 127.0.0.1:{port}"), "(no session) ▸");
    assert_eq!(session.received().matches("cannot connect to").count(), 1, "{}", session.received());
    session.enter("/fix 1", "(no session) ▸ /open submission://127.0.0.1");
    session.keys("\x15\x04");
    assert_eq!(session.end(), 2);
}

/// What a server says to each line of the client, in turn.
fn answers(server: &mut BufReader<TcpStream>, replies: &[&str]) {
    for reply in replies {
        line_from(server);
        server.get_mut().write_all(format!("{reply}\r\n").as_bytes()).unwrap();
    }
}

#[test]
fn a_proposal_outlives_typing_errors_and_helpers_that_fail() {
    let home = tempfile::tempdir().unwrap();
    let (mut session, mut server) = Session::with_server(home.path());
    session.keys("EHLO me.example\r");
    answers(&mut server, &["250 mx.example.org"]);
    session.wait_prompt("");
    session.keys("/starttls\r");
    answers(&mut server, &["503 5.5.1 Send EHLO first"]);
    session.wait_text("the server refused STARTTLS");
    session.wait_prompt("");
    session.keys("RCPT TO:bob@example.net\r");
    answers(&mut server, &["501 5.5.2 Syntax error"]);
    session.wait_text("RCPT TO:<bob@example.net>");
    session.wait_prompt("");
    for (typo, said) in
        [("/foo", "/foo"), ("/explain 2", "nothing is known about 2"), ("/fix 9", "can be typed")]
    {
        session.enter(typo, said);
        session.wait_prompt("");
    }
    session.keys("/fix\r");
    session.wait("it is typed", |rows| {
        rows.last().is_some_and(|row| row.ends_with("▸ RCPT TO:<bob@example.net>"))
    });
    session.keys("\x15/quit\r");
    answers(&mut server, &["221 bye"]);
    assert_eq!(session.end(), 0);
}

/// The places of the process's writable memory that hold these bytes; nothing where this user may not look there.
#[cfg(target_os = "linux")]
fn copies_in_memory(pid: Pid, bytes: &[u8]) -> Option<usize> {
    use std::os::unix::fs::FileExt as _;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut count = 0;
    for map in maps.lines().filter(|map| map.split(' ').nth(1).is_some_and(|modes| modes.starts_with("rw"))) {
        let (start, end) = map.split(' ').next()?.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let mut piece = vec![0; usize::try_from(end - start).ok()?];
        // Some maps, such as those of the kernel, cannot be read.
        if memory.read_exact_at(&mut piece, start).is_ok() {
            count += memchr::memmem::find_iter(&piece, bytes).count();
        }
    }
    Some(count)
}

#[cfg(target_os = "linux")]
#[test]
fn a_typed_secret_is_in_memory_no_longer_than_it_is_used() {
    const SECRET: &str = "hunter2-Typed-By-Hand";
    let home = tempfile::tempdir().unwrap();
    let server = crate::program::Serving::start(&["--practice"]);
    let mut session = Session::start(home.path(), &["--starttls", "--insecure", &server.addr]);
    session.wait_prompt(" tls-NOT-verified");
    session.enter("AUTH LOGIN", "user name");
    session.enter("alice@example.org", "password");
    for key in SECRET.as_bytes() {
        session.keys([*key]);
    }
    session.wait_last(&format!("password: {}", "•".repeat(SECRET.len())));
    let Some(typed) = copies_in_memory(session.pid(), SECRET.as_bytes()) else {
        eprintln!("skipped: this user may not read the memory of other processes");
        return;
    };
    assert!(typed > 0, "the search finds what is there");
    session.enter("", "535 5.7.8");
    session.wait_prompt(" tls-NOT-verified");
    session.enter("NOOP and what else fits into a line of some length", "250 2.0.0");
    // One is kept while the session lasts, to mask the secret wherever the server may repeat it.
    assert_eq!(copies_in_memory(session.pid(), SECRET.as_bytes()), Some(1));
    session.keys("QUIT\r");
    session.end();
}

#[test]
fn what_is_encoded_is_said() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::demo(home.path());
    session.enter("/b64 off", "b64 is off: what you answer");
    session.enter("/b64 auto", "b64 is auto: what you answer");
    session.enter("/b64", "b64 is auto: what you answer");
    session.keys("QUIT\r");
    assert_eq!(session.end(), 0);
}

#[test]
fn a_second_login_is_flagged_before_anything_is_asked() {
    let home = tempfile::tempdir().unwrap();
    let mut session = Session::start(home.path(), &["demo", "--starttls"]);
    session.wait_prompt(" tls");
    session.enter("AUTH CRAM-MD5", "user name");
    session.enter("alice@example.org", "password");
    session.enter("wonderland", "235 2.7.0");
    session.wait_prompt(" tls alice@example.org");
    session.enter("/auth", "you are authenticated already as alice@example.org");
    // Before the question is there, Ctrl-C is no answer to it.
    session.wait_last("user name:");
    session.keys("\x03");
    session.wait_prompt(" tls alice@example.org");
    session.keys("QUIT\r");
    assert_eq!(session.end(), 0);
}
