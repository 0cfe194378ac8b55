//! Certificate revocation lists (RFC 5280 §5): files of them, and what one says of a certificate.

use chrono::{DateTime, Utc};
use thiserror::Error;
use x509_parser::extensions::{IssuingDistributionPoint, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::{
    ASN1Time, CertificateRevocationList, FromDer, SubjectPublicKeyInfo, X509Certificate, X509Error,
};
use x509_parser::verify::verify_signature;

use super::{Reason, Revoked, Standing, Testimony};
use crate::transport::cert::{CertInfo, distinguished_name, hex, urls_of};

/// The label of a list in PEM (RFC 7468 §6).
const LABEL: &str = "X509 CRL";

/// The object identifier of the delta CRL indicator (RFC 5280 §5.2.4).
const DELTA: &str = "2.5.29.27";

/// A revocation list. Who signed it is checked when a certificate is judged by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    origin: String,
    der: Vec<u8>,
}

/// Bytes that are no revocation list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no certificate revocation list in it (PEM is wanted, with BEGIN X509 CRL, or DER)")]
pub struct NotACrl;

/// Reads lists: one in DER, or any number in PEM. `origin` says where they come from, safe to show.
///
/// # Errors
/// When there is none, or one is damaged.
pub fn read(bytes: &[u8], origin: &str) -> Result<Vec<Crl>, NotACrl> {
    let one = |der: &[u8]| match CertificateRevocationList::from_der(der) {
        Ok(([], _)) => Ok(Crl { origin: origin.to_owned(), der: der.to_vec() }),
        _ => Err(NotACrl),
    };
    if let Ok(crl) = one(bytes) {
        return Ok(vec![crl]);
    }
    let pems = Pem::iter_from_buffer(bytes).flatten().filter(|pem| pem.label == LABEL);
    let found = pems.map(|pem| one(&pem.contents)).collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() { Err(NotACrl) } else { Ok(found) }
}

/// Whether `authority` issued a certificate: it is named as the issuer, and its key made the signature. A signature of a
/// kind that cannot be checked here counts by its name.
pub(in crate::transport) fn issued(authority: &CertInfo, cert: &CertInfo) -> bool {
    if !cert.names_as_issuer(authority) {
        return false;
    }
    let (Ok((_, key)), Ok((_, parsed))) =
        (SubjectPublicKeyInfo::from_der(authority.spki()), X509Certificate::from_der(cert.der()))
    else {
        return false;
    };
    !matches!(parsed.verify_signature(Some(&key)), Err(X509Error::SignatureVerificationError))
}

impl Crl {
    /// What the list says of a certificate; nothing if another authority's certificates are its matter.
    ///
    /// A list past its time still shows what was revoked, as that is for good; but not what was not.
    pub fn judge(&self, cert: &CertInfo, issuer: &CertInfo, now: DateTime<Utc>) -> Option<Testimony> {
        let (_, crl) = CertificateRevocationList::from_der(&self.der).ok()?;
        if !cert.names_as_issuer(issuer) || crl.issuer().as_raw() != issuer.raw_subject() {
            return None;
        }
        let by = format!("the CRL of {} {}", distinguished_name(crl.issuer()), self.origin);
        let until = crl.next_update().and_then(time);
        let standing = match standing(&crl, cert, issuer, now) {
            Ok(standing) => standing,
            Err(why) => Standing::Unknown(why),
        };
        Some(Testimony { by, standing, until })
    }
}

fn standing(
    crl: &CertificateRevocationList<'_>,
    cert: &CertInfo,
    issuer: &CertInfo,
    now: DateTime<Utc>,
) -> Result<Standing, String> {
    signed_by(crl, issuer)?;
    let partial = covers(crl, cert)?;
    if let Some(entry) = crl.iter_revoked_certificates().find(|entry| hex(entry.raw_serial()) == cert.serial)
    {
        let at = time(entry.revocation_date).ok_or("it names a time that is none")?;
        let reason = entry.reason_code().map(|(_, code)| Reason(code.0));
        return Ok(Standing::Revoked(Revoked { authority: None, at, reason }));
    }
    match crl.next_update().and_then(time) {
        Some(until) if now > until => {
            return Err(format!(
                "it expired on {}, and newer revocations are not in it",
                super::minute(until)
            ));
        }
        _ => {}
    }
    match time(crl.last_update()) {
        Some(from) if from > now => return Err(format!("it begins on {} only", super::minute(from))),
        _ => {}
    }
    match partial {
        true => {
            Err("it holds revocations for some reasons only, and the certificate is not in it".to_owned())
        }
        false => Ok(Standing::Good),
    }
}

/// Whether the issuer, with a key that may do so, signed the list (RFC 5280 §6.3.3 f and g).
fn signed_by(crl: &CertificateRevocationList<'_>, issuer: &CertInfo) -> Result<(), String> {
    let unusable = || "its issuer's certificate cannot be read".to_owned();
    let (_, parsed) = X509Certificate::from_der(issuer.der()).map_err(|_| unusable())?;
    if let Ok(Some(usage)) = parsed.key_usage()
        && !usage.value.crl_sign()
    {
        return Err("its issuer's certificate does not allow it to sign CRLs (key usage)".to_owned());
    }
    let signed = verify_signature(
        parsed.public_key(),
        &crl.signature_algorithm,
        &crl.signature_value,
        crl.tbs_cert_list.as_ref(),
    );
    match signed {
        Ok(()) => Ok(()),
        Err(X509Error::SignatureUnsupportedAlgorithm) => {
            Err("its signature is of a kind that cannot be checked here".to_owned())
        }
        Err(_) => Err("its signature is not that of the certificate's issuer".to_owned()),
    }
}

/// Whether the list is one that this certificate would be in (RFC 5280 §6.3.3 b), and whether it holds some reasons
/// only.
fn covers(crl: &CertificateRevocationList<'_>, cert: &CertInfo) -> Result<bool, String> {
    let mut partial = false;
    for extension in crl.extensions() {
        match extension.parsed_extension() {
            _ if extension.oid.to_id_string() == DELTA => {
                return Err("it is a delta CRL, and a complete one is wanted".to_owned());
            }
            ParsedExtension::IssuingDistributionPoint(point) => partial = in_scope(point, cert)?,
            // What must be understood and is not makes the whole list useless (§5.2).
            ParsedExtension::UnsupportedExtension { oid } if extension.critical => {
                return Err(format!(
                    "it has a critical extension that is not known here ({})",
                    oid.to_id_string()
                ));
            }
            ParsedExtension::ParseError { .. } if extension.critical => {
                return Err("it has a critical extension that is damaged".to_owned());
            }
            _ => {}
        }
    }
    Ok(partial)
}

/// Many authorities split their lists; a certificate names the part that it belongs to.
fn in_scope(point: &IssuingDistributionPoint<'_>, cert: &CertInfo) -> Result<bool, String> {
    let other = |what: &str| Err(format!("it is a list {what}"));
    if point.indirect_crl {
        return other("for several issuers (indirect), which is not supported here");
    }
    if point.only_contains_attribute_certs {
        return other("of attribute certificates");
    }
    if point.only_contains_ca_certs && !cert.is_ca {
        return other("of authorities' certificates only");
    }
    if point.only_contains_user_certs && cert.is_ca {
        return other("without authorities' certificates");
    }
    if let Some(name) = &point.distribution_point
        && !urls_of(name).iter().any(|url| cert.crl_urls.contains(url))
    {
        return other(
            "for other certificates of this issuer: the certificate names another distribution point",
        );
    }
    Ok(point.only_some_reasons.is_some())
}

fn time(time: ASN1Time) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.timestamp(), 0)
}
