//! Reports made by hand, for the golden files of all forms.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::check::finding::{Found, in_order};
use crate::check::{Depth, End, Facts, Finding, Leg, Report, Severity, Stage, StageName, Verdict};
use crate::transcript::{Entry, EntryKind, Header, Payload};
use crate::wire::{Capabilities, Capability};

/// The moment of all samples.
pub fn now() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-25T12:00:00Z").unwrap().to_utc()
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn received(at: u64, line: &str, error: bool) -> Entry {
    Entry::new(ms(at), EntryKind::Received { tls: false, error, line: Payload::from_bytes(line) })
}

fn stage(
    name: StageName,
    at: u64,
    took: u64,
    verdict: Verdict,
    summary: &str,
    evidence: Vec<Entry>,
) -> Stage {
    let (at, took, summary) = (ms(at), ms(took), summary.to_owned());
    Stage { name, at, took, verdict, summary, evidence }
}

fn leg(place: &str, addr: &str, end: End) -> Leg {
    let header = Header::new(format!("smtp://{place}"), now().fixed_offset());
    Leg {
        place: place.to_owned(),
        server: place.to_owned(),
        addr: Some(addr.parse().unwrap()),
        attempt: 1,
        depth: Depth::Whole,
        stages: Vec::new(),
        header: Some(header),
        facts: Facts::default(),
        end,
        silent: false,
    }
}

fn report(subject: &str, took: u64, legs: Vec<Leg>, findings: Vec<Finding>) -> Report {
    let findings = in_order(findings);
    let (subject, started) = (subject.to_owned(), now().fixed_offset());
    Report { subject, started, took: ms(took), legs, findings, complete: true }
}

fn capabilities(keywords: &[&str]) -> Capabilities {
    let capability = |keyword: &&str| Capability { keyword: (*keyword).to_owned(), params: Vec::new() };
    Capabilities { domain: None, list: keywords.iter().map(capability).collect() }
}

/// Nothing wrong.
pub fn healthy() -> Report {
    let mut good = leg("mx.example.org:25", "192.0.2.25:25", End::Done);
    let greeting = vec![received(12, "220 mx.example.org ESMTP", false)];
    good.stages = vec![
        stage(StageName::Tcp, 0, 8, Verdict::Ok, "connected to 192.0.2.25:25", Vec::new()),
        stage(StageName::Banner, 8, 4, Verdict::Ok, "220 mx.example.org ESMTP", greeting),
        stage(StageName::Tls, 12, 30, Verdict::Ok, "TLSv1.3", Vec::new()),
        stage(
            StageName::Login,
            42,
            0,
            Verdict::Skipped("no credentials were given".to_owned()),
            "",
            Vec::new(),
        ),
    ];
    good.facts.tls_version = Some("TLSv1.3".to_owned());
    good.facts.cipher = Some("TLS_AES_256_GCM_SHA384".to_owned());
    good.facts.verified = Some(true);
    good.facts.not_after = Some(now() + chrono::Duration::days(80));
    good.facts.capabilities = Some(capabilities(&["SIZE", "8bitmime", "8BITMIME"]));
    report("mx.example.org:25", 42, vec![good], Vec::new())
}

/// One port refused, on another a certificate that ends soon; and a server that would like to act on the reader.
pub fn ailing() -> Report {
    let hostile = "220 <script>alert(1)</script> | 'a'=\"b\" \u{1b}[2J\u{202e}";
    let mut open = leg("mail.example.org:587", "[2001:db8::1]:587", End::Done);
    let seen = received(20, hostile, false);
    open.stages = vec![
        stage(StageName::Tcp, 0, 5, Verdict::Ok, "connected", Vec::new()),
        stage(StageName::Banner, 5, 15, Verdict::Found(Severity::Note), "220 <script>", vec![seen.clone()]),
        stage(StageName::Tls, 20, 40, Verdict::Found(Severity::Warning), "TLSv1.2", Vec::new()),
    ];
    open.facts.not_after = Some(now() + chrono::Duration::days(5));
    open.facts.verified = Some(false);
    let mut shut = leg("mail.example.org:25", "[2001:db8::1]:25", End::Unreached);
    let refused = Verdict::Found(Severity::Problem);
    shut.stages = vec![stage(StageName::Tcp, 0, 2, refused, "connection refused", Vec::new())];
    let at =
        |found: Found, stage, place: &str, evidence| found.at(stage, place, "mail.example.org", evidence);
    let findings = vec![
        at(Found::new("tls-1-2-only"), StageName::Tls, "mail.example.org:587", Vec::new()),
        at(
            Found::new("certificate-ends-soon").with("days", 5).with("day", "2026-11-30"),
            StageName::Tls,
            "mail.example.org:587",
            vec![seen],
        ),
        at(
            Found::new("connection-refused")
                .with("what", "cannot connect to [2001:db8::1]:25: connection refused"),
            StageName::Tcp,
            "mail.example.org:25",
            Vec::new(),
        ),
    ];
    report("mail.example.org", 61, vec![open, shut], findings)
}
