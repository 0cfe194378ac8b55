//! Hostile servers against the real program: none can hang, crash, fool or deface it, and each run ends with
//! a message that says what happened.

use std::time::Duration;

use heloise::wire::escape::is_harmless;

use crate::peer::{Act, Run, heloise, peer};

/// Octets that a run may hold in memory.
const MEMORY_KIB: u64 = 64 * 1024;

/// Exit statuses as documented.
const OK: i32 = 0;
const TLS: i32 = 3;
const PERMANENT: i32 = 5;
const PROTOCOL: i32 = 8;

/// One case: what the peer does, what is asked of the program, and how it must end.
struct Case {
    acts: Vec<Act>,
    options: Vec<&'static str>,
    commands: Vec<&'static str>,
    status: i32,
    /// Words that must be said, on either output.
    says: Vec<&'static str>,
}

/// A case of a greeting and nothing else.
fn case(acts: Vec<Act>, status: i32, says: &[&'static str]) -> Case {
    Case { acts, options: vec![], commands: vec!["EHLO me.example", "QUIT"], status, says: says.to_vec() }
}

fn send(bytes: impl AsRef<[u8]>) -> Act {
    Act::Send(bytes.as_ref().to_vec())
}

/// A server that does well until the reply to EHLO, for which it sends `reply`; QUIT is answered.
fn in_reply_to_ehlo(reply: impl AsRef<[u8]>) -> Vec<Act> {
    vec![
        send("220 mx.example ESMTP\r\n"),
        Act::Await("EHLO"),
        send(reply),
        Act::Await("QUIT"),
        send("221 bye\r\n"),
        Act::Hold,
    ]
}

impl Case {
    fn option(mut self, words: &[&'static str]) -> Case {
        self.options.extend(words);
        self
    }

    fn commands(mut self, lines: &[&'static str]) -> Case {
        self.commands = lines.to_vec();
        self
    }

    fn arguments(&self, extra: &[&str]) -> Vec<String> {
        let target = peer(self.acts.clone()).to_string();
        let target = match self.options.contains(&"smtps") {
            true => format!("smtps://{target}"),
            false => target,
        };
        let options = self.options.iter().filter(|word| **word != "smtps");
        let mut arguments: Vec<String> = options.chain(extra).map(|word| (*word).to_owned()).collect();
        arguments.push(target);
        arguments.extend(self.commands.iter().flat_map(|line| ["-c".to_owned(), (*line).to_owned()]));
        arguments
    }

    /// Runs it as text, as JSON lines and in colour; all three must end alike and deface nothing.
    fn run(self) {
        let text = self.once(&["--color", "never"]);
        let whole = format!("{}{}", text.out, text.err);
        for words in &self.says {
            assert!(whole.contains(words), "“{words}” is not said: {text:#?}");
        }
        assert_harmless(&text.out);
        let json = self.once(&["--json"]);
        json.out.lines().for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
        assert_harmless(&json.out);
        let coloured = self.once(&["--color", "always"]);
        assert_harmless(&without_colours(&coloured.out));
    }

    fn once(&self, extra: &[&str]) -> Run {
        let run = heloise(&self.arguments(extra));
        assert_eq!(run.status, Some(self.status), "{extra:?} {run:#?}");
        assert!(run.peak_kib < MEMORY_KIB, "{} KiB of memory", run.peak_kib);
        assert_harmless(&without_colours(&run.err));
        run
    }
}

/// Nothing in the text can act on a terminal.
fn assert_harmless(text: &str) {
    let bad = text.chars().find(|c| *c != '\n' && !is_harmless(*c));
    assert_eq!(bad, None, "{text:?}");
}

/// The text without the program's own colours: `ESC [`, digits and semicolons, `m`.
fn without_colours(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_once('m').unwrap_or_else(|| panic!("no colour: {piece:?}"));
        assert!(code.bytes().all(|b| b.is_ascii_digit() || b == b';'), "no colour: {piece:?}");
        plain.push_str(rest);
    }
    plain
}

#[test]
fn an_endless_line() {
    case(vec![Act::Flood(vec![b'x'; 8192])], PROTOCOL, &["a line of more than 65536 octets"]).run();
}

#[test]
fn a_line_of_ten_megabytes() {
    let line = [b"250 ".as_slice(), &vec![b'x'; 10_000_000], b"\r\n"].concat();
    case(in_reply_to_ehlo(line), PROTOCOL, &["a line of more than 65536 octets"]).run();
}

#[test]
fn an_endless_multi_line_reply() {
    let acts = vec![Act::Flood(b"220-again and again and again\r\n".repeat(100))];
    case(acts, PROTOCOL, &["one reply of more than"]).run();
}

#[test]
fn endless_garbage() {
    let acts = vec![Act::Flood(b"HTTP/1.1 400 Bad Request\r\n".repeat(100))];
    case(acts, PROTOCOL, &["HTTP/1.1 400 Bad Request"]).run();
}

#[test]
fn endless_replies_nobody_asked_for() {
    let acts = vec![
        send("220 hi\r\n"),
        Act::Await("EHLO"),
        send("250 mx\r\n"),
        Act::Await("QUIT"),
        Act::Flood(b"250 more\r\n".repeat(100)),
    ];
    case(acts, OK, &["250 more"]).run();
}

#[test]
fn one_byte_a_second() {
    let acts = vec![Act::Drip(vec![b'2'; 600], Duration::from_secs(1))];
    case(acts, PROTOCOL, &["no greeting came within 2 seconds"]).option(&["--timeout", "2"]).run();
}

#[test]
fn never_answering() {
    let silent = |acts: Vec<Act>, says| case(acts, PROTOCOL, &[says]).option(&["--timeout", "1"]);
    silent(vec![Act::Hold], "no greeting came within 1 second").run();
    let acts = vec![send("220 hi\r\n"), Act::Await("EHLO"), Act::Hold];
    silent(acts, "no reply to EHLO within 1 second").run();
    let acts = vec![send("220 hi\r\n"), Act::Await("EHLO"), send("250-mx\r\n250-HELP\r\n"), Act::Hold];
    silent(acts, "no reply to EHLO within 1 second").run();
}

#[test]
fn bytes_that_act_on_terminals() {
    let text = b"\x1b]0;owned\x07 \x1b[2J\x1b[31m\x08\x08 \0 \x9b31m \xff\xfe \xe2\x80\xae txt \xe2\x81\xa6 \x7f \xc2\x9b1m\ttab";
    let reply = [b"250-", text.as_slice(), b"\r\n250-SIZE \x1b[5m\r\n250 ", text, b"\r\n"].concat();
    let mut acts = in_reply_to_ehlo(reply);
    acts[0] = send([b"220 ", text.as_slice(), b"\r\n"].concat());
    case(acts.clone(), OK, &["\\x1b]0;owned\\x07", "\\x1b[2J", "\\x00", "\\xff", "control characters"]).run();
    acts[0] = send([text.as_slice(), b"\r\n"].concat());
    acts.insert(1, send("220 hi\r\n"));
    case(acts, PROTOCOL, &["\\x1b]0;owned\\x07"]).run();
    let refusal = [b"554 5.7.1 ", text.as_slice(), b"\r\n"].concat();
    case(vec![send(refusal), Act::Hold], PERMANENT, &["\\x1b]0;owned\\x07"]).run();
}

#[test]
fn text_that_runs_the_other_way() {
    let text = "250 ok \u{202e}txt.exe\u{2066} \u{200b}\u{feff} Gr\u{fc}\u{df}e\r\n";
    case(in_reply_to_ehlo(text), OK, &["ok \\", "Gr\u{fc}\u{df}e", "UTF-8 text in a reply"]).run();
}

#[test]
fn line_ends_that_are_none() {
    case(in_reply_to_ehlo("250-mx\n250 HELP\n"), OK, &["LF alone"]).run();
    case(in_reply_to_ehlo("250 mx\rand more\r\n"), OK, &["\\x0d", "CR inside the line"]).run();
}

#[test]
fn codes_that_disagree() {
    case(in_reply_to_ehlo("250-mx\r\n251 HELP\r\n"), OK, &["code 250 and code 251"]).run();
}

#[test]
fn garbage_before_the_greeting() {
    let says = &["hello there", "does not speak SMTP"];
    case(vec![send("hello there\r\n"), Act::Hold], PROTOCOL, says).run();
    case(vec![send("hello there\r\n220 hi\r\n"), Act::Hold], PROTOCOL, says).run();
}

#[test]
fn garbage_before_a_reply() {
    case(in_reply_to_ehlo("hello there\r\n\r\n250 mx\r\n"), OK, &["hello there", "not an SMTP reply line"])
        .run();
}

#[test]
fn a_code_and_nothing_else() {
    case(in_reply_to_ehlo("250\r\n"), OK, &["a code without the space"]).run();
}

#[test]
fn ten_thousand_keywords() {
    let list: String = (0..10_000).map(|n| format!("250-X-KEY{n} value\r\n")).collect();
    case(in_reply_to_ehlo(format!("250-mx\r\n{list}250 HELP\r\n")), OK, &["X-KEY9999"]).run();
}

#[test]
fn replies_before_the_command() {
    let mut acts = in_reply_to_ehlo("250 mx\r\n");
    acts[0] = send("220 hi\r\n250 early\r\n");
    case(acts, OK, &["250 early", "no command was waiting"]).run();
}

#[test]
fn a_close_at_each_point() {
    let greeting = || send("220 hi\r\n");
    let closed = "the server closed the link";
    case(vec![], PROTOCOL, &[closed, "before its greeting"]).run();
    case(vec![send("220-hi\r\n220 th")], PROTOCOL, &[closed]).run();
    case(vec![greeting(), Act::Await("EHLO")], PROTOCOL, &[closed, "without answering EHLO"]).run();
    let acts = vec![greeting(), Act::Await("EHLO"), send("250-mx\r\n250-HE")];
    case(acts, PROTOCOL, &[closed]).run();
    let acts = vec![greeting(), Act::Await("EHLO"), send("250 mx\r\n"), Act::Await("AUTH")];
    case(acts, PROTOCOL, &[closed, "without answering AUTH"])
        .option(&["--allow-plaintext-auth"])
        .commands(&["EHLO me", "AUTH LOGIN"])
        .run();
}

/// Takes an envelope and says 354.
fn up_to_data() -> Vec<Act> {
    let ok = || send("250 ok\r\n");
    vec![
        send("220 hi\r\n"),
        Act::Await("EHLO"),
        ok(),
        Act::Await("MAIL"),
        ok(),
        Act::Await("RCPT"),
        ok(),
        Act::Await("DATA"),
        send("354 go\r\n"),
    ]
}

const MESSAGE: &[&str] =
    &["EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "Subject: x", "", "text", ".", "QUIT"];

#[test]
fn a_close_or_a_reset_in_data() {
    for (end, point) in
        [(None, "Subject"), (Some(Act::Reset), "Subject"), (None, "."), (Some(Act::Reset), ".")]
    {
        let mut acts = up_to_data();
        acts.push(Act::Await(point));
        acts.extend(end);
        case(acts, PROTOCOL, &["link"]).commands(MESSAGE).run();
    }
}

#[test]
fn plaintext_glued_behind_starttls() {
    let acts = vec![
        send("220 hi\r\n"),
        Act::Await("EHLO"),
        send("250-mx\r\n250 STARTTLS\r\n"),
        Act::Await("STARTTLS"),
        send("220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"),
        Act::AwaitBytes,
    ];
    let says = &["26 bytes in cleartext behind the reply to STARTTLS"];
    case(acts.clone(), TLS, says).option(&["--starttls"]).commands(&["QUIT"]).run();
    case(acts, TLS, says).commands(&["EHLO me", "STARTTLS", "QUIT"]).run();
}

#[test]
fn plaintext_where_tls_should_begin() {
    let upgrade = |last: Vec<Act>| {
        let mut acts = vec![
            send("220 hi\r\n"),
            Act::Await("EHLO"),
            send("250-mx\r\n250 STARTTLS\r\n"),
            Act::Await("STARTTLS"),
            send("220 go\r\n"),
            Act::AwaitBytes,
        ];
        acts.extend(last);
        case(acts, TLS, &["TLS"]).option(&["--starttls"]).commands(&["QUIT"])
    };
    upgrade(vec![send("250 not TLS at all\r\n"), Act::Hold]).run();
    upgrade(vec![]).run();
    upgrade(vec![Act::Reset]).run();
    upgrade(vec![Act::Hold]).option(&["--timeout", "1"]).run();
    case(vec![send("220 mx.example ESMTP\r\n"), Act::Hold], TLS, &["TLS"]).option(&["smtps"]).run();
}
