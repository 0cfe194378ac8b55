//! Hostile servers against the session alone: each case is bytes, fed whole and byte by byte.

use std::time::Duration;

use heloise::session::{Caps, Client, Event, Phase, Timeouts};
use heloise::wire::Quirk;

/// What happens in a conversation, in order.
enum Turn {
    /// The server sends bytes.
    S(Vec<u8>),
    /// The client submits a line.
    C(&'static str),
    /// The link ends.
    End,
}

use Turn::{C, End, S};

fn s(bytes: impl AsRef<[u8]>) -> Turn {
    S(bytes.as_ref().to_vec())
}

const T0: Duration = Duration::ZERO;

fn client() -> Client {
    Client::new(false, Timeouts::default(), Caps::default(), T0)
}

/// The happenings in words: replies with what they answer, quirks, ends.
fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::Stray(_) => "no reply line".to_owned(),
        Event::Reply(answer) => {
            let code = answer.reply.code().map_or("none".to_owned(), |code| code.to_string());
            match &answer.command {
                Some(command) => format!("{code} to {}", command.name()),
                None => format!("{code} unsolicited"),
            }
        }
        Event::Upgrade { discarded } => format!("upgrade, {} bytes thrown away", discarded.len()),
        Event::TimedOut { .. } => "timed out".to_owned(),
        Event::Exceeded(what) => what.to_string(),
        Event::Closed { unanswered, announced } => {
            let left = unanswered.as_ref().map_or("nothing", |command| command.name());
            format!("closed, {left} unanswered, announced: {announced}")
        }
    })
}

/// Holds the conversation, each piece of the server's in pieces of `size`.
fn hold(turns: &[Turn], size: usize) -> (Vec<String>, Client) {
    let mut client = client();
    let mut seen = Vec::new();
    for turn in turns {
        match turn {
            S(bytes) => bytes.chunks(size).for_each(|piece| client.handle_bytes(piece, T0)),
            C(line) => drop(client.submit(line.as_bytes(), T0)),
            End => client.handle_end(T0),
        }
        seen.extend(std::iter::from_fn(|| client.poll_event()).filter_map(|event| words(&event)));
    }
    (seen, client)
}

fn check(turns: &[Turn], expected: &[&str]) -> Client {
    let (whole, client) = hold(turns, usize::MAX);
    assert_eq!(whole, expected);
    assert_eq!(hold(turns, 1).0, whole, "byte by byte");
    assert_eq!(hold(turns, 7).0, whole, "in pieces of seven");
    client
}

#[test]
fn endless_things_end_at_a_cap() {
    let line = "a line of more than 65536 octets without an end";
    check(&[s(vec![b'x'; 200_000])], &[line]);
    check(&[s([b"220 ".as_slice(), &vec![b'x'; 10_000_000], b"\r\n250 after\r\n"].concat())], &[line]);
    check(&[s("220-again\r\n".repeat(30_000))], &["one reply of more than 20000 lines"]);
    let wide = format!("220-{}\r\n", "w".repeat(60_000)).repeat(100);
    check(&[s(wide)], &["one reply of more than 4194304 octets"]);
    let (seen, _) = hold(&[s("no smtp\r\n".repeat(300))], 16);
    assert_eq!(seen.last().map(String::as_str), Some("more than 200 lines in a row that are no replies"));
    assert_eq!(seen.len(), 202);
}

#[test]
fn after_a_cap_nothing_more_is_read() {
    let turns = [s(vec![b'x'; 70_000]), C("EHLO me"), s("\r\n250 ok\r\n"), s("421 bye\r\n")];
    check(&turns, &["a line of more than 65536 octets without an end"]);
}

#[test]
fn ten_thousand_keywords_are_kept() {
    let list: String = (0..10_000).map(|n| format!("250-X-KEY{n} value\r\n")).collect();
    let turns = [s("220 hi\r\n"), C("EHLO me"), s(format!("250-mx\r\n{list}250 HELP\r\n"))];
    let client = check(&turns, &["220 to the greeting", "250 to EHLO"]);
    let capabilities = client.state().capabilities.as_ref().unwrap();
    assert_eq!(capabilities.list.len(), 10_001);
    assert!(capabilities.has("x-key9999"));
}

#[test]
fn line_ends_of_any_kind() {
    check(&[s("220 bare\n250 next\n")], &["220 to the greeting", "250 unsolicited"]);
    let client = check(&[s("220 a\r250 b\r\n")], &["220 to the greeting"]);
    assert_eq!(client.state().banner.as_deref(), Some("a\r250 b"), "a CR alone ends no line");
    check(&[s("220 cut"), End], &["220 to the greeting", "closed, nothing unanswered, announced: false"]);
}

#[test]
fn codes_that_disagree_make_one_reply_judged_by_its_last_line() {
    let turns = [s("220 hi\r\n"), C("MAIL FROM:<a@b>"), s("250-yes\r\n550 no\r\n")];
    let client = check(&turns, &["220 to the greeting", "550 to MAIL"]);
    assert_eq!(client.state().phase, Phase::Ready);
}

#[test]
fn code_only_lines_and_odd_codes_are_replies() {
    let turns = [s("220\r\n"), C("NOOP"), s("250\r\n"), C("NOOP"), s("999 odd\r\n"), C("NOOP"), s("000\r\n")];
    check(&turns, &["220 to the greeting", "250 to NOOP", "999 to NOOP", "000 to NOOP"]);
}

#[test]
fn deviations_are_named() {
    let text = b"220 \x1b]0;owned\x07 \0 \xff\r\n";
    for (bytes, expected) in [
        (b"220 hi\n".as_slice(), vec![Quirk::BareLf]),
        (b"220 a\rb\r\n", vec![Quirk::BareCr]),
        (text, vec![Quirk::Nul, Quirk::Control, Quirk::EightBit]),
        ("220 \u{202e}hi\r\n".as_bytes(), vec![Quirk::Utf8]),
        (b"220\r\n", vec![Quirk::CodeOnly]),
        (b"999 hi\r\n", vec![Quirk::OddCode]),
        (b"220+hi\r\n", vec![Quirk::OddSeparator(b'+')]),
        (b"220-a\r\n221 b\r\n", vec![Quirk::CodesDisagree { first: 220, other: 221 }]),
        (b"550 2.1.0 hi\r\n", vec![Quirk::ClassMismatch]),
    ] {
        let mut client = client();
        client.handle_bytes(bytes, T0);
        let replies = std::iter::from_fn(|| client.poll_event()).filter_map(|event| match event {
            Event::Reply(answer) => Some(answer.reply.quirks()),
            _ => None,
        });
        assert_eq!(replies.flatten().collect::<Vec<_>>(), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn garbage_answers_nothing() {
    let turns = [s("\0\x1b[2J\u{9b}\r\n\r\n22\r\nhello there\r\n220 hi\r\n"), C("NOOP"), s("250 ok\r\n")];
    let stray = "no reply line";
    check(&turns, &[stray, stray, stray, stray, "220 to the greeting", "250 to NOOP"]);
}

#[test]
fn replies_before_the_command_answer_no_command() {
    let turns = [s("220 hi\r\n250 early\r\n235 in you are\r\n"), C("EHLO me"), s("250 mx\r\n")];
    let client = check(&turns, &["220 to the greeting", "250 unsolicited", "235 unsolicited", "250 to EHLO"]);
    assert_eq!(client.state().authenticated, None);
}

#[test]
fn what_is_glued_behind_starttls_is_never_a_reply() {
    let glued = "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n";
    let turns = [s("220 hi\r\n"), C("EHLO me"), s("250-mx\r\n250 STARTTLS\r\n"), C("STARTTLS"), s(glued)];
    let (seen, mut client) = hold(&turns, usize::MAX);
    assert_eq!(seen.last().map(String::as_str), Some("upgrade, 26 bytes thrown away"));
    assert_eq!(client.state().phase, Phase::Upgrading);
    client.handle_secured(true);
    client.handle_bytes(b"250 real\r\n", T0);
    let after: Vec<_> = std::iter::from_fn(|| client.poll_event()).filter_map(|e| words(&e)).collect();
    assert_eq!(after, ["250 unsolicited"]);
    assert_eq!(client.state().capabilities, None);
}

#[test]
fn a_code_out_of_place_changes_nothing_it_should_not() {
    for (line, reply) in [
        ("EHLO me", "334 dGVsbCBtZQ==\r\n"),
        ("EHLO me", "354 go ahead\r\n"),
        ("NOOP", "220 ready to start TLS\r\n"),
        ("NOOP", "221 bye\r\n"),
        ("NOOP", "235 2.7.0 authenticated\r\n"),
        ("MAIL FROM:<a@b>", "354 go ahead\r\n"),
        ("STARTTLS", "334 dGVsbCBtZQ==\r\n"),
        ("DATA", "250 ok\r\n"),
    ] {
        let turns = [s("220 hi\r\n"), C(line), s(reply)];
        let (_, client) = hold(&turns, usize::MAX);
        assert_eq!(client.state().phase, Phase::Ready, "{line} {reply}");
        assert_eq!(client.state().authenticated, None, "{line} {reply}");
    }
}

#[test]
fn a_link_that_ends_names_what_was_left() {
    let opening = "220 to the greeting";
    check(&[End], &["closed, the greeting unanswered, announced: false"]);
    check(&[s("220 hi\r\n"), End], &[opening, "closed, nothing unanswered, announced: false"]);
    check(
        &[s("220 hi\r\n"), C("EHLO me"), s("250-mx\r\n250-HELP\r\n"), End],
        &[opening, "closed, EHLO unanswered, announced: false"],
    );
    check(
        &[s("220 hi\r\n"), C("NOOP"), s("421 4.3.2 going\r\n"), End],
        &[opening, "421 to NOOP", "closed, nothing unanswered, announced: true"],
    );
    check(&[s("421 full\r\n"), End], &["421 to the greeting", "closed, nothing unanswered, announced: true"]);
}

#[test]
fn bytes_that_drip_do_not_move_the_limit() {
    let mut client = client();
    let due = client.poll_timeout().unwrap();
    for second in 0..due.as_secs() {
        client.handle_bytes(b"2", Duration::from_secs(second));
        client.handle_timeout(Duration::from_secs(second));
        assert_eq!(client.poll_event(), None);
        assert_eq!(client.poll_timeout(), Some(due));
    }
    client.handle_timeout(due);
    assert!(matches!(client.poll_event(), Some(Event::TimedOut { .. })));
}
