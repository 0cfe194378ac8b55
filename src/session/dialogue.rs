//! Who answers what: commands and replies paired, as seen from the client's side of a session.
//!
//! A live [`super::Client`] keeps one, and so does whoever reads a transcript; both learn the same from the
//! same lines.

use std::collections::VecDeque;
use std::time::Duration;

use crate::wire::{Capabilities, Class, Quirk, Reply, ReplyCode, Verb};

use super::state::{Command, State};
use super::table::{Input, Phase, success_codes};

/// What a line that was sent turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// A command; a reply will answer it.
    Command(Command),
    /// A line of a SASL exchange, by this mechanism. It is a secret.
    AuthResponse {
        /// The mechanism, in upper case.
        mechanism: String,
        /// Which client message this is, from 0.
        step: u32,
        /// The challenge that it answers, still in base64.
        challenge: Option<Vec<u8>>,
    },
    /// A line that may have been meant as the answer to an AUTH which the server has refused: sent as a
    /// command, but to be treated as a secret.
    StrayResponse(Command),
    /// A line of message content.
    Content,
    /// The lone dot that ends the content.
    EndOfContent,
}

/// A reply and what it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The reply.
    pub reply: Reply,
    /// The command that it answers; nothing if no command was waiting.
    pub command: Option<Command>,
    /// The time from sending the command to the last line of the reply.
    pub waited: Duration,
}

impl Answer {
    /// Deviations that show only in what the reply answers: nothing at all, the opening of the link, EHLO, or a command
    /// that has other codes.
    pub fn quirks(&self) -> Vec<Quirk> {
        let mut quirks = self.quirks_of_text();
        quirks.extend(self.quirk_of_code());
        quirks
    }

    /// A positive code that is not the command's.
    pub fn quirk_of_code(&self) -> Option<Quirk> {
        let command = self.command.as_ref()?;
        let code = self.reply.code().filter(|code| matches!(code.0, 200..400))?;
        let expected = success_codes(command.input, command.verb.as_ref())?;
        (!expected.contains(&code.0)).then_some(Quirk::UnexpectedCode { code: code.0, expected })
    }

    fn quirks_of_text(&self) -> Vec<Quirk> {
        match &self.command {
            // A server may say at any time that it is going away (RFC 5321 §3.8).
            None if self.reply.code() == Some(ReplyCode::UNAVAILABLE) => Vec::new(),
            None => vec![Quirk::Unsolicited],
            Some(command) if command.input == Input::Connect => {
                self.reply.quirk_of_greeting().into_iter().collect()
            }
            Some(Command { verb: Some(Verb::Ehlo | Verb::Lhlo), .. })
                if self.reply.class() == Some(Class::Completion) =>
            {
                Capabilities::quirks_of(&self.reply)
            }
            Some(_) => Vec::new(),
        }
    }
}

/// A command that waits for its reply.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub command: Command,
    /// When it was sent, or when it became the oldest one waiting.
    pub since: Duration,
    pub timed_out: bool,
    /// A line that is no reply has come since.
    pub garbled: bool,
}

/// The pairing of commands and replies, and what is learnt from them.
#[derive(Clone, Debug)]
pub struct Dialogue {
    state: State,
    lmtp: bool,
    pub(super) pending: VecDeque<Pending>,
    /// How many commands wait behind those, of which nothing but their number is kept.
    beyond: u64,
    /// Octets of BDAT content that are still to be sent.
    chunk_left: u64,
    /// The beginning of a line whose end has not been sent.
    part: Vec<u8>,
    /// In the content under way there was a lone dot that ended in LF alone.
    loose_dot: bool,
}

/// How many commands are kept while they wait for their replies. Who sends more without reading, or replays what somebody
/// did, gets replies to all of them, and those past this number named only as commands.
const PENDING_LIMIT: usize = 100_000;
/// How much of an unfinished line is kept to tell what it is, in octets.
const PART_LIMIT: usize = 4096;

impl Dialogue {
    /// A dialogue that begins with the opening of the link at the time `now`. With `lmtp`, each accepted
    /// recipient gets a reply of its own at the end of the content (RFC 2033 §4.2).
    pub fn new(lmtp: bool, now: Duration) -> Dialogue {
        let (state, pending) = (State::default(), VecDeque::new());
        let (part, loose_dot) = (Vec::new(), false);
        let mut dialogue = Dialogue { state, lmtp, pending, beyond: 0, chunk_left: 0, part, loose_dot };
        dialogue.wait_for(Command::of_input(Input::Connect), now);
        dialogue
    }

    /// What is known.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether this is LMTP.
    pub fn is_lmtp(&self) -> bool {
        self.lmtp
    }

    /// The oldest command that waits for its reply.
    pub fn awaiting(&self) -> Option<&Command> {
        self.pending.front().map(|p| &p.command)
    }

    /// Whether the next line will be content rather than a command.
    pub fn in_content(&self) -> bool {
        self.state.phase == Phase::Data || self.chunk_left > 0
    }

    /// Octets of the BDAT chunk under way that are still to be sent (RFC 3030 §2); 0 where there is none.
    pub fn chunk_left(&self) -> u64 {
        self.chunk_left
    }

    /// Says what a line would be if it were sent now, and changes nothing.
    pub fn classify(&self, line: &[u8]) -> Sent {
        let whole = [self.part.as_slice(), line].concat();
        let line = if self.part.is_empty() { line } else { whole.as_slice() };
        match self.state.phase {
            Phase::Data if line == b"." => Sent::EndOfContent,
            Phase::Data => Sent::Content,
            _ if self.chunk_left > 0 => Sent::Content,
            Phase::Auth => Sent::AuthResponse {
                mechanism: self.state.mechanism.clone().unwrap_or_default(),
                step: self.state.auth_steps,
                challenge: self.state.challenge.clone(),
            },
            _ => {
                let command = Command::of_line(line);
                let known = !matches!(command.verb, Some(Verb::Other(_)));
                match () {
                    () if self.state.auth_refused && !known => {
                        Sent::StrayResponse(Command::of_input(Input::Other))
                    }
                    // The line at hand may be the secret of an AUTH that was begun before it.
                    () if !self.part.is_empty() && command.input == Input::Auth => {
                        Sent::StrayResponse(command)
                    }
                    () => Sent::Command(command),
                }
            }
        }
    }

    /// Takes note of a line that was sent; `octets` is its length on the wire.
    pub fn sent(&mut self, line: &[u8], octets: u64, now: Duration) -> Sent {
        let sent = self.classify(line);
        self.part.clear();
        match &sent {
            Sent::Command(command) | Sent::StrayResponse(command) => {
                self.wait_no_more_for_garbled();
                self.state.sent(command);
                self.chunk_left = chunk_size(command);
                self.count_content(self.chunk_left);
                match command.input {
                    Input::BdatLast => self.wait_for_content(command, now),
                    _ => self.wait_for(command.clone(), now),
                }
            }
            Sent::AuthResponse { .. } => {
                let command = Command::of_response(line);
                self.state.sent(&command);
                self.wait_for(command, now);
            }
            Sent::Content if self.chunk_left > 0 => self.chunk_sent(octets),
            Sent::Content => self.count_content(octets.saturating_sub(u64::from(line.starts_with(b".")))),
            Sent::EndOfContent => self.content_sent(now),
        }
        sent
    }

    /// Takes note that the content is complete.
    pub fn content_sent(&mut self, now: Duration) {
        self.wait_for_content(&Command::of_input(Input::EndOfContent), now);
        // What is typed next is no content any more, whatever the reply will be.
        self.state.phase = Phase::Rcpt;
    }

    /// Takes note of a lone dot that ended in LF alone, within content. It ends nothing (RFC 5321 §4.1.1.4), unless the
    /// server answers all the same.
    pub fn loose_dot_sent(&mut self, octets: u64) {
        self.count_content(octets);
        self.loose_dot = true;
    }

    /// Waits for the replies to the content: one, or in LMTP one for each recipient, in their order (RFC 2033 §4.2).
    fn wait_for_content(&mut self, command: &Command, now: Duration) {
        let replies = if self.lmtp { self.state.envelope.recipients.max(1) } else { 1 };
        for number in 0..replies {
            let recipient = self.state.envelope.first_recipients.get(number).filter(|_| self.lmtp);
            self.wait_for(Command { recipient: recipient.cloned(), ..command.clone() }, now);
        }
    }

    fn count_content(&mut self, octets: u64) {
        let content = &mut self.state.envelope.content;
        *content = content.saturating_add(octets);
    }

    /// Takes note that octets of a BDAT chunk went out by another way than as lines.
    pub fn chunk_sent(&mut self, octets: u64) {
        self.chunk_left = self.chunk_left.saturating_sub(octets);
    }

    /// Takes note of bytes that end no line: octets of a chunk, or the beginning of a line which goes on with what is
    /// sent next. `octets` is their number on the wire.
    pub fn sent_part(&mut self, bytes: &[u8], octets: u64) {
        if self.chunk_left > 0 {
            return self.chunk_sent(octets);
        }
        if self.state.phase == Phase::Data {
            self.count_content(octets);
        }
        let room = PART_LIMIT.saturating_sub(self.part.len());
        self.part.extend(bytes.iter().take(room));
    }

    /// Takes note of a line that is no reply. It answers nothing; but where it is all that comes before the next command,
    /// it was what the server had to say to the last one.
    pub fn stray(&mut self) {
        if let Some(oldest) = self.pending.front_mut() {
            oldest.garbled = true;
        }
    }

    /// No further reply to a command that was answered by garbled lines. Where the reply decides how the next line is read,
    /// it is waited for all the same.
    fn wait_no_more_for_garbled(&mut self) {
        use Input::{Greet, Mail, Other, Rcpt, Rset};
        let plain = |oldest: &Pending| matches!(oldest.command.input, Greet | Mail | Rcpt | Rset | Other);
        if self.pending.len() == 1
            && self.pending.front().is_some_and(|oldest| oldest.garbled && plain(oldest))
        {
            self.pending.clear();
        }
    }

    /// Takes note of a whole reply, and says what it answers.
    pub fn replied(&mut self, reply: Reply, now: Duration) -> Answer {
        let answer = self.answered(reply, now);
        self.learn(&answer);
        answer
    }

    /// Says what a whole reply answers, which no longer waits then. What is known stays as it was before, until
    /// [`Dialogue::learn`].
    pub fn answered(&mut self, reply: Reply, now: Duration) -> Answer {
        self.miss_greeting(&reply);
        let mut oldest = self.pending.pop_front();
        let loose_dot = std::mem::take(&mut self.loose_dot);
        if oldest.is_none() && loose_dot && self.state.phase == Phase::Data {
            let command = Command::of_input(Input::EndOfContent);
            oldest = Some(Pending { command, since: now, timed_out: false, garbled: false });
        }
        if self.beyond > 0 {
            self.beyond -= 1;
            self.keep_waiting(Command::of_input(Input::Other), now);
        }
        let waited = oldest.as_ref().map_or(Duration::ZERO, |p| now.saturating_sub(p.since));
        if let Some(next) = self.pending.front_mut() {
            next.since = now;
        }
        Answer { reply, command: oldest.map(|p| p.command), waited }
    }

    /// A record may begin in mid-session, where the greetings of both sides are over: then the first reply answers a command, and
    /// has none of the codes with which a server greets (RFC 5321 §4.3.2).
    fn miss_greeting(&mut self, reply: &Reply) {
        let waits = self.awaiting().is_some_and(|command| command.input == Input::Connect);
        let greets = reply.code().is_none_or(|code| matches!(code.0, 220 | 421 | 521 | 554));
        if waits && !greets && self.pending.len() > 1 {
            self.pending.pop_front();
            self.state.phase = Phase::Ready;
            self.state.greeted = Some(Verb::Ehlo);
        }
    }

    /// Learns from an answer.
    pub fn learn(&mut self, answer: &Answer) {
        match &answer.command {
            Some(command) => self.state.replied(command, &answer.reply),
            None => self.state.unsolicited(&answer.reply),
        }
        self.learn_what_came_too_early(&answer.reply);
        if answer.reply.code().is_some_and(|code| code.is_error()) && is_bdat(answer.command.as_ref()) {
            self.chunk_left = 0;
        }
    }

    /// What was sent behind AUTH before its challenge came, and is no command, answers that challenge.
    fn learn_what_came_too_early(&mut self, reply: &Reply) {
        if self.state.phase != Phase::Auth || reply.code() != Some(ReplyCode::CHALLENGE) {
            return;
        }
        if let Some(next) = self.pending.front_mut()
            && matches!(next.command.verb, Some(Verb::Other(_)) | None)
            && next.command.input == Input::Other
        {
            next.command = Command::of_input(Input::AuthResponse);
            self.state.sent(&next.command);
        }
    }

    /// Takes note that the link is encrypted from here on.
    pub fn secured(&mut self, verified: bool) {
        self.state.secured(verified);
    }

    /// Takes note that the link is gone, and returns the command that was left without an answer.
    pub fn closed(&mut self) -> Option<Command> {
        self.state.phase = Phase::Closed;
        self.beyond = 0;
        self.pending.drain(..).next().map(|p| p.command)
    }

    /// Names the user of the AUTH exchange under way.
    pub fn claim_user(&mut self, user: &str) {
        self.state.claimed_user = Some(user.to_owned());
    }

    /// Says of what was sent last that base64 was due in it, and that it was none.
    pub fn sent_no_base64(&mut self) {
        if let Some(last) = self.pending.back_mut() {
            last.command.no_base64 = true;
        }
    }

    fn wait_for(&mut self, command: Command, now: Duration) {
        match self.pending.len() < PENDING_LIMIT {
            true => self.keep_waiting(command, now),
            false => self.beyond = self.beyond.saturating_add(1),
        }
    }

    fn keep_waiting(&mut self, command: Command, now: Duration) {
        self.pending.push_back(Pending { command, since: now, timed_out: false, garbled: false });
    }
}

fn is_bdat(command: Option<&Command>) -> bool {
    command.is_some_and(|c| matches!(c.input, Input::Bdat | Input::BdatLast))
}

/// The octets that follow a BDAT command (RFC 3030 §2); none for any other.
fn chunk_size(command: &Command) -> u64 {
    if !is_bdat(Some(command)) {
        return 0;
    }
    let line = String::from_utf8_lossy(&command.line);
    line.split_ascii_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ReplyLine;

    #[test]
    fn of_many_commands_that_wait_the_first_are_kept_and_all_are_counted() {
        let mut dialogue = Dialogue::new(false, Duration::ZERO);
        let reply = || -> Reply { [ReplyLine::crlf(b"250 ok")].into_iter().collect() };
        dialogue.replied(reply(), Duration::ZERO);
        let many = PENDING_LIMIT + 1000;
        for number in 0..many {
            dialogue.sent(format!("NOOP {number}").as_bytes(), 10, Duration::ZERO);
            assert!(dialogue.pending.len() <= PENDING_LIMIT);
        }
        for number in 0..many {
            let command = dialogue.replied(reply(), Duration::ZERO).command.expect("a command was waiting");
            let line = String::from_utf8(command.line).unwrap();
            assert_eq!(line, if number < PENDING_LIMIT { format!("NOOP {number}") } else { String::new() });
        }
        assert!(dialogue.replied(reply(), Duration::ZERO).command.is_none());
    }
}
