//! `heloise check`: the whole diagnosis.

mod live;

use std::ffi::OsString;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use crate::check::output::{html, json, nagios, prometheus};
use crate::check::{self, Envelope, Login, Plan, Report, Severity, Subject};
use crate::cli::{CheckArgs, CheckFormat, FailOn};
use crate::repl::{Asker, recording};
use crate::report::{Problem, Status};
use crate::session::Timeouts;
use crate::target::{Host, Target};

use super::{files, setup, written};

/// How long one attempt to connect and one reply may take unless `--timeout` says otherwise. The five minutes that
/// the standard grants a session are too long for a diagnosis.
const TIMEOUTS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(30));

/// Checks what the arguments name.
pub fn run(args: &CheckArgs) -> Result<Status, Problem> {
    match (diagnose(args), form(args)) {
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

fn form(args: &CheckArgs) -> CheckFormat {
    if args.json { CheckFormat::Json } else { args.format }
}

fn diagnose(args: &CheckArgs) -> Result<Status, Problem> {
    let target = target(args)?;
    let subject = subject(args, &target);
    super::block_on(async {
        let plan = Arc::new(plan(args, &target).await?);
        let recorder = args.record.as_ref().map(|path| recording::create(path, args.append)).transpose()?;
        let page = args.report.as_ref().map(|path| files::output(Some(path))).transpose()?;
        let report = watched(args, plan, &subject).await?;
        if let Some(mut recorder) = recorder {
            record(&mut *recorder, &report)?;
        }
        let reports = [report];
        if let Some(mut page) = page {
            written(html::write(&mut page, &reports).and_then(|()| page.flush()))?;
        }
        let [report] = reports;
        if form(args) == CheckFormat::Nagios {
            return Ok(Status::Plugin(nagios::State::of(&[report]).code()));
        }
        let fail_on = match args.fail_on {
            FailOn::Warning => Severity::Warning,
            FailOn::Problem => Severity::Problem,
        };
        Ok(report.outcome(fail_on).into())
    })
}

/// Runs the check and shows it in the form that is asked for.
async fn watched(args: &CheckArgs, plan: Arc<Plan>, subject: &Subject) -> Result<Report, Problem> {
    match form(args) {
        CheckFormat::Text => {
            let (to, from) = unbounded_channel();
            let view = live::View::new(setup::colour(args.color));
            let (report, view) = tokio::join!(check::run(plan, subject, Some(to)), view.follow(from));
            written(view.finish(&report))?;
            Ok(report)
        }
        CheckFormat::Json => {
            let report = check::run(plan, subject, None).await;
            let mut out = std::io::stdout().lock();
            written(json::write(&mut out, &report).and_then(|()| out.flush()))?;
            Ok(report)
        }
        form => {
            let thresholds = plan.thresholds;
            let reports = [check::run(plan, subject, None).await];
            let text = match form {
                CheckFormat::Nagios => nagios::render(&reports, &thresholds, chrono::Utc::now()),
                _ => prometheus::render(&reports),
            };
            let mut out = std::io::stdout().lock();
            written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))?;
            let [report] = reports;
            Ok(report)
        }
    }
}

/// Puts all sessions into a transcript, one after the other.
fn record(recorder: &mut dyn crate::transport::Sink, report: &Report) -> Result<(), Problem> {
    let fail = |words: String| Problem::new(Status::LocalFile, words);
    for leg in &report.legs {
        let Some(header) = &leg.header else { continue };
        recorder.begin(header).map_err(fail)?;
        for entry in leg.entries() {
            recorder.entry(entry, false).map_err(fail)?;
        }
    }
    Ok(())
}

fn target(args: &CheckArgs) -> Result<Target, Problem> {
    Target::parse(&args.target, args.mx).map_err(|error| {
        Problem::new(Status::Usage, error.to_string())
            .advise("heloise check --help shows the forms of a target")
    })
}

fn subject(args: &CheckArgs, target: &Target) -> Subject {
    match &target.host {
        Host::Name(domain) if target.mx => Subject::Domain(domain.clone(), target.port),
        _ if names_port(&args.target) => Subject::Port(target.clone()),
        host => Subject::Host(host.clone()),
    }
}

/// Whether a port or a scheme, which has one, was named.
fn names_port(words: &[String]) -> bool {
    let one = |text: &str| Target::parse(&[text], false).is_ok();
    match words {
        [only] => only.contains("://") || one(only) && !one(&format!("{only}:25")),
        _ => true,
    }
}

async fn plan(args: &CheckArgs, target: &Target) -> Result<Plan, Problem> {
    let network = setup::dial_options(&args.network, Some(args.timeout.unwrap_or(TIMEOUTS.0)));
    let tls = setup::tls(&args.tls, Some(args.timeout.unwrap_or(TIMEOUTS.1)))?;
    let mut plan = Plan::new(network, tls);
    plan.timeouts = Timeouts::all(args.timeout.unwrap_or(TIMEOUTS.1));
    plan.ehlo.clone_from(&args.ehlo);
    plan.login = login(args, target).await?;
    if !args.to.is_empty() {
        plan.envelope = Some(Envelope { from: args.from.clone().unwrap_or_default(), to: args.to.clone() });
    }
    plan.relay_test = args.relay_test;
    plan.thresholds.cert_days = i64::from(args.cert_days);
    Ok(plan)
}

/// The credentials, as a session takes them. What is missing is asked for where a person watches.
async fn login(args: &CheckArgs, target: &Target) -> Result<Option<Login>, Problem> {
    let given = setup::login(&args.auth, target)?;
    let mechanism = args.auth.auth.clone();
    if given.user.is_none() && mechanism.is_none() {
        return Ok(None);
    }
    let mechanism = mechanism.unwrap_or_default().to_ascii_uppercase();
    let mut login = Login {
        user: given.user.unwrap_or_default(),
        authzid: given.authzid,
        password: given.password.or_else(|| given.kept.clone()),
        token: given.token.or(given.kept),
        mechanism,
        initial_response: given.initial_response,
        allow_plaintext: given.allow_plaintext,
    };
    if !login.needs_secret() {
        return Ok(Some(login));
    }
    if login.user.is_empty() {
        return Err(Problem::new(Status::Usage, "no user name was given").advise("--user NAME"));
    }
    if login.password.is_none() && login.token.is_none() {
        login.password = Asker::Console.secret(&format!("password for {}:", login.user)).await;
    }
    match login.password.is_none() && login.token.is_none() {
        true => Err(Problem::new(Status::Usage, "no password was given")
            .advise("HELOISE_PASSWORD, --password-file FILE or --password-command COMMAND")),
        false => Ok(Some(login)),
    }
}
