//! The lines of a script, whatever their source, and the content among them.

use std::io::Read;

use tokio::sync::mpsc;

use crate::report::{Problem, Status};

/// Octets read from a script at a time.
pub(super) const PIECE: usize = 256 * 1024;

/// The longest line of a script outside of message content, in octets.
const LINE_LIMIT: usize = 1024 * 1024;

/// Where a script's lines come from.
pub enum Source {
    /// Given one by one.
    Lines(Vec<String>),
    /// A stream of bytes, read on a thread of its own.
    Stream(Box<dyn Read + Send>),
}

/// What a call for content gave.
pub(super) enum Content {
    /// A piece; there is more.
    More,
    /// The last piece, with the lone dot.
    Complete,
    /// The script ended before the lone dot.
    Cut,
}

/// The lines of a script, whatever their source.
pub(super) struct Lines {
    given: std::vec::IntoIter<Vec<u8>>,
    stream: Option<mpsc::Receiver<std::io::Result<Vec<u8>>>>,
    buffer: Vec<u8>,
    start: usize,
    /// Whether the next byte of content begins a line.
    at_line_start: bool,
}

impl Lines {
    pub(super) fn new(source: Source) -> Lines {
        let (given, stream) = match source {
            Source::Lines(lines) => (lines.into_iter().map(String::into_bytes).collect(), None),
            Source::Stream(reader) => (Vec::new(), Some(read_on_thread(reader))),
        };
        Lines { given: given.into_iter(), stream, buffer: Vec::new(), start: 0, at_line_start: true }
    }

    pub(super) fn is_stream(&self) -> bool {
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
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Problem> {
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

    /// Passes over a message that is not to be sent, up to and with its lone dot; `first` is its first line.
    pub(super) async fn pass_over_content(&mut self, first: &[u8]) -> Result<(), Problem> {
        if first == b"." {
            return Ok(());
        }
        if !self.is_stream() {
            let _ = self.given.find(|line| line == b".");
            return Ok(());
        }
        let mut piece = Vec::new();
        while matches!(self.content(&mut piece).await?, Content::More) {
            piece.clear();
        }
        Ok(())
    }

    /// Appends the next piece of content to `wire`, each line end made CRLF, up to and with the lone dot.
    pub(super) async fn content(&mut self, wire: &mut Vec<u8>) -> Result<Content, Problem> {
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
