//! What a challenge says, in words for people.

use serde_json::Value;

use super::text::quoted;
use super::{digest, ntlm, scram};

/// The challenge of `mechanism` (any letter case) in one line that is safe to show, or `None` when there is
/// nothing to say beyond its bytes.
pub fn describe_challenge(mechanism: &str, challenge: &[u8]) -> Option<String> {
    if challenge.is_empty() {
        return Some("empty: the server waits for the first message".to_owned());
    }
    match mechanism.to_ascii_uppercase().as_str() {
        "LOGIN" => Some(login(challenge)),
        "CRAM-MD5" => Some(format!("{}, to be hashed together with the password", quoted(challenge))),
        "XOAUTH2" | "OAUTHBEARER" => Some(oauth(challenge)),
        "DIGEST-MD5" => Some(digest_md5(challenge)),
        "NTLM" => Some(ntlm(challenge)),
        name if scram::Variant::named(name).is_some() => Some(scram(challenge)),
        _ => std::str::from_utf8(challenge).ok().map(|_| quoted(challenge)),
    }
}

/// What a LOGIN challenge asks for, by its wording; `None` when the wording gives no hint.
pub(super) fn login_asks_password(challenge: &[u8]) -> Option<bool> {
    let lower = challenge.to_ascii_lowercase();
    let has = |word: &[u8]| lower.windows(word.len()).any(|part| part == word);
    if has(b"pass") {
        return Some(true);
    }
    (has(b"user") || has(b"name") || has(b"login")).then_some(false)
}

fn login(challenge: &[u8]) -> String {
    match login_asks_password(challenge) {
        Some(true) => format!("{}, asks for the password", quoted(challenge)),
        Some(false) => format!("{}, asks for the user name", quoted(challenge)),
        None => quoted(challenge),
    }
}

/// The JSON by which a server refuses a token (RFC 7628 §3.2.2; Google's documentation of XOAUTH2).
fn oauth(challenge: &[u8]) -> String {
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(challenge) else {
        return format!("an error for the token, though not in JSON: {}", quoted(challenge));
    };
    let text = |key: &str| match fields.get(key)? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let mut words = match text("status") {
        Some(status) => {
            format!("the token was refused: {} ({})", quoted(status.as_bytes()), status_words(&status))
        }
        None => "the token was refused, without a status".to_owned(),
    };
    if let Some(scope) = text("scope") {
        words.push_str(&format!("; a token for the scope {} would do", quoted(scope.as_bytes())));
    }
    if let Some(schemes) = text("schemes") {
        words.push_str(&format!("; schemes {}", quoted(schemes.as_bytes())));
    }
    if let Some(url) = text("openid-configuration") {
        words.push_str(&format!("; tokens are issued as {} says", quoted(url.as_bytes())));
    }
    words
}

/// The meaning of a status: a code of RFC 6750 §3.1 or, as Google sends it, a status of HTTP.
fn status_words(status: &str) -> &'static str {
    match status {
        "invalid_token" | "401" => "it has expired, was revoked, or is malformed; get a fresh one",
        "insufficient_scope" | "403" => "it is valid, but not for mail; ask for the mail scope",
        "invalid_request" | "400" => {
            "the message was malformed, or the user name does not belong to the token"
        }
        "500" | "503" => "the server could not check it just now; try later",
        _ => "not a status that is known here",
    }
}

/// The messages of SCRAM (RFC 5802 §5.1).
fn scram(challenge: &[u8]) -> String {
    match scram::attributes(challenge).next() {
        Some((Some(b'v'), _)) => {
            "the server's signature, by which it proves that it knows the password".to_owned()
        }
        Some((Some(b'e'), error)) => {
            format!("the server refuses: {}, {}", quoted(error), scram::error_words(error))
        }
        _ => match scram::ServerFirst::parse(challenge) {
            Ok(first) => scram_first(&first),
            Err(why) => format!("a malformed message: {why}"),
        },
    }
}

fn scram_first(first: &scram::ServerFirst) -> String {
    let mut words = format!(
        "nonce r={}, salt s= of {} bytes, i={} rounds of hashing",
        quoted(&first.nonce),
        first.salt.len(),
        first.rounds
    );
    if first.rounds < u64::from(scram::FEW_ITERATIONS) {
        words.push_str(&format!(
            ", fewer than the {} that RFC 5802 asks for: the password is easier to guess from a recording",
            scram::FEW_ITERATIONS
        ));
    } else if first.rounds > u64::from(scram::MANY_ITERATIONS) {
        words.push_str(&format!(", more than the {} that are done here", scram::MANY_ITERATIONS));
    }
    words
}

/// The messages of DIGEST-MD5 (RFC 2831 §2.1.1, §2.1.3).
fn digest_md5(challenge: &[u8]) -> String {
    match digest::Directives::parse(challenge) {
        Err(why) => format!("a malformed message: {why}"),
        Ok(read) if read.all("rspauth").next().is_some() => {
            "the server's digest, by which it proves that it knows the password".to_owned()
        }
        Ok(read) => {
            let shown = read.iter().take(12).map(|(key, value)| format!("{key}={}", quoted(value)));
            shown.collect::<Vec<_>>().join(", ")
        }
    }
}

/// What the server tells of itself in NTLM (MS-NLMP §2.2.2.1).
fn ntlm(challenge: &[u8]) -> String {
    let read = match ntlm::Challenge::parse(challenge) {
        Ok(read) => read,
        Err(why) => return format!("not a challenge of NTLM: {why}"),
    };
    let mut words = format!("a challenge of {}", quoted(read.target.as_bytes()));
    for (id, name) in
        [(1, "machine"), (2, "domain"), (3, "machine in DNS"), (4, "domain in DNS"), (5, "forest in DNS")]
    {
        if let Some(text) = read.text(id) {
            words.push_str(&format!(", {name} {}", quoted(text.as_bytes())));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(mechanism: &str, challenge: &[u8]) -> String {
        describe_challenge(mechanism, challenge).unwrap()
    }

    #[test]
    fn login_in_the_wording_of_real_servers() {
        assert_eq!(told("login", b"Username:"), "\"Username:\", asks for the user name");
        assert_eq!(told("LOGIN", b"Password\0"), r#""Password\x00", asks for the password"#);
        assert_eq!(told("LOGIN", "\u{43f}".as_bytes()), "\"\u{43f}\"");
    }

    #[test]
    fn a_refused_token_is_explained() {
        let google = br#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;
        let words = told("XOAUTH2", google);
        assert!(words.contains("\"400\" (the message was malformed"), "{words}");
        assert!(words.contains("scope \"https://mail.google.com/\""), "{words}");
        let rfc_7628 = br#"{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://example.com/.well-known/openid-configuration"}"#;
        assert!(told("OAUTHBEARER", rfc_7628).contains("it has expired"));
        assert!(told("XOAUTH2", b"nope").contains("not in JSON"));
        assert!(told("XOAUTH2", b"{}").contains("without a status"));
        assert!(told("XOAUTH2", br#"{"status":401}"#).contains("fresh one"));
    }

    #[test]
    fn scram_in_its_fields() {
        let words = told("SCRAM-SHA-256", b"r=abcdef,s=QSXCR+Q6sek8bf92,i=100");
        assert!(words.starts_with("nonce r=\"abcdef\", salt s= of 12 bytes, i=100 rounds"), "{words}");
        assert!(words.contains("fewer than the 4096"), "{words}");
        assert!(!told("SCRAM-SHA-1", b"r=abcdef,s=QQ==,i=4096").contains("fewer"));
        assert!(told("SCRAM-SHA-1", b"r=abcdef,s=QQ==,i=10000000").contains("more than"));
        assert!(told("SCRAM-SHA-1", b"v=QQ==").contains("signature"));
        assert!(told("SCRAM-SHA-1-PLUS", b"e=channel-bindings-dont-match").contains("stand in between"));
        assert!(told("SCRAM-SHA-1", b"hello").contains("malformed"));
    }

    #[test]
    fn digest_md5_in_its_fields() {
        let words = told("DIGEST-MD5", b"realm=\"a\x1b\",nonce=\"n\",qop=\"auth\",algorithm=md5-sess");
        assert_eq!(words, r#"realm="a\x1b", nonce="n", qop="auth", algorithm="md5-sess""#);
        assert!(told("DIGEST-MD5", b"rspauth=00").contains("proves"));
    }

    #[test]
    fn ntlm_tells_of_the_server() {
        let mut challenge = b"NTLMSSP\0\x02\0\0\0\x02\0\x02\0\x30\0\0\0\x01\0\0\0".to_vec();
        challenge.extend([0; 16]);
        challenge.extend([10, 0, 10, 0, 0x32, 0, 0, 0]);
        challenge.extend(b"A\0\x02\0\x02\0B\0\0\0\0\0");
        assert_eq!(told("NTLM", &challenge), "a challenge of \"A\", domain \"B\"");
        assert!(told("NTLM", b"ntlm supported").contains("NTLMSSP"));
    }

    #[test]
    fn an_unknown_mechanism_shows_text_only() {
        assert_eq!(told("X-NEW", b"hello"), "\"hello\"");
        assert_eq!(describe_challenge("X-NEW", b"\xff\x00"), None);
    }

    proptest! {
        #[test]
        fn no_challenge_panics_or_smuggles_a_control_byte(
            mechanism in "LOGIN|CRAM-MD5|XOAUTH2|OAUTHBEARER|SCRAM-SHA-256|DIGEST-MD5|NTLM|X",
            challenge in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            if let Some(words) = describe_challenge(&mechanism, &challenge) {
                prop_assert!(!words.chars().any(char::is_control));
            }
        }
    }
}
