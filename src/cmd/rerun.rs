//! `heloise rerun`: a transcript's commands sent to a server, the replies compared.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cli::{RerunArgs, SessionArgs};
use crate::repl::{self, Asker, Operator, rerun};
use crate::report::{Problem, Status};
use crate::target::{Scheme, Target};
use crate::transcript::diff::{Row, starttls_lost, write_json, write_unified};
use crate::transcript::script::{Step, Task, tasks};
use crate::transcript::turns::{Turn, turns};
use crate::transcript::{self, Entry, EntryKind, Header, Payload, Piece};
use crate::transport::{Log, Sink};
use crate::wire::Verb;

use super::{connect, files, setup};

/// Runs the first session of the file again.
pub fn run(args: &RerunArgs) -> Result<Status, Problem> {
    let (header, mut entries) = files::whole(&args.file)?;
    let begins = |entry: &Entry| matches!(entry.kind, EntryKind::Session(_));
    let sessions = 1 + entries.iter().filter(|entry| begins(entry)).count();
    if sessions > 1 {
        let what = format!("{} holds {sessions} sessions: the first of them is run", files::name(&args.file));
        super::complain(&Problem::new(Status::Ok, what));
    }
    entries.truncate(entries.iter().position(begins).unwrap_or(entries.len()));
    let recorded = turns(&entries);
    let tasks = tasks(&recorded)
        .map_err(|error| Problem::new(Status::LocalFile, format!("{}: {error}", files::name(&args.file))))?;
    if !entries.iter().any(happened) {
        let what = format!("{}: nothing happens in it, so it cannot be run again", files::name(&args.file));
        return Err(Problem::new(Status::LocalFile, what));
    }
    let target = target(args)?;
    tell_cleartext(args, &target, &recorded);
    let same_server = files::server(&header) == Some((target.host.clone(), target.port));
    let remembered = same_server && entries.iter().any(repl::recording::offers_starttls);
    let (fresh, outcome) = super::block_on(session(target, args, &recorded, &tasks, remembered))?;
    let fresh = turns(&fresh);
    super::tell_unverified(&files::name(&args.file), &recorded);
    super::tell_unverified(&args.target, &fresh);
    if !same_server && starttls_lost(&recorded, &fresh) {
        super::complain(&Problem::starttls_lost(&files::name(&args.file), &args.target, false));
    }
    match outcome {
        Ok(signal @ Status::Signal(_)) => Ok(signal),
        outcome => compare(args, &recorded, &fresh, outcome.map(|_| ())),
    }
}

/// Says so where the transcript does not tell how its link came to be encrypted, and the target does not do it from the
/// first byte: the lines go out in cleartext then.
fn tell_cleartext(args: &RerunArgs, target: &Target, recorded: &[Turn]) {
    let before = recorded.iter().take_while(|turn| !(turn.upgraded && turn.verb() == Some(&Verb::StartTls)));
    if target.scheme == Scheme::Smtps || !before.clone().any(|turn| turn.tls) {
        return;
    }
    let what = format!(
        "{} holds lines that went over TLS and no STARTTLS before them: they go to {} in cleartext",
        files::name(&args.file),
        args.target
    );
    super::complain(
        &Problem::new(Status::Ok, what).advise("a target with TLS from the first byte: smtps://HOST"),
    );
}

/// Whether an entry tells of something that happened between the two sides.
fn happened(entry: &Entry) -> bool {
    entry.line().is_some() || matches!(entry.kind, EntryKind::Info(_) | EntryKind::Problem(_))
}

fn target(args: &RerunArgs) -> Result<Target, Problem> {
    let said_by_file = [
        (args.tls.starttls, "--starttls"),
        (args.auth.auth.is_some(), "--auth"),
        (args.tls.tls_versions, "--tls-versions"),
    ];
    if let Some((_, option)) = said_by_file.into_iter().find(|(given, _)| *given) {
        let what = format!("{option} has no meaning here: the transcript says when that is done");
        return Err(Problem::new(Status::Usage, what));
    }
    if args.tls.save_certs.is_some() {
        let problem = Problem::new(Status::Usage, "--save-certs belongs to a session, not to a rerun");
        return Err(problem.advise("heloise --save-certs FILE TARGET"));
    }
    connect::parse(std::slice::from_ref(&args.target), args.mx)
}

fn session_args(args: &RerunArgs) -> SessionArgs {
    SessionArgs {
        recording: args.recording.clone(),
        ehlo: args.ehlo.clone(),
        timeout: args.timeout,
        color: args.color,
        network: args.network.clone(),
        tls: args.tls.clone(),
        auth: args.auth.clone(),
        ..SessionArgs::default()
    }
}

/// Holds the session. Gives back what happened in it, and why it ended early if it did; nothing else after a signal.
async fn session(
    target: Target,
    args: &RerunArgs,
    recorded: &[Turn],
    tasks: &[Task],
    remembered: bool,
) -> Result<(Vec<Entry>, Result<Status, Problem>), Problem> {
    let session = session_args(args);
    let login = setup::login(&session.auth, &target)?;
    let setup = setup::setup(target, &session)?;
    let watched = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
    let asker = if watched { Asker::Console } else { Asker::Nobody };
    let gathered = Gathered::default();
    let limit = held(tasks).unwrap_or(u64::MAX).min(session.recording.record_data);
    let mut log = Log::new(Box::new(gathered.clone()), limit);
    if let Some(path) = &session.recording.record {
        log.record(Some(repl::recording::create(path, session.recording.append)?));
    }
    let view = setup::view(&session, Box::new(|_| Ok(())));
    let mut operator = Operator::new(setup, login, asker, view, log);
    operator.ehlo = session.ehlo;
    if remembered {
        let target = operator.setup.target.clone();
        operator.remember_starttls(&target);
    }
    let plan = rerun::Plan { turns: recorded, tasks, keep_time: args.keep_time };
    let work = async { rerun::run(&mut operator, &plan).await.map(|()| Status::Ok) };
    let outcome = connect::or_signal(work).await;
    if let Ok(Status::Signal(_)) = outcome {
        operator.hang_up();
        return Ok((Vec::new(), outcome));
    }
    rerun::leave(&mut operator).await;
    if operator.starttls_vanished() {
        super::complain(&Problem::starttls_vanished(&operator.setup.target, false));
    }
    Ok((gathered.take(), outcome))
}

/// How much of a message the transcript holds, if it folded one: what is made up is folded again.
fn held(tasks: &[Task]) -> Option<u64> {
    let contents = tasks.iter().filter_map(|task| match &task.step {
        Step::Content(lines) | Step::Chunk(_, lines) => Some(lines),
        _ => None,
    });
    let folded = |line: &Payload| line.pieces.iter().any(|piece| matches!(piece, Piece::Data { .. }));
    let before = contents.filter(|lines| lines.iter().any(folded)).map(|lines| {
        let kept = lines.iter().take_while(|line| !folded(line));
        kept.map(|line| line.wire_bytes().len() as u64).sum()
    });
    before.max()
}

fn compare(
    args: &RerunArgs,
    recorded: &[Turn],
    fresh: &[Turn],
    outcome: Result<(), Problem>,
) -> Result<Status, Problem> {
    // Without a word from the server there is nothing to compare.
    if let Err(problem) = &outcome
        && fresh.is_empty()
    {
        if !recorded.is_empty() {
            return Err(problem.clone());
        }
        let what = format!("no reply came then, and none comes now: {}", problem.what);
        super::complain(&Problem::new(Status::Ok, what));
        return Ok(Status::Ok);
    }
    let found = transcript::diff::diff(recorded, fresh, args.compare.into());
    let count = |test: fn(&Row<'_>) -> bool| found.rows.iter().filter(|row| test(row)).count();
    let compared = count(|row| row.left.is_some() && row.right.is_some());
    let differ = count(|row| row.left.is_some() && row.right.is_some() && !row.same_reply);
    let (missing, besides) = (count(|row| row.right.is_none()), count(|row| row.left.is_none()));
    let same = differ + missing + besides == 0;
    let names = (files::name(&args.file), args.target.clone());
    let mut out = files::output(None)?;
    let written = match (args.json, same) {
        (_, true) => Ok(()),
        (true, _) => write_json(&mut out, &found),
        (false, _) => write_unified(&mut out, &found, (&names.0, &names.1), setup::colour(args.color)),
    };
    super::written(written.and_then(|()| out.flush()))?;
    let status = match outcome {
        // It broke off where the recorded session did.
        _ if same => Status::Ok,
        Err(problem) if problem.status == Status::Protocol => {
            super::complain(&problem);
            Status::Differs
        }
        Err(problem) => return Err(problem),
        Ok(()) => Status::Differs,
    };
    let replies = if compared == 1 { "reply" } else { "replies" };
    let differing = if differ == 1 { "differs" } else { "differ" };
    let mut what = format!("{compared} {replies} compared, {differ} {differing}");
    match missing {
        0 => {}
        1 => what.push_str(", 1 recorded one did not come"),
        _ => what.push_str(&format!(", {missing} recorded ones did not come")),
    }
    match besides {
        0 => {}
        1 => what.push_str(", 1 came that was not recorded"),
        _ => what.push_str(&format!(", {besides} came that were not recorded")),
    }
    super::complain(&Problem::new(status, what));
    Ok(status)
}

/// Keeps the entries of the session for the comparison.
#[derive(Clone, Default)]
struct Gathered(Arc<Mutex<Vec<Entry>>>);

impl Gathered {
    fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Gathered {
    fn begin(&mut self, _header: &Header) -> Result<(), String> {
        Ok(())
    }

    fn entry(&mut self, entry: &Entry, _typed: bool) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone());
        Ok(())
    }
}
