//! Carries out what a person or a script enters: raw lines for the wire, and the steps behind helper
//! commands. Knows nothing of keys and prompts.

use std::time::Duration;

use crate::explain::render::Style;
use crate::report::{Problem, Status, complain};
use crate::sasl::by_hand::{Ask, ByHand};
use crate::secret::Secret;
use crate::session::{Answer, Command, Event, Input, Phase, Sent, State};
use crate::transcript::ClosedBy;
use crate::transport::look::Looked;
use crate::transport::{Connection, Log, Setup};
use crate::wire::{Class, CommandLine, Verb};

use super::account::Login;
use super::asker::Asker;
use super::commands;
use super::memory::Memory;
use super::proposals;
use super::view::{Lost, View};

/// What became of a line.
#[derive(Debug)]
pub enum Done {
    /// These replies came; none for a line of content, and for most helper commands.
    Replies(Vec<Answer>),
    /// The reply has not come within the time that the caller wanted to wait.
    Waiting,
    /// The person wants to leave.
    Leave,
}

/// A question that the AUTH exchange under way asks the person.
pub(super) struct Exchange {
    pub(super) hand: ByHand,
    pub(super) ask: Option<Ask>,
}

/// One session and what is needed to work in it.
pub struct Operator {
    /// How to reach the server.
    pub setup: Setup,
    /// The name for EHLO; nothing means this machine's own.
    pub ehlo: Option<String>,
    /// What was configured for AUTH.
    pub login: Login,
    /// The person has said yes to credentials in clear, for this session.
    pub(super) consented: bool,
    /// Who answers questions.
    pub asker: Asker,
    /// What shows the session.
    pub view: View,
    /// Whether typed answers to challenges are encoded in base64 for the person.
    pub encode: bool,
    /// What the next prompt has typed already.
    pub prefill: String,
    /// How long a typed command may take before the prompt comes back without its reply.
    pub patience: Option<Duration>,
    /// What was configured, whatever `/open` has asked for since.
    pub(super) as_given: Setup,
    pub(super) connection: Option<Connection>,
    pub(super) exchange: Option<Exchange>,
    /// What a closer look at the server's TLS has shown in this session.
    pub(super) looked: Option<Looked>,
    /// The last handshake failed.
    pub(super) tls_refused: bool,
    pub(super) starttls: Memory,
    /// AUTH was not sent, or was broken off here: the lines behind it are not for the wire.
    pub(super) auth_held_back: bool,
    /// The lines that `/pipeline` has collected, while it does.
    pub(super) held: Option<Vec<Vec<u8>>>,
    pub(super) log: Option<Log>,
}

impl Operator {
    /// An operator without a session.
    pub fn new(setup: Setup, login: Login, asker: Asker, view: View, log: Log) -> Operator {
        let encode = matches!(asker, Asker::Terminal(_));
        view.narrator(|narrator| {
            narrator.repeat(&setup.options);
            if narrator.layout.prompt {
                narrator.offer(proposals::typed);
            }
        });
        Operator {
            as_given: setup.clone(),
            setup,
            ehlo: None,
            login,
            consented: false,
            asker,
            view,
            encode,
            prefill: String::new(),
            patience: None,
            connection: None,
            exchange: None,
            looked: None,
            tls_refused: false,
            starttls: Memory::default(),
            auth_held_back: false,
            held: None,
            log: Some(log),
        }
    }

    /// What is known of the open session.
    pub fn state(&self) -> Option<&State> {
        self.open().map(Connection::state)
    }

    pub(super) fn open(&self) -> Option<&Connection> {
        self.connection.as_ref().filter(|connection| !connection.ended())
    }

    /// Whether the next line goes to the server whatever it looks like: content, or an answer to a challenge.
    pub fn captures_lines(&self) -> bool {
        self.in_content() || self.state().is_some_and(|state| state.phase == Phase::Auth)
    }

    /// Whether the next line is message content.
    pub fn in_content(&self) -> bool {
        self.open().is_some_and(|connection| connection.dialogue().in_content())
    }

    /// Octets that the BDAT chunk under way still takes; 0 where there is none.
    pub fn chunk_left(&self) -> u64 {
        self.open().map_or(0, |connection| connection.dialogue().chunk_left())
    }

    /// What the AUTH exchange under way asks the person for.
    pub fn question(&self) -> Option<&Ask> {
        self.exchange.as_ref().and_then(|exchange| exchange.ask.as_ref())
    }

    /// Whether somebody types at a prompt.
    pub(super) fn prompts(&self) -> bool {
        matches!(self.asker, Asker::Terminal(_))
    }

    /// The open session, or the message that there is none.
    pub fn connection(&mut self) -> Result<&mut Connection, Problem> {
        match self.connection.as_mut() {
            Some(connection) if !connection.ended() => Ok(connection),
            gone => {
                if let Some(alert) = gone.as_ref().and_then(|gone| gone.alert()) {
                    return Err(Problem::late_alert(alert));
                }
                let by_server = gone.as_ref().is_some_and(|gone| gone.closed_by() == Some(&ClosedBy::Server));
                let what = if by_server { "the server closed the link" } else { "no session is open" };
                Err(Problem::new(Status::Protocol, what).advise(match self.asker {
                    Asker::Terminal(_) => "/reconnect, or /open TARGET, or /quit",
                    _ => "see above why it ended",
                }))
            }
        }
    }

    /// The stream of entries, whether or not a session is open.
    pub fn log(&mut self) -> Option<&mut Log> {
        match &mut self.connection {
            Some(connection) => Some(connection.log()),
            None => self.log.as_mut(),
        }
    }

    /// The next thing that happens in the session; for the prompt to wait on. Never ready without a session.
    pub async fn next_event(&mut self) -> Event {
        match &mut self.connection {
            Some(connection) if !connection.ended() => match connection.next().await {
                Some(event) => event,
                None => std::future::pending().await,
            },
            _ => std::future::pending().await,
        }
    }

    /// Enters one line as typed: a helper command, or bytes for the wire. `typed` says that the person sees
    /// the line already.
    pub async fn enter(&mut self, line: &[u8], typed: bool) -> Result<Done, Problem> {
        if self.captures_lines() {
            if !self.in_content() && line != b"*" {
                self.consent_or_cancel().await?;
            }
            return match self.exchange.is_some() && line != b"*" {
                true => self.answer_by_hand(Secret::new(line.to_vec())).await,
                false => self.wire_line(line, typed).await,
            };
        }
        match commands::parse(&String::from_utf8_lossy(line)) {
            Some(Ok(invocation)) => return self.helper(invocation).await,
            Some(Err(unknown)) => {
                let problem = Problem::new(Status::Usage, unknown.to_string());
                return Err(self.discreet(problem));
            }
            None => {}
        }
        let line = if line.starts_with(b"//") { line.get(1..).unwrap_or(line) } else { line };
        self.connection()?;
        self.mind_held_back(line)?;
        if self.hold(line)? {
            return Ok(Done::Replies(Vec::new()));
        }
        // AUTH alone holds no secret yet; the answers to its challenges do.
        if Command::of_line(line).initial_response {
            self.consent_to_plaintext().await?;
        }
        self.wire_line(line, typed).await
    }

    /// Keeps a line back that may be an answer in the exchange of an AUTH that was kept back, and would go out in clear.
    fn mind_held_back(&mut self, line: &[u8]) -> Result<(), Problem> {
        self.auth_held_back &= matches!(CommandLine::parse(line).verb, Verb::Other(_));
        if !self.auth_held_back {
            return Ok(());
        }
        let what = "the line was not sent: it is no command that is known, and may belong to the AUTH that was not sent";
        Err(Problem::new(Status::AuthRefused, what).advise("/raw sends any bytes"))
    }

    /// Asks before credentials go over a link that is not encrypted. A yes holds for the session.
    pub(super) async fn consent_to_plaintext(&mut self) -> Result<(), Problem> {
        if self.login.allow_plaintext || self.consented || self.connection()?.state().tls() {
            return Ok(());
        }
        let question =
            "The link is not encrypted: anybody on the way can read the credentials. Send them all the same?";
        if self.asker.confirm(question, false).await {
            self.consented = true;
            return Ok(());
        }
        self.auth_held_back = true;
        let problem =
            Problem::new(Status::AuthRefused, "no credentials were sent, as the link is not encrypted");
        Err(problem.advise(match self.asker {
            Asker::Terminal(_) => "/starttls first",
            _ => "--starttls first, or --allow-plaintext-auth if you must",
        }))
    }

    /// The same in the midst of an exchange, which does not go on without a yes.
    async fn consent_or_cancel(&mut self) -> Result<(), Problem> {
        let Err(problem) = self.consent_to_plaintext().await else { return Ok(()) };
        self.exchange = None;
        self.connection()?.send(b"*", false).await?;
        self.settle().await?;
        Err(problem)
    }

    /// Sends a line and takes the session on as far as the line leads: to its reply, through the handshake,
    /// into an exchange.
    async fn wire_line(&mut self, line: &[u8], typed: bool) -> Result<Done, Problem> {
        let patience = self.patience;
        self.mind_chunk(line);
        let sent = self.connection()?.send(line, typed).await?;
        if let Sent::Command(command) = &sent
            && command.input == Input::Auth
        {
            self.begin_by_hand(command.initial_response);
        }
        if self.chunk_left() > 0 {
            // The server answers when it has the whole chunk.
            return Ok(Done::Replies(Vec::new()));
        }
        let may_wait = matches!(&sent, Sent::Command(command) if keeps_mode(command.input));
        match patience.filter(|_| may_wait) {
            None => self.settle().await.map(Done::Replies),
            Some(patience) => match tokio::time::timeout(patience, self.settle()).await {
                Ok(answers) => answers.map(Done::Replies),
                Err(_) => Ok(Done::Waiting),
            },
        }
    }

    /// Says so when a line is longer than what is left of the chunk: the server takes the rest for a command.
    fn mind_chunk(&self, line: &[u8]) {
        let (left, octets) = (self.chunk_left(), line.len() as u64 + 2);
        if left > 0 && octets > left {
            let over = octets - left;
            let text =
                format!("=== {over} octets more than the chunk takes: the server reads them as a command");
            self.view.text(Style::Warn, &text);
        }
    }

    /// Waits for all replies that are due, and goes through the handshake behind an accepted STARTTLS.
    pub async fn settle(&mut self) -> Result<Vec<Answer>, Problem> {
        let connection = self.connection()?;
        let mut answers = connection.settle().await?;
        if connection.must_upgrade() {
            self.upgrade().await?;
        }
        self.mind_starttls(&answers);
        if self.exchange.is_some() {
            answers.extend(Box::pin(self.follow_exchange(answers.last().cloned())).await?);
        }
        Ok(answers)
    }

    /// Encrypts the link after an accepted STARTTLS.
    pub(super) async fn upgrade(&mut self) -> Result<(), Problem> {
        let (setup, name) = (self.setup.clone(), self.setup.target.host.clone());
        let connection = self.connection.as_mut().filter(|connection| connection.must_upgrade());
        match connection {
            Some(connection) => {
                let done = connection.upgrade(&setup, &name).await;
                match done {
                    Ok(()) => Ok(()),
                    Err(error) => Err(Box::pin(self.tls_failed(error)).await),
                }
            }
            None => Ok(()),
        }
    }

    /// Tells the prompt what the session knows, for completion and hints.
    pub(super) fn share_knowledge(&self) {
        if let Asker::Terminal(terminal) = &self.asker {
            terminal.known().update(self.state());
            // The window may have another size by now.
            if let Some((width, _)) = terminal_size::terminal_size() {
                self.view.narrator(|narrator| narrator.layout.width = usize::from(width.0).clamp(40, 160));
            }
        }
    }

    /// Says QUIT and waits for the good-bye; what goes wrong on the way out is of no interest any more.
    pub async fn quit(&mut self) {
        let polite = Duration::from_secs(5);
        // Before its greeting nothing may be said to a server (RFC 5321 §3.1), which may wait for TLS instead.
        let silent = self.awaits_greeting();
        if let Ok(connection) = self.connection()
            && !silent
            && !connection.dialogue().in_content()
        {
            let farewell = async {
                if connection.state().phase == Phase::Auth {
                    // An exchange under way would take QUIT for an answer (RFC 4954 §4).
                    connection.command(b"*").await?;
                }
                if connection.state().phase != Phase::Closed {
                    connection.command(b"QUIT").await?;
                }
                while connection.next().await.is_some() {}
                Ok::<(), crate::transport::Broken>(())
            };
            // Nothing is left to be done where the server does not say good-bye.
            let _ = tokio::time::timeout(polite, farewell).await;
        }
        self.hang_up();
    }

    /// Parts from the server after something failed: with QUIT where it was something here, and the server is still
    /// there.
    pub async fn part_after(&mut self, problem: &Problem) {
        if problem.status != Status::Protocol && self.state().is_some() {
            self.quit().await;
        }
    }

    /// How the session ended, what was kept and shown of it taken into account: that it is not whole outweighs success
    /// alone, but is said in any case.
    pub fn account_for_output(&mut self, ended: Result<Status, Problem>) -> Result<Status, Problem> {
        let ended = ended.map_err(|problem| self.with_reason(problem));
        let record = self.log().and_then(|log| log.record_lost().map(str::to_owned));
        let shown = match self.view.lost() {
            Some(Lost::Output(why)) => Some(format!("cannot write the output: {why}")),
            // There is nobody to complain to.
            Some(Lost::Reader) | None => None,
        };
        record.into_iter().chain(shown).fold(ended, |ended, words| {
            let problem = Problem::new(Status::LocalFile, words);
            match ended {
                Ok(Status::Ok) => Err(problem),
                other => {
                    complain(&problem);
                    other
                }
            }
        })
    }

    /// Ends the link without a word on the wire.
    pub fn hang_up(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.hang_up();
        }
    }
}

/// Whether what is typed next is read the same way whatever the reply. If not, the prompt must wait for it.
fn keeps_mode(input: Input) -> bool {
    !matches!(
        input,
        Input::Auth | Input::Data | Input::StartTls | Input::Bdat | Input::BdatLast | Input::Quit
    )
}

/// The exit status of a script that a reply ends; nothing if it may go on.
pub fn status_of(answer: &Answer) -> Option<Status> {
    let auth = answer.command.as_ref().is_some_and(|c| matches!(c.input, Input::Auth | Input::AuthResponse));
    match answer.reply.class() {
        Some(Class::Transient | Class::Permanent) if auth => Some(Status::AuthRefused),
        Some(Class::Transient) => Some(Status::Transient),
        Some(Class::Permanent) => Some(Status::Permanent),
        Some(_) => None,
        None => Some(Status::Protocol),
    }
}
