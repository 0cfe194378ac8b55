//! The terminal and the clock of a player.

use std::io::{Read, Write, stdin, stdout};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use unicode_width::UnicodeWidthChar;

use crate::explain::render::Line;
use crate::repl::paint;
use crate::repl::signals::Signals;

use super::keys::keys;
use super::player::{Action, Player, SCROLLED};

/// Keys come one by one and unseen, until this is dropped.
struct RawMode(Termios);

impl RawMode {
    fn enter() -> std::io::Result<RawMode> {
        let original = tcgetattr(stdin())?;
        let mut modes = original.clone();
        modes.local_flags &= !(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG | LocalFlags::IEXTEN);
        tcsetattr(stdin(), SetArg::TCSANOW, &modes)?;
        Ok(RawMode(original))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no modes.
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &self.0);
    }
}

/// Plays until the person leaves. Returns the signal that ended it, if one did.
///
/// # Errors
/// When the terminal cannot be read from or written to.
pub async fn play(player: &mut Player, colour: bool) -> std::io::Result<Option<u8>> {
    let _raw = RawMode::enter()?;
    let mut typed = read_keys();
    let mut signals = Signals::any()?;
    let mut resized = signal(SignalKind::window_change())?;
    let mut screen = Canvas { colour };
    screen.show(&player.title(), player)?;
    let ended = loop {
        let due = async {
            match player.delay() {
                Some(delay) => tokio::time::sleep(delay).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = signals.arrived() => break Some(signals.last()),
            bytes = typed.recv() => {
                let Some(bytes) = bytes else { break None };
                if screen.obey(player, &bytes)? {
                    break None;
                }
            }
            _ = resized.recv() => {
                let told = player.resize(size().0);
                screen.act(told, player)?;
            }
            () = due => {
                let lines = player.tick();
                screen.show(&lines, player)?;
            }
        }
    };
    screen.wipe_status()?;
    Ok(ended)
}

/// Reads on a thread, which ends with the process.
fn read_keys() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(8);
    std::thread::spawn(move || {
        let mut piece = [0; 256];
        while let Ok(count @ 1..) = stdin().read(&mut piece) {
            if sender.blocking_send(piece.get(..count).unwrap_or_default().to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Columns and rows of the terminal.
fn size() -> (usize, usize) {
    terminal_size::terminal_size()
        .map_or((80, 24), |(columns, rows)| (usize::from(columns.0), usize::from(rows.0)))
}

/// Lines that scroll, and a status below them.
struct Canvas {
    colour: bool,
}

impl Canvas {
    /// Does what the keys ask for. True when the person wants to leave.
    fn obey(&mut self, player: &mut Player, bytes: &[u8]) -> std::io::Result<bool> {
        for key in keys(bytes) {
            let action = player.key(key);
            if self.act(action, player)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Does what is to be done. True when that is to leave.
    fn act(&mut self, action: Action, player: &Player) -> std::io::Result<bool> {
        match action {
            Action::Quit => return Ok(true),
            Action::Nothing => self.show(&[], player)?,
            Action::Show(lines) if lines.len() <= SCROLLED => self.show(&lines, player)?,
            Action::Show(lines) | Action::Retell(lines) => {
                let from = lines.len().saturating_sub(size().1.saturating_sub(1));
                write!(stdout(), "\x1b[H\x1b[2J")?;
                self.show(lines.get(from..).unwrap_or_default(), player)?;
            }
        }
        Ok(false)
    }

    fn show(&mut self, lines: &[Line], player: &Player) -> std::io::Result<()> {
        let mut text = String::from("\r\x1b[K");
        for line in lines {
            text.push_str(&paint(line, self.colour));
            text.push('\n');
        }
        let status = cut(&player.status(), size().0.saturating_sub(1));
        text.push_str(&if self.colour { format!("\x1b[7m{status}\x1b[0m") } else { status });
        let mut out = stdout();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn wipe_status(&mut self) -> std::io::Result<()> {
        let mut out = stdout();
        out.write_all(b"\r\x1b[K")?;
        out.flush()
    }
}

/// The text in so many columns, without control characters.
fn cut(text: &str, columns: usize) -> String {
    let mut left = columns;
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    text.chars().filter(|c| !c.is_control()).take_while(fits).collect()
}
