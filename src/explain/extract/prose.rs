//! Bounces in prose: what Postfix, Exim and qmail write to people, a reply broken over several lines.

use super::Found;
use super::log;

/// More text than this of one recipient is not kept, in bytes.
const ENOUGH: usize = 16 * 1024;

/// What a bounce says of one recipient.
#[derive(Debug)]
pub(super) struct Prose {
    recipient: String,
    text: String,
    line: usize,
    /// How far its first line is indented, where it goes on in indented lines alone: Exim's does.
    indented: Option<usize>,
}

impl Prose {
    /// Whether this line begins what is said of a recipient: `<bob@example.net>: host …` as Postfix has it,
    /// `<bob@example.net>:` alone (qmail), or an address alone and indented (Exim).
    pub fn begins(line: &str, number: usize) -> Option<Prose> {
        let prose = |recipient: &str, text: &str, indented: Option<usize>| {
            let (recipient, text) = (super::address(recipient)?, text.trim().to_owned());
            recipient.contains('@').then_some(Prose { recipient, text, line: number, indented })
        };
        if let Some((address, rest)) = line.strip_prefix('<').and_then(|rest| rest.split_once(">:")) {
            return prose(address, rest, None);
        }
        is_alone(line).then(|| prose(line.trim(), "", Some(indentation(line))))?
    }

    /// Takes a line that goes on with it; not so the line that ends it.
    pub fn takes(&mut self, line: &str) -> bool {
        // Exim leaves no line between one recipient and the next.
        let next = |depth| is_alone(line) && indentation(line) <= depth && line.contains('@');
        let indented = |depth| indentation(line) > 0 && !next(depth);
        let goes_on = !line.trim().is_empty() && self.indented.is_none_or(indented);
        if goes_on && self.text.len() < ENOUGH {
            self.text.push(' ');
            self.text.push_str(line.trim());
        }
        goes_on
    }

    /// The reply, or what the mail server says itself where it got none.
    pub fn finish(self) -> Option<Found> {
        let text = self.text.trim();
        let told = log::told(text, self.line);
        let own = || (!text.is_empty()).then(|| Found::of_text(text, self.line));
        Some(Found { recipient: Some(self.recipient), ..told.or_else(own)? })
    }
}

/// Whether a line is one indented word, as an address is.
fn is_alone(line: &str) -> bool {
    indentation(line) > 0 && !line.trim().contains([' ', '\t', '<', ':'])
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}
