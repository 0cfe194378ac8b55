//! Explanations as JSON: one object for each reply.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{Confidence, Explanation, Reason, Situation};
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
        // Cannot fail: writing to a vector, and a structure without odd keys.
        if serde_json::to_writer(&mut *out, self).is_ok() {
            out.push(b'\n');
        }
    }
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

struct Other<'a>(&'a (Reason, Confidence));

impl Serialize for Other<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Other", 2)?;
        out.serialize_field("reason", &self.0.0)?;
        out.serialize_field("confidence", &self.0.1.percent())?;
        out.end()
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Record", 17)?;
        out.serialize_field("code", &self.reply.code().map(|c| c.0))?;
        let best = self.best();
        let enhanced = best.and_then(|e| e.enhanced).map(Shown);
        out.serialize_field("enhanced", &enhanced)?;
        out.serialize_field("class", &self.reply.class().map(class_word))?;
        let Some(best) = best else {
            out.serialize_field("reason", &Reason::UNKNOWN)?;
            return out.end();
        };
        out.serialize_field("reason", &best.reason)?;
        out.serialize_field("said", &best.said)?;
        out.serialize_field("standard", &best.standard)?;
        out.serialize_field("inferred", &best.inferred)?;
        out.serialize_field("causes", &best.causes)?;
        out.serialize_field("fixes", &best.fixes)?;
        out.serialize_field("actor", &best.actor)?;
        out.serialize_field("provider", &best.provider)?;
        out.serialize_field("sources", &best.sources)?;
        out.serialize_field("urls", &best.urls)?;
        out.serialize_field("confidence", &best.confidence.percent())?;
        out.serialize_field("certainty", &best.confidence.level())?;
        out.serialize_field("evidence", &best.evidence)?;
        let others: Vec<Other<'_>> = self.others.iter().map(Other).collect();
        out.serialize_field("others", &others)?;
        out.end()
    }
}

struct Shown(EnhancedCode);

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
