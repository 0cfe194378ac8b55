//! What the same session would look like as output of swaks, for people and scripts that know it.

use std::io::{self, Write};

use super::{Annotation, Export, shown};
use crate::transcript::{ClosedBy, Entry, EntryKind, Header, Info};

/// The swaks form.
#[derive(Clone, Debug, Default)]
pub struct Swaks {
    host: String,
    /// The server said good-bye (221), after which it closes the link.
    parted: bool,
    /// The line under way.
    line: String,
}

impl Swaks {
    fn info(&mut self, out: &mut dyn Write, info: &Info) -> io::Result<()> {
        match info {
            Info::Connected { peer, .. } => {
                self.parted = false;
                let peer = crate::transcript::text::visible(peer.as_bytes());
                writeln!(out, "=== Trying {peer}...\n=== Connected to {}.", self.host)
            }
            Info::Tls(tls) => {
                let word = |value: &Option<String>| {
                    crate::transcript::text::visible(value.as_deref().unwrap_or("unknown").as_bytes())
                };
                writeln!(out, "=== TLS started with cipher {}:{}", word(&tls.version), word(&tls.cipher))?;
                if tls.unverified() {
                    writeln!(out, "=== TLS peer certificate not verified")?;
                } else if tls.verified.is_some() {
                    writeln!(out, "=== TLS peer certificate verified")?;
                }
                writeln!(out, "=== TLS peer DN=\"{}\"", word(&tls.subject))
            }
            Info::Closed { by: ClosedBy::Client } => closed(out),
            Info::Closed { by: ClosedBy::Server } if self.parted => closed(out),
            Info::Closed { .. } => writeln!(out, "*** Remote host closed connection unexpectedly."),
            Info::Timeout { what, .. } => {
                writeln!(
                    out,
                    "*** Timeout while waiting for {}",
                    crate::transcript::text::visible(what.as_bytes())
                )
            }
            Info::Quirk(_) | Info::Other(_) => writeln!(out, "=== {}", info.to_visible()),
        }
    }
}

fn closed(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "=== Connection closed with remote host.")
}

/// Host out of `smtp://host:port`.
fn host(target: &str) -> &str {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    match rest.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => rest,
    }
}

impl Export for Swaks {
    fn begin(&mut self, _: &mut dyn Write, header: &Header) -> io::Result<()> {
        let target = header.target.as_deref().unwrap_or("the server");
        self.host = crate::transcript::text::visible(host(target).as_bytes());
        Ok(())
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, _: Option<&Annotation>) -> io::Result<()> {
        match &entry.kind {
            EntryKind::Session(header) => return self.begin(out, header),
            EntryKind::Info(info) => return self.info(out, info),
            EntryKind::Comment(_) | EntryKind::Header(..) => return Ok(()),
            EntryKind::Note(words) => {
                return writeln!(out, "=== {}", crate::transcript::text::visible(words.as_bytes()));
            }
            EntryKind::Received { line, .. } => self.parted = line.head().starts_with(b"221"),
            _ => {}
        }
        // swaks has a blank after each arrow, whatever its width.
        self.line.clear();
        self.line.push_str(entry.arrow());
        self.line.push(' ');
        match entry.line() {
            Some(line) => line.push_visible(&mut self.line),
            None => self.line.push_str(&shown(entry).map(|(_, text)| text).unwrap_or_default()),
        }
        self.line.truncate(self.line.trim_end().len());
        self.line.push('\n');
        out.write_all(self.line.as_bytes())
    }
}
