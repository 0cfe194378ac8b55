//! The file that takes the keys of links, for Wireshark (draft-ietf-tls-keylogfile; `SSLKEYLOGFILE` of browsers and curl).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::setup::{TlsSetupError, shown};
use crate::transport::io_words;

/// A file that keys are added to. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct KeyLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: String,
    file: Mutex<File>,
    /// The first failure to write.
    failed: Mutex<Option<String>>,
}

impl KeyLog {
    /// Opens the file to add to it; a new one is for its owner alone.
    pub(super) fn open(path: &Path) -> Result<KeyLog, TlsSetupError> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| TlsSetupError::Unwritable {
            what: "key log",
            path: shown(path),
            error,
        })?;
        Ok(KeyLog(Arc::new(Inner { path: shown(path), file: Mutex::new(file), failed: Mutex::default() })))
    }

    /// Adds a line, at once and in one piece, as other programs may write to the same file.
    pub(super) fn write(&self, line: &str) {
        let mut file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            self.fail(&error);
        }
    }

    fn fail(&self, error: &io::Error) {
        let mut failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert_with(|| io_words(error));
    }

    /// How it stands now.
    pub(super) fn state(&self) -> Logged {
        let failed = self.0.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Logged { path: self.0.path.clone(), failed }
    }
}

/// Where the keys of a link are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The file, safe to show.
    pub path: String,
    /// Why keys are missing in it, if any are.
    pub failed: Option<String>,
}

impl Logged {
    /// For the transcript, which does not name files.
    pub(super) fn word(&self) -> String {
        self.failed.as_ref().map_or("yes".to_owned(), |why| format!("failed: {why}"))
    }
}
