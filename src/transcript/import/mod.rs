//! Transcripts out of what other tools print.
//!
//! Each source reads its lines one by one and tells a `Builder` what they mean. The builder knows which line
//! is a command and which an answer to a challenge, and takes the secrets out. What no source could place is
//! kept as a comment.

use std::io::{self, BufRead, Read};
use std::time::Duration;

use super::{Entry, Header};

mod arguments;
mod arrows;
mod builder;
mod cast;
mod curl;
mod letters;
mod own;
mod paste;
mod quoted;
mod shell_words;
mod smtplib;
mod utf16;
mod words;

use builder::Builder;

/// What a text was printed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// swaks, with its arrows.
    Swaks,
    /// `curl -v`.
    Curl,
    /// `msmtp -d`.
    Msmtp,
    /// Python's smtplib with a debug level.
    Smtplib,
    /// Postfix: "Transcript of session follows".
    Postfix,
    /// `C:` and `S:`, as in RFCs.
    Letters,
    /// A screen of telnet, nc or `openssl s_client`, without marks.
    Paste,
    /// An asciinema cast of any of these.
    Cast,
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 8] = [
        Source::Swaks,
        Source::Curl,
        Source::Msmtp,
        Source::Smtplib,
        Source::Postfix,
        Source::Letters,
        Source::Paste,
        Source::Cast,
    ];

    /// The word for `--from`.
    pub fn name(self) -> &'static str {
        match self {
            Source::Swaks => "swaks",
            Source::Curl => "curl",
            Source::Msmtp => "msmtp",
            Source::Smtplib => "smtplib",
            Source::Postfix => "postfix",
            Source::Letters => "letters",
            Source::Paste => "paste",
            Source::Cast => "cast",
        }
    }

    /// From the word for `--from`.
    pub fn from_name(name: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|source| source.name() == name)
    }

    /// Whether a line has the marks of this source.
    fn marks(self, line: &[u8]) -> bool {
        let starts = |marks: &[&str]| marks.iter().any(|mark| line.starts_with(mark.as_bytes()));
        match self {
            Source::Swaks => starts(&[" -> ", "<-  ", "<** ", " ~> ", "<~  ", "<~* ", "=== "]),
            Source::Curl => {
                let line = curl::without_meter(line);
                let line = smtplib::untimed(line).1;
                ["< ", "> ", "* "].iter().any(|mark| line.starts_with(mark.as_bytes()))
            }
            Source::Msmtp => starts(&["<-- ", "--> "]),
            Source::Smtplib => {
                let line = smtplib::untimed(line).1;
                ["send: ", "reply: ", "connect: "].iter().any(|mark| line.starts_with(mark.as_bytes()))
            }
            Source::Postfix => starts(&[" Out: ", " In:  ", "Out: ", "In:  "]),
            Source::Letters => {
                let line = line.trim_ascii_start();
                line.starts_with(b"C:") || line.starts_with(b"S:")
            }
            Source::Paste => is_reply(line),
            Source::Cast => false,
        }
    }
}

/// Three digits and a separator, or three digits alone.
fn is_reply(line: &[u8]) -> bool {
    let digits = line.get(..3).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    digits && matches!(line.get(3), None | Some(b' ' | b'-'))
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The most that is read of a text to import, in bytes.
pub const LIMIT: u64 = 256 << 20;

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The text cannot be read.
    #[error("the text cannot be read: {0}")]
    Read(#[from] io::Error),
    /// More than [`LIMIT`].
    #[error("the text is larger than 256 MiB; cut out the session and import that")]
    TooLarge,
    /// No source is recognised.
    #[error("this looks like no SMTP session of a known tool; say which one it is with --from ({0})")]
    Unknown(String),
    /// A transcript.
    #[error("this is a transcript already")]
    Transcript,
    /// A session as Heloise shows it.
    #[error(
        "this is a session as Heloise shows it, with its own words among those of the server; \
         the transcript that --record keeps has each as it was, and needs no import"
    )]
    OwnScreen,
}

/// A transcript made from something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// What it was made from.
    pub source: Source,
    /// The header to write; `%origin` says where it comes from.
    pub header: Header,
    /// The entries.
    pub entries: Vec<Entry>,
    /// How many secrets were taken out.
    pub redacted: usize,
    /// How many lines could not be placed and became comments.
    pub comments: usize,
}

/// Reads what another tool printed. `source` is guessed when it is not given.
pub fn import(mut input: impl BufRead, source: Option<Source>) -> Result<Imported, ImportError> {
    let mut text = Vec::new();
    input.by_ref().take(LIMIT + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LIMIT {
        return Err(ImportError::TooLarge);
    }
    let text = utf16::decoded(text);
    let names = || Source::ALL.map(Source::name).join(", ");
    let text = quoted::bare(&text, source);
    let source = source.or_else(|| quoted::guess(&text));
    own::refuse(&text, source)?;
    let source = source.ok_or_else(|| ImportError::Unknown(names()))?;
    let mut builder = Builder::default();
    let timed: Vec<(Option<Duration>, Vec<u8>)> = match source {
        Source::Cast => cast::lines(&text, &mut builder),
        _ => lines(&text).map(|line| (None, line.to_vec())).collect(),
    };
    let inner = match source {
        Source::Cast => {
            let screen = timed.iter().map(|(_, line)| line.as_slice()).collect::<Vec<_>>().join(&b'\n');
            let inner = quoted::guess(&screen);
            own::refuse(&screen, inner)?;
            inner.unwrap_or(Source::Paste)
        }
        known => known,
    };
    read_lines(inner, &timed, &mut builder);
    Ok(builder.finish(source))
}

fn read_lines(source: Source, timed: &[(Option<Duration>, Vec<u8>)], builder: &mut Builder) {
    let mut paste = paste::Paste::default();
    let mut letters = letters::Letters::default();
    let mut ahead = Ahead::default();
    for (index, (at, line)) in timed.iter().enumerate() {
        if at.is_some() {
            builder.at = *at;
        }
        match source {
            Source::Swaks => arrows::swaks(builder, line),
            Source::Msmtp => arrows::msmtp(builder, line),
            Source::Postfix => arrows::postfix(builder, line),
            Source::Letters => letters.line(builder, line),
            Source::Curl => curl::line(builder, line),
            Source::Smtplib => smtplib::line(builder, line),
            Source::Paste | Source::Cast => {
                let next = ahead.after(index, timed);
                paste.line(builder, line, next);
            }
        }
    }
    letters.settle(builder);
}

/// Finds the next line that is not empty, and looks at each line once.
#[derive(Debug, Default)]
struct Ahead {
    at: usize,
}

impl Ahead {
    fn after<'a>(&mut self, index: usize, lines: &'a [(Option<Duration>, Vec<u8>)]) -> Option<&'a [u8]> {
        self.at = self.at.max(index + 1);
        while lines.get(self.at).is_some_and(|(_, line)| line.trim_ascii().is_empty()) {
            self.at += 1;
        }
        lines.get(self.at).map(|(_, line)| line.as_slice())
    }
}

#[cfg(test)]
mod tests;
