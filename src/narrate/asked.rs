//! What a reply answers: the command, and what of it explanations depend on.

use crate::explain;
use crate::session::{Answer, Command, Input, State};
use crate::wire::{Class, Verb, path_in, size_in};

/// Addresses that were tried last, unless they were refused for good: to propose them again would be no help.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub sender: Option<String>,
    pub recipient: Option<String>,
}

impl Tried {
    pub fn note(&mut self, command: &Command) {
        match command.input {
            Input::Mail => self.sender = address_of(command).filter(|a| !a.is_empty()).or(self.sender.take()),
            Input::Rcpt => self.recipient = address_of(command).or(self.recipient.take()),
            _ => {}
        }
    }

    /// Takes note of a reply. One that asks for another order, a login or TLS finds no fault with the address.
    pub fn answered(&mut self, answer: &Answer) {
        let (Some(command), Some(code)) = (&answer.command, answer.reply.code()) else { return };
        if code.class() != Some(Class::Permanent) || matches!(code.0, 503 | 530 | 538) {
            return;
        }
        let tried = match command.input {
            Input::Mail => &mut self.sender,
            Input::Rcpt => &mut self.recipient,
            _ => return,
        };
        *tried = tried.take().filter(|tried| address_of(command).as_ref() != Some(tried));
    }
}

/// The phase a command was given in. The end of the content counts as DATA, AUTH and BDAT as phases of their own.
pub(super) fn asked_in(command: Option<&Command>, before: &State) -> explain::Phase {
    match command.map(|c| c.input) {
        Some(Input::EndOfContent) => explain::Phase::Data,
        Some(Input::Bdat | Input::BdatLast) => explain::Phase::Bdat,
        Some(Input::Auth | Input::AuthResponse) => explain::Phase::Auth,
        Some(Input::Connect) => explain::Phase::Greeting,
        _ => before.phase,
    }
}

/// The verb that a reply is about, also where no command line was the last thing sent.
pub(super) fn verb_of(command: Option<&Command>) -> Option<Verb> {
    let command = command?;
    command.verb.clone().or(match command.input {
        Input::AuthResponse => Some(Verb::Auth),
        Input::EndOfContent => Some(Verb::Data),
        _ => None,
    })
}

/// The address between the angle brackets of MAIL or RCPT.
pub(super) fn address_of(command: &Command) -> Option<String> {
    path_in(&command.line)
}

pub(super) fn declared_size(command: &Command) -> Option<u64> {
    size_in(&String::from_utf8_lossy(&command.line))
}
