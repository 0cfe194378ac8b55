//! Message content out of files: `/send` by DATA, `/bdat` by chunks.

use std::io::Read;
use std::path::Path;

use crate::explain::render::Style;
use crate::report::{Problem, Status};
use crate::session::{Answer, Input, OutOfOrder, State};
use crate::transport::ContentError;
use crate::wire::Class;
use crate::wire::dot::LineMender;

use super::commands;
use super::operator::Operator;

/// Octets of a chunk where none are named.
const CHUNK: usize = 1024 * 1024;

/// Most octets of a chunk; one is held in memory.
const MOST: usize = 64 * 1024 * 1024;

/// Octets read from a file at a time.
const PIECE: usize = 64 * 1024;

impl Operator {
    /// `/send FILE`: DATA if it has not been given, then the content, dot-stuffed.
    pub async fn send_file(&mut self, path: &Path) -> Result<Vec<Answer>, Problem> {
        if path.as_os_str().is_empty() {
            return Err(Problem::new(Status::Usage, "/send needs the name of a file with the message"));
        }
        let mut file = open_for_reading(path)?;
        let connection = self.connection()?;
        needs_envelope(connection.state(), Input::Data)?;
        Ok(connection.data(&mut file).await?)
    }

    /// `/bdat FILE [CHUNK]`: the content in chunks of so many octets, up to the first that is refused.
    pub(super) async fn bdat(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        let (path, size) = file_and_size(argument)?;
        let path = commands::path(path);
        if path.as_os_str().is_empty() {
            return Err(Problem::new(Status::Usage, "/bdat needs the name of a file with the message"));
        }
        let file = open_for_reading(&path)?;
        let state = self.connection()?.state();
        needs_envelope(state, Input::BdatLast)?;
        let binary = state.envelope.sender.as_ref().is_some_and(|mail| is_binary(mail));
        if state.capabilities.as_ref().is_some_and(|offered| !offered.has("CHUNKING")) {
            let text = "=== the server does not offer CHUNKING; it is tried all the same";
            self.view.text(Style::Warn, text);
        }
        let mender = (!binary).then(LineMender::default);
        let mut chunks = Chunks { file, mender, ready: Vec::new(), ended: false };
        let mut answers = Vec::new();
        loop {
            let (chunk, last) = chunks.next(size).map_err(ContentError::Read)?;
            let connection = self.connection()?;
            connection.send_chunk(&chunk, last).await?;
            let replies = connection.settle().await?;
            let refused = replies.iter().any(|answer| answer.reply.class() != Some(Class::Completion));
            answers.extend(replies);
            if last || refused {
                return Ok(answers);
            }
        }
    }
}

/// A message in pieces of a wanted size.
struct Chunks {
    file: Box<dyn Read + Send>,
    /// Nothing for content that is no text.
    mender: Option<LineMender>,
    ready: Vec<u8>,
    ended: bool,
}

impl Chunks {
    /// The next chunk, and whether it is the last.
    fn next(&mut self, size: usize) -> std::io::Result<(Vec<u8>, bool)> {
        let mut piece = vec![0; PIECE];
        while !self.ended && self.ready.len() <= size {
            let count = self.file.read(&mut piece)?;
            let read = piece.get(..count).unwrap_or_default();
            self.ended = count == 0;
            match &mut self.mender {
                Some(mender) => mender.push(read, &mut self.ready),
                None => self.ready.extend_from_slice(read),
            }
        }
        let rest = self.ready.split_off(size.min(self.ready.len()));
        let chunk = std::mem::replace(&mut self.ready, rest);
        Ok((chunk, self.ended && self.ready.is_empty()))
    }
}

/// The file, and the size of a chunk, which a last word of digits is.
fn file_and_size(argument: &str) -> Result<(&str, usize), Problem> {
    let words = argument.rsplit_once(char::is_whitespace);
    match words.filter(|(_, size)| size.bytes().all(|b| b.is_ascii_digit())) {
        None => Ok((argument, CHUNK)),
        Some((file, size)) => match size.parse() {
            Ok(size @ 1..=MOST) => Ok((file.trim_end(), size)),
            _ => Err(Problem::new(Status::Usage, format!("a chunk has 1 to {MOST} octets"))),
        },
    }
}

/// Whether MAIL announced content that is no text (RFC 3030 §3).
fn is_binary(mail: &str) -> bool {
    mail.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("BODY=BINARYMIME"))
}

fn needs_envelope(state: &State, input: Input) -> Result<(), Problem> {
    match state.check(input) {
        Ok(()) | Err(OutOfOrder::NotNow) => Ok(()),
        Err(_) => Err(Problem::new(Status::Usage, "there is no envelope to send the message in")
            .advise("MAIL FROM:<you@example.org>, then RCPT TO:<them@example.net>, then this again")),
    }
}

fn open_for_reading(path: &Path) -> Result<Box<dyn Read + Send>, Problem> {
    let fail = |error: std::io::Error| Problem::file("read the message", path, &error);
    let file = std::fs::File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(fail(std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(Box::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(text: &'static [u8], size: usize, mender: Option<LineMender>) -> Vec<(Vec<u8>, bool)> {
        let mut chunks = Chunks { file: Box::new(text), mender, ready: Vec::new(), ended: false };
        let mut all = Vec::new();
        loop {
            let next = chunks.next(size).unwrap();
            all.push(next.clone());
            if next.1 {
                return all;
            }
        }
    }

    #[test]
    fn a_message_is_cut_to_size_and_the_last_chunk_is_known() {
        let text = |pieces: &[(&str, bool)]| -> Vec<(Vec<u8>, bool)> {
            pieces.iter().map(|(text, last)| (text.as_bytes().to_vec(), *last)).collect()
        };
        let mended = || Some(LineMender::default());
        assert_eq!(chunks(b"a\n.\nb", 3, mended()), text(&[("a\r\n", false), (".\r\n", false), ("b", true)]));
        assert_eq!(chunks(b"a\n.\n", 3, mended()), text(&[("a\r\n", false), (".\r\n", true)]));
        assert_eq!(chunks(b"a\n.\n", 100, None), text(&[("a\n.\n", true)]));
        assert_eq!(chunks(b"", 100, mended()), text(&[("", true)]));
    }

    #[test]
    fn the_size_is_the_last_word() {
        assert_eq!(file_and_size("a b.eml 512").unwrap(), ("a b.eml", 512));
        assert_eq!(file_and_size("\"a 5\"").unwrap(), ("\"a 5\"", CHUNK));
        assert_eq!(file_and_size("512").unwrap(), ("512", CHUNK));
        assert!(file_and_size("a.eml 0").is_err() && file_and_size("a.eml 99999999999999999999999").is_err());
        assert!(is_binary("FROM:<a@b> SIZE=3 body=binarymime") && !is_binary("FROM:<BODY=BINARYMIME@x>"));
    }
}
