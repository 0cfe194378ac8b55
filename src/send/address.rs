//! Addresses as people write them: `alice@example.org`, `"Alice <alice@example.org>"`, lists with commas.

use crate::wire::address::{ForwardPath, Host, Mailbox, Path, ReversePath};
use crate::wire::command::{Command, check};
use crate::wire::escape::visible;

/// A person with an address, and with a name if one was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name before the address.
    pub name: Option<String>,
    /// The address.
    pub address: ForwardPath,
}

impl Person {
    /// The mailbox; nothing for `postmaster` alone, which has no domain.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match &self.address {
            ForwardPath::Path(path) => Some(&path.mailbox),
            ForwardPath::Postmaster(_) => None,
        }
    }
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A line end or another control character, by which a second command or header could be smuggled in.
    #[error("\"{0}\" holds a line end or another control character; an address is one line of text")]
    Control(String),
    /// Nothing at all.
    #[error("an address is missing; write alice@example.org, or \"Alice <alice@example.org>\"")]
    Empty,
    /// More than one where one is wanted.
    #[error("\"{0}\" is more than one address; one is wanted here")]
    Several(String),
    /// Not by the grammar.
    #[error("\"{text}\" is no address: {why}")]
    Malformed {
        /// What was written, safe to show.
        text: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads a sender; `<>` is the null sender (RFC 5321 §4.5.5), and gives nothing.
///
/// # Errors
/// When it is no address, or more than one.
pub fn parse_sender(text: &str) -> Result<Option<Person>, AddressError> {
    if text.trim() == "<>" {
        return Ok(None);
    }
    let mut people = parse_list(text)?;
    match (people.pop(), people.is_empty()) {
        (Some(Person { address: ForwardPath::Postmaster(_), .. }), _) => {
            Err(malformed(text, "a sender needs a domain"))
        }
        (Some(person), true) => Ok(Some(person)),
        _ => Err(AddressError::Several(visible(text.as_bytes()))),
    }
}

/// Reads one address or several with commas between them.
///
/// # Errors
/// When one of them is none.
pub fn parse_list(text: &str) -> Result<Vec<Person>, AddressError> {
    if text.chars().any(char::is_control) {
        return Err(AddressError::Control(visible(text.as_bytes())));
    }
    split(text).into_iter().map(parse_one).collect()
}

/// The envelope's form of a sender.
pub fn reverse_path(sender: Option<&Person>) -> ReversePath {
    match sender.and_then(Person::mailbox) {
        Some(mailbox) => ReversePath::Path(Path { route: Vec::new(), mailbox: mailbox.clone() }),
        None => ReversePath::Null,
    }
}

/// Cuts at the commas that stand outside of quotes and angle brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped, mut bracket, mut start) = (false, false, false, 0);
    let mut parts = Vec::new();
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => bracket = true,
            '>' if !quoted => bracket = false,
            ',' if !quoted && !bracket => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

fn parse_one(text: &str) -> Result<Person, AddressError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    let bracket = text.strip_suffix('>').and_then(|inner| Some((inner, inner.rfind('<')?)));
    let (name, address) = match bracket {
        Some((inner, at)) => {
            (inner.get(..at).unwrap_or_default().trim(), inner.get(at + 1..).unwrap_or_default())
        }
        None => ("", text),
    };
    let name = unquoted(name);
    let address = parse_address(address).map_err(|why| malformed(text, &why))?;
    Ok(Person { name: Some(name).filter(|name| !name.is_empty()), address })
}

fn malformed(text: &str, why: &str) -> AddressError {
    AddressError::Malformed { text: visible(text.as_bytes()), why: why.to_owned() }
}

/// A name without the quotes around it and the backslashes within them.
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return name.to_owned();
    };
    let (mut out, mut characters) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(character) = characters.next() {
        out.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    out
}

/// Judges an address by the grammar of RCPT, so that what is put into commands later has been understood here.
fn parse_address(text: &str) -> Result<ForwardPath, String> {
    let line = format!("RCPT TO:<{text}>").into_bytes();
    match Command::parse(&line) {
        Some(Command::Rcpt { to: ForwardPath::Path(path), parameters })
            if parameters.is_empty() && path.route.is_empty() && path.to_string() == format!("<{text}>") =>
        {
            Ok(ForwardPath::Path(with_ascii_domain(path)))
        }
        Some(Command::Rcpt { to: to @ ForwardPath::Postmaster(_), parameters }) if parameters.is_empty() => {
            Ok(to)
        }
        _ => Err(match check(&line, None).into_iter().next() {
            Some(fault) => fault.what,
            None => "only a name, an at sign and a domain may stand there".to_owned(),
        }),
    }
}

/// A domain with other letters than ASCII is written in the form that every server takes (RFC 5890 §2.3.2.1),
/// unless the local part needs SMTPUTF8 anyway.
fn with_ascii_domain(mut path: Path) -> Path {
    if let (true, Host::Domain(domain)) = (path.mailbox.local.is_ascii(), &path.mailbox.host)
        && let Ok(ascii) = idna::domain_to_ascii(domain)
        && !domain.is_ascii()
    {
        path.mailbox.host = Host::Domain(ascii);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Option<String>, String)> {
        let people = parse_list(text).unwrap();
        people.into_iter().map(|person| (person.name, person.address.to_string())).collect()
    }

    #[test]
    fn the_forms_that_people_write() {
        for (text, name, address) in [
            ("alice@example.org", None, "<alice@example.org>"),
            (" <alice@example.org> ", None, "<alice@example.org>"),
            ("Alice <alice@example.org>", Some("Alice"), "<alice@example.org>"),
            ("\"Last, \\\"First\\\"\" <a@b.example>", Some("Last, \"First\""), "<a@b.example>"),
            ("Jürgen <j@example.org>", Some("Jürgen"), "<j@example.org>"),
            ("\"odd, name\"@example.org", None, "<\"odd, name\"@example.org>"),
            ("a@[192.0.2.1]", None, "<a@[192.0.2.1]>"),
            ("postmaster", None, "<postmaster>"),
            ("a@exämple.org", None, "<a@xn--exmple-cua.org>"),
            ("jörg@exämple.org", None, "<jörg@exämple.org>"),
        ] {
            assert_eq!(read(text), [(name.map(str::to_owned), address.to_owned())], "{text}");
        }
        let both = read("a@b.example, \"C, D\" <c@d.example>");
        assert_eq!(both.len(), 2);
        assert_eq!(both.get(1).unwrap().1, "<c@d.example>");
    }

    #[test]
    fn what_is_no_address_says_why() {
        let wrong = |text: &str| parse_list(text).unwrap_err().to_string();
        assert!(wrong("alice").contains("'@' and a domain are missing"), "{}", wrong("alice"));
        assert!(wrong("a@@b").contains("no address"), "{}", wrong("a@@b"));
        assert!(wrong("a@b,").contains("missing"));
        for smuggled in ["a@b>\r\nRCPT TO:<c@d", "a@b> NOTIFY=NEVER", "a@b>, <", "<@c:a@b>", "a b@c"] {
            assert!(parse_list(smuggled).is_err(), "{smuggled:?}");
        }
        assert!(matches!(parse_list("Eve\r\nBcc: x <a@b>"), Err(AddressError::Control(_))));
        assert!(!wrong("a\u{1b}[2J@b").contains('\u{1b}'));
    }

    #[test]
    fn a_sender_is_one_or_nobody() {
        assert_eq!(parse_sender("<>"), Ok(None));
        assert_eq!(reverse_path(None), ReversePath::Null);
        let alice = parse_sender("Alice <alice@example.org>").unwrap();
        assert_eq!(reverse_path(alice.as_ref()).to_string(), "<alice@example.org>");
        assert!(matches!(parse_sender("a@b,c@d"), Err(AddressError::Several(_))));
        assert!(parse_sender("postmaster").is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_written_panics_or_breaks_a_command(text in "\\PC*") {
            for person in parse_list(&text).into_iter().flatten() {
                let command = Command::Rcpt { to: person.address, parameters: Vec::new() };
                proptest::prop_assert!(command.to_line().is_ok());
            }
        }
    }
}
