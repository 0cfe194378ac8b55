//! `heloise check`: the whole diagnosis.

mod changes;
mod dry;
mod live;
mod out;
mod plan;
mod records;
mod subjects;

use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;

use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::check::output::nagios;
use crate::check::{self, Plan, Report, Subject, Watch};
use crate::cli::{CheckArgs, CheckFormat};
use crate::repl::signals::Signals;
use crate::report::{Problem, Status};

use out::Out;

/// How long sessions get to say QUIT once a signal has come.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);

/// Checks what the arguments name.
pub fn run(args: &CheckArgs) -> Result<Status, Problem> {
    let args = &plan::settled(args);
    match (diagnose(args), args.format) {
        (Err(problem), CheckFormat::Nagios) => Ok(unknown(&problem.what)),
        (ended, _) => ended,
    }
}

/// Says on standard output, which is what a monitoring system reads, that no check could be made.
pub(super) fn unknown(why: &str) -> Status {
    // The status says it too, where nobody reads the words.
    let _ = std::io::stdout().write_all(nagios::unknown(why).as_bytes());
    Status::Plugin(nagios::State::Unknown.code())
}

/// Whether these arguments ask for a monitoring plugin, whatever else is wrong with them.
pub(super) fn is_plugin(args: &[OsString]) -> bool {
    let pair =
        |pair: &[OsString]| matches!(pair, [option, value] if option == "--format" && value == "nagios");
    args.windows(2).any(pair) || args.iter().any(|arg| arg == "--format=nagios")
}

/// Options of the link that a check has no use for are refused, not passed over.
fn refuse_idle(args: &CheckArgs) -> Result<(), Problem> {
    let tls = &args.tls;
    let idle = [(tls.save_certs.is_some(), "--save-certs FILE"), (tls.tls_versions, "--tls-versions")];
    match idle.into_iter().find(|(given, _)| *given) {
        None => Ok(()),
        Some((_, option)) => {
            let word = option.split(' ').next().unwrap_or(option);
            let problem = Problem::new(Status::Usage, format!("{word} belongs to a session, not to a check"));
            Err(problem.advise(format!("heloise {option} TARGET")))
        }
    }
}

fn diagnose(args: &CheckArgs) -> Result<Status, Problem> {
    refuse_idle(args)?;
    let subjects = subjects::of(args)?;
    super::block_on(async {
        if args.dry_run {
            let plan = plan::without_secrets(args)?;
            return dry::tell(&plan, &subjects);
        }
        let plan = Arc::new(plan::of(args, &subjects).await?);
        let (stopper, stop) = watch::channel(false);
        let fail = |error| Problem::new(Status::Protocol, format!("cannot listen to signals: {error}"));
        let mut signals = Signals::any().map_err(fail)?;
        let work = work(args, plan, subjects, stop);
        tokio::pin!(work);
        tokio::select! {
            status = &mut work => return status,
            () = signals.arrived() => {}
        }
        // Whoever is there to listen, the sessions end in order; a second signal does not wait for them.
        let _ = stopper.send(true);
        let reported = tokio::select! {
            ended = tokio::time::timeout(GRACE, &mut work) => ended.ok().transpose()?,
            () = signals.arrived() => None,
        };
        Ok(match (args.format, reported) {
            // A monitoring system reads the status of the convention, also where it ended the plugin itself.
            (CheckFormat::Nagios, Some(status)) => status,
            (CheckFormat::Nagios, None) => unknown("the check was ended before it was done"),
            _ => Status::Signal(signals.last()),
        })
    })
}

/// Checks once, or again and again.
async fn work(
    args: &CheckArgs,
    plan: Arc<Plan>,
    subjects: Vec<Subject>,
    stop: watch::Receiver<bool>,
) -> Result<Status, Problem> {
    let mut out = Out::open(args, &subjects)?;
    let Some(every) = args.every else {
        each(args, &plan, subjects, &stop, &mut out, false).await?;
        return out.close();
    };
    let mut stopped = stop.clone();
    let mut again = false;
    while !*stop.borrow() {
        each(args, &plan, subjects.clone(), &stop, &mut out, again).await?;
        again = true;
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    out.close()
}

/// Checks all subjects, so many at a time, and hands each report on as it comes. When they are checked `again`, a report
/// that was broken off is not: what was not reached any more has not changed.
async fn each(
    args: &CheckArgs,
    plan: &Arc<Plan>,
    subjects: Vec<Subject>,
    stop: &watch::Receiver<bool>,
    out: &mut Out,
    again: bool,
) -> Result<(), Problem> {
    let broken_off = || again && *stop.borrow();
    if let ([subject], CheckFormat::Text, true) = (subjects.as_slice(), args.format, out.shows_live()) {
        let (to, from) = unbounded_channel();
        let watch = Watch { to: Some(to), record: out.recording(), stop: Some(stop.clone()) };
        let (report, ()) = tokio::join!(check::run(plan.clone(), subject, watch), out.live(from));
        return if broken_off() { Ok(()) } else { out.take(&report) };
    }
    let mut running: JoinSet<Report> = JoinSet::new();
    let mut waiting = subjects.into_iter();
    loop {
        while running.len() < args.jobs.get() && !*stop.borrow() {
            let Some(subject) = waiting.next() else { break };
            let (plan, watch) =
                (plan.clone(), Watch { to: None, record: out.recording(), stop: Some(stop.clone()) });
            running.spawn(async move { check::run(plan, &subject, watch).await });
        }
        match running.join_next().await {
            Some(Ok(_)) if broken_off() => {}
            Some(Ok(report)) => out.take(&report)?,
            // Only a panic or an abort ends without a report, and neither happens.
            Some(Err(_)) => {}
            None => break,
        }
    }
    // What was not begun with is not passed over in silence.
    waiting.filter(|_| !again).try_for_each(|subject| out.take(&Report::not_begun(&subject)))
}
