//! A transcript watched at a terminal: with its timing, and with keys to go forth and back.
//!
//! [`player`] knows what is told when and what a key does; it has no terminal and no clock. [`terminal`] has both.

pub mod keys;
pub mod player;
pub mod terminal;

pub use keys::Key;
pub use player::{Action, Pace, Player};
