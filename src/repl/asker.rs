//! Questions to the person.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};

use crate::secret::Secret;

use super::terminal::{Mode, Prompt, Terminal, Typed};
use super::tty::Silence;
use super::view::fold;

/// The longest answer on a console, in octets.
const LINE_LIMIT: u64 = 64 * 1024;

/// How often a question for a yes or no is asked; after that it is no.
const TRIES: usize = 3;

/// Who answers questions.
pub enum Asker {
    /// A person at the prompt.
    Terminal(Terminal),
    /// A person who watches a script run at a terminal.
    Console,
    /// Nobody: a script runs.
    Nobody,
}

impl Asker {
    /// Drops lines that were pasted and not read yet, and says how many they were.
    pub fn forget_pasted(&mut self) {
        let Asker::Terminal(terminal) = self else { return };
        let count = terminal.forget_pasted();
        if count > 0 {
            let lines = if count == 1 { "line" } else { "lines" };
            terminal
                .screen()
                .print(format!("=== {count} more pasted {lines} dropped, nothing of that was sent"));
        }
    }

    /// Tells the prompt whether an AUTH was held back just now, so that secrets may still come.
    pub fn hold_auth_back(&self, held: bool) {
        if let Asker::Terminal(terminal) = self {
            terminal.known().hold_auth_back(held);
        }
    }

    /// A line; nothing if there is nobody to ask, or the person gave up.
    pub async fn line(&mut self, question: &str) -> Option<String> {
        self.ask(question, "", Mode::Question).await
    }

    /// A secret, not shown while it is typed.
    pub async fn secret(&mut self, question: &str) -> Option<Secret> {
        self.ask(question, "", Mode::Masked).await.map(Secret::from)
    }

    /// A yes or no; `default` is taken for an empty line. Without anybody to ask it is no.
    pub async fn confirm(&mut self, question: &str, default: bool) -> bool {
        let choice = if default { " [Y/n]" } else { " [y/N]" };
        let mut question = question;
        for _ in 0..TRIES {
            let Some(answer) = self.ask(question, choice, Mode::Confirm).await else { return false };
            match answer.trim().to_lowercase().as_str() {
                "" => return default,
                "y" | "yes" => return true,
                "n" | "no" => return false,
                _ => question = "yes or no, please",
            }
        }
        false
    }

    /// `choice` stays on one line with the end of the question.
    async fn ask(&mut self, question: &str, choice: &str, mode: Mode) -> Option<String> {
        let terminal = match self {
            Asker::Terminal(terminal) => terminal,
            Asker::Console => return on_console(&format!("{question}{choice}"), mode == Mode::Masked),
            Asker::Nobody => return None,
        };
        let question = above_the_prompt(terminal, question);
        terminal.screen().flush().await;
        match terminal.read(Prompt::new(format!("{question}{choice} "), mode)).await {
            Typed::Line(line) => Some(line),
            Typed::Interrupted | Typed::End => None,
        }
    }
}

/// Prints a question that is wider than the terminal down to its last line, which is left for the prompt.
fn above_the_prompt(terminal: &Terminal, question: &str) -> String {
    let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    let mut lines = fold(question, width.saturating_sub(ROOM).max(ROOM));
    let last = lines.pop().unwrap_or_default();
    for line in lines {
        terminal.screen().print(line);
    }
    last
}

/// Columns that a prompt leaves for the answer.
const ROOM: usize = 12;

/// Asks on the controlling terminal, past standard input and output, which belong to the script. The session waits
/// meanwhile. Nothing if there is no terminal, or the person gave up.
pub fn on_console(question: &str, masked: bool) -> Option<String> {
    if masked {
        let _silence = Silence::begin()?;
        let config = rpassword::ConfigBuilder::new().password_feedback_mask('*').build();
        return rpassword::prompt_password_with_config(format!("{question} "), config).ok();
    }
    let mut tty = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
    write!(tty, "{question} ").and_then(|()| tty.flush()).ok()?;
    let mut line = String::new();
    let read = BufReader::new(tty.take(LINE_LIMIT)).read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}
