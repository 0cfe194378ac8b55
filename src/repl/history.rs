//! The history of typed lines: what may enter it, and the file that keeps it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use rustyline::error::ReadlineError;
use rustyline::history::{FileHistory, History as _};

use crate::transport::io_words;
use crate::wire::escape::visible;
use crate::wire::{CommandLine, Verb};

use super::commands::{self, COMMANDS, CommandId};
use super::mask;

/// How many lines the history keeps.
pub const LINES: usize = 1000;
/// The longest line that is kept, in bytes.
const LONGEST: usize = 4096;
/// The first line of the file, by which the line editor knows its format.
const HEADER: &[u8] = b"#V2\n";

/// Where the history is kept: `heloise/history` in the folder for state of the XDG base directories, or in the
/// one for data on systems that have none for state.
pub fn default_path() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    let folder = folders.state_dir().unwrap_or_else(|| folders.data_dir());
    Some(folder.join("heloise").join("history"))
}

/// Whether a line typed at the command prompt may enter the history. Nothing of an AUTH exchange does, nor a
/// helper command whose argument may be a secret. `after_refusal` says that AUTH did not come off just before, so
/// that a line which is no command may be a secret that was meant for it.
pub fn remembers(line: &str, after_refusal: bool) -> bool {
    let text = line.trim();
    if text.is_empty() || text.len() > LONGEST || mask::secret_start(text).is_some() {
        return false;
    }
    let private = |id| COMMANDS.iter().any(|row| row.id == id && row.private);
    match commands::parse(text) {
        Some(Ok(invocation)) => {
            let authenticates = matches!(invocation.id, CommandId::Raw | CommandId::Pipeline)
                && invocation.argument.to_ascii_uppercase().contains("AUTH");
            !authenticates && !private(invocation.id)
        }
        // What it was meant for, nobody knows.
        Some(Err(_)) => false,
        None => match CommandLine::parse(text.trim_start_matches('/').as_bytes()).verb {
            Verb::Auth => false,
            // A word alone that is no verb: a password, or its base64, typed where nobody asks for it any more.
            Verb::Other(word) => !after_refusal && text.contains(' ') && !is_log_in(&word),
            _ => true,
        },
    }
}

/// Words by which other protocols log in, typed out of habit.
fn is_log_in(word: &str) -> bool {
    word.starts_with("AUTH") || matches!(word, "PASS" | "LOGIN" | "XLOGIN")
}

/// The file behind the history. It stops being used at its first failure.
pub(super) struct HistoryFile {
    path: Option<PathBuf>,
}

impl HistoryFile {
    /// Reads the file, which is made if there is none. The text tells what went wrong.
    pub(super) fn open(path: Option<PathBuf>, history: &mut FileHistory) -> (HistoryFile, Option<String>) {
        let mut file = HistoryFile { path };
        let outcome = match &file.path {
            Some(path) => create(path).map_err(ReadlineError::from).and_then(|()| history.load(path)),
            None => Ok(()),
        };
        let trouble = outcome.err().and_then(|error| file.give_up("read", &error));
        (file, trouble)
    }

    /// Adds a line and writes it to the file, where other processes may have written meanwhile. The text tells
    /// what went wrong.
    pub(super) fn add(&mut self, history: &mut FileHistory, line: &str) -> Option<String> {
        let added = history.add(line);
        let outcome = match (&self.path, added) {
            (Some(path), Ok(true)) => history.append(path),
            _ => Ok(()),
        };
        outcome.err().and_then(|error| self.give_up("written", &error))
    }

    fn give_up(&mut self, what: &str, error: &ReadlineError) -> Option<String> {
        let path = self.path.take()?;
        let why = match error {
            ReadlineError::Io(error) => io_words(error),
            other => other.to_string(),
        };
        let path = visible(path.as_os_str().as_encoded_bytes());
        Some(format!("*** the history cannot be {what} ({path}: {why}); this session's lines are not kept"))
    }
}

/// Makes the file with its folders, for nobody else to read. One that exists is left alone.
fn create(path: &Path) -> io::Result<()> {
    let mut folders = fs::DirBuilder::new();
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folders.mode(0o700);
        options.mode(0o600);
    }
    if let Some(folder) = path.parent() {
        folders.recursive(true).create(folder)?;
    }
    match options.open(path) {
        Ok(mut file) => file.write_all(HEADER),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(path: &Path) -> (HistoryFile, FileHistory) {
        let mut history = FileHistory::new();
        let (file, trouble) = HistoryFile::open(Some(path.to_owned()), &mut history);
        assert_eq!(trouble, None);
        (file, history)
    }

    #[test]
    fn secrets_stay_out() {
        let secret = [
            "AUTH PLAIN AGFsaWNlAHNlY3JldA==",
            " auth login",
            "AUTH",
            "//AUTH PLAIN x",
            "/b64 enc hunter2",
            "/b hunter2",
            "/b46 enc hunter2",
            "/auth Hunter2-Pass",
            "/open smtp://alice:Hunter2-Pass@mail.example",
            "/open mail.example --user alice --password Hunter2-Pass",
            "/login alice Hunter2-Pass",
            "/password Hunter2-Pass",
            "/set password Hunter2-Pass",
            "/authplain Hunter2-Pass",
            "/raw SHVudGVyMi1QYXNz",
            "/explain SHVudGVyMi1QYXNz",
            "/raw \"AUTH PLAIN x\\r\\n\"",
            "/raw \"auth plain x\"",
            "/auth PLAIN hunter2",
            "/explain AUTH PLAIN AGFsaWNlAHNlY3JldA==",
            "AUHT PLAIN AGFsaWNlAHNlY3JldA==",
            "PASS hunter2",
            "AUTHINFO PASS hunter2",
            "AGFsaWNlAHNlY3JldA==",
            "hunter2",
        ];
        for line in secret {
            assert!(!remembers(line, false), "{line}");
        }
        for line in
            ["EHLO me", "RCPT TO:<auth@example.org>", "/auth PLAIN", "/send x", "XFOO a", "/raw \"NOOP\\n\""]
        {
            assert!(remembers(line, false), "{line}");
        }
        assert!(!remembers("hunter2 it is", true) && remembers("NOOP", true));
        assert!(!remembers("  ", false) && !remembers(&"x".repeat(5000), false));
    }

    #[test]
    fn lines_of_several_sessions_add_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").join("history");
        let (mut one, mut first) = opened(&path);
        let (mut two, mut second) = opened(&path);
        assert_eq!(one.add(&mut first, "EHLO one"), None);
        assert_eq!(two.add(&mut second, "EHLO two"), None);
        assert_eq!(one.add(&mut first, "NOOP"), None);
        let lines: Vec<String> = opened(&path).1.iter().cloned().collect();
        assert_eq!(lines, ["EHLO one", "EHLO two", "NOOP"]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state").join("history");
        let (mut file, mut history) = opened(&path);
        file.add(&mut history, "NOOP");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn trouble_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        fs::write(&blocked, "").unwrap();
        let mut history = FileHistory::new();
        let (mut file, trouble) = HistoryFile::open(Some(blocked.join("history")), &mut history);
        assert!(trouble.unwrap().starts_with("*** the history cannot be read"));
        assert_eq!(file.add(&mut history, "NOOP"), None);
        assert_eq!(history.len(), 1);
    }
}
