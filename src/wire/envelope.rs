//! What a MAIL or RCPT line tells, read from it as it was sent.

/// What stands between angle brackets; one inside a quoted local part (RFC 5321 §4.1.2) closes nothing, unless the
/// quotes do not close either.
pub fn path_in(line: &[u8]) -> Option<String> {
    let start = line.iter().position(|byte| *byte == b'<')?;
    let path = line.get(start + 1..)?;
    let (mut quoted, mut escaped) = (false, false);
    let closes = |byte: &u8| {
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && !escaped && *byte == b'\\';
        *byte == b'>' && !quoted
    };
    let end = path.iter().position(closes).or_else(|| path.iter().position(|byte| *byte == b'>'))?;
    path.get(..end).map(|address| String::from_utf8_lossy(address).into_owned())
}

/// The size in octets that the parameter `SIZE=` declares (RFC 1870 §3).
pub fn size_in(line: &str) -> Option<u64> {
    let text = line.to_ascii_uppercase();
    text.split_ascii_whitespace().find_map(|word| word.strip_prefix("SIZE=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::path_in;

    #[test]
    fn a_path_ends_at_the_bracket_that_no_quotes_hold() {
        for (line, path) in [
            ("MAIL FROM:<alice@example.org> SIZE=3", Some("alice@example.org")),
            ("MAIL FROM:<>", Some("")),
            (r#"RCPT TO:<"a>b"@example.org>"#, Some(r#""a>b"@example.org"#)),
            (r#"RCPT TO:<"a\">b\\"@example.org> NOTIFY=NEVER"#, Some(r#""a\">b\\"@example.org"#)),
            (r#"RCPT TO:<a"b@example.org>"#, Some(r#"a"b@example.org"#)),
            ("RCPT TO:alice@example.org", None),
            ("RCPT TO:<alice@example.org", None),
        ] {
            assert_eq!(path_in(line.as_bytes()).as_deref(), path, "{line}");
        }
    }
}
