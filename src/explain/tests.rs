//! Tests of the tables: a broken row fails here with file, line and reason.

mod advice;

use std::collections::BTreeSet;

use super::rules::{self, RuleRow};
use super::{explain, tables, template, *};
use crate::wire::{Reply, ReplyLine};

/// A reply out of its lines.
pub(super) fn reply(text: &str) -> Reply {
    text.split('\n').map(ReplyLine::crlf).collect()
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
        let general =
            |rows: &[Advice]| rows.iter().any(|r| r.conditions.is_none() && !r.written.contains('{'));
        assert!(general(&row.causes), "{slug}: one cause must hold in every situation");
        assert!(general(&row.fixes), "{slug}: one fix must hold in every situation");
        check_template(slug, row.short);
        row.causes.iter().chain(&row.fixes).for_each(|row| check_template(slug, row.written));
    }
}

fn check_template(owner: &str, text: &'static str) {
    let conditions: BTreeSet<_> = template::CONDITIONS.split_ascii_whitespace().collect();
    let names: BTreeSet<_> = template::NAMES.split_ascii_whitespace().collect();
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
        let best = explain(&situation).remove(0);
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
        let decided = explain(&situation).remove(0).evidence.first().map(|e| e.text.clone());
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
        Failure::TimedOut { limit: "greeting".into(), seconds: 300 },
        Failure::Quirk(crate::wire::Quirk::BareLf),
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

/// The best reading of a reply to a command in a live session without TLS and login.
fn live(
    text: &str,
    command: &str,
    caps: Option<&crate::wire::Capabilities>,
    change: impl Fn(&mut Situation<'_>),
) -> Explanation {
    let reply = reply(text);
    let line = crate::wire::CommandLine::parse(command.as_bytes());
    let mut situation = Situation::of(&reply);
    situation.live = true;
    situation.asked.prompt = true;
    situation.verb = Some(&line.verb);
    situation.command = Some(&line.bytes);
    situation.capabilities = caps;
    situation.recipient = Some("bob@example.net");
    situation.host = Some("mx.example.org");
    change(&mut situation);
    explain(&situation).remove(0)
}

fn commands(explanation: &Explanation) -> Vec<&str> {
    explanation.fixes.iter().filter_map(|fix| fix.command.as_deref()).collect()
}

#[test]
fn relay_denied_knows_whether_one_is_authenticated() {
    let caps = offers(&["STARTTLS", "AUTH PLAIN LOGIN"]);
    let denied = "554 5.7.1 <bob@example.net>: Relay access denied";
    let found = live(denied, "RCPT TO:<bob@example.net>", Some(&caps), |_| {});
    assert_eq!(found.reason.slug(), "relay-denied");
    assert!(found.causes[0].contains("AUTH PLAIN LOGIN"), "{:?}", found.causes);
    assert_eq!(commands(&found)[..3], ["/starttls", "/auth PLAIN", "heloise --mx example.net"]);
    assert_eq!(found.inferred.unwrap().text, "this server will not relay to example.net");
    let found = live(denied, "RCPT TO:<bob@example.net>", Some(&caps), |s| {
        s.tls = true;
        s.authenticated = Some("alice");
    });
    assert!(found.causes[0].contains("authenticated as alice"), "{:?}", found.causes);
    assert!(!commands(&found).contains(&"/starttls"));
    let bare = offers(&["SIZE"]);
    let found = live(denied, "RCPT TO:<bob@example.net>", Some(&bare), |_| {});
    assert!(found.causes[0].contains("offers no AUTH"), "{:?}", found.causes);
    assert!(commands(&found).contains(&"heloise submission://mx.example.org"));
}

#[test]
fn wrong_order_names_what_is_missing() {
    let caps = offers(&["SIZE"]);
    let bad = "503 5.5.1 Bad sequence of commands";
    let found = live(bad, "DATA", Some(&caps), |s| s.phase = Phase::Mail);
    assert!(found.causes[0].contains("RCPT must come before DATA"), "{:?}", found.causes);
    assert_eq!(commands(&found)[0], "RCPT TO:<bob@example.net>");
    let found = live(bad, "RCPT TO:<bob@example.net>", Some(&caps), |_| {});
    assert!(found.causes[0].contains("MAIL must come before RCPT"), "{:?}", found.causes);
    let found = live(bad, "MAIL FROM:<a@b.example>", None, |_| {});
    assert!(found.causes[0].contains("EHLO has to come first"), "{:?}", found.causes);
}

#[test]
fn syntax_errors_point_at_the_place_and_mend_it() {
    let found = live("501 5.5.4 Syntax: MAIL FROM:<address>", "MAIL FROM: alice@example.org", None, |_| {});
    assert_eq!(found.reason.slug(), "syntax");
    assert!(found.causes[0].starts_with("at column "), "{:?}", found.causes);
    assert_eq!(commands(&found)[0], "MAIL FROM:<alice@example.org>");
}

#[test]
fn the_place_of_a_syntax_error_is_shown_with_carets() {
    let found = live("501 5.1.3 Bad recipient address syntax", "RCPT TO:bob@example.net", None, |_| {});
    let place = found.place.as_ref().unwrap();
    assert_eq!((place.at.start, place.command.as_slice()), (8, &b"RCPT TO:bob@example.net"[..]));
    for lines in [
        render::brief(&found, render::Headline::default(), 80),
        render::full(&found, render::Headline::default(), 80),
    ] {
        let lines: Vec<String> = lines.iter().map(render::plain).collect();
        assert!(lines.iter().any(|line| line.starts_with("     why   at column 9")), "{lines:#?}");
        let command = lines.iter().position(|line| line == "           RCPT TO:bob@example.net").unwrap();
        assert_eq!(lines[command + 1], "                   ^^^^^^^^^^^^^^^");
    }
    // A command that is refused for another reason has no place, though it may be odd.
    let found = live("550 5.1.1 User unknown", "RCPT TO:bob@example.net", None, |_| {});
    assert_eq!(found.place, None);
}

#[test]
fn a_command_to_type_is_not_broken() {
    let caps = offers(&["STARTTLS", "AUTH PLAIN LOGIN"]);
    let found = live("554 5.7.1 Relay access denied", "RCPT TO:<bob@example.net>", Some(&caps), |_| {});
    let shown = |width| render::full(&found, render::Headline::default(), width);
    for width in 36..110 {
        let lines: Vec<String> = shown(width).iter().map(render::plain).collect();
        for command in commands(&found) {
            assert!(
                lines.iter().any(|line| line.contains(command)),
                "{width}: {command}\n{}",
                lines.join("\n")
            );
        }
    }
}

#[test]
fn nobody_is_asked_for_the_mx_of_an_address() {
    for host in ["127.0.0.1", "::1", "[127.0.0.1]"] {
        let found = explain_failure(&Failure::ConnectTimedOut, Asked::of(host));
        assert!(!commands(&found).iter().any(|c| c.contains("--mx")), "{found:?}");
    }
    let found = live("554 5.7.1 Relay access denied", "RCPT TO:<bob@[192.0.2.1]>", None, |s| {
        s.recipient = Some("bob@[192.0.2.1]");
    });
    assert!(!commands(&found).iter().any(|c| c.contains("--mx")), "{found:?}");
}

#[test]
fn a_client_certificate_is_no_password() {
    let refused = |mechanism| {
        live("535 5.7.8 Error: authentication failed", "AUTH", None, |s| s.mechanism = Some(mechanism))
    };
    let external = refused("EXTERNAL");
    assert_eq!(external.reason.slug(), "credentials-rejected");
    assert!(external.causes[0].contains("certificate"), "{:?}", external.causes);
    assert!(!external.causes.iter().any(|cause| cause.contains("password")), "{:?}", external.causes);
    let plain = refused("PLAIN");
    assert!(plain.causes[0].contains("password"), "{:?}", plain.causes);
    assert!(!plain.causes.iter().any(|cause| cause.contains("certificate")), "{:?}", plain.causes);
}

#[test]
fn readings_that_were_wrong_once() {
    assert_eq!(first("550 5.7.1 Command rejected").reason.slug(), "policy");
    assert_eq!(first("502 5.5.2 Command rejected").reason.slug(), "syntax");
    let wanted = first("421 4.7.0 mx.example.org Error: No client certificate presented");
    assert_eq!(wanted.reason.slug(), "auth-required");
    assert!(wanted.fixes[0].text.contains("--cert"), "{:?}", wanted.fixes);
    let bye = first("221 2.7.0 Error: I can break rules, too. Goodbye.");
    assert!(!bye.standard.unwrap().contains("AUTH"));
}

#[test]
fn a_line_that_was_kept_secret_has_no_place() {
    let found = live("500 5.5.2 Error: command not recognized", "", None, |_| {});
    assert_eq!(found.reason.slug(), "syntax");
    assert!(!found.causes.iter().any(|cause| cause.contains("column")), "{:?}", found.causes);
}

#[test]
fn refused_tokens_are_no_wrong_passwords() {
    for (host, refused, word) in [
        ("smtp.gmail.com", "535 5.7.8 Username and Password not accepted", "https://mail.google.com/"),
        ("smtp.office365.com", "535 5.7.3 Authentication unsuccessful", "SMTP.Send"),
        ("smtp-mail.outlook.com", "535 5.7.3 Authentication unsuccessful", "SMTP.Send"),
        ("mail.example.org", "535 5.7.8 authentication failed", "the token is expired"),
    ] {
        let (mut token, mut password) = (String::new(), String::new());
        for (mechanism, cause) in [("XOAUTH2", &mut token), ("PLAIN", &mut password)] {
            let found =
                live(refused, "AUTH PLAIN", None, |s| (s.host, s.mechanism) = (Some(host), Some(mechanism)));
            assert_eq!(found.reason.slug(), "credentials-rejected", "{host}");
            *cause = found.causes[0].to_string();
        }
        assert!(token.contains(word) && token.contains("token"), "{host}: {token}");
        assert!(!password.contains("token is expired"), "{host}: {password}");
    }
}

#[test]
fn size_is_compared_with_the_limit() {
    let caps = offers(&["SIZE 1000"]);
    let found =
        live("552 5.2.2 too much", "MAIL FROM:<> SIZE=2000", Some(&caps), |s| s.declared_size = Some(2000));
    assert_eq!(found.reason.slug(), "message-too-big");
    assert_eq!(found.causes[0], "the message has 2000 octets; the server takes 1000");
}

#[test]
fn authentication_required_says_whether_tls_comes_first() {
    let caps = offers(&["STARTTLS"]);
    let wanted = "530 5.7.0 Authentication required";
    let found = live(wanted, "MAIL FROM:<a@b.example>", Some(&caps), |_| {});
    assert_eq!(found.reason.slug(), "auth-required");
    assert!(found.causes[0].contains("STARTTLS must come first"), "{:?}", found.causes);
    assert_eq!(commands(&found)[0], "/starttls");
    let caps = offers(&["AUTH PLAIN CRAM-MD5"]);
    let found = live(wanted, "MAIL FROM:<a@b.example>", Some(&caps), |s| s.tls = true);
    assert!(found.causes[0].contains("AUTH PLAIN CRAM-MD5"), "{:?}", found.causes);
    assert_eq!(commands(&found)[0], "/auth CRAM-MD5");
}

#[test]
fn providers_speak_of_their_own_remedies() {
    let refused = "535 5.7.8 authentication failed";
    for (host, word) in [
        ("smtp.gmail.com", "app password"),
        ("smtp.office365.com", "SMTP AUTH"),
        ("email-smtp.eu-west-1.amazonaws.com", "region"),
        ("smtp.sendgrid.net", "apikey"),
    ] {
        let found = live(refused, "AUTH PLAIN", None, |s| s.host = Some(host));
        let all = format!("{:?} {:?}", found.causes, found.fixes);
        assert!(all.contains(word), "{host}: {all}");
        // The same host behind another name.
        let refused = reply(refused);
        let mut behind = Situation::of(&refused);
        let names = [host];
        (behind.host, behind.server_names) = (Some("mail.example.org"), &names);
        assert_eq!(explain(&behind)[0].provider, found.provider, "{host}");
    }
}

#[test]
fn rendering_wraps_and_keeps_to_the_look() {
    let caps = offers(&["STARTTLS", "AUTH PLAIN LOGIN"]);
    let found = live(
        "554 5.7.1 <bob@example.net>: Relay access denied",
        "RCPT TO:<bob@example.net>",
        Some(&caps),
        |_| {},
    );
    let headline = render::Headline { code: Some(crate::wire::ReplyCode(554)), enhanced: found.enhanced };
    for width in [40, 80, 200] {
        for line in
            render::brief(&found, headline, width).iter().chain(&render::full(&found, headline, width))
        {
            let text = render::plain(line);
            let unbroken = text.split_ascii_whitespace().any(|word| word.len() + 11 > width);
            assert!(text.len() <= width + 8 || unbroken, "{width}: {text}");
            assert!(!text.contains('\n'));
        }
    }
    let lines: Vec<String> = render::brief(&found, headline, 200).iter().map(render::plain).collect();
    assert_eq!(
        lines[0],
        "     permanent · 5.7.1 delivery is not authorized; the message is refused · this server will not relay to example.net"
    );
    assert!(lines[1].starts_with("     why   you have not authenticated"), "{lines:?}");
    assert!(lines[2].starts_with("     try   start TLS, then authenticate: /starttls · or "), "{lines:?}");
    assert!(lines[3].starts_with("     ref   RFC 5321 §3.6.2"), "{lines:?}");
}

#[test]
fn what_a_server_says_stays_harmless() {
    let found = first("550 \u{1b}]0;x\u{7} \u{202e}no\u{200b} such user http://evil.example/\u{1b}[2J");
    let headline = render::Headline::default();
    for line in render::full(&found, headline, 80) {
        assert!(
            render::plain(&line).chars().all(|c| c == ' ' || crate::wire::escape::is_harmless(c)),
            "{line:?}"
        );
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
