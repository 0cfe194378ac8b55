//! One run of the binary as a script: its own home folder, a limit of time, everything it said.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any healthy run; a run that takes it is stopped and fails its test.
const LIMIT: Duration = Duration::from_secs(60);

/// A run to be made.
pub struct Run {
    command: Command,
    input: Vec<u8>,
    home: tempfile::TempDir,
}

/// How a run ended.
pub struct Outcome {
    /// The exit status, or None if a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The run's home folder, with all that it left there.
    pub home: tempfile::TempDir,
}

/// The binary with a home folder of its own and none of this machine's settings.
pub fn clean_environment(home: &Path) -> Vec<(&'static str, String)> {
    let folder = |name: &str| home.join(name).display().to_string();
    vec![
        ("HOME", folder("")),
        ("XDG_CONFIG_HOME", folder("config")),
        ("XDG_STATE_HOME", folder("state")),
        ("XDG_DATA_HOME", folder("data")),
        ("XDG_CACHE_HOME", folder("cache")),
    ]
}

/// `heloise ARGUMENTS`, as a shell would split them: no argument here has a blank in it.
pub fn heloise(arguments: &str) -> Run {
    let home = tempfile::tempdir().expect("a folder for the run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_heloise"));
    command.args(arguments.split_whitespace()).env_remove("HELOISE_PASSWORD").env("NO_COLOR", "1");
    command.envs(clean_environment(home.path()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Run { command, input: Vec::new(), home }
}

impl Run {
    /// One more argument, blanks and all.
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// One more variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The password, by way of the environment.
    pub fn password(mut self, password: &str) -> Self {
        self.command.env("HELOISE_PASSWORD", password);
        self
    }

    /// The script on standard input.
    pub fn input(mut self, script: &str) -> Self {
        self.input = script.as_bytes().to_vec();
        self
    }

    /// A file in the run's home folder.
    pub fn file(&self, name: &str, content: &[u8]) -> std::path::PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, content).expect("a file for the run");
        path
    }

    /// Records the session in this file of the run's home folder.
    pub fn recorded(self, name: &str) -> Self {
        let file = self.home.path().join(name);
        self.arg("--record").arg(file)
    }

    /// Runs it to its end.
    pub fn go(mut self) -> Outcome {
        let mut child = self.command.spawn().expect("heloise starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = std::mem::take(&mut self.input);
        // A run that ends early closes the pipe; that is no failure of the test.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let stdout = collect(child.stdout.take().expect("a pipe"));
        let stderr = collect(child.stderr.take().expect("a pipe"));
        let status = wait(&mut child);
        writer.join().expect("the writer ends");
        let text = |reader: std::thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&reader.join().expect("the reader ends")).into_owned()
        };
        Outcome { status, stdout: text(stdout), stderr: text(stderr), home: self.home }
    }

    /// Runs it and demands this exit status.
    pub fn ends_with(self, status: i32) -> Outcome {
        let outcome = self.go();
        assert_eq!(outcome.status, Some(status), "{}", outcome.all());
        outcome
    }
}

impl Outcome {
    /// Everything it said.
    pub fn all(&self) -> String {
        format!("--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr)
    }

    /// Demands that each of these words was said, in whatever letters.
    pub fn says(self, words: &[&str]) -> Self {
        let said = self.all().to_lowercase();
        for word in words {
            assert!(said.contains(&word.to_lowercase()), "nothing says {word:?} in\n{}", self.all());
        }
        self
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a readable pipe");
        bytes
    })
}

fn wait(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().expect("a child");
            panic!("heloise did not end within {LIMIT:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
