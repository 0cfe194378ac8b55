//! Lines of styled text, and what fits into them.

use unicode_width::UnicodeWidthStr;

use crate::explain::render::{self, Line, Piece, Style};
use crate::session::Difference;
use crate::wire::escape;

/// What EHLO gained and lost by TLS, each by itself, wrapped to `width` columns.
pub fn difference_lines(difference: &Difference, width: usize) -> Vec<Line> {
    let rows = [("+", Style::Good, &difference.gained), ("-", Style::Warn, &difference.lost)];
    let changes = rows.into_iter().flat_map(|(sign, style, list)| {
        list.iter().map(move |item| (style, format!("{sign} {}", escape::visible(item.as_bytes()))))
    });
    let mut changes: Vec<(Style, String)> = changes.collect();
    if changes.is_empty() {
        changes.push((Style::Dim, "the same list as before".to_owned()));
    }
    let mut lines = Vec::new();
    for (style, text) in changes {
        render::hanging(&mut lines, ("since TLS  ", Style::Dim), render::words(&text, style), width);
    }
    lines
}

pub(super) fn piece(style: Style, text: String) -> Piece {
    Piece { style, text }
}

pub(super) fn marked(arrow: &str, arrow_style: Style, text: String, style: Style) -> Line {
    let mut arrow = escape::visible(arrow.as_bytes());
    arrow.push(' ');
    vec![piece(arrow_style, arrow), piece(style, text)]
}

pub(super) fn width_of(line: &Line) -> usize {
    line.iter().map(|p| p.text.width()).sum()
}

/// The text cut to so many columns, at a blank where there is one.
pub(super) fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for word in text.split_ascii_whitespace() {
        if out.width() + word.width() + 2 > columns {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.truncate(out.trim_end_matches([',', ';', ':', '·', '…', ' ']).len());
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tls_changed_hangs_below_its_beginning() {
        let auth = "AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 OAUTHBEARER XOAUTH2";
        let difference = Difference { gained: vec![auth.to_owned()], lost: vec!["STARTTLS".to_owned()] };
        let lines: Vec<String> = difference_lines(&difference, 60).iter().map(render::plain).collect();
        assert_eq!(
            lines,
            [
                "     since TLS  + AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1",
                "                SCRAM-SHA-256 OAUTHBEARER XOAUTH2",
                "     since TLS  - STARTTLS",
            ]
        );
    }
}
