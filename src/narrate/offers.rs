//! The proposals that were shown last and can be typed, numbered as a person sees them.

use crate::explain::Fix;

/// The line that a person would type for the command of a proposal; nothing where none does it.
pub type Typist = fn(&str) -> Option<String>;

/// Proposals by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Offers {
    /// Who types; without one nothing is offered.
    pub typist: Option<Typist>,
    lines: Vec<String>,
}

/// The number of each proposal of a reading; one that cannot be typed has none.
pub type Numbers = Vec<Option<usize>>;

impl Offers {
    /// What each number stands for, from 1.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Forgets what was offered.
    pub fn clear(&mut self) {
        self.lines.clear();
    }

    /// Numbers the proposals of all readings through, as they are about to be shown. What was offered before stays
    /// where nothing of it can be typed, as it is still to be seen above.
    pub fn number<'f>(&mut self, readings: impl IntoIterator<Item = &'f [Fix]>) -> Vec<Numbers> {
        let (mut lines, mut count) = (Vec::new(), 0);
        let mut number = |fix: &Fix| {
            if let Some(typist) = self.typist {
                lines.push(typist(fix.command.as_deref()?)?);
            }
            count += 1;
            Some(count)
        };
        let numbers = readings.into_iter().map(|fixes| fixes.iter().map(&mut number).collect()).collect();
        if !lines.is_empty() {
            self.lines = lines;
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::explain::{Asked, Failure, explain_failure};
    use crate::narrate::{Layout, Level, Narrator};
    use crate::transcript::{Entry, EntryKind, Payload};

    fn fix(command: Option<&'static str>) -> Fix {
        Fix { text: "do this".into(), command: command.map(Into::into) }
    }

    #[test]
    fn numbers_run_through_all_readings_and_leave_out_what_cannot_be_typed() {
        let [first, second, third] =
            [vec![fix(Some("RSET")), fix(None)], vec![fix(Some("no"))], vec![fix(Some("QUIT"))]];
        let typist = |command: &str| (command != "no").then(|| command.to_owned());
        let mut offers = Offers { typist: Some(typist), ..Offers::default() };
        let numbers = offers.number([&first[..], &second, &third]);
        assert_eq!(numbers, [vec![Some(1), None], vec![None], vec![Some(2)]]);
        assert_eq!(offers.lines(), ["RSET", "QUIT"]);
        offers.number([&second[..]]);
        assert_eq!(offers.lines(), ["RSET", "QUIT"], "they still stand above");
    }

    #[test]
    fn where_nobody_types_all_are_numbered() {
        let mut offers = Offers::default();
        assert_eq!(offers.number([&[fix(None), fix(Some("RSET"))][..]]), [[Some(1), Some(2)]]);
        assert!(offers.lines().is_empty());
    }

    #[test]
    fn a_reply_that_nobody_waited_for_takes_the_place_of_a_failure() {
        let layout = Layout { level: Level::Brief, width: 100, timing: false, prompt: true };
        let mut narrator = Narrator::new(layout);
        narrator.offer(|command| Some(command.to_owned()));
        let target = Asked { prompt: true, ..Asked::of("mx.example.org") };
        let failure = explain_failure(&Failure::ConnectionRefused, target);
        let told = |narrator: &mut Narrator| {
            let lines = narrator.tell_back(0, false).unwrap_or_default();
            lines.concat().iter().map(|piece| piece.text.as_str()).collect::<String>()
        };
        let numbers = narrator.fail(&failure, failure.fixes.len());
        assert_eq!(numbers.iter().flatten().count(), narrator.offers().len());
        assert!(told(&mut narrator).contains("refused"));
        let line = Payload::from_bytes("421 4.4.2 mx.example.org Error: timeout exceeded");
        let kind = EntryKind::Received { tls: false, error: true, line };
        narrator.entry(&Entry::new(Duration::ZERO, kind), false);
        assert!(told(&mut narrator).contains("timeout exceeded"));
        assert!(!narrator.offers().is_empty());
    }
}
