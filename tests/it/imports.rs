//! Real output of other tools, recorded against a small server: placed line by line, without its secrets.

use std::fs;
use std::path::Path;

use heloise::transcript::import::{Imported, Source, import};
use heloise::transcript::turns::{Said, turns};
use heloise::transcript::write::write_entry;

fn read(name: &str) -> (Imported, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports").join(name);
    let imported = import(fs::read(path).unwrap().as_slice(), None).unwrap();
    let mut out = Vec::new();
    imported.entries.iter().for_each(|entry| write_entry(&mut out, entry));
    let text = String::from_utf8(out).unwrap();
    // The passwords, and the base64 of them at each alignment. In a dump of bytes they are cut into pieces.
    let hunter = ["hunter2", "aHVudGVyMm", "h1bnRlcjJod", "odW50ZXIyaH"];
    let alice = ["wonderland", "d29uZGVybGFuZA", "dvbmRlcmxhbm", "b25kZXJsYW5k", "AHdvbmRl", "33 4A 6E 41"];
    for secret in hunter.into_iter().chain(alice) {
        assert!(!text.contains(secret), "{name}: {secret} in {text}");
    }
    (imported, text)
}

/// What the client said, with the code of what it heard.
fn talk(imported: &Imported) -> Vec<String> {
    let code = |code: Option<heloise::wire::ReplyCode>| code.map(|code| code.to_string()).unwrap_or_default();
    turns(&imported.entries).iter().map(|turn| format!("{} {}", turn.label(), code(turn.code()))).collect()
}

#[test]
fn smtplib() {
    let (imported, text) = read("smtplib.txt");
    assert_eq!((imported.source, imported.redacted), (Source::Smtplib, 2), "{text}");
    let talk = talk(&imported);
    assert_eq!(talk.len(), 11, "{talk:?}");
    assert_eq!(talk[4], "{secret sasl=CRAM-MD5 user=\"alice@example.org\"} 535");
    assert_eq!(talk[9], "(content, 4 lines) 250");
    assert!(turns(&imported.entries)[1].upgraded);
}

#[test]
fn curl() {
    let (imported, text) = read("curl.txt");
    assert_eq!((imported.source, imported.redacted), (Source::Curl, 1), "{text}");
    let expected = [
        "(greeting) 220",
        "EHLO m.txt 250",
        "STARTTLS 220",
        "EHLO m.txt 250",
        "AUTH CRAM-MD5 334",
        "{secret sasl=CRAM-MD5 user=\"alice@example.org\"} 535",
    ];
    assert_eq!(talk(&imported), expected);
    let tls = "=== tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified=no why=\"self-signed certificate (18)\" insecure=yes subject=\"CN=localhost\" issuer=\"CN=localhost\"\n";
    assert!(text.contains(tls), "{text}");
}

#[test]
fn s_client() {
    let (imported, text) = read("s_client.txt");
    assert_eq!(imported.source, Source::Paste, "{text}");
    assert!(text.contains("=== tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified=no"), "{text}");
    assert_eq!(text.matches("=== tls").count(), 1, "{text}");
    assert!(text.contains("<~  235 ok\n"), "{text}");
    assert_eq!(text.matches("{secret what=\"TLS session key\"}").count(), imported.redacted, "{text}");
}

#[test]
fn swaks() {
    let (imported, text) = read("swaks.txt");
    assert_eq!((imported.source, imported.redacted), (Source::Swaks, 2), "{text}");
    let talk = talk(&imported);
    assert!(talk.contains(&"{secret sasl=LOGIN what=user user=\"alice\"} 334".to_owned()), "{talk:?}");
    assert!(talk.contains(&"{secret sasl=LOGIN what=password} 235".to_owned()), "{talk:?}");
    assert_eq!(talk.last().unwrap(), "QUIT 221");
    let content = turns(&imported.entries).into_iter().find_map(|turn| match turn.said {
        Said::Content(lines) => Some(lines.len()),
        _ => None,
    });
    assert!(content.is_some_and(|lines| lines > 5), "{text}");
}

/// What real tools printed of sessions with the practice server and with Postfix: the file, what it is taken for, how
/// many secrets it held, how many turns it has, and some of them.
#[rustfmt::skip]
const REAL: &[(&str, Source, usize, usize, &[&str])] = &[
    ("curl-smtps.txt", Source::Curl, 1, 7, &["AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"} 235",
        "RCPT TO:<nobody@else.example> 250", "(content, 1 lines) 250"]),
    ("curl-starttls.txt", Source::Curl, 1, 10, &["STARTTLS 220", "{secret sasl=CRAM-MD5 user=\"alice@example.org\"} 235",
        "(content, 1 lines) 250"]),
    ("msmtp.txt", Source::Msmtp, 2, 10, &["STARTTLS 220", "AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"} 235",
        "(content, 6 lines) 250"]),
    ("msmtp-scram.txt", Source::Msmtp, 4, 13, &["AUTH SCRAM-SHA-256 334",
        "{secret sasl=SCRAM-SHA-256 user=\"alice@example.org\"} 334", "RCPT TO:<nobody@else.example> 250"]),
    ("postfix.txt", Source::Postfix, 2, 8, &["RCPT TO:<bob@elsewhere.example> 554", "AUTH LOGIN 503",
        "{secret sasl=LOGIN} 500"]),
    ("s_client-quiet.txt", Source::Paste, 1, 8, &["AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"} 235",
        "rcpt to:<bob@example.org> 250", "(content, 3 lines) 250", "quit 221"]),
    ("s_client-login.txt", Source::Paste, 3, 10, &["{secret sasl=LOGIN what=user user=\"alice@example.org\"} 334",
        "{secret sasl=LOGIN what=password} 235", "quit 221"]),
    ("s_client.cast", Source::Cast, 2, 6, &["AUTH LOGIN 503", "{secret sasl=LOGIN} 500", "quit 221"]),
    ("smtplib-times.txt", Source::Smtplib, 1, 10, &["{secret sasl=CRAM-MD5 user=\"alice@example.org\"} 235",
        "(content, 4 lines) 250", "quit 221"]),
    ("swaks-tls.txt", Source::Swaks, 1, 10, &["AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"} 235", "QUIT 221"]),
    ("swaks-tlsc.txt", Source::Swaks, 2, 10, &["{secret sasl=LOGIN what=password} 235", "QUIT 221"]),
    ("swaks-hide.txt", Source::Swaks, 2, 12, &["{secret sasl=LOGIN what=password} 235", "QUIT 221"]),
    ("swaks-lapse.txt", Source::Swaks, 1, 11, &["{secret sasl=CRAM-MD5 user=\"alice@example.org\"} 235", "QUIT 221"]),
    ("swaks-raw.txt", Source::Swaks, 1, 10, &["AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"} 235", "QUIT 221"]),
    ("swaks-nohints.txt", Source::Paste, 1, 10, &["AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"} 235", "QUIT 221"]),
    ("swaks-refused.txt", Source::Swaks, 1, 10, &["RCPT TO:<nobody@elsewhere.example> 250", "QUIT 221"]),
    ("swaks-no-connection.txt", Source::Swaks, 0, 0, &[]),
    ("swaks-wrongtls.txt", Source::Swaks, 0, 0, &[]),
    ("swaks.cast", Source::Cast, 1, 10, &["AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"} 235", "QUIT 221"]),
    ("telnet.txt", Source::Paste, 0, 9, &["RCPT TO:<nobody@else.example> 554", "(content, 3 lines) 250", "FOO 500",
        "QUIT 221"]),
];

#[test]
fn what_real_tools_print_is_placed() {
    for (name, source, secrets, count, some) in REAL {
        let (imported, text) = read(name);
        let talk = talk(&imported);
        assert_eq!((imported.source, imported.redacted), (*source, *secrets), "{name}: {text}");
        assert_eq!(talk.len(), *count, "{name}: {talk:#?}");
        for turn in *some {
            assert!(talk.iter().any(|said| said == turn), "{name}: no {turn:?} in {talk:#?}");
        }
        let wire = text.lines().filter(|line| !line.starts_with('#'));
        assert!(wire.clone().all(|line| !line.ends_with("\\x0d")), "{name}: {text}");
        let encrypted = text.matches("=== tls ").count();
        assert!(
            encrypted <= 1 && (encrypted == 1) == wire.clone().any(|line| line.contains('~')),
            "{name}: {text}"
        );
    }
}

#[test]
fn the_server_has_its_name_where_the_tool_tells_it() {
    for (name, target) in [
        ("curl-smtps.txt", "smtp://127.0.0.1:45831"),
        ("msmtp.txt", "smtp://127.0.0.1:43719"),
        ("swaks-tls.txt", "smtp://127.0.0.1:43719"),
        ("swaks-no-connection.txt", "smtp://127.0.0.1:9"),
    ] {
        assert_eq!(read(name).0.header.target.as_deref(), Some(target), "{name}");
    }
}

/// Who presses Enter twice, or types faster than the server answers, sends the password as a command.
#[test]
fn answers_that_came_too_late_are_secrets() {
    let (imported, text) = read("s_client-doubled.txt");
    // The name went where the password was asked for, so that it is masked where it stands again.
    assert_eq!(imported.redacted, 4, "{text}");
    assert!(text.contains("~> {secret sasl=LOGIN}\n<~* 500 5.5.2 Error: bad syntax"), "{text}");
}

#[test]
fn dumps_of_bytes_are_left_out_and_counted() {
    let (_, text) = read("swaks-raw.txt");
    assert!(text.contains("# 4 lines of a hex dump were left out\n"), "{text}");
    assert!(!text.contains("41 55 54 48"), "{text}");
}
