//! The server's side of TLS: certificate and key made ready, and the handshake.
//!
//! With OpenSSL it goes up to TLS 1.3, which native-tls leaves out for servers (openssl's `mozilla_intermediate` switches
//! it off); elsewhere it does what the system's library does.

#[cfg(any(target_os = "windows", target_vendor = "apple"))]
use native as library;
#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
use with_openssl as library;

use std::io;

use thiserror::Error;
use tokio::net::TcpStream;

pub(super) use library::Stream;

/// Does handshakes as a server. Clones share the certificate.
#[derive(Clone)]
pub struct Acceptor(library::Acceptor);

/// A certificate and a key that make no server: unreadable, or of different pairs.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct UnusablePair(String);

impl Acceptor {
    /// From a certificate with its chain and its private key, both in PEM.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Acceptor, UnusablePair> {
        match library::Acceptor::new(chain, key) {
            Ok(acceptor) => Ok(Acceptor(acceptor)),
            Err(error) => Err(UnusablePair(error.to_string())),
        }
    }

    /// The handshake: the encrypted stream, and its channel binding `tls-server-end-point` (RFC 5929 §4) where it has
    /// one.
    pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<(Stream, Option<Vec<u8>>)> {
        self.0.accept(tcp).await
    }
}

#[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
mod with_openssl {
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;

    use openssl::error::ErrorStack;
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
    use openssl::x509::{X509, X509Ref};
    use tokio::net::TcpStream;

    pub(in crate::serve) type Stream = tokio_openssl::SslStream<TcpStream>;

    #[derive(Clone)]
    pub(super) struct Acceptor {
        acceptor: Arc<SslAcceptor>,
        end_point: Option<Vec<u8>>,
    }

    impl Acceptor {
        pub(super) fn new(chain: &[u8], key: &[u8]) -> Result<Acceptor, ErrorStack> {
            let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
            let leaf = X509::from_pem(chain)?;
            builder.set_certificate(&leaf)?;
            for authority in X509::stack_from_pem(chain)?.into_iter().skip(1) {
                builder.add_extra_chain_cert(authority)?;
            }
            // A key with a passphrase is refused; without this the library would ask for it at the terminal.
            let key = PKey::private_key_from_pem_callback(key, |_| Ok(0))?;
            builder.set_private_key(&key)?;
            builder.check_private_key()?;
            Ok(Acceptor { acceptor: Arc::new(builder.build()), end_point: end_point(&leaf) })
        }

        pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<(Stream, Option<Vec<u8>>)> {
            let mut stream = Stream::new(Ssl::new(self.acceptor.context())?, tcp)?;
            Pin::new(&mut stream).accept().await.map_err(io::Error::other)?;
            Ok((stream, self.end_point.clone()))
        }
    }

    /// The hash of the certificate by the hash of its signature, and by SHA-256 where that is a weak one (RFC 5929
    /// §4.1).
    fn end_point(leaf: &X509Ref) -> Option<Vec<u8>> {
        let signed = leaf.signature_algorithm().object().nid().signature_algorithms()?;
        let digest = match signed.digest {
            Nid::MD5 | Nid::SHA1 => MessageDigest::sha256(),
            other => MessageDigest::from_nid(other)?,
        };
        leaf.digest(digest).ok().map(|hash| hash.to_vec())
    }
}

#[cfg(any(target_os = "windows", target_vendor = "apple"))]
mod native {
    use std::io;

    use native_tls::Identity;
    use tokio::net::TcpStream;

    pub(in crate::serve) type Stream = tokio_native_tls::TlsStream<TcpStream>;

    #[derive(Clone)]
    pub(super) struct Acceptor(tokio_native_tls::TlsAcceptor);

    impl Acceptor {
        pub(super) fn new(chain: &[u8], key: &[u8]) -> native_tls::Result<Acceptor> {
            let acceptor = native_tls::TlsAcceptor::new(Identity::from_pkcs8(chain, key)?)?;
            Ok(Acceptor(acceptor.into()))
        }

        pub(super) async fn accept(&self, tcp: TcpStream) -> io::Result<(Stream, Option<Vec<u8>>)> {
            let stream = self.0.accept(tcp).await.map_err(io::Error::other)?;
            let end_point = stream.get_ref().tls_server_end_point().ok().flatten();
            Ok((stream, end_point))
        }
    }
}
