//! The path that a mail would take, walked stage by stage, and what is wrong with it.
//!
//! A [`Plan`] says what to do and a [`Subject`] of whom; [`run`] gives a [`Report`]. Its way has legs: the names are
//! looked up first (`route`), then each address and port is walked in a session of its own (`walk`), through the
//! stages that [`probes`] has in its table. What is wrong or worth knowing becomes a [`Finding`], with words out of
//! `grammar/checks.toml` ([`table`]) and the entries of the transcript that show it. [`output`] makes text, JSON and
//! other forms of a report.
//!
//! A check is kind to the server: the ports of a host are tried side by side, its addresses one after the other, and
//! between two connections lies a pause as long as the server took to greet.

mod around;
mod finding;
mod ledger;
mod names;
pub mod offers;
pub mod output;
mod plan;
mod policies;
pub mod probes;
mod progress;
mod report;
mod route;
mod settle;
mod stage;
mod subject;
pub mod table;
mod tape;
mod tried;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::Local;
use tokio::task::JoinSet;

pub use finding::{Finding, Severity};
pub use plan::{Plan, Retry, Thresholds};
pub use progress::{LegId, Progress, Watch};
pub use report::{End, Facts, Leg, Outcome, Report};
pub use stage::{Stage, StageName, Verdict};
pub use subject::{Endpoint, Role, Subject, USUAL_PORTS};
pub use tried::{BadAddress, Envelope, Login};

use finding::Found;
use progress::Watcher;
use walk::Walk;

/// How many legs one endpoint may come to: tries, and the other mode of TLS.
const LEGS_EACH: usize = 1000;

/// The longest pause before a further try.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Goes the whole way, under the eyes of `watch`.
pub async fn run(plan: Arc<Plan>, subject: &Subject, watch: Watch) -> Report {
    let started = Local::now().fixed_offset();
    let watcher = Watcher::new(watch);
    let route = route::find(plan.clone(), subject, watcher.clone()).await;
    let mut lanes = JoinSet::new();
    for lane in lanes_of(route.endpoints) {
        lanes.spawn(Lane { plan: plan.clone(), watcher: watcher.clone(), driven: Vec::new() }.drive(lane));
    }
    let (mut legs, mut findings) = (vec![(LegId(0), route.leg)], route.findings);
    while let Some(done) = lanes.join_next().await {
        // Only a panic or an abort ends without a result, and neither happens.
        for (id, leg, found) in done.unwrap_or_default() {
            legs.push((id, leg));
            findings.extend(found);
        }
    }
    legs.sort_by_key(|(id, _)| *id);
    let legs: Vec<Leg> = legs.into_iter().map(|(_, leg)| leg).collect();
    settle::settle(&plan, subject, &legs, &mut findings);
    let took = watcher.begun().elapsed();
    let findings = finding::in_order(findings);
    Report { subject: subject.to_string(), started, took, legs, findings }
}

/// The endpoints in lanes: those of one host and port come one after the other, the lanes run side by side.
fn lanes_of(endpoints: Vec<Endpoint>) -> impl Iterator<Item = Vec<(LegId, Endpoint)>> {
    let mut lanes: BTreeMap<String, Vec<(LegId, Endpoint)>> = BTreeMap::new();
    for (place, endpoint) in endpoints.into_iter().enumerate() {
        let id = LegId(1 + place * LEGS_EACH);
        lanes.entry(endpoint.server()).or_default().push((id, endpoint));
    }
    lanes.into_values()
}

/// The walks that come one after the other.
struct Lane {
    plan: Arc<Plan>,
    watcher: Watcher,
    driven: Vec<(LegId, Leg, Vec<Finding>)>,
}

/// How a walk ended, for whoever may walk again.
struct Next {
    other_mode: Option<crate::target::Scheme>,
    transient: bool,
    interrupted: bool,
}

impl Lane {
    async fn drive(mut self, lane: Vec<(LegId, Endpoint)>) -> Vec<(LegId, Leg, Vec<Finding>)> {
        for (id, endpoint) in lane {
            self.endpoint(id, endpoint).await;
        }
        self.driven
    }

    /// Walks one endpoint; again where it failed for the moment, and in the other way where the session turned out to
    /// begin so.
    async fn endpoint(&mut self, mut id: LegId, mut endpoint: Endpoint) {
        let mut attempt = 1;
        let mut tries_left = self.plan.retry.times;
        loop {
            let next = self.walk(id, &endpoint, attempt).await;
            if next.interrupted {
                return;
            }
            if let (Some(scheme), 1) = (next.other_mode, attempt) {
                endpoint.scheme = scheme;
            } else if next.transient && tries_left > 0 {
                let pause = self.pause(self.plan.retry.times - tries_left);
                tries_left -= 1;
                tokio::select! {
                    () = tokio::time::sleep(pause) => self.take_back(),
                    () = self.watcher.stopped() => return,
                }
            } else {
                self.tell_of_tries(1 + self.plan.retry.times - tries_left);
                return;
            }
            attempt += 1;
            id = LegId(id.0 + 1);
        }
    }

    async fn walk(&mut self, id: LegId, endpoint: &Endpoint, attempt: u32) -> Next {
        let mut walk = Walk::new(self.plan.clone(), endpoint.clone(), id, attempt, self.watcher.clone());
        probes::walk(&mut walk).await;
        let next =
            Next { other_mode: walk.other_mode, transient: walk.transient, interrupted: walk.interrupted };
        let (leg, findings) = walk.finish();
        self.driven.push((id, leg, findings));
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
        if let Some((_, _, findings)) = self.driven.last_mut() {
            findings.retain(|finding| finding.severity == Severity::Note);
        }
    }

    /// Says that it took more than one try, or that none helped.
    fn tell_of_tries(&mut self, tries: u32) {
        if tries < 2 {
            return;
        }
        if let Some((_, leg, findings)) = self.driven.last_mut() {
            let what = if leg.end == End::Done { "the last one got through" } else { "none got through" };
            let found = Found::new("tries").with("count", tries).with("what", what);
            findings.push(found.at(StageName::Tcp, &leg.place, &leg.server, Vec::new()));
        }
    }
}
