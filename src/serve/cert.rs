//! Certificates made on the fly.

use std::io;
use std::net::IpAddr;

use super::tls::Acceptor;
use chrono::{Datelike, Duration, Utc};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Days that a certificate is valid for.
const VALID_DAYS: i64 = 90;

/// An acceptor with a fresh certificate for these names, `localhost` and the loopback addresses, and in PEM
/// the certificate of the authority that vouches for it.
pub(super) fn acceptor(mut names: Vec<String>, ip: IpAddr) -> io::Result<(Acceptor, String)> {
    names.extend(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()]);
    if !ip.is_unspecified() && !ip.is_loopback() {
        names.push(ip.to_string());
    }
    let (chain, key, ca) = make(names).map_err(io::Error::other)?;
    let acceptor = Acceptor::new(chain.as_bytes(), key.as_bytes()).map_err(io::Error::other)?;
    Ok((acceptor, ca))
}

fn make(names: Vec<String>) -> Result<(String, String, String), rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(DnType::CommonName, "Heloise practice authority");
    limit(&mut authority);
    let authority_key = KeyPair::generate()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    let issuer = Issuer::new(authority, authority_key);
    let mut leaf = CertificateParams::new(names.clone())?;
    leaf.distinguished_name.push(DnType::CommonName, names.into_iter().next().unwrap_or_default());
    limit(&mut leaf);
    let key = KeyPair::generate()?;
    let leaf_pem = leaf.signed_by(&key, &issuer)?.pem();
    Ok((format!("{leaf_pem}{authority_pem}"), key.serialize_pem(), authority_pem))
}

/// Makes it valid from yesterday, in case the clocks differ.
fn limit(params: &mut CertificateParams) {
    let date = |days| {
        let day = Utc::now() + Duration::days(days);
        // Months and days are small numbers.
        rcgen::date_time_ymd(day.year(), day.month() as u8, day.day() as u8)
    };
    (params.not_before, params.not_after) = (date(-1), date(VALID_DAYS));
}
