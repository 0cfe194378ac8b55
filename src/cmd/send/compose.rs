//! From the options to an envelope and a message. Every local file is read, and found fault with, before a
//! connection is opened.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::Path;

use chrono::{DateTime, FixedOffset};

use crate::cli::{EnvelopeArgs, MessageArgs, SendArgs, Stage};
use crate::cmd::files;
use crate::report::{Problem, Status};
use crate::send::{
    Attachment, Crlf, Draft, Envelope, Field, Person, Survey, check_text, parse_list, parse_sender,
    reverse_path,
};
use crate::target::Target;
use crate::transport::{io_words, own_full_name};
use crate::wire::{ForwardPath, Host};

/// What may be read into memory for one message: its texts and attachments, or a whole message that cannot be
/// read twice. A file given with --eml is read as it is sent, and may be of any size.
const MEMORY_LIMIT: u64 = 64 << 20;

/// The people in a message.
#[derive(Debug)]
pub struct People {
    from: Option<Person>,
    to: Vec<Person>,
    cc: Vec<Person>,
    bcc: Vec<Person>,
}

impl People {
    /// Reads the addresses. Those that the stages up to `until` do not need may be missing.
    pub fn read(args: &SendArgs, until: Stage) -> Result<People, Problem> {
        let options: &EnvelopeArgs = &args.envelope;
        let lists = |texts: &[String]| -> Result<Vec<Person>, Problem> {
            let people = texts.iter().map(|text| parse_list(text)).collect::<Result<Vec<_>, _>>()?;
            Ok(people.into_iter().flatten().collect())
        };
        let (mut to, cc, bcc) = (lists(&options.to)?, lists(&options.cc)?, lists(&options.bcc)?);
        if to.is_empty() && cc.is_empty() && bcc.is_empty() {
            match args.target.first().filter(|target| args.mx && target.contains('@')) {
                Some(address) => to = parse_list(address)?,
                None if until < Stage::Rcpt => {}
                None => {
                    let problem = Problem::new(Status::Usage, "no recipient is named");
                    return Err(problem.advise("--to bob@example.net"));
                }
            }
        }
        let from = match until < Stage::Mail {
            true => None,
            false => sender(options, args.session.auth.user.as_deref())?,
        };
        Ok(People { from, to, cc, bcc })
    }

    /// The envelope, in which each recipient stands once.
    pub fn envelope(&self) -> Envelope {
        let mut to: Vec<ForwardPath> = Vec::new();
        for person in self.to.iter().chain(&self.cc).chain(&self.bcc) {
            if !to.contains(&person.address) {
                to.push(person.address.clone());
            }
        }
        Envelope { from: reverse_path(self.from.as_ref()), to }
    }

    /// The domain of all recipients; nothing where they have several.
    pub fn domain(&self) -> Option<String> {
        let mut hosts = self.hosts();
        let Some(Host::Domain(first)) = hosts.next()? else { return None };
        // Domains know no case (RFC 5321 §2.4).
        let same = |host: Option<&Host>| matches!(host, Some(Host::Domain(name)) if name.to_lowercase() == first.to_lowercase());
        hosts.all(same).then(|| first.clone())
    }

    /// Whether a recipient is at an address literal such as `[192.0.2.1]`.
    pub fn at_address(&self) -> bool {
        self.hosts().any(|host| host.is_some_and(|host| !matches!(host, Host::Domain(_))))
    }

    fn hosts(&self) -> impl Iterator<Item = Option<&Host>> {
        let people = self.to.iter().chain(&self.cc).chain(&self.bcc);
        people.map(|person| person.mailbox().map(|mailbox| &mailbox.host))
    }
}

/// The sender: the one named, else the user who authenticates, else the person at this machine.
fn sender(options: &EnvelopeArgs, user: Option<&str>) -> Result<Option<Person>, Problem> {
    if let Some(from) = &options.from {
        return Ok(parse_sender(from)?);
    }
    if let Some(Ok(Some(person))) = user.map(parse_sender) {
        return Ok(Some(person));
    }
    let name = ["LOGNAME", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    let person = name.zip(own_full_name()).map(|(name, host)| format!("{name}@{host}"));
    match person.as_deref().map(parse_sender) {
        Some(Ok(Some(person))) => Ok(Some(person)),
        _ => Err(Problem::new(
            Status::Usage,
            "no sender is named, and this machine has no full name to make one of",
        )
        .advise("--from alice@example.org")
        .advise("--from '<>' for the null sender of reports")),
    }
}

/// A message that is ready to go.
pub struct Content {
    source: Source,
    /// What is in it.
    pub survey: Survey,
}

enum Source {
    Memory(Vec<u8>),
    File(File),
}

impl Content {
    fn of(mut source: Source, name: &Path) -> Result<Content, Problem> {
        let survey = source.reader().and_then(Survey::of);
        let survey = survey.map_err(|error| Problem::file("read the message", name, &error))?;
        Ok(Content { source, survey })
    }

    /// The content from its beginning, each line with CRLF.
    pub fn reader(&mut self) -> std::io::Result<impl Read> {
        self.source.reader()
    }
}

impl Source {
    fn reader(&mut self) -> std::io::Result<Crlf<Box<dyn Read + '_>>> {
        Ok(Crlf::new(match self {
            Source::Memory(bytes) => Box::new(Cursor::new(bytes)),
            Source::File(file) => {
                file.rewind()?;
                Box::new(file)
            }
        }))
    }
}

/// The message that the options describe.
pub fn content(
    args: &MessageArgs,
    people: &People,
    target: &Target,
    now: DateTime<FixedOffset>,
) -> Result<Content, Problem> {
    if let Some(path) = &args.eml {
        return Content::of(whole(path)?, path);
    }
    let host = own_full_name().unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned());
    let host = if host.is_ascii() && !host.is_empty() { host } else { "localhost".to_owned() };
    let mut left = MEMORY_LIMIT;
    let text = match (&args.text, &args.body) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(path)) => Some(utf8(path, "read the text", &mut left)?),
        (None, None) => None,
    };
    let html = args.html.as_ref().map(|path| utf8(path, "read the HTML", &mut left)).transpose()?;
    let text = text.or_else(|| html.is_none().then(|| default_text(&host, target, now)));
    let subject = args
        .subject
        .clone()
        .unwrap_or_else(|| format!("Test from {host}, {}", now.format("%Y-%m-%d %H:%M:%S %:z")));
    check_text("subject", &subject)?;
    let fields = args.headers.iter().map(|text| Field::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let attachment = |path: &std::path::PathBuf| attachment(path, &mut left);
    let attachments = args.attach.iter().map(attachment).collect::<Result<Vec<_>, _>>()?;
    let message_id = message_id(people.from.as_ref(), &host, now)?;
    let (from, to, cc) = (people.from.clone(), people.to.clone(), people.cc.clone());
    let draft = Draft { from, to, cc, subject, text, html, fields, attachments, date: now, message_id, host };
    Content::of(Source::Memory(draft.build()), Path::new("-"))
}

/// Opens a whole message. What cannot be read twice, such as a pipe, is held in memory.
fn whole(path: &Path) -> Result<Source, Problem> {
    let fail = |error: std::io::Error| Problem::file("read the message", path, &error);
    let mut input: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin()),
        false => {
            let file = File::open(path).map_err(fail)?;
            if file.metadata().map_err(fail)?.is_file() {
                return Ok(Source::File(file));
            }
            // Not opened once more: a named pipe would wait for a second writer.
            Box::new(file)
        }
    };
    let mut bytes = Vec::new();
    input.by_ref().take(MEMORY_LIMIT + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MEMORY_LIMIT {
        let (limit, name) = (MEMORY_LIMIT >> 20, files::name(path));
        let what = format!("{name}: a message that comes through a pipe is at most {limit} MiB");
        return Err(Problem::new(Status::LocalFile, what).advise("--eml with a file sends one of any size"));
    }
    Ok(Source::Memory(bytes))
}

fn attachment(path: &Path, left: &mut u64) -> Result<Attachment, Problem> {
    let content = bytes(path, "read the attachment", left)?;
    let name = path.file_name().map_or("attachment".into(), |name| name.to_string_lossy());
    check_text("name of the attachment", &name)?;
    Ok(Attachment::new(name.into_owned(), content))
}

fn utf8(path: &Path, doing: &str, left: &mut u64) -> Result<String, Problem> {
    String::from_utf8(bytes(path, doing, left)?).map_err(|_| {
        Problem::new(Status::LocalFile, format!("cannot {doing}: {} is not UTF-8", files::name(path)))
            .advise("--attach sends any file byte for byte, --eml a whole message as it is")
    })
}

/// Reads a file, and takes its size off what may still be read.
fn bytes(path: &Path, doing: &str, left: &mut u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let read = files::open(path, doing)?.take(*left + 1).read_to_end(&mut bytes);
    read.map_err(|error| Problem::file(doing, path, &error))?;
    *left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
        let limit = MEMORY_LIMIT >> 20;
        let what =
            format!("cannot {doing} {}: all parts together are at most {limit} MiB", files::name(path));
        Problem::new(Status::LocalFile, what).advise("--eml FILE sends a finished message of any size")
    })?;
    Ok(bytes)
}

/// An identifier that no other message has, in the sender's domain where there is one.
fn message_id(from: Option<&Person>, host: &str, now: DateTime<FixedOffset>) -> Result<String, Problem> {
    let random = getrandom::u64().map_err(|error| {
        Problem::new(Status::LocalFile, format!("the system gives no random numbers: {error}"))
    })?;
    let domain = match from.and_then(Person::mailbox).map(|mailbox| &mailbox.host) {
        Some(Host::Domain(domain)) if domain.is_ascii() => domain,
        _ => host,
    };
    Ok(format!("{}.{random:016x}@{domain}", now.format("%Y%m%d%H%M%S")))
}

fn default_text(host: &str, target: &Target, now: DateTime<FixedOffset>) -> String {
    format!(
        "This is a test message, sent with heloise {}.\n\n  time    {}\n  from    {host}\n  to      {target}\n\n\
         Whoever reads this can delete it.\n",
        env!("CARGO_PKG_VERSION"),
        now.to_rfc2822(),
    )
}

/// What of a message is out of the ordinary, a line each.
pub fn oddities(survey: &Survey) -> Vec<String> {
    let mut odd = Vec::new();
    if survey.longest_line > 998 {
        let octets = survey.longest_line;
        odd.push(format!(
            "a line of {octets} octets: servers have to take no more than 998 (RFC 5321 §4.5.3.1.6)"
        ));
    }
    if survey.bare_cr > 0 {
        odd.push(format!("{} bare CR, which has no place in a message (RFC 5322 §2.3)", survey.bare_cr));
    }
    if survey.nul > 0 {
        let bytes = if survey.nul == 1 { "byte" } else { "bytes" };
        odd.push(format!("{} {bytes} of value 0, which many servers refuse or drop", survey.nul));
    }
    odd.into_iter().map(|what| format!("=== the message has {what}; it goes out as it is")).collect()
}

/// Words for an error that comes while the message is read once more.
pub fn unreadable(error: &std::io::Error) -> Problem {
    Problem::new(Status::LocalFile, format!("cannot read the message: {}", io_words(error)))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Sub};

    fn people(words: &[&str], until: Stage) -> Result<People, Problem> {
        let cli = Cli::try_parse_from([&["heloise", "send"], words].concat()).unwrap();
        match cli.command {
            Some(Sub::Send(args)) => People::read(&args, until),
            _ => panic!("not a send"),
        }
    }

    fn recipients(people: &People) -> Vec<String> {
        people.envelope().to.iter().map(ForwardPath::to_string).collect()
    }

    #[test]
    fn an_address_as_the_target_is_the_recipient_unless_others_are_named() {
        let found = people(&["--from", "<>", "--mx", "bob@example.org"], Stage::Dot).unwrap();
        assert_eq!(recipients(&found), ["<bob@example.org>"]);
        let to = ["--from", "<>", "--to", "eve@example.net", "--mx", "bob@example.org"];
        assert_eq!(recipients(&people(&to, Stage::Dot).unwrap()), ["<eve@example.net>"]);
        assert!(people(&["--from", "<>", "mx.example.org"], Stage::Dot).is_err());
        assert!(people(&["--from", "<>", "mx.example.org"], Stage::Mail).is_ok(), "MAIL needs no recipient");
    }

    #[test]
    fn each_recipient_stands_once_and_all_domains_count() {
        let all = |words: &[&str]| people(&[&["--from", "a@b.example"], words].concat(), Stage::Dot).unwrap();
        let two = all(&["--to", "x@y.example,X <x@y.example>", "--bcc", "z@y.example", "mx"]);
        assert_eq!(recipients(&two), ["<x@y.example>", "<z@y.example>"]);
        assert_eq!(two.domain().as_deref(), Some("y.example"));
        assert_eq!(all(&["--to", "x@y.example", "--cc", "x@w.example", "mx"]).domain(), None);
        let literal = all(&["--to", "x@[192.0.2.1]", "mx"]);
        assert_eq!((literal.domain(), literal.at_address(), two.at_address()), (None, true, false));
        let cases = all(&["--to", "x@Y.example,z@y.EXAMPLE", "mx"]);
        assert_eq!(cases.domain().as_deref(), Some("Y.example"));
    }

    #[test]
    fn the_user_is_the_sender_where_none_is_named() {
        let found =
            people(&["--user", "alice@example.org", "--to", "x@y.example", "mx"], Stage::Dot).unwrap();
        assert_eq!(found.envelope().from.to_string(), "<alice@example.org>");
    }
}
