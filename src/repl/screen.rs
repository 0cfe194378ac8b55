//! The one writer to the terminal.
//!
//! What is printed goes into a queue, so that nobody who prints ever waits for a slow terminal. The queue is
//! emptied by whoever holds the terminal: a thread of its own while no line is being typed, else the line
//! editor each time it paints (see [`super::typing`]), so that text appears above the half-typed line. The
//! editor is only woken through rustyline's external printer, never fed: a message inside that printer could
//! not be taken back when the line ends before it is read, and would then come out of order or not at all.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::watch;

/// How much text may wait for a terminal that takes none, in bytes. What comes beyond it is counted, not kept.
const QUEUE_LIMIT: usize = 4 << 20;

/// The screen. A clone writes to the same one.
pub struct Screen(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    written: watch::Sender<u64>,
    /// How many `Screen`s there are. The writer's thread ends when there is none and all is written.
    users: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// What waits to be shown; whole lines.
    queue: String,
    /// How many times something was printed.
    printed: u64,
    /// How many lines were left out because the queue was full.
    left_out: u64,
    holder: Holder,
    /// The thread is writing what it took from the queue.
    busy: bool,
    /// Why the terminal takes no more.
    dead: Option<String>,
    /// Wakes the line editor.
    bell: Option<mpsc::SyncSender<()>>,
    /// Nobody prints any more.
    over: bool,
}

/// Who writes to the terminal.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Holder {
    #[default]
    Writer,
    Editor,
}

impl Screen {
    /// The screen that writes to standard output.
    pub fn stdout() -> Screen {
        Screen::to(std::io::stdout())
    }

    /// A screen that writes to `out`, from a thread of its own.
    pub fn to(out: impl Write + Send + 'static) -> Screen {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            written: watch::Sender::new(0),
            users: AtomicUsize::new(1),
        });
        let writer = shared.clone();
        let started =
            std::thread::Builder::new().name("screen".to_owned()).spawn(move || writer.write_to(out));
        if let Err(error) = started {
            shared.die(&mut shared.lock(), error.to_string());
        }
        Screen(shared)
    }

    /// Shows text: whole lines; a line end is added where the last one has none. Never waits. Bytes from
    /// outside must have been made visible before.
    pub fn print(&self, text: impl Into<String>) {
        let text = text.into();
        let mut state = self.0.lock();
        if state.dead.is_some() || text.is_empty() {
            return;
        }
        state.printed += 1;
        if state.queue.len() + text.len() > QUEUE_LIMIT {
            state.left_out += text.lines().count() as u64;
        } else {
            state.queue.push_str(&text);
            if !text.ends_with('\n') {
                state.queue.push('\n');
            }
        }
        match state.holder {
            Holder::Writer => self.0.changed.notify_all(),
            Holder::Editor => state.ring(),
        }
    }

    /// Has the line editor paint its line anew, if one is being typed.
    pub fn repaint(&self) {
        self.0.lock().ring();
    }

    /// Waits until all that was printed so far has been handed to the terminal, or the terminal is dead. While
    /// a line is being typed that can take as long as the editor waits for a key in its history search.
    pub async fn flush(&self) {
        let due = self.0.lock().printed;
        let mut written = self.0.written.subscribe();
        // It fails only without a sender, and this screen holds that.
        let _ = written.wait_for(|written| *written >= due).await;
    }

    /// Blocks until all that was printed is written, but no longer than `limit`. Not while the editor holds the
    /// terminal.
    pub(super) fn settle(&self, limit: Duration) {
        let state = self.0.lock();
        drop(self.0.changed.wait_timeout_while(state, limit, |state| state.unwritten()));
    }

    /// Why the terminal takes nothing any more: it was closed, or the pipe to a pager is broken. What is
    /// printed from then on is dropped.
    pub fn dead(&self) -> Option<String> {
        self.0.lock().dead.clone()
    }

    /// Notes that the terminal is gone, as the editor found.
    pub(super) fn declare_dead(&self, why: String) {
        self.0.die(&mut self.0.lock(), why);
    }

    /// Hands the terminal to the line editor, once all that was printed is written. Blocks for that long.
    pub(super) fn lend(&self, bell: mpsc::SyncSender<()>) {
        let state = self.0.lock();
        let mut state = self
            .0
            .changed
            .wait_while(state, |state| state.unwritten())
            .unwrap_or_else(PoisonError::into_inner);
        state.holder = Holder::Editor;
        state.bell = Some(bell);
    }

    /// Takes the terminal back from the line editor.
    pub(super) fn take_back(&self) {
        let mut state = self.0.lock();
        state.holder = Holder::Writer;
        state.bell = None;
        self.0.changed.notify_all();
    }

    /// What is to be shown above the line that is being typed, as the editor is about to paint it. Nothing if the
    /// terminal was taken from it.
    pub(super) fn drain_for_editor(&self) -> Option<String> {
        let mut state = self.0.lock();
        if state.holder != Holder::Editor {
            return None;
        }
        let (text, printed) = state.take();
        self.0.written.send_replace(printed);
        Some(text)
    }

    /// Whether the editor may paint.
    pub(super) fn is_lent(&self) -> bool {
        self.0.lock().holder == Holder::Editor
    }
}

impl Clone for Screen {
    fn clone(&self) -> Self {
        self.0.users.fetch_add(1, Ordering::Relaxed);
        Screen(self.0.clone())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.0.users.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.lock().over = true;
            self.0.changed.notify_all();
        }
    }
}

impl State {
    fn unwritten(&self) -> bool {
        self.dead.is_none() && (self.busy || !self.queue.is_empty())
    }

    fn ring(&mut self) {
        // A full channel is a bell about to ring; an editor that is gone needs none.
        if let Some(bell) = &self.bell {
            let _ = bell.try_send(());
        }
    }

    /// Takes the queue, and the number of prints that are done with it.
    fn take(&mut self) -> (String, u64) {
        let mut text = std::mem::take(&mut self.queue);
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            text.push_str(&format!(
                "*** {left_out} lines are not shown, as the terminal did not take them in time\n"
            ));
        }
        (text, self.printed)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that holds the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn die(&self, state: &mut State, why: String) {
        state.dead.get_or_insert(why);
        state.queue = String::new();
        state.left_out = 0;
        // Whoever waits for the text to appear waits in vain.
        self.written.send_replace(u64::MAX);
        self.changed.notify_all();
    }

    /// The writer's thread.
    fn write_to(&self, mut out: impl Write) {
        let mut state = self.lock();
        loop {
            if state.holder == Holder::Writer && state.dead.is_none() && !state.queue.is_empty() {
                let (text, printed) = state.take();
                state.busy = true;
                drop(state);
                let outcome = out.write_all(text.as_bytes()).and_then(|()| out.flush());
                state = self.lock();
                state.busy = false;
                match outcome {
                    Ok(()) => drop(self.written.send_replace(printed)),
                    Err(error) => self.die(&mut state, crate::transport::io_words(&error)),
                }
                self.changed.notify_all();
            } else if state.over {
                return;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place to write to that tests can look into, and break.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<(Vec<u8>, bool)>>);

    impl Paper {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
        }
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let mut paper = self.0.lock().unwrap();
            if paper.1 {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            paper.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_is_printed_appears_in_order() {
        let paper = Paper::default();
        let screen = Screen::to(paper.clone());
        let other = screen.clone();
        screen.print("one");
        other.print("two\nthree\n");
        screen.print("");
        screen.flush().await;
        assert_eq!(paper.text(), "one\ntwo\nthree\n");
    }

    #[tokio::test]
    async fn an_editor_gets_what_is_printed_while_it_holds_the_terminal() {
        let paper = Paper::default();
        let screen = Screen::to(paper.clone());
        let (bell, rung) = mpsc::sync_channel(1);
        screen.print("before");
        screen.lend(bell);
        assert_eq!(paper.text(), "before\n");
        screen.print("above");
        rung.recv().unwrap();
        assert_eq!(screen.drain_for_editor().as_deref(), Some("above\n"));
        screen.flush().await;
        screen.print("late");
        screen.take_back();
        screen.flush().await;
        assert_eq!(paper.text(), "before\nlate\n");
        assert_eq!(screen.drain_for_editor(), None);
    }

    #[tokio::test]
    async fn a_broken_pipe_is_told_and_harms_nobody() {
        let paper = Paper::default();
        paper.0.lock().unwrap().1 = true;
        let screen = Screen::to(paper.clone());
        assert_eq!(screen.dead(), None);
        screen.print("lost");
        screen.flush().await;
        assert!(screen.dead().is_some());
        screen.print("lost, too");
        screen.flush().await;
        let (bell, _rung) = mpsc::sync_channel(1);
        screen.lend(bell);
        assert_eq!(paper.text(), "");
    }

    #[tokio::test]
    async fn a_terminal_that_takes_nothing_costs_little_memory() {
        let screen = Screen::to(Paper::default());
        let (bell, _rung) = mpsc::sync_channel(1);
        screen.lend(bell);
        for _ in 0..QUEUE_LIMIT / 512 {
            screen.print("x".repeat(1023));
        }
        let text = screen.drain_for_editor().unwrap();
        assert!(text.len() <= QUEUE_LIMIT + 200);
        assert!(text.contains("*** 4096 lines are not shown"), "{}", &text[text.len() - 200..]);
    }
}
