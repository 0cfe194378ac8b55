//! The client's own certificate and key, read and checked before any connection.

use std::path::Path;

use native_tls::Identity;
use zeroize::Zeroizing;

use super::TlsOptions;
use super::setup::{TlsSetupError, read};
use crate::secret::Secret;

/// The client's certificate and key, as each library wants them.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) native: Identity,
    #[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
    pub(super) openssl: super::openssl::Own,
}

/// Reads the client certificate that the options name, if they do.
pub(super) fn load(options: &TlsOptions) -> Result<Option<Own>, TlsSetupError> {
    let Some(cert) = &options.cert else { return Ok(None) };
    let chain = Zeroizing::new(read("client certificate", cert)?);
    let passphrase = options.passphrase.as_ref();
    if options.key.is_none() && !is_pem(&chain) {
        return pkcs12(cert, &chain, passphrase).map(Some);
    }
    let key_path = options.key.as_ref().unwrap_or(cert);
    let key = match &options.key {
        Some(path) => Zeroizing::new(read("private key", path)?),
        None => chain.clone(),
    };
    if !has_block(&chain, "CERTIFICATE") {
        return Err(TlsSetupError::NoCertificate(shown(cert)));
    }
    let key = pkcs8(key_path, &key, passphrase)?;
    let own = from_pem(&chain, &key).map_err(|said| TlsSetupError::BadCertificate(shown(cert), said))?;
    match key_fits(&chain, &key) {
        true => Ok(Some(own)),
        false => Err(TlsSetupError::KeyMismatch { key: shown(key_path), cert: shown(cert) }),
    }
}

fn from_pem(chain: &[u8], key: &[u8]) -> Result<Own, String> {
    Ok(Own {
        native: Identity::from_pkcs8(chain, key).map_err(|error| error.to_string())?,
        #[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
        openssl: super::openssl::Own::from_pem(chain, key).map_err(|error| error.to_string())?,
    })
}

fn from_pkcs12(der: &[u8], passphrase: &str) -> Result<Own, String> {
    Ok(Own {
        native: Identity::from_pkcs12(der, passphrase).map_err(|error| error.to_string())?,
        #[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
        openssl: super::openssl::Own::from_pkcs12(der, passphrase).map_err(|error| error.to_string())?,
    })
}

fn pkcs12(path: &Path, der: &[u8], passphrase: Option<&Secret>) -> Result<Own, TlsSetupError> {
    let text = passphrase.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
    let text = Zeroizing::new(text.unwrap_or_default());
    from_pkcs12(der, &text).map_err(|said| {
        if said.contains("mac verify failure") {
            match passphrase {
                Some(_) => TlsSetupError::WrongPassphrase(shown(path)),
                None => TlsSetupError::PassphraseNeeded(shown(path)),
            }
        } else if said.contains("unsupported") {
            TlsSetupError::OldPkcs12(shown(path))
        } else {
            TlsSetupError::BadCertificate(shown(path), "it is neither PEM nor PKCS#12".to_owned())
        }
    })
}

/// The key as unencrypted PKCS#8 in PEM, the one form that the TLS library takes.
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
fn pkcs8(path: &Path, pem: &[u8], passphrase: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>, TlsSetupError> {
    use openssl::pkey::PKey;

    if !has_block(pem, "PRIVATE KEY") {
        return Err(TlsSetupError::NoKey(shown(path)));
    }
    let key = if !is_encrypted(pem) {
        PKey::private_key_from_pem(pem).map_err(|_| TlsSetupError::BadKey(shown(path)))?
    } else if let Some(passphrase) = passphrase {
        PKey::private_key_from_pem_passphrase(pem, passphrase.expose())
            .map_err(|_| TlsSetupError::WrongPassphrase(shown(path)))?
    } else {
        return Err(TlsSetupError::PassphraseNeeded(shown(path)));
    };
    let pem = key.private_key_to_pem_pkcs8().map_err(|_| TlsSetupError::BadKey(shown(path)))?;
    Ok(Zeroizing::new(pem))
}

/// On other systems the key is taken as it is.
#[cfg(any(target_os = "windows", target_vendor = "apple"))]
fn pkcs8(path: &Path, pem: &[u8], _: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>, TlsSetupError> {
    match has_block(pem, "PRIVATE KEY") && !is_encrypted(pem) {
        true => Ok(Zeroizing::new(pem.to_vec())),
        false => Err(TlsSetupError::NoKey(shown(path))),
    }
}

#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
fn key_fits(chain: &[u8], key: &[u8]) -> bool {
    use openssl::{pkey::PKey, x509::X509};

    let public = X509::from_pem(chain).and_then(|cert| cert.public_key());
    matches!((public, PKey::private_key_from_pem(key)), (Ok(public), Ok(key)) if public.public_eq(&key))
}

#[cfg(any(target_os = "windows", target_vendor = "apple"))]
fn key_fits(_: &[u8], _: &[u8]) -> bool {
    true
}

fn is_pem(bytes: &[u8]) -> bool {
    find(bytes, b"-----BEGIN ")
}

/// Whether there is a PEM block whose label ends so; `EC PRIVATE KEY` is a `PRIVATE KEY`.
fn has_block(pem: &[u8], label: &str) -> bool {
    find(pem, format!("{label}-----").as_bytes())
}

fn is_encrypted(pem: &[u8]) -> bool {
    find(pem, b"BEGIN ENCRYPTED PRIVATE KEY") || find(pem, b"Proc-Type: 4,ENCRYPTED")
}

fn find(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

fn shown(path: &Path) -> String {
    super::setup::shown(path)
}
