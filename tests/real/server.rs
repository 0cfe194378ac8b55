//! What the scripts under `tests/servers` say about the servers they started.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A subject that no other message has, of this run or an earlier one.
pub fn unique(subject: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    format!("{subject} {now}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A running server: the KEY=VALUE lines of its `env` file.
pub struct Server {
    values: HashMap<String, String>,
}

/// The server of this name; or None, and a line that says why the test is skipped.
pub fn server(name: &str) -> Option<Server> {
    let required = std::env::var("HELOISE_TEST_SERVERS_REQUIRED").is_ok_and(|value| value == "1");
    let missing = |why: String| {
        assert!(!required, "{name} is required: {why}");
        // Past the capture of the test runner, so that it is seen without asking for it.
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        writeln!(std::io::stderr(), "skipped: {test}: {why}").expect("standard error");
        None
    };
    let Some(folder) = std::env::var_os("HELOISE_TEST_SERVERS") else {
        return missing("HELOISE_TEST_SERVERS is not set (see tests/servers/all.sh)".to_owned());
    };
    let path = Path::new(&folder).join(name).join("env");
    match std::fs::read_to_string(&path) {
        Err(error) => missing(format!("{name} was not started: {}: {error}", path.display())),
        Ok(text) => {
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            Some(Server { values: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect() })
        }
    }
}

impl Server {
    /// The value of a key that the server's script promises.
    pub fn get(&self, key: &str) -> &str {
        self.values.get(key).unwrap_or_else(|| panic!("the server's env file has no {key}"))
    }

    /// `localhost:PORT` of a service. The certificates are for that name.
    pub fn at(&self, service: &str) -> String {
        format!("localhost:{}", self.get(&format!("{service}_PORT")))
    }

    /// Waits until a message with this text in it lies in a mailbox, and gives its bytes with LF line ends.
    pub fn message(&self, mailbox: &str, text: &str) -> Vec<u8> {
        let folder = PathBuf::from(self.get(mailbox));
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let messages = entries.filter_map(|entry| std::fs::read(entry.path()).ok());
            let wanted = |message: &Vec<u8>| message.windows(text.len()).any(|part| part == text.as_bytes());
            if let Some(message) = { messages }.find(wanted) {
                return message.into_iter().filter(|byte| *byte != b'\r').collect();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no message with {text:?} arrived in {}", folder.display());
    }
}
