//! Whom a response is for, where only its mechanism can read it.

use super::{digest, ntlm};

/// The user that a response of DIGEST-MD5 or NTLM names, before base64; nothing where it names none, and for every
/// other mechanism.
pub fn user_named(mechanism: &str, response: &[u8]) -> Option<String> {
    let user = match mechanism.to_ascii_uppercase().as_str() {
        "DIGEST-MD5" => digest::user_named(response),
        "NTLM" => ntlm::user_named(response),
        _ => None,
    };
    user.filter(|user| !user.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::{Credentials, client};
    use super::*;
    use crate::secret::Secret;

    /// The user that is read out of the response that a client for `user` makes to `challenge`.
    fn named(mechanism: &str, user: &str, challenge: &[u8]) -> Option<String> {
        let mut credentials = Credentials::new(user, Secret::new("hunter2"));
        credentials.host = Some("mx.test".to_owned());
        let mut client = client(mechanism, &credentials).unwrap();
        client.initial().unwrap();
        user_named(mechanism, client.step(challenge).unwrap().expose())
    }

    #[test]
    fn digest_md5_names_its_user_in_either_charset() {
        for user in ["alice@example.org", "al\"i\\ce", "h\u{e9}lo\u{ef}se"] {
            for charset in ["", ",charset=utf-8"] {
                let challenge = format!("nonce=\"a\",qop=\"auth\",algorithm=md5-sess{charset}");
                assert_eq!(named("DIGEST-MD5", user, challenge.as_bytes()).as_deref(), Some(user));
            }
        }
        assert_eq!(user_named("DIGEST-MD5", b"realm=\"x\""), None);
        assert_eq!(user_named("DIGEST-MD5", b"username=\"a\",username=\"b\""), None);
        assert_eq!(user_named("DIGEST-MD5", b"username=\""), None);
    }

    #[test]
    fn ntlm_names_domain_and_user() {
        for flags in [[1, 2, 0, 0], [2, 2, 0, 0]] {
            let challenge = [b"NTLMSSP\0\x02\0\0\0\0\0\0\0\0\0\0\0".as_slice(), &flags, &[7; 8]].concat();
            for user in ["alice@example.org", r"EXAMPLE\alice", "alice"] {
                assert_eq!(named("ntlm", user, &challenge).as_deref(), Some(user));
            }
        }
        for other in [&b"NTLMSSP\0\x01\0\0\0"[..], b"NTLMSSP\0\x03\0\0\0", b"alice", b""] {
            assert_eq!(user_named("NTLM", other), None);
        }
    }

    #[test]
    fn others_are_read_elsewhere() {
        assert_eq!(user_named("PLAIN", b"\0alice\0hunter2"), None);
    }
}
