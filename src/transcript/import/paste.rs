//! A screen of telnet, nc or `openssl s_client`: nothing marks who spoke, but SMTP itself.

use crate::sasl;
use crate::wire::{CommandLine, Verb};

use super::super::ClosedBy;
use super::arrows::swaks_hint;
use super::builder::Builder;
use super::is_reply;

/// Reads a screen.
#[derive(Debug, Default)]
pub(super) struct Paste {
    trying: Option<String>,
    /// The port that telnet was told to connect to.
    port: Option<String>,
    talking: bool,
}

impl Paste {
    /// `next` is the next line that is not empty: what stands before a reply was a command.
    pub fn line(&mut self, builder: &mut Builder, line: &[u8], next: Option<&[u8]>) {
        // A terminal makes CR CR LF of the server's CR LF.
        let line = without_cr(line);
        let text = String::from_utf8_lossy(line).into_owned();
        if builder.tracker().in_content() && self.talking {
            return builder.sent(None, line);
        }
        if is_reply(line) {
            self.talking = true;
            return builder.received(None, line);
        }
        // Whoever pastes a block does not wait for the greeting.
        self.talking |= begins_session(line);
        if self.client_line(builder, line, next) {
            return builder.sent(None, line);
        }
        // swaks that was told to leave out its arrows still says this.
        if let Some(words) = line.strip_prefix(b"=== ") {
            return swaks_hint(builder, words);
        }
        if let Some(words) = line.strip_prefix(b"*** ") {
            return builder.problem(words);
        }
        match text.trim_end() {
            "Connection closed by foreign host." | "closed" => builder.closed(ClosedBy::Server, line),
            "DONE" | "Connection closed." => builder.closed(ClosedBy::Client, line),
            trimmed => {
                // The session tickets of TLS 1.3 come with all of it once more.
                let about_tls = !builder.over_tls() && s_client(builder, trimmed);
                if !about_tls && !self.telnet(builder, trimmed) {
                    builder.comment(line);
                }
            }
        }
    }

    fn client_line(&self, builder: &Builder, line: &[u8], next: Option<&[u8]>) -> bool {
        let tracker = builder.tracker();
        if !self.talking || line.trim_ascii().is_empty() && !tracker.in_auth() {
            return false;
        }
        let known = !matches!(CommandLine::parse(line).verb, Verb::Other(_));
        let answer = tracker.in_auth() || builder.answers_ahead(line);
        answer || known || (tracker.due() == 0 && next.is_some_and(is_reply) && !is_noise(line))
    }

    /// `Trying 192.0.2.10...`, then `Connected to mx.example.org.`
    fn telnet(&mut self, builder: &mut Builder, text: &str) -> bool {
        if let Some(peer) = text.strip_prefix("Trying ") {
            self.trying = Some(peer.trim_end_matches('.').to_owned());
            return true;
        }
        let Some(name) = text.strip_prefix("Connected to ") else {
            self.port = telnet_port(text).or_else(|| self.port.take());
            return false;
        };
        let name = name.trim_end_matches('.');
        builder.target(name, self.port.as_deref().unwrap_or_default());
        let peer = self.trying.take().unwrap_or_else(|| name.to_owned());
        builder.connected(&peer, None);
        true
    }
}

/// The port in a command line of telnet: `$ telnet mx.example.org 587`.
fn telnet_port(text: &str) -> Option<String> {
    let (_, arguments) = text.split_once("telnet ")?;
    let mut words = arguments.split([' ', '"']).filter(|word| !word.is_empty() && !word.starts_with('-'));
    let port = words.nth(1)?;
    port.parse::<u16>().is_ok().then(|| port.to_owned())
}

/// Whether a line is a command that sessions begin with, and nothing that people write.
fn begins_session(line: &[u8]) -> bool {
    let command = CommandLine::parse(line);
    let mut words = command.rest().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (first, second) = (words.next(), words.next());
    match command.verb {
        Verb::Ehlo | Verb::Helo | Verb::Lhlo => first.is_some() && second.is_none(),
        Verb::Auth => {
            let name = first.and_then(|name| std::str::from_utf8(name).ok());
            name.is_some_and(|name| sasl::info(name).is_some()) && words.next().is_none()
        }
        _ => false,
    }
}

fn without_cr(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_suffix(b"\r") {
        line = rest;
    }
    line
}

/// What `openssl s_client` prints in the middle of a session.
fn is_noise(line: &[u8]) -> bool {
    line.starts_with(b"read R BLOCK") || line.starts_with(b"---") || line.starts_with(b"Post-Handshake")
}

fn s_client(builder: &mut Builder, text: &str) -> bool {
    let after = |mark: &str| text.trim_start().strip_prefix(mark).map(|rest| rest.trim().to_owned());
    if let Some((version, cipher)) = after("New, ")
        .and_then(|rest| rest.split_once(", Cipher is ").map(|(v, c)| (v.to_owned(), c.to_owned())))
    {
        let tls = builder.tls();
        (tls.version, tls.cipher) = (Some(version), Some(cipher));
    } else if let Some(version) = after("Protocol  : ").or_else(|| after("Protocol: ")) {
        builder.tls().version = Some(version);
    } else if let Some(subject) = after("depth=0 ") {
        builder.tls().subject = Some(subject);
    } else if after("verify return:").is_some() {
        builder.tls();
    } else if let Some(why) = after("verify error:") {
        let why = why.rsplit(':').next().unwrap_or_default().to_owned();
        let tls = builder.tls();
        (tls.verified, tls.why) = (Some(false), Some(why));
    } else if let Some(subject) = after("subject=") {
        builder.tls().subject = Some(subject);
    } else if let Some(issuer) = after("issuer=") {
        builder.tls().issuer = Some(issuer);
    } else if let Some(code) = after("Verify return code: ") {
        let tls = builder.tls();
        tls.verified = Some(code.starts_with("0 "));
        tls.why = Some(code).filter(|code| !code.starts_with("0 "));
    } else {
        return false;
    }
    true
}
