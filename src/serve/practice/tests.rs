//! The wit on the session alone, without sockets: whatever a client says, the answers are lawful.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use proptest::prelude::*;

use super::host::Host;
use super::wit::PracticeWit;
use super::{PracticeOptions, rules, users};
use crate::serve::{Answer, Wit};
use crate::session::{Phase, Server};
use crate::wire::{Quirk, Reply};

/// Feeds a fresh server and returns its replies, and whether it hung up.
fn converse(options: PracticeOptions, bytes: &[u8], secured: bool) -> (Vec<Reply>, bool) {
    let host = Arc::new(Host::new(options, true));
    let mut wit = PracticeWit::new(host, IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut server = Server::new(4096);
    if secured {
        server.handle_secured();
    }
    let mut sent = Vec::new();
    let over = give(&mut server, Wit::greet(&mut wit, &Default::default()));
    assert!(!over);
    server.handle_bytes(bytes);
    let mut over = false;
    while let Some(request) = server.next_request() {
        let answer = wit.answer(&request, server.state());
        over = give(&mut server, answer);
        sent.extend(server.poll_transmit().unwrap_or_default());
        if over || matches!(server.state().phase, Phase::Closed | Phase::Upgrading) {
            break;
        }
    }
    (Reply::read_all(&sent), over)
}

/// True when the link is to be closed.
fn give(server: &mut Server, answer: Answer) -> bool {
    match answer {
        Answer::Go => {}
        Answer::Chunk(octets) => server.expect_chunk(octets),
        Answer::Silence | Answer::HangUp => return true,
        Answer::Say(say) => {
            let lines: Vec<&str> = say.lines.iter().map(String::as_str).collect();
            server.reply(say.code, &lines);
            return say.last;
        }
        Answer::Replay(replay) => {
            server.replay(&replay.bytes, &replay.reply);
            return replay.last;
        }
    }
    false
}

fn lawful(replies: &[Reply]) {
    for reply in replies {
        for quirk in reply.quirks() {
            assert_eq!(quirk, Quirk::Utf8, "{reply:?}");
        }
        assert!(reply.lines().all(|line| line.line.wire_len() <= 512), "{reply:?}");
    }
}

#[test]
fn help_is_lawful_and_names_every_row_and_user() {
    let (replies, _) = converse(PracticeOptions::default(), b"HELP\r\n", false);
    lawful(&replies);
    let help = replies.last().map(Reply::text).unwrap_or_default();
    for rule in rules::RULES.iter().filter(|rule| rule.line.is_ascii()) {
        assert!(help.contains(&rule.line.replace("{domain}", "example.org")), "{rule:?}");
    }
    assert!(users::USERS.iter().all(|user| help.contains(user.local) && help.contains(user.what)));
}

proptest! {
    #[test]
    fn any_client_gets_lawful_answers(
        secured: bool,
        lines in proptest::collection::vec(
            prop_oneof![
                "(EHLO|MAIL|RCPT|DATA|BDAT|AUTH|VRFY|EXPN|ETRN|RSET|NOOP|HELP|QUIT|STARTTLS|FOO)( .{0,300})?",
                "(EHLO me|MAIL FROM:<\\PC{0,200}>|RCPT TO:<[a-z@.\u{fc}\"]{0,30}>|DATA|\\.|BDAT [0-9]{1,2}( LAST)?)",
                "AUTH (PLAIN|LOGIN|CRAM-MD5|XOAUTH2|SCRAM-SHA-1|SCRAM-SHA-256-PLUS)( [A-Za-z0-9+/=]{0,40})?",
                "(MAIL FROM|RCPT TO):<(a@b|bob@example.org)> [A-Z0-9]{1,10}=.{0,200}",
                Just("MAIL FROM:<a@b> SMTPUTF8".to_owned()),
                Just("RCPT TO:<bob@example.org>".to_owned()),
                ".{0,1000}",
            ],
            0..20,
        ),
        noise in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        let options = PracticeOptions { error_limit: 1000, ..PracticeOptions::default() };
        let mut bytes = b"EHLO me\r\n".to_vec();
        lines.iter().for_each(|line| bytes.extend_from_slice(format!("{line}\r\n").as_bytes()));
        bytes.extend(noise);
        let (replies, _) = converse(options, &bytes, secured);
        lawful(&replies);
        prop_assert!(replies.len() >= 2, "greeting and EHLO are answered");
    }
}
