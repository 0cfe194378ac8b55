//! Tests of the tables: a broken row fails here with file, line and reason.

use std::collections::BTreeSet;

use super::rules::{self, RuleRow};
use super::{explain, tables, template, *};
use crate::wire::{Line, Reply, ReplyLine};

/// A reply out of its lines.
pub(super) fn reply(text: &str) -> Reply {
    let lines = text.split('\n').map(|line| ReplyLine::parse(Line::crlf(line))).collect();
    Reply { lines, quirks: Vec::new() }
}

fn first(text: &str) -> Explanation {
    explain(&Situation::of(&reply(text))).remove(0)
}

#[test]
fn every_table_parses() {
    tables::check().unwrap();
    rules::check().unwrap();
}

#[test]
fn every_reason_is_complete() {
    let known: Vec<_> = tables::reasons().collect();
    assert!(known.len() >= 39, "{} reasons", known.len());
    let all = known.iter().map(|(reason, row)| (reason.slug(), *row)).chain(tables::failures());
    for (slug, row) in all {
        assert!(!row.meaning.is_empty() && !row.short.is_empty(), "{slug}: meaning and short are needed");
        assert!(!row.causes.is_empty(), "{slug}: a cause is needed");
        assert!(!row.fixes.is_empty(), "{slug}: a fix is needed");
        assert!(!row.sources.is_empty(), "{slug}: a source is needed");
        let general = |rows: &[&str]| rows.iter().any(|r| !r.starts_with('[') && !r.contains('{'));
        assert!(general(&row.causes), "{slug}: one cause must hold in every situation");
        assert!(general(&row.fixes), "{slug}: one fix must hold in every situation");
        check_template(slug, row.short);
        row.causes.iter().chain(&row.fixes).for_each(|text| check_template(slug, text));
    }
}

fn check_template(owner: &str, text: &'static str) {
    let conditions: BTreeSet<_> = template::CONDITIONS.split_ascii_whitespace().collect();
    let names: BTreeSet<_> = template::NAMES.split_ascii_whitespace().collect();
    if let Some((list, _)) = template::split_conditions(text) {
        for word in list.split(',').map(str::trim) {
            let word = word.strip_prefix("not-").unwrap_or(word);
            assert!(conditions.contains(word), "{owner}: no condition \"{word}\" in: {text}");
        }
    }
    for part in text.split('{').skip(1) {
        let (name, _) =
            part.split_once('}').unwrap_or_else(|| panic!("{owner}: brace not closed in: {text}"));
        let name = name.split('|').next().unwrap_or_default();
        assert!(names.contains(name), "{owner}: no name {{{name}}} in: {text}");
    }
}

#[test]
fn reasons_in_tables_exist() {
    let enhanced = tables::enhanced_rows().filter_map(|(name, row)| Some((name, row.reason?)));
    let replies = tables::reply_rows().iter().filter_map(|row| Some((row.code, row.reason?)));
    for (name, slug) in enhanced.chain(replies).chain(rules::rows().map(|row| (row.id, row.reason))) {
        assert!(tables::reason(slug).is_some(), "{name}: there is no reason \"{slug}\"");
    }
}

#[test]
fn every_rule_is_selected_by_its_sample() {
    let mut ids = BTreeSet::new();
    let mut faults = Vec::new();
    for rule in rules::rules().all() {
        let row: &RuleRow = rule.row;
        assert!(ids.insert(row.id), "the id \"{}\" is there twice", row.id);
        row.causes.iter().chain(&row.fixes).chain(&row.short).for_each(|text| check_template(row.id, text));
        let reply = reply(row.sample);
        let host = rule.provider.and_then(|p| p.hosts.first()).copied();
        let verb = row.after.first().map(|v| crate::wire::CommandLine::parse(v.as_bytes()).verb);
        let situation = Situation { host, verb: verb.as_ref(), ..Situation::of(&reply) };
        if !engine::rules_that_hold(&situation).contains(&row.id) {
            faults.push(format!("{}: its sample does not select it: {}", row.id, row.sample));
            continue;
        }
        let best = explain(&situation).remove(0);
        if best.reason.slug() != row.reason {
            faults.push(format!("{}: its sample is read as {}: {}", row.id, best.reason, row.sample));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn plain_replies() {
    for (text, slug) in [
        ("250 Ok", "ok"),
        ("354 go ahead", "continue"),
        ("550 5.1.1 <bob@example.net>: User unknown", "user-unknown"),
        ("535 5.7.8 Error: authentication failed", "credentials-rejected"),
        ("999 what", "unknown"),
        ("hello", "unknown"),
        ("", "unknown"),
    ] {
        assert_eq!(first(text).reason.slug(), slug, "{text}");
    }
}

#[test]
fn failures_are_all_known() {
    for failure in [
        Failure::ConnectionRefused,
        Failure::ConnectTimedOut,
        Failure::Unreachable,
        Failure::Reset,
        Failure::ClosedEarly,
        Failure::NoSuchName,
        Failure::NameServerFailed,
        Failure::NoAddress,
        Failure::NoMx,
        Failure::NullMx,
        Failure::StartTlsVanished,
        Failure::PlaintextNotTls,
        Failure::TlsNotPlaintext,
        Failure::Tls("something new".into()),
        Failure::TimedOut { limit: "greeting".into(), seconds: 300 },
        Failure::Quirk(crate::wire::Quirk::BareLf),
    ] {
        let explanation = explain_failure(&failure, Some("mx.example.org"));
        assert_ne!(explanation.reason, Reason::UNKNOWN, "{failure:?}");
        assert!(!explanation.causes.is_empty() && !explanation.fixes.is_empty(), "{failure:?}");
    }
}

#[test]
fn openssl_words_select_their_row() {
    for (words, slug) in [
        (
            "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:ssl/x.c:1889: (self-signed certificate in certificate chain)",
            "self-signed-in-chain",
        ),
        ("certificate verify failed (certificate has expired)", "certificate-expired"),
        ("certificate verify failed (unable to get local issuer certificate)", "unknown-issuer"),
        ("certificate verify failed (hostname mismatch)", "hostname-mismatch"),
        ("error:0A00010B:SSL routines:ssl3_get_record:wrong version number", "plaintext-answer"),
        ("tlsv1 alert protocol version", "protocol-version"),
    ] {
        assert_eq!(tables::tls(words).map(|(slug, _)| slug), Some(slug), "{words}");
    }
}
