//! What is remembered of servers from one session to the next: that they offered STARTTLS.
//!
//! Somebody between client and server can strike STARTTLS out of the plaintext reply to EHLO, and a client that
//! takes no note of that goes on in clear (RFC 3207 §6).

use std::collections::HashSet;

use crate::report::Problem;
use crate::session::Answer;
use crate::target::Target;
use crate::wire::{Class, Verb};

use super::operator::Operator;

/// Servers that offered STARTTLS on a plain link.
#[derive(Debug, Default)]
pub(super) struct Memory {
    offered: HashSet<String>,
    warned: bool,
    /// The server does not know EHLO, which is where it would offer.
    ehlo_refused: bool,
}

impl Memory {
    /// A new session begins; what was seen stays.
    pub(super) fn new_session(&mut self) {
        (self.warned, self.ehlo_refused) = (false, false);
    }
}

/// The name that a server is remembered by.
fn name(target: &Target) -> String {
    format!("{}:{}", target.host, target.port).to_ascii_lowercase()
}

impl Operator {
    /// Takes note that a server offered STARTTLS before, as an earlier transcript tells.
    pub fn remember_starttls(&mut self, target: &Target) {
        self.starttls.offered.insert(name(target));
    }

    /// Compares what the server offers with what it offered before, on a link that is not encrypted, after these
    /// replies. Says so once a session if STARTTLS is gone.
    pub(super) fn mind_starttls(&mut self, answers: &[Answer]) {
        let refused = |answer: &Answer| {
            let ehlo = answer.command.as_ref().is_some_and(|c| c.verb == Some(Verb::Ehlo));
            ehlo && answer.reply.class() == Some(Class::Permanent)
        };
        self.starttls.ehlo_refused |= answers.iter().any(refused);
        let Some(state) = self.state().filter(|state| !state.tls() && state.greeted.is_some()) else {
            return;
        };
        let offered = match &state.capabilities {
            Some(capabilities) => capabilities.has("STARTTLS"),
            // Who says HELO alone is not told what there is.
            None if !self.starttls.ehlo_refused => return,
            None => false,
        };
        let server = name(&self.setup.target);
        if offered {
            self.starttls.offered.insert(server);
        } else if self.starttls.offered.contains(&server) && !self.starttls.warned {
            self.starttls.warned = true;
            self.tell(&Problem::starttls_vanished(&self.setup.target, self.prompts()));
            if let Some(log) = self.log() {
                log.told(crate::transcript::Info::of("starttls-vanished", Vec::new()));
            }
        }
    }

    /// Whether STARTTLS was offered here before and is not now.
    pub fn starttls_vanished(&self) -> bool {
        self.starttls.warned
    }
}
