//! What rustyline asks while a line is typed: completion, hints, colours, and what goes above the line.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::{Completer, Pair};
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use unicode_width::UnicodeWidthStr as _;

use crate::session::{Phase, State};
use crate::wire::Capabilities;
use crate::wire::command::{Fault, check};

use super::complete::{self, Completion};
use super::screen::Screen;
use super::terminal::Mode;
use super::{commands, hint, mask};

/// Lines up to this length are painted anew at each key. Longer ones are painted by rustyline's short cut while
/// that is safe, or a long paste without brackets would cost time by the square of its length.
const REPAINT_LIMIT: usize = 512;

/// The prompt where no session is open.
pub(super) const NO_SESSION: &str = "(no session) ▸ ";

/// What the editor knows of the session.
#[derive(Clone, Debug)]
pub struct Knowledge {
    /// Where the session stands; [`Phase::Closed`] without one.
    pub phase: Phase,
    /// What the server offers.
    pub capabilities: Option<Arc<Capabilities>>,
    /// AUTH was the last thing refused.
    pub auth_refused: bool,
    /// AUTH was not even sent: what was typed behind it may still come.
    pub auth_held_back: bool,
}

impl Default for Knowledge {
    fn default() -> Self {
        Knowledge { phase: Phase::Closed, capabilities: None, auth_refused: false, auth_held_back: false }
    }
}

/// Knowledge that session and editor share.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<Mutex<Knowledge>>);

impl Known {
    /// Takes note of the session's state; `None` when no session is open.
    pub fn update(&self, state: Option<&State>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let auth_held_back = known.auth_held_back;
        *known = match state {
            None => Knowledge { auth_held_back, ..Knowledge::default() },
            Some(state) => Knowledge {
                phase: state.phase,
                capabilities: state.capabilities.clone(),
                auth_refused: state.auth_refused,
                auth_held_back,
            },
        };
    }

    /// A copy.
    pub fn get(&self) -> Knowledge {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether an AUTH was held back just now.
    pub fn hold_auth_back(&self, held: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).auth_held_back = held;
    }

    /// Whether what is typed next may be a secret, meant for an exchange that is over.
    pub fn after_refusal(&self) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.auth_refused || known.auth_held_back
    }
}

/// What rustyline will paint next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Painting {
    /// Nothing that it told of. If it paints all the same, the bell has woken it.
    Idle,
    /// The whole line, as it was told to.
    Line,
    /// Perhaps the line, perhaps one character.
    Unsure,
}

/// The helper of the line editor.
pub(super) struct LineHelper {
    known: Known,
    screen: Screen,
    colour: bool,
    mode: Mode,
    /// A session was open when the line was begun.
    had_session: bool,
    painting: Cell<Painting>,
    /// Enter was pressed.
    finished: Cell<bool>,
    /// The line as it stood when it was last painted.
    last: RefCell<String>,
}

impl LineHelper {
    pub(super) fn new(known: Known, screen: Screen, colour: bool) -> LineHelper {
        let painting = Cell::new(Painting::Idle);
        let (finished, last) = (Cell::new(false), RefCell::default());
        let (mode, had_session) = (Mode::Command, false);
        LineHelper { known, screen, colour, mode, had_session, painting, finished, last }
    }

    /// A line of this kind is about to be read.
    pub(super) fn begin(&mut self, mode: Mode) {
        self.mode = mode;
        self.had_session = self.known.get().phase != Phase::Closed;
        self.painting.set(Painting::Idle);
        self.finished.set(false);
    }

    /// The line has been read.
    pub(super) fn end(&mut self) {
        self.last.take();
    }

    /// The line as it stood when it was last painted.
    pub(super) fn last_line(&self) -> String {
        self.last.borrow().clone()
    }

    fn paint(&self, codes: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{codes}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Where the secret of a command line begins. After a refused AUTH, what is like an answer to its challenges is one.
    fn secret_start(&self, line: &str) -> Option<usize> {
        let is_stray = || (self.known.after_refusal() && mask::is_like_an_answer(line)).then_some(0);
        mask::secret_start(line).or_else(is_stray)
    }

    /// The prompt after the session has ended under it. The editor has reckoned with its width already.
    fn without_session(&self, prompt: &str) -> String {
        let prompt = mask::without_colour(prompt);
        let text = if prompt.width() < NO_SESSION.width() {
            prompt
        } else {
            let fill = " ".repeat(prompt.width() - NO_SESSION.width());
            format!("{fill}{NO_SESSION}")
        };
        self.paint("31", &text)
    }

    /// The line with what is wrong in it in red.
    fn judged(&self, line: &str) -> String {
        let (word, rest) = line.split_at(line.find(char::is_whitespace).unwrap_or(line.len()));
        match commands::parse(line) {
            Some(Ok(_)) => self.paint("36", word) + rest,
            Some(Err(_)) if rest.is_empty() => self.paint("36", word),
            Some(Err(_)) => self.paint("31", word) + rest,
            None => self.wire_line(line, word.len()),
        }
    }

    fn wire_line(&self, line: &str, verb: usize) -> String {
        // For the wire, `//x` is `/x`.
        let skipped = usize::from(line.starts_with("//"));
        let mut out = String::new();
        let mut done = 0;
        for fault in self.faults(line.get(skipped..).unwrap_or(line)) {
            let (start, end) = (fault.at.start + skipped, fault.at.end + skipped);
            if let (Some(before), Some(wrong)) = (line.get(done..start), line.get(start..end)) {
                out.push_str(before);
                out.push_str(&self.paint("4;31", wrong));
                done = end;
            }
        }
        let rest = line.get(done..).unwrap_or_default();
        match rest.split_at_checked(verb) {
            Some((verb, rest)) if done == 0 => self.paint("1", verb) + rest,
            _ => out + rest,
        }
    }

    /// What is wrong with the line. While it is being typed, that does not include what typing on may mend.
    fn faults(&self, line: &str) -> Vec<Fault> {
        let known = self.known.get();
        let faults = check(line.as_bytes(), known.capabilities.as_deref());
        faults.into_iter().filter(|fault| self.finished.get() || !fault.unfinished).collect()
    }
}

impl Helper for LineHelper {}

impl Validator for LineHelper {}

impl Completer for LineHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..pos).unwrap_or(line);
        let Completion { start, candidates } = match self.mode {
            Mode::Command => complete::command_line(typed, &self.known.get()),
            // A tab is content as any other character.
            Mode::Content => Completion::one(pos, "\t"),
            Mode::Masked | Mode::Question | Mode::Confirm | Mode::Response => Completion::none(pos),
        };
        let pairs = candidates.into_iter().map(|c| Pair { display: c.display, replacement: c.replacement });
        Ok((start, pairs.collect()))
    }
}

impl Hinter for LineHelper {
    type Hint = Ghost;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<Ghost> {
        if self.mode == Mode::Content && line.starts_with('.') && line.len() > 1 && !line.starts_with("..") {
            return Some(Ghost {
                text: "   ← the receiver takes this dot off; two keep one".to_owned(),
                taken: 0,
            });
        }
        if self.mode != Mode::Command || pos < line.len() || self.secret_start(line).is_some() {
            return None;
        }
        // Several lines, pasted: each is judged when it is sent.
        if line.contains('\n') {
            return None;
        }
        if line.is_empty() || line.len() > REPAINT_LIMIT || !self.screen.is_lent() {
            return None;
        }
        let wrong = || {
            let fault = self.faults(line).into_iter().next().filter(|_| !line.starts_with('/'))?;
            Some(Ghost { text: format!("   ← {}", fault.what), taken: 0 })
        };
        wrong().or_else(|| {
            let text = hint::ghost(line, &self.known.get())?;
            Some(Ghost { taken: hint::literal(&text).len(), text })
        })
    }
}

/// What is shown in grey behind the cursor: how the line goes on, or what is wrong with it.
pub(super) struct Ghost {
    text: String,
    /// How much of it, from its beginning, the right arrow puts into the line.
    taken: usize,
}

impl Hint for Ghost {
    fn display(&self) -> &str {
        &self.text
    }

    fn completion(&self) -> Option<&str> {
        self.text.get(..self.taken).filter(|text| !text.is_empty())
    }
}

/// Whether it is the beginning of an answer to a question for a yes or no.
fn is_yes_or_no(line: &str) -> bool {
    let line = line.trim().to_lowercase();
    ["yes", "no"].iter().any(|word| word.starts_with(&line))
}

impl Highlighter for LineHelper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match self.mode {
            // The session is over, and somebody else writes where the line was.
            _ if !self.screen.is_lent() => Cow::Borrowed(""),
            Mode::Masked => mask::masked(line, true),
            Mode::Confirm if !is_yes_or_no(line) => mask::masked(line, true),
            Mode::Command if self.secret_start(line).is_some() => {
                mask::masked(line, self.secret_start(line) == Some(0))
            }
            Mode::Command if self.colour && line.len() <= REPAINT_LIMIT => Cow::Owned(self.judged(line)),
            _ => Cow::Borrowed(line),
        }
    }

    /// Called at each painting, with the cursor at the place of the prompt on a clean row: the moment to show
    /// what was printed meanwhile. After the bell rustyline has gone to the next row, and has to be fetched back.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        let Some(above) = self.screen.drain_for_editor() else {
            return Cow::Borrowed("");
        };
        let back = match self.painting.get() {
            Painting::Idle => "\x1b[A",
            Painting::Line => {
                self.painting.set(Painting::Idle);
                ""
            }
            Painting::Unsure => "",
        };
        let sends = matches!(self.mode, Mode::Command | Mode::Content);
        let lost = self.had_session && sends && self.known.get().phase == Phase::Closed;
        let prompt = match () {
            () if lost => Cow::Owned(self.without_session(prompt)),
            () if self.colour => Cow::Borrowed(prompt),
            () => Cow::Owned(mask::without_colour(prompt)),
        };
        if above.is_empty() && back.is_empty() {
            prompt
        } else {
            Cow::Owned(format!("{back}{above}{prompt}"))
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.paint("2", hint))
    }

    /// Called before each painting of the line, and before one character is painted by the short cut, which a
    /// yes prevents. A secret may never go that way.
    fn highlight_char(&self, line: &str, _: usize, kind: CmdKind) -> bool {
        self.finished.set(kind == CmdKind::ForcedRefresh);
        line.clone_into(&mut self.last.borrow_mut());
        let secret =
            self.mode == Mode::Masked || (self.mode == Mode::Command && self.secret_start(line).is_some());
        let whole = secret || line.len() <= REPAINT_LIMIT || !self.screen.is_lent();
        self.painting.set(if whole { Painting::Line } else { Painting::Unsure });
        whole
    }
}
