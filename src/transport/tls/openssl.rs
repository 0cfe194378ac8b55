//! Links made by OpenSSL itself, for what native-tls does not do: keys logged, ciphers and groups chosen, keying
//! material exported. In all else they are made as native-tls makes them.

use std::pin::Pin;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslConnector, SslConnectorBuilder, SslMethod, SslRef, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509Ref, X509VerifyResult};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::connector::{Done, Encrypted, Parts};
use super::{Sni, TlsOptions, Version};
use crate::sasl::{BindingKind, ChannelBinding};
use crate::transport::tap::Tap;
use crate::wire::escape::visible;

/// The label for `tls-exporter` (RFC 9266 §2), and how many bytes it gives.
const EXPORTER: (&str, usize) = ("EXPORTER-Channel-Binding", 32);

/// The client's certificate, those above it, and its key.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) cert: X509,
    pub(super) above: Vec<X509>,
    pub(super) key: PKey<Private>,
}

impl Own {
    /// From a certificate with those above it, and the key, in PEM.
    pub(super) fn from_pem(chain: &[u8], key: &[u8]) -> Result<Own, ErrorStack> {
        let mut chain = X509::stack_from_pem(chain)?.into_iter();
        let cert = chain.next().ok_or_else(ErrorStack::get)?;
        Ok(Own { cert, above: chain.collect(), key: PKey::private_key_from_pem(key)? })
    }

    /// From PKCS#12, whose further certificates are read in the wrong order (OpenSSL's PKCS12_parse).
    pub(super) fn from_pkcs12(der: &[u8], passphrase: &str) -> Result<Own, ErrorStack> {
        let parsed = Pkcs12::from_der(der)?.parse2(passphrase)?;
        Ok(Own {
            cert: parsed.cert.ok_or_else(ErrorStack::get)?,
            above: parsed.ca.into_iter().flatten().rev().collect(),
            key: parsed.pkey.ok_or_else(ErrorStack::get)?,
        })
    }
}

/// OpenSSL, set up.
#[derive(Clone)]
pub(super) struct Connector {
    library: SslConnector,
    options: Arc<TlsOptions>,
}

impl Encrypted for SslStream<Tap<TcpStream>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().get_ref()
    }
}

impl Connector {
    /// # Errors
    /// Which list cannot be used, or what the library says.
    pub(super) fn new(parts: &Parts<'_>) -> Result<Connector, String> {
        let words = |error: ErrorStack| error.to_string();
        let mut builder = SslConnector::builder(SslMethod::tls()).map_err(words)?;
        choose(&mut builder, parts.options)?;
        Self::fill(builder, parts).map_err(words)
    }

    fn fill(mut builder: SslConnectorBuilder, parts: &Parts<'_>) -> Result<Connector, ErrorStack> {
        let options = parts.options;
        trust(&mut builder, parts)?;
        builder.set_min_proto_version(Some(version(options.min)))?;
        builder.set_max_proto_version(options.max.map(version))?;
        if let Some(own) = parts.own {
            builder.set_certificate(&own.openssl.cert)?;
            builder.set_private_key(&own.openssl.key)?;
            for cert in &own.openssl.above {
                builder.add_extra_chain_cert(cert.clone())?;
            }
        }
        let alpn: Vec<u8> = options.alpn.iter().flat_map(|name| on_the_wire(name)).collect();
        if !alpn.is_empty() {
            builder.set_alpn_protos(&alpn)?;
        }
        if let Some(keylog) = parts.keylog.cloned() {
            builder.set_keylog_callback(move |_, line| keylog.write(line));
        }
        Ok(Connector { library: builder.build(), options: Arc::new(options.clone()) })
    }

    /// The handshake.
    ///
    /// # Errors
    /// What the library says, with the reason why the certificate does not verify in brackets, as native-tls has it.
    pub(super) async fn connect(&self, name: &str, tap: Tap<TcpStream>) -> Result<Done, String> {
        let words = |error: ErrorStack| error.to_string();
        let mut asked = self.library.configure().map_err(words)?;
        asked.set_use_server_name_indication(self.options.sni != Sni::None);
        // The name is checked by ourselves, as in the other library.
        asked.set_verify_hostname(false);
        if self.options.insecure {
            asked.set_verify(SslVerifyMode::NONE);
        }
        let mut stream = SslStream::new(asked.into_ssl(name).map_err(words)?, tap).map_err(words)?;
        if let Err(error) = Pin::new(&mut stream).connect().await {
            return Err(match stream.ssl().verify_result() {
                X509VerifyResult::OK => error.to_string(),
                why => format!("{error} ({why})"),
            });
        }
        let ssl = stream.ssl();
        let leaf = ssl.peer_certificate();
        Ok(Done {
            binding: binding(ssl, leaf.as_deref(), self.options.binding),
            leaf: leaf.and_then(|cert| cert.to_der().ok()),
            alpn: ssl.selected_alpn_protocol().map(<[u8]>::to_vec),
            stream: Box::new(stream),
        })
    }
}

/// Whom to trust: the system's authorities, unless they are not wanted, and those that were given.
fn trust(builder: &mut SslConnectorBuilder, parts: &Parts<'_>) -> Result<(), ErrorStack> {
    if parts.options.no_system_ca {
        builder.set_cert_store(X509StoreBuilder::new()?.build());
    } else {
        let found = openssl_probe::probe();
        // One that cannot be loaded is no reason not to load the other.
        if let Some(file) = &found.cert_file {
            let _ = builder.load_verify_locations(Some(file), None);
        }
        for folder in &found.cert_dir {
            let _ = builder.load_verify_locations(None, Some(folder));
        }
    }
    for der in parts.roots {
        builder.cert_store_mut().add_cert(X509::from_der(der)?)?;
    }
    Ok(())
}

/// The ciphers and groups that were chosen, in OpenSSL's words.
fn choose(builder: &mut SslConnectorBuilder, options: &TlsOptions) -> Result<(), String> {
    type Set = fn(&mut SslConnectorBuilder, &str) -> Result<(), ErrorStack>;
    let lists: [(&str, &Option<String>, Set); 3] = [
        ("--ciphers", &options.ciphers, |builder, list| builder.set_cipher_list(list)),
        ("--ciphersuites", &options.ciphersuites, |builder, list| builder.set_ciphersuites(list)),
        ("--groups", &options.groups, |builder, list| builder.set_groups_list(list)),
    ];
    for (option, list, set) in lists {
        let Some(list) = list else { continue };
        // The library reads up to a NUL, and takes nothing for everything.
        let odd = list.is_empty() || list.contains(char::is_control);
        if odd || set(builder, list).is_err() {
            return Err(format!("there is no such list for {option}: \"{}\"", visible(list.as_bytes())));
        }
    }
    Ok(())
}

fn version(version: Version) -> SslVersion {
    match version {
        Version::V1_0 => SslVersion::TLS1,
        Version::V1_1 => SslVersion::TLS1_1,
        Version::V1_2 => SslVersion::TLS1_2,
        Version::V1_3 => SslVersion::TLS1_3,
    }
}

/// A name behind its length (RFC 7301 §3.1); nothing of one that is too long for it.
fn on_the_wire(name: &str) -> Vec<u8> {
    u8::try_from(name.len()).map_or(Vec::new(), |length| [&[length], name.as_bytes()].concat())
}

fn binding(ssl: &SslRef, leaf: Option<&X509Ref>, kind: BindingKind) -> Option<ChannelBinding> {
    let data = match kind {
        BindingKind::TlsServerEndPoint => end_point(leaf?)?,
        // Before TLS 1.3 it is safe with the extended master secret only (RFC 9266 §3), which cannot be asked for here.
        BindingKind::TlsExporter if ssl.version2() != Some(SslVersion::TLS1_3) => return None,
        BindingKind::TlsExporter => {
            let mut data = vec![0; EXPORTER.1];
            ssl.export_keying_material(&mut data, EXPORTER.0, Some(b"")).ok()?;
            data
        }
    };
    Some(ChannelBinding { kind, data })
}

/// The hash of the certificate by the hash of its signature, but by SHA-256 where that is MD5 or SHA-1 (RFC 5929 §4.1).
fn end_point(cert: &X509Ref) -> Option<Vec<u8>> {
    let digest = cert.signature_algorithm().object().nid().signature_algorithms()?.digest;
    let digest = match digest {
        Nid::MD5 | Nid::SHA1 => MessageDigest::sha256(),
        other => MessageDigest::from_nid(other)?,
    };
    cert.digest(digest).ok().map(|hash| hash.to_vec())
}
