//! Replies inside log lines: which software wrote a line is told by the line itself.

mod anywhere;
mod events;
mod exchange;
mod exim;
mod named;
mod objects;
mod postfix;
mod qmail;
mod sendmail;

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::Found;
use crate::explain::text::enhanced_at;

pub(super) use anywhere::{find as anywhere, reply_at_start};

/// Reads a line of one software.
type Reader = fn(&str, usize) -> Read;

/// Who can read lines, each with what it knows its own by, in the order in which they are asked.
const READERS: [(&[&str], Reader); 6] = [
    (exchange::SIGNS, exchange::find),
    (named::SIGNS, named::find),
    (exim::SIGNS, exim::find),
    (postfix::SIGNS, postfix::find),
    (sendmail::SIGNS, sendmail::find),
    (qmail::SIGNS, qmail::find),
];

/// Looks for the signs of all readers at once, as most lines of a log have none.
static SIGNS: LazyLock<Option<Signs>> = LazyLock::new(Signs::of_readers);

struct Signs {
    search: AhoCorasick,
    /// The bit of the reader that each sign belongs to.
    readers: Vec<u8>,
}

impl Signs {
    /// Nothing if they were too many to be searched for.
    fn of_readers() -> Option<Signs> {
        let signs =
            (0u8..).zip(READERS).flat_map(|(n, (signs, _))| signs.iter().map(move |sign| (1 << n, sign)));
        let (readers, signs): (Vec<u8>, Vec<&str>) = signs.unzip();
        Some(Signs { search: AhoCorasick::new(signs).ok()?, readers })
    }

    /// A bit for each reader a sign of which stands in the line.
    fn in_line(&self, line: &str) -> u8 {
        let found = self.search.find_overlapping_iter(line);
        found.filter_map(|sign| self.readers.get(sign.pattern().as_usize())).fold(0, |all, bit| all | bit)
    }
}

/// The replies in a log line, one for each recipient that it is about.
pub(super) fn find(line: &str, number: usize) -> Vec<Found> {
    if let Some(found) = objects::find(line, number) {
        return found;
    }
    let signs = SIGNS.as_ref().map_or(u8::MAX, |signs| signs.in_line(line));
    let mut readers = (0u8..).zip(READERS).filter(|(n, _)| signs & 1 << n != 0);
    let read = readers.find_map(|(_, (_, read))| read(line, number));
    read.unwrap_or_else(|| anywhere(line, number).into_iter().collect())
}

/// What servers say in bounces, in the words of their logs.
pub(super) fn told(text: &str, number: usize) -> Option<Found> {
    [exim::told, qmail::told, postfix::told].iter().find_map(|told| told(text, number))
}

/// What is known of one software's lines: nothing where this is none of them, else what it tells, which may be nothing.
type Read = Option<Vec<Found>>;

/// Adds what a log tells of a delivery to what it got.
trait Told: Sized {
    /// The command that was answered.
    fn to(self, command: &str) -> Self;
    /// The host that answered, if this names one.
    fn at(self, host: Option<&str>) -> Self;
    /// The recipient, if this is one.
    fn of(self, recipient: Option<&str>) -> Self;
    /// The sender, if this is one.
    fn from(self, sender: Option<&str>) -> Self;
}

impl Told for Found {
    fn to(mut self, command: &str) -> Found {
        self.answered(command);
        self
    }

    fn at(mut self, host: Option<&str>) -> Found {
        self.host = host.and_then(super::host);
        self
    }

    fn of(mut self, recipient: Option<&str>) -> Found {
        self.recipient = recipient.and_then(super::address);
        self
    }

    fn from(mut self, sender: Option<&str>) -> Found {
        self.sender = sender.and_then(super::address);
        self
    }
}

/// What stands between two marks.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    let (inside, _) = rest.split_once(end)?;
    Some(inside).filter(|inside| !inside.is_empty())
}

/// What stands behind a mark, up to the first of some others or the end.
fn behind<'t>(text: &'t str, start: &str, ends: &[&str]) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    Some(before(rest, ends)).filter(|inside| !inside.is_empty())
}

/// What stands before the first of some marks.
fn before<'t>(text: &'t str, ends: &[&str]) -> &'t str {
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}

/// Whether a text begins with an enhanced code of a refusal.
fn status_at_start(text: &str) -> bool {
    enhanced_at(text.trim_start().as_bytes()).is_some_and(|(code, _)| code.class != 2)
}
