//! Faults in a line that somebody types: where it breaks the grammar, or asks for what is not offered.
//!
//! Nothing here forbids anything: a line with faults is sent as it is, if the person wants that.

use std::ops::Range;

use crate::wire::Capabilities;
use crate::wire::escape::visible;

use super::{CommandLine, Verb, arguments, paths, verbs};

/// A place in a command line that breaks the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The bytes in question. Empty where something is missing.
    pub at: Range<usize>,
    /// What is wrong, in one plain sentence without a full stop. Holds no bytes that act on a terminal.
    pub what: String,
    /// The line with this one fault mended, where that can be said.
    pub mended: Option<Vec<u8>>,
    /// The clause that says so.
    pub source: &'static str,
    /// Whether typing on at the end of the line may still put it right.
    pub unfinished: bool,
}

/// Lines longer than this are not looked into.
const LONGEST: usize = 16 * 1024;

/// So many faults are enough to show.
const MOST: usize = 16;

/// Finds the faults of a command line, in the order of their places. `line` is without its CRLF; `caps` is
/// what EHLO has listed, if it has been asked.
///
/// It takes time in proportion to the length of the line, and is meant to be called at each keystroke.
pub fn check(line: &[u8], caps: Option<&Capabilities>) -> Vec<Fault> {
    let mut scan = Scan { line, caps, faults: Vec::new(), has_odd_bytes: false };
    if line.len() <= LONGEST {
        scan.bytes();
        scan.blanks_at_the_ends();
        scan.command();
    }
    scan.length();
    let mut faults = scan.faults;
    faults.sort_by_key(|fault| (fault.at.start, fault.at.end));
    faults.truncate(MOST);
    faults
}

/// A line being looked at, and what was found in it.
pub(super) struct Scan<'a> {
    pub(super) line: &'a [u8],
    pub(super) caps: Option<&'a Capabilities>,
    faults: Vec<Fault>,
    /// Control bytes or broken UTF-8 were named already; what they break further is not.
    has_odd_bytes: bool,
}

impl<'a> Scan<'a> {
    /// Names a fault that nobody can mend without knowing what was meant.
    pub(super) fn fault(&mut self, at: Range<usize>, what: impl Into<String>, source: &'static str) {
        let unfinished = at.is_empty() && at.start >= self.line.trim_ascii_end().len();
        self.faults.push(Fault { at, what: what.into(), mended: None, source, unfinished });
    }

    /// Names a fault that goes away when `replaced` becomes `by`.
    pub(super) fn mend(
        &mut self,
        at: Range<usize>,
        what: impl Into<String>,
        (replaced, by): (Range<usize>, &[u8]),
        source: &'static str,
    ) {
        self.fault(at, what, source);
        let head = self.line.get(..replaced.start).unwrap_or_default();
        let tail = self.line.get(replaced.end..).unwrap_or_default();
        if let Some(fault) = self.faults.last_mut() {
            fault.mended = Some([head, by, tail].concat());
        }
    }

    /// Marks the fault named last as one that typing on may put right.
    pub(super) fn may_still_come_right(&mut self) {
        if let Some(fault) = self.faults.last_mut() {
            fault.unfinished = true;
        }
    }

    /// The bytes of a range, or none where it lies outside the line.
    pub(super) fn slice(&self, range: Range<usize>) -> &'a [u8] {
        self.line.get(range).unwrap_or_default()
    }

    /// The bytes of a range, fit to be shown.
    pub(super) fn shown(&self, range: Range<usize>) -> String {
        visible(self.slice(range))
    }

    /// The byte at a place.
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.line.get(at).copied()
    }

    /// Where the line ends, without the blanks behind it.
    pub(super) fn end(&self) -> usize {
        self.line.trim_ascii_end().len()
    }

    /// Where the run of bytes of this kind that starts at `from` ends.
    pub(super) fn skip(&self, from: usize, class: fn(u8) -> bool) -> usize {
        let run = self.line.get(from..).unwrap_or_default().iter().take_while(|b| class(**b)).count();
        from + run
    }

    /// Where the word that starts at `from` ends.
    pub(super) fn word_end(&self, from: usize) -> usize {
        self.skip(from, |b| !is_blank(b))
    }

    /// Expects one space at `from`; says where the next word starts.
    pub(super) fn one_space(&mut self, from: usize) -> usize {
        let next = self.skip(from, is_blank);
        if next > from && next < self.end() && self.slice(from..next) != b" " {
            let what = match self.slice(from..next).contains(&b'\t') {
                true => "one space must stand here, not a tab",
                false => "one space must stand here, not several",
            };
            self.mend(from..next, what, (from..next, b" "), "RFC 5321 §4.1.1");
        }
        next
    }

    /// Whether EHLO was asked and has not listed this keyword.
    pub(super) fn lacks(&self, keyword: &str) -> bool {
        self.caps.is_some_and(|caps| !caps.has(keyword))
    }

    /// Whether bytes that cannot stand in any command were found.
    pub(super) fn has_odd_bytes(&self) -> bool {
        self.has_odd_bytes
    }

    fn command(&mut self) {
        let start = self.skip(0, is_blank);
        if start == self.line.len() {
            let what = "a command is expected; an empty line is none";
            self.fault(start..start, what, "RFC 5321 §4.1.1");
            return;
        }
        let command = CommandLine::parse(self.slice(start..self.line.len()));
        let verb = start..self.word_end(start);
        match &command.verb {
            Verb::Mail => paths::mail(self, verb.end),
            Verb::Rcpt => paths::rcpt(self, verb.end),
            Verb::Other(_) => verbs::unknown(self, verb),
            known => arguments::check(self, known, verb),
        }
        self.eight_bit(&command.verb);
    }

    /// Bytes that have no place in any command.
    fn bytes(&mut self) {
        let control = |b: &u8| b.is_ascii_control() && *b != b'\t';
        if let Some(at) = self.line.iter().position(control) {
            let what = format!("the control byte {} has no place in a command", self.shown(at..at + 1));
            let mended: Vec<u8> = self.line.iter().copied().filter(|b| !control(b)).collect();
            self.mend(at..at + 1, what, (0..self.line.len(), &mended), "RFC 5321 §2.4");
            self.has_odd_bytes = true;
        }
        if let Err(error) = std::str::from_utf8(self.line) {
            let at = error.valid_up_to();
            let end = error.error_len().map_or(self.line.len(), |length| at + length);
            self.fault(at..end, "these bytes are not UTF-8", "RFC 6531 §3.3");
            self.has_odd_bytes = true;
        }
    }

    fn blanks_at_the_ends(&mut self) {
        let start = self.skip(0, is_blank);
        if start > 0 && start < self.line.len() {
            let what = "a command begins at the start of the line";
            self.mend(0..start, what, (0..start, b""), "RFC 5321 §4.1.1");
        }
        let end = self.end();
        if end > 0 && end < self.line.len() {
            let what = "a blank at the end of the line, which servers should forgive but need not";
            self.mend(end..self.line.len(), what, (end..self.line.len(), b""), "RFC 5321 §4.1.1");
            self.may_still_come_right();
        }
    }

    /// Characters outside ASCII, in commands that cannot hold them.
    fn eight_bit(&mut self, verb: &Verb) {
        let has_place = matches!(verb, Verb::Mail | Verb::Rcpt | Verb::Vrfy | Verb::Expn);
        let Some(at) = self.line.iter().position(|b| !b.is_ascii()) else { return };
        if self.has_odd_bytes {
            return;
        }
        let end = self.skip(at, |b| !b.is_ascii());
        if !has_place {
            let what = format!("only ASCII may stand here, not '{}'", self.shown(at..end));
            self.fault(at..end, what, "RFC 5321 §2.4");
        } else if self.lacks("SMTPUTF8") {
            let what = format!("'{}' needs SMTPUTF8, which the server does not offer", self.shown(at..end));
            self.fault(at..end, what, "RFC 6531 §3.2");
        }
    }

    fn length(&mut self) {
        let verb = CommandLine::parse(self.line.get(..16).unwrap_or(self.line)).verb;
        let (limit, source) = verbs::line_limit(&verb, self.caps);
        let length = self.line.len() + 2;
        if length > limit {
            let what = format!("a line of {length} octets with its CRLF; the limit is {limit}");
            self.fault(limit.saturating_sub(2)..self.line.len(), what, source);
        }
    }
}

/// Whether a byte is a blank.
pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
