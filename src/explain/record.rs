//! Explanations as JSON: one object for each reply.

use std::borrow::Cow;

use super::extract::Found;
use super::{Confidence, Evidence, Explanation, Fix, Inference, Place, Reason, Situation, Text};
use crate::wire::{Class, EnhancedCode, Reply};

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
        self.fields(out);
        out.extend_from_slice(b"}\n");
    }

    /// The same with where the reply was found, and what the text around it tells.
    pub fn write_found(&self, found: &Found, out: &mut Vec<u8>) {
        self.fields(out);
        field(out, r#","line":"#, Some(found.line), number);
        field(out, r#","command":"#, found.verb.as_ref(), |out, verb| string(out, verb.as_str()));
        field(out, r#","host":"#, found.host.as_ref(), |out, host| string(out, host));
        field(out, r#","sender":"#, found.sender.as_ref(), |out, sender| string(out, sender));
        field(out, r#","recipient":"#, found.recipient.as_ref(), |out, recipient| string(out, recipient));
        field(out, r#","interim":"#, Some(found.interim), |out, interim| {
            out.extend_from_slice(if interim { b"true" } else { b"false" });
        });
        out.extend_from_slice(b"}\n");
    }

    fn fields(&self, out: &mut Vec<u8>) {
        let best = self.best();
        field(out, r#"{"code":"#, self.reply.code(), |out, code| number(out, code.0));
        field(out, r#","enhanced":"#, best.and_then(|e| e.enhanced), enhanced);
        field(out, r#","class":"#, self.reply.class(), |out, class| word(out, class_word(class)));
        field(out, r#","reason":"#, Some(best.map_or(Reason::UNKNOWN, |e| e.reason)), reason);
        if let Some(best) = best {
            explanation(out, best);
            list(out, r#","others":"#, &self.others, other);
        }
    }
}

fn explanation(out: &mut Vec<u8>, best: &Explanation) {
    field(out, r#","said":"#, Some(&best.said), |out, said| string(out, said));
    field(out, r#","standard":"#, best.standard.as_ref(), text);
    field(out, r#","inferred":"#, best.inferred.as_ref(), inference);
    list(out, r#","causes":"#, &best.causes, text);
    list(out, r#","fixes":"#, &best.fixes, fix);
    field(out, r#","place":"#, best.place.as_ref(), place);
    field(out, r#","actor":"#, Some(best.actor.as_str()), word);
    field(out, r#","provider":"#, best.provider, word);
    list(out, r#","sources":"#, &best.sources, text);
    list(out, r#","urls":"#, &best.urls, |out, url| string(out, url));
    field(out, r#","confidence":"#, Some(best.confidence.percent()), number);
    field(out, r#","certainty":"#, Some(best.confidence.level().as_str()), word);
    list(out, r#","evidence":"#, &best.evidence, evidence);
}

fn enhanced(out: &mut Vec<u8>, code: EnhancedCode) {
    out.push(b'"');
    number(out, code.class);
    out.push(b'.');
    number(out, code.subject);
    out.push(b'.');
    number(out, code.detail);
    out.push(b'"');
}

fn inference(out: &mut Vec<u8>, inference: &Inference) {
    field(out, r#"{"text":"#, Some(&inference.text), text);
    field(out, r#","because":"#, Some(&inference.because), text);
    out.push(b'}');
}

fn fix(out: &mut Vec<u8>, fix: &Fix) {
    field(out, r#"{"text":"#, Some(&fix.text), text);
    if fix.command.is_some() {
        field(out, r#","command":"#, fix.command.as_ref(), text);
    }
    out.push(b'}');
}

/// Counted in bytes from 0, as programs count.
fn place(out: &mut Vec<u8>, place: &Place) {
    field(out, r#"{"offset":"#, Some(place.at.start), number);
    field(out, r#","length":"#, Some(place.at.len()), number);
    field(out, r#","text":"#, Some(&place.what), |out, what| string(out, what));
    out.push(b'}');
}

fn evidence(out: &mut Vec<u8>, evidence: &Evidence) {
    field(out, r#"{"kind":"#, Some(evidence.kind.as_str()), word);
    field(out, r#","text":"#, Some(&evidence.text), text);
    field(out, r#","weight":"#, Some(evidence.weight), number);
    out.push(b'}');
}

fn other(out: &mut Vec<u8>, (slug, confidence): &(Reason, Confidence)) {
    field(out, r#"{"reason":"#, Some(*slug), reason);
    field(out, r#","confidence":"#, Some(confidence.percent()), number);
    out.push(b'}');
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

// Written by hand, as half the time of explaining a log goes into its JSON, and most of that, in serde_json, into
// looking for what must be escaped byte by byte. Names come with all that stands around them, so that each is one
// piece.

/// A field with its value, `null` where there is none.
#[inline]
fn field<T>(out: &mut Vec<u8>, name: &'static str, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    out.extend_from_slice(name.as_bytes());
    match value {
        Some(value) => write(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// A field with an array.
#[inline]
fn list<T>(out: &mut Vec<u8>, name: &'static str, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'[');
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn reason(out: &mut Vec<u8>, reason: Reason) {
    word(out, reason.slug());
}

/// What is borrowed comes from the tables or is written in this program: `build.rs` takes care that it needs no escapes.
#[inline]
fn text(out: &mut Vec<u8>, text: &Text) {
    match text {
        Cow::Borrowed(own) => word(out, own),
        Cow::Owned(made) => string(out, made),
    }
}

#[inline]
fn string(out: &mut Vec<u8>, text: &str) {
    if needs_escapes(text.as_bytes()) {
        // Cannot fail: a string, written to a vector.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    word(out, text);
}

/// A string that needs no escapes, as our own slugs do not.
#[inline]
fn word(out: &mut Vec<u8>, word: &str) {
    debug_assert!(!needs_escapes(word.as_bytes()), "{word}");
    out.reserve(word.len() + 2);
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

/// Whether JSON wants something in the text escaped. Each byte of a run has a place of its own to be noted in, so that
/// compilers look at a run with few instructions; the last run reaches back into the one before.
fn needs_escapes(text: &[u8]) -> bool {
    const RUN: usize = 16;
    let special = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    let Some(last) = text.last_chunk::<RUN>() else {
        return text.iter().fold(false, |found, byte| found | special(*byte));
    };
    let mut found = [false; RUN];
    for run in text.as_chunks::<RUN>().0.iter().chain([last]) {
        found.iter_mut().zip(run).for_each(|(found, byte)| *found |= special(*byte));
    }
    found.iter().fold(false, |any, found| any | found)
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
    fn what_was_found_says_where() {
        let mut found = Found::of_text("550 5.1.1 no", 7);
        (found.recipient, found.interim) = (Some("\"b\"@example.net".to_owned()), true);
        found.answered("RCPT TO");
        let mut out = Vec::new();
        Record::of(&found.situation()).write_found(&found, &mut out);
        let record: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            (&record["line"], &record["command"], &record["code"]),
            (&7.into(), &"RCPT".into(), &550.into())
        );
        assert_eq!((&record["recipient"], &record["interim"]), (&"\"b\"@example.net".into(), &true.into()));
        assert!(record["host"].is_null() && record["sender"].is_null());
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
