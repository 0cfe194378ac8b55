//! What a reply means in the situation it came in.
//!
//! [`Situation`] is what is known, [`explain`] ranks what it can mean, [`Explanation`] is one such reading. The
//! knowledge is in the tables under `grammar/` ([`tables`]); the code here only weighs it:
//!
//! 1. `text`: the reply's text, folded for matching, and its `words`; enhanced codes and URLs found in it.
//! 2. `rules`: rows of `grammar/patterns` and `grammar/providers`, all of whose phrases are looked for at once.
//! 3. `likeness`: what replies with such words and codes were about.
//! 4. `weighing`: evidence from code, enhanced code, words and session, weighed into reasons.
//! 5. `template`: causes and fixes whose conditions hold, filled from the situation by `context`.
//!
//! `engine` takes a reply through all of them.
//!
//! [`extract`] finds replies in logs and delivery notifications, [`Record`] is an explanation as JSON.
//!
//! [`failure`] does the same for what is no reply: sockets, names, TLS. [`render`] makes lines for a screen.

mod advice;
mod context;
mod engine;
mod explanation;
pub mod extract;
pub mod failure;
mod fault;
mod fold;
pub mod likeness;
mod lookup;
mod record;
pub mod render;
mod rules;
mod situation;
mod slots;
mod summary;
pub mod tables;
mod template;
mod text;
mod weighing;
mod words;

pub use crate::session::Phase;
pub use advice::{Advice, Template};
pub use engine::{explain, explain_best};
pub use explanation::{
    Actor, Confidence, Evidence, EvidenceKind, Explanation, Fix, Inference, Level, Place, Reason, Text,
};
pub use failure::{Failure, explain_failure, explain_failure_in, explain_row};
pub use lookup::{Entry, lookup};
pub use record::{Record, class_word};
pub use rules::Submission;
pub use situation::{Asked, Situation};
pub use summary::Summary;
pub use tables::is_expected;
pub(crate) use template::{fill_with, split_command};

#[cfg(test)]
mod tests;
