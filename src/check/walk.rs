//! One session, walked stage by stage. Probes get at the connection and put down their findings here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Local;

use super::finding::{Finding, Found};
use super::ledger::Ledger;
use super::plan::Plan;
use super::progress::{LegId, Watcher};
use super::report::{Depth, End, Facts, Leg};
use super::subject::Endpoint;
use crate::explain::Explanation;
use crate::session::{Answer, Client};
use crate::target::{Scheme, Target};
use crate::transcript::{Header, Info};
use crate::transport::inspect::Inspection;
use crate::transport::{Broken, Connection, DialError, Link, Log, TlsError, TlsInfo, TlsSetup, dial};
use crate::wire::escape::visible;

/// The least and the longest pause between two connections to a server.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(2));

/// A session under way.
pub(super) struct Walk {
    pub plan: Arc<Plan>,
    pub endpoint: Endpoint,
    pub depth: Depth,
    pub connection: Option<Connection>,
    pub facts: Facts,
    /// How the link is encrypted, once it is.
    pub tls: Option<TlsInfo>,
    /// What was seen of the certificates on a connection of its own.
    pub inspection: Option<Inspection>,
    /// This machine's name for EHLO, once it is known.
    pub own_name: String,
    /// The session turned out to begin in the other way.
    pub other_mode: Option<Scheme>,
    /// The last line that came as a reply while no command was waiting for one, safe to show.
    pub unasked: Option<String>,
    /// TLS failed as there was no version that both sides take.
    pub no_common_version: bool,
    /// The server does not know EHLO, and was greeted with HELO.
    pub helo_only: bool,
    /// Something failed that may succeed later.
    pub transient: bool,
    pub end: End,
    /// Nothing at all came back from the port.
    pub silent: bool,
    /// The check is to be ended.
    pub interrupted: bool,
    pub ledger: Ledger,
    stopped: Option<String>,
    log: Option<Log>,
    attempt: u32,
    pause: Duration,
}

/// Why there is no session.
#[derive(Debug)]
pub(super) enum Unopened {
    Dial(DialError),
    Broken(Broken),
    Refused(&'static str, Box<Answer>),
    Tls(TlsError),
}

impl From<Broken> for Unopened {
    fn from(broken: Broken) -> Unopened {
        Unopened::Broken(broken)
    }
}

impl From<TlsError> for Unopened {
    fn from(error: TlsError) -> Unopened {
        Unopened::Tls(error)
    }
}

impl Walk {
    pub fn new(plan: Arc<Plan>, endpoint: Endpoint, id: LegId, attempt: u32, watcher: Watcher) -> Walk {
        let recorder = watcher.recorder();
        let ledger = Ledger::new(endpoint.place(), short_target(&endpoint.target()), id, watcher);
        let mut log = Log::new(Box::new(ledger.tape.clone()), 0);
        log.record(recorder);
        Walk {
            plan,
            endpoint,
            depth: Depth::Whole,
            connection: None,
            facts: Facts::default(),
            tls: None,
            inspection: None,
            own_name: String::new(),
            other_mode: None,
            unasked: None,
            no_common_version: false,
            helo_only: false,
            transient: false,
            end: End::Done,
            silent: false,
            interrupted: false,
            ledger,
            stopped: None,
            log: Some(log),
            attempt,
            pause: PAUSE.0,
        }
    }

    /// Puts a finding down. Where several machines stand behind a name, what is only worth knowing is told of the one
    /// that is walked the whole way.
    pub fn find(&mut self, found: Found) {
        if self.depth == Depth::Whole || !found.is_note() {
            self.ledger.find(found);
        }
    }

    /// The stages that need the session cannot be gone through, for this reason.
    pub fn stop(&mut self, why: impl Into<String>) {
        self.stopped.get_or_insert(why.into());
        if self.end == End::Done {
            self.end = End::Broken;
        }
    }

    /// Why the stages that need the session cannot be gone through.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    /// What the last reply most probably means.
    pub fn explain_last(&self) -> Option<Explanation> {
        self.ledger.tape.explain_last()
    }

    /// Something of note that is not on the wire of this session: it stands in the transcript.
    pub fn note(&mut self, words: &str) {
        let info = Info::Other(words.to_owned());
        match (&mut self.connection, &mut self.log) {
            (Some(connection), _) => connection.log().info(info),
            (None, Some(log)) => log.info(info),
            (None, None) => {}
        }
    }

    /// Waits before a further connection to the same server, about as long as the server took to greet us.
    pub fn breathe(&self) -> tokio::time::Sleep {
        tokio::time::sleep(self.pause)
    }

    /// Takes note of how quick the server is.
    pub fn pace(&mut self, greeting: Duration) {
        self.pause = greeting.clamp(PAUSE.0, PAUSE.1);
    }

    /// Opens the TCP connection. An earlier one is given up.
    pub async fn connect(&mut self) -> Result<(), DialError> {
        self.hang_up();
        let Some(mut log) = self.log.take() else { return Ok(()) };
        let mut header = Header::new(self.endpoint.target().to_string(), Local::now().fixed_offset());
        header.title = Some(format!("check of {}", self.endpoint.place()));
        log.begin(header, Instant::now());
        let endpoint = &self.endpoint;
        let target = Target { host: crate::target::Host::Ip(endpoint.ip), ..endpoint.target() };
        let dialed = match dial(&target, &self.plan.dial).await {
            Ok(dialed) => dialed,
            Err(error) => {
                log.problem(&error.to_string());
                self.log = Some(log);
                return Err(error);
            }
        };
        log.info(Info::Connected { peer: dialed.peer.to_string(), local: Some(dialed.local.to_string()) });
        let lmtp = self.endpoint.scheme == Scheme::Lmtp;
        let client = Client::new(lmtp, self.plan.timeouts, self.plan.caps, log.started().elapsed());
        let connection = Connection::new(Link::new(dialed.tcp), dialed.local.ip(), client, log);
        self.own_name = self.plan.ehlo.clone().unwrap_or_else(|| connection.own_name());
        self.connection = Some(connection);
        Ok(())
    }

    /// Gives up the connection without a word.
    pub fn hang_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.log = Some(connection.into_log());
        }
    }

    /// The connection; an error if it is gone.
    pub fn connection(&mut self) -> Result<&mut Connection, Broken> {
        self.connection.as_mut().ok_or(Broken::Closed { unanswered: None })
    }

    /// Encrypts the link.
    pub async fn upgrade(&mut self, setup: &TlsSetup) -> Result<(), TlsError> {
        let setup = self.plan.setup(&self.endpoint, setup);
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let result = connection.upgrade(&setup, &self.endpoint.host).await;
        self.tls = connection.tls().cloned();
        result
    }

    /// Connects again and goes to where the session stood: greeted, and with `tls` encrypted in this way.
    pub async fn reopen(&mut self, tls: Option<&TlsSetup>) -> Result<(), Unopened> {
        self.breathe().await;
        self.connect().await.map_err(Unopened::Dial)?;
        let implicit = self.endpoint.scheme == Scheme::Smtps;
        if let (true, Some(tls)) = (implicit, tls) {
            return Ok(self.upgrade(tls).await?);
        }
        let own_name = self.own_name.clone();
        let greeting = self.connection()?.reply().await?;
        accepted("the connection", greeting)?;
        let answer = self.connection()?.greet(&own_name).await?;
        accepted("EHLO", answer)?;
        if let Some(tls) = tls {
            let answer = self.connection()?.command(b"STARTTLS").await?;
            if !self.connection()?.must_upgrade() {
                return Err(Unopened::Refused("STARTTLS", Box::new(answer)));
            }
            self.upgrade(tls).await?;
        }
        Ok(())
    }

    /// The leg and its findings.
    pub fn finish(mut self) -> (Leg, Vec<Finding>) {
        self.hang_up();
        let place = self.ledger.place().to_owned();
        let header = self.ledger.tape.header();
        let (stages, findings) = self.ledger.close();
        let (addr, attempt, depth) = (Some(self.endpoint.addr()), self.attempt, self.depth);
        let (server, silent) = (self.endpoint.server(), self.silent);
        let leg = Leg {
            place,
            server,
            addr,
            attempt,
            depth,
            stages,
            header,
            facts: self.facts,
            end: self.end,
            silent,
        };
        (leg, findings)
    }
}

fn accepted(what: &'static str, answer: Answer) -> Result<(), Unopened> {
    match answer.reply.class() {
        Some(crate::wire::Class::Completion) => Ok(()),
        _ => Err(Unopened::Refused(what, Box::new(answer))),
    }
}

/// The last line of a reply, safe to show.
pub(super) fn last_line(answer: &Answer) -> String {
    answer.reply.last_line().map(|line| visible(line.line.bytes)).unwrap_or_default()
}

/// The target as short as it can be typed: without `smtp://`, which is meant anyway.
pub(super) fn short_target(target: &Target) -> String {
    let long = target.to_string();
    match (target.scheme, target.port) {
        (Scheme::Smtp, 465) => long,
        (Scheme::Smtp, _) => long.trim_start_matches("smtp://").to_owned(),
        _ => long,
    }
}
