//! Tags of the records that a domain has in DNS about its mail (RFC 7489 §6.4, RFC 8460 §3).

/// The value of a tag in `a=b; c=d`, in lower case.
pub(super) fn tag(record: &str, name: &str) -> Option<String> {
    let tags = record.split(';').filter_map(|tag| tag.split_once('='));
    let mut found = tags.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_a_record() {
        assert_eq!(tag("v=DMARC1; P = Reject ;rua=x", "p").as_deref(), Some("reject"));
        assert_eq!(tag("v=DMARC1", "p"), None);
    }
}
