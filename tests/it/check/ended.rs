//! Checks that are ended before their time: by a signal, by two, and by `kill -9`.
#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::fake::{Fake, SILENT};

/// Servers that never answer MAIL, and what they hear.
struct Deaf(Arc<Mutex<Vec<String>>>);

impl Deaf {
    fn new() -> Deaf {
        Deaf(Arc::default())
    }

    /// The target of a further server.
    fn serve(&self, quit: &'static str) -> String {
        let fake = Fake::without_tls().but(|fake| {
            fake.replies.extend([("MAIL", SILENT), ("QUIT", quit)]);
            fake.heard = Some(self.0.clone());
        });
        format!("submission://{}", fake.serve())
    }

    /// Waits until it was heard so often; the limit is for a test that fails.
    fn wait_for(&self, verb: &str, times: usize) {
        let begun = Instant::now();
        let count = || self.0.lock().unwrap().iter().filter(|line| line.starts_with(verb)).count();
        while count() < times {
            assert!(begun.elapsed() < Duration::from_secs(60), "{verb}: {:?}", self.0.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn check(more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_heloise"))
        .args(["check", "--to", "bob@example.org"])
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_signal_ends_the_check_with_quit_and_a_report() {
    for (number, status) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let deaf = Deaf::new();
        let child = check(&[&deaf.serve("221 2.0.0 bye\r\n")]);
        deaf.wait_for("MAIL", 1);
        signal(&child, number);
        let output = child.wait_with_output().unwrap();
        deaf.wait_for("QUIT", 1);
        assert_eq!(output.status.code(), Some(status));
        assert!(out(&output).contains("the check was ended"), "{}", out(&output));
    }
}

/// A server that takes connections and never greets, and the first of which waits for a client.
fn mute() -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("submission://{}", listener.local_addr().unwrap());
    let (taken, connected) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut links = Vec::new();
        while let Ok((link, _)) = listener.accept() {
            links.push(link);
            let _ = taken.send(());
        }
    });
    (target, connected)
}

/// Ends a check of a list, one at a time, whose first server never greets; gives the status and what was said.
fn end_a_list(form: &str) -> (Option<i32>, String) {
    let (first, connected) = mute();
    let mut list = tempfile::NamedTempFile::new().unwrap();
    write!(list, "{first}\nsubmission://127.0.0.1:1\n").unwrap();
    let child = check(&["--targets", list.path().to_str().unwrap(), "-j", "1", "--format", form]);
    connected.recv_timeout(Duration::from_secs(60)).unwrap();
    signal(&child, Signal::SIGTERM);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), out(&output))
}

/// Of a check that was ended before its time nothing says that all is well, and what was not begun is named.
#[test]
fn an_ended_check_is_no_good_news() {
    let (status, said) = end_a_list("nagios");
    assert_eq!(status, Some(3), "{said}");
    assert!(said.starts_with("SMTP UNKNOWN - ") && said.contains("the check was ended"), "{said}");
    assert!(said.contains("127.0.0.1:1: not checked, as the check was ended before"), "{said}");
    let (status, said) = end_a_list("text");
    assert_eq!(status, Some(143), "{said}");
    assert!(!said.contains("nothing wrong") && said.contains("not checked to the end"), "{said}");
    assert!(said.contains("127.0.0.1:1: not checked, as the check was ended before"), "{said}");
    let (_, said) = end_a_list("json");
    let reports: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 2, "{said}");
    for report in &reports {
        assert_eq!((&report["complete"], &report["worst"]), (&false.into(), &"unknown".into()), "{report}");
    }
    let stages = reports[0]["legs"][1]["stages"].as_array().unwrap();
    assert!(stages.iter().any(|stage| stage["verdict"] == "ended"), "{said}");
    let (_, said) = end_a_list("prometheus");
    assert_eq!(said.matches("heloise_check_complete{").count(), 2, "{said}");
    assert!(!said.contains("stage=\"banner\""), "{said}");
}

/// The report of an orderly end is not waited for.
#[test]
fn a_second_signal_ends_it_at_once() {
    let deaf = Deaf::new();
    let child = check(&[&deaf.serve(SILENT)]);
    deaf.wait_for("MAIL", 1);
    signal(&child, Signal::SIGINT);
    deaf.wait_for("QUIT", 1);
    signal(&child, Signal::SIGINT);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(130), ""));
}

#[test]
fn kill_9_leaves_all_that_was_said_in_the_transcripts() {
    let deaf = Deaf::new();
    let dir = tempfile::tempdir().unwrap();
    let (record, list) = (dir.path().join("check.heloise"), dir.path().join("list"));
    fs::write(&list, format!("{}\n{}\n", deaf.serve(SILENT), deaf.serve(SILENT))).unwrap();
    let (path, list_path) = (record.to_str().unwrap(), list.to_str().unwrap());
    let mut child = check(&["--targets", list_path, "-j", "2", "--record", path]);
    deaf.wait_for("MAIL", 2);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let said: Vec<String> = transcripts(dir.path()).iter().map(|path| as_text(path)).collect();
    assert_eq!(said.len(), 2, "one in the file and one in a part");
    for text in &said {
        assert!(text.contains("EHLO") && text.contains("MAIL FROM:<>"), "{text}");
    }
}

fn transcripts(dir: &Path) -> Vec<std::path::PathBuf> {
    let all = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_string_lossy().contains("check.heloise")).collect()
}

/// The transcript as the program shows it: it opens.
fn as_text(path: &Path) -> String {
    let words = ["export".to_owned(), path.display().to_string(), "--to".to_owned(), "text".to_owned()];
    let run = crate::peer::heloise(&words);
    assert_eq!(run.status, Some(0), "{}", run.err);
    run.out
}
