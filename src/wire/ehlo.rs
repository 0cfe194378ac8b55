//! The EHLO reply: what a server can do (RFC 5321 §4.1.1.1).

use super::rules::{ehlo, whole};
use super::{Quirk, Reply, ReplyLine};

/// One EHLO keyword with its parameters, spelt as the server spelt it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The keyword as it came.
    pub keyword: String,
    /// Its parameters as they came.
    pub params: Vec<String>,
}

/// What a server said of itself in reply to EHLO or LHLO. Unknown keywords are kept, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// First word of the first line: the server's own name.
    pub domain: Option<String>,
    /// The list, in the server's order.
    pub list: Vec<Capability>,
}

impl Capabilities {
    /// Reads the lines of a positive reply to EHLO.
    pub fn from_reply(reply: &Reply) -> Capabilities {
        let mut lines = reply.lines().map(|line| String::from_utf8_lossy(line.text()).into_owned());
        let domain = lines.next().and_then(|l| l.split_ascii_whitespace().next().map(str::to_owned));
        let list = lines
            .filter_map(|line| {
                let mut words = line.split_ascii_whitespace().map(str::to_owned);
                Some(Capability { keyword: words.next()?, params: words.collect() })
            })
            .collect();
        Capabilities { domain, list }
    }

    /// The capability of this keyword, in whatever case the server wrote it.
    pub fn get(&self, keyword: &str) -> Option<&Capability> {
        self.list.iter().find(|c| c.keyword.eq_ignore_ascii_case(keyword))
    }

    /// Whether the keyword is offered.
    pub fn has(&self, keyword: &str) -> bool {
        self.get(keyword).is_some()
    }

    /// The SASL mechanisms offered, in upper case and in the server's order, out of `AUTH …` and `AUTH=…`.
    pub fn mechanisms(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for capability in &self.list {
            let upper = capability.keyword.to_ascii_uppercase();
            let first = upper.strip_prefix("AUTH=").map(str::to_owned);
            if upper == "AUTH" || first.is_some() {
                for name in first.into_iter().chain(capability.params.iter().map(|p| p.to_ascii_uppercase()))
                {
                    if !name.is_empty() && !found.contains(&name) {
                        found.push(name);
                    }
                }
            }
        }
        found
    }

    /// The SIZE limit in octets: `Some(0)` means that there is no fixed limit (RFC 1870 §4).
    pub fn size_limit(&self) -> Option<u64> {
        let parameter = self.get("SIZE")?.params.first()?;
        whole(ehlo::size_param, parameter.as_bytes())?;
        parameter.parse().ok()
    }

    /// The parameters of a keyword; none where it is not offered.
    pub fn params(&self, keyword: &str) -> &[String] {
        self.get(keyword).map(|c| c.params.as_slice()).unwrap_or_default()
    }

    /// Whether the keyword is offered with this parameter, in whatever case.
    pub fn has_param(&self, keyword: &str, param: &str) -> bool {
        self.params(keyword).iter().any(|p| p.eq_ignore_ascii_case(param))
    }

    /// The seconds and the latest moment up to which mail may be held back (RFC 4865 §4), as they came.
    pub fn future_release(&self) -> Option<(&str, &str)> {
        match self.params("FUTURERELEASE") {
            [seconds, moment, ..] => Some((seconds, moment)),
            _ => None,
        }
    }

    /// The shortest time in seconds that the server promises to keep with `BY=` (RFC 2852 §2); zero where
    /// it names none.
    pub fn deliver_by(&self) -> Option<u64> {
        let capability = self.get("DELIVERBY")?;
        let first = capability.params.first().and_then(|p| p.split(',').next());
        Some(first.and_then(|p| p.parse().ok()).unwrap_or(0))
    }

    /// What in the list deviates from the grammar, as far as the words of it still show. The raw lines
    /// tell more: see [`Capabilities::quirks_of`].
    pub fn quirks(&self) -> Vec<Quirk> {
        let mut quirks = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for capability in &self.list {
            let keyword = capability.keyword.to_ascii_uppercase();
            if keyword.starts_with("AUTH=") {
                quirks.push(Quirk::ObsoleteCapability(capability.keyword.clone()));
            } else if whole(ehlo::ehlo_keyword, keyword.as_bytes()).is_none() {
                quirks.push(Quirk::OddKeyword);
            }
            let duplicate = Quirk::DuplicateKeyword(keyword.clone());
            if seen.contains(&keyword) && !quirks.contains(&duplicate) {
                quirks.push(duplicate);
            }
            seen.push(keyword);
        }
        quirks
    }

    /// What deviates from the grammar in the lines of a positive reply to EHLO, each thing named once.
    pub fn quirks_of(reply: &Reply) -> Vec<Quirk> {
        let mut quirks = Capabilities::from_reply(reply).quirks();
        if reply.lines().next().is_some_and(|line| whole(ehlo::ehlo_first, line.text()).is_none()) {
            quirks.push(Quirk::NoName);
        }
        for line in reply.lines().skip(1) {
            if let Some(quirk) = quirk_of_line(line).filter(|quirk| !quirks.contains(quirk)) {
                quirks.push(quirk);
            }
        }
        quirks
    }
}

/// What breaks `ehlo-line` in a line, where it is more than the keyword.
fn quirk_of_line(line: ReplyLine<'_>) -> Option<Quirk> {
    let text = line.text();
    if whole(ehlo::ehlo_line, text).is_some() || whole(ehlo::obsolete_auth, text).is_some() {
        return None;
    }
    match ehlo::ehlo_keyword(text) {
        Ok((rest, keyword)) if rest.first().is_none_or(|b| *b == b' ' || *b == b'\t') => {
            Some(Quirk::OddParameter(String::from_utf8_lossy(keyword).to_ascii_uppercase()))
        }
        _ => Some(Quirk::OddKeyword),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(lines: &[&str]) -> Reply {
        let last = lines.len() - 1;
        let wire: String = lines
            .iter()
            .enumerate()
            .map(|(i, l)| format!("250{}{l}\r\n", if i == last { ' ' } else { '-' }))
            .collect();
        Reply::read_all(wire.as_bytes()).remove(0)
    }

    #[test]
    fn capabilities_are_kept_known_or_not() {
        let caps = Capabilities::from_reply(&reply(&[
            "mx.example.org Hello there",
            "SIZE 35882577",
            "8BITMIME",
            "auth PLAIN login",
            "AUTH=LOGIN",
            "XFOO a b",
            "FutureRelease 86400 2030-01-01T00:00:00Z",
            "DELIVERBY 240",
        ]));
        assert_eq!(caps.domain.as_deref(), Some("mx.example.org"));
        assert_eq!(caps.size_limit(), Some(35_882_577));
        assert_eq!(caps.mechanisms(), ["PLAIN", "LOGIN"]);
        assert_eq!(caps.params("xfoo"), ["a", "b"]);
        assert!(caps.has("8bitmime") && caps.has_param("AUTH", "LOGIN") && !caps.has("DSN"));
        assert_eq!(caps.future_release(), Some(("86400", "2030-01-01T00:00:00Z")));
        assert_eq!(caps.deliver_by(), Some(240));
        assert_eq!(caps.quirks(), [Quirk::ObsoleteCapability("AUTH=LOGIN".into())]);
    }

    #[test]
    fn deviations_in_the_list_are_named() {
        let cases: [(&[&str], &[Quirk]); 8] = [
            (&["**", "SIZE"], &[Quirk::NoName]),
            (&["x", "size 1", "SIZE 2", "Size"], &[Quirk::DuplicateKeyword("SIZE".into())]),
            (&["x", "X_Y z"], &[Quirk::OddKeyword]),
            (&["x", ""], &[Quirk::OddKeyword]),
            (&["x", " SIZE"], &[Quirk::OddKeyword]),
            (&["x", "SIZE  10"], &[Quirk::OddParameter("SIZE".into())]),
            (&["x", "SIZE\t10"], &[Quirk::OddParameter("SIZE".into())]),
            (&["x", "AUTH PLAIN", "AUTH=PLAIN"], &[Quirk::ObsoleteCapability("AUTH=PLAIN".into())]),
        ];
        for (lines, expected) in cases {
            assert_eq!(Capabilities::quirks_of(&reply(lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_size_that_is_no_number_is_no_limit() {
        for odd in ["SIZE", "SIZE x", "SIZE -1", "SIZE 99999999999999999999"] {
            assert_eq!(Capabilities::from_reply(&reply(&["x", odd])).size_limit(), None, "{odd}");
        }
    }
}
