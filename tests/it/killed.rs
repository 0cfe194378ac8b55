//! `kill -9` in the middle of a recorded session, at many points: the file opens, and holds all that was seen of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use heloise::transcript::{Entry, EntryKind, Reader, export::json};

use crate::binary::Heloise;

/// How many sessions are killed.
const ROUNDS: u64 = 40;

/// Commands and content lines of one session; it is killed before it comes to the end.
const LINES: u64 = 1200;

/// What the client sends again and again.
const SCRIPT: [&str; 9] = [
    "MAIL FROM:<alice@example.net>",
    "RCPT TO:<bob@example.org>",
    "DATA",
    "Subject: caf\u{e9}",
    "",
    "a line of content that is not as short as the others are",
    ".",
    "NOOP {not a mark} \\ \"",
    "RSET",
];

/// A generator of points to kill at: the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}

/// A server that kills its client: after so many lines, and so many microseconds. Returns the lines that it got.
fn killer(lines: u64, pause: Duration, client: mpsc::Receiver<Pid>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let (link, _) = listener.accept().unwrap();
        link.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let client = client.recv().unwrap();
        let mut got = Vec::new();
        // The client dies in the middle of this.
        let _ = serve(&link, &mut got, lines);
        let begun = Instant::now();
        while begun.elapsed() < pause {
            std::hint::spin_loop();
        }
        kill(client, Signal::SIGKILL).unwrap();
        let mut rest = String::new();
        let _ = BufReader::new(&link).read_to_string(&mut rest);
        got.extend(rest.split_inclusive("\r\n").filter_map(|l| l.strip_suffix("\r\n")).map(str::to_owned));
        got
    });
    (addr, serving)
}

fn serve(mut link: &TcpStream, got: &mut Vec<String>, lines: u64) -> std::io::Result<()> {
    let mut reader = BufReader::with_capacity(1, link);
    let mut content = false;
    link.write_all(b"220 mx.example.org ESMTP\r\n")?;
    for _ in 0..lines {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        got.push(line.trim_end_matches("\r\n").to_owned());
        let reply: &[u8] = match line.as_str() {
            ".\r\n" => b"250 2.0.0 Ok: queued\r\n",
            _ if content => continue,
            "DATA\r\n" => b"354 go\r\n",
            _ => b"250-2.1.0 first\r\n250-2.1.0 \x1b[31msecond\xff\r\n250 2.1.0 third\r\n",
        };
        content = line == "DATA\r\n";
        link.write_all(reply)?;
    }
    Ok(())
}

/// Gives the child its script from a thread of its own; that the pipe breaks is the point.
fn feed(mut stdin: ChildStdin) -> JoinHandle<()> {
    thread::spawn(move || {
        let lines = SCRIPT.iter().cycle().take(LINES as usize);
        let _ = lines.into_iter().try_for_each(|line| writeln!(stdin, "{line}"));
    })
}

/// Waits for the killed child and returns what it had shown.
fn shown(mut child: Child) -> String {
    let mut out = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was killed");
    String::from_utf8(out).unwrap()
}

/// Reads a transcript. Every line of it must be readable; the one under way may be cut off.
fn entries(bytes: &[u8]) -> Vec<Entry> {
    let mut reader = Reader::new(bytes).unwrap();
    let mut entries: Vec<Entry> = reader.by_ref().map(|entry| entry.unwrap()).collect();
    let whole = bytes.ends_with(b"\n");
    assert_eq!(reader.warning().is_some(), !whole, "a warning, and only where the file ends in mid-line");
    let ends = bytes.iter().filter(|b| **b == b'\n').count();
    if !whole && entries.len() + header_lines(bytes) > ends {
        entries.pop();
    }
    entries
}

fn header_lines(bytes: &[u8]) -> usize {
    let lines = bytes.split(|b| *b == b'\n');
    lines.take_while(|line| line.starts_with(b"%") || line.is_empty()).count()
}

fn sent(entries: &[Entry]) -> Vec<String> {
    let lines = entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Sent { .. }));
    lines.map(|entry| String::from_utf8(entry.line().unwrap().bytes().unwrap().to_vec()).unwrap()).collect()
}

#[test]
fn at_most_the_line_under_way_is_lost() {
    let mut dice = Dice(20261125);
    let mut recording = Vec::new();
    for round in 0..ROUNDS {
        let (lines, pause) = (1 + dice.below(LINES / 4), Duration::from_micros(dice.below(400)));
        let (tell, told) = mpsc::channel();
        let (addr, serving) = killer(lines, pause, told);
        let program = Heloise::new();
        let path = program.path("session.heloise");
        let mut child = program.command(&[&addr.to_string(), "--json", "--record", &path]).spawn().unwrap();
        tell.send(Pid::from_raw(i32::try_from(child.id()).unwrap())).unwrap();
        let feeding = feed(child.stdin.take().unwrap());
        let shown = shown(child);
        feeding.join().unwrap();
        let got = serving.join().unwrap();
        recording = std::fs::read(&path).unwrap();
        let kept = entries(&recording);
        let place = format!("round {round}, killed {pause:?} after line {lines}");

        // What the server got had been recorded before it was sent.
        let sent = sent(&kept);
        assert!(sent.len() >= got.len(), "{place}: {} of {} lines", sent.len(), got.len());
        assert_eq!(sent[..got.len()], got[..], "{place}");
        assert!(got.len() as u64 >= lines, "{place}: the server got {}", got.len());
        // What a person saw had been recorded before it was shown.
        let seen: Vec<&str> =
            shown.split_inclusive('\n').filter(|line| line.ends_with('\n')).skip(1).collect();
        assert!(kept.len() >= seen.len(), "{place}: {} of {} entries", kept.len(), seen.len());
        for (entry, seen) in kept.iter().zip(&seen) {
            assert_eq!(json::to_string(entry), seen.trim_end(), "{place}");
        }
    }

    // A file that the system cut off anywhere opens too, with all entries before the cut.
    let whole = entries(&recording);
    let head = recording.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    for _ in 0..300 {
        let cut = head + dice.below((recording.len() - head) as u64) as usize;
        let kept = entries(&recording[..cut]);
        assert_eq!(kept[..], whole[..kept.len()], "cut at byte {cut}");
        let complete = recording[head..cut].iter().filter(|b| **b == b'\n').count();
        assert_eq!(kept.len(), complete, "cut at byte {cut}");
    }
}
