//! Lines of styled text, and what fits into them.

use unicode_width::UnicodeWidthStr;

use crate::explain::render::{self, Line, Piece, Style};
use crate::session::Difference;
use crate::wire::escape;

/// How a line begins that is no line of the session, and the column behind that.
const MARKS: [&str; 2] = ["=== ", "*** "];
const MARKED: usize = 4;

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

/// A line broken at blanks where it is too long; what goes on stands below its first word, the mark of `===` and `***`
/// not counted. One without a mark is indented by `hang`.
pub(super) fn folded(line: Line, hang: usize, width: usize) -> Vec<Line> {
    if width_of(&line) <= width {
        return vec![line];
    }
    // The first piece begins with a mark or blanks, in whose place the indent stands.
    let mut words: Vec<render::Word<'_>> = Vec::new();
    for piece in &line {
        let mut more = render::words(&piece.text, piece.style);
        // A colon stays with the word before it.
        if piece.text.starts_with(':')
            && let (Some((last, _)), Some((colon, _))) = (words.last_mut(), more.next())
        {
            last.to_mut().push_str(&colon);
        }
        words.extend(more);
    }
    let marked = line.first().is_some_and(|piece| MARKS.contains(&piece.text.as_str()));
    let (first, rest) = if marked { (0, MARKED) } else { (hang, hang) };
    render::wrap(words, first, rest, width)
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

    #[test]
    fn a_long_line_goes_on_below_its_first_word() {
        let line = vec![
            piece(Style::Dim, "=== ".to_owned()),
            piece(Style::Plain, "TLSv1.3".to_owned()),
            piece(Style::Bad, " · certificate NOT verified".to_owned()),
            piece(Style::Bad, ": its root authority is not trusted here".to_owned()),
        ];
        let lines: Vec<String> = folded(line, 4, 44).iter().map(render::plain).collect();
        assert_eq!(
            lines,
            ["=== TLSv1.3 · certificate NOT verified: its", "    root authority is not trusted here"]
        );
    }
}
