//! `heloise explain`: what a reply, a code, a command or a keyword means.

use std::io::{BufWriter, IsTerminal, Write};

use crate::cli::{ExplainArgs, InputFormat};
use crate::explain::extract::{self, Finder, Found, from_json};
use crate::explain::render::{self, Headline, Line, Piece, Style};
use crate::explain::{Record, Summary, lookup};
use crate::repl::paint;
use crate::report::{Problem, Status};
use crate::wire::{CommandLine, ReplyLine, escape};

use super::setup;

mod lines;

use lines::Lines;

/// The longest line of JSON that is read, in octets.
const JSON_LIMIT: usize = 1 << 20;
/// Domains of a summary that are shown to people.
const DOMAINS_SHOWN: usize = 20;

/// Explains the words given, else the replies found on standard input.
pub fn run(args: &ExplainArgs) -> Result<Status, Problem> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut explainer = Explainer::new(args);
    let done = if args.words.is_empty() {
        if std::io::stdin().is_terminal() {
            return Err(Problem::new(Status::Usage, "nothing to explain")
                .advise("heloise explain 550 5.7.1 Relaying denied")
                .advise("heloise explain < mail.log"));
        }
        explainer.input(&mut out)
    } else {
        explainer.words(&mut out)
    };
    done.and_then(|()| explainer.finish(&mut out))
        .and_then(|()| out.flush().map_err(Stop::Output))
        .map_or_else(Stop::into_result, |()| Ok(explainer.status))
}

/// Why explaining stopped.
enum Stop {
    /// Standard output cannot be written; mostly as nobody reads it any more.
    Output(std::io::Error),
    /// Something to tell the person.
    Told(Problem),
}

impl Stop {
    fn into_result(self) -> Result<Status, Problem> {
        match self {
            Stop::Output(error) => super::written(Err(error)),
            Stop::Told(problem) => Err(problem),
        }
    }
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Stop {
        Stop::Output(error)
    }
}

/// How many domains are not named.
fn other_domains(count: usize) -> String {
    if count == 1 { "one other domain".to_owned() } else { format!("{count} other domains") }
}

struct Explainer<'a> {
    args: &'a ExplainArgs,
    colour: bool,
    width: usize,
    summary: Summary,
    found: u64,
    status: Status,
    /// Room for one line of JSON.
    line: Vec<u8>,
}

impl<'a> Explainer<'a> {
    fn new(args: &'a ExplainArgs) -> Explainer<'a> {
        let width = setup::layout(crate::cli::ExplainLevel::Full).width;
        let colour = setup::colour(args.color);
        let summary = Summary::default();
        Explainer { args, colour, width, summary, found: 0, status: Status::Ok, line: Vec::new() }
    }

    fn words(&mut self, out: &mut impl Write) -> Result<(), Stop> {
        let text = self.args.words.join(" ");
        if ReplyLine::crlf(text.trim_start()).code.is_none() || self.args.words.len() == 1 {
            let entries = lookup(&text);
            if !entries.is_empty() {
                self.found += 1;
                if self.args.json {
                    for entry in &entries {
                        serde_json::to_writer(&mut *out, entry).map_err(std::io::Error::from)?;
                        writeln!(out)?;
                    }
                    return Ok(());
                }
                let lines: Vec<Line> = entries.iter().flat_map(|entry| entry.lines(self.width)).collect();
                return self.print(out, &lines);
            }
        }
        if ReplyLine::crlf(text.trim_start()).code.is_none() {
            let shown = escape::visible(text.as_bytes());
            let what = format!("{shown} is no reply, and no code, verb or keyword that is known");
            let problem = Problem::new(Status::Usage, what);
            return Err(Stop::Told(match std::path::Path::new(&text).is_file() {
                true => problem.advise(format!(
                    "it is a file; to have its replies explained: heloise explain < {shown}"
                )),
                false => problem
                    .advise("a reply begins with its code: heloise explain 550 5.1.1 User unknown")
                    .advise("text with a reply in it goes to standard input: heloise explain < mail.log"),
            }));
        }
        self.one(out, Found::of_text(text.trim_start(), 1), false)
    }

    fn input(&mut self, out: &mut impl Write) -> Result<(), Stop> {
        let limit = match self.args.from {
            InputFormat::Text => extract::LONGEST,
            InputFormat::Json => JSON_LIMIT,
        };
        let mut lines = Lines::new(std::io::stdin().lock(), limit).map_err(Stop::Told)?;
        let mut finder = Finder::new();
        while let Some((number, text)) = lines.next().map_err(Stop::Told)? {
            match self.args.from {
                InputFormat::Text => {
                    for found in finder.line(text) {
                        self.one(out, found, true)?;
                    }
                }
                InputFormat::Json if text.trim_ascii().is_empty() => {}
                InputFormat::Json => match from_json(text, number) {
                    Ok(found) => self.one(out, found, true)?,
                    // The other lines are explained all the same.
                    Err(error) => {
                        self.status = super::complain(&Problem::new(Status::LocalFile, error.to_string()));
                    }
                },
            }
        }
        for found in finder.finish() {
            self.one(out, found, true)?;
        }
        if let Some(cut) = lines.cut() {
            self.status = super::complain(&cut);
        }
        match self.found {
            // A count of nothing is a count.
            0 if self.args.summary => Ok(()),
            0 => Err(Stop::Told(Problem::new(Status::Usage, "no reply was found in the input"))),
            _ => Ok(()),
        }
    }

    fn one(&mut self, out: &mut impl Write, mut found: Found, quote: bool) -> Result<(), Stop> {
        self.found += 1;
        let args = self.args;
        found.verb = found.verb.or(args.verb.as_ref().map(|word| CommandLine::parse(word.as_bytes()).verb));
        found.host = found.host.or_else(|| args.host.clone());
        let mut situation = found.situation();
        situation.tls = args.tls;
        situation.authenticated = args.authenticated.then_some("");
        situation.live = args.tls || args.authenticated;
        let record = Record::of(&situation);
        let Some(best) = record.best() else { return Ok(()) };
        if args.summary {
            self.summary.add(&found, best);
            return Ok(());
        }
        if args.json {
            self.line.clear();
            match self.args.from {
                InputFormat::Text if quote => record.write_found(&found, &mut self.line),
                _ => record.write(&mut self.line),
            }
            return Ok(out.write_all(&self.line)?);
        }
        if quote {
            for line in found.reply.lines() {
                writeln!(out, "{}", escape::visible(line.line.bytes))?;
            }
        }
        let headline = Headline { code: found.reply.code(), enhanced: found.reply.enhanced() };
        let lines = render::full(best, headline, self.width);
        self.print(out, &lines)
    }

    /// With `--summary`, the counts.
    fn finish(&self, out: &mut impl Write) -> Result<(), Stop> {
        if !self.args.summary {
            return Ok(());
        }
        if self.args.json {
            let object = serde_json::json!({
                "replies": self.summary.replies,
                "reasons": self.summary.reasons,
                "domains": self.summary.domains,
                "other_domains": self.summary.other_domains,
            });
            return Ok(writeln!(out, "{object}")?);
        }
        let heading = |text: &str| vec![Piece { style: Style::Label, text: text.to_owned() }];
        let row =
            |count: u64, name: &str| vec![Piece { style: Style::Plain, text: format!("{count:>8}  {name}") }];
        let mut lines = vec![heading(&format!("{} replies", self.summary.replies))];
        lines.extend(self.summary.by_reason().into_iter().map(|(slug, count)| row(count, slug)));
        let domains = self.summary.by_domain();
        if !domains.is_empty() {
            lines.push(heading("failures by domain"));
            let (shown, others) = domains.split_at_checked(DOMAINS_SHOWN).unwrap_or((&domains, &[]));
            lines.extend(shown.iter().map(|(domain, count)| row(*count, domain)));
            let rest = others.iter().map(|(_, count)| count).sum::<u64>() + self.summary.other_domains;
            if rest > 0 {
                lines.push(row(rest, &format!("at {} (--json has all)", other_domains(others.len()))));
            }
        }
        self.print(out, &lines)
    }

    fn print(&self, out: &mut impl Write, lines: &[Line]) -> Result<(), Stop> {
        for line in lines {
            writeln!(out, "{}", paint(line, self.colour))?;
        }
        Ok(())
    }
}
