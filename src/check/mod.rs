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

mod finding;
mod ledger;
pub mod output;
mod plan;
pub mod probes;
mod progress;
mod report;
mod route;
mod stage;
pub mod table;
mod tape;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Local;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

pub use finding::{Finding, Severity};
pub use plan::{Endpoint, Envelope, Login, Plan, Retry, Role, Subject, Thresholds, USUAL_PORTS};
pub use progress::{LegId, Progress};
pub use report::{End, Facts, Leg, Outcome, Report};
pub use stage::{Stage, StageName, Verdict};

use progress::Watcher;
use walk::Walk;

/// How many legs one endpoint may come to: tries, and the other mode of TLS.
const LEGS_EACH: usize = 64;

/// Goes the whole way. What happens is told to `watch` as it happens.
pub async fn run(plan: Arc<Plan>, subject: &Subject, watch: Option<UnboundedSender<Progress>>) -> Report {
    let started = Local::now().fixed_offset();
    let watcher = Watcher::new(watch);
    let route = route::find(plan.clone(), subject, watcher.clone()).await;
    let mut lanes = JoinSet::new();
    for lane in lanes_of(route.endpoints) {
        lanes.spawn(drive(plan.clone(), lane, watcher.clone()));
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
    let legs = legs.into_iter().map(|(_, leg)| leg).collect();
    let took = watcher.begun().elapsed();
    let findings = finding::in_order(findings);
    Report { subject: subject.to_string(), started, took, legs, findings }
}

/// The endpoints in lanes: those of one host and port come one after the other, the lanes run side by side.
fn lanes_of(endpoints: Vec<Endpoint>) -> impl Iterator<Item = Vec<(LegId, Endpoint)>> {
    let mut lanes: BTreeMap<(String, u16), Vec<(LegId, Endpoint)>> = BTreeMap::new();
    for (place, endpoint) in endpoints.into_iter().enumerate() {
        let id = LegId(1 + place * LEGS_EACH);
        lanes.entry((endpoint.host.to_string(), endpoint.port)).or_default().push((id, endpoint));
    }
    lanes.into_values()
}

type Driven = Vec<(LegId, Leg, Vec<Finding>)>;

async fn drive(plan: Arc<Plan>, lane: Vec<(LegId, Endpoint)>, watcher: Watcher) -> Driven {
    let mut driven = Vec::new();
    for (id, endpoint) in lane {
        drive_one(&plan, id, endpoint, &watcher, &mut driven).await;
    }
    driven
}

/// Walks one endpoint; where the session turns out to begin in the other way, in that way too.
async fn drive_one(plan: &Arc<Plan>, id: LegId, endpoint: Endpoint, watcher: &Watcher, driven: &mut Driven) {
    let mut walk = Walk::new(plan.clone(), endpoint.clone(), id, 1, watcher.clone());
    probes::walk(&mut walk).await;
    let other_mode = walk.other_mode;
    let (leg, findings) = walk.finish();
    driven.push((id, leg, findings));
    if let Some(scheme) = other_mode {
        let id = LegId(id.0 + 1);
        let mut walk = Walk::new(plan.clone(), Endpoint { scheme, ..endpoint }, id, 2, watcher.clone());
        walk.breathe().await;
        probes::walk(&mut walk).await;
        let (leg, findings) = walk.finish();
        driven.push((id, leg, findings));
    }
}
