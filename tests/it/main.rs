//! All integration tests in one binary, so that linking stays cheap.

mod agreement;
mod grammar;
mod hostile_session;
mod practice;
mod sasl_docs;
mod tls;
mod transcript_grammar;
mod transcripts;
