//! Completion by Tab: verbs, parameters that the server offers, mechanisms, helper commands, files.

use std::path::{Path, PathBuf};

use crate::explain::tables::{self, CommandInfo, Param};
use crate::wire::escape::is_harmless;

use super::commands::{self, Argument, COMMANDS};
use super::hint::{literal, offered};
use super::opening;
use super::typing::Knowledge;

/// How many candidates are offered at most.
const MOST: usize = 500;

/// What could stand in place of the word under the cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Completion {
    /// Where the word begins, in bytes.
    pub(super) start: usize,
    pub(super) candidates: Vec<Candidate>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// As listed.
    pub(super) display: String,
    /// As put into the line.
    pub(super) replacement: String,
}

impl Completion {
    pub(super) fn none(start: usize) -> Completion {
        Completion { start, candidates: Vec::new() }
    }

    pub(super) fn one(start: usize, text: &str) -> Completion {
        Completion::of(start, [(text.to_owned(), text.to_owned())])
    }

    fn of(start: usize, pairs: impl IntoIterator<Item = (String, String)>) -> Completion {
        let candidates = pairs.into_iter().map(|(display, replacement)| Candidate { display, replacement });
        let mut candidates: Vec<Candidate> = candidates.take(MOST).collect();
        candidates.sort();
        candidates.dedup();
        Completion { start, candidates }
    }
}

/// Candidates for a command line that was typed up to here.
pub(super) fn command_line(typed: &str, known: &Knowledge) -> Completion {
    if typed.starts_with("//") {
        return Completion::none(typed.len());
    }
    match (typed.starts_with('/'), typed.find(' ')) {
        (true, None) => helper_names(typed, 0, ""),
        (true, Some(end)) => helper_argument(typed, end, known),
        (false, None) => verbs(typed, 0, known),
        (false, Some(end)) => wire_argument(typed, end, known),
    }
}

fn helper_names(word: &str, start: usize, without: &str) -> Completion {
    let matching = COMMANDS.iter().filter(|row| row.name.starts_with(word) && row.name != without);
    let pairs = matching.map(|row| {
        let blank = if row.argument == Argument::None { "" } else { " " };
        (row.name.to_owned(), format!("{}{blank}", row.name))
    });
    Completion::of(start, pairs)
}

fn helper_argument(typed: &str, end: usize, known: &Knowledge) -> Completion {
    let (name, rest) = typed.split_at(end);
    let argument = rest.trim_start();
    let start = typed.len() - argument.len();
    let Some(row) = commands::find(name) else { return Completion::none(typed.len()) };
    match row.argument {
        Argument::Verb if argument.starts_with('/') => helper_names(argument, start, row.name),
        Argument::Verb => topics(argument, start, &[], known),
        Argument::TopicOr(words) => topics(argument, start, words, known),
        Argument::Mechanism => mechanisms(argument, start, known),
        Argument::File => files(argument, start),
        Argument::Choice(words) => {
            let matching = words.iter().filter(|word| word.starts_with(argument));
            Completion::of(start, matching.map(|word| ((*word).to_owned(), format!("{word} "))))
        }
        Argument::Target => how_to_reach(argument, typed.len()),
        Argument::None | Argument::Text => Completion::none(typed.len()),
    }
}

/// The options of `/open` and what they take; a target is the person's own.
fn how_to_reach(argument: &str, end: usize) -> Completion {
    let (before, word) = argument.rsplit_once(' ').unwrap_or(("", argument));
    let start = end - word.len();
    let wanted = before.rsplit(' ').next().and_then(opening::find).and_then(|option| option.argument);
    match wanted {
        Some("FILE") => files(word, start),
        Some(choices) if choices.contains('|') => {
            let matching = choices.split('|').filter(|choice| choice.starts_with(word));
            Completion::of(start, matching.map(|choice| (choice.to_owned(), format!("{choice} "))))
        }
        None if word.starts_with('-') => {
            let names = opening::OPTIONS.iter().flat_map(|option| option.names);
            let matching = names.filter(|name| name.starts_with(word));
            Completion::of(start, matching.map(|name| ((*name).to_owned(), format!("{name} "))))
        }
        _ => Completion::none(end),
    }
}

/// Some words, verbs, and what the server offers, for `/help` and `/explain`.
fn topics(word: &str, start: usize, words: &[&str], known: &Knowledge) -> Completion {
    let words = words.iter().map(|word| (*word).to_owned());
    let verbs = tables::commands().map(|row| row.verb.to_owned());
    let keywords =
        known.capabilities.iter().flat_map(|c| c.list.iter().map(|c| c.keyword.to_ascii_uppercase()));
    let all = words.chain(verbs).chain(keywords);
    let matching = all.filter(|topic| begins(topic, word) && topic.chars().all(is_harmless));
    Completion::of(start, matching.map(|topic| (topic.clone(), topic)))
}

fn verbs(word: &str, start: usize, known: &Knowledge) -> Completion {
    let rows = tables::commands().filter(|row| begins(row.verb, word) && offered(row, known));
    Completion::of(start, rows.map(|row| (row.verb.to_owned(), format!("{}{}", row.verb, literal(row.hint)))))
}

fn wire_argument(typed: &str, end: usize, known: &Knowledge) -> Completion {
    let (verb, rest) = typed.split_at(end);
    let Some(row) = tables::command(verb) else { return Completion::none(typed.len()) };
    let word = rest.trim_start();
    let start = typed.len() - word.len();
    match row.verb {
        "AUTH" => mechanisms(word, start, known),
        "HELP" => verbs_alone(word, start),
        "MAIL" | "RCPT" => match rest.rfind("> ") {
            Some(path_end) => {
                parameters(row, rest.get(path_end + 2..).unwrap_or_default(), typed.len(), known)
            }
            None => {
                let opening = literal(row.hint).trim_start();
                let fits = begins(opening, word) && !opening.is_empty();
                if fits { Completion::one(start, opening) } else { Completion::none(typed.len()) }
            }
        },
        _ => Completion::none(typed.len()),
    }
}

fn verbs_alone(word: &str, start: usize) -> Completion {
    let verbs = tables::commands().map(|row| row.verb).filter(|verb| begins(verb, word));
    Completion::of(start, verbs.map(|verb| (verb.to_owned(), verb.to_owned())))
}

/// The mechanisms that the server offers.
fn mechanisms(word: &str, start: usize, known: &Knowledge) -> Completion {
    let offered = known.capabilities.as_ref().map(|c| c.mechanisms()).unwrap_or_default();
    let matching = offered.into_iter().filter(|name| begins(name, word) && name.chars().all(is_harmless));
    Completion::of(start, matching.map(|name| (name.clone(), name)))
}

/// The parameters of MAIL and RCPT that the server offers and that are not given yet.
fn parameters(row: &CommandInfo, given: &str, end: usize, known: &Knowledge) -> Completion {
    let (before, word) = given.rsplit_once(' ').unwrap_or(("", given));
    let start = end - word.len();
    let Some(capabilities) = &known.capabilities else { return Completion::none(end) };
    let used: Vec<&str> = before.split(' ').map(key).collect();
    let open = row.params.iter().filter(|param| capabilities.has(param.needs));
    let open = open.filter(|param| !used.iter().any(|used| used.eq_ignore_ascii_case(key(param.syntax))));
    match word.split_once('=') {
        Some((name, value)) => {
            let values = open.filter(|param| key(param.syntax).eq_ignore_ascii_case(name)).flat_map(values);
            let matching = values.filter(|known| begins(known, value));
            let taken = matching.filter(|value| *value != "BINARYMIME" || capabilities.has(value));
            Completion::of(end - value.len(), taken.map(|value| (value.to_owned(), value.to_owned())))
        }
        None => {
            let matching = open.filter(|param| begins(key(param.syntax), word));
            Completion::of(start, matching.map(|param| (param.syntax.to_owned(), opening(param))))
        }
    }
}

/// A parameter up to its value.
fn opening(param: &Param) -> String {
    match param.syntax.split_once('=') {
        Some((key, _)) => format!("{key}="),
        None => param.syntax.to_owned(),
    }
}

fn key(param: &str) -> &str {
    param.split('=').next().unwrap_or(param)
}

/// The values of a parameter that are words to be written as they stand.
fn values(param: &Param) -> impl Iterator<Item = &'static str> + use<> {
    let listed = param.syntax.split_once('=').map(|(_, values)| values).unwrap_or_default();
    listed
        .split(['|', ','])
        .filter(|value| !value.is_empty() && !value.contains(|c: char| c.is_ascii_lowercase()))
}

/// File names, in quotes if the argument begins with one.
fn files(argument: &str, start: usize) -> Completion {
    let quote = if argument.starts_with('"') { "\"" } else { "" };
    let written = argument.trim_start_matches('"');
    let (folder, beginning) = match written.rfind('/') {
        Some(at) => written.split_at(at + 1),
        None => ("", written),
    };
    let place = match folder {
        "" => PathBuf::from("."),
        folder => commands::path(folder),
    };
    let names = names_in(&place, beginning);
    Completion::of(start, names.map(|name| (name.clone(), format!("{quote}{folder}{name}"))))
}

/// The names in a folder that begin so; those of folders end in a slash. Names that could harm the terminal are
/// left out, and hidden ones unless a dot was typed.
fn names_in(folder: &Path, beginning: &str) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let name = entry.file_name().into_string().ok()?;
        let hidden = name.starts_with('.') && !beginning.starts_with('.');
        if hidden || !name.starts_with(beginning) || !name.chars().all(is_harmless) {
            return None;
        }
        Some(if entry.path().is_dir() { name + "/" } else { name })
    })
}

fn begins(name: &str, beginning: &str) -> bool {
    name.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Capabilities, Capability};
    use std::sync::Arc;

    fn knowing(offer: &[&str]) -> Knowledge {
        let list = offer.iter().map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            Capability { keyword: words.next().unwrap(), params: words.collect() }
        });
        let capabilities = Capabilities { domain: None, list: list.collect() };
        Knowledge { capabilities: Some(Arc::new(capabilities)), ..Knowledge::default() }
    }

    /// The line as it reads with each candidate put in.
    fn lines(typed: &str, known: &Knowledge) -> Vec<String> {
        let Completion { start, candidates } = command_line(typed, known);
        candidates.iter().map(|c| format!("{}{}", &typed[..start], c.replacement)).collect()
    }

    #[test]
    fn verbs_are_completed_with_what_always_follows() {
        assert_eq!(lines("ma", &Knowledge::default()), ["MAIL FROM:<"]);
        assert_eq!(lines("MAIL fr", &Knowledge::default()), ["MAIL FROM:<"]);
        assert_eq!(lines("DA", &Knowledge::default()), ["DATA"]);
        assert!(lines("STA", &knowing(&["SIZE"])).is_empty());
        assert_eq!(lines("STA", &knowing(&["STARTTLS"])), ["STARTTLS"]);
        assert!(lines("XYZZY ", &Knowledge::default()).is_empty());
    }

    #[test]
    fn only_what_is_offered_is_completed() {
        let known = knowing(&["SIZE 1000", "8BITMIME", "AUTH PLAIN LOGIN"]);
        assert_eq!(lines("MAIL FROM:<a@b> S", &known), ["MAIL FROM:<a@b> SIZE="]);
        assert_eq!(lines("MAIL FROM:<a@b> SIZE=3 S", &known), [""; 0]);
        let bodies = ["MAIL FROM:<> BODY=7BIT", "MAIL FROM:<> BODY=8BITMIME"];
        assert_eq!(lines("MAIL FROM:<> BODY=", &known), bodies);
        assert_eq!(lines("MAIL FROM:<> ", &Knowledge::default()), [""; 0]);
        assert_eq!(lines("AUTH ", &known), ["AUTH LOGIN", "AUTH PLAIN"]);
        assert_eq!(lines("/auth p", &known), ["/auth PLAIN"]);
        assert_eq!(lines("AUTH PLAIN ", &known), [""; 0]);
    }

    #[test]
    fn every_helper_command_is_completed() {
        let known = Knowledge::default();
        for row in COMMANDS {
            let whole = lines(row.name, &known);
            assert!(whole.iter().any(|line| line.trim_end() == row.name), "{}", row.name);
            if let Argument::Choice(words) = row.argument {
                assert_eq!(lines(&format!("{} ", row.name), &known).len(), words.len(), "{}", row.name);
            }
        }
        assert_eq!(lines("/rec", &known), ["/reconnect", "/record "]);
        assert_eq!(lines("/help /sen", &known), ["/help /send "]);
        assert_eq!(lines("/help rcp", &known), ["/help RCPT"]);
        assert_eq!(lines("/explain f", &known), ["/explain full"]);
        assert_eq!(lines("/explain -", &known), ["/explain -1"]);
        assert_eq!(lines("/explain rc", &known), ["/explain RCPT"]);
        assert!(lines("//", &known).is_empty() && lines("/note x", &known).is_empty());
    }

    #[test]
    fn files_are_completed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        for name in ["a note.eml", "a\u{1b}[2J", ".hidden"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("about")).unwrap();
        let known = Knowledge::default();
        let expected = [format!("/send {path}/a note.eml"), format!("/send {path}/about/")];
        assert_eq!(lines(&format!("/send {path}/a"), &known), expected);
        assert_eq!(lines(&format!("/send \"{path}/ab"), &known), [format!("/send \"{path}/about/")]);
        assert_eq!(lines(&format!("/record {path}/."), &known), [format!("/record {path}/.hidden")]);
        assert!(lines("/send /no/such/folder/", &known).is_empty());
    }

    #[test]
    fn options_of_open_are_completed() {
        let known = Knowledge::default();
        assert_eq!(lines("/open --tls-", &known), ["/open --tls-max ", "/open --tls-min "]);
        assert_eq!(lines("/open -4 --start", &known), ["/open -4 --starttls "]);
        assert_eq!(lines("/open --tls-min 1.3", &known), ["/open --tls-min 1.3 "]);
        assert!(lines("/open --sni -", &known).is_empty() && lines("/open mx", &known).is_empty());
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), "").unwrap();
        let typed = format!("/open --ca {}/c", folder.path().to_str().unwrap());
        assert_eq!(lines(&typed, &known), [format!("{typed}a.pem")]);
    }

    #[test]
    fn names_from_a_server_cannot_harm_the_terminal() {
        assert!(lines("AUTH ", &knowing(&["AUTH \u{1b}[2J"])).is_empty());
    }
}
