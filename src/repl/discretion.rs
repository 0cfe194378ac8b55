//! Secrets that are in use, kept out of the history and of what is said about a line that was typed.

use crate::report::Problem;

use super::asker::Asker;
use super::operator::Operator;

impl Operator {
    /// The words with the secrets in use masked.
    pub(super) fn masked(&mut self, words: &str) -> String {
        let mut words = words.to_owned();
        if let Some(log) = self.log() {
            log.mask_text(&mut words);
        }
        words
    }

    /// A problem that may quote what was typed.
    pub(super) fn discreet(&mut self, mut problem: Problem) -> Problem {
        let advice = problem.advice.iter_mut().flat_map(|advice| {
            let command = advice.command.iter_mut();
            std::iter::once(&mut advice.text).chain(command)
        });
        for words in std::iter::once(&mut problem.what).chain(&mut problem.causes).chain(advice) {
            *words = self.masked(words);
        }
        problem
    }

    /// Puts what was typed at the prompt into the history, but for lines that hold a secret in use.
    pub(super) fn keep_history(&mut self) {
        let Operator { asker, connection, log, .. } = self;
        let Asker::Terminal(terminal) = asker else { return };
        let log = match connection {
            Some(connection) => Some(&*connection.log()),
            None => log.as_ref(),
        };
        terminal.keep_history(|line| {
            let mut masked = line.to_owned();
            if let Some(log) = log {
                log.mask_text(&mut masked);
            }
            masked != line
        });
    }
}
