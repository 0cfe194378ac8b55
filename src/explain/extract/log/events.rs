//! What services that send mail report in JSON, an object a line: Amazon SES, SendGrid, Mailgun, Postmark, SparkPost.
//!
//! Their objects differ, and what is in them is named much alike: a text with the reply, and beside or above it an address.

use serde_json::{Map, Value};

use super::{Read, Told};
use crate::explain::extract::Found;
use crate::wire::ReplyLine;

/// Keys of a text with a reply in it, in lower case without marks; the best first.
const TEXTS: [&str; 8] = [
    "diagnosticcode",
    "rawreason",
    "smtpresponse",
    "details",
    "response",
    "reason",
    "message",
    "description",
];

/// Keys of the recipient.
const RECIPIENTS: [&str; 5] = ["emailaddress", "email", "recipient", "rcptto", "finalrecipient"];

/// Keys of the host that answered.
const HOSTS: [&str; 3] = ["mxhost", "remotemta", "mta"];

/// Objects within objects, and objects in strings, are looked into so far.
const DEEPEST: usize = 16;

/// The replies in a line of JSON: a value, an element of a list, or a member with an object in a string.
pub(super) fn find(line: &str, number: usize) -> Read {
    let line = line.trim().trim_end_matches(',');
    let element = || line.trim_start_matches('[').trim_end_matches(']').trim();
    let value: Value = match line.as_bytes().first()? {
        b'"' if line.contains("\"{") => serde_json::from_str(&format!("{{{line}}}")).ok()?,
        b'{' | b'[' => serde_json::from_str(line).or_else(|_| serde_json::from_str(element())).ok()?,
        _ => return None,
    };
    let mut found = Vec::new();
    look(&value, &Around::default(), number, DEEPEST, &mut found);
    (!found.is_empty()).then_some(found)
}

/// What the objects around tell.
#[derive(Clone, Copy, Default)]
struct Around<'v> {
    recipient: Option<&'v str>,
    host: Option<&'v str>,
}

fn look(value: &Value, around: &Around<'_>, number: usize, depth: usize, found: &mut Vec<Found>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Array(list) => list.iter().for_each(|one| look(one, around, number, depth, found)),
        Value::String(text) if text.starts_with('{') => {
            if let Ok(inside) = serde_json::from_str(text) {
                look(&inside, around, number, depth, found);
            }
        }
        Value::Object(object) => {
            let around = Around {
                recipient: text_of(object, &RECIPIENTS).or(around.recipient),
                host: text_of(object, &HOSTS).or(around.host),
            };
            // Of several texts in one object, all tell the same.
            if let Some(reply) = reply_in(object, number) {
                let host = around.host.map(|host| host.strip_prefix("dns; ").unwrap_or(host));
                found.push(reply.of(around.recipient).at(host));
                return;
            }
            object.values().for_each(|one| look(one, &around, number, depth, found));
        }
        _ => {}
    }
}

/// The reply that one of the texts of an object holds.
fn reply_in(object: &Map<String, Value>, number: usize) -> Option<Found> {
    let texts = TEXTS.iter().filter_map(|key| text_of(object, &[key]));
    texts.into_iter().find_map(|text| {
        // Mailgun has the code beside its text.
        let code = object.get("code").and_then(Value::as_u64).filter(|code| (400..600).contains(code));
        let said = text.strip_prefix("smtp;").unwrap_or(text).trim_start();
        let whole = |said: &str| {
            let error = ReplyLine::crlf(said.as_bytes()).code.is_some_and(|code| code.is_error());
            error.then(|| Found::of_text(said, number))
        };
        whole(said).or_else(|| whole(&format!("{} {said}", code?))).or_else(|| super::told(said, number))
    })
}

/// The text behind the first of these keys that the object has.
fn text_of<'v>(object: &'v Map<String, Value>, keys: &[&str]) -> Option<&'v str> {
    let is = |name: &str, key: &str| {
        let letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
        letters.eq(key.bytes())
    };
    keys.iter().find_map(|key| object.iter().find(|(name, _)| is(name, key))?.1.as_str())
}
