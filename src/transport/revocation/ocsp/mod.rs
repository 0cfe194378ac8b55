//! The Online Certificate Status Protocol (RFC 6960): the question, and what an answer says of a certificate.
//!
//! OpenSSL knows the format and checks who signed it: the certificate's issuer, or a responder that the issuer made so
//! (§4.2.2.2).

#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
mod openssl;

#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
pub(super) use self::openssl::{question, standing};

use chrono::{DateTime, Utc};

use super::Standing;
#[cfg(any(target_os = "windows", target_vendor = "apple"))]
use crate::transport::cert::CertInfo;

/// What an answer says, and until when.
pub(super) type Answer = (Standing, Option<DateTime<Utc>>);

/// This system's TLS library has no OCSP that could be called.
#[cfg(any(target_os = "windows", target_vendor = "apple"))]
pub(super) fn question(_: &CertInfo, _: &CertInfo) -> Result<Vec<u8>, String> {
    Err("OCSP is not supported on this system".to_owned())
}

/// This system's TLS library has no OCSP that could be called.
#[cfg(any(target_os = "windows", target_vendor = "apple"))]
pub(super) fn standing(_: &[u8], _: &CertInfo, _: &CertInfo, _: DateTime<Utc>) -> Answer {
    (Standing::Unknown("OCSP is not supported on this system".to_owned()), None)
}
