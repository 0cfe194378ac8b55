//! What this end calls itself in EHLO (RFC 5321 §4.1.3: a full name, or an address literal where there is none).

use std::net::IpAddr;

/// The name for EHLO of a link whose own end is `local`.
pub(super) fn own_name(local: IpAddr) -> String {
    own_full_name().unwrap_or_else(|| match local {
        IpAddr::V4(ip) => format!("[{ip}]"),
        IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
    })
}

/// This machine's full name, if it has one: the host name if it has a dot, else what the hosts file adds to it.
pub fn own_full_name() -> Option<String> {
    let short = gethostname::gethostname().into_string().ok()?;
    let full = |name: &str| {
        let fit = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        name.trim_matches('.').contains('.') && !name.starts_with("localhost.") && name.bytes().all(fit)
    };
    if full(&short) {
        return Some(short);
    }
    let hosts = std::fs::read_to_string("/etc/hosts").ok()?;
    let names = hosts.lines().filter_map(|line| {
        let words: Vec<&str> = line.split('#').next()?.split_ascii_whitespace().skip(1).collect();
        words
            .contains(&short.as_str())
            .then_some(words)?
            .into_iter()
            .find(|name| full(name))
            .map(str::to_owned)
    });
    names.into_iter().next()
}
