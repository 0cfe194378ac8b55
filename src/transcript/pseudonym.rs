//! Pseudonyms, for transcripts that leave the house: names, addresses and content that are nobody else's
//! business. The same name gets the same pseudonym throughout, and a host stays in its domain, so that what
//! happened can still be understood.

mod hidden;

use std::collections::HashMap;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use self::hidden::Words;
use super::mask::{host, ip_address, is_word};
use super::redact::base64_loose;
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

/// Names in the order in which they were met.
#[derive(Debug, Default)]
struct Names(HashMap<String, usize>);

impl Names {
    /// The number of a name, from 1; case does not count.
    fn number(&mut self, name: &str) -> usize {
        let next = self.0.len() + 1;
        *self.0.entry(name.to_lowercase()).or_insert(next)
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
#[derive(Debug)]
pub struct Pseudonyms {
    what: What,
    users: Names,
    domains: Names,
    hosts: Names,
    ips: Names,
    subjects: Names,
    words: Words,
    tracker: Tracker,
    part: Part,
}

impl Pseudonyms {
    /// Nothing met yet.
    pub fn new(what: What) -> Self {
        let names = Names::default;
        Pseudonyms {
            what,
            users: names(),
            domains: names(),
            hosts: names(),
            ips: names(),
            subjects: names(),
            words: Words::default(),
            tracker: Tracker::new(),
            part: Part::Outside,
        }
    }

    /// Replaces in the header.
    pub fn header(&mut self, header: &mut Header) {
        let known = [&mut header.target, &mut header.title, &mut header.client];
        for value in known.into_iter().flatten().chain(header.other.iter_mut().map(|(_, value)| value)) {
            *value = self.text(value);
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
                *words = self.text(words);
            }
            EntryKind::Header(_, value) => *value = self.text(value),
            EntryKind::Session(header) => self.header(header),
            EntryKind::Other { rest, .. } => *rest = self.text(rest),
        }
    }

    fn info(&mut self, info: &mut Info) {
        match info {
            Info::Connected { peer, local } => {
                *peer = self.text(peer);
                if let Some(local) = local {
                    *local = self.text(local);
                }
            }
            Info::Tls(tls) => {
                if self.what.hosts {
                    // Public logs of certificates tell whose these are.
                    tls.other.retain(|(key, _)| !matches!(key.as_str(), "serial" | "sha256" | "pinned"));
                }
                for value in [&mut tls.subject, &mut tls.issuer, &mut tls.why].into_iter().flatten() {
                    *value = self.text(value);
                }
                for value in tls.other.iter_mut().filter_map(|(_, value)| value.as_mut()) {
                    *value = self.text(value);
                }
            }
            Info::Quirk(words) | Info::Other(words) => *words = self.text(words),
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
                        let new = self.host_name(name);
                        self.words.learn(name, &new);
                        line.pieces = vec![Piece::Bytes(format!("{verb} {new}").into_bytes())];
                    }
                }
            }
            Role::Command(Verb::Mail | Verb::Rcpt) => {
                let text = line.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
                // A quoted local part may hold blanks, and is not parted at them.
                match text.filter(|text| !text.contains('"')) {
                    Some(text) => {
                        let replaced = hidden::in_command(text, |word| self.text(word));
                        line.pieces = vec![Piece::Bytes(replaced.into_bytes())];
                    }
                    None => self.line(line),
                }
            }
            _ => self.line(line),
        }
    }

    /// Names in a challenge hide behind base64. Says whether this was one.
    fn challenge(&mut self, line: &mut Payload) -> bool {
        let plain = line.bytes().and_then(|bytes| bytes.get(4..)).and_then(base64_loose);
        if let Some(bare) = plain.as_deref().filter(|_| self.what.hosts).and_then(hidden::ntlm_without_names)
        {
            line.pieces = vec![Piece::Bytes(format!("334 {}", STANDARD.encode(bare)).into_bytes())];
            return true;
        }
        let Some(plain) = plain.and_then(|plain| String::from_utf8(plain).ok()) else { return false };
        let replaced = self.text(&plain);
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
                    format!("Subject: subject {}", self.subjects.number(&String::from_utf8_lossy(&head)))
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
                        out.extend_from_slice(self.text(chunk.valid()).as_bytes());
                        out.extend_from_slice(chunk.invalid());
                    }
                    *bytes = out;
                }
                Piece::Secret(mark) => {
                    if let Some(user) = mark.user.as_mut().filter(|_| self.what.addresses) {
                        let (local, new) = match user.split_once('@') {
                            Some((local, domain)) => (local.to_owned(), self.address(local, domain)),
                            None => (user.clone(), format!("user{}", self.users.number(user))),
                        };
                        // Servers repeat it in words of their own.
                        self.words.learn(&local, new.split('@').next().unwrap_or(&new));
                        *user = new;
                    }
                }
                Piece::Other(inner) => *inner = self.text(inner),
                Piece::Data { .. } => {}
            }
        }
    }

    fn address(&mut self, local: &str, domain: &str) -> String {
        let user = self.users.number(&format!("{local}@{domain}"));
        let domain = if domain.starts_with('[') { self.text(domain) } else { self.host_name(domain) };
        format!("user{user}@{domain}")
    }

    fn host_name(&mut self, name: &str) -> String {
        let name = name.trim_end_matches('.');
        let dot = name.rmatch_indices('.').nth(1).map(|(at, _)| at);
        let (left, base) = match dot {
            Some(at) => (name.get(..at), name.get(at + 1..).unwrap_or(name)),
            None => (None, name),
        };
        let base = format!("domain{}.example", self.domains.number(base));
        match left {
            Some(left) => format!("h{}.{base}", self.hosts.number(left)),
            None => base,
        }
    }

    fn ip(&mut self, literal: &str) -> Option<String> {
        let inner = literal.trim_start_matches('[').trim_start_matches("IPv6:");
        let inner = match inner.split_once(']') {
            Some((inner, _)) => inner,
            None if inner.contains('.') => inner.split(':').next().unwrap_or(inner),
            None => inner,
        };
        let ip: IpAddr = inner.parse().ok()?;
        if ip.is_loopback() || ip.is_unspecified() {
            return None;
        }
        let n = self.ips.number(&ip.to_string());
        let new = match ip {
            IpAddr::V4(_) => {
                let nets = ["192.0.2", "198.51.100", "203.0.113"];
                match nets.get((n - 1) / 254) {
                    Some(net) => format!("{net}.{}", (n - 1) % 254 + 1),
                    None => format!("240.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255),
                }
            }
            IpAddr::V6(_) => format!("2001:db8::{n:x}"),
        };
        Some(literal.replacen(inner, &new, 1))
    }

    /// Replaces in text.
    pub fn text(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut rest, mut before) = (text, ' ');
        while let Some(first) = rest.chars().next() {
            let hit = if is_word(before) || before == '@' { None } else { self.at(rest, before) };
            let length = match hit {
                Some((length, new)) => {
                    out.push_str(&new);
                    length
                }
                None => {
                    out.push(first);
                    first.len_utf8()
                }
            };
            let (seen, left) = rest.split_at_checked(length).unwrap_or((rest, ""));
            before = seen.chars().next_back().unwrap_or(' ');
            rest = left;
        }
        out
    }

    /// What begins here, its length, and what to put in its place.
    fn at(&mut self, rest: &str, before: char) -> Option<(usize, String)> {
        if let Some((local, domain)) = address(rest) {
            let new = if self.what.addresses { Some(self.address(local, domain)) } else { None };
            let length = local.len() + 1 + domain.len();
            // Kept whole, unless hosts go too: then its domain does.
            let kept = |this: &mut Self| match this.what.hosts && !domain.starts_with('[') {
                true => format!("{local}@{}", this.host_name(domain)),
                false => rest.get(..length).unwrap_or_default().to_owned(),
            };
            return Some((length, new.unwrap_or_else(|| kept(self))));
        }
        if let Some(word) = self.words.at(rest) {
            return Some(word);
        }
        // Eight pairs at the end of a fingerprint look like an IPv6 address; what stands before them tells.
        let length = ip_address(rest);
        if length > 0 && before == ':' && rest.get(..length).is_some_and(|text| text.matches(':').count() > 1)
        {
            return Some((length, rest.get(..length)?.to_owned()));
        }
        if length > 0 {
            let literal = rest.get(..length)?;
            let new = if self.what.ips { self.ip(literal) } else { None };
            return Some((length, new.unwrap_or_else(|| literal.to_owned())));
        }
        let length = host(rest);
        let name = rest.get(..length).filter(|name| self.what.hosts && !name.is_empty())?;
        Some((length, self.host_name(name)))
    }
}

/// `local@domain` at the start of a text.
fn address(text: &str) -> Option<(&str, &str)> {
    let atom = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`|~-".contains(c);
    let end = match text.strip_prefix('"') {
        Some(inner) => inner.find('"')? + 2,
        None => text.find(|c| !atom(c))?,
    };
    let (local, after) = text.split_at_checked(end)?;
    let domain = after.strip_prefix('@').filter(|_| !local.is_empty())?;
    let length = match domain.starts_with('[') {
        true => domain.find(']')? + 1,
        false => domain.find(|c: char| !c.is_alphanumeric() && c != '.' && c != '-').unwrap_or(domain.len()),
    };
    let domain = domain.get(..length)?.trim_end_matches(['.', '-']);
    (!domain.is_empty()).then_some((local, domain))
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
mod tests {
    use super::*;
    use crate::transcript::{Reader, Writer};

    const SESSION: &str = "\
%heloise 1
%target smtp://mx.corp.test:587

=== connected 10.1.2.3:587 from [fd00::5]:51234
<-  220 mx.corp.test ESMTP
 -> EHLO laptop
=== tls TLSv1.3 - verified=yes serial=0B:AD sha256=01:02:03:04:05:06:07:08:09:0A:0B:0C
<-  250-mx.corp.test Hello laptop [10.9.9.9]
<-  250 AUTH CRAM-MD5
 -> AUTH CRAM-MD5
<-  334 PDEyM0BteC5jb3JwLnRlc3Q+
 -> {secret sasl=CRAM-MD5 user=\"Alice@corp.test\"}
<-  235 2.7.0 welcome alice
 -> MAIL FROM:<alice@corp.test> AUTH=alice+40corp.test
<-  250 2.1.0 alice@corp.test ok
 -> RCPT TO:<bob@other.test>
<-  250 2.1.5 ok fingerprint 8C:93:6C:7A:AF:BA:06:B8:33:F9
 -> DATA
<-  354 go
 -> From: Alice <alice@corp.test>
 -> Subject: our plans
 ->  for tomorrow
 ->
 -> Dear Bob: 42 caf\u{e9}s
 -> .
<-  250 2.0.0 ok [127.0.0.1]
### note ask bob@other.test or mx2.corp.test, 10.1.2.3
";

    fn with(what: What) -> String {
        let mut reader = Reader::new(SESSION.as_bytes()).unwrap();
        let mut pseudonyms = Pseudonyms::new(what);
        let mut header = reader.header().clone();
        pseudonyms.header(&mut header);
        let mut writer = Writer::new(Vec::new(), &header).unwrap();
        for entry in reader.by_ref() {
            let mut entry = entry.unwrap();
            pseudonyms.entry(&mut entry);
            writer.write(&entry).unwrap();
        }
        String::from_utf8(writer.into_inner()).unwrap()
    }

    #[test]
    fn everything_goes_and_stays_connected() {
        let out = with(What::ALL);
        for name in [
            "corp", "other", "lice", "bob", "Bob", "plans", "tomorrow", "10.", "fd00", "laptop", "42",
            "0B:AD",
        ] {
            assert!(!out.contains(name), "{name} in {out}");
        }
        for line in [
            "%target smtp://h1.domain1.example:587",
            "=== connected 192.0.2.1:587 from [2001:db8::2]:51234",
            "<-  220 h1.domain1.example ESMTP",
            " -> EHLO domain2.example",
            " -> {secret sasl=CRAM-MD5 user=\"user2@domain1.example\"}",
            "<-  235 2.7.0 welcome user2",
            "<-  250 2.1.5 ok fingerprint 8C:93:6C:7A:AF:BA:06:B8:33:F9",
            " -> MAIL FROM:<user2@domain1.example> AUTH=user2@domain1.example",
            " -> From: xxxxx <xxxxx@xxxx.xxxx>",
            " -> Subject: subject 1",
            " ->  (folded)",
            " -> xxxx xxx: xx xxxxxx",
            "<-  250 2.0.0 ok [127.0.0.1]",
            "### note ask user3@domain3.example or h2.domain1.example, 192.0.2.1",
        ] {
            assert!(out.contains(&format!("{line}\n")), "{line} not in {out}");
        }
        let challenge = out.lines().find_map(|line| line.strip_prefix("<-  334 ")).unwrap();
        let plain = String::from_utf8(base64_loose(challenge.as_bytes()).unwrap()).unwrap();
        assert!(!plain.contains("corp"), "{plain}");
    }

    #[test]
    fn only_what_was_asked_for_goes() {
        assert_eq!(with(What::default()), SESSION);
        let ips = with(What::parse("ips").unwrap());
        assert!(
            ips.contains("192.0.2.1:587") && ips.contains("alice@corp.test") && ips.contains("mx.corp.test")
        );
        let hosts = with(What::parse("hosts").unwrap());
        assert!(hosts.contains("<alice@domain1.example>") && hosts.contains("10.1.2.3"), "{hosts}");
        let content = with(What::parse(" content ,").unwrap());
        assert!(content.contains(" -> Subject: xxx xxxxx\n ->  xxx xxxxxxxx\n"), "{content}");
        assert_eq!(What::parse("ips,names"), Err("names".to_owned()));
        assert_eq!(What::parse("all"), Ok(What::ALL));
    }
}
