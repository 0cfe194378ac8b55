//! What is asked of the explanations: a reply with all that its meaning depends on, apart from the session.

use std::sync::Arc;

use crate::explain::Phase;
use crate::session::{Answer, Dialogue, Input};
use crate::wire::{Capabilities, Verb};

use super::asked::{Tried, address_of, asked_in, declared_size, path_in, size_in, verb_of};

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
    /// Where the session stands but for the command: at the end of content no transaction is left.
    pub stood: Phase,
    pub greeted: Option<Verb>,
    /// The name that was given in the last greeting.
    pub client: Option<String>,
    pub lmtp: bool,
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
    pub fn of(answer: &Answer, before: &Dialogue, tried: &Tried) -> Circumstances {
        let (before, lmtp) = (before.state(), before.is_lmtp());
        let command = answer.command.as_ref();
        let named = |input| command.filter(|c| c.input == input).map(address_of);
        let accepted = |argument: Option<&String>| path_in(argument?.as_bytes());
        let envelope = &before.envelope;
        let phase = asked_in(answer, before);
        // Which of several the content was refused for, LMTP alone tells.
        let only = envelope.first_recipients.first().filter(|_| envelope.recipients == 1);
        let meant = command.and_then(|command| command.recipient.as_ref()).or(only);
        let content = Some(envelope.content).filter(|octets| *octets > 0);
        let declared = || command.and_then(declared_size).or_else(|| size_in(envelope.sender.as_deref()?));
        Circumstances {
            verb: verb_of(answer),
            phase,
            stood: if phase == Phase::Data { Phase::Ready } else { before.phase },
            greeted: before.greeted.clone(),
            client: before.own_name.clone(),
            lmtp,
            tls: before.tls(),
            capabilities: before.capabilities.clone(),
            before_tls: before.before_tls.clone(),
            banner: before.banner.clone(),
            authenticated: before.authenticated.as_ref().map(|who| who.user.clone().unwrap_or_default()),
            mechanism: before.mechanism.clone(),
            login: before.claimed_user.clone(),
            sender: named(Input::Mail).unwrap_or_else(|| accepted(envelope.sender.as_ref())),
            recipient: named(Input::Rcpt).unwrap_or_else(|| accepted(meant)),
            sender_before: tried.sender.clone(),
            recipient_before: tried.recipient.clone(),
            declared_size: content.or_else(declared),
        }
    }
}
