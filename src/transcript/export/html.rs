//! One self-contained HTML page: no network, readable without script, safe whatever the server sent.
//!
//! Everything from outside goes through [`escape`]. A Content-Security-Policy allows this page's own style
//! and script by their hash and nothing else, so that even a hole in the escaping could not run anything.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Annotation, Export, header_lines, is_unverified, shown};
use crate::transcript::{Entry, EntryKind, Header, Payload, Piece, text};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The HTML form.
#[derive(Clone, Debug, Default)]
pub struct Html {
    number: u64,
}

/// Text for HTML, in elements and in quoted attributes. Invisible characters become visible escapes.
pub fn escape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if text::is_plain(c) => out.push(c),
            c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    out
}

fn hash(source: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(source.as_bytes())))
}

/// The classes of an entry, which the style colours and the filter knows.
fn class(entry: &Entry) -> String {
    let kind = match &entry.kind {
        EntryKind::Sent { .. } => "sent",
        EntryKind::Received { error: true, .. } => "got bad",
        EntryKind::Received { .. } => "got",
        EntryKind::Problem(_) => "oops bad",
        EntryKind::Note(_) => "mark",
        EntryKind::Comment(_) => "remark",
        _ => "info",
    };
    let tls = if entry.tls() == Some(true) { " tls" } else { "" };
    let warn = if is_unverified(entry) { " warn" } else { "" };
    format!("{kind}{tls}{warn}")
}

/// A line of the wire, its marks as boxes of their own.
fn payload(line: &Payload) -> String {
    let mut out = String::new();
    for piece in &line.pieces {
        let shown = escape(&Payload::from_piece(piece.clone()).to_visible());
        match piece {
            Piece::Bytes(_) => out.push_str(&shown),
            _ => out.push_str(&format!("<span class=\"secret\">{shown}</span>")),
        }
    }
    out.push_str(line.ending.mark());
    out
}

impl Html {
    fn head(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        writeln!(out, "<header><h1>{}</h1><dl>", escape(header.title.as_deref().unwrap_or("SMTP session")))?;
        for (name, value) in header_lines(header) {
            writeln!(out, "<dt>{}</dt><dd>{}</dd>", escape(&name), escape(&value))?;
        }
        writeln!(out, "</dl></header>")
    }

    fn note(out: &mut dyn Write, note: &Annotation, open: bool) -> io::Result<()> {
        let open = if open { " open" } else { "" };
        write!(out, "<details{open}><summary>{}</summary>", escape(&note.headline))?;
        for (label, text) in &note.lines {
            write!(out, "<p><i>{}</i><span>{}</span></p>", escape(label), escape(text))?;
        }
        write!(out, "</details>")
    }
}

const NAV: &str = r#"<nav><input id="find" type="search" placeholder="Filter" aria-label="Filter">
<select id="only" aria-label="Show"><option value="">everything</option><option value="sent">sent</option><option value="got">received</option><option value="bad">errors</option></select>
<button id="play">Play</button><button id="fold">Fold</button><button id="look">Light or dark</button></nav>"#;

impl Export for Html {
    fn begin(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        let title = escape(header.title.as_deref().unwrap_or("SMTP session"));
        let (style, script) = (hash(STYLE), hash(SCRIPT));
        writeln!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>"
        )?;
        self.head(out, header)?;
        writeln!(out, "{NAV}\n<main><ol>")
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, note: Option<&Annotation>) -> io::Result<()> {
        if let EntryKind::Session(header) = &entry.kind {
            writeln!(out, "</ol>")?;
            self.head(out, header)?;
            return writeln!(out, "<ol>");
        }
        let Some((arrow, words)) = shown(entry) else { return Ok(()) };
        self.number += 1;
        let (data, time) = match entry.at {
            Some(at) => (format!(" data-at=\"{:.6}\"", at.as_secs_f64()), format!("{:.3}", at.as_secs_f64())),
            None => (String::new(), String::new()),
        };
        let body = entry.line().map_or_else(|| escape(&words), payload);
        write!(
            out,
            "<li id=\"e{}\" class=\"{}\"{data}><time>{time}</time><b>{}</b><code>{body}</code>",
            self.number,
            class(entry),
            escape(arrow)
        )?;
        if let Some(note) = note {
            Html::note(out, note, class(entry).contains("bad"))?;
        }
        writeln!(out, "</li>")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "</ol></main>\n<script>{SCRIPT}</script>\n</body>\n</html>")
    }
}
