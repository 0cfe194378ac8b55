//! What a domain says about its mail in DNS: who may send it (SPF, DMARC), and how it must travel (MTA-STS, TLS-RPT).

use super::finding::{Found, Severity};
use super::route::Finder;
use super::tags::tag;
use super::{dmarc, spf};
use crate::transport::mta_sts::{self, Mode, Policy, StsError};
use crate::transport::records;
use crate::transport::resolve::NameError;
use crate::wire::escape::visible;

impl Finder {
    /// Looks everything up, and says what to sum up and whether the domain enforces TLS.
    pub async fn policies(&mut self, domain: &str, hosts: &[String]) -> (String, bool) {
        let options = self.plan.dial.clone();
        let (spf, dmarc, sts, reports) = tokio::join!(
            records::texts(domain, &options),
            dmarc::of(domain, &options),
            mta_sts::records(domain, &options),
            texts_below("_smtp._tls", domain, &options),
        );
        let spf = self.spf(domain, spf);
        let dmarc = self.dmarc(domain, dmarc);
        let (sts, enforced) = self.sts(domain, hosts, sts).await;
        let reports = self.reports(domain, reports);
        (format!("SPF {spf} · DMARC {dmarc} · MTA-STS {sts} · TLS-RPT {reports}"), enforced)
    }

    fn spf(&mut self, domain: &str, found: Result<Vec<String>, NameError>) -> String {
        let Some(texts) = self.answered("TXT", domain, found) else { return "unknown".to_owned() };
        let records: Vec<&String> = texts.iter().filter(|text| spf::is_record(text)).collect();
        let (found, word) = match records.as_slice() {
            [] => (Found::new("spf-missing"), "none".to_owned()),
            [one] => match spf::lets_everybody_send(one) {
                Ok(false) => return "yes".to_owned(),
                Ok(true) => (Found::new("spf-open"), "open to all".to_owned()),
                Err(what) => (Found::new("spf-broken").with("what", what), "broken".to_owned()),
            },
            several => {
                (Found::new("spf-several").with("count", several.len()), format!("{} times", several.len()))
            }
        };
        self.ledger.find(found.with("domain", domain));
        word
    }

    fn dmarc(&mut self, domain: &str, found: Result<dmarc::Records, NameError>) -> String {
        let (name, found, inherited) = match found {
            Ok(found) => (found.name, Ok(found.records), found.inherited),
            Err(error) => (format!("_dmarc.{domain}"), Err(error), false),
        };
        let Some(records) = self.answered("TXT", &name, found) else { return "unknown".to_owned() };
        let (found, word) = match records.as_slice() {
            [] => (Found::new("dmarc-missing"), "none".to_owned()),
            [one] => match dmarc::policy(one, inherited) {
                Ok("none") => (Found::new("dmarc-none"), "p=none".to_owned()),
                Ok(policy) => return format!("p={policy}"),
                Err(bad) => {
                    let bad = visible(bad.as_bytes());
                    let id = if dmarc::has_reports(one) { "dmarc-without-policy" } else { "dmarc-broken" };
                    (Found::new(id).with("what", &bad), bad)
                }
            },
            several => {
                let what = format!("there are {} records", several.len());
                (Found::new("dmarc-broken").with("what", what), "several".to_owned())
            }
        };
        self.ledger.find(found.with("domain", domain));
        word
    }

    async fn sts(
        &mut self,
        domain: &str,
        hosts: &[String],
        found: Result<Vec<String>, NameError>,
    ) -> (String, bool) {
        let broken = |finder: &mut Finder, error: &StsError| {
            finder.ledger.find(Found::new("sts-broken").with("domain", domain).with("what", error));
            ("broken".to_owned(), false)
        };
        let Some(records) = self.answered("TXT", &format!("_mta-sts.{domain}"), found) else {
            return ("unknown".to_owned(), false);
        };
        match mta_sts::id_of(&records) {
            Ok(Some(_)) => {}
            Ok(None) => {
                self.ledger.find(Found::new("sts-missing").with("domain", domain));
                return ("none".to_owned(), false);
            }
            Err(error) => return broken(self, &error),
        }
        let plan = self.plan.clone();
        match mta_sts::fetch(domain, plan.https_port, &plan.dial, &plan.tls).await {
            Ok(policy) => self.weigh_policy(domain, hosts, &policy),
            Err(error) => broken(self, &error),
        }
    }

    fn weigh_policy(&mut self, domain: &str, hosts: &[String], policy: &Policy) -> (String, bool) {
        self.note(&format!(
            "mta-sts mode={} max-age={} mx=\"{}\"",
            policy.mode,
            policy.max_age,
            policy.mx.join(" ")
        ));
        let enforced = policy.mode == Mode::Enforce;
        if policy.mode == Mode::Testing {
            self.ledger.find(Found::new("sts-testing").with("domain", domain));
        }
        if policy.mode != Mode::None {
            for host in hosts.iter().filter(|host| !policy.covers(host)) {
                let severity = if enforced { Severity::Problem } else { Severity::Warning };
                let found = Found::new("sts-host-not-covered").with("domain", domain).with("host", host);
                self.ledger.find(found.severity(severity));
            }
        }
        (policy.mode.to_string(), enforced)
    }

    fn reports(&mut self, domain: &str, found: Result<Vec<String>, NameError>) -> String {
        let name = format!("_smtp._tls.{domain}");
        let Some(texts) = self.answered("TXT", &name, found) else { return "unknown".to_owned() };
        let records: Vec<&String> = texts.iter().filter(|text| text.starts_with("v=TLSRPTv1")).collect();
        match records.as_slice() {
            [] => {
                self.ledger.find(Found::new("tls-reports-missing").with("domain", domain));
                "none".to_owned()
            }
            [one] if tag(one, "rua").is_some_and(|list| list.split(',').any(is_for_reports)) => {
                "yes".to_owned()
            }
            _ => {
                self.ledger.find(Found::new("tls-reports-broken").with("domain", domain));
                "broken".to_owned()
            }
        }
    }

    /// The answer, taken down; nothing where nobody could tell, which is a finding.
    fn answered(
        &mut self,
        kind: &str,
        name: &str,
        found: Result<Vec<String>, NameError>,
    ) -> Option<Vec<String>> {
        match found {
            Ok(texts) => {
                self.take_down(kind, name, &texts);
                Some(texts)
            }
            Err(error) => {
                self.unanswered(&error);
                None
            }
        }
    }
}

async fn texts_below(
    label: &str,
    domain: &str,
    options: &crate::transport::DialOptions,
) -> Result<Vec<String>, NameError> {
    records::texts(&format!("{label}.{domain}"), options).await
}

/// Whether reports about TLS can go there (RFC 8460 §3).
fn is_for_reports(uri: &str) -> bool {
    let uri = uri.trim();
    uri.starts_with("mailto:") || uri.starts_with("https:")
}
