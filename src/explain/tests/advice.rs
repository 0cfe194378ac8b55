//! What is said and proposed must be true of the situation: each of these was false once.

use super::*;
use crate::session::Phase;
use crate::wire::{Capabilities, CommandLine, Verb};

/// Explains `text` as the answer to `command` in a session.
fn answer(command: &str, text: &str) -> Explanation {
    let (reply, verb) = (reply(text), CommandLine::parse(command.as_bytes()).verb);
    let (of, command) = (Situation::of(&reply), Some(command.as_bytes()));
    let asked = Asked { prompt: true, ..Asked::of("mx.example.org") };
    explain(&Situation { verb: Some(&verb), command, asked, live: true, ..of }).remove(0)
}

fn headline(explanation: &Explanation) -> &str {
    explanation.inferred.as_ref().map_or("", |inferred| &inferred.text)
}

/// All causes and fixes.
fn words(explanation: &Explanation) -> String {
    let fixes = explanation.fixes.iter().map(|fix| fix.text.as_ref());
    explanation.causes.iter().map(|cause| cause.as_ref()).chain(fixes).collect::<Vec<_>>().join("\n")
}

#[test]
fn too_many_errors_are_not_too_many_recipients() {
    let told = first("421 4.7.0 mx.example.org Error: too many errors");
    assert_eq!(headline(&told), "this client made too many errors in this session");
    assert!(!words(&told).contains("more recipients"), "{}", words(&told));
    assert_eq!(told.actor, Actor::Client);
}

#[test]
fn a_mended_command_has_no_fault() {
    let told = answer("RCPT TO:<bob@exa mple.org>", "501 5.1.3 Bad recipient address syntax");
    assert!(!commands(&told).iter().any(|c| c.starts_with("RCPT")), "{:?}", commands(&told));
    let told = answer("RCPT TO:bob@example.org", "501 5.5.2 Syntax error");
    assert_eq!(commands(&told).first(), Some(&"RCPT TO:<bob@example.org>"));
}

#[test]
fn a_refused_argument_is_no_unknown_verb() {
    for (command, text, headline_wanted) in [
        ("RCTP TO:<a@example.org>", "500 5.5.2 Error: command not recognized", "does not know RCTP"),
        ("MAIL FROM:<a@b> X=1", "501 5.5.4 Invalid arguments", "does not take what stands behind MAIL"),
        ("VRFY bob", "502 5.5.1 VRFY not implemented", "has not got VRFY"),
        ("MAIL FROM:<a@b>", "504 5.5.4 Parameter not implemented", "has not got what MAIL asks for"),
        ("MAIL FROM:<a@b> SMTPUTF8", "555 Unsupported option: SMTPUTF8", "does not know a parameter of MAIL"),
    ] {
        let told = answer(command, text);
        assert_eq!(told.reason.slug(), "syntax", "{text}");
        assert!(headline(&told).contains(headline_wanted), "{text}: {}", headline(&told));
    }
}

#[test]
fn help_is_proposed_for_the_verb_that_was_meant() {
    let told = answer("RCTP TO:<a@example.org>", "500 5.5.2 Error: command not recognized");
    assert!(commands(&told).contains(&"/help RCPT"), "{:?}", commands(&told));
    let told = answer("XYZZY", "500 5.5.2 Error: command not recognized");
    assert!(!commands(&told).iter().any(|c| c.starts_with("/help")), "{:?}", commands(&told));
}

#[test]
fn a_refused_greeting_name_is_no_matter_of_reverse_dns() {
    let text = "504 5.5.2 <laptop>: Helo command rejected: need fully-qualified hostname";
    let told = answer("EHLO laptop", text);
    assert!(!words(&told).contains("PTR"), "{}", words(&told));
    assert_eq!(commands(&told).first(), Some(&"EHLO laptop.example.net"));
}

#[test]
fn a_server_that_could_not_ask_does_not_say_no() {
    let rejected = "450 4.1.1 <bob@example.org>: Recipient address rejected: unverified address:";
    for (why, wanted) in [
        ("connect to mx.example.org[192.0.2.1]:25: Connection refused", "could not reach"),
        ("Address verification in progress", "still asking"),
        ("host mx said: 550 user unknown", "does not know the recipient"),
    ] {
        let told = first(&format!("{rejected} {why}"));
        assert!(headline(&told).contains(wanted), "{why}: {}", headline(&told));
    }
}

#[test]
fn causes_are_those_of_the_words() {
    let told = first("501 5.1.7 Bad sender address syntax");
    assert!(!words(&told).contains("does not exist"), "{}", words(&told));
    let told = first("450 4.4.312 DNS query failed");
    assert!(!words(&told).contains("circle"), "{}", words(&told));
    let told = first("4.4.1 connect to mx.example.org[192.0.2.1]:25: Connection timed out");
    assert!(words(&told).contains("firewall") && words(&told).contains("port 25"), "{}", words(&told));
    assert!(words(&told).contains("stays in the queue") && !words(&told).contains("send the message again"));
}

#[test]
fn the_form_of_the_login_is_known() {
    let reply = reply("535 5.7.8 Error: authentication failed");
    let of = |login| {
        let told =
            explain(&Situation { verb: Some(&Verb::Auth), login, live: true, ..Situation::of(&reply) });
        words(&told[0])
    };
    let (full, short, none) = (of(Some("alice@example.test")), of(Some("alice")), of(None));
    assert!(!full.contains("full address") && full.contains("before the @"), "{full}");
    assert!(short.contains("full address") && !short.contains("before the @"), "{short}");
    assert!(none.contains("full address") && none.contains("before the @"), "{none}");
}

#[test]
fn a_missing_sender_is_not_the_null_sender() {
    let reply = reply("503 5.5.1 Error: need MAIL command");
    let caps = Capabilities::default();
    let of = |sender_before| {
        let situation = Situation {
            verb: Some(&Verb::Rcpt),
            phase: Phase::Ready,
            capabilities: Some(&caps),
            sender_before,
            live: true,
            ..Situation::of(&reply)
        };
        let told = explain(&situation).remove(0);
        commands(&told).first().map(|c| (*c).to_owned())
    };
    assert_eq!(of(None).as_deref(), Some("MAIL FROM:<you@example.org>"));
    assert_eq!(of(Some("bob@example.org")).as_deref(), Some("MAIL FROM:<bob@example.org>"));
}

#[test]
fn a_number_that_is_no_code_is_called_so() {
    let told = first("999");
    assert!(headline(&told).contains("999 is no reply code"), "{}", headline(&told));
    let lines = render::full(&told, render::Headline::default(), 80);
    assert!(!render::plain(&lines[0]).trim().is_empty(), "the headline is empty");
    assert_ne!(told.actor, Actor::Nobody);
}

#[test]
fn a_positive_code_of_another_command_is_not_right() {
    for (command, text, expected) in [
        ("STARTTLS", "250 ok", "220"),
        ("QUIT", "250 ok", "221"),
        ("EHLO a.example", "354 go on", "250"),
        ("NOOP", "334 more", "250"),
        ("MAIL FROM:<a@b.example>", "354 go on", "250"),
        ("DATA", "250 ok", "354"),
    ] {
        let told = answer(command, text);
        assert_eq!(told.reason.slug(), "unexpected-code", "{command}: {text}");
        assert!(headline(&told).ends_with(expected), "{command}: {}", headline(&told));
        let of_starttls = told.sources.iter().any(|source| source.contains("RFC 3207"));
        assert_eq!(of_starttls, command == "STARTTLS", "{command}: {:?}", told.sources);
    }
    assert_eq!(answer("RCPT TO:<a@b.example>", "251 will forward").reason, Reason::OK);
}

/// The codes that a session takes without a word are those that the tables expect.
#[test]
fn tables_and_session_expect_the_same_codes() {
    use crate::session::{Input, success_codes};
    for row in tables::commands() {
        let verb = CommandLine::parse(row.verb.as_bytes()).verb;
        if let Some(codes) = success_codes(Input::of(&verb, false), Some(&verb)) {
            assert_eq!(row.expected, codes, "{}", row.verb);
        }
    }
}

/// Explains a failure of TLS with a target as it would be typed.
fn tls_failure(words: &str, target: &str, starttls: bool) -> Explanation {
    explain_failure(&Failure::Tls(words.into()), Asked { starttls, ..Asked::of(target) })
}

#[test]
fn the_mode_that_failed_is_not_proposed_again() {
    for words in ["wrong version number", "closed during the handshake"] {
        let told = tls_failure(words, "127.0.0.1:2587", true);
        assert!(!commands(&told).iter().any(|c| c.contains("--starttls")), "{words}: {:?}", commands(&told));
        let told = tls_failure(words, "smtps://127.0.0.1:2465", false);
        assert!(
            commands(&told).contains(&"heloise --starttls smtp://127.0.0.1:2465"),
            "{:?}",
            commands(&told)
        );
    }
}

#[test]
fn a_proposal_keeps_port_and_mode() {
    let told = tls_failure("certificate verify failed (self-signed certificate)", "127.0.0.1:2601", true);
    assert!(
        commands(&told).contains(&"heloise --insecure --starttls 127.0.0.1:2601"),
        "{:?}",
        commands(&told)
    );
    let told =
        tls_failure("certificate verify failed (self-signed certificate)", "smtps://127.0.0.1:2601", false);
    assert!(commands(&told).contains(&"heloise --insecure smtps://127.0.0.1:2601"), "{:?}", commands(&told));
    let refused = |target| explain_failure(&Failure::ConnectionRefused, Asked::of(target));
    assert!(!commands(&refused("localhost:587")).iter().any(|c| c.contains("submission")));
    assert!(!commands(&refused("submission://localhost")).iter().any(|c| c.contains("submission")));
    assert_eq!(
        commands(&refused("localhost:1")),
        ["heloise submission://localhost", "heloise smtps://localhost"]
    );
}

#[test]
fn a_proposal_repeats_the_options_of_the_session_once() {
    let options = ["-4", "--ca 'my ca.pem'", "--verify-name mx.example.org"].map(str::to_owned);
    let of = |failure: Failure, prompt| {
        let asked = Asked { options: &options, prompt, ..Asked::of("192.0.2.1:2525") };
        commands(&explain_failure(&failure, asked)).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let unverified = || Failure::Tls("certificate verify failed (self-signed certificate)".into());
    let told = of(unverified(), false);
    let insecure = "heloise -4 --ca 'my ca.pem' --verify-name mx.example.org --insecure 192.0.2.1:2525";
    assert!(told.iter().any(|c| c == insecure), "{told:?}");
    let ca = "heloise -4 --verify-name mx.example.org --ca FILE 192.0.2.1:2525";
    assert!(told.iter().any(|c| c == ca), "{told:?}");
    assert!(of(unverified(), true).iter().all(|c| !c.contains("-4")));
    let told = of(Failure::ConnectTimedOut, false);
    assert!(told.iter().all(|c| !(c.contains("-6") && c.contains("-4"))), "{told:?}");
}

#[test]
fn helper_commands_are_for_a_prompt() {
    let reply = reply("530 5.7.0 Must issue a STARTTLS command first");
    let caps = offers(&["STARTTLS"]);
    let of = |asked| {
        let of = Situation { capabilities: Some(&caps), live: true, asked, ..Situation::of(&reply) };
        commands(&explain(&of).remove(0)).first().map(|c| (*c).to_owned())
    };
    let asked = Asked::of("mx.example.org:2587");
    assert_eq!(of(asked).as_deref(), Some("heloise --starttls mx.example.org:2587"));
    assert_eq!(of(Asked { prompt: true, ..asked }).as_deref(), Some("/starttls"));
    assert!(commands(&first("502 5.5.2 command not recognized")).iter().all(|c| !c.starts_with('/')));
}

#[test]
fn looked_up_words_are_folded_at_blanks() {
    for width in [40, 60, 100] {
        for word in ["RCPT", "550", "SCRAM-SHA-256", "relay-denied"] {
            for line in lookup(word).iter().flat_map(|entry| entry.lines(width)) {
                let text = render::plain(&line);
                let long_word = text.split(' ').any(|word| word.len() + 17 > width);
                assert!(text.chars().count() <= width.max(37) || long_word, "{width}: {text}");
            }
        }
    }
}

#[test]
fn a_new_address_that_the_reply_names_can_be_typed() {
    let told = |text: &str| {
        let reply = reply(text);
        let situation = Situation {
            verb: Some(&Verb::Rcpt),
            recipient: Some("bob@example.org"),
            live: true,
            ..Situation::of(&reply)
        };
        explain(&situation).remove(0)
    };
    for named in [
        "551 User not local; please try <moved@example.net>",
        "551 5.1.6 <Bob@Example.org> is now <moved@example.net>",
    ] {
        assert_eq!(commands(&told(named)), ["RCPT TO:<moved@example.net>"], "{named}");
    }
    // What would mean something to a shell, or is the same address, is not proposed.
    for odd in
        ["551 try <$(id)@example.net>", "551 5.1.6 <bob@example.org> has moved", "551 5.1.6 moved away"]
    {
        assert_eq!(commands(&told(odd)), [""; 0], "{odd}");
        assert!(words(&told(odd)).contains("if it names one"), "{odd}");
    }
}

#[test]
fn proposals_have_numbers_in_brief_where_there_is_a_choice() {
    let told = answer("NOOP", "502 5.5.1 NOOP not implemented");
    let brief = |numbers: &[Option<usize>]| {
        let lines = render::brief(&told, render::Headline::default(), 200, numbers);
        lines.iter().map(render::plain).find(|line| line.contains("try")).unwrap_or_default()
    };
    assert!(brief(&[Some(1), Some(2)]).contains("try   1. look at the syntax: /help NOOP · or 2. "));
    for one in [&[Some(1), None, Some(2)][..], &[]] {
        assert!(!brief(one).contains("1. "), "{}", brief(one));
    }
}

#[test]
fn things_are_found_by_the_names_that_others_have_for_them() {
    for (name, kind, found) in [
        ("ECONNREFUSED", "failure", "connection-refused"),
        ("connection refused", "failure", "connection-refused"),
        ("nxdomain", "failure", "no-such-name"),
        ("no route to host", "failure", "unreachable"),
        ("tls alert 48", "TLS failure", "unknown-ca"),
        ("alert unknown_ca", "TLS failure", "unknown-ca"),
        ("BODY", "parameter", "BODY="),
        ("notify", "parameter", "NOTIFY="),
        ("x.7.26", "enhanced status code", "5.7.26"),
    ] {
        let entries = lookup(name);
        let fits = |entry: &&Entry| entry.kind == kind && entry.name.starts_with(found);
        assert!(entries.iter().any(|entry| fits(&entry)), "{name}: {entries:#?}");
    }
    assert!(lookup("48").is_empty() && lookup("alert 999").is_empty());
}

#[test]
fn a_provider_means_by_a_code_what_it_says() {
    let text = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup";
    let reply = reply(text);
    let told = explain(&Situation::of(&reply)).remove(0);
    let headline = render::Headline { code: reply.code(), enhanced: reply.enhanced() };
    let first = render::plain(&render::brief(&told, headline, 200, &[])[0]);
    assert_eq!(first.trim(), "permanent · 5.1.10 · there is no such recipient in the tenant");
}

#[test]
fn who_hands_mail_in_is_sent_to_the_port_for_that() {
    let reply = reply("535 5.7.8 Username and Password not accepted");
    let verb = Verb::Auth;
    let situation = Situation { verb: Some(&verb), host: Some("smtp.gmail.com"), ..Situation::of(&reply) };
    let told = explain(&situation).remove(0);
    let command = told.fixes.iter().find_map(|fix| fix.command.as_deref());
    assert_eq!(command, Some("heloise --auth PLAIN --starttls submission://smtp.gmail.com"));
}
