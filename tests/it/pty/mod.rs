//! Programs in a pseudo-terminal: what a person would type goes in, what a person would see comes out.

mod child;
mod editor;
mod lost;
mod session;

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long something may take to appear. Only failing tests wait that long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a terminal received so far.
struct Shown {
    parser: vt100::Parser,
    raw: Vec<u8>,
    over: bool,
}

/// A program in a pseudo-terminal.
pub struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    /// What the terminal was set to before the program began, as text.
    pub modes_at_first: String,
    keys: mpsc::Sender<Vec<u8>>,
    shown: Arc<(Mutex<Shown>, Condvar)>,
}

impl Pty {
    /// Starts the program in a terminal of 80 columns and 24 rows.
    pub fn start(mut command: CommandBuilder) -> Pty {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        if command.get_env("TERM").is_none_or(|term| term != "dumb") {
            command.env("TERM", "xterm-256color");
        }
        command.env_remove("NO_COLOR");
        let modes_at_first = modes(&*pair.master);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let parser = vt100::Parser::new(size_of(24), size_of(80), 0);
        let shown = Arc::new((Mutex::new(Shown { parser, raw: Vec::new(), over: false }), Condvar::new()));
        let (mut output, seen) = (pair.master.try_clone_reader().unwrap(), shown.clone());
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            loop {
                // On Linux the end of the other side is an error.
                let count = output.read(&mut piece).unwrap_or(0);
                let mut shown = seen.0.lock().unwrap();
                shown.raw.extend_from_slice(&piece[..count]);
                shown.parser.process(&piece[..count]);
                shown.over = count == 0;
                seen.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        let mut input = pair.master.take_writer().unwrap();
        let (keys, pressed) = mpsc::channel::<Vec<u8>>();
        // A program that reads no keys lets the writer wait, not the test.
        std::thread::spawn(move || pressed.iter().try_for_each(|keys| input.write_all(&keys)));
        Pty { child, master: pair.master, modes_at_first, keys, shown }
    }

    /// Presses keys.
    pub fn keys(&mut self, keys: impl AsRef<[u8]>) {
        self.keys.send(keys.as_ref().to_vec()).unwrap();
    }

    /// Changes the size of the window.
    pub fn resize(&mut self, rows: u16, cols: u16) {
        self.shown.0.lock().unwrap().parser.screen_mut().set_size(size_of(rows), size_of(cols));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// What the terminal is set to, as text.
    pub fn modes(&self) -> String {
        modes(&*self.master)
    }

    /// The rows of the screen, without blanks at their ends and without empty rows at the bottom.
    pub fn rows(&self) -> Vec<String> {
        rows(&self.shown.0.lock().unwrap())
    }

    /// All bytes that the terminal received, as text.
    pub fn received(&self) -> String {
        String::from_utf8_lossy(&self.shown.0.lock().unwrap().raw).into_owned()
    }

    /// Waits until the screen is as wanted; the last rows are given.
    pub fn wait(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let shown = self.wait_for(what, |shown| wanted(&rows(shown)));
        rows(&shown)
    }

    /// Waits until the last row that is not empty is this.
    pub fn wait_last(&self, row: &str) -> Vec<String> {
        self.wait(&format!("the last row is {row:?}"), |rows| rows.last().is_some_and(|last| last == row))
    }

    /// Waits until a row holds this text.
    pub fn wait_text(&self, text: &str) -> Vec<String> {
        self.wait(&format!("there is {text:?}"), |rows| rows.iter().any(|row| row.contains(text)))
    }

    /// Waits for the program's end and gives its exit status.
    pub fn end(&mut self) -> u32 {
        drop(self.wait_for("the program ends", |shown| shown.over));
        self.child.wait().unwrap().exit_code()
    }

    fn wait_for(&self, what: &str, wanted: impl Fn(&Shown) -> bool) -> MutexGuard<'_, Shown> {
        let start = Instant::now();
        let mut shown = self.shown.0.lock().unwrap();
        while !wanted(&shown) {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let over = shown.over;
            if left.is_zero() || over {
                let screen = rows(&shown).join("\n");
                panic!("waited in vain until {what}; the program has ended: {over}; the screen:\n{screen}");
            }
            shown = self.shown.1.wait_timeout(shown, left).unwrap().0;
        }
        shown
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn modes(master: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", master.get_termios().unwrap().local_flags)
}

fn size_of(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

fn rows(shown: &Shown) -> Vec<String> {
    let screen = shown.parser.screen();
    let (_, width) = screen.size();
    let mut rows: Vec<String> = screen.rows(0, width.get()).map(|row| row.trim_end().to_owned()).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}
