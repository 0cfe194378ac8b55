//! The EHLO reply: what a server can do (RFC 5321 §4.1.1.1).

use super::Reply;

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
        let mut lines = reply.lines.iter().map(|line| String::from_utf8_lossy(line.text()).into_owned());
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
        self.get("SIZE").and_then(|c| c.params.first()?.parse().ok())
    }
}
