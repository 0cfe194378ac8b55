//! AUTH: which exchanges are played as recorded, and which are held anew.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Script;
use super::proof::{self, Next, Proof};
use super::wit::{MockWit, Part};
use crate::sasl::encode_response;
use crate::sasl::server::Seed;
use crate::secret::Secret;
use crate::serve::Answer;
use crate::session::State;
use crate::transcript::Payload;
use crate::transcript::script::{Found, Match};
use crate::transcript::turns::{Said, Turn};
use crate::wire::{CommandLine, ReplyCode, Verb};

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

    /// Begins an AUTH exchange that is not played as recorded, if this is one: the password is known and decides, or the
    /// client takes other steps than that of the transcript.
    pub(super) fn exchange(&mut self, said: &Said, state: &State) -> Option<Answer> {
        let Said::Command { verb: Verb::Auth, line, .. } = said else { return None };
        let lenient = self.shared.how == Match::Lenient;
        let Some(mechanism) = mechanism(line) else {
            let (asked, _) = self.recorded(said).filter(|_| lenient)?;
            return self::mechanism(&asked).map(|_| self.say("501 5.5.4 AUTH needs a mechanism\r\n"));
        };
        let judged = proof::is_judged(&mechanism) && self.shared.account.is_some();
        if !judged {
            self.warn_of(&mechanism);
        }
        if !judged && !lenient {
            return None;
        }
        // Credentials are due in any case where a password decides: when they come is left to the client.
        let other = other_steps(line, &mechanism);
        let said = if judged && self.recorded(said).is_none() { &other } else { said };
        self.narrow(said);
        let (asked, code) = self.recorded(said)?;
        let alike = self::mechanism(&asked).as_ref() == Some(&mechanism);
        let same_steps = alike && initial(&asked).is_some() == initial(line).is_some();
        // It was answered before anything was asked for, or when just what this client said had been said.
        let at_once = code != Some(ReplyCode::CHALLENGE) && (same_steps || initial(&asked).is_none());
        if at_once || same_steps && !judged {
            return None;
        }
        if !judged && !proof::is_taken(&mechanism) {
            return (!alike).then(|| self.say("504 5.5.4 The transcript has no AUTH by this mechanism\r\n"));
        }
        let (script, outcome, index) = self.outcome(said)?;
        let mut proof = match judged {
            true => self.judged(&mechanism, state, outcome),
            false => Proof::taken(&mechanism, outcome),
        }?;
        let next = proof.start(&mechanism, initial(line).as_deref());
        self.proof = Some((script, index, proof));
        Some(self.proved(next))
    }

    /// The AUTH command of the transcript that this one is taken for, and the code that it got.
    fn recorded(&self, said: &Said) -> Option<(Payload, Option<ReplyCode>)> {
        let find = |part: &Part| {
            let found = part.script.mock.find(&mut part.place.clone(), said, self.shared.how)?;
            match &found.turn.said {
                Said::Command { line, .. } => Some((line.clone(), found.turn.code())),
                _ => None,
            }
        };
        self.parts.iter().find_map(find)
    }

    /// How the exchange ended that this AUTH command is taken to begin. All transcripts go on behind it.
    fn outcome(&mut self, said: &Said) -> Option<(Arc<Script>, Turn, usize)> {
        let how = self.shared.how;
        let mut found = None;
        for part in &mut self.parts {
            let script = Arc::clone(&part.script);
            if let Some(end) = script.mock.exchange(&mut part.place, said, how) {
                found.get_or_insert((script.clone(), end.turn.clone(), end.index));
            }
        }
        found
    }

    /// An exchange in which the password decides.
    fn judged(&self, mechanism: &str, state: &State, outcome: Turn) -> Option<Proof> {
        let account = self.shared.account.as_ref()?;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let nonce =
            getrandom::u64().and_then(|a| getrandom::u64().map(|b| format!("{a:016x}{b:016x}"))).ok()?;
        let seed = Seed { nonce, seconds, host: self.shared.host.clone() };
        // A client may say that it could have bound the channel where no -PLUS was offered (RFC 5802 §6). Where one was, that
        // means that somebody took it out of the offer.
        let binds = mechanism.ends_with("-PLUS") || offers_plus(state);
        Some(Proof::new(account, seed, self.binding.as_deref().filter(|_| binds), outcome))
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

    /// Goes on with an exchange that is held here.
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
                let words = format!("session {}: the client did not authenticate: {why}", self.begun());
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

/// The initial response of an AUTH command, where it has one; nothing in it where it was taken out.
fn initial(line: &Payload) -> Option<Vec<u8>> {
    let command = CommandLine::parse(line.head());
    let mut words = command.rest().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
    words.next().map(<[u8]>::to_vec).or_else(|| line.bytes().is_none().then(Vec::new))
}

/// The same command without an initial response where it has one, and with one where it has none.
fn other_steps(line: &Payload, mechanism: &str) -> Said {
    let some = if initial(line).is_some() { "" } else { " =" };
    let line = Payload::from_bytes(format!("AUTH {mechanism}{some}"));
    Said::Command { verb: Verb::Auth, line, chunk: Vec::new() }
}

/// The mechanism of an AUTH command, in capitals.
pub(super) fn mechanism(line: &Payload) -> Option<String> {
    let command = CommandLine::parse(line.head());
    let word = command.rest().split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?.to_vec();
    Some(String::from_utf8_lossy(&word).to_ascii_uppercase())
}
