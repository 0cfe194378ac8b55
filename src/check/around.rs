//! What DNS says around the hosts: the names of their addresses, and the certificates it vouches for.

use std::net::IpAddr;

use super::finding::Found;
use super::route::Finder;
use super::stage::StageName;
use super::subject::{Endpoint, Role};
use crate::transport::dane;
use crate::transport::{records, resolve};

impl Finder {
    /// Goes through both stages, for hosts that talk with other mail servers. What TLSA records there are goes into
    /// the endpoints.
    pub async fn look_around(&mut self, endpoints: &mut [Endpoint]) {
        let mut ips: Vec<IpAddr> =
            endpoints.iter().filter(|one| one.role == Role::Relay).map(|one| one.ip).collect();
        ips.sort();
        ips.dedup();
        ips.retain(|ip| self.plan.asks_about(*ip));
        if ips.is_empty() {
            return;
        }
        self.ledger.enter(StageName::Ptr);
        let mut words = Vec::new();
        for ip in ips {
            words.push(self.reverse(ip).await);
        }
        self.leave(words.join(" · "));
        self.ledger.enter(StageName::Tlsa);
        let summary = self.tlsa(endpoints).await;
        self.leave(summary);
    }

    /// The names of an address, and whether one of them leads back to it.
    async fn reverse(&mut self, ip: IpAddr) -> String {
        let options = self.plan.dial.clone();
        let names = match records::names_of(ip, &options).await {
            Ok(names) => names,
            Err(error) => {
                self.unanswered(&error);
                return format!("{ip} → ?");
            }
        };
        self.take_down("PTR", &ip.to_string(), &names);
        let Some(first) = names.first().cloned() else {
            self.ledger.find(Found::new("ptr-missing").with("ip", ip));
            return format!("{ip} has no name");
        };
        let mut confirmed = None;
        for name in &names {
            let back = resolve::addresses(name, &options).await.unwrap_or_default();
            if back.contains(&ip) {
                confirmed = Some(name.clone());
                break;
            }
        }
        match confirmed {
            Some(name) => format!("{ip} → {name} → {ip}"),
            None => {
                self.ledger.find(Found::new("ptr-mismatch").with("ip", ip).with("name", &first));
                format!("{ip} → {first} → elsewhere")
            }
        }
    }

    /// The TLSA records of each server (RFC 7672 §3).
    async fn tlsa(&mut self, endpoints: &mut [Endpoint]) -> String {
        let options = self.plan.dial.clone();
        let mut words: Vec<String> = Vec::new();
        let mut asked: Vec<(String, Option<dane::TlsaRecords>)> = Vec::new();
        for endpoint in endpoints.iter_mut().filter(|one| one.role == Role::Relay) {
            let Some(name) = endpoint.host.name().map(str::to_owned) else { continue };
            let server = endpoint.server();
            if let Some((_, known)) = asked.iter().find(|(other, _)| *other == server) {
                endpoint.tlsa.clone_from(known);
                continue;
            }
            let found = match dane::lookup(&name, endpoint.port, &options).await {
                Ok(found) => found,
                Err(error) => {
                    self.unanswered(&error);
                    words.push(format!("no answer for {name}"));
                    continue;
                }
            };
            let shown: Vec<String> =
                found.iter().flat_map(|found| &found.records).map(ToString::to_string).collect();
            self.take_down("TLSA", &format!("_{}._tcp.{name}", endpoint.port), &shown);
            words.push(match &found {
                None => format!("none for {name}"),
                Some(found) => format!("{} for {name}, {}", shown.len(), found.dnssec()),
            });
            if let Some(found) = found.as_ref().filter(|found| !found.authentic) {
                let finding = Found::new("dane-not-secure").with("name", &name);
                self.ledger.find(finding.with("dnssec", found.dnssec()));
            }
            endpoint.tlsa.clone_from(&found);
            asked.push((server, found));
        }
        if words.is_empty() { "nothing to ask for".to_owned() } else { words.join(" · ") }
    }
}
