//! Names where they do not look like names: single words, xtext (RFC 3461 §4), and NTLM's UTF-16.

use std::collections::HashMap;

use crate::wire::parameter::{from_xtext, to_xtext};

/// The shortest single word that is replaced wherever it turns up; shorter ones hit too much else.
const SHORTEST: usize = 3;

/// The longest: what a domain may have (RFC 5321 §4.5.3.1.2).
const LONGEST: usize = 255;

/// Local parts that name a role (RFC 2142) or are words that replies and commands are made of. Alone they give nobody
/// away, and a pseudonym in their place would spoil what was said.
const USUAL: [&str; 64] = [
    "abuse",
    "account",
    "accounts",
    "address",
    "admin",
    "administrator",
    "alias",
    "auth",
    "billing",
    "bounce",
    "bounces",
    "client",
    "contact",
    "customer",
    "daemon",
    "data",
    "domain",
    "example",
    "from",
    "ftp",
    "helo",
    "help",
    "hello",
    "host",
    "hostmaster",
    "info",
    "invalid",
    "list",
    "local",
    "mail",
    "mailbox",
    "mailer",
    "mailer-daemon",
    "marketing",
    "message",
    "name",
    "news",
    "newsletter",
    "nobody",
    "noc",
    "no-reply",
    "noreply",
    "office",
    "postmaster",
    "quota",
    "rcpt",
    "receiver",
    "recipient",
    "relay",
    "root",
    "sales",
    "security",
    "sender",
    "server",
    "service",
    "smtp",
    "spam",
    "support",
    "system",
    "test",
    "unknown",
    "user",
    "webmaster",
    "www",
];

/// Single words that were met as names of users and hosts, with their pseudonyms.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// By the word in lower case.
    known: HashMap<String, String>,
    /// Bytes of the longest of them.
    longest: usize,
}

impl Words {
    /// From here on the word is replaced.
    pub(super) fn learn(&mut self, word: &str, new: &str) {
        if (SHORTEST..=LONGEST).contains(&word.len()) {
            self.longest = self.longest.max(word.len());
            self.known.entry(word.to_lowercase()).or_insert_with(|| new.to_owned());
        }
    }

    /// From here on the local part of an address is replaced, if it can be told from the words of a reply.
    pub(super) fn learn_user(&mut self, local: &str, new: &str) {
        if !USUAL.iter().any(|usual| usual.eq_ignore_ascii_case(local)) {
            self.learn(local, new);
        }
    }

    /// The word that begins here, its length, and its pseudonym. The longest, where several do.
    pub(super) fn at(&self, rest: &str) -> Option<(usize, String)> {
        let word = |end: usize| {
            let (head, _) = rest.split_at_checked(end).filter(|(_, tail)| ends(tail))?;
            self.known.get(&head.to_lowercase()).map(|new| (end, new.clone()))
        };
        (SHORTEST..=self.longest.min(rest.len())).rev().find_map(word)
    }
}

/// Whether a word ends before this. A dot ends it where no further word hangs on it.
fn ends(tail: &str) -> bool {
    let mut next = tail.chars();
    match next.next() {
        Some('.') => !next.next().is_some_and(char::is_alphanumeric),
        Some(c) => !(c.is_alphanumeric() || matches!(c, '-' | '_' | '@')),
        None => true,
    }
}

/// Replaces in a command word by word. The values of `ORCPT=rfc822;…`, `AUTH=…` and `ENVID=…` are xtext: they are read and
/// written as that.
pub(super) fn in_command(line: &str, mut replace: impl FnMut(&str) -> String) -> String {
    let words = line.split(' ').map(|word| {
        let Some((keyword, value)) = word.split_once('=') else { return replace(word) };
        let (kind, text) = match keyword.to_ascii_uppercase().as_str() {
            "ORCPT" => value.split_once(';').map_or(("", value), |(kind, text)| (kind, text)),
            "AUTH" | "ENVID" => ("", value),
            _ => return replace(word),
        };
        let plain = String::from_utf8_lossy(&from_xtext(text.as_bytes())).into_owned();
        let replaced = replace(&plain);
        if replaced == plain {
            return word.to_owned();
        }
        let semicolon = if kind.is_empty() { "" } else { ";" };
        format!("{keyword}={kind}{semicolon}{}", to_xtext(replaced.as_bytes()))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// NTLM's challenge without the names of domain and host that it carries in UTF-16: flags and nonce stay (MS-NLMP
/// §2.2.1.2). Nothing if this is none.
pub(super) fn ntlm_without_names(challenge: &[u8]) -> Option<Vec<u8>> {
    const EMPTY: [u8; 8] = [0, 0, 0, 0, 48, 0, 0, 0];
    let head = challenge.get(..12).filter(|head| head.starts_with(b"NTLMSSP\0\x02"))?;
    let flags_and_nonce = challenge.get(20..32)?;
    Some([head, &EMPTY, flags_and_nonce, &[0; 8], &EMPTY].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_met_whole() {
        let mut words = Words::default();
        words.learn("jsmith", "user1");
        words.learn("me", "user2");
        assert_eq!(words.at("JSmith failed"), Some((6, "user1".to_owned())));
        assert!(words.at("jsmith.").is_some() && words.at("jsmith").is_some());
        for other in ["jsmithers", "jsmith.example", "jsmith-x", "jsmith@x", "me", "smith"] {
            assert_eq!(words.at(other), None, "{other}");
        }
    }

    #[test]
    fn usual_words_are_no_names() {
        let mut words = Words::default();
        for local in ["carol", "User", "postmaster"] {
            words.learn_user(local, "user1");
        }
        assert!(words.at("Carol is over quota").is_some());
        assert_eq!(words.at("user unknown"), None);
        assert_eq!(words.at("postmaster"), None);
    }

    #[test]
    fn xtext_is_read_and_written() {
        let hide = |text: &str| text.replace("alice@x.test", "user1@domain1.example");
        let line = "RCPT TO:<u> NOTIFY=NEVER ORCPT=rfc822;alice+40x.test";
        let hidden = in_command(line, hide);
        assert_eq!(hidden, "RCPT TO:<u> NOTIFY=NEVER ORCPT=rfc822;user1@domain1.example");
        assert_eq!(in_command("MAIL FROM:<a=b> SIZE=1", hide), "MAIL FROM:<a=b> SIZE=1");
    }

    #[test]
    fn ntlm_keeps_its_nonce_alone() {
        let mut challenge = b"NTLMSSP\0\x02\0\0\0\x08\0\x08\0\x38\0\0\0\x01\x02\x03\x04nonce678".to_vec();
        challenge.extend([0; 24]);
        challenge.extend("MAIL".encode_utf16().flat_map(u16::to_le_bytes));
        let bare = ntlm_without_names(&challenge).unwrap();
        assert_eq!((bare.len(), &bare[24..32]), (48, b"nonce678".as_slice()));
        assert_eq!(ntlm_without_names(b"Username:"), None);
    }
}
