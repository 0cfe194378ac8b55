//! Runs a script: lines of `-c`, or of a standard input that is no terminal. Each command waits for its
//! reply; content runs up to its lone dot.

use crate::report::{Problem, Status, complain};
use crate::session::{Answer, Event};
use crate::transport::Connection;
use crate::wire::{CommandLine, Verb};

use super::commands;
use super::operator::{Done, Operator, status_of};

mod lines;

pub use lines::Source;

use lines::{Content, Lines, PIECE};

/// How a script is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Whether to go on after a 4yz or 5yz reply.
    pub keep_going: bool,
    /// Whether QUIT is sent at the end, in case the script has not done so.
    pub quit: bool,
}

/// Runs a script to its end, and says how it went: the worst of the replies, asked for or not, or what ended it.
pub async fn run(operator: &mut Operator, source: Source, manner: Manner) -> Result<Status, Problem> {
    match follow(operator, source, manner).await {
        Ok(status) => Ok(status),
        Err(problem) => {
            let problem = operator.with_last_words(problem);
            operator.part_after(&problem).await;
            Err(problem)
        }
    }
}

async fn follow(operator: &mut Operator, source: Source, manner: Manner) -> Result<Status, Problem> {
    let mut worst = Status::Ok;
    let mut lines = Lines::new(source);
    let (mut unread, mut leaving) = (false, false);
    let mut after_refused_data = false;
    while let Some(step) = next_line(operator, &mut lines).await? {
        // Who stops reading has seen enough, as with `| head`.
        unread = operator.view.is_unread();
        if unread {
            break;
        }
        let mut answers = match step {
            Step::Refused => Vec::new(),
            Step::Content => send_content(operator, &mut lines).await?,
            Step::Line(line) if std::mem::take(&mut after_refused_data) && !is_command(&line) => {
                lines.pass_over_content(&line).await?;
                let what = "the message was passed over, as the server did not take DATA";
                complain(&Problem::new(Status::Ok, what));
                Vec::new()
            }
            Step::Line(line) => match operator.enter(&line, false).await {
                Ok(Done::Replies(answers)) => {
                    let data = CommandLine::parse(&line).verb == Verb::Data && !answers.is_empty();
                    after_refused_data = data && !operator.in_content();
                    answers
                }
                Ok(Done::Waiting) => Vec::new(),
                Ok(Done::Leave) => {
                    leaving = true;
                    break;
                }
                Err(problem) if manner.keep_going && operator.state().is_some() => {
                    operator.learn_of(&problem);
                    complain(&operator.with_reason(problem.clone()));
                    worst = worst.max(problem.status);
                    Vec::new()
                }
                Err(problem) => return Err(problem),
            },
        };
        answers.extend(operator.take_unasked());
        worst = worst.max(worst_of(&answers));
        if worst != Status::Ok && !manner.keep_going {
            break;
        }
    }
    let unsent = operator.held.take().map_or(0, |lines| lines.len());
    if unsent > 0 && worst == Status::Ok {
        operator.hang_up();
        let what = format!("the script ended with {unsent} lines collected by /pipeline and not sent");
        return Err(Problem::new(Status::Usage, what).advise("/pipeline go sends them"));
    }
    if operator.state().is_some() && (leaving || manner.quit || worst != Status::Ok || unread) {
        operator.quit().await;
    } else {
        operator.leave().await?;
    }
    let parting: Vec<Answer> = operator.take_unasked().into_iter().collect();
    let worst = worst.max(worst_of(&parting));
    if unread && worst == Status::Ok {
        let what = "the script was not carried out to its end, as nobody reads the output any more";
        return Err(Problem::new(Status::LocalFile, what));
    }
    Ok(worst)
}

/// Whether a line behind a DATA that was refused is a command. If not, it begins the message, whose lines would go out as
/// commands one by one.
fn is_command(line: &[u8]) -> bool {
    let helper = matches!(commands::parse(&String::from_utf8_lossy(line)), Some(Ok(_)));
    helper || !matches!(CommandLine::parse(line).verb, Verb::Other(_))
}

/// The exit status that these replies ask for.
pub fn worst_of(answers: &[Answer]) -> Status {
    answers.iter().filter_map(status_of).max().unwrap_or(Status::Ok)
}

enum Step {
    Line(Vec<u8>),
    Content,
    /// The server refused something unasked.
    Refused,
}

/// Waits for the script's next line, and meanwhile listens to the server.
async fn next_line(operator: &mut Operator, lines: &mut Lines) -> Result<Option<Step>, Problem> {
    // The octets of a chunk are counted line by line; a message goes through in bulk.
    if operator.in_content() && operator.chunk_left() == 0 && lines.is_stream() {
        return Ok(Some(Step::Content));
    }
    loop {
        tokio::select! {
            biased;
            line = lines.next() => return Ok(line?.map(Step::Line)),
            event = operator.next_event() => {
                operator.heard(event)?;
                if operator.connection.as_ref().is_some_and(Connection::was_refused) {
                    return Ok(Some(Step::Refused));
                }
            }
        }
    }
}

/// Sends content straight from the script, line ends made CRLF, up to its lone dot. Nothing is stuffed: a
/// script holds the lines as they go on the wire.
async fn send_content(operator: &mut Operator, lines: &mut Lines) -> Result<Vec<Answer>, Problem> {
    let mut wire = Vec::with_capacity(PIECE + PIECE / 8);
    loop {
        wire.clear();
        let done = lines.content(&mut wire).await?;
        match done {
            Content::More => operator.connection()?.send_content(&wire).await?,
            Content::Complete => {
                operator.connection()?.end_content(&wire).await?;
                return operator.settle().await;
            }
            Content::Cut => {
                operator.connection()?.send_content(&wire).await?;
                // An orderly end would deliver a part of the message.
                operator.hang_up();
                return Err(Problem::new(Status::Protocol, "the script ended inside the message content")
                    .advise("end the content with a line that holds a dot alone"));
            }
        }
    }
}

impl Operator {
    /// What an event between two lines means for a script.
    fn heard(&mut self, event: Event) -> Result<(), Problem> {
        match &self.connection {
            Some(connection) => Ok(connection.check(event)?),
            None => Ok(()),
        }
    }

    /// The first refusal that came unasked since this was called last.
    fn take_unasked(&mut self) -> Option<Answer> {
        self.connection.as_mut().and_then(Connection::take_unasked)
    }

    /// Where the link is gone after a refusal, unasked or not read any more, that is the reason, and gives the status.
    fn with_last_words(&mut self, problem: Problem) -> Problem {
        let refusal = self.connection.as_mut().and_then(Connection::take_refusal);
        match refusal.filter(|_| problem.status == Status::Protocol) {
            Some(answer) => Problem {
                status: status_of(&answer).unwrap_or(problem.status),
                what: format!("{}; it had said: {}", problem.what, super::helper_commands::said(&answer)),
                ..problem
            },
            None => problem,
        }
    }

    /// The script is over. If the server has been told QUIT it closes now; else we do.
    async fn leave(&mut self) -> Result<(), Problem> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if connection.state().phase == crate::session::Phase::Closed {
            let wait = std::time::Duration::from_secs(2);
            // A server that keeps the link open after its good-bye is left alone.
            let _ = tokio::time::timeout(wait, async { while connection.next().await.is_some() {} }).await;
        }
        connection.hang_up();
        Ok(())
    }
}
