//! The transaction: MAIL, RCPT, and the content, over an open session that has been greeted.

use std::io::Read;

use crate::session::{Answer, Input, Phase};
use crate::transport::{Broken, Connection, ContentError};
use crate::wire::{Class, ReplyCode};

use super::envelope::Plan;
use super::outcome::Outcome;

/// The last step to be taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Until {
    /// MAIL.
    Mail,
    /// RCPT, for all recipients.
    Rcpt,
    /// The server's consent to DATA. As everything that follows is content, only the end of the link can prevent
    /// a delivery then.
    Data,
    /// The end of the content.
    #[default]
    Dot,
}

/// How the commands go out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// In one go, where the replies need not be awaited (RFC 2920).
    pub pipeline: bool,
    /// The content in chunks (RFC 3030).
    pub bdat: bool,
    /// Where to stop.
    pub until: Until,
}

impl Manner {
    /// Whether DATA goes out together with the envelope.
    fn data_in_group(self) -> bool {
        self.pipeline && !self.bdat && self.until >= Until::Data
    }

    fn group(self, plan: &Plan) -> Vec<Vec<u8>> {
        let mut group = vec![plan.mail.clone()];
        if self.until >= Until::Rcpt {
            group.extend(plan.rcpt.iter().cloned());
        }
        if self.data_in_group() {
            group.push(b"DATA".to_vec());
        }
        group
    }
}

/// Goes through the transaction as far as the server lets it. What is learnt stands in `outcome`, also where
/// the session breaks.
///
/// # Errors
/// When the session breaks before the server has said what becomes of the content, or the content cannot be read.
pub async fn deliver(
    connection: &mut Connection,
    plan: &Plan,
    manner: Manner,
    content: &mut dyn Read,
    outcome: &mut Outcome,
) -> Result<(), ContentError> {
    // What was refused before has nothing to do with this message.
    drop(connection.take_unasked());
    let open = envelope(connection, plan, manner, outcome).await?;
    if manner.until < Until::Data || !open {
        return Ok(());
    }
    if manner.data_in_group() {
        outcome.data = Some(connection.reply().await?);
    } else if !outcome.any_accepted() || manner.bdat && manner.until == Until::Data {
        return Ok(());
    } else if !manner.bdat {
        outcome.data = Some(connection.command(b"DATA").await?);
    }
    match (manner.bdat, connection.state().phase) {
        (true, _) => {}
        (false, Phase::Data) if manner.until == Until::Data && outcome.any_accepted() => {
            connection.hang_up();
            return Ok(());
        }
        (false, Phase::Data) if outcome.any_accepted() => {}
        // The server agrees to content for nobody: it gets the lone dot and nothing else (RFC 2920 §3.1).
        (false, Phase::Data) => return finish(connection, &mut std::io::empty(), &mut Vec::new()).await,
        (false, _) => return Ok(()),
    }
    send_content(connection, manner, content, outcome).await
}

/// The content, and what the server says of it: at its end, or before.
async fn send_content(
    connection: &mut Connection,
    manner: Manner,
    content: &mut dyn Read,
    outcome: &mut Outcome,
) -> Result<(), ContentError> {
    let mut answers = Vec::new();
    // Said beforehand, so that it holds also where a signal stops what follows.
    outcome.content = true;
    let sent = match manner.bdat {
        true => connection.bdat(content, &mut answers).await,
        false => finish(connection, content, &mut answers).await,
    };
    outcome.ended(&answers, connection.dialogue().is_lmtp());
    let refusal = match &sent {
        Ok(()) => answers.pop().filter(is_of_a_part),
        Err(_) => connection.take_refusal(),
    };
    if let Some(refusal) = &refusal {
        outcome.refused(refusal);
    }
    match sent {
        // That the link is gone is the server's way to enforce its answer.
        Err(ContentError::Broken(_)) if refusal.is_some() => Ok(()),
        Err(error @ ContentError::Read(_)) => {
            // Without its end no server takes it.
            outcome.content = false;
            Err(error)
        }
        sent => sent,
    }
}

/// Whether this is the reply to a chunk that is not the last: over LMTP, too, it is one for all recipients.
fn is_of_a_part(answer: &Answer) -> bool {
    answer.command.as_ref().is_some_and(|command| command.input == Input::Bdat)
}

/// MAIL and RCPT. Says whether the server is still there: after its good-bye (421) nothing more is answered.
async fn envelope(
    connection: &mut Connection,
    plan: &Plan,
    manner: Manner,
    outcome: &mut Outcome,
) -> Result<bool, Broken> {
    match manner.pipeline {
        true => connection.send_group(&manner.group(plan)).await?,
        false => drop(connection.send(&plan.mail, false).await?),
    }
    let in_group = manner.pipeline && manner.until >= Until::Rcpt;
    outcome.recipients.iter_mut().for_each(|recipient| recipient.asked = in_group);
    let mail = outcome.mail.insert(connection.reply().await?);
    let (open, refused) = (!is_goodbye(mail), mail.reply.class() != Some(Class::Completion));
    if manner.until < Until::Rcpt || refused && !manner.pipeline || !open {
        return Ok(open);
    }
    for (recipient, line) in outcome.recipients.iter_mut().zip(&plan.rcpt) {
        if !manner.pipeline {
            connection.send(line, false).await?;
            recipient.asked = true;
        }
        if is_goodbye(recipient.rcpt.insert(connection.reply().await?)) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn finish(
    connection: &mut Connection,
    content: &mut dyn Read,
    answers: &mut Vec<Answer>,
) -> Result<(), ContentError> {
    connection.send_message(content).await?;
    Ok(connection.settle_into(answers).await?)
}

/// The session itself may know more than the replies that have been read so far.
fn is_goodbye(answer: &Answer) -> bool {
    answer.reply.code() == Some(ReplyCode::UNAVAILABLE)
}
