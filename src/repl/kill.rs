//! Cutting a secret without a way back: what keys such as Ctrl-U cut is kept by the editor, and Ctrl-Y puts it into any
//! later line, in clear. The editor's store cannot be emptied, but these keys can be told to leave it alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustyline::history::FileHistory;
use rustyline::{
    Cmd, ConditionalEventHandler, Editor, Event, EventContext, EventHandler, Helper, KeyCode, KeyEvent,
    Modifiers, Movement, RepeatCount,
};

use super::mask;

/// What is known of the line being typed and of what has been cut.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrecy(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    /// The line is a secret as a whole.
    whole: AtomicBool,
    /// A secret was cut from this line; what else is cut from it may be kept together with that.
    cut_here: AtomicBool,
    /// What was cut last holds a secret.
    newest: AtomicBool,
    /// Something that was cut holds a secret.
    any: AtomicBool,
}

impl Secrecy {
    /// A line is begun.
    pub(super) fn begin(&self, secret: bool) {
        self.0.whole.store(secret, Relaxed);
        self.0.cut_here.store(false, Relaxed);
    }
}

/// What a key does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    CutBefore,
    /// As `CutBefore`, by two keys.
    CutBeforeByTwo,
    CutBehind,
    /// Brings back what was cut last.
    Bring,
    /// Brings back what was cut before that.
    BringOlder,
}

struct Guard {
    secrecy: Secrecy,
    key: Key,
}

/// Binds the keys that cut, and those that bring back.
pub(super) fn bind<H: Helper>(editor: &mut Editor<H, FileHistory>, secrecy: &Secrecy) {
    let backspace = |modifiers| KeyEvent(KeyCode::Backspace, modifiers);
    let keys: [(Event, Key); 10] = [
        (KeyEvent::ctrl('U').into(), Key::CutBefore),
        (KeyEvent::ctrl('W').into(), Key::CutBefore),
        (backspace(Modifiers::ALT).into(), Key::CutBefore),
        (Event::KeySeq(vec![KeyEvent::ctrl('X'), backspace(Modifiers::NONE)]), Key::CutBeforeByTwo),
        (KeyEvent::ctrl('K').into(), Key::CutBehind),
        (KeyEvent::alt('d').into(), Key::CutBehind),
        (KeyEvent::alt('D').into(), Key::CutBehind),
        (KeyEvent::ctrl('Y').into(), Key::Bring),
        (KeyEvent::alt('y').into(), Key::BringOlder),
        (KeyEvent::alt('Y').into(), Key::BringOlder),
    ];
    for (event, key) in keys {
        let guard = Guard { secrecy: secrecy.clone(), key };
        editor.bind_sequence(event, EventHandler::Conditional(Box::new(guard)));
    }
}

impl Guard {
    fn note_cut(&self, at: &EventContext) {
        let flags = &self.secrecy.0;
        let nothing = match self.key {
            Key::CutBehind => at.pos() >= at.line().len(),
            _ => at.pos() == 0,
        };
        if nothing {
            return;
        }
        if flags.whole.load(Relaxed) || mask::secret_start(at.line()).is_some() {
            [&flags.cut_here, &flags.newest, &flags.any].iter().for_each(|flag| flag.store(true, Relaxed));
        } else if !flags.cut_here.load(Relaxed) {
            flags.newest.store(false, Relaxed);
        }
    }
}

impl ConditionalEventHandler for Guard {
    /// Nothing means that the editor does as ever.
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, at: &EventContext) -> Option<Cmd> {
        let flags = &self.secrecy.0;
        match self.key {
            Key::Bring => flags.newest.load(Relaxed).then_some(Cmd::Noop),
            Key::BringOlder => flags.any.load(Relaxed).then_some(Cmd::Noop),
            Key::CutBefore | Key::CutBehind => {
                self.note_cut(at);
                None
            }
            Key::CutBeforeByTwo => {
                self.note_cut(at);
                // The editor would wait for a third key otherwise.
                Some(Cmd::Kill(Movement::BeginningOfLine))
            }
        }
    }
}
