use super::super::write::write_entry;
use super::super::{EntryKind, Reader, Writer};
use super::*;

/// `\0alice@example.org\0hunter2hunter2`
const PLAIN: &str = "AGFsaWNlQGV4YW1wbGUub3JnAGh1bnRlcjJodW50ZXIy";
/// `hunter2hunter2`
const PASSWORD: &str = "aHVudGVyMmh1bnRlcjI=";

fn read(text: &str) -> Imported {
    import(text.replace("PLAIN64", PLAIN).replace("PASS64", PASSWORD).as_bytes(), None).unwrap()
}

/// The entries as they are written, without times.
fn shown(imported: &Imported) -> String {
    let mut out = Vec::new();
    for entry in &imported.entries {
        write_entry(&mut out, &Entry { at: None, kind: entry.kind.clone() });
    }
    let text = String::from_utf8(out).unwrap();
    for secret in [PLAIN, PASSWORD, "hunter2"] {
        assert!(!text.contains(secret), "{text}");
    }
    text
}

#[test]
fn swaks_output_with_all_its_arrows() {
    let imported = read(
        "=== Trying 192.0.2.10:587...\n=== Connected to mx.example.org.\n<-  220 mx.example.org ESMTP\n -> EHLO laptop\n\
         <-  250-mx.example.org\n<-  250 STARTTLS\n -> STARTTLS\n<-  220 go\n=== TLS started with cipher TLSv1.3:TLS_AES_256_GCM_SHA384:256\n\
         === TLS no local certificate set\n=== TLS peer DN=\"/CN=mx.example.org\"\n ~> EHLO laptop\n<~  250 AUTH PLAIN\n ~> AUTH PLAIN PLAIN64\n\
         <~* 535 5.7.8 no\n*** No authentication type succeeded\n ~> QUIT\n<~  221 bye\n=== Connection closed with remote host.\n",
    );
    assert_eq!((imported.source, imported.redacted, imported.comments), (Source::Swaks, 1, 1));
    assert_eq!(
        shown(&imported),
        "=== connected 192.0.2.10:587\n<-  220 mx.example.org ESMTP\n -> EHLO laptop\n\
         <-  250-mx.example.org\n<-  250 STARTTLS\n -> STARTTLS\n<-  220 go\n# TLS no local certificate set\n\
         === tls TLSv1.3 TLS_AES_256_GCM_SHA384 subject=\"/CN=mx.example.org\"\n ~> EHLO laptop\n<~  250 AUTH PLAIN\n\
         \x20~> AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"}\n<~* 535 5.7.8 no\n*** No authentication type succeeded\n\
         \x20~> QUIT\n<~  221 bye\n=== closed by=client\n"
    );
}

#[test]
fn curl_with_tls_and_a_login() {
    let imported = read(
        "*   Trying 192.0.2.10:587...\n* Connected to mx.example.org (192.0.2.10) port 587\n< 220 mx\n> EHLO x\n< 250 STARTTLS\n\
         > STARTTLS\n< 220 go\n* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384 / x25519 / RSASSA-PSS\n*  subject: CN=mx.example.org\n\
         *  SSL certificate verify ok.\n> EHLO x\n< 250 AUTH LOGIN\n> AUTH LOGIN\n< 334 VXNlcm5hbWU6\n> YWxpY2U=\n< 334 UGFzc3dvcmQ6\n\
         > PASS64\n< 235 ok\n> DATA\n< 354 go\n} [120 bytes data]\n< 250 queued\n* Closing connection\ncurl: (67) Login denied\n",
    );
    assert_eq!((imported.source, imported.redacted), (Source::Curl, 2));
    let text = shown(&imported);
    assert!(text.contains("=== connected 192.0.2.10:587\n"));
    assert!(
        text.contains(
            "=== tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified=yes subject=\"CN=mx.example.org\"\n ~> EHLO x\n"
        ),
        "{text}"
    );
    assert!(text.contains("{secret sasl=LOGIN what=user user=\"alice\"}\n<~  334"));
    assert!(text.contains(" ~> {secret sasl=LOGIN what=password}\n<~  235 ok\n"));
    assert!(text.contains(" ~> {content not shown}\n ~> .\n<~  250 queued\n"), "{text}");
    assert!(text.ends_with("=== closed by=client\n*** (67) Login denied\n"));
}

#[test]
fn curl_knows_both_ways_to_say_connected_and_failed_checks() {
    let imported = read(
        "* Established connection to mx.example.org (2001:db8::1 port 465) from 2001:db8::2 port 4000\n\
         * SSL certificate verify result: self-signed certificate (18), continuing anyway.\n< 220 mx\n> QUIT\n< 221 x\n",
    );
    let expected = "=== connected [2001:db8::1]:465\n=== tls - - verified=no why=\"self-signed certificate (18)\" insecure=yes\n<~  220 mx\n ~> QUIT\n<~  221 x\n";
    assert_eq!(shown(&imported), expected);
}

#[test]
fn msmtp_debug_output() {
    let imported = read(
        "loaded user configuration file .msmtprc\npassword = *\n<-- 220 mx\n--> EHLO localhost\n<-- 250 STARTTLS\n--> STARTTLS\n<-- 220 go\n\
         TLS session parameters:\n    (TLS1.3)-(ECDHE-SECP256R1)-(RSA-PSS-RSAE-SHA256)-(AES-256-GCM)\n--> EHLO localhost\n<-- 250 AUTH PLAIN\n\
         --> AUTH PLAIN PLAIN64\n<-- 535 5.7.8 no\nmsmtp: authentication failed (method PLAIN)\n",
    );
    assert_eq!((imported.source, imported.redacted), (Source::Msmtp, 1));
    let text = shown(&imported);
    assert!(text.contains("=== tls TLSv1.3 (TLS1.3)-(ECDHE"), "{text}");
    assert!(text.contains("*** authentication failed (method PLAIN)\n"));
}

#[test]
fn smtplib_with_the_time_of_day() {
    let imported = read(
        "23:59:59.500000 connect: ('mx.example.org', 25)\n23:59:59.500000 connect: to ('mx.example.org', 25) None\n23:59:59.600000 reply: b'220 mx\\r\\n'\n\
         23:59:59.600000 reply: retcode (220); Msg: b'mx'\n00:00:00.100000 send: 'AUTH PLAIN PLAIN64\\r\\n'\n00:00:00.200000 reply: b'235 ok\\r\\n'\n\
         00:00:01.000000 send: 'data\\r\\n'\n00:00:01.000000 reply: b'354 go\\r\\n'\n00:00:01.100000 send: b'Subject: caf\\xc3\\xa9 \\\\ \\'x\\'\\r\\n\\r\\n..\\r\\n.\\r\\n'\n\
         00:00:01.200000 reply: b'250 ok\\r\\n'\n",
    );
    assert_eq!((imported.source, imported.redacted), (Source::Smtplib, 1));
    let text = shown(&imported);
    assert!(text.contains(" -> Subject: caf\u{e9} \\\\ 'x'\n ->\n -> ..\n -> .\n<-  250 ok\n"), "{text}");
    let times: Vec<_> = imported.entries.iter().filter_map(|entry| entry.at).collect();
    assert_eq!(times.first(), Some(&Duration::ZERO));
    assert_eq!(times.last(), Some(&Duration::from_millis(1700)));
}

#[test]
fn postfix_tells_it_from_the_other_side() {
    let imported = read(
        "Transcript of session follows.\n\n Out: 220 mx.example.org ESMTP Postfix\n In:  EHLO x\n Out: 250 mx.example.org\n In:  MAIL FROM:<a@x>\n\
         \x20Out: 451 4.3.0 Error: queue file write error\n\nSession aborted, reason: lost connection\n\nFor other details, see the local mail logfile\n",
    );
    assert_eq!((imported.source, imported.comments), (Source::Postfix, 2));
    let text = shown(&imported);
    assert!(
        text.contains(
            " -> MAIL FROM:<a@x>\n<** 451 4.3.0 Error: queue file write error\n*** lost connection\n"
        ),
        "{text}"
    );
}

#[test]
fn letters_as_in_an_rfc() {
    let imported = read(
        "   S: 220 foo.com\n   C: EHLO bar.com\n   S: 250-foo.com\n   S: 250 STARTTLS\n   C: STARTTLS\n   S: 220 go ahead\n   C: <starts TLS negotiation>\n\
         \x20  C: AUTH PLAIN PLAIN64\n   S: 235 ok\nand so on\n",
    );
    assert_eq!((imported.source, imported.redacted, imported.comments), (Source::Letters, 1, 2));
    let text = shown(&imported);
    assert!(text.contains("=== tls - -\n ~> AUTH PLAIN {secret sasl=PLAIN"), "{text}");
}

#[test]
fn letters_go_on_below_where_a_page_is_too_narrow() {
    let imported = read(
        "   S: <waits for connection on TCP port 25>\n   S: 220 mx\n   C: EHLO x\n   S: 250 mx says a hello that is\n         quite long\n\
         \x20  C: RCPT TO:<a@b> \\\n        NOTIFY=SUCCESS\n        ORCPT=rfc822;a@b\n   S: 250 ok\n     (a remark)\n   C: BDAT 86 LAST\n   C: To: you<CR><LF>\n\
         \x20  S: 250 OK 86 octets received\n   C: DATA\n   S: 354 go\n   C: Blah\n        ...\n   C: .\n   S: 250 ok\n",
    );
    assert_eq!((imported.source, imported.comments), (Source::Letters, 3));
    assert_eq!(
        shown(&imported),
        "#    S: <waits for connection on TCP port 25>\n<-  220 mx\n -> EHLO x\n<-  250 mx says a hello that is quite long\n\
         \x20-> RCPT TO:<a@b> NOTIFY=SUCCESS ORCPT=rfc822;a@b\n<-  250 ok\n#      (a remark)\n -> BDAT 86 LAST\n -> To: you<CR><LF>\n\
         <-  250 OK 86 octets received\n -> DATA\n<-  354 go\n -> Blah\n#         ...\n -> .\n<-  250 ok\n"
    );
}

#[test]
fn a_message_that_is_not_shown_gets_no_dot_it_never_had() {
    let imported =
        read("> BDAT 5\n< 250 ok\n> BDAT 9 LAST\n< 250 ok\n> DATA\n< 354 go\n> a line\n< 250 ok\n");
    let expected = " -> BDAT 5\n -> {content not shown}\n<-  250 ok\n -> BDAT 9 LAST\n -> {content not shown}\n<-  250 ok\n -> DATA\n<-  354 go\n -> a line\n -> .\n<-  250 ok\n";
    assert_eq!(shown(&imported), expected);
}

#[test]
fn a_screen_of_telnet() {
    let imported = read(
        "Trying 192.0.2.10...\nConnected to mx.example.org.\nEscape character is '^]'.\n220 mx ESMTP\nEHLO x\n250-mx\n250 AUTH LOGIN\nMAIl FORM:<a@x>\n\
         501 5.5.4 Syntax\nXCLIENT NAME=x\n550 no\nAUTH LOGIN\n334 VXNlcm5hbWU6\nYWxpY2U=\n334 UGFzc3dvcmQ6\nPASS64\n235 ok\nDATA\n354 go\n250 is not a reply here\n\n.\n250 ok\n\
         QUIT\n221 bye\nConnection closed by foreign host.\n",
    );
    assert_eq!((imported.source, imported.redacted, imported.comments), (Source::Paste, 2, 1));
    let text = shown(&imported);
    assert!(text.contains(" -> MAIl FORM:<a@x>\n<** 501"));
    assert!(text.contains(" -> XCLIENT NAME=x\n<** 550 no\n"));
    assert!(text.contains(" -> 250 is not a reply here\n ->\n -> .\n<-  250 ok\n -> QUIT\n"), "{text}");
    assert!(text.ends_with("=== closed by=server\n"));
}

#[test]
fn a_screen_of_s_client() {
    let imported = read(
        "CONNECTED(00000003)\ndepth=0 CN = mx.example.org\nverify error:num=18:self-signed certificate\n---\nCertificate chain\n---\nsubject=CN = mx.example.org\nissuer=CN = mx.example.org\n---\n\
         New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\nVerify return code: 18 (self-signed certificate)\n    Master-Key: 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n---\n250 CHUNKING\nEHLO x\n250 AUTH PLAIN\n\
         AUTH PLAIN PLAIN64\n235 ok\nread R BLOCK\nQUIT\n221 bye\nclosed\n",
    );
    assert_eq!((imported.source, imported.redacted), (Source::Paste, 2));
    let text = shown(&imported);
    let tls = "=== tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified=no why=\"18 (self-signed certificate)\" subject=\"CN = mx.example.org\" issuer=\"CN = mx.example.org\"\n<~  250 CHUNKING\n";
    assert!(text.contains(tls), "{text}");
    assert!(text.contains("Master-Key: {secret what=\"TLS session key\"}"), "{text}");
}

#[test]
fn answers_typed_ahead_of_their_challenges_are_answers() {
    let ahead = "EHLO x\nAUTH LOGIN\nYWxpY2U=\nPASS64\nMAIL FROM:<a@x.example>\n";
    let told = "250 AUTH LOGIN\n334 VXNlcm5hbWU6\n334 UGFzc3dvcmQ6\n235 ok\n250 sender ok\n";
    for text in [format!("220 mx\n{ahead}{told}"), format!("Trying 192.0.2.10...\n{ahead}\n220 mx\n{told}")] {
        let imported = read(&text);
        assert_eq!((imported.source, imported.redacted), (Source::Paste, 2));
        let text = shown(&imported);
        let answers = " -> AUTH LOGIN\n -> {secret sasl=LOGIN what=user user=\"alice\"}\n -> {secret sasl=LOGIN what=password}\n -> MAIL";
        assert!(
            text.contains(answers)
                && text.contains(told.split_once('\n').unwrap().1.split_once('\n').unwrap().0),
            "{text}"
        );
        assert!(!text.contains("not shown"), "{text}");
    }
}

#[test]
fn what_the_login_tells_is_masked_wherever_it_stands() {
    let text = "$ curl smtp://alice:hunter2hunter2@mx.example.org\n$ printf '\\0alice\\0hunter2hunter2' | base64\n\
        220 mx\nEHLO x\n250 AUTH LOGIN PLAIN\nAUTH LOGIN\n334 VXNlcm5hbWU6\nYWxpY2U=\n334 UGFzc3dvcmQ6\nPASS64\n\
        535 5.7.8 alice has another than PASS64, or hunter2hunter2\nQUIT\n221 bye\nhe typed hunter2hunter2\n";
    let imported = read(text);
    assert_eq!(imported.redacted, 7);
    let text = shown(&imported);
    assert!(text.contains("# $ curl smtp://alice:{secret}@mx.example.org\n"), "{text}");
    assert!(text.contains("alice has another than {secret echo}, or {secret echo}\n"), "{text}");
    // The digest of CRAM-MD5 does not give the password away, but the command has it.
    let imported = read(
        "% swaks --auth-password hunter2hunter2 -a CRAM-MD5\n    password       = 'hunter2hunter2'\n<-  220 mx\n<** 500 hunter2hunter2\n",
    );
    assert_eq!(imported.redacted, 3, "{}", shown(&imported));
}

#[test]
fn an_exchange_without_its_beginning_has_no_secret_left() {
    for (server, client, end) in [
        ("<-  ", " -> ", ""),
        ("< ", "> ", ""),
        ("<-- ", "--> ", ""),
        ("", "", ""),
        ("S: ", "C: ", ""),
        ("reply: b'", "send: '", "\\r\\n'"),
    ] {
        let lines = [
            format!("{server}334 UGFzc3dvcmQ6{end}"),
            format!("{client}PASS64{end}"),
            format!("{server}535 no{end}"),
        ];
        for from in 0..2 {
            let imported = read(&lines[from..].join("\n"));
            assert_eq!(imported.redacted, 1, "{}", shown(&imported));
        }
        // Nor where it begins with AUTH, and the greeting is missing.
        let begun = read(&[format!("{client}AUTH LOGIN{end}"), lines.join("\n")].join("\n"));
        assert!(shown(&begun).contains("{secret sasl=LOGIN what=password}"), "{}", shown(&begun));
    }
    let cut = read(
        "reply: b'334 UGFzc3dvcmQ6\\r\\n'\nreply: retcode (334); Msg: b'UGFzc3dvcmQ6'\nsend: 'aHVudGVyMmh1bnRlcjI\n",
    );
    assert!(shown(&cut).ends_with("Msg: b'UGFzc3dvcmQ6'\n# send: '{secret}\n"), "{}", shown(&cut));
}

#[test]
fn an_exchange_told_in_words_has_no_secret_left() {
    for text in [
        "SERVER -> CLIENT: 250-mx\n250 AUTH LOGIN\nCLIENT -> SERVER: AUTH LOGIN\nSERVER -> CLIENT: 334 VXNlcm5hbWU6\nCLIENT -> SERVER: YWxpY2U=\n\
         SERVER -> CLIENT: 334 UGFzc3dvcmQ6<br>\nCLIENT -> SERVER: PASS64<br>\nSERVER -> CLIENT: 535 PASS64\n",
        "* Trying\n<= Recv header, 18 bytes (0x12)\n0000: 334 UGFzc3dvcmQ6\n=> Send header, 18 bytes (0x12)\n0000: PASS64\n* hunter2hunter2\n",
        "<-  220 mx\nAUTH LOGIN\n<-  334 UGFzc3dvcmQ6\nPASS64\n<-  535 hunter2hunter2\n",
        "<-  220 mx\nDEBUG: sends AUTH PLAIN PLAIN64\nDEBUG: or AUTH PLAIN cannotbedecoded=\n",
    ] {
        let imported = read(text);
        assert!(imported.redacted >= 2, "{}", shown(&imported));
        assert!(!shown(&imported).contains("cannotbe"), "{}", shown(&imported));
    }
}

#[test]
fn words_of_remarks_are_no_secrets_to_hunt_for() {
    let imported = read(
        "Testing AUTH PLAIN authentication\n=== AUTH CRAM-MD5 supported\n    hide password = FALSE\n    debug = FALSE\n\
         password = required\n=== TLS supported\n<-  220 mx\n -> AUTH PLAIN PLAIN64\n<** 535 5.7.8 authentication failed\n\
         -> QUIT\n<-  221 2.0.0 authentication bye, password required\nAUTH PLAIN failed\n",
    );
    let text = shown(&imported);
    assert_eq!(imported.redacted, 1, "{text}");
    assert!(text.contains("# Testing AUTH PLAIN authentication\n"), "{text}");
    assert!(text.contains("<** 535 5.7.8 authentication failed\n"), "{text}");
    assert!(text.contains("2.0.0 authentication bye, password required\n"), "{text}");
    assert!(text.ends_with("# AUTH PLAIN failed\n"), "{text}");
    // What may be a secret is masked where it stands, and nowhere else.
    let imported = read(
        "we tried AUTH PLAIN somewhere\npassword = nowhere\n<-  220 mx\n -> EHLO x\n<-  250 somewhere or nowhere\n",
    );
    let text = shown(&imported);
    assert!(
        text.starts_with("# we tried AUTH PLAIN {secret sasl=PLAIN no-base64}\n# password = {secret}\n"),
        "{text}"
    );
    assert!(text.ends_with("<-  250 somewhere or nowhere\n"), "{text}");
}

#[test]
fn commands_before_a_session_without_login_keep_no_secret() {
    let session = "220 mx\nEHLO x\n250 s3cr3t-Pa55word alice\nQUIT\n221 bye\n";
    for (command, sure) in [
        ("$ HELOISE_PASSWORD='s3cr3t-Pa55word' heloise mx", true),
        ("$ export SMTP_PASS=s3cr3t-Pa55word", true),
        ("$ curl -ualice:s3cr3t-Pa55word smtp://mx", true),
        ("$ swaks -ap 's3cr3t'-'Pa55word' -s mx", true),
        ("s.login('alice', 's3cr3t-Pa55word')", true),
        ("$ printf '\\0alice\\0s3cr3t-Pa55word' | base64\nAGFsaWNlAHMzY3IzdC1QYTU1d29yZA==", true),
        ("$ echo -n s3cr3t-Pa55word | base64\nczNjcjN0LVBhNTV3b3Jk", false),
    ] {
        let imported = read(&format!("{command}\n{session}"));
        let text = shown(&imported);
        let (before, wire) = text.split_once("<-  220").unwrap();
        assert!(
            !before.contains("Pa55word") && !before.contains("YTU1d29yZ") && !before.contains("czNj"),
            "{text}"
        );
        assert!(before.contains("{secret"), "{text}");
        assert_eq!(wire.contains("250 {secret echo} alice\n"), sure, "{text}");
    }
    // Credentials that come from nobody knows where tell what is secret in them.
    let imported =
        read("$ ./credentials\nAGFsaWNlAHMzY3IzdC1QYTU1d29yZA==\n220 mx\nHELO x\n500 s3cr3t-Pa55word\n");
    assert!(shown(&imported).ends_with("500 {secret echo}\n"), "{}", shown(&imported));
    // What may be the user's name is not hunted for, nor is a line that follows later a credential.
    let imported = read(&format!("$ echo -n alice | base64\nYWxpY2U=\nconnecting\n{session}"));
    let text = shown(&imported);
    assert!(text.starts_with("# $ echo -n {secret} | base64\n# {secret}\n# connecting\n"), "{text}");
}

#[test]
fn tokens_in_lines_of_the_session_are_taken_out() {
    let imported = read(
        "C: DATA\nS: 354 go\nC: Authorization: Bearer abcdefghijklmnopqrst\nC: .\nS: 250 X-Api-Key: 0123456789abcdef\n",
    );
    assert_eq!(imported.redacted, 2);
    let text = shown(&imported);
    assert!(text.contains("Bearer {secret what=\"bearer token\"}\n"), "{text}");
    assert!(text.contains("250 X-Api-Key: {secret what=\"API key in a header\"}\n"), "{text}");
}

#[test]
fn what_a_narrow_screen_broke_is_known_as_a_whole() {
    let imported = read("hunter2hunter2 it is\n220 mx\nAUTH PLAIN AGFsaWNlAGh1bnRl\ncjJodW50ZXIy\n535 no\n");
    assert!(shown(&imported).starts_with("# {secret echo} it is\n"), "{}", shown(&imported));
}

#[test]
fn quotations_and_blocks_of_code_are_read_as_what_they_hold() {
    let swaks = "=== Trying 192.0.2.10:25...\n=== Connected to mx.example.org.\n<-  220 mx\n -> AUTH LOGIN\n<-  334 UGFzc3dvcmQ6\n -> PASS64\n<** 535 no\n";
    let curl = "* Connected to mx.example.org (192.0.2.10) port 25\n< 220 mx\n> AUTH LOGIN\n< 334 UGFzc3dvcmQ6\n> PASS64\n< 535 no\n";
    let paste = "220 mx\nAUTH LOGIN\n334 UGFzc3dvcmQ6\nPASS64\n535 no\n";
    for (text, source) in [(swaks, Source::Swaks), (curl, Source::Curl), (paste, Source::Paste)] {
        let plain = read(text);
        for before in ["> ", "    ", "\t", "> > ", ">> ", ">     "] {
            let quoted = format!(
                "Dear all,\n\n{before}{}\n\nWhat now?\n",
                text.trim_end().replace('\n', &format!("\n{before}"))
            );
            let imported = read(&quoted);
            assert_eq!((imported.source, imported.redacted, imported.comments), (source, 1, 2), "{quoted}");
            let session = shown(&imported).replace("# Dear all,\n", "").replace("# What now?\n", "");
            assert_eq!(session, shown(&plain), "{quoted}");
            assert_eq!(
                import(quoted.replace("PASS64", PASSWORD).as_bytes(), Some(source)).unwrap().redacted,
                1
            );
        }
    }
    // What is quoted within a message stays so.
    let message = "220 mx\nDATA\n354 go\n> you wrote:\n    code\n.\n250 ok\n";
    assert!(shown(&read(message)).contains(" -> > you wrote:\n ->     code\n"));
}

#[test]
fn a_time_out_of_swaks_is_nothing_that_the_server_said() {
    let imported = read(
        "=== Trying 192.0.2.10:25...\n=== Connected to mx.\n<-  220 mx\n -> RCPT TO:<b@y.example>\n<** Timeout (2 secs) waiting for server response\n\
         \x20-> QUIT\n<~* Timeout (2 secs) waiting for server response\n=== Connection closed with remote host.\n",
    );
    let expected = "=== connected 192.0.2.10:25\n<-  220 mx\n -> RCPT TO:<b@y.example>\n=== timeout RCPT after=2.000\n -> QUIT\n=== timeout QUIT after=2.000\n=== closed by=client\n";
    assert_eq!(shown(&imported), expected);
    let silent = read(
        "=== Trying 192.0.2.10:25...\n=== Connected to mx.\n<** Timeout (30 secs) waiting for server response\n",
    );
    assert!(shown(&silent).contains("=== timeout \"the greeting\" after=30.000\n"));
}

#[test]
fn a_link_that_did_not_come_up_is_not_told_as_connected() {
    for (text, expected) in [
        (
            "=== Trying 192.0.2.10:25...\n*** Error connecting to 192.0.2.10:25:\n*** \tIO::Socket::INET: connect: Connection refused\n",
            "# Trying 192.0.2.10:25\n*** Error connecting to 192.0.2.10:25:\n*** \tIO::Socket::INET: connect: Connection refused\n",
        ),
        (
            "connect: to ('192.0.2.10', 25) None\nConnectionRefusedError: [Errno 111] Connection refused\n",
            "# Trying 192.0.2.10:25\n# ConnectionRefusedError: [Errno 111] Connection refused\n",
        ),
        (
            "*   Trying 192.0.2.10:25...\n* Failed to connect to mx.example.org port 25 after 0 ms: Connection refused\n* Closing connection 0\n",
            "# *   Trying 192.0.2.10:25...\n# * Failed to connect to mx.example.org port 25 after 0 ms: Connection refused\n# * Closing connection 0\n",
        ),
        (
            "=== Trying [2001:db8::1]:25...\n=== Trying 192.0.2.10:25...\n=== Connected to mx.\n<-  220 mx\n",
            "# Trying [2001:db8::1]:25\n=== connected 192.0.2.10:25\n<-  220 mx\n",
        ),
    ] {
        let imported = read(text);
        assert_eq!(shown(&imported).replace("\\x09", "\t"), expected);
        assert!(imported.header.target.is_some_and(|target| target.ends_with(":25")), "{text}");
    }
}

#[test]
fn the_meter_of_curl_hides_no_reply() {
    let meter = |time: &str| {
        format!("\r  0     0    0     0    0     0      0      0 --:--:--  {time} --:--:--     0")
    };
    let (one, two) = (meter("0:00:01"), meter("0:00:02"));
    let text = format!(
        "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n\
         {one}* Connected to mx.example.org (192.0.2.10) port 25 (#0)\n{one}{two}< 220 mx\r\n> EHLO x\r\n{two}< 250 mx\r\n{one}\n{one}curl: (67) Login denied\n"
    );
    let imported = read(&text);
    assert_eq!((imported.source, imported.comments), (Source::Curl, 0));
    assert_eq!(
        shown(&imported),
        "=== connected 192.0.2.10:25\n<-  220 mx\n -> EHLO x\n<-  250 mx\n*** (67) Login denied\n"
    );
}

#[test]
fn line_ends_that_smtplib_tells_are_kept() {
    let imported = read(
        "reply: b'220 mx\\n'\nsend: 'data\\r\\n'\nreply: b'354 go\\r\\n'\nsend: b'Subject: x\\r\\n\\r\\nhello\\n..dot\\n\\r\\n.\\r\\n'\nreply: b''\n",
    );
    assert_eq!(
        shown(&imported),
        "<-  220 mx\\n\n -> data\n<-  354 go\n -> Subject: x\n ->\n -> hello\\n\n -> ..dot\\n\n ->\n -> .\n"
    );
}

#[test]
fn what_is_typed_behind_starttls_is_encrypted_where_the_server_understands_it() {
    let begun = "220 mx\nSTARTTLS\n220 go ahead\nEHLO x\n";
    let clear = read(&format!("{begun}Connection closed by foreign host.\n"));
    assert!(
        shown(&clear).ends_with("<-  220 go ahead\n -> EHLO x\n=== closed by=server\n"),
        "{}",
        shown(&clear)
    );
    let encrypted = read(&format!("{begun}250 mx\n"));
    assert!(
        shown(&encrypted).ends_with("<-  220 go ahead\n=== tls - -\n ~> EHLO x\n<~  250 mx\n"),
        "{}",
        shown(&encrypted)
    );
}

#[test]
fn empty_lines_are_no_entries_however_many() {
    let imported = read(&format!("220 mx\n{}221 bye\n", "\n".repeat(300_000)));
    assert_eq!(imported.entries.len(), 2);
}

#[test]
fn telnet_tells_the_name_of_the_server() {
    let screen = "Trying 192.0.2.10...\nConnected to mx.example.org.\n220 mx\nQUIT\n221 bye\n";
    assert_eq!(read(screen).header.target.as_deref(), Some("smtp://mx.example.org"));
    let submission = read(&format!("$ telnet mx.example.org 587\n{screen}"));
    assert_eq!(submission.header.target.as_deref(), Some("submission://mx.example.org:587"));
}

#[test]
fn what_was_erased_on_a_terminal_was_not_sent() {
    let imported = read(
        "\u{1b}[?2004l\rTrying 192.0.2.10...\r\nConnected to mx.\r\n220 mx\r\nrcpt to:<c@\x08 \x08\x08 \x08b@y>\r\n250 ok\r\ndata\r\n354 go\r\n\u{1b}$B$\u{1b}(B\r\n",
    );
    assert_eq!(
        shown(&imported),
        "=== connected 192.0.2.10\n<-  220 mx\n -> rcpt to:<b@y>\n<-  250 ok\n -> data\n<-  354 go\n -> \\x1b$B$\\x1b(B\n"
    );
    let coloured =
        read("\u{1b}[32m<-  220 mx\u{1b}[0m\n\u{1b}[33m -> QUIT\u{1b}[0m\n\u{1b}[32m<-  221 bye\u{1b}[0m\n");
    assert_eq!(shown(&coloured), "<-  220 mx\n -> QUIT\n<-  221 bye\n");
    // Where the tool tells who spoke, what a server sends stays as it is.
    assert_eq!(shown(&read("<-  220 m\u{1b}[31mx\n")), "<-  220 m\\x1b[31mx\n");
}

#[test]
fn a_message_behind_a_data_without_its_reply_is_a_message() {
    let imported = read(
        " -> AUTH PLAIN PLAIN64\n -> DATA\n -> Subject: x\n ->\n -> hello\n -> .\n -> QUIT\n<-  220 mx\n<-  235 ok\n<-  354 go\n<-  250 ok\n<-  221 bye\n",
    );
    let text = shown(&imported);
    assert_eq!(imported.redacted, 1, "{text}");
    assert!(text.contains(" -> DATA\n -> Subject: x\n ->\n -> hello\n -> .\n -> QUIT\n<-  220"), "{text}");
    assert!(text.ends_with("<-  354 go\n<-  250 ok\n<-  221 bye\n"), "{text}");
}

#[test]
fn casts_lose_their_colours_and_keep_their_times() {
    let cast = "{\"version\": 2, \"width\": 80, \"height\": 24, \"timestamp\": 1763924531, \"title\": \"a telnet session\"}\n\
        [0.1, \"o\", \"\\u001b]0;x\\u0007\\u001b[32m220 mx\\u001b[0m\\r\\n\"]\n[1.0, \"o\", \"EHLP\\b\\u001b[K\"]\n[1.2, \"i\", \"O\"]\n[1.3, \"o\", \"O x\\r\\n\"]\n[1.5, \"o\", \"250 mx\\r\\n\"]\nbroken\n";
    let imported = read(cast);
    assert_eq!(imported.source, Source::Cast);
    assert_eq!(shown(&imported), "<-  220 mx\n -> EHLO x\n<-  250 mx\n");
    let times: Vec<_> = imported.entries.iter().map(|entry| entry.at.unwrap().as_millis()).collect();
    assert_eq!(times, [100, 1300, 1500]);
    assert_eq!(imported.header.title.as_deref(), Some("a telnet session"));
    let v3 = cast.replace("\"version\": 2", "\"version\": 3");
    assert_eq!(read(&v3).entries.last().unwrap().at.unwrap().as_millis(), 5100);
}

#[test]
fn what_is_imported_is_a_transcript_that_can_be_read() {
    let imported = read("C: EHLO x\nS: 250 x\nnoise \u{1b}[31m\n");
    let mut writer = Writer::new(Vec::new(), &imported.header).unwrap();
    imported.entries.iter().for_each(|entry| writer.write(entry).unwrap());
    let file = writer.into_inner();
    let mut reader = Reader::new(file.as_slice()).unwrap();
    assert_eq!(reader.header().get("origin"), Some("imported from letters"));
    let kinds: Vec<_> = reader.by_ref().map(|entry| entry.unwrap().kind).collect();
    assert_eq!(kinds.len(), 3);
    assert_eq!(kinds[2], EntryKind::Comment(" noise \\x1b[31m".into()));
}

#[test]
fn other_text_is_refused_and_a_named_source_is_believed() {
    let error = import("dear all,\nhello\n".as_bytes(), None).unwrap_err();
    assert!(error.to_string().contains("swaks, curl, msmtp"));
    let imported = import("dear all\n".as_bytes(), Some(Source::Swaks)).unwrap();
    assert_eq!((imported.comments, imported.entries.len()), (1, 1));
    for source in Source::ALL {
        assert_eq!(Source::from_name(source.name()), Some(source));
    }
}

#[test]
fn our_own_swaks_export_comes_back() {
    use super::super::export::{run, swaks::Swaks};
    let file = "%heloise 1\n%target smtp://mx.example.org:25\n=== connected 192.0.2.10:25\n<- 220 mx\n -> EHLO x\n<** 550 no\n -> QUIT\n<- 221 x\n=== closed by=client\n";
    let mut out = Vec::new();
    run(&mut Reader::new(file.as_bytes()).unwrap(), &mut out, &mut Swaks::default(), |_| None).unwrap();
    let imported = import(out.as_slice(), None).unwrap();
    let text = shown(&imported);
    let expected = "=== connected 192.0.2.10:25\n<-  220 mx\n -> EHLO x\n<** 550 no\n -> QUIT\n<-  221 x\n=== closed by=client\n";
    assert_eq!(text, expected);
    assert_eq!(imported.header.target.as_deref(), Some("smtp://mx.example.org:25"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_an_import_fail_oddly(text in "([-<>=~*CS:0-9a-z \\[\\]\"'\\\\{}.\u{1b}]{0,24}\n){0,8}", source in 0usize..8) {
        let imported = import(text.as_bytes(), Source::ALL.get(source).copied()).unwrap();
        let mut out = Vec::new();
        imported.entries.iter().for_each(|entry| write_entry(&mut out, entry));
        let file = [b"%heloise 1\n".as_slice(), &out].concat();
        for entry in Reader::new(file.as_slice()).unwrap() {
            proptest::prop_assert!(entry.is_ok(), "{:?}", entry);
        }
    }
}

#[test]
fn a_text_in_utf_16_is_read() {
    let text = "<-  220 gr\u{fc}\u{df} dich\r\n -> QUIT\r\n<-  221 bye\r\n";
    for (mark, bytes) in [
        ([0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ([0xfe, 0xff], text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ] {
        let imported = import([&mark[..], &bytes, b"x"].concat().as_slice(), None).unwrap();
        assert_eq!((imported.source, imported.comments), (Source::Swaks, 0));
        assert!(shown(&imported).starts_with("<-  220 gr\u{fc}\u{df} dich\n -> QUIT\n"));
    }
}
