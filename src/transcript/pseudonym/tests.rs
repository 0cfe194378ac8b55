use super::*;
use crate::transcript::{Reader, Writer};

const SESSION: &str = "\
%heloise 1
%target smtp://mx.corp.test:587

=== connected 10.1.2.3:587 from [fd00::5]:51234
<-  220 mx.corp.test ESMTP
 -> EHLO laptop
=== tls TLSv1.3 - verified=yes serial=0B:AD sha256=01:02:03:04:05:06:07:08:09:0A:0B:0C
<-  250-mx.corp.test Hello laptop [10.9.9.9]
<-  250 AUTH CRAM-MD5
 -> AUTH CRAM-MD5
<-  334 PDEyM0BteC5jb3JwLnRlc3Q+
 -> {secret sasl=CRAM-MD5 user=\"Alice@corp.test\"}
<-  235 2.7.0 welcome alice
 -> MAIL FROM:<alice@corp.test> AUTH=alice+40corp.test
<-  250 2.1.0 alice@corp.test ok
 -> RCPT TO:<bob@other.test>
<-  250 2.1.5 ok fingerprint 8C:93:6C:7A:AF:BA:06:B8:33:F9
 -> DATA
<-  354 go
 -> From: Alice <alice@corp.test>
 -> Subject: our plans
 ->  for tomorrow
 ->
 -> Dear Bob: 42 caf\u{e9}s
 -> .
<-  250 2.0.0 ok [127.0.0.1]
### note ask bob@other.test or mx2.corp.test, 10.1.2.3
";

fn with(what: What) -> String {
    let mut reader = Reader::new(SESSION.as_bytes()).unwrap();
    let mut pseudonyms = Pseudonyms::new(what);
    let mut header = reader.header().clone();
    pseudonyms.header(&mut header);
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    for entry in reader.by_ref() {
        let mut entry = entry.unwrap();
        pseudonyms.entry(&mut entry);
        writer.write(&entry).unwrap();
    }
    String::from_utf8(writer.into_inner()).unwrap()
}

#[test]
fn everything_goes_and_stays_connected() {
    let out = with(What::ALL);
    for name in
        ["corp", "other", "lice", "bob", "Bob", "plans", "tomorrow", "10.", "fd00", "laptop", "42", "0B:AD"]
    {
        assert!(!out.contains(name), "{name} in {out}");
    }
    for line in [
        "%target smtp://h1.domain1.example:587",
        "=== connected 192.0.2.1:587 from [2001:db8::2]:51234",
        "<-  220 h1.domain1.example ESMTP",
        " -> EHLO domain2.example",
        " -> {secret sasl=CRAM-MD5 user=\"user2@domain1.example\"}",
        "<-  235 2.7.0 welcome user2",
        "<-  250 2.1.5 ok fingerprint 8C:93:6C:7A:AF:BA:06:B8:33:F9",
        " -> MAIL FROM:<user2@domain1.example> AUTH=user2@domain1.example",
        " -> From: xxxxx <xxxxx@xxxx.xxxx>",
        " -> Subject: subject 1",
        " ->  (folded)",
        " -> xxxx xxx: xx xxxxxx",
        "<-  250 2.0.0 ok [127.0.0.1]",
        "### note ask user3@domain3.example or h2.domain1.example, 192.0.2.1",
    ] {
        assert!(out.contains(&format!("{line}\n")), "{line} not in {out}");
    }
    let challenge = out.lines().find_map(|line| line.strip_prefix("<-  334 ")).unwrap();
    let plain = String::from_utf8(base64_loose(challenge.as_bytes()).unwrap().to_vec()).unwrap();
    assert!(!plain.contains("corp"), "{plain}");
}

#[test]
fn only_what_was_asked_for_goes() {
    assert_eq!(with(What::default()), SESSION);
    let ips = with(What::parse("ips").unwrap());
    assert!(ips.contains("192.0.2.1:587") && ips.contains("alice@corp.test") && ips.contains("mx.corp.test"));
    let hosts = with(What::parse("hosts").unwrap());
    assert!(hosts.contains("<alice@domain1.example>") && hosts.contains("10.1.2.3"), "{hosts}");
    let content = with(What::parse(" content ,").unwrap());
    assert!(content.contains(" -> Subject: xxx xxxxx\n ->  xxx xxxxxxxx\n"), "{content}");
    assert_eq!(What::parse("ips,names"), Err("names".to_owned()));
    assert_eq!(What::parse("all"), Ok(What::ALL));
}

#[test]
fn credentials_that_nobody_took_out_give_no_name_away() {
    let session = "%heloise 1\n\n<-  220 x\n -> AUTH LOGIN\n<-  334 VXNlcm5hbWU6\n -> YWxpY2U=\n<-  334 UGFzc3dvcmQ6\n \
                   -> aHVudGVyMg==\n<** 535 5.7.8 no alice here\n -> AUTH PLAIN AGFsaWNlAGh1bnRlcjI=\n";
    let mut reader = Reader::new(session.as_bytes()).unwrap();
    let mut names = Pseudonyms::new(What::ALL);
    let entries = reader.by_ref().map(|entry| {
        let mut entry = entry.unwrap();
        names.entry(&mut entry);
        entry.line().unwrap().to_visible()
    });
    let lines: Vec<String> = entries.collect();
    assert_eq!(lines[3], "{secret sasl=LOGIN what=user user=\"user1\"}");
    assert_eq!(lines[5], "{secret sasl=LOGIN what=password}");
    assert_eq!(lines[6], "535 5.7.8 no user1 here");
    assert_eq!(lines[7], "AUTH PLAIN {secret sasl=PLAIN user=\"user1\"}");
}
