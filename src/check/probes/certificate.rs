//! The certificates that the server sends.

use chrono::Utc;

use super::super::finding::Found;
use super::super::walk::Walk;
use crate::transport::cert::CertInfo;
use crate::transport::chain::{self, Remark};
use crate::transport::dane::{self, Fit, Verdict};
use crate::transport::inspect::inspect;

pub(super) async fn run(walk: &mut Walk) -> String {
    let Some(info) = walk.tls.clone() else { return String::new() };
    if info.chain_visible() {
        return review(walk, &info.chain, true);
    }
    look(walk).await;
    match walk.inspection.take() {
        Some(found) => review(walk, &found.chain, found.complete),
        None => match &info.leaf {
            Some(leaf) => format!("{} · the chain could not be seen", leaf.subject),
            None => "could not be seen".to_owned(),
        },
    }
}

/// Looks at the certificates on a connection of its own, unless that has been done.
pub(super) async fn look(walk: &mut Walk) {
    if walk.inspection.is_some() {
        return;
    }
    let (plan, endpoint) = (walk.plan.clone(), walk.endpoint.clone());
    walk.breathe().await;
    let setup = plan.setup(&endpoint, &plan.tls);
    match inspect(&setup, endpoint.addr(), &endpoint.host, &walk.own_name).await {
        Ok(found) => {
            let subjects: Vec<String> =
                found.chain.iter().map(|cert| cert.subject.replace('"', "'")).collect();
            walk.note(&format!("chain \"{}\"", subjects.join("\" \"")));
            walk.inspection = Some(found);
        }
        Err(error) => walk.note(&format!("chain not-seen=\"{}\"", error.to_string().replace('"', "'"))),
    }
}

/// Whether DNS vouches for the certificates that the server sends, so that nothing else about them matters to mail
/// servers that check DANE (RFC 7672 §3.1). Looks at them where the session does not show them.
pub(super) async fn vouched_for_by_dns(walk: &mut Walk) -> bool {
    let Some(records) = walk.endpoint.tlsa.clone() else { return false };
    look(walk).await;
    let chain = walk.inspection.as_ref().map(|found| found.chain.clone()).unwrap_or_default();
    dane::check(&records, &chain, &walk.endpoint.host).0 == Verdict::Authenticated
}

/// Whether the certificates are those that DNS vouches for (RFC 7672 §3.1); what is to be said of that in a word.
fn compare_with_dns(walk: &mut Walk, chain: &[CertInfo]) -> Option<&'static str> {
    let records = walk.endpoint.tlsa.clone()?;
    let (verdict, fits) = dane::check(&records, chain, &walk.endpoint.host);
    let dnssec = records.dnssec();
    walk.note(&format!("dane \"{verdict}\" dnssec=\"{dnssec}\""));
    match verdict {
        Verdict::Failed if fits.contains(&Fit::WrongName) => {
            let why = format!("the certificate is not for {}", walk.endpoint.host);
            walk.find(Found::new("dane-authority-fails").with("why", why).with("dnssec", dnssec));
        }
        Verdict::Failed if fits.contains(&Fit::NotVouched) => {
            let why = "it does not vouch for the certificate, or not at this time";
            walk.find(Found::new("dane-authority-fails").with("why", why).with("dnssec", dnssec));
        }
        Verdict::Failed => walk.find(Found::new("dane-mismatch").with("dnssec", dnssec)),
        Verdict::Unusable => walk.find(Found::new("dane-unusable").with("dnssec", dnssec)),
        // That the records are not vouched for has been said when they were looked up.
        Verdict::Authenticated | Verdict::NotSecure => {}
    }
    (verdict == Verdict::Authenticated).then_some("DANE holds")
}

/// Remarks on the chain. What keeps it from verifying has been said when it was verified.
fn review(walk: &mut Walk, chain: &[CertInfo], complete: bool) -> String {
    for (cert, remarks) in chain.iter().zip(chain::review(chain, Utc::now())) {
        for remark in remarks {
            let id = match remark {
                Remark::OutOfOrder => "chain-out-of-order",
                Remark::Superfluous | Remark::Duplicate | Remark::RootSent => "chain-superfluous",
                _ => continue,
            };
            walk.find(Found::new(id).with("subject", &cert.subject).with("remark", remark));
        }
    }
    let by_dns = compare_with_dns(walk, chain);
    let Some(leaf) = chain.first() else { return "none was sent".to_owned() };
    let names = leaf.host_names();
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    let sent = match (complete, chain.len()) {
        (false, _) => "the chain is hidden by TLS 1.3".to_owned(),
        (true, 1) => "sent alone".to_owned(),
        (true, count) => format!("chain of {count}"),
    };
    let by_dns = by_dns.map(|words| format!(" · {words}")).unwrap_or_default();
    format!("for {shown}{more} · {} · issued by {} · {sent}{by_dns}", leaf.key, leaf.issuer)
}
