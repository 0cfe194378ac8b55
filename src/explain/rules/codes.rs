//! Patterns of reply codes and enhanced codes, read once with their table: a log asks each rule for each of its replies.

use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::wire::EnhancedCode;

/// `550`, `55x` or `5xx`: the reply codes from the first that fits to the last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "&str")]
pub struct CodePattern(RangeInclusive<u16>);

impl CodePattern {
    pub(super) fn fits(&self, code: u16) -> bool {
        self.0.contains(&code)
    }

    /// The first that fits.
    pub(super) fn least(&self) -> u16 {
        *self.0.start()
    }

    /// The last that fits.
    pub(super) fn greatest(&self) -> u16 {
        *self.0.end()
    }
}

impl TryFrom<&str> for CodePattern {
    type Error = String;

    fn try_from(written: &str) -> Result<Self, String> {
        let digits = written.trim_end_matches('x');
        let span = match (digits.len(), written.len()) {
            (1, 3) => 100,
            (2, 3) => 10,
            (3, 3) => 1,
            _ => return Err(wrong(written, "550, 55x or 5xx")),
        };
        let first = number(digits).ok_or_else(|| wrong(written, "550, 55x or 5xx"))? * span;
        Ok(CodePattern(first..=first + span - 1))
    }
}

/// `5.7.1`, `x.7.x` or `x.7.606-649`: which class, subject and detail fit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "&str")]
pub struct EnhancedPattern([RangeInclusive<u16>; 3]);

impl EnhancedPattern {
    pub(super) fn fits(&self, code: EnhancedCode) -> bool {
        let [class, subject, detail] = &self.0;
        class.contains(&u16::from(code.class))
            && subject.contains(&code.subject)
            && detail.contains(&code.detail)
    }
}

impl TryFrom<&str> for EnhancedPattern {
    type Error = String;

    fn try_from(written: &str) -> Result<Self, String> {
        let numbers: Option<Vec<_>> = written.split('.').map(numbers).collect();
        let three = numbers.and_then(|numbers| numbers.try_into().ok());
        three.map(EnhancedPattern).ok_or_else(|| wrong(written, "5.7.1, x.7.x or x.7.606-649"))
    }
}

/// The numbers that one part of an enhanced code may be.
fn numbers(part: &str) -> Option<RangeInclusive<u16>> {
    match part.split_once('-') {
        Some((low, high)) => Some(number(low)?..=number(high)?),
        None if part == "x" => Some(0..=u16::MAX),
        None => number(part).map(|one| one..=one),
    }
}

/// At most three digits.
fn number(digits: &str) -> Option<u16> {
    (digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

fn wrong(written: &str, right: &str) -> String {
    format!("{written} is no pattern such as {right}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fit_by_their_first_digits() {
        let fits = |pattern, code| CodePattern::try_from(pattern).unwrap().fits(code);
        assert!(fits("550", 550) && !fits("550", 551));
        assert!(fits("55x", 550) && fits("55x", 559) && !fits("55x", 560));
        assert!(fits("5xx", 500) && fits("5xx", 599) && !fits("5xx", 499) && !fits("5xx", 0));
        for bad in ["", "5", "xxx", "5x0", "5500", "5.x", "+50"] {
            assert!(CodePattern::try_from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn enhanced_codes_fit_part_by_part() {
        let fits = |pattern, (class, subject, detail)| {
            EnhancedPattern::try_from(pattern).unwrap().fits(EnhancedCode { class, subject, detail })
        };
        assert!(fits("5.7.1", (5, 7, 1)) && !fits("5.7.1", (4, 7, 1)) && !fits("5.7.1", (5, 7, 10)));
        assert!(fits("x.7.x", (4, 7, 999)) && !fits("x.7.x", (4, 1, 7)));
        assert!(fits("x.7.606-649", (5, 7, 606)) && fits("x.7.606-649", (5, 7, 649)));
        assert!(!fits("x.7.606-649", (5, 7, 650)));
        for bad in ["", "5.7", "5.7.1.1", "x.7.5xx", "5.7.", "5.7.1-", "5.7.-1"] {
            assert!(EnhancedPattern::try_from(bad).is_err(), "{bad}");
        }
    }
}
