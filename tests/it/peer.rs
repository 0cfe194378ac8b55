//! A scripted peer: a server that knows no SMTP and does what a list says. And a run of the program against
//! it, watched for time, memory and what it writes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any case needs, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

/// What a peer does next.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends bytes at once.
    Send(Vec<u8>),
    /// Sends bytes one at a time with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Reads lines until one begins so, in any case.
    Await(&'static str),
    /// Reads some bytes, whatever they are.
    AwaitBytes,
    /// Sends the same again and again until the client is gone.
    Flood(Vec<u8>),
    /// Says nothing until the client is gone.
    Hold,
    /// Ends the link with a reset instead of a close.
    Reset,
}

/// Listens on a free port and does `acts` on the first connection; then it closes.
pub fn peer(acts: Vec<Act>) -> SocketAddr {
    peers(1, acts)
}

/// Listens on a free port and does the same on so many connections, one after the other; then it closes.
pub fn peers(count: usize, acts: Vec<Act>) -> SocketAddr {
    connections(vec![acts; count])
}

/// Listens on a free port and does what is said for each connection in turn; then it closes.
pub fn connections(scripts: Vec<Vec<Act>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for acts in scripts {
            let (link, _) = listener.accept().unwrap();
            link.set_read_timeout(Some(LIMIT)).unwrap();
            link.set_write_timeout(Some(LIMIT)).unwrap();
            let mut acts = acts.into_iter();
            // That the client leaves in the middle is the point of many cases.
            let _ = acts.try_for_each(|act| perform(&mut BufReader::new(&link), &link, act));
        }
    });
    addr
}

fn perform(reader: &mut BufReader<&TcpStream>, mut link: &TcpStream, act: Act) -> std::io::Result<()> {
    match act {
        Act::Send(bytes) => link.write_all(&bytes),
        Act::Drip(bytes, pause) => bytes.into_iter().try_for_each(|byte| {
            thread::sleep(pause);
            link.write_all(&[byte])
        }),
        Act::Await(start) => await_line(link, start),
        Act::AwaitBytes => reader.fill_buf().map(drop),
        Act::Flood(bytes) => loop {
            link.write_all(&bytes)?;
        },
        Act::Hold => std::io::copy(reader, &mut std::io::sink()).map(drop),
        Act::Reset => socket2::SockRef::from(link).set_linger(Some(Duration::ZERO)),
    }
}

/// Reads byte by byte, so that nothing behind the line is lost.
fn await_line(mut link: &TcpStream, start: &str) -> std::io::Result<()> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        if link.read(&mut byte)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        line.push(byte[0]);
        if byte[0] == b'\n' {
            if line.len() >= start.len() && line[..start.len()].eq_ignore_ascii_case(start.as_bytes()) {
                return Ok(());
            }
            line.clear();
        }
    }
}

/// What a run of the program came to.
#[derive(Debug)]
pub struct Run {
    /// The exit status; nothing if a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The most memory it was seen to hold, in KiB.
    pub peak_kib: u64,
}

/// Runs the program with these arguments, nothing on standard input, and a home of its own.
pub fn heloise(arguments: &[String]) -> Run {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_heloise"))
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap()));
    let begun = Instant::now();
    let mut peak_kib = 0;
    let status = loop {
        peak_kib = peak_kib.max(memory(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if begun.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("hangs: {arguments:?}\n{}\n{}", out.join().unwrap(), err.join().unwrap());
        }
        thread::sleep(Duration::from_millis(5));
    };
    Run { status, out: out.join().unwrap(), err: err.join().unwrap(), peak_kib }
}

fn collect(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).expect("all that is written is UTF-8")
    })
}

/// The most memory the process has held so far, in KiB; 0 where the system does not tell.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
