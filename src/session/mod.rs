//! The state machine of a session, without sockets and clocks.
//!
//! [`table`] says which command is in order when and where replies lead; [`State`] gathers what is known;
//! [`Dialogue`] pairs commands with replies; [`Client`] and [`Server`] are the two roles. Bytes go in by
//! `handle_…` and come out by `poll_…`.

mod client;
mod dialogue;
pub mod limits;
mod server;
mod state;
pub mod table;

pub use client::{Client, Event, Output};
pub use dialogue::{Answer, Dialogue, Sent};
pub use limits::{Caps, Exceeded, Timeouts};
pub use server::{Request, Server};
pub use state::{Command, Difference, Envelope, Identity, Link, State};
pub use table::{Input, OutOfOrder, Phase, success_codes};

#[cfg(test)]
mod tests;
