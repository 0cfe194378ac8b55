//! Where passwords, tokens and passphrases come from: the environment, a file, a command, the keyring, a prompt. Never
//! an argument.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::cli::AuthArgs;
use crate::repl::asker::on_console;
use crate::report::{Problem, Status};
use crate::secret::Secret;
use crate::wire::escape::visible;

/// The longest secret that is taken, in bytes. OAuth tokens have been seen at 8 KiB.
const LIMIT: usize = 64 * 1024;

/// The environment variable that may hold the password.
pub const PASSWORD: &str = "HELOISE_PASSWORD";

/// The environment variable that may hold the OAuth token.
const TOKEN: &str = "HELOISE_TOKEN";

/// The environment variable that may hold the passphrase of the client certificate's key.
const PASSPHRASE: &str = "HELOISE_PASSPHRASE";

/// The password that was given without a prompt, if one was.
pub fn password(args: &AuthArgs) -> Result<Option<Secret>, Problem> {
    password_from(args.password_file.as_deref(), args.password_command.as_deref())
}

/// The password out of a file, else a command, else the environment.
pub fn password_from(file: Option<&Path>, command: Option<&str>) -> Result<Option<Secret>, Problem> {
    given("password", file, command, PASSWORD)
}

/// The OAuth token that was given without a prompt, if one was.
pub fn token(args: &AuthArgs) -> Result<Option<Secret>, Problem> {
    given("token", args.token_file.as_deref(), args.token_command.as_deref(), TOKEN)
}

/// The passphrase for a file: from the environment, else asked for.
pub fn passphrase(file: &str) -> Result<Secret, Problem> {
    if let Some(given) = from_environment(PASSPHRASE) {
        return Ok(given);
    }
    on_console(&format!("passphrase of {file}:"), true).map(Secret::from).ok_or_else(|| {
        Problem::new(
            Status::Usage,
            format!("{file} is protected by a passphrase, and nobody is there to type it"),
        )
        .advise(format!("{PASSPHRASE} in the environment"))
    })
}

fn given(
    what: &'static str,
    file: Option<&Path>,
    command: Option<&str>,
    variable: &str,
) -> Result<Option<Secret>, Problem> {
    match (file, command) {
        (Some(path), _) => from_file(what, path).map(Some),
        (_, Some(command)) => from_command(what, command).map(Some),
        _ => Ok(from_environment(variable)),
    }
}

fn from_environment(variable: &str) -> Option<Secret> {
    let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
    Some(Secret::new(value.into_encoded_bytes()))
}

fn from_file(what: &str, path: &Path) -> Result<Secret, Problem> {
    let file = open_private(&format!("{what} file"), path)?;
    let empty = || Problem::new(Status::Usage, format!("the {what} file {} is empty", shown(path)));
    first_line(file).map_err(|error| unreadable(&format!("{what} file"), path, &error))?.ok_or_else(empty)
}

/// Opens a file that holds a secret. One that others may read is refused: what is in it is no secret.
pub(super) fn open_private(what: &str, path: &Path) -> Result<File, Problem> {
    let fail = |error| unreadable(what, path, &error);
    let file = File::open(path).map_err(fail)?;
    match open_to_others(&file).map_err(fail)? {
        false => Ok(file),
        true => Err(Problem::new(
            Status::Usage,
            format!("others on this machine may read the {what} {}, so it is not used", shown(path)),
        )
        .advise(format!("chmod 600 {}", shown(path)))),
    }
}

fn unreadable(what: &str, path: &Path, error: &std::io::Error) -> Problem {
    Problem { status: Status::Usage, ..Problem::file(&format!("read the {what}"), path, error) }
}

/// A pipe, such as a shell's `<(command)`, is nobody else's to read.
#[cfg(unix)]
fn open_to_others(file: &File) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata()?;
    Ok(metadata.is_file() && metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn open_to_others(_: &File) -> std::io::Result<bool> {
    Ok(false)
}

fn from_command(what: &str, command: &str) -> Result<Secret, Problem> {
    let fail = |words: String| Problem::new(Status::Usage, format!("the {what} command {words}"));
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdout(Stdio::piped())
        // What is secret here is not the command's business.
        .env_remove(PASSWORD)
        .env_remove(TOKEN)
        .env_remove(PASSPHRASE)
        .spawn()
        .map_err(|error| fail(format!("cannot be run: {error}")))?;
    let secret = match child.stdout.take() {
        Some(out) => first_line(out).map_err(|error| fail(format!("cannot be read: {error}")))?,
        None => None,
    };
    let status = child.wait().map_err(|error| fail(format!("cannot be waited for: {error}")))?;
    if !status.success() {
        return Err(fail(format!("failed ({status})")).advise("run it by hand to see why"));
    }
    secret.ok_or_else(|| fail("printed nothing".to_owned()))
}

/// The first line without its end; nothing if it is empty. What follows is read and thrown away, so that a
/// command does not die of a broken pipe.
fn first_line(mut source: impl Read) -> std::io::Result<Option<Secret>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT));
    source.by_ref().take(LIMIT as u64).read_to_end(&mut bytes)?;
    std::io::copy(&mut source, &mut std::io::sink())?;
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let what = "it is in UTF-16; save it in UTF-8";
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, what));
    }
    // Some editors put a mark before UTF-8, which is no part of it.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok((!line.is_empty()).then(|| Secret::new(line.to_vec())))
}

pub(super) fn shown(path: &Path) -> String {
    visible(path.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_line_alone() {
        let secret = first_line(&b"hunter2\r\nrest"[..]).unwrap().unwrap();
        assert_eq!(secret.expose(), b"hunter2");
        assert!(first_line(&b"\nx"[..]).unwrap().is_none());
        let marked = first_line("\u{feff}hunter2\r\n".as_bytes()).unwrap().unwrap();
        assert_eq!(marked.expose(), b"hunter2");
        assert!(first_line(&b"\xff\xfeh\0"[..]).unwrap_err().to_string().contains("UTF-16"));
    }

    #[test]
    fn a_failing_command_is_said_without_its_output() {
        let problem = from_command("password", "echo hunter2; exit 3").unwrap_err();
        assert_eq!(problem.status, Status::Usage);
        assert!(!problem.to_string().contains("hunter2"));
        assert_eq!(from_command("token", "echo hunter2").unwrap().expose(), b"hunter2");
    }
}
