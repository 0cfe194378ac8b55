//! What is remembered of servers from one session to the next: that they offered STARTTLS.
//!
//! Somebody between client and server can strike STARTTLS out of the plaintext reply to EHLO, and a client that
//! takes no note of that goes on in clear (RFC 3207 §6).

use std::collections::HashSet;

use crate::explain::render::Style;
use crate::report::Problem;
use crate::target::Target;

use super::operator::Operator;

/// Servers that offered STARTTLS on a plain link.
#[derive(Debug, Default)]
pub(super) struct Memory {
    offered: HashSet<String>,
    warned: bool,
}

impl Memory {
    /// A new session begins; what was seen stays.
    pub(super) fn new_session(&mut self) {
        self.warned = false;
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

    /// Compares what the server offers with what it offered before, on a link that is not encrypted. Says so once a
    /// session if STARTTLS is gone.
    pub(super) fn mind_starttls(&mut self) {
        let Some(state) = self.state().filter(|state| !state.tls()) else { return };
        let Some(capabilities) = &state.capabilities else { return };
        let (offered, server) = (capabilities.has("STARTTLS"), name(&self.setup.target));
        if offered {
            self.starttls.offered.insert(server);
        } else if self.starttls.offered.contains(&server) && !self.starttls.warned {
            self.starttls.warned = true;
            let problem = Problem::starttls_vanished(&self.setup.target);
            self.view.text(Style::Bad, &format!("*** {problem}"));
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
