//! The versions of TLS that are taken. What the session did not show is asked on connections of its own.

use super::super::finding::Found;
use super::super::walk::Walk;
use crate::transport::tap::ProtocolVersion;
use crate::transport::tls::Version;
use crate::transport::versions::{self, Answer};

pub(super) async fn run(walk: &mut Walk) -> String {
    let (plan, endpoint) = (walk.plan.clone(), walk.endpoint.clone());
    let used = walk.tls.as_ref().and_then(|info| info.version);
    walk.breathe().await;
    let setup = plan.setup(&endpoint, &plan.tls);
    // Up to TLS 1.2 a server may answer with an older version than it is asked for: one question covers both.
    let answer = versions::one(&setup, endpoint.addr(), &endpoint.host, &walk.own_name, Version::V1_1).await;
    let old = match &answer {
        Answer::Taken(_) => Some("TLS 1.1".to_owned()),
        Answer::Instead(version) if *version < ProtocolVersion::TLS_1_2 => Some(version.to_string()),
        _ => None,
    };
    walk.note(&format!("versions asked=TLSv1.1 answer=\"{}\"", answer.to_string().replace('"', "'")));
    if let Some(version) = &old {
        walk.find(Found::new("tls-outdated").with("version", version));
    }
    if used.is_some_and(|version| version == ProtocolVersion::TLS_1_2) && plan.tls.options().max.is_none() {
        walk.find(Found::new("tls-1-2-only"));
    }
    match (used, old) {
        (Some(used), Some(version)) => format!("{used}, and {version}, which is outdated"),
        (Some(used), None) => format!("{used}; nothing older than TLS 1.2"),
        (None, Some(version)) => format!("{version}, which is outdated, and nothing that this machine takes"),
        (None, None) => format!("TLS 1.1 or older: {answer}"),
    }
}
