//! Reads the arguments of MAIL and RCPT as a server does: the path and the parameters behind it.

/// An address in angle brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What stood between the brackets, without a source route.
    pub text: String,
    /// Before the last `@`; without quotes.
    pub local: String,
    /// Behind it; empty for the null sender and for `postmaster` alone.
    pub domain: String,
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

/// Reads `FROM:<a@b> KEY=VALUE …`; `word` is `FROM` or `TO`. A blank behind the colon is allowed, as most
/// servers allow it.
pub fn argument(word: &str, rest: &[u8]) -> Result<Argument, Fault> {
    let text = String::from_utf8_lossy(rest);
    let (head, tail) = text.split_once(':').ok_or(Fault::Form)?;
    if !head.trim().eq_ignore_ascii_case(word) {
        return Err(Fault::Form);
    }
    let inner = tail.trim_start().strip_prefix('<').ok_or(Fault::Form)?;
    let end = closing_bracket(inner).ok_or(Fault::Form)?;
    let (path, behind) = inner.split_at(end);
    let behind = behind.get(1..).unwrap_or_default();
    if !behind.is_empty() && !behind.starts_with(' ') {
        return Err(Fault::Form);
    }
    let parameters = behind.split_ascii_whitespace().map(|word| match word.split_once('=') {
        Some((keyword, value)) => (keyword.to_ascii_uppercase(), Some(value.to_owned())),
        None => (word.to_ascii_uppercase(), None),
    });
    Ok((address(path)?, parameters.collect()))
}

/// Where the bracket closes, quoted local parts minded.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn address(path: &str) -> Result<Address, Fault> {
    // A source route is read and ignored (RFC 5321 §4.1.1.3 and appendix C).
    let text = match path.strip_prefix('@') {
        Some(route) => route.split_once(':').ok_or(Fault::Address)?.1,
        None => path,
    };
    let (local, domain) = match text.rsplit_once('@') {
        Some((_, "")) => return Err(Fault::Address),
        Some((local, domain)) => (local, domain),
        None if text.is_empty() || text.eq_ignore_ascii_case("postmaster") => (text, ""),
        None => return Err(Fault::Address),
    };
    let local_fits = local.is_empty() && domain.is_empty() || is_local(local);
    if !local_fits || !is_domain(domain) || local.len() > 64 || domain.len() > 255 {
        return Err(Fault::Address);
    }
    let unquoted = local.strip_prefix('"').and_then(|l| l.strip_suffix('"')).unwrap_or(local);
    Ok(Address { text: text.to_owned(), local: unquoted.to_owned(), domain: domain.to_owned() })
}

fn is_local(local: &str) -> bool {
    if local.len() >= 2 && local.starts_with('"') && local.ends_with('"') {
        return !local.contains(char::is_control);
    }
    let atext = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

fn is_domain(domain: &str) -> bool {
    if let Some(literal) = domain.strip_prefix('[') {
        return literal.ends_with(']') && literal.len() > 1;
    }
    let letter = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || c == '-';
    domain.is_empty() || domain.split('.').all(|label| !label.is_empty() && label.chars().all(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Result<String, Fault> {
        argument("TO", format!("TO:<{text}>").as_bytes()).map(|(a, _)| format!("{}|{}", a.local, a.domain))
    }

    #[test]
    fn paths() {
        assert_eq!(path("bob@example.org").as_deref(), Ok("bob|example.org"));
        assert_eq!(path("").as_deref(), Ok("|"));
        assert_eq!(path("Postmaster").as_deref(), Ok("Postmaster|"));
        assert_eq!(path("@relay.example:bob@example.org").as_deref(), Ok("bob|example.org"));
        assert_eq!(path("\"a > b@c\"@example.org").as_deref(), Ok("a > b@c|example.org"));
        assert_eq!(path("bob@[IPv6:2001:db8::1]").as_deref(), Ok("bob|[IPv6:2001:db8::1]"));
        for bad in ["bob", "bob@", "@example.org", "bob@@example.org", ".bob@example.org", "b ob@example.org"]
        {
            assert_eq!(path(bad), Err(Fault::Address), "{bad}");
        }
    }

    #[test]
    fn forms_and_parameters() {
        let (_, parameters) = argument("FROM", b"from: <a@b> SIZE=10 smtputf8").unwrap();
        assert_eq!(parameters, [("SIZE".into(), Some("10".into())), ("SMTPUTF8".into(), None)]);
        for bad in ["FROM a@b", "FROM:a@b", "TO:<a@b>", "FROM:<a@b", "FROM:<a@b>SIZE=1", ""] {
            assert_eq!(argument("FROM", bad.as_bytes()), Err(Fault::Form), "{bad}");
        }
    }
}
