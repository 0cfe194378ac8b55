//! The metrics of `heloise check`, read by Prometheus' own Python client.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::run::heloise;
use crate::server::server;

/// Debian's Python, which has Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

const READ: &str = "import sys
from prometheus_client.parser import text_string_to_metric_families as read
for family in read(sys.stdin.read()):
    for sample in family.samples:
        print(family.type, sample.name, sample.labels.get('stage', '-'), sample.value)";

/// The samples in this text, a line each; or None, and a line that says why the test is skipped.
fn read(text: &str) -> Option<String> {
    let there = Command::new(PYTHON).args(["-c", "import prometheus_client"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        assert!(
            std::env::var_os("HELOISE_TEST_SERVERS_REQUIRED").is_none(),
            "Debian package python3-prometheus-client is missing"
        );
        println!("skipped: Debian package python3-prometheus-client is not installed");
        return None;
    }
    let mut python =
        Command::new(PYTHON).args(["-c", READ]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let ran = python.wait_with_output().unwrap();
    assert!(ran.status.success(), "{text}");
    Some(String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn prometheus_reads_what_a_check_of_postfix_says() {
    let Some(postfix) = server("postfix") else { return };
    let arguments = format!("check --format prometheus --ca {}", postfix.get("CA_FILE"));
    let outcome = heloise(&arguments).arg(postfix.at("SUBMISSION")).go();
    let Some(samples) = read(&outcome.stdout) else { return };
    for line in ["gauge heloise_check_up - 1.0", "gauge heloise_check_stage_verdict tls 0.0"] {
        assert!(samples.contains(line), "{line}: {samples}\n{}", outcome.all());
    }
}
