//! `heloise demo`: the practice server and a session with it, in one process.

use std::fmt::Write as _;

use crate::cli::DemoArgs;
use crate::report::{Problem, Status};
use crate::serve::practice::{Practice, PracticeOptions};
use crate::target::{Host, Scheme, Target};

use super::connect;

/// Starts the practice server on loopback and opens a session with it.
pub fn run(mut args: DemoArgs) -> Result<Status, Problem> {
    super::block_on(async {
        let practice = Practice::bind(PracticeOptions::default()).map_err(|error| {
            Problem::new(Status::NoConnection, format!("cannot start the practice server: {error}"))
        })?;
        let addr = practice.addr();
        let target = Target { scheme: Scheme::Smtp, host: Host::Ip(addr.ip()), port: addr.port(), mx: false };
        let ca = CaFile::write(practice.ca_pem())?;
        args.session.tls.ca.get_or_insert_with(|| ca.path.clone());
        let welcome = welcome(&practice);
        let server = tokio::spawn(practice.run(std::future::pending()));
        let status = connect::session(target, &args.session, &args.script, Some(&welcome)).await;
        server.abort();
        status
    })
}

fn welcome(practice: &Practice) -> String {
    let mut text = format!(
        "This is the practice server, at {} on this machine alone. Nothing leaves it.\n\nBegin with EHLO laptop.example, then MAIL FROM:<you@example.org>. Things to try:\n",
        practice.addr()
    );
    let things = practice.things_to_try();
    let widest = things.iter().map(|thing| thing.line.len()).max().unwrap_or(0);
    for thing in things {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<widest$}  {}", thing.line, thing.what);
    }
    text.push_str("\nUsers and their passwords:\n");
    for (user, password, what) in practice.users() {
        let _ = writeln!(text, "  {user:<26} {password:<14} {what}");
    }
    text.push_str("\n/help lists the helper commands; Ctrl-D or /quit leaves.\n");
    text
}

/// The practice server's CA in a file of its own, for as long as the demonstration runs.
struct CaFile {
    path: std::path::PathBuf,
}

impl CaFile {
    fn write(pem: &str) -> Result<CaFile, Problem> {
        let path = std::env::temp_dir().join(format!("heloise-demo-{}.pem", std::process::id()));
        let fail = |error: std::io::Error| Problem::file("write the demonstration's CA", &path, &error);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(fail)?;
        std::io::Write::write_all(&mut file, pem.as_bytes()).map_err(fail)?;
        Ok(CaFile { path })
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        // A file left behind in the temporary folder does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}
