//! Parse, run, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    heloise::cmd::main(std::env::args_os())
}
