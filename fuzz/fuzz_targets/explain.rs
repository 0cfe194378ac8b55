//! Whatever stands in a log is read, explained and printed, as text and as JSON, in any width.
#![no_main]

use heloise::explain::{Record, explain, extract::Finder, render};
use heloise::wire::escape::is_harmless;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut finder = Finder::new();
    let mut found: Vec<_> =
        bytes.split(|b| *b == b'\n').take(50).flat_map(|line| finder.line(line)).collect();
    found.extend(finder.finish());
    for found in &found {
        let situation = found.situation();
        for explanation in explain(&situation) {
            let headline =
                render::Headline { code: situation.reply.code(), enhanced: situation.reply.enhanced() };
            let width = usize::from(bytes.first().copied().unwrap_or(80)).max(20);
            for line in render::full(&explanation, headline, width) {
                assert!(line.iter().all(|span| span.text.chars().all(is_harmless)), "{line:?}");
            }
        }
        let mut json = Vec::new();
        Record::of(&situation).write(&mut json);
        String::from_utf8(json).expect("JSON is UTF-8");
    }
});
