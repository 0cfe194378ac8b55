//! Delivery status notifications: the fields of `message/delivery-status` (RFC 3464 §2.3).

use super::Found;
use super::log::{anywhere, reply_at_start};
use crate::explain::text::enhanced_at;
use crate::wire::EnhancedCode;

/// Collects the fields of one recipient.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The field under way, which folded lines go on with.
    field: Option<Field>,
    group: Group,
}

/// A field as it stands.
#[derive(Debug)]
struct Field {
    name: String,
    value: String,
    line: usize,
}

/// What the fields of one recipient say.
#[derive(Debug, Default)]
struct Group {
    final_recipient: Option<String>,
    original_recipient: Option<String>,
    action: String,
    status: Option<(EnhancedCode, usize)>,
    diagnostic: Option<(String, usize)>,
    host: Option<String>,
}

/// More text than this in one field is not kept, in bytes.
const ENOUGH: usize = 16 * 1024;
/// Fields with which a group may begin. Others are named `Status` too: theirs are no codes.
const OPENING: [&str; 5] =
    ["final-recipient", "original-recipient", "status", "remote-mta", "diagnostic-code"];

impl Reader {
    /// Whether a group of fields is under way.
    pub fn is_inside(&self) -> bool {
        self.field.is_some()
    }

    /// Reads a line; gives the reply of the recipient whose fields it ends.
    pub fn line(&mut self, line: &str, number: usize) -> Option<Found> {
        if let Some(field) = self.field.as_mut().filter(|_| line.starts_with([' ', '\t'])) {
            if field.value.len() < ENOUGH {
                field.value.push(' ');
                field.value.push_str(line.trim());
            }
            return None;
        }
        let Some(field) = Field::of(line, number).filter(|field| self.is_inside() || field.opens()) else {
            return self.finish();
        };
        match self.field.replace(field) {
            Some(before) => self.group.take(before),
            None => None,
        }
    }

    /// The reply of the group under way.
    pub fn finish(&mut self) -> Option<Found> {
        let ended = self.field.take().and_then(|field| self.group.take(field));
        // Where the last field has ended another group, nothing but a recipient is known of the one that it began.
        let group = std::mem::take(&mut self.group);
        ended.or_else(|| group.finish())
    }
}

impl Field {
    fn of(line: &str, number: usize) -> Option<Field> {
        let (name, value) = line.split_once(':')?;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let name = name.to_ascii_lowercase();
        is_name.then(|| Field { name, value: value.trim().to_owned(), line: number })
    }

    fn opens(&self) -> bool {
        let is_code = || self.status().is_some();
        OPENING.contains(&self.name.as_str()) && (self.name != "status" || is_code())
    }

    /// The code of a Status field, behind which a comment may stand.
    fn status(&self) -> Option<EnhancedCode> {
        Some(enhanced_at(self.value.as_bytes())?.0)
    }

    /// What stands behind the type, as in `smtp; 550 …` and `rfc822; bob@example.net`; the type may be left out.
    fn behind_type(&self) -> &str {
        let value = self.value.trim();
        let is_type = |kind: &str| kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        value.split_once(';').filter(|(kind, _)| is_type(kind.trim())).map_or(value, |(_, rest)| rest).trim()
    }
}

impl Group {
    /// Takes a field; gives the reply of the group before, where it begins another without an empty line.
    fn take(&mut self, field: Field) -> Option<Found> {
        match field.name.as_str() {
            "final-recipient" => {
                let ended = self.final_recipient.is_some().then(|| std::mem::take(self).finish()).flatten();
                self.final_recipient = Some(field.behind_type().to_owned());
                return ended;
            }
            "original-recipient" => {
                // It stands before the final one or behind it; a second one is the next recipient's.
                let next = self.original_recipient.is_some();
                let ended = next.then(|| std::mem::take(self).finish()).flatten();
                self.original_recipient = Some(field.behind_type().to_owned());
                return ended;
            }
            "action" => self.action = field.value.to_ascii_lowercase(),
            "status" => self.status = field.status().map(|status| (status, field.line)),
            "remote-mta" => self.host = super::host(field.behind_type()),
            "diagnostic-code" => self.diagnostic = Some((field.value, field.line)),
            _ => {}
        }
        None
    }

    fn finish(self) -> Option<Found> {
        let recipient = self.final_recipient.or(self.original_recipient);
        let status = self.status.map(|(status, _)| status);
        let done = matches!(self.action.as_str(), "delivered" | "relayed" | "expanded");
        let found = match (self.diagnostic, self.status) {
            (Some((value, line)), _) => diagnosed(Field { name: String::new(), value, line }, status, done),
            // Other headers are named Status too; without a recipient it is none of ours.
            (None, Some((status, line))) if recipient.is_some() => {
                Found::of_text(&coded(Some(status), "", done), line)
            }
            _ => return None,
        };
        let recipient = recipient.as_deref().and_then(super::address).filter(|address| address.contains('@'));
        let returned = match self.action.as_str() {
            "failed" => Some(true),
            "delayed" => Some(false),
            _ => None,
        };
        Some(Found { recipient, returned, host: found.host.clone().or(self.host), ..found })
    }
}

/// What a Diagnostic-Code says. Of what a program gave back (`X-Unix; 255`) the number is no reply code.
fn diagnosed(field: Field, status: Option<EnhancedCode>, done: bool) -> Found {
    let kind = field.value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "x-unix" {
        return Found::of_text(&coded(status, &field.value, done), field.line);
    }
    let text = field.behind_type().trim_matches('"').trim();
    let told = reply_at_start(text, field.line).or_else(|| anywhere(text, field.line));
    let Some(found) = told else { return Found::of_text(&coded(status, text, done), field.line) };
    let class = found.reply.code().map(|code| code.0 / 100);
    // What says more than the code does.
    let telling = |status: &EnhancedCode| {
        Some(u16::from(status.class)) == class && (status.subject, status.detail) != (0, 0)
    };
    let status = status.filter(telling).filter(|_| found.reply.enhanced().is_none());
    Found { status, ..found }
}

/// Words with the status before them; where the mail was delivered, with the code that says so.
fn coded(status: Option<EnhancedCode>, words: &str, done: bool) -> String {
    let done = done || status.is_some_and(|status| status.class == 2);
    let status = status.map(|status| status.to_string()).filter(|status| !words.starts_with(status.as_str()));
    let parts = [done.then_some("250"), status.as_deref(), Some(words).filter(|words| !words.is_empty())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// The notification that a mail is, from its Content-Type on.
#[derive(Debug, Default)]
pub(super) struct Reports {
    under_way: Option<Report>,
    /// Whether the line before was a Content-Type whose value comes folded.
    folded: bool,
}

impl Reports {
    /// Sees where a notification begins and ends; gives what only the text of the one that ends has said.
    pub fn line(&mut self, line: &str) -> Vec<Found> {
        let value = match header(line, "content-type") {
            Some(value) => Some(value),
            None if self.folded && line.starts_with([' ', '\t']) => Some(line.trim()),
            None => None,
        };
        self.folded = value.is_some_and(|value| value.trim().is_empty());
        let begins = value.is_some_and(Report::is_one);
        let ends = self.under_way.as_mut().is_some_and(|report| report.ends(line));
        let ended = if begins || ends { self.finish() } else { Vec::new() };
        if begins {
            self.under_way = Some(Report::of(line));
        }
        ended
    }

    /// The fields have spoken: what the text said is said again.
    pub fn told(&mut self) {
        if let Some(report) = &mut self.under_way {
            report.told = true;
            report.held.clear();
        }
    }

    /// Keeps what the text of a notification says until its fields speak; gives back what stands outside of one.
    pub fn hold(&mut self, loose: Vec<Found>) -> Vec<Found> {
        match &mut self.under_way {
            Some(report) => {
                report.hold(loose);
                Vec::new()
            }
            None => loose,
        }
    }

    /// What only the text of the one under way has said.
    pub fn finish(&mut self) -> Vec<Found> {
        self.under_way.take().map(|report| report.held).unwrap_or_default()
    }
}

/// The value of a header of this name.
fn header<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    line.split_once(':').filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A `multipart/report`: its fields say in order what its text for people and the message it returns repeat.
#[derive(Debug, Default)]
struct Report {
    /// The line that ends it, once its boundary was read.
    end: Option<String>,
    /// What its text says, kept until the fields speak.
    held: Vec<Found>,
    told: bool,
}

/// More replies than this are not kept out of one text for people.
const MOST_HELD: usize = 64;

impl Report {
    /// Whether this type of content is one.
    fn is_one(value: &str) -> bool {
        let kind = "multipart/report";
        value.trim_start().get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind))
    }

    fn of(line: &str) -> Report {
        let mut report = Report::default();
        report.boundary(line);
        report
    }

    /// Whether this line ends it: its last boundary, or the next message of a mailbox, which tells a time of day.
    fn ends(&mut self, line: &str) -> bool {
        if self.end.is_none() {
            self.boundary(line);
        }
        let next = line.starts_with("From ") && line.matches(':').count() >= 2;
        next || self.end.as_deref().is_some_and(|end| line.trim_end() == end)
    }

    fn boundary(&mut self, line: &str) {
        let Some((_, value)) = line.split_once("boundary=") else { return };
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => value.split([';', ' ']).next(),
        };
        self.end = value.filter(|value| !value.is_empty()).map(|value| format!("--{value}--"));
    }

    fn hold(&mut self, loose: Vec<Found>) {
        if !self.told && self.held.len() < MOST_HELD {
            self.held.extend(loose);
        }
    }
}
