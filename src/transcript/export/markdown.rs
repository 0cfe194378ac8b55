//! Markdown, for tickets and wikis.

use std::io::{self, Write};

use super::{Annotation, Export, header_lines, is_unverified, shown, with_beside};
use crate::transcript::{Entry, EntryKind, Header};

/// The Markdown form: the session in code blocks, explanations between them.
#[derive(Clone, Debug, Default)]
pub struct Markdown {
    /// A code block is open.
    open: bool,
}

/// Text outside of code: what Markdown or HTML in it could mean is taken away.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '!' | '|' | '~' | '@' => {
                out.push('\\');
                out.push(c);
            }
            // A name of a host would become a link to it.
            ':' | '.' => out.push_str(if c == ':' { "&#58;" } else { "&#46;" }),
            c => out.push(c),
        }
    }
    out
}

fn inline(text: &str) -> String {
    let safe = crate::transcript::text::visible(text.as_bytes()).replace("\\\\", "\\");
    escape(&safe)
}

impl Markdown {
    fn head(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        self.close(out)?;
        writeln!(out, "# {}\n", inline(header.title.as_deref().unwrap_or("SMTP session")))?;
        for (name, value) in header_lines(header) {
            writeln!(out, "- {}: {}", escape(&name), escape(&value))?;
        }
        writeln!(out)
    }

    fn open(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.open, true) { Ok(()) } else { writeln!(out, "```text") }
    }

    fn close(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::take(&mut self.open) { writeln!(out, "```\n") } else { Ok(()) }
    }
}

impl Export for Markdown {
    fn begin(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        self.head(out, header)
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, note: Option<&Annotation>) -> io::Result<()> {
        if let EntryKind::Session(header) = &entry.kind {
            return self.head(out, header);
        }
        let Some((arrow, text)) = shown(entry) else { return Ok(()) };
        if let EntryKind::Note(words) = &entry.kind {
            self.close(out)?;
            return writeln!(out, "**Note:** {}\n", inline(words));
        }
        self.open(out)?;
        // A fence can only close at the start of a line, where an arrow stands; that of a later version is
        // the one that could look like a fence.
        let before = if matches!(entry.kind, EntryKind::Other { .. }) { "? " } else { "" };
        let text = with_beside(text, note);
        writeln!(out, "{}", format!("{before}{arrow} {text}").trim_end())?;
        if is_unverified(entry) {
            self.close(out)?;
            writeln!(out, "**Warning:** the certificate of this server was not verified.\n")?;
        }
        let Some(note) = note.filter(|note| !note.headline.is_empty()) else { return Ok(()) };
        self.close(out)?;
        writeln!(out, "> {}", inline(&note.headline))?;
        for (label, text) in &note.lines {
            writeln!(out, ">\n> **{}** {}", inline(label), inline(text))?;
        }
        writeln!(out)
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.close(out)
    }
}
