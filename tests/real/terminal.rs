//! A person at a terminal: a pseudo-terminal session with Postfix.

use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::run::clean_environment;
use crate::scripts::assert_arrived;
use crate::server::{server, unique};

/// How long a person would wait for anything here before giving up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal of 100 columns with heloise in it, and all that it has shown since the start.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    parser: Arc<Mutex<vt100::Parser>>,
    // Held, because closing it hangs up the terminal.
    _master: Box<dyn MasterPty + Send>,
    _home: tempfile::TempDir,
}

impl Terminal {
    pub fn start(arguments: &str) -> Terminal {
        Terminal::start_with(arguments, &[])
    }

    /// The same with more variables in its environment.
    pub fn start_with(arguments: &str, variables: &[(&str, &str)]) -> Terminal {
        let [rows, cols] = [50, 100].map(|cells| NonZero::<u16>::new(cells).expect("not zero"));
        let size = PtySize { rows: rows.get(), cols: cols.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let home = tempfile::tempdir().expect("a folder for the run");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_heloise"));
        command.args(arguments.split_whitespace());
        command.env("TERM", "xterm-256color");
        for (name, value) in clean_environment(home.path()) {
            command.env(name, value);
        }
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("heloise starts");
        let parser = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 1000)));
        let mut output = pair.master.try_clone_reader().expect("a readable terminal");
        let shown = Arc::clone(&parser);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().expect("a screen").process(&bytes[..count]);
            }
        });
        let keyboard = pair.master.take_writer().expect("a keyboard");
        Terminal { child, keyboard, parser, _master: pair.master, _home: home }
    }

    pub fn screen(&self) -> String {
        self.parser.lock().expect("a screen").screen().contents()
    }

    /// Waits until the screen shows this.
    pub fn sees(&mut self, wanted: &str) -> &mut Self {
        self.waits_for(wanted, |screen| screen.contains(wanted))
    }

    pub fn waits_for(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.screen()) {
            assert!(Instant::now() < deadline, "the screen never showed {what:?}:\n{}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
        self
    }

    /// Types a line and the Enter key.
    pub fn types(&mut self, line: &str) -> &mut Self {
        self.press(line.as_bytes());
        self.press(b"\r");
        self
    }

    fn press(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).expect("a keyboard");
        self.keyboard.flush().expect("a keyboard");
    }

    /// Types without the Enter key.
    fn begins_to_type(&mut self, text: &str) -> &mut Self {
        self.press(text.as_bytes());
        self.sees(text)
    }

    pub fn ends_with(&mut self, status: u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(ended) = self.child.try_wait().expect("a child") {
                assert_eq!(ended.exit_code(), status, "{}", self.screen());
                return;
            }
            if Instant::now() > deadline {
                self.child.kill().expect("a child");
                panic!("heloise did not end:\n{}", self.screen());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn types_upgrades_authenticates_sends_and_quits() {
    let Some(postfix) = server("postfix") else { return };
    let subject = &unique("typed by a person");
    let mut terminal =
        Terminal::start(&format!("{} --ca {}", postfix.at("SUBMISSION"), postfix.get("CA_FILE")));
    terminal.sees("220 mail.example.test").types("EHLO me.example.test").sees("250-STARTTLS");
    terminal.types("MAIL FROM:<alice@example.test>").sees("530 5.7.0");
    terminal.types("STARTTLS").sees("220 2.0.0 Ready to start TLS").sees("TLSv1.3");
    terminal.types("EHLO me.example.test").sees("250-AUTH PLAIN");
    terminal.types("/auth PLAIN").sees("user name").types(postfix.get("USER")).sees("password");
    terminal.types(postfix.get("PASSWORD")).sees("235 2.7.0");
    assert!(!terminal.screen().contains(postfix.get("PASSWORD")), "the password is on the screen");
    terminal.types("MAIL FROM:<bob@example.test>").sees("250 2.1.0");
    terminal.types("RCPT TO:<nobody@example.test>").sees("550 5.1.1");
    terminal.types("RCPT TO:<alice@example.test>").sees("250 2.1.5");
    terminal.types("DATA").sees("354 ");
    for line in [&format!("Subject: {subject}"), "", "A body", "..with a dot", "...and two: é", "."] {
        terminal.types(line);
    }
    terminal.sees("queued as").types("QUIT").sees("221 2.0.0");
    terminal.ends_with(0);
    assert_arrived(&postfix, subject);
}

#[test]
fn a_goodbye_in_mid_line_appears_above_the_half_typed_line() {
    let Some(postfix) = server("postfix") else { return };
    let mut terminal = Terminal::start(&postfix.at("IDLE"));
    terminal.sees("220 mail.example.test").begins_to_type("MAIL FROM:<half");
    terminal.waits_for("the 421 above the half-typed line", |screen| {
        screen.find("421 4.4.2").is_some_and(|goodbye| screen.rfind("MAIL FROM:<half") > Some(goodbye))
    });
    terminal.press(b"@example.test>");
    terminal.sees("MAIL FROM:<half@example.test>");
}
