//! Questions to the person.

use crate::secret::Secret;

use super::terminal::{Mode, Prompt, Terminal, Typed};

/// Who answers questions.
pub enum Asker {
    /// A person at a terminal.
    Terminal(Terminal),
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
        let Asker::Terminal(terminal) = self else { return None };
        terminal.screen().flush().await;
        match terminal.read(Prompt::new(format!("{question} "), mode)).await {
            Typed::Line(line) => Some(line),
            Typed::Interrupted | Typed::End => None,
        }
    }
}
