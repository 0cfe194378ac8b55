//! Hosts with several addresses: each is tried, one of each family goes the whole way, and a dead one is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use heloise::check::{self, Depth, Outcome, Plan, Report, Severity, Subject, Watch};
use heloise::target::{Host, Scheme, Target};

use super::fake::Fake;
use super::names::{closed_port, silent_port};
use super::zone::Zone;
use super::{ids, plan};
use crate::tls::pki::{NAME, Pki};

/// A host with these addresses, of which the first that are `alive` have a server at one port.
pub async fn several(
    alive: &[&str],
    dead: &[&str],
    order: &[&str],
    change: impl FnOnce(&mut Plan),
) -> Report {
    assert_eq!(alive.len() + dead.len(), order.len());
    let pki = Pki::new();
    let port = match alive {
        [] => closed_port(),
        [first, others @ ..] => {
            let fake = Fake::with_tls(&pki);
            let port = fake.clone().serve_at(SocketAddr::new(ip(first), 0)).port();
            for other in others {
                fake.clone().serve_at(SocketAddr::new(ip(other), port));
            }
            port
        }
    };
    let zone = order
        .iter()
        .fold(Zone::default(), |zone, address| zone.address("many.test", address).address(NAME, address));
    let mut plan = plan(&pki);
    plan.dial.resolver = Some(zone.serve());
    change(&mut plan);
    let host = Host::parse("many.test").unwrap();
    let target = Target { scheme: Scheme::Submission, host, port, mx: false };
    check::run(Arc::new(plan), &Subject::Port(target), Watch::default()).await
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// How far each address was walked.
fn depths(report: &Report) -> Vec<(String, Depth)> {
    let depth = |leg: &check::Leg| (leg.addr.unwrap().ip().to_string(), leg.depth);
    report.sessions().map(depth).collect()
}

fn stages(report: &Report, address: &str) -> Vec<&'static str> {
    let leg = report.sessions().find(|leg| leg.addr.unwrap().ip() == ip(address)).unwrap();
    leg.stages.iter().map(|stage| stage.name.as_str()).collect()
}

#[tokio::test]
async fn the_first_address_goes_the_whole_way_and_the_others_are_greeted() {
    let (alive, order) = (["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "127.0.0.2", "127.0.0.3"]);
    let report = several(&alive, &order[2..], &order, |_| {}).await;
    let whole = [Depth::Whole, Depth::Greeting, Depth::Greeting];
    let expected: Vec<_> = order.iter().map(|ip| (*ip).to_owned()).zip(whole).collect();
    assert_eq!(depths(&report), expected);
    assert_eq!(stages(&report, "127.0.0.2"), ["tcp", "banner", "quit"]);
    assert_eq!(ids(&report, Severity::Note), ["address-dead"]);
    let finding = &report.findings[0];
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.line.ends_with("is dead: connection refused"), "{}", finding.line);
    assert!(matches!(&finding.places[..], [place] if place.ends_with("(127.0.0.3)")), "{:?}", finding.places);
    assert!(!finding.evidence.is_empty());
    assert_eq!(report.outcome(Severity::Problem), Outcome::Fine);
}

#[tokio::test]
async fn where_the_first_is_dead_another_takes_its_place() {
    let order = ["127.0.0.3", "127.0.0.4", "127.0.0.1"];
    let report = several(&["127.0.0.1"], &order[..2], &order, |_| {}).await;
    let whole = [Depth::Whole, Depth::Greeting, Depth::Whole];
    let expected: Vec<_> = order.iter().map(|ip| (*ip).to_owned()).zip(whole).collect();
    assert_eq!(depths(&report), expected);
    assert!(stages(&report, "127.0.0.1").contains(&"versions"));
    assert_eq!(ids(&report, Severity::Note), ["address-dead"], "one finding");
    assert_eq!(report.findings[0].places.len(), 2, "at two places");
}

#[tokio::test]
async fn where_all_are_dead_the_host_is_not_reached() {
    let order = ["127.0.0.3", "127.0.0.4"];
    let report = several(&[], &order, &order, |_| {}).await;
    assert_eq!(ids(&report, Severity::Problem), ["connection-refused"]);
    assert_eq!(report.findings[0].places.len(), 2);
    assert_eq!(report.outcome(Severity::Problem), Outcome::Unreached);
}

#[tokio::test]
async fn all_go_the_whole_way_when_that_is_asked_for() {
    let order = ["127.0.0.1", "127.0.0.2"];
    let report = several(&order, &[], &order, |plan| plan.all_addresses = true).await;
    assert!(depths(&report).iter().all(|(_, depth)| *depth == Depth::Whole));
    assert!(stages(&report, "127.0.0.2").contains(&"versions"));
    assert_eq!(ids(&report, Severity::Note), Vec::<&str>::new());
}

/// Port 25 that is silent over IPv4 is blocked, though this machine may have no way out over IPv6 at all.
#[tokio::test]
async fn a_family_without_a_way_out_does_not_hide_a_blocked_port() {
    let open = Fake::without_tls().serve().port();
    let zone = Zone::default().address("two.test", "127.0.0.1").address("two.test", "2001:db8::1");
    let mut plan = plan(&Pki::new());
    plan.dial.resolver = Some(zone.serve());
    plan.dial.timeout = std::time::Duration::from_millis(300);
    plan.ports = vec![silent_port(), open];
    let subject = Subject::Host(Host::parse("two.test").unwrap());
    let report = check::run(Arc::new(plan), &subject, Watch::default()).await;
    assert!(
        ids(&report, Severity::Warning).contains(&"port-25-blocked"),
        "{:?}",
        ids(&report, Severity::Note)
    );
}
