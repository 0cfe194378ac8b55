//! Sockets, names and TLS.
//!
//! [`resolve`] and [`dial`] lead from a target to a TCP connection. [`Link`] is that connection, plain or
//! encrypted. [`tap`] listens to the handshake, since the TLS library tells little about it. [`tls`] has the options,
//! the errors and what is known of an encrypted link; [`cert`] reads certificates.

pub mod cert;
pub mod dial;
pub mod link;
mod oids;
pub mod resolve;
pub mod tap;
pub mod tls;

pub use dial::{DialError, DialOptions, Dialed, Family, dial};
pub use link::{AnyLink, Link, Plain, Tls};
pub use tls::{TlsError, TlsInfo, TlsOptions, TlsSetup};
