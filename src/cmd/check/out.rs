//! Where reports go: standard output in the form asked for, a page, a transcript.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use chrono::Utc;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::check::output::{html, json, legs, nagios, offered, prometheus, text};
use crate::check::{Outcome, Progress, Recording, Report, Severity, Subject, Thresholds};
use crate::cli::{CheckArgs, CheckFormat, ExplainLevel, FailOn};
use crate::cmd::{files, setup, written};
use crate::explain::render::Line;
use crate::repl::paint;
use crate::report::{Problem, Status};

use super::changes::Changes;
use super::live;
use super::records::Records;

/// Takes reports as they come.
pub struct Out {
    form: CheckFormat,
    many: bool,
    colour: bool,
    width: usize,
    fail_on: Severity,
    gathered: Gathered,
    page: Option<html::Page<Box<dyn Write>>>,
    records: Option<Records>,
    outcomes: Vec<Outcome>,
    changes: Option<Changes>,
    bar: Option<ProgressBar>,
}

/// What the forms that are shown whole at the end have taken from the reports so far.
enum Gathered {
    /// The form shows each report as it comes.
    Nothing,
    Plugin(nagios::Plugin),
    Metrics(Box<prometheus::Metrics>),
}

impl Gathered {
    fn of(args: &CheckArgs) -> Gathered {
        match args.format {
            CheckFormat::Text | CheckFormat::Json => Gathered::Nothing,
            CheckFormat::Nagios => {
                let cert_days = i64::from(args.cert_days);
                let thresholds = Thresholds { cert_days, ..Thresholds::default() };
                Gathered::Plugin(nagios::Plugin::new(&thresholds, Utc::now()))
            }
            CheckFormat::Prometheus => Gathered::Metrics(Box::default()),
        }
    }

    fn add(&mut self, report: &Report) {
        match self {
            Gathered::Nothing => {}
            Gathered::Plugin(plugin) => plugin.add(report),
            Gathered::Metrics(metrics) => metrics.add(report),
        }
    }

    fn render(&self) -> String {
        match self {
            Gathered::Nothing => String::new(),
            Gathered::Plugin(plugin) => plugin.render(),
            Gathered::Metrics(metrics) => metrics.render(),
        }
    }
}

impl Out {
    /// Opens all files, before anything is connected to.
    pub fn open(args: &CheckArgs, subjects: &[Subject]) -> Result<Out, Problem> {
        let count = subjects.len();
        let page = args.report.as_deref().map(|path| page(path, subjects)).transpose()?;
        let records = args.record.as_ref().map(|path| Records::create(path, args.append)).transpose()?;
        let bar = count > 1 && args.every.is_none() && io::stderr().is_terminal();
        Ok(Out {
            form: args.format,
            many: count > 1,
            colour: setup::colour(args.color),
            width: setup::layout(ExplainLevel::None).width,
            fail_on: match args.fail_on {
                FailOn::Warning => Severity::Warning,
                FailOn::Problem => Severity::Problem,
            },
            gathered: Gathered::of(args),
            page,
            records,
            outcomes: Vec::new(),
            changes: args.every.map(|_| Changes::default()),
            bar: bar.then(|| progress_bar(count)),
        })
    }

    /// Whether a single check is shown while it runs.
    pub fn shows_live(&self) -> bool {
        self.changes.is_none() && io::stdout().is_terminal()
    }

    /// Shows a check while it runs.
    pub async fn live(&self, from: UnboundedReceiver<Progress>) {
        live::View::new(self.colour, self.width).follow(from).await;
    }

    /// What the sessions are written into.
    pub fn recording(&self) -> Option<Recording> {
        self.records.as_ref().map(Records::recording)
    }

    /// Takes a report.
    pub fn take(&mut self, report: &Report) -> Result<(), Problem> {
        self.records.as_ref().map_or(Ok(()), Records::intact)?;
        self.outcomes.push(report.outcome(self.fail_on));
        self.gathered.add(report);
        if let Some(page) = &mut self.page {
            written(page.report(report))?;
        }
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        // The bar goes away before anything is printed, and comes back below it.
        let shown = match self.bar.clone() {
            Some(bar) => bar.suspend(|| self.show(report)),
            None => self.show(report),
        };
        written(shown).map(drop)
    }

    fn show(&mut self, report: &Report) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let first = match &mut self.changes {
            None => true,
            Some(changes) => {
                let seen = changes.take(report);
                if let Some(change) = &seen {
                    match self.form {
                        CheckFormat::Json => json::write_value(&mut out, &change.json())?,
                        _ => print(&mut out, &change.lines(), self.colour)?,
                    }
                    out.flush()?;
                }
                seen.is_none() && changes.is_first(report)
            }
        };
        if !first {
            return Ok(());
        }
        match self.form {
            CheckFormat::Text if self.many => {
                print(&mut out, &text::in_a_list(report, self.width), self.colour)?
            }
            CheckFormat::Text => {
                let lines = report.legs.iter().flat_map(|leg| legs::leg(leg, report.took, self.width));
                print(&mut out, &lines.collect::<Vec<_>>(), self.colour)?;
                print(&mut out, &offered::tables(report, self.width), self.colour)?;
                print(&mut out, &text::findings(report, self.width), self.colour)?;
            }
            CheckFormat::Json => json::write(&mut out, report)?,
            // These are shown whole at the end.
            CheckFormat::Nagios | CheckFormat::Prometheus => {}
        }
        out.flush()
    }

    /// Ends all files. The exit status of it all comes back.
    pub fn close(mut self) -> Result<Status, Problem> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if let Some(page) = self.page.take() {
            written(page.end())?;
        }
        let mut out = io::stdout().lock();
        written(out.write_all(self.gathered.render().as_bytes()).and_then(|()| out.flush()))?;
        if let Gathered::Plugin(plugin) = &self.gathered {
            return Ok(Status::Plugin(plugin.state().code()));
        }
        Ok(self.worst().into())
    }

    /// What all reports come to: the same as each where all are alike, else findings.
    fn worst(&self) -> Outcome {
        let mut failed = self.outcomes.iter().copied().filter(|outcome| *outcome != Outcome::Fine);
        let Some(first) = failed.next() else { return Outcome::Fine };
        match self.outcomes.iter().all(|outcome| *outcome == first) {
            true => first,
            false => Outcome::Findings,
        }
    }
}

/// Begins the page, named after the first of its subjects.
fn page(path: &Path, subjects: &[Subject]) -> Result<html::Page<Box<dyn Write>>, Problem> {
    let about = match subjects {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    let fail = |error: io::Error| Problem::file("write the report", path, &error);
    html::Page::begin(files::output(Some(path))?, &about).map_err(fail)
}

fn print(out: &mut impl Write, lines: &[Line], colour: bool) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{}", paint(line, colour)))
}

fn progress_bar(count: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(u64::try_from(count).ok(), ProgressDrawTarget::stderr());
    // The template is a constant that parses.
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} checked · {elapsed} · {eta} to go");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
