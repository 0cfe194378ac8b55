//! A session that broke off, and where that is explained.

use crate::report::Problem;

use super::operator::Operator;

impl Operator {
    /// Whether the problem is that the session broke off, and that has been explained where it is shown.
    pub(super) fn has_told(&self, problem: &Problem) -> bool {
        problem.broke_off && self.view.explains() && self.view.narrator(|n| n.explain_failure()).is_some()
    }

    /// The same problem with why the session broke off, if that is what it is and was not told before.
    pub(super) fn with_reason(&self, problem: Problem) -> Problem {
        if self.has_told(&problem) {
            return problem.told();
        }
        match self.view.narrator(|narrator| narrator.explain_failure()).filter(|_| problem.broke_off) {
            Some(explanation) => problem.because(explanation),
            None => problem,
        }
    }
}
