//! `--dry-run`: says what would be done, and does nothing.

use std::io::Write;

use crate::check::{Plan, Subject, probes};
use crate::cmd::written;
use crate::report::{Problem, Status};
use crate::target::Scheme;

/// Says it for each subject.
pub fn tell(plan: &Plan, subjects: &[Subject]) -> Result<Status, Problem> {
    let mut out = std::io::stdout().lock();
    let mut lines = subjects.iter().flat_map(|subject| lines(plan, subject));
    written(lines.try_for_each(|line| writeln!(out, "{line}")))
}

fn lines(plan: &Plan, subject: &Subject) -> Vec<String> {
    let mut lines = vec![format!("{subject}")];
    let mut say = |what: &str, text: String| lines.push(format!("  {what:<13}{text}"));
    say("look up", names(subject));
    say("connect", ports(plan, subject));
    let scheme = match subject {
        Subject::Port(target) => target.scheme,
        _ => Scheme::Smtp,
    };
    for probe in probes::in_order(scheme).filter(|probe| (probe.wanted)(plan)) {
        say(probe.stage.as_str(), probe.does.to_owned());
    }
    if plan.retry.times > 0 {
        let first = plan.retry.first.as_secs_f32();
        say(
            "again",
            format!(
                "{} times at most what fails for the moment, after {first} s and then twice as long each time",
                plan.retry.times
            ),
        );
    }
    say("connections", "3 to an address and port that goes the whole way: the session and 2 to look at TLS, with a pause between; 2 more if the certificate does not verify, 1 if the greeting is late".to_owned());
    say("never", "DATA, VRFY, EXPN; no command that a healthy server refuses".to_owned());
    lines
}

fn names(subject: &Subject) -> String {
    match subject {
        Subject::Domain(domain, _) => format!(
            "MX, SPF, DMARC, MTA-STS and TLS-RPT of {domain}; A, AAAA, CNAME, PTR and TLSA of its mail hosts; its MTA-STS policy over HTTPS"
        ),
        _ => "A and AAAA; PTR and TLSA for port 25 of public addresses".to_owned(),
    }
}

fn ports(plan: &Plan, subject: &Subject) -> String {
    let of_each = match plan.all_addresses {
        true => "of every address",
        false => {
            "of every address: the whole way on the first of each family that answers, on the others as far as the greeting"
        }
    };
    match subject {
        Subject::Port(target) => format!("to port {}, {of_each}", target.port),
        Subject::Domain(_, port) => format!("to port {port} of each mail host, {of_each}"),
        Subject::Host(_) => {
            let ports: Vec<String> = plan.ports.iter().map(u16::to_string).collect();
            format!("to the ports {}, side by side, {of_each}", ports.join(", "))
        }
        Subject::Provider { targets, .. } => {
            let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
            format!("to {}, {of_each}", targets.join(", "))
        }
    }
}
