//! What is found in a session: AUTH, envelope, limits, good-bye.

use heloise::check::{End, Envelope, Login, Outcome, Plan, Report, Severity};
use heloise::secret::Secret;
use heloise::target::Scheme;

use super::fake::Fake;
use super::registry::{Case, cases, provoke};
use super::{check, ids, plan};
use crate::tls::pki::Pki;

pub const CASES: &[Case] = cases! {
    "auth-in-clear" => submission(|fake| fake.before = vec!["STARTTLS", "AUTH PLAIN LOGIN"], |_| {}).await;
    "auth-not-offered" => submission(|fake| fake.after = vec!["SIZE 50000000"], |_| {}).await;
    "auth-malformed" => submission(|fake| fake.after = vec!["AUTH PLAIN,LOGIN"], |_| {}).await;
    "auth-outdated-only" => submission(|fake| fake.after = vec!["AUTH DIGEST-MD5 NTLM"], |_| {}).await;
    "auth-tokens-only" => submission(|fake| fake.after = vec!["AUTH XOAUTH2 OAUTHBEARER"], |_| {}).await;
    "auth-on-relay" => {
        let pki = Pki::new();
        check(plan(&pki), Scheme::Lmtp, Fake::with_tls(&pki).serve()).await
    };
    "login-withheld" => {
        let (pki, stranger) = (Pki::new(), Pki::named("Strange"));
        let mut plan = plan(&pki);
        plan.login = Some(login(""));
        check(plan, Scheme::Submission, Fake::with_tls(&stranger).serve()).await
    };
    "login-no-mechanism" => submission(|fake| fake.after = vec!["AUTH XOAUTH2"], |plan| plan.login = Some(login(""))).await;
    "login-refused" => submission(|fake| fake.replies.push(("AUTH", "535 5.7.8 bad credentials\r\n")), |plan| {
        plan.login = Some(login(""));
    }).await;
    "login-deferred" => submission(|fake| fake.replies.push(("AUTH", "454 4.7.0 temporary failure\r\n")), |plan| {
        plan.login = Some(login(""));
    }).await;
    "login-unusable" => submission(|_| {}, |plan| plan.login = Some(login("SCRAM-SHA-256-PLUS-PLUS"))).await;
    "login-challenge" => submission(|fake| {
        fake.replies.extend([("AUTH", "334 bm90IGEgc2NyYW0gbWVzc2FnZQ==\r\n"), ("*", "501 5.0.0 cancelled\r\n")]);
    }, |plan| plan.login = Some(login("SCRAM-SHA-256"))).await;
    "sender-refused" => envelope("MAIL", "550 5.7.1 no mail from you\r\n").await;
    "sender-deferred" => envelope("MAIL", "451 4.3.0 later\r\n").await;
    "no-smtputf8" => submission(|_| {}, |plan| {
        plan.envelope = Some(Envelope::new("", &["jürgen@example.org".to_owned()]).unwrap());
    }).await;
    "recipient-refused" => envelope("RCPT", "550 5.1.1 no such user\r\n").await;
    "recipient-deferred" => envelope("RCPT", "451 4.3.0 later\r\n").await;
    "greylisted" => envelope("RCPT", "450 4.7.1 Greylisted, please try again in 5 minutes\r\n").await;
    "open-relay" => relay("250 2.1.5 ok\r\n").await;
    "relay-unclear" => relay("450 4.7.1 later\r\n").await;
    "size-not-told" => submission(|fake| fake.after = vec!["AUTH PLAIN"], |_| {}).await;
    "size-small" => submission(|fake| fake.after = vec!["AUTH PLAIN", "SIZE 1000000"], |_| {}).await;
    "quit-ignored" => submission(|fake| fake.replies.push(("QUIT", "500 never\r\n")), |_| {}).await;
};

#[test]
fn each_fault_of_a_session_is_found() {
    provoke(CASES);
}

async fn submission(change: impl FnOnce(&mut Fake), change_plan: impl FnOnce(&mut Plan)) -> Report {
    let pki = Pki::new();
    let mut plan = plan(&pki);
    change_plan(&mut plan);
    check(plan, Scheme::Submission, Fake::with_tls(&pki).but(change).serve()).await
}

fn login(mechanism: &str) -> Login {
    Login {
        user: "alice".to_owned(),
        authzid: None,
        password: Some(Secret::from("hunter2 and more".to_owned())),
        token: None,
        mechanism: mechanism.to_owned(),
        initial_response: true,
        allow_plaintext: false,
    }
}

/// Only a server that judged the credentials can have refused them.
#[tokio::test]
async fn a_login_that_was_not_judged_is_not_refused() {
    for (reply, mechanism, id, outcome) in [
        ("454 4.7.0 temporary failure\r\n", "", "login-deferred", Outcome::Fine),
        ("334 !!!notbase64\r\n", "SCRAM-SHA-256", "login-challenge", Outcome::Findings),
        ("535 5.7.8 bad credentials\r\n", "", "login-refused", Outcome::AuthRefused),
    ] {
        let report = submission(
            |fake| fake.replies.extend([("AUTH", reply), ("*", "501 5.0.0 cancelled\r\n")]),
            |plan| plan.login = Some(login(mechanism)),
        )
        .await;
        let found = report.findings.first().unwrap();
        assert_eq!((found.id, report.outcome(Severity::Problem)), (id, outcome), "{}", found.line);
        let told = format!("{} {:?} {:?}", found.line, found.causes, found.fixes);
        for wrong in ["cancel with *", "is not offered", "another MX host"] {
            assert!(!told.contains(wrong), "{told}");
        }
    }
}

/// What the server has no extension for is not sent to it; what it can take is tried all the same.
#[tokio::test]
async fn addresses_beyond_ascii_go_only_where_they_may() {
    for (offered, expected) in [
        (false, &["MAIL FROM:<>", "RCPT TO:<BOB@EXAMPLE.ORG>"][..]),
        (true, &["MAIL FROM:<> SMTPUTF8", "RCPT TO:<BOB@EXAMPLE.ORG>", "RCPT TO:<JüRGEN@EXAMPLE.ORG>"]),
    ] {
        let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let of_fake = heard.clone();
        let report = submission(
            |fake| {
                fake.heard = Some(of_fake);
                if offered {
                    fake.after.push("SMTPUTF8");
                }
            },
            |plan| {
                let to = ["bob@example.org".to_owned(), "jürgen@example.org".to_owned()];
                plan.envelope = Some(Envelope::new("", &to).unwrap());
            },
        )
        .await;
        let heard = heard.lock().unwrap().clone();
        let envelope: Vec<&String> =
            heard.iter().filter(|line| line.starts_with("MAIL") || line.starts_with("RCPT")).collect();
        assert_eq!(envelope, expected);
        assert_eq!(ids(&report, Severity::Problem).contains(&"no-smtputf8"), !offered);
    }
}

#[tokio::test]
async fn limits_of_size_that_are_none_are_named() {
    for (line, id, severity) in [
        ("SIZE abc", "protocol-broken", Severity::Note),
        ("SIZE 1024", "size-small", Severity::Warning),
        ("SIZE 1000000", "size-small", Severity::Note),
    ] {
        let report = submission(|fake| fake.after = vec!["AUTH PLAIN", line], |_| {}).await;
        let found: Vec<_> = report.findings.iter().map(|finding| (finding.id, finding.severity)).collect();
        assert_eq!(found, [(id, severity)], "{line}");
    }
}

/// What is not known here is not therefore withdrawn, and what clients cannot read is named.
#[tokio::test]
async fn mechanisms_are_weighed_as_far_as_they_are_known() {
    for (line, expected) in [
        ("AUTH GSSAPI", None),
        ("AUTH X-VENDOR-TOKEN GSS-SPNEGO", None),
        ("AUTH XOAUTH2 GSSAPI", None),
        ("AUTH NTLM", Some("auth-outdated-only")),
        ("AUTH PLAIN,LOGIN", Some("auth-malformed")),
        ("AUTH=PLAIN LOGIN", Some("auth-malformed")),
        ("AUTH", Some("auth-malformed")),
    ] {
        let report = submission(|fake| fake.after = vec![line, "SIZE 50000000"], |_| {}).await;
        let found = ids(&report, Severity::Note);
        let of_auth = found.iter().find(|id| id.starts_with("auth-") && **id != "auth-not-offered");
        assert_eq!(of_auth.copied(), expected, "{line}: {found:?}");
    }
}

/// What a provider refuses after the login is told in its own terms, too.
#[tokio::test]
async fn each_provider_is_known_by_what_it_refuses_in_an_envelope() {
    for (host, command, reply, words) in [
        (
            "smtp.mail.me.com",
            "MAIL",
            "550 5.7.0 From address is not one of your addresses\r\n",
            "icloud account",
        ),
        (
            "smtp.zoho.com",
            "MAIL",
            "553 Relaying disallowed as me@example.net\r\n",
            "no address of the account",
        ),
        (
            "smtp.zoho.com",
            "RCPT",
            "550 5.4.6 Unusual sending activity detected. Please try after sometime\r\n",
            "unblockme",
        ),
        (
            "smtp.fastmail.com",
            "MAIL",
            "551 5.7.1 Not authorised to send from this header address\r\n",
            "sending identity",
        ),
        (
            "smtp.mailgun.org",
            "RCPT",
            "421 Domain sandbox1.mailgun.org is not allowed to send: Free accounts are for test purposes only.\r\n",
            "authorized",
        ),
        (
            "smtp.postmarkapp.com",
            "RCPT",
            "550 You tried to send to a recipient that has been marked as inactive\r\n",
            "suppressions",
        ),
        ("smtp-relay.brevo.com", "MAIL", "502 5.7.0 Your SMTP account is not yet activated.\r\n", "activate"),
        (
            "email-smtp.us-east-1.amazonaws.com",
            "RCPT",
            "554 Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: me@example.net\r\n",
            "sandbox",
        ),
        (
            "smtp.sendgrid.net",
            "MAIL",
            "550 The from address does not match a verified Sender Identity.\r\n",
            "verif",
        ),
    ] {
        let banner = format!("220 {host} ESMTP ready\r\n");
        let report = submission(
            |fake| {
                fake.banner = banner;
                fake.replies.push((command, reply));
            },
            |plan| {
                let to = ["bob@example.org".to_owned()];
                plan.envelope = Some(Envelope::new("me@example.net", &to).unwrap());
            },
        )
        .await;
        let refused = |id: &str| id.starts_with("sender-") || id.starts_with("recipient-");
        let finding = report.findings.iter().find(|finding| refused(finding.id));
        let finding = finding.unwrap_or_else(|| panic!("{host}: {:?}", ids(&report, Severity::Note)));
        let told = format!("{:?} {:?} {:?}", finding.meaning, finding.causes, finding.fixes).to_lowercase();
        assert!(told.contains(words), "{host}: {told}");
    }
}

async fn envelope(command: &'static str, reply: &'static str) -> Report {
    submission(
        |fake| fake.replies.push((command, reply)),
        |plan| {
            plan.envelope = Some(Envelope::new("me@example.net", &["bob@example.org".to_owned()]).unwrap());
        },
    )
    .await
}

async fn relay(reply: &'static str) -> Report {
    submission(
        |fake| fake.replies.push(("RCPT TO:<RELAY-TEST@EXAMPLE.COM>", reply)),
        |plan| plan.relay_test = true,
    )
    .await
}

#[tokio::test]
async fn a_login_that_is_accepted_is_no_finding_and_leaves_no_secret() {
    let report = submission(
        |fake| fake.replies.push(("AUTH PLAIN", "235 2.7.0 welcome\r\n")),
        |plan| plan.login = Some(login("")),
    )
    .await;
    assert_eq!(ids(&report, Severity::Note), Vec::<&str>::new());
    let leg = report.sessions().next().unwrap();
    let stage = leg.stages.iter().find(|stage| stage.name.as_str() == "login").unwrap();
    assert_eq!(stage.summary, "PLAIN · 235 2.7.0 welcome");
    let whole = format!("{:?}", leg.entries().collect::<Vec<_>>());
    assert!(!whole.contains("hunter2") && !whole.contains("AGFsaWNl"), "{whole}");
}

#[tokio::test]
async fn the_end_decides_the_status() {
    let refused = submission(
        |fake| fake.replies.push(("AUTH", "535 5.7.8 bad credentials\r\n")),
        |plan| plan.login = Some(login("")),
    )
    .await;
    assert_eq!(refused.outcome(Severity::Problem), Outcome::AuthRefused);
    assert_eq!(refused.sessions().next().unwrap().end, End::AuthRefused);
    let stages: Vec<&str> = refused.legs[1].stages.iter().map(|stage| stage.name.as_str()).collect();
    assert!(stages.contains(&"quit"), "QUIT is said all the same: {stages:?}");
    let report = envelope("RCPT", "550 5.1.1 no such user\r\n").await;
    assert_eq!(report.outcome(Severity::Problem), Outcome::Findings);
    let deferred = envelope("RCPT", "451 4.3.0 later\r\n").await;
    assert_eq!(deferred.outcome(Severity::Problem), Outcome::Fine);
    assert_eq!(deferred.outcome(Severity::Warning), Outcome::Findings);
}

#[tokio::test]
async fn nothing_is_sent_but_what_was_asked_for() {
    let report = submission(
        |_| {},
        |plan| {
            plan.relay_test = true;
            plan.envelope = Some(Envelope::new("", &["bob@example.org".to_owned()]).unwrap());
        },
    )
    .await;
    let said: Vec<String> = report.legs[1]
        .entries()
        .filter(|entry| entry.arrow() == " ~>")
        .filter_map(|entry| entry.line().map(|line| line.to_visible()))
        .collect();
    assert_eq!(
        said,
        [
            "EHLO client.example.net",
            "MAIL FROM:<relay-test@example.net>",
            "RCPT TO:<relay-test@example.com>",
            "RSET",
            "MAIL FROM:<>",
            "RCPT TO:<bob@example.org>",
            "RSET",
            "QUIT"
        ]
    );
}

#[test]
fn an_address_cannot_smuggle_in_a_command() {
    for bad in ["a@b>\r\nDATA", "a b", "a@b\n", "<a@b"] {
        assert!(Envelope::new(bad, &[]).is_err(), "{bad:?}");
        assert!(Envelope::new("", &[bad.to_owned()]).is_err(), "{bad:?}");
    }
}

/// Providers answer in their own ways to credentials; what they mean is told, and what helps there.
#[tokio::test]
async fn each_provider_is_known_by_its_refusals() {
    for (host, reply, words) in [
        (
            "smtp.gmail.com",
            "535 5.7.8 Username and Password not accepted. For more information, go to support.google.com/mail/?p=BadCredentials\r\n",
            "app password",
        ),
        (
            "smtp.gmail.com",
            "534 5.7.9 Application-specific password required. Learn more at support.google.com/mail/?p=InvalidSecondFactor\r\n",
            "app password",
        ),
        (
            "smtp.office365.com",
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.\r\n",
            "tenant",
        ),
        (
            "email-smtp.us-east-1.amazonaws.com",
            "535 Authentication Credentials Invalid\r\n",
            "smtp credentials",
        ),
        (
            "smtp.sendgrid.net",
            "535 Authentication failed: The provided authorization grant is invalid\r\n",
            "apikey",
        ),
        ("smtp.mail.yahoo.com", "535 5.7.0 (#AUTH005) Too many bad auth attempts.\r\n", "yahoo"),
        (
            "smtp.mail.me.com",
            "535 5.7.8 Error: authentication failed: bad credentials\r\n",
            "app-specific password",
        ),
        (
            "smtp-mail.outlook.com",
            "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.\r\n",
            "oauth",
        ),
        ("smtp.zoho.com", "535 Authentication Failed\r\n", "data centre"),
        ("smtp.fastmail.com", "535 5.7.0 Incorrect username or password\r\n", "app password"),
        (
            "smtp.mailgun.org",
            "535 5.7.0 Mailgun is not loving your login or password\r\n",
            "smtp credentials",
        ),
        ("smtp.postmarkapp.com", "535 5.7.8 Error: authentication failed\r\n", "server api token"),
        ("smtp-relay.brevo.com", "535 5.7.8 Authentication failed\r\n", "smtp key"),
    ] {
        let banner = format!("220 {host} ESMTP ready\r\n");
        let report = submission(
            |fake| {
                fake.banner = banner;
                fake.replies.push(("AUTH", reply));
            },
            |plan| plan.login = Some(login("")),
        )
        .await;
        let finding = report.findings.iter().find(|finding| finding.id == "login-refused").unwrap();
        let told = format!("{:?} {:?} {:?}", finding.meaning, finding.causes, finding.fixes).to_lowercase();
        assert!(told.contains(words), "{host}: {told}");
    }
}
