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
    // The password, and the base64 of it at each alignment.
    for secret in ["hunter2", "aHVudGVyMm", "h1bnRlcjJod", "odW50ZXIyaH"] {
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
