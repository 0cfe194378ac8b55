//! All integration tests in one binary, so that linking stays cheap.

#![allow(clippy::disallowed_methods, reason = "a program of its own: it may open files and ask the time")]

mod agreement;
mod binary;
mod grammar;
mod hostile;
mod hostile_session;
mod imports;
mod peer;
mod practice;
#[cfg(unix)]
mod pty;
mod sasl_docs;
mod script;
mod tls;
mod transcript_grammar;
mod transcripts;
