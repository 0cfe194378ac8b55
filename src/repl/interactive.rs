//! The prompt: a person types, the server answers, and may speak up at any time.

use std::time::Duration;

use crate::explain::render::Style;
use crate::report::{Problem, Status};
use crate::session::{Event, Link, Phase};
use crate::transport::Connection;
use crate::wire::{CommandLine, Verb, escape};

use super::Prelude;
use super::asker::Asker;
use super::operator::{Done, Operator};
use super::signals::Signals;
use super::terminal::{Mode, Prompt, Typed};
use super::typing::NO_SESSION;

/// How long the prompt stays away while a reply is waited for. After that the person can type on.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What comes after a line.
enum Next {
    Prompt,
    Leave,
}

/// Holds a session at the terminal until the person leaves. `welcome` is shown first.
pub async fn run(
    operator: &mut Operator,
    prelude: &Prelude,
    welcome: Option<&str>,
) -> Result<Status, Problem> {
    operator.patience = Some(PATIENCE);
    if let Some(text) = welcome {
        operator.view.text(Style::Plain, text);
    }
    let mut keys = Keys::new()?;
    let begun = tokio::select! {
        begun = super::begin(operator, prelude) => Some(begun),
        () = keys.interrupt.arrived() => None,
        () = keys.terminate.arrived() => return Ok(terminated(operator, &keys)),
    };
    let begun = match begun {
        Some(begun) => begun,
        // There may be a greeting yet; what else is under way cannot be taken up again.
        None if operator.awaits_greeting() => {
            if let Some(left) = left_to_do(prelude) {
                operator.view.text(
                    Style::Warn,
                    &format!("=== nothing was begun yet: once the greeting is here, {left}"),
                );
            }
            Ok(Status::Ok)
        }
        None if operator.state().is_some() => {
            operator.hang_up();
            Ok(Status::Ok)
        }
        None => return Ok(Status::Signal(keys.interrupt.last())),
    };
    let mut ended = match begun {
        // The certificate may be looked at: no secret has been sent, and none can be.
        Err(problem) if operator.tls_refused => {
            operator.tell(&problem);
            operator
                .view
                .text(Style::Dim, "     /tls shows the certificate · /reconnect · /open TARGET · /quit");
            problem.status
        }
        // There was a session, and what was proposed when it broke off can be typed.
        Err(problem) if problem.broke_off => {
            operator.tell(&problem);
            problem.status
        }
        begun => begun.map(|_| Status::Ok)?,
    };
    loop {
        operator.share_knowledge();
        let typed = tokio::select! {
            typed = prompt(operator) => typed,
            () = keys.terminate.arrived() => return Ok(terminated(operator, &keys)),
        };
        // The window may have changed while the person typed.
        operator.share_knowledge();
        operator.keep_history();
        let next = match typed {
            Typed::Line(line) => enter(operator, &mut keys, line.as_bytes(), &mut ended).await?,
            Typed::Interrupted => {
                operator.asker.forget_pasted();
                interrupted(operator, &mut keys, &mut ended).await?
            }
            Typed::End => end_of_input(operator, &mut keys, &mut ended).await?,
        };
        if matches!(next, Next::Leave) {
            break;
        }
    }
    if let Asker::Terminal(terminal) = &mut operator.asker {
        terminal.screen().flush().await;
    }
    Ok(ended)
}

/// What a person has to do by hand where waiting for the greeting was ended before anything else was begun.
fn left_to_do(prelude: &Prelude) -> Option<&'static str> {
    match (prelude.starttls, prelude.auth.is_some()) {
        (true, true) => Some("/starttls, then /auth"),
        (true, false) => Some("/starttls"),
        (false, true) => Some("/auth"),
        (false, false) => prelude.greet.then_some("EHLO"),
    }
}

/// Waits for a line; meanwhile what the server says appears above the prompt.
async fn prompt(operator: &mut Operator) -> Typed {
    let mut prompt = prompt_of(operator);
    if prompt.mode == Mode::Command {
        prompt.prefill = std::mem::take(&mut operator.prefill);
    }
    let Operator { asker, connection, .. } = operator;
    let Asker::Terminal(terminal) = asker else { return Typed::End };
    terminal.screen().flush().await;
    loop {
        let live = connection.as_mut().filter(|connection| !connection.ended());
        tokio::select! {
            biased;
            Some(event) = next_event(live) => {
                if matches!(event, Event::Closed { .. }) {
                    terminal.known().update(None);
                    terminal.screen().repaint();
                    if prompt.mode != Mode::Command {
                        // Content and secrets that are still to come are no commands.
                        terminal.forget_pasted();
                        prompt = Prompt::new(NO_SESSION, Mode::Command);
                    }
                }
            }
            typed = terminal.read(prompt.clone()) => return typed,
        }
    }
}

/// The next event, which has been shown when it is returned; never ready without a session.
async fn next_event(connection: Option<&mut Connection>) -> Option<Event> {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}

fn prompt_of(operator: &Operator) -> Prompt {
    if let Some(ask) = operator.question() {
        let mode = if ask.secret { Mode::Masked } else { Mode::Response };
        return Prompt::new(format!("{}: ", ask.prompt), mode);
    }
    let Some(state) = operator.state() else {
        return Prompt::new(NO_SESSION, Mode::Command);
    };
    let target = &operator.setup.target;
    let mut text = match &target.host {
        crate::target::Host::Ip(ip) => std::net::SocketAddr::new(*ip, target.port).to_string(),
        crate::target::Host::Name(name) => format!("{name}:{}", target.port),
    };
    match state.link {
        Link::Plain => {}
        Link::Tls { verified: true } => text.push_str(" tls"),
        Link::Tls { verified: false } => text.push_str(" tls-NOT-verified"),
    }
    if let Some(who) = &state.authenticated {
        text.push(' ');
        text.push_str(&escape::visible(who.user.as_deref().unwrap_or("authenticated").as_bytes()));
    }
    let (word, mode) = match (state.phase, operator.chunk_left()) {
        (_, left @ 1..) => (format!(" content[{left}]"), Mode::Content),
        _ if operator.in_content() => (" content".to_owned(), Mode::Content),
        (Phase::Auth, _) => (" AUTH response".to_owned(), Mode::Masked),
        _ => (String::new(), Mode::Command),
    };
    if let Some(held) = &operator.held {
        text.push_str(&format!(" pipeline[{}]", held.len()));
    }
    Prompt::new(format!("{text}{word} ▸ "), mode)
}

/// Carries out a line. Ctrl-C while it waits says what it waits for; a second one hangs up.
async fn enter(
    operator: &mut Operator,
    keys: &mut Keys,
    line: &[u8],
    ended: &mut Status,
) -> Result<Next, Problem> {
    if line.is_empty() && !operator.captures_lines() {
        return Ok(Next::Prompt);
    }
    let view = operator.view.clone();
    let outcome = {
        let work = operator.enter(line, true);
        tokio::pin!(work);
        let mut asked = false;
        loop {
            tokio::select! {
                outcome = &mut work => break Some(outcome),
                () = keys.interrupt.arrived() => {
                    if std::mem::replace(&mut asked, true) {
                        break None;
                    }
                    view.text(Style::Warn, "=== the command is still under way; Ctrl-C again hangs up");
                }
                () = keys.terminate.arrived() => break None,
            }
        }
    };
    let Some(outcome) = outcome else {
        operator.hang_up();
        return Ok(Next::Prompt);
    };
    match outcome {
        Ok(Done::Leave) => {
            operator.quit().await;
            return Ok(Next::Leave);
        }
        Ok(Done::Waiting) => {
            view.text(Style::Dim, "=== no reply yet; it will appear here when it comes, and you can type on");
        }
        Ok(Done::Replies(replies)) => {
            if !replies.is_empty() {
                operator.asker.hold_auth_back(false);
            }
            if operator.state().is_some() {
                *ended = Status::Ok;
            }
        }
        Err(problem) => {
            *ended = if operator.state().is_none() { problem.status } else { Status::Ok };
            operator.tell(&problem);
            if CommandLine::parse(line).verb == Verb::Auth {
                operator.asker.hold_auth_back(true);
            }
            // They were meant for a session in which this line went well.
            operator.asker.forget_pasted();
        }
    }
    // After the good-bye to a QUIT there is nothing left to type.
    let said_goodbye = operator.state().is_some_and(|state| state.phase == Phase::Closed)
        && line.trim_ascii().eq_ignore_ascii_case(b"QUIT");
    if said_goodbye {
        operator.quit().await;
        return Ok(Next::Leave);
    }
    Ok(Next::Prompt)
}

/// Ctrl-C at the prompt: the line is dropped; an AUTH exchange is cancelled.
async fn interrupted(operator: &mut Operator, keys: &mut Keys, ended: &mut Status) -> Result<Next, Problem> {
    if operator.captures_lines() && !operator.in_content() {
        return enter(operator, keys, b"*", ended).await;
    }
    Ok(Next::Prompt)
}

/// Ctrl-D: asks to leave politely.
async fn end_of_input(operator: &mut Operator, keys: &mut Keys, ended: &mut Status) -> Result<Next, Problem> {
    if operator.chunk_left() > 0 {
        if operator
            .asker
            .confirm("The chunk is not complete. Hang up, so that nothing of it is delivered?", false)
            .await
        {
            operator.hang_up();
        }
        return Ok(Next::Prompt);
    }
    if operator.in_content() {
        if operator.asker.confirm("End the message here and have it sent?", false).await {
            return enter(operator, keys, b".", ended).await;
        }
        if operator.asker.confirm("Hang up, so that nothing of it is delivered?", false).await {
            operator.hang_up();
        }
        return Ok(Next::Prompt);
    }
    if operator.captures_lines() {
        return enter(operator, keys, b"*", ended).await;
    }
    if operator.state().is_none() {
        return Ok(Next::Leave);
    }
    if operator.asker.confirm("Send QUIT and leave?", true).await {
        operator.quit().await;
        return Ok(Next::Leave);
    }
    Ok(Next::Prompt)
}

/// SIGTERM or SIGHUP: the link is closed and the record ended in order.
fn terminated(operator: &mut Operator, keys: &Keys) -> Status {
    operator.hang_up();
    Status::Signal(keys.terminate.last())
}

/// The signals that a session minds.
struct Keys {
    interrupt: Signals,
    terminate: Signals,
}

impl Keys {
    fn new() -> Result<Keys, Problem> {
        let fail = |error: std::io::Error| {
            Problem::new(Status::Protocol, format!("cannot listen to signals: {error}"))
        };
        Ok(Keys {
            interrupt: Signals::interrupt().map_err(fail)?,
            terminate: Signals::terminate().map_err(fail)?,
        })
    }
}
