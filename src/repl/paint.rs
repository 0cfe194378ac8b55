//! Styled text to terminal text.

use crate::explain::render::{Line, Style};
use crate::wire::escape::harmless;

/// The line as text in which nothing acts on a terminal but our own colours, with colour if the terminal is to have it.
pub fn paint(line: &Line, colour: bool) -> String {
    let mut out = String::new();
    for piece in line {
        let text = harmless(&piece.text);
        match sequence(piece.style).filter(|_| colour) {
            Some(begin) => {
                out.push_str(begin);
                out.push_str(&text);
                out.push_str("\x1b[0m");
            }
            None => out.push_str(&text),
        }
    }
    if colour { out } else { out.trim_end().to_owned() }
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
