//! The real binary at a terminal of its own.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

/// Nothing here takes as long.
const LIMIT: Duration = Duration::from_secs(60);

/// The program at a terminal of its own.
pub struct AtTerminal {
    /// The program.
    pub child: Box<dyn portable_pty::Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: mpsc::Receiver<Vec<u8>>,
    seen: String,
    /// All that it has shown so far.
    pub all: String,
    _pair: portable_pty::PtyPair,
}

impl AtTerminal {
    /// Starts it with these arguments.
    pub fn start(args: &[&str]) -> AtTerminal {
        AtTerminal::start_with(&[], args)
    }

    /// Starts it with these variables in its environment.
    pub fn start_with(variables: &[(&str, &str)], args: &[&str]) -> AtTerminal {
        AtTerminal::launch(None, variables, args)
    }

    /// Starts it with this folder as its home, and none of this machine's settings.
    pub fn start_in(home: &Path, args: &[&str]) -> AtTerminal {
        AtTerminal::launch(Some(home), &[], args)
    }

    fn launch(home: Option<&Path>, variables: &[(&str, &str)], args: &[&str]) -> AtTerminal {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_heloise"));
        command.args(args);
        if let Some(home) = home {
            command.env_clear();
            command.env("HOME", home);
            command.env("PATH", "/usr/bin:/bin");
        }
        command.env("TERM", "xterm");
        variables.iter().for_each(|(name, value)| command.env(name, value));
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut piece) {
                if sender.send(piece[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        AtTerminal { child, keys, output, seen: String::new(), all: String::new(), _pair: pair }
    }

    /// Reads on until this text shows up; what came before it is forgotten.
    pub fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let piece = self.output.recv_timeout(LIMIT);
            let piece = piece.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.seen));
            let piece = String::from_utf8_lossy(&piece);
            self.all.push_str(&piece);
            self.seen.push_str(&piece);
        }
    }

    /// The arguments that the system shows to everybody.
    pub fn command_line(&self) -> String {
        let pid = self.child.process_id().unwrap();
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ")
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }
}
