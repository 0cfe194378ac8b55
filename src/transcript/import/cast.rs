//! asciinema casts: the lines that a terminal showed, with the times they were finished at.

use std::time::Duration;

use serde_json::Value;

use super::builder::Builder;

/// Whether the first line is the header of a cast.
pub(super) fn is_cast(text: &[u8]) -> bool {
    header(text).is_some_and(|header| matches!(header.get("version").and_then(Value::as_u64), Some(2 | 3)))
}

fn header(text: &[u8]) -> Option<Value> {
    let first = text.split(|b| *b == b'\n').next()?;
    first.starts_with(b"{").then(|| serde_json::from_slice(first).ok()).flatten()
}

/// The lines of the screen, one after the other, without escape sequences. What the person erased while
/// typing is gone, as it was on the screen.
pub(super) fn lines(text: &[u8], builder: &mut Builder) -> Vec<(Option<Duration>, Vec<u8>)> {
    let head = header(text).unwrap_or_default();
    let relative = head.get("version").and_then(Value::as_u64) == Some(3);
    if let Some(title) = head.get("title").and_then(Value::as_str) {
        builder.header.title = Some(title.to_owned());
    }
    let started =
        head.get("timestamp").and_then(Value::as_i64).and_then(|s| chrono::DateTime::from_timestamp(s, 0));
    builder.header.started = started.map(|time| time.fixed_offset());
    let mut screen = Screen::default();
    let mut now = 0.0;
    for event in text.split(|b| *b == b'\n').skip(1) {
        let Ok(event) = serde_json::from_slice::<Value>(event) else { continue };
        let Some(time) = event.get(0).and_then(Value::as_f64) else { continue };
        now = if relative { now + time } else { time };
        if event.get(1).and_then(Value::as_str) == Some("o") {
            let at = (0.0..1e9).contains(&now).then(|| Duration::from_micros((now * 1e6).round() as u64));
            screen.print(event.get(2).and_then(Value::as_str).unwrap_or_default(), at);
        }
    }
    screen.end_line(None);
    screen.lines
}

/// A text of a terminal as it stood on the screen, where it has characters that were erased, or escape sequences;
/// nothing where it has none. Lines without them stay as they are.
pub(super) fn on_screen(text: &[u8]) -> Option<Vec<u8>> {
    let acts = |line: &[u8]| line.contains(&8) || memchr::memmem::find(line, b"\x1b[").is_some();
    if !acts(text) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|b| *b == b'\n') {
        if acts(line) {
            let mut screen = Screen::default();
            screen.print(&String::from_utf8_lossy(line), None);
            screen.end_line(None);
            out.extend(screen.lines.into_iter().next().unwrap_or_default().1);
            out.push(b'\n');
        } else {
            out.extend_from_slice(line);
        }
    }
    Some(out)
}

#[derive(Debug, Default)]
struct Screen {
    lines: Vec<(Option<Duration>, Vec<u8>)>,
    line: Vec<char>,
    column: usize,
    escape: Escape,
}

/// How far into an escape sequence we are.
#[derive(Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    Outside,
    /// After ESC.
    Begun,
    /// After `ESC [`; its parameters.
    Control(String),
    /// After `ESC ]` and kin, until BEL or ESC `\`.
    Text,
}

impl Screen {
    fn print(&mut self, text: &str, at: Option<Duration>) {
        for c in text.chars() {
            match (&mut self.escape, c) {
                (Escape::Outside, '\x1b') | (Escape::Text, '\x1b') => self.escape = Escape::Begun,
                (Escape::Outside, c) => self.plain(c, at),
                (Escape::Begun, '[') => self.escape = Escape::Control(String::new()),
                (Escape::Begun, ']' | 'P' | '_' | '^' | 'X') => self.escape = Escape::Text,
                (Escape::Begun, ' '..='/') => {}
                (Escape::Begun, _) | (Escape::Text, '\x07') => self.escape = Escape::Outside,
                (Escape::Control(_), '@'..='~') => self.control(c),
                (Escape::Control(parameters), c) => parameters.push(c),
                (Escape::Text, _) => {}
            }
        }
    }

    /// The few controls that line editors use.
    fn control(&mut self, last: char) {
        let Escape::Control(parameters) = std::mem::take(&mut self.escape) else { return };
        let number = parameters.parse().unwrap_or(0usize);
        match last {
            'K' if number == 0 => self.line.truncate(self.column),
            'K' => self.line.iter_mut().take(self.column).for_each(|c| *c = ' '),
            'D' => self.column = self.column.saturating_sub(number.max(1)),
            'C' => self.column = (self.column + number.clamp(1, 500)).min(self.line.len()),
            'P' => {
                let end = (self.column + number.max(1)).min(self.line.len());
                self.line.drain(self.column.min(end)..end);
            }
            _ => {}
        }
    }

    fn plain(&mut self, c: char, at: Option<Duration>) {
        match c {
            '\n' => self.end_line(at),
            '\r' => self.column = 0,
            '\x08' => self.column = self.column.saturating_sub(1),
            c if c.is_control() && c != '\t' => {}
            c => {
                match self.line.get_mut(self.column) {
                    Some(cell) => *cell = c,
                    None => self.line.push(c),
                }
                self.column += 1;
            }
        }
    }

    fn end_line(&mut self, at: Option<Duration>) {
        let line: String = std::mem::take(&mut self.line).into_iter().collect();
        self.column = 0;
        if at.is_some() || !line.is_empty() {
            self.lines.push((at, line.into_bytes()));
        }
    }
}
