//! The names on the way: addresses of hosts, hosts of domains, and what is wrong with them.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::finding::{Found, Severity};
use super::route::Finder;
use crate::explain::{Asked, explain_failure};
use crate::target::Host;
use crate::transport::dial::Family;
use crate::transport::resolve::{self, NameError, NameProblem};
use crate::transport::{DialError, records};

impl Finder {
    /// All addresses of a host.
    pub async fn addresses(&mut self, host: &Host) -> Vec<IpAddr> {
        let name = match host {
            Host::Ip(ip) if self.plan.dial.family.holds(*ip) => return vec![*ip],
            Host::Ip(ip) => {
                let found =
                    Found::new("family-excluded").with("ip", ip).with("family", self.plan.dial.family);
                self.ledger.find(found);
                return Vec::new();
            }
            Host::Name(name) => name,
        };
        let began = Instant::now();
        let found = resolve::addresses(name, &self.plan.dial).await;
        self.slow(name, began.elapsed(), found.as_ref().err());
        match found {
            Ok(found) => {
                for (kind, v4) in [("A", true), ("AAAA", false)] {
                    let of_family = found.iter().filter(|ip| ip.is_ipv4() == v4);
                    let shown: Vec<String> = of_family.map(ToString::to_string).collect();
                    self.take_down(kind, name, &shown);
                }
                let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
                self.words.push(format!("{name} → {}", shown.join(", ")));
                if self.implicit {
                    self.ledger.find(Found::new("no-mx").with("domain", name));
                }
                found
            }
            Err(error) => {
                self.take_down("A", name, &[]);
                match self.loops(name).await {
                    true => self.ledger.find(Found::new("alias-loop").with("name", name)),
                    false => self.failed(&error),
                }
                Vec::new()
            }
        }
    }

    /// Whether the aliases of a name lead nowhere but to themselves.
    async fn loops(&mut self, name: &str) -> bool {
        match records::aliases(name, &self.plan.dial).await {
            Ok(aliases) if !aliases.names.is_empty() || aliases.looping => {
                self.take_down("CNAME", name, &aliases.names);
                aliases.looping
            }
            _ => false,
        }
    }

    /// The hosts of a domain, best first.
    pub async fn mx(&mut self, domain: &str) -> Vec<String> {
        let began = Instant::now();
        let found = resolve::mx_answer(domain, &self.plan.dial).await;
        self.slow(domain, began.elapsed(), found.as_ref().err());
        let (hosts, null_beside) = match found {
            Ok(answer) => (answer.hosts, answer.null_beside),
            Err(error) => {
                let null = Some("0 .".to_owned()).filter(|_| error.problem == NameProblem::NullMx);
                self.take_down("MX", domain, null.as_slice());
                self.no_mail = Some(match error.problem {
                    NameProblem::NoSuchName => "there is no such domain",
                    NameProblem::NullMx => "the domain takes no mail",
                    _ => "the domain could not be looked up",
                });
                self.failed(&error);
                return Vec::new();
            }
        };
        // What stands in for a record was not in the answer.
        let records = hosts.iter().filter(|mx| !mx.implicit);
        let mut shown: Vec<String> = records.map(|mx| format!("{} {}", mx.preference, mx.name)).collect();
        shown.extend(null_beside.then(|| "0 .".to_owned()));
        self.take_down("MX", domain, &shown);
        if null_beside {
            self.ledger.find(Found::new("null-mx-beside-others").with("domain", domain));
        }
        self.implicit = hosts.iter().any(|host| host.implicit);
        let mut names: Vec<String> = Vec::new();
        for mx in hosts {
            if mx.name.parse::<IpAddr>().is_ok() {
                let found = Found::new("mx-is-address").with("domain", domain).with("name", &mx.name);
                self.ledger.find(found);
                continue;
            }
            if Host::parse(&mx.name).is_err() {
                let found = Found::new("mx-is-no-name").with("domain", domain).with("name", &mx.name);
                self.ledger.find(found);
                continue;
            }
            if !mx.implicit {
                self.alias_at_mx(domain, &mx.name).await;
            }
            names.push(mx.name);
        }
        // The same host twice is one to walk.
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }

    /// A mail host must not be an alias (RFC 2181 §10.3).
    async fn alias_at_mx(&mut self, domain: &str, host: &str) {
        let Ok(aliases) = records::aliases(host, &self.plan.dial).await else { return };
        if let (false, Some(to)) = (aliases.looping, aliases.names.last()) {
            self.take_down("CNAME", host, &aliases.names);
            let found = Found::new("mx-is-alias").with("domain", domain).with("name", host);
            self.ledger.find(found.with("to", to));
        }
    }

    fn slow(&mut self, name: &str, took: Duration, error: Option<&NameError>) {
        let answered = error.is_none_or(|error| !matches!(error.problem, NameProblem::TimedOut(_)));
        if answered && took >= self.plan.thresholds.dns {
            let seconds = format!("{:.1}", took.as_secs_f32());
            self.ledger.find(Found::new("dns-slow").with("name", name).with("seconds", seconds));
        }
    }

    /// A mail host of the domain that is none, which is the domain's own fault.
    fn leads_nowhere(&self, error: &NameError) -> Option<Found> {
        let domain = self.domain.as_ref()?;
        let what = match error.problem {
            NameProblem::NoSuchName => "does not exist",
            // Of one family alone nothing follows.
            NameProblem::NoAddress(_) if self.plan.dial.family == Family::Any => "has no address",
            _ => return None,
        };
        match (self.implicit, error.name == *domain) {
            (true, true) => Some(Found::new("no-mail-host").with("domain", domain)),
            (false, _) if self.no_mail.is_none() => {
                let found = Found::new("mx-leads-nowhere").with("domain", domain).with("name", &error.name);
                Some(found.with("what", what))
            }
            _ => None,
        }
    }

    /// A lookup that led nowhere.
    fn failed(&mut self, error: &NameError) {
        self.problem(&error.to_string());
        // A published name that does not exist tells of the name service here.
        if let (NameProblem::NoSuchName, Some(provider)) = (&error.problem, &self.provider) {
            let found = Found::new("provider-name-unknown").with("name", &error.name);
            return self.ledger.find(found.with("provider", provider));
        }
        if let Some(found) = self.leads_nowhere(error) {
            return self.ledger.find(found);
        }
        let id = match error.problem {
            NameProblem::NoSuchName => "no-such-name",
            NameProblem::ServerFailed => "name-server-failed",
            NameProblem::TimedOut(_) => "dns-timed-out",
            NameProblem::NoAddress(_) => "no-address",
            NameProblem::NullMx => "null-mx",
            NameProblem::Other(_) => "dns-failed",
        };
        let failure = DialError::Name(error.clone()).failure();
        let explanation = failure.map(|failure| explain_failure(&failure, Asked::of(&error.name)));
        let found = Found::new(id).with("name", &error.name).with("what", error);
        self.ledger.find(found.explained(explanation).severity(Severity::Problem));
    }
}
