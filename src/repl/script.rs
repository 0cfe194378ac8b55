//! Runs a script: lines of `-c`, or of a standard input that is no terminal. Each command waits for its
//! reply; content runs up to its lone dot.

use std::io::Read;

use tokio::sync::mpsc;

use crate::report::{Problem, Status, complain};
use crate::session::{Answer, Event};
use crate::transport::Connection;

use super::operator::{Done, Operator, status_of};

/// Octets read from a script at a time.
const PIECE: usize = 256 * 1024;

/// The longest line of a script outside of message content, in octets.
const LINE_LIMIT: usize = 1024 * 1024;

/// Where a script's lines come from.
pub enum Source {
    /// Given one by one.
    Lines(Vec<String>),
    /// A stream of bytes, read on a thread of its own.
    Stream(Box<dyn Read + Send>),
}

/// How a script is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Whether to go on after a 4yz or 5yz reply.
    pub keep_going: bool,
    /// Whether QUIT is sent at the end, in case the script has not done so.
    pub quit: bool,
}

/// Runs a script to its end, and says how it went: the worst of the replies, asked for or not, or what ended it.
pub async fn run(operator: &mut Operator, source: Source, manner: Manner) -> Result<Status, Problem> {
    match follow(operator, source, manner).await {
        Ok(status) => Ok(status),
        Err(problem) => {
            let problem = operator.with_last_words(problem);
            operator.part_after(&problem).await;
            Err(problem)
        }
    }
}

async fn follow(operator: &mut Operator, source: Source, manner: Manner) -> Result<Status, Problem> {
    let mut worst = Status::Ok;
    let mut lines = Lines::new(source);
    let mut unread = false;
    while let Some(step) = next_line(operator, &mut lines).await? {
        // Who stops reading has seen enough, as with `| head`.
        unread = operator.view.is_unread();
        if unread {
            break;
        }
        let mut answers = match step {
            Step::Refused => Vec::new(),
            Step::Content => send_content(operator, &mut lines).await?,
            Step::Line(line) => match operator.enter(&line, false).await {
                Ok(Done::Replies(answers)) => answers,
                Ok(Done::Waiting) => Vec::new(),
                Ok(Done::Leave) => break,
                Err(problem) if manner.keep_going && operator.state().is_some() => {
                    operator.learn_of(&problem);
                    complain(&operator.with_reason(problem.clone()));
                    worst = worst.max(problem.status);
                    Vec::new()
                }
                Err(problem) => return Err(problem),
            },
        };
        answers.extend(operator.take_unasked());
        worst = worst.max(worst_of(&answers));
        if worst != Status::Ok && !manner.keep_going {
            break;
        }
    }
    let unsent = operator.held.take().map_or(0, |lines| lines.len());
    if unsent > 0 && worst == Status::Ok {
        operator.hang_up();
        let what = format!("the script ended with {unsent} lines collected by /pipeline and not sent");
        return Err(Problem::new(Status::Usage, what).advise("/pipeline go sends them"));
    }
    if operator.state().is_some() && (manner.quit || worst != Status::Ok || unread) {
        operator.quit().await;
    } else {
        operator.leave().await?;
    }
    let parting: Vec<Answer> = operator.take_unasked().into_iter().collect();
    let worst = worst.max(worst_of(&parting));
    if unread && worst == Status::Ok {
        let what = "the script was not carried out to its end, as nobody reads the output any more";
        return Err(Problem::new(Status::LocalFile, what));
    }
    Ok(worst)
}

/// The exit status that these replies ask for.
pub fn worst_of(answers: &[Answer]) -> Status {
    answers.iter().filter_map(status_of).max().unwrap_or(Status::Ok)
}

enum Step {
    Line(Vec<u8>),
    Content,
    /// The server refused something unasked.
    Refused,
}

/// Waits for the script's next line, and meanwhile listens to the server.
async fn next_line(operator: &mut Operator, lines: &mut Lines) -> Result<Option<Step>, Problem> {
    // The octets of a chunk are counted line by line; a message goes through in bulk.
    if operator.in_content() && operator.chunk_left() == 0 && lines.is_stream() {
        return Ok(Some(Step::Content));
    }
    loop {
        tokio::select! {
            biased;
            line = lines.next() => return Ok(line?.map(Step::Line)),
            event = operator.next_event() => {
                operator.heard(event)?;
                if operator.connection.as_ref().is_some_and(Connection::was_refused) {
                    return Ok(Some(Step::Refused));
                }
            }
        }
    }
}

/// Sends content straight from the script, line ends made CRLF, up to its lone dot. Nothing is stuffed: a
/// script holds the lines as they go on the wire.
async fn send_content(operator: &mut Operator, lines: &mut Lines) -> Result<Vec<Answer>, Problem> {
    let mut wire = Vec::with_capacity(PIECE + PIECE / 8);
    loop {
        wire.clear();
        let done = lines.content(&mut wire).await?;
        match done {
            Content::More => operator.connection()?.send_content(&wire).await?,
            Content::Complete => {
                operator.connection()?.end_content(&wire).await?;
                return operator.settle().await;
            }
            Content::Cut => {
                operator.connection()?.send_content(&wire).await?;
                // An orderly end would deliver a part of the message.
                operator.hang_up();
                return Err(Problem::new(Status::Protocol, "the script ended inside the message content")
                    .advise("end the content with a line that holds a dot alone"));
            }
        }
    }
}

/// What a call for content gave.
enum Content {
    /// A piece; there is more.
    More,
    /// The last piece, with the lone dot.
    Complete,
    /// The script ended before the lone dot.
    Cut,
}

/// The lines of a script, whatever their source.
struct Lines {
    given: std::vec::IntoIter<Vec<u8>>,
    stream: Option<mpsc::Receiver<std::io::Result<Vec<u8>>>>,
    buffer: Vec<u8>,
    start: usize,
    /// Whether the next byte of content begins a line.
    at_line_start: bool,
}

impl Lines {
    fn new(source: Source) -> Lines {
        let (given, stream) = match source {
            Source::Lines(lines) => (lines.into_iter().map(String::into_bytes).collect(), None),
            Source::Stream(reader) => (Vec::new(), Some(read_on_thread(reader))),
        };
        Lines { given: given.into_iter(), stream, buffer: Vec::new(), start: 0, at_line_start: true }
    }

    fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Reads a further piece; no means that the stream has ended. May be dropped while it waits.
    async fn fill(&mut self) -> Result<bool, Problem> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        match stream.recv().await {
            Some(Ok(piece)) => {
                if self.start == self.buffer.len() {
                    self.buffer = piece;
                } else {
                    self.buffer.drain(..self.start);
                    self.buffer.extend_from_slice(&piece);
                }
                self.start = 0;
                Ok(true)
            }
            Some(Err(error)) => Err(Problem::new(
                Status::LocalFile,
                format!("cannot read the script: {}", crate::transport::io_words(&error)),
            )),
            None => Ok(false),
        }
    }

    /// The next line without its end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
        if !self.is_stream() {
            return Ok(self.given.next());
        }
        loop {
            if let Some(end) = memchr::memchr(b'\n', self.rest()) {
                let line = self.rest().get(..end).unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                self.start += end + 1;
                return Ok(Some(line));
            }
            if self.rest().len() > LINE_LIMIT {
                return Err(Problem::new(
                    Status::Usage,
                    format!("a line of the script is longer than {LINE_LIMIT} octets"),
                )
                .advise("message content may be of any length, but must follow DATA"));
            }
            if !self.fill().await? {
                let line = self.rest().to_vec();
                self.start = self.buffer.len();
                return Ok((!line.is_empty()).then_some(line));
            }
        }
    }

    /// Appends the next piece of content to `wire`, each line end made CRLF, up to and with the lone dot.
    async fn content(&mut self, wire: &mut Vec<u8>) -> Result<Content, Problem> {
        // A dot at the start of a line can be judged only with the line's end in view.
        let undecided =
            |rest: &[u8], fresh: bool| matches!(rest, b"" | b"\r") || fresh && matches!(rest, b"." | b".\r");
        while undecided(self.rest(), self.at_line_start) {
            if !self.fill().await? {
                return Ok(Content::Cut);
            }
        }
        let mut rest = self.buffer.get(self.start..).unwrap_or_default();
        let mut result = Content::More;
        while !rest.is_empty() && !undecided(rest, self.at_line_start) {
            let end = memchr::memchr(b'\n', rest);
            let line = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
            if end.is_none() && line.ends_with(b"\r") {
                // The LF of this CR may be in the next piece.
                wire.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
                rest = rest.get(line.len() - 1..).unwrap_or_default();
                self.at_line_start = false;
                break;
            }
            let text = if end.is_some() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
            let dot = self.at_line_start && text == b".";
            wire.extend_from_slice(text);
            self.at_line_start = end.is_some();
            if end.is_some() {
                wire.extend_from_slice(b"\r\n");
            }
            rest = rest.get(line.len() + usize::from(end.is_some())..).unwrap_or_default();
            if dot && end.is_some() {
                result = Content::Complete;
                break;
            }
        }
        self.start = self.buffer.len() - rest.len();
        Ok(result)
    }
}

/// Reads on a thread, so that a slow script does not keep the server from being heard. Two pieces wait at most.
fn read_on_thread(mut reader: Box<dyn Read + Send>) -> mpsc::Receiver<std::io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel(2);
    std::thread::spawn(move || {
        loop {
            let mut piece = vec![0; PIECE];
            let result = match reader.read(&mut piece) {
                Ok(0) => return,
                Ok(count) => {
                    piece.truncate(count);
                    Ok(piece)
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = result.is_err();
            if sender.blocking_send(result).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

impl Operator {
    /// What an event between two lines means for a script.
    fn heard(&mut self, event: Event) -> Result<(), Problem> {
        match &self.connection {
            Some(connection) => Ok(connection.check(event)?),
            None => Ok(()),
        }
    }

    /// The first refusal that came unasked since this was called last.
    fn take_unasked(&mut self) -> Option<Answer> {
        self.connection.as_mut().and_then(Connection::take_unasked)
    }

    /// Where the link is gone after a refusal, unasked or not read any more, that is the reason, and gives the status.
    fn with_last_words(&mut self, problem: Problem) -> Problem {
        let refusal = self.connection.as_mut().and_then(Connection::take_refusal);
        match refusal.filter(|_| problem.status == Status::Protocol) {
            Some(answer) => Problem {
                status: status_of(&answer).unwrap_or(problem.status),
                what: format!("{}; it had said: {}", problem.what, super::helper_commands::said(&answer)),
                ..problem
            },
            None => problem,
        }
    }

    /// The script is over. If the server has been told QUIT it closes now; else we do.
    async fn leave(&mut self) -> Result<(), Problem> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if connection.state().phase == crate::session::Phase::Closed {
            let wait = std::time::Duration::from_secs(2);
            // A server that keeps the link open after its good-bye is left alone.
            let _ = tokio::time::timeout(wait, async { while connection.next().await.is_some() {} }).await;
        }
        connection.hang_up();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn content_of(script: &'static [u8], piece: usize) -> (Vec<u8>, bool, Vec<Vec<u8>>) {
        let (sender, receiver) = mpsc::channel(1000);
        for part in script.chunks(piece) {
            sender.send(Ok(part.to_vec())).await.unwrap();
        }
        drop(sender);
        let mut lines = Lines::new(Source::Lines(Vec::new()));
        lines.stream = Some(receiver);
        let mut all = Vec::new();
        let complete = loop {
            match lines.content(&mut all).await.unwrap() {
                Content::More => {}
                Content::Complete => break true,
                Content::Cut => break false,
            }
        };
        let mut rest = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            rest.push(line);
        }
        (all, complete, rest)
    }

    #[tokio::test]
    async fn content_gets_crlf_and_ends_at_the_lone_dot_however_it_is_cut() {
        let script = b"Subject: x\r\n\n..stuffed\na\rb\n.not the end\n.\nQUIT\r\n";
        for piece in 1..script.len() + 1 {
            let (all, complete, rest) = content_of(script, piece).await;
            assert_eq!(
                all, b"Subject: x\r\n\r\n..stuffed\r\na\rb\r\n.not the end\r\n.\r\n",
                "pieces of {piece}"
            );
            assert!(complete);
            assert_eq!(rest, [b"QUIT".to_vec()]);
        }
    }

    #[tokio::test]
    async fn content_without_its_dot_is_cut() {
        for script in [&b"abc\n"[..], b"abc", b"abc\n.", b"abc\r"] {
            assert!(!content_of(script, 3).await.1, "{script:?}");
        }
    }
}
