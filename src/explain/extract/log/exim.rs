//! Exim: its main log, and the lines of its reject log.

use super::anywhere::{one_line, reply_at_start, reply_behind_colon};
use super::{Read, Told, before, behind, between};
use crate::explain::extract::Found;

/// How a delivery ended: failed, put off, done, done with another address of the same batch.
const MARKS: [&str; 4] = [" ** ", " == ", " => ", " -> "];
/// What says that a server refused.
const ERROR: &str = "SMTP error from remote mail server after ";

/// What a line that [`find`] can read has at least one of.
pub(super) const SIGNS: &[&str] = &[" <= ", " rejected ", " ** ", " == ", " => ", " -> ", ERROR];

pub(super) fn find(line: &str, number: usize) -> Read {
    if line.contains(" <= ") {
        // A mail that came in, with its subject.
        return Some(Vec::new());
    }
    if let Some(found) = refusal(line, number) {
        return Some(vec![found]);
    }
    let Some((mark, rest)) = MARKS.iter().find_map(|mark| Some((*mark, line.split_once(mark)?.1))) else {
        let found = told(line, number)?;
        return Some(vec![Found { interim: true, ..found }]);
    };
    let found = match between(line, " C=\"", "\"") {
        Some(said) => reply_at_start(said, number)?,
        None => told(rest, number).or_else(|| own_words(mark, rest, number))?,
    };
    let host = found.host.clone();
    let found = found.of(Some(recipient(rest)));
    let host = host.or_else(|| crate::explain::extract::host(behind(rest, " H=", &[" ", ":"])?));
    let returned = match mark {
        " ** " => Some(true),
        " == " => Some(false),
        _ => None,
    };
    Some(vec![Found { host, returned, ..found }])
}

/// The address that a delivery line begins with: `bob@example.net R=…`, `alice <alice@example.test> R=…`.
fn recipient(rest: &str) -> &str {
    let head = before(rest, &[" R=", " T=", " routing defer", ": "]);
    match head.rsplit_once('<') {
        Some((_, original)) => before(original, &[">"]),
        None => head.trim_end_matches(':'),
    }
}

/// What a server said: `SMTP error from remote mail server after RCPT TO:<bob@example.net>: host mx.example.net
/// [192.0.2.1]: 550 …`, in the main log and in bounces.
pub(super) fn told(text: &str, number: usize) -> Option<Found> {
    let (head, said) = text.split_once(ERROR)?;
    // Exim writes the line ends of a reply as a backslash and an n.
    let said = one_line(before(said, &[" DT=", " QT="]));
    let (command, answer) = said.split_once(": ").or_else(|| said.split_once(":"))?;
    // It says so of a command whose reply was not waited for before the next.
    let command = command.strip_prefix("pipelined ").unwrap_or(command);
    let host = behind(answer, "host ", &[" ", "["]).filter(|_| answer.starts_with("host "));
    let host = host.or_else(|| behind(head, " H=", &[" "])).or_else(|| behind(head, "host ", &[" ", "["]));
    let recipient = command.contains("RCPT ").then(|| between(command, "<", ">")).flatten();
    Some(reply_behind_colon(answer, number)?.to(command).at(host).of(recipient))
}

/// What Exim refused: `H=client [192.0.2.1] F=<…> rejected RCPT <…>: …`, `temporarily rejected RCPT <…>: …`. It
/// leaves out the code that it said: 550 or 451 (specification, chapter 44, "deny" and "defer").
fn refusal(line: &str, number: usize) -> Option<Found> {
    let (head, refused) = line.split_once(" rejected ").filter(|(head, _)| head.contains(" H="))?;
    let (command, said) = refused.split_once(": ")?;
    let code = if head.ends_with(" temporarily") { "451" } else { "550" };
    let silent = || Found::of_text(&format!("{code} {}", said.trim()), number);
    let found = reply_at_start(said, number).unwrap_or_else(silent);
    let answered = match command {
        "after DATA" | "during MIME ACL checks" => "end of DATA",
        _ if command.starts_with("connection") => "CONNECT",
        command => command,
    };
    let recipient = command.starts_with("RCPT ").then(|| between(command, "<", ">")).flatten();
    Some(found.to(answered).of(recipient).from(between(head, " F=<", ">")))
}

/// What Exim says itself of a delivery that got no reply: `== bob@example.net R=… T=… defer (110): Connection timed
/// out`, `** bob@example.net: Unrouteable address`.
fn own_words(mark: &str, rest: &str, number: usize) -> Option<Found> {
    let put_off =
        || rest.split_once(" defer (").and_then(|(_, why)| why.split_once("): ")).map(|(_, words)| words);
    let words = match mark {
        " == " => put_off().or_else(|| Some(rest.split_once(": ")?.1))?,
        " ** " => rest.split_once(": ")?.1,
        _ => return None,
    };
    let words = before(words, &[" H=", " DT=", " QT="]).trim();
    (!words.is_empty()).then(|| Found::of_text(words, number))
}
