//! DATA and BDAT. Content is counted and looked at, never kept.

use memchr::memmem;

use super::rules::{Case, RULES, Rule, When};
use super::wit::PracticeWit;
use crate::serve::Answer;
use crate::session::{Input, State};
use crate::wire::{Ending, Line};

/// Octets of a line that are searched for telling words; none of them is longer.
const SEARCHED: usize = 200;

/// What is known of the content under way.
#[derive(Default)]
pub(super) struct Content {
    octets: u64,
    bare_lf: bool,
    told: Option<&'static Rule>,
    chunk: Option<Chunk>,
}

/// A BDAT chunk under way.
struct Chunk {
    octets: u64,
    last: bool,
    refusal: Option<Answer>,
}

impl PracticeWit {
    pub(super) fn data(&mut self) -> Answer {
        self.content = Content::default();
        Answer::say(354, "End data with <CR><LF>.<CR><LF>")
    }

    pub(super) fn content_line(&mut self, line: &Line) -> Answer {
        let stuffing = usize::from(line.bytes.starts_with(b"."));
        self.content.octets += (line.wire_len() - stuffing) as u64;
        self.content.bare_lf |= line.ending == Ending::Lf;
        self.search(&line.bytes);
        Answer::Go
    }

    pub(super) fn bdat(&mut self, rest: &[u8], state: &State) -> Answer {
        let text = String::from_utf8_lossy(rest).to_ascii_uppercase();
        let mut words = text.split_ascii_whitespace();
        let octets = words.next().and_then(|word| word.parse::<u64>().ok());
        let last = words.next();
        let (Some(octets), None | Some("LAST"), None) = (octets, last, words.next()) else {
            return self.case(Case::ArgumentMissing, &[("syntax", "BDAT count [LAST]")]);
        };
        let input = if last.is_some() { Input::BdatLast } else { Input::Bdat };
        let refusal = state.check(input).err().map(|why| self.out_of_order(input, why));
        self.content.chunk = Some(Chunk { octets, last: last.is_some(), refusal });
        Answer::Chunk(octets)
    }

    pub(super) fn chunk(&mut self, bytes: &[u8]) -> Answer {
        self.content.octets += bytes.len() as u64;
        for line in bytes.split(|b| *b == b'\n') {
            self.search(line);
        }
        Answer::Go
    }

    fn search(&mut self, line: &[u8]) {
        if self.content.told.is_none() {
            let head = line.get(..SEARCHED).unwrap_or(line);
            let told = |rule: &&Rule| match rule.when {
                When::Content(words) => memmem::find(head, words.as_bytes()).is_some(),
                _ => false,
            };
            self.content.told = RULES.iter().rev().find(told);
        }
    }

    pub(super) fn end_of_content(&mut self) -> Answer {
        match self.content.chunk.take() {
            Some(Chunk { refusal: Some(refusal), .. }) => {
                self.content = Content::default();
                refusal
            }
            Some(Chunk { octets, last: false, .. }) if !self.too_big() => {
                Answer::say(250, &format!("2.0.0 Ok: {octets} bytes"))
            }
            _ => self.deliver(),
        }
    }

    fn too_big(&self) -> bool {
        self.content.octets > self.host.options.message_limit
    }

    fn deliver(&mut self) -> Answer {
        let content = std::mem::take(&mut self.content);
        let id = self.host.queue_id();
        match content.told {
            _ if content.octets > self.host.options.message_limit => self.case(Case::TooBig, &[]),
            _ if content.bare_lf => self.case(Case::BareLf, &[]),
            Some(rule) => self.obey(rule, &[("id", &id)]),
            None => Answer::say(250, &format!("2.0.0 Ok: queued as {id}")),
        }
    }
}
