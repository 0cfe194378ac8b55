//! All integration tests in one binary, so that linking stays cheap.

#![allow(clippy::disallowed_methods, reason = "a program of its own: it may open files and ask the time")]

mod agreement;
mod at_terminal;
mod bad_input;
mod binary;
mod broken_off;
mod check;
mod diff;
mod dns;
mod export;
mod grammar;
mod hostile;
mod hostile_session;
mod import;
mod import_secrets;
mod imports;
mod killed;
mod layers;
mod leaks;
mod leaks_echo;
mod leaks_rare;
mod logs;
mod peer;
mod play;
mod practice;
mod profiles;
mod program;
mod pty;
mod rerun;
mod rerun_apart;
mod sasl_docs;
mod script;
mod script_parting;
mod send;
mod serve;
mod serve_auth;
mod serve_kept;
mod tls;
mod transcript_grammar;
mod transcripts;
