//! Nothing that a session leaves behind holds a secret: what was printed, the record, the history, and every other file,
//! for each mechanism of the practice server, by script and at a terminal.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::at_terminal::AtTerminal;
use crate::binary::Heloise;
use crate::program::Serving;

/// A user, the secret, and the mechanisms that take both.
const WHO: &[(&str, &str, &[&str])] = &[
    (
        "alice@example.org",
        "wonderland",
        &["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"],
    ),
    ("oauth@example.org", "ya29.practice", &["XOAUTH2", "OAUTHBEARER"]),
];

struct Practice {
    server: Serving,
    heloise: Heloise,
    ca: String,
}

impl Practice {
    fn start() -> Practice {
        let heloise = Heloise::new();
        // Not in the home: what is there is searched.
        let ca = std::env::temp_dir().join(format!("heloise-leaks-{}.pem", unique()));
        let ca = ca.to_str().unwrap().to_owned();
        Practice { server: Serving::start(&["--practice", "--write-ca", &ca]), heloise, ca }
    }

    fn args<'a>(&'a self, record: &'a str, args: &[&'a str]) -> Vec<&'a str> {
        let own = [self.server.addr.as_str(), "--ca", &self.ca, "--starttls", "--record", record];
        [&own[..], args].concat()
    }
}

impl Drop for Practice {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ca);
    }
}

fn unique() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The secret in clear, in hexadecimal, and in base64 at each of its three alignments: the inner part, which does not
/// depend on what stands beside it.
fn spellings(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![secret.to_owned(), hex.to_uppercase(), hex];
    for lead in 0..3 {
        for encoded in [STANDARD.encode(format!("{}{secret}", "x".repeat(lead))), URL_SAFE.encode(secret)] {
            all.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    all
}

pub fn assert_clean(place: &str, text: &str, secret: &str) {
    for spelling in spellings(secret) {
        assert!(!text.contains(&spelling), "{spelling} stands in {place}:\n{text}");
    }
}

/// In a transcript, each line that the client sent in an exchange is a placeholder: what a mechanism computes from the
/// secret lets others guess it, and is no less to be hidden.
fn assert_redacted(transcript: &str) {
    let mut within = false;
    let mut seen = 0;
    for line in transcript.lines() {
        let Some((_, line)) = line.split_once(' ') else { continue };
        match line.get(..4) {
            Some(" -> " | " ~> ") => {
                let payload = &line[4..];
                within |= payload.starts_with("AUTH ");
                let words: Vec<&str> = payload.splitn(3, ' ').collect();
                let response =
                    if payload.starts_with("AUTH ") { words.get(2).copied() } else { Some(payload) };
                if let Some(response) = response.filter(|_| within) {
                    let empty = response.is_empty() || response == "=" || response == "*";
                    assert!(empty || response.starts_with("{secret "), "not redacted: {line}");
                    seen += usize::from(!empty);
                }
            }
            Some("<-  " | "<~  " | "<-* " | "<~* " | "<** " | "<~**") => {
                within &= line[4..].starts_with("334")
            }
            _ => {}
        }
    }
    assert!(seen > 0, "nothing was redacted in\n{transcript}");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.flat_map(|e| if e.path().is_dir() { files_below(&e.path()) } else { vec![e.path()] }).collect()
}

/// Everything in the home of a session.
pub fn assert_home_clean(heloise: &Heloise, record: &str, secret: &str) {
    let files = files_below(heloise.home.path());
    assert!(files.iter().any(|file| file == Path::new(record)), "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert_clean(&file.display().to_string(), &String::from_utf8_lossy(&bytes), secret);
    }
    assert_redacted(&std::fs::read_to_string(record).unwrap());
}

#[test]
fn by_script() {
    for (user, secret, mechanisms) in WHO {
        for mechanism in *mechanisms {
            for more in [&[][..], &["--json"], &["--no-initial-response"], &["--explain", "full"]] {
                let practice = Practice::start();
                let record = practice.heloise.path("session.heloise");
                let auth = ["--auth", mechanism, "--user", user, "--quit"];
                let args = practice.args(&record, &[&auth[..], more].concat());
                let heloise = Heloise::new().var("HELOISE_PASSWORD", secret);
                let run = heloise.run(&args, b"");
                assert_eq!(run.code, Some(0), "{mechanism}: {}", run.all());
                assert!(run.stdout.contains("235"), "{}", run.stdout);
                assert_clean("what was printed", &run.all(), secret);
                assert_home_clean(&practice.heloise, &record, secret);
                assert!(files_below(heloise.home.path()).is_empty(), "nothing else is left");
            }
        }
    }
}

#[test]
fn a_wrong_secret_by_script() {
    for (user, _, mechanisms) in WHO {
        for mechanism in *mechanisms {
            let practice = Practice::start();
            let (record, secret) = (practice.heloise.path("session.heloise"), "quite-wrong-and-odd");
            let args = practice.args(&record, &["--auth", mechanism, "--user", user, "--quit"]);
            let run = Heloise::new().var("HELOISE_PASSWORD", secret).run(&args, b"");
            assert_eq!(run.code, Some(6), "{mechanism}: {}", run.all());
            assert_clean("what was printed", &run.all(), secret);
            assert_home_clean(&practice.heloise, &record, secret);
        }
    }
}

/// By the helper, and by hand with help.
#[test]
fn at_a_terminal() {
    for (user, secret, mechanisms) in WHO {
        for mechanism in *mechanisms {
            for way in ["/auth ", "AUTH "] {
                let practice = Practice::start();
                let record = practice.heloise.path("session.heloise");
                let mut terminal =
                    AtTerminal::start_in(practice.heloise.home.path(), &practice.args(&record, &[]));
                terminal.wait_for("tls ");
                terminal.press(&format!("{way}{mechanism}\r"));
                terminal.wait_for("user name:");
                terminal.press(&format!("{user}\r"));
                let word = if *user == "oauth@example.org" { "OAuth token" } else { "password" };
                terminal.wait_for(word);
                let arguments = terminal.command_line();
                terminal.press(&format!("{secret}\r"));
                terminal.wait_for("235 2.7.0");
                terminal.press("QUIT\r");
                terminal.wait_for("221 ");
                assert_eq!(terminal.child.wait().unwrap().exit_code(), 0, "{}", terminal.all);
                assert_clean("the screen", &terminal.all, secret);
                assert_clean("the arguments", &arguments, secret);
                assert_home_clean(&practice.heloise, &record, secret);
                let history = files_below(practice.heloise.home.path());
                assert!(history.iter().any(|file| file.to_string_lossy().contains("history")), "{history:?}");
            }
        }
    }
}

/// What somebody types who encodes by themselves: the whole line is a secret.
#[test]
fn raw_responses_at_a_terminal() {
    let practice = Practice::start();
    let record = practice.heloise.path("session.heloise");
    let mut terminal = AtTerminal::start_in(practice.heloise.home.path(), &practice.args(&record, &[]));
    terminal.wait_for("tls ");
    terminal.press("/b64 off\r");
    terminal.press("AUTH PLAIN\r");
    terminal.wait_for("334");
    terminal.press(&format!("{}\r", STANDARD.encode("\0alice@example.org\0wonderland")));
    terminal.wait_for("235 2.7.0");
    terminal.press("QUIT\r");
    terminal.wait_for("221 ");
    terminal.child.wait().unwrap();
    assert_clean("the screen", &terminal.all, "wonderland");
    assert_home_clean(&practice.heloise, &record, "wonderland");
}

/// What is secret in the environment does not reach the commands that are run for another secret.
#[test]
fn commands_do_not_inherit_secrets() {
    let practice = Practice::start();
    let (record, seen) = (practice.heloise.path("session.heloise"), practice.heloise.path("environment"));
    let command = format!("env > {seen}; echo ya29.practice");
    let auth = ["--auth", "XOAUTH2", "--user", "oauth@example.org", "--token-command", &command, "--quit"];
    let heloise =
        Heloise::new().var("HELOISE_PASSWORD", "wonderland").var("HELOISE_PASSPHRASE", "open sesame");
    let run = heloise.run(&practice.args(&record, &auth), b"");
    assert_eq!(run.code, Some(0), "{}", run.all());
    let environment = std::fs::read_to_string(&seen).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains("HELOISE_PASS"), "{environment}");
}
