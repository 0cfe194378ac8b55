//! `heloise play`: a transcript, told.

use std::io::{BufWriter, Write};

use crate::cli::PlayArgs;
use crate::narrate::Narrator;
use crate::repl::paint;
use crate::report::{Problem, Status};

use super::{files, setup};

/// Shows the whole transcript.
pub fn run(args: &PlayArgs) -> Result<Status, Problem> {
    let mut out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    let mut reader = files::reader(&args.file)?;
    let colour = setup::colour(args.color);
    let mut narrator = Narrator::new(setup::layout(args.explain));
    narrator.begin(reader.header());
    if let Some(title) = &reader.header().title {
        super::written(writeln!(out, "{}\n", crate::wire::escape::visible(title.as_bytes())))?;
    }
    let mut status = Status::Ok;
    loop {
        match reader.next_entry() {
            Ok(None) => break,
            Ok(Some(entry)) => {
                for line in narrator.entry(&entry, false) {
                    if let Err(error) = writeln!(out, "{}", paint(&line, colour)) {
                        return super::written(Err(error));
                    }
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
