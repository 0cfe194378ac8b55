//! The practice server over real sockets, asked by a client that knows nothing but lines.

mod auth;
mod link;
mod page;
mod rules;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heloise::sasl;
use heloise::secret::Secret;
use heloise::serve::practice::{self, Practice, PracticeOptions};
use tokio::sync::oneshot;

/// Nothing here takes as long; a test that hangs fails by it.
const LIMIT: Duration = Duration::from_secs(30);

/// A practice server on a thread of its own, stopped when dropped.
struct Running {
    addr: SocketAddr,
    tls: Option<SocketAddr>,
    ca: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(options: PracticeOptions) -> Running {
        let practice = Practice::bind(options).unwrap();
        let (addr, tls, ca) = (practice.addr(), practice.tls_addr(), practice.ca_pem().to_owned());
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(practice.run(async { drop(stopped.await) })).unwrap();
        });
        Running { addr, tls, ca, stop: Some(stop), thread: Some(thread) }
    }

    fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }

    fn connector(&self) -> native_tls::TlsConnector {
        let ca = native_tls::Certificate::from_pem(self.ca.as_bytes()).unwrap();
        native_tls::TlsConnector::builder()
            .disable_built_in_roots(true)
            .add_root_certificate(ca)
            .build()
            .unwrap()
    }

    /// A client that has read the greeting.
    fn client(&self) -> Raw<TcpStream> {
        let mut raw = Raw::new(connect(self.addr));
        assert!(raw.reply().starts_with("220 mx.example.org ESMTP"));
        raw
    }

    /// A client that has said EHLO.
    fn greeted(&self) -> Raw<TcpStream> {
        let mut raw = self.client();
        assert!(raw.ask("EHLO me.example").starts_with("250-mx.example.org\n"));
        raw
    }

    /// A client that has said EHLO on an encrypted link.
    fn encrypted(&self) -> Raw<native_tls::TlsStream<TcpStream>> {
        let mut raw = self.greeted();
        assert_eq!(raw.ask("STARTTLS"), "220 2.0.0 Ready to start TLS");
        let link = raw.link.into_inner();
        let mut raw = Raw::new(self.connector().connect("mx.example.org", link).unwrap());
        assert!(raw.ask("EHLO me.example").starts_with("250-"));
        raw
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let link = TcpStream::connect(addr).unwrap();
    link.set_read_timeout(Some(LIMIT)).unwrap();
    link.set_write_timeout(Some(LIMIT)).unwrap();
    link
}

struct Raw<S: Read + Write> {
    link: BufReader<S>,
}

impl<S: Read + Write> Raw<S> {
    fn new(link: S) -> Raw<S> {
        Raw { link: BufReader::new(link) }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.link.get_mut().write_all(bytes.as_ref()).unwrap();
        self.link.get_mut().flush().unwrap();
    }

    /// A whole reply; its lines are parted by LF. Empty at the end of the link.
    fn reply(&mut self) -> String {
        let mut whole = String::new();
        loop {
            let mut line = String::new();
            if self.link.read_line(&mut line).unwrap() == 0 {
                return whole;
            }
            assert!(line.ends_with("\r\n"), "{line:?}");
            whole.push_str(line.trim_end_matches("\r\n"));
            if line.as_bytes().get(3) != Some(&b'-') {
                return whole;
            }
            whole.push('\n');
        }
    }

    fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n"));
        self.reply()
    }

    /// Says each line and demands that the reply begins as told.
    fn talk(&mut self, script: &[(&str, &str)]) {
        for (line, expected) in script {
            let reply = self.ask(line);
            assert!(reply.starts_with(expected), "{line}: {reply}, not {expected}");
        }
    }

    /// Says that the server has closed the link.
    fn ended(&mut self) -> bool {
        self.reply().is_empty()
    }
}

fn start() -> Running {
    Running::start(PracticeOptions::default())
}

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}
