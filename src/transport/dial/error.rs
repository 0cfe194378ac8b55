//! Why there is no connection: what became of each address, and what that means.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::explain::Failure;
use crate::transport::io_words;
use crate::transport::resolve::{NameError, NameProblem};

/// So many mail hosts are named in one line.
const MOST_SHOWN: usize = 6;

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
    /// No mail host of a domain has an address that was found.
    MailHost {
        /// The domain.
        domain: String,
        /// What is the matter with the first of them.
        error: NameError,
    },
    /// No address could be connected to.
    Connect {
        /// Where to: as typed, or whose mail hosts.
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
            DialError::Name(error) | DialError::MailHost { error, .. } => Some(match error.problem {
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
            DialError::Name(_) | DialError::MailHost { .. } => &[],
            DialError::Connect { attempts, .. } => attempts,
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialError::Name(error) => error.fmt(f),
            DialError::MailHost { domain, error } => write!(f, "{error}; an MX record of {domain} names it"),
            DialError::Connect { target, attempts } => {
                write!(f, "cannot connect to {target}: ")?;
                // What was typed need not be said again for each address; the name of a mail host nobody has seen yet.
                let new = |name: &&String| !target.starts_with(name.as_str());
                if attempts.iter().any(|attempt| attempt.name.as_ref().is_some_and(|name| new(&name))) {
                    let shown = attempts.iter().take(MOST_SHOWN).map(|attempt| {
                        attempt
                            .name
                            .as_ref()
                            .map_or_else(|| attempt.to_string(), |name| format!("{name} {attempt}"))
                    });
                    f.write_str(&shown.collect::<Vec<_>>().join(", "))?;
                    let more = attempts.len().saturating_sub(MOST_SHOWN);
                    return if more > 0 { write!(f, " and {more} more") } else { Ok(()) };
                }
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

    #[test]
    fn mail_hosts_are_named_and_so_is_the_domain_that_names_them() {
        let attempt = |name: &str| Attempt {
            name: Some(name.to_owned()),
            addr: "192.0.2.1:25".parse().unwrap(),
            error: ConnectProblem::Refused,
            took: Duration::ZERO,
        };
        let connect = |count: usize| DialError::Connect {
            target: "the mail hosts of example.org".to_owned(),
            attempts: ["a.example", "b.example"].into_iter().cycle().take(count).map(attempt).collect(),
        };
        assert_eq!(
            connect(2).to_string(),
            "cannot connect to the mail hosts of example.org: a.example 192.0.2.1:25: connection refused, \
             b.example 192.0.2.1:25: connection refused"
        );
        assert!(connect(20).to_string().ends_with("refused and 14 more"));
        let error = NameError::new("gone.example", NameProblem::NoSuchName);
        let error = DialError::MailHost { domain: "example.org".to_owned(), error };
        assert_eq!(
            error.to_string(),
            "the name gone.example does not exist; an MX record of example.org names it"
        );
        assert_eq!(error.failure(), Some(Failure::NoSuchName));
    }
}
