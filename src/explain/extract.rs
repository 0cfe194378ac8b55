//! Replies found in other text: raw replies, log lines of mail servers, delivery status notifications (RFC 3464), and
//! bounces in prose.
//!
//! A [`Finder`] is fed line by line and gives each reply with what stands around it. It holds one reply at most.

mod dsn;
mod json;
mod log;
mod mime;
mod prose;

use crate::explain::text::enhanced_at;
use crate::session::Phase;
use crate::wire::{CommandLine, EnhancedCode, Reply, ReplyAssembler, ReplyLine, Verb, size_in};

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
    /// The enhanced code that a notification gives beside a reply that has none (RFC 3464 §2.3.4).
    pub status: Option<EnhancedCode>,
    /// The number of its first line in the input, from 1.
    pub line: usize,
    /// Whether it does not tell what became of a mail: it is what one host said before the next was tried, or a warning
    /// of a refusal that was not made. A count leaves it out.
    pub interim: bool,
    /// Whether the mail has come back, and not merely to wait; nothing where the text does not say.
    pub returned: Option<bool>,
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
            status: None,
            line,
            interim: false,
            returned: None,
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
        situation.status = self.status;
        situation.returned = self.returned;
        situation.announced = self.command.as_deref().and_then(size_in);
        situation.declared_size = situation.announced;
        situation
    }

    /// The domain that the reply is about: the recipient's, else the host's name.
    pub fn domain(&self) -> Option<&str> {
        let domain = self.recipient.as_deref().and_then(|r| r.rsplit_once('@')).map(|(_, domain)| domain);
        domain.or(self.host.as_deref()).map(|domain| domain.trim_end_matches('.'))
    }

    /// Notes which command was answered: `RCPT TO`, `end of DATA`, `CONNECT`, …
    pub(crate) fn answered(&mut self, command: &str) {
        let lower = command.to_ascii_lowercase();
        let content = ["end of data", "message content", "data block"];
        if content.iter().any(|words| lower.contains(words)) {
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
pub const LONGEST: usize = 64 * 1024;
/// Most lines of one raw reply.
const MOST_LINES: usize = 1000;

/// Finds replies in lines of text.
#[derive(Debug, Default)]
pub struct Finder {
    /// Lines read so far.
    count: usize,
    mime: mime::Decoder,
    /// The raw reply under way.
    raw: ReplyAssembler,
    raw_at: usize,
    prose: Option<prose::Prose>,
    dsn: dsn::Reader,
    reports: dsn::Reports,
}

impl Finder {
    /// A finder at the start of its input.
    pub fn new() -> Self {
        Finder::default()
    }

    /// Reads one line without its end; gives the replies that it completes.
    pub fn line(&mut self, line: &[u8]) -> Vec<Found> {
        self.count += 1;
        let line = line.get(..line.len().min(LONGEST)).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.mime.decode(line) {
            Some(lines) => lines.iter().flat_map(|line| self.plain_line(line)).collect(),
            None => self.plain_line(line),
        }
    }

    /// What is left at the end of the input.
    pub fn finish(&mut self) -> Vec<Found> {
        let left = self.mime.finish();
        let mut found = left.map(|line| self.plain_line(&line)).unwrap_or_default();
        if let Some(told) = self.dsn.finish() {
            self.reports.told();
            found.push(told);
        }
        let loose = self.flush();
        found.extend(self.reports.hold(loose));
        found.extend(self.reports.finish());
        found
    }

    /// Reads a line whose encoding is undone.
    fn plain_line(&mut self, line: &[u8]) -> Vec<Found> {
        let text = String::from_utf8_lossy(line);
        let mut found = Vec::new();
        let free = self.raw.pending_lines() == 0 && self.prose.is_none();
        if free && let Some(told) = self.dsn.line(&text, self.count) {
            self.reports.told();
            found.push(told);
        }
        found.extend(self.reports.line(&text));
        if free && self.dsn.is_inside() {
            return found;
        }
        let loose = self.loose_line(line, &text);
        found.extend(self.reports.hold(loose));
        found
    }

    /// What a line says that is no field of a notification.
    fn loose_line(&mut self, line: &[u8], text: &str) -> Vec<Found> {
        if self.prose.as_mut().is_some_and(|prose| prose.takes(text)) {
            return Vec::new();
        }
        if let Some(raw) = self.raw_part(line) {
            return self.raw_line(raw);
        }
        let mut found = self.flush();
        self.prose = prose::Prose::begins(text, self.count);
        if self.prose.is_none() {
            found.extend(log::find(text, self.count));
        }
        found
    }

    /// The part of a line that is a line of a raw reply, and of no log.
    fn raw_part<'l>(&self, line: &'l [u8]) -> Option<ReplyLine<'l>> {
        let bare = line.trim_ascii_start();
        if let Some(said) = without_mark(bare) {
            return Some(ReplyLine::crlf(said)).filter(|raw| starts_reply(raw, said, b" -\t"));
        }
        let braced = memchr::memchr(b'{', bare).is_some();
        let opened = braced.then(|| open_status(bare)).flatten();
        let indented = bare.len() < line.len() && opened.is_none();
        let bare = opened.unwrap_or(bare);
        let closed = braced.then(|| memchr::memmem::find(bare, b"};{")).flatten();
        let said = closed.and_then(|end| bare.get(..end)).unwrap_or(bare);
        let raw = ReplyLine::crlf(said);
        // What is indented is counted or numbered more often than said.
        let told = !indented
            || said.get(3) == Some(&b'-')
            || self.raw.pending_lines() > 0 && self.raw.pending_code() == raw.code
            || said.get(4..).is_some_and(is_said);
        (told && starts_reply(&raw, said, b" -")).then_some(raw)
    }

    fn raw_line(&mut self, line: ReplyLine<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        let pending = self.raw.pending_lines();
        if pending == 0 || self.raw.pending_code() != line.code || pending >= MOST_LINES {
            found.extend(self.flush());
            self.raw_at = self.count;
        }
        found.extend(self.raw.push(line).map(|reply| Found::new(reply, self.raw_at)));
        found
    }

    /// What was under way and is whole now.
    fn flush(&mut self) -> Vec<Found> {
        let prose = self.prose.take().and_then(prose::Prose::finish);
        let raw = self.raw.finish().map(|reply| Found::new(reply, self.raw_at));
        prose.into_iter().chain(raw).collect()
    }
}

/// The first line of a reply that Exchange's tracking log shows over several lines: `{LED=550-5.1.1 …`.
fn open_status(line: &[u8]) -> Option<&[u8]> {
    let said = line.get(memchr::memmem::find(line, b"{LED=")? + b"{LED=".len()..)?;
    (!said.contains(&b'}')).then_some(said)
}

/// Whether what stands behind a code, in an indented line, was said by a server and is not counted: an enhanced code, or
/// words that are no line of a log.
fn is_said(text: &[u8]) -> bool {
    let words = text.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'<');
    let logged = || text.contains(&b'=') || memchr::memmem::find(text, b"]: ").is_some();
    enhanced_at(text).is_some() || words && !logged()
}

/// Whether a line is a reply line and not a log line that begins with digits.
fn starts_reply(line: &ReplyLine<'_>, bytes: &[u8], separators: &[u8]) -> bool {
    let separator = bytes.get(3);
    line.code.is_some_and(|c| (200..600).contains(&c.0))
        && separator.is_none_or(|byte| separators.contains(byte))
}

/// A line without the mark that tools put before what a server says; nothing where none stands there.
fn without_mark(line: &[u8]) -> Option<&[u8]> {
    let marks: [&[u8]; 9] = [b"<** ", b"<-  ", b"<~* ", b"<~  ", b"<- ", b"<~ ", b"S: ", b"<<< ", b"< "];
    marks.iter().find_map(|mark| line.strip_prefix(*mark))
}

/// A mail address out of a log or a notification: without brackets, and nothing where none can be one.
fn address(text: &str) -> Option<String> {
    let inside = text.rsplit_once('<').map_or(text, |(_, inside)| inside).trim().trim_end_matches('>');
    let odd = |c: char| c.is_control() || matches!(c, '<' | '>');
    (!inside.is_empty() && !inside.contains(odd)).then(|| inside.trim_end_matches('.').to_owned())
}

/// The name or address of a host, without what stands behind it: `mx.example.net. (192.0.2.1, the server for …)`.
fn host(text: &str) -> Option<String> {
    let name = text.split_ascii_whitespace().next()?.trim_end_matches([',', '.', ';', ':']);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
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
