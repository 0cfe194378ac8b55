//! The file format there and back.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SAMPLE: &str = "\
%heloise 1
%target smtp://mx.example.org:587
%started 2026-11-23T19:02:11.412519+01:00
%client heloise 0.1.0
%title a refused password
%origin written by hand

0.000000 === connected 192.0.2.10:587 from 198.51.100.7:51234
0.031204 <-  220 mx.example.org ESMTP Postfix
4.118900  -> EHLO laptop.example.net
4.140112 <-  250-mx.example.org
4.140118 <-  250 AUTH PLAIN LOGIN
6.002311  -> STARTTLS
6.020001 <-  220 2.0.0 Ready to start TLS
6.081200 === tls TLSv1.3 TLS_AES_256_GCM_SHA384 verified=yes subject=\"CN = mx.example.org\" not-after=2027-01-02T00:00:00Z
9.001000  ~> AUTH PLAIN {secret sasl=PLAIN user=\"alice@example.org\"}
9.204000 <~* 535 5.7.8 Error: authentication failed\\n
9.204001 <~ 
9.300000  ~> {data 12345 sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}
9.400000 === timeout reply after=300.000
9.500000 === rekeyed by=\"them \\\"all\\\"\" 3
9.600000 *** no reply
9.700000 ?!? from the {future} \\q
12.000000 ### note it is the account's own password
# a comment
15.100000 === closed by=server
";

fn read_all(text: &[u8]) -> (Header, Vec<Entry>, Option<String>) {
    let mut reader = Reader::new(text).unwrap();
    let entries = reader.by_ref().collect::<Result<Vec<_>, _>>().unwrap();
    (reader.header().clone(), entries, reader.warning().map(str::to_owned))
}

fn write_all(header: &Header, entries: &[Entry]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), header).unwrap();
    for entry in entries {
        writer.write(entry).unwrap();
    }
    writer.into_inner()
}

#[test]
fn a_file_is_written_as_it_was_read() {
    let (header, entries, warning) = read_all(SAMPLE.as_bytes());
    let written = String::from_utf8(write_all(&header, &entries)).unwrap();
    assert_eq!(written, SAMPLE.replace("<~ \n", "<~\n"));
    assert_eq!(warning, None);
}

#[test]
fn entries_are_typed() {
    let (header, entries, _) = read_all(SAMPLE.as_bytes());
    assert_eq!(header.get("origin"), Some("written by hand"));
    assert_eq!(header.started.unwrap().timestamp_subsec_micros(), 412_519);
    let kinds: Vec<_> = entries.iter().map(|e| &e.kind).collect();
    let local = Some("198.51.100.7:51234".to_owned());
    assert_eq!(*kinds[0], EntryKind::Info(Info::Connected { peer: "192.0.2.10:587".into(), local }));
    assert_eq!(entries[1].at, Some(Duration::from_micros(31_204)));
    let EntryKind::Info(Info::Tls(tls)) = kinds[7] else { panic!("{:?}", kinds[7]) };
    assert_eq!((tls.verified, tls.subject.as_deref()), (Some(true), Some("CN = mx.example.org")));
    let secret = entries[8].line().unwrap().secrets().next().unwrap();
    assert_eq!(secret.user.as_deref(), Some("alice@example.org"));
    assert_eq!(entries[9].line().unwrap().ending, LineEnd::Lf);
    assert!(matches!(kinds[9], EntryKind::Received { tls: true, error: true, .. }));
    assert!(matches!(entries[11].line().unwrap().pieces[0], Piece::Data { bytes: 12345, .. }));
    let after = Some(Duration::from_secs(300));
    assert_eq!(*kinds[12], EntryKind::Info(Info::Timeout { what: "reply".into(), after }));
    assert!(matches!(kinds[13], EntryKind::Info(Info::Other(_))));
    assert!(matches!(kinds[15], EntryKind::Other { .. }));
    assert_eq!(*kinds.last().unwrap(), &EntryKind::Info(Info::Closed { by: ClosedBy::Server }));
}

#[test]
fn files_written_by_hand_may_be_loose() {
    let loose = "\u{feff}%heloise 1\r\n-> EHLO x\r\n<- 250 ok\r\n\r\n  1.5 ~> NOOP\r\n<** 500\r\n### note look\r\n### other\r\n12 === closed by=client\r\n";
    let (_, entries, _) = read_all(loose.as_bytes());
    let written = String::from_utf8(write_all(&Header::default(), &entries)).unwrap();
    let strict = "%heloise 1\n\n -> EHLO x\n<-  250 ok\n1.500000  ~> NOOP\n<** 500\n### note look\n### other\n12.000000 === closed by=client\n";
    assert_eq!(written, strict);
}

#[test]
fn each_blank_of_an_unknown_arrow_is_kept() {
    let file = "%heloise 1\n\n1.000000 =- \n1.000000 =-  later\n";
    let (header, entries, _) = read_all(file.as_bytes());
    assert_eq!(entries.len(), 2);
    assert_eq!(String::from_utf8(write_all(&header, &entries)).unwrap(), file);
}

#[test]
fn mistakes_are_pointed_at_and_reading_goes_on() {
    let cases: [(&[u8], usize, &str); 10] = [
        (b"hello", 1, "an arrow"),
        (b"1.0 ->NOOP", 5, "an arrow"),
        (b"1.x -> NOOP", 3, "digits after the point"),
        (b"1.5", 4, "a space after the time"),
        (b" -> a\\q", 6, "\\\\, \\{"),
        (b" -> a\\n b", 6, "nothing after the mark"),
        (b" -> \\x1z", 5, "two hexadecimal digits"),
        (b" -> a \x1b[0m", 7, "printable text"),
        (b" -> {secret sasl=PLAIN", 23, "} after the placeholder"),
        (b" -> caf\xe9", 8, "UTF-8"),
    ];
    for (line, column, expected) in cases {
        let text = [b"%heloise 1\n", line, b"\n<- 250 ok\n"].concat();
        let mut reader = Reader::new(text.as_slice()).unwrap();
        let error = reader.next().unwrap().unwrap_err();
        assert_eq!((error.line, error.column, error.fatal), (2, column, false), "{error}");
        assert!(error.expected.starts_with(expected), "{error}");
        assert!(error.to_string().chars().all(text::is_plain), "{error}");
        assert!(matches!(reader.next(), Some(Ok(_))), "the next line is still read");
        assert!(reader.next().is_none());
    }
}

#[test]
fn other_files_and_higher_versions_are_refused() {
    for (text, expected) in [
        ("", "%heloise 1"),
        ("220 x\n", "%heloise 1"),
        ("%heloise 2\n", "version 1"),
        ("%heloise x\n", "%heloise 1"),
    ] {
        let error = Reader::new(text.as_bytes()).unwrap_err();
        assert!(error.fatal && error.expected.starts_with(expected), "{error}");
    }
}

#[test]
fn a_file_that_ends_in_mid_line_opens_with_a_warning() {
    let (_, entries, _) = read_all(SAMPLE.as_bytes());
    for cut in 11..SAMPLE.len() {
        let mut reader = Reader::new(&SAMPLE.as_bytes()[..cut]).unwrap();
        let seen: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        let whole = SAMPLE[..cut].matches('\n').count().saturating_sub(7);
        assert!(seen.len() == whole || seen.len() == whole + 1, "{}", &SAMPLE[..cut]);
        assert_eq!(seen[..whole], entries[..whole]);
        let torn = !SAMPLE[..cut].ends_with('\n');
        assert!(reader.warning().is_some() == torn || cut < 200, "{}", &SAMPLE[..cut]);
    }
}

#[test]
fn a_second_session_in_the_file_is_known_as_such() {
    let mut file = SAMPLE.as_bytes()[..SAMPLE.len() - 5].to_vec();
    let header = Header { title: Some("again".into()), ..Header::default() };
    Writer::append(&mut file, &header).unwrap();
    let mut reader = Reader::new(file.as_slice()).unwrap();
    let last = reader.by_ref().last().unwrap().unwrap();
    assert_eq!(last.kind, EntryKind::Session(Box::new(header)));
    assert_eq!(reader.warning(), None);
}

#[test]
fn what_could_deceive_is_escaped() {
    let line =
        Payload::from_bytes("a\x1b]0;x\x07 \u{202e}evil\u{200b} \0 caf\u{e9} \\ {secret} {X} \u{9b}m ");
    let visible = line.to_visible();
    assert_eq!(
        visible,
        "a\\x1b]0;x\\x07 \\xe2\\x80\\xaeevil\\xe2\\x80\\x8b \\x00 caf\u{e9} \\\\ \\{secret} {X} \\xc2\\x9bm\\x20"
    );
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..60),
        "[ -~]{0,40}".prop_map(String::into_bytes),
        "[\\\\{}a-f\"nrx \\-0-9\r\n]{0,30}".prop_map(String::into_bytes),
        "\\PC{0,20}".prop_map(String::into_bytes),
    ]
}

fn words() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("\\PC{0,12}|[\\\\\"{} =a-z\r\n\u{202e}]{0,12}")
}

fn piece() -> impl Strategy<Value = Piece> {
    let secret = (words(), words(), words(), any::<bool>(), any::<bool>());
    prop_oneof![
        bytes().prop_map(Piece::Bytes),
        secret.prop_map(|(sasl, what, user, no_base64, echo)| {
            Piece::Secret(SecretMark {
                sasl,
                what,
                user,
                no_base64,
                echo,
                other: vec![("later".into(), Some("x y".into()))],
            })
        }),
        (any::<u64>(), any::<Option<[u8; 32]>>()).prop_map(|(bytes, sha256)| Piece::Data { bytes, sha256 }),
        "later( [a-z]{1,5}=[a-z]{1,5}| \"[ -!#-\\[\\]-~]{0,9}\"){0,2}".prop_map(Piece::Other),
    ]
}

fn payloads() -> impl Strategy<Value = Payload> {
    let ending = prop_oneof![Just(LineEnd::CrLf), Just(LineEnd::Lf), Just(LineEnd::Cr), Just(LineEnd::None)];
    (proptest::collection::vec(piece(), 0..4), ending).prop_map(|(pieces, ending)| {
        let mut payload = Payload { ending, ..Payload::default() };
        pieces.into_iter().for_each(|piece| payload.push(piece));
        payload
    })
}

fn kinds() -> impl Strategy<Value = EntryKind> {
    let text = || words().prop_map(Option::unwrap_or_default);
    let tls = (words(), words(), words(), any::<Option<bool>>(), any::<bool>());
    prop_oneof![
        (any::<bool>(), payloads()).prop_map(|(tls, line)| EntryKind::Sent { tls, line }),
        (any::<bool>(), any::<bool>(), payloads()).prop_map(|(tls, error, line)| EntryKind::Received {
            tls,
            error,
            line
        }),
        text().prop_map(EntryKind::Problem),
        text().prop_map(EntryKind::Note),
        (text(), words()).prop_map(|(peer, local)| EntryKind::Info(Info::Connected { peer, local })),
        (text(), any::<Option<u32>>()).prop_map(|(what, after)| {
            let after = after.map(|ms| Duration::from_millis(ms.into()));
            EntryKind::Info(Info::Timeout { what, after })
        }),
        text().prop_map(|q| EntryKind::Info(Info::Quirk(format!("q{q}")))),
        tls.prop_map(|(subject, issuer, why, verified, insecure)| {
            EntryKind::Info(Info::Tls(TlsSummary {
                subject,
                issuer,
                why,
                verified,
                insecure,
                ..Default::default()
            }))
        }),
    ]
}

proptest! {
    #[test]
    fn every_byte_sequence_survives(line in bytes(), sent in any::<bool>()) {
        let line = Payload::from_raw(&line);
        let kind = if sent { EntryKind::Sent { tls: sent, line } } else { EntryKind::Received { tls: sent, error: true, line } };
        let entry = Entry { at: None, kind };
        let file = write_all(&Header::default(), std::slice::from_ref(&entry));
        prop_assert!(String::from_utf8(file.clone()).unwrap().chars().all(|c| c == '\n' || text::is_plain(c)));
        prop_assert_eq!(read_all(&file).1, vec![entry]);
    }

    #[test]
    fn every_entry_survives(kinds in proptest::collection::vec((kinds(), any::<Option<u32>>()), 0..6)) {
        let entry = |(kind, ms): (EntryKind, Option<u32>)| Entry { at: ms.map(|ms| Duration::from_micros(ms.into())), kind };
        let entries: Vec<_> = kinds.into_iter().map(entry).collect();
        let file = write_all(&Header::default(), &entries);
        prop_assert_eq!(read_all(&file).1, entries);
    }

    #[test]
    fn no_file_makes_the_reader_fail_oddly(text in proptest::collection::vec(any::<u8>(), 0..300), lines in "([ -~]{0,20}\n){0,5}") {
        for tail in [text.as_slice(), lines.as_bytes()] {
            let file = [b"%heloise 1\n", tail].concat();
            if let Ok(reader) = Reader::new(file.as_slice()) {
                for entry in reader.flatten() {
                    let mut once = Vec::new();
                    write::write_entry(&mut once, &entry);
                    prop_assert!(String::from_utf8(once).is_ok());
                }
            }
        }
    }

    #[test]
    fn what_was_read_can_be_written_and_read_again(lines in "((1\\.5 | )?(<- |<\\*\\*| ->|===|\\?!\\?|###|[ !&-/:-@]{3}) ?[ -~]{0,30}\n){0,5}") {
        let file = format!("%heloise 1\n{lines}");
        let reader = Reader::new(file.as_bytes()).unwrap();
        let entries: Vec<_> = reader.flatten().collect();
        let written = write_all(&Header::default(), &entries);
        let (_, again, _) = read_all(&written);
        prop_assert_eq!(&again, &entries, "{}", String::from_utf8_lossy(&written));
    }
}
