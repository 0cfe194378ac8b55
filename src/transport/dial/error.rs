//! Why there is no connection: what became of each address, and what that means.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::explain::Failure;
use crate::transport::io_words;
use crate::transport::resolve::{NameError, NameProblem};

/// An address that could not be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The name it belongs to, where there is one.
    pub name: Option<String>,
    /// The address.
    pub addr: SocketAddr,
    /// What happened.
    pub error: ConnectProblem,
    /// After how long.
    pub took: Duration,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.addr, self.error)
    }
}

/// Why an address could not be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectProblem {
    /// Nobody listens at the port.
    Refused,
    /// No answer within the limit.
    TimedOut,
    /// There is no way there: no route, no network, or a firewall that says so.
    Unreachable,
    /// Cut off while connecting.
    Reset,
    /// The local address of `--source` cannot be used.
    Source(String),
    /// Anything else, in the system's words.
    Other(String),
}

impl ConnectProblem {
    pub(super) fn of(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionRefused => ConnectProblem::Refused,
            Kind::TimedOut => ConnectProblem::TimedOut,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => {
                ConnectProblem::Unreachable
            }
            Kind::ConnectionReset | Kind::ConnectionAborted => ConnectProblem::Reset,
            _ => ConnectProblem::Other(io_words(error)),
        }
    }
}

impl fmt::Display for ConnectProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectProblem::Refused => f.write_str("connection refused"),
            ConnectProblem::TimedOut => f.write_str("timed out"),
            ConnectProblem::Unreachable => f.write_str("unreachable"),
            ConnectProblem::Reset => f.write_str("connection reset"),
            ConnectProblem::Source(said) => write!(f, "cannot come from the source address: {said}"),
            ConnectProblem::Other(said) => f.write_str(said),
        }
    }
}

/// Why there is no connection. Shown, it is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialError {
    /// No address was found.
    Name(NameError),
    /// No address could be connected to.
    Connect {
        /// Where to, as typed or as an MX host.
        target: String,
        /// Each address and what happened; never empty.
        attempts: Vec<Attempt>,
    },
}

impl DialError {
    /// The failure that [`crate::explain`] knows it as. Of several addresses the one that says most decides:
    /// a refusal is an answer, silence is none.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            DialError::Name(error) => Some(match error.problem {
                NameProblem::NoSuchName => Failure::NoSuchName,
                NameProblem::ServerFailed | NameProblem::TimedOut(_) => Failure::NameServerFailed,
                NameProblem::NoAddress(_) => Failure::NoAddress,
                NameProblem::NullMx => Failure::NullMx,
                NameProblem::Other(_) => return None,
            }),
            DialError::Connect { attempts, .. } => {
                let saw = |problem: ConnectProblem| attempts.iter().any(|attempt| attempt.error == problem);
                let known = [
                    (ConnectProblem::Refused, Failure::ConnectionRefused),
                    (ConnectProblem::Reset, Failure::Reset),
                    (ConnectProblem::TimedOut, Failure::ConnectTimedOut),
                    (ConnectProblem::Unreachable, Failure::Unreachable),
                ];
                known.into_iter().find(|(problem, _)| saw(problem.clone())).map(|(_, failure)| failure)
            }
        }
    }

    /// The addresses that were tried.
    pub fn attempts(&self) -> &[Attempt] {
        match self {
            DialError::Name(_) => &[],
            DialError::Connect { attempts, .. } => attempts,
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialError::Name(error) => error.fmt(f),
            DialError::Connect { target, attempts } => {
                write!(f, "cannot connect to {target}: ")?;
                match attempts.as_slice() {
                    [only] if only.addr.to_string() == *target => only.error.fmt(f),
                    [only] => write!(f, "{} ({})", only.error, only.addr),
                    [first, rest @ ..] if rest.iter().all(|attempt| attempt.error == first.error) => {
                        write!(f, "{} ({} addresses)", first.error, attempts.len())
                    }
                    several => {
                        let shown: Vec<String> = several.iter().map(Attempt::to_string).collect();
                        f.write_str(&shown.join(", "))
                    }
                }
            }
        }
    }
}

impl std::error::Error for DialError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_the_telling_failure_decides() {
        let attempt = |addr: &str, error| Attempt {
            name: None,
            addr: addr.parse().unwrap(),
            error,
            took: Duration::ZERO,
        };
        let attempts = vec![
            attempt("[2001:db8::1]:25", ConnectProblem::TimedOut),
            attempt("192.0.2.1:25", ConnectProblem::Refused),
        ];
        let error = DialError::Connect { target: "mx.example.org:25".to_owned(), attempts };
        assert_eq!(
            error.to_string(),
            "cannot connect to mx.example.org:25: [2001:db8::1]:25: timed out, 192.0.2.1:25: connection refused"
        );
        assert_eq!(error.failure(), Some(Failure::ConnectionRefused));
    }
}
