//! Runs of the real binary as the tests of its subcommands want them, and servers that it is.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Child;

use crate::binary::{Heloise, Run, finish};

/// Runs it to its end, with this on standard input.
pub fn run_with(args: &[&str], input: &str) -> Run {
    Heloise::new().run(args, input.as_bytes())
}

/// Runs it to its end, with nothing on standard input.
pub fn run(args: &[&str]) -> Run {
    run_with(args, "")
}

/// A server under test, killed when dropped.
pub struct Serving {
    child: Option<Child>,
    /// The address after `listening on`.
    pub addr: String,
}

impl Serving {
    /// Starts `heloise serve` with these arguments and waits for its line.
    pub fn start(args: &[&str]) -> Serving {
        Serving::start_saying(args, |line| line.strip_prefix("listening on ").map(str::to_owned))
    }

    /// The same, with another way to read the address out of the line.
    pub fn start_saying(args: &[&str], address: impl Fn(&str) -> Option<String>) -> Serving {
        let args = [&["serve"], args].concat();
        let mut child = Heloise::new().command(&args).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Some(addr) = address(line.trim_end()) else {
            let mut err = String::new();
            child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            panic!("{line:?}: {err}");
        };
        Serving { child: Some(child), addr }
    }

    /// Ends it.
    pub fn killed(mut self) -> Run {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        finish(child)
    }

    /// Ends it as Ctrl-C does.
    pub fn interrupted(self) -> Run {
        let child = self.child.as_ref().unwrap();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
        self.ended()
    }

    /// Waits for it to end by itself.
    pub fn ended(mut self) -> Run {
        finish(self.child.take().unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A transcript in a folder.
pub fn transcript(dir: &Path, name: &str, entries: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, format!("%heloise 1\n%title a test\n\n{entries}")).unwrap();
    path
}

/// The sample sessions.
pub fn samples() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let files = std::fs::read_dir(&dir).map(|dir| dir.map(|entry| entry.unwrap().path()).collect());
    let mut files: Vec<PathBuf> = files.unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "heloise"));
    files.sort();
    files
}

/// A path as an argument.
pub fn arg(path: &Path) -> &str {
    path.to_str().unwrap()
}
