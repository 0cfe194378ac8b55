//! Where passwords and tokens come from: the environment, a file, a command, a prompt. Never an argument.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::cli::AuthArgs;
use crate::report::{Problem, Status};
use crate::secret::Secret;

/// The longest secret that is taken, in bytes. OAuth tokens have been seen at 8 KiB.
const LIMIT: usize = 64 * 1024;

/// The environment variable that may hold the password.
pub const VARIABLE: &str = "HELOISE_PASSWORD";

/// The secret that was given without a prompt, if one was.
pub fn given(args: &AuthArgs) -> Result<Option<Secret>, Problem> {
    if let Some(path) = &args.password_file {
        return from_file(path).map(Some);
    }
    if let Some(command) = &args.password_command {
        return from_command(command).map(Some);
    }
    match std::env::var_os(VARIABLE) {
        Some(value) if !value.is_empty() => Ok(Some(Secret::new(value.into_encoded_bytes()))),
        _ => Ok(None),
    }
}

fn from_file(path: &Path) -> Result<Secret, Problem> {
    let fail = |error: std::io::Error| Problem::file("read the password file", path, &error);
    let file = std::fs::File::open(path).map_err(fail)?;
    warn_if_readable_by_others(path, &file);
    first_line(file)
        .map_err(fail)?
        .ok_or_else(|| Problem::new(Status::Usage, format!("the password file {} is empty", path.display())))
}

#[cfg(unix)]
fn warn_if_readable_by_others(path: &Path, file: &std::fs::File) {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o077 != 0) {
        let advice = format!("chmod 600 {}", path.display());
        let warning =
            Problem::new(Status::Ok, "others on this machine may read the password file").advise(advice);
        super::complain(&warning);
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_others(_: &Path, _: &std::fs::File) {}

fn from_command(command: &str) -> Result<Secret, Problem> {
    let fail = |what: String| Problem::new(Status::Usage, format!("the password command {what}"));
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdout(Stdio::piped())
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
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok((!line.is_empty()).then(|| Secret::new(line.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_first_line_alone() {
        let secret = first_line(&b"hunter2\r\nrest"[..]).unwrap().unwrap();
        assert_eq!(secret.expose(), b"hunter2");
        assert!(first_line(&b"\nx"[..]).unwrap().is_none());
    }

    #[test]
    fn a_failing_command_is_said_without_its_output() {
        let problem = from_command("echo hunter2; exit 3").unwrap_err();
        assert_eq!(problem.status, Status::Usage);
        assert!(!problem.to_string().contains("hunter2"));
        assert_eq!(from_command("echo hunter2").unwrap().expose(), b"hunter2");
    }
}
