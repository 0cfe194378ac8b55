//! How fast replies are explained, and how long the first one takes.
//!
//! `cargo bench --bench explain`; the first line printed is the time of the very first reply, in which all
//! tables are read and compiled.

#![allow(clippy::disallowed_methods, reason = "a program of its own: it may open files and ask the time")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use heloise::explain::{Record, Situation, explain};
use heloise::wire::{Reply, ReplyLine};

fn replies() -> Vec<Reply> {
    let corpus = include_str!("../tests/corpus/replies-dev.jsonl");
    let rows = corpus.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let texts = rows.filter_map(|row| row["reply"].as_str().map(str::to_owned));
    texts.map(|text| text.split('\n').map(ReplyLine::crlf).collect()).collect()
}

fn speed(c: &mut Criterion) {
    let replies = replies();
    let Some(one) = replies.first() else { return };
    let start = Instant::now();
    black_box(explain(&Situation::of(one)));
    println!("first reply, tables included: {:?}", start.elapsed());

    let mut group = c.benchmark_group("explain");
    group.throughput(Throughput::Elements(replies.len() as u64));
    let mut out = Vec::new();
    group.bench_function("replies to JSON", |b| {
        b.iter(|| {
            out.clear();
            for reply in &replies {
                Record::of(&Situation::of(reply)).write(&mut out);
            }
            black_box(out.len())
        });
    });
    group.bench_function("explain alone", |b| {
        b.iter(|| replies.iter().map(|reply| explain(&Situation::of(reply)).len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, speed);
criterion_main!(benches);
