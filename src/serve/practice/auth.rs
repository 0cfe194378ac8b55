//! AUTH: when it is offered, and the exchange (RFC 4954).

use std::time::{SystemTime, UNIX_EPOCH};

use super::rules::Case;
use super::users::{Exchange, Outcome};
use super::wit::PracticeWit;
use crate::sasl::server::Seed;
use crate::sasl::{decode_challenge, encode_response};
use crate::secret::Secret;
use crate::serve::Answer;
use crate::session::{Command, Input, State};

impl PracticeWit {
    pub(super) fn not_before_tls(&self, command: &Command, state: &State) -> Option<Answer> {
        let exposed = command.input == Input::Auth && state.greeted.is_some() && !self.auth_allowed(state);
        exposed.then(|| self.case(Case::AuthNeedsTls, &[]))
    }

    pub(super) fn auth_allowed(&self, state: &State) -> bool {
        state.tls() || self.host.options.auth_in_clear || !self.host.tls
    }

    pub(super) fn auth(&mut self, rest: &[u8], state: &State) -> Answer {
        if state.authenticated.is_some() {
            return self.case(Case::AlreadyAuthenticated, &[]);
        }
        let mut words = rest.split(|b| *b == b' ').filter(|word| !word.is_empty());
        let mechanism = String::from_utf8_lossy(words.next().unwrap_or_default()).to_ascii_uppercase();
        let (initial, more) = (words.next(), words.next());
        if mechanism.is_empty() || more.is_some() {
            return self.case(Case::ArgumentMissing, &[("syntax", "AUTH mechanism [initial-response]")]);
        }
        if !self.mechanisms().contains(&mechanism.as_str()) {
            return self.case(Case::NoMechanism, &[]);
        }
        let initial = match initial.map(decode_challenge) {
            Some(Err(_)) => return self.case(Case::BadBase64, &[]),
            Some(Ok(bytes)) => Some(Secret::new(bytes)),
            None => None,
        };
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let seed = Seed { nonce: self.host.random(), seconds, host: self.host.name.clone() };
        let mut exchange =
            Exchange::new(&mechanism, &self.host.options.domain, seed, self.binding.as_deref());
        let outcome = exchange.start(&mechanism, initial.as_ref().map(Secret::expose));
        self.exchange = Some(exchange);
        self.judged(outcome)
    }

    /// What is offered on this link: the `-PLUS` mechanisms only where there is something to bind to.
    pub(super) fn mechanisms(&self) -> Vec<&'static str> {
        let fits = |name: &&&str| self.binding.is_some() || !name.ends_with("-PLUS");
        super::MECHANISMS.iter().filter(fits).copied().collect()
    }

    pub(super) fn auth_response(&mut self, line: &[u8]) -> Answer {
        if line == b"*" {
            self.exchange = None;
            return self.case(Case::AuthCancelled, &[]);
        }
        let Ok(response) = decode_challenge(line).map(Secret::new) else {
            self.exchange = None;
            return self.case(Case::BadBase64, &[]);
        };
        match self.exchange.as_mut().map(|exchange| exchange.step(response.expose())) {
            Some(outcome) => self.judged(outcome),
            None => self.case(Case::AuthFailed, &[]),
        }
    }

    fn judged(&mut self, outcome: Outcome) -> Answer {
        match outcome {
            Outcome::Challenge(bytes) if bytes.is_empty() => Answer::say(334, ""),
            Outcome::Challenge(bytes) => {
                let encoded = encode_response(&Secret::new(bytes));
                Answer::say(334, &String::from_utf8_lossy(encoded.expose()))
            }
            Outcome::Accept(user) => {
                self.user = Some(user);
                Answer::say(235, "2.7.0 Authentication successful")
            }
            Outcome::Refuse(Some((code, text))) => Answer::say(code, text),
            Outcome::Refuse(None) => self.case(Case::AuthFailed, &[]),
        }
    }
}
