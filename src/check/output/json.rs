//! A report as one line of JSON; the schema is in `docs/check.md`.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::check::offers::{self, Offer, On};
use crate::check::{Depth, Finding, Leg, Report, Severity, Stage, Verdict};
use crate::transcript::Entry;
use crate::transcript::export::json::{EntryJson, write_line};

/// Writes a report. Nothing in it could harm a terminal.
///
/// # Errors
/// When `out` takes no more.
pub fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    write_line(out, &of_report(report))
}

/// Writes any object of the same kind of output.
///
/// # Errors
/// When `out` takes no more.
pub fn write_value(out: &mut impl Write, value: &Value) -> io::Result<()> {
    write_line(out, value)
}

fn of_report(report: &Report) -> Value {
    json!({
        "heloise": 1,
        "kind": "check",
        "subject": report.subject,
        "started": report.started.to_rfc3339(),
        "seconds": seconds(report.took),
        "complete": report.complete,
        "worst": report.worst().map_or(if report.complete { "ok" } else { "unknown" }, Severity::word),
        "problems": report.count(Severity::Problem),
        "warnings": report.count(Severity::Warning),
        "notes": report.count(Severity::Note),
        "findings": report.findings.iter().map(of_finding).collect::<Vec<_>>(),
        "legs": report.legs.iter().map(of_leg).collect::<Vec<_>>(),
    })
}

fn of_finding(finding: &Finding) -> Value {
    json!({
        "id": finding.id,
        "severity": finding.severity,
        "stage": finding.stage,
        "places": finding.places,
        "line": finding.line,
        "meaning": finding.meaning,
        "actor": finding.actor.as_str(),
        "causes": finding.causes,
        "fixes": finding.fixes,
        "sources": finding.sources,
        "evidence": of_entries(&finding.evidence),
    })
}

fn of_leg(leg: &Leg) -> Value {
    let facts = &leg.facts;
    let capabilities = facts.capabilities.as_ref().map(|list| {
        let words = |c: &crate::wire::Capability| {
            std::iter::once(&c.keyword).chain(&c.params).cloned().collect::<Vec<_>>().join(" ")
        };
        list.list.iter().map(words).collect::<Vec<_>>()
    });
    json!({
        "place": leg.place,
        "address": leg.addr.map(|addr| addr.to_string()),
        "try": leg.attempt,
        "depth": match leg.depth {
            Depth::Whole => "whole",
            Depth::Greeting => "greeting",
        },
        "banner": facts.banner,
        "capabilities": capabilities,
        "offers": offers::of(facts).iter().map(of_offer).collect::<Vec<_>>(),
        "tls": facts.tls_version.as_ref().map(|version| json!({
            "version": version,
            "cipher": facts.cipher,
            "verified": facts.verified,
            "not_after": facts.not_after.map(|time| time.to_rfc3339()),
        })),
        "stages": leg.stages.iter().map(of_stage).collect::<Vec<_>>(),
    })
}

fn of_offer(offer: &Offer) -> Value {
    json!({
        "keyword": offer.keyword,
        "params": offer.params,
        "link": match offer.on {
            On::Every => "every",
            On::Plain => "plain",
            On::Tls => "tls",
        },
        "meaning": offer.meaning,
        "parameters": Some(offer.parameters).filter(|text| !text.is_empty()),
        "source": offer.source,
        "status": offer.status,
    })
}

fn of_stage(stage: &Stage) -> Value {
    let why = match &stage.verdict {
        Verdict::Skipped(why) => Some(why),
        _ => None,
    };
    json!({
        "name": stage.name,
        "verdict": stage.verdict.word(),
        "why": why,
        "at": seconds(stage.at),
        "seconds": seconds(stage.took),
        "summary": stage.summary,
        "evidence": of_entries(&stage.evidence),
    })
}

fn of_entries(entries: &[Entry]) -> Vec<Value> {
    // Every value of an entry has a form in JSON.
    entries.iter().filter_map(|entry| serde_json::to_value(EntryJson(entry)).ok()).collect()
}

fn seconds(time: std::time::Duration) -> f64 {
    time.as_micros() as f64 / 1e6
}
