//! Explanations as JSON: one object for each reply.

use std::io::Write as _;

use super::{Confidence, Evidence, Explanation, Fix, Inference, Place, Reason, Situation, Text};
use crate::wire::{Class, Reply};

/// The best reading of a reply, and the others by name, ready to be written as JSON.
#[derive(Debug)]
pub struct Record<'a> {
    reply: &'a Reply,
    best: Option<Explanation>,
    others: Vec<(Reason, Confidence)>,
}

impl<'a> Record<'a> {
    /// Explains a reply in its situation.
    pub fn of(situation: &Situation<'a>) -> Self {
        let (best, others) = super::explain_best(situation);
        Record { reply: situation.reply, best, others }
    }

    /// The best reading.
    pub fn best(&self) -> Option<&Explanation> {
        self.best.as_ref()
    }

    /// Appends the record as one line of JSON with its line end.
    pub fn write(&self, out: &mut Vec<u8>) {
        let best = self.best();
        object(out, |json| {
            json.field("code", self.reply.code().map(|c| c.0), number);
            json.field("enhanced", best.and_then(|e| e.enhanced), |out, code| string(out, &code.to_string()));
            json.field("class", self.reply.class(), |out, class| string(out, class_word(class)));
            json.field("reason", best.map_or(Some(Reason::UNKNOWN), |e| Some(e.reason)), reason);
            if let Some(best) = best {
                explanation(json, best);
                json.list("others", &self.others, |out, (slug, confidence)| {
                    object(out, |json| {
                        json.field("reason", Some(*slug), reason);
                        json.field("confidence", Some(confidence.percent()), number);
                    });
                });
            }
        });
        out.push(b'\n');
    }
}

fn explanation(json: &mut Object<'_>, best: &Explanation) {
    json.field("said", Some(&best.said), |out, said| string(out, said));
    json.field("standard", best.standard.as_ref(), text);
    json.field("inferred", best.inferred.as_ref(), inference);
    json.list("causes", &best.causes, text);
    json.list("fixes", &best.fixes, fix);
    json.field("place", best.place.as_ref(), place);
    json.field("actor", Some(best.actor.as_str()), string);
    json.field("provider", best.provider, string);
    json.list("sources", &best.sources, text);
    json.list("urls", &best.urls, |out, url| string(out, url));
    json.field("confidence", Some(best.confidence.percent()), number);
    json.field("certainty", Some(best.confidence.level().as_str()), string);
    json.list("evidence", &best.evidence, evidence);
}

fn inference(out: &mut Vec<u8>, inference: &Inference) {
    object(out, |json| {
        json.field("text", Some(&inference.text), text);
        json.field("because", Some(&inference.because), text);
    });
}

fn fix(out: &mut Vec<u8>, fix: &Fix) {
    object(out, |json| {
        json.field("text", Some(&fix.text), text);
        if fix.command.is_some() {
            json.field("command", fix.command.as_ref(), text);
        }
    });
}

/// Counted in bytes from 0, as programs count.
fn place(out: &mut Vec<u8>, place: &Place) {
    object(out, |json| {
        json.field("offset", Some(place.at.start as u64), number);
        json.field("length", Some(place.at.len() as u64), number);
        json.field("text", Some(&place.what), |out, what| string(out, what));
    });
}

fn evidence(out: &mut Vec<u8>, evidence: &Evidence) {
    object(out, |json| {
        json.field("kind", Some(evidence.kind.as_str()), string);
        json.field("text", Some(&evidence.text), text);
        json.field("weight", Some(evidence.weight), number);
    });
}

/// The word for a class, as JSON and screen have it.
pub fn class_word(class: Class) -> &'static str {
    match class {
        Class::Completion => "completion",
        Class::Intermediate => "intermediate",
        Class::Transient => "temporary",
        Class::Permanent => "permanent",
    }
}

/// An object under way. Written by hand, as half the time of explaining a log goes into its JSON, and most of that,
/// in serde_json, into looking for what must be escaped byte by byte.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    begun: bool,
}

fn object(out: &mut Vec<u8>, fields: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    let mut json = Object { out, begun: false };
    fields(&mut json);
    json.out.push(b'}');
}

impl Object<'_> {
    /// A field with its value, `null` where there is none. The name needs no escapes.
    fn field<T>(&mut self, name: &str, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
        let out = self.name(name);
        match value {
            Some(value) => write(out, value),
            None => out.extend_from_slice(b"null"),
        }
    }

    /// A field with an array.
    fn list<T>(&mut self, name: &str, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
        let out = self.name(name);
        out.push(b'[');
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            write(out, item);
        }
        out.push(b']');
    }

    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.begun { b",\"" } else { b"\"" });
        self.begun = true;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }
}

fn number<N: Into<u64>>(out: &mut Vec<u8>, number: N) {
    // Cannot fail: to a vector.
    let _ = write!(out, "{}", number.into());
}

fn reason(out: &mut Vec<u8>, reason: Reason) {
    string(out, reason.slug());
}

fn text(out: &mut Vec<u8>, text: &Text) {
    string(out, text);
}

fn string(out: &mut Vec<u8>, text: &str) {
    if needs_escapes(text) {
        // Cannot fail: a string, written to a vector.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Whether JSON wants something in the text escaped. Whole runs are looked at at once, without a way out in between,
/// as compilers make few instructions of that.
fn needs_escapes(text: &str) -> bool {
    let special = |found: bool, byte: &u8| found | (*byte < b' ') | (*byte == b'"') | (*byte == b'\\');
    text.as_bytes().chunks(32).any(|run| run.iter().fold(false, special))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ReplyLine;

    fn written(text: &str) -> serde_json::Value {
        let reply = text.split('\n').map(ReplyLine::crlf).collect();
        let mut out = Vec::new();
        Record::of(&Situation::of(&reply)).write(&mut out);
        assert_eq!(out.pop(), Some(b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn what_is_written_is_json() {
        let record = written("550 5.1.1 \"bob\" \\ User unknown; see https://example.org/a");
        assert_eq!(record["code"], 550);
        assert_eq!(record["enhanced"], "5.1.1");
        assert_eq!(record["class"], "permanent");
        assert_eq!(record["reason"], "user-unknown");
        assert_eq!(record["said"], "\"bob\" \\\\ User unknown; see https://example.org/a");
        assert_eq!(record["urls"], serde_json::json!(["https://example.org/a"]));
        assert_eq!(record["certainty"], "certain");
        assert!(record["causes"].as_array().is_some_and(|causes| !causes.is_empty()));
        assert!(record["fixes"][0]["text"].is_string());
        assert!(record["evidence"][0]["weight"].is_u64());
        assert_eq!(record["provider"], serde_json::Value::Null);
        assert_eq!(written("")["reason"], "unknown");
    }

    #[test]
    fn strings_are_those_of_serde() {
        let long = "plain text of more than a run ".repeat(3);
        for text in
            ["", "plain", "a\"b", "a\\b", "tab\t", "nul\0", "del\x7f", "é不", &long, &format!("{long}\u{1}")]
        {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(text).unwrap());
        }
    }
}
