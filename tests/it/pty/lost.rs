//! At a terminal: servers that do not greet, sessions that break off, and what `/explain` and `/fix` make of them.

use std::io::Write;
use std::net::TcpListener;

use super::session::{Session, line_from};

#[test]
fn the_prompt_comes_without_the_greeting_and_what_was_typed_is_there() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut session = Session::start(home.path(), &[&addr]);
    let mut link = listener.accept().unwrap().0;
    session.wait_text("=== connected");
    session.keys("EHLO early.example");
    session.wait_text("no greeting yet (you can type meanwhile)");
    session.wait_last(&format!("{addr} ▸ EHLO early.example"));
    link.write_all(b"220 late.example ESMTP\r\n").unwrap();
    session.wait_text("220 late.example ESMTP");
    session.keys("\r");
    assert_eq!(line_from(&mut std::io::BufReader::new(link)), "EHLO early.example\r\n");
}

#[test]
fn waiting_for_a_greeting_can_be_stopped() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut session = Session::start(home.path(), &["--starttls", &addr]);
    let link = listener.accept().unwrap().0;
    session.wait_text("(Ctrl-C stops waiting)");
    session.keys("\x03");
    session.wait_text("once the greeting is here, /starttls");
    session.wait_last(&format!("{addr} ▸"));
    // Nothing is said to a server that has not greeted.
    session.keys("/quit\r");
    assert_eq!(session.end(), 0);
    assert_eq!(line_from(&mut std::io::BufReader::new(link)), "");
    assert_eq!(session.modes(), session.modes_at_first);
}

#[test]
fn a_session_that_broke_off_is_explained_and_can_be_taken_up_again() {
    let home = tempfile::tempdir().unwrap();
    let (mut session, mut server) = Session::with_server(home.path());
    session.keys("EHLO me.example\r");
    line_from(&mut server);
    server.get_mut().write_all(b"250 mx.example.org\r\n").unwrap();
    session.wait_prompt("");
    session.keys("MAIL FROM:<a@me.example>\r");
    line_from(&mut server);
    drop(server);
    session.wait_text("the server closed the link without answering MAIL");
    session.wait_last("(no session) ▸");
    assert!(!session.received().contains("***"), "{}", session.received());
    session.enter("/explain", "here  closed-early");
    session.enter("/fix", "(no session) ▸ /reconnect");
    session.keys("\x03");
    session.wait_last("(no session) ▸");
    session.enter("/explain -1", "=== EHLO: 250 mx.example.org");
    session.enter("/explain 550 5.1.1 User unknown", "user-unknown");
    session.enter("/explain 5.7.26", "who acts   the administrator of the sender's domain");
    session.enter("/explain -7", "nothing is kept");
}

#[test]
fn a_link_that_is_lost_before_the_greeting_leaves_the_prompt() {
    let home = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let mut session = Session::start(home.path(), &[&addr]);
    drop(listener.accept().unwrap());
    session.wait_text("the server closed the link before its greeting");
    session.wait_last("(no session) ▸");
    session.enter("/fix", "(no session) ▸ /reconnect");
    session.keys("\x03");
    session.wait_last("(no session) ▸");
    session.keys("/quit\r");
    assert_eq!(session.end(), 8);
}

#[test]
fn content_that_was_typed_when_the_link_broke_is_no_command() {
    let home = tempfile::tempdir().unwrap();
    let (mut session, mut server) = Session::with_server(home.path());
    for (command, reply) in [
        ("EHLO me.example", "250 mx.example.org\r\n"),
        ("MAIL FROM:<a@me.example>", "250 ok\r\n"),
        ("RCPT TO:<b@example.org>", "250 ok\r\n"),
        ("DATA", "354 go\r\n"),
    ] {
        session.keys(format!("{command}\r"));
        line_from(&mut server);
        server.get_mut().write_all(reply.as_bytes()).unwrap();
        session.wait_text(reply.trim_end());
    }
    session.wait_text(" content ▸");
    session.keys("/quit");
    session.wait_text(" content ▸ /quit");
    drop(server);
    session.wait_text("(no session) ▸ /quit");
    session.keys("\r");
    session.wait_text("what you typed last was not sent");
    session.wait_last("(no session) ▸");
    session.keys("/quit\r");
    session.end();
}
