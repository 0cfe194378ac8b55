//! What a domain says about its mail in DNS: who may send it (SPF, DMARC), and how it must travel (MTA-STS, TLS-RPT).

use super::finding::{Found, Severity};
use super::route::Finder;
use crate::transport::mta_sts::{self, Mode, Policy, StsError};
use crate::transport::records;
use crate::transport::resolve::NameError;
use crate::wire::escape::visible;

/// How many parents of a domain are asked for a DMARC policy (RFC 9091 §4.8 has a walk up the tree, too).
const MOST_PARENTS: usize = 4;

impl Finder {
    /// Looks everything up, and says what to sum up and whether the domain enforces TLS.
    pub async fn policies(&mut self, domain: &str, hosts: &[String]) -> (String, bool) {
        let options = self.plan.dial.clone();
        let (spf, dmarc, sts, reports) = tokio::join!(
            records::texts(domain, &options),
            dmarc_of(domain, &options),
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
        let is_spf = |text: &&String| {
            let text = text.to_ascii_lowercase();
            text == "v=spf1" || text.starts_with("v=spf1 ")
        };
        let records: Vec<&String> = texts.iter().filter(is_spf).collect();
        match records.as_slice() {
            [] => self.ledger.find(Found::new("spf-missing").with("domain", domain)),
            [one] => {
                let open = one.split_ascii_whitespace().any(|word| matches!(word, "+all" | "all"));
                if open {
                    self.ledger.find(Found::new("spf-open").with("domain", domain));
                }
                return if open { "open to all".to_owned() } else { "yes".to_owned() };
            }
            several => {
                let count = several.len();
                self.ledger.find(Found::new("spf-several").with("domain", domain).with("count", count));
                return format!("{count} times");
            }
        }
        "none".to_owned()
    }

    fn dmarc(&mut self, domain: &str, found: Result<(String, Vec<String>), NameError>) -> String {
        let (name, found) = match found {
            Ok((name, texts)) => (name, Ok(texts)),
            Err(error) => (format!("_dmarc.{domain}"), Err(error)),
        };
        let Some(records) = self.answered("TXT", &name, found) else { return "unknown".to_owned() };
        match records.as_slice() {
            [] => {
                self.ledger.find(Found::new("dmarc-missing").with("domain", domain));
                "none".to_owned()
            }
            [one] => {
                let policy = tag(one, "p").unwrap_or_default();
                match policy.as_str() {
                    "none" => self.ledger.find(Found::new("dmarc-none").with("domain", domain)),
                    "quarantine" | "reject" => {}
                    other => {
                        let found = Found::new("dmarc-broken").with("domain", domain);
                        self.ledger.find(found.with("what", format!("p={}", visible(other.as_bytes()))));
                    }
                }
                format!("p={}", visible(policy.as_bytes()))
            }
            several => {
                let what = format!("there are {} records", several.len());
                self.ledger.find(Found::new("dmarc-broken").with("domain", domain).with("what", what));
                "several".to_owned()
            }
        }
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
            [one] if tag(one, "rua").is_some() => "yes".to_owned(),
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

/// The DMARC records that hold for a domain: its own, or those of the nearest parent that has any.
async fn dmarc_of(
    domain: &str,
    options: &crate::transport::DialOptions,
) -> Result<(String, Vec<String>), NameError> {
    let mut current = domain;
    for _ in 0..MOST_PARENTS {
        let mut texts = texts_below("_dmarc", current, options).await?;
        texts.retain(|text| text.starts_with("v=DMARC1"));
        if !texts.is_empty() {
            return Ok((format!("_dmarc.{current}"), texts));
        }
        match current.split_once('.') {
            Some((_, parent)) if parent.contains('.') => current = parent,
            _ => break,
        }
    }
    Ok((format!("_dmarc.{domain}"), Vec::new()))
}

/// The value of a tag in `a=b; c=d`.
fn tag(record: &str, name: &str) -> Option<String> {
    let tags = record.split(';').filter_map(|tag| tag.split_once('='));
    let mut found = tags.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_a_record() {
        assert_eq!(tag("v=DMARC1; P = Reject ;rua=x", "p").as_deref(), Some("reject"));
        assert_eq!(tag("v=DMARC1", "p"), None);
    }
}
