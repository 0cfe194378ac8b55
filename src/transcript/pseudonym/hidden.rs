//! Names where they do not look like names: single words, xtext (RFC 3461 §4), and NTLM's UTF-16.

use crate::wire::parameter::{from_xtext, to_xtext};

/// The shortest single word that is replaced wherever it turns up; shorter ones hit too much else.
const SHORTEST: usize = 3;

/// Single words that were met as names of users and hosts, with their pseudonyms.
#[derive(Debug, Default)]
pub(super) struct Words(Vec<(String, String)>);

impl Words {
    /// From here on the word is replaced.
    pub(super) fn learn(&mut self, word: &str, new: &str) {
        let known = |(known, _): &(String, String)| known.eq_ignore_ascii_case(word);
        if word.len() >= SHORTEST && !self.0.iter().any(known) {
            self.0.push((word.to_owned(), new.to_owned()));
        }
    }

    /// The word that begins here, its length, and its pseudonym.
    pub(super) fn at(&self, rest: &str) -> Option<(usize, String)> {
        self.0.iter().find_map(|(word, new)| {
            let (head, tail) = rest.split_at_checked(word.len())?;
            (head.eq_ignore_ascii_case(word) && ends(tail)).then(|| (word.len(), new.clone()))
        })
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
