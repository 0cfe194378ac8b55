//! Sessions that break off: what happened, why, and what to do, wherever a session is told.

use std::time::Duration;

use crate::binary::{Heloise, Run};
use crate::peer::{Act, peer};

fn send(text: &str) -> Act {
    Act::Send(text.as_bytes().to_vec())
}

/// A server that answers the first so many lines of a short mail, and then does something else.
fn after(lines: usize, last: &[Act]) -> Vec<Act> {
    let exchange = [
        ("", "220 mx.example.org ESMTP\r\n"),
        ("EHLO", "250-mx.example.org\r\n250 SIZE 1000\r\n"),
        ("MAIL", "250 ok\r\n"),
        ("RCPT", "250 ok\r\n"),
        ("DATA", "354 go\r\n"),
        (".", "250 ok\r\n"),
        ("QUIT", ""),
    ];
    let mut acts = Vec::new();
    for (index, (line, reply)) in exchange.into_iter().take(lines + 1).enumerate() {
        if index > 0 {
            acts.push(Act::Await(line));
        }
        acts.extend((index < lines).then(|| send(reply)));
    }
    acts.extend(last.iter().cloned());
    acts
}

/// A mail as a script, to a server that breaks off.
fn mail_to(acts: Vec<Act>, options: &[&str]) -> Run {
    let addr = peer(acts).to_string();
    let script = "EHLO me.example\nMAIL FROM:<a@me.example>\nRCPT TO:<b@mx.example>\nDATA\nhello\n.\nQUIT\n";
    Heloise::new().run(&[options, &[&addr]].concat(), script.as_bytes())
}

/// Blanks and line ends all alike.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_way_to_break_off_is_explained_where_it_happens() {
    let reset = || vec![Act::Reset];
    for (acts, said, why) in [
        (after(0, &[]), "the server closed the link before its greeting", "on a block list"),
        (after(1, &[]), "the server closed the link without answering EHLO", "the name given in EHLO"),
        (after(1, &reset()), "the link was cut without answering EHLO", "the name given in EHLO"),
        (after(2, &[]), "the server closed the link without answering MAIL", "on a list"),
        (after(3, &[]), "the server closed the link without answering RCPT", "a filter does not like"),
        (after(5, &[]), "the end of the content: whether it took the message is not known", "arrive twice"),
        (
            after(5, &reset()),
            "the end of the content: whether it took the message is not known",
            "arrive twice",
        ),
        (after(6, &[]), "the server closed the link without answering QUIT", "stays accepted"),
    ] {
        let run = mail_to(acts, &[]);
        assert_eq!(run.code, Some(8), "{said}: {}", run.all());
        let told = words(&run.stdout);
        for text in [said, why, " why ", " try ", " ref RFC "] {
            assert!(told.contains(text), "{said}: {text} is missing in {}", run.all());
        }
        // Told once, it is not said again beside it.
        assert!(!run.stderr.contains("why:"), "{}", run.all());
    }
}

#[test]
fn a_wait_that_ran_out_names_the_limit_and_how_to_raise_it() {
    for (acts, said) in [
        (after(0, &[Act::Hold]), "no greeting within 0.5 s"),
        (after(3, &[Act::Hold]), "no reply to RCPT within 0.5 s"),
        (after(5, &[Act::Hold]), "no reply to the end of the content within 0.5 s: whether it took"),
    ] {
        let run = mail_to(acts, &["--timeout", "0.5"]);
        assert_eq!(run.code, Some(8), "{said}: {}", run.all());
        let told = words(&run.stdout);
        assert!(told.contains(said) && told.contains("wait longer"), "{said}: {}", run.all());
        assert!(told.contains("heloise --timeout 900 127.0.0.1:"), "{said}: {}", run.all());
    }
}

/// Standard output holds the transcript then, so standard error says why.
#[test]
fn where_lines_are_json_the_reasons_are_on_standard_error() {
    for (acts, why) in [(after(0, &[]), "on a block list"), (after(5, &[]), "arrive twice")] {
        let run = mail_to(acts, &["--json"]);
        assert!(run.stderr.contains(why) && run.stderr.contains("\n  try: "), "{}", run.all());
        assert!(!run.stdout.contains(why), "{}", run.all());
    }
}

#[test]
fn a_recorded_session_that_broke_off_is_explained_likewise() {
    let heloise = Heloise::new();
    let file = heloise.path("lost.heloise");
    let addr = peer(after(3, &[])).to_string();
    let args = [
        "--record",
        &file,
        &addr,
        "-c",
        "EHLO me",
        "-c",
        "MAIL FROM:<a@b.example>",
        "-c",
        "RCPT TO:<c@d.example>",
    ];
    let seen = heloise.run(&args, b"");
    let played = heloise.run(&["play", &file], b"");
    let below = |run: &Run| words(run.stdout.split("=== closed").nth(1).unwrap_or_default());
    assert!(below(&played).contains("without answering RCPT why a filter"), "{}", played.all());
    assert_eq!(below(&seen), below(&played));
}

#[test]
fn who_is_hung_up_on_after_a_failed_login_is_told_so() {
    let last = [Act::Await("AUTH"), send("535 5.7.8 no\r\n")];
    let addr =
        peer([after(1, &[]), vec![send("250 mx.example.org\r\n")], last.to_vec()].concat()).to_string();
    let args = [
        "--allow-plaintext-auth",
        "--keep-going",
        &addr,
        "-c",
        "EHLO me",
        "-c",
        "AUTH PLAIN AGEAYg==",
        "-c",
        "NOOP",
    ];
    let run = Heloise::new().run(&args, b"");
    let told = words(run.stdout.split("=== closed").nth(1).unwrap_or_default());
    assert!(told.contains("failed, and the server") || told.contains("failed, and a guard"), "{}", run.all());
    assert!(told.contains("login"), "{}", run.all());
}

#[test]
fn an_end_that_was_announced_is_none_to_explain() {
    for acts in [
        vec![send("554 5.7.1 not you\r\n")],
        [after(1, &[]), vec![send("421 4.3.2 going down\r\n")]].concat(),
    ] {
        let run = mail_to(acts, &[]);
        assert!(!run.stdout.contains("the server closed the link"), "{}", run.all());
    }
}

#[test]
fn a_server_that_answers_in_tls_is_known_by_it() {
    let alert = Act::Send(vec![0x15, 3, 3, 0, 2, 2, 70]);
    let run = mail_to(vec![alert], &[]);
    let told = words(&run.stdout);
    assert!(told.contains("the server waits for TLS where plaintext was spoken"), "{}", run.all());
    assert!(told.contains("heloise smtps://127.0.0.1:"), "{}", run.all());
    assert!(!told.contains("the server closed the link"), "{}", run.all());
}

/// What that means is said once of each kind.
#[test]
fn deviations_are_told_quietly() {
    let acts = vec![
        send("220 mx.example.org ESMTP\n"),
        Act::Await("EHLO"),
        send("250-mx.example.org\n250 SIZE 1000\n"),
        Act::Await("NOOP"),
        send("250 ok\r\n250 ok\r\n"),
        Act::Drip(b"2".to_vec(), Duration::from_millis(100)),
        send("50 ok\r\n"),
    ];
    let addr = peer(acts).to_string();
    let run = Heloise::new().run(&[&addr, "-c", "EHLO me.example", "-c", "NOOP", "-c", "NOOP"], b"");
    let told = words(&run.stdout);
    assert_eq!(told.matches("strict clients never see the end of this one").count(), 1, "{}", run.all());
    assert!(run.stdout.matches("=== quirk line ends in LF alone").count() >= 3, "{}", run.all());
    assert!(told.contains("=== quirk no command was waiting for this no reply was due"), "{}", run.all());
}
