//! From whom to check to the addresses and ports that are walked: the leg of names.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use chrono::Local;

use super::finding::{Finding, Found};
use super::ledger::Ledger;
use super::plan::Plan;
use super::progress::{LegId, Watcher};
use super::report::{End, Facts, Leg};
use super::stage::StageName;
use super::subject::{Endpoint, Role, Subject};
use crate::target::{Host, Scheme, Target};
use crate::transcript::{Header, Info};
use crate::transport::Log;
use crate::transport::resolve::NameError;

/// The way to one or more servers.
pub(super) struct Route {
    pub leg: Leg,
    pub findings: Vec<Finding>,
    pub endpoints: Vec<Endpoint>,
}

/// Looks the way up.
pub(super) async fn find(plan: Arc<Plan>, subject: &Subject, watcher: Watcher) -> Route {
    let mut finder = Finder::new(plan, subject, watcher);
    finder.ledger.enter(StageName::Dns);
    let mut endpoints = finder.endpoints(subject).await;
    let summary = finder.summary(&endpoints);
    finder.ledger.leave(summary);
    if let Subject::Domain(domain, _) = subject {
        finder.ledger.enter(StageName::Policies);
        let hosts = names_of(&endpoints);
        let (summary, enforced) = finder.policies(domain, &hosts).await;
        finder.ledger.leave(summary);
        endpoints.iter_mut().for_each(|endpoint| endpoint.demands_tls = enforced);
    }
    finder.look_around(&mut endpoints).await;
    let end = if endpoints.is_empty() { End::Unreached } else { End::Done };
    let (place, header) = (finder.ledger.place().to_owned(), finder.ledger.tape.header());
    let (stages, findings) = finder.ledger.close();
    let leg = Leg {
        server: place.clone(),
        place,
        addr: None,
        attempt: 1,
        stages,
        header,
        facts: Facts::default(),
        end,
        silent: false,
    };
    Route { leg, findings, endpoints }
}

/// The names of the hosts, each once.
fn names_of(endpoints: &[Endpoint]) -> Vec<String> {
    let mut names: Vec<String> =
        endpoints.iter().filter_map(|endpoint| endpoint.host.name().map(str::to_owned)).collect();
    names.dedup();
    names
}

/// Looks names up and takes down what it finds.
pub(super) struct Finder {
    pub plan: Arc<Plan>,
    pub ledger: Ledger,
    log: Log,
    pub words: Vec<String>,
}

impl Finder {
    fn new(plan: Arc<Plan>, subject: &Subject, watcher: Watcher) -> Finder {
        let place = place(subject);
        let target = match subject {
            Subject::Domain(domain, _) => format!("--mx {domain}"),
            _ => place.clone(),
        };
        let ledger = Ledger::new(place.clone(), target, LegId(0), watcher);
        let mut log = Log::new(Box::new(ledger.tape.clone()), 0);
        let mut header = Header::new(place.clone(), Local::now().fixed_offset());
        header.target = None;
        header.title = Some(format!("names of {place}"));
        log.begin(header, Instant::now());
        Finder { plan, ledger, log, words: Vec::new() }
    }

    async fn endpoints(&mut self, subject: &Subject) -> Vec<Endpoint> {
        let mut all = Vec::new();
        match subject {
            Subject::Port(target) => {
                all.extend(
                    self.of_host(&target.host, std::slice::from_ref(target), true, role(target)).await,
                );
            }
            Subject::Host(host) => {
                let targets: Vec<Target> = self.plan.ports.iter().map(|port| usual(host, *port)).collect();
                all.extend(self.of_host(host, &targets, false, Role::Unknown).await);
            }
            Subject::Provider { targets, .. } => {
                for target in targets {
                    let one = std::slice::from_ref(target);
                    all.extend(self.of_host(&target.host, one, true, Role::Submission).await);
                }
            }
            Subject::Domain(domain, port) => {
                for name in self.mx(domain).await {
                    let host = Host::Name(name);
                    let target = Target { scheme: Scheme::Smtp, host: host.clone(), port: *port, mx: false };
                    all.extend(self.of_host(&host, &[target], true, Role::Relay).await);
                }
            }
        }
        all
    }

    /// The addresses of a host at these ports: the first of each family.
    async fn of_host(&mut self, host: &Host, targets: &[Target], named: bool, role: Role) -> Vec<Endpoint> {
        let found = self.addresses(host).await;
        let first = |v4: bool| found.iter().copied().find(|ip| ip.is_ipv4() == v4);
        let chosen: Vec<IpAddr> = first(false).into_iter().chain(first(true)).collect();
        let mut all = Vec::new();
        for target in targets {
            for ip in &chosen {
                all.push(Endpoint {
                    host: host.clone(),
                    ip: *ip,
                    port: target.port,
                    scheme: target.scheme,
                    role: if role == Role::Unknown { role_of_port(target.port) } else { role },
                    named,
                    both_families: chosen.len() > 1,
                    demands_tls: false,
                    tlsa: None,
                });
            }
        }
        all
    }

    /// An answer, for the transcript.
    pub fn take_down(&mut self, kind: &str, name: &str, answers: &[String]) {
        let quoted: Vec<String> =
            answers.iter().map(|answer| format!("\"{}\"", answer.replace(['"', '\\'], "'"))).collect();
        let answers = if quoted.is_empty() { "-".to_owned() } else { quoted.join(" ") };
        self.note(&format!("dns {kind} {name} {answers}"));
    }

    /// Something of note, for the transcript.
    pub fn note(&mut self, words: &str) {
        self.log.info(Info::Other(words.to_owned()));
    }

    /// Something went wrong on this side, for the transcript.
    pub fn problem(&mut self, words: &str) {
        self.log.problem(words);
    }

    /// A lookup that nobody could answer, of something that mail can do without.
    pub fn unanswered(&mut self, error: &NameError) {
        self.problem(&error.to_string());
        self.ledger.find(Found::new("dns-unanswered").with("what", error));
    }

    fn summary(&self, endpoints: &[Endpoint]) -> String {
        match (self.words.is_empty(), endpoints.first()) {
            (true, Some(endpoint)) => format!("{} needs no name", endpoint.ip),
            (true, None) => "leads nowhere".to_owned(),
            (false, _) => self.words.join(" · "),
        }
    }
}

fn place(subject: &Subject) -> String {
    match subject {
        Subject::Port(target) => target.host.to_string(),
        Subject::Host(host) => host.to_string(),
        Subject::Domain(domain, _) => domain.clone(),
        Subject::Provider { name, .. } => name.clone(),
    }
}

fn usual(host: &Host, port: u16) -> Target {
    let scheme = if port == 465 { Scheme::Smtps } else { Scheme::Smtp };
    Target { scheme, host: host.clone(), port, mx: false }
}

fn role(target: &Target) -> Role {
    match target.scheme {
        Scheme::Submission | Scheme::Smtps => Role::Submission,
        Scheme::Lmtp => Role::Relay,
        Scheme::Smtp => role_of_port(target.port),
    }
}

fn role_of_port(port: u16) -> Role {
    match port {
        25 => Role::Relay,
        465 | 587 | 2525 => Role::Submission,
        _ => Role::Unknown,
    }
}
