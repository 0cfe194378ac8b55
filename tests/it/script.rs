//! Script mode of the real binary: what goes on the wire, what comes out, and the exit status.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use crate::binary::Heloise;
use crate::peer::{Act, peer as peer_that};
use crate::program::{Serving, arg};

/// A peer that says `greeting`, answers each line with the next of `replies`, and returns all that it read.
fn peer(greeting: &'static str, replies: &'static [&'static str]) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(greeting.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut seen = Vec::new();
        for reply in replies {
            if reader.read_until(b'\n', &mut seen).unwrap() == 0 {
                return seen;
            }
            stream.write_all(reply.as_bytes()).unwrap();
            if reply.starts_with("221") {
                return seen;
            }
        }
        reader.read_to_end(&mut seen).unwrap();
        seen
    });
    (addr, thread)
}

fn demo(args: &[&str], input: &str) -> crate::binary::Run {
    Heloise::new().run(&[&["demo"], args].concat(), input.as_bytes())
}

/// What a `.netrc` holds is for one host; `/open` to another does not take it along.
#[test]
fn a_password_out_of_netrc_stays_with_its_host() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (ca, netrc) = (dir.path().join("ca.pem"), dir.path().join("netrc"));
    std::fs::write(&netrc, "machine 127.0.0.1 login alice@example.org password wonderland\n").unwrap();
    std::fs::set_permissions(&netrc, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = Serving::start(&["--practice", "--write-ca", arg(&ca)]);
    let port = server.addr.rsplit_once(':').unwrap().1;
    let [here, there] = ["127.0.0.1", "localhost"].map(|host| format!("/open {host}:{port} --starttls"));
    let first = format!("127.0.0.1:{port}");
    let open = |target: &str| {
        let options = ["--starttls", "--auth", "--ca", arg(&ca), "--netrc-file", arg(&netrc)];
        Heloise::new().run(&[&options[..], &["-c", target, "-c", "/auth PLAIN", &first]].concat(), b"")
    };
    let same = open(&here);
    assert_eq!((same.code, same.stdout.matches("<~  235 ").count()), (Some(0), 2), "{}", same.all());
    let other = open(&there);
    assert_eq!((other.code, other.stdout.matches("<~  235 ").count()), (Some(1), 1), "{}", other.all());
    assert!(other.stderr.contains("no password was given; no credentials were sent"), "{}", other.stderr);
}

#[test]
fn the_demonstration_runs_a_script_from_standard_input() {
    let run = demo(&[], "EHLO me.example\nMAIL FROM:<alice@example.org>\nRCPT TO:<bob@example.org>\nQUIT\n");
    assert_eq!(run.code, Some(0), "{}", run.all());
    let order =
        [" -> EHLO me.example", "<-  250-STARTTLS", " -> MAIL", "<-  250 2.1.0", " -> RCPT", "<-  250 2.1.5"];
    let mut rest = run.stdout.as_str();
    for part in order {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part} is missing or out of order in\n{}", run.stdout));
        rest = &rest[at..];
    }
}

#[test]
fn nothing_is_sent_that_was_not_asked_for() {
    let (addr, peer) = peer("220 hi\r\n", &["250 ok\r\n"]);
    let run = Heloise::new().run(&[&addr.to_string(), "-c", "NOOP"], b"");
    assert_eq!(run.code, Some(0), "{}", run.all());
    assert_eq!(peer.join().unwrap(), b"NOOP\r\n");
}

#[test]
fn lines_go_out_byte_for_byte_with_one_crlf() {
    let (addr, peer) = peer("220 hi\r\n", &["250 a\r\n", "250 b\r\n", "250 c\r\n"]);
    let script = b"noop  \xff\xfe \xc3\xa9\r\n//not a helper\nQuit";
    let run = Heloise::new().run(&[&addr.to_string()], script);
    assert_eq!(run.code, Some(0), "{}", run.all());
    assert_eq!(peer.join().unwrap(), b"noop  \xff\xfe \xc3\xa9\r\n/not a helper\r\nQuit\r\n");
    assert!(run.stdout.contains(r"noop  \xff\xfe é"), "{}", run.stdout);
}

#[test]
fn each_outcome_has_its_exit_status() {
    let cases: [(&[&str], &str, i32); 9] = [
        (&["-c", "EHLO me", "-c", "QUIT"], "", 0),
        (&["-c", "EHLO me", "-c", "RCPT TO:<bob@example.org>"], "", 5),
        (&[], "EHLO me\nMAIL FROM:<a@example.org>\nRCPT TO:<grey@example.org>\nNOOP\n", 4),
        (&["--starttls", "-c", "QUIT"], "", 0),
        (&["--starttls", "--sni", "x.example", "--verify-name", "wrong.example", "-c", "QUIT"], "", 3),
        (&["-c", "/nonsense"], "", 1),
        (&["--auth", "PLAIN", "--user", "alice@example.org", "-c", "QUIT"], "", 6),
        (&["--starttls", "--auth", "PLAIN", "--user", "alice@example.org", "-c", "QUIT"], "", 1),
        (&["--ca", "/nonexistent/ca.pem", "-c", "QUIT"], "", 1),
    ];
    for (args, input, code) in cases {
        let run = demo(args, input);
        assert_eq!(run.code, Some(code), "{args:?}\n{}", run.all());
        assert!(
            code == 0
                || run.all().contains("***")
                || run.all().contains("<**")
                || run.stderr.contains("heloise: ")
        );
    }
}

#[test]
fn an_error_reply_ends_a_script_unless_it_is_to_go_on() {
    let script = "EHLO me\nRCPT TO:<bob@example.org>\nNOOP\nQUIT\n";
    let run = demo(&[], script);
    assert!(run.code == Some(5) && !run.stdout.contains(" -> NOOP"), "{}", run.all());
    assert!(run.stdout.contains(" -> QUIT"), "it leaves politely: {}", run.stdout);
    let run = demo(&["--keep-going"], script);
    assert!(run.code == Some(5) && run.stdout.contains(" -> NOOP"), "{}", run.all());
}

#[test]
fn content_is_sent_up_to_the_lone_dot() {
    let script = "EHLO me\nMAIL FROM:<a@example.org>\nRCPT TO:<bob@example.org>\nDATA\nSubject: x\n\n/quit\nEHLO\n.\nQUIT\n";
    let run = demo(&[], script);
    assert_eq!(run.code, Some(0), "{}", run.all());
    assert!(run.stdout.contains(" -> /quit") && run.stdout.contains("queued as"), "{}", run.stdout);
    let run = demo(&[], "EHLO me\nMAIL FROM:<a@example.org>\nRCPT TO:<bob@example.org>\nDATA\nSubject: x\n");
    assert_eq!(run.code, Some(8), "{}", run.all());
    assert!(run.stderr.contains("the script ended inside the message content"), "{}", run.stderr);
}

#[test]
fn json_lines_are_the_transcript() {
    let heloise = Heloise::new();
    let file = heloise.path("a.heloise");
    let run = heloise.run(&["demo", "--json", "--record", &file, "-c", "EHLO me", "-c", "QUIT"], b"");
    assert_eq!(run.code, Some(0), "{}", run.all());
    let lines: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect();
    let recorded = std::fs::read_to_string(&file).unwrap();
    let entries = recorded.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    assert_eq!(lines.len(), entries + 1, "a header and every entry");
}

#[test]
fn a_recorded_session_plays_as_it_was_seen() {
    let heloise = Heloise::new();
    let file = heloise.path("a.heloise");
    let script = "EHLO me.example\nMAIL FROM:<alice@example.org>\nRCPT TO:<bob@example.net>\n";
    let live = heloise.run(&["demo", "--starttls", "--record", &file], script.as_bytes());
    assert_eq!(live.code, Some(5), "{}", live.all());
    let played = heloise.run(&["play", &file], b"");
    assert_eq!(played.code, Some(0), "{}", played.all());
    assert_eq!(played.stdout, live.stdout);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_transcript_is_never_overwritten_unasked() {
    let heloise = Heloise::new();
    let file = heloise.path("a.heloise");
    std::fs::write(&file, "precious").unwrap();
    let run = heloise.run(&["demo", "--record", &file, "-c", "QUIT"], b"");
    assert_eq!(run.code, Some(10), "{}", run.all());
    assert!(run.stderr.contains("is not overwritten") && run.stderr.contains("--append"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn nothing_is_appended_to_what_is_no_transcript() {
    let heloise = Heloise::new();
    let file = heloise.path("notes");
    for before in ["a shopping list\n", "%heloise 99\n"] {
        std::fs::write(&file, before).unwrap();
        let run = heloise.run(&["demo", "--record", &file, "--append", "-c", "NOOP"], b"");
        assert_eq!(run.code, Some(10), "{}", run.all());
        assert!(run.stderr.contains("is no transcript"), "{}", run.stderr);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    }
    std::fs::write(&file, "").unwrap();
    assert_eq!(heloise.run(&["demo", "--record", &file, "--append", "-c", "NOOP"], b"").code, Some(0));
    assert_eq!(heloise.run(&["play", &file], b"").code, Some(0));
}

#[test]
fn appended_sessions_stand_in_one_file() {
    let heloise = Heloise::new();
    let file = heloise.path("a.heloise");
    for _ in 0..2 {
        let run = heloise.run(&["demo", "--record", &file, "--append", "-c", "NOOP"], b"");
        assert_eq!(run.code, Some(0), "{}", run.all());
    }
    let played = heloise.run(&["play", &file], b"");
    assert_eq!(played.stdout.matches(" -> NOOP").count(), 2, "{}", played.stdout);
}

#[test]
fn a_full_disk_is_told_once_and_the_session_goes_on() {
    let run = demo(&["--record", "/dev/full", "--append", "-c", "EHLO me", "-c", "QUIT"], "");
    assert_eq!(run.code, Some(10), "{}", run.all());
    assert_eq!(run.stdout.matches("/dev/full").count(), 1, "{}", run.all());
    assert_eq!(run.stderr.matches("/dev/full").count(), 1, "{}", run.all());
    assert!(run.stdout.contains("<-  221"), "{}", run.stdout);
    let refused = demo(&["--record", "/dev/full", "--append", "-c", "RCPT TO:<x@y.example>"], "");
    assert_eq!(refused.code, Some(5), "{}", refused.all());
}

#[test]
fn credentials_need_a_yes_on_a_plain_link() {
    let line = "AUTH PLAIN AGFsaWNlQGV4YW1wbGUub3JnAHdvbmRlcmxhbmQ=";
    let (addr, peer) = peer("220 hi\r\n", &["221 bye\r\n"]);
    let target = addr.to_string();
    let run = Heloise::new().run(&[&target, "-c", line], b"");
    assert_eq!(run.code, Some(6), "{}", run.all());
    assert!(run.stderr.contains("--allow-plaintext-auth"), "{}", run.stderr);
    assert_eq!(peer.join().unwrap(), b"QUIT\r\n", "nothing of it was sent");
}

#[test]
fn a_message_without_its_end_is_told_up_to_its_last_octet() {
    let dir = tempfile::tempdir().unwrap();
    let record = dir.path().join("r.heloise");
    let (addr, peer) = peer("220 hi\r\n", &["250 hi\r\n", "354 go\r\n"]);
    let script = "EHLO x\nDATA\nA: b\n\nno line end";
    let run = Heloise::new().run(&["--record", arg(&record), &addr.to_string()], script.as_bytes());
    assert_eq!(peer.join().unwrap(), b"EHLO x\r\nDATA\r\nA: b\r\n\r\nno line end");
    assert!(run.stdout.contains(" -> no line end\\-\n=== closed"), "{}", run.all());
    let record = std::fs::read_to_string(&record).unwrap();
    assert!(record.contains(" -> no line end\\-\n"), "{record}");
}

/// A script is carried out whether or not what it shows can be kept; that it cannot is said.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_told_and_stops_nothing() {
    use std::process::{Command, Stdio};
    let full = || Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    for json in [&[][..], &["--json"]] {
        let (addr, peer) = peer("220 hi\r\n", &["250 hi\r\n", "250 ok\r\n", "221 bye\r\n"]);
        let run = Command::new(env!("CARGO_BIN_EXE_heloise"))
            .args(json)
            .args([&addr.to_string(), "-c", "EHLO x", "-c", "NOOP", "-c", "QUIT"])
            .stdin(Stdio::null())
            .stdout(full())
            .output()
            .unwrap();
        assert_eq!(peer.join().unwrap(), b"EHLO x\r\nNOOP\r\nQUIT\r\n");
        let told = String::from_utf8(run.stderr).unwrap();
        assert!(told.contains("cannot write the output: "), "{told}");
        assert_eq!(run.status.code(), Some(10));
    }
}

/// Whoever stops reading has seen enough, but not all went well.
#[test]
fn a_script_that_nobody_reads_ends_early_and_says_so() {
    use std::process::{Command, Stdio};
    let (addr, peer) = peer("220 hi\r\n", &["250 hi\r\n", "221 bye\r\n"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let run = Command::new(env!("CARGO_BIN_EXE_heloise"))
        .args([&addr.to_string(), "-c", "EHLO x", "-c", "NOOP"])
        .stdin(Stdio::null())
        .stdout(writer)
        .output()
        .unwrap();
    let seen = peer.join().unwrap();
    assert!(!String::from_utf8_lossy(&seen).contains("NOOP"));
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(told.contains("nobody reads the output any more"), "{told}");
    assert_eq!(run.status.code(), Some(10));
}

/// Whoever goes on after a refusal sends no answer of the AUTH that was kept back as a command.
#[test]
fn what_follows_an_auth_that_was_kept_back_is_kept_back_too() {
    for script in [
        "EHLO x\nAUTH LOGIN YWxpY2U=\nd29uZGVybGFuZA==\nNOOP\nQUIT\n",
        "EHLO x\n/pipeline\nAUTH LOGIN\nYWxpY2U=\nd29uZGVybGFuZA==\nNOOP\n/pipeline go\nQUIT\n",
    ] {
        let (addr, peer) = peer("220 hi\r\n", &["250 AUTH LOGIN\r\n", "250 ok\r\n", "221 bye\r\n"]);
        let run = Heloise::new().run(&["--keep-going", &addr.to_string()], script.as_bytes());
        assert_eq!(peer.join().unwrap(), b"EHLO x\r\nNOOP\r\nQUIT\r\n", "{}", run.all());
        assert!(!run.all().contains("d29uZGVybGFuZA"), "{}", run.all());
        assert!(run.stderr.contains("may belong to the AUTH that was not sent"), "{}", run.all());
    }
    // Where the exchange had begun, it is broken off.
    let (addr, peer) = peer(
        "220 hi\r\n",
        &["250 AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n", "501 broken off\r\n", "221 bye\r\n"],
    );
    let script = "EHLO x\nAUTH LOGIN\nYWxpY2U=\nd29uZGVybGFuZA==\nQUIT\n";
    let run = Heloise::new().run(&["--keep-going", &addr.to_string()], script.as_bytes());
    assert_eq!(peer.join().unwrap(), b"EHLO x\r\nAUTH LOGIN\r\n*\r\nQUIT\r\n", "{}", run.all());
}

#[test]
fn no_secret_is_left_behind() {
    const PASSWORD: &str = "wonderland";
    const FORMS: [&str; 6] = [
        PASSWORD,
        "d29uZGVybGFuZ",                           // base64 of it alone
        "AGFsaWNlQGV4YW1wbGUub3JnAHdvbmRlcmxhbmQ", // PLAIN
        "dwb25kZXJsYW5k",
        "b25kZXJsYW5k",         // shifted
        "776f6e6465726c616e64", // hex
    ];
    for mechanism in ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", ""] {
        let heloise = Heloise::new().var("HELOISE_PASSWORD", PASSWORD);
        let file = heloise.path("a.heloise");
        let auth = format!("--auth={mechanism}");
        let auth = if mechanism.is_empty() { "--auth" } else { &auth };
        let args = [
            "demo",
            "--json",
            "--starttls",
            auth,
            "--user",
            "alice@example.org",
            "--record",
            &file,
            "-c",
            "NOOP",
        ];
        let run = heloise.run(&args, b"");
        assert_eq!(run.code, Some(0), "{mechanism}: {}", run.all());
        let left = run.all() + &everything_below(heloise.home.path());
        assert!(left.contains("{secret sasl="), "{left}");
        for form in FORMS {
            assert!(!left.contains(form), "{mechanism} left {form} behind:\n{left}");
        }
    }
}

#[test]
fn a_secret_that_is_typed_raw_in_a_script_is_not_shown_either() {
    let heloise = Heloise::new();
    let file = heloise.path("a.heloise");
    let script = "EHLO me\nAUTH LOGIN\nYWxpY2VAZXhhbXBsZS5vcmc=\nd29uZGVybGFuZA==\nNOOP\n";
    let args = ["demo", "--starttls", "--record", &file];
    let run = heloise.run(&args, script.as_bytes());
    assert_eq!(run.code, Some(0), "{}", run.all());
    let left = run.all() + &everything_below(heloise.home.path());
    assert!(left.contains("235 2.7.0") && !left.contains("d29uZGVybGFuZA"), "{left}");
}

fn everything_below(folder: &std::path::Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &everything_below(&path);
        } else {
            all += &String::from_utf8_lossy(&std::fs::read(&path).unwrap());
        }
    }
    all
}

#[test]
fn unusable_input_is_told_in_a_line_or_two() {
    let heloise = Heloise::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["127.0.0.1:0", "-c", "QUIT"], 1, "port"),
        (&[&free.to_string(), "-c", "QUIT"], 2, "refused"),
        (&["no-such-host.invalid", "-c", "QUIT"], 2, "no-such-host.invalid"),
        (&["--no-such-option"], 1, "--no-such-option"),
        (&[], 1, "no target"),
        (&["@nobody"], 1, "nobody"),
        (&["play", "/nonexistent/file"], 10, "/nonexistent/file"),
    ];
    for (args, code, part) in cases {
        let run = heloise.run(args, b"");
        assert_eq!(run.code, Some(code), "{args:?}: {}", run.all());
        assert!(run.stderr.contains(part), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn a_profile_is_a_set_of_options() {
    let (addr, peer) = peer("220 hi\r\n", &["250 ok\r\n"]);
    let heloise = Heloise::new();
    let folder = heloise.home.path().join(".config/heloise");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), format!("[profiles.work]\ntarget = '{addr}'\ntimeout = 5\n"))
        .unwrap();
    let run = heloise.run(&["@work", "-c", "NOOP"], b"");
    assert_eq!(run.code, Some(0), "{}", run.all());
    assert_eq!(peer.join().unwrap(), b"NOOP\r\n");
}

#[test]
fn a_script_line_that_is_too_long_is_refused() {
    let (addr, peer) = peer("220 hi\r\n", &["221 bye\r\n"]);
    let script = vec![b'x'; 2 << 20];
    let run = Heloise::new().run(&[&addr.to_string()], &script);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("longer than 1048576 octets"), "{}", run.stderr);
    assert_eq!(peer.join().unwrap(), b"QUIT\r\n");
}

#[test]
fn pages_are_printed_for_shells_and_man() {
    let heloise = Heloise::new();
    for shell in ["bash", "zsh", "fish"] {
        let run = heloise.run(&["completions", shell], b"");
        assert!(run.code == Some(0) && run.stdout.contains("starttls"), "{shell}");
    }
    let man = heloise.run(&["man"], b"");
    assert!(man.code == Some(0) && man.stdout.contains(".TH heloise") && man.stdout.contains("HELOISE DEMO"));
    assert!(!man.stdout.contains("(1)") && !man.stdout.contains(".SH EXTRA"), "pages that there are not");
    assert!(man.stdout.contains(".SH EXAMPLES\n.nf\n"), "the examples are a table");
    for sub in ["", "demo", "play", "serve", "explain", "completions", "connect"] {
        let args: Vec<&str> = [sub, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let run = heloise.run(&args, b"");
        assert!(run.code == Some(0) && run.stdout.contains("Examples:"), "{sub}: {}", run.all());
    }
}

#[test]
fn replies_are_explained_from_words_and_from_standard_input() {
    let heloise = Heloise::new();
    let run = heloise.run(&["explain", "550", "5.1.1", "User", "unknown"], b"");
    assert!(run.code == Some(0) && run.stdout.contains("user-unknown"), "{}", run.all());
    let run = heloise.run(&["explain", "--json"], b"250 ok\r\n\n550-5.7.1 a\n550 5.7.1 Relaying denied\n");
    let rows: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2, "{}", run.all());
    assert_eq!(rows[1]["reason"], "relay-denied");
    let run = heloise.run(&["explain", "STARTTLS"], b"");
    assert!(run.stdout.contains("RFC 3207"), "{}", run.all());
    let run = heloise.run(&["explain", "xyzzy"], b"");
    assert_eq!(run.code, Some(1));
}

/// A session that the peer hurries: what comes unasked, and the exit status that it asks for.
#[test]
fn a_refusal_that_nobody_asked_for_decides_the_status() {
    let cases: [(&str, &[&str], i32); 4] = [
        ("250 ok\r\n421 4.3.2 shutting down\r\n", &["NOOP", "NOOP"], 4),
        ("250 ok\r\n554 5.7.0 too many of you\r\n", &["NOOP", "NOOP"], 5),
        ("250 ok\r\n250 and once more\r\n", &["NOOP"], 0),
        ("250 ok\r\n421 bye\r\n", &["--keep-going", "NOOP"], 4),
    ];
    for (reply, lines, status) in cases {
        let acts = vec![
            Act::Send(b"220 mx.example ESMTP\r\n".to_vec()),
            Act::Await("NOOP"),
            Act::Send(reply.as_bytes().to_vec()),
        ];
        let mut arguments = vec![peer_that(acts).to_string()];
        for line in lines {
            if !line.starts_with('-') {
                arguments.push("-c".to_owned());
            }
            arguments.push((*line).to_owned());
        }
        let run = crate::peer::heloise(&arguments);
        assert_eq!(run.status, Some(status), "{reply:?}\n{}\n{}", run.out, run.err);
    }
}

/// A server that closes with content unread resets the link. What it said before is what ended the script, whether the
/// lone dot was sent by then or not.
#[test]
fn a_refusal_within_the_content_decides_the_status() {
    let say = |text: &str| Act::Send(text.as_bytes().to_vec());
    for (reply, status) in [("554 5.7.1 content refused", 5), ("421 4.3.2 going down", 4)] {
        // Whether the refusal is there before the dot is chance in a short message, so that it is sent several times.
        for lines in [2, 2, 2, 2, 20_000, 400_000] {
            let acts = vec![
                say("220 mx.example ESMTP\r\n"),
                Act::Await("DATA"),
                say("354 go on\r\n"),
                Act::Await("Subject"),
                say(&format!("{reply}\r\n")),
            ];
            let script = format!("DATA\nSubject: x\n\n{}.\nQUIT\n", "a line of sixteen\n".repeat(lines));
            let addr = peer_that(acts).to_string();
            let run = Heloise::new().run(&["--explain", "none", &addr], script.as_bytes());
            assert_eq!(run.code, Some(status), "{lines} lines: {}", run.stderr);
            assert!(run.all().contains(reply), "{lines} lines: {}", run.stderr);
        }
    }
}

#[test]
fn deviations_of_greeting_and_ehlo_are_named() {
    let acts = vec![
        Act::Send(b"220 ****************\r\n".to_vec()),
        Act::Await("EHLO"),
        Act::Send(b"250-mx.example\r\n250-SIZE 1\r\n250-X_Y\r\n250-AUTH=LOGIN\r\n250 size 2\r\n".to_vec()),
        Act::Await("QUIT"),
        Act::Send(b"221 bye\r\n".to_vec()),
    ];
    let arguments = [peer_that(acts).to_string(), "-cEHLO me.example".to_owned(), "-cQUIT".to_owned()];
    let run = crate::peer::heloise(&arguments);
    assert_eq!(run.status, Some(0), "{}\n{}", run.out, run.err);
    for quirk in [
        "=== quirk this does not begin with the name of the server",
        "=== quirk SIZE is listed more than once",
        "=== quirk an EHLO line whose keyword breaks the grammar",
        "=== quirk AUTH=LOGIN is an obsolete form",
    ] {
        assert_eq!(run.out.matches(quirk).count(), 1, "{quirk}\n{}", run.out);
    }
}

const ENVELOPE: [&str; 2] = ["MAIL FROM:<a@example.org>", "RCPT TO:<bob@example.org>"];

#[test]
fn a_file_goes_by_bdat_in_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mail.eml");
    std::fs::write(&file, "Subject: x\n\n.\nend\n").unwrap();
    let record = folder.path().join("session.heloise");
    let (path, recording) = (file.display(), record.display().to_string());
    let script = format!(
        "EHLO me.example\n{}\n/bdat {path} 10\n{}\n/bdat \"{path}\"\nQUIT\n",
        ENVELOPE.join("\n"),
        ENVELOPE.join("\n")
    );
    let run = demo(&["--record", &recording], &script);
    assert_eq!(run.code, Some(0), "{}", run.all());
    // 22 octets with CRLF ends.
    for command in ["BDAT 10\n", "BDAT 2 LAST\n", "BDAT 22 LAST\n"] {
        assert!(run.stdout.contains(&format!(" -> {command}")), "{command}{}", run.all());
    }
    assert_eq!(run.stdout.matches(" -> BDAT 10\n").count(), 2, "{}", run.all());
    // What was recorded is understood as commands and chunks.
    let played = Heloise::new().run(&["export", &recording, "--to", "script"], b"");
    assert_eq!(played.code, Some(0), "{}", played.all());
    assert!(played.stdout.contains("BDAT 2 LAST"), "{}", played.all());
}

#[test]
fn bdat_ends_with_the_first_chunk_that_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "one\r\ntwo\r\n").unwrap();
    let bdat = format!("/bdat {} 5", file.path().display());
    let run = demo(&[], &format!("EHLO me.example\n{bdat}\n"));
    assert_eq!(run.code, Some(1), "there is no envelope: {}", run.all());
    let acts = vec![
        Act::Send(b"220 hi\r\n".to_vec()),
        Act::Await("EHLO"),
        Act::Send(b"250 mx.example\r\n".to_vec()),
        Act::Await("RCPT"),
        Act::Send(b"250 ok\r\n250 ok\r\n".to_vec()),
        Act::Await("BDAT 5"),
        Act::Send(b"452 4.3.1 full\r\n".to_vec()),
        Act::Await("QUIT"),
        Act::Send(b"221 bye\r\n".to_vec()),
    ];
    let pipeline = format!("/pipeline {}", ENVELOPE.join(" | "));
    let lines = ["EHLO me.example", &pipeline, &bdat].map(|line| format!("-c{line}"));
    let run = crate::peer::heloise(&[&[peer_that(acts).to_string()], &lines[..]].concat());
    assert_eq!(run.status, Some(4), "{}\n{}", run.out, run.err);
    assert!(run.out.contains("does not offer CHUNKING"), "{}", run.out);
    assert!(run.out.contains("does not offer PIPELINING"), "{}", run.out);
    assert!(!run.out.contains("LAST"), "{}", run.out);
}

#[test]
fn commands_can_be_pipelined() {
    let run = demo(
        &["--keep-going"],
        "EHLO me.example\n/pipeline\nMAIL FROM:<a@example.org>\nRCPT TO:<nobody@example.org>\n\
         RCPT TO:<bob@example.org>\nDATA\n/pipeline go\nSubject: x\n\nx\n.\n/pipeline NOOP | RSET\nQUIT\n",
    );
    assert_eq!(run.code, Some(5), "one recipient is unknown: {}", run.all());
    let order = [
        " -> MAIL",
        " -> RCPT TO:<nobody",
        " -> RCPT TO:<bob",
        " -> DATA",
        "<-  250 2.1.0",
        "<** 550 5.1.1",
        "<-  250 2.1.5",
        "<-  354",
        " -> Subject: x",
        " -> .",
        "<-  250 2.0.0",
        "NOOP must be the last command of a group",
        " -> NOOP",
        " -> RSET",
        " -> QUIT",
        "<-  221",
    ];
    let mut rest = run.stdout.as_str();
    for part in order {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part} is missing or out of order in\n{}", run.all()));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn what_is_collected_is_sent_or_told_of() {
    let (addr, peer) = peer("220 hi\r\n", &["250 ok\r\n"]);
    let run = Heloise::new().run(
        &[&addr.to_string()],
        b"/pipeline\nMAIL FROM:<a@example.org>\n/pipeline cancel\nNOOP\n/pipeline\nRSET\n",
    );
    assert_eq!(run.code, Some(1), "{}", run.all());
    assert!(run.all().contains("1 lines collected by /pipeline and not sent"), "{}", run.all());
    assert_eq!(peer.join().unwrap(), b"NOOP\r\n");
    let run = demo(&[], "EHLO me.example\n/pipeline NOOP | AUTH PLAIN AGEAYg==\n");
    assert_eq!(run.code, Some(1), "{}", run.all());
    assert!(run.all().contains("AUTH goes by itself") && !run.all().contains("AGEAYg"), "{}", run.all());
}

#[test]
fn chunks_may_be_typed_line_by_line() {
    let input =
        format!("EHLO me.example\n{}\nBDAT 5\nabc\nBDAT 7 LAST\n.\nxy\nNOOP\nQUIT\n", ENVELOPE.join("\n"));
    let run = demo(&["--timeout", "10"], &input);
    assert_eq!(run.code, Some(0), "{}", run.all());
    assert!(run.stdout.contains("Ok: 5 bytes") && run.stdout.contains("queued as"), "{}", run.stdout);
    let over = demo(&["--timeout", "10", "--keep-going"], &input.replace("BDAT 5", "BDAT 3"));
    assert!(over.stdout.contains("=== 2 octets more than the chunk takes"), "{}", over.stdout);
}

#[test]
fn an_unfinished_raw_line_and_the_next_are_one_command() {
    let run = demo(&["--keep-going"], "/raw \"NO\"\nOP\nVRFY bob@example.org\nQUIT\n");
    let after = run.stdout.split("VRFY bob").nth(1).unwrap_or_default();
    assert!(after.contains("252 2.0.0"), "{}", run.stdout);
    assert_eq!(run.code, Some(0), "{}", run.all());
}

#[test]
fn a_line_end_inside_an_argument_makes_no_second_command() {
    let (addr, _peer) = peer("220 hi\r\n", &[]);
    let target = addr.to_string();
    for args in [["-c", "EHLO x\r\nVRFY root"], ["--ehlo", "a\r\nQUIT"], ["--ehlo", "two words"]] {
        let run = Heloise::new().run(&[&[target.as_str()], &args[..]].concat(), b"");
        assert_eq!(run.code, Some(1), "{args:?} {}", run.all());
        assert!(run.stderr.contains("is wanted"), "{}", run.stderr);
    }
}

#[test]
fn a_mechanism_that_is_not_known_is_refused_before_it_is_asked_for() {
    let (addr, peer) = peer("220 hi\r\n", &["221 bye\r\n"]);
    let run = Heloise::new().run(&[&addr.to_string(), "-c", "/auth NONESUCH", "--user", "a"], b"");
    assert_eq!(run.code, Some(1), "{}", run.all());
    assert!(run.stderr.contains("SCRAM-SHA-256"), "{}", run.stderr);
    assert_eq!(peer.join().unwrap(), b"QUIT\r\n");
}

#[test]
fn nothing_is_waited_for_once_nothing_more_is_read() {
    let acts = vec![
        Act::Send(b"220 hi\r\n".to_vec()),
        Act::Await("NOOP"),
        Act::Send(b"250-more\r\n".repeat(30_000)),
        Act::Hold,
    ];
    let mut args = vec!["--keep-going".to_owned(), peer_that(acts).to_string()];
    args.extend(["-cNOOP", "-cNOOP", "-cQUIT"].map(str::to_owned));
    // Each command has minutes by default; the test's own limit would end it.
    let run = crate::peer::heloise(&args);
    assert_eq!(run.status, Some(8), "{} {}", run.out, run.err);
    assert_eq!(run.out.matches(" -> ").count(), 1, "{}", run.out);
}

/// Whatever fails on this side, the server is told good-bye.
#[test]
fn what_fails_here_is_followed_by_quit() {
    for (line, words) in [
        ("/auth X", "X is no mechanism that is known here"),
        ("/nonsense", "there is no helper command /nonsense"),
        ("/tls save /missing/certs.pem", "cannot write the certificates"),
    ] {
        let (addr, peer) = peer("220 hi\r\n", &["221 bye\r\n"]);
        let run = Heloise::new().run(&[&addr.to_string(), "-c", line, "-c", "NOOP"], b"");
        assert!(matches!(run.code, Some(1 | 10)) && run.stderr.contains(words), "{line}: {}", run.all());
        assert_eq!(peer.join().unwrap(), b"QUIT\r\n", "{line}");
    }
}

/// In the midst of an exchange QUIT would be taken for an answer.
#[test]
fn an_exchange_is_cancelled_before_quit() {
    let (addr, peer) = peer("220 hi\r\n", &["334 VXNlcm5hbWU6\r\n", "501 aborted\r\n", "221 bye\r\n"]);
    let run = Heloise::new().run(&[&addr.to_string(), "-c", "AUTH LOGIN", "--quit"], b"");
    assert_eq!(peer.join().unwrap(), b"AUTH LOGIN\r\n*\r\nQUIT\r\n", "{}", run.all());
}

#[test]
fn a_greeting_that_does_not_come_soon_is_remarked_on() {
    let pause = std::time::Duration::from_secs(7);
    let late = vec![Act::Drip(b"2".to_vec(), pause), Act::Send(b"20 hi\r\n".to_vec()), Act::Await("QUIT")];
    let addr = peer_that(late);
    let run = Heloise::new().run(&[&addr.to_string(), "-c", "QUIT"], b"");
    let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("no greeting yet"), "{}", run.all());
    assert!(words.contains(&format!("waits for us: heloise smtps://{addr}")), "{}", run.all());
    assert!(words.contains("220 hi"), "{}", run.all());
}
