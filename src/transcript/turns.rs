//! A session as turns: what the client said, and what the server answered to just that.

use std::collections::VecDeque;
use std::time::Duration;

use crate::wire::{Reply, ReplyCode, Verb};

use super::track::{Role, Tracker, Waiting, reply_line};
use super::{Entry, EntryKind, Info, Payload};

/// What the client did in a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing: the server greets, or speaks unasked.
    Nothing,
    /// A command.
    Command {
        /// Its verb.
        verb: Verb,
        /// The line.
        line: Payload,
        /// The chunk after BDAT.
        chunk: Vec<Payload>,
    },
    /// An answer to a challenge.
    Answer {
        /// The mechanism.
        mechanism: String,
        /// The line.
        line: Payload,
    },
    /// A message, dots stuffed, without the lone dot.
    Content(Vec<Payload>),
}

/// One reply as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// When what it answers was complete: for a message, when its end was sent.
    pub asked: Option<Duration>,
    /// When its last line came.
    pub at: Option<Duration>,
    /// Its lines.
    pub lines: Vec<Payload>,
    /// The code of its last line.
    pub code: Option<ReplyCode>,
}

impl Heard {
    /// The same as a reply of the wire; placeholders in it are left out.
    pub fn reply(&self) -> Reply {
        self.lines.iter().map(reply_line).collect()
    }
}

/// What the client said and what it heard in return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// What the client did.
    pub said: Said,
    /// When it did (for content: when it began).
    pub at: Option<Duration>,
    /// Whether the link was encrypted.
    pub tls: bool,
    /// Whether it was so with a certificate that verified, where that is known.
    pub verified: Option<bool>,
    /// The number of its first entry, from 0.
    pub entry: usize,
    /// The replies: none where the link broke, several for a message over LMTP.
    pub heard: Vec<Heard>,
    /// The link was encrypted after this turn.
    pub upgraded: bool,
    /// The client broke off in the midst of the content: no lone dot ended it.
    pub unfinished: bool,
}

impl Turn {
    /// A turn in cleartext that has heard nothing yet.
    fn new(said: Said, at: Option<Duration>, entry: usize) -> Turn {
        Turn {
            said,
            at,
            tls: false,
            verified: None,
            entry,
            heard: Vec::new(),
            upgraded: false,
            unfinished: false,
        }
    }

    /// The code of the last reply.
    pub fn code(&self) -> Option<ReplyCode> {
        self.heard.last().and_then(|heard| heard.code)
    }

    /// The verb of a command.
    pub fn verb(&self) -> Option<&Verb> {
        match &self.said {
            Said::Command { verb, .. } => Some(verb),
            _ => None,
        }
    }

    /// How the link was protected, as a comparison shows it.
    pub fn link(&self) -> &'static str {
        match (self.tls, self.verified) {
            (false, _) => "cleartext",
            (true, None) => "tls",
            (true, Some(true)) => "tls verified=yes",
            (true, Some(false)) => "tls verified=no",
        }
    }

    /// Whether what the client said took more than one line.
    fn is_long(&self) -> bool {
        match &self.said {
            Said::Content(_) => true,
            Said::Command { chunk, .. } => !chunk.is_empty(),
            _ => false,
        }
    }

    /// What the client said, in one line for a person.
    pub fn label(&self) -> String {
        match &self.said {
            Said::Nothing => "(greeting)".to_owned(),
            Said::Command { line, .. } | Said::Answer { line, .. } => line.to_visible(),
            Said::Content(lines) => format!("(content, {} lines)", lines.len()),
        }
    }
}

/// Gathers entries into turns. All of the session is held in memory.
#[derive(Debug, Default)]
pub struct Turns {
    tracker: Tracker,
    turns: Vec<Turn>,
    /// The turns that wait for replies, once for each.
    open: VecDeque<usize>,
    /// The turn whose content is under way.
    filling: Option<usize>,
    lines: Vec<Payload>,
    /// When the last message or chunk was complete.
    ended: Option<Duration>,
    seen: usize,
    verified: Option<bool>,
}

/// The turns of a session.
pub fn turns<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Turn> {
    let mut turns = Turns::default();
    for entry in entries {
        turns.push(entry);
    }
    turns.finish()
}

impl Turns {
    /// Takes the next entry.
    pub fn push(&mut self, entry: &Entry) {
        let index = self.seen;
        self.seen += 1;
        match &entry.kind {
            EntryKind::Sent { tls, line } => {
                let role = self.tracker.sent(line);
                self.said(role, line, entry.at, *tls, index);
            }
            EntryKind::Received { tls, line, .. } => self.heard(line, entry.at, *tls, index),
            EntryKind::Info(Info::Tls(tls)) => {
                self.verified = if tls.unverified() { Some(false) } else { tls.verified };
                if let Some(turn) = self.turns.last_mut() {
                    turn.upgraded = true;
                }
            }
            _ => {
                self.tracker.other(entry);
                if matches!(entry.kind, EntryKind::Session(_) | EntryKind::Info(Info::Connected { .. })) {
                    self.verified = None;
                }
                if self.tracker.due() == 1 && matches!(entry.kind, EntryKind::Session(_)) {
                    self.open.clear();
                    self.filling = None;
                }
            }
        }
    }

    /// All turns; a reply that was cut off counts as one.
    pub fn finish(mut self) -> Vec<Turn> {
        if !self.lines.is_empty() {
            let code = None;
            let heard = Heard { asked: None, at: None, lines: std::mem::take(&mut self.lines), code };
            let open = self.open.front().copied().and_then(|at| self.turns.get_mut(at));
            if let Some(turn) = open {
                turn.heard.push(heard);
            }
        }
        self.turns
    }

    fn begin(&mut self, turn: Turn) {
        let verified = self.verified.filter(|_| turn.tls);
        self.turns.push(Turn { verified, ..turn });
    }

    fn said(&mut self, role: Role, line: &Payload, at: Option<Duration>, tls: bool, entry: usize) {
        let line = line.clone();
        let said = match role {
            Role::Command(verb) => Said::Command { verb, line, chunk: Vec::new() },
            Role::Answer { mechanism, .. } => Said::Answer { mechanism, line },
            Role::Content | Role::EndOfContent => return self.content(role, line, at, tls, entry),
        };
        // Over LMTP each recipient answers to the last chunk.
        let is_chunk = matches!(said, Said::Command { verb: Verb::Bdat, .. });
        let more = self.tracker.due().saturating_sub(self.open.len() + 1);
        self.open.extend(std::iter::repeat_n(self.turns.len(), if is_chunk { more } else { 0 }));
        self.open.push_back(self.turns.len());
        self.begin(Turn { tls, ..Turn::new(said, at, entry) });
    }

    fn content(&mut self, role: Role, line: Payload, at: Option<Duration>, tls: bool, entry: usize) {
        if let Some(Said::Command { verb: Verb::Bdat, chunk, .. }) =
            self.turns.last_mut().map(|t| &mut t.said)
        {
            chunk.push(line);
            self.ended = at;
            return;
        }
        // Content goes on where the last turn is content that has no reply yet.
        if self.filling.is_none() {
            self.filling = Some(self.turns.len());
            let said = Said::Content(Vec::new());
            self.begin(Turn { tls, unfinished: true, ..Turn::new(said, at, entry) });
        }
        let index = self.filling.unwrap_or_default();
        match self.turns.get_mut(index) {
            Some(Turn { said: Said::Content(lines), .. }) if role == Role::Content => lines.push(line),
            turn => {
                turn.into_iter().for_each(|turn| turn.unfinished = false);
                self.filling = None;
                let replies = self.tracker.due().saturating_sub(self.open.len()).max(1);
                self.open.extend(std::iter::repeat_n(index, replies));
                self.ended = at;
            }
        }
    }

    fn heard(&mut self, line: &Payload, at: Option<Duration>, tls: bool, entry: usize) {
        self.lines.push(line.clone());
        let Some(completed) = self.tracker.received(line) else { return };
        let lines = std::mem::take(&mut self.lines);
        let mut heard = Heard { asked: None, at, lines, code: completed.code };
        let asked = match completed.answers {
            None | Some(Waiting::Greeting) => None,
            // The server took something else than a lone dot for the end.
            Some(Waiting::Content) if self.filling.is_some() => self.filling.take(),
            Some(_) => self.open.pop_front(),
        };
        if let Some(turn) = asked.and_then(|index| self.turns.get(index)) {
            heard.asked = if turn.is_long() { self.ended } else { turn.at };
        }
        match asked.and_then(|index| self.turns.get_mut(index)) {
            Some(turn) => turn.heard.push(heard),
            None => {
                let turn = Turn { tls, heard: vec![heard], ..Turn::new(Said::Nothing, at, entry) };
                self.begin(turn);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Reader;

    fn read(text: &str) -> Vec<Turn> {
        let file = format!("%heloise 1\n{text}");
        let entries: Vec<_> = Reader::new(file.as_bytes()).unwrap().map(Result::unwrap).collect();
        turns(&entries)
    }

    fn shown(turns: &[Turn]) -> Vec<String> {
        let codes = |turn: &Turn| turn.heard.iter().map(|h| h.code.unwrap().to_string()).collect::<Vec<_>>();
        turns.iter().map(|turn| format!("{} {}", turn.label(), codes(turn).join(","))).collect()
    }

    #[test]
    fn pipelined_commands_find_their_replies() {
        let turns = read(
            "<- 220 x\n -> EHLO a\n<- 250-x\n<- 250 PIPELINING\n -> MAIL FROM:<>\n -> RCPT TO:<b@x>\n -> DATA\n\
             <- 250 ok\n<** 550 no\n<** 503 no\n -> QUIT\n<- 221 bye\n",
        );
        let expected =
            ["(greeting) 220", "EHLO a 250", "MAIL FROM:<> 250", "RCPT TO:<b@x> 550", "DATA 503", "QUIT 221"];
        assert_eq!(shown(&turns), expected);
        assert_eq!(turns[1].heard[0].lines.len(), 2);
        assert_eq!(turns[1].heard[0].reply().lines().count(), 2);
    }

    #[test]
    fn content_answers_and_upgrades_are_known_as_such() {
        let turns = read(
            "<- 220 x\n -> STARTTLS\n<- 220 go\n=== tls TLSv1.3 X verified=yes\n ~> AUTH LOGIN\n<~ 334 VXNlcm5hbWU6\n\
             ~> {secret sasl=LOGIN what=user}\n<~ 334 UGFzc3dvcmQ6\n ~> *\n<~* 501 no\n ~> DATA\n<~ 354 go\n\
             ~> QUIT\n ~> ..\n ~> .\n<~ 250 ok\n ~> BDAT 7 LAST\n ~> hello\n<~ 250 ok\n ~> QUIT\n<~* 421 bye\n",
        );
        let expected = [
            "(greeting) 220",
            "STARTTLS 220",
            "AUTH LOGIN 334",
            "{secret sasl=LOGIN what=user} 334",
            "* 501",
            "DATA 354",
            "(content, 2 lines) 250",
            "BDAT 7 LAST 250",
            "QUIT 421",
        ];
        assert_eq!(shown(&turns), expected);
        assert!(turns[1].upgraded && !turns[2].upgraded);
        assert!(!turns[6].unfinished);
        assert!(read("<- 220 x\n -> DATA\n<- 354 go\n -> half a\n")[2].unfinished);
        let Said::Command { chunk, .. } = &turns[7].said else { panic!() };
        assert_eq!(chunk, &[Payload::from_bytes("hello")]);
    }

    #[test]
    fn lmtp_answers_a_message_once_for_each_recipient() {
        let turns = read(
            "<- 220 x\n -> LHLO a\n<- 250 x\n -> MAIL FROM:<>\n<- 250 ok\n -> RCPT TO:<a@x>\n<- 250 ok\n -> RCPT TO:<b@x>\n\
             <- 250 ok\n -> DATA\n<- 354 go\n -> x\n -> .\n<- 250 a\n<** 450 b\n -> QUIT\n<- 221 x\n",
        );
        assert_eq!(shown(&turns)[6..], ["(content, 1 lines) 250,450", "QUIT 221"]);
    }

    #[test]
    fn a_dot_before_lf_alone_ends_content_only_where_the_server_says_so() {
        let opening = "<- 220 x\n -> DATA\n<- 354 go\n -> x\n -> .\\n\n";
        let text = read(&format!("{opening} -> MAIL FROM:<>\n -> .\n<- 250 ok\n -> QUIT\n<- 221 bye\n"));
        assert_eq!(shown(&text)[2..], ["(content, 3 lines) 250", "QUIT 221"]);
        let end = read(&format!("{opening}<- 250 ok\n -> QUIT\n<- 221 bye\n"));
        assert_eq!(shown(&end)[2..], ["(content, 2 lines) 250", "QUIT 221"]);
    }

    #[test]
    fn what_is_odd_is_kept() {
        let turns = read(" -> EHLO a\n<- 250 x\n<** 421 idle\n -> NOOP\n<- 250-cut");
        assert_eq!(shown(&turns[..2]), ["EHLO a 250", "(greeting) 421"]);
        assert_eq!(turns[2].heard.len(), 1);
        assert_eq!(turns[2].heard[0].code, None);
    }
}
