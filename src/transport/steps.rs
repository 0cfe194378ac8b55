//! The steps of a session that people ask for by name: greet, encrypt, authenticate, send a message.

use std::io::Read;

use crate::sasl::{self, Mechanism, SaslError};
use crate::secret::Secret;
use crate::session::{Answer, Event, Phase};
use crate::wire::dot::{LineEnds, Stuffer};
use crate::wire::escape::visible;
use crate::wire::{Class, ReplyCode};

use super::broken::Broken;
use super::connection::Connection;

/// Octets of content read and sent at a time.
const CONTENT_PIECE: usize = 256 * 1024;

/// Why authentication did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The server refused; the reply says why.
    #[error("the server did not accept AUTH: {}", last_line(.0))]
    Refused(Box<Answer>),
    /// The server's challenge could not be answered, and the exchange was cancelled; or the server said yes without the
    /// proof that the mechanism demands of it.
    #[error("{}{}", .error, if accepted(.answer) { "" } else { "; the exchange was cancelled" })]
    Challenge {
        /// What is wrong with it.
        error: SaslError,
        /// The reply to the cancellation, or the unproved yes.
        answer: Box<Answer>,
    },
    /// The mechanism cannot start with these credentials. Nothing was sent.
    #[error("{0}")]
    Unusable(SaslError),
    /// The session ended.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The content could not be read; the link was given up in the middle of it, as an end would have
    /// delivered a part.
    #[error("cannot read the content: {0}")]
    Read(std::io::Error),
    /// The session ended.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl Connection {
    /// Sends EHLO, or LHLO to an LMTP server.
    pub async fn greet(&mut self, name: &str) -> Result<Answer, Broken> {
        let verb = if self.dialogue().is_lmtp() { "LHLO" } else { "EHLO" };
        self.command(format!("{verb} {name}").as_bytes()).await
    }

    /// Goes through one AUTH exchange. With `initial_response`, the client's first message goes in the
    /// command itself where it fits a command line (RFC 4954 §4).
    pub async fn authenticate(
        &mut self,
        mut mechanism: Box<dyn Mechanism>,
        initial_response: bool,
    ) -> Result<(Answer, sasl::Outcome), AuthError> {
        let mut held = mechanism.initial().map_err(AuthError::Unusable)?;
        let command = match initial_response {
            true => auth_command(mechanism.name(), &mut held),
            false => auth_command(mechanism.name(), &mut None),
        };
        self.send(command.expose(), false).await?;
        loop {
            let answer = self.reply().await?;
            let Some(challenge) = challenge_of(&answer) else {
                return finish(answer, mechanism.as_mut());
            };
            let response = match held.take() {
                Some(first) => Ok(first),
                None => sasl::decode_challenge(&challenge)
                    .map_err(SaslError::from)
                    .and_then(|decoded| mechanism.step(&decoded)),
            };
            match response {
                Ok(response) => self.send(sasl::encode_response(&response).expose(), false).await?,
                Err(mut error) => {
                    if let SaslError::ServerSays { why, .. } = &mut error {
                        self.log().mask_text(why);
                    }
                    self.send(b"*", false).await?;
                    let answer = Box::new(self.reply().await?);
                    return Err(AuthError::Challenge { error, answer });
                }
            };
        }
    }

    /// Sends message content after the server's 354: dot-stuffed, with CRLF line ends and the lone dot.
    /// Replies that come before the end are the caller's to read. Holds one piece in memory at a time.
    pub async fn send_message(&mut self, content: &mut dyn Read) -> Result<(), ContentError> {
        let mut stuffer = Stuffer::new(LineEnds::Mend);
        let mut piece = vec![0; CONTENT_PIECE];
        let mut wire = Vec::with_capacity(CONTENT_PIECE + CONTENT_PIECE / 8);
        loop {
            let count = content.read(&mut piece).map_err(|error| self.give_up(error))?;
            wire.clear();
            if count == 0 {
                stuffer.finish(&mut wire);
                self.end_content(&wire).await?;
                return Ok(());
            }
            stuffer.push(piece.get(..count).unwrap_or_default(), &mut wire);
            self.send_content(&wire).await?;
        }
    }

    /// DATA, and the content if the server asks for it. Returns the replies; the first of them says whether it
    /// did.
    pub async fn data(&mut self, content: &mut dyn Read) -> Result<Vec<Answer>, ContentError> {
        let mut answers = vec![self.command(b"DATA").await?];
        if self.state().phase == Phase::Data {
            self.send_message(content).await?;
            answers.extend(self.settle().await?);
        }
        Ok(answers)
    }

    /// Sends message content in chunks (RFC 3030 §2), as it comes, and waits for the reply to each. `answers`, empty
    /// at first, has the replies to the last chunk, or to the one that was refused, also where the session breaks.
    /// Holds two chunks in memory at a time.
    pub async fn bdat(
        &mut self,
        content: &mut dyn Read,
        answers: &mut Vec<Answer>,
    ) -> Result<(), ContentError> {
        let mut chunk = self.next_piece(content)?;
        loop {
            let next = self.next_piece(content)?;
            let last = next.is_empty();
            self.send_chunk(&chunk, last).await?;
            self.settle_into(answers).await?;
            let refused = answers.iter().any(|answer| answer.reply.class() != Some(Class::Completion));
            if last || refused || self.ended() {
                return Ok(());
            }
            // A yes to a part is none to the message.
            answers.clear();
            chunk = next;
        }
    }

    /// The next piece of content in full length, or what is left of it.
    fn next_piece(&mut self, content: &mut dyn Read) -> Result<Vec<u8>, ContentError> {
        let mut piece = Vec::new();
        match content.take(CONTENT_PIECE as u64).read_to_end(&mut piece) {
            Ok(_) => Ok(piece),
            Err(error) => Err(self.give_up(error)),
        }
    }

    /// Ends the link, as an orderly end of the content would deliver a part of it.
    fn give_up(&mut self, error: std::io::Error) -> ContentError {
        self.hang_up();
        ContentError::Read(error)
    }

    /// Waits until the server has nothing more to say about the commands sent, and returns its replies.
    pub async fn settle(&mut self) -> Result<Vec<Answer>, Broken> {
        let mut answers = Vec::new();
        self.settle_into(&mut answers).await?;
        Ok(answers)
    }

    /// The same; `answers` keeps the replies that came before the session broke.
    pub async fn settle_into(&mut self, answers: &mut Vec<Answer>) -> Result<(), Broken> {
        while self.is_busy() && !self.must_upgrade() {
            match self.next().await {
                Some(Event::Reply(answer)) if answer.command.is_some() => answers.push(answer),
                Some(event) => self.check(event)?,
                None => break,
            }
        }
        Ok(())
    }
}

/// The last line of a reply, safe to show.
fn last_line(answer: &Answer) -> String {
    answer.reply.last_line().map(|line| visible(line.line.bytes)).unwrap_or_default()
}

/// The text of a 334 that asks for a SASL response.
pub fn challenge_of(answer: &Answer) -> Option<Vec<u8>> {
    let last = answer.reply.last_line()?;
    (last.code == Some(ReplyCode::CHALLENGE)).then(|| last.text().to_vec())
}

/// `AUTH MECH [initial-response]`, without CRLF. The response stays in `held` where the line would be longer
/// than RFC 4954 §4 allows.
fn auth_command(name: &str, held: &mut Option<Secret>) -> Secret {
    const LIMIT: usize = 12_288 - 2;
    let bare = format!("AUTH {name}");
    if let Some(first) = held.as_ref() {
        let encoded = sasl::encode_initial(first);
        if bare.len() + 1 + encoded.len() <= LIMIT {
            *held = None;
            let mut line = Vec::with_capacity(bare.len() + 1 + encoded.len());
            line.extend_from_slice(bare.as_bytes());
            line.push(b' ');
            line.extend_from_slice(encoded.expose());
            return Secret::new(line);
        }
    }
    Secret::from(bare)
}

/// Whether a reply to AUTH is a yes.
pub fn accepted(answer: &Answer) -> bool {
    answer.reply.class() == Some(Class::Completion)
}

fn finish(answer: Answer, mechanism: &mut dyn Mechanism) -> Result<(Answer, sasl::Outcome), AuthError> {
    if !accepted(&answer) {
        return Err(AuthError::Refused(Box::new(answer)));
    }
    match mechanism.finish() {
        Ok(outcome) => Ok((answer, outcome)),
        Err(error) => Err(AuthError::Challenge { error, answer: Box::new(answer) }),
    }
}

impl Connection {
    /// Whether the session stands where STARTTLS has been accepted and the handshake must come.
    pub fn must_upgrade(&self) -> bool {
        self.state().phase == Phase::Upgrading
    }
}
