//! A server that takes what it is sent and keeps it, and offers and answers what a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longer than any case needs.
const LIMIT: Duration = Duration::from_secs(60);

/// How it behaves.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// What it lists in its reply to EHLO; with nothing it does not know EHLO.
    pub offers: Vec<&'static str>,
    /// Replies to commands that begin so, the first that fits; else it says yes.
    pub replies: Vec<(&'static str, &'static str)>,
    /// The replies to the end of the content.
    pub ends: Vec<&'static str>,
    /// Whether it keeps its replies back until DATA, as a client that waits for one would never send that.
    pub held_back: bool,
    /// Whether content is only counted.
    pub counts: bool,
}

impl Manner {
    /// One that offers this.
    pub fn offering(offers: &[&'static str]) -> Manner {
        Manner { offers: offers.to_vec(), ends: vec!["250 2.0.0 kept"], ..Manner::default() }
    }

    /// Answers commands that begin so in this way.
    pub fn saying(mut self, command: &'static str, reply: &'static str) -> Manner {
        self.replies.push((command, reply));
        self
    }
}

/// What it was sent.
#[derive(Debug, Default)]
pub struct Taken {
    /// The commands, in order.
    pub commands: Vec<String>,
    /// The content, without the dots that were added on the way.
    pub content: Vec<u8>,
    /// Its octets.
    pub octets: u64,
}

impl Taken {
    /// The first word of each command.
    pub fn verbs(&self) -> Vec<&str> {
        self.commands.iter().map(|line| line.split(' ').next().unwrap()).collect()
    }
}

/// A server that runs.
pub struct Taker {
    /// Where it listens.
    pub addr: SocketAddr,
    thread: JoinHandle<Taken>,
}

impl Taker {
    /// Takes one connection.
    pub fn start(manner: Manner) -> Taker {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let (link, _) = listener.accept().unwrap();
            link.set_read_timeout(Some(LIMIT)).unwrap();
            let mut serving =
                Serving { reader: BufReader::new(&link), link: &link, manner, taken: Taken::default() };
            // A client that leaves in the middle is the point of some cases.
            let _ = serving.run();
            serving.taken
        });
        Taker { addr, thread }
    }

    /// What it was sent, once the client has left.
    pub fn taken(self) -> Taken {
        self.thread.join().unwrap()
    }
}

struct Serving<'a> {
    reader: BufReader<&'a TcpStream>,
    link: &'a TcpStream,
    manner: Manner,
    taken: Taken,
}

impl Serving<'_> {
    fn run(&mut self) -> std::io::Result<()> {
        let mut held = String::new();
        self.say("220 taker.example ESMTP\r\n")?;
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end_matches("\r\n").to_owned();
            let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            self.taken.commands.push(line.clone());
            let reply = self.reply(&line, &verb)?;
            held.push_str(&reply);
            if !(self.manner.held_back && matches!(verb.as_str(), "MAIL" | "RCPT")) {
                self.say(&std::mem::take(&mut held))?;
            }
            if verb == "QUIT" || reply.starts_with("421") {
                return Ok(());
            }
            if verb == "DATA" && reply.starts_with("354") {
                self.content()?;
            }
        }
    }

    fn reply(&mut self, line: &str, verb: &str) -> std::io::Result<String> {
        if verb == "BDAT" {
            return self.chunk(line);
        }
        if let Some((_, reply)) = self.manner.replies.iter().find(|(start, _)| line.starts_with(start)) {
            return Ok(format!("{reply}\r\n"));
        }
        Ok(match verb {
            "EHLO" if self.manner.offers.is_empty() => "502 5.5.2 what?\r\n".to_owned(),
            "EHLO" | "LHLO" => {
                let offers = self.manner.offers.iter().map(|offer| format!("250-{offer}\r\n"));
                format!("250-taker.example\r\n{}250 HELP\r\n", offers.collect::<String>())
            }
            "DATA" => "354 go on\r\n".to_owned(),
            "QUIT" => "221 2.0.0 bye\r\n".to_owned(),
            _ => "250 2.0.0 Ok\r\n".to_owned(),
        })
    }

    fn chunk(&mut self, line: &str) -> std::io::Result<String> {
        let size = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut chunk = vec![0; size];
        self.reader.read_exact(&mut chunk)?;
        self.taken.content.extend_from_slice(&chunk);
        let ends = self.manner.ends.iter().map(|end| format!("{end}\r\n"));
        Ok(if line.ends_with(" LAST") { ends.collect() } else { "250 2.0.0 more\r\n".to_owned() })
    }

    fn content(&mut self) -> std::io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            if line == b".\r\n" {
                let ends = self.manner.ends.clone();
                return ends.into_iter().try_for_each(|end| self.say(&format!("{end}\r\n")));
            }
            let line = line.strip_prefix(b".").unwrap_or(&line);
            self.taken.octets += line.len() as u64;
            if !self.manner.counts {
                self.taken.content.extend_from_slice(line);
            }
        }
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.link.write_all(text.as_bytes())
    }
}
