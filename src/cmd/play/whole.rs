//! The whole of a transcript at once, for a pipe. One thread reads and follows the session, another explains its
//! replies and writes: either takes about half of the time.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::cli::PlayArgs;
use crate::explain::render::Style;
use crate::narrate::{Explainer, Layout, Narrator, Part, Question};
use crate::repl::{paint, paint_piece};
use crate::report::{Problem, Status};
use crate::transcript::{Entry, Header, Reader, Unreadable};

use super::super::{files, setup};

/// Bytes of text and number of questions at which a batch is handed on.
const FULL: (usize, usize) = (64 * 1024, 256);
/// Batches that may wait to be written.
const WAITING: usize = 4;

/// Shows the whole transcript.
pub fn tell(args: &PlayArgs) -> Result<Status, Problem> {
    let mut out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    let reader = files::reader(&args.file)?;
    let (layout, colour) = (setup::layout(args.explain), setup::colour(args.color));
    let mut narrator = Narrator::new(layout).forgetful();
    narrator.begin(reader.header());
    if let Some(title) = &reader.header().title {
        crate::cmd::written(writeln!(out, "{}\n", crate::wire::escape::visible(title.as_bytes())))?;
    }
    let mut told = Told { explainer: narrator.explainer(), layout, colour };
    let (filled, to_write) = sync_channel(WAITING);
    let (emptied, to_fill) = sync_channel(WAITING);
    let (written, followed) = std::thread::scope(|scope| {
        let following = scope.spawn(move || {
            let belt = Belt { filled, to_fill, batch: Batch::default() };
            follow(reader, narrator, belt, colour)
        });
        // Once writing fails nothing is taken any more, which ends the other side, too.
        let written = told.write(&mut out, to_write, emptied);
        (written, following.join())
    });
    let (bad, warning) = followed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let flushed = written.and_then(|()| out.flush());
    // These were met, whoever reads what is written.
    let status = files::tell_unreadable(&args.file, &bad);
    if let Err(error) = flushed {
        return crate::cmd::written(Err(error));
    }
    files::warn(&args.file, warning.as_deref());
    Ok(status)
}

/// Text on its way to whoever writes, and what is to be explained in between.
#[derive(Default)]
struct Batch {
    text: String,
    /// Each with where in the text it stands.
    asides: Vec<(usize, Aside)>,
}

enum Aside {
    Question(Box<Question>),
    Session(Box<Header>),
}

impl Batch {
    fn is_full(&self) -> bool {
        self.text.len() > FULL.0 || self.asides.len() > FULL.1
    }

    fn clear(&mut self) {
        self.text.clear();
        self.asides.clear();
    }
}

/// The batch being filled, and the way to whoever writes and back. Batches come back so that memory is given back on
/// the thread that took it: two that free what the other took wait for each other.
struct Belt {
    filled: SyncSender<Batch>,
    to_fill: Receiver<Batch>,
    batch: Batch,
}

impl Belt {
    /// Hands the batch on, and takes another. Whether somebody is there to take it: else writing has failed, and whoever
    /// writes says so.
    fn hand_on(&mut self) -> bool {
        let mut next = self.to_fill.try_recv().unwrap_or_default();
        next.clear();
        self.filled.send(std::mem::replace(&mut self.batch, next)).is_ok()
    }
}

/// Reads to the end, and hands on what is told. Says what could not be read, and what the reader warns of.
fn follow(
    mut reader: Reader<files::Input>,
    mut narrator: Narrator,
    mut belt: Belt,
    colour: bool,
) -> (Unreadable, Option<String>) {
    let mut bad = Unreadable::default();
    let mut entry = Entry::default();
    loop {
        match reader.read_into(&mut entry) {
            Ok(false) => break,
            Ok(true) => tell_entry(&mut belt.batch, &mut narrator, &entry, colour),
            // The rest is shown all the same.
            Err(error) => bad.note(error),
        }
        if belt.batch.is_full() && !belt.hand_on() {
            return (bad, None);
        }
    }
    belt.hand_on();
    (bad, reader.warning().map(str::to_owned))
}

/// Appends what is told of an entry.
fn tell_entry(batch: &mut Batch, narrator: &mut Narrator, entry: &Entry, colour: bool) {
    // Most lines of a long session are content: they are not worth the way over styled lines.
    if let Some(line) = entry.line().filter(|_| narrator.passes(entry)) {
        let out = &mut batch.text;
        paint_piece(out, Style::Label, entry.arrow(), colour);
        out.push(' ');
        line.push_visible(out);
        out.truncate(out.trim_end().len());
        out.push('\n');
        return;
    }
    for part in narrator.follow(entry, false) {
        match part {
            Part::Line(line) => {
                batch.text.push_str(&paint(&line, colour));
                batch.text.push('\n');
            }
            Part::Question(question) => batch.asides.push((batch.text.len(), Aside::Question(question))),
            Part::Session(header) => batch.asides.push((batch.text.len(), Aside::Session(header))),
        }
    }
}

/// The side that explains and writes.
struct Told {
    explainer: Explainer,
    layout: Layout,
    colour: bool,
}

impl Told {
    /// Writes all that comes, and gives it back.
    fn write(
        &mut self,
        out: &mut impl Write,
        to_write: Receiver<Batch>,
        emptied: SyncSender<Batch>,
    ) -> io::Result<()> {
        for batch in to_write {
            let mut written = 0;
            for (at, aside) in &batch.asides {
                out.write_all(batch.text.get(written..*at).unwrap_or_default().as_bytes())?;
                written = *at;
                match aside {
                    Aside::Session(header) => self.explainer.begin(header),
                    Aside::Question(question) => self.explain(out, question)?,
                }
            }
            out.write_all(batch.text.get(written..).unwrap_or_default().as_bytes())?;
            // Nobody wants it back once all is read.
            emptied.try_send(batch).ok();
        }
        Ok(())
    }

    fn explain(&mut self, out: &mut impl Write, question: &Question) -> io::Result<()> {
        for line in self.explainer.lines(question, self.layout) {
            writeln!(out, "{}", paint(&line, self.colour))?;
        }
        Ok(())
    }
}
