//! The real binary against real mail servers, which `tests/servers/all.sh start DIR` starts.
//!
//! With `HELOISE_TEST_SERVERS=DIR` these tests drive them; without it each says that it is skipped. With
//! `HELOISE_TEST_SERVERS_REQUIRED=1` a server that is missing is a failure, so that a build machine cannot skip
//! them by accident.

#![allow(clippy::disallowed_methods, reason = "a program of its own: it may open files and ask the time")]

mod browser;
mod casts;
mod checks;
mod clients;
mod failures;
#[cfg(feature = "keyring")]
mod keyring;
mod mechanisms;
mod metrics;
mod others;
mod player;
mod plus;
mod revocation;
mod run;
mod s_server;
mod scripts;
mod sending;
mod server;
mod terminal;
