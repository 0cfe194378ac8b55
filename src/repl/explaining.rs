//! `/explain`: the last reply or failure, an earlier one, a word, or a reply out of another session.

use crate::explain::extract::Found;
use crate::explain::render::Headline;
use crate::explain::{Asked, explain_best, lookup};
use crate::narrate::Level;
use crate::report::{Problem, Status};
use crate::session::Answer;
use crate::wire::ReplyLine;

use super::operator::Operator;

impl Operator {
    /// Carries out `/explain`.
    pub(super) fn explain(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        match argument {
            "none" => self.set_level(Level::None),
            "brief" => self.set_level(Level::Brief),
            "full" => self.set_level(Level::Full),
            "" => self.tell_back(0, false)?,
            "all" => self.tell_back(0, true)?,
            words => match words.strip_prefix('-').and_then(|number| number.parse().ok()) {
                Some(before) => self.tell_back(before, false)?,
                None => return self.explain_words(words),
            },
        }
        Ok(Vec::new())
    }

    fn set_level(&mut self, level: Level) {
        self.view.narrator(|narrator| narrator.layout.level = level);
    }

    /// Tells the last reply or failure of the session in full, or that so many before it; `/fix` means that one then.
    fn tell_back(&mut self, before: usize, all: bool) -> Result<(), Problem> {
        let lines = self.view.narrator(|narrator| narrator.tell_back(before, all));
        let lines = lines.ok_or_else(|| match before {
            0 => Problem::new(Status::Usage, "no reply has come yet"),
            _ => Problem::new(Status::Usage, "so far back nothing is kept"),
        })?;
        self.view.lines(&lines);
        Ok(())
    }

    /// Tells what is known of a word, or what a reply may mean of which no more is known.
    fn explain_words(&mut self, words: &str) -> Result<Vec<Answer>, Problem> {
        let a_reply = ReplyLine::crlf(words.as_bytes()).code.is_some();
        if !a_reply || !lookup(words).is_empty() {
            return self.help(words);
        }
        let found = Found::of_text(words, 1);
        let mut situation = found.situation();
        situation.asked = Asked { prompt: self.prompts(), ..Asked::default() };
        let headline = Headline { code: found.reply.code(), enhanced: found.reply.enhanced() };
        if let (Some(best), _) = explain_best(&situation) {
            self.view.lines(&self.view.narrator(|narrator| narrator.tell(&best, headline)));
        }
        Ok(Vec::new())
    }
}
