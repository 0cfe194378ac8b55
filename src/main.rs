//! Parse, run, exit code.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// Memory is wiped when it is given back. What a person types goes through buffers of the line editor, of the
/// terminal and of libraries that know nothing of secrets; none of their copies outlives its use.
#[global_allocator]
static WIPED: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    heloise::cmd::main(std::env::args_os())
}
