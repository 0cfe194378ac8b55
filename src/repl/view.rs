//! Shows the stream of entries: told by the narrator, or as JSON lines.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use unicode_width::UnicodeWidthStr;

use crate::explain::render::{Line, Piece, Style};
use crate::narrate::{Layout, Level, Narrator};
use crate::transcript::export::json;
use crate::transcript::{Entry, EntryKind, Header};
use crate::transport::Sink;

use super::paint::paint;

/// Takes finished text, a line or more without the last line end, to wherever it is shown. A broken pipe says that nobody
/// reads it any more.
pub type Printer = Box<dyn FnMut(String) -> io::Result<()> + Send>;

/// Why not all was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Nobody reads any more: a broken pipe, a dead terminal.
    Reader,
    /// The output cannot be written, and why.
    Output(String),
}

/// How entries are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As a session with explanations.
    Told,
    /// As the transcript's JSON lines.
    Json,
}

struct Shown {
    narrator: Narrator,
    form: Form,
    colour: bool,
    hex: bool,
    /// The text of the last entry, if it told of something that went wrong here.
    told: Option<String>,
    print: Printer,
    /// What went wrong first with showing it; nothing is shown from then on.
    lost: Option<Lost>,
}

/// The view of a session. A clone shows at the same place.
#[derive(Clone)]
pub struct View(Arc<Mutex<Shown>>);

impl View {
    /// A view that prints by `print`.
    pub fn new(layout: Layout, form: Form, colour: bool, print: Printer) -> View {
        let narrator = Narrator::new(layout);
        View(Arc::new(Mutex::new(Shown {
            narrator,
            form,
            colour,
            hex: false,
            told: None,
            print,
            lost: None,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        // A panic elsewhere leaves nothing half-done here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works with the narrator: its layout, its explanations.
    pub fn narrator<T>(&self, work: impl FnOnce(&mut Narrator) -> T) -> T {
        work(&mut self.lock().narrator)
    }

    /// Why not all was shown, if so.
    pub fn lost(&self) -> Option<Lost> {
        self.lock().lost.clone()
    }

    /// Whether nobody reads any more what is shown.
    pub fn is_unread(&self) -> bool {
        self.lock().lost == Some(Lost::Reader)
    }

    /// Shows the bytes of each line, too, or not.
    pub fn set_hex(&self, on: bool) {
        self.lock().hex = on;
    }

    /// Whether the bytes of each line are shown, too.
    pub fn hex(&self) -> bool {
        self.lock().hex
    }

    /// Whether this problem is what the entries told last. It is forgotten with that.
    pub fn told_last(&self, problem: &str) -> bool {
        self.lock().told.take_if(|told| told == problem).is_some()
    }

    /// Whether what happens is explained where it is shown.
    pub fn explains(&self) -> bool {
        let shown = self.lock();
        shown.form == Form::Told && shown.narrator.layout.level != Level::None
    }

    /// Shows lines that are no part of the session: answers of helper commands. Not in JSON.
    pub fn lines(&self, lines: &[Line]) {
        let mut shown = self.lock();
        if shown.form == Form::Told {
            shown.print_lines(lines);
        }
    }

    /// Prints an object of its own among the JSON lines; nothing where the session is told.
    pub fn object(&self, object: &serde_json::Value) {
        let mut shown = self.lock();
        if shown.form == Form::Json {
            shown.put(json::line_of(object));
        }
    }

    /// Shows plain text, which must hold no bytes from outside unescaped.
    pub fn text(&self, style: Style, text: &str) {
        let width = self.lock().narrator.layout.width;
        let lines = text.lines().flat_map(|line| fold(line, width));
        self.lines(&lines.map(|text| vec![Piece { style, text }]).collect::<Vec<Line>>());
    }
}

impl Shown {
    fn put(&mut self, text: String) {
        if self.lost.is_some() {
            return;
        }
        if let Err(error) = (self.print)(text) {
            self.lost = Some(match error.kind() {
                io::ErrorKind::BrokenPipe => Lost::Reader,
                _ => Lost::Output(crate::transport::io_words(&error)),
            });
        }
    }

    fn print_lines(&mut self, lines: &[Line]) {
        if lines.is_empty() {
            return;
        }
        let text: Vec<String> = lines.iter().map(|line| paint(line, self.colour)).collect();
        self.put(text.join("\n"));
    }
}

impl Sink for View {
    fn keeps(&self) -> bool {
        self.lock().form == Form::Json
    }

    fn begin(&mut self, header: &Header) -> Result<(), String> {
        let mut shown = self.lock();
        shown.narrator.begin(header);
        if shown.form == Form::Json {
            let mut out = Vec::new();
            if json::write_header(&mut out, header).is_ok() {
                shown.put(String::from_utf8_lossy(&out).trim_end().to_owned());
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, typed: bool) -> Result<(), String> {
        let mut shown = self.lock();
        match &entry.kind {
            EntryKind::Problem(text) => shown.told = Some(text.clone()),
            EntryKind::Info(_) => {}
            _ => shown.told = None,
        }
        match shown.form {
            Form::Json => {
                // The narrator follows all the same, as the state is asked of it.
                shown.narrator.entry(entry, typed);
                let text = json::to_string(entry);
                shown.put(text.trim_end().to_owned());
            }
            Form::Told => {
                let mut lines = shown.narrator.entry(entry, typed);
                if shown.hex
                    && let Some(payload) = entry.line()
                {
                    lines.splice(lines.len().min(1)..lines.len().min(1), hex_dump(&payload.wire_bytes()));
                }
                shown.print_lines(&lines);
            }
        }
        Ok(())
    }
}

/// Breaks a line at blanks so that it fits. What goes on stands below the last column of a table row, or below the
/// first word, that of `===` and `***` not counted.
pub(super) fn fold(line: &str, width: usize) -> Vec<String> {
    if line.width() <= width {
        return vec![line.to_owned()];
    }
    let marked = line.starts_with("=== ") || line.starts_with("*** ");
    let lead = if marked { 4 } else { line.len() - line.trim_start().len() };
    let column = line.rfind("  ").map_or(lead, |at| at + 2);
    let indent = if line.get(..column).map_or(0, UnicodeWidthStr::width) * 2 < width { column } else { lead };
    let (first, rest) = line.split_at_checked(indent).unwrap_or(("", line));
    let mut out = vec![first.to_owned()];
    for word in rest.split(' ') {
        let last = out.last().map_or(0, |last| last.width());
        if last > indent && last + 1 + word.width() > width {
            out.push(" ".repeat(first.width()));
        }
        if let Some(last) = out.last_mut() {
            if last.width() > first.width() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    out
}

/// Sixteen bytes a line: offset, hexadecimal, and what is printable.
fn hex_dump(bytes: &[u8]) -> Vec<Line> {
    const LINES: usize = 64;
    let mut out: Vec<Line> = bytes.chunks(16).take(LINES).enumerate().map(hex_line).collect();
    if bytes.len() > LINES * 16 {
        let text = format!("     … {} bytes more", bytes.len() - LINES * 16);
        out.push(vec![Piece { style: Style::Dim, text }]);
    }
    out
}

fn hex_line((index, chunk): (usize, &[u8])) -> Line {
    let mut hex = String::new();
    for byte in chunk {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x} ");
    }
    let text: String =
        chunk.iter().map(|b| if matches!(b, b' '..=b'~') { char::from(*b) } else { '.' }).collect();
    vec![Piece { style: Style::Dim, text: format!("     {:04x}  {hex:<48} {text}", index * 16) }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_below_their_column() {
        assert_eq!(fold("short", 20), ["short"]);
        let folded = fold("  /set    change one of the settings", 24);
        assert_eq!(folded, ["  /set    change one of", "          the settings"]);
        assert_eq!(fold("one two three", 8), ["one two", "three"]);
        assert_eq!(fold("=== one two three", 12), ["=== one two", "    three"]);
    }

    #[test]
    fn hex_shows_every_byte() {
        let lines = hex_dump(b"220 hi\r\n\x1b[2J");
        let text = paint(&lines[0], false);
        assert!(text.contains("32 32 30 20 68 69 0d 0a 1b 5b 32 4a"), "{text}");
        assert!(text.ends_with("220 hi...[2J"), "{text}");
        assert_eq!(hex_dump(&[0; 5000]).len(), 65);
    }
}
