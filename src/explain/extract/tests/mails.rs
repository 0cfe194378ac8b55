//! Bounces, as notifications and in prose.

use super::*;

/// What is expected of a mail: for each reply its reason, code (0: none), enhanced code, recipient and host.
type Expected<'a> = &'a [(&'a str, u16, &'a str, &'a str, &'a str)];

fn expect(mail: &str, expected: Expected<'_>) {
    let told: Vec<_> = all(mail)
        .iter()
        .map(|found| {
            let explanation = explain(&found.situation()).remove(0);
            let enhanced = explanation.enhanced.map(|code| code.to_string()).unwrap_or_default();
            let code = found.reply.code().map_or(0, |code| code.0);
            let (recipient, host) = (found.recipient.clone(), found.host.clone());
            (
                explanation.reason.slug(),
                code,
                enhanced,
                recipient.unwrap_or_default(),
                host.unwrap_or_default(),
            )
        })
        .collect();
    let told: Vec<_> =
        told.iter().map(|(a, b, c, d, e)| (*a, *b, c.as_str(), d.as_str(), e.as_str())).collect();
    assert_eq!(told, expected, "{mail}");
}

/// The fields of a notification about bob@example.net.
fn fields(fields: &str, expected: Expected<'_>) {
    expect(
        &format!(
            "Reporting-MTA: dns; mail.example.org\n\nFinal-Recipient: rfc822; bob@example.net\n{fields}"
        ),
        expected,
    );
}

const BOB: &str = "bob@example.net";
const MX: &str = "mx.example.net";

#[test]
fn what_was_delivered_is_no_failure() {
    fields("Action: relayed\nStatus: 2.1.5\n", &[("ok", 250, "2.1.5", BOB, "")]);
    let delivered = "Action: delivered\nStatus: 2.0.0\nDiagnostic-Code: X-Postfix; delivered to mailbox\n";
    fields(delivered, &[("ok", 250, "2.0.0", BOB, "")]);
    // What a program gives back is no reply code, though it looks like one.
    let program = "Action: failed\nStatus: 5.3.0\nDiagnostic-Code: X-Unix; 255\n";
    fields(program, &[("server-error", 0, "5.3.0", BOB, "")]);
}

#[test]
fn fields_are_read_as_their_grammar_has_them() {
    fields("Status: 5.2.2 (mailbox full)\n", &[("mailbox-full", 0, "5.2.2", BOB, "")]);
    let unknown = "Localized-Status: kein Postfach\nFoo: bar\nStatus: 5.1.1 (bad destination mailbox address)\n\
                   Remote-MTA: dns; mx.example.net. (192.0.2.1, the server for the domain)\n\
                   Diagnostic-Code: smtp; 550 no such person\n";
    fields(unknown, &[("user-unknown", 550, "5.1.1", BOB, MX)]);
    for diagnostic in [
        "\n smtp;550 5.7.1 relaying\n denied",
        "smtp; \"550 5.7.1 relaying denied\"",
        "550 5.7.1 relaying denied; ask the postmaster",
        "smtp; host mx.example.net[192.0.2.1] said: 550 5.7.1 relaying denied",
    ] {
        fields(&format!("Diagnostic-Code: {diagnostic}\n"), &[("relay-denied", 550, "5.7.1", BOB, "")]);
    }
    let folded =
        "Final-Recipient: rfc822;\n <bob@example.net>\nRemote-MTA: dns;\n mx.example.net\nStatus: 5.1.1\n";
    expect(folded, &[("user-unknown", 0, "5.1.1", BOB, MX)]);
}

#[test]
fn a_status_speaks_where_the_reply_says_little() {
    let vague = "Diagnostic-Code: smtp; 550 Requested action not taken\n";
    fields(&format!("Status: 5.1.1\n{vague}"), &[("user-unknown", 550, "5.1.1", BOB, "")]);
    let told = |status: &str| {
        let mail = format!("Final-Recipient: rfc822; {BOB}\nStatus: {status}\n{vague}");
        only(&mail).status.map(|status| status.to_string())
    };
    assert_eq!(told("5.1.1").as_deref(), Some("5.1.1"));
    assert_eq!((told("5.0.0"), told("4.2.2")), (None, None), "it says no more, or something else");
    let own = "Status: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n";
    fields(own, &[("user-unknown", 550, "5.1.1", BOB, "")]);
}

#[test]
fn the_recipient_that_failed_is_the_final_one() {
    let failed = "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n";
    let expected: Expected<'_> = &[("user-unknown", 550, "5.1.1", BOB, "")];
    fields(&format!("Original-Recipient: rfc822;info@example.org\n{failed}"), expected);
    let before =
        format!("Original-Recipient: rfc822;info@example.org\nFinal-Recipient: rfc822; {BOB}\n{failed}");
    expect(&before, expected);
    let two = format!(
        "{before}Original-Recipient: rfc822;x@example.org\nFinal-Recipient: rfc822; b@example.com\nStatus: 5.2.2\n"
    );
    expect(&two, &[expected[0], ("mailbox-full", 0, "5.2.2", "b@example.com", "")]);
    let last = format!("Diagnostic-Code: smtp; 550 5.1.1 User unknown\nFinal-Recipient: rfc822; {BOB}\n");
    expect(&last, expected);
}

#[test]
fn a_recipient_without_more_is_no_other_groups() {
    let mail = format!(
        "Final-Recipient: rfc822; {BOB}\nStatus: 5.1.1\nFinal-Recipient: rfc822; b@example.com\n\n\
                        Diagnostic-Code: smtp; 550 5.2.2 mailbox full\n"
    );
    expect(&mail, &[("user-unknown", 0, "5.1.1", BOB, ""), ("mailbox-full", 550, "5.2.2", "", "")]);
}

#[test]
fn transfer_encodings_are_undone() {
    let report = |encoding: &str, content: &str| {
        format!(
            "Content-Type:\n multipart/report; report-type=delivery-status;\n boundary=\"B1\"\n\n--B1\n\n\
             From what the other server told us: 550 5.1.1 no\n\n--B1\nContent-Type: message/delivery-status\n\
             Content-Transfer-Encoding: {encoding}\n\n{content}\n--B1--\n"
        )
    };
    let expected: Expected<'_> = &[("user-unknown", 550, "5.1.1", BOB, "")];
    let plain = "Final-Recipient: rfc822; bob@example.net\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n";
    expect(&report("7bit", plain), expected);
    let base64 = "RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGJvYkBleGFtcGxlLm5ldApEaWFnbm9zdGljLUNv\n\
                  ZGU6IHNtdHA7IDU1MCA1LjEuMSBVc2VyIHVua25vd24K";
    expect(&report("base64", base64), expected);
    let quoted =
        "Final-Recipient: rfc822; bob=40example.net\nDiagnostic-Code: smtp; 550 5.1.1 User unkn=\nown";
    expect(&report("quoted-printable", quoted), expected);
}

#[test]
fn bounces_in_prose() {
    let postfix = "<bob@example.net>: host mx.example.net[192.0.2.1] said: 550 5.7.1\n    <bob@example.net>: Recipient \
                   address rejected: SPF check failed (in reply to\n    RCPT TO command)\n\n";
    expect(postfix, &[("sender-authentication", 550, "5.7.1", BOB, MX)]);
    let exim = "  bob@example.net\n    host mx.example.net [192.0.2.1]\n    SMTP error from remote mail server after \
                RCPT TO:<bob@example.net>:\n    550-5.1.1 The account\n    550 5.1.1 does not exist\n\n  eve@example.com\n    \
                Unrouteable address\n\n";
    let unrouteable = ("user-unknown", 0, "", "eve@example.com", "");
    expect(exim, &[("user-unknown", 550, "5.1.1", BOB, MX), unrouteable]);
    let older = "  bob@example.net\n    SMTP error from remote mail server after RCPT TO:<bob@example.net>:\n    host \
                 mx.example.net [192.0.2.1]: 550 5.1.1 <bob@example.net>:\n    Recipient address rejected: User unknown\n";
    expect(older, &[("user-unknown", 550, "5.1.1", BOB, MX)]);
    let close = "  bob@example.net\n    host mx.example.net [192.0.2.1]\n    SMTP error from remote mail server after \
                 RCPT TO:<bob@example.net>:\n    550 5.1.1 no such user\n  eve@example.com\n    Unrouteable address\n\n";
    expect(close, &[("user-unknown", 550, "5.1.1", BOB, MX), unrouteable]);
    let qmail = "<bob@example.net>:\n192.0.2.1 does not like recipient.\nRemote host said: 554-5.7.1 Spam\n554 5.7.1 go \
                 away\nGiving up on 192.0.2.1.\n\n<eve@example.com>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- \
                 Below this line is a copy of the message.\n";
    let nobody = ("user-unknown", 0, "5.1.1", "eve@example.com", "");
    expect(qmail, &[("spam", 554, "5.7.1", BOB, "192.0.2.1"), nobody]);
}

#[test]
fn exchange_shows_a_long_reply_over_several_lines() {
    let status = "RecipientStatus : {[{LRT=11/23/2026};{LED=550-5.1.1 The account that you tried\n                    \
                  550-5.1.1 to reach does not exist.\n                    550 5.1.1 Try again };{MSG=};{FQDN=mx.example.net}]}";
    let found = only(status);
    assert_eq!(found.reply.lines().count(), 3);
    assert!(found.reply.text().ends_with("Try again "), "{}", found.reply.text());
}
