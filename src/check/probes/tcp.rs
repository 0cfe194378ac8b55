//! The connection.

use super::super::finding::{Found, Severity};
use super::super::report::End;
use super::super::walk::Walk;
use crate::transport::DialError;
use crate::transport::dial::ConnectProblem;

/// Why all later stages are passed over.
pub(super) const NO_CONNECTION: &str = "there is no connection";

pub(super) async fn run(walk: &mut Walk) -> String {
    match walk.connect().await {
        Ok(()) => format!("connected to {}", walk.endpoint.addr()),
        Err(error) => {
            let problem = error.attempts().first().map(|attempt| attempt.error.clone());
            let found = found(walk, &error, problem.as_ref());
            let severity = severity(walk, problem.as_ref());
            walk.silent = problem == Some(ConnectProblem::TimedOut);
            walk.transient |= !matches!(problem, Some(ConnectProblem::Source(_)));
            walk.find(severity.into_iter().fold(found, Found::severity));
            walk.stop(NO_CONNECTION);
            walk.end = End::Unreached;
            error.to_string()
        }
    }
}

/// Where a host has several addresses the place names the one, and the same failure of several is one finding.
fn found(walk: &Walk, error: &DialError, problem: Option<&ConnectProblem>) -> Found {
    match problem.filter(|_| walk.endpoint.several) {
        Some(problem) => Found::new(id(Some(problem))).with("what", format!("cannot connect: {problem}")),
        None => Found::new(id(problem)).with("what", error),
    }
}

fn id(problem: Option<&ConnectProblem>) -> &'static str {
    match problem {
        Some(ConnectProblem::Refused) => "connection-refused",
        Some(ConnectProblem::TimedOut) => "connect-timed-out",
        Some(ConnectProblem::Unreachable) => "unreachable",
        Some(ConnectProblem::Reset) => "reset",
        Some(ConnectProblem::Source(_)) => "source-unusable",
        _ => "cannot-connect",
    }
}

/// A usual port that nobody named may be closed. That this machine has no IPv6 is no fault of the server.
fn severity(walk: &Walk, problem: Option<&ConnectProblem>) -> Option<Severity> {
    let endpoint = &walk.endpoint;
    let no_way = problem == Some(&ConnectProblem::Unreachable);
    if !endpoint.named || endpoint.both_families && endpoint.ip.is_ipv6() && no_way {
        return Some(Severity::Note);
    }
    endpoint.several.then_some(Severity::Warning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::table;

    #[test]
    fn what_cannot_be_provoked_on_loopback_has_its_finding() {
        for (problem, expected) in [
            (ConnectProblem::Unreachable, "unreachable"),
            (ConnectProblem::Reset, "reset"),
            (ConnectProblem::Other("no such thing".to_owned()), "cannot-connect"),
        ] {
            assert_eq!(id(Some(&problem)), expected);
            assert!(table::row(expected).is_some());
        }
    }
}
