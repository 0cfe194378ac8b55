//! What a server offers, explained: each EHLO keyword with its meaning out of `grammar/extensions.toml`.

use super::report::Facts;
use crate::explain::tables;
use crate::wire::escape::visible;
use crate::wire::{Capabilities, Capability};

/// On which link a keyword is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// On every link that was tried.
    Every,
    /// Before TLS only.
    Plain,
    /// Over TLS only.
    Tls,
}

impl On {
    /// The words for it; none where it needs none.
    pub const fn words(self) -> Option<&'static str> {
        match self {
            On::Every => None,
            On::Plain => Some("before TLS only"),
            On::Tls => Some("over TLS only"),
        }
    }
}

/// An EHLO keyword that is offered, safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The keyword as it came.
    pub keyword: String,
    /// Its parameters as they came.
    pub params: Vec<String>,
    /// On which link.
    pub on: On,
    /// What it lets a client do.
    pub meaning: &'static str,
    /// What its parameters mean; empty where it has none.
    pub parameters: &'static str,
    /// The document that defines it, or the server that has it; nothing for an unknown keyword.
    pub source: Option<&'static str>,
    /// `standard`, `obsolete`, `private` or `unknown`.
    pub status: &'static str,
}

impl Offer {
    fn new(capability: &Capability, on: On) -> Offer {
        let known = tables::capability(&capability.keyword);
        Offer {
            keyword: visible(capability.keyword.as_bytes()),
            params: capability.params.iter().map(|param| visible(param.as_bytes())).collect(),
            on,
            meaning: known.map_or("not a registered keyword", |known| known.meaning),
            parameters: known.map_or("", |known| known.params),
            source: known.map(|known| known.rfc),
            status: known.map_or("unknown", |known| known.status),
        }
    }

    /// Keyword and parameters as they stood on the line.
    pub fn line(&self) -> String {
        std::iter::once(&self.keyword).chain(&self.params).cloned().collect::<Vec<_>>().join(" ")
    }

    /// What it means, and where that is worth saying, on which link it is offered and whether it is out of date.
    pub fn explained(&self) -> String {
        let outdated = (self.status == "obsolete").then_some("obsolete");
        let remarks: Vec<&str> = self.on.words().into_iter().chain(outdated).collect();
        match remarks.is_empty() {
            true => self.meaning.to_owned(),
            false => format!("{} ({})", self.meaning, remarks.join(", ")),
        }
    }
}

/// All that is offered on a leg: the last list in the server's order, then what was listed before TLS only.
pub fn of(facts: &Facts) -> Vec<Offer> {
    let Some(last) = &facts.capabilities else { return Vec::new() };
    let none = Capabilities::default();
    let before = facts.before_tls.as_ref();
    let in_both = |one: &Capability, other: &Capabilities| other.list.iter().any(|it| is_same(it, one));
    let now = last.list.iter().map(|capability| {
        let both = before.is_none_or(|before| in_both(capability, before));
        Offer::new(capability, if both { On::Every } else { On::Tls })
    });
    let gone = before.unwrap_or(&none).list.iter().filter(|capability| !in_both(capability, last));
    now.chain(gone.map(|capability| Offer::new(capability, On::Plain))).collect()
}

fn is_same(one: &Capability, other: &Capability) -> bool {
    one.keyword.eq_ignore_ascii_case(&other.keyword) && one.params == other.params
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: &[&str]) -> Capabilities {
        let capability = |line: &&str| {
            let mut words = line.split(' ').map(str::to_owned);
            Capability { keyword: words.next().unwrap(), params: words.collect() }
        };
        Capabilities { domain: None, list: lines.iter().map(capability).collect() }
    }

    #[test]
    fn each_keyword_is_explained_with_the_link_it_is_offered_on() {
        let facts = Facts {
            before_tls: Some(list(&["size 1000", "STARTTLS"])),
            capabilities: Some(list(&["SIZE 1000", "AUTH PLAIN", "X-\u{1b}ODD", "TURN"])),
            ..Facts::default()
        };
        let told: Vec<String> =
            of(&facts).iter().map(|offer| format!("{}: {}", offer.line(), offer.explained())).collect();
        assert_eq!(
            told,
            [
                "SIZE 1000: the size of a message can be declared; a larger one is refused",
                "AUTH PLAIN: the client can authenticate (over TLS only)",
                "X-\\x1bODD: not a registered keyword (over TLS only)",
                "TURN: client and server may swap roles (over TLS only, obsolete)",
                "STARTTLS: the link can be encrypted from here on (before TLS only)",
            ]
        );
    }

    #[test]
    fn a_link_that_was_the_only_one_goes_without_saying() {
        let facts = Facts { capabilities: Some(list(&["STARTTLS"])), ..Facts::default() };
        assert_eq!(of(&facts)[0].explained(), "the link can be encrypted from here on");
        assert!(of(&Facts::default()).is_empty());
    }
}
