//! What is asked of the explanations: a reply or a failure with all that its meaning depends on, apart from the session.

use std::sync::Arc;
use std::time::Duration;

use crate::explain::{Explanation, Failure, Phase};
use crate::session::{Answer, Command, Dialogue, Input};
use crate::wire::{Capabilities, Reply, ReplyCode, Verb, escape, path_in, size_in};

use super::asked::{Tried, address_of, asked_in, declared_size, verb_of};

/// A reply or a failure and the circumstances it came in. It stands on its own, so that it can be explained later, or on
/// another thread while the session is followed on.
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) subject: Subject,
    /// The command that it answers, or leaves without an answer.
    pub(super) command: Option<Command>,
    pub(super) circumstances: Circumstances,
    /// How the peer broke the protocol in it.
    pub(super) quirks: Vec<String>,
}

/// What is to be explained.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    Reply(Reply),
    Failure(Failure),
    /// A failure beside the session, explained by whoever met it.
    Explained(Box<Explanation>),
}

impl Question {
    pub(super) fn of_answer(answer: Answer, circumstances: Circumstances) -> Question {
        let (subject, command) = (Subject::Reply(answer.reply), answer.command);
        Question { subject, command, circumstances, quirks: Vec::new() }
    }

    /// The reply in question; nothing of a failure.
    pub(super) fn reply(&self) -> Option<&Reply> {
        match &self.subject {
            Subject::Reply(reply) => Some(reply),
            Subject::Failure(_) | Subject::Explained(_) => None,
        }
    }

    /// Whether it is a failure of the session.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.subject, Subject::Failure(_))
    }

    /// Whether it is a 4yz or 5yz reply, or a failure.
    pub(super) fn went_wrong(&self) -> bool {
        self.reply().is_none_or(|reply| reply.code().is_some_and(ReplyCode::is_error))
    }

    /// Whether nothing is wrong but the form of a reply.
    pub(super) fn is_of_form(&self) -> bool {
        !self.quirks.is_empty() && !self.went_wrong()
    }

    /// What it is, to tell it from others: the command, and the last line of the reply to it.
    pub(super) fn title(&self) -> String {
        if let Subject::Explained(failure) = &self.subject {
            return format!("the link: {}", failure.reason);
        }
        let command = self.command.as_ref().map_or("unasked", Command::name);
        let said = self
            .reply()
            .and_then(Reply::last_line)
            .map(|line| format!(": {}", escape::visible(line.line.bytes)));
        format!("{}{}", escape::visible(command.as_bytes()), said.unwrap_or_default())
    }
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
    pub announced: Option<u64>,
    pub no_base64: bool,
    /// Of a link that was lost: how long nothing had come or gone, and whether that was in the midst of a reply.
    pub idle: Option<Duration>,
    pub amid_reply: bool,
}

impl Circumstances {
    pub fn of(command: Option<&Command>, before: &Dialogue, tried: &Tried) -> Circumstances {
        let (before, lmtp) = (before.state(), before.is_lmtp());
        let named = |input| command.filter(|c| c.input == input).map(address_of);
        let accepted = |argument: Option<&String>| path_in(argument?.as_bytes());
        let envelope = &before.envelope;
        let phase = asked_in(command, before);
        // Which of several the content was refused for, LMTP alone tells.
        let only = envelope.first_recipients.first().filter(|_| envelope.recipients == 1);
        let meant = command.and_then(|command| command.recipient.as_ref()).or(only);
        let content = Some(envelope.content).filter(|octets| *octets > 0);
        let declared = || command.and_then(declared_size).or_else(|| size_in(envelope.sender.as_deref()?));
        Circumstances {
            verb: verb_of(command),
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
            announced: declared(),
            no_base64: command.is_some_and(|command| command.no_base64),
            idle: None,
            amid_reply: false,
        }
    }
}
