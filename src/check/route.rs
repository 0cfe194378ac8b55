//! From whom to check to the addresses and ports that are walked: the leg of names.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use chrono::Local;

use super::finding::{Finding, Found};
use super::ledger::Ledger;
use super::plan::Plan;
use super::progress::{LegId, Watcher};
use super::report::{Depth, End, Facts, Leg};
use super::stage::StageName;
use super::subject::{Endpoint, Role, Subject};
use crate::target::{Host, Scheme, Target};
use crate::transcript::text::quoted;
use crate::transcript::{Header, Info};
use crate::transport::Log;
use crate::transport::resolve::NameError;

/// So many addresses of a host and family are tried; nobody publishes more in earnest.
const MOST_ADDRESSES: usize = 16;

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
    if let (Subject::Domain(..), Some(why)) = (subject, finder.no_mail) {
        finder.ledger.skip(StageName::Policies, why.to_owned());
    } else if let Subject::Domain(domain, _) = subject {
        finder.ledger.enter(StageName::Policies);
        let hosts = names_of(&endpoints);
        let (summary, enforced) = finder.policies(domain, &hosts).await;
        finder.leave(summary);
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
        depth: Depth::Whole,
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
    /// Whose servers are looked for, if they are known by a provider's name.
    pub provider: Option<String>,
    /// The domain whose mail hosts are looked for.
    pub domain: Option<String>,
    /// The domain itself stands in for an MX record.
    pub implicit: bool,
    /// Why what the domain says of its mail is of no interest: there is no such domain, or it takes none.
    pub no_mail: Option<&'static str>,
    /// Lookups of the stage under way that nobody could answer.
    unanswered: Vec<NameError>,
}

impl Finder {
    fn new(plan: Arc<Plan>, subject: &Subject, watcher: Watcher) -> Finder {
        let place = place(subject);
        let target = match subject {
            Subject::Domain(domain, _) => format!("--mx {domain}"),
            _ => place.clone(),
        };
        let recorder = watcher.recorder();
        let ledger = Ledger::new(place.clone(), target, LegId::NAMES, watcher);
        let mut log = Log::new(Box::new(ledger.tape.clone()), 0);
        log.record(recorder);
        let mut header = Header::new(place.clone(), Local::now().fixed_offset());
        header.target = None;
        header.title = Some(format!("names of {place}"));
        log.begin(header, Instant::now());
        let provider = match subject {
            Subject::Provider { name, .. } => Some(name.clone()),
            _ => None,
        };
        let domain = match subject {
            Subject::Domain(domain, _) => Some(domain.clone()),
            _ => None,
        };
        let (words, unanswered) = (Vec::new(), Vec::new());
        Finder { plan, ledger, log, provider, words, domain, implicit: false, no_mail: None, unanswered }
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

    /// The addresses of a host at these ports: so many of each family, the new one first.
    async fn of_host(&mut self, host: &Host, targets: &[Target], named: bool, role: Role) -> Vec<Endpoint> {
        let found = self.addresses(host).await;
        let some = |v4: bool| found.iter().copied().filter(move |ip| ip.is_ipv4() == v4).take(MOST_ADDRESSES);
        let chosen: Vec<IpAddr> = some(false).chain(some(true)).collect();
        let both_families = chosen.iter().any(IpAddr::is_ipv4) && chosen.iter().any(IpAddr::is_ipv6);
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
                    several: chosen.len() > 1,
                    both_families,
                    demands_tls: false,
                    tlsa: None,
                });
            }
        }
        all
    }

    /// An answer as it came, for the transcript.
    pub fn take_down(&mut self, kind: &str, name: &str, answers: &[String]) {
        let quoted: Vec<String> = answers.iter().map(|answer| quoted(answer)).collect();
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

    /// Ends a stage. What nobody could answer in it is one finding.
    pub fn leave(&mut self, summary: String) {
        let unanswered = std::mem::take(&mut self.unanswered);
        if let Some((first, others)) = unanswered.split_first() {
            let others: Vec<&str> = others.iter().map(|error| error.name.as_str()).collect();
            let nor = if others.is_empty() { String::new() } else { format!("; nor {}", others.join(", ")) };
            self.ledger.find(Found::new("dns-unanswered").with("what", format!("{first}{nor}")));
        }
        self.ledger.leave(summary);
    }

    /// A lookup that nobody could answer, of something that mail can do without.
    pub fn unanswered(&mut self, error: &NameError) {
        self.problem(&error.to_string());
        self.unanswered.push(error.clone());
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
