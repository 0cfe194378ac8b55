//! `heloise play`: a transcript, told.

use std::io::{BufWriter, IsTerminal, Write};

use crate::cli::PlayArgs;
use crate::explain::render::Style;
use crate::narrate::Narrator;
#[cfg(unix)]
use crate::play::{self, Pace, Player};
use crate::repl::{paint, paint_piece};
use crate::report::{Problem, Status};
use crate::transcript::Entry;

use super::{files, setup};

/// Plays the transcript at a terminal, and shows the whole of it anywhere else.
pub fn run(args: &PlayArgs) -> Result<Status, Problem> {
    let terminals = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    match terminals && !args.no_timing && args.file.as_os_str() != "-" {
        true => watch(args),
        false => tell(args),
    }
}

/// With its timing, and keys. Lines that cannot be read are passed over, and named in the end.
#[cfg(unix)]
fn watch(args: &PlayArgs) -> Result<Status, Problem> {
    let mut reader = files::reader(&args.file)?;
    let (mut entries, mut bad) = (Vec::new(), Vec::new());
    for read in reader.by_ref() {
        match read {
            Ok(entry) => entries.push(entry),
            Err(error) => bad.push(files::unreadable(&args.file, &error)),
        }
    }
    let pace = Pace { speed: args.speed, idle_limit: args.idle_limit };
    let mut player = Player::new(reader.header().clone(), entries, setup::layout(args.explain), pace);
    let ended = super::block_on(async {
        let playing = play::terminal::play(&mut player, setup::colour(args.color)).await;
        playing.map_err(|error| Problem::new(Status::Usage, format!("cannot play on this terminal: {error}")))
    })?;
    let status = bad.iter().fold(Status::Ok, |_, problem| super::complain(problem));
    files::warn(&args.file, reader.warning());
    Ok(ended.map_or(status, Status::Signal))
}

#[cfg(not(unix))]
fn watch(args: &PlayArgs) -> Result<Status, Problem> {
    tell(args)
}

/// Appends the lines of an entry.
fn tell_entry(out: &mut String, narrator: &mut Narrator, entry: &Entry, colour: bool) {
    // Most lines of a long session are content: they are not worth the way over styled lines.
    if let Some(line) = entry.line().filter(|_| narrator.passes(entry)) {
        paint_piece(out, Style::Label, entry.arrow(), colour);
        out.push(' ');
        line.push_visible(out);
        out.truncate(out.trim_end().len());
        out.push('\n');
        return;
    }
    for line in narrator.entry(entry, false) {
        out.push_str(&paint(&line, colour));
        out.push('\n');
    }
}

/// Shows the whole transcript.
fn tell(args: &PlayArgs) -> Result<Status, Problem> {
    let mut out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    let mut reader = files::reader(&args.file)?;
    let colour = setup::colour(args.color);
    let mut narrator = Narrator::new(setup::layout(args.explain)).forgetful();
    narrator.begin(reader.header());
    if let Some(title) = &reader.header().title {
        super::written(writeln!(out, "{}\n", crate::wire::escape::visible(title.as_bytes())))?;
    }
    let (mut status, mut text) = (Status::Ok, String::new());
    let mut entry = Entry::default();
    loop {
        match reader.read_into(&mut entry) {
            Ok(false) => break,
            Ok(true) => {
                text.clear();
                tell_entry(&mut text, &mut narrator, &entry, colour);
                if let Err(error) = out.write_all(text.as_bytes()) {
                    return super::written(Err(error));
                }
            }
            // The rest is shown all the same.
            Err(error) => {
                status = super::complain(&files::unreadable(&args.file, &error));
            }
        }
    }
    super::written(out.flush())?;
    files::warn(&args.file, reader.warning());
    Ok(status)
}
