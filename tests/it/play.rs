//! `heloise play` at a terminal and on a pipe.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::program::{arg, run, run_with, transcript};

const SESSION: &str = "0.0 <- 220 mx\n900.0 -> EHLO a\n900.1 <- 250 mx\n1800.0 -> RCPT TO:<b@x>\n1800.1 <** 550 5.1.1 never\n\
    1900.0 -> QUIT\n1900.1 <- 221 bye\n";

/// Nothing here takes as long.
const LIMIT: Duration = Duration::from_secs(60);

/// The program at a terminal of its own.
struct AtTerminal {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    output: mpsc::Receiver<Vec<u8>>,
    seen: String,
    _pair: portable_pty::PtyPair,
}

impl AtTerminal {
    fn start(args: &[&str]) -> AtTerminal {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_heloise"));
        command.args(args);
        command.env("TERM", "xterm");
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
        AtTerminal { child, keys, output, seen: String::new(), _pair: pair }
    }

    /// Reads on until this text shows up; what came before it is forgotten.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let piece = self.output.recv_timeout(LIMIT);
            let piece = piece.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&piece));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }
}

#[test]
fn keys_step_search_and_leave() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    // Pauses of 900 s: what appears does so because of a key.
    let mut screen = AtTerminal::start(&["play", arg(&file), "--idle-limit", "900", "--color", "never"]);
    screen.wait_for("220 mx");
    screen.wait_for("1/7");
    screen.press(".");
    screen.wait_for("-> EHLO a");
    screen.wait_for("paused");
    screen.press("e");
    screen.wait_for("550 5.1.1 never");
    screen.wait_for("why");
    screen.press("\x1b[D\x1b[D");
    screen.wait_for("\x1b[2J");
    screen.wait_for("1/7");
    screen.press("/bye\r");
    screen.wait_for("221 bye");
    screen.wait_for("end");
    screen.press("?");
    screen.wait_for("on to the next marker");
    screen.press("q");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn time_passes_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let args = ["play", arg(&file), "--idle-limit", "0.2", "--speed", "20", "--color", "never"];
    let mut screen = AtTerminal::start(&args);
    let told = screen.wait_for("221 bye");
    assert!(told.contains("550 5.1.1 never"), "{told}");
    screen.wait_for("end");
    screen.press("\x03");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
}

#[test]
fn without_timing_and_on_a_pipe_all_comes_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = transcript(dir.path(), "a", SESSION);
    let mut screen = AtTerminal::start(&["play", "--no-timing", arg(&file)]);
    screen.wait_for("221 bye");
    assert_eq!(screen.child.wait().unwrap().exit_code(), 0);
    let piped = run(&["play", arg(&file), "--explain", "full"]);
    assert_eq!(piped.code, Some(0), "{}", piped.stderr);
    assert!(piped.stdout.contains("221 bye") && !piped.stdout.contains('\x1b'), "{}", piped.stdout);
    let damaged = run_with(&["play", "-"], "%heloise 1\n<- 220 one\n?? x\n -> QUIT\n");
    assert_eq!(damaged.code, Some(10));
    assert!(
        damaged.stdout.contains("QUIT") && damaged.stderr.contains("line 3, column 1"),
        "{}",
        damaged.all()
    );
    assert_eq!(run(&["play", "--speed", "0", arg(&file)]).code, Some(1));
}
