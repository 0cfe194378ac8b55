//! Log lines that are JSON objects: of journald (`journalctl -o json`), of containers, and of `postqueue -j`. What else is
//! in JSON may be an event that a sending service reports (see [`super::events`]).

use serde::Deserialize;

use super::events;
use super::postfix;
use super::{Read, Told};
use crate::explain::extract::Found;

/// What is read of such an object; what else it holds is passed over.
#[derive(Deserialize)]
struct Line {
    #[serde(alias = "MESSAGE", alias = "log", alias = "msg")]
    message: Option<String>,
    sender: Option<String>,
    #[serde(default)]
    recipients: Vec<Recipient>,
}

/// A recipient of a mail in Postfix's queue.
#[derive(Deserialize)]
struct Recipient {
    address: String,
    delay_reason: Option<String>,
}

pub(super) fn find(line: &str, number: usize) -> Read {
    let object: Line = match line.trim_start().as_bytes().first()? {
        b'{' => match serde_json::from_str(line.trim_end().trim_end_matches(',')) {
            Ok(object) => object,
            Err(_) => return events::find(line, number),
        },
        b'[' | b'"' => return events::find(line, number),
        _ => return None,
    };
    if let Some(message) = object.message {
        // An object in an object is not looked into.
        return Some(if message.starts_with('{') {
            Vec::new()
        } else {
            super::find(message.trim_end(), number)
        });
    }
    if object.recipients.is_empty() {
        return events::find(line, number);
    }
    let waiting = object.recipients.iter().filter_map(|recipient| {
        let found = postfix::told(recipient.delay_reason.as_deref()?, number)?;
        let found = found.of(Some(&recipient.address)).from(object.sender.as_deref());
        Some(Found { returned: Some(false), ..found })
    });
    Some(waiting.collect())
}
