//! `heloise serve --practice`: the practice server for other programs.

use std::io::Write;

use crate::cli::ServeArgs;
use crate::repl::signals::Signals;
use crate::report::{Problem, Status};
use crate::serve::practice::{Practice, PracticeOptions};

/// Serves until it is interrupted.
pub fn run(args: &ServeArgs) -> Result<Status, Problem> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        let what =
            format!("{} is no loopback address; others could reach the practice server", args.listen.ip());
        return Err(Problem::new(Status::Usage, what).advise("--allow-remote if that is what you want"));
    }
    super::runtime()?.block_on(async {
        let options = PracticeOptions { listen: args.listen, ..PracticeOptions::default() };
        let practice = Practice::bind(options).map_err(|error| {
            Problem::new(Status::NoConnection, format!("cannot listen at {}: {error}", args.listen))
        })?;
        if let Some(path) = &args.write_ca {
            std::fs::write(path, practice.ca_pem())
                .map_err(|error| Problem::file("write the CA certificate", path, &error))?;
        }
        let mut signals = Signals::any()
            .map_err(|error| Problem::new(Status::Protocol, format!("cannot listen to signals: {error}")))?;
        announce(&practice)?;
        practice.run(async move { signals.arrived().await }).await.map_err(|error| {
            Problem::new(Status::NoConnection, format!("the practice server failed: {error}"))
        })?;
        Ok(Status::Ok)
    })
}

fn announce(practice: &Practice) -> Result<Status, Problem> {
    let mut out = std::io::stdout();
    let mut text = format!("listening on {}\n", practice.addr());
    if let Some(addr) = practice.tls_addr() {
        text.push_str(&format!("listening on {addr} with TLS from the first byte\n"));
    }
    super::written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}
