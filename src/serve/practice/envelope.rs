//! MAIL, RCPT and the commands that ask about addresses.

use super::rules::{self, Case, Rule, Unless};
use super::syntax::{self, Address, Fault};
use super::wit::PracticeWit;
use crate::serve::Answer;
use crate::session::State;
use crate::wire::parameter::{Body, Known, On};

/// The capabilities whose parameters are taken. AUTH= is, whether or not AUTH is offered at the time.
/// REQUIRETLS is over TLS alone.
const TAKEN: [&str; 6] = ["SIZE", "8BITMIME", "DSN", "SMTPUTF8", "AUTH", "REQUIRETLS"];

impl PracticeWit {
    pub(super) fn mail(&mut self, rest: &[u8], state: &State) -> Answer {
        let (address, parameters) = match syntax::of_mail(rest) {
            Ok(argument) => argument,
            Err(Fault::Form) => return self.case(Case::MailSyntax, &[]),
            Err(Fault::Address) => return self.case(Case::BadSender, &[]),
        };
        self.smtp_utf8 = parameters.iter().any(|(keyword, _)| keyword == "SMTPUTF8");
        for (keyword, value) in &parameters {
            if let Some(refusal) = self.mail_parameter(keyword, value.as_deref(), state) {
                return refusal;
            }
        }
        if !address.text.is_ascii() && !self.smtp_utf8 {
            return self.case(Case::NeedsSmtpUtf8, &[]);
        }
        if let Some(refusal) = self.sender(&address, state) {
            return refusal;
        }
        self.sender = address.text;
        (self.recipients, self.refused_recipient) = (0, false);
        self.content = Default::default();
        Answer::say(250, "2.1.0 Ok")
    }

    fn sender(&mut self, address: &Address, state: &State) -> Option<Answer> {
        let user = self.user.clone().filter(|_| state.authenticated.is_some());
        if let Some(user) = user
            && self.is_ours(&address.domain)
            && !user.eq_ignore_ascii_case(&address.text)
        {
            return Some(self.case(Case::NotOwner, &[("address", &address.text), ("user", &user)]));
        }
        let rule = rules::of_sender(&address.local).filter(|rule| !self.lifted(rule, address, state))?;
        Some(self.obey(rule, &[("address", &address.text)]))
    }

    fn mail_parameter(&self, keyword: &str, value: Option<&str>, state: &State) -> Option<Answer> {
        let too_big = |size: u128| size > self.host.options.message_limit.into();
        match (keyword, value) {
            ("SIZE", Some(value)) if value.parse().is_ok_and(too_big) => Some(self.case(Case::TooBig, &[])),
            ("BODY", Some(value)) if value.eq_ignore_ascii_case(Body::BinaryMime.as_str()) => {
                Some(self.case(Case::BadOption, &[("option", keyword)]))
            }
            // It is not offered over a plain link (RFC 8689 §2).
            ("REQUIRETLS", _) if !state.tls() => Some(self.case(Case::UnknownOption, &[("option", keyword)])),
            _ => self.parameter(On::Mail, keyword, value),
        }
    }

    /// Refuses a parameter that belongs elsewhere, that is of no capability offered, or whose value does not fit.
    fn parameter(&self, on: On, keyword: &str, value: Option<&str>) -> Option<Answer> {
        let case = match Known::find(keyword.as_bytes()) {
            Some(known) if known.on != on || !TAKEN.contains(&known.capability) => Case::UnknownOption,
            Some(known) if known.fits(value.map(str::as_bytes)) => return None,
            Some(_) => Case::BadOption,
            None => Case::UnknownOption,
        };
        Some(self.case(case, &[("option", keyword)]))
    }

    pub(super) fn rcpt(&mut self, rest: &[u8], state: &State) -> Answer {
        let answer = self.recipient(rest, state);
        match &answer {
            Answer::Say(say) if say.code < 300 => self.recipients += 1,
            _ => self.refused_recipient = true,
        }
        answer
    }

    fn recipient(&mut self, rest: &[u8], state: &State) -> Answer {
        let (address, parameters) = match syntax::of_rcpt(rest) {
            Ok(argument) => argument,
            Err(Fault::Form) => return self.case(Case::RcptSyntax, &[]),
            Err(Fault::Address) => return self.case(Case::BadRecipient, &[]),
        };
        if let Some(refusal) = parameters.iter().find_map(|(k, v)| self.parameter(On::Rcpt, k, v.as_deref()))
        {
            return refusal;
        }
        if !address.text.is_ascii() && !self.smtp_utf8 {
            return self.case(Case::NeedsSmtpUtf8, &[]);
        }
        if self.recipients >= self.host.options.max_recipients {
            return self.case(Case::TooManyRecipients, &[]);
        }
        let values = [("address", address.text.as_str()), ("rcpt_domain", address.domain.as_str())];
        let rule = if self.is_ours(&address.domain) {
            rules::of_recipient(&address.local).or_else(|| rules::of_case(Case::UnknownUser))
        } else {
            let elsewhere = rules::of_recipient_domain(&address.domain);
            elsewhere.or_else(|| rules::of_case(Case::Relay).filter(|_| state.authenticated.is_none()))
        };
        match rule.filter(|rule| !self.lifted(rule, &address, state)) {
            Some(rule) => self.obey(rule, &values),
            None => Answer::say(250, "2.1.5 Ok"),
        }
    }

    fn lifted(&self, rule: &Rule, address: &Address, state: &State) -> bool {
        match rule.unless {
            Unless::Never => false,
            Unless::Tls => state.tls(),
            Unless::Authenticated => state.authenticated.is_some(),
            Unless::TriedBefore => self.host.tried_before(&self.sender, &address.text),
        }
    }

    /// Whether an address of this domain is delivered here. None means `postmaster` alone.
    fn is_ours(&self, domain: &str) -> bool {
        domain.is_empty() || domain.eq_ignore_ascii_case(&self.host.options.domain)
    }

    pub(super) fn vrfy(&self, rest: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(rest);
        let text = text.trim().trim_start_matches('<').trim_end_matches('>');
        let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
        match () {
            () if text.is_empty() => self.case(Case::ArgumentMissing, &[("syntax", "VRFY address")]),
            () if !self.is_ours(domain) => self.case(Case::Relay, &[("address", text)]),
            () if rules::of_recipient(local).is_some() => {
                Answer::say(252, &format!("2.0.0 {}", self.echo(text)))
            }
            () => self.case(Case::UnknownUser, &[("address", text)]),
        }
    }

    pub(super) fn expn(&self, rest: &[u8]) -> Answer {
        let domain = &self.host.options.domain;
        match String::from_utf8_lossy(rest).trim() {
            "" => self.case(Case::ArgumentMissing, &[("syntax", "EXPN list")]),
            "team" => {
                Answer::say(250, &format!("2.1.5 Alice <alice@{domain}>\n2.1.5 Bob Builder <bob@{domain}>"))
            }
            other => self.case(Case::UnknownUser, &[("address", other)]),
        }
    }

    pub(super) fn etrn(&self, rest: &[u8]) -> Answer {
        match String::from_utf8_lossy(rest).trim() {
            "" => self.case(Case::ArgumentMissing, &[("syntax", "ETRN domain")]),
            domain if self.is_ours(domain) => Answer::say(250, "2.0.0 Queuing started"),
            domain => Answer::say(459, &format!("4.7.1 <{}>: service unavailable", self.echo(domain))),
        }
    }
}
