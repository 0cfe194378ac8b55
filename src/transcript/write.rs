//! Writing transcripts.

use std::io::{self, Write};

use chrono::SecondsFormat;

use super::{Entry, EntryKind, Header, grammar, text};

/// Writes a transcript, each entry with one write and a flush, so that nothing waits in memory.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a transcript: writes its header.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Writer { out, line: Vec::with_capacity(256) };
        write_header(&mut writer.line, header);
        writer.line.push(b'\n');
        writer.put()?;
        Ok(writer)
    }

    /// Goes on behind a transcript that exists: begins a further session in it. An entry that was cut off
    /// in mid-line stays on a line of its own.
    pub fn append(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Writer { out, line: Vec::with_capacity(256) };
        writer.line.push(b'\n');
        write_header(&mut writer.line, header);
        writer.line.push(b'\n');
        writer.put()?;
        Ok(writer)
    }

    /// Writes one entry.
    pub fn write(&mut self, entry: &Entry) -> io::Result<()> {
        write_entry(&mut self.line, entry);
        self.put()
    }

    /// Writes one entry on a fresh line, after a write that may have failed in mid-line.
    pub fn write_afresh(&mut self, entry: &Entry) -> io::Result<()> {
        self.line.push(b'\n');
        self.write(entry)
    }

    /// What is written to.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Gives back what was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn put(&mut self) -> io::Result<()> {
        let done = self.out.write_all(&self.line).and_then(|()| self.out.flush());
        self.line.clear();
        done
    }
}

/// Appends the header lines.
pub fn write_header(out: &mut Vec<u8>, header: &Header) {
    out.extend_from_slice(format!("%heloise {}\n", header.version).as_bytes());
    let started = header.started.map(|t| t.to_rfc3339_opts(SecondsFormat::Micros, false));
    let known = [
        ("target", header.target.as_deref()),
        ("started", started.as_deref()),
        ("client", header.client.as_deref()),
        ("title", header.title.as_deref()),
    ];
    let known = known.into_iter().filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in known.chain(header.other.iter().map(|(n, v)| (n.as_str(), v.as_str()))) {
        write_header_line(out, name, value);
    }
}

fn write_header_line(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b'%');
    out.extend(name.bytes().filter(|b| grammar::is_key_byte(*b)));
    if !value.is_empty() {
        out.push(b' ');
        text::write_text(out, value);
    }
    out.push(b'\n');
}

/// Appends one entry with the line feed at its end.
pub fn write_entry(out: &mut Vec<u8>, entry: &Entry) {
    match &entry.kind {
        EntryKind::Session(header) => {
            out.push(b'\n');
            write_header(out, header);
            out.push(b'\n');
            return;
        }
        EntryKind::Header(name, value) => return write_header_line(out, name, value),
        EntryKind::Comment(words) => {
            out.push(b'#');
            text::write_raw(out, words);
        }
        _ => {
            if let Some(at) = entry.at {
                text::write_seconds(out, at);
                out.push(b' ');
            }
            write_marked(out, &entry.kind);
        }
    }
    out.push(b'\n');
}

fn write_marked(out: &mut Vec<u8>, kind: &EntryKind) {
    let from = out.len();
    out.extend_from_slice(kind.arrow().as_bytes());
    // Of an arrow that only a later version knows, each blank counts.
    let least = if matches!(kind, EntryKind::Other { .. }) { out.len() } else { from };
    out.push(b' ');
    match kind {
        EntryKind::Sent { line, .. } | EntryKind::Received { line, .. } => text::write_payload(out, line),
        EntryKind::Info(info) => info.write(out),
        EntryKind::Problem(words) => text::write_text(out, words),
        EntryKind::Note(words) => {
            out.extend_from_slice(b"note ");
            text::write_text(out, words);
        }
        EntryKind::Other { rest, .. } => text::write_raw(out, rest),
        EntryKind::Comment(_) | EntryKind::Session(_) | EntryKind::Header(..) => {}
    }
    // Text never ends in a blank; only the arrow's own blanks can be left here, and they mean nothing.
    while out.len() > least && out.last() == Some(&b' ') {
        out.pop();
    }
}
