//! Entries as JSON lines; the schema is `docs/transcript-json.md`.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

use super::super::info::{Attributes, Info, TlsSummary};
use super::super::{Entry, EntryKind, Header, LineEnd, Payload, Piece, SecretMark, grammar, text};

mod plain;

/// Appends an entry as one line of JSON. It holds no character that could harm a terminal.
pub fn write_entry(out: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
    if plain::write(out, entry) { Ok(()) } else { write_line(out, &EntryJson(entry)) }
}

/// Writes the header as one line of JSON, `"kind":"session"`.
pub fn write_header(out: &mut impl Write, header: &Header) -> io::Result<()> {
    write_line(out, &HeaderJson(header))
}

/// An entry as one line of JSON, without the line feed.
pub fn to_string(entry: &Entry) -> String {
    string_of(|out| write_entry(out, entry))
}

/// Any value as one line of JSON, without the line feed, as harmless as an entry.
pub fn line_of(value: &impl Serialize) -> String {
    string_of(|out| write_line(out, value))
}

fn string_of(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    // Writing to memory does not fail, and every value here has a form in JSON.
    let _ = write(&mut out);
    out.pop();
    String::from_utf8(out).unwrap_or_default()
}

/// Writes any value as one line of JSON that holds no character that could harm a terminal.
pub(crate) fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, Harmless);
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// Escapes what [`text::is_plain`] does not let pass, above what JSON itself asks for.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().fold(true, |ascii, b| ascii & matches!(b, b' '..=b'~')) {
            return CompactFormatter.write_string_fragment(out, fragment);
        }
        for c in fragment.chars() {
            let mut buffer = [0; 4];
            match text::is_plain(c) {
                true => out.write_all(c.encode_utf8(&mut buffer).as_bytes())?,
                false => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(out, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// An entry with the keys of the schema.
pub(crate) struct EntryJson<'a>(pub(crate) &'a Entry);

impl Serialize for EntryJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let EntryKind::Session(header) = &self.0.kind {
            return HeaderJson(header).serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        if let Some(at) = self.0.at {
            // Whole microseconds below 2^53 are exact in a double, and a session does not last three centuries.
            let micros = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
            map.serialize_entry("at", &(micros as f64 / 1e6))?;
        }
        match &self.0.kind {
            EntryKind::Sent { tls, line } => {
                map.serialize_entry("kind", "sent")?;
                map.serialize_entry("tls", tls)?;
                payload(&mut map, line)?;
            }
            EntryKind::Received { tls, error, line } => {
                map.serialize_entry("kind", "received")?;
                map.serialize_entry("tls", tls)?;
                map.serialize_entry("error", error)?;
                payload(&mut map, line)?;
            }
            EntryKind::Info(info) => info_fields(&mut map, info)?,
            EntryKind::Problem(words) => pair(&mut map, "problem", words)?,
            EntryKind::Note(words) => pair(&mut map, "note", words)?,
            EntryKind::Comment(words) => pair(&mut map, "comment", words)?,
            EntryKind::Header(name, value) => {
                map.serialize_entry("kind", "header")?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("value", value)?;
            }
            EntryKind::Other { arrow, rest } => {
                map.serialize_entry("kind", "other")?;
                map.serialize_entry("arrow", arrow)?;
                map.serialize_entry("raw", rest)?;
            }
            EntryKind::Session(_) => {}
        }
        map.end()
    }
}

fn pair<M: SerializeMap>(map: &mut M, kind: &str, text: &str) -> Result<(), M::Error> {
    map.serialize_entry("kind", kind)?;
    map.serialize_entry("text", text)
}

fn maybe<M: SerializeMap>(map: &mut M, key: &str, value: &Option<impl Serialize>) -> Result<(), M::Error> {
    value.as_ref().map_or(Ok(()), |value| map.serialize_entry(key, value))
}

fn payload<M: SerializeMap>(map: &mut M, line: &Payload) -> Result<(), M::Error> {
    match line.bytes().map(std::str::from_utf8) {
        Some(Ok(exact)) => map.serialize_entry("text", exact)?,
        _ => {
            map.serialize_entry("text", &lossy(line))?;
            map.serialize_entry("pieces", &line.pieces.iter().map(PieceJson).collect::<Vec<_>>())?;
        }
    }
    match line.ending {
        LineEnd::CrLf => Ok(()),
        LineEnd::Lf => map.serialize_entry("end", "lf"),
        LineEnd::Cr => map.serialize_entry("end", "cr"),
        LineEnd::None => map.serialize_entry("end", "none"),
    }
}

/// For people and searches: bytes that are not UTF-8 are replaced, marks are spelt as in a transcript.
fn lossy(line: &Payload) -> String {
    let mut out = String::new();
    for piece in &line.pieces {
        match piece {
            Piece::Bytes(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
            mark => out.push_str(&Payload::from_piece(mark.clone()).to_visible()),
        }
    }
    out
}

struct PieceJson<'a>(&'a Piece);

impl Serialize for PieceJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self.0 {
            Piece::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => map.serialize_entry("text", text)?,
                Err(_) => map.serialize_entry("base64", &STANDARD.encode(bytes))?,
            },
            Piece::Secret(mark) => map.serialize_entry("secret", &SecretJson(mark))?,
            Piece::Data { bytes, sha256: Some(sha256) } => {
                let data = serde_json::json!({"bytes": bytes, "sha256": text::hex(sha256)});
                map.serialize_entry("data", &data)?;
            }
            Piece::Data { bytes, sha256: None } => {
                map.serialize_entry("data", &serde_json::json!({"bytes": bytes}))?;
            }
            Piece::Other(inner) => map.serialize_entry("other", inner)?,
        }
        map.end()
    }
}

struct SecretJson<'a>(&'a SecretMark);

impl Serialize for SecretJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        maybe(&mut map, "sasl", &self.0.sasl)?;
        maybe(&mut map, "what", &self.0.what)?;
        maybe(&mut map, "user", &self.0.user)?;
        if self.0.no_base64 {
            map.serialize_entry("no-base64", &true)?;
        }
        if self.0.echo {
            map.serialize_entry("echo", &true)?;
        }
        others(&mut map, &self.0.other)?;
        map.end()
    }
}

/// Attributes without a field of their own, as pairs in order; a bare word has `null` for its value.
fn others<M: SerializeMap>(map: &mut M, attributes: &Attributes) -> Result<(), M::Error> {
    if attributes.is_empty() { Ok(()) } else { map.serialize_entry("other", attributes) }
}

fn info_fields<M: SerializeMap>(map: &mut M, info: &Info) -> Result<(), M::Error> {
    match info {
        Info::Connected { peer, local } => {
            map.serialize_entry("kind", "connected")?;
            map.serialize_entry("peer", peer)?;
            maybe(map, "local", local)
        }
        Info::Tls(tls) => tls_fields(map, tls),
        Info::Closed { by } => {
            map.serialize_entry("kind", "closed")?;
            map.serialize_entry("by", by.as_str())
        }
        Info::Quirk(words) => pair(map, "quirk", words),
        Info::Timeout { what, after } => {
            map.serialize_entry("kind", "timeout")?;
            map.serialize_entry("what", what)?;
            maybe(map, "after", &after.map(|d| d.as_millis() as f64 / 1e3))
        }
        Info::Other(raw) => {
            map.serialize_entry("kind", "info")?;
            map.serialize_entry("raw", raw)?;
            word_fields(map, raw)
        }
    }
}

/// The word of an entry that has no type of its own, and its attributes, where it has the form of such.
fn word_fields<M: SerializeMap>(map: &mut M, raw: &str) -> Result<(), M::Error> {
    let (word, rest) = raw.split_at(raw.find(' ').unwrap_or(raw.len()));
    match grammar::attributes(rest.as_bytes()) {
        Ok((b"", found)) => {
            map.serialize_entry("word", word)?;
            others(map, &found)
        }
        _ => Ok(()),
    }
}

fn tls_fields<M: SerializeMap>(map: &mut M, tls: &TlsSummary) -> Result<(), M::Error> {
    let time = |t: &chrono::DateTime<chrono::Utc>| t.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    map.serialize_entry("kind", "tls")?;
    maybe(map, "version", &tls.version)?;
    maybe(map, "cipher", &tls.cipher)?;
    maybe(map, "verified", &tls.verified)?;
    maybe(map, "why", &tls.why)?;
    if tls.insecure {
        map.serialize_entry("insecure", &true)?;
    }
    maybe(map, "subject", &tls.subject)?;
    maybe(map, "issuer", &tls.issuer)?;
    maybe(map, "not_before", &tls.not_before.as_ref().map(time))?;
    maybe(map, "not_after", &tls.not_after.as_ref().map(time))?;
    others(map, &tls.other)
}

struct HeaderJson<'a>(&'a Header);

impl Serialize for HeaderJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let header = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", "session")?;
        map.serialize_entry("heloise", &header.version)?;
        maybe(&mut map, "target", &header.target)?;
        let started = header.started.map(|t| t.to_rfc3339_opts(chrono::SecondsFormat::Micros, false));
        maybe(&mut map, "started", &started)?;
        maybe(&mut map, "client", &header.client)?;
        maybe(&mut map, "title", &header.title)?;
        if !header.other.is_empty() {
            map.serialize_entry("other", &header.other)?;
        }
        map.end()
    }
}

/// JSON lines as a form of export.
#[derive(Clone, Debug, Default)]
pub struct Json {
    /// The line under way: a serializer writes in pieces of a few bytes, which is dear where `out` is one of many kinds.
    line: Vec<u8>,
}

impl super::Export for Json {
    fn begin(&mut self, mut out: &mut dyn Write, header: &Header) -> io::Result<()> {
        write_header(&mut out, header)
    }

    fn entry(
        &mut self,
        out: &mut dyn Write,
        entry: &Entry,
        note: Option<&super::Annotation>,
    ) -> io::Result<()> {
        self.line.clear();
        write_entry(&mut self.line, entry)?;
        if let Some(note) = note {
            let lines: Vec<_> =
                note.lines.iter().map(|(label, text)| serde_json::json!([label, text])).collect();
            let value = serde_json::json!({"kind": "explanation", "headline": note.headline, "lines": lines});
            write_line(&mut self.line, &value)?;
        }
        out.write_all(&self.line)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::transcript::{Reader, redact};

    fn json(line: &str) -> Value {
        let file = format!("%heloise 1\n# first\n{line}\n");
        let entry = Reader::new(file.as_bytes()).unwrap().last().unwrap().unwrap();
        serde_json::from_str(&to_string(&entry)).unwrap()
    }

    #[test]
    fn kinds_and_their_keys() {
        let cases = [
            (
                "0.031204 <- 220 x",
                r#"{"at":0.031204,"kind":"received","tls":false,"error":false,"text":"220 x"}"#,
            ),
            (" ~> NOOP\\n", r#"{"kind":"sent","tls":true,"text":"NOOP","end":"lf"}"#),
            ("=== closed by=server", r#"{"kind":"closed","by":"server"}"#),
            ("=== connected a:25 from b:1", r#"{"kind":"connected","peer":"a:25","local":"b:1"}"#),
            ("=== quirk odd", r#"{"kind":"quirk","text":"odd"}"#),
            ("=== timeout reply after=1.5", r#"{"kind":"timeout","what":"reply","after":1.5}"#),
            (
                "=== new thing=1",
                r#"{"kind":"info","raw":"new thing=1","word":"new","other":[["thing","1"]]}"#,
            ),
            ("=== new \"thing", r#"{"kind":"info","raw":"new \"thing"}"#),
            ("### note here", r#"{"kind":"note","text":"here"}"#),
            ("# here", r#"{"kind":"comment","text":" here"}"#),
            ("*** no route", r#"{"kind":"problem","text":"no route"}"#),
            ("%late header", r#"{"kind":"header","name":"late","value":"header"}"#),
            ("!!! x y", r#"{"kind":"other","arrow":"!!!","raw":"x y"}"#),
            (
                "=== tls TLSv1.2 - verified=no why=\"self-signed\" insecure=yes not-after=2027-01-02T00:00:00Z x=1",
                r#"{"kind":"tls","version":"TLSv1.2","verified":false,"why":"self-signed","insecure":true,
                    "not_after":"2027-01-02T00:00:00Z","other":[["x","1"]]}"#,
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(json(line), serde_json::from_str::<Value>(expected).unwrap(), "{line}");
        }
    }

    #[test]
    fn bytes_and_marks_are_exact_in_pieces() {
        let value = json(
            " -> a\\xff{secret sasl=X user=\"u\"}b{data 5 sha256=0000000000000000000000000000000000000000000000000000000000000000}",
        );
        let pieces = r#"[{"base64":"Yf8="},{"secret":{"sasl":"X","user":"u"}},{"text":"b"},
            {"data":{"bytes":5,"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}}]"#;
        assert_eq!(value["pieces"], serde_json::from_str::<Value>(pieces).unwrap());
        assert!(value["text"].as_str().unwrap().starts_with("a\u{fffd}{secret"));
    }

    #[test]
    fn nothing_in_it_harms_a_terminal() {
        let hostile = "220 \x1b[2J \u{9b}m \u{202e}\u{feff} \u{e0041} \x7f \" \\ fin";
        let line = redact::received(hostile.as_bytes(), None);
        let entry = Entry { at: None, kind: EntryKind::Received { tls: true, error: false, line } };
        let shown = to_string(&entry);
        assert!(shown.chars().all(text::is_plain), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["text"], hostile);
    }

    #[test]
    fn times_are_exact_to_the_microsecond() {
        for micros in [0u64, 1, 31_204, 4_118_900, 86_400_000_001, 31_536_000_123_457] {
            let entry = Entry::new(std::time::Duration::from_micros(micros), EntryKind::Note("x".into()));
            let value: Value = serde_json::from_str(&to_string(&entry)).unwrap();
            assert_eq!((value["at"].as_f64().unwrap() * 1e6).round() as u64, micros);
        }
    }
}
