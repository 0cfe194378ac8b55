//! What goes wrong, for people: what was tried, why it failed, what to do next, and the exit status that goes with it.
//! The errors of the layers below become such here; what goes wrong in a command is worded where it goes wrong.

use std::fmt;
use std::io::Write;

use crate::check;
use crate::explain::{Asked, Explanation, Failure, Fix, explain_failure};
use crate::send::{AddressError, HeaderError, Lack};
use crate::session::Input;
use crate::target::Target;
use crate::transport::tls::{LateAlert, TlsError, TlsSetupError};
use crate::transport::{AuthError, Broken, ContentError, OpenError, Setup, io_words};
use crate::wire::command::Unfit;
use crate::wire::escape::harmless;

/// The exit statuses, documented in `--help` and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// All went well.
    Ok,
    /// The command line, the configuration or a given secret cannot be used.
    Usage,
    /// No connection to the server.
    NoConnection,
    /// The encrypted link could not be made, or is not to be trusted.
    Tls,
    /// A 4yz reply ended a script.
    Transient,
    /// A 5yz reply ended a script.
    Permanent,
    /// The server refused the credentials.
    AuthRefused,
    /// The transcript differs.
    Differs,
    /// The protocol was broken, the link was lost, or a wait ran out.
    Protocol,
    /// A check found problems.
    Findings,
    /// A local file could not be read or written.
    LocalFile,
    /// What a monitoring plugin says, by the convention of its kind: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    Plugin(u8),
    /// SIGTERM or SIGHUP ended it: 128 and the signal's number, as shells have it.
    Signal(u8),
}

impl Status {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Status::Ok => 0,
            Status::Usage => 1,
            Status::NoConnection => 2,
            Status::Tls => 3,
            Status::Transient => 4,
            Status::Permanent => 5,
            Status::AuthRefused => 6,
            Status::Differs => 7,
            Status::Protocol => 8,
            Status::Findings => 9,
            Status::LocalFile => 10,
            Status::Plugin(number) => number,
            Status::Signal(number) => number.saturating_add(128),
        }
    }
}

impl From<check::Outcome> for Status {
    fn from(outcome: check::Outcome) -> Status {
        match outcome {
            check::Outcome::Fine => Status::Ok,
            check::Outcome::Findings => Status::Findings,
            check::Outcome::AuthRefused => Status::AuthRefused,
            check::Outcome::TlsFailed => Status::Tls,
            check::Outcome::Unreached => Status::NoConnection,
        }
    }
}

impl From<Status> for std::process::ExitCode {
    fn from(status: Status) -> Self {
        std::process::ExitCode::from(status.code())
    }
}

/// Something that went wrong: what was tried and happened, what to do about it, and the exit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The exit status, if this ends the program.
    pub status: Status,
    /// What was tried and what happened, in one sentence without a full stop.
    pub what: String,
    /// Why it may be so, a line each, most probable first.
    pub causes: Vec<String>,
    /// What to do next, a line each.
    pub advice: Vec<Advice>,
    /// What the tables say of it, where they know it.
    pub explanation: Option<Box<Explanation>>,
    /// Whether it is that the session broke off, which whoever tells the session explains.
    pub broke_off: bool,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// In words.
    pub text: String,
    /// The command that does it, if one can.
    pub command: Option<String>,
}

impl From<String> for Advice {
    fn from(text: String) -> Advice {
        Advice { text, command: None }
    }
}

impl From<&str> for Advice {
    fn from(text: &str) -> Advice {
        text.to_owned().into()
    }
}

impl From<&Fix> for Advice {
    fn from(fix: &Fix) -> Advice {
        Advice {
            text: fix.text.to_string(),
            command: fix.command.as_ref().map(|command| command.to_string()),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.command {
            Some(command) => write!(f, "{}: {command}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Problem {
    /// A problem without advice.
    pub fn new(status: Status, what: impl Into<String>) -> Self {
        Problem {
            status,
            what: what.into(),
            causes: Vec::new(),
            advice: Vec::new(),
            explanation: None,
            broke_off: false,
        }
    }

    /// Adds a line of advice.
    pub fn advise(mut self, advice: impl Into<Advice>) -> Self {
        self.advice.push(advice.into());
        self
    }

    /// A failure that the tables know, with their causes and fixes.
    fn explained(
        status: Status,
        what: String,
        failure: &Failure,
        place: Option<(&Target, &[String])>,
        prompt: bool,
    ) -> Self {
        let (target, options) =
            place.map_or((None, [].as_slice()), |(target, options)| (Some(target), options));
        let typed = target.map(Target::typed);
        // A link that does not begin with TLS is encrypted by STARTTLS.
        let starttls = status == Status::Tls && target.is_some_and(|target| !target.implicit_tls());
        let asked = Asked { target: typed.as_deref(), starttls, prompt, options };
        Problem::new(status, what).because(explain_failure(failure, asked))
    }

    /// With the causes and fixes of an explanation.
    pub fn because(self, explanation: Explanation) -> Self {
        Problem {
            causes: explanation.causes.iter().take(3).map(|cause| cause.to_string()).collect(),
            advice: explanation.fixes.iter().take(3).map(Advice::from).collect(),
            explanation: Some(Box::new(explanation)),
            ..self
        }
    }

    /// Without causes and advice, as they have been told.
    pub fn told(self) -> Self {
        Problem { causes: Vec::new(), advice: Vec::new(), ..self }
    }

    /// No session could be opened. `prompt` says whether somebody can type helper commands now.
    pub fn opening(error: OpenError, setup: &Setup, prompt: bool) -> Self {
        match error {
            OpenError::Tls(error) => Problem::tls(error, setup, prompt),
            OpenError::Dial(error) => {
                let what = error.to_string();
                match error.failure() {
                    Some(failure) => {
                        let place = (&setup.target, setup.options.as_slice());
                        Problem::explained(Status::NoConnection, what, &failure, Some(place), prompt)
                    }
                    None => Problem::new(Status::NoConnection, what),
                }
            }
        }
    }

    /// The link could not be encrypted.
    pub fn tls(error: TlsError, setup: &Setup, prompt: bool) -> Self {
        let place = (&setup.target, setup.options.as_slice());
        Problem::explained(Status::Tls, error.to_string(), &error.failure(), Some(place), prompt)
    }

    /// The server broke off TLS after the handshake.
    pub fn late_alert(alert: &LateAlert) -> Self {
        let mut problem = Problem::explained(Status::Tls, alert.to_string(), &alert.failure(), None, false);
        if alert.name == "certificate required" {
            problem.advice = vec!["--cert FILE and --key FILE give a client certificate".into()];
        }
        problem
    }

    /// STARTTLS was offered here before, and is not any more. It ends nothing.
    pub fn starttls_vanished(target: &Target, prompt: bool) -> Self {
        let what = format!("{} offered STARTTLS before and does not now", target.host);
        Problem::explained(Status::Ok, what, &Failure::StartTlsVanished, Some((target, &[])), prompt)
    }

    /// STARTTLS is offered in one transcript and not in another. It ends nothing. Where they are of two servers, nobody need
    /// have taken it out.
    pub fn starttls_lost(before: &str, after: &str, same_server: bool) -> Self {
        let what = format!("STARTTLS is offered in {before} and not in {after}");
        match same_server {
            true => Problem::explained(Status::Ok, what, &Failure::StartTlsVanished, None, false),
            false => Problem::new(Status::Ok, what),
        }
    }

    /// A local file that could not be read or written; `doing` is such as "read the CA file".
    pub fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let path = crate::wire::escape::visible(path.as_os_str().as_encoded_bytes());
        Problem::new(Status::LocalFile, format!("cannot {doing} {path}: {}", io_words(error)))
    }
}

/// The lines for standard error.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.what)?;
        for line in &self.causes {
            write!(f, "\n  why: {line}")?;
        }
        for line in &self.advice {
            write!(f, "\n  try: {line}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// What to do about any wait that ran out.
const LONGER: &str = "--timeout SECONDS waits longer, or less long";

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Problem {
        let broke_off = matches!(broken, Broken::Closed { .. } | Broken::TimedOut { .. } | Broken::Io(_));
        let problem = Problem { broke_off, ..Problem::new(Status::Protocol, broken.to_string()) };
        match broken {
            // A server that waits for the client to begin is silent to one that waits for its greeting.
            Broken::TimedOut { command, .. } if command.input == Input::Connect => {
                problem.advise("smtps://, if the port has TLS from the first byte").advise(LONGER)
            }
            Broken::TimedOut { .. } | Broken::Stalled(_) => problem.advise(LONGER),
            Broken::Alert(alert) => Problem::late_alert(&alert),
            Broken::NotSmtp(_) => problem.advise("another port: 25, 587 or 465 (smtps://)"),
            _ => problem,
        }
    }
}

impl From<TlsSetupError> for Problem {
    fn from(error: TlsSetupError) -> Problem {
        let status = match error {
            TlsSetupError::Unwritable { .. } => Status::LocalFile,
            _ => Status::Usage,
        };
        Problem::new(status, error.to_string())
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Problem {
        match error {
            AuthError::Broken(broken) => broken.into(),
            AuthError::Unusable(_) => Problem::new(Status::Usage, error.to_string()),
            _ => Problem::new(Status::AuthRefused, error.to_string()),
        }
    }
}

impl Problem {
    /// The server cannot take the message, as it has said; nothing if it lacks nothing.
    pub fn lacking(lacks: &[Lack]) -> Option<Problem> {
        let (first, more) = lacks.split_first()?;
        let mut problem = Problem::new(Status::Permanent, format!("nothing was sent: {first}"));
        problem.causes.extend(more.iter().map(Lack::to_string));
        let advice = match first {
            Lack::TooBig { .. } => "a smaller message, or another way for the file",
            Lack::EightBit | Lack::Header | Lack::OddHeader => {
                "let it be encoded: --text, --body and --attach build a message in ASCII"
            }
            Lack::Address(_) => "another address of the same person, in ASCII",
            Lack::Dsn(_) => "leave out --notify, --ret and --envid",
            Lack::PlainLink => "--starttls, or smtps://",
            Lack::RequireTls => "leave out --require-tls, or another server",
            Lack::Chunking => "leave out --bdat",
        };
        Some(problem.advise(advice).advise("--force sends it all the same"))
    }
}

impl From<AddressError> for Problem {
    fn from(error: AddressError) -> Problem {
        Problem::new(Status::Usage, error.to_string())
    }
}

impl From<HeaderError> for Problem {
    fn from(error: HeaderError) -> Problem {
        Problem::new(Status::Usage, error.to_string())
    }
}

impl From<Unfit> for Problem {
    fn from(error: Unfit) -> Problem {
        Problem::new(Status::Usage, error.to_string())
    }
}

impl From<ContentError> for Problem {
    fn from(error: ContentError) -> Problem {
        match error {
            ContentError::Broken(broken) => broken.into(),
            ContentError::Read(_) => Problem::new(Status::LocalFile, error.to_string()),
        }
    }
}

/// Writes a problem to standard error and returns its status.
pub(crate) fn complain(problem: &Problem) -> Status {
    // A closed standard error must not change the exit status.
    let text = problem.to_string();
    let lines: Vec<_> = text.split('\n').map(harmless).collect();
    let _ = writeln!(std::io::stderr(), "heloise: {}", lines.join("\n"));
    problem.status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_status_is_used_twice() {
        use Status::*;
        let all = [
            Ok,
            Usage,
            NoConnection,
            Tls,
            Transient,
            Permanent,
            AuthRefused,
            Differs,
            Protocol,
            Findings,
            LocalFile,
        ];
        let codes: Vec<u8> = all.iter().map(|status| status.code()).collect();
        assert_eq!(codes, (0..=10).collect::<Vec<u8>>());
    }

    #[test]
    fn a_server_that_never_greets_may_wait_for_tls() {
        let waited = |input| Broken::TimedOut {
            command: crate::session::Command::of_input(input),
            limit: std::time::Duration::from_secs(1),
        };
        let advice = |input| Problem::from(waited(input)).to_string();
        assert!(advice(Input::Connect).contains("smtps://"));
        assert!(!advice(Input::EndOfContent).contains("smtps://"));
    }

    #[test]
    fn advice_stands_on_lines_of_its_own() {
        let problem = Problem::new(Status::Usage, "no target").advise("heloise mx.example.org");
        assert_eq!(problem.to_string(), "no target\n  try: heloise mx.example.org");
    }
}
