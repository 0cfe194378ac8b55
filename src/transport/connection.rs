//! A session on a socket: the one place where bytes, timers and the state machine meet.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::session::{Answer, Client, Command, Dialogue, Event, Output, Sent, State, Timeouts};
use crate::target::Host;
use crate::transcript::{ClosedBy, Info};
use crate::wire::ReplyCode;

use super::broken::Broken;
use super::link::{AnyLink, Connection as _, Link, Plain, Tls};
use super::log::Log;
use super::look::Place;
use super::open::Setup;
use super::own_name::own_name;
use super::revocation;
use super::tls::{LateAlert, TlsError, TlsInfo, Verified};

/// How long what came before the link broke may take to be noticed.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Bytes read at a time.
const READ_SIZE: usize = 16 * 1024;

/// A session over a socket.
pub struct Connection {
    link: Option<AnyLink>,
    local: IpAddr,
    host: Option<Host>,
    session: Client,
    log: Log,
    closed_by: ClosedBy,
    /// The alert by which the server broke off TLS.
    alert: Option<LateAlert>,
    peer: Option<SocketAddr>,
    ended: bool,
    /// What has happened and is in the log, but has not been asked for.
    noted: VecDeque<Event>,
    /// Whether a reply has been handed out.
    heard: bool,
    /// A refusal that nobody asked for.
    unasked: Option<Answer>,
    /// What was read last.
    buffer: Box<[u8]>,
}

/// What a try of the link gave.
enum Progress {
    Read(usize),
    Wrote(usize),
}

impl Connection {
    /// Takes over a link on which nothing has been read. Times count from the beginning of the log.
    /// `local` is this end's address.
    pub fn new(link: Link<Plain>, local: IpAddr, session: Client, log: Log) -> Connection {
        let peer = link.peer().ok();
        let (link, closed_by) = (Some(AnyLink::Plain(link)), ClosedBy::Server);
        let (noted, buffer) = (VecDeque::new(), vec![0; READ_SIZE].into());
        let (host, alert, unasked) = (None, None, None);
        Connection {
            link,
            local,
            host,
            session,
            log,
            closed_by,
            alert,
            peer,
            ended: false,
            noted,
            heard: false,
            unasked,
            buffer,
        }
    }

    /// Says which host was reached: of a mail domain, one of its MX hosts. The handshake checks its name.
    pub(super) fn reached(&mut self, host: Host) {
        self.host = Some(host);
    }

    /// The other end, and the host that it is where that is known.
    pub fn place(&self) -> Option<(SocketAddr, Option<&Host>)> {
        self.peer.map(|peer| (peer, self.host.as_ref()))
    }

    /// Gives up the link, and gives back the stream of entries.
    pub fn into_log(mut self) -> Log {
        self.hang_up();
        self.log
    }

    /// Gives up the session and keeps its link, if that is plain and open.
    pub(super) fn into_plain(mut self) -> Option<Link<Plain>> {
        match self.link.take() {
            Some(AnyLink::Plain(link)) => Some(link),
            _ => None,
        }
    }

    /// Ends the link from this side, without a word on the wire.
    pub fn hang_up(&mut self) {
        self.end(ClosedBy::Client);
    }

    /// What is known of the session.
    pub fn state(&self) -> &State {
        self.session.state()
    }

    /// The stream of entries.
    pub fn log(&mut self) -> &mut Log {
        &mut self.log
    }

    /// What was negotiated, once the link is encrypted.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.link.as_ref().and_then(AnyLink::tls)
    }

    /// Changes how long replies are waited for.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.session.set_timeouts(timeouts);
    }

    /// The name for EHLO when the person gave none: this machine's full name, else its address on this link
    /// as an address literal (RFC 5321 §4.1.3, §4.1.4).
    pub fn own_name(&self) -> String {
        own_name(self.local)
    }

    /// Who ended the link, once it is gone.
    pub fn closed_by(&self) -> Option<&ClosedBy> {
        self.ended.then_some(&self.closed_by)
    }

    /// The alert by which the server broke off TLS, if it did.
    pub fn alert(&self) -> Option<&LateAlert> {
        self.alert.as_ref()
    }

    /// Whether the link is gone.
    pub fn ended(&self) -> bool {
        self.ended
    }

    fn now(&self) -> Duration {
        self.log.started().elapsed()
    }

    /// Whether something is still to come: a reply, or an event that has not been asked for.
    pub fn is_busy(&self) -> bool {
        !self.noted.is_empty() || !self.ended && self.session.dialogue().awaiting().is_some()
    }

    /// The session as it stands: what waits for a reply, what the next line would be.
    pub fn dialogue(&self) -> &Dialogue {
        self.session.dialogue()
    }

    /// The next thing that happens; waits for it. Nothing once the link is gone. May be dropped and called
    /// again without losing anything.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.noted.pop_front() {
                self.heard |= matches!(event, Event::Reply(_));
                if matches!(event, Event::Exceeded(_)) {
                    // Nothing more is read, so no reply can come any more.
                    self.end(ClosedBy::Client);
                }
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let due = self.session.poll_timeout().map(|at| self.log.started() + at);
            let read = read_some(&mut self.link, &mut self.buffer);
            let outcome = match due {
                Some(due) => tokio::time::timeout_at(due.into(), read).await,
                None => Ok(read.await),
            };
            match outcome {
                Ok(result) => self.take_in(result),
                Err(_) => {
                    self.session.handle_timeout(self.now());
                    self.note_all();
                }
            }
        }
    }

    /// Whether [`Connection::take_unasked`] has something to tell.
    pub fn was_refused(&self) -> bool {
        self.unasked.is_some()
    }

    /// The first 4yz or 5yz that came unasked, such as the 421 of a server that shuts down. It is told once.
    pub fn take_unasked(&mut self) -> Option<Answer> {
        self.unasked.take()
    }

    /// The refusal that a broken session ended with: one that came while something was still being sent, so that nobody
    /// has read it, else the one that came unasked.
    pub fn take_refusal(&mut self) -> Option<Answer> {
        let unasked = self.unasked.take();
        let unread = self.noted.iter().find_map(|event| match event {
            Event::Reply(answer) if is_error(answer) => Some(answer.clone()),
            _ => None,
        });
        unread.or(unasked)
    }

    /// The reply to the oldest command that waits for one. Replies that answer nothing are passed over
    /// (they have been shown); what ends the session is an error.
    pub async fn reply(&mut self) -> Result<Answer, Broken> {
        loop {
            match self.next().await {
                Some(Event::Reply(answer)) if answer.command.is_some() => return Ok(answer),
                Some(event) => self.check(event)?,
                None => return Err(self.closed(None)),
            }
        }
    }

    fn closed(&self, unanswered: Option<Command>) -> Broken {
        self.alert.clone().map_or(Broken::Closed { unanswered }, Broken::Alert)
    }

    /// Turns an event after which a script cannot go on into the error that says so.
    pub fn check(&self, event: Event) -> Result<(), Broken> {
        match event {
            Event::TimedOut { command, limit } => Err(Broken::TimedOut { command, limit }),
            Event::Exceeded(what) => Err(Broken::Exceeded(what)),
            Event::Closed { unanswered, announced } if !announced || unanswered.is_some() => {
                Err(self.closed(unanswered))
            }
            Event::Stray(line) if !self.heard => Err(Broken::NotSmtp(crate::wire::escape::visible(&line))),
            _ => Ok(()),
        }
    }

    /// Sends a line as it is, plus CRLF. `typed` says that the person has it on the screen already.
    pub async fn send(&mut self, line: &[u8], typed: bool) -> Result<Sent, Broken> {
        self.ready_to_send().await?;
        let sent = self.submit(line, typed);
        self.flush().await?;
        Ok(sent)
    }

    /// Sends several commands in one go, without waiting for a reply in between (RFC 2920 §3.1). Their replies
    /// come in the same order.
    pub async fn send_group(&mut self, lines: &[Vec<u8>]) -> Result<(), Broken> {
        self.ready_to_send().await?;
        for line in lines {
            self.submit(line, false);
        }
        self.flush().await
    }

    /// Takes in what has come until now, so that it stands before what is sent. Over a link that turns out to be gone
    /// nothing is sent, and nothing is shown as sent.
    async fn ready_to_send(&mut self) -> Result<(), Broken> {
        self.read_what_is_there().await;
        if self.ended { Err(self.closed(None)) } else { Ok(()) }
    }

    /// Hands a line to the session and to the log; it waits to be written.
    fn submit(&mut self, line: &[u8], typed: bool) -> Sent {
        let (now, tls) = (self.now(), self.state().tls());
        let sent = self.session.submit(line, now);
        if let Some(user) = self.log.sent(now, &sent, line, tls, typed) {
            self.session.claim_user(&user);
        }
        sent
    }

    /// Sends a command that Heloise made, and waits for its reply.
    pub async fn command(&mut self, line: &[u8]) -> Result<Answer, Broken> {
        self.send(line, false).await?;
        self.reply().await
    }

    /// Sends bytes as they are, adding nothing.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        self.ready_to_send().await?;
        let now = self.now();
        let (tls, content) = (self.state().tls(), self.dialogue().in_content());
        self.log.raw(now, bytes, tls, content);
        self.session.submit_raw(bytes, now);
        self.flush().await
    }

    /// Sends a piece of message content, already in the form that goes on the wire.
    pub async fn send_content(&mut self, wire: &[u8]) -> Result<(), Broken> {
        let (now, tls) = (self.now(), self.state().tls());
        self.log.content(now, wire, tls);
        self.write_all(wire).await
    }

    /// Sends the last piece of message content, whose end is the lone dot.
    pub async fn end_content(&mut self, wire: &[u8]) -> Result<(), Broken> {
        let body = wire.strip_suffix(b".\r\n").unwrap_or(wire);
        self.send_content(body).await?;
        // A line of its own, so that it does not vanish in content that the transcript folds.
        self.send(b".", false).await.map(|_| ())
    }

    /// Sends a BDAT command with the octets of its chunk (RFC 3030 §2).
    pub async fn send_chunk(&mut self, octets: &[u8], last: bool) -> Result<(), Broken> {
        let line = format!("BDAT {}{}", octets.len(), if last { " LAST" } else { "" });
        self.send(line.as_bytes(), false).await?;
        let (now, tls) = (self.now(), self.state().tls());
        self.log.content(now, octets, tls);
        self.log.chunk_end(now, tls, last);
        self.session.chunk_sent(octets.len() as u64);
        self.write_all(octets).await
    }

    /// Says that the content, sent by [`Connection::send_content`] with its lone dot, is complete.
    pub fn content_sent(&mut self) {
        let (now, tls) = (self.now(), self.state().tls());
        self.log.content_end(now, tls);
        self.session.content_sent(now);
    }

    /// Encrypts the link: after an accepted STARTTLS, or before the greeting. `host` is the server, as the
    /// person named it. When this fails the link is gone.
    pub async fn upgrade(&mut self, setup: &Setup, host: &Host) -> Result<(), TlsError> {
        self.noted.clear();
        let Some(AnyLink::Plain(link)) = self.link.take() else { return Ok(()) };
        let host = self.host.clone().unwrap_or_else(|| host.clone());
        let place = self.peer.map(|peer| Place { peer, host: host.clone(), own_name: self.own_name() });
        match encrypted(link, setup, &host, place).await {
            Ok(link) => {
                let info = link.info();
                self.log.info(Info::Tls(info.summary()));
                self.session.handle_secured(info.verified == Verified::Yes);
                self.link = Some(AnyLink::Tls(link));
                Ok(())
            }
            Err(error) => {
                self.log.problem(&error.to_string());
                self.end(ClosedBy::Other("tls".to_owned()));
                Err(error)
            }
        }
    }

    /// Puts what has happened in the log. It is done at once, not when somebody asks for the event: what is
    /// sent afterwards must stand behind it.
    fn note_all(&mut self) {
        let now = self.now();
        let (tls, mechanism) = (self.state().tls(), self.state().mechanism.clone());
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Line(line) => self.log.received(now, line, tls, mechanism.as_deref()),
                Output::Event(mut event) => {
                    // What is odd about a reply is told of it as it came.
                    self.log.event(now, &event, &self.closed_by);
                    if let Event::Reply(answer) = &mut event {
                        answer.reply = self.log.masked(std::mem::take(&mut answer.reply));
                    }
                    if let Event::Reply(answer) = &event
                        && answer.command.is_none()
                        && is_error(answer)
                    {
                        self.unasked.get_or_insert_with(|| answer.clone());
                    }
                    self.noted.push_back(event);
                }
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        match self.session.poll_transmit() {
            Some(bytes) => self.write_all(&bytes).await,
            None => Ok(()),
        }
    }

    /// Writes everything, and reads meanwhile: a server that refuses in the middle of the content must be
    /// heard, and must not block us by not being read.
    async fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        let limit = self.session.timeouts().data_block;
        while !bytes.is_empty() {
            if self.ended {
                return Err(self.closed(None));
            }
            let step = write_or_read(&mut self.link, bytes, &mut self.buffer);
            match tokio::time::timeout(limit, step).await {
                Err(_) => return Err(Broken::Stalled(limit)),
                Ok(Ok(Progress::Wrote(count))) => bytes = bytes.get(count..).unwrap_or_default(),
                Ok(Ok(Progress::Read(count))) => self.take_in(Ok(count)),
                Ok(Err(error)) => return Err(self.failed(error).await),
            }
        }
        let link = &mut self.link;
        let flush = std::future::poll_fn(|cx| match link {
            Some(link) => Pin::new(link).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        });
        match tokio::time::timeout(limit, flush).await {
            Err(_) => Err(Broken::Stalled(limit)),
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failed(error).await),
        }
    }

    /// Takes note of a write that failed. What the server said before it hung up is still read, as it is
    /// most often the reason.
    async fn failed(&mut self, error: io::Error) -> Broken {
        // That something is there may not have been noticed yet.
        let read = read_some(&mut self.link, &mut self.buffer);
        if let Ok(result) = tokio::time::timeout(LAST_WORDS, read).await {
            self.take_in(result);
        }
        self.read_what_is_there().await;
        self.end(ClosedBy::Other("error".to_owned()));
        self.alert.clone().map_or(Broken::Io(error), Broken::Alert)
    }

    /// Reads what has come already. It cannot be the answer to what is sent next.
    async fn read_what_is_there(&mut self) {
        while !self.ended {
            let (link, buffer) = (&mut self.link, &mut self.buffer);
            let ready = std::future::poll_fn(|cx| {
                Poll::Ready(match poll_read(link, cx, buffer) {
                    Poll::Pending => None,
                    Poll::Ready(result) => Some(result),
                })
            });
            let Some(result) = ready.await else { return };
            self.take_in(result);
        }
    }

    /// Takes in what was read into the buffer.
    fn take_in(&mut self, result: io::Result<usize>) {
        let now = self.now();
        match result {
            Ok(0) => self.end(ClosedBy::Server),
            Ok(count) => {
                self.session.handle_bytes(self.buffer.get(..count).unwrap_or_default(), now);
                self.note_all();
            }
            Err(error) => {
                self.alert = error.get_ref().and_then(|inner| inner.downcast_ref()).cloned();
                let word = if error.kind() == io::ErrorKind::ConnectionReset { "reset" } else { "error" };
                if word == "error" {
                    self.log.problem(&super::io_words(&error));
                }
                self.end(ClosedBy::Other(word.to_owned()));
            }
        }
    }

    fn end(&mut self, by: ClosedBy) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.closed_by = by;
        self.link = None;
        let now = self.now();
        self.session.handle_end(now);
        self.note_all();
    }
}

fn is_error(answer: &Answer) -> bool {
    answer.reply.code().is_some_and(ReplyCode::is_error)
}

fn poll_read(link: &mut Option<AnyLink>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    let Some(link) = link else { return Poll::Ready(Ok(0)) };
    let mut buffer = ReadBuf::new(buffer);
    Pin::new(link).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
}

async fn read_some(link: &mut Option<AnyLink>, buffer: &mut [u8]) -> io::Result<usize> {
    std::future::poll_fn(|cx| poll_read(link, cx, buffer)).await
}

/// Writes some bytes; while the link takes none, reads.
async fn write_or_read(link: &mut Option<AnyLink>, bytes: &[u8], buffer: &mut [u8]) -> io::Result<Progress> {
    std::future::poll_fn(|cx| {
        let Some(open) = link else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        match Pin::new(open).poll_write(cx, bytes) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(result) => Poll::Ready(result.map(Progress::Wrote)),
            Poll::Pending => poll_read(link, cx, buffer).map_ok(Progress::Read),
        }
    })
    .await
}

/// The handshake, and the question whether the certificate was revoked where the options ask it. Until it is answered
/// nothing goes over the link.
async fn encrypted(
    link: Link<Plain>,
    setup: &Setup,
    host: &Host,
    place: Option<Place>,
) -> Result<Link<Tls>, TlsError> {
    let mut link = link.upgrade(&setup.tls, host).await?;
    if let Some(place) = place
        && let Some(report) = revocation::check(setup, &place, link.info()).await
    {
        link.info_mut().learn(report)?;
    }
    Ok(link)
}
