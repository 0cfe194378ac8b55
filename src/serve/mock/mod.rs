//! The mock server: is the server of recorded or hand-written transcripts.
//!
//! Each session walks through all transcripts at once and drops those that the client's commands or its EHLO
//! name tell apart. `wit` decides what to say, `auth` does so in AUTH exchanges, `proof` holds those that cannot be played,
//! `lmtp` tells recipients apart, `journal` keeps what clients sent.

mod auth;
mod journal;
mod lmtp;
mod proof;
mod wit;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::{Acceptor, Listener, Tls, cert};
use crate::transcript::script::{Match, Mock};
use crate::transcript::turns::Said;
use crate::transcript::{ClosedBy, Entry, EntryKind, Info};
use crate::wire::{CommandLine, ReplyCode, Verb};
use journal::Journal;
pub use proof::Account;
use wit::MockWit;

/// How many mismatches are kept word by word.
const KEPT: usize = 20;

/// How many clients are served at a time. Each may need a file as well, and as many may be about to be turned away: all in
/// all fewer than the 1024 files that most systems allow.
pub const MAX_CLIENTS: usize = 250;

/// One transcript, as its server is to be played.
#[derive(Debug)]
pub struct Script {
    mock: Mock,
    /// The server closed the link in the end.
    closes: bool,
}

impl Script {
    /// From the entries of a session; nothing if the server does nothing in it.
    pub fn new(entries: &[Entry]) -> Option<Script> {
        let first = entries.iter().take_while(|entry| !matches!(entry.kind, EntryKind::Session(_)));
        let closed = first.filter_map(|entry| match &entry.kind {
            EntryKind::Info(Info::Closed { by }) => Some(by == &ClosedBy::Server),
            _ => None,
        });
        let (mock, closes) = (Mock::new(entries), closed.last().unwrap_or(false));
        let speaks = mock.turns().iter().any(|turn| !turn.heard.is_empty());
        (speaks || closes).then_some(Script { mock, closes })
    }

    /// Whether the link was encrypted before the greeting.
    pub fn implicit_tls(&self) -> bool {
        self.mock.implicit_tls()
    }

    /// The mechanisms with which a client of this transcript authenticated, and in which the server has to prove
    /// that it knows the password: they cannot be played.
    pub fn unplayable(&self) -> Vec<String> {
        let turns = self.mock.turns().iter().filter(|turn| turn.code() == Some(ReplyCode::CHALLENGE));
        let mechanisms = turns.filter_map(|turn| match &turn.said {
            Said::Command { verb: Verb::Auth, line, .. } => auth::mechanism(line),
            _ => None,
        });
        mechanisms.filter(|mechanism| proof::server_proves(mechanism)).collect()
    }

    /// Whether a client of this transcript gave this name in EHLO.
    fn knows(&self, name: &[u8]) -> bool {
        self.mock.turns().iter().any(|turn| match &turn.said {
            Said::Command { verb: Verb::Ehlo | Verb::Helo | Verb::Lhlo, line, .. } => {
                CommandLine::parse(line.head()).rest().eq_ignore_ascii_case(name)
            }
            _ => false,
        })
    }
}

/// How a mock server is set up.
pub struct MockOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How replies are found.
    pub how: Match,
    /// Whether replies take as long as they did.
    pub timing: bool,
    /// Whether the server ends with its first session.
    pub once: bool,
    /// The certificate and its key; made on the fly if there is none.
    pub identity: Option<Acceptor>,
    /// Where what clients sent is kept, a transcript for each session.
    pub record_dir: Option<PathBuf>,
    /// The user whose password is known: AUTH exchanges that need it are held for real.
    pub account: Option<Account>,
}

/// What became of the sessions.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many sessions there were. A port that was only tried is none.
    pub sessions: usize,
    /// The number of the last one, here or in the folder of those that are kept.
    last: usize,
    /// How many clients found all places taken.
    pub turned_away: usize,
    /// How many times a client did other than the transcript.
    pub mismatches: usize,
    /// The first of them, in words that are safe to show.
    pub words: Vec<String>,
    /// What should be known of sessions that did not differ, each once.
    pub remarks: Vec<String>,
    /// The first things that could not be recorded.
    pub unrecorded: Vec<String>,
}

/// What all sessions share.
struct Shared {
    scripts: Vec<Arc<Script>>,
    how: Match,
    timing: bool,
    record_dir: Option<PathBuf>,
    account: Option<Account>,
    /// What the server calls itself in exchanges that are held for real.
    host: String,
    report: Mutex<Report>,
    ended: Notify,
}

impl Shared {
    fn report<T>(&self, work: impl FnOnce(&mut Report) -> T) -> T {
        // A panic elsewhere leaves nothing half-done here.
        work(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn mismatch(&self, words: String) {
        self.report(|report| {
            report.mismatches += 1;
            if report.words.len() < KEPT {
                report.words.push(words);
            }
        });
    }

    fn remark(&self, words: String) {
        self.report(|report| {
            if report.remarks.len() < KEPT && !report.remarks.contains(&words) {
                report.remarks.push(words);
            }
        });
    }

    /// Somebody has connected.
    fn greet(self: &Arc<Shared>) -> MockWit {
        let secret = self.account.as_ref().map(|account| &account.password);
        MockWit::new(Arc::clone(self), Journal::new(secret))
    }

    /// A session has begun. Returns its number, which is that of its file as well.
    fn begin(&self, journal: &mut Journal) -> usize {
        self.report(|report| {
            report.sessions += 1;
            report.last += 1;
            let created =
                self.record_dir.as_ref().map(|dir| journal::create(dir, report.last, journal.began));
            let recorder = created.and_then(|created| match created {
                Ok((recorder, number)) => {
                    report.last = number;
                    Some(recorder)
                }
                Err(words) => {
                    report.not_recorded(words);
                    None
                }
            });
            journal.keep(recorder);
            report.last
        })
    }
}

impl Report {
    fn not_recorded(&mut self, words: String) {
        if self.unrecorded.len() < KEPT {
            self.unrecorded.push(words);
        }
    }
}

/// A mock server that listens and does not serve yet.
pub struct MockServer {
    listener: Listener,
    addr: SocketAddr,
    ca_pem: String,
    once: bool,
    shared: Arc<Shared>,
}

impl MockServer {
    /// Takes the port. TLS comes first if it does so in the first of the transcripts; they must be alike in that.
    ///
    /// # Errors
    /// When the address cannot be had, or no certificate can be made.
    pub fn bind(scripts: Vec<Script>, options: MockOptions) -> io::Result<MockServer> {
        let implicit = scripts.first().is_some_and(Script::implicit_tls);
        let encrypts = implicit || scripts.iter().any(|script| script.mock.starttls());
        let (tls, ca_pem) = match (encrypts, options.identity) {
            (false, _) => (None, String::new()),
            (true, Some(acceptor)) => (Some(Tls { acceptor, implicit: None }), String::new()),
            (true, None) => {
                let (acceptor, ca_pem) = cert::acceptor(names(&scripts), options.listen.ip())?;
                (Some(Tls { acceptor, implicit: None }), ca_pem)
            }
        };
        let mut listener = Listener::bind(options.listen, tls)?;
        listener.tls_first = implicit;
        listener.max_clients = MAX_CLIENTS;
        let addr = listener.bound()?.plain;
        let host = names(&scripts).into_iter().next().unwrap_or_else(|| "localhost".to_owned());
        // Clients are not to wait while the files of earlier runs are counted.
        let last = options.record_dir.as_deref().map_or(0, journal::last_number);
        let report = Report { last, ..Report::default() };
        let shared = Shared {
            account: options.account,
            host,
            scripts: scripts.into_iter().map(Arc::new).collect(),
            how: options.how,
            timing: options.timing,
            record_dir: options.record_dir,
            report: Mutex::new(report),
            ended: Notify::new(),
        };
        Ok(MockServer { listener, addr, ca_pem, once: options.once, shared: Arc::new(shared) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificate of the authority that vouches for the one made on the fly; empty if none was made.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Serves until `shutdown` is ready, or until the first session is over if only one is served.
    ///
    /// # Errors
    /// When the socket cannot be used at all.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> io::Result<Report> {
        let (shared, once) = (Arc::clone(&self.shared), self.once);
        let first_over = async {
            match once {
                true => shared.ended.notified().await,
                false => std::future::pending().await,
            }
        };
        let over = async {
            tokio::select! {
                () = shutdown => {}
                () = first_over => {}
            }
        };
        let for_sessions = Arc::clone(&self.shared);
        self.listener.run(move |_| for_sessions.greet(), over).await?;
        Ok(self.shared.report(|report| report.clone()))
    }
}

/// What the servers call themselves in their greetings.
fn names(scripts: &[Script]) -> Vec<String> {
    let host = |script: &Script| {
        let line = script.mock.greeting()?.turn.heard.first()?.lines.first()?.head().get(4..)?.to_vec();
        let word = line.split(u8::is_ascii_whitespace).next()?.to_vec();
        let fit = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        let fits = word.contains(&b'.') && word.iter().all(fit);
        String::from_utf8(word).ok().filter(|_| fits)
    };
    let mut names: Vec<String> = scripts.iter().filter_map(host).collect();
    names.sort();
    names.dedup();
    names
}
