//! What only shows when all legs are gone: ports that nobody answers at, hosts of whose addresses some or all are dead, a
//! network that lets no mail out.

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
    let (silent, others) = silent_and_others(plan, &sessions, findings);
    weigh_by_the_other_addresses(&sessions, findings);
    let target = subject.to_string();
    let mut add = |found: Found, evidence: Vec<&Leg>| {
        let evidence = evidence.iter().flat_map(|leg| leg.entries().cloned()).collect();
        findings.push(found.at(StageName::Tcp, &target, &target, evidence));
    };
    if let Subject::Host(_) = subject
        && sessions.iter().all(|leg| leg.end == End::Unreached)
    {
        let ports: Vec<String> = plan.ports.iter().map(u16::to_string).collect();
        add(Found::new("no-port-open").with("ports", ports.join(", ")), sessions.clone());
    }
    let relay = |leg: &&&Leg| leg.addr.is_some_and(|addr| addr.port() == plan.relay_port());
    let all_silent = !silent.is_empty() && others.iter().filter(relay).count() == 0;
    let elsewhere = others.iter().any(|leg| leg.was_reached());
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

/// The sessions in which nothing at all came back from the port between mail servers, and those that tell against its
/// being blocked.
fn silent_and_others<'l>(
    plan: &Plan,
    sessions: &[&'l Leg],
    findings: &[Finding],
) -> (Vec<&'l Leg>, Vec<&'l Leg>) {
    let no_way = |leg: &Leg| {
        let here = |finding: &&Finding| finding.places.contains(&leg.place);
        findings.iter().filter(here).any(|finding| is_no_way_of_ours(leg, finding))
    };
    let (silent, mut others): (Vec<&Leg>, Vec<&Leg>) = sessions.iter().partition(|leg| is_silent(plan, leg));
    others.retain(|leg| !no_way(leg));
    (silent, others)
}

/// Whether nothing at all came back from the port between mail servers.
fn is_silent(plan: &Plan, leg: &Leg) -> bool {
    leg.addr.is_some_and(|addr| addr.port() == plan.relay_port()) && leg.silent
}

/// What is found where an address does not answer.
const DEAD: [&str; 5] = ["connection-refused", "connect-timed-out", "unreachable", "reset", "cannot-connect"];

/// An address that does not answer is a warning as long as another of the host does.
fn weigh_by_the_other_addresses(sessions: &[&Leg], findings: &mut [Finding]) {
    for leg in sessions.iter().filter(|leg| leg.end == End::Unreached) {
        let mut others = sessions.iter().filter(|other| other.server == leg.server);
        let answered = others.any(|other| other.was_reached());
        let here =
            |finding: &&mut Finding| finding.stage == StageName::Tcp && finding.places.contains(&leg.place);
        for finding in findings.iter_mut().filter(here).filter(|finding| DEAD.contains(&finding.id)) {
            match answered {
                true if !is_no_way_of_ours(leg, finding) => *finding = dead(leg, finding),
                // What is only noted was not asked for by name.
                false if finding.severity == Severity::Warning => finding.severity = Severity::Problem,
                _ => {}
            }
        }
    }
}

/// That this machine has no IPv6 says nothing about the server.
fn is_no_way_of_ours(leg: &Leg, finding: &Finding) -> bool {
    finding.id == "unreachable" && leg.addr.is_some_and(|addr| addr.is_ipv6())
}

fn dead(leg: &Leg, finding: &Finding) -> Finding {
    let what = finding.line.trim_start_matches("cannot connect: ").to_owned();
    let found = Found::new("address-dead").with("server", &leg.server).with("what", what);
    found.at(StageName::Tcp, &leg.place, &leg.server, finding.evidence.clone())
}
