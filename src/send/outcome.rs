//! What became of a message, recipient by recipient.

use serde_json::{Value, json};

use crate::explain::render::Style;
use crate::session::Answer;
use crate::wire::Class;
use crate::wire::address::{ForwardPath, ReversePath};
use crate::wire::escape::visible;

use super::envelope::Envelope;

/// A recipient and what the server said of it.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// The address.
    pub address: ForwardPath,
    /// Whether RCPT went out.
    pub asked: bool,
    /// The reply to RCPT.
    pub rcpt: Option<Answer>,
    /// The reply to the end of the content that counts for this recipient.
    pub end: Option<Answer>,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The sender.
    pub from: ReversePath,
    /// The reply to MAIL.
    pub mail: Option<Answer>,
    /// The reply to DATA.
    pub data: Option<Answer>,
    /// Whether content was sent: then the reply to it alone says what became of the message.
    pub content: bool,
    /// The recipients, in the order in which they were named.
    pub recipients: Vec<Recipient>,
}

/// What became of a message for one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server has taken the message, and answers for it from here on.
    Taken,
    /// The server has refused for now; a later try may succeed.
    Deferred,
    /// The server has refused.
    Refused,
    /// The address was accepted, and no message was sent.
    Accepted,
    /// The message was sent, and no reply to it came: the server may have taken it or not (RFC 1047).
    Unknown,
    /// The server was asked about the address, and did not answer.
    NoReply,
    /// It did not come to that.
    NotTried,
}

impl Fate {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Taken => "taken",
            Fate::Deferred => "deferred",
            Fate::Refused => "refused",
            Fate::Accepted => "accepted",
            Fate::Unknown => "unknown",
            Fate::NoReply => "no reply",
            Fate::NotTried => "not tried",
        }
    }

    fn style(self) -> Style {
        match self {
            Fate::Taken | Fate::Accepted => Style::Good,
            Fate::Deferred | Fate::Unknown | Fate::NoReply => Style::Warn,
            Fate::Refused => Style::Bad,
            Fate::NotTried => Style::Dim,
        }
    }
}

impl Recipient {
    /// Whether the server took the address.
    pub fn accepted(&self) -> bool {
        self.rcpt.as_ref().is_some_and(is_yes)
    }
}

impl Outcome {
    /// Nothing has happened yet.
    pub fn new(envelope: &Envelope) -> Outcome {
        let recipient = |address: &ForwardPath| Recipient {
            address: address.clone(),
            asked: false,
            rcpt: None,
            end: None,
        };
        let recipients = envelope.to.iter().map(recipient).collect();
        Outcome { from: envelope.from.clone(), mail: None, data: None, content: false, recipients }
    }

    /// Whether any recipient was accepted, of a sender who was.
    pub fn any_accepted(&self) -> bool {
        self.mail.as_ref().is_some_and(is_yes) && self.recipients.iter().any(Recipient::accepted)
    }

    /// Gives the replies to the end of the content to the recipients that they are about: over LMTP one to each
    /// that was accepted, in order (RFC 2033 §4.2), else the last to all.
    pub fn ended(&mut self, answers: &[Answer], lmtp: bool) {
        let last = answers.last();
        let accepted = self.recipients.iter_mut().filter(|recipient| recipient.accepted());
        for (index, recipient) in accepted.enumerate() {
            recipient.end = if lmtp { answers.get(index) } else { last }.cloned();
        }
    }

    /// Gives a refusal of the content to the accepted recipients that have no reply of their own to it.
    pub fn refused(&mut self, answer: &Answer) {
        for recipient in self.recipients.iter_mut().filter(|recipient| recipient.accepted()) {
            recipient.end.get_or_insert_with(|| answer.clone());
        }
    }

    /// What became of it for each recipient, and the reply that decided it; where the sender was refused, that alone, as
    /// all else follows from it.
    pub fn fates(&self) -> Vec<(Fate, Option<&Answer>)> {
        match self.mail.as_ref().filter(|mail| !is_yes(mail)) {
            Some(mail) => vec![(refusal(mail), Some(mail))],
            None => self.recipients.iter().map(|recipient| self.fate(recipient)).collect(),
        }
    }

    /// What became of it for a recipient, and the reply that decided it.
    pub fn fate<'a>(&'a self, recipient: &'a Recipient) -> (Fate, Option<&'a Answer>) {
        let is_no = |answer: &&Answer| !is_yes(answer);
        // To DATA, the yes is 354.
        let no_content = |answer: &&Answer| answer.reply.class() != Some(Class::Intermediate);
        let refused = self.mail.as_ref().filter(is_no).or_else(|| recipient.rcpt.as_ref().filter(is_no));
        match (refused.or_else(|| self.data.as_ref().filter(no_content)), &recipient.end, &recipient.rcpt) {
            (Some(answer), ..) => (refusal(answer), Some(answer)),
            (None, Some(end), _) => match end.reply.class() {
                Some(Class::Completion) => (Fate::Taken, Some(end)),
                Some(Class::Transient | Class::Permanent) => (refusal(end), Some(end)),
                // No yes and no refusal: the server may wait for more, or whatever it means.
                _ => (Fate::Unknown, Some(end)),
            },
            (None, None, Some(_)) if self.content => (Fate::Unknown, None),
            (None, None, Some(rcpt)) => (Fate::Accepted, Some(rcpt)),
            (None, None, None) if recipient.asked => (Fate::NoReply, None),
            (None, None, None) => (Fate::NotTried, None),
        }
    }

    /// The results as a table, a line for each recipient, in the style of what became of it.
    pub fn table(&self) -> Vec<(Style, String)> {
        let shown: Vec<String> = self.recipients.iter().map(|recipient| bare(&recipient.address)).collect();
        let width = shown.iter().map(|address| address.chars().count()).max().unwrap_or(0).min(WIDEST);
        let rows = self.recipients.iter().zip(&shown).map(|(recipient, address)| {
            let (fate, answer) = self.fate(recipient);
            let said = match (fate, answer) {
                (Fate::Unknown, None) => NO_WORD.to_owned(),
                _ => answer.map(last_line).unwrap_or_default(),
            };
            let row = format!("     to    {address:<width$}  {:<10}{said}", fate.as_str());
            (fate.style(), row.trim_end().to_owned())
        });
        rows.collect()
    }

    /// The results as one JSON object.
    pub fn to_json(&self) -> Value {
        let recipients = self.recipients.iter().map(|recipient| {
            let (fate, answer) = self.fate(recipient);
            json!({
                "address": recipient.address.to_string().trim_matches(['<', '>']),
                "fate": fate.as_str().replace(' ', "-"),
                "code": answer.and_then(|answer| answer.reply.code()).map(|code| code.0),
                "reply": answer.map(|answer| answer.reply.text()),
            })
        });
        json!({
            "kind": "outcome",
            "sender": self.from.to_string().trim_matches(['<', '>']),
            "recipients": recipients.collect::<Vec<_>>(),
        })
    }
}

/// What stands in the table where no reply does.
const NO_WORD: &str = "no reply to the content: the server may have taken it or not (RFC 1047)";

/// Columns that the longest address may take in the table.
const WIDEST: usize = 48;

/// The address without its brackets, safe to show.
fn bare(address: &ForwardPath) -> String {
    let text = address.to_string();
    let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(&text);
    visible(inner.as_bytes())
}

/// The last line of a reply, safe to show.
fn last_line(answer: &Answer) -> String {
    answer.reply.last_line().map(|line| visible(line.line.bytes)).unwrap_or_default()
}

fn is_yes(answer: &Answer) -> bool {
    answer.reply.class() == Some(Class::Completion)
}

/// What a reply other than the one that would go on means for the message. Nonsense is no yes.
fn refusal(answer: &Answer) -> Fate {
    if answer.reply.class() == Some(Class::Transient) { Fate::Deferred } else { Fate::Refused }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::address::parse_list;
    use super::*;
    use crate::wire::Reply;

    fn answer(line: &str) -> Answer {
        let reply = Reply::read_all(format!("{line}\r\n").as_bytes()).remove(0);
        Answer { reply, command: None, waited: Duration::ZERO }
    }

    fn outcome(replies: &[&str]) -> Outcome {
        let to = parse_list("a@x.example, b@x.example, c@x.example").unwrap();
        let to = to.into_iter().map(|person| person.address).collect();
        let mut outcome = Outcome::new(&Envelope { from: ReversePath::Null, to });
        outcome.mail = Some(answer("250 2.1.0 Ok"));
        for (recipient, line) in outcome.recipients.iter_mut().zip(replies) {
            recipient.rcpt = Some(answer(line));
        }
        outcome
    }

    fn fates(outcome: &Outcome) -> Vec<Fate> {
        outcome.recipients.iter().map(|recipient| outcome.fate(recipient).0).collect()
    }

    fn shown(outcome: &Outcome) -> Vec<String> {
        outcome.table().into_iter().map(|(_, row)| row).collect()
    }

    #[test]
    fn one_reply_counts_for_all_that_were_accepted() {
        let mut outcome = outcome(&["250 2.1.5 Ok", "550 5.1.1 who?", "452 4.2.2 full"]);
        outcome.ended(&[answer("250 2.0.0 queued as 1")], false);
        assert_eq!(fates(&outcome), [Fate::Taken, Fate::Refused, Fate::Deferred]);
        let table = shown(&outcome);
        assert_eq!(table.first().unwrap(), "     to    a@x.example  taken     250 2.0.0 queued as 1");
        assert_eq!(table.last().unwrap(), "     to    c@x.example  deferred  452 4.2.2 full");
        assert_eq!(outcome.to_json()["recipients"][1]["code"], 550);
        assert_eq!(outcome.to_json()["recipients"][1]["fate"], "refused");
        assert_eq!(outcome.fates().len(), 3);
    }

    #[test]
    fn over_lmtp_each_has_its_own() {
        let mut outcome = outcome(&["250 Ok", "550 no", "250 Ok"]);
        outcome.ended(&[answer("250 2.0.0 kept"), answer("452 4.2.2 full")], true);
        assert_eq!(fates(&outcome), [Fate::Taken, Fate::Refused, Fate::Deferred]);
        outcome.ended(&[answer("250 2.0.0 kept")], true);
        assert_eq!(fates(&outcome), [Fate::Taken, Fate::Refused, Fate::Accepted], "no word is no yes");
        outcome.content = true;
        assert_eq!(fates(&outcome), [Fate::Taken, Fate::Refused, Fate::Unknown]);
        assert_eq!(outcome.to_json()["recipients"][2]["fate"], "unknown");
        outcome.refused(&answer("421 4.3.2 going down"));
        assert_eq!(fates(&outcome), [Fate::Taken, Fate::Refused, Fate::Deferred], "what was said stays");
    }

    #[test]
    fn what_stops_all_stops_each() {
        let mut all = outcome(&[]);
        assert_eq!(fates(&all), [Fate::NotTried; 3]);
        all.mail = Some(answer("451 4.3.0 later"));
        assert_eq!(fates(&all), [Fate::Deferred; 3]);
        let mut all = outcome(&["250 Ok", "250 Ok", "250 Ok"]);
        assert_eq!(fates(&all), [Fate::Accepted; 3]);
        all.data = Some(answer("554 5.5.1 no"));
        assert_eq!(fates(&all), [Fate::Refused; 3]);
        all.data = Some(answer("xyz"));
        assert_eq!(fates(&all), [Fate::Refused; 3], "nonsense is no yes");
    }

    #[test]
    fn only_the_right_yes_is_one() {
        let mut odd = outcome(&["250 Ok", "354 what", "250 Ok"]);
        assert_eq!(fates(&odd), [Fate::Accepted, Fate::Refused, Fate::Accepted]);
        odd.ended(&[answer("354 more")], false);
        assert_eq!(fates(&odd), [Fate::Unknown, Fate::Refused, Fate::Unknown]);
        assert_eq!(shown(&odd)[0], "     to    a@x.example  unknown   354 more");
        odd.data = Some(answer("250 what"));
        assert_eq!(fates(&odd), [Fate::Refused; 3]);
        odd.mail = Some(answer("552 too large"));
        assert!(!odd.any_accepted(), "what is accepted of a refused sender is no recipient");
        assert_eq!(odd.fates().len(), 1);
    }

    #[test]
    fn who_was_asked_about_and_who_was_not() {
        let mut silent = outcome(&["250 Ok"]);
        silent.recipients[1].asked = true;
        assert_eq!(fates(&silent), [Fate::Accepted, Fate::NoReply, Fate::NotTried]);
        assert_eq!(silent.to_json()["recipients"][1]["fate"], "no-reply");
    }

    #[test]
    fn what_the_server_says_cannot_act_on_the_terminal() {
        let mut outcome = outcome(&["250 Ok", "550 \u{1b}[2Jno", "250 Ok"]);
        outcome.ended(&[answer("250 ok")], false);
        assert!(shown(&outcome).iter().all(|line| !line.contains('\u{1b}')));
    }
}
