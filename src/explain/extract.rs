//! Replies found in other text: raw replies, log lines of Postfix, Exim, Sendmail, Exchange, OpenSMTPD,
//! Stalwart and Haraka, and delivery status notifications (RFC 3464).
//!
//! A [`Finder`] is fed line by line and gives each reply with what stands around it. It holds one reply at most.

mod dsn;
mod json;
mod log;
mod servers;

use crate::session::Phase;
use crate::wire::{CommandLine, Reply, ReplyAssembler, ReplyLine, Verb};

use super::Situation;

pub use json::{InputError, from_json};

/// A reply and what the text around it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The reply.
    pub reply: Reply,
    /// The command that it answers, where the text says so.
    pub verb: Option<Verb>,
    /// The whole line of that command, where it is known.
    pub command: Option<String>,
    /// Where in the session it came.
    pub phase: Phase,
    /// The host that said it.
    pub host: Option<String>,
    /// The recipient.
    pub recipient: Option<String>,
    /// The sender.
    pub sender: Option<String>,
    /// The number of its first line in the input, from 1.
    pub line: usize,
    /// Whether it is what one host said before the next was tried: another line tells what became of the delivery, so
    /// that a count leaves this one out.
    pub interim: bool,
}

impl Found {
    /// A reply of which nothing else is known.
    pub fn new(reply: Reply, line: usize) -> Self {
        Found {
            reply,
            verb: None,
            command: None,
            phase: Phase::Ready,
            host: None,
            recipient: None,
            sender: None,
            line,
            interim: false,
        }
    }

    /// A reply out of text in which the lines of one reply may have been joined by blanks.
    pub fn of_text(text: &str, line: usize) -> Self {
        Found::new(split_joined(text).into_iter().map(ReplyLine::crlf).collect(), line)
    }

    /// The situation as far as the text tells it.
    pub fn situation(&self) -> Situation<'_> {
        let mut situation = Situation::of(&self.reply);
        situation.verb = self.verb.as_ref();
        situation.command = self.command.as_deref().map(str::as_bytes);
        situation.phase = self.phase;
        situation.host = self.host.as_deref();
        situation.recipient = self.recipient.as_deref();
        situation.sender = self.sender.as_deref();
        situation
    }

    /// The domain that the reply is about: the recipient's, else the host's name.
    pub fn domain(&self) -> Option<&str> {
        let domain = self.recipient.as_deref().and_then(|r| r.rsplit_once('@')).map(|(_, domain)| domain);
        domain.or(self.host.as_deref())
    }

    /// Notes which command was answered: `RCPT TO`, `end of DATA`, `CONNECT`, …
    pub(crate) fn answered(&mut self, command: &str) {
        let lower = command.to_ascii_lowercase();
        if lower.contains("end of data") || lower.contains("message content") {
            (self.verb, self.phase) = (Some(Verb::Data), Phase::Data);
        } else if lower.contains("initial connection")
            || lower.starts_with("connect")
            || lower.starts_with("conn")
        {
            self.phase = Phase::Greeting;
        } else {
            let verb = CommandLine::parse(command.trim().trim_end_matches(':').as_bytes()).verb;
            if !matches!(verb, Verb::Other(_)) {
                self.verb = Some(verb);
            }
        }
    }
}

/// Longest line that is looked at, in bytes; the rest of a longer one is left out.
const LONGEST: usize = 64 * 1024;
/// Most lines of one raw reply.
const MOST_LINES: usize = 1000;

/// Finds replies in lines of text.
#[derive(Debug, Default)]
pub struct Finder {
    /// Lines read so far.
    count: usize,
    /// The raw reply under way.
    raw: ReplyAssembler,
    raw_at: usize,
    dsn: dsn::Reader,
    /// The notification under way, from its Content-Type on.
    report: Option<dsn::Report>,
}

impl Finder {
    /// A finder at the start of its input.
    pub fn new() -> Self {
        Finder::default()
    }

    /// Reads one line without its end; gives the replies that it completes, two at most.
    pub fn line(&mut self, line: &[u8]) -> Vec<Found> {
        self.count += 1;
        let line = line.get(..line.len().min(LONGEST)).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = String::from_utf8_lossy(line);
        let mut found = self.report_line(&text);
        if self.raw.pending_lines() == 0 {
            let told = self.dsn.line(&text, self.count);
            found.extend(told.map(|told| self.told(told)));
            if self.dsn.is_inside() {
                return found;
            }
        }
        let loose = self.loose_line(line, &text);
        match &mut self.report {
            Some(report) => report.hold(loose),
            None => found.extend(loose),
        }
        found
    }

    /// What is left at the end of the input.
    pub fn finish(&mut self) -> Vec<Found> {
        let told = self.dsn.finish().map(|told| self.told(told));
        let loose: Vec<Found> = self.flush().into_iter().collect();
        match self.report.take() {
            Some(mut report) => {
                report.hold(loose);
                report.finish().into_iter().chain(told).collect()
            }
            None => told.into_iter().chain(loose).collect(),
        }
    }

    /// Sees where a notification begins and ends.
    fn report_line(&mut self, text: &str) -> Vec<Found> {
        let begins = dsn::Report::begins(text);
        let ends = self.report.as_mut().is_some_and(|report| report.ends(text));
        let ended = if begins || ends { self.report.take() } else { None };
        if begins {
            self.report = Some(dsn::Report::of(text));
        }
        ended.map(dsn::Report::finish).unwrap_or_default()
    }

    fn told(&mut self, told: Found) -> Found {
        if let Some(report) = &mut self.report {
            report.told();
        }
        told
    }

    /// What a line says that is no field of a notification.
    fn loose_line(&mut self, line: &[u8], text: &str) -> Vec<Found> {
        let bare = without_arrow(line);
        let parsed = ReplyLine::crlf(bare);
        if starts_reply(&parsed, bare) {
            return self.raw_line(parsed);
        }
        self.flush().into_iter().chain(log::find(text, self.count)).collect()
    }

    fn raw_line(&mut self, line: ReplyLine<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        let pending = self.raw.pending_lines();
        if pending > 0 && self.raw.pending_code() != line.code || pending >= MOST_LINES {
            found.extend(self.flush());
        }
        if self.raw.pending_lines() == 0 {
            self.raw_at = self.count;
        }
        found.extend(self.raw.push(line).map(|reply| Found::new(reply, self.raw_at)));
        found
    }

    fn flush(&mut self) -> Option<Found> {
        self.raw.finish().map(|reply| Found::new(reply, self.raw_at))
    }
}

/// Whether a line is a reply line and not a log line that begins with digits.
fn starts_reply(line: &ReplyLine<'_>, bytes: &[u8]) -> bool {
    let separator = bytes.get(3).copied();
    line.code.is_some_and(|c| (200..600).contains(&c.0))
        && matches!(separator, None | Some(b' ' | b'-' | b'\t'))
}

/// A line without the mark that tools put before what a server says.
fn without_arrow(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii_start();
    let marks: [&[u8]; 9] = [b"<** ", b"<-  ", b"<~* ", b"<~  ", b"<- ", b"<~ ", b"S: ", b"<<< ", b"< "];
    marks.iter().find_map(|mark| line.strip_prefix(*mark)).unwrap_or(line)
}

/// Cuts `550-5.1.1 one 550-5.1.1 two 550 5.1.1 three` into its lines.
fn split_joined(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let code = text.get(..3).filter(|c| c.bytes().all(|b| b.is_ascii_digit()));
    let (Some(code), true) = (code, text.as_bytes().get(3) == Some(&b'-')) else { return vec![text] };
    let mut rest = text;
    while rest.as_bytes().get(3) == Some(&b'-') {
        let at = rest.match_indices(code).map(|(at, _)| at).find(|at| {
            let before = at.checked_sub(1).and_then(|b| rest.as_bytes().get(b));
            let behind = rest.as_bytes().get(at + 3);
            before.is_some_and(u8::is_ascii_whitespace) && matches!(behind, Some(b' ' | b'-') | None)
        });
        let Some((line, behind)) = at.and_then(|at| rest.split_at_checked(at)) else { break };
        lines.push(line.trim_end());
        rest = behind;
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests;
