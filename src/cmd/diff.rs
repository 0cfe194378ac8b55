//! `heloise diff`: two transcripts side by side.

use std::io::Write;

use crate::cli::{Closeness, DiffArgs};
use crate::report::{Problem, Status};
use crate::target::{Host, Target};
use crate::transcript::Header;
use crate::transcript::diff::{Compare, diff, starttls_lost, write_json, write_unified};
use crate::transcript::turns::{Turn, turns};

use super::{files, setup};

impl From<Closeness> for Compare {
    fn from(closeness: Closeness) -> Compare {
        match closeness {
            Closeness::Code => Compare::Code,
            Closeness::Enhanced => Compare::Enhanced,
            Closeness::Text => Compare::Text,
        }
    }
}

/// Compares, and prints what differs.
pub fn run(args: &DiffArgs) -> Result<Status, Problem> {
    let (left_header, left) = files::whole(&args.left)?;
    let (right_header, right) = files::whole(&args.right)?;
    let (left, right) = (turns(&left), turns(&right));
    let found = diff(&left, &right, args.compare.into());
    let mut out = files::output(None)?;
    let names = (files::name(&args.left), files::name(&args.right));
    tell_unverified(&names.0, &left);
    tell_unverified(&names.1, &right);
    if starttls_lost(&left, &right) {
        let others = server(&left_header).zip(server(&right_header)).is_some_and(|(a, b)| a != b);
        super::complain(&Problem::starttls_lost(&names.0, &names.1, !others));
    }
    let written = match args.json {
        true => write_json(&mut out, &found),
        false => write_unified(&mut out, &found, (&names.0, &names.1), setup::colour(args.color)),
    };
    super::written(written.and_then(|()| out.flush()))?;
    Ok(if found.same() { Status::Ok } else { Status::Differs })
}

/// The host and port that a transcript names, where it does.
pub fn server(header: &Header) -> Option<(Host, u16)> {
    let target: Target = header.target.as_deref()?.parse().ok()?;
    Some((target.host, target.port))
}

/// Says that a session went on although nobody knows with whom, which every view of it has to say.
pub fn tell_unverified(name: &str, turns: &[Turn]) {
    if turns.iter().any(|turn| turn.verified == Some(false)) {
        let what =
            format!("{name}: the server's certificate was not verified; its replies may be somebody else's");
        super::complain(&Problem::new(Status::Ok, what));
    }
}
