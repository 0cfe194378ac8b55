//! Size and other limits that EHLO names.

use super::super::finding::{Found, Severity};
use super::super::walk::Walk;
use crate::wire::Quirk;
use crate::wire::escape::visible;

/// A server that takes less than this refuses much of today's mail.
const SMALL: u64 = 10_000_000;

/// The least that a server has to take (RFC 5321 §4.5.3.1.7).
const LEAST: u64 = 64 * 1024;

pub(super) async fn run(walk: &mut Walk) -> String {
    let Some(list) = walk.facts.capabilities.clone() else { return String::new() };
    let mut words = Vec::new();
    match list.size_limit() {
        Some(0) => words.push("no fixed limit of size".to_owned()),
        Some(size) => {
            words.push(format!("up to {}", human(size)));
            if size < SMALL {
                let found = Found::new("size-small").with("size", human(size));
                walk.find(if size < LEAST { found.severity(Severity::Warning) } else { found });
            }
        }
        None if !list.params("SIZE").is_empty() => {
            walk.find(super::ehlo::of_quirk(&Quirk::OddParameter("SIZE".to_owned()), "the list of EHLO"));
            words.push("a limit of size that cannot be read".to_owned());
        }
        None if list.has("SIZE") => words.push("a limit of size that is not named".to_owned()),
        None => {
            walk.find(Found::new("size-not-told"));
            words.push("no SIZE".to_owned());
        }
    }
    // RFC 9422: LIMITS RCPTMAX=…
    let limits = list.params("LIMITS").iter().map(|limit| visible(limit.as_bytes()));
    words.extend(limits);
    words.join(" · ")
}

fn human(octets: u64) -> String {
    match octets {
        0..10_000 => format!("{octets} octets"),
        10_000..10_000_000 => format!("{} KB", octets / 1000),
        _ => format!("{} MB", octets / 1_000_000),
    }
}
