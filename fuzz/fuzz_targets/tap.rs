//! The tap survives whatever the two ends say, and keeps little of it. The first byte of each piece says whose it is
//! and how long.
#![no_main]

use heloise::transport::tap::Ears;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut ears = Ears::default();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let length = usize::from(first >> 1).min(after.len());
        let (piece, after) = after.split_at(length);
        if first & 1 == 0 {
            ears.received(piece)
        } else {
            ears.sent(piece)
        }
        rest = after;
    }
    let kept: usize = ears.seen().chain.iter().map(Vec::len).sum();
    assert!(kept <= bytes.len());
});
