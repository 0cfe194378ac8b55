//! A server that repeats what it was told in AUTH, in each spelling: nothing of it is shown or kept, whoever typed it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::at_terminal::AtTerminal;
use crate::binary::Heloise;
use crate::leaks::{assert_clean, assert_home_clean};

const SECRET: &str = "open-wonderland-7";

/// Where a server listens that refuses every AUTH with all that it was told.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for link in listener.incoming() {
            // The client ends the talk.
            let _ = talk(&link.unwrap());
        }
    });
    address
}

fn talk(mut link: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(link).lines();
    let mut told = String::new();
    link.write_all(b"220 mx.example.org ESMTP\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let words: Vec<&str> = line.split(' ').collect();
        let answer = match words.as_slice() {
            ["EHLO", _] => "250-mx.example.org\r\n250 AUTH PLAIN LOGIN SCRAM-SHA-256\r\n".to_owned(),
            ["AUTH", "SCRAM-SHA-256", _] => {
                let no = STANDARD.encode(format!("e=not {SECRET}"));
                link.write_all(format!("334 {no}\r\n").as_bytes())?;
                lines.next().transpose()?;
                "501 5.7.0 cancelled\r\n".to_owned()
            }
            ["AUTH", _, response] => {
                told = spelled(response);
                format!("535 5.7.8 no: {told}\r\n")
            }
            ["AUTH", "LOGIN"] => {
                link.write_all(b"334 VXNlcm5hbWU6\r\n")?;
                lines.next().transpose()?;
                link.write_all(b"334 UGFzc3dvcmQ6\r\n")?;
                told = spelled(&lines.next().transpose()?.unwrap_or_default());
                format!("535-5.7.8 no\r\n535 5.7.8 {told}\r\n")
            }
            ["QUIT"] => return link.write_all(b"221 2.0.0 bye\r\n"),
            _ => format!("450 4.3.0 later, {told}\r\n"),
        };
        link.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// What was sent, the password in it, and base64 of that alone and beside another name.
fn spelled(response: &str) -> String {
    let plain = String::from_utf8(STANDARD.decode(response).unwrap()).unwrap();
    let password = plain.rsplit('\0').next().unwrap_or_default();
    let (alone, beside) = (STANDARD.encode(password), STANDARD.encode(format!("\0al\0{password}")));
    format!("{response} <{password}> {alone} {beside}")
}

fn initial() -> String {
    STANDARD.encode(format!("\0alice\0{SECRET}"))
}

/// All four spellings, in each of the replies that hold them.
fn assert_masked(place: &str, text: &str) {
    assert_clean(place, text, SECRET);
    assert!(text.contains("{secret echo} <{secret echo}> {secret echo} {secret echo}"), "{text}");
    assert!(!text.contains(&initial()[..8]), "a part of what was sent stands in {place}:\n{text}");
}

#[test]
fn lines_of_a_script() {
    let (auth, password) = (format!("AUTH PLAIN {}", initial()), STANDARD.encode(SECRET));
    let raw = format!(r#"/raw "AUTH PLAIN {}\r\n""#, initial());
    let whole = format!(r#"/raw "AUTH LOGIN\r\nYWxpY2U=\r\n{password}\r\n""#);
    let cases: [&[&str]; 4] = [&[&auth], &[&raw], &[&whole], &["AUTH LOGIN", "YWxpY2U=", &password]];
    for lines in cases {
        let lines = [&["EHLO me"], lines, &["NOOP", "/explain"]].concat();
        for (options, by_input) in [(&[][..], true), (&[], false), (&["--json"], false)] {
            let (heloise, address) = (Heloise::new(), serve().to_string());
            let record = heloise.path("session.heloise");
            let own = ["--allow-plaintext-auth", "--keep-going", "--record", &record, &address];
            let given = lines.iter().flat_map(|line| ["-c", line]).filter(|_| !by_input);
            let args: Vec<&str> = own.into_iter().chain(options.iter().copied()).chain(given).collect();
            let input = if by_input { lines.join("\n") + "\n" } else { String::new() };
            let run = heloise.run(&args, input.as_bytes());
            assert_eq!(run.code, Some(6), "{}", run.all());
            assert_masked("what was printed", &run.all());
            assert_home_clean(&heloise, &record, SECRET);
        }
    }
}

#[test]
fn the_line_that_says_that_auth_was_refused() {
    let address = serve().to_string();
    let common = ["--allow-plaintext-auth", "--auth", "PLAIN", "--user", "alice"];
    let cases: [&[&str]; 4] = [
        &["--quit", &address],
        &["-c", "NOOP", &address],
        &["send", "--from", "alice@example.org", "--to", "bob@example.net", &address],
        &["check", &address],
    ];
    for args in cases {
        let heloise = Heloise::new().var("HELOISE_PASSWORD", SECRET);
        let run = heloise.run(&[args, &common].concat(), b"");
        assert_ne!(run.code, Some(0), "{args:?}: {}", run.all());
        assert_masked("what was printed", &run.all());
        assert!(args[0] == "check" || run.stderr.contains("{secret echo}"), "{}", run.stderr);
    }
}

#[test]
fn at_a_terminal() {
    let address = serve().to_string();
    let auth = format!("AUTH PLAIN {}\r", initial());
    let raw = format!(r#"/raw "AUTH PLAIN {}\r\n"{}"#, initial(), '\r');
    let (password, by_hand) = (format!("{SECRET}\r"), format!("{}\r", STANDARD.encode(SECRET)));
    let login = [("/auth LOGIN\r", "user name:"), ("alice\r", "password for"), (&password, "535 5.7.8")];
    let typed = [("AUTH LOGIN\r", "user name"), ("alice\r", "password"), (&password, "535 5.7.8")];
    let off = [
        ("/b64 off\r", "off:"),
        ("AUTH LOGIN\r", "334 VX"),
        ("YWxpY2U=\r", "334 UG"),
        (&by_hand, "535 5.7.8"),
    ];
    let cases: [&[(&str, &str)]; 5] = [&[(&auth, "535 5.7.8")], &[(&raw, "535 5.7.8")], &login, &typed, &off];
    for keys in cases {
        let heloise = Heloise::new();
        let record = heloise.path("session.heloise");
        let args = [address.as_str(), "--allow-plaintext-auth", "--record", &record];
        let mut terminal = AtTerminal::start_in(heloise.home.path(), &args);
        terminal.wait_for("220 ");
        terminal.press("EHLO me.example\r");
        terminal.wait_for("250 AUTH");
        for (keys, said) in keys {
            terminal.press(keys);
            terminal.wait_for(said);
        }
        terminal.press("/explain\r");
        terminal.wait_for("who");
        terminal.press("NOOP\r");
        terminal.wait_for("450 4.3.0");
        terminal.press("QUIT\r");
        terminal.wait_for("221 ");
        terminal.child.wait().unwrap();
        assert_masked("the screen", &terminal.all);
        assert_home_clean(&heloise, &record, SECRET);
    }
}

/// What the server says inside an exchange is quoted when that fails.
#[test]
fn an_error_inside_an_exchange() {
    let address = serve().to_string();
    let args = ["--allow-plaintext-auth", "--auth", "SCRAM-SHA-256", "--user", "alice", "--quit", &address];
    let run = Heloise::new().var("HELOISE_PASSWORD", SECRET).run(&args, b"");
    assert_eq!(run.code, Some(6), "{}", run.all());
    assert_clean("what was printed", &run.all(), SECRET);
    assert!(run.stderr.contains("not {secret echo}"), "{}", run.stderr);
}
