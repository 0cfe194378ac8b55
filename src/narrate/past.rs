//! What can be explained afterwards: the last replies and failures of a session, with the deviations seen in them.

use std::collections::VecDeque;

use super::Narrator;
use super::explainer::Explainer;
use super::lines::{folded, marked};
use super::offers::{Numbers, Typist};
use super::question::{Circumstances, Question, Subject};
use crate::explain::Explanation;
use crate::explain::render::{Headline, Line, Style};
use crate::session::Command;

/// How many are kept.
const KEPT: usize = 20;

/// The last replies and failures.
#[derive(Debug, Default)]
pub(super) struct Past {
    kept: VecDeque<Question>,
    /// Those of the session before.
    earlier: Option<Box<Earlier>>,
    /// Deviations seen in the reply that is not complete yet.
    seen: Vec<String>,
    owner: Owner,
}

/// The last replies and failures of a session that is over, and who explained them.
#[derive(Debug)]
struct Earlier {
    kept: VecDeque<Question>,
    explainer: Explainer,
}

/// Whose a deviation is that is told now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Owner {
    /// The last line's, which is part of no reply.
    #[default]
    Nobody,
    /// The reply's that is not complete yet.
    UnderWay,
    /// The last reply's, or the last failure's.
    Last,
}

impl Past {
    /// A session begins. What came in the last one, which is explained as this explainer would, can still be asked for.
    pub fn begin(&mut self, explainer: &Explainer) {
        let over = std::mem::take(self);
        let explainer = explainer.clone();
        self.earlier = match over.kept.is_empty() {
            true => over.earlier,
            false => Some(Box::new(Earlier { kept: over.kept, explainer })),
        };
    }

    /// A line came in: what is said of it counts for this one.
    pub fn line(&mut self, owner: Owner) {
        self.owner = owner;
    }

    pub fn add(&mut self, mut question: Question) {
        question.quirks.append(&mut self.seen);
        self.kept.push_back(question);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        self.owner = Owner::Last;
    }

    /// The peer broke the protocol. Gives the words back where they are to be a question of their own.
    pub fn quirk(&mut self, words: &str) -> Option<String> {
        let words = words.to_owned();
        match (self.owner, self.kept.back_mut()) {
            (Owner::UnderWay, _) => self.seen.push(words),
            (Owner::Last, Some(last)) => last.quirks.push(words),
            (Owner::Nobody | Owner::Last, _) => return Some(words),
        }
        None
    }

    /// The last one, or that so many before it.
    fn back(&self, before: usize) -> Option<&Question> {
        self.kept.iter().rev().nth(before)
    }

    fn last_reply(&self) -> Option<&Question> {
        self.kept.iter().rev().find(|question| question.reply().is_some())
    }
}

impl Narrator {
    /// Something to explain, in the situation as it is.
    pub(super) fn question(&self, subject: Subject, command: Option<Command>) -> Question {
        let circumstances = Circumstances::of(command.as_ref(), &self.dialogue, &self.tried);
        Question { subject, command, circumstances, quirks: Vec::new() }
    }

    /// The explanations of the last reply, best first; none of a narrator that forgets them.
    pub fn explain_last(&self) -> Vec<Explanation> {
        let last = self.past.last_reply();
        last.map(|question| self.explainer.explanations(question, self.layout)).unwrap_or_default()
    }

    /// What is said of the failure of the session that was told last, if nothing has come after it.
    pub fn explain_failure(&self) -> Option<Explanation> {
        let last = self.past.back(0).filter(|question| question.is_failure())?;
        self.explainer.explanations(last, self.layout).into_iter().next()
    }

    /// The last reply or failure in full, as lines, or that so many before it; of its readings `all`, or those that are
    /// likely. Nothing where none is kept.
    pub fn tell_back(&mut self, before: usize, all: bool) -> Option<Vec<Line>> {
        let (question, session) = match self.past.back(before) {
            Some(question) => (question, None),
            None => {
                let earlier = self.past.earlier.as_deref_mut()?;
                // Before anything has come, the last one of the session before is the first that one can go back to.
                let further = before.checked_sub(self.past.kept.len().max(1))?;
                (earlier.kept.iter().rev().nth(further)?, Some(&mut earlier.explainer))
            }
        };
        // Of an earlier one it is said which it is.
        let title = match session {
            Some(_) => format!("in the session before: {}", question.title()),
            None => question.title(),
        };
        let title = (before > 0).then(|| marked("===", Style::Dim, title, Style::Label));
        let title = title.map(|title| folded(title, 0, self.layout.width)).unwrap_or_default();
        let told = match session {
            Some(explainer) => {
                let told = explainer.in_full(question, self.layout, all);
                self.explainer.offers = explainer.offers.clone();
                told
            }
            None => self.explainer.in_full(question, self.layout, all),
        };
        Some(title.into_iter().chain(told).collect())
    }

    /// What came from elsewhere in full, as lines.
    pub fn tell(&mut self, told: &Explanation, headline: Headline) -> Vec<Line> {
        self.explainer.whole(told, headline, self.layout.width)
    }

    /// Something failed beside the session. Whoever calls shows the first so many of its proposals, by these numbers.
    pub fn fail(&mut self, failure: &Explanation, shown: usize) -> Numbers {
        let question = self.question(Subject::Explained(Box::new(failure.clone())), None);
        self.past.add(question);
        self.explainer.failed(failure, shown)
    }

    /// Offers the proposals as lines to type.
    pub fn offer(&mut self, typist: Typist) {
        self.explainer.offers.typist = Some(typist);
    }

    /// What the numbers of the proposals that were shown last stand for, from 1. Where none were, those for what came
    /// last.
    pub fn offers(&self) -> Vec<String> {
        let shown = self.explainer.offers.lines();
        match self.past.back(0).filter(|_| shown.is_empty()) {
            Some(last) => {
                let mut explainer = self.explainer.clone();
                explainer.in_full(last, self.layout, false);
                explainer.offers.lines().to_vec()
            }
            None => shown.to_vec(),
        }
    }
}
