//! Sends a transcript's commands again, one after the other, and waits for each reply.

use std::time::Duration;

use crate::report::{Problem, Status};
use crate::sasl;
use crate::session::{Command, Event, Phase};
use crate::transcript::script::{Step, Task};
use crate::transcript::turns::{Said, Turn};
use crate::transcript::{LineEnd, Payload, Piece};
use crate::transport::AuthError;
use crate::wire::{CommandLine, Verb};

use super::asker::Asker;
use super::operator::Operator;
use super::tty::Silence;

/// How long a word is waited for that need not come: one said unasked, or where none came before.
const UNASKED: Duration = Duration::from_secs(2);

/// What to send, and how.
#[derive(Debug)]
pub struct Plan<'a> {
    /// The recorded turns.
    pub turns: &'a [Turn],
    /// The steps of their client.
    pub tasks: &'a [Task],
    /// Whether the client's pauses are kept.
    pub keep_time: bool,
}

/// Opens the session and goes through the plan as far as the server lets it.
///
/// # Errors
/// When no session can be opened, or it ends before the plan does. That may be what was recorded: the caller
/// compares.
pub async fn run(operator: &mut Operator, plan: &Plan<'_>) -> Result<(), Problem> {
    // A password is asked for in mid-session, and may be typed before: it must not show then either.
    let secret = plan.tasks.iter().any(|task| matches!(task.step, Step::Authenticate { .. }));
    let _silence = (secret && matches!(operator.asker, Asker::Console)).then(Silence::begin);
    operator.connect().await?;
    let (mut done, mut out_of_step) = (0, false);
    for task in plan.tasks {
        hear_unasked(operator, plan, done, task.turns.0).await;
        if let Some(pause) = task.pause.filter(|_| plan.keep_time) {
            tokio::time::sleep(pause).await;
        }
        take(operator, task, plan, &mut out_of_step).await?;
        done = task.turns.1;
    }
    hear_unasked(operator, plan, done, plan.turns.len()).await;
    Ok(())
}

/// Ends the session from this side, once the server has had the time to do so itself.
pub async fn leave(operator: &mut Operator) {
    let Some(connection) = &mut operator.connection else { return };
    if connection.state().phase == Phase::Closed {
        // A server that keeps the link open after its good-bye is left alone.
        let _ = tokio::time::timeout(UNASKED, async { while connection.next().await.is_some() {} }).await;
    }
    connection.hang_up();
}

/// Waits for what the recorded server said unasked between two turns.
async fn hear_unasked(operator: &mut Operator, plan: &Plan<'_>, after: usize, before: usize) {
    let unasked = plan.turns.iter().take(before).skip(after + 1).filter(|turn| turn.said == Said::Nothing);
    for turn in unasked {
        let told = plan.turns.get(after).and_then(|turn| turn.heard.last()).and_then(|heard| heard.at);
        let recorded = turn.at.zip(told).map(|(at, told)| at.saturating_sub(told));
        let limit = UNASKED + recorded.filter(|_| plan.keep_time).unwrap_or_default();
        let Some(connection) = &mut operator.connection else { return };
        let word = async {
            while let Some(event) = connection.next().await {
                if matches!(event, Event::Reply(_)) {
                    return;
                }
            }
        };
        // If it says nothing now, the comparison will tell.
        let _ = tokio::time::timeout(limit, word).await;
    }
}

async fn take(
    operator: &mut Operator,
    task: &Task,
    plan: &Plan<'_>,
    out_of_step: &mut bool,
) -> Result<(), Problem> {
    step_back(operator, &task.step).await?;
    match &task.step {
        Step::StartTls(line) => {
            send(operator, line).await?;
            settle(operator, task, out_of_step).await?;
            stay_encrypted(operator, plan, task)?;
        }
        Step::Send(line) => {
            // What was never taken out is a credential all the same.
            if Command::of_line(line.head()).initial_response {
                consent(operator).await?;
            }
            send(operator, line).await?;
            settle(operator, task, out_of_step).await?;
        }
        Step::Answer(line) => {
            // Without a challenge the answer would be taken for a command.
            if !in_exchange(operator) {
                return Ok(());
            }
            if line.bytes() != Some(b"*") {
                consent(operator).await?;
            }
            send(operator, line).await?;
            settle(operator, task, out_of_step).await?;
        }
        Step::Authenticate { mechanism, user } => {
            let recorded = plan.turns.get(task.turns.0).map(|turn| &turn.said);
            let initial = matches!(recorded, Some(Said::Command { line, .. }) if has_initial(line));
            authenticate(operator, mechanism, user.as_deref(), initial).await?;
        }
        Step::Content(lines) => {
            // Without a 354 the content would be taken for commands.
            if operator.in_content() {
                operator.connection()?.send_content(&wire(lines, 0, MADE_UP)).await?;
                if plan.turns.get(task.turns.0).is_some_and(|turn| turn.unfinished) {
                    // An end of the content would deliver half a message.
                    operator.hang_up();
                    let what = "the recorded session broke off within the content, and so did this one";
                    return Err(Problem::new(Status::Protocol, what));
                }
                operator.connection()?.send(b".", false).await?;
                settle(operator, task, out_of_step).await?;
            }
        }
        Step::Chunk(line, chunk) => {
            send(operator, line).await?;
            operator.connection()?.send_raw(&wire(chunk, left_out(line, chunk), MADE_UP)).await?;
            settle(operator, task, out_of_step).await?;
        }
    }
    Ok(())
}

/// Leaves what the server began and the recorded one did not, so that the next command is not taken for content or for
/// the answer to a challenge.
async fn step_back(operator: &mut Operator, next: &Step) -> Result<(), Problem> {
    if operator.in_content() && !matches!(next, Step::Content(_)) {
        // An end of the content would deliver a message that nobody wrote (RFC 5321 §4.1.1.4).
        operator.hang_up();
        let what = "the server waits for content, of which the transcript has none here; the link was closed";
        return Err(Problem::new(Status::Protocol, what));
    }
    if in_exchange(operator) && !matches!(next, Step::Answer(_)) {
        operator.connection()?.send(b"*", false).await?;
        operator.settle().await?;
    }
    Ok(())
}

/// Ends the session where the server did not take the STARTTLS that led to TLS then: what followed is not sent in
/// cleartext.
fn stay_encrypted(operator: &mut Operator, plan: &Plan<'_>, task: &Task) -> Result<(), Problem> {
    let more = plan.turns.iter().skip(task.turns.1 + 1).any(|turn| turn.said != Said::Nothing);
    if !more || operator.state().is_none_or(|state| state.tls()) {
        return Ok(());
    }
    operator.hang_up();
    let what = "the server does not take STARTTLS; what went over TLS in the transcript is not sent in cleartext, and the \
                session ends here";
    Err(Problem::new(Status::Protocol, what))
}

/// Whether the server waits for the answer to a challenge.
fn in_exchange(operator: &Operator) -> bool {
    operator.state().is_some_and(|state| state.phase == Phase::Auth)
}

/// Asks before credentials go over a link that is not encrypted.
async fn consent(operator: &mut Operator) -> Result<(), Problem> {
    let asked = operator.consent_to_plaintext().await;
    // When the link is encrypted is for the transcript to say, so no --starttls can be given.
    let advice = "a target with TLS from the first byte (smtps://), or --allow-plaintext-auth if you must";
    asked.map_err(|problem| Problem { advice: Vec::new(), ..problem }.advise(advice))
}

/// Waits for the replies that are due. Where none came then, none is waited for in earnest now; from there on the
/// session counts one reply more than there is, so that later ones are not waited for either.
async fn settle(operator: &mut Operator, task: &Task, out_of_step: &mut bool) -> Result<(), Problem> {
    let answered = task.heard.last().is_some_and(|heard| heard.code.is_some());
    if answered && !*out_of_step {
        return operator.settle().await.map(|_| ());
    }
    match tokio::time::timeout(UNASKED, operator.settle()).await {
        Ok(settled) => settled.map(|_| ()),
        Err(_) => {
            *out_of_step = true;
            Ok(())
        }
    }
}

/// Sends a line with the line end that it had.
async fn send(operator: &mut Operator, line: &Payload) -> Result<(), Problem> {
    let named = renamed(line, operator.ehlo.as_deref());
    let connection = operator.connection()?;
    match line.ending {
        LineEnd::CrLf => {
            connection.send(&named, false).await?;
        }
        other => connection.send_raw(&[named.as_slice(), other.as_bytes()].concat()).await?,
    }
    Ok(())
}

/// The line, with the name for EHLO that was asked for.
fn renamed(line: &Payload, name: Option<&str>) -> Vec<u8> {
    let bytes = line.bytes().unwrap_or_default();
    match (CommandLine::parse(bytes).verb, name) {
        (verb @ (Verb::Ehlo | Verb::Helo | Verb::Lhlo), Some(name)) => {
            format!("{} {name}", verb.as_str()).into_bytes()
        }
        _ => bytes.to_vec(),
    }
}

/// Whether an AUTH line had more than the mechanism.
fn has_initial(line: &Payload) -> bool {
    line.pieces.len() > 1 || CommandLine::parse(line.head()).rest().contains(&b' ')
}

async fn authenticate(
    operator: &mut Operator,
    mechanism: &str,
    user: Option<&str>,
    initial: bool,
) -> Result<(), Problem> {
    consent(operator).await?;
    let given = operator.login.user.clone();
    operator.login.user = given.clone().or(user.map(str::to_owned));
    let name = mechanism.to_ascii_uppercase();
    let credentials = operator.credentials(&name).await;
    operator.login.user = given;
    let credentials = credentials?;
    let client =
        sasl::client(&name, &credentials).map_err(|error| Problem::new(Status::Usage, error.to_string()))?;
    let connection = operator.connection()?;
    connection.log().keep_secret(&credentials.secret);
    match connection.authenticate(client, initial).await {
        // A refusal is a reply like any other here.
        Ok(_) | Err(AuthError::Refused(_) | AuthError::Challenge { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How many octets the secrets were that were taken out of a chunk: what it lacks of the size that BDAT announces. A server
/// waits for all of them (RFC 3030 §2).
fn left_out(line: &Payload, chunk: &[Payload]) -> u64 {
    let command = CommandLine::parse(line.head());
    let size = command.rest().split(u8::is_ascii_whitespace).find(|word| !word.is_empty());
    let size: Option<u64> = size.and_then(|size| std::str::from_utf8(size).ok()?.parse().ok());
    size.unwrap_or(0).saturating_sub(chunk.iter().map(Payload::wire_len).fold(0, u64::saturating_add))
}

/// Content as it goes on the wire. What the transcript did not keep is made up to the same length: where it folded the
/// content, and, to so many octets in all, where a secret was taken out. No more than `room` octets are made up.
fn wire(lines: &[Payload], mut secret: u64, mut room: usize) -> Vec<u8> {
    const FILLER: &[u8] = b"(content that the transcript does not hold)\r\n";
    let mut out = Vec::new();
    let mut made_up = |octets: u64| {
        let taken = usize::try_from(octets).unwrap_or(usize::MAX).min(room);
        room -= taken;
        taken
    };
    for line in lines {
        for piece in &line.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Data { bytes, .. } => {
                    out.extend(FILLER.iter().cycle().take(made_up(*bytes)));
                }
                // How long each of several was nobody knows; the first stands for all.
                Piece::Secret(_) | Piece::Other(_) => {
                    out.extend(std::iter::repeat_n(b'x', made_up(std::mem::take(&mut secret))));
                }
            }
        }
        out.extend_from_slice(line.ending.as_bytes());
    }
    out
}

/// The most that is made up of one message or chunk, in octets.
const MADE_UP: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::SecretMark;

    #[test]
    fn content_that_was_folded_keeps_its_length() {
        let data = Payload::from_piece(Piece::Data { bytes: 1000, sha256: None });
        assert_eq!(wire(&[Payload::from_bytes("a"), data], 0, MADE_UP).len(), 3 + 1000 + 2);
    }

    #[test]
    fn a_chunk_is_as_long_as_it_was_announced() {
        let mut secret = Payload::from_bytes("password: ");
        secret.push(Piece::Secret(SecretMark::echo()));
        let (line, chunk) = (Payload::from_bytes("BDAT 40 LAST"), [Payload::from_bytes("hello"), secret]);
        assert_eq!(
            wire(&chunk, left_out(&line, &chunk), MADE_UP),
            b"hello\r\npassword: xxxxxxxxxxxxxxxxxxxxx\r\n"
        );
    }

    #[test]
    fn sizes_from_a_file_fill_no_memory() {
        let folded = || Payload::from_piece(Piece::Data { bytes: u64::MAX, sha256: None });
        let content = [folded(), folded(), folded()];
        assert_eq!(left_out(&Payload::from_bytes("BDAT 100"), &content), 0);
        assert_eq!(wire(&content, 0, 500).len(), 500 + 3 * 2);
    }

    #[test]
    fn only_greetings_are_renamed() {
        let line = |text: &str| renamed(&Payload::from_bytes(text), Some("new.example"));
        assert_eq!(line("ehlo old.example"), b"EHLO new.example");
        assert_eq!(line("MAIL FROM:<a@old.example>"), b"MAIL FROM:<a@old.example>");
        assert_eq!(renamed(&Payload::from_bytes("ehlo x"), None), b"ehlo x");
    }
}
