//! Tests of the tables: a broken row fails here with file, line and reason.

mod advice;
mod session;
mod situation;

use std::collections::BTreeSet;
use std::time::Duration;

use super::rules::{self, RuleRow};
use super::{explain, tables, template, *};
use crate::wire::{Reply, ReplyLine, Verb};

/// A reply out of its lines.
pub(super) fn reply(text: &str) -> Reply {
    text.split('\n').map(ReplyLine::crlf).collect()
}

fn first(text: &str) -> Explanation {
    explain(&Situation::of(&reply(text))).remove(0)
}

fn commands(explanation: &Explanation) -> Vec<&str> {
    explanation.fixes.iter().filter_map(|fix| fix.command.as_deref()).collect()
}

/// Capabilities as EHLO lists them.
fn offers(lines: &[&str]) -> crate::wire::Capabilities {
    let last = lines.len();
    let text: Vec<String> = std::iter::once("mx.example.org".to_owned())
        .chain(lines.iter().map(|l| (*l).to_owned()))
        .enumerate()
        .map(|(n, l)| format!("250{}{l}", if n == last { ' ' } else { '-' }))
        .collect();
    crate::wire::Capabilities::from_reply(&reply(&text.join("\n")))
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
        let general =
            |rows: &[Advice]| rows.iter().any(|r| r.conditions.is_none() && !r.written.contains('{'));
        assert!(general(&row.causes), "{slug}: one cause must hold in every situation");
        assert!(general(&row.fixes), "{slug}: one fix must hold in every situation");
        check_template(slug, row.short);
        row.causes.iter().chain(&row.fixes).for_each(|row| check_template(slug, row.written));
    }
}

fn check_template(owner: &str, text: &'static str) {
    let conditions: BTreeSet<_> = context::CONDITIONS.split_ascii_whitespace().collect();
    let names: BTreeSet<_> = context::NAMES.split_ascii_whitespace().collect();
    let split = template::split_conditions(text);
    assert!(split.is_some() || !text.starts_with('['), "{owner}: conditions not closed in: {text}");
    if let Some((list, _)) = split {
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
        let advice = row.causes.iter().chain(&row.fixes).map(|advice| advice.written);
        advice.chain(row.short).for_each(|text| check_template(row.id, text));
        let reply = reply(row.sample);
        let host = rule.provider.and_then(|p| p.hosts.first()).copied();
        let verb = row.after.first().map(|v| crate::wire::CommandLine::parse(v.as_bytes()).verb);
        let situation = Situation { host, verb: verb.as_ref(), ..Situation::of(&reply) };
        if !engine::rules_that_hold(&situation).contains(&row.id) {
            faults.push(format!("{}: its sample does not select it: {}", row.id, row.sample));
            continue;
        }
        let best = engine::explain_by_rules(&situation).remove(0);
        if best.reason.slug() != row.reason {
            faults.push(format!("{}: its sample is read as {}: {}", row.id, best.reason, row.sample));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A row that its own sample does not bring to the fore decides nothing, for other rows know better.
#[test]
fn every_rule_decides_its_sample() {
    let mut faults = Vec::new();
    for rule in rules::rules().all() {
        let row: &RuleRow = rule.row;
        let reply = reply(row.sample);
        let host = rule.provider.and_then(|p| p.hosts.first()).copied();
        let verb = row.after.first().map(|v| crate::wire::CommandLine::parse(v.as_bytes()).verb);
        let situation = Situation { host, verb: verb.as_ref(), ..Situation::of(&reply) };
        let decided = engine::explain_by_rules(&situation).remove(0).evidence.first().map(|e| e.text.clone());
        if decided.as_deref() != Some(row.id) {
            faults.push(format!(
                "{} is out of reach: {} decides {:?}",
                row.id,
                decided.unwrap_or_default(),
                row.sample
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is learnt decides between the unsure, and does not overrule who knows.
#[test]
fn narrow_rules_are_not_overruled() {
    let mut narrow = 0;
    for rule in rules::rules().all().iter().filter(|rule| rule.provider.is_none()) {
        let reply = reply(rule.row.sample);
        let verb = rule.row.after.first().map(|v| crate::wire::CommandLine::parse(v.as_bytes()).verb);
        let situation = Situation { verb: verb.as_ref(), ..Situation::of(&reply) };
        if rule.row.weight.is_some_and(|weight| weight >= 90) {
            narrow += 1;
            assert_eq!(explain(&situation).remove(0).reason.slug(), rule.row.reason, "{}", rule.row.id);
        }
    }
    assert!(narrow > 250, "{narrow}");
}

#[test]
fn a_guess_is_told_as_one() {
    let told = |text: &str, verb: Verb| {
        let reply = reply(text);
        let best = explain(&Situation { verb: Some(&verb), ..Situation::of(&reply) }).remove(0);
        let headline = render::Headline { code: reply.code(), enhanced: reply.enhanced() };
        render::brief(&best, headline, 200, &[]).iter().map(render::plain).collect::<Vec<_>>().join("\n")
    };
    let blocked = told("550 no", Verb::Ehlo);
    assert!(blocked.contains("permanent · perhaps: this client's address is blocked here"), "{blocked}");
    // A code that says it all by itself is no guess.
    for sure in [told("550 5.1.1 user unknown", Verb::Rcpt), told("503 no", Verb::Rcpt)] {
        assert!(!sure.contains("perhaps:"), "{sure}");
    }
}

#[test]
fn plain_replies() {
    for (text, slug) in [
        ("250 Ok", "ok"),
        ("354 go ahead", "continue"),
        ("550 5.1.1 <bob@example.net>: User unknown", "user-unknown"),
        ("535 5.7.8 Error: authentication failed", "credentials-rejected"),
        ("999 what", "no-reply-code"),
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
        Failure::TimedOut { awaited: "greeting".into(), limit: Some(Duration::from_secs(300)) },
        Failure::Quirk(crate::wire::Quirk::BareLf.to_string()),
    ] {
        let explanation = explain_failure(&failure, Asked::of("mx.example.org"));
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

#[test]
fn every_table_file_is_used() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar");
    for name in ["patterns", "providers"] {
        for file in std::fs::read_dir(folder.join(name)).unwrap() {
            let file = format!("{name}/{}", file.unwrap().file_name().to_string_lossy());
            assert!(
                rules::files().any(|used| used == file),
                "grammar/{file} is not named in src/explain/rules/rows.rs"
            );
        }
    }
}

#[test]
fn no_row_is_out_of_reach() {
    let mut seen = BTreeSet::new();
    for row in tables::reply_rows() {
        let after = if row.after.is_empty() { vec!["any"] } else { row.after.clone() };
        for verb in after {
            assert!(seen.insert((row.code, verb)), "replies.toml: {} after {verb} is there twice", row.code);
        }
    }
    for (slug, row) in tables::tls_rows() {
        let selected = row.words.iter().any(|word| tables::tls(word).is_some_and(|(found, _)| found == slug));
        assert!(selected, "tls.toml: none of the words of [{slug}] selects it");
        assert!(
            !row.causes.is_empty() && !row.fixes.is_empty(),
            "tls.toml: [{slug}] needs a cause and a fix"
        );
        row.causes.iter().chain(&row.fixes).for_each(|row| check_template(slug, row.written));
    }
    let used: BTreeSet<&str> = rules::rows()
        .map(|row| row.reason)
        .chain(tables::enhanced_rows().filter_map(|(_, row)| row.reason))
        .chain(tables::reply_rows().iter().filter_map(|row| row.reason))
        .collect();
    let by_engine = [Reason::UNKNOWN, Reason::NO_REPLY_CODE, Reason::UNEXPECTED_CODE];
    for (reason, _) in tables::reasons().filter(|(reason, _)| !by_engine.contains(reason)) {
        assert!(used.contains(reason.slug()), "reasons.toml: nothing points to [{reason}]");
    }
}

/// Each row of `replies.toml` is the best one for some code after some command.
#[test]
fn every_reply_row_is_chosen() {
    let verbs: BTreeSet<&str> =
        tables::reply_rows().iter().flat_map(|row| row.after.iter().copied()).collect();
    let verbs: Vec<Option<&str>> = std::iter::once(None).chain(verbs.into_iter().map(Some)).collect();
    let mut chosen = BTreeSet::new();
    for code in 100..700 {
        for verb in &verbs {
            if let Some(found) = tables::best_row(crate::wire::ReplyCode(code), *verb) {
                chosen.insert((found.row.code, found.row.after.clone()));
            }
        }
    }
    for row in tables::reply_rows() {
        assert!(
            chosen.contains(&(row.code, row.after.clone())),
            "{} after {:?} is never chosen",
            row.code,
            row.after
        );
    }
}

/// The names in the IANA registries of enhanced status codes, SMTP service extensions and SASL mechanisms, as of 2025.
#[test]
fn registries_are_complete() {
    // Subject, and the highest detail that is registered; all below are.
    for (subject, last) in [(0, 0), (1, 10), (2, 4), (3, 6), (4, 7), (5, 6), (6, 10), (7, 30)] {
        for detail in 0..=last {
            let code = crate::wire::EnhancedCode { class: 5, subject, detail };
            assert!(tables::enhanced_meaning(code).is_some(), "enhanced.toml has no row for {code}");
        }
    }
    let extensions = "SEND SOML SAML EXPN HELP TURN 8BITMIME SIZE VERB ONEX CHUNKING BINARYMIME CHECKPOINT DELIVERBY PIPELINING \
        DSN ETRN ENHANCEDSTATUSCODES STARTTLS NO-SOLICITING MTRK SUBMITTER ATRN AUTH FUTURERELEASE BURL UTF8SMTP SMTPUTF8 \
        MT-PRIORITY RRVS REQUIRETLS LIMITS CONPERM CONNEG VRFY";
    for keyword in extensions.split_ascii_whitespace() {
        let row = tables::capability(keyword);
        assert!(row.is_some_and(|row| row.status != "private"), "extensions.toml has no row for {keyword}");
    }
    let mechanisms = "9798-M-DSA-SHA1 9798-M-ECDSA-SHA1 9798-M-RSA-SHA1-ENC 9798-U-DSA-SHA1 9798-U-ECDSA-SHA1 9798-U-RSA-SHA1-ENC \
        ANONYMOUS CRAM-MD5 DIGEST-MD5 EAP-AES128 EAP-AES128-PLUS ECDH-X25519-CHALLENGE ECDSA-NIST256P-CHALLENGE EXTERNAL \
        GS2-KRB5 GS2-KRB5-PLUS GSS-SPNEGO GSSAPI KERBEROS_V4 KERBEROS_V5 LOGIN NMAS-SAMBA-AUTH NMAS_AUTHEN NMAS_LOGIN NTLM \
        OAUTH10A OAUTHBEARER OPENID20 OTP PLAIN SAML20 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS SECURID \
        SKEY SPNEGO SPNEGO-PLUS SXOVER-PLUS XOAUTH XOAUTH2";
    for mechanism in mechanisms.split_ascii_whitespace() {
        assert!(tables::mechanism(mechanism).is_some(), "sasl.toml has no row for {mechanism}");
    }
}

#[test]
fn a_greeting_name_and_a_missing_ptr_are_mended_differently() {
    let fixes = |text: &str| -> String { first(text).fixes.iter().map(|fix| fix.text.to_string()).collect() };
    for greeting in
        ["550 EHLO mail.local is not a fully qualified name", "450 the helo argument was localhost"]
    {
        assert!(fixes(greeting).contains("greet again"), "{greeting}: {}", fixes(greeting));
    }
    for ptr in
        ["450 your hostname is generic", "550 No PTR record for your host name", "554 no rDNS for 192.0.2.7"]
    {
        assert!(fixes(ptr).contains("PTR record"), "{ptr}: {}", fixes(ptr));
    }
}

#[test]
fn plain_wording_is_ascribed_to_no_provider() {
    let corpus = include_str!("../../tests/corpus/written-from-memory.tsv");
    let general =
        ["550 5.1.1 no such user", "535 Authentication credentials invalid", "550 Sender is not valid"];
    let rows = corpus.lines().filter_map(|line| Some(line.split_once('\t')?.1)).chain(general);
    // Words and links that only one provider uses.
    let own = [
        "outlook",
        "STOREDRV",
        "RESOLVER",
        "Barracuda",
        "barracuda",
        "cuda",
        "comcast",
        "TSS",
        "authorization code",
        "aka.ms",
        "send as this sender",
        "permanent failure for one",
        "google",
        "Unauthenticated",
        "5.7.57",
        "RTR:",
        "Application-specific password",
        "SmtpClientAuthentication",
        "5.7.515",
        "conditional access",
    ];
    for row in rows.filter(|row| !own.iter().any(|word| row.contains(word))) {
        let found = first(row);
        assert_eq!(found.provider, None, "{row}");
    }
}
