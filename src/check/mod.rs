//! The path that a mail would take, walked stage by stage, and what is wrong with it.
//!
//! A [`Plan`] says what to do and a [`Subject`] of whom; [`run`] gives a [`Report`]. Its way has legs: the names are
//! looked up first (`route`), then each address and port is walked in a session of its own (`walk`), through the
//! stages that [`probes`] has in its table. What is wrong or worth knowing becomes a [`Finding`], with words out of
//! `grammar/checks.toml` ([`table`]) and the entries of the transcript that show it. [`output`] makes text, JSON and
//! other forms of a report.
//!
//! A check is kind to the server: the ports of a host are tried side by side, of its addresses (`lane`) the first of
//! each family is walked the whole way and the others as far as the greeting, and between two connections to one
//! address lies a pause as long as the server took to greet.

mod around;
mod dmarc;
mod finding;
mod lane;
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
mod spf;
mod stage;
mod subject;
pub mod table;
mod tags;
mod tape;
mod tried;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Local;
use tokio::task::JoinSet;

pub use finding::{Finding, Severity};
pub use plan::{Plan, Retry, Thresholds};
pub use progress::{LegId, Progress, Recording, Watch};
pub use report::{Depth, End, Facts, Leg, Outcome, Report};
pub use stage::{Stage, StageName, Verdict};
pub use subject::{Endpoint, Role, Subject, USUAL_PORTS};
pub use tried::{BadAddress, Envelope, Login};

use progress::Watcher;

/// Goes the whole way, under the eyes of `watch`.
pub async fn run(plan: Arc<Plan>, subject: &Subject, watch: Watch) -> Report {
    let started = Local::now().fixed_offset();
    let watcher = Watcher::new(watch);
    let route = route::find(plan.clone(), subject, watcher.clone()).await;
    let mut lanes = JoinSet::new();
    for lane in lanes_of(route.endpoints) {
        lanes.spawn(lane::drive(plan.clone(), watcher.clone(), lane));
    }
    let (mut legs, mut findings) = (vec![(LegId::NAMES, route.leg)], route.findings);
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
    let complete = legs.iter().all(|leg| leg.end != End::CutShort);
    Report { subject: subject.to_string(), started, took, legs, findings, complete }
}

/// The endpoints in lanes, which run side by side: in each are all addresses of one host and port.
fn lanes_of(endpoints: Vec<Endpoint>) -> impl Iterator<Item = Vec<(LegId, Endpoint)>> {
    let mut lanes: BTreeMap<String, Vec<(LegId, Endpoint)>> = BTreeMap::new();
    for (place, endpoint) in endpoints.into_iter().enumerate() {
        let id = LegId::of_endpoint(place);
        lanes.entry(endpoint.server()).or_default().push((id, endpoint));
    }
    lanes.into_values()
}
