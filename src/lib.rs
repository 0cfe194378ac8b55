//! Heloise: raw SMTP sessions for people.
//!
//! Data flows one way through the modules, and nothing knows what stands after it in this list:
//!
//! 1. [`secret`]: bytes that never print and are wiped when dropped.
//! 2. [`wire`]: the grammar of SMTP. Bytes to lines, lines to replies and commands, and back.
//! 3. [`sasl`]: authentication mechanisms as pure functions from challenge to response.
//! 4. [`session`]: the sans-IO state machine, for the client and for the server role.
//! 5. [`explain`]: what a reply means in the situation it came in, out of the tables in `grammar/`.
//! 6. [`transcript`]: a session as data: the file format, redaction, and what is made of it.
//! 7. [`target`] and [`transport`]: sockets, names, timers and TLS; the only driver of a session on a network.
//! 8. [`send`]: one test message: built, put into its envelope, delivered.
//! 9. [`serve`]: servers on the same session: the practice server, and the mock server that plays transcripts.
//! 10. [`narrate`]: entries of a transcript, live or recorded, told as lines for people.
//! 11. [`check`]: the path that a mail would take, walked stage by stage, and what is wrong with it.
//! 12. [`report`]: what went wrong, worded for people, and the exit status that goes with it.
//! 13. [`repl`]: a session at a terminal or under a script. `play`: a recorded one, watched.
//! 14. [`cli`], [`cmd`]: the command line and its subcommands.

#![forbid(unsafe_code)]

#[allow(clippy::disallowed_methods, reason = "measures how long each stage takes")]
pub mod check;
pub mod cli;
#[allow(clippy::disallowed_methods, reason = "opens the files and reads the environment for all others")]
pub mod cmd;
pub mod explain;
pub mod narrate;
#[cfg(unix)]
pub mod play;
#[allow(clippy::disallowed_methods, reason = "keeps history and transcripts in files")]
pub mod repl;
pub mod report;
pub mod sasl;
pub mod secret;
pub mod send;
#[allow(clippy::disallowed_methods, reason = "a server has clocks")]
pub mod serve;
pub mod session;
pub mod target;
pub mod transcript;
#[allow(
    clippy::disallowed_methods,
    reason = "the only driver of a session: it has the clocks and the sockets"
)]
pub mod transport;
pub mod wire;
