//! The line editor, on a thread of its own, as something that can be awaited.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc as channel;

use super::editor::{Answer, Editing, Request};
use super::history::remembers;
use super::mask;
use super::screen::Screen;
use super::tty::Tty;
use super::typing::Known;
use crate::wire::{CommandLine, Verb};

/// How long the terminal may take to show the last lines.
const PARTING: Duration = Duration::from_secs(2);

/// How the terminal is used.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The file that keeps the history; nothing keeps it in memory only.
    pub history: Option<PathBuf>,
    /// Whether colours are wanted.
    pub colour: bool,
}

/// What a line is asked for. It decides what helps the person and what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A command for the wire, or a helper command. Only these lines enter the history.
    Command,
    /// A line of message content.
    Content,
    /// A secret: bullets are shown.
    Masked,
    /// An answer to a question of ours.
    Question,
    /// A yes or no. Anything else may have been meant for another prompt, a secret even, and does not show.
    Confirm,
    /// An answer to the server's challenge that may be seen.
    Response,
}

/// A request for a line.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What stands before the line. Colours by escape sequences are allowed; nothing else that moves the cursor.
    pub text: String,
    /// What is asked for.
    pub mode: Mode,
    /// What the line holds at first.
    pub prefill: String,
}

impl Prompt {
    /// A prompt with nothing filled in.
    pub fn new(text: impl Into<String>, mode: Mode) -> Prompt {
        Prompt { text: text.into(), mode, prefill: String::new() }
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without its end.
    Line(String),
    /// Ctrl-C: the line is dropped.
    Interrupted,
    /// Ctrl-D on an empty line, or the terminal is gone ([`Screen::dead`] tells).
    End,
}

/// Why there is no line editor.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Standard input or output is something else.
    #[error("standard input and output are not both a terminal")]
    NotATerminal,
    /// Whatever else went wrong.
    #[error("the terminal cannot be used: {0}")]
    Unusable(String),
}

/// Lines that wait for a prompt that wants them.
struct Waiting {
    /// The prompt they were typed at; pasted lines go to whatever asks next.
    mode: Option<Mode>,
    line: String,
}

/// The terminal with its line editor. Dropping it puts the terminal back into the modes it was found in.
pub struct Terminal {
    screen: Screen,
    known: Known,
    tty: Arc<Tty>,
    requests: Option<mpsc::Sender<Request>>,
    answers: channel::UnboundedReceiver<Answer>,
    under_way: Option<Mode>,
    waiting: VecDeque<Waiting>,
    /// Lines that were typed and may enter the history, once it is known that no secret in use is in them.
    typed: Vec<String>,
    thread: Option<JoinHandle<()>>,
}

impl Terminal {
    /// Takes the terminal over. Output must go through `screen` from here on.
    ///
    /// # Errors
    /// When standard input or output is no terminal, or its modes cannot be set.
    pub fn open(options: Options, screen: &Screen) -> Result<Terminal, OpenError> {
        let tty = Arc::new(Tty::open());
        let known = Known::default();
        let editing = Editing::open(options, screen, &known, &tty)?;
        let (requests, for_thread) = mpsc::channel();
        let (from_thread, answers) = channel::unbounded_channel();
        let thread = thread::Builder::new()
            .name("line editor".to_owned())
            .spawn(move || editing.serve(&for_thread, &from_thread))
            .map_err(|error| OpenError::Unusable(error.to_string()))?;
        Ok(Terminal {
            screen: screen.clone(),
            known,
            tty,
            requests: Some(requests),
            answers,
            under_way: None,
            waiting: VecDeque::new(),
            typed: Vec::new(),
            thread: Some(thread),
        })
    }

    /// The screen that shares the terminal.
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// What the editor knows of the session, for completion, hints and colours; to be kept up to date.
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Puts the lines that were read since the last call into the history, but for those of which `is_secret` says that
    /// a secret is in them.
    pub fn keep_history(&mut self, is_secret: impl Fn(&str) -> bool) {
        for line in std::mem::take(&mut self.typed) {
            if !is_secret(&line) {
                self.request(Request::Remember(line));
            }
        }
    }

    /// Forgets lines that were pasted and not read yet, and tells how many they were.
    pub fn forget_pasted(&mut self) -> usize {
        let count = self.waiting.len();
        self.waiting.clear();
        count
    }

    /// Reads a line. The future may be dropped at any time: the person goes on typing at the same prompt, and
    /// the next call takes that up. If it asks for another kind of line, the one being typed is finished first
    /// and kept for the next call of its kind.
    ///
    /// Of a paste with several lines the first is given now and the others by the next calls, though never as
    /// an answer to a question or as a secret.
    pub async fn read(&mut self, prompt: Prompt) -> Typed {
        while self.under_way.is_some_and(|mode| mode != prompt.mode) {
            let mode = self.under_way;
            match self.answer().await {
                Typed::Line(line) => self.waiting.push_front(Waiting { mode, line }),
                Typed::Interrupted => {}
                Typed::End => return Typed::End,
            }
        }
        if self.under_way.is_none() {
            if let Some(line) = self.take_waiting(&prompt) {
                return Typed::Line(line);
            }
            let mode = prompt.mode;
            if !self.request(Request::Read(prompt)) {
                return Typed::End;
            }
            self.under_way = Some(mode);
        }
        self.answer().await
    }

    /// Waits for the line under way.
    async fn answer(&mut self) -> Typed {
        // Nothing may be awaited after this, so that no line is lost when the future is dropped.
        let answer = self.answers.recv().await;
        let mode = self.under_way.take().unwrap_or(Mode::Question);
        match answer {
            Some(Answer::Line(text)) => Typed::Line(self.split(text, mode)),
            Some(Answer::Interrupted) => Typed::Interrupted,
            Some(Answer::End) | None => Typed::End,
        }
    }

    /// The first line of what was typed or pasted; the others wait.
    fn split(&mut self, mut text: String, mode: Mode) -> String {
        if let Some(end) = text.find('\n') {
            let rest = text.split_off(end);
            // The paste's last line end and the Enter that finished it are one.
            let rest = rest.strip_suffix('\n').unwrap_or(&rest);
            let lines = rest.split('\n').skip(1);
            self.waiting.extend(lines.map(|line| Waiting { mode: None, line: line.to_owned() }));
        }
        self.remember(&text, mode);
        text
    }

    fn take_waiting(&mut self, prompt: &Prompt) -> Option<String> {
        if matches!(prompt.mode, Mode::Masked | Mode::Question | Mode::Confirm) {
            return None;
        }
        let Waiting { mode, line } = self.waiting.pop_front()?;
        match mode {
            None if prompt.mode == Mode::Command && self.is_stray(&line) => {
                let more = self.forget_pasted();
                self.screen.print(format!(
                    "=== AUTH did not come off, and the next pasted line may be a secret: it is dropped, with {more} \
                     behind it"
                ));
                return None;
            }
            None => {
                if prompt.mode == Mode::Command {
                    self.screen.print(format!("{}{}", prompt.text, mask::shown(&line)));
                }
                self.remember(&line, prompt.mode);
            }
            Some(mode) if mode != prompt.mode => {
                let what = "*** what you typed last was not sent, as the session went on meanwhile";
                self.screen.print(what);
                return None;
            }
            Some(_) => {}
        }
        Some(line)
    }

    /// Whether a line was pasted for an exchange that is over.
    fn is_stray(&self, line: &str) -> bool {
        let unknown = matches!(CommandLine::parse(line.as_bytes()).verb, Verb::Other(_));
        self.known.after_refusal() && unknown && !line.starts_with('/')
    }

    fn remember(&mut self, line: &str, mode: Mode) {
        if mode == Mode::Command && remembers(line, self.known.after_refusal()) {
            self.typed.push(line.to_owned());
        }
    }

    fn request(&self, request: Request) -> bool {
        self.requests.as_ref().is_some_and(|requests| requests.send(request).is_ok())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.requests = None;
        self.screen.take_back();
        match self.thread.take() {
            // It finishes the history, then ends.
            Some(thread) if self.under_way.is_none() => drop(thread.join()),
            // It waits for keys and ends with the process. What it switched on is switched off here, and the
            // cursor leaves the half-typed line.
            _ => self.screen.print("\x1b[?2004l"),
        }
        // The process may end right after this.
        self.screen.settle(PARTING);
        self.tty.restore();
    }
}
