//! The forms of a report, out of the real binary and a practice server.

use std::path::PathBuf;

use crate::program::{Serving, arg, run};

/// A practice server, and the file with its CA.
fn practice(dir: &tempfile::TempDir) -> (Serving, PathBuf) {
    let ca = dir.path().join("ca.pem");
    (Serving::start(&["--practice", "--write-ca", arg(&ca)]), ca)
}

#[test]
fn monitoring_gets_its_four_statuses() {
    let dir = tempfile::tempdir().unwrap();
    let (server, ca) = practice(&dir);
    let check = |more: &[&str]| run(&[&["check", "--format", "nagios"], more].concat());
    let good = check(&["--ca", arg(&ca), &server.addr]);
    assert_eq!(good.code, Some(0), "{}", good.all());
    assert!(
        good.stdout.starts_with("SMTP OK - smtp://") && good.stdout.contains(" | time="),
        "{}",
        good.stdout
    );
    assert!(good.stdout.contains(" cert_days="), "{}", good.stdout);
    let soon = check(&["--ca", arg(&ca), "--cert-days", "365", &server.addr]);
    assert_eq!(soon.code, Some(1), "{}", soon.all());
    assert!(soon.stdout.contains("SMTP WARNING") && soon.stdout.contains(";365:;0:"), "{}", soon.stdout);
    assert!(soon.stdout.contains("\n[WARNING] "), "{}", soon.stdout);
    let bad = check(&[&server.addr]);
    assert_eq!(bad.code, Some(2), "{}", bad.all());
    let gone = check(&["127.0.0.1:1"]);
    assert_eq!(gone.code, Some(2), "nobody there is critical: {}", gone.all());
    for broken in [&["::::"][..], &["--ca", "/nowhere", "127.0.0.1:1"], &["--no-such-option"]] {
        let ran = check(broken);
        assert_eq!(ran.code, Some(3), "{}", ran.all());
        assert!(
            ran.stdout.starts_with("SMTP UNKNOWN - ") && ran.stdout.lines().count() == 1,
            "{}",
            ran.stdout
        );
    }
}

#[test]
fn metrics_name_what_was_measured() {
    let dir = tempfile::tempdir().unwrap();
    let (server, ca) = practice(&dir);
    let ran = run(&["check", "--format", "prometheus", "--ca", arg(&ca), &server.addr]);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    let target = format!("{{target=\"smtp://{}\"", server.addr);
    for line in [
        format!("heloise_check_up{target}}} 1\n"),
        format!("heloise_check_findings{target},severity=\"problem\"}} 0\n"),
    ] {
        assert!(ran.stdout.contains(&line), "{line}: {}", ran.stdout);
    }
    for part in ["heloise_check_tls_verified{", "stage=\"tls\"} 0\n", "keyword=\"PIPELINING\"} 1\n"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let gone = run(&["check", "--format", "prometheus", "127.0.0.1:1"]);
    assert_eq!(gone.code, Some(2), "the exit status is that of a check: {}", gone.all());
    assert!(gone.stdout.contains("heloise_check_up{target=\"smtp://127.0.0.1:1\"} 0\n"), "{}", gone.stdout);
}

#[test]
fn a_page_is_written_beside_and_never_over_another() {
    let dir = tempfile::tempdir().unwrap();
    let (server, ca) = practice(&dir);
    let page = dir.path().join("report.html");
    let args = ["check", "--json", "--ca", arg(&ca), "--report", arg(&page), &server.addr];
    let ran = run(&args);
    assert_eq!(ran.code, Some(0), "{}", ran.all());
    assert!(ran.stdout.starts_with("{\"heloise\":1,"), "{}", ran.stdout);
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>\n"));
    for part in ["220 mx.example.org ESMTP", "<td>ehlo-tls</td>", "EHLO "] {
        assert!(text.contains(part), "{part}");
    }
    let again = run(&args);
    assert_eq!(again.code, Some(10), "{}", again.all());
    assert!(again.stdout.is_empty() && again.stderr.contains("not overwritten"), "{}", again.all());
    assert_eq!(std::fs::read_to_string(&page).unwrap(), text);
}
