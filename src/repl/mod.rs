//! The session at a terminal: a line editor on its own thread, helper commands, and one writer to the screen.

pub mod commands;
mod complete;
mod editor;
pub mod helper;
mod hint;
pub mod history;
pub mod mask;
pub mod screen;
pub mod terminal;
mod tty;
