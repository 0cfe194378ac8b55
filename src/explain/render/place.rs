//! The place of a fault in a command: the command with carets beneath it.

use unicode_width::UnicodeWidthStr;

use super::{INDENT, LABEL, Line, Piece, Style, room};
use crate::explain::Place;
use crate::wire::escape;

/// The command that was refused, and beneath it carets where it breaks the grammar. Of a command longer than a line,
/// what is about that place.
pub(super) fn pointed(place: &Place, width: usize) -> [Line; 2] {
    let part = |from: usize, to: usize| escape::visible(place.command.get(from..to).unwrap_or_default());
    let (start, end) = (place.at.start, place.at.end);
    let (before, bad, after) = (part(0, start), part(start, end), part(end, place.command.len()));
    let room = room(width);
    let before = match before.width() + bad.width() + after.width() <= room {
        true => before,
        false => last_columns(&before, room / 2),
    };
    let shown = first_columns(&format!("{before}{bad}{after}"), room);
    let carets = bad.width().clamp(1, (room - before.width().min(room - 1)).max(1));
    let line = |style, text: String| {
        vec![Piece { style: Style::Plain, text: " ".repeat(INDENT + LABEL) }, Piece { style, text }]
    };
    let point = format!("{}{}", " ".repeat(before.width()), "^".repeat(carets));
    [line(Style::Plain, shown), line(Style::Bad, point)]
}

/// The text, or as much of its end as fits into so many columns.
fn last_columns(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let fits = |(at, _): &(usize, char)| text.get(*at..).is_some_and(|end| end.width() < columns);
    let end = text.char_indices().find(fits).and_then(|(at, _)| text.get(at..));
    format!("…{}", end.unwrap_or_default())
}

/// The text, or as much of its beginning as fits into so many columns.
fn first_columns(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let fits = |(at, _): &(usize, char)| text.get(..*at).is_some_and(|start| start.width() < columns);
    let start = text.char_indices().take_while(fits).last().and_then(|(at, _)| text.get(..at));
    format!("{}…", start.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(command: &str, at: std::ops::Range<usize>, width: usize) -> [String; 2] {
        let place = Place { command: command.as_bytes().to_vec(), at, what: String::new() };
        pointed(&place, width).map(|line| super::super::plain(&line).split_off(INDENT + LABEL))
    }

    #[test]
    fn carets_stand_beneath_what_is_wrong() {
        assert_eq!(drawn("RCPT TO:bob@x", 8..13, 80), ["RCPT TO:bob@x", "        ^^^^^"]);
        assert_eq!(drawn("RCPT TO:<bob@x", 14..14, 80), ["RCPT TO:<bob@x", "              ^"]);
        assert_eq!(drawn("HELO a\tb", 6..7, 80), ["HELO a\\x09b", "      ^^^^"]);
        assert_eq!(drawn("RCPT TO:<日本>", 9..12, 80), ["RCPT TO:<日本>", "         ^^"]);
    }

    #[test]
    fn of_a_long_command_the_place_is_shown() {
        let long = format!("RCPT TO:<{}@example.org> ORCPT=rfc822;x", "a".repeat(100));
        for width in [1, 31, 40, 80] {
            for at in [0..4, 8..9, 60..109, 109..110, 123..137, long.len()..long.len()] {
                let [shown, point] = drawn(&long, at.clone(), width);
                let room = room(width);
                assert!(
                    shown.width() <= room && point.width() <= room + 1,
                    "{width} {at:?}\n{shown}\n{point}"
                );
                let column = point.find('^').unwrap();
                let first = long.get(at.start..at.start + 1);
                assert_eq!(shown.chars().nth(column).map(String::from).as_deref(), first, "{shown}\n{point}");
            }
        }
    }
}
