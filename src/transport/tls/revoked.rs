//! What the check for revoked certificates needs of the options, and what it adds to what is known of a link.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::setup::{TlsSetupError, read, shown};
use super::verify::{self, System, Trusted, VerifyProblem, VerifyReason};
use super::{TlsError, TlsFailure, TlsInfo, TlsSetup, Verified};
use crate::transport::cert::CertInfo;
use crate::transport::revocation::Report;
use crate::transport::revocation::crl::{self, Crl};

/// How long what was asked for over the network is taken for still true.
const FRESH: Duration = Duration::from_secs(600);

/// What was asked for last: the certificate's SHA-256, when, and what came of it.
pub(super) type Asked = Option<([u8; 32], Instant, Report)>;

/// The lists in the files of `--crl`.
pub(super) fn lists(paths: &[PathBuf]) -> Result<Vec<Crl>, TlsSetupError> {
    let mut found = Vec::new();
    for path in paths {
        let name = shown(path);
        let lists = crl::read(&read("CRL file", path)?, &format!("in {name}"));
        found.extend(lists.map_err(|error| TlsSetupError::NoCrl(name, error))?);
    }
    Ok(found)
}

impl TlsSetup {
    /// The revocation lists.
    pub(in crate::transport) fn crls(&self) -> &[Crl] {
        &self.0.crls
    }

    /// The certificate of the authority that issued `leaf`, if the server sent it or it is trusted here.
    pub(in crate::transport) fn issuer_of(&self, leaf: &CertInfo, chain: &[CertInfo]) -> Option<CertInfo> {
        let own: Vec<CertInfo> = self.0.roots.iter().filter_map(|der| CertInfo::from_der(der).ok()).collect();
        let known = chain.iter().skip(1).chain(&own);
        if let Some(found) = known.into_iter().find(|cert| crl::issued(cert, leaf)) {
            return Some(found.clone());
        }
        let system = if self.options().no_system_ca { System::None } else { System::Folder };
        let trusted = Trusted { system, own: &[], any: true };
        let built = verify::path(leaf.der(), &[], &trusted.store()?)?.ok()?;
        built.into_iter().nth(1)
    }

    /// What was asked for a short while ago about this certificate.
    pub(in crate::transport) fn asked_before(&self, leaf: &CertInfo) -> Option<Report> {
        let asked = self.0.asked.lock().ok()?;
        let (sha256, when, report) = asked.as_ref()?;
        (*sha256 == leaf.sha256 && when.elapsed() < FRESH).then(|| report.clone())
    }

    /// Keeps what was asked for, so that the next connection need not ask again.
    pub(in crate::transport) fn remember(&self, leaf: &CertInfo, report: &Report) {
        if let Ok(mut asked) = self.0.asked.lock() {
            *asked = Some((leaf.sha256, Instant::now(), report.clone()));
        }
    }
}

impl TlsInfo {
    /// Takes note of what was found out about revocation. A revoked certificate does not verify.
    ///
    /// # Errors
    /// When it was revoked, and that was not waived.
    pub(in crate::transport) fn learn(&mut self, report: Report) -> Result<(), TlsError> {
        if let Some(testimony) = report.revoked() {
            let words = testimony.to_string();
            let problem = VerifyProblem {
                reason: VerifyReason::Revoked,
                said: words,
                wanted: self.checked_name.clone(),
                leaf: self.leaf.clone().map(Box::new),
            };
            if !self.insecure {
                return Err(TlsError::new(TlsFailure::Verify(Box::new(problem)), self.seen.clone()));
            }
            // What else is wrong with it has been found out before, and stays.
            if !matches!(self.verified, Verified::No(_)) {
                self.verified = Verified::No(problem);
            }
        }
        self.revocation = Some(report);
        Ok(())
    }
}
