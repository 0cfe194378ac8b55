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

    /// Numbers the proposals of all readings through, as they are about to be shown. What was offered before stays
    /// where nothing of it can be typed, as it is still to be seen above.
    pub fn number<'f>(&mut self, readings: impl IntoIterator<Item = &'f [Fix]>) -> Vec<Numbers> {
        let Some(typist) = self.typist else {
            return readings.into_iter().map(|fixes| (1..=fixes.len()).map(Some).collect()).collect();
        };
        let mut lines = Vec::new();
        let mut number = |fix: &Fix| {
            lines.push(typist(fix.command.as_deref()?)?);
            Some(lines.len())
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
    use super::*;

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
}
