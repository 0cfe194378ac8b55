//! The reply parser in bytes a second, beside the crates smtp-proto and smtp-codec.
//!
//! All get the same bytes. Ours frames, keeps every byte, and names deviations; in place it copies nothing. smtp-proto joins the text of a
//! reply into one string and drops line ends, later codes, and what lies past 4,096 bytes. smtp-codec only
//! recognises where a reply ends.

#![allow(clippy::disallowed_methods, reason = "a program of its own: it may open files and ask the time")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use heloise::wire::{Framer, ReplyAssembler, ReplyLine};
use smtp_proto::response::parser::ResponseReceiver;

/// What a server says in a session with one mail, and to some that it refuses.
const SESSION: &[u8] = b"220 mx.example.org ESMTP Postfix (Debian/GNU)\r\n\
    250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n\
    250 2.0.0 Ok: queued as 4Zk0Qn3tJqz4xYd\r\n\
    550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in virtual mailbox table\r\n\
    554 5.7.1 <bob@example.net>: Relay access denied\r\n\
    450 4.2.0 <alice@example.org>: Recipient address rejected: Greylisted, see http://example.org/help\r\n\
    235 2.7.0 Authentication successful\r\n535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6\r\n\
    221 2.0.0 Bye\r\n";

const EHLO: &[u8] = b"250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n\
    250-STARTTLS\r\n250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256\r\n250-AUTH=PLAIN LOGIN\r\n\
    250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n";

/// Some 3,000 bytes: near the most that smtp-proto takes for one reply.
fn long_refusal() -> Vec<u8> {
    let line = |n: usize| {
        let separator = if n == 39 { ' ' } else { '-' };
        format!("550{separator}5.7.26 line {n:02} of a policy that explains itself at some length\r\n")
    };
    (0..40).flat_map(|n| line(n).into_bytes()).collect()
}

/// As a session reads: lines are framed, each is handed out with its deviations, and makes a reply with the others.
/// The buffers last longer than one reply. Feeds the bytes again and again.
fn with_heloise() -> impl FnMut(&[u8]) -> usize {
    let mut framer = Framer::new(64 * 1024);
    let mut assembler = ReplyAssembler::default();
    move |bytes| {
        let mut replies = 0;
        framer.compact();
        framer.push(bytes);
        while let Ok(Some(line)) = framer.next_line() {
            let line = ReplyLine::parse(line);
            black_box(line.quirks());
            if let Some(reply) = assembler.push(line) {
                black_box(reply.quirks_of_whole());
                black_box(&reply);
                replies += 1;
            }
        }
        replies
    }
}

fn with_smtp_proto() -> impl FnMut(&[u8]) -> usize {
    let mut receiver = ResponseReceiver::default();
    move |bytes| {
        let mut rest = bytes.iter();
        let mut replies = 0;
        while let Ok(reply) = receiver.parse(&mut rest) {
            black_box(&reply);
            receiver.reset();
            replies += 1;
        }
        replies
    }
}

fn with_smtp_codec(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    let mut replies = 0;
    while let Ok((after, reply)) = smtp_codec::parse::response::Reply_line(rest) {
        black_box(reply);
        rest = after;
        replies += 1;
    }
    replies
}

/// Reads bytes and says how many replies they were.
type Parser = Box<dyn FnMut(&[u8]) -> usize>;

fn replies(criterion: &mut Criterion) {
    let long = long_refusal();
    for (name, bytes, expected) in [("session", SESSION, 11), ("ehlo", EHLO, 1), ("long", &long[..], 1)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let parsers: [(&str, Parser); 3] = [
            ("heloise", Box::new(with_heloise())),
            ("smtp-proto", Box::new(with_smtp_proto())),
            ("smtp-codec", Box::new(with_smtp_codec)),
        ];
        for (parser, mut run) in parsers {
            assert_eq!(run(bytes), expected, "{parser} does not read {name} as {expected} replies");
            group.bench_with_input(BenchmarkId::from_parameter(parser), bytes, |bencher, bytes| {
                bencher.iter(|| run(black_box(bytes)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, replies);
criterion_main!(benches);
