//! What is known of a session at a moment: the phase, the link, the server's capabilities, the envelope.
//!
//! The same knowledge is gathered live by a [`super::Client`] or [`super::Server`], and again from a
//! transcript by whoever explains it afterwards.

use std::sync::Arc;

use crate::wire::command::is_mechanism_name;
use crate::wire::{Capabilities, Class, CommandLine, Reply, ReplyCode, Verb};

use super::table::{self, Input, OutOfOrder, Phase};

/// How much of a banner is kept for recognising the server, in characters.
const BANNER_LIMIT: usize = 512;
/// How many recipients of a transaction are kept by name.
const RECIPIENT_LIMIT: usize = 4096;

/// A command that was sent and waits for its reply. Holds no secret: of AUTH only the mechanism is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// What kind of input it is.
    pub input: Input,
    /// Its verb; nothing for the opening of the link, a SASL response and the end of content.
    pub verb: Option<Verb>,
    /// The line as sent, for AUTH cut behind the mechanism.
    pub line: Vec<u8>,
    /// Whether AUTH carried an initial response.
    pub initial_response: bool,
    /// Whether base64 was due in it, and something else was sent (RFC 4954 §4), so far as somebody has said so.
    pub no_base64: bool,
    /// In LMTP, where each recipient gets a reply to the content: whose it is, as the argument of RCPT.
    pub recipient: Option<String>,
}

impl Command {
    /// The command that a line typed outside DATA and AUTH exchanges is.
    pub fn of_line(line: &[u8]) -> Command {
        let parsed = CommandLine::parse(line);
        let last = parsed.verb == Verb::Bdat && ends_in_last(parsed.rest());
        let input = Input::of(&parsed.verb, last);
        let auth = parsed.verb == Verb::Auth;
        let alone = || is_mechanism_name(parsed.rest());
        let initial_response = auth && !parsed.rest().is_empty() && !alone();
        let line = if auth { without_initial_response(&parsed) } else { line.to_vec() };
        Command { line, initial_response, verb: Some(parsed.verb), ..Command::of_input(input) }
    }

    /// An input that is no command line.
    pub fn of_input(input: Input) -> Command {
        let (line, initial_response, no_base64) = (Vec::new(), false, false);
        Command { input, verb: None, line, initial_response, no_base64, recipient: None }
    }

    /// The answer to a SASL challenge that this line is, of which nothing is kept but whether it cancels the exchange: then
    /// the line is `*` (RFC 4954 §4).
    pub fn of_response(line: &[u8]) -> Command {
        let kept: &[u8] = if line == b"*" { line } else { b"" };
        Command { line: kept.to_vec(), ..Command::of_input(Input::AuthResponse) }
    }

    /// What to call it in a message: the verb, or words.
    pub fn name(&self) -> &str {
        match (&self.verb, self.input) {
            (Some(verb), _) => verb.as_str(),
            (None, Input::Connect) => "the greeting",
            (None, Input::AuthResponse) => "the AUTH response",
            (None, Input::EndOfContent) => "the end of the content",
            (None, _) => "the command",
        }
    }
}

fn ends_in_last(rest: &[u8]) -> bool {
    rest.split(|b| *b == b' ').nth(1).is_some_and(|word| word.eq_ignore_ascii_case(b"LAST"))
}

fn without_initial_response(parsed: &CommandLine) -> Vec<u8> {
    let mechanism = parsed.rest().split(|b| matches!(b, b' ' | b'\t')).next().unwrap_or_default();
    // What is like no name may be the credentials.
    let bare = mechanism.trim_ascii_end();
    let bare = bare.get(..bare.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1));
    let mechanism = if bare.is_some_and(is_mechanism_name) { mechanism } else { b"" };
    [b"AUTH ", mechanism].concat()
}

/// Who has authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The mechanism, in upper case.
    pub mechanism: String,
    /// The user, where it is known.
    pub user: Option<String>,
}

/// The mail transaction under way (RFC 5321 §3.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The argument of the accepted MAIL.
    pub sender: Option<String>,
    /// How many RCPTs were accepted.
    pub recipients: usize,
    /// The arguments of the first thousands of them, as there may be any number.
    pub first_recipients: Vec<String>,
    /// Octets of content that were sent, dot-stuffing not counted.
    pub content: u64,
}

/// How EHLO's list changed when the link was encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Offered now, not before.
    pub gained: Vec<String>,
    /// Offered before, not now.
    pub lost: Vec<String>,
}

/// The link that the session runs over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// Not encrypted.
    #[default]
    Plain,
    /// Encrypted.
    Tls {
        /// Whether the certificate was verified.
        verified: bool,
    },
}

/// All that is known of a session.
#[derive(Clone, Debug)]
pub struct State {
    /// Where the session stands.
    pub phase: Phase,
    /// The link.
    pub link: Link,
    /// The text of the greeting, cut at 512 characters.
    pub banner: Option<String>,
    /// The verb of the last greeting that the server accepted.
    pub greeted: Option<Verb>,
    /// The name that this side gave in its last accepted greeting.
    pub own_name: Option<String>,
    /// What the last EHLO listed.
    pub capabilities: Option<Arc<Capabilities>>,
    /// What EHLO listed before the link was encrypted. For showing the difference only; nothing may be
    /// decided by it (RFC 3207 §4.2).
    pub before_tls: Option<Arc<Capabilities>>,
    /// The mechanism of the AUTH exchange under way, or of the last one.
    pub mechanism: Option<String>,
    /// How many client messages the exchange under way has had; an initial response counts.
    pub auth_steps: u32,
    /// The text of the last challenge, still in base64.
    pub challenge: Option<Vec<u8>>,
    /// The user named in the exchange under way.
    pub claimed_user: Option<String>,
    /// Who has authenticated.
    pub authenticated: Option<Identity>,
    /// The transaction under way.
    pub envelope: Envelope,
    /// Whether AUTH was the last thing refused: what is typed next may be meant as its answer.
    pub auth_refused: bool,
}

impl Default for State {
    fn default() -> Self {
        State {
            phase: Phase::Greeting,
            link: Link::Plain,
            banner: None,
            greeted: None,
            own_name: None,
            capabilities: None,
            before_tls: None,
            mechanism: None,
            auth_steps: 0,
            challenge: None,
            claimed_user: None,
            authenticated: None,
            envelope: Envelope::default(),
            auth_refused: false,
        }
    }
}

impl State {
    /// Whether the link is encrypted.
    pub fn tls(&self) -> bool {
        matches!(self.link, Link::Tls { .. })
    }

    /// Whether a command is in order here.
    pub fn check(&self, input: Input) -> Result<(), OutOfOrder> {
        table::check(self.phase, self.greeted.is_some(), input)
    }

    /// Takes note that a command went out.
    pub fn sent(&mut self, command: &Command) {
        if command.input == Input::Auth {
            let name = CommandLine::parse(&command.line);
            self.mechanism = Some(String::from_utf8_lossy(name.rest()).to_ascii_uppercase());
            self.claimed_user = None;
            self.challenge = None;
            self.auth_steps = u32::from(command.initial_response);
        }
        if command.input == Input::AuthResponse {
            self.auth_steps = self.auth_steps.saturating_add(1);
        }
        if command.input != Input::AuthResponse && command.input != Input::Other {
            self.auth_refused = false;
        }
    }

    /// Takes note of the reply to a command.
    pub fn replied(&mut self, command: &Command, reply: &Reply) {
        let Some(code) = reply.code() else { return };
        let yes = code.class() == Some(Class::Completion);
        match command.input {
            Input::Connect => self.banner = Some(reply.text().chars().take(BANNER_LIMIT).collect()),
            Input::Greet if yes => self.greeted(command, reply),
            Input::Auth | Input::AuthResponse if yes => self.authenticated(),
            Input::Auth | Input::AuthResponse => {
                self.auth_refused = code.is_error();
                self.challenge = reply.last_line().map(|line| line.text().to_vec());
            }
            Input::Mail if yes => {
                self.envelope = Envelope { sender: Some(argument(command)), ..Envelope::default() };
            }
            Input::Rcpt if yes => {
                self.envelope.recipients += 1;
                if self.envelope.first_recipients.len() < RECIPIENT_LIMIT {
                    self.envelope.first_recipients.push(argument(command));
                }
            }
            Input::Other if code == ReplyCode::READY && starts_over(command) => self.start_over(),
            _ => {}
        }
        self.phase = table::next(self.phase, command.input, code);
        if self.phase == Phase::Ready {
            self.envelope = Envelope::default();
        }
    }

    /// Takes note of a reply that no command was waiting for.
    pub fn unsolicited(&mut self, reply: &Reply) {
        if reply.code() == Some(ReplyCode::UNAVAILABLE) {
            self.phase = Phase::Closed;
        }
    }

    /// Takes note that the link is encrypted now. All that the server said before is forgotten, as it was
    /// said to anybody who listened (RFC 3207 §4.2).
    pub fn secured(&mut self, verified: bool) {
        self.link = Link::Tls { verified };
        self.before_tls = self.capabilities.take();
        self.greeted = None;
        self.authenticated = None;
        self.mechanism = None;
        self.envelope = Envelope::default();
        if self.phase == Phase::Upgrading {
            self.phase = Phase::Ready;
        }
    }

    /// What EHLO gained and lost by the encryption, once it has been given on both sides of it.
    pub fn tls_difference(&self) -> Option<Difference> {
        let (before, now) = (self.before_tls.as_ref()?, self.capabilities.as_ref()?);
        Some(Difference { gained: missing_from(now, before), lost: missing_from(before, now) })
    }

    /// The server takes the client for another, and waits for its greeting.
    fn start_over(&mut self) {
        (self.greeted, self.capabilities, self.authenticated) = (None, None, None);
        self.phase = Phase::Ready;
    }

    fn greeted(&mut self, command: &Command, reply: &Reply) {
        self.greeted = command.verb.clone();
        self.own_name = Some(argument(command)).filter(|name| !name.is_empty());
        self.capabilities = match command.verb {
            Some(Verb::Helo) => None,
            _ => Some(Arc::new(Capabilities::from_reply(reply))),
        };
    }

    fn authenticated(&mut self) {
        let mechanism = self.mechanism.clone().unwrap_or_default();
        self.authenticated = Some(Identity { mechanism, user: self.claimed_user.take() });
        self.auth_refused = false;
    }
}

fn argument(command: &Command) -> String {
    String::from_utf8_lossy(CommandLine::parse(&command.line).rest()).into_owned()
}

/// XCLIENT, answered by another greeting: it says that the client is another (postfix.org/XCLIENT_README.html).
fn starts_over(command: &Command) -> bool {
    matches!(&command.verb, Some(Verb::Other(verb)) if verb == "XCLIENT")
}

/// The entries of `one` that `other` lacks, parameters included.
fn missing_from(one: &Capabilities, other: &Capabilities) -> Vec<String> {
    let written = |c: &crate::wire::Capability| {
        let words = std::iter::once(&c.keyword).chain(&c.params);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let others: Vec<String> = other.list.iter().map(|c| written(c).to_ascii_uppercase()).collect();
    one.list.iter().map(written).filter(|line| !others.contains(&line.to_ascii_uppercase())).collect()
}
