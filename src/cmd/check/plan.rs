//! What is to be done, out of the arguments.

use std::time::Duration;

use crate::check::{Envelope, Login, Plan, Subject};
use crate::cli::{CheckArgs, CheckFormat};
use crate::cmd::setup;
use crate::repl::Asker;
use crate::report::{Problem, Status};
use crate::sasl::{self, Needs};
use crate::session::Timeouts;
use crate::target::{Host, Scheme, Target};

/// How long one attempt to connect and one reply may take unless `--timeout` says otherwise. The five minutes that
/// the standard grants a session are too long for a diagnosis.
const TIMEOUTS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(30));

/// The arguments as they are meant: `--auth` takes an optional mechanism, and so swallows a target behind it.
pub fn settled(args: &CheckArgs) -> CheckArgs {
    let mut args = args.clone();
    let auth = &mut args.auth.auth;
    if args.target.is_empty()
        && args.targets.is_none()
        && args.provider.is_none()
        && let Some(word) = auth.take_if(|word| !word.is_empty() && sasl::info(word).is_none())
    {
        args.target.push(word);
        *auth = Some(String::new());
    }
    if args.json {
        args.format = CheckFormat::Json;
    }
    args
}

/// The plan, with the credentials.
pub async fn of(args: &CheckArgs, subjects: &[Subject]) -> Result<Plan, Problem> {
    let mut plan = without_secrets(args)?;
    plan.login = login(args, &host_of(subjects)).await?;
    Ok(plan)
}

/// The plan without reading or asking for a secret; of a login only that there will be one.
pub fn without_secrets(args: &CheckArgs) -> Result<Plan, Problem> {
    let (connect, reply) = (args.timeout.unwrap_or(TIMEOUTS.0), args.timeout.unwrap_or(TIMEOUTS.1));
    let network = setup::dial_options(&args.network, Some(connect));
    let mut plan = Plan::new(network, setup::tls(&args.tls, Some(reply))?);
    plan.timeouts = Timeouts::all(reply);
    plan.ehlo.clone_from(&args.ehlo);
    if !args.to.is_empty() {
        let from = args.from.as_deref().unwrap_or_default();
        let envelope = Envelope::new(from, &args.to);
        plan.envelope = Some(envelope.map_err(|error| Problem::new(Status::Usage, error.to_string()))?);
    }
    if args.auth.user.is_some() || args.auth.auth.is_some() {
        plan.login = Some(Login::of_nobody());
    }
    plan.all_addresses = args.all_addresses;
    plan.relay_test = args.relay_test;
    plan.thresholds.cert_days = i64::from(args.cert_days);
    plan.retry.times = args.retry;
    Ok(plan)
}

/// The host for whom credentials are looked up, where there is only one.
fn host_of(subjects: &[Subject]) -> Target {
    let host = match subjects {
        [Subject::Port(target)] => target.host.clone(),
        [Subject::Host(host)] => host.clone(),
        [Subject::Domain(domain, _)] => Host::Name(domain.clone()),
        [Subject::Provider { targets, .. }] if !targets.is_empty() => return targets[0].clone(),
        _ => Host::Name("localhost".to_owned()),
    };
    Target { scheme: Scheme::Submission, host, port: Scheme::Submission.default_port(), mx: false }
}

/// The credentials, as a session takes them. What is missing is asked for where a person watches.
async fn login(args: &CheckArgs, target: &Target) -> Result<Option<Login>, Problem> {
    let given = setup::login(&args.auth, target)?;
    let mechanism = args.auth.auth.clone();
    if given.user.is_none() && mechanism.is_none() {
        return Ok(None);
    }
    let takes_token =
        mechanism.as_deref().and_then(sasl::info).is_some_and(|known| known.needs == Needs::Token);
    let (kept_token, kept_password) = match takes_token {
        true => (given.kept, None),
        false => (None, given.kept),
    };
    let mut login = Login {
        user: given.user.unwrap_or_default(),
        authzid: given.authzid,
        password: given.password.or(kept_password),
        token: given.token.or(kept_token),
        mechanism: mechanism.unwrap_or_default().to_ascii_uppercase(),
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
