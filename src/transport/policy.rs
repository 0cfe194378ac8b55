//! What a domain says about the TLS of its mail hosts, and whether this host keeps to it: DANE (RFC 7672) and MTA-STS
//! (RFC 8461).

use hickory_resolver::proto::rr::RecordType;

use super::cert::CertInfo;
use super::dane::{self, Fit, TlsaRecords, Verdict};
use super::dial::DialOptions;
use super::mta_sts::{self, Mode, Policy, StsError};
use super::resolve::NameError;
use super::tls::{TlsSetup, Verified};
use crate::target::{Host, Target};
use crate::transcript::Info;

/// What a policy comes to for this server. All text is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// `dane` or `mta-sts`.
    pub policy: &'static str,
    /// Its outcome, one word: `none`, `kept`, `broken`, `unusable`, `not-secure`, `unknown` or `not-asked`.
    pub outcome: &'static str,
    /// The same in a sentence.
    pub words: String,
    /// What it rests on, a line each.
    pub details: Vec<String>,
}

impl Word {
    fn new(policy: &'static str, outcome: &'static str, words: impl Into<String>) -> Word {
        Word { policy, outcome, words: words.into(), details: Vec::new() }
    }

    fn with(mut self, details: impl IntoIterator<Item = String>) -> Word {
        self.details.extend(details);
        self
    }

    /// For the transcript.
    pub fn info(&self) -> Info {
        let pair = |key: &str, value: &str| (key.to_owned(), Some(value.to_owned()));
        let mut attributes = vec![pair("outcome", self.outcome), pair("words", &self.words)];
        attributes.extend(self.details.iter().map(|detail| pair("detail", detail)));
        Info::of(self.policy, attributes)
    }
}

/// Names that are never in DNS (RFC 6761 §6.3).
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The TLSA records of a host and what they rest on, as far as DNS tells.
pub struct Tlsa {
    found: Result<Option<TlsaRecords>, NameError>,
    /// Whether the addresses of the host are vouched for by DNSSEC; nothing if DNS has none.
    address: Option<bool>,
    /// The same for the MX records that led to the host; nothing if none did.
    mx: Option<bool>,
}

/// Looks up what [`dane()`] judges. Nothing for a host that is not in DNS.
pub async fn tlsa(target: &Target, host: &Host, options: &DialOptions) -> Option<Tlsa> {
    let name = host.name().filter(|name| !is_local(name))?;
    let of_domain = async {
        match target.host.name().filter(|_| target.mx) {
            Some(domain) => dane::is_secure(domain, &[RecordType::MX], options).await,
            None => None,
        }
    };
    let (found, address, mx) = tokio::join!(
        dane::lookup(name, target.port, options),
        dane::is_secure(name, &[RecordType::A, RecordType::AAAA], options),
        of_domain
    );
    Some(Tlsa { found, address, mx })
}

/// What DANE comes to. `complete` says whether the chain is all that the server sent.
pub fn dane(tlsa: Option<&Tlsa>, host: &Host, port: u16, chain: &[CertInfo], complete: bool) -> Word {
    let word = |outcome, words: String| Word::new("dane", outcome, words);
    let Some(tlsa) = tlsa else {
        return word("not-asked", format!("{host} is not in DNS, so it has no TLSA records"));
    };
    let found = match &tlsa.found {
        Err(error) => {
            return word("unknown", format!("nobody could tell whether there are TLSA records: {error}"));
        }
        Ok(None) => {
            return word("none", format!("no TLSA record at _{port}._tcp.{host}: DANE demands nothing"));
        }
        Ok(Some(found)) => found,
    };
    let (verdict, fits) = dane::check(found, chain, host);
    let records =
        found.records.iter().zip(&fits).map(|(record, fit)| format!("{record} · {}", fit_words(*fit)));
    let details: Vec<String> = records.chain([found.dnssec()]).collect();
    let unsafe_way = match (tlsa.mx, tlsa.address) {
        (Some(false), _) => Some("the domain's MX records"),
        (_, Some(false)) => Some("the host's addresses"),
        _ => None,
    };
    let hidden = !complete && found.records.iter().any(|record| record.usage == 2);
    let outcome = match verdict {
        Verdict::NotSecure => word("not-secure", verdict.to_string()),
        _ if unsafe_way.is_some() => word(
            "not-secure",
            format!(
                "{} are not vouched for by DNSSEC, so the TLSA records mean nothing",
                unsafe_way.unwrap_or_default()
            ),
        ),
        Verdict::Failed if hidden => word(
            "unknown",
            "the records name an authority, and TLS 1.3 hides the chain that the server sends".to_owned(),
        ),
        Verdict::Authenticated => word("kept", verdict.to_string()),
        Verdict::Failed => word("broken", verdict.to_string()),
        Verdict::Unusable => word("unusable", verdict.to_string()),
    };
    outcome.with(details)
}

fn fit_words(fit: Fit) -> &'static str {
    match fit {
        Fit::Server => "fits the server's certificate",
        Fit::Authority => "fits an authority that vouches for it",
        Fit::Nothing => "fits nothing",
        Fit::WrongName => "fits an authority, but the certificate is for another host",
        Fit::NotVouched => "fits an authority that does not vouch for the certificate",
        Fit::Unusable => "means nothing to mail",
    }
}

/// What MTA-STS comes to for a mail host of a domain. `port` is that of the policy host, 443 but in tests.
pub async fn mta_sts(
    target: &Target,
    host: &Host,
    verified: &Verified,
    options: &DialOptions,
    tls: &TlsSetup,
    port: u16,
) -> Word {
    let word = |outcome, words: String| Word::new("mta-sts", outcome, words);
    let Some(domain) = target.host.name().filter(|name| target.mx && !is_local(name)) else {
        let words = "a policy belongs to a mail domain: open the session with --mx DOMAIN to see it";
        return word("not-asked", words.to_owned());
    };
    let id = match mta_sts::lookup(domain, options).await {
        Ok(Some(id)) => id,
        Ok(None) => return word("none", format!("{domain} has no MTA-STS record")),
        Err(error) => return word("unknown", error.to_string()),
    };
    match mta_sts::fetch(domain, port, options, tls).await {
        Ok(policy) => judge(&policy, host, verified).with([shown(&policy, &id)]),
        Err(error @ StsError::Policy(_)) => word("broken", error.to_string()),
        Err(error) => word("unknown", error.to_string()),
    }
}

fn judge(policy: &Policy, host: &Host, verified: &Verified) -> Word {
    let word = |outcome, words: &str| Word::new("mta-sts", outcome, words);
    let consequence = match policy.mode {
        Mode::None => return word("none", "the domain has given its policy up (mode none)"),
        Mode::Enforce => "mail would not be sent here",
        Mode::Testing => "it would be reported, as the policy is in testing",
    };
    let broken = |why: String| Word::new("mta-sts", "broken", format!("{why}: {consequence}"));
    match verified {
        _ if !host.name().is_some_and(|name| policy.covers(name)) => {
            broken(format!("{host} is not among the policy's hosts"))
        }
        Verified::Yes => word("kept", "the host is the policy's and its certificate verifies"),
        Verified::No(problem) => broken(format!("the certificate does not verify ({problem})")),
        Verified::Unknown(why) => Word::new("mta-sts", "unknown", *why),
    }
}

fn shown(policy: &Policy, id: &str) -> String {
    let hours = policy.max_age / 3600;
    format!("mode {} · hosts {} · holds for {hours} hours · id {id}", policy.mode, policy.mx.join(" "))
}
