//! A session: `heloise TARGET`.

use std::io::IsTerminal;

use crate::cli::{ConnectArgs, ScriptArgs, SessionArgs, meant_subcommand};
use crate::repl::signals::Signals;
use crate::repl::{self, Asker, Manner, Operator, Source};
use crate::report::{Problem, Status};
use crate::sasl;
use crate::target::Target;

use super::setup;

/// Opens the session that the arguments name.
pub fn run(mut args: ConnectArgs) -> Result<Status, Problem> {
    give_back_target(&mut args.target, &mut args.session.auth.auth);
    if args.target.is_empty() {
        return Err(Problem::new(Status::Usage, "no target is named")
            .advise("heloise mx.example.org")
            .advise("heloise demo, for practice")
            .advise("heloise --help"));
    }
    let ended = super::block_on(async {
        let target = parse(&args.target, args.mx)?;
        session(target, &args.session, &args.script, None).await
    });
    ended.map_err(|problem| match args.target.first().and_then(|word| meant_subcommand(word)) {
        Some(name) if matches!(problem.status, Status::NoConnection | Status::Usage) => {
            problem.advise(format!("if a subcommand was meant: heloise {name} --help"))
        }
        _ => problem,
    })
}

/// `--auth` takes an optional mechanism, and so swallows a target that stands behind it.
pub(super) fn give_back_target(target: &mut Vec<String>, auth: &mut Option<String>) {
    if target.is_empty()
        && let Some(word) = auth.take_if(|word| !word.is_empty() && sasl::info(word).is_none())
    {
        target.push(word);
        *auth = Some(String::new());
    }
}

/// Reads a target.
pub(super) fn parse(words: &[String], mx: bool) -> Result<Target, Problem> {
    Target::parse(words, mx).map_err(|error| {
        Problem::new(Status::Usage, error.to_string()).advise("heloise --help shows the forms of a target")
    })
}

/// Runs one session: at the terminal, or as a script. `welcome` is shown first at a terminal.
pub(super) async fn session(
    target: Target,
    args: &SessionArgs,
    lines: &ScriptArgs,
    welcome: Option<&str>,
) -> Result<Status, Problem> {
    let scripted =
        !lines.commands.is_empty() || lines.quit || args.tls.tls_versions || !std::io::stdin().is_terminal();
    let login = setup::login(&args.auth, &target)?;
    let mut setup = setup::setup(target, args)?;
    if welcome.is_some() {
        // The demonstration's server and its CA file are gone when it ends.
        setup.options.clear();
    }
    args.tls.save_certs.as_deref().map_or(Ok(()), repl::can_save_certs)?;
    // Before this session's own entries are in the file.
    let earlier = args.recording.record.as_deref().filter(|_| args.recording.append);
    let remembered = earlier.map(repl::recording::starttls_offered).unwrap_or_default();
    if scripted {
        let view = setup::view(args, setup::stdout_printer());
        let log = setup::log(args, &view)?;
        // Where a person watches, they can be asked for what is missing.
        let watched = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
        let asker = if watched { Asker::Console } else { Asker::Nobody };
        let mut operator = Operator::new(setup, login, asker, view, log);
        operator.ehlo = args.ehlo.clone();
        remembered.iter().for_each(|target| operator.remember_starttls(target));
        let ended = interruptible(&mut operator, args, lines).await;
        return operator.account_for_output(ended);
    }
    let terminal = repl::open_terminal(setup::colour(args.color))?;
    let view = setup::view(args, screen_printer(&terminal));
    view.narrator(|narrator| narrator.layout.prompt = true);
    let log = setup::log(args, &view)?;
    let mut operator = Operator::new(setup, login, Asker::Terminal(terminal), view, log);
    operator.ehlo = args.ehlo.clone();
    remembered.iter().for_each(|target| operator.remember_starttls(target));
    let ended = repl::run(&mut operator, &prelude(args), welcome).await;
    operator.account_for_output(ended)
}

fn screen_printer(terminal: &repl::Terminal) -> repl::Printer {
    let screen = terminal.screen().clone();
    Box::new(move |text| {
        screen.print(text);
        screen.dead().map_or(Ok(()), |_| Err(std::io::ErrorKind::BrokenPipe.into()))
    })
}

/// The steps before the first prompt or command.
fn prelude(args: &SessionArgs) -> repl::Prelude {
    repl::Prelude {
        starttls: args.tls.starttls,
        save_certs: args.tls.save_certs.clone(),
        auth: args.auth.auth.clone(),
        ..repl::Prelude::default()
    }
}

/// Runs the script until its end or a signal; after a signal the record is ended in order.
async fn interruptible(
    operator: &mut Operator,
    args: &SessionArgs,
    lines: &ScriptArgs,
) -> Result<Status, Problem> {
    let ended = or_signal(script(operator, args, lines)).await?;
    if matches!(ended, Status::Signal(_)) {
        operator.hang_up();
    }
    Ok(ended)
}

/// Works until the end or a signal.
pub(super) async fn or_signal(
    work: impl Future<Output = Result<Status, Problem>>,
) -> Result<Status, Problem> {
    let fail = |error| Problem::new(Status::Protocol, format!("cannot listen to signals: {error}"));
    let mut signals = Signals::any().map_err(fail)?;
    tokio::select! {
        status = work => status,
        () = signals.arrived() => Ok(Status::Signal(signals.last())),
    }
}

async fn script(operator: &mut Operator, args: &SessionArgs, lines: &ScriptArgs) -> Result<Status, Problem> {
    if args.tls.tls_versions {
        let any = operator.tls_versions().await?;
        return Ok(if any { Status::Ok } else { Status::Tls });
    }
    let status = match repl::begin(operator, &prelude(args)).await {
        Ok(status) => status,
        Err(problem) => {
            operator.part_after(&problem).await;
            return Err(problem);
        }
    };
    if status != Status::Ok && !lines.keep_going {
        operator.quit().await;
        return Ok(status);
    }
    let source = match (lines.commands.is_empty(), lines.quit) {
        (false, _) => Source::Lines(lines.commands.clone()),
        (true, true) => Source::Lines(Vec::new()),
        (true, false) => Source::Stream(Box::new(std::io::stdin())),
    };
    let manner = Manner { keep_going: lines.keep_going, quit: lines.quit };
    Ok(repl::script(operator, source, manner).await?.max(status))
}
