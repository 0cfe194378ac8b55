//! The addresses of one host and port: how far each is walked, and again where it failed for the moment.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::finding::{Finding, Found, Severity};
use super::plan::Plan;
use super::probes;
use super::progress::{LegId, Watcher};
use super::report::{Depth, End, Leg};
use super::stage::StageName;
use super::subject::Endpoint;
use super::walk::Walk;
use crate::target::Scheme;

/// The longest pause before a further try.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Walks come with what they are told apart by, and what they found.
pub(super) type Walked = (LegId, Leg, Vec<Finding>);

/// Walks all addresses of a host and port, one family after the other.
pub(super) async fn drive(
    plan: Arc<Plan>,
    watcher: Watcher,
    endpoints: Vec<(LegId, Endpoint)>,
) -> Vec<Walked> {
    let (old, new): (Vec<_>, Vec<_>) = endpoints.into_iter().partition(|(_, one)| one.ip.is_ipv4());
    let mut walked = Vec::new();
    for family in [new, old] {
        walked.extend(self::family(&plan, &watcher, family).await);
    }
    walked
}

/// The first address of a family is walked the whole way, and the others meanwhile as far as the greeting. Where the
/// first is dead, the first that answers takes its place.
async fn family(plan: &Arc<Plan>, watcher: &Watcher, endpoints: Vec<(LegId, Endpoint)>) -> Vec<Walked> {
    let visit = |depth| Visit { plan: plan.clone(), watcher: watcher.clone(), depth, walked: Vec::new() };
    let mut walked = Vec::new();
    if plan.all_addresses {
        for (id, endpoint) in endpoints {
            walked.extend(visit(Depth::Whole).endpoint(id, endpoint).await);
        }
        return walked;
    }
    let mut others = JoinSet::new();
    for (id, endpoint) in endpoints.iter().skip(1).cloned() {
        others.spawn(visit(Depth::Greeting).endpoint(id, endpoint));
    }
    if let Some((id, first)) = endpoints.first().cloned() {
        walked = visit(Depth::Whole).endpoint(id, first).await;
    }
    let dead = !answers(&walked);
    while let Some(done) = others.join_next().await {
        // Only a panic or an abort ends without a result, and neither happens.
        walked.extend(done.unwrap_or_default());
    }
    let stand_in = endpoints.into_iter().find(|(id, _)| dead && answers(of(&walked, *id)));
    if let Some((id, endpoint)) = stand_in {
        walked.retain(|(other, ..)| !other.is_of(id));
        walked.extend(visit(Depth::Whole).endpoint(id, endpoint).await);
    }
    walked
}

/// The walks to the endpoint that has this number.
fn of(walked: &[Walked], id: LegId) -> impl Iterator<Item = &Walked> {
    walked.iter().filter(move |(other, ..)| other.is_of(id))
}

/// Whether there is an answer in any of these.
fn answers<'w>(walked: impl IntoIterator<Item = &'w Walked>) -> bool {
    walked.into_iter().any(|(_, leg, _)| leg.end != End::Unreached)
}

/// The walks to one endpoint.
struct Visit {
    plan: Arc<Plan>,
    watcher: Watcher,
    depth: Depth,
    walked: Vec<Walked>,
}

/// How a walk ended, for whoever may walk again.
struct Next {
    other_mode: Option<Scheme>,
    transient: bool,
    interrupted: bool,
}

impl Visit {
    /// Walks once; again where that failed for the moment, and in the other way where the session turned out to begin
    /// so.
    async fn endpoint(mut self, mut id: LegId, mut endpoint: Endpoint) -> Vec<Walked> {
        let mut attempt = 1;
        let mut tries_left = self.plan.retry.times;
        loop {
            let next = self.walk(id, &endpoint, attempt).await;
            if next.interrupted {
                break;
            }
            if let (Some(scheme), 1) = (next.other_mode, attempt) {
                endpoint.scheme = scheme;
            } else if next.transient && tries_left > 0 {
                let pause = self.pause(self.plan.retry.times - tries_left);
                tries_left -= 1;
                tokio::select! {
                    () = tokio::time::sleep(pause) => self.take_back(),
                    () = self.watcher.stopped() => break,
                }
            } else {
                self.tell_of_tries(1 + self.plan.retry.times - tries_left);
                break;
            }
            attempt += 1;
            id = id.next();
        }
        self.walked
    }

    async fn walk(&mut self, id: LegId, endpoint: &Endpoint, attempt: u32) -> Next {
        let mut walk = Walk::new(self.plan.clone(), endpoint.clone(), id, attempt, self.watcher.clone());
        walk.depth = self.depth;
        probes::walk(&mut walk).await;
        let next =
            Next { other_mode: walk.other_mode, transient: walk.transient, interrupted: walk.interrupted };
        let (leg, findings) = walk.finish();
        self.walked.push((id, leg, findings));
        next
    }

    /// Twice as long each time, give or take a half, so that many checks do not come back at one moment.
    fn pause(&self, tried: u32) -> Duration {
        let whole = self.plan.retry.first.saturating_mul(2_u32.saturating_pow(tried)).min(LONGEST_PAUSE);
        let mut random = [0; 1];
        // Without randomness the pause is the plain one.
        let random = getrandom::fill(&mut random).map_or(128, |()| random[0]);
        whole.mul_f64(0.5 + f64::from(random) / 255.0)
    }

    /// What the last try found is not held against the server, as another try follows. Its leg stays in the report.
    fn take_back(&mut self) {
        if let Some((_, _, findings)) = self.walked.last_mut() {
            findings.retain(|finding| finding.severity == Severity::Note);
        }
    }

    /// Says that it took more than one try, or that none helped.
    fn tell_of_tries(&mut self, tries: u32) {
        if tries < 2 {
            return;
        }
        if let Some((_, leg, findings)) = self.walked.last_mut() {
            let what = if leg.end == End::Done { "the last one got through" } else { "none got through" };
            let found = Found::new("tries").with("count", tries).with("what", what);
            findings.push(found.at(StageName::Tcp, &leg.place, &leg.server, Vec::new()));
        }
    }
}
