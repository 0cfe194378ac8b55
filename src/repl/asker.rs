//! Questions to the person.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};

use crate::secret::Secret;

use super::terminal::{Mode, Prompt, Terminal, Typed};
use super::tty::Silence;

/// The longest answer on a console, in octets.
const LINE_LIMIT: u64 = 64 * 1024;

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
    /// A line; nothing if there is nobody to ask, or the person gave up.
    pub async fn line(&mut self, question: &str) -> Option<String> {
        self.ask(question, Mode::Question).await
    }

    /// A secret, not shown while it is typed.
    pub async fn secret(&mut self, question: &str) -> Option<Secret> {
        self.ask(question, Mode::Masked).await.map(Secret::from)
    }

    /// A yes or no; `default` is taken for an empty line. Without anybody to ask it is no.
    pub async fn confirm(&mut self, question: &str, default: bool) -> bool {
        let choice = if default { "[Y/n]" } else { "[y/N]" };
        match self.ask(&format!("{question} {choice}"), Mode::Question).await {
            Some(answer) if answer.trim().is_empty() => default,
            Some(answer) => matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"),
            None => false,
        }
    }

    async fn ask(&mut self, question: &str, mode: Mode) -> Option<String> {
        let terminal = match self {
            Asker::Terminal(terminal) => terminal,
            Asker::Console => return on_console(question, mode == Mode::Masked),
            Asker::Nobody => return None,
        };
        terminal.screen().flush().await;
        match terminal.read(Prompt::new(format!("{question} "), mode)).await {
            Typed::Line(line) => Some(line),
            Typed::Interrupted | Typed::End => None,
        }
    }
}

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
