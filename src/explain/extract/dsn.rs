//! Delivery status notifications: the fields of `message/delivery-status` (RFC 3464 §2.3).

use super::Found;

/// Collects the fields of one recipient.
#[derive(Debug, Default)]
pub(super) struct Reader {
    diagnostic: Option<(String, usize)>,
    status: Option<(String, usize)>,
    recipient: Option<String>,
    host: Option<String>,
    /// The field that a folded line goes on with.
    last: Option<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Diagnostic,
    Other,
}

/// More text than this in one Diagnostic-Code is not kept, in bytes.
const ENOUGH: usize = 16 * 1024;

impl Reader {
    /// Whether a group of fields is under way.
    pub fn is_inside(&self) -> bool {
        self.last.is_some()
    }

    /// Reads a line; gives the reply of the recipient whose fields it ends.
    pub fn line(&mut self, line: &str, number: usize) -> Option<Found> {
        if line.starts_with([' ', '\t']) && self.last.is_some() {
            if let Some((text, _)) = self.diagnostic.as_mut().filter(|_| self.last == Some(Field::Diagnostic))
                && text.len() < ENOUGH
            {
                text.push(' ');
                text.push_str(line.trim());
            }
            return None;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        let behind_type = || value.split_once(';').map_or(value, |(_, rest)| rest).trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "final-recipient" | "original-recipient" => {
                // A new recipient without an empty line between is a new group all the same.
                let ended = if self.diagnostic.is_some() { self.finish() } else { None };
                self.recipient = Some(behind_type());
                self.last = Some(Field::Other);
                return ended;
            }
            "status" if value.starts_with(['2', '4', '5']) && value.len() < 12 => {
                self.status = Some((value.to_owned(), number));
                self.last = Some(Field::Other);
            }
            "remote-mta" => {
                self.host = Some(behind_type());
                self.last = Some(Field::Other);
            }
            "diagnostic-code" => {
                self.diagnostic = Some((behind_type(), number));
                self.last = Some(Field::Diagnostic);
            }
            "action"
            | "last-attempt-date"
            | "will-retry-until"
            | "reporting-mta"
            | "arrival-date"
            | "final-log-id"
            | "original-envelope-id"
            | "received-from-mta"
            | "dsn-gateway"
                if self.last.is_some() => {}
            _ if name.to_ascii_lowercase().starts_with("x-") && self.last.is_some() => {}
            _ => return self.finish(),
        }
        None
    }

    /// The reply of the group under way.
    pub fn finish(&mut self) -> Option<Found> {
        let group = std::mem::take(self);
        let status = group.status.as_ref().map(|(status, _)| status.as_str());
        let (text, line) = match (&group.diagnostic, &group.status) {
            (Some((text, line)), _) => (text.clone(), *line),
            // Other headers are named Status too; without a recipient it is none of ours.
            (None, Some((status, line))) if group.recipient.is_some() => (status.clone(), *line),
            _ => return None,
        };
        let coded = text.get(..3).is_some_and(|c| c.bytes().all(|b| b.is_ascii_digit()));
        let text = match status {
            Some(status) if !coded && !text.starts_with(status) => format!("{status} {text}"),
            _ => text,
        };
        let mut found = Found::of_text(&text, line);
        found.recipient = group.recipient.filter(|r| r.contains('@'));
        found.host = group.host;
        Some(found)
    }
}

/// A `multipart/report`: its fields say in order what its text for people and the message it returns repeat.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The line that ends it, once its boundary was read.
    end: Option<String>,
    /// What its text says, kept until the fields speak.
    held: Vec<Found>,
    told: bool,
}

/// More replies than this are not kept out of one text for people.
const MOST_HELD: usize = 64;

impl Report {
    /// Whether this line begins one.
    pub fn begins(line: &str) -> bool {
        let type_of = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        type_of.is_some_and(|(_, value)| {
            let kind = b"multipart/report";
            value
                .trim_start()
                .as_bytes()
                .get(..kind.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(kind))
        })
    }

    pub fn of(line: &str) -> Report {
        let mut report = Report::default();
        report.boundary(line);
        report
    }

    /// Whether this line ends it: its last boundary, or the next message of a mailbox.
    pub fn ends(&mut self, line: &str) -> bool {
        if self.end.is_none() {
            self.boundary(line);
        }
        line.starts_with("From ") || self.end.as_deref().is_some_and(|end| line.trim_end() == end)
    }

    fn boundary(&mut self, line: &str) {
        let Some((_, value)) = line.split_once("boundary=") else { return };
        let value = match value.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next(),
            None => value.split([';', ' ']).next(),
        };
        self.end = value.filter(|value| !value.is_empty()).map(|value| format!("--{value}--"));
    }

    /// Its fields have spoken.
    pub fn told(&mut self) {
        self.told = true;
        self.held.clear();
    }

    pub fn hold(&mut self, loose: Vec<Found>) {
        if !self.told && self.held.len() < MOST_HELD {
            self.held.extend(loose);
        }
    }

    /// What only its text says.
    pub fn finish(self) -> Vec<Found> {
        self.held
    }
}
