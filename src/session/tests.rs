//! The two roles face to face, and the client alone against odd servers. No network, no clock.

use std::time::Duration;

use super::*;

const T0: Duration = Duration::ZERO;

fn client() -> Client {
    Client::new(false, Timeouts::default(), Caps::default(), T0)
}

fn events(client: &mut Client) -> Vec<Event> {
    std::iter::from_fn(|| client.poll_event()).collect()
}

fn answers(client: &mut Client) -> Vec<Answer> {
    let is_answer = |event| if let Event::Reply(answer) = event { Some(answer) } else { None };
    events(client).into_iter().filter_map(is_answer).collect()
}

/// Feeds a client and returns the verbs that the replies were paired with.
fn feed(client: &mut Client, bytes: &str) -> Vec<Answer> {
    client.handle_bytes(bytes.as_bytes(), T0);
    answers(client)
}

fn ready(capabilities: &str) -> Client {
    let mut client = client();
    feed(&mut client, "220 mx.example.org ESMTP\r\n");
    client.submit(b"EHLO me.example", T0);
    feed(&mut client, capabilities);
    client.poll_transmit();
    client
}

#[test]
fn pipelined_commands_are_paired_in_order() {
    let mut client = ready("250-mx\r\n250 PIPELINING\r\n");
    client.submit(b"MAIL FROM:<a@example.org>", T0);
    client.submit(b"RCPT TO:<b@example.org>", T0);
    client.submit(b"NOOP", T0);
    let seen = feed(&mut client, "250 ok\r\n550 no\r\n250 ok\r\n250 what?\r\n");
    let names: Vec<_> = seen.iter().map(|a| a.command.as_ref().map(|c| c.name().to_owned())).collect();
    let expected = [Some("MAIL".to_owned()), Some("RCPT".to_owned()), Some("NOOP".to_owned()), None];
    assert_eq!(names, expected, "the last one is unsolicited");
    assert_eq!(client.state().phase, Phase::Mail);
    assert_eq!(client.state().envelope.sender.as_deref(), Some("FROM:<a@example.org>"));
}

#[test]
fn starttls_forgets_what_was_known_and_drops_what_was_glued_on() {
    let mut client = ready("250-mx\r\n250-STARTTLS\r\n250 AUTH CRAM-MD5\r\n");
    client.submit(b"STARTTLS", T0);
    client.handle_bytes(b"220 go\r\n250 injected\r\n", T0);
    let last = events(&mut client).pop();
    assert_eq!(last, Some(Event::Upgrade { discarded: b"250 injected\r\n".to_vec() }));
    client.handle_secured(true);
    assert_eq!(client.state().capabilities, None);
    assert_eq!(client.state().greeted, None);
    assert_eq!(client.state().check(Input::Mail), Err(OutOfOrder::NeedsGreeting));
    client.submit(b"EHLO me.example", T0);
    feed(&mut client, "250-mx\r\n250 AUTH PLAIN\r\n");
    let difference = client.state().tls_difference().unwrap();
    assert_eq!(difference.gained, ["AUTH PLAIN"]);
    assert_eq!(difference.lost, ["STARTTLS", "AUTH CRAM-MD5"]);
}

#[test]
fn whole_and_byte_by_byte_give_the_same_events() {
    let sample = "220-hello\r\n220 there\n250-a\r\n250 b\r\ngarbage\r\n999 odd\r\n421 bye\r\n";
    let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut client = client();
        client.submit(b"EHLO x", T0);
        for piece in pieces {
            client.handle_bytes(piece, T0);
        }
        client.handle_end(T0);
        events(&mut client)
    };
    let whole = run(&mut std::iter::once(sample.as_bytes()));
    let single = run(&mut sample.as_bytes().chunks(1));
    assert_eq!(whole, single);
    assert_eq!(whole.last(), Some(&Event::Closed { unanswered: None, announced: true }));
}

#[test]
fn auth_lines_are_responses_until_the_exchange_ends() {
    let mut client = ready("250-mx\r\n250 AUTH LOGIN\r\n");
    client.submit(b"AUTH LOGIN", T0);
    feed(&mut client, "334 VXNlcm5hbWU6\r\n");
    let challenge = Some(b"VXNlcm5hbWU6".to_vec());
    let sent = client.submit(b"YWxpY2U=", T0);
    assert_eq!(sent, Sent::AuthResponse { mechanism: "LOGIN".into(), step: 0, challenge });
    feed(&mut client, "334 UGFzc3dvcmQ6\r\n");
    client.submit(b"aHVudGVyMg==", T0);
    feed(&mut client, "235 2.7.0 ok\r\n");
    assert_eq!(client.state().phase, Phase::Ready);
    assert_eq!(client.state().authenticated.as_ref().unwrap().mechanism, "LOGIN");
}

#[test]
fn answers_that_were_sent_before_their_challenges_are_answers_all_the_same() {
    let mut client = ready("250-mx\r\n250 AUTH LOGIN\r\n");
    for line in ["AUTH LOGIN", "YWxpY2U=", "aHVudGVyMg==", "NOOP"] {
        client.submit(line.as_bytes(), T0);
    }
    feed(&mut client, "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n");
    assert_eq!(client.dialogue().awaiting().map(|command| command.input), Some(Input::AuthResponse));
    feed(&mut client, "235 2.7.0 ok\r\n250 2.0.0 ok\r\n");
    assert_eq!(client.state().phase, Phase::Ready);
    assert_eq!(client.state().authenticated.as_ref().unwrap().mechanism, "LOGIN");
    assert!(client.dialogue().awaiting().is_none());
}

#[test]
fn a_garbled_line_is_all_there_is_to_the_command_before_the_next() {
    let mut client = ready("250 mx\r\n");
    client.submit(b"NOOP", T0);
    feed(&mut client, "Ok then\r\n");
    assert!(client.dialogue().awaiting().is_some(), "a reply may still come");
    client.submit(b"VRFY x", T0);
    assert_eq!(client.dialogue().awaiting().and_then(|c| c.verb.clone()), Some(crate::wire::Verb::Vrfy));
    feed(&mut client, "252 perhaps\r\n");
    assert!(client.dialogue().awaiting().is_none());
    // Whether content or a command comes next is for the reply to say.
    client.submit(b"DATA", T0);
    feed(&mut client, "Ok then\r\n");
    client.submit(b"QUIT", T0);
    feed(&mut client, "354 go\r\n");
    assert!(client.dialogue().in_content());
}

#[test]
fn a_response_typed_after_a_refused_auth_is_still_a_secret() {
    let mut client = ready("250 mx\r\n");
    client.submit(b"AUTH LOGIN", T0);
    feed(&mut client, "504 5.5.4 no\r\n");
    assert!(matches!(client.dialogue().classify(b"aHVudGVyMg=="), Sent::StrayResponse(_)));
    assert!(matches!(client.dialogue().classify(b"QUIT"), Sent::Command(_)));
    assert!(matches!(client.submit(b"aHVudGVyMg==", T0), Sent::StrayResponse(_)));
    feed(&mut client, "500 what?\r\n");
    assert!(
        matches!(client.dialogue().classify(b"c2Vjb25k"), Sent::StrayResponse(_)),
        "the second answer, too"
    );
}

#[test]
fn the_initial_response_is_not_kept() {
    let mut client = ready("250 mx\r\n");
    let sent = client.submit(b"AUTH PLAIN AGEAaHVudGVyMg==", T0);
    let Sent::Command(command) = sent else { panic!("not a command") };
    assert_eq!(command.line, b"AUTH PLAIN");
}

#[test]
fn the_greeting_and_each_reply_have_their_limits() {
    let mut client = client();
    let due = client.poll_timeout().unwrap();
    assert_eq!(due, Duration::from_secs(300));
    client.handle_timeout(due - Duration::from_millis(1));
    assert_eq!(client.poll_event(), None);
    client.handle_timeout(due);
    assert!(matches!(client.poll_event(), Some(Event::TimedOut { .. })));
    assert_eq!(client.poll_timeout(), None, "it is said once");
    client.handle_bytes(b"220 at last\r\n", due);
    client.submit(b"DATA", due);
    assert_eq!(client.poll_timeout(), Some(due + Duration::from_secs(120)));
}

#[test]
fn caps_end_the_session() {
    let mut client = client();
    client.handle_bytes(&vec![b'x'; 70_000], T0);
    assert_eq!(client.poll_event(), Some(Event::Exceeded(Exceeded::Line(65_536))));
    let mut client = self::client();
    for _ in 0..20_001 {
        client.handle_bytes(b"220-again\r\n", T0);
        while let Some(event) = client.poll_event() {
            if let Event::Exceeded(what) = event {
                assert_eq!(what, Exceeded::ReplyLines(20_000));
                return;
            }
        }
    }
    panic!("an endless reply was taken");
}

#[test]
fn over_lmtp_the_last_chunk_gets_as_many_replies_too() {
    let mut client = Client::new(true, Timeouts::default(), Caps::default(), T0);
    feed(&mut client, "220 lmtp\r\n");
    for line in ["LHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "RCPT TO:<e@f>", "BDAT 4"] {
        client.submit(line.as_bytes(), T0);
        client.chunk_sent(if line == "BDAT 4" { 4 } else { 0 });
        assert_eq!(feed(&mut client, "250 ok\r\n").len(), 1);
    }
    assert!(!client.dialogue().in_content(), "the octets of the chunk were counted");
    client.submit(b"BDAT 2 LAST", T0);
    assert!(client.dialogue().in_content());
    client.chunk_sent(2);
    let seen = feed(&mut client, "250 kept\r\n452 full\r\n250 whose?\r\n");
    assert_eq!(seen.iter().filter(|answer| answer.command.is_some()).count(), 2);
    assert_eq!(client.state().phase, Phase::Ready);
}

#[test]
fn a_chunk_may_end_within_a_line() {
    let mut client = ready("250-mx\r\n250 CHUNKING\r\n");
    client.submit(b"BDAT 7", T0);
    assert_eq!(client.submit_raw(b"a\r\nbcde", T0), [Sent::Content]);
    assert!(!client.dialogue().in_content());
    assert!(matches!(client.submit(b"BDAT 0 LAST", T0), Sent::Command(_)));
    assert_eq!(feed(&mut client, "250 ok\r\n250 ok\r\n").len(), 2);
}

#[test]
fn lmtp_gives_a_reply_for_each_recipient() {
    let mut client = Client::new(true, Timeouts::default(), Caps::default(), T0);
    feed(&mut client, "220 lmtp\r\n");
    for line in ["LHLO me", "MAIL FROM:<>", "RCPT TO:<a@x>", "RCPT TO:<b@x>", "DATA"] {
        client.submit(line.as_bytes(), T0);
    }
    feed(&mut client, "250 a\r\n250 b\r\n250 c\r\n250 d\r\n354 go\r\n");
    assert_eq!(client.submit(b"Subject: x", T0), Sent::Content);
    assert_eq!(client.submit(b".", T0), Sent::EndOfContent);
    let seen = feed(&mut client, "250 a\r\n452 b\r\n");
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|a| a.command.as_ref().unwrap().input == Input::EndOfContent));
    assert_eq!(client.state().phase, Phase::Ready);
}

/// Moves bytes between the roles until neither has anything left to say; `answer` is the server's wit.
fn converse(client: &mut Client, server: &mut Server, answer: &mut dyn FnMut(&mut Server, Request)) {
    loop {
        let mut moved = false;
        if let Some(bytes) = client.poll_transmit() {
            server.handle_bytes(&bytes);
            moved = true;
        }
        while let Some(request) = server.next_request() {
            answer(server, request);
            moved = true;
        }
        if let Some(bytes) = server.poll_transmit() {
            client.handle_bytes(&bytes, T0);
            moved = true;
        }
        if !moved {
            return;
        }
    }
}

#[test]
fn both_roles_agree_on_the_phase_all_the_way() {
    let (mut client, mut server) = (client(), Server::new(2048));
    let mut content = Vec::new();
    server.reply(220, &["mx.example.org ESMTP"]);
    let mut answer = |server: &mut Server, request: Request| match request {
        Request::Command(command, line) => match command.input {
            Input::Data => server.reply(354, &["go on"]),
            Input::Quit => server.reply(221, &["bye"]),
            Input::BdatLast => {
                let size = String::from_utf8_lossy(&line.bytes).split(' ').nth(1).unwrap().parse().unwrap();
                server.expect_chunk(size);
            }
            Input::Greet => server.reply(250, &["mx.example.org", "CHUNKING"]),
            _ => server.reply(250, &["2.0.0 ok"]),
        },
        Request::Content(line) => content.extend(line.bytes),
        Request::Chunk(bytes) => content.extend(bytes),
        Request::EndOfContent => server.reply(250, &["2.0.0 queued"]),
        other => panic!("unexpected {other:?}"),
    };
    let script = [
        "EHLO me",
        "MAIL FROM:<a@b>",
        "RCPT TO:<c@d>",
        "DATA",
        "..dot",
        "text",
        ".",
        "MAIL FROM:<a@b>",
        "RCPT TO:<c@d>",
        "BDAT 6 LAST",
        "abcd",
        "NOOP",
        "QUIT",
    ];
    for line in script {
        converse(&mut client, &mut server, &mut answer);
        assert_eq!(client.state().phase, server.state().phase, "before {line}");
        client.submit(line.as_bytes(), T0);
    }
    converse(&mut client, &mut server, &mut answer);
    assert_eq!((client.state().phase, server.state().phase), (Phase::Closed, Phase::Closed));
    assert_eq!(content, b"..dottextabcd\r\n");
    assert!(answers(&mut client).iter().all(|a| a.command.is_some()), "nothing was unsolicited");
}

#[test]
fn the_server_throws_away_what_is_glued_behind_starttls() {
    let mut server = Server::new(2048);
    server.reply(220, &["hi"]);
    server.handle_bytes(b"EHLO x\r\nSTARTTLS\r\nMAIL FROM:<evil@example.org>\r\n");
    assert!(matches!(server.next_request(), Some(Request::Command(..))));
    server.reply(250, &["mx"]);
    assert!(matches!(server.next_request(), Some(Request::Command(c, _)) if c.input == Input::StartTls));
    server.reply(220, &["go"]);
    assert_eq!(server.handle_secured(), 30);
    assert_eq!(server.next_request(), None);
}

#[test]
fn what_ends_no_line_goes_on_with_the_next() {
    let mut client = ready("250 mx\r\n");
    assert_eq!(client.submit_raw(b"NO", T0), []);
    let Sent::Command(noop) = client.submit(b"OP", T0) else { panic!("a command") };
    assert_eq!((noop.verb, noop.line.as_slice()), (Some(crate::wire::Verb::Noop), b"NOOP".as_slice()));
    assert_eq!(client.dialogue().pending.len(), 1);
    // The second half of an AUTH line holds its secret.
    client.submit_raw(b"AUTH PLAIN ", T0);
    assert!(matches!(client.submit(b"AGFsaWNlAHNlY3JldA==", T0), Sent::StrayResponse(_)));
}
