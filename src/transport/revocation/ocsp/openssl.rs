//! OCSP by OpenSSL.

use chrono::{DateTime, NaiveDateTime, Utc};
use openssl::asn1::Asn1GeneralizedTimeRef;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::ocsp::{
    OcspBasicResponse, OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse, OcspResponseStatus,
};
use openssl::stack::Stack;
use openssl::x509::X509;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;

use super::Answer;
use crate::transport::cert::CertInfo;
use crate::transport::revocation::{Reason, Revoked, Standing, minute};

/// How far the clocks may differ, in seconds.
const SKEW: i64 = 300;

/// The question about a certificate, in DER. It has no nonce: most responders have their answers made in advance.
///
/// # Errors
/// When the certificates cannot be used.
pub(in crate::transport::revocation) fn question(
    cert: &CertInfo,
    issuer: &CertInfo,
) -> Result<Vec<u8>, String> {
    let made = || {
        let mut request = OcspRequest::new()?;
        request.add_id(id(MessageDigest::sha1(), cert, issuer)?)?;
        request.to_der()
    };
    made().map_err(|error: ErrorStack| error.to_string())
}

/// Responders know a certificate by hashes of its issuer, nearly always SHA-1 (RFC 5019 §2.1.1).
fn id(digest: MessageDigest, cert: &CertInfo, issuer: &CertInfo) -> Result<OcspCertId, ErrorStack> {
    OcspCertId::from_cert(digest, &*X509::from_der(cert.der())?, &*X509::from_der(issuer.der())?)
}

/// What an answer in DER says of a certificate, and until when.
pub(in crate::transport::revocation) fn standing(
    der: &[u8],
    cert: &CertInfo,
    issuer: &CertInfo,
    now: DateTime<Utc>,
) -> Answer {
    let unknown = |why: &str| (Standing::Unknown(why.to_owned()), None);
    let Ok(response) = OcspResponse::from_der(der) else { return unknown("the answer is no OCSP") };
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return unknown(refusal(response.status()));
    }
    let Ok(basic) = response.basic() else { return unknown("the answer is of an unknown kind") };
    if !is_signed(&basic, issuer).unwrap_or(false) {
        return unknown("the answer is not signed by the issuer, or by a responder of its choice");
    }
    [MessageDigest::sha1(), MessageDigest::sha256()]
        .into_iter()
        .find_map(|digest| judge(&basic, &*id(digest, cert, issuer).ok()?, now))
        .unwrap_or_else(|| unknown("the answer is about other certificates"))
}

fn refusal(status: OcspResponseStatus) -> &'static str {
    match status {
        OcspResponseStatus::MALFORMED_REQUEST => "the responder could not read the question",
        OcspResponseStatus::INTERNAL_ERROR => "the responder has an error of its own",
        OcspResponseStatus::TRY_LATER => "the responder asks to try again later",
        OcspResponseStatus::SIG_REQUIRED => "the responder answers signed questions only",
        OcspResponseStatus::UNAUTHORIZED => "the responder does not answer for this issuer (unauthorized)",
        _ => "the responder refused with an unknown status",
    }
}

fn is_signed(basic: &OcspBasicResponse, issuer: &CertInfo) -> Result<bool, ErrorStack> {
    let issuer = X509::from_der(issuer.der())?;
    let mut known = Stack::new()?;
    known.push(issuer.clone())?;
    Ok(basic.verify(&known, &*trusting(issuer)?, OcspFlag::empty()).is_ok())
}

/// A store that trusts the issuer alone, be it a root or not. That the issuer itself is trusted was found out when the
/// certificate was verified.
fn trusting(issuer: X509) -> Result<X509Store, ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    store.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    store.add_cert(issuer)?;
    Ok(store.build())
}

/// What the answer says of the certificate of this id; nothing if it is about others.
fn judge(basic: &OcspBasicResponse, id: &openssl::ocsp::OcspCertIdRef, now: DateTime<Utc>) -> Option<Answer> {
    let status = basic.find_status(id)?;
    let until = status.next_update().and_then(time);
    let standing = match (status.status, status.revocation_time.and_then(time)) {
        (OcspCertStatus::REVOKED, Some(at)) => {
            let reason = u8::try_from(status.reason.as_raw()).ok().map(Reason);
            Standing::Revoked(Revoked { authority: None, at, reason })
        }
        (OcspCertStatus::GOOD, _) => match (time(status.this_update), until) {
            (_, Some(until)) if (now - until).num_seconds() > SKEW => {
                Standing::Unknown(format!("the answer expired on {}", minute(until)))
            }
            (Some(from), _) if (from - now).num_seconds() > SKEW => {
                Standing::Unknown(format!("the answer begins on {} only", minute(from)))
            }
            (None, _) => Standing::Unknown("the answer names a time that is none".to_owned()),
            _ => Standing::Good,
        },
        _ => Standing::Unknown("the responder does not know the certificate".to_owned()),
    };
    Some((standing, until))
}

/// OpenSSL shows a time as text only: `Nov 23 12:00:00 2026 GMT`.
fn time(time: &Asn1GeneralizedTimeRef) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(&time.to_string(), "%b %e %H:%M:%S %Y GMT").ok().map(|time| time.and_utc())
}
