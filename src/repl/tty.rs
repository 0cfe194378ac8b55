//! The modes of the terminal around the line editor.
//!
//! Between two lines the terminal neither echoes nor gathers whole lines: what is typed ahead waits unseen,
//! so that a secret typed too early does not show, and no line is cut at the kernel's 4,095 bytes.

#[cfg(unix)]
pub(super) use unix::{Silence, Tty};

#[cfg(not(unix))]
pub(super) use other::{Silence, Tty};

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::stdin;
    use std::sync::{Mutex, PoisonError};

    use nix::sys::termios::{
        InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr,
    };

    /// The terminal at standard input, with the modes it had at first.
    pub(in crate::repl) struct Tty {
        original: Option<Mutex<Termios>>,
    }

    impl Tty {
        /// Takes note of the modes as they are.
        pub(in crate::repl) fn open() -> Tty {
            Tty { original: tcgetattr(stdin()).ok().map(Mutex::new) }
        }

        /// No echo, no gathering of lines; Ctrl-C and Ctrl-Z stay signals.
        pub(in crate::repl) fn quiet(&self) {
            self.set(|modes| {
                modes.input_flags &= !(InputFlags::ICRNL | InputFlags::IXON);
                modes.local_flags &= !(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::IEXTEN);
                let slots = &mut modes.control_chars;
                if let Some(least) = slots.get_mut(SpecialCharacterIndices::VMIN as usize) {
                    *least = 1;
                }
                if let Some(time) = slots.get_mut(SpecialCharacterIndices::VTIME as usize) {
                    *time = 0;
                }
            });
        }

        /// As it was, but without echo: for a secret on a terminal that cannot be edited on.
        pub(in crate::repl) fn hide(&self) {
            self.set(|modes| modes.local_flags &= !LocalFlags::ECHO);
        }

        /// As it was at first.
        pub(in crate::repl) fn restore(&self) {
            self.set(|_| {});
        }

        fn set(&self, change: impl FnOnce(&mut Termios)) {
            if let Some(original) = &self.original {
                let mut modes = original.lock().unwrap_or_else(PoisonError::into_inner).clone();
                change(&mut modes);
                // A terminal that is gone needs no modes.
                let _ = tcsetattr(stdin(), SetArg::TCSANOW, &modes);
            }
        }
    }

    /// No echo at the controlling terminal until this is dropped: a secret that is typed before its prompt
    /// is done must not show either.
    pub(in crate::repl) struct Silence {
        tty: File,
        original: Termios,
    }

    impl Silence {
        /// Nothing where there is no terminal.
        pub(in crate::repl) fn begin() -> Option<Silence> {
            let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
            let original = tcgetattr(&tty).ok()?;
            let mut modes = original.clone();
            modes.local_flags &= !LocalFlags::ECHO;
            tcsetattr(&tty, SetArg::TCSANOW, &modes).ok()?;
            Some(Silence { tty, original })
        }
    }

    impl Drop for Silence {
        fn drop(&mut self) {
            // A terminal that is gone needs no modes.
            let _ = tcsetattr(&self.tty, SetArg::TCSANOW, &self.original);
        }
    }
}

#[cfg(not(unix))]
mod other {
    /// A console whose modes are left to the line editor.
    pub(in crate::repl) struct Tty;

    /// The console hides what is typed by itself.
    pub(in crate::repl) struct Silence;

    impl Silence {
        pub(in crate::repl) fn begin() -> Option<Silence> {
            Some(Silence)
        }
    }

    impl Tty {
        pub(in crate::repl) fn open() -> Tty {
            Tty
        }

        pub(in crate::repl) fn quiet(&self) {}

        pub(in crate::repl) fn hide(&self) {}

        pub(in crate::repl) fn restore(&self) {}
    }
}
