//! A session: `heloise TARGET`.

use std::io::IsTerminal;

use crate::cli::{ConnectArgs, SessionArgs};
use crate::repl::signals::Signals;
use crate::repl::{self, Asker, Manner, Operator, Source};
use crate::report::{Problem, Status};
use crate::sasl;
use crate::target::Target;

use super::setup;

/// Opens the session that the arguments name.
pub fn run(mut args: ConnectArgs) -> Result<Status, Problem> {
    give_back_target(&mut args);
    if args.target.is_empty() {
        return Err(Problem::new(Status::Usage, "no target is named")
            .advise("heloise mx.example.org")
            .advise("heloise demo, for practice")
            .advise("heloise --help"));
    }
    super::block_on(async {
        let target = target(&args).await?;
        session(target, &args.session, None).await
    })
}

/// `--auth` takes an optional mechanism, and so swallows a target that stands behind it.
fn give_back_target(args: &mut ConnectArgs) {
    let auth = &mut args.session.auth.auth;
    if args.target.is_empty()
        && let Some(word) = auth.take_if(|word| !word.is_empty() && sasl::info(word).is_none())
    {
        args.target.push(word);
        *auth = Some(String::new());
    }
}

async fn target(args: &ConnectArgs) -> Result<Target, Problem> {
    Target::parse(&args.target, args.mx).map_err(|error| {
        Problem::new(Status::Usage, error.to_string()).advise("heloise --help shows the forms of a target")
    })
}

/// Runs one session: at the terminal, or as a script. `welcome` is shown first at a terminal.
pub(super) async fn session(
    target: Target,
    args: &SessionArgs,
    welcome: Option<&str>,
) -> Result<Status, Problem> {
    let scripted = !args.commands.is_empty() || args.quit || !std::io::stdin().is_terminal();
    let login = setup::login(&args.auth, &target)?;
    let setup = setup::setup(target, args)?;
    if scripted {
        let view = setup::view(args, setup::stdout_printer());
        let log = setup::log(args, &view)?;
        // Where a person watches, they can be asked for what is missing.
        let watched = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
        let asker = if watched { Asker::Console } else { Asker::Nobody };
        let mut operator = Operator::new(setup, login, asker, view, log);
        operator.ehlo = args.ehlo.clone();
        return interruptible(&mut operator, args).await;
    }
    let terminal = repl::open_terminal(setup::colour(args.color))?;
    let view = setup::view(args, screen_printer(&terminal));
    let log = setup::log(args, &view)?;
    let mut operator = Operator::new(setup, login, Asker::Terminal(terminal), view, log);
    operator.ehlo = args.ehlo.clone();
    repl::run(&mut operator, &prelude(args), welcome).await
}

fn screen_printer(terminal: &repl::Terminal) -> repl::Printer {
    let screen = terminal.screen().clone();
    Box::new(move |text| {
        screen.print(text);
        screen.dead().is_none()
    })
}

/// The steps before the first prompt or command.
fn prelude(args: &SessionArgs) -> repl::Prelude {
    repl::Prelude { starttls: args.tls.starttls, auth: args.auth.auth.clone() }
}

/// Runs the script until its end or a signal; after a signal the record is ended in order.
async fn interruptible(operator: &mut Operator, args: &SessionArgs) -> Result<Status, Problem> {
    let fail = |error| Problem::new(Status::Protocol, format!("cannot listen to signals: {error}"));
    let mut signals = Signals::any().map_err(fail)?;
    let status = tokio::select! {
        status = script(operator, args) => return status,
        () = signals.arrived() => Status::Signal(signals.last()),
    };
    operator.hang_up();
    Ok(status)
}

async fn script(operator: &mut Operator, args: &SessionArgs) -> Result<Status, Problem> {
    let status = repl::begin(operator, &prelude(args)).await?;
    if status != Status::Ok && !args.keep_going {
        operator.quit().await;
        return Ok(status);
    }
    let source = match (args.commands.is_empty(), args.quit) {
        (false, _) => Source::Lines(args.commands.clone()),
        (true, true) => Source::Lines(Vec::new()),
        (true, false) => Source::Stream(Box::new(std::io::stdin())),
    };
    let manner = Manner { keep_going: args.keep_going, quit: args.quit };
    Ok(repl::script(operator, source, manner).await?.max(status))
}
