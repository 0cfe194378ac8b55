//! A session says the same of the same bytes, whole or byte by byte. The first line of the input says which commands
//! were sent before; the rest comes from the server. The server role only has to survive.
#![no_main]

use std::time::Duration;

use heloise::session::{Caps, Client, Event, Request, Server, Timeouts};
use libfuzzer_sys::fuzz_target;

const COMMANDS: [&[u8]; 12] = [
    b"EHLO a.example",
    b"STARTTLS",
    b"AUTH LOGIN",
    b"YWxpY2U=",
    b"MAIL FROM:<a@b.example>",
    b"RCPT TO:<c@d.example>",
    b"DATA",
    b"text",
    b".",
    b"BDAT 3 LAST",
    b"QUIT",
    b"RSET",
];

fn events(commands: &[u8], pieces: &[&[u8]]) -> Vec<Event> {
    let mut client = Client::new(false, Timeouts::default(), Caps::default(), Duration::ZERO);
    for number in commands {
        if let Some(line) = COMMANDS.get(usize::from(*number) % COMMANDS.len()) {
            client.submit(line, Duration::ZERO);
        }
    }
    for piece in pieces {
        client.handle_bytes(piece, Duration::ZERO);
        // Where TLS would begin, what is glued behind depends on how the bytes arrive.
        if client.state().phase == heloise::session::Phase::Upgrading {
            break;
        }
    }
    client.handle_end(Duration::ZERO);
    let events = std::iter::from_fn(|| client.poll_event());
    events.filter(|event| !matches!(event, Event::Upgrade { .. })).collect()
}

fn serve(bytes: &[u8]) {
    let mut server = Server::new(2000);
    server.reply(220, &["ready"]);
    server.handle_bytes(bytes);
    while let Some(request) = server.next_request() {
        match request {
            Request::Content(_) | Request::Chunk(..) => {}
            Request::Exceeded(_) => break,
            _ => server.reply(250, &["ok"]),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (commands, said) = bytes.split_at(bytes.iter().position(|b| *b == b'\n').unwrap_or(0));
    let commands = commands.get(..commands.len().min(20)).unwrap_or_default();
    let single: Vec<&[u8]> = said.chunks(1).collect();
    let (whole, single) = (events(commands, &[said]), events(commands, &single));
    assert_eq!(whole, single);
    serve(bytes);
});
