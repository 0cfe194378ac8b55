//! What a challenge says, in words for people.

use serde_json::Value;

use super::text::quoted;

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
