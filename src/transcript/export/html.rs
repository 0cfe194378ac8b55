//! One self-contained HTML page: no network, readable without script, safe whatever the server sent.
//!
//! Everything from outside goes through [`escape`]. A Content-Security-Policy allows this page's own style
//! and script by their hash and nothing else, so that even a hole in the escaping could not run anything.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Annotation, Export, UNVERIFIED, gap, header_lines, is_unverified, shown};
use crate::transcript::track::{Role, Tracker};
use crate::transcript::{Entry, EntryKind, Header, Payload, Piece, text};

/// The style of the page.
pub(crate) const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The HTML form.
#[derive(Clone, Debug, Default)]
pub struct Html {
    number: u64,
    /// Knows which lines are message content, which the script folds.
    tracker: Tracker,
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

/// Writes a page up to and with the beginning of its body. Nothing but these styles and this script is allowed in it.
pub(crate) fn open_page(
    out: &mut dyn Write,
    title: &str,
    styles: &[&str],
    script: Option<&str>,
) -> io::Result<()> {
    let title = escape(title);
    let allowed: Vec<String> = styles.iter().map(|style| hash(style)).collect();
    let allowed = allowed.join(" ");
    let script = script.map_or_else(|| "'none'".to_owned(), hash);
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {allowed}; script-src {script}; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>"
    )?;
    styles.iter().try_for_each(|style| writeln!(out, "<style>{style}</style>"))?;
    writeln!(out, "</head>\n<body>")
}

/// The classes of an entry, which the style colours and the filter knows.
fn class(entry: &Entry, content: bool) -> String {
    let kind = match &entry.kind {
        EntryKind::Sent { .. } if content => "sent content",
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
    for (index, piece) in line.pieces.iter().enumerate() {
        let shown = match piece {
            // Blanks at the end of a line are spelt out, but those before a mark are not at the end.
            Piece::Bytes(bytes) if index + 1 < line.pieces.len() => {
                let words = bytes.trim_ascii_end();
                let blanks = bytes.get(words.len()..).unwrap_or_default();
                format!("{}{}", visible(Piece::Bytes(words.to_vec())), String::from_utf8_lossy(blanks))
            }
            piece => visible(piece.clone()),
        };
        match piece {
            Piece::Bytes(_) => out.push_str(&escape(&shown)),
            _ => out.push_str(&format!("<span class=\"secret\">{}</span>", escape(&shown))),
        }
    }
    out.push_str(line.ending.mark());
    out
}

fn visible(piece: Piece) -> String {
    Payload::from_piece(piece).to_visible()
}

impl Html {
    fn head(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        writeln!(out, "<header><h1>{}</h1><dl>", escape(header.title.as_deref().unwrap_or("SMTP session")))?;
        for (name, value) in header_lines(header) {
            writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(&name), escape(&value))?;
        }
        writeln!(out, "</dl></header>")
    }

    /// Whether an entry is a line of message content.
    fn is_content(&mut self, entry: &Entry) -> bool {
        match &entry.kind {
            EntryKind::Sent { line, .. } => self.tracker.sent(line) == Role::Content,
            EntryKind::Received { line, .. } => {
                self.tracker.received(line);
                false
            }
            _ => {
                self.tracker.other(entry);
                false
            }
        }
    }

    /// What is said about a reply: something to fold where there is more than one line of it.
    fn note(out: &mut dyn Write, note: &Annotation, open: bool) -> io::Result<()> {
        let headline = escape(&note.headline);
        if note.lines.iter().all(|(label, _)| label.is_empty()) {
            let lines = note.lines.iter().map(|(_, text)| escape(text));
            let lines: Vec<String> =
                std::iter::once(headline).chain(lines).filter(|l| !l.is_empty()).collect();
            return lines.iter().try_for_each(|line| write!(out, "<p class=\"quiet\">{line}</p>"));
        }
        let open = if open { " open" } else { "" };
        write!(out, "<details{open}><summary>{headline}</summary>")?;
        for (label, text) in &note.lines {
            write!(out, "<p><i>{}</i><span>{}</span></p>", escape(label), escape(text))?;
        }
        write!(out, "</details>")
    }

    fn time(&self, entry: &Entry) -> (String, String) {
        let Some(at) = entry.at.map(|at| at.as_secs_f64()) else { return Default::default() };
        let shown = format!("<a href=\"#e{}\">{at:.3}</a>", self.number);
        (format!(" data-at=\"{at:.6}\""), shown)
    }
}

const NAV: &str = r#"<nav aria-label="Session"><button id="play" type="button">Play</button>
<select id="speed" aria-label="Speed"><option value="0.5">½×</option><option value="1" selected>1×</option><option value="2">2×</option><option value="5">5×</option><option value="20">20×</option></select>
<input id="find" type="search" placeholder="Filter" aria-label="Filter"><output id="count"></output>
<select id="only" aria-label="Show"><option value="">everything</option><option value="sent">sent</option><option value="got">received</option><option value="bad">errors</option><option value="info">link</option></select>
<button id="error" type="button">Next error</button><button id="fold" type="button">Fold</button><button id="look" type="button">Light or dark</button></nav>"#;

/// What the arrows mean, at the end of the page.
pub(crate) const FOOT: &str = r#"<footer><p><code> -&gt;</code> sent · <code>&lt;- </code> received · <code>&lt;**</code> received, an error · <code>~</code> over TLS · <code>===</code> the link · <code>***</code> a problem on this side · <code>\x1b</code> and the like are bytes that cannot be shown. A box stands for a secret that was taken out.</p></footer>"#;

impl Export for Html {
    fn begin(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        open_page(out, header.title.as_deref().unwrap_or("SMTP session"), &[STYLE], Some(SCRIPT))?;
        self.head(out, header)?;
        writeln!(out, "{NAV}\n<main><ol>")
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, note: Option<&Annotation>) -> io::Result<()> {
        let content = self.is_content(entry);
        if let EntryKind::Session(header) = &entry.kind {
            writeln!(out, "</ol>")?;
            self.head(out, header)?;
            return writeln!(out, "<ol>");
        }
        let Some((arrow, words)) = shown(entry) else { return Ok(()) };
        self.number += 1;
        let ((data, time), class) = (self.time(entry), class(entry, content));
        let mut body = entry.line().map_or_else(|| escape(&words), payload);
        if let Some(beside) = note.and_then(|note| note.beside.as_deref()) {
            body.push_str(&format!("{}<small>{}</small>", gap(&words), escape(beside)));
        }
        write!(
            out,
            "<li id=\"e{}\" class=\"{class}\"{data}><time>{time}</time><b>{}</b><code>{body}</code>",
            self.number,
            escape(arrow)
        )?;
        if is_unverified(entry) {
            write!(out, "<p class=\"quiet\">{UNVERIFIED}</p>")?;
        }
        if let Some(note) = note {
            Html::note(out, note, class.contains("bad"))?;
        }
        writeln!(out, "</li>")
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "</ol></main>\n{FOOT}\n<script>{SCRIPT}</script>\n</body>\n</html>")
    }
}
