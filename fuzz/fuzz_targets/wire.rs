//! Whatever a peer sends is kept whole; whatever a command is read as prints to a line that reads the same.
#![no_main]

use heloise::wire::command::check;
use heloise::wire::escape::{is_harmless, visible};
use heloise::wire::{Capabilities, Command, CommandLine, Reply};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let replies = Reply::read_all(bytes);
    let again: Vec<u8> = replies.iter().flat_map(Reply::bytes).copied().collect();
    assert_eq!(again, bytes);
    for reply in &replies {
        let capabilities = Capabilities::from_reply(reply);
        capabilities.quirks();
        capabilities.mechanisms();
        capabilities.size_limit();
        assert!(reply.quirks().iter().all(|quirk| !quirk.source().is_empty()));
    }
    for line in bytes.split(|b| *b == b'\n') {
        CommandLine::parse(line);
        check(line, None);
        assert!(visible(line).chars().all(is_harmless));
        if let Some(command) = Command::parse(line) {
            let printed = command.to_line().expect("what was read can be printed");
            assert_eq!(Command::parse(&printed), Some(command));
        }
    }
});
