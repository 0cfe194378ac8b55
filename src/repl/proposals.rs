//! What went wrong, told with what can be done about it, and `/fix`, which types it.

use crate::explain::render::Style;
use crate::report::{Problem, Status};
use crate::session::Answer;
use crate::wire::escape;

use super::opening;
use super::operator::Operator;

/// The command line of the program itself.
const PROGRAM: &str = "heloise ";

impl Operator {
    /// Tells a problem, its proposals numbered where there are several to choose from.
    pub(super) fn tell(&mut self, problem: &Problem) {
        if self.has_told(problem) {
            return;
        }
        // The stream of entries may have told it a moment ago.
        if !self.view.told_last(&problem.what) {
            self.view.text(Style::Bad, &format!("*** {}", problem.what));
        }
        for cause in &problem.causes {
            self.view.text(Style::Plain, &format!("     why   {cause}"));
        }
        for (advice, number) in problem.advice.iter().zip(self.numbers_of(problem)) {
            let number = number.map(|number| format!("{number}. ")).unwrap_or_default();
            self.view.text(Style::Plain, &format!("     try   {number}{advice}"));
        }
    }

    /// A number for each piece of advice, or none; none at all where there is nothing to choose from.
    fn numbers_of(&self, problem: &Problem) -> Vec<Option<usize>> {
        let mut numbers = self.learn_of(problem);
        numbers.resize(problem.advice.len(), None);
        for (number, advice) in numbers.iter_mut().zip(&problem.advice) {
            number.take_if(|_| advice.command.is_none());
        }
        if !self.prompts() || numbers.iter().flatten().count() < 2 {
            numbers.fill(None);
        }
        numbers
    }

    /// Takes note of a problem that the tables explain, for `/explain`, `/fix` and what is said of later replies.
    pub(super) fn learn_of(&self, problem: &Problem) -> Vec<Option<usize>> {
        let explanation = problem.explanation.as_deref();
        let numbers =
            explanation.map(|told| self.view.narrator(|narrator| narrator.fail(told, problem.advice.len())));
        numbers.unwrap_or_default()
    }

    /// `/fix N`: what was proposed is put at the prompt; the person sends it, or not.
    pub(super) fn fix(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        let number = match argument {
            "" => 1,
            given => given
                .parse::<usize>()
                .map_err(|_| Problem::new(Status::Usage, "/fix takes the number of a proposal"))?,
        };
        let offers = self.view.narrator(|narrator| narrator.offers());
        let Some(line) = number.checked_sub(1).and_then(|index| offers.get(index)) else {
            let what = match offers.len() {
                0 => "nothing has been proposed that can be typed".to_owned(),
                1 => "one proposal can be typed: /fix types it".to_owned(),
                count => format!("the proposals that can be typed have the numbers 1 to {count}"),
            };
            return Err(Problem::new(Status::Usage, what)
                .advise("/explain lists the proposals for the last reply, numbered"));
        };
        self.prefill = escape::visible(line.as_bytes());
        Ok(Vec::new())
    }
}

/// The line that does at the prompt what a command of a proposal does; nothing where there is none.
pub(super) fn typed(command: &str) -> Option<String> {
    match command.strip_prefix(PROGRAM) {
        None => Some(command.to_owned()),
        Some(arguments) => opening::takes(arguments).then(|| format!("/open {arguments}")),
    }
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn a_command_line_is_typed_where_open_takes_it() {
        assert_eq!(typed("RSET").as_deref(), Some("RSET"));
        assert_eq!(typed("heloise --ca FILE smtps://mx").as_deref(), Some("/open --ca FILE smtps://mx"));
        for elsewhere in ["heloise check --mx example.org", "heloise --insecure mx.example.org -c /tls"] {
            assert_eq!(typed(elsewhere), None);
        }
    }
}
