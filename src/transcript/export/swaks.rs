//! What the same session would look like as output of swaks, for people and scripts that know it.

use std::io::{self, Write};

use super::{Annotation, Export, shown};
use crate::transcript::{ClosedBy, Entry, EntryKind, Header, Info};

/// The swaks form.
#[derive(Clone, Debug, Default)]
pub struct Swaks {
    host: String,
    tls: bool,
    /// The line under way.
    line: String,
}

impl Swaks {
    fn info(&mut self, out: &mut dyn Write, info: &Info) -> io::Result<()> {
        match info {
            Info::Connected { peer, .. } => {
                let peer = crate::transcript::text::visible(peer.as_bytes());
                writeln!(out, "=== Trying {peer}...\n=== Connected to {}.", self.host)
            }
            Info::Tls(tls) => {
                let word = |value: &Option<String>| {
                    crate::transcript::text::visible(value.as_deref().unwrap_or("unknown").as_bytes())
                };
                writeln!(out, "=== TLS started with cipher {}:{}", word(&tls.version), word(&tls.cipher))?;
                if let Some(verified) = tls.verified {
                    let not = if verified { "" } else { "not " };
                    writeln!(out, "=== TLS peer certificate {not}verified")?;
                }
                writeln!(out, "=== TLS peer DN=\"{}\"", word(&tls.subject))
            }
            Info::Closed { by: ClosedBy::Client } => writeln!(out, "=== Connection closed with remote host."),
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
            _ => self.tls = entry.tls().unwrap_or(self.tls),
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
