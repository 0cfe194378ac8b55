//! Passwords in the system's keyring: gnome-keyring, over a message bus of the test's own. For builds with the feature.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::run::{Run, heloise};
use crate::server::{Server, server};
use crate::terminal::Terminal;

/// How long bus and keyring may take to be there.
const START: Duration = Duration::from_secs(30);

/// A bus and an unlocked keyring on it, both with a home folder of their own.
struct Keyring {
    bus: Child,
    daemon: Child,
    environment: Vec<(&'static str, String)>,
    _home: tempfile::TempDir,
}

impl Keyring {
    /// Nothing where this machine has none and need not.
    fn start() -> Option<Keyring> {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name).display().to_string();
        let run = at("run");
        std::fs::create_dir(&run).expect("a folder");
        let mut environment = vec![("HOME", at("")), ("XDG_DATA_HOME", at("data")), ("XDG_RUNTIME_DIR", run)];
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--session", "--nofork", "--print-address=1"]).envs(environment.clone());
        let Ok(mut bus) = bus.stdout(Stdio::piped()).stderr(Stdio::null()).spawn() else {
            let required = std::env::var_os("HELOISE_TEST_SERVERS_REQUIRED").is_some();
            assert!(!required, "are the Debian packages dbus and gnome-keyring installed?");
            eprintln!("skipped: there is no dbus-daemon on this machine");
            return None;
        };
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("a pipe")).read_line(&mut address).expect("a line");
        environment.push(("DBUS_SESSION_BUS_ADDRESS", address.trim().to_owned()));
        let mut daemon = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--components=secrets", "--unlock"])
            .envs(environment.clone())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gnome-keyring starts");
        // It is unlocked by what it reads up to the end.
        daemon.stdin.take().expect("a pipe").write_all(b"open sesame").expect("a reader");
        let keyring = Keyring { bus, daemon, environment, _home: home };
        let deadline = Instant::now() + START;
        while !keyring.answers() {
            assert!(Instant::now() < deadline, "the keyring is not on its bus");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(keyring)
    }

    fn answers(&self) -> bool {
        let mut ask = Command::new("dbus-send");
        ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"]);
        ask.args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]);
        let answer = ask.envs(self.environment.clone()).output().expect("dbus-send runs");
        String::from_utf8_lossy(&answer.stdout).contains("boolean true")
    }

    /// Puts a secret into it by another program.
    fn holds(&self, service: &str, user: &str, secret: &str) {
        let mut store = Command::new("secret-tool")
            .args(["store", "--label=Heloise", "service", service, "username", user])
            .envs(self.environment.clone())
            .stdin(Stdio::piped())
            .spawn()
            .expect("secret-tool starts");
        store.stdin.take().expect("a pipe").write_all(secret.as_bytes()).expect("a reader");
        assert!(store.wait().expect("a child").success());
    }

    /// A run whose bus is this one.
    fn session(&self, arguments: &str) -> Run {
        let (name, value) = self.bus_of();
        heloise(arguments).env(name, value)
    }

    fn bus_of(&self) -> (&'static str, &str) {
        let (name, value) = self.environment.last().expect("the address is the last");
        (name, value)
    }

    fn at_terminal(&self, arguments: &str) -> Terminal {
        Terminal::start_with(arguments, &[self.bus_of()])
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for child in [&mut self.daemon, &mut self.bus] {
            // One that has ended cannot be killed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn arguments(postfix: &Server) -> String {
    let (target, ca, user) = (postfix.at("SUBMISSION"), postfix.get("CA_FILE"), postfix.get("USER"));
    format!("{target} --starttls --ca {ca} --user {user} --keyring --auth PLAIN")
}

#[test]
fn a_typed_password_that_is_right_can_be_kept() {
    let Some(postfix) = server("postfix") else { return };
    let Some(keyring) = Keyring::start() else { return };
    let (password, arguments) = (postfix.get("PASSWORD"), arguments(&postfix));

    // The first one is wrong, so nothing is kept of it.
    let mut terminal = keyring.at_terminal(&arguments);
    terminal.sees("password for").types("quite wrong 3?").sees("535 5.7.8").ends_with(6);
    let script = format!("{arguments} --quit");
    keyring.session(&script).ends_with(1).says(&["no password was given"]);

    let mut terminal = keyring.at_terminal(&arguments);
    terminal.sees("password for").types(password).sees("Keep it in the keyring for").types("yes");
    terminal.sees("kept in the keyring").types("QUIT").ends_with(0);
    let kept = keyring.session(&script).ends_with(0).says(&["235 2.7.0"]);
    assert!(!kept.all().contains(password), "{}", kept.all());
}

#[test]
fn a_kept_password_that_is_refused_is_asked_for_anew() {
    let Some(postfix) = server("postfix") else { return };
    let Some(keyring) = Keyring::start() else { return };
    let (user, arguments) = (postfix.get("USER"), arguments(&postfix));
    keyring.holds("heloise:localhost", user, "an old password 9");
    let script = format!("{arguments} --quit");
    let refused = keyring.session(&script).ends_with(6).says(&["535 5.7.8"]);
    assert!(!refused.all().contains("an old password"), "{}", refused.all());

    let mut terminal = keyring.at_terminal(&arguments);
    terminal.sees(&format!("what the keyring holds for {user} was refused"));
    terminal
        .sees("password for")
        .types(postfix.get("PASSWORD"))
        .sees("Keep it in the keyring for")
        .types("yes");
    terminal.sees("kept in the keyring").types("QUIT").ends_with(0);
    keyring.session(&script).ends_with(0).says(&["235 2.7.0"]);
}

#[test]
fn a_keyring_that_cannot_be_reached_is_told_before_any_connection() {
    let Some(postfix) = server("postfix") else { return };
    let run = heloise(&format!("{} --quit", arguments(&postfix)));
    let run = run.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let outcome = run.ends_with(1).says(&["the keyring cannot be read", "--password-command"]);
    assert!(!outcome.stdout.contains("connected"), "{}", outcome.all());
}
