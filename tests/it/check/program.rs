//! The program: its forms of output, its lists, its repetition, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::fake::Fake;
use crate::peer::{Run, heloise};
use crate::tls::pki::{NAME, Pki};

/// A check of a server whose certificate is trusted, with further arguments.
fn run(pki: &Pki, more: &[&str]) -> Run {
    let ca = pki.ca_file();
    let path = ca.path().to_str().unwrap();
    let mut all = vec!["check", "--no-system-ca", "--verify-name", NAME, "--ca", path];
    all.extend(more);
    heloise(&all.into_iter().map(str::to_owned).collect::<Vec<_>>())
}

fn at(addr: SocketAddr) -> String {
    format!("submission://{addr}")
}

#[test]
fn collectors_get_samples_of_all_targets() {
    let pki = Pki::new();
    let mut list = tempfile::NamedTempFile::new().unwrap();
    let (good, bad) = (Fake::with_tls(&pki).serve(), Fake::without_tls().serve());
    writeln!(list, "# two servers\n\n{}\nsubmission://{} ", at(good), bad).unwrap();
    let path = list.path().to_str().unwrap();
    let got = run(&pki, &["--format", "prometheus", "--targets", path, "-j", "2"]);
    assert_eq!(got.status, Some(9), "{}", got.err);
    let up = got.out.lines().filter(|line| line.starts_with("heloise_check_up{")).count();
    assert_eq!(up, 2, "{}", got.out);
    assert!(got.out.contains("id=\"no-starttls\""), "{}", got.out);
    let got = run(&pki, &["--format", "nagios", "--targets", path]);
    assert_eq!(got.status, Some(2), "the worst of both: {}", got.out);
    assert!(got.out.starts_with("SMTP CRITICAL - "), "{}", got.out);
}

#[test]
fn many_targets_come_as_they_are_done_and_a_bad_line_is_named() {
    let pki = Pki::new();
    let addr = Fake::with_tls(&pki).serve();
    let mut list = tempfile::NamedTempFile::new().unwrap();
    (0..20).for_each(|_| writeln!(list, "{}", at(addr)).unwrap());
    let got = run(&pki, &["--targets", list.path().to_str().unwrap(), "-j", "5"]);
    assert_eq!(got.status, Some(0), "{}", got.err);
    assert_eq!(got.out.matches("nothing wrong").count(), 20, "{}", got.out);
    writeln!(list, "mx.example.org:notaport").unwrap();
    let got = run(&pki, &["--targets", list.path().to_str().unwrap()]);
    assert_eq!(got.status, Some(1));
    assert!(got.err.contains("line 21") && got.err.contains("is not a port"), "{}", got.err);
}

#[cfg(unix)]
#[test]
fn the_progress_bar_makes_way_for_what_is_printed() {
    let mut list = tempfile::NamedTempFile::new().unwrap();
    let addr = Fake::without_tls().serve();
    (0..3).for_each(|_| writeln!(list, "submission://{addr}").unwrap());
    let path = list.path().to_str().unwrap();
    let mut terminal = crate::at_terminal::AtTerminal::start(&["check", "-j", "1", "--targets", path]);
    (0..3).for_each(|_| drop(terminal.wait_for("submission://")));
    terminal.wait_for("no-starttls");
    let size = |cells: u16| std::num::NonZeroU16::new(cells).unwrap();
    let mut screen = vt100::Parser::new(size(24), size(80), 0);
    screen.process(terminal.all.as_bytes());
    let lines: Vec<String> = screen.screen().rows(0, 80).collect();
    let begin = |with: &str| lines.iter().filter(|line| line.starts_with(with)).count();
    assert_eq!(begin("submission://"), 3, "{lines:#?}");
    assert!(lines.iter().filter(|line| line.contains("checked")).count() <= 1, "{lines:#?}");
}

#[test]
fn a_page_and_a_transcript_are_written_and_hold_no_markup_from_outside() {
    let pki = Pki::new();
    let dir = tempfile::tempdir().unwrap();
    let (page, record) = (dir.path().join("check.html"), dir.path().join("check.heloise"));
    let fake = Fake::with_tls(&pki)
        .but(|fake| fake.banner = "220 <script>alert(1)</script> \u{1b}[2J\r\n".to_owned());
    let target = at(fake.serve());
    let more = ["--report", page.to_str().unwrap(), "--record", record.to_str().unwrap(), &target];
    let got = run(&pki, &more);
    assert!(!got.out.contains('\u{1b}'), "{}", got.out);
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)") && !html.contains("<script>"), "no script at all");
    assert!(html.contains("Content-Security-Policy") && html.trim_end().ends_with("</html>"));
    let again = run(&pki, &more);
    assert_eq!(again.status, Some(10), "an existing file is not overwritten");
    let told =
        heloise(&["export".to_owned(), record.display().to_string(), "--to".to_owned(), "text".to_owned()]);
    assert_eq!(told.status, Some(0), "{}", told.err);
    assert!(told.out.contains("STARTTLS") && told.out.contains("QUIT"), "{}", told.out);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let pki = Pki::new();
    let got = run(&pki, &["--dry-run", "--mx", "nobody.invalid", "--relay-test"]);
    assert_eq!(got.status, Some(0), "{}", got.err);
    for words in ["MTA-STS", "EHLO", "own only", "never", "DATA", "port 25"] {
        assert!(got.out.contains(words), "{words}: {}", got.out);
    }
}

#[test]
fn usage_is_explained() {
    let pki = Pki::new();
    for (words, said) in [
        (&["--provider", "nobody"][..], "gmail"),
        (&["--provider", "gmial"], "perhaps --provider gmail"),
        (&["-j", "0", "mx.example.org"], "a number from 1 up is wanted"),
        (&["--to", "a b", "mx.example.org"], "no mail address"),
        (&["--from", "a@b.example", "mx.example.org"], "--to"),
        (&[], "name a host"),
        (&["alice@example.org"], "--mx"),
    ] {
        let got = run(&pki, words);
        assert_eq!(got.status, Some(1), "{words:?}: {}", got.err);
        assert!(got.err.contains(said), "{words:?}: {}", got.err);
    }
}

/// A server that greylists: the second try is taken.
#[tokio::test]
async fn what_fails_for_the_moment_is_tried_again() {
    use heloise::check::{Envelope, Severity};
    let pki = Pki::new();
    let first = Arc::new(Mutex::new(true));
    let fake = Fake::with_tls(&pki).but(|fake| {
        fake.once = Some(("RCPT", "450 4.7.1 Greylisted, please try again\r\n", first));
    });
    let mut plan = super::plan(&pki);
    plan.envelope = Some(Envelope::new("", &["bob@example.org".to_owned()]).unwrap());
    plan.retry.times = 2;
    plan.retry.first = Duration::from_millis(10);
    let report = super::check(plan, heloise::target::Scheme::Submission, fake.serve()).await;
    assert_eq!(super::ids(&report, Severity::Note), ["tries"]);
    assert_eq!(report.findings[0].line, "it took 2 tries: the last one got through");
    let tries: Vec<u32> = report.sessions().map(|leg| leg.attempt).collect();
    assert_eq!(tries, [1, 2], "each try is in the report");
}

/// Hands connections on to a server, until it is told to keep them; a kept one comes out of the channel.
fn keeper(server: SocketAddr, keep: Arc<AtomicBool>) -> (SocketAddr, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (kept, receiver)) = (listener.local_addr().unwrap(), channel());
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            if keep.load(Ordering::SeqCst) {
                // The test may be over.
                let _ = kept.send(client);
                continue;
            }
            let server = TcpStream::connect(server).unwrap();
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server.try_clone().unwrap(), client.try_clone().unwrap()),
            ] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            }
        }
    });
    (address, receiver)
}

/// What was not reached any more when a signal came has not changed.
#[test]
fn a_round_that_is_broken_off_is_no_change() {
    let keep = Arc::new(AtomicBool::new(false));
    let (address, kept) = keeper(Fake::without_tls().serve(), keep.clone());
    let mut child = Command::new(env!("CARGO_BIN_EXE_heloise"))
        .args(["check", &at(address), "--every", "1s", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert!(first.contains("no-starttls"), "{first}");
    keep.store(true, Ordering::SeqCst);
    let held = kept.recv_timeout(Duration::from_secs(60)).unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(143), ""));
    drop(held);
}

#[test]
fn again_and_again_only_changes_are_shown() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_heloise"))
        .args(["check", &at(Fake::without_tls().serve()), "--every", "1s", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(4));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let mut out = String::new();
    std::io::Read::read_to_string(child.stdout.as_mut().unwrap(), &mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(out.lines().count(), 1, "nothing changed after the first report: {out}");
}
