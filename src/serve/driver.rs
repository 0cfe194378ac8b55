//! Drives one session: bytes from the link to the session, requests to the wit, its answers back.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::tls::Acceptor;
use super::{Answer, Farewell, Replay, Say, Wit};
use crate::session::{Phase, Request, Server};

/// Octets read at a time, and written at a time when the client pipelines.
const PIECE: usize = 16 * 1024;

/// How long an ended link is read on, so that the last reply is not lost to a reset.
const LINGER: Duration = Duration::from_secs(1);

/// The waits that do not depend on the wit.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// For the client to take a reply.
    pub write: Duration,
    /// For the TLS handshake.
    pub handshake: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Timing { write: Duration::from_secs(60), handshake: Duration::from_secs(30) }
    }
}

/// Becomes true when the server is to stop.
pub(super) type Stop = watch::Receiver<bool>;

/// How the conversation on one link ended.
enum End {
    Upgrade,
    Closed,
}

/// One session and what decides in it.
pub(super) struct Driver<W> {
    server: Server,
    wit: W,
    timing: Timing,
    stop: Stop,
    /// Octets of replies that were not written yet, roughly.
    unwritten: usize,
}

impl<W: Wit> Driver<W> {
    pub(super) fn new(wit: W, line_limit: usize, timing: Timing, stop: Stop) -> Self {
        Driver { server: Server::new(line_limit), wit, timing, stop, unwritten: 0 }
    }

    /// Holds the session to its end. With `implicit`, TLS comes first.
    ///
    /// # Errors
    /// When the link or the handshake failed. Nobody needs to be told: the client knows.
    pub(super) async fn run(
        mut self,
        mut link: TcpStream,
        tls: Option<Acceptor>,
        implicit: bool,
    ) -> io::Result<()> {
        if !implicit && let End::Closed = self.converse(&mut link, true).await? {
            return Ok(());
        }
        let Some(acceptor) = tls else { return Ok(()) };
        let (mut link, binding) = match timeout(self.timing.handshake, acceptor.accept(link)).await {
            Ok(secured) => secured?,
            Err(_) => return Ok(()),
        };
        self.server.handle_secured();
        self.wit.secured(binding);
        self.converse(&mut link, implicit).await.map(|_| ())
    }

    /// Says why no session is held.
    pub(super) async fn turn_away(mut self, mut link: TcpStream, why: Farewell) -> io::Result<()> {
        let answer = self.wit.farewell(why);
        self.give(&mut link, answer).await?;
        self.close(&mut link).await
    }

    /// Takes note that no session is held, where that cannot be said.
    pub(super) fn drop_link(mut self, why: Farewell) {
        let _ = self.wit.farewell(why);
    }

    async fn converse<S>(&mut self, link: &mut S, greet: bool) -> io::Result<End>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if greet {
            let greeting = self.wit.greet(self.server.state());
            if self.give(link, greeting).await? {
                return self.close(link).await.map(|()| End::Closed);
            }
        }
        let mut piece = vec![0; PIECE];
        loop {
            if self.answer_all(link).await? {
                return self.close(link).await.map(|()| End::Closed);
            }
            if self.server.state().phase == Phase::Upgrading {
                return Ok(End::Upgrade);
            }
            let Some(count) = self.read(link, &mut piece).await? else {
                return self.close(link).await.map(|()| End::Closed);
            };
            if count == 0 {
                return Ok(End::Closed);
            }
            self.server.handle_bytes(piece.get(..count).unwrap_or_default());
        }
    }

    /// Answers all that has come in. True when the session is over.
    async fn answer_all<S>(&mut self, link: &mut S) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        while let Some(request) = self.server.next_request() {
            let answer = self.wit.answer(&request, self.server.state());
            let over = self.give(link, answer).await? || matches!(request, Request::Exceeded(_));
            if over || self.server.state().phase == Phase::Closed {
                return Ok(true);
            }
            if self.unwritten > PIECE {
                self.flush(link).await?;
            }
        }
        self.flush(link).await?;
        Ok(false)
    }

    /// Gives an answer. True when it ends the session.
    async fn give<S>(&mut self, link: &mut S, answer: Answer) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match answer {
            Answer::Go => {}
            Answer::Chunk(octets) => self.server.expect_chunk(octets),
            Answer::HangUp => {
                self.flush(link).await?;
                return Ok(true);
            }
            Answer::Silence => return self.be_silent(link).await.map(|()| true),
            Answer::Say(say) => {
                if !say.after.is_zero() {
                    self.flush(link).await?;
                    self.pause(say.after).await;
                }
                self.say(&say);
                return Ok(say.last);
            }
            Answer::Replay(replay) => {
                if !replay.after.is_zero() {
                    self.flush(link).await?;
                    self.pause(replay.after).await;
                }
                self.replay(&replay);
                return Ok(replay.last);
            }
        }
        Ok(false)
    }

    async fn pause(&mut self, length: Duration) {
        tokio::select! {
            () = sleep(length) => {}
            () = stopped(&mut self.stop) => {}
        }
    }

    /// Reads on without a word until the client goes away or patience ends.
    async fn be_silent<S>(&mut self, link: &mut S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.flush(link).await?;
        let mut piece = vec![0; PIECE];
        while self.read(link, &mut piece).await?.is_some_and(|count| count > 0) {}
        Ok(())
    }

    /// Reads a piece; `Some(0)` at the end of the link. Nothing when the server has said farewell.
    async fn read<S>(&mut self, link: &mut S, piece: &mut [u8]) -> io::Result<Option<usize>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let patience = self.wit.patience();
        let why = tokio::select! {
            count = timeout(patience, link.read(piece)) => match count {
                Ok(count) => return count.map(Some),
                Err(_) => Farewell::Idle,
            },
            () = stopped(&mut self.stop) => Farewell::Stopping,
        };
        match self.wit.farewell(why) {
            Answer::Say(say) => self.say(&say),
            Answer::Replay(replay) => self.replay(&replay),
            _ => {}
        }
        Ok(None)
    }

    fn say(&mut self, say: &Say) {
        let lines: Vec<&str> = say.lines.iter().map(String::as_str).collect();
        self.unwritten += lines.iter().map(|line| line.len() + 6).sum::<usize>();
        self.server.reply(say.code, &lines);
    }

    fn replay(&mut self, replay: &Replay) {
        self.unwritten += replay.bytes.len();
        self.server.replay(&replay.bytes, &replay.reply);
    }

    async fn flush<S: AsyncWrite + Unpin>(&mut self, link: &mut S) -> io::Result<()> {
        let Some(bytes) = self.server.poll_transmit() else { return Ok(()) };
        self.unwritten = 0;
        let written = timeout(self.timing.write, async {
            link.write_all(&bytes).await?;
            link.flush().await
        });
        written.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ends the link so that what was said last arrives: a close with unread bytes would be a reset.
    async fn close<S>(&mut self, link: &mut S) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.flush(link).await?;
        let mut piece = vec![0; PIECE];
        let drained = timeout(LINGER, async {
            link.shutdown().await?;
            while link.read(&mut piece).await? > 0 {}
            Ok(())
        });
        drained.await.unwrap_or(Ok(()))
    }
}

/// Waits until the server is to stop. If nobody can ask for that any more, it waits for ever.
pub(super) async fn stopped(stop: &mut Stop) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
