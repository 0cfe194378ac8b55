//! One reply reads differently by what came before it, and is shown in a fixed look.

use super::*;

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
        render::brief(&found, render::Headline::default(), 80, &[]),
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
fn an_auth_line_has_a_place_but_shows_no_secret() {
    for (line, column, words) in [
        ("AUTH", 5, "wants a mechanism"),
        ("AUTH PLAIN:", 6, "cannot be the name of a mechanism"),
        (" AUTH PLAIN AHVzZXIAc2VjcmV0", 1, "at the start of the line"),
    ] {
        let found = live("501 5.5.4 Syntax error", line, None, |_| {});
        let place = found.place.as_ref().unwrap_or_else(|| panic!("{line}: {found:?}"));
        assert_eq!((place.at.start + 1, place.what.contains(words)), (column, true), "{line}: {place:?}");
        assert!(!String::from_utf8_lossy(&place.command).contains("AHVz"), "{place:?}");
        assert!(!commands(&found).iter().any(|c| c.contains("AHVz")), "{found:?}");
    }
    let found = live("500 5.5.2 Error: bad syntax", " AUTH PLAIN AHVzZXIAc2VjcmV0", None, |_| {});
    let headline = found.inferred.unwrap().text;
    assert!(headline.ends_with("the command"), "{headline}");
}

#[test]
fn a_recipient_with_mailto_is_mended() {
    let found = live("501 5.1.3 Bad recipient address syntax", "RCPT TO:mailto:a@b.test", None, |_| {});
    assert_eq!(commands(&found)[0], "RCPT TO:<a@b.test>");
}

#[test]
fn an_address_that_needs_smtputf8_is_not_mended_where_it_is_not_offered() {
    let caps = offers(&["SIZE"]);
    let line = "MAIL FROM:<jörg@example.org>";
    let found = live("501 5.1.7 Bad sender address syntax", line, Some(&caps), |_| {});
    assert!(found.causes.iter().any(|cause| cause.contains("which the server does not offer")), "{found:?}");
    assert!(!commands(&found).iter().any(|c| c.contains("SMTPUTF8")), "{found:?}");
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
            render::brief(&found, headline, width, &[]).iter().chain(&render::full(&found, headline, width))
        {
            let text = render::plain(line);
            let unbroken = text.split_ascii_whitespace().any(|word| word.len() + 11 > width);
            assert!(text.len() <= width + 8 || unbroken, "{width}: {text}");
            assert!(!text.contains('\n'));
        }
    }
    let lines: Vec<String> = render::brief(&found, headline, 200, &[]).iter().map(render::plain).collect();
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
