//! A server that says what a test wants, for any number of connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod, SslVersion};
use openssl::x509::X509;

use crate::tls::pki::{Leaf, NAME, Pki, acceptor};

/// Said instead of a reply: nothing, for as long as the client waits.
pub const HOLD: &str = "\0hold";

/// Said instead of a reply: nothing, and the server goes on listening.
pub const SILENT: &str = "\0silent";

/// Said instead of a reply: a line without an end.
pub const FLOOD: &str = "\0flood";

/// Sends something; nothing where the link is to be closed, or is.
fn say(link: &mut impl Write, what: &str) -> Option<()> {
    match what {
        "" => None,
        HOLD => {
            std::thread::sleep(Duration::from_secs(30));
            None
        }
        SILENT => Some(()),
        FLOOD => loop {
            link.write_all(&[b'x'; 1000]).ok()?;
        },
        text => link.write_all(text.as_bytes()).ok(),
    }
}

/// What the server does. The default is a healthy one.
#[derive(Clone)]
pub struct Fake {
    /// Before the greeting.
    pub delay: Duration,
    /// The greeting, with CRLF.
    pub banner: String,
    /// The lines of EHLO behind the first, before TLS and over it.
    pub before: Vec<&'static str>,
    /// As above.
    pub after: Vec<&'static str>,
    /// Replies to commands that begin so, before all others; with CRLF. An empty one is silence and a hang-up.
    pub replies: Vec<(&'static str, &'static str)>,
    /// Sent behind the go-ahead for TLS.
    pub injected: &'static str,
    /// TLS from the first byte.
    pub implicit: bool,
    /// What is sent instead of a handshake; [`HOLD`] for nothing.
    pub instead: Option<&'static str>,
    /// Refuses EHLO over TLS.
    pub refuses_second_ehlo: bool,
    /// Answers so to the first command that begins so, and no other.
    pub once: Option<(&'static str, &'static str, Arc<Mutex<bool>>)>,
    /// Takes down what is heard.
    pub heard: Option<Arc<Mutex<Vec<String>>>>,
    tls: Option<Arc<SslAcceptor>>,
}

impl Default for Fake {
    fn default() -> Fake {
        Fake {
            delay: Duration::ZERO,
            banner: format!("220 {NAME} ESMTP ready\r\n"),
            before: vec!["PIPELINING", "SIZE 50000000", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES"],
            after: vec!["PIPELINING", "SIZE 50000000", "8BITMIME", "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES"],
            replies: Vec::new(),
            injected: "",
            implicit: false,
            instead: None,
            refuses_second_ehlo: false,
            once: None,
            heard: None,
            tls: None,
        }
    }
}

impl Fake {
    /// A healthy server with a certificate of this authority.
    pub fn with_tls(pki: &Pki) -> Fake {
        let leaf = pki.leaf(&[NAME], |_| {});
        Fake::with_chain(&pki.chain(&leaf), &leaf, |_| {})
    }

    /// A server with this chain, changed further.
    pub fn with_chain(chain: &[Vec<u8>], leaf: &Leaf, change: impl FnOnce(&mut SslAcceptorBuilder)) -> Fake {
        let mut builder = acceptor(chain, &leaf.key, SslVersion::TLS1_2, SslVersion::TLS1_3);
        change(&mut builder);
        Fake { tls: Some(Arc::new(builder.build())), ..Fake::default() }
    }

    /// A server without TLS.
    pub fn without_tls() -> Fake {
        let healthy = Fake::default();
        Fake { before: healthy.after, ..Fake::default() }
    }

    /// Changed.
    pub fn but(mut self, change: impl FnOnce(&mut Fake)) -> Fake {
        change(&mut self);
        self
    }

    /// A server whose certificate has an RSA key of 1024 bits, and vouches for itself.
    pub fn with_weak_key() -> Fake {
        let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
        let mut cert = X509::builder().unwrap();
        cert.set_pubkey(&key).unwrap();
        cert.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        cert.set_not_after(&Asn1Time::days_from_now(100).unwrap()).unwrap();
        cert.sign(&key, MessageDigest::sha256()).unwrap();
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        builder.set_security_level(0);
        builder.set_certificate(&cert.build()).unwrap();
        builder.set_private_key(&key).unwrap();
        Fake { tls: Some(Arc::new(builder.build())), ..Fake::default() }
    }

    /// Serves on a free port.
    pub fn serve(self) -> SocketAddr {
        self.serve_at(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Serves there.
    pub fn serve_at(self, addr: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for tcp in listener.incoming() {
                let fake = self.clone();
                std::thread::spawn(move || fake.take(tcp.unwrap()));
            }
        });
        addr
    }

    fn take(&self, tcp: TcpStream) {
        tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        tcp.set_nodelay(true).unwrap();
        if self.implicit {
            if let Some(Ok(link)) = self.tls.as_ref().map(|tls| tls.accept(tcp)) {
                self.talk(link, true, true);
            }
            return;
        }
        let Some(tcp) = self.talk(tcp, true, false) else { return };
        if let Some(instead) = self.instead {
            let mut tcp = tcp;
            let _ = tcp.read(&mut [0; 2000]);
            let _ = say(&mut tcp, instead);
            return;
        }
        if let Some(Ok(link)) = self.tls.as_ref().map(|tls| tls.accept(tcp)) {
            self.talk(link, false, true);
        }
    }

    /// Talks until the end, or until TLS is to begin; then the link comes back.
    fn talk<S: Read + Write>(&self, link: S, greet: bool, encrypted: bool) -> Option<S> {
        let mut link = BufReader::new(link);
        if greet {
            std::thread::sleep(self.delay);
            say(link.get_mut(), &self.banner)?;
        }
        loop {
            let mut line = Vec::new();
            if link.read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            let line = String::from_utf8_lossy(&line).to_ascii_uppercase();
            if let Some(heard) = &self.heard {
                heard.lock().unwrap().push(line.trim_end().to_owned());
            }
            let reply = self.reply(line.trim_end(), encrypted);
            say(link.get_mut(), &reply)?;
            match line.trim_end() {
                "STARTTLS" if reply.starts_with("220") => return Some(link.into_inner()),
                "QUIT" if reply != SILENT => return None,
                _ => {}
            }
        }
    }

    fn reply(&self, line: &str, encrypted: bool) -> String {
        if let Some((command, reply, first)) = &self.once
            && line.starts_with(command)
            && std::mem::take(&mut *first.lock().unwrap())
        {
            return (*reply).to_owned();
        }
        if let Some((_, reply)) = self.replies.iter().find(|(command, _)| line.starts_with(command)) {
            return (*reply).to_owned();
        }
        let verb = line.split(' ').next().unwrap_or_default();
        match verb {
            "EHLO" if encrypted && self.refuses_second_ehlo => "503 5.5.1 again?\r\n".to_owned(),
            "EHLO" | "LHLO" => {
                let list = if encrypted { &self.after } else { &self.before };
                let mut lines = vec![NAME];
                lines.extend(list);
                let last = lines.len() - 1;
                let written = |(at, text): (usize, &&str)| {
                    format!("250{}{text}\r\n", if at == last { ' ' } else { '-' })
                };
                lines.iter().enumerate().map(written).collect()
            }
            "STARTTLS" => format!("220 2.0.0 go on\r\n{}", self.injected),
            "QUIT" => "221 2.0.0 bye\r\n".to_owned(),
            "HELO" | "MAIL" | "RCPT" | "RSET" | "NOOP" => "250 2.0.0 ok\r\n".to_owned(),
            _ => "502 5.5.1 not known\r\n".to_owned(),
        }
    }
}
