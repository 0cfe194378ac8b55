//! `heloise send`: against the practice server, and against one that keeps what it gets.

mod message;
mod stages;
mod taker;

use std::path::PathBuf;

use self::taker::{Manner, Taken, Taker};
use crate::binary::{Heloise, Run};
use crate::peer::{Act, peer};
use crate::program::{Serving, arg, run};

/// What a server of today offers.
const ALL: [&str; 6] = ["PIPELINING", "SIZE 100000", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING"];

/// Sends to such a server with these arguments, and with this on standard input.
fn send_with(manner: Manner, args: &[&str], input: &[u8]) -> (Run, Taken) {
    let taker = Taker::start(manner);
    let addr = taker.addr.to_string();
    let base = ["send", "--explain", "none", "--from", "alice@example.org"];
    let ran = Heloise::new().run(&[&base, args, &[&addr]].concat(), input);
    (ran, taker.taken())
}

fn send(manner: Manner, args: &[&str]) -> (Run, Taken) {
    send_with(manner, args, b"")
}

/// A file in a folder.
fn file(dir: &tempfile::TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// What a server says to DATA that went out behind recipients whom it refused follows from that, and says nothing more.
#[test]
fn the_status_is_the_same_with_and_without_pipelining() {
    let refusing = |offers: &[&'static str]| {
        Manner::offering(offers)
            .saying("RCPT", "450 4.2.0 greylisted")
            .saying("DATA", "554 5.5.1 no valid recipients")
    };
    for offers in [&["PIPELINING"][..], &[]] {
        let (ran, _) = send(refusing(offers), &["--to", "b@example.net"]);
        assert_eq!(ran.code, Some(4), "{}", ran.all());
        assert!(ran.stdout.contains("b@example.net  deferred  450 4.2.0 greylisted"), "{}", ran.stdout);
    }
}

#[test]
fn a_yes_in_the_wrong_place_is_no_delivery() {
    for (manner, row) in [
        (Manner::offering(&[]).saying("DATA", "250 what"), "refused   250 what"),
        (Manner { ends: vec!["354 more"], ..Manner::offering(&[]) }, "unknown   354 more"),
        (Manner::offering(&["PIPELINING"]).saying("RCPT", "354 what"), "refused   354 what"),
    ] {
        let (ran, _) = send(manner, &["--to", "b@example.net"]);
        assert_eq!(ran.code, Some(8), "{}", ran.all());
        assert!(ran.stdout.contains(&format!("b@example.net  {row}")), "{}", ran.stdout);
    }
}

#[test]
fn each_recipient_has_its_line_and_the_worst_reply_is_the_exit_status() {
    let server = Serving::start(&["--practice"]);
    let send = |to: &str| run(&["send", "--from", "alice@example.org", "--to", to, &server.addr]);
    let ran = send("bob@example.org");
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(
        ran.stdout.contains("     to    bob@example.org  taken     250 2.0.0 Ok: queued as"),
        "{}",
        ran.stdout
    );
    let ran = send("bob@example.org, nobody@example.org");
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    for line in ["bob@example.org     taken     250 2.0.0", "nobody@example.org  refused   550 5.1.1"] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    let ran = send("full@example.org,bob@example.org");
    assert_eq!(ran.code, Some(4), "{}", ran.all());
    assert!(ran.stdout.contains("full@example.org  deferred  452 4.2.2"), "{}", ran.stdout);
    let ran = send("nobody@example.org");
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    assert!(!ran.stdout.contains("Subject:"), "content for nobody: {}", ran.stdout);
}

#[test]
fn what_the_server_cannot_take_is_known_before_mail() {
    let dir = tempfile::tempdir().unwrap();
    let big = file(&dir, "big.txt", &[b"x".repeat(70), b"\n".to_vec()].concat().repeat(2000));
    let manner = || Manner::offering(&ALL).saying("MAIL", "552 5.3.4 too big");
    let (ran, taken) = send(manner(), &["--to", "bob@example.net", "--attach", arg(&big)]);
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    assert_eq!(taken.verbs(), ["EHLO", "QUIT"]);
    assert!(ran.stderr.contains("and the server takes 100000 (SIZE, RFC 1870)"), "{}", ran.stderr);
    let forced = ["--to", "bob@example.net", "--attach", arg(&big), "--force", "--no-pipelining"];
    let (ran, taken) = send(manner(), &forced);
    assert_eq!(taken.verbs(), ["EHLO", "MAIL", "QUIT"]);
    assert!(ran.code == Some(5) && ran.stdout.contains("it is sent all the"), "{}", ran.all());
    for (option, words) in [
        ("--notify=success", "--notify belongs to DSN"),
        ("--bdat", "--bdat needs CHUNKING"),
        ("--require-tls", "needs an encrypted link"),
    ] {
        let (ran, taken) = send(Manner::offering(&["SIZE"]), &["--to", "bob@example.net", option]);
        assert_eq!((ran.code, taken.verbs()), (Some(5), vec!["EHLO", "QUIT"]), "{}", ran.all());
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn letters_beyond_ascii_need_their_extensions() {
    let dir = tempfile::tempdir().unwrap();
    let eml = file(&dir, "a.eml", "Subject: x\n\nKäse\n".as_bytes());
    let args = ["--to", "bob@example.net", "--eml", arg(&eml)];
    let (ran, taken) = send(Manner::offering(&["SIZE"]), &args);
    assert_eq!((ran.code, taken.verbs()), (Some(5), vec!["EHLO", "QUIT"]), "{}", ran.all());
    assert!(ran.stderr.contains("does not offer 8BITMIME"), "{}", ran.stderr);
    let (ran, taken) = send(Manner::offering(&["SIZE"]), &[&args[..], &["--force"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(taken.content, "Subject: x\r\n\r\nKäse\r\n".as_bytes());
    assert!(!taken.commands.iter().any(|line| line.contains("BODY")), "{:?}", taken.commands);
    let (ran, taken) = send(Manner::offering(&ALL), &args);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(taken.commands[1], "MAIL FROM:<alice@example.org> SIZE=21 BODY=8BITMIME");
    let foreign = ["--to", "jörg@example.net", "--text", "x"];
    let (ran, taken) = send(Manner::offering(&["8BITMIME"]), &foreign);
    assert_eq!((ran.code, taken.verbs()), (Some(5), vec!["EHLO", "QUIT"]), "{}", ran.all());
    assert!(ran.stderr.contains("jörg@example.net needs SMTPUTF8"), "{}", ran.stderr);
    let (ran, taken) = send(Manner::offering(&ALL), &foreign);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(taken.commands[1].ends_with(" BODY=8BITMIME SMTPUTF8"), "{:?}", taken.commands);
    assert_eq!(taken.commands[2], "RCPT TO:<jörg@example.net>");
}

#[test]
fn reports_are_asked_for() {
    let args = ["--to", "bob@example.net", "--notify", "success,delay", "--ret", "hdrs", "--envid", "a+b"];
    let (ran, taken) = send(Manner::offering(&ALL), &args);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(taken.commands[1].ends_with(" RET=HDRS ENVID=a+2Bb"), "{:?}", taken.commands);
    assert_eq!(taken.commands[2], "RCPT TO:<bob@example.net> NOTIFY=SUCCESS,DELAY");
    let ran = run(&[
        "send",
        "--from",
        "a@b.example",
        "--to",
        "c@d.example",
        "--notify",
        "never,delay",
        "127.0.0.1:1",
    ]);
    assert!(ran.code == Some(1) && ran.stderr.contains("never stands alone"), "{}", ran.all());
}

#[test]
fn pipelined_replies_find_their_commands() {
    let to = "a@example.net,b@example.net,c@example.net";
    let manner = Manner { held_back: true, ..Manner::offering(&ALL) };
    let manner = manner.saying("RCPT TO:<b@", "550 5.1.1 no b").saying("RCPT TO:<c@", "451 4.3.0 later c");
    let (ran, taken) = send(manner.clone(), &["--to", to]);
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    assert_eq!(taken.verbs(), ["EHLO", "MAIL", "RCPT", "RCPT", "RCPT", "DATA", "QUIT"]);
    for line in
        ["a@example.net  taken     250", "b@example.net  refused   550", "c@example.net  deferred  451"]
    {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    // Consent to content for nobody is answered by the lone dot, and by nothing else.
    let nobody = manner.saying("RCPT", "550 5.1.1 no a");
    let (ran, taken) = send(nobody, &["--to", to]);
    assert_eq!(ran.code, Some(5), "{}", ran.all());
    assert!(taken.content.is_empty() && taken.verbs().ends_with(&["DATA", "QUIT"]), "{taken:?}");
    let slow = Manner::offering(&ALL).saying("RCPT TO:<b@", "550 5.1.1 no b");
    let (ran, taken) = send(slow, &["--to", to, "--no-pipelining"]);
    let lines: Vec<&str> =
        ran.stdout.lines().filter(|line| line.contains("RCPT") || line.contains("250 2.0.0 Ok")).collect();
    assert_eq!(lines.iter().filter(|line| line.contains("RCPT")).count(), 3);
    assert!(
        lines.windows(2).all(|pair| !(pair[0].contains("RCPT TO:<a") && pair[1].contains("RCPT"))),
        "{lines:?}"
    );
    assert_eq!(taken.verbs().len(), 7);
}

#[test]
fn a_server_that_leaves_in_the_middle_is_heard() {
    let manner = Manner::offering(&ALL).saying("RCPT", "421 4.3.2 going down");
    for (more, fate) in [(&[][..], "no reply"), (&["--no-pipelining"], "not tried")] {
        let (ran, _) = send(manner.clone(), &[&["--to", "a@example.net,b@example.net"], more].concat());
        assert_eq!(ran.code, Some(4), "{}", ran.all());
        assert!(ran.stdout.contains("a@example.net  deferred  421 4.3.2"), "{}", ran.stdout);
        assert!(ran.stdout.contains(&format!("b@example.net  {fate}")), "{}", ran.stdout);
    }
}

/// Sends content of so many octets to a server that does this once the content has begun.
fn cut_short(octets: usize, acts: &[Act], more: &[&str]) -> Run {
    let say = |text: &str| Act::Send(text.as_bytes().to_vec());
    let (offer, begin) = match more.contains(&"--bdat") {
        true => ("250-mx.example\r\n250 CHUNKING\r\n", vec![Act::Await("BDAT")]),
        false => {
            ("250 mx.example\r\n", vec![Act::Await("DATA"), say("354 go on\r\n"), Act::Await("Subject")])
        }
    };
    let mut all = vec![say("220 mx.example ESMTP\r\n"), Act::Await("EHLO"), say(offer)];
    for command in ["MAIL", "RCPT"] {
        all.extend([Act::Await(command), say("250 ok\r\n")]);
    }
    let addr = peer([all, begin, acts.to_vec()].concat()).to_string();
    let dir = tempfile::tempdir().unwrap();
    let lines = "a line of sixteen\r\n".repeat(octets / 19);
    let eml = file(&dir, "big.eml", format!("Subject: big\r\n\r\n{lines}").as_bytes());
    let base = ["send", "--explain", "none", "--from", "a@b.example", "--to", "d@e.example", "--eml"];
    Heloise::new().run(&[&base[..], &[arg(&eml)], more, &[&addr]].concat(), b"")
}

/// A server need not wait for the end of the content: what it says before it closes is its answer.
#[test]
fn a_refusal_within_the_content_is_the_reply_to_it() {
    for (reply, row, status) in [
        ("554 5.7.1 content refused", "d@e.example  refused   554 5.7.1 content refused", 5),
        ("451 4.3.0 not now", "d@e.example  deferred  451 4.3.0 not now", 4),
        ("421 4.3.2 going down", "d@e.example  deferred  421 4.3.2 going down", 4),
    ] {
        let say = Act::Send(format!("{reply}\r\n").into_bytes());
        // Closed with content unread, which makes a reset; or read to the end, and the end left without an answer.
        for (octets, acts, more) in [
            (300_000, vec![say.clone()], &[][..]),
            (8_000_000, vec![say.clone()], &[]),
            (100, vec![say.clone(), Act::Await(".\r")], &[]),
            (8_000_000, vec![say.clone()], &["--bdat"]),
        ] {
            let run = cut_short(octets, &acts, more);
            assert_eq!(run.code, Some(status), "{octets} {more:?}: {}", run.stderr);
            assert!(run.stdout.contains(row), "{octets} {more:?}: {row} is missing: {}", run.stderr);
        }
    }
}

#[test]
fn content_without_a_reply_leaves_the_outcome_unknown() {
    for (octets, acts, more) in [
        (300_000, vec![Act::Reset], &[][..]),
        (100, vec![Act::Await(".\r")], &[]),
        (100, vec![Act::Hold], &["--timeout", "0.5"]),
        (8_000_000, vec![Act::Reset], &["--bdat"]),
    ] {
        let run = cut_short(octets, &acts, more);
        assert_eq!(run.code, Some(8), "{octets} {more:?}: {}", run.stderr);
        let row = "d@e.example  unknown   no reply to the content";
        assert!(run.stdout.contains(row), "{octets} {more:?}: {}", run.stderr);
        assert!(!run.stdout.contains("accepted"), "{octets} {more:?}: {}", run.stderr);
    }
}

#[test]
fn over_lmtp_each_recipient_answers_for_itself() {
    let lmtp = |more: &[&str]| {
        let mut manner = Manner::offering(&ALL).saying("RCPT TO:<b@", "550 5.1.1 no b");
        manner.ends = vec!["250 2.1.5 kept for a", "452 4.2.2 c is full"];
        let taker = Taker::start(manner);
        let target = format!("lmtp://{}", taker.addr);
        let base =
            ["send", "--explain", "none", "--from", "<>", "--to", "a@x.example,b@x.example,c@x.example"];
        let ran = run(&[&base, more, &[&target]].concat());
        (ran, taker.taken())
    };
    for more in [&[][..], &["--bdat"], &["--no-pipelining"]] {
        let (ran, taken) = lmtp(more);
        assert_eq!(ran.code, Some(5), "{}", ran.all());
        assert_eq!((taken.verbs()[0], *taken.verbs().last().unwrap()), ("LHLO", "QUIT"));
        for line in [
            "a@x.example  taken     250 2.1.5 kept for a",
            "b@x.example  refused   550 5.1.1 no b",
            "c@x.example  deferred  452 4.2.2 c is full",
        ] {
            assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
        }
    }
}

#[test]
fn without_ehlo_there_is_helo() {
    let (ran, taken) =
        send(Manner { ends: vec!["250 kept"], ..Manner::default() }, &["--to", "bob@example.net"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(taken.verbs(), ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]);
    assert_eq!(taken.commands[2], "MAIL FROM:<alice@example.org>");
}

#[test]
fn chunks_that_end_within_a_line_are_sent_again_and_served() {
    let dir = tempfile::tempdir().unwrap();
    let (record, big) = (dir.path().join("sent.heloise"), file(&dir, "big.bin", &[7; 400_000]));
    let server = Serving::start(&["--practice"]);
    let send = |more: &[&str], addr: &str| {
        let base =
            ["send", "--explain", "none", "--from", "a@example.org", "--to", "bob@example.org", "--bdat"];
        run(&[&base[..], &["--attach", arg(&big)], more, &[addr]].concat())
    };
    let ran = send(&["--record-data", "300", "--record", arg(&record)], &server.addr);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.matches(" -> BDAT ").count() > 2, "{}", ran.stdout);
    let again = run(&["rerun", arg(&record), "--target", &server.addr]);
    assert_eq!(again.code, Some(0), "{}", again.all());
    let mock = Serving::start(&[arg(&record)]);
    let ran = send(&[], &mock.addr);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
}

#[test]
fn json_ends_with_the_outcome_and_a_record_plays() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("sent.heloise");
    let manner = Manner::offering(&ALL).saying("RCPT TO:<b@", "550 5.1.1 no b");
    let args = ["--to", "a@example.net,b@example.net", "--json", "--bdat", "--record", arg(&record)];
    let (ran, _) = send(manner, &args);
    let last: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["kind"], &last["sender"]), (&"outcome".into(), &"alice@example.org".into()));
    assert_eq!(last["recipients"][0]["fate"], "taken");
    assert_eq!(last["recipients"][1]["code"], 550);
    let played = run(&["play", "--explain", "none", arg(&record)]);
    assert_eq!(played.code, Some(0), "{}", played.all());
    assert!(
        played.stdout.contains(" -> BDAT ") && played.stdout.contains("250 2.0.0 kept"),
        "{}",
        played.stdout
    );
}

/// Also where it did not come to the sender: no connection, a greeting that refuses, an address that cannot be told.
#[test]
fn the_outcome_is_told_where_nothing_could_be_sent() {
    let outcome = |ran: &Run| -> serde_json::Value {
        serde_json::from_str(ran.stdout.lines().last().unwrap_or_default()).unwrap_or_default()
    };
    let refusing = peer(vec![Act::Send(b"554 5.7.1 go away\r\n".to_vec()), Act::Await("QUIT")]).to_string();
    let (lacking, _) = send(Manner::offering(&[]), &["--json", "--to", "j\u{f6}rg@example.net"]);
    let reach = |addr: &str| {
        Heloise::new().run(&["send", "--json", "--from", "<>", "--to", "b@example.net", addr], b"")
    };
    for (ran, code) in [(lacking, 5), (reach(&refusing), 5), (reach("127.0.0.1:1"), 2)] {
        let last = outcome(&ran);
        assert_eq!((ran.code, &last["kind"]), (Some(code), &"outcome".into()), "{}", ran.all());
        assert_eq!(last["recipients"][0]["fate"], "not-tried");
    }
}
