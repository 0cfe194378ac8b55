//! Pseudonyms, for transcripts that leave the house: names, addresses and content that are nobody else's
//! business. The same name gets the same pseudonym throughout, and a host stays in its domain, so that what
//! happened can still be understood.

mod hidden;
mod names;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use self::names::Names;
use super::redact::{self, base64_loose};
use super::track::{Role, Tracker};
use super::{Entry, EntryKind, Header, Info, Payload, Piece};
use crate::wire::Verb;

/// What to replace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct What {
    /// Mail addresses and user names: `user1@domain1.example`.
    pub addresses: bool,
    /// Names of hosts: `h1.domain1.example`.
    pub hosts: bool,
    /// IP addresses: `192.0.2.1`, `2001:db8::1`. Loopback stays.
    pub ips: bool,
    /// Message content: letters and digits become `x`. Names of header fields stay.
    pub content: bool,
    /// Subject fields: `subject 1`.
    pub subjects: bool,
}

impl What {
    /// Everything.
    pub const ALL: What = What { addresses: true, hosts: true, ips: true, content: true, subjects: true };

    /// From words with commas between them: `addresses,hosts,ips,content,subjects` or `all`. Gives back the
    /// first word that is not known.
    pub fn parse(words: &str) -> Result<What, String> {
        let mut what = What::default();
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "addresses" => what.addresses = true,
                "hosts" => what.hosts = true,
                "ips" => what.ips = true,
                "content" => what.content = true,
                "subjects" => what.subjects = true,
                "all" => what = What::ALL,
                other => return Err(other.to_owned()),
            }
        }
        Ok(what)
    }
}

/// Where in a message the line under way stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Outside,
    Head { subject: bool },
    Body,
}

/// Gives pseudonyms to one transcript, entry by entry.
///
/// Some names are known as such only where a later entry shows it: a login name that a note mentions above, a host
/// that calls itself `laptop`. So a transcript that can be read twice goes through twice: once to
/// [learn](Pseudonyms::learnt) them.
#[derive(Debug)]
pub struct Pseudonyms {
    what: What,
    names: Names,
    tracker: Tracker,
    part: Part,
}

impl Pseudonyms {
    /// Nothing met yet.
    pub fn new(what: What) -> Self {
        Pseudonyms { what, names: Names::new(what), tracker: Tracker::new(), part: Part::Outside }
    }

    /// At the beginning of the same transcript again, with the names that were met in it.
    pub fn learnt(self) -> Self {
        Pseudonyms { names: self.names, ..Pseudonyms::new(self.what) }
    }

    /// Replaces in the header.
    pub fn header(&mut self, header: &mut Header) {
        let known = [&mut header.target, &mut header.title, &mut header.client];
        for value in known.into_iter().flatten().chain(header.other.iter_mut().map(|(_, value)| value)) {
            *value = self.names.text(value);
        }
    }

    /// Replaces in the next entry.
    pub fn entry(&mut self, entry: &mut Entry) {
        self.tracker.other(entry);
        match &mut entry.kind {
            EntryKind::Sent { line, .. } => self.sent(line),
            EntryKind::Received { line, .. } => {
                let challenge = line.head().starts_with(b"334 ");
                self.tracker.received(line);
                if !(challenge && self.challenge(line)) {
                    self.reply(line);
                }
            }
            EntryKind::Info(info) => self.info(info),
            EntryKind::Problem(words) | EntryKind::Note(words) | EntryKind::Comment(words) => {
                *words = self.names.text(words);
            }
            EntryKind::Header(_, value) => *value = self.names.text(value),
            EntryKind::Session(header) => self.header(header),
            EntryKind::Other { rest, .. } => *rest = self.names.text(rest),
        }
    }

    fn info(&mut self, info: &mut Info) {
        match info {
            Info::Connected { peer, local } => {
                *peer = self.names.text(peer);
                if let Some(local) = local {
                    *local = self.names.text(local);
                }
            }
            Info::Tls(tls) => {
                if self.what.hosts {
                    // Public logs of certificates tell whose these are.
                    tls.other.retain(|(key, _)| !matches!(key.as_str(), "serial" | "sha256" | "pinned"));
                }
                for value in [&mut tls.subject, &mut tls.issuer, &mut tls.why].into_iter().flatten() {
                    *value = self.names.text(value);
                }
                for value in tls.other.iter_mut().filter_map(|(_, value)| value.as_mut()) {
                    *value = self.names.text(value);
                }
            }
            Info::Quirk(words) | Info::Other(words) => *words = self.names.text(words),
            Info::Closed { .. } | Info::Timeout { .. } => {}
        }
    }

    fn sent(&mut self, line: &mut Payload) {
        let in_chunk = self.tracker.in_chunk();
        let role = self.tracker.sent(line);
        if role != Role::Content {
            self.part = Part::Outside;
        }
        match role {
            Role::Content if in_chunk => {
                // Its length was announced and has to stay.
                let (before, original) = (line.wire_bytes().len(), line.clone());
                self.content(line);
                if line.wire_bytes().len() != before {
                    *line = original;
                    blank(line, 0);
                }
            }
            Role::Content => self.content(line),
            Role::Command(Verb::Ehlo | Verb::Helo | Verb::Lhlo) if self.what.hosts => {
                // The argument is a name even where it does not look like one.
                let words = String::from_utf8_lossy(line.head()).into_owned();
                let (verb, name) = words.split_once(' ').unwrap_or((&words, ""));
                match name.is_empty() || name.starts_with('[') || name.contains(' ') {
                    true => self.line(line),
                    false => {
                        let new = self.names.single_host(name);
                        line.pieces = vec![Piece::Bytes(format!("{verb} {new}").into_bytes())];
                    }
                }
            }
            Role::Command(Verb::Mail | Verb::Rcpt) => {
                let text = line.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
                // A quoted local part may hold blanks, and is not parted at them.
                match text.filter(|text| !text.contains('"')) {
                    Some(text) => {
                        let replaced = hidden::in_command(text, |word| self.names.text(word));
                        line.pieces = vec![Piece::Bytes(replaced.into_bytes())];
                    }
                    None => self.line(line),
                }
            }
            Role::Answer { .. } | Role::Command(Verb::Auth) if self.what.addresses => {
                // Credentials that nobody took out name their user, and hide that behind base64.
                if let Some(bytes) = line.bytes() {
                    *line = redact::sent(bytes, role.sent_kind()).with_ending(line.ending);
                }
                self.line(line);
            }
            _ => self.line(line),
        }
    }

    /// Names in a challenge hide behind base64. Says whether this was one.
    fn challenge(&mut self, line: &mut Payload) -> bool {
        let plain = line.bytes().and_then(|bytes| bytes.get(4..)).and_then(base64_loose);
        // A challenge is no secret.
        let plain = plain.map(|plain| plain.to_vec());
        if let Some(bare) = plain.as_deref().filter(|_| self.what.hosts).and_then(hidden::ntlm_without_names)
        {
            line.pieces = vec![Piece::Bytes(format!("334 {}", STANDARD.encode(bare)).into_bytes())];
            return true;
        }
        let Some(plain) = plain.and_then(|plain| String::from_utf8(plain).ok()) else { return false };
        let replaced = self.names.text(&plain);
        if replaced != plain {
            line.pieces = vec![Piece::Bytes(format!("334 {}", STANDARD.encode(replaced)).into_bytes())];
        }
        true
    }

    fn content(&mut self, line: &mut Payload) {
        if self.part == Part::Outside {
            self.part = Part::Head { subject: false };
        }
        let head = line.head().to_vec();
        let folded = head.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
        if let Part::Head { subject } = &mut self.part {
            *subject = if folded {
                *subject
            } else {
                head.get(..8).is_some_and(|n| n.eq_ignore_ascii_case(b"subject:"))
            };
        }
        let in_subject = self.part == Part::Head { subject: true };
        if line.bytes() == Some(b"") {
            self.part = Part::Body;
        }
        if in_subject && self.what.subjects {
            let text = match folded {
                true => " (folded)".to_owned(),
                false => {
                    format!("Subject: subject {}", self.names.subject(&String::from_utf8_lossy(&head)))
                }
            };
            line.pieces = vec![Piece::Bytes(text.into_bytes())];
        } else if self.what.content {
            let name = head.iter().position(|b| *b == b':').filter(|_| !folded && self.part != Part::Body);
            blank(line, name.map_or(0, |at| at + 1));
        } else {
            self.line(line);
        }
    }

    /// The code and its hyphen are not part of the first word.
    fn reply(&mut self, line: &mut Payload) {
        let code = match line.pieces.first_mut() {
            Some(Piece::Bytes(bytes)) if bytes.get(3) == Some(&b'-') => bytes.drain(..4).collect(),
            _ => Vec::new(),
        };
        self.line(line);
        if let Some(Piece::Bytes(bytes)) = line.pieces.first_mut() {
            bytes.splice(..0, code);
        }
    }

    fn line(&mut self, line: &mut Payload) {
        for piece in &mut line.pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    let mut out = Vec::with_capacity(bytes.len());
                    for chunk in bytes.utf8_chunks() {
                        out.extend_from_slice(self.names.text(chunk.valid()).as_bytes());
                        out.extend_from_slice(chunk.invalid());
                    }
                    *bytes = out;
                }
                Piece::Secret(mark) => {
                    if let Some(user) = mark.user.as_mut().filter(|_| self.what.addresses) {
                        *user = self.names.user(user);
                    }
                }
                Piece::Other(inner) => *inner = self.names.text(inner),
                Piece::Data { .. } => {}
            }
        }
    }
}

/// Letters and digits from `from` on become `x`; the digest of left-out content, by which it could be
/// recognised, becomes zeros.
fn blank(line: &mut Payload, from: usize) {
    for (index, piece) in line.pieces.iter_mut().enumerate() {
        match piece {
            Piece::Bytes(bytes) => {
                let skip = if index == 0 { from } else { 0 };
                let word = |b: &&mut u8| b.is_ascii_alphanumeric() || !b.is_ascii();
                bytes.iter_mut().skip(skip).filter(word).for_each(|b| *b = b'x');
            }
            Piece::Data { sha256, .. } => *sha256 = None,
            Piece::Secret(_) | Piece::Other(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
