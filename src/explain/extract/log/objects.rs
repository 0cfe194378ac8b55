//! Log lines that are JSON objects: of journald (`journalctl -o json`), of containers, and of `postqueue -j`.

use serde::Deserialize;

use super::postfix;
use super::{Read, Told};

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
    let object: Line = line.starts_with('{').then(|| serde_json::from_str(line).ok())??;
    if let Some(message) = object.message {
        // An object in an object is not looked into.
        return Some(if message.starts_with('{') {
            Vec::new()
        } else {
            super::find(message.trim_end(), number)
        });
    }
    let waiting = object.recipients.iter().filter_map(|recipient| {
        let found = postfix::told(recipient.delay_reason.as_deref()?, number)?;
        Some(found.of(Some(&recipient.address)).from(object.sender.as_deref()))
    });
    Some(waiting.collect())
}
