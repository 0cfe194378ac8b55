//! The two libraries that can make an encrypted link: native-tls, and OpenSSL itself where an option asks for what
//! native-tls does not do.

use std::fmt;

use native_tls::{Certificate, TlsConnector};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::identity::Own;
use super::keylog::KeyLog;
use super::{Sni, TlsOptions};
use crate::sasl::{BindingKind, ChannelBinding};
use crate::transport::tap::Tap;

/// An encrypted stream, whichever library made it.
pub(in crate::transport) trait Encrypted:
    AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug
{
    /// The TCP connection under it.
    fn tcp(&self) -> &TcpStream;
}

impl Encrypted for tokio_native_tls::TlsStream<Tap<TcpStream>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().get_ref().get_ref().get_ref()
    }
}

/// The stream of an encrypted link.
pub(in crate::transport) type TlsStream = Box<dyn Encrypted>;

/// What a library tells once the handshake is done.
pub(super) struct Done {
    pub(super) stream: TlsStream,
    /// The server's certificate in DER.
    pub(super) leaf: Option<Vec<u8>>,
    /// The application protocol agreed on.
    pub(super) alpn: Option<Vec<u8>>,
    pub(super) binding: Option<ChannelBinding>,
}

/// What a connector is made of.
pub(super) struct Parts<'p> {
    pub(super) options: &'p TlsOptions,
    /// Further trusted roots in DER.
    pub(super) roots: &'p [Vec<u8>],
    pub(super) own: Option<&'p Own>,
    pub(super) keylog: Option<&'p KeyLog>,
}

/// A library, set up. Clones share it.
#[derive(Clone)]
pub(super) enum Connector {
    Native(TlsConnector),
    #[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
    OpenSsl(super::openssl::Connector),
}

impl Connector {
    /// # Errors
    /// What the library says.
    pub(super) fn new(parts: &Parts<'_>) -> Result<Connector, String> {
        if !parts.options.beyond_native() {
            return native(parts).map(Connector::Native).map_err(|error| error.to_string());
        }
        #[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
        let made = super::openssl::Connector::new(parts).map(Connector::OpenSsl);
        #[cfg(any(target_os = "windows", target_vendor = "apple"))]
        let made = Err("they need OpenSSL, which is not in use on this system".to_owned());
        made
    }

    /// The handshake. `name` becomes the SNI, unless that is switched off.
    ///
    /// # Errors
    /// What the library says.
    pub(super) async fn connect(&self, name: &str, tap: Tap<TcpStream>) -> Result<Done, String> {
        match self {
            Connector::Native(connector) => {
                let connector = tokio_native_tls::TlsConnector::from(connector.clone());
                let stream = connector.connect(name, tap).await.map_err(|error| error.to_string())?;
                Ok(done(stream))
            }
            #[cfg(not(any(target_os = "windows", target_vendor = "apple")))]
            Connector::OpenSsl(connector) => connector.connect(name, tap).await,
        }
    }
}

fn native(parts: &Parts<'_>) -> native_tls::Result<TlsConnector> {
    let options = parts.options;
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(options.min.of_library()));
    builder.max_protocol_version(options.max.map(super::Version::of_library));
    builder.disable_built_in_roots(options.no_system_ca);
    builder.use_sni(options.sni != Sni::None);
    builder.danger_accept_invalid_certs(options.insecure);
    // The name is checked by ourselves right after the handshake: the library, when it refuses, does not
    // show the certificate, and nobody could say for which names it is.
    builder.danger_accept_invalid_hostnames(true);
    for der in parts.roots {
        builder.add_root_certificate(Certificate::from_der(der)?);
    }
    if let Some(own) = parts.own {
        builder.identity(own.native.clone());
    }
    let alpn: Vec<&str> = options.alpn.iter().map(String::as_str).collect();
    builder.request_alpns(&alpn);
    builder.build()
}

fn done(stream: tokio_native_tls::TlsStream<Tap<TcpStream>>) -> Done {
    let inner = stream.get_ref();
    let end_point = inner.tls_server_end_point().ok().flatten();
    Done {
        leaf: inner.peer_certificate().ok().flatten().and_then(|cert| cert.to_der().ok()),
        alpn: inner.negotiated_alpn().ok().flatten(),
        binding: end_point.map(|data| ChannelBinding { kind: BindingKind::TlsServerEndPoint, data }),
        stream: Box::new(stream),
    }
}
