//! `heloise send`: one test message, the session shown and recorded as ever.

mod compose;

use std::io::IsTerminal;

use chrono::Local;

use crate::cli::{NotifyWhen, ReturnWhat, SendArgs, Stage};
use crate::explain::render::Style;
use crate::repl::{self, Asker, Operator, Prelude};
use crate::report::{Problem, Status};
use crate::send::{Envelope, Fate, Manner, Outcome, Plan, Until, Wishes, deliver, plan};
use crate::session::Answer;
use crate::target::Target;
use crate::wire::parameter::{Notify, Ret};

use self::compose::{Content, People};
use super::{connect, setup};

/// Sends the message that the arguments describe.
pub fn run(mut args: SendArgs) -> Result<Status, Problem> {
    connect::give_back_target(&mut args.target, &mut args.session.auth.auth);
    let until = args.delivery.quit_after.unwrap_or(Stage::Dot);
    if args.target.is_empty() && !args.mx {
        return Err(Problem::new(Status::Usage, "no target is named")
            .advise("heloise send --to bob@example.net mx.example.net")
            .advise("heloise send --mx --to bob@example.net, for the domain's own mail exchangers"));
    }
    if args.session.tls.tls_versions {
        return Err(Problem::new(Status::Usage, "--tls-versions sends nothing, so it has no meaning here")
            .advise("heloise --tls-versions TARGET"));
    }
    check_stage(&args, until)?;
    let people = People::read(&args, until)?;
    let target = target(&args, &people)?;
    let wishes = wishes(&args)?;
    let content = match until < Stage::Mail {
        true => None,
        false => Some(compose::content(&args.message, &people, &target, Local::now().fixed_offset())?),
    };
    let job = Job { envelope: people.envelope(), content, wishes, until, force: args.delivery.force };
    super::block_on(session(target, &args, job))
}

/// What is to be done once a session is open.
struct Job {
    envelope: Envelope,
    /// The message; nothing where the session ends before it is needed.
    content: Option<Content>,
    wishes: Wishes,
    until: Stage,
    force: bool,
}

/// A stage that will not come is no place to stop at.
fn check_stage(args: &SendArgs, until: Stage) -> Result<(), Problem> {
    let session = &args.session;
    let implicit = Target::parse(&args.target, args.mx).is_ok_and(|target| target.implicit_tls());
    let what = match until {
        Stage::Tls if !session.tls.starttls && !implicit => "--quit-after tls needs --starttls, or smtps://",
        Stage::Auth if session.auth.auth.is_none() => "--quit-after auth needs --auth",
        _ => return Ok(()),
    };
    Err(Problem::new(Status::Usage, what))
}

fn target(args: &SendArgs, people: &People) -> Result<Target, Problem> {
    if !args.target.is_empty() {
        return connect::parse(&args.target, args.mx);
    }
    match people.domain() {
        Some(domain) => connect::parse(&[domain], true),
        None if people.at_address() => {
            let what = "--mx asks DNS for the mail hosts of a domain, and the recipient is at an address";
            Err(Problem::new(Status::Usage, what).advise("name that address as the target, without --mx"))
        }
        None => Err(Problem::new(Status::Usage, "--mx without a target needs recipients of one domain")
            .advise("a message for each domain, or name the target")),
    }
}

fn wishes(args: &SendArgs) -> Result<Wishes, Problem> {
    let options = &args.envelope;
    let never = options.notify.contains(&NotifyWhen::Never);
    if never && options.notify.len() > 1 {
        return Err(Problem::new(Status::Usage, "--notify never stands alone (RFC 3461 §4.1)"));
    }
    let element = |when: &NotifyWhen| match when {
        NotifyWhen::Success => Some(Notify::Success),
        NotifyWhen::Failure => Some(Notify::Failure),
        NotifyWhen::Delay => Some(Notify::Delay),
        NotifyWhen::Never => None,
    };
    let notify = options.notify.iter().filter_map(element).collect();
    if options
        .envid
        .as_ref()
        .is_some_and(|id| id.is_empty() || id.len() > 100 || id.contains(char::is_control))
    {
        let what = "--envid takes 1 to 100 characters of one line (RFC 3461 §4.4)";
        return Err(Problem::new(Status::Usage, what));
    }
    Ok(Wishes {
        notify: (!options.notify.is_empty()).then_some(notify),
        ret: options.ret.map(|what| match what {
            ReturnWhat::Full => Ret::Full,
            ReturnWhat::Hdrs => Ret::Hdrs,
        }),
        envid: options.envid.clone(),
        require_tls: options.require_tls,
        bdat: args.delivery.bdat,
    })
}

async fn session(target: Target, args: &SendArgs, mut job: Job) -> Result<Status, Problem> {
    let session = &args.session;
    let login = setup::login(&session.auth, &target)?;
    let setup = setup::setup(target, session)?;
    session.tls.save_certs.as_deref().map_or(Ok(()), repl::can_save_certs)?;
    let view = setup::view(session, setup::stdout_printer());
    let log = setup::log(session, &view)?;
    // Where a person watches, they can be asked for what is missing.
    let watched = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
    let asker = if watched { Asker::Console } else { Asker::Nobody };
    let mut operator = Operator::new(setup, login, asker, view.clone(), log);
    operator.ehlo = session.ehlo.clone();
    let mut outcome = Outcome::new(&job.envelope);
    let ended = connect::or_signal(work(&mut operator, args, &mut job, &mut outcome)).await;
    match &ended {
        Ok(Status::Signal(_)) => operator.hang_up(),
        // A link that does not work any more is not waited for.
        Err(problem) if problem.status == Status::Protocol => operator.hang_up(),
        _ => operator.quit().await,
    }
    // Where it did not come to the sender, too: whoever reads this asks what became of each recipient.
    if job.until >= Stage::Mail {
        for (style, row) in outcome.table() {
            view.text(style, &row);
        }
        view.object(&outcome.to_json());
    }
    operator.account_for_output(ended)
}

/// Goes as far as the stage at which to leave.
async fn work(
    operator: &mut Operator,
    args: &SendArgs,
    job: &mut Job,
    outcome: &mut Outcome,
) -> Result<Status, Problem> {
    let status = repl::begin(operator, &prelude(args, job.until)).await?;
    let Some(content) = job.content.as_mut().filter(|_| status == Status::Ok) else { return Ok(status) };
    let until = match job.until {
        Stage::Mail => Until::Mail,
        Stage::Rcpt => Until::Rcpt,
        Stage::Data => Until::Data,
        _ => Until::Dot,
    };
    let state = operator.connection()?.state();
    let (offered, tls) = (state.capabilities.clone(), state.tls());
    let offers = |keyword: &str| offered.as_ref().is_some_and(|offered| offered.has(keyword));
    if !tls && !args.session.tls.starttls && offers("STARTTLS") {
        let text = "=== the server offers STARTTLS; --starttls encrypts before the message goes out";
        operator.view.text(Style::Dim, text);
    }
    let pipeline = offers("PIPELINING") && !args.delivery.no_pipelining;
    let plan = plan(&job.envelope, &content.survey, &job.wishes, offered.as_deref(), tls)?;
    judge(operator, &plan, job.force)?;
    for text in compose::oddities(&content.survey) {
        operator.view.text(Style::Warn, &text);
    }
    let manner = Manner { pipeline, bdat: job.wishes.bdat, until };
    let mut reader = content.reader().map_err(|error| compose::unreadable(&error))?;
    deliver(operator.connection()?, &plan, manner, &mut reader, outcome).await?;
    Ok(outcome.fates().into_iter().filter_map(status_of).max().unwrap_or(Status::Ok))
}

/// The exit status that the fate of a recipient asks for, given the reply that decided it; nothing if all went well.
fn status_of((fate, answer): (Fate, Option<&Answer>)) -> Option<Status> {
    match fate {
        Fate::Deferred | Fate::Refused | Fate::Unknown => {
            // A yes in the wrong place is none.
            answer.map(|answer| repl::status_of(answer).unwrap_or(Status::Protocol))
        }
        Fate::Taken | Fate::Accepted | Fate::NoReply | Fate::NotTried => None,
    }
}

fn prelude(args: &SendArgs, until: Stage) -> Prelude {
    Prelude {
        greet: true,
        starttls: args.session.tls.starttls,
        save_certs: args.session.tls.save_certs.clone(),
        auth: args.session.auth.auth.clone(),
        until: match until {
            Stage::Connect => repl::Until::Greeting,
            Stage::FirstHelo => repl::Until::FirstHelo,
            // Where TLS begins with the first byte, that is when the link is open.
            Stage::Tls if !args.session.tls.starttls => repl::Until::Greeting,
            Stage::Tls => repl::Until::Tls,
            Stage::Helo => repl::Until::Helo,
            _ => repl::Until::End,
        },
    }
}

/// Stops where the server cannot take the message, unless that is to be tried.
fn judge(operator: &Operator, plan: &Plan, force: bool) -> Result<(), Problem> {
    if force {
        for lack in &plan.lacks {
            operator.view.text(Style::Warn, &format!("=== {lack}; it is sent all the same"));
        }
        return Ok(());
    }
    match Problem::lacking(&plan.lacks) {
        Some(problem) => Err(problem),
        None => Ok(()),
    }
}
