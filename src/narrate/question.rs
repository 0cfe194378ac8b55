//! What is asked of the explanations: a reply with all that its meaning depends on, apart from the session.

use std::sync::Arc;

use crate::explain::Phase;
use crate::session::{Answer, Input, State};
use crate::wire::{Capabilities, Verb};

use super::asked::{Tried, address_of, asked_in, declared_size, path_in, verb_of};

/// A reply and the circumstances it came in. It stands on its own, so that it can be explained later, or on another
/// thread while the session is followed on.
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) answer: Answer,
    pub(super) circumstances: Circumstances,
}

/// What was known when a reply came, before anything was learnt from it.
#[derive(Clone, Debug)]
pub(super) struct Circumstances {
    pub verb: Option<Verb>,
    pub phase: Phase,
    pub tls: bool,
    pub capabilities: Option<Arc<Capabilities>>,
    pub before_tls: Option<Arc<Capabilities>>,
    pub banner: Option<String>,
    /// The user that authenticated; empty where no name is known.
    pub authenticated: Option<String>,
    pub mechanism: Option<String>,
    pub login: Option<String>,
    pub sender: Option<String>,
    pub recipient: Option<String>,
    pub sender_before: Option<String>,
    pub recipient_before: Option<String>,
    pub declared_size: Option<u64>,
}

impl Circumstances {
    pub fn of(answer: &Answer, before: &State, tried: &Tried) -> Circumstances {
        let command = answer.command.as_ref();
        let named = |input| command.filter(|c| c.input == input).map(address_of);
        let accepted = |argument: Option<&String>| path_in(argument?.as_bytes());
        let envelope = &before.envelope;
        Circumstances {
            verb: verb_of(answer),
            phase: asked_in(answer, before),
            tls: before.tls(),
            capabilities: before.capabilities.clone(),
            before_tls: before.before_tls.clone(),
            banner: before.banner.clone(),
            authenticated: before.authenticated.as_ref().map(|who| who.user.clone().unwrap_or_default()),
            mechanism: before.mechanism.clone(),
            login: before.claimed_user.clone(),
            sender: named(Input::Mail).unwrap_or_else(|| accepted(envelope.sender.as_ref())),
            recipient: named(Input::Rcpt).unwrap_or_else(|| accepted(envelope.last_recipient.as_ref())),
            sender_before: tried.sender.clone(),
            recipient_before: tried.recipient.clone(),
            declared_size: command.and_then(declared_size),
        }
    }
}
