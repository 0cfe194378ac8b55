//! Puts the question to all sources that the options name: lists from files, the answer that the server staples, the
//! responder and the lists that the certificate names.

use std::time::Duration;

use chrono::Utc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::crl::{self, Crl, issued};
use super::{Report, Revoked, Standing, Testimony, ocsp};
use crate::transport::cert::CertInfo;
use crate::transport::hello::{self, client_hello};
use crate::transport::look::Place;
use crate::transport::open::Setup;
use crate::transport::tap::Ears;
use crate::transport::tls::{TlsInfo, Verified, Version};
use crate::transport::{http, side};

/// The longest wait for a glance, a responder or a published list.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest published list that is taken.
const LARGEST_CRL: u64 = 16 * 1024 * 1024;

/// The largest answer of a responder that is taken.
const LARGEST_ANSWER: u64 = 64 * 1024;

/// How many of the places that a certificate names are tried.
const MOST_PLACES: usize = 3;

/// Who speaks in a stapled answer.
const STAPLED: &str = "the OCSP answer stapled by the server";

/// Media type of a question (RFC 6960 appendix A.1).
const QUESTION: &str = "application/ocsp-request";

/// What a server shows in clear to somebody who speaks TLS 1.2 and asks for a stapled answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glance {
    /// The certificates as the server sent them.
    pub chain: Vec<CertInfo>,
    /// The OCSP answer that it stapled, in DER.
    pub stapled: Option<Vec<u8>>,
}

/// Makes a side connection for a glance. No key is agreed on, and nothing but the handshake's beginning is sent.
///
/// # Errors
/// In words safe to show, when the server showed no certificate; as does one that has TLS 1.3 only.
pub async fn glance(setup: &Setup, place: &Place) -> Result<Glance, String> {
    let link = side::to_tls(setup, place.peer, &place.own_name).await;
    let mut link = link.map_err(|error| error.to_string())?;
    let name = hello::name_for(setup.tls.options(), &place.host);
    let hello = client_hello(Version::V1_2, name.as_deref(), true).map_err(|error| error.to_string())?;
    let mut ears = Ears::default();
    ears.sent(&hello);
    let heard = timeout(patience(setup), async {
        link.write_all(&hello).await?;
        let mut piece = [0; 4096];
        while !(ears.seen().hello_done || ears.seen().closed || ears.seen().alert_received.is_some()) {
            let count = link.read(&mut piece).await?;
            ears.received(piece.get(..count).unwrap_or_default());
        }
        // A warning alert: nothing is wrong, we only go away.
        link.write_all(&[21, 3, 3, 0, 2, 1, 0]).await
    });
    // Whatever ended it, what was seen before counts.
    let _ = heard.await;
    let seen = ears.seen();
    let chain: Vec<CertInfo> = seen.chain.iter().filter_map(|der| CertInfo::from_der(der).ok()).collect();
    match chain.is_empty() {
        true => Err("the server shows no certificate to TLS 1.2, and TLS 1.3 hides it".to_owned()),
        false => Ok(Glance { chain, stapled: seen.stapled.clone() }),
    }
}

/// What the answer that a server stapled says of its certificate.
pub fn stapled(glance: &Glance, issuer: Option<&CertInfo>) -> Testimony {
    let by = STAPLED.to_owned();
    let unknown =
        |why: &str| Testimony { by: by.clone(), standing: Standing::Unknown(why.to_owned()), until: None };
    let Some(leaf) = glance.chain.first() else { return unknown("the server showed no certificate") };
    let Some(der) = &glance.stapled else {
        return unknown(match leaf.must_staple {
            true => "none was sent, although the certificate demands it (must-staple)",
            false => "none was sent",
        });
    };
    let sent = glance.chain.iter().skip(1).find(|cert| issued(cert, leaf));
    match issuer.filter(|issuer| issued(issuer, leaf)).or(sent) {
        None => unknown("the issuer's certificate is not known, so nobody can tell who signed it"),
        Some(issuer) => {
            let (standing, until) = ocsp::standing(der, leaf, issuer, Utc::now());
            Testimony { by, standing, until }
        }
    }
}

/// Asks about the certificate of an encrypted link, as the options have it; nothing if they do not ask.
///
/// Lists from files are about all certificates that the server sent, the other sources about its own.
pub async fn check(setup: &Setup, place: &Place, info: &TlsInfo) -> Option<Report> {
    let (crls, asked) = (setup.tls.crls(), setup.tls.options().check_revocation);
    let leaf = info.leaf.as_ref().filter(|_| asked || !crls.is_empty())?;
    if let Some(report) = setup.tls.asked_before(leaf) {
        return Some(report);
    }
    let mut chain = info.chain.clone();
    let mut issuer = setup.tls.issuer_of(leaf, &chain);
    let glanced = match asked || issuer.is_none() {
        true => Some(glance(setup, place).await),
        false => None,
    };
    if let Some(Ok(seen)) = &glanced {
        chain = if chain.is_empty() { seen.chain.clone() } else { chain };
        issuer = issuer.or_else(|| seen.chain.iter().find(|cert| issued(cert, leaf)).cloned());
    }
    let mut report = Report::default();
    if !crls.is_empty() {
        report.testimonies.extend(by_files(crls, leaf, issuer.as_ref(), &chain));
    }
    if asked {
        report.testimonies.extend(glanced.map(|seen| by_staple(seen, leaf, issuer.as_ref())));
        // Whoever made a certificate that does not verify is not to say where this machine connects to.
        if !matches!(info.verified, Verified::No(_)) {
            report.testimonies.extend(online(setup, leaf, issuer.as_ref()).await);
        }
    }
    setup.tls.remember(leaf, &report);
    Some(report)
}

/// What the lists from files say. That a certificate above the server's own is good is not worth a word.
fn by_files(crls: &[Crl], leaf: &CertInfo, issuer: Option<&CertInfo>, chain: &[CertInfo]) -> Vec<Testimony> {
    let unknown = |why: String| {
        vec![Testimony { by: "--crl".to_owned(), standing: Standing::Unknown(why), until: None }]
    };
    let Some(issuer) = issuer else {
        return unknown(format!("the certificate of its issuer ({}) is not known here", leaf.issuer));
    };
    let now = Utc::now();
    let mut found: Vec<Testimony> = crls.iter().filter_map(|crl| crl.judge(leaf, issuer, now)).collect();
    if found.is_empty() {
        found = unknown(format!("none of the lists is from its issuer ({})", leaf.issuer));
    }
    for cert in chain.iter().skip(1).filter(|cert| !cert.self_signed) {
        let above = chain.iter().filter(|other| issued(other, cert));
        found.extend(
            above.flat_map(|above| crls.iter().filter_map(|crl| crl.judge(cert, above, now))).filter_map(
                |it| match it.standing {
                    Standing::Revoked(revoked) => {
                        let revoked = Revoked { authority: Some(cert.subject.clone()), ..revoked };
                        Some(Testimony { standing: Standing::Revoked(revoked), ..it })
                    }
                    _ => None,
                },
            ),
        );
    }
    found
}

fn by_staple(seen: Result<Glance, String>, leaf: &CertInfo, issuer: Option<&CertInfo>) -> Testimony {
    let why = match seen {
        Ok(seen) if seen.chain.first().is_some_and(|first| first.der() == leaf.der()) => {
            return stapled(&seen, issuer);
        }
        Ok(_) => "the server shows another certificate on the second connection, which is needed to see it"
            .to_owned(),
        Err(why) => why,
    };
    let by = STAPLED.to_owned();
    Testimony { by, standing: Standing::Unknown(why), until: None }
}

/// Asks the responders that the certificate names, and where none can tell, its published lists.
async fn online(setup: &Setup, leaf: &CertInfo, issuer: Option<&CertInfo>) -> Vec<Testimony> {
    let unknown = |by: &str, why: &str| {
        vec![Testimony { by: by.to_owned(), standing: Standing::Unknown(why.to_owned()), until: None }]
    };
    let Some(issuer) = issuer else {
        return unknown("its issuer", "its certificate is not known here, so nothing is asked");
    };
    let mut found = Vec::new();
    for url in leaf.ocsp_urls.iter().take(MOST_PLACES) {
        found.push(by_responder(setup, url, leaf, issuer).await);
    }
    if found.iter().any(|it| !matches!(it.standing, Standing::Unknown(_))) {
        return found;
    }
    for url in leaf.crl_urls.iter().take(MOST_PLACES) {
        found.push(by_published(setup, url, leaf, issuer).await);
    }
    match found.is_empty() {
        true => unknown("its issuer", "the certificate names neither a responder (OCSP) nor a list (CRL)"),
        false => found,
    }
}

async fn by_responder(setup: &Setup, url: &str, leaf: &CertInfo, issuer: &CertInfo) -> Testimony {
    let by = format!("the OCSP responder {url}");
    let answer = match ocsp::question(leaf, issuer) {
        Ok(question) => {
            let body = Some((QUESTION, question.as_slice()));
            let answer = http::fetch(url, body, LARGEST_ANSWER, &setup.dial, patience(setup)).await;
            answer.map_err(|error| error.to_string())
        }
        Err(why) => Err(why),
    };
    let (standing, until) = match answer {
        Ok(der) => ocsp::standing(&der, leaf, issuer, Utc::now()),
        Err(why) => (Standing::Unknown(why), None),
    };
    Testimony { by, standing, until }
}

async fn by_published(setup: &Setup, url: &str, leaf: &CertInfo, issuer: &CertInfo) -> Testimony {
    let unknown = |why: String| Testimony {
        by: format!("the CRL at {url}"),
        standing: Standing::Unknown(why),
        until: None,
    };
    match http::fetch(url, None, LARGEST_CRL, &setup.dial, patience(setup)).await {
        Err(error) => unknown(error.to_string()),
        Ok(bytes) => match crl::read(&bytes, &format!("at {url}")) {
            Err(error) => unknown(error.to_string()),
            Ok(lists) => lists
                .iter()
                .find_map(|crl| crl.judge(leaf, issuer, Utc::now()))
                .unwrap_or_else(|| unknown("it is another issuer's".to_owned())),
        },
    }
}

fn patience(setup: &Setup) -> Duration {
    setup.tls.options().timeout.min(PATIENCE)
}
