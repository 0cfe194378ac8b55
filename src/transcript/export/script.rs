//! What `heloise TARGET < script` takes: the commands and nothing else.

use std::io::{self, Write};

use super::{Annotation, Export};
use crate::transcript::track::{Role, Tracker};
use crate::transcript::{Entry, EntryKind, Header, Info, LineEnd, Payload, Piece, text};
use crate::wire::Verb;

/// The script form.
#[derive(Clone, Debug, Default)]
pub struct Script {
    tracker: Tracker,
    /// An AUTH command was seen that may still turn out to hold a secret in its answers.
    auth: Option<(Payload, String)>,
    /// A helper command stands for the exchange that goes on.
    helped: bool,
    /// Where the session goes.
    target: Option<String>,
    /// Something was said in it.
    used: bool,
    /// A session broke off within its content: what is written behind that would be content.
    stopped: bool,
    /// Lines that could not be given as they were.
    pub changed: u64,
    /// Sessions behind one that broke off within its content. They are not in the script.
    pub missing: u64,
}

impl Script {
    fn sent(&mut self, out: &mut dyn Write, line: &Payload) -> io::Result<()> {
        match self.tracker.sent(line) {
            Role::Command(Verb::Auth) => {
                self.flush_auth(out)?;
                let mechanism = self.tracker.mechanism().unwrap_or_default().to_owned();
                self.helped = line.secrets().next().is_some();
                match self.helped {
                    true => writeln!(out, "/auth {}", text::visible(mechanism.as_bytes())),
                    false => {
                        self.auth = Some((line.clone(), mechanism));
                        Ok(())
                    }
                }
            }
            Role::Answer { .. } if self.helped => Ok(()),
            Role::Answer { .. } => match (line.secrets().next().is_some(), self.auth.take()) {
                (true, Some((_, mechanism))) => {
                    self.helped = true;
                    writeln!(out, "/auth {}", text::visible(mechanism.as_bytes()))
                }
                (_, auth) => {
                    self.auth = auth;
                    self.flush_auth(out)?;
                    self.command(out, line)
                }
            },
            Role::Content | Role::EndOfContent => self.content(out, line),
            Role::Command(_) => {
                self.flush_auth(out)?;
                self.command(out, line)
            }
        }
    }

    /// A further session begins: the script has to leave the one before, which may still be open.
    fn next_session(&mut self, out: &mut dyn Write, target: Option<&str>) -> io::Result<()> {
        self.flush_auth(out)?;
        self.stopped |= self.tracker.in_content();
        if self.used && !self.stopped {
            if self.tracker.in_auth() && !self.helped {
                // The exchange would take the next line for an answer.
                self.changed += 1;
                writeln!(out, "*")?;
            }
            match target.filter(|target| self.target.as_deref().is_some_and(|before| before != *target)) {
                Some(other) => writeln!(out, "/open {}", text::visible(other.as_bytes()))?,
                None => writeln!(out, "/reconnect")?,
            }
        }
        self.target = target.map(str::to_owned).or(self.target.take());
        (self.used, self.helped) = (false, false);
        Ok(())
    }

    /// The AUTH command turned out to have no secret behind it.
    fn flush_auth(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.auth.take() {
            Some((line, _)) => self.command(out, &line),
            None => Ok(()),
        }
    }

    fn command(&mut self, out: &mut dyn Write, line: &Payload) -> io::Result<()> {
        let harmless =
            |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(text::is_plain));
        match line.bytes() {
            Some(bytes) if line.ending == LineEnd::CrLf && harmless(bytes) => {
                let slash: &[u8] = if bytes.starts_with(b"/") { b"/" } else { b"" };
                out.write_all(&[slash, bytes, b"\n"].concat())
            }
            Some(bytes) => {
                let mut quoted = text::visible(bytes).replace('"', "\\x22");
                quoted.push_str(&text::visible(line.ending.as_bytes()));
                writeln!(out, "/raw \"{quoted}\"")
            }
            None => {
                self.changed += 1;
                writeln!(out, "/note left out: {}", line.to_visible())
            }
        }
    }

    fn content(&mut self, out: &mut dyn Write, line: &Payload) -> io::Result<()> {
        let mut bytes = Vec::new();
        for piece in &line.pieces {
            match piece {
                Piece::Bytes(part) => bytes.extend_from_slice(part),
                mark => {
                    self.changed += 1;
                    let left_out = Payload::from_piece(mark.clone()).to_visible();
                    bytes.extend_from_slice(format!("[left out: {left_out}]").as_bytes());
                }
            }
        }
        // A line end inside would make two lines of one, other controls could harm a terminal, and content
        // knows no escapes.
        let harmful = |b: &u8| b.is_ascii_control() && *b != b'\t';
        let controls = bytes.iter().filter(|b| harmful(b)).count();
        self.changed += u64::from(controls > 0 || line.ending != LineEnd::CrLf);
        bytes.iter_mut().filter(|b| harmful(b)).for_each(|b| *b = b'?');
        bytes.push(b'\n');
        out.write_all(&bytes)
    }
}

impl Export for Script {
    fn begin(&mut self, _: &mut dyn Write, header: &Header) -> io::Result<()> {
        self.target = header.target.clone();
        Ok(())
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, _: Option<&Annotation>) -> io::Result<()> {
        match &entry.kind {
            EntryKind::Sent { .. } if self.stopped => {
                self.missing += u64::from(!std::mem::replace(&mut self.used, true));
                Ok(())
            }
            EntryKind::Sent { line, .. } => {
                self.used = true;
                self.sent(out, line)
            }
            EntryKind::Received { .. } if self.stopped => Ok(()),
            EntryKind::Received { line, .. } => {
                self.used = true;
                self.tracker.received(line);
                Ok(())
            }
            EntryKind::Session(_) | EntryKind::Info(Info::Connected { .. }) => {
                let target = match &entry.kind {
                    EntryKind::Session(header) => header.target.as_deref(),
                    _ => None,
                };
                self.next_session(out, target)?;
                self.tracker.other(entry);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.flush_auth(out)
    }
}
