//! `heloise serve`: the server of transcripts, or the practice server, for other programs.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use crate::cli::{Matching, ServeArgs};
use crate::repl::signals::Signals;
use crate::report::{Problem, Status};
use crate::serve::Acceptor;
use crate::serve::mock::{Account, MAX_CLIENTS, MockOptions, MockServer, Report, Script};
use crate::serve::practice::{Practice, PracticeOptions};
use crate::transcript::EntryKind;
use crate::transcript::script::Match;

use crate::wire::escape;

use super::{files, secrets};

impl From<Matching> for Match {
    fn from(matching: Matching) -> Match {
        match matching {
            Matching::Lenient => Match::Lenient,
            Matching::Strict => Match::Strict,
        }
    }
}

/// Serves until it is interrupted.
pub fn run(args: &ServeArgs) -> Result<Status, Problem> {
    if !args.listen.ip().is_loopback() && !args.allow_remote {
        let what = format!("{} is no loopback address; others could reach the server", args.listen.ip());
        return Err(Problem::new(Status::Usage, what).advise("--allow-remote if that is what you want"));
    }
    match args.practice {
        true => super::block_on(practice(args)),
        false => {
            let scripts = scripts(args)?;
            let options = options(args)?;
            if options.account.is_none() {
                warn_of_proofs(&scripts);
            }
            super::block_on(mock(args, scripts, options))
        }
    }
}

fn no_port(args: &ServeArgs, error: &std::io::Error) -> Problem {
    let words = crate::transport::io_words(error);
    Problem::new(Status::NoConnection, format!("cannot listen at {}: {words}", args.listen))
        .advise("--listen 127.0.0.1:0 takes any free port")
}

fn signals() -> Result<Signals, Problem> {
    Signals::any()
        .map_err(|error| Problem::new(Status::Protocol, format!("cannot listen to signals: {error}")))
}

async fn practice(args: &ServeArgs) -> Result<Status, Problem> {
    let options = PracticeOptions { listen: args.listen, ..PracticeOptions::default() };
    let practice = Practice::bind(options).map_err(|error| no_port(args, &error))?;
    write_ca(args.write_ca.as_deref(), practice.ca_pem())?;
    let mut signals = signals()?;
    announce(args.json, practice.addr(), practice.tls_addr())?;
    practice.run(async move { signals.arrived().await }).await.map_err(|error| failed(&error))?;
    Ok(Status::Ok)
}

/// The transcripts, each read to its end before anybody is served.
fn scripts(args: &ServeArgs) -> Result<Vec<Script>, Problem> {
    let mut scripts = Vec::new();
    for path in &args.files {
        let (_, entries) = files::whole(path)?;
        let more = entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Session(_))).count();
        if more > 0 {
            let what = format!("{} holds {} sessions; the first is served", files::name(path), more + 1);
            super::complain(&Problem::new(Status::Ok, what));
        }
        let script = Script::new(&entries).ok_or_else(|| {
            let what =
                format!("{}: the server does nothing in it, so it cannot be served", files::name(path));
            Problem::new(Status::LocalFile, what)
        })?;
        scripts.push(script);
    }
    let first = scripts.first().map(Script::implicit_tls);
    if scripts.iter().any(|script| Some(script.implicit_tls()) != first) {
        let what = "some of these transcripts begin with TLS and some do not; one port cannot serve both";
        return Err(Problem::new(Status::Usage, what).advise("a heloise serve for each kind"));
    }
    Ok(scripts)
}

fn options(args: &ServeArgs) -> Result<MockOptions, Problem> {
    let identity = match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => Some(identity(cert, key)?),
        _ => None,
    };
    if let Some(dir) = &args.record_dir {
        std::fs::create_dir_all(dir).map_err(|error| Problem::file("make the folder", dir, &error))?;
    }
    Ok(MockOptions {
        listen: args.listen,
        how: args.matching.into(),
        timing: args.timing,
        once: args.once,
        identity,
        record_dir: args.record_dir.clone(),
        account: account(args)?,
    })
}

/// The user whose password is known.
fn account(args: &ServeArgs) -> Result<Option<Account>, Problem> {
    let Some(user) = args.user.clone() else { return Ok(None) };
    let (file, command) = (args.password_file.as_deref(), args.password_command.as_deref());
    let given = secrets::password_from(file, command)?;
    let password = given.ok_or_else(|| {
        let what = format!("the password of {} is not known", escape::visible(user.as_bytes()));
        Problem::new(Status::Usage, what).advise(format!(
            "{} in the environment, --password-file or --password-command",
            secrets::PASSWORD
        ))
    })?;
    Ok(Some(Account { user, password }))
}

/// Says beforehand which exchanges cannot go well.
fn warn_of_proofs(scripts: &[Script]) {
    let mut mechanisms: Vec<String> = scripts.iter().flat_map(Script::unplayable).collect();
    mechanisms.dedup();
    if let Some(first) = mechanisms.first() {
        let what = format!(
            "clients will refuse AUTH {first} as it was recorded: in it the server has to prove that it knows the password"
        );
        super::complain(
            &Problem::new(Status::Ok, what).advise("--user NAME, and its password in HELOISE_PASSWORD"),
        );
    }
}

fn identity(cert: &Path, key: &Path) -> Result<Acceptor, Problem> {
    let read = |path: &Path, doing| std::fs::read(path).map_err(|error| Problem::file(doing, path, &error));
    let (chain, secret) = (read(cert, "read the certificate")?, read(key, "read the key")?);
    Acceptor::new(&chain, &secret).map_err(|error| {
        let what = format!("{} and {} make no identity: {error}", files::name(cert), files::name(key));
        Problem::new(Status::Usage, what)
            .advise("both as PEM, the key without a passphrase, and of the same pair")
    })
}

async fn mock(args: &ServeArgs, scripts: Vec<Script>, options: MockOptions) -> Result<Status, Problem> {
    let server = MockServer::bind(scripts, options).map_err(|error| no_port(args, &error))?;
    match &args.write_ca {
        Some(path) if server.ca_pem().is_empty() => {
            let what = format!("no CA is written to {}: these transcripts have no TLS", files::name(path));
            super::complain(&Problem::new(Status::Ok, what));
        }
        path => write_ca(path.as_deref(), server.ca_pem())?,
    }
    let mut signals = signals()?;
    announce(args.json, server.addr(), None)?;
    let report = server.run(async move { signals.arrived().await }).await.map_err(|error| failed(&error))?;
    Ok(judge(&report, args.matching.into()))
}

/// Says what went otherwise than in the transcripts.
fn judge(report: &Report, how: Match) -> Status {
    for words in &report.remarks {
        super::complain(&Problem::new(Status::Ok, words.clone()));
    }
    for words in &report.unrecorded {
        super::complain(&Problem::new(Status::LocalFile, words.clone()));
    }
    if report.turned_away > 0 {
        let who = if report.turned_away == 1 { "a client was" } else { "clients were" };
        let many = if report.turned_away == 1 { String::new() } else { format!("{} ", report.turned_away) };
        let what = format!("{many}{who} turned away: {MAX_CLIENTS} are served at a time");
        super::complain(&match how {
            Match::Lenient => Problem::new(Status::Ok, what),
            Match::Strict => {
                let why = "so that nobody knows whether they would have differed";
                Problem::new(Status::Differs, format!("{what}, {why}"))
            }
        });
    }
    if report.mismatches > 0 {
        let what = format!("{} of {} sessions differed", report.mismatches, report.sessions);
        let problem = Problem { causes: report.words.clone(), ..Problem::new(Status::Differs, what) };
        return super::complain(&problem);
    }
    match () {
        () if report.turned_away > 0 && how == Match::Strict => Status::Differs,
        () if !report.unrecorded.is_empty() => Status::LocalFile,
        () => Status::Ok,
    }
}

fn failed(error: &std::io::Error) -> Problem {
    Problem::new(Status::NoConnection, format!("the server failed: {error}"))
}

fn write_ca(path: Option<&Path>, pem: &str) -> Result<(), Problem> {
    match path {
        Some(path) => {
            std::fs::write(path, pem).map_err(|error| Problem::file("write the CA certificate", path, &error))
        }
        None => Ok(()),
    }
}

/// Says where it listens: what a test runner waits for.
fn announce(json: bool, addr: SocketAddr, tls: Option<SocketAddr>) -> Result<Status, Problem> {
    let text = match (json, tls) {
        (true, None) => format!("{}\n", serde_json::json!({ "listening": addr })),
        (true, Some(tls)) => format!("{}\n", serde_json::json!({ "listening": addr, "tls": tls })),
        (false, None) => format!("listening on {addr}\n"),
        (false, Some(tls)) => {
            format!("listening on {addr}\nlistening on {tls} with TLS from the first byte\n")
        }
    };
    let mut out = std::io::stdout();
    super::written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}
