//! What the practice server answers: commands are checked for order and syntax, then the rules decide.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::content::Content;
use super::host::Host;
use super::rules::{self, Case, How, Rule};
use super::users::Exchange;
use crate::serve::{Answer, Farewell, Say, Wit};
use crate::session::{Command, Input, OutOfOrder, Request, State};
use crate::wire::{CommandLine, Verb};

/// How many characters of what a client sent are sent back to it.
const ECHOED: usize = 100;

/// One client's session with the practice server.
pub struct PracticeWit {
    pub(super) host: Arc<Host>,
    pub(super) client: IpAddr,
    pub(super) patience: Duration,
    pub(super) user: Option<String>,
    pub(super) sender: String,
    pub(super) smtp_utf8: bool,
    pub(super) recipients: usize,
    pub(super) refused_recipient: bool,
    pub(super) content: Content,
    errors: usize,
    pub(super) exchange: Option<Exchange>,
    /// What ties the session to its TLS link.
    pub(super) binding: Option<Vec<u8>>,
}

impl PracticeWit {
    pub(super) fn new(host: Arc<Host>, client: IpAddr) -> PracticeWit {
        PracticeWit {
            patience: host.options.idle,
            host,
            client,
            user: None,
            sender: String::new(),
            smtp_utf8: false,
            recipients: 0,
            refused_recipient: false,
            content: Content::default(),
            errors: 0,
            exchange: None,
            binding: None,
        }
    }

    /// The reply of a case, with values for the words in braces.
    pub(super) fn case(&self, case: Case, values: &[(&str, &str)]) -> Answer {
        rules::of_case(case).map_or(Answer::Go, |rule| self.wording(rule, values))
    }

    /// The reply of a rule, at once.
    pub(super) fn wording(&self, rule: &Rule, values: &[(&str, &str)]) -> Answer {
        let client = self.client.to_string();
        let echoed: Vec<String> = values.iter().map(|(_, value)| self.echo(value)).collect();
        let names = values.iter().map(|(name, _)| *name);
        let mut all: Vec<(&str, &str)> = names.zip(echoed.iter().map(String::as_str)).collect();
        all.extend([("host", self.host.name.as_str()), ("domain", &self.host.options.domain)]);
        all.push(("client", &client));
        Answer::say(rule.code, &rules::fill(rule.text, &all))
    }

    /// What a client sent, fit for a reply: short, so that the line stays below the limit of 512 octets
    /// (RFC 5321 §4.5.3.1.5), and ASCII unless the client declared SMTPUTF8 (RFC 6531 §3.7.4).
    pub(super) fn echo(&self, value: &str) -> String {
        let plain = |c: char| if c.is_ascii() || self.smtp_utf8 { c } else { '?' };
        value.chars().take(ECHOED).map(plain).collect()
    }

    /// The reply of a rule, given in the way that the rule says.
    pub(super) fn obey(&mut self, rule: &Rule, values: &[(&str, &str)]) -> Answer {
        let answer = self.wording(rule, values);
        match (rule.how, answer) {
            (How::HangUp, _) => Answer::HangUp,
            (How::Silence, _) => Answer::Silence,
            (How::After(seconds), Answer::Say(say)) => {
                Answer::Say(Say { after: self.host.options.second * seconds, ..say })
            }
            (How::ThenHurry(seconds), answer) => {
                self.patience = self.host.options.second * seconds;
                answer
            }
            (_, answer) => answer,
        }
    }

    fn command(&mut self, command: &Command, line: &CommandLine, state: &State) -> Answer {
        if let Some(answer) = self.not_before_tls(command, state).or_else(|| self.not_now(command, state)) {
            return answer;
        }
        let rest = line.rest();
        match &line.verb {
            Verb::Ehlo | Verb::Helo => self.greeted(&line.verb, rest, state),
            Verb::StartTls => self.start_tls(rest, state),
            Verb::Auth => self.auth(rest, state),
            Verb::Mail => self.mail(rest, state),
            Verb::Rcpt => self.rcpt(rest, state),
            Verb::Data if rest.is_empty() => self.data(),
            Verb::Data => self.case(Case::ArgumentUnwanted, &[("syntax", "DATA")]),
            Verb::Bdat => self.bdat(rest, state),
            Verb::Rset if rest.is_empty() => Answer::say(250, "2.0.0 Ok"),
            Verb::Rset => self.case(Case::ArgumentUnwanted, &[("syntax", "RSET")]),
            Verb::Quit if rest.is_empty() => Answer::say(221, "2.0.0 Bye"),
            Verb::Quit => self.case(Case::ArgumentUnwanted, &[("syntax", "QUIT")]),
            Verb::Noop => Answer::say(250, "2.0.0 Ok"),
            Verb::Help => Answer::say(214, &self.host.help()),
            Verb::Vrfy => self.vrfy(rest),
            Verb::Expn => self.expn(rest),
            Verb::Etrn => self.etrn(rest),
            Verb::Other(word) => self.unknown(word),
            _ => self.case(Case::NotImplemented, &[]),
        }
    }

    /// The refusal of a command that is out of order, naming what is missing.
    fn not_now(&self, command: &Command, state: &State) -> Option<Answer> {
        // BDAT's octets follow even if it is out of order, so it is answered behind them (RFC 3030 §2).
        if matches!(command.input, Input::Bdat | Input::BdatLast) {
            return None;
        }
        state.check(command.input).err().map(|why| self.out_of_order(command.input, why))
    }

    pub(super) fn out_of_order(&self, input: Input, why: OutOfOrder) -> Answer {
        let case = match why {
            OutOfOrder::NeedsGreeting => Case::NeedsGreeting,
            OutOfOrder::NeedsMail => Case::NeedsMail,
            OutOfOrder::NeedsRcpt if self.refused_recipient => Case::NoValidRcpt,
            OutOfOrder::NeedsRcpt => Case::NeedsRcpt,
            OutOfOrder::InTransaction if input == Input::Mail => Case::Nested,
            OutOfOrder::InTransaction => Case::InTransaction,
            OutOfOrder::NotNow => Case::NotNow,
        };
        self.case(case, &[])
    }

    fn greeted(&mut self, verb: &Verb, rest: &[u8], state: &State) -> Answer {
        if rest.is_empty() {
            let syntax = format!("{verb} hostname");
            return self.case(Case::ArgumentMissing, &[("syntax", &syntax)]);
        }
        if *verb == Verb::Helo {
            return Answer::say(250, &self.host.name);
        }
        let size = format!("SIZE {}", self.host.options.message_limit);
        let mechanisms = format!("AUTH {}", self.mechanisms().join(" "));
        let mut lines = vec![self.host.name.as_str(), "PIPELINING", &size, "ETRN"];
        if self.host.tls && !state.tls() {
            lines.push("STARTTLS");
        }
        if self.auth_allowed(state) {
            lines.push(&mechanisms);
        }
        if state.tls() {
            lines.push("REQUIRETLS");
        }
        lines.extend(["ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"]);
        Answer::say(250, &lines.join("\n"))
    }

    fn start_tls(&self, rest: &[u8], state: &State) -> Answer {
        match () {
            () if state.tls() => self.case(Case::TlsActive, &[]),
            () if !self.host.tls => self.case(Case::NoTls, &[]),
            () if !rest.is_empty() => self.case(Case::TlsArgument, &[]),
            () => Answer::say(220, "2.0.0 Ready to start TLS"),
        }
    }

    fn unknown(&self, word: &str) -> Answer {
        match word {
            "GET" | "POST" | "CONNECT" => match self.case(Case::Http, &[]) {
                Answer::Say(say) => Answer::Say(Say { last: true, ..say }),
                other => other,
            },
            "TURN" | "SEND" | "SOML" | "SAML" => self.case(Case::NotImplemented, &[]),
            _ if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric()) => {
                self.case(Case::UnknownVerb, &[])
            }
            _ => self.case(Case::Garbage, &[]),
        }
    }
}

impl Wit for PracticeWit {
    fn secured(&mut self, binding: Option<Vec<u8>>) {
        self.binding = binding;
    }

    fn greet(&mut self, _: &State) -> Answer {
        Answer::say(220, &format!("{} ESMTP Heloise practice server", self.host.name))
    }

    fn answer(&mut self, request: &Request, state: &State) -> Answer {
        self.patience = self.host.options.idle;
        if self.errors >= self.host.options.error_limit && matches!(request, Request::Command(..)) {
            return self.case(Case::TooManyErrors, &[]);
        }
        let answer = match request {
            Request::Command(command, line) => self.command(command, &CommandLine::parse(&line.bytes), state),
            Request::AuthResponse(line) => self.auth_response(&line.bytes),
            Request::Content(line) => self.content_line(line),
            Request::Chunk(bytes) => self.chunk(bytes),
            Request::EndOfContent => self.end_of_content(),
            Request::Exceeded(_) => self.case(Case::LineTooLong, &[]),
        };
        if matches!(&answer, Answer::Say(say) if say.code >= 400) {
            self.errors += 1;
        } else if matches!(request, Request::EndOfContent) {
            self.errors = 0;
        }
        answer
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn farewell(&mut self, why: Farewell) -> Answer {
        let case = match why {
            Farewell::Idle => Case::Idle,
            Farewell::TooManyClients => Case::TooManyClients,
            Farewell::Stopping => Case::Stopping,
        };
        self.case(case, &[])
    }
}
