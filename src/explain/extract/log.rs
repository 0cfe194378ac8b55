//! Replies inside log lines.

use super::{Found, servers};

/// The reply in a log line, if there is one.
pub(super) fn find(line: &str, number: usize) -> Option<Found> {
    exchange(line, number)
        .or_else(|| servers::find(line, number))
        .or_else(|| exim(line, number))
        .or_else(|| postfix(line, number))
        .or_else(|| sendmail(line, number))
        .or_else(|| interim(line, number))
        .or_else(|| anywhere(line, number))
}

/// Postfix: `status=bounced (host mx[192.0.2.1] said: 550 5.1.1 … (in reply to RCPT TO command))`, and
/// `NOQUEUE: reject: RCPT from host[192.0.2.1]: 554 5.7.1 …; from=<…> to=<…> proto=ESMTP`.
fn postfix(line: &str, number: usize) -> Option<Found> {
    if let Some((_, rest)) = line.split_once("reject: ").filter(|(_, rest)| rest.contains(" from ")) {
        let (command, rest) = rest.split_once(" from ")?;
        let (said, tail) = match rest.split_once(">: ") {
            // What cleanup refuses: `reject: header Subject: … from host[…]; from=<…> … helo=<…>: 5.7.1 …`.
            Some((head, said)) if head.contains(" helo=<") => (said, head),
            _ => {
                let (_, rest) = rest.split_once("]: ").or_else(|| rest.split_once(": "))?;
                rest.split_once("; from=").map_or((rest, ""), |(said, _)| (said, rest))
            }
        };
        // For a milter Postfix writes the enhanced code alone.
        let bare = || servers::status_at_start(said).then(|| Found::of_text(said.trim(), number));
        let mut found = reply_at_start(said, number).or_else(bare)?;
        found.answered(match command {
            "END-OF-MESSAGE" => "end of DATA",
            _ if command.starts_with("header ") || command.starts_with("body ") => "end of DATA",
            command => command,
        });
        found.recipient = between(tail, " to=<", ">");
        found.sender = between(tail, "; from=<", ">");
        return Some(found);
    }
    let (_, status) = line.split_once("status=")?;
    let (_, inside) = status.split_once('(')?;
    let inside = inside.strip_suffix(')').unwrap_or(inside);
    let (inside, command) = match inside.rsplit_once(" (in reply to ") {
        Some((said, command)) => (said, Some(command.trim_end_matches(')').trim_end_matches(" command"))),
        None => (inside, None),
    };
    let said = ["said: ", "refused to talk to me: "].iter().find_map(|word| inside.split_once(word));
    let said = said.map_or(inside, |(_, said)| said);
    let mut found = reply_at_start(said, number).or_else(|| without_code(line, inside, number))?;
    match command {
        Some(command) => found.answered(command),
        None if inside.contains("refused to talk to me: ") => found.answered("CONNECT"),
        None => {}
    }
    found.host =
        between(inside, "host ", "[").or_else(|| between(line, "relay=", "[")).filter(|h| h != "none");
    found.recipient = between(line, "to=<", ">");
    Some(found)
}

/// What Postfix says itself of a delivery that got no reply: `dsn=4.4.1, … (connect to mx[192.0.2.1]:25: Connection
/// timed out)`.
fn without_code(line: &str, words: &str, number: usize) -> Option<Found> {
    let status = between(line, "dsn=", ",").filter(|status| status.starts_with(['4', '5']))?;
    Some(Found::of_text(&format!("{status} {words}"), number))
}

/// Exim: `** bob@example.net R=… T=… H=mx.example.net [192.0.2.1]: SMTP error from remote mail server after
/// RCPT TO:<bob@example.net>: 550 …`, `== … defer …: 451 …`, `=> … C="250 OK"`.
fn exim(line: &str, number: usize) -> Option<Found> {
    if let Some(found) = exim_refuses(line, number) {
        return Some(found);
    }
    let (head, said) = match line.split_once("SMTP error from remote ") {
        Some((head, rest)) => (head, Some(rest)),
        None => (line, None),
    };
    let mark = [" ** ", " == ", " => ", " -> "].iter().find_map(|mark| line.split_once(mark))?.1;
    let mut found = match said {
        Some(said) => {
            let (command, _) =
                said.split_once("after ").map_or(("", ""), |(_, c)| c.split_once(": ").unwrap_or((c, "")));
            // Exim writes the line ends of a reply as a backslash and an n.
            let mut found = first_reply(&said.replace("\\n", " "), number)?;
            found.answered(command);
            found
        }
        None if line.contains(" C=\"") => reply_at_start(&between(line, " C=\"", "\"")?, number)?,
        None if line.contains(" T=") && line.contains(" R=") => {
            first_reply(line, number).or_else(|| exim_words(mark, number))?
        }
        None if line.contains(" ** ") => exim_words(mark, number)?,
        None => return None,
    };
    found.host = between(head, " H=", " ")
        .or_else(|| between(line, " H=", " "))
        .or_else(|| between(line, "host ", " "));
    found.recipient = exim_address(mark);
    Some(found)
}

/// The address that a delivery line begins with: `bob@example.net R=…`, `alice <alice@example.test> R=…`.
fn exim_address(mark: &str) -> Option<String> {
    let mut words = mark.split_ascii_whitespace().map(|word| word.trim_end_matches(':'));
    let first = words.next().filter(|word| word.contains('@'));
    let second = || words.next()?.strip_prefix('<')?.strip_suffix('>');
    first.or_else(second).map(|address| address.trim_matches(['<', '>']).to_owned())
}

/// What Exim refused: `H=client [192.0.2.1] F=<…> rejected RCPT <…>: …`, `temporarily rejected RCPT <…>: …`. It
/// leaves out the code that it said: 550 or 451 (specification, chapter 44, "deny" and "defer").
fn exim_refuses(line: &str, number: usize) -> Option<Found> {
    let (head, refused) = line.split_once(" rejected ").filter(|(head, _)| head.contains(" H="))?;
    let (command, said) = refused.split_once(": ")?;
    let code = if head.ends_with(" temporarily") { "451" } else { "550" };
    let silent = || Found::of_text(&format!("{code} {}", said.trim()), number);
    let mut found = reply_at_start(said, number).unwrap_or_else(silent);
    found.answered(match command {
        "after DATA" | "during MIME ACL checks" => "end of DATA",
        _ if command.starts_with("connection") => "CONNECT",
        command => command,
    });
    if command.starts_with("RCPT ") {
        found.recipient = between(command, "<", ">");
    }
    found.sender = between(head, " F=<", ">").filter(|sender| !sender.is_empty());
    Some(found)
}

/// What Exim says itself of a delivery that got no reply: `== bob@example.net R=… T=… defer (110): Connection timed
/// out`, `** bob@example.net: Unrouteable address`.
fn exim_words(mark: &str, number: usize) -> Option<Found> {
    let (_, words) = mark.split_once(": ")?;
    Some(Found::of_text(words.trim_end(), number))
}

/// What one of several hosts said, before the line that tells what became of the delivery. Exim: `1xWGRi-0005D5-0P SMTP
/// error from remote mail server after RCPT TO:<bob@example.net>: host mx.example.net [192.0.2.1]: 451 …`. Postfix:
/// `4ABC: host mx.example.net[192.0.2.1] said: 421 … (in reply to RCPT TO command)`.
fn interim(line: &str, number: usize) -> Option<Found> {
    let (command, rest) = match line.split_once(" SMTP error from remote mail server after ") {
        Some((_, rest)) => {
            let (command, rest) = rest.split_once(": host ")?;
            (Some(command), rest)
        }
        None => {
            let (_, rest) = line.split_once(": host ").filter(|(_, rest)| rest.contains("] said: "))?;
            (None, rest)
        }
    };
    let (host, said) = rest.split_once("]: ").or_else(|| rest.split_once("] said: "))?;
    let behind = said.rsplit_once(" (in reply to ").filter(|_| command.is_none());
    let said = behind.map_or(said, |(said, _)| said).replace("\\n", " ");
    let mut found = reply_at_start(&said, number)?;
    let command = command.or_else(|| Some(behind?.1.trim_end_matches(')').trim_end_matches(" command")));
    found.answered(command.unwrap_or_default());
    found.recipient = command.filter(|c| c.starts_with("RCPT ")).and_then(|c| between(c, "<", ">"));
    found.host = host.split([' ', '[']).next().map(str::to_owned);
    found.interim = true;
    Some(found)
}

/// Sendmail: `to=<bob@example.net>, …, dsn=5.1.1, stat=User unknown`, and `reject=550 5.7.1 …`.
fn sendmail(line: &str, number: usize) -> Option<Found> {
    if let Some((head, said)) = line.split_once(" reject=") {
        let mut found = reply_at_start(said, number)?;
        let check = between(head, "ruleset=check_", ",").unwrap_or_default();
        found.answered(match check.as_str() {
            "rcpt" => "RCPT",
            "mail" => "MAIL",
            "relay" => "CONNECT",
            "eoh" | "data" => "end of DATA",
            _ => "",
        });
        let argument = between(head, "arg1=<", ">");
        match check.as_str() {
            "rcpt" => found.recipient = argument,
            "mail" => found.sender = argument,
            _ => {}
        }
        return Some(found);
    }
    let (head, stat) = line.split_once(", stat=")?;
    let status = between(line, "dsn=", ",").unwrap_or_default();
    let mut found = match first_reply(stat, number) {
        Some(found) => found,
        // Sendmail often leaves the code out and keeps status and words.
        None if status.starts_with(['4', '5']) => Found::of_text(&format!("{status} {stat}"), number),
        None if status.starts_with('2') => Found::of_text(&format!("250 {status} {stat}"), number),
        None => return None,
    };
    found.recipient = between(head, "to=<", ">").or_else(|| between(head, "to=", ","));
    found.host = between(head, "relay=", " ").map(|h| h.trim_end_matches(['.', ',']).to_owned());
    Some(found)
}

/// Exchange: protocol logs (`…,<,550 5.1.1 User unknown,`), message tracking (`{LED=550 5.1.1 …};{FQDN=mx…}`), and
/// reports (`Remote Server returned '550 5.1.1 …'`).
fn exchange(line: &str, number: usize) -> Option<Found> {
    // A connector that sends logs what it heard behind `<`, one that receives what it said behind `>`.
    if let Some((_, said)) = line.split_once(",<,").or_else(|| line.split_once(",>,")) {
        let (said, mark) = said.strip_prefix('"').map_or((said, ','), |quoted| (quoted, '"'));
        return reply_at_start(said.rsplit_once(mark).map_or(said, |(said, _)| said), number);
    }
    if let Some(said) = between(line, "LED=", "}") {
        let mut found = reply_at_start(&said, number)?;
        found.host = between(line, "FQDN=", "}");
        found.recipient = line.split([',', ';', '"']).find(|word| is_address(word)).map(str::to_owned);
        return Some(found);
    }
    let quoted =
        line.split_once("eturned '").and_then(|(_, rest)| rest.rsplit_once('\'')).map(|(said, _)| said);
    reply_at_start(quoted?, number)
}

/// Any other line: a reply behind a word that says so, or a code with an enhanced code behind it.
fn anywhere(line: &str, number: usize) -> Option<Found> {
    first_reply(line, number)
}

/// A reply that begins where the text does.
pub(super) fn reply_at_start(text: &str, number: usize) -> Option<Found> {
    let text = text.trim_start();
    is_reply(text, true).then(|| Found::of_text(text.trim_end(), number))
}

/// The first reply in a text.
fn first_reply(text: &str, number: usize) -> Option<Found> {
    let marks = ["said: ", ": ", "(", "'", "\"", "returned ", "smtp; ", "smtp;", "reply: ", "#< #", "#"];
    let starts = text.char_indices().filter(|(_, c)| matches!(c, '2' | '4' | '5')).map(|(at, _)| at);
    for at in starts {
        let (before, rest) = text.split_at_checked(at)?;
        let marked = marks.iter().any(|mark| before.ends_with(mark));
        let apart = before.is_empty() || before.ends_with(' ');
        if (marked && is_reply(rest, true)) || (apart && is_reply(rest, false)) {
            return Some(Found::of_text(until_end(before, rest), number));
        }
    }
    None
}

/// The reply in a text, up to what closes the marks before it: a quote, or the `> #SMTP#` of Exchange's reports.
fn until_end<'a>(before: &str, text: &'a str) -> &'a str {
    let text = text.trim_end();
    let end = match before.chars().next_back() {
        Some('\'') => text.find('\''),
        Some('"') => text.find("\",").or_else(|| text.rfind('"')),
        _ => text.strip_suffix("> #SMTP#").map(str::len),
    };
    text.get(..end.unwrap_or(text.len())).unwrap_or(text).trim_end()
}

/// Whether a text begins with a reply: a code, a blank or hyphen, and where `marked` is not set an enhanced code of
/// the same class, as other numbers look like codes.
fn is_reply(text: &str, marked: bool) -> bool {
    let bytes = text.as_bytes();
    let digits = bytes.get(..3).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    if !digits
        || !matches!(bytes.first(), Some(b'2' | b'4' | b'5'))
        || !matches!(bytes.get(1), Some(b'0'..=b'7'))
    {
        return false;
    }
    match bytes.get(3) {
        None => marked,
        Some(b' ' | b'-') => {
            let enhanced = bytes.get(4..).and_then(crate::explain::text::enhanced_at);
            marked || enhanced.is_some_and(|(code, _)| bytes.first() == Some(&(code.class + b'0')))
        }
        Some(_) => false,
    }
}

fn is_address(word: &str) -> bool {
    word.split_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !word.contains(' '))
}

/// What stands between two marks.
pub(super) fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    let (inside, _) = rest.split_once(end)?;
    (!inside.is_empty()).then(|| inside.to_owned())
}
