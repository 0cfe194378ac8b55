//! The message as it arrives.

use mail_parser::{MessageParser, MimeHeaders};

use super::*;

#[test]
fn a_built_message_arrives_as_it_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    let picture = file(&dir, "bild ü.png", &(0..=255).collect::<Vec<u8>>());
    let html = file(&dir, "a.html", "<p>schön</p>".as_bytes());
    let args = [
        "--to",
        "\"Bob, B.\" <bob@example.net>",
        "--cc",
        "carol@example.net",
        "--bcc",
        "dave@example.net",
        "--subject",
        "Grüße",
        "--text",
        "Zeile eins\n.\n..zwei ä\n",
        "--html",
        arg(&html),
        "--header",
        "X-Tag: one",
        "--header",
        "Reply-To: Zoë <zoe@example.org>",
        "--attach",
        arg(&picture),
    ];
    for bdat in [&[][..], &["--bdat"]] {
        let (ran, taken) = send(Manner::offering(&ALL), &[&args[..], bdat].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.all());
        assert_eq!(taken.commands.iter().filter(|line| line.starts_with("RCPT")).count(), 3);
        let size = taken.commands[1].split("SIZE=").nth(1).unwrap().parse::<usize>().unwrap();
        assert_eq!(size, taken.content.len(), "SIZE is exact");
        assert!(taken.content.is_ascii());
        let message = MessageParser::new().parse(&taken.content).unwrap();
        assert_eq!(message.subject(), Some("Grüße"));
        assert_eq!(message.to().unwrap().first().unwrap().name(), Some("Bob, B."));
        assert!(!String::from_utf8_lossy(&taken.content).contains("dave@"), "Bcc stays in the envelope");
        assert_eq!(message.reply_to().unwrap().first().unwrap().name(), Some("Zoë"));
        assert_eq!(message.body_text(0).unwrap().replace('\r', ""), "Zeile eins\n.\n..zwei ä\n");
        assert_eq!(message.body_html(0).unwrap(), "<p>schön</p>");
        let attachment = message.attachment(0).unwrap();
        assert_eq!(attachment.attachment_name(), Some("bild ü.png"));
        assert_eq!(attachment.contents(), (0..=255).collect::<Vec<u8>>());
        let id = message.message_id().unwrap();
        assert!(id.ends_with("@example.org") && message.date().is_some(), "{id}");
    }
}

#[test]
fn a_test_message_can_be_recognised() {
    let (ran, taken) = send(Manner::offering(&ALL), &["--to", "bob@example.net"]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let message = MessageParser::new().parse(&taken.content).unwrap();
    assert!(message.subject().unwrap().starts_with("Test from "), "{:?}", message.subject());
    let text = message.body_text(0).unwrap();
    assert!(text.contains("test message") && text.contains("smtp://127.0.0.1:"), "{text}");
}

#[test]
fn a_file_goes_out_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let content = b"From: a@b.example\n\n.\n..\r\n.dot\nno end";
    let expected = b"From: a@b.example\r\n\r\n.\r\n..\r\n.dot\r\nno end\r\n";
    let eml = file(&dir, "a.eml", content);
    for (name, input) in [(arg(&eml), &b""[..]), ("-", content)] {
        for bdat in [&[][..], &["--bdat"]] {
            let args = [&["--to", "bob@example.net", "--eml", name], bdat].concat();
            let (ran, taken) = send_with(Manner::offering(&ALL), &args, input);
            assert_eq!(ran.code, Some(0), "{}", ran.all());
            assert_eq!(taken.content, expected, "{}", taken.content.escape_ascii());
            assert!(taken.commands[1].ends_with(&format!("SIZE={}", expected.len())));
        }
    }
    let body = send_with(Manner::offering(&ALL), &["--to", "b@example.net", "--body", "-"], b"by pipe\n");
    assert!(body.1.content.ends_with(b"\r\n\r\nby pipe\r\n"), "{}", body.1.content.escape_ascii());
    let odd = file(&dir, "odd.eml", &[b"A: b\n\n\0", &[b'x'; 2000][..], b"\ra\n"].concat());
    let (ran, _) = send(Manner::offering(&ALL), &["--to", "b@example.net", "--eml", arg(&odd)]);
    for words in ["a line of 2003 octets", "1 bare CR", "1 byte of value 0"] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
}

#[test]
fn a_large_file_needs_little_memory() {
    const MIB: u64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let line = [b"y".repeat(1023), b"\n".to_vec()].concat();
    let eml = file(&dir, "large.eml", &line.repeat((MIB << 10) as usize));
    for bdat in [None, Some("--bdat")] {
        let mut manner = Manner::offering(&["SIZE", "PIPELINING"]);
        manner.offers.extend(bdat.map(|_| "CHUNKING"));
        manner.counts = bdat.is_none();
        let taker = Taker::start(manner);
        let mut args = vec!["send", "--from", "a@b.example", "--to", "c@d.example", "--eml", arg(&eml)];
        args.extend(bdat);
        let addr = taker.addr.to_string();
        args.push(&addr);
        let ran = crate::peer::heloise(&args.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(ran.status, Some(0), "{}", ran.err);
        let taken = taker.taken();
        let octets = if bdat.is_some() { taken.content.len() as u64 } else { taken.octets };
        assert_eq!(octets, (MIB << 20) + (MIB << 10), "each LF got its CR");
        assert!(ran.peak_kib < (MIB << 10) * 3 / 4, "{} KiB for a message of {MIB} MiB", ran.peak_kib);
    }
}

#[test]
fn what_cannot_be_sent_is_refused_before_any_connection() {
    let dir = tempfile::tempdir().unwrap();
    let latin = file(&dir, "latin.txt", b"K\xe4se");
    let missing = dir.path().join("missing");
    let base = ["send", "--from", "a@b.example", "--to", "c@d.example", "127.0.0.1:1"];
    for (args, code, words) in [
        (&["--subject", "a\r\nBcc: x@y"][..], 1, "the subject holds a line end"),
        (&["--header", "X: a\nBcc: x@y"], 1, "the header field holds a line end"),
        (&["--header", "Content-Type: text/html"], 1, "follows from the body"),
        (&["--cc", "Eve\r\n <x@y>"], 1, "holds a line end"),
        (&["--cc", "eve"], 1, "\"eve\" is no address"),
        (&["--envid", "a\nb"], 1, "--envid takes"),
        (&["--quit-after", "tls"], 1, "needs --starttls"),
        (&["--quit-after", "auth"], 1, "needs --auth"),
        (&["--body", arg(&latin)], 10, "is not UTF-8"),
        (&["--attach", arg(&missing)], 10, "cannot read the attachment"),
        (&["--eml", arg(dir.path())], 10, "cannot read the message"),
    ] {
        let ran = run(&[&base, args].concat());
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.all());
        assert!(ran.stderr.contains(words) && ran.stdout.is_empty(), "{args:?}: {}", ran.all());
    }
    for (args, words) in [
        (&["send", "--from", "a@b.example", "127.0.0.1:1"][..], "no recipient is named"),
        (&["send", "--to", "a@b.example"], "no target is named"),
        (&["send", "--mx", "--from", "<>", "--to", "a@b.example,c@d.example"], "recipients of one domain"),
        (&["send", "--mx", "--from", "<>", "--to", "a@[192.0.2.1]"], "the recipient is at an address"),
        (&["send", "--to", "c@d.example", "--eml", "x", "--text", "y", "127.0.0.1:1"], "cannot be used with"),
    ] {
        let ran = run(args);
        assert!(ran.code == Some(1) && ran.stderr.contains(words), "{args:?}: {}", ran.all());
    }
}

/// It is opened once: a second reader would wait for a second writer.
#[cfg(unix)]
#[test]
fn a_message_may_come_through_a_named_pipe() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::write(pipe, "Subject: piped\n\nhello\n").unwrap())
    };
    let (ran, taken) =
        super::send(super::Manner::offering(&[]), &["--to", "b@example.net", "--eml", arg(&pipe)]);
    writer.join().unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert_eq!(taken.content, b"Subject: piped\r\n\r\nhello\r\n");
}
