//! asciinema casts, version 2 and 3: the session as it would have looked in a terminal.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::text::Text;
use super::{Annotation, Export};
use crate::transcript::{Entry, EntryKind, Header};

/// The cast form.
#[derive(Clone, Debug)]
pub struct Cast {
    version: u8,
    screen: Text,
    /// When the session under way began, on the clock of the cast.
    began: Duration,
    last: Duration,
}

/// The size of the terminal.
const COLUMNS: usize = 110;
const ROWS: usize = 32;

impl Cast {
    /// Version 2 has times since the start, version 3 since the event before. Any other number means 3.
    pub fn new(version: u8) -> Self {
        let version = if version == 2 { 2 } else { 3 };
        let screen = Text { color: true, times: false, width: Some(COLUMNS) };
        Cast { version, screen, began: Duration::ZERO, last: Duration::ZERO }
    }

    fn event(&mut self, out: &mut dyn Write, at: Option<Duration>, code: &str, data: &str) -> io::Result<()> {
        let at = at.map_or(self.last, |at| self.began + at).max(self.last);
        let time = if self.version == 2 { at } else { at - self.last };
        self.last = at;
        // Casts are JSON lines; the escapes of the screen's own colours are the only ones in them.
        writeln!(out, "{}", json!([time.as_micros() as f64 / 1e6, code, data]))
    }
}

/// A terminal wants CR LF.
fn screen_text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).replace('\n', "\r\n")
}

impl Export for Cast {
    fn begin(&mut self, out: &mut dyn Write, header: &Header) -> io::Result<()> {
        let mut head = Map::new();
        head.insert("version".into(), self.version.into());
        match self.version {
            2 => {
                head.insert("width".into(), COLUMNS.into());
                head.insert("height".into(), ROWS.into());
            }
            _ => {
                head.insert("term".into(), json!({"cols": COLUMNS, "rows": ROWS}));
            }
        }
        if let Some(started) = header.started {
            head.insert("timestamp".into(), started.timestamp().into());
        }
        if let Some(title) = &header.title {
            head.insert("title".into(), crate::transcript::text::visible(title.as_bytes()).into());
        }
        writeln!(out, "{}", Value::Object(head))
    }

    fn entry(&mut self, out: &mut dyn Write, entry: &Entry, note: Option<&Annotation>) -> io::Result<()> {
        // Each session counts its time from its own beginning.
        if matches!(entry.kind, EntryKind::Session(_)) {
            self.began = self.last;
        }
        let mut screen = Vec::new();
        self.screen.body(&mut screen, entry, note)?;
        if let Some(note) = note {
            self.screen.note(&mut screen, note)?;
        }
        if let EntryKind::Note(words) = &entry.kind {
            self.event(out, entry.at, "m", &crate::transcript::text::visible(words.as_bytes()))?;
        }
        match screen.is_empty() {
            true => Ok(()),
            false => self.event(out, entry.at, "o", &screen_text(screen)),
        }
    }
}
