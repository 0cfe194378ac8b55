//! The thread on which rustyline runs. It blocks there for as long as a person thinks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{ColorMode, CompletionType, Config, Editor, ExternalPrinter};
use tokio::sync::mpsc::UnboundedSender;

use super::history::{self, HistoryFile};
use super::kill::{self, Secrecy};
use super::mask;
use super::screen::Screen;
use super::terminal::{Mode, OpenError, Options, Prompt};
use super::tty::Tty;
use super::typing::{Known, LineHelper};

/// Terminals on which rustyline does not edit.
const NO_EDITING: [&str; 3] = ["dumb", "cons25", "emacs"];

/// What the thread is asked for.
pub(super) enum Request {
    /// A line.
    Read(Prompt),
    /// To keep a line in the history.
    Remember(String),
}

/// What it answers to a request for a line.
pub(super) enum Answer {
    /// What was typed; more lines than one if they were pasted.
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or no terminal any more.
    End,
}

/// The editor with what belongs to it.
pub(super) struct Editing {
    editor: Editor<LineHelper, FileHistory>,
    /// The history while a line is read that has none.
    put_by: FileHistory,
    keeper: HistoryFile,
    screen: Screen,
    tty: Arc<Tty>,
    bell: mpsc::SyncSender<()>,
    secrecy: Secrecy,
    /// The terminal cannot be edited on.
    dumb: bool,
}

impl Editing {
    pub(super) fn open(
        options: Options,
        screen: &Screen,
        known: &Known,
        tty: &Arc<Tty>,
    ) -> Result<Editing, OpenError> {
        let dumb = std::env::var("TERM")
            .is_ok_and(|term| NO_EDITING.iter().any(|name| name.eq_ignore_ascii_case(&term)));
        let mut editor = Editor::with_config(config()?).map_err(unusable)?;
        let (bell, rung) = mpsc::sync_channel(1);
        if !dumb {
            let printer = editor.create_external_printer().map_err(unusable)?;
            wake_by(printer, rung)?;
        }
        editor.set_helper(Some(LineHelper::new(known.clone(), screen.clone(), options.colour)));
        let secrecy = Secrecy::default();
        kill::bind(&mut editor, &secrecy);
        let (keeper, trouble) = HistoryFile::open(options.history, editor.history_mut());
        if let Some(trouble) = trouble {
            screen.print(trouble);
        }
        let (screen, tty) = (screen.clone(), tty.clone());
        if !dumb {
            tty.quiet();
        }
        Ok(Editing { editor, put_by: FileHistory::default(), keeper, screen, tty, bell, secrecy, dumb })
    }

    /// Answers requests until nobody makes any more.
    pub(super) fn serve(mut self, requests: &mpsc::Receiver<Request>, answers: &UnboundedSender<Answer>) {
        for request in requests {
            match request {
                Request::Remember(line) => {
                    let trouble = self.keeper.add(self.editor.history_mut(), &line);
                    trouble.into_iter().for_each(|trouble| self.screen.print(trouble));
                }
                Request::Read(prompt) => {
                    if answers.send(self.read(prompt)).is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn read(&mut self, prompt: Prompt) -> Answer {
        let has_history = prompt.mode == Mode::Command;
        if !has_history {
            std::mem::swap(self.editor.history_mut(), &mut self.put_by);
        }
        self.secrecy.begin(prompt.mode == Mode::Masked);
        if let Some(helper) = self.editor.helper_mut() {
            helper.begin(prompt.mode);
        }
        let answer = if self.dumb { self.read_without_editing(&prompt) } else { self.edit(prompt) };
        if let Some(helper) = self.editor.helper_mut() {
            helper.end();
        }
        if !has_history {
            std::mem::swap(self.editor.history_mut(), &mut self.put_by);
        }
        answer
    }

    fn edit(&mut self, prompt: Prompt) -> Answer {
        let Prompt { text, mode: _, mut prefill } = prompt;
        let shown = (mask::without_colour(&text), text);
        self.tty.quiet();
        self.screen.lend(self.bell.clone());
        let answer = loop {
            let read = || self.editor.readline_with_initial(&shown, (&prefill, ""));
            // A line that overflows rustyline's counters must not take the session along.
            match catch_unwind(AssertUnwindSafe(read)) {
                Ok(outcome) => match self.judge(outcome) {
                    Some(answer) => break answer,
                    None => prefill = self.editor.helper().map(LineHelper::last_line).unwrap_or_default(),
                },
                Err(_) => {
                    self.screen.print(
                        "*** the line editor failed on that line, which is lost; /send takes long content",
                    );
                    prefill.clear();
                }
            }
        };
        self.screen.take_back();
        answer
    }

    /// What the editor's outcome means; nothing when the person is to go on with the same line.
    fn judge(&mut self, outcome: rustyline::Result<String>) -> Option<Answer> {
        match outcome {
            Ok(line) => Some(Answer::Line(line)),
            Err(ReadlineError::Interrupted) => Some(Answer::Interrupted),
            Err(ReadlineError::Eof) => Some(Answer::End),
            Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                // rustyline forgets the keys that it has read and not looked at yet.
                self.screen.print(
                    "*** a byte that is not UTF-8 was typed; it is dropped, and perhaps keys right behind it. \
                     Such bytes go by /raw: /raw \"\\xe9\\r\\n\"",
                );
                None
            }
            Err(error) => {
                self.screen.declare_dead(error.to_string());
                Some(Answer::End)
            }
        }
    }

    /// For terminals that can only show lines after each other: no keys but those of the system.
    fn read_without_editing(&mut self, prompt: &Prompt) -> Answer {
        loop {
            // All that was printed comes before the prompt.
            self.screen.lend(self.bell.clone());
            self.screen.take_back();
            match prompt.mode {
                Mode::Masked => self.tty.hide(),
                _ => self.tty.restore(),
            }
            let outcome = self.editor.readline(&mask::without_colour(&prompt.text));
            self.tty.restore();
            if prompt.mode == Mode::Masked {
                self.screen.print("\n");
            }
            if let Some(answer) = self.judge(outcome) {
                return answer;
            }
        }
    }
}

fn config() -> Result<Config, OpenError> {
    let builder = Config::builder().max_history_size(history::LINES).map_err(unusable)?;
    Ok(builder
        // The helper is asked to paint in any case, as it masks secrets, too; it knows whether colour is wanted.
        .color_mode(ColorMode::Forced)
        .completion_type(CompletionType::List)
        .auto_add_history(false)
        .build())
}

fn unusable(error: ReadlineError) -> OpenError {
    let not_a_terminal = std::io::Error::from_raw_os_error(25).to_string();
    match error.to_string() {
        text if text.starts_with("ENOTTY") || text == not_a_terminal => OpenError::NotATerminal,
        text => OpenError::Unusable(text),
    }
}

/// Wakes the editor when the bell rings. The message is empty: the helper paints what is to be shown. The printer
/// may block until the next line is read, so it has a thread that nobody waits for.
fn wake_by(
    mut printer: impl ExternalPrinter + Send + 'static,
    rung: mpsc::Receiver<()>,
) -> Result<(), OpenError> {
    let ring = move || {
        while rung.recv().is_ok() {
            if printer.print(String::new()).is_err() {
                return;
            }
        }
    };
    let started = thread::Builder::new().name("bell".to_owned()).spawn(ring);
    started.map(drop).map_err(|error| OpenError::Unusable(error.to_string()))
}
