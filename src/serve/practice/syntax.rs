//! Reads the arguments of MAIL and RCPT as a server does: the path and the parameters behind it.

use nom::Parser;
use nom::combinator::map;
use nom::error::Error;

use crate::wire::address::{ForwardPath, Mailbox, ReversePath};
use crate::wire::rules::paths;

/// RFC 5321 §4.5.3.1.1, in octets.
const LONGEST_LOCAL: usize = 64;
/// RFC 5321 §4.5.3.1.2, in octets.
const LONGEST_DOMAIN: usize = 255;

/// An address in angle brackets; all empty for the null sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// What stood between the brackets, without a source route.
    pub text: String,
    /// Before the last `@`; without quotes.
    pub local: String,
    /// Behind it; empty for the null sender and for `postmaster` alone.
    pub domain: String,
}

impl Address {
    fn of(mailbox: &Mailbox) -> Address {
        Address { text: mailbox.to_string(), local: mailbox.local_text(), domain: mailbox.host.to_string() }
    }
}

/// Why an argument cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No `FROM:<…>` or `TO:<…>`.
    Form,
    /// What stands in the brackets is no address.
    Address,
}

/// An address and the parameters behind it: keyword in upper case, and value.
pub type Argument = (Address, Vec<(String, Option<String>)>);

/// Reads `FROM:<a@b> KEY=VALUE …`.
pub fn of_mail(rest: &[u8]) -> Result<Argument, Fault> {
    argument(
        b"FROM:",
        rest,
        map(paths::reverse_path, |path| match path {
            ReversePath::Null => Address::default(),
            ReversePath::Path(path) => Address::of(&path.mailbox),
        }),
    )
}

/// Reads `TO:<a@b> KEY=VALUE …`.
pub fn of_rcpt(rest: &[u8]) -> Result<Argument, Fault> {
    argument(
        b"TO:",
        rest,
        map(paths::forward_path, |path| match path {
            ForwardPath::Postmaster(name) => {
                Address { text: name.clone(), local: name, domain: String::new() }
            }
            ForwardPath::Path(path) => Address::of(&path.mailbox),
        }),
    )
}

/// What servers commonly let pass is read too: a blank behind the colon, any blanks between parameters.
fn argument<'a, P>(word: &[u8], rest: &'a [u8], mut path: P) -> Result<Argument, Fault>
where
    P: Parser<&'a [u8], Output = Address, Error = Error<&'a [u8]>>,
{
    let (head, tail) = rest.split_at_checked(word.len()).ok_or(Fault::Form)?;
    let tail = tail.trim_ascii_start();
    if !head.eq_ignore_ascii_case(word) || !tail.starts_with(b"<") || !tail.contains(&b'>') {
        return Err(Fault::Form);
    }
    let (behind, address) = path.parse(tail).map_err(|_| Fault::Address)?;
    if !behind.is_empty() && !behind.starts_with(b" ") {
        return Err(Fault::Form);
    }
    if address.local.len() > LONGEST_LOCAL || address.domain.len() > LONGEST_DOMAIN {
        return Err(Fault::Address);
    }
    let behind = String::from_utf8_lossy(behind);
    let parameters = behind.split_ascii_whitespace().map(|word| match word.split_once('=') {
        Some((keyword, value)) => (keyword.to_ascii_uppercase(), Some(value.to_owned())),
        None => (word.to_ascii_uppercase(), None),
    });
    Ok((address, parameters.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Result<String, Fault> {
        of_rcpt(format!("TO:<{text}>").as_bytes()).map(|(a, _)| format!("{}|{}", a.local, a.domain))
    }

    #[test]
    fn paths() {
        assert_eq!(path("bob@example.org").as_deref(), Ok("bob|example.org"));
        assert_eq!(of_mail(b"FROM:<>").map(|(address, _)| address), Ok(Address::default()));
        assert_eq!(path("Postmaster").as_deref(), Ok("Postmaster|"));
        assert_eq!(path("@relay.example:bob@example.org").as_deref(), Ok("bob|example.org"));
        assert_eq!(path("\"a > b@c\"@example.org").as_deref(), Ok("a > b@c|example.org"));
        assert_eq!(path("bob@[IPv6:2001:db8::1]").as_deref(), Ok("bob|[IPv6:2001:db8::1]"));
        for bad in
            ["", "bob", "bob@", "@example.org", "bob@@example.org", ".bob@example.org", "b ob@example.org"]
        {
            assert_eq!(path(bad), Err(Fault::Address), "{bad}");
        }
    }

    #[test]
    fn forms_and_parameters() {
        let (_, parameters) = of_mail(b"from: <a@b> SIZE=10 smtputf8").unwrap();
        assert_eq!(parameters, [("SIZE".into(), Some("10".into())), ("SMTPUTF8".into(), None)]);
        for bad in ["FROM a@b", "FROM:a@b", "TO:<a@b>", "FROM:<a@b", "FROM:<a@b>SIZE=1", ""] {
            assert_eq!(of_mail(bad.as_bytes()), Err(Fault::Form), "{bad}");
        }
    }
}
