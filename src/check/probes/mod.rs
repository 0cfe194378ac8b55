//! What is done at each stage: a table of probes, and the order in which they come.

mod auth;
mod banner;
mod certificate;
mod ehlo;
mod envelope;
mod limits;
mod login;
mod quit;
mod relay;
mod tcp;
mod tls;
mod versions;

use std::pin::Pin;

use super::finding::{Found, Severity};
use super::plan::Plan;
use super::report::{Depth, End};
use super::stage::StageName;
use super::subject::Role;
use super::walk::Walk;
use crate::explain::{Asked, explain_failure};
use crate::target::Scheme;
use crate::transport::Broken;
use crate::transport::tls::LateAlert;
use crate::wire::Quirk;

/// How long the answer to QUIT is waited for when the check is ended before its time.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// Why a stage was not gone through, or not to its end, after a signal.
const ENDED: &str = "the check was ended";

/// A probe at work. What it gives is its stage's summary in one line, safe to show.
type Work<'w> = Pin<Box<dyn Future<Output = String> + Send + 'w>>;

/// What is done at one stage.
pub struct Probe {
    /// The stage.
    pub stage: StageName,
    /// What will be done, for `--dry-run`.
    pub does: &'static str,
    /// Whether it needs the session.
    needs_session: bool,
    /// Whether the plan has it at all; one that is not wanted is not shown.
    pub wanted: fn(&Plan) -> bool,
    /// Why it cannot be done.
    obstacle: fn(&Walk) -> Option<String>,
    /// Does it.
    run: for<'w> fn(&'w mut Walk) -> Work<'w>,
}

/// The probe of a row. `run` is an async function of the walk.
macro_rules! probe {
    ($stage:ident, $run:path, $does:literal $(, $field:ident: $value:expr)*) => {
        #[allow(clippy::needless_update, reason = "some rows set every field")]
        Probe {
            stage: StageName::$stage,
            does: $does,
            run: |walk| Box::pin($run(walk)),
            $($field: $value,)*
            ..Probe::PLAIN
        }
    };
}

impl Probe {
    /// A probe that needs the session, always.
    const PLAIN: Probe = Probe {
        stage: StageName::Tcp,
        does: "",
        needs_session: true,
        wanted: |_| true,
        obstacle: |_| None,
        run: |_| Box::pin(std::future::ready(String::new())),
    };
}

/// All probes on a session.
pub const PROBES: &[Probe] = &[
    probe!(Tcp, tcp::run, "connect to the address"),
    probe!(Banner, banner::run, "wait for the greeting and compare its name with DNS"),
    probe!(Ehlo, ehlo::run, "EHLO, and HELO if that is refused"),
    probe!(Tls, tls::run, "STARTTLS where it is offered, TLS from the first byte on port 465; verify the certificate",
        obstacle: tls::obstacle),
    probe!(EhloTls, ehlo::over_tls, "EHLO again over TLS", obstacle: ehlo::obstacle_over_tls),
    probe!(Auth, auth::run, "look at the mechanisms offered", obstacle: ehlo::obstacle_without_extensions),
    probe!(Relay, relay::run, "MAIL and RCPT for a stranger (example.com), then RSET: on a server of your own only",
        wanted: |plan| plan.relay_test),
    probe!(Login, login::run, "AUTH with the credentials given, over a verified TLS link only",
        wanted: |plan| plan.login.is_some()),
    probe!(Envelope, envelope::run, "MAIL and RCPT with the addresses given, then RSET: nothing is sent",
        wanted: |plan| plan.envelope.is_some()),
    probe!(Limits, limits::run, "look at the limits that EHLO named", obstacle: ehlo::obstacle_without_extensions),
    probe!(Quit, quit::run, "QUIT", needs_session: false, obstacle: quit::obstacle),
    probe!(Certificate, certificate::run, "look at the chain of certificates on a connection of its own",
        needs_session: false, obstacle: tls::obstacle_to_looking),
    probe!(Versions, versions::run, "ask for TLS 1.1 and older on a connection of its own",
        needs_session: false, obstacle: tls::obstacle_to_versions),
];

/// The stages of a session that begins in plaintext.
const PLAIN_FIRST: &[StageName] = {
    use StageName::*;
    &[Tcp, Banner, Ehlo, Tls, EhloTls, Auth, Relay, Login, Envelope, Limits, Quit, Certificate, Versions]
};

/// The stages of a session that begins with TLS.
const TLS_FIRST: &[StageName] = {
    use StageName::*;
    &[Tcp, Tls, Banner, Ehlo, Auth, Relay, Login, Envelope, Limits, Quit, Certificate, Versions]
};

/// The probes of a session in order.
pub fn in_order(scheme: Scheme) -> impl Iterator<Item = &'static Probe> {
    let order = if scheme == Scheme::Smtps { TLS_FIRST } else { PLAIN_FIRST };
    order.iter().filter_map(|name| PROBES.iter().find(|probe| probe.stage == *name))
}

/// Whether a walk of this depth comes to a stage.
fn reaches(depth: Depth, scheme: Scheme, stage: StageName) -> bool {
    use StageName::{Banner, Quit, Tcp, Tls};
    depth == Depth::Whole || matches!(stage, Tcp | Banner | Quit) || stage == Tls && scheme == Scheme::Smtps
}

/// Goes through all stages.
pub(super) async fn walk(walk: &mut Walk) {
    let plan = walk.plan.clone();
    for probe in in_order(walk.endpoint.scheme) {
        if !(probe.wanted)(&plan) || !reaches(walk.depth, walk.endpoint.scheme, probe.stage) {
            continue;
        }
        let session_over = walk.stopped().filter(|_| probe.needs_session).map(str::to_owned);
        let late = walk.interrupted && probe.stage != StageName::Quit;
        let stopped = session_over.or_else(|| late.then(|| ENDED.to_owned()));
        if let Some(why) = stopped.or_else(|| (probe.obstacle)(walk)) {
            walk.ledger.skip(probe.stage, why);
            continue;
        }
        walk.ledger.enter(probe.stage);
        let summary = go_through(walk, probe).await;
        if let Some(line) = walk.ledger.tape.unasked() {
            walk.find(ehlo::of_quirk(&Quirk::Unsolicited, "a reply"));
            walk.unasked = Some(line);
        }
        match summary {
            Some(summary) => walk.ledger.leave(summary),
            None => walk.ledger.break_off(ENDED.to_owned()),
        }
    }
}

/// Works until the probe is done, which gives its summary, or the check is to be ended. The good-bye is said in any
/// case, if not for long.
async fn go_through(walk: &mut Walk, probe: &Probe) -> Option<String> {
    if walk.interrupted && probe.stage == StageName::Quit {
        let farewell = tokio::time::timeout(LAST_WORDS, (probe.run)(walk)).await;
        return Some(farewell.unwrap_or_else(|_| "no answer".to_owned()));
    }
    let stopped = walk.ledger.stopped();
    let summary = tokio::select! {
        summary = (probe.run)(walk) => Some(summary),
        () = stopped => None,
    };
    if summary.is_none() {
        walk.interrupted = true;
        walk.stop(ENDED);
        walk.end = End::CutShort;
    }
    summary
}

/// Puts down that the session broke off, and gives that in words.
fn broke(walk: &mut Walk, broken: &Broken) -> String {
    let words = broken.to_string();
    let found = match broken {
        Broken::TimedOut { command, limit } => {
            walk.transient = true;
            Found::new("no-reply").with("command", command.name()).with("seconds", limit.as_secs_f32())
        }
        Broken::Stalled(limit) => {
            walk.transient = true;
            Found::new("no-reply").with("command", "what was sent").with("seconds", limit.as_secs_f32())
        }
        Broken::Closed { .. } => {
            walk.transient = true;
            let by = walk.connection.as_ref().and_then(|connection| connection.closed_by());
            let reset = by.is_some_and(|by| by.as_str() == "reset");
            Found::new(if reset { "cut-off" } else { "closed-early" }).with("what", &words)
        }
        Broken::Io(_) => {
            walk.transient = true;
            Found::new("cut-off").with("what", &words)
        }
        Broken::Alert(alert) => return refused_by_alert(walk, alert),
        Broken::Exceeded(what) => Found::new("too-much").with("what", what),
        Broken::NotSmtp(line) => Found::new("not-smtp").with("line", line),
    };
    walk.find(found);
    walk.stop(&words);
    walk.hang_up();
    words
}

/// Under TLS 1.3 a server says only after the handshake, with an alert, what it thinks of the client's certificate, or
/// of there being none (RFC 8446 §4.4.2.4). It will not come by itself.
fn refused_by_alert(walk: &mut Walk, alert: &LateAlert) -> String {
    let explanation = explain_failure(&alert.failure(), asked(walk, &walk.endpoint.typed()));
    let (id, what) = if alert.misses_certificate() {
        ("tls-client-certificate", format!("the server admits only clients with a certificate: {alert}"))
    } else if alert.refuses_certificate() {
        ("tls-client-certificate", format!("the server refuses this client's certificate: {alert}"))
    } else {
        ("tls-failed", alert.to_string())
    };
    walk.find(Found::new(id).with("what", &what).explained(Some(explanation)));
    walk.stop(&what);
    end_as(walk, End::TlsFailed);
    walk.hang_up();
    what
}

/// For whom a failure of TLS is explained.
fn asked<'a>(walk: &Walk, target: &'a str) -> Asked<'a> {
    Asked { starttls: walk.endpoint.scheme != Scheme::Smtps, ..Asked::of(target) }
}

/// How bad a fault of the certificate or the lack of TLS is: mail servers among themselves go on without.
fn by_role(walk: &Walk) -> Severity {
    match walk.endpoint.role {
        Role::Relay if !walk.endpoint.demands_tls => Severity::Warning,
        _ => Severity::Problem,
    }
}

/// Marks the end as this, unless it was worse already.
fn end_as(walk: &mut Walk, end: End) {
    if matches!(walk.end, End::Done | End::Broken) {
        walk.end = end;
    }
}
