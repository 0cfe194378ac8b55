//! Passwords out of a `.netrc` file, as ftp, curl and fetchmail keep them.
//!
//! The words are `machine NAME`, `default`, `login NAME`, `password TEXT`, `account TEXT` and `macdef NAME`, whose
//! lines up to an empty one are passed over. A value in double quotes may hold blanks, and `\"` and `\\`. A `#` where a
//! keyword is due begins a comment.

use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::AuthArgs;
use crate::report::{Problem, Status};
use crate::secret::Secret;
use crate::wire::escape::visible;

use super::secrets::{open_private, shown};

/// The longest file that is read, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// A user and their password.
#[derive(Debug, Default)]
pub struct Account {
    /// The user name, if the file says one.
    pub user: Option<String>,
    /// The password, if the file says one.
    pub password: Option<Secret>,
}

/// The account for `host` out of the file that the options name; nothing if they name none.
pub fn account(args: &AuthArgs, host: &str) -> Result<Option<Account>, Problem> {
    let Some(path) = path(args)? else { return Ok(None) };
    let mut text = Zeroizing::new(Vec::new());
    let file = open_private("netrc file", &path)?;
    file.take(LIMIT).read_to_end(&mut text).map_err(|error| Problem {
        status: Status::Usage,
        ..Problem::file("read the netrc file", &path, &error)
    })?;
    let found = find(&text, host, args.user.as_deref());
    found.filter(|account| account.password.is_some()).map(Some).ok_or_else(|| nobody(&path, host, args))
}

fn path(args: &AuthArgs) -> Result<Option<PathBuf>, Problem> {
    if let Some(path) = &args.netrc_file {
        return Ok(Some(path.clone()));
    }
    if !args.netrc {
        return Ok(None);
    }
    if let Some(path) = std::env::var_os("NETRC").filter(|path| !path.is_empty()) {
        return Ok(Some(path.into()));
    }
    match etcetera::home_dir() {
        Ok(home) => Ok(Some(home.join(".netrc"))),
        Err(_) => Err(Problem::new(Status::Usage, "there is no home folder to look for .netrc in")),
    }
}

fn nobody(path: &Path, host: &str, args: &AuthArgs) -> Problem {
    let user = args.user.as_deref().map(|user| format!(" and {}", visible(user.as_bytes())));
    let what = format!("{} has no password for {host}{}", shown(path), user.unwrap_or_default());
    Problem::new(Status::Usage, what).advise(format!("a line: machine {host} login NAME password …"))
}

/// The first account for the host, and for the user where one is named; else the default.
fn find(text: &[u8], host: &str, user: Option<&str>) -> Option<Account> {
    let mut words = Words { rest: text };
    let mut current: Option<Account> = None;
    let fits = |account: &Account| match (user, &account.user) {
        (Some(wanted), Some(user)) => wanted == user,
        _ => true,
    };
    while let Some(word) = words.next() {
        if matches!(word.as_slice(), b"machine" | b"default") {
            if let Some(found) = current.take_if(|account| fits(account)) {
                return Some(found);
            }
            let wanted = word.as_slice() == b"default"
                || words.next().is_some_and(|name| name.eq_ignore_ascii_case(host.as_bytes()));
            current = wanted.then(Account::default);
            continue;
        }
        match word.as_slice() {
            b"macdef" => words.skip_macro(),
            keyword if keyword.starts_with(b"#") => words.skip_line(),
            keyword => {
                let Some(value) = words.next() else { break };
                if let Some(account) = &mut current {
                    match keyword {
                        b"login" => account.user = String::from_utf8(value.to_vec()).ok(),
                        b"password" => account.password = Some(Secret::new(value.to_vec())),
                        _ => {}
                    }
                }
            }
        }
    }
    current.filter(fits)
}

/// The words of the file. Each is wiped after use, as any may be a password.
struct Words<'a> {
    rest: &'a [u8],
}

impl Words<'_> {
    fn next(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        self.rest = self.rest.trim_ascii_start();
        let quoted = self.rest.first() == Some(&b'"');
        if quoted {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        let mut word = Zeroizing::new(Vec::with_capacity(self.rest.len().min(1024)));
        while let Some((first, rest)) = self.rest.split_first() {
            let escaped = (quoted && *first == b'\\').then(|| rest.split_first()).flatten();
            match (quoted, first, escaped) {
                (false, byte, _) if byte.is_ascii_whitespace() => break,
                (true, b'"', _) => {
                    self.rest = rest;
                    return Some(word);
                }
                (_, _, Some((next, rest))) => {
                    word.push(*next);
                    self.rest = rest;
                }
                (_, byte, None) => {
                    word.push(*byte);
                    self.rest = rest;
                }
            }
        }
        (quoted || !word.is_empty()).then_some(word)
    }

    fn skip_line(&mut self) {
        let end = self.rest.iter().position(|byte| *byte == b'\n').unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    fn skip_macro(&mut self) {
        let text = self.rest;
        let end = memchr::memmem::find(text, b"\n\n").or_else(|| memchr::memmem::find(text, b"\n\r\n"));
        self.rest = end.and_then(|end| text.get(end..)).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"# mail\nmachine mx.example.org login alice password one\n\
        machine mx.example.org\n\tlogin \"bob b\"\n\tpassword \"t\\\"w o\"\n\
        macdef init\nmachine trap login x password y\n\n\
        machine nopass login carol\ndefault login dave password last\n";

    fn found(host: &str, user: Option<&str>) -> Option<(String, String)> {
        let account = find(FILE, host, user)?;
        let password = account.password.map(|secret| String::from_utf8(secret.expose().to_vec()).unwrap());
        Some((account.user.unwrap_or_default(), password.unwrap_or_default()))
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[test]
    fn the_first_that_fits_is_taken() {
        assert_eq!(found("MX.example.org", None), pair("alice", "one"));
        assert_eq!(found("mx.example.org", Some("bob b")), pair("bob b", "t\"w o"));
        assert_eq!(found("nopass", None), pair("carol", ""));
        assert_eq!(found("elsewhere", None), pair("dave", "last"));
        assert_eq!(found("elsewhere", Some("eve")), None);
    }

    #[test]
    fn a_macro_is_no_account() {
        assert_eq!(found("trap", None), pair("dave", "last"));
    }

    #[test]
    fn what_ends_early_is_no_fault() {
        for text in ["machine", "machine a login", "machine a password \"x", "\"", "macdef"] {
            let _ = find(text.as_bytes(), "a", None);
        }
        let open = find(b"machine a password \"x y", "a", None).unwrap();
        assert_eq!(open.password.unwrap().expose(), b"x y");
    }
}
