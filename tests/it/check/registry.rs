//! Each finding has a case that provokes it; the table of findings and the table of cases name the same.

use std::collections::BTreeSet;
use std::pin::Pin;

use heloise::check::{Report, table};

/// A finding and what provokes it.
pub struct Case {
    pub id: &'static str,
    pub provoke: fn() -> Pin<Box<dyn Future<Output = Report>>>,
}

/// The rows of a table of cases: `"id" => async { report }`.
macro_rules! cases {
    ($($id:literal => $report:expr;)*) => {
        &[$(crate::check::registry::Case { id: $id, provoke: || Box::pin(async { $report }) }),*]
    };
}
pub(super) use cases;

/// What no peer on loopback can do to a client: no route, a reset of an attempt to connect, and what has no name. That these have their
/// findings is tested beside the probe.
const NOT_ON_LOOPBACK: [&str; 3] = ["unreachable", "reset", "cannot-connect"];

fn all() -> impl Iterator<Item = &'static Case> {
    [super::names::CASES, super::links::CASES, super::sessions::CASES].into_iter().flatten()
}

#[test]
fn every_finding_has_a_case_and_every_case_a_finding() {
    let known: BTreeSet<&str> = table::rows().map(|(id, _)| id).collect();
    let provoked: BTreeSet<&str> = all().map(|case| case.id).chain(NOT_ON_LOOPBACK).collect();
    let difference: Vec<&&str> = known.symmetric_difference(&provoked).collect();
    assert!(difference.is_empty(), "{difference:?}");
}

/// Runs the cases of a table, each on a thread of its own.
pub fn provoke(cases: &'static [Case]) {
    let running: Vec<_> = cases
        .iter()
        .map(|case| {
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                (case.id, runtime.block_on((case.provoke)()))
            })
        })
        .collect();
    let mut wrong = Vec::new();
    for (id, report) in running.into_iter().map(|thread| thread.join().unwrap()) {
        let found: Vec<&str> = report.findings.iter().map(|finding| finding.id).collect();
        match report.findings.iter().find(|finding| finding.id == id) {
            None => wrong.push(format!("{id} was not found, but {found:?}; {:#?}", stages(&report))),
            Some(finding) => {
                let line = finding.line.to_string();
                let whole = !line.is_empty() && !line.contains('{') && line != id;
                let told =
                    !finding.meaning.is_empty() && !finding.causes.is_empty() && !finding.fixes.is_empty();
                if !whole || !told || finding.sources.is_empty() {
                    wrong.push(format!("{id} is not told in full: {finding:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The stages in short, for a case that went wrong.
fn stages(report: &Report) -> Vec<String> {
    let legs = report.legs.iter();
    legs.flat_map(|leg| &leg.stages).map(|s| format!("{}: {:?} {}", s.name, s.verdict, s.summary)).collect()
}

/// The page that lists the findings has each of them with its severity and words, and no other.
#[test]
fn the_page_lists_the_findings_as_the_table_has_them() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check.md");
    let page = std::fs::read_to_string(path).unwrap();
    let listed = page.split("## Findings").nth(1).unwrap().lines().filter(|line| line.starts_with("| `"));
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    let known: BTreeSet<String> = table::rows()
        .map(|(id, row)| format!("| `{id}` | {} | {} |", row.severity.word(), row.title))
        .collect();
    let difference: Vec<&String> = known.symmetric_difference(&listed).collect();
    assert!(difference.is_empty(), "{difference:#?}");
}
