//! Size and other limits that EHLO names.

use super::super::finding::Found;
use super::super::walk::Walk;
use crate::wire::escape::visible;

/// A server that takes less than this refuses much of today's mail.
const SMALL: u64 = 10_000_000;

pub(super) async fn run(walk: &mut Walk) -> String {
    let Some(list) = walk.facts.capabilities.clone() else { return String::new() };
    let mut words = Vec::new();
    match list.size_limit() {
        Some(0) => words.push("no fixed limit of size".to_owned()),
        Some(size) => {
            words.push(format!("up to {}", human(size)));
            if size < SMALL {
                walk.find(Found::new("size-small").with("size", human(size)));
            }
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
