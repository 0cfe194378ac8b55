//! `heloise play`: a transcript, told.

mod whole;

use std::io::IsTerminal;

use crate::cli::PlayArgs;
#[cfg(unix)]
use crate::play::{self, Pace, Player};
use crate::report::{Problem, Status};
#[cfg(unix)]
use crate::transcript::Unreadable;

use super::{files, setup};

/// Plays the transcript at a terminal, and shows the whole of it anywhere else.
pub fn run(args: &PlayArgs) -> Result<Status, Problem> {
    let terminals = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    match terminals && !args.no_timing && args.file.as_os_str() != "-" {
        true => watch(args),
        false => whole::tell(args),
    }
}

/// With its timing, and keys. Lines that cannot be read are passed over, and named in the end.
#[cfg(unix)]
fn watch(args: &PlayArgs) -> Result<Status, Problem> {
    let mut reader = files::reader(&args.file)?;
    let (mut entries, mut bad) = (Vec::new(), Unreadable::default());
    for read in reader.by_ref() {
        match read {
            Ok(entry) => entries.push(entry),
            Err(error) => bad.note(error),
        }
    }
    let pace = Pace { speed: args.speed, idle_limit: args.idle_limit };
    let mut player = Player::new(reader.header().clone(), entries, setup::layout(args.explain), pace);
    let ended = super::block_on(async {
        let playing = play::terminal::play(&mut player, setup::colour(args.color)).await;
        playing.map_err(|error| Problem::new(Status::Usage, format!("cannot play on this terminal: {error}")))
    })?;
    let status = files::tell_unreadable(&args.file, &bad);
    files::warn(&args.file, reader.warning());
    Ok(ended.map_or(status, Status::Signal))
}

#[cfg(not(unix))]
fn watch(args: &PlayArgs) -> Result<Status, Problem> {
    whole::tell(args)
}
