//! What only shows when all legs are gone: ports that nobody answers at, hosts that are down in both families, a network
//! that lets no mail out.

use super::finding::{Finding, Found, Severity};
use super::plan::Plan;
use super::report::{End, Leg};
use super::stage::StageName;
use super::subject::Subject;

/// Adds the findings on the whole, and weighs those on its parts anew.
pub(super) fn settle(plan: &Plan, subject: &Subject, legs: &[Leg], findings: &mut Vec<Finding>) {
    let sessions: Vec<&Leg> = last_tries(legs);
    if sessions.is_empty() {
        return;
    }
    raise_where_no_family_answers(&sessions, findings);
    let target = subject.to_string();
    let mut add = |found: Found, evidence: Vec<&Leg>| {
        let evidence = evidence.iter().flat_map(|leg| leg.entries().cloned()).collect();
        findings.push(found.at(StageName::Tcp, &target, &target, evidence));
    };
    let unreached = |leg: &&&Leg| leg.end == End::Unreached;
    if let Subject::Host(_) = subject
        && sessions.iter().all(|leg| leg.end == End::Unreached)
    {
        let ports: Vec<String> = plan.ports.iter().map(u16::to_string).collect();
        add(Found::new("no-port-open").with("ports", ports.join(", ")), sessions.clone());
    }
    let (silent, others): (Vec<&Leg>, Vec<&Leg>) = sessions.iter().partition(|leg| is_silent(plan, leg));
    let relay = |leg: &&&Leg| leg.addr.is_some_and(|addr| addr.port() == plan.relay_port());
    let all_silent = !silent.is_empty() && others.iter().filter(relay).count() == 0;
    let elsewhere = others.iter().filter(|leg| !unreached(leg)).count() > 0;
    let mut hosts: Vec<&str> = silent.iter().map(|leg| leg.server.as_str()).collect();
    hosts.dedup();
    if all_silent && (elsewhere || hosts.len() > 1) {
        add(Found::new("port-25-blocked").with("port", plan.relay_port()), silent);
    }
}

fn last_tries(legs: &[Leg]) -> Vec<&Leg> {
    let later = |leg: &Leg| {
        legs.iter()
            .any(|other| other.place == leg.place && other.attempt > leg.attempt && other.addr.is_some())
    };
    legs.iter().filter(|leg| leg.addr.is_some() && !later(leg)).collect()
}

/// Whether nothing at all came back from the port between mail servers.
fn is_silent(plan: &Plan, leg: &Leg) -> bool {
    leg.addr.is_some_and(|addr| addr.port() == plan.relay_port()) && leg.silent
}

/// One family that does not answer is a warning as long as the other does.
fn raise_where_no_family_answers(sessions: &[&Leg], findings: &mut [Finding]) {
    for leg in sessions.iter().filter(|leg| leg.end == End::Unreached) {
        let same = |other: &&&Leg| other.server == leg.server;
        if sessions.iter().filter(same).any(|other| other.end != End::Unreached) {
            continue;
        }
        let here =
            |finding: &&mut Finding| finding.stage == StageName::Tcp && finding.places.contains(&leg.place);
        for finding in findings.iter_mut().filter(here) {
            // What is only noted was not asked for by name.
            if finding.severity == Severity::Warning {
                finding.severity = Severity::Problem;
            }
        }
    }
}
