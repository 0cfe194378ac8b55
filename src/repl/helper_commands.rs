//! The helper commands: what each line that begins with `/` does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::explain::lookup;
use crate::explain::render::{self, INDENT, Line, Style};
use crate::explain::tables;
use crate::narrate::difference_lines;
use crate::report::{Problem, Status};
use crate::session::{Answer, Phase, Timeouts};
use crate::wire::{Class, CommandLine, Verb, escape};

use super::commands::{self, CommandId, Invocation};
use super::mask;
use super::opening;
use super::operator::{Done, Operator};
use super::recording;

/// Column at which the meaning of a keyword begins in `/caps`.
const MEANING: usize = 10;

impl Operator {
    /// Carries out a helper command.
    pub(super) async fn helper(&mut self, invocation: Invocation) -> Result<Done, Problem> {
        let done = self.carry_out(invocation).await;
        done.map_err(|problem| self.discreet(problem))
    }

    async fn carry_out(&mut self, mut invocation: Invocation) -> Result<Done, Problem> {
        if matches!(invocation.id, CommandId::Help | CommandId::Explain) {
            // They repeat what they are asked about.
            invocation.argument = self.masked(&invocation.argument);
        }
        let argument = invocation.argument.trim();
        let answers = match invocation.id {
            CommandId::Help => self.help(argument)?,
            CommandId::StartTls => self.starttls().await?,
            CommandId::Auth if argument == "--all" => self.authenticate_all().await?,
            CommandId::Auth => vec![self.authenticate(argument).await?],
            CommandId::Caps => self.caps()?,
            CommandId::Tls => self.tls(argument).await?,
            CommandId::Explain => self.explain(argument)?,
            CommandId::Fix => self.fix(argument)?,
            CommandId::B64 => self.b64(argument)?,
            CommandId::Send => self.send_file(&commands::path(argument)).await?,
            CommandId::Bdat => self.bdat(argument).await?,
            CommandId::Pipeline => self.pipeline(argument).await?,
            CommandId::Raw => self.raw(argument).await?,
            CommandId::Hex => self.hex(argument)?,
            CommandId::Record => self.record(argument)?,
            CommandId::Note => self.note(argument)?,
            CommandId::Open => return self.open_target(argument).await,
            CommandId::Reconnect => self.connect_or_type_on().await?.into_iter().collect(),
            CommandId::Set => self.set(argument)?,
            CommandId::Quit => return Ok(Done::Leave),
        };
        Ok(Done::Replies(answers))
    }

    /// Sends EHLO if no greeting has been accepted on this link.
    pub async fn ensure_greeted(&mut self) -> Result<Vec<Answer>, Problem> {
        if self.awaits_greeting() {
            self.connection()?.reply().await?;
        }
        if self.connection()?.state().greeted.is_some() {
            return Ok(Vec::new());
        }
        let name = self.own_name()?;
        let answer = self.connection()?.greet(&name).await?;
        self.mind_starttls(std::slice::from_ref(&answer));
        match answer.reply.class() {
            Some(Class::Completion) => Ok(vec![answer]),
            _ => Err(refused("EHLO", &answer)),
        }
    }

    /// The name for EHLO: the one given before, this machine's full name, or the address literal of the link.
    pub(super) fn own_name(&mut self) -> Result<String, Problem> {
        if let Some(name) = self.ehlo.clone() {
            return Ok(name);
        }
        let connection = self.connection()?;
        Ok(connection.state().own_name.clone().unwrap_or_else(|| connection.own_name()))
    }

    /// Sends EHLO, and HELO to a server that does not know it (RFC 5321 §3.2).
    pub async fn greet_or_helo(&mut self) -> Result<(), Problem> {
        let name = self.own_name()?;
        let answer = self.connection()?.greet(&name).await?;
        self.mind_starttls(std::slice::from_ref(&answer));
        let permanent = answer.reply.class() == Some(Class::Permanent);
        if answer.reply.class() == Some(Class::Completion) {
            return Ok(());
        }
        let connection = self.connection()?;
        if !permanent || connection.dialogue().is_lmtp() || connection.state().phase != Phase::Ready {
            return Err(refused("EHLO", &answer));
        }
        let answer = connection.command(format!("HELO {name}").as_bytes()).await?;
        self.mind_starttls(std::slice::from_ref(&answer));
        match answer.reply.class() {
            Some(Class::Completion) => Ok(()),
            _ => Err(refused("EHLO and HELO", &answer)),
        }
    }

    /// `/starttls`: EHLO if needed, STARTTLS, the handshake, EHLO again.
    pub async fn starttls(&mut self) -> Result<Vec<Answer>, Problem> {
        self.encrypt().await?;
        self.ensure_greeted().await
    }

    /// EHLO if needed, STARTTLS, and the handshake.
    pub async fn encrypt(&mut self) -> Result<(), Problem> {
        if self.connection()?.state().tls() {
            return Err(Problem::new(Status::Usage, "the link is encrypted already"));
        }
        self.ensure_greeted().await?;
        let offered = self.connection()?.state().capabilities.as_ref().is_some_and(|c| c.has("STARTTLS"));
        if !offered {
            let text = "=== the server does not offer STARTTLS; it is tried all the same";
            self.view.text(Style::Warn, text);
        }
        let answer = self.connection()?.command(b"STARTTLS").await?;
        if !self.connection()?.must_upgrade() {
            return Err(Problem::new(Status::Tls, format!("the server refused STARTTLS: {}", said(&answer)))
                .advise("go on without encryption only if nothing secret is to be sent")
                .advise("port 465 with TLS from the first byte: smtps://…"));
        }
        self.upgrade().await
    }

    pub(super) fn help(&mut self, topic: &str) -> Result<Vec<Answer>, Problem> {
        if let Some(text) = commands::help(topic) {
            self.view.text(Style::Plain, &text);
            return Ok(Vec::new());
        }
        let found = lookup(topic);
        match found.is_empty() {
            false => {
                let width = self.view.narrator(|narrator| narrator.layout.width);
                self.view.lines(&found.iter().flat_map(|entry| entry.lines(width)).collect::<Vec<Line>>());
            }
            true => {
                let what = format!("nothing is known about {}", mask::shown(topic));
                return Err(Problem::new(Status::Usage, what)
                    .advise("/help alone lists the helper commands")
                    .advise("/help takes a verb, a code, an EHLO keyword, a mechanism or a helper command"));
            }
        }
        Ok(Vec::new())
    }

    fn caps(&mut self) -> Result<Vec<Answer>, Problem> {
        let state = self.connection()?.state();
        let Some(capabilities) = state.capabilities.clone() else {
            return Err(
                Problem::new(Status::Usage, "the server has not said what it can do").advise("EHLO name")
            );
        };
        let difference = state.tls_difference();
        let width = self.view.narrator(|narrator| narrator.layout.width);
        let mut lines: Vec<Line> = Vec::new();
        for capability in &capabilities.list {
            let words = std::iter::once(&capability.keyword).chain(&capability.params);
            let mut shown = words.map(|w| escape::visible(w.as_bytes())).collect::<Vec<_>>().join(" ");
            if let Some(log) = self.log() {
                log.mask_text(&mut shown);
            }
            let meaning = tables::capability(&capability.keyword)
                .map_or("not a registered keyword".to_owned(), |c| format!("{} · {}", c.meaning, c.rfc));
            lines.extend(render::wrap(render::words(&shown, Style::Plain), INDENT, MEANING, width));
            lines.extend(render::wrap(render::words(&meaning, Style::Dim), MEANING, MEANING, width));
        }
        if let Some(difference) = difference {
            lines.extend(difference_lines(&difference, width));
        }
        self.view.lines(&lines);
        Ok(Vec::new())
    }

    fn b64(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        let (verb, text) = argument.split_once(' ').unwrap_or((argument, ""));
        match verb {
            "enc" => self.view.text(Style::Plain, &format!("     {}", STANDARD.encode(text))),
            "dec" => {
                let decoded = crate::sasl::decode_challenge(text.trim().as_bytes())
                    .map_err(|bad| Problem::new(Status::Usage, bad.to_string()))?;
                self.view.text(Style::Plain, &format!("     {}", escape::visible(&decoded)));
            }
            "auto" => self.encode_answers(true),
            "off" => self.encode_answers(false),
            "" => self.tell_encoding(),
            _ => {
                return Err(Problem::new(
                    Status::Usage,
                    "/b64 enc TEXT, /b64 dec TEXT, /b64 auto or /b64 off",
                ));
            }
        }
        Ok(Vec::new())
    }

    fn encode_answers(&mut self, encode: bool) {
        self.encode = encode;
        self.tell_encoding();
    }

    fn tell_encoding(&self) {
        let text = match self.encode {
            true => "     b64 is auto: what you answer to a challenge of AUTH is encoded for you",
            false => {
                "     b64 is off: what you answer to a challenge of AUTH goes out as you type it, so type base64"
            }
        };
        self.view.text(Style::Plain, text);
    }

    async fn raw(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        let bytes = commands::parse_raw(argument).map_err(|e| Problem::new(Status::Usage, e.to_string()))?;
        let auth = |line: &[u8]| CommandLine::parse(line).verb == Verb::Auth;
        if !self.in_content() && bytes.split(|b| *b == b'\n').any(auth) {
            self.consent_to_plaintext().await?;
        }
        self.connection()?.send_raw(&bytes).await?;
        self.settle().await
    }

    fn hex(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        match argument {
            "on" | "" => self.view.set_hex(true),
            "off" => self.view.set_hex(false),
            _ => return Err(Problem::new(Status::Usage, "/hex on or /hex off")),
        }
        Ok(Vec::new())
    }

    fn record(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        if argument.is_empty() {
            return Err(Problem::new(Status::Usage, "/record FILE, /record --append FILE, or /record off"));
        }
        let (append, argument) = match argument.strip_prefix("--append ") {
            Some(path) => (true, path.trim()),
            None => (false, argument),
        };
        let recorder = match argument {
            "off" => None,
            path => Some(recording::create(&commands::path(path), append)?),
        };
        let on = recorder.is_some();
        if let Some(log) = self.log() {
            log.record(recorder);
        }
        let text = if on {
            format!("=== recording in {argument} from here on")
        } else {
            "=== not recording".to_owned()
        };
        self.view.text(Style::Dim, &text);
        Ok(Vec::new())
    }

    fn note(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        if argument.is_empty() {
            return Err(Problem::new(Status::Usage, "/note needs a text"));
        }
        // A session that has ended can still be remarked upon.
        match self.log() {
            Some(log) => log.note(argument),
            None => return Err(Problem::new(Status::Usage, "there is no session yet to note it in")),
        }
        if self.prompts() && self.log().is_some_and(|log| !log.is_recorded()) {
            let text = "=== nothing is recorded, so the note is kept nowhere: /record FILE first";
            self.view.text(Style::Warn, text);
        }
        Ok(Vec::new())
    }

    fn set(&mut self, argument: &str) -> Result<Vec<Answer>, Problem> {
        let (name, value) = argument.split_once(' ').map_or((argument, ""), |(n, v)| (n, v.trim()));
        match (name, value) {
            ("", _) => self.show_settings(),
            ("ehlo", name) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                self.ehlo = Some(name.to_owned());
                self.view.narrator(|narrator| narrator.greet_as(name));
            }
            ("user", name) if !name.is_empty() => {
                // What was kept is another user's.
                self.login.kept = None;
                self.login.user = Some(name.to_owned());
            }
            ("explain", level) => return self.explain(level),
            ("hex", choice) => return self.hex(choice),
            ("b64", choice @ ("auto" | "off")) => return self.b64(choice),
            ("timeout", given) => {
                let Some(time) = opening::seconds(given) else {
                    return Err(Problem::new(Status::Usage, "/set timeout SECONDS, more than 0"));
                };
                let timeouts = Timeouts::all(time);
                (self.setup.timeouts, self.as_given.timeouts) = (timeouts, timeouts);
                if let Ok(connection) = self.connection() {
                    connection.set_timeouts(timeouts);
                }
            }
            _ => {
                return Err(Problem::new(Status::Usage, "no such setting, or no value for it")
                    .advise("/set alone shows the settings: ehlo, user, timeout, explain, hex, b64"));
            }
        }
        Ok(Vec::new())
    }

    fn show_settings(&mut self) {
        let level = self.view.narrator(|narrator| narrator.layout.level);
        let ehlo = self.ehlo.clone().unwrap_or_else(|| "(this machine's own name)".to_owned());
        let user = self.login.user.clone().unwrap_or_else(|| "(asked for)".to_owned());
        let rows = [
            ("ehlo", ehlo),
            ("user", user),
            ("timeout", format!("{} s for a reply", self.setup.timeouts.other.as_secs_f64())),
            ("explain", format!("{level:?}").to_lowercase()),
            ("hex", if self.view.hex() { "on" } else { "off" }.to_owned()),
            ("b64", if self.encode { "auto" } else { "off" }.to_owned()),
        ];
        let text: String = rows.iter().map(|(name, value)| format!("     {name:<8} {value}\n")).collect();
        self.view.text(Style::Plain, &escape_lines(&text));
    }
}

fn escape_lines(text: &str) -> String {
    text.lines().map(|line| escape::visible(line.as_bytes()) + "\n").collect()
}

/// The last line of a reply, for a message.
pub(super) fn said(answer: &Answer) -> String {
    answer.reply.last_line().map(|line| escape::visible(line.line.bytes)).unwrap_or_default()
}

fn refused(what: &str, answer: &Answer) -> Problem {
    let status = super::operator::status_of(answer).unwrap_or(Status::Protocol);
    Problem::new(status, format!("the server refused {what}: {}", said(answer)))
}
