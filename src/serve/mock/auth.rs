//! AUTH: which exchanges are played as recorded, and which are held anew.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::proof::{self, Next, Proof};
use super::wit::{MockWit, Part};
use crate::sasl::encode_response;
use crate::sasl::server::Seed;
use crate::secret::Secret;
use crate::serve::Answer;
use crate::session::State;
use crate::transcript::Payload;
use crate::transcript::script::{Found, Match};
use crate::transcript::turns::Said;
use crate::wire::{CommandLine, Verb};

impl MockWit {
    /// A client that gives up an AUTH exchange does not get the answer to a response (RFC 4954 §4).
    pub(super) fn cancelled(&mut self, said: &Said) -> Option<Answer> {
        let is_star = |line: &Payload| line.bytes() == Some(b"*");
        if !matches!(said, Said::Answer { line, .. } if is_star(line)) {
            return None;
        }
        let expected = self.parts.first().and_then(|part| part.script.mock.expected(&part.place));
        if matches!(expected.map(|turn| &turn.said), Some(Said::Answer { line, .. }) if is_star(line)) {
            return None;
        }
        if self.shared.how == Match::Strict {
            self.mismatch("*");
        }
        Some(self.say("501 5.7.0 Authentication cancelled\r\n"))
    }

    /// Begins an AUTH exchange that cannot be played, if this is one and the password is known.
    pub(super) fn prove(&mut self, said: &Said, state: &State) -> Option<Answer> {
        let Said::Command { verb: Verb::Auth, line, .. } = said else { return None };
        let mechanism = mechanism(line).filter(|mechanism| proof::is_judged(mechanism))?;
        let shared = Arc::clone(&self.shared);
        let Some(account) = &shared.account else {
            self.warn_of(&mechanism);
            return None;
        };
        self.narrow(said);
        let how = self.shared.how;
        let mut found = None;
        for part in &mut self.parts {
            let script = Arc::clone(&part.script);
            if let Some(end) = script.mock.exchange(&mut part.place, said, how) {
                found.get_or_insert((script.clone(), end.turn.clone(), end.index));
            }
        }
        let (script, outcome, index) = found?;
        if matches!(outcome.said, Said::Command { .. }) {
            return Some(self.play(&script, &Found { turn: &outcome, index }));
        }
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let nonce =
            getrandom::u64().and_then(|a| getrandom::u64().map(|b| format!("{a:016x}{b:016x}"))).ok()?;
        let seed = Seed { nonce, seconds, host: shared.host.clone() };
        // A client may say that it could have bound the channel where no -PLUS was offered (RFC 5802 §6). Where one was, that
        // means that somebody took it out of the offer.
        let binds = mechanism.ends_with("-PLUS") || offers_plus(state);
        let binding = self.binding.as_deref().filter(|_| binds);
        let mut proof = Proof::new(account, seed, binding, outcome);
        let head = line.head().to_vec();
        let next = proof.start(&mechanism, CommandLine::parse(&head).rest().split(|b| *b == b' ').nth(1));
        self.proof = Some((script, index, proof));
        Some(self.proved(next))
    }

    /// Says once why a client will not like the exchange that follows.
    fn warn_of(&self, mechanism: &str) {
        let plays = |part: &Part| part.script.unplayable().iter().any(|known| known == mechanism);
        if proof::server_proves(mechanism) && self.parts.iter().any(plays) {
            self.shared.remark(format!(
                "AUTH {mechanism} was played as recorded; a client must refuse that, because the server has to prove \
                 anew that it knows the password (--user NAME, with HELOISE_PASSWORD, lets it)"
            ));
        }
    }

    /// Goes on with an exchange that is held for real.
    pub(super) fn proved(&mut self, next: Next) -> Answer {
        match next {
            Next::Challenge(bytes) => {
                let encoded = encode_response(&Secret::new(bytes));
                self.say(&format!(
                    "334 {}\r\n",
                    String::from_utf8_lossy(encoded.expose()).trim_start_matches('=')
                ))
            }
            Next::Outcome(turn) => match self.proof.take() {
                Some((script, index, _)) => self.play(&script, &Found { turn: &turn, index }),
                None => Answer::HangUp,
            },
            Next::Refused(why) => {
                self.proof = None;
                let words = format!("session {}: the client did not authenticate: {why}", self.number);
                let words = self.journal.clean(words);
                match self.shared.how {
                    Match::Strict if !std::mem::replace(&mut self.differed, true) => {
                        self.shared.mismatch(words)
                    }
                    Match::Strict => {}
                    Match::Lenient => self.shared.remark(words),
                }
                self.say("535 5.7.8 Authentication credentials invalid\r\n")
            }
        }
    }
}

/// Whether the last reply to EHLO offered a mechanism that binds the channel.
fn offers_plus(state: &State) -> bool {
    let offered = state.capabilities.as_ref().map(|capabilities| capabilities.mechanisms());
    offered.unwrap_or_default().iter().any(|mechanism| mechanism.ends_with("-PLUS"))
}

/// The mechanism of an AUTH command, in capitals.
pub(super) fn mechanism(line: &Payload) -> Option<String> {
    let command = CommandLine::parse(line.head());
    let word = command.rest().split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?.to_vec();
    Some(String::from_utf8_lossy(&word).to_ascii_uppercase())
}
