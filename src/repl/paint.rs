//! Styled text to terminal text.

use crate::explain::render::{Line, Style};
use crate::wire::escape::harmless;

/// The line as text in which nothing acts on a terminal but our own colours, with colour if the terminal is to have it.
pub fn paint(line: &Line, colour: bool) -> String {
    let mut out = String::with_capacity(line.iter().map(|piece| piece.text.len() + 10).sum());
    for piece in line {
        paint_piece(&mut out, piece.style, &piece.text, colour);
    }
    if !colour {
        out.truncate(out.trim_end().len());
    }
    out
}

/// Appends one piece of a line, as [`paint`] does.
pub fn paint_piece(out: &mut String, style: Style, text: &str, colour: bool) {
    let text = harmless(text);
    match sequence(style).filter(|_| colour) {
        Some(begin) => {
            out.push_str(begin);
            out.push_str(&text);
            out.push_str("\x1b[0m");
        }
        None => out.push_str(&text),
    }
}

fn sequence(style: Style) -> Option<&'static str> {
    match style {
        Style::Plain => None,
        Style::Dim => Some("\x1b[2m"),
        Style::Label => Some("\x1b[36m"),
        Style::Good => Some("\x1b[32m"),
        Style::Warn => Some("\x1b[33m"),
        Style::Bad => Some("\x1b[1;31m"),
    }
}
