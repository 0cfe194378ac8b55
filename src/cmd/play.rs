//! `heloise play`: a transcript, told.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};

use crate::cli::PlayArgs;
use crate::narrate::Narrator;
use crate::repl::paint;
use crate::report::{Problem, Status};
use crate::transcript::Reader;

use super::setup;

/// Shows the whole transcript.
pub fn run(args: &PlayArgs) -> Result<Status, Problem> {
    let input: Box<dyn BufRead> = if args.file.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&args.file)
            .map_err(|error| Problem::file("read the transcript", &args.file, &error))?;
        Box::new(BufReader::with_capacity(64 * 1024, file))
    };
    let out = BufWriter::with_capacity(64 * 1024, std::io::stdout().lock());
    tell(input, out, args)
}

fn tell(input: Box<dyn BufRead>, mut out: impl Write, args: &PlayArgs) -> Result<Status, Problem> {
    let shown = crate::wire::escape::visible(args.file.as_os_str().as_encoded_bytes());
    let bad =
        |error: crate::transcript::ReadError| Problem::new(Status::LocalFile, format!("{shown}: {error}"));
    let mut reader = Reader::new(input).map_err(bad)?;
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
                status = super::complain(&bad(error));
            }
        }
    }
    super::written(out.flush())?;
    if let Some(warning) = reader.warning() {
        super::complain(&Problem::new(Status::Ok, format!("{shown}: {warning}")));
    }
    Ok(status)
}
