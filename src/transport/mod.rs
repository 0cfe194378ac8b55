//! Sockets, names and TLS.
//!
//! [`resolve`] and [`dial()`] lead from a target to a TCP connection. [`Link`] is that connection, plain or
//! encrypted. [`tap`] listens to the handshake, since the TLS library tells little about it. [`tls`] has the options,
//! the errors and what is known of an encrypted link; [`cert`] reads certificates, [`chain`] reviews
//! what a server sends of them.
//!
//! [`open`] makes a [`Connection`] out of these: the one place where bytes, timers and the session meet. It tells
//! all that happens to its [`Log`]. [`steps`] are what people ask for by name: greet, encrypt, log in, send.
//!
//! [`revocation`] asks whether a certificate was withdrawn: revocation lists, and OCSP stapled or asked for.
//!
//! [`inspect`] and [`versions`] look at a server's TLS on connections of their own, beside the session.
//! [`dane`] and [`mta_sts`] are what a domain says about it, and [`policy`] judges a server by them; [`look`] puts all of it
//! together. [`records`] are further things that DNS tells.

mod broken;
pub mod cert;
pub mod chain;
pub mod connection;
pub mod dane;
pub mod dial;
mod dns;
mod hello;
mod http;
pub mod inspect;
pub mod link;
pub mod log;
pub mod look;
pub mod mta_sts;
mod oids;
pub mod open;
mod own_name;
pub mod pin;
pub mod policy;
pub mod records;
pub mod resolve;
pub mod revocation;
pub mod side;
pub mod steps;
pub mod tap;
pub mod tls;
pub mod versions;

pub use broken::Broken;
pub use connection::Connection;
pub use dial::{DialError, DialOptions, Dialed, Family, dial};
pub use link::{AnyLink, Link, Plain, Tls};
pub use log::{Log, Sink};
pub use open::{OpenError, Setup};
pub use own_name::own_full_name;
pub use steps::{AuthError, ContentError, accepted, challenge_of};
pub use tls::{TlsError, TlsInfo, TlsOptions, TlsSetup};

/// The operating system's words without the number that Rust adds.
pub fn io_words(error: &std::io::Error) -> String {
    let words = error.to_string();
    match words.find(" (os error") {
        Some(at) => words.get(..at).unwrap_or(&words).to_lowercase(),
        None => words,
    }
}
