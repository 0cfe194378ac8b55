//! `heloise import`: a transcript out of what another tool printed.

use std::io::Write;

use crate::cli::ImportArgs;
use crate::report::{Problem, Status};
use crate::transcript::Writer;
use crate::transcript::import::{ImportError, Imported, import};

use super::files;
use super::suspicions::Suspicions;

/// Imports, and says on standard error what became of it.
pub fn run(args: &ImportArgs) -> Result<Status, Problem> {
    let input = files::open(&args.file, "read")?;
    let imported = import(input, args.from).map_err(|error| {
        let status = match error {
            ImportError::Read(_) | ImportError::TooLarge => Status::LocalFile,
            _ => Status::Usage,
        };
        Problem::new(status, format!("{}: {error}", files::name(&args.file)))
    })?;
    let mut out = files::output(args.output.as_deref())?;
    super::written(write(&mut out, &imported))?;
    super::complain(&Problem::new(Status::Ok, summary(&imported)));
    let mut suspicions = Suspicions::default();
    imported.entries.iter().for_each(|entry| suspicions.look(entry));
    suspicions.warn();
    Ok(Status::Ok)
}

fn write(out: &mut dyn Write, imported: &Imported) -> std::io::Result<()> {
    let mut writer = Writer::new(out, &imported.header)?;
    imported.entries.iter().try_for_each(|entry| writer.write(entry))
}

fn summary(imported: &Imported) -> String {
    let count = |number: usize, one: &str, more: &str| match number {
        0 => format!("no {more}"),
        1 => format!("1 {one}"),
        many => format!("{many} {more}"),
    };
    format!(
        "{} from {}; {} redacted, {} kept as comments",
        count(imported.entries.len(), "entry", "entries"),
        imported.source.name(),
        count(imported.redacted, "secret", "secrets"),
        count(imported.comments, "line", "lines"),
    )
}
