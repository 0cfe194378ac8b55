//! The subcommands: arguments in, library calls, exit status out. One short file each.

mod check;
mod connect;
mod demo;
mod diff;
mod explain;
mod export;
mod files;
mod import;
#[cfg(feature = "keyring")]
mod keyring;
mod memory;
mod netrc;
mod pages;
mod play;
mod profile;
mod rerun;
mod secrets;
mod send;
mod serve;
mod setup;
mod suspicions;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::{Cli, Sub};
use crate::report::{Problem, Status, complain};
use crate::transcript::turns::Turn;

/// Runs the program with these arguments, the first of which is its name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    memory::keep_private();
    let args = match profile::expand(args.into_iter().collect()) {
        Ok(args) => args,
        Err(problem) => return complain(&problem).into(),
    };
    let plugin = check::is_plugin(&args);
    let cli = match Cli::read(&args) {
        Ok(cli) => cli,
        Err(error) => {
            let status = match (error.use_stderr(), plugin) {
                (false, _) => Status::Ok,
                (true, false) => Status::Usage,
                (true, true) => check::unknown("the command line cannot be used; heloise check --help"),
            };
            // Nothing is left to be done where even the message cannot be written.
            let _ = error.print();
            return status.into();
        }
    };
    match run(cli) {
        Ok(status) => status.into(),
        Err(problem) => complain(&problem).into(),
    }
}

fn run(cli: Cli) -> Result<Status, Problem> {
    match cli.command {
        None => connect::run(cli.session),
        Some(Sub::Connect(args)) => connect::run(args),
        Some(Sub::Demo(args)) => demo::run(args),
        Some(Sub::Send(args)) => send::run(*args),
        Some(Sub::Play(args)) => play::run(&args),
        Some(Sub::Serve(args)) => serve::run(&args),
        Some(Sub::Rerun(args)) => rerun::run(&args),
        Some(Sub::Diff(args)) => diff::run(&args),
        Some(Sub::Export(args)) => export::run(&args),
        Some(Sub::Import(args)) => import::run(&args),
        Some(Sub::Explain(args)) => explain::run(&args),
        Some(Sub::Check(args)) => check::run(&args),
        Some(Sub::Completions(args)) => pages::completions(args.shell),
        Some(Sub::Man) => pages::manual(),
    }
}

/// Runs a future to its end on this thread alone: a session needs no more, and it starts in microseconds.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Status::Protocol, format!("cannot start the event loop: {error}")))?;
    let result = runtime.block_on(work);
    // A name lookup of the system cannot be cancelled; nobody is to wait for one that was given up.
    runtime.shutdown_background();
    result
}

/// Whether writing failed because nobody reads any more; then there is nothing to complain about.
pub(crate) fn written(result: std::io::Result<()>) -> Result<Status, Problem> {
    match result {
        Ok(()) => Ok(Status::Ok),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Status::Ok),
        Err(error) => Err(Problem::new(Status::LocalFile, format!("cannot write the output: {error}"))),
    }
}

/// Says that a session went on although nobody knows with whom, which every view of it has to say.
pub(crate) fn tell_unverified(name: &str, turns: &[Turn]) {
    if turns.iter().any(|turn| turn.verified == Some(false)) {
        let what =
            format!("{name}: the server's certificate was not verified; its replies may be somebody else's");
        complain(&Problem::new(Status::Ok, what));
    }
}
